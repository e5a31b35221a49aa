#define _DEFAULT_SOURCE /* madvise */
#include "base/allocator.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* A plan's memory is walked in long strides, each on another page; fewer, larger pages spare the
   processor looking them up. A wish: where it is not granted nothing is lost. */
static void prefer_large_pages(void *memory, size_t bytes) {
#ifdef MADV_HUGEPAGE
  enum { LEAST = 4 << 20, PAGE = 2 << 20 };
  if (bytes < LEAST) return;
  const size_t before = (size_t)(-(uintptr_t)memory % PAGE);
  const size_t whole = (bytes - before) / PAGE * PAGE;
  const int kept = errno;
  (void)madvise((char *)memory + before, whole, MADV_HUGEPAGE);
  errno = kept;
#else
  (void)memory, (void)bytes;
#endif
}

static void *allocate(void *user, size_t bytes, size_t alignment) {
  void *memory = NULL;
  if (posix_memalign(&memory, alignment, bytes) != 0) return NULL;
  prefer_large_pages(memory, bytes);
  return memory;
}

static void release(void *user, void *memory) {
  free(memory);
}

const cnn_allocator cnn__libc_allocator = {
    .struct_size = sizeof(cnn_allocator), .allocate = allocate, .release = release};
