/* Pooling over NHWC images. The contract common to all: kernels/elementwise.h. */
#ifndef CNN_KERNELS_ELEMENTWISE_POOLING_H
#define CNN_KERNELS_ELEMENTWISE_POOLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Neighbouring output cells of one row whose windows have the same size. A window's cell (r, c) of
   output cell i begins at x[i * step + r * row + c * channels], and its position is
   position + i * position_step + r * position_row + c. */
typedef struct cnn__pool_run {
  size_t cells, channels;
  size_t rows, columns; /* of a window, real cells only; not 0 */
  size_t row, step;     /* in floats */
  uint32_t position, position_row, position_step;
  bool accumulate; /* backward: windows overlap, so add to dx; else set it */
} cnn__pool_run;

typedef struct cnn__pooling_kernels {
  /* The first maximum in row-major order wins; the first NaN wins over all. positions may be NULL.
     y and positions: cells x channels. No output may overlap x. */
  void (*max_pool)(const cnn__pool_run *run, const float *x, float *y, uint32_t *positions);
  /* dx (+)= dy where the window's position won, 0 elsewhere: cells in order. */
  void (*max_pool_backward)(const cnn__pool_run *run, const float *dy, const uint32_t *positions,
                            float *dx);
  /* Each window row is summed in order, then the rows in order, then divided by the real cells. */
  void (*average_pool)(const cnn__pool_run *run, const float *x, float *y);
  /* dx (+)= dy / real cells: cells in order. */
  void (*average_pool_backward)(const cnn__pool_run *run, const float *dy, float *dx);
} cnn__pooling_kernels;

#endif
