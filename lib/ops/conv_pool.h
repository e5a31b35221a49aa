/* Max-pooling inside a convolution, over a few rows that are still in the cache. */
#ifndef CNN_OPS_CONV_POOL_H
#define CNN_OPS_CONV_POOL_H

#include <stdbool.h>
#include <stddef.h>

enum {
  CNN__POOL_CELLS = 254, /* the largest window: a code is one byte */
  CNN__POOL_NONE = 255   /* code of a window whose ReLU lets no gradient pass */
};

typedef struct cnn__conv_pool {
  size_t height, width; /* of the window */
  size_t columns;       /* windows side by side */
  size_t channels;
  size_t pitch; /* floats, and codes, from one pooled cell to the next */
  bool relu;    /* the rows are a ReLU's result: no gradient where the maximum is not > 0 */
} cnn__conv_pool;

/* rows: height x (columns * width) cells of channels floats. y: columns cells. codes: the winner's
   index in its window, row-major (the first maximum; NaN wins over all); NULL: not wanted. */
void cnn__conv_pool_forward(const cnn__conv_pool *pool, const float *rows, float *y,
                            unsigned char *codes);

/* The reverse: rows gets dy where the code says so, and 0 elsewhere. */
void cnn__conv_pool_backward(const cnn__conv_pool *pool, const float *dy,
                             const unsigned char *codes, float *rows);

#endif
