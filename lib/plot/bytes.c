#include "plot/bytes.h"
#include <stdlib.h>
#include <string.h>

void cnn__bytes_append(cnn__bytes *bytes, const unsigned char *data, size_t size) {
  if (bytes->failed || size == 0) return;
  if (size > bytes->capacity - bytes->size) {
    size_t capacity = bytes->capacity * 2 + size + 4096;
    unsigned char *grown = realloc(bytes->data, capacity);
    bytes->failed = grown == NULL;
    if (bytes->failed) return;
    bytes->data = grown;
    bytes->capacity = capacity;
  }
  memcpy(bytes->data + bytes->size, data, size);
  bytes->size += size;
}
