/* Inside convolution: what an algorithm is, and what the algorithms share. */
#ifndef CNN_OPS_CONV_ALGORITHM_H
#define CNN_OPS_CONV_ALGORITHM_H

#include "base/size.h"
#include "ops/conv.h"
#include "ops/conv_gather.h"

typedef struct cnn__conv_algorithm {
  /* Whether this algorithm computes the shape at all, its pooling included. */
  bool (*accepts)(const cnn__conv_shape *shape, const cnn__conv_mode *mode);
  /* Fills in the sizes and parameters. False on overflow. */
  bool (*plan)(cnn__conv *conv);
  void (*prepare)(const cnn__conv *conv, cnn_context *context, const float *kernel,
                  float *prepared);
  void (*forward)(const cnn__conv *conv, cnn_context *context, size_t images,
                  const cnn__conv_buffers *buffers);
  void (*backward)(const cnn__conv *conv, cnn_context *context, size_t images,
                   const cnn__conv_buffers *buffers);
} cnn__conv_algorithm;

extern const cnn__conv_algorithm cnn__conv_direct, cnn__conv_winograd, cnn__conv_depthwise;

/* Places count items of size bytes at the next 64-byte boundary of a buffer of *total bytes so
   far. False on overflow. */
bool cnn__conv_place(size_t *total, size_t count, size_t size, size_t *offset);

/* Rows of a task, at most most of height, where there are no other tasks: a power of two of them, which threads
   share evenly. */
size_t cnn__conv_even_rows(size_t height, size_t most);

/* Some tasks of one kind; body as in cnn__parallel_for. */
typedef struct cnn__conv_tasks {
  size_t count;
  void (*body)(void *argument, size_t task, size_t slot);
  void *argument;
} cnn__conv_tasks;

/* Runs few long tasks and many short ones, none of which needs another, in one go: the long ones at even
   distances, so that no thread waits for the last of them. */
void cnn__conv_run_both(cnn_context *context, cnn__conv_tasks few, cnn__conv_tasks many);

/* Reduces slices partial results of count floats (stride floats apart) into out, in the slices'
   order. */
void cnn__conv_sum_slices(cnn_context *context, size_t slices, size_t count, const float *partial,
                          size_t stride, float *out);

/* C = A * B for contiguous rows of A and a packed B, whose first depths lie at a and b: in even pieces of at most
   most depths. product says m, n, k, a_row and where C lies; what else it holds is overwritten. */
void cnn__conv_multiply(cnn__gemm *product, size_t most, const float *a, const float *b);

/* One slot's scratch. */
static inline void *cnn__conv_slot(const cnn__conv_buffers *buffers, size_t slot, size_t offset) {
  return (char *)buffers->slots + slot * buffers->slot_pitch + offset;
}

/* dy = y <= 0 ? 0 : dy, in place. */
void cnn__conv_mask_relu(const cnn__conv *conv, cnn_context *context, size_t images,
                         const cnn__conv_buffers *buffers);

/* Spreads pooled gradients out: of an image, rows [first, first + count) of dy, channels [channel,
   channel + n), to cells pitch floats apart. */
void cnn__conv_unpool(const cnn__conv *conv, const cnn__conv_buffers *buffers, size_t image,
                      size_t first, size_t count, size_t channel, size_t n, size_t pitch,
                      float *rows);

/* The forward pass as a gather, whose output is dense. */
cnn__gather cnn__conv_forward_gather(const cnn__conv_shape *shape);
/* The input's gradient as one; what it reads is the part of the output that counts. */
cnn__gather cnn__conv_backward_gather(const cnn__conv_shape *shape);

static inline bool cnn__conv_pooled(const cnn__conv_shape *shape) {
  return shape->pool_height > 0;
}

/* The result's size: pooled, where pooling is fused. */
static inline size_t cnn__conv_y_height(const cnn__conv_shape *shape) {
  return cnn__conv_pooled(shape) ? shape->out_height / shape->pool_height : shape->out_height;
}
static inline size_t cnn__conv_y_width(const cnn__conv_shape *shape) {
  return cnn__conv_pooled(shape) ? shape->out_width / shape->pool_width : shape->out_width;
}
static inline size_t cnn__conv_y_size(const cnn__conv_shape *shape) {
  return cnn__conv_y_height(shape) * cnn__conv_y_width(shape) * shape->out_channels;
}
/* The part of the convolution's output that counts: without the edge that pooling drops. */
static inline size_t cnn__conv_used_height(const cnn__conv_shape *shape) {
  return cnn__conv_pooled(shape) ? cnn__conv_y_height(shape) * shape->pool_height
                                 : shape->out_height;
}
static inline size_t cnn__conv_used_width(const cnn__conv_shape *shape) {
  return cnn__conv_pooled(shape) ? cnn__conv_y_width(shape) * shape->pool_width : shape->out_width;
}
static inline size_t cnn__conv_x_size(const cnn__conv_shape *shape) {
  return shape->in_height * shape->in_width * shape->in_channels;
}
static inline size_t cnn__conv_group_in(const cnn__conv_shape *shape) {
  return shape->in_channels / shape->groups;
}
static inline size_t cnn__conv_group_out(const cnn__conv_shape *shape) {
  return shape->out_channels / shape->groups;
}
static inline size_t cnn__conv_taps(const cnn__conv_shape *shape) {
  return shape->kernel_height * shape->kernel_width;
}
static inline size_t cnn__conv_kernel_size(const cnn__conv_shape *shape) {
  return cnn__conv_taps(shape) * cnn__conv_group_in(shape) * shape->out_channels;
}

#endif
