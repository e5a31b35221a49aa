/* Bytes that grow: a file, before it is written. */
#ifndef CNN_PLOT_BYTES_H
#define CNN_PLOT_BYTES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cnn__bytes {
  unsigned char *data;
  size_t size, capacity;
  bool failed; /* an allocation; later appends do nothing */
} cnn__bytes;
void cnn__bytes_append(cnn__bytes *bytes, const unsigned char *data, size_t size);

#endif
