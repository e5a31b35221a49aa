/* Max-pooling inside a convolution, over a few rows that are still in the cache. */
#ifndef CNN_KERNELS_CONVOLUTION_POOLING_H
#define CNN_KERNELS_CONVOLUTION_POOLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  CNN__POOL_CELLS = 254, /* the largest window: a code is one byte */
  CNN__POOL_NONE = 255   /* code of a window whose ReLU lets no gradient pass */
};

/* A row of windows side by side. */
typedef struct cnn__window_row {
  size_t height, width; /* of a window */
  size_t columns;       /* windows */
  size_t channels;
  size_t cell;  /* floats from one cell of rows to the next: channels at least */
  size_t pitch; /* floats, and codes, from one pooled cell to the next */
  bool relu;    /* the cells are a ReLU's result: no gradient where the maximum is <= 0 */
} cnn__window_row;

typedef struct cnn__window_kernels {
  /* rows: height x (columns * width) cells. y: columns cells. codes: the winner's
     index in its window, row-major (the first maximum; NaN wins over all); NULL: not wanted. */
  void (*pool)(const cnn__window_row *windows, const float *rows, float *y, uint8_t *codes);
  /* The reverse: rows gets dy where the code says so, and 0 elsewhere. */
  void (*spread)(const cnn__window_row *windows, const float *dy, const uint8_t *codes,
                 float *rows);
} cnn__window_kernels;

#endif
