#include "base/file.h"
#include "base/size.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cnn__text_start(cnn__text *text, cnn_context *context) {
  *text = (cnn__text){.context = context};
}

/* Room for size more bytes and the NUL. */
static bool reserve(cnn__text *text, size_t size) {
  if (text->status) return false;
  size_t needed;
  if (!cnn__size_add(text->size, size, &needed) || !cnn__size_add(needed, 1, &needed)) {
    text->status =
        cnn__fail(CNN_E_NOMEM, "out of memory: a text of %zu and %zu bytes", text->size, size);
    return false;
  }
  if (needed <= text->capacity) return true;
  size_t capacity = cnn__size_max(needed, 256);
  if (text->capacity <= SIZE_MAX / 2) capacity = cnn__size_max(capacity, text->capacity * 2);
  char *bytes = cnn__realloc_array(text->context, text->bytes, capacity, 1, "a text");
  if (!bytes) {
    text->status = CNN_E_NOMEM;
    return false;
  }
  text->bytes = bytes;
  text->capacity = capacity;
  return true;
}

void cnn__text_append(cnn__text *text, const char *bytes, size_t size) {
  if (!reserve(text, size)) return;
  if (size > 0) memcpy(text->bytes + text->size, bytes, size);
  text->size += size;
  text->bytes[text->size] = 0;
}

void cnn__text_format(cnn__text *text, const char *format, ...) {
  if (!reserve(text, 0)) return;
  va_list arguments;
  va_start(arguments, format);
  size_t room = text->capacity - text->size;
  int length = vsnprintf(text->bytes + text->size, room, format, arguments);
  va_end(arguments);
  if (length >= 0 && (size_t)length >= room) {
    text->bytes[text->size] = 0;
    if (!reserve(text, (size_t)length)) return;
    va_start(arguments, format);
    length = vsnprintf(text->bytes + text->size, text->capacity - text->size, format, arguments);
    va_end(arguments);
  }
  if (length < 0)
    text->status = cnn__fail(CNN_E_INTERNAL, "the format \"%s\" cannot be written", format);
  else
    text->size += (size_t)length;
}

void cnn__text_free(cnn__text *text) {
  cnn__free(text->context, text->bytes);
  cnn__text_start(text, text->context);
}
