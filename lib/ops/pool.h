/* Pooling over NHWC buffers, split over threads by image. */
#ifndef CNN_OPS_POOL_H
#define CNN_OPS_POOL_H

#include "base/context.h"

typedef struct cnn__pool_shape {
  size_t in_height, in_width, channels;
  size_t out_height, out_width;
  size_t pool_height, pool_width;
  size_t stride_height, stride_width;
  size_t pad_top, pad_left;
} cnn__pool_shape;

/* The first maximum in row-major order wins; NaN wins over all. positions (out cells x uint32_t: offset of the winner
   within its image's input plane as row * in_width + column) may be NULL in inference. */
void cnn__max_pool_forward(const cnn__pool_shape *shape, cnn_context *context, size_t images,
                           const float *x, float *y, uint32_t *positions);
void cnn__max_pool_backward(const cnn__pool_shape *shape, cnn_context *context, size_t images,
                            const float *dy, const uint32_t *positions, float *dx);
/* Divides by the number of real cells, as TensorFlow does under "same". */
void cnn__average_pool_forward(const cnn__pool_shape *shape, cnn_context *context, size_t images,
                               const float *x, float *y);
void cnn__average_pool_backward(const cnn__pool_shape *shape, cnn_context *context, size_t images,
                                const float *dy, float *dx);

#endif
