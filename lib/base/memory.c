#include "base/context_struct.h"
#include "base/size.h"
#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Stands before each block, as wide as the alignment that it must not disturb. */
enum { ALIGNMENT = 64, HEADER = ALIGNMENT };
typedef struct header {
  size_t bytes;
  cnn_context *context;
} header;
_Static_assert(sizeof(header) <= HEADER, "the header fits before a block");

static header *header_of(void *pointer) {
  return (header *)(void *)((char *)pointer - HEADER);
}

static bool count(cnn_context *context, size_t bytes) {
  uint64_t limit = context->options.max_memory;
  uint64_t held = atomic_load_explicit(&context->held, memory_order_relaxed);
  do {
    if (limit && (held > limit || bytes > limit - held)) return false;
  } while (!atomic_compare_exchange_weak(&context->held, &held, held + bytes));
  return true;
}

static void uncount(cnn_context *context, size_t bytes) {
  atomic_fetch_sub(&context->held, bytes);
}

static void *fail_nomem(size_t bytes, const char *what) {
  cnn__fail(CNN_E_NOMEM, "out of memory: %zu bytes for %s", bytes, what);
  return NULL;
}

static void *fail_count(size_t elements, size_t size, const char *what) {
  cnn__fail(CNN_E_NOMEM, "out of memory: %zu times %zu bytes for %s", elements, size, what);
  return NULL;
}

void *cnn__alloc(cnn_context *context, size_t bytes, const char *what) {
  size_t total;
  if (!cnn__size_add(bytes, HEADER, &total) || total > PTRDIFF_MAX) return fail_nomem(bytes, what);
  if (!count(context, bytes)) {
    cnn__fail(CNN_E_NOMEM,
              "out of memory: %zu bytes for %s; the context holds %llu of at most %llu", bytes,
              what, (unsigned long long)atomic_load(&context->held),
              (unsigned long long)context->options.max_memory);
    return NULL;
  }
  char *block = context->allocator.allocate(context->allocator.user, total, ALIGNMENT);
  if (block && (uintptr_t)block % ALIGNMENT == 0) {
    *(header *)(void *)block = (header){.bytes = bytes, .context = context};
    return block + HEADER;
  }
  uncount(context, bytes);
  if (!block) return fail_nomem(bytes, what);
  context->allocator.release(context->allocator.user, block);
  cnn__fail(CNN_E_INVALID, "the lent allocator gave memory that is not aligned to %d bytes",
            ALIGNMENT);
  return NULL;
}

void *cnn__alloc_array(cnn_context *context, size_t elements, size_t size, const char *what) {
  size_t bytes;
  if (!cnn__size_mul(elements, size, &bytes)) return fail_count(elements, size, what);
  return cnn__alloc(context, bytes, what);
}

void *cnn__calloc_array(cnn_context *context, size_t elements, size_t size, const char *what) {
  void *pointer = cnn__alloc_array(context, elements, size, what);
  if (pointer) memset(pointer, 0, elements * size);
  return pointer;
}

void *cnn__realloc_array(cnn_context *context, void *old, size_t elements, size_t size,
                         const char *what) {
  void *pointer = cnn__alloc_array(context, elements, size, what);
  if (pointer && old) {
    memcpy(pointer, old, cnn__size_min(elements * size, header_of(old)->bytes));
    cnn__free(context, old);
  }
  return pointer;
}

void cnn__free(cnn_context *context, void *pointer) {
  if (!pointer) return;
  header *block = header_of(pointer);
  assert(block->context == context);
  uncount(context, block->bytes);
  context->allocator.release(context->allocator.user, block);
}

char *cnn__strdup(cnn_context *context, const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = cnn__alloc(context, size, "a text");
  if (copy) memcpy(copy, text, size);
  return copy;
}

char *cnn__format(cnn_context *context, const char *format, ...) {
  char most[256]; /* of what is written fits here, and is written once */
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(most, sizeof most, format, arguments);
  va_end(arguments);
  if (length < 0) {
    cnn__fail(CNN_E_INTERNAL, "the format \"%s\" cannot be written", format);
    return NULL;
  }
  size_t size = (size_t)length + 1;
  char *text = cnn__alloc(context, size, "a text");
  if (!text) return NULL;
  if (size <= sizeof most) return memcpy(text, most, size);
  va_start(arguments, format);
  (void)vsnprintf(text, size, format, arguments);
  va_end(arguments);
  return text;
}
