/* What the convolution algorithms share: pieces of their plans, of their products and of their ways back. */
#include "ops/conv_algorithm.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "ops/activation.h"
#include <string.h>

bool cnn__conv_place(size_t *total, size_t count, size_t size, size_t *offset) {
  size_t bytes;
  if (!cnn__size_round_up(*total, 64, offset) || !cnn__size_mul(count, size, &bytes)) return false;
  return cnn__size_add(*offset, bytes, total);
}

size_t cnn__conv_even_rows(size_t height, size_t most) {
  const size_t cuts = cnn__size_ceil_div(height, most);
  size_t even = 1;
  while (even < cuts && even < height)
    even *= 2;
  return cnn__size_ceil_div(height, even);
}

typedef struct both_job {
  cnn__conv_tasks few, many;
  size_t distance;
} both_job;

static void run_one(void *argument, size_t task, size_t slot) {
  const both_job *job = argument;
  const size_t few = cnn__size_min(cnn__size_ceil_div(task, job->distance), job->few.count);
  if (few < job->few.count && few * job->distance == task)
    job->few.body(job->few.argument, few, slot);
  else
    job->many.body(job->many.argument, task - few, slot);
}

void cnn__conv_run_both(cnn_context *context, cnn__conv_tasks few, cnn__conv_tasks many) {
  const size_t all = few.count + many.count;
  both_job job = {few, many, all / cnn__size_max(few.count, 1)};
  cnn__parallel_for(context, all, run_one, &job);
}

enum { SUM_BLOCK = 2048 };

typedef struct slices_job {
  size_t slices, count, stride;
  const float *partial;
  float *out;
} slices_job;

static void sum_block(void *argument, size_t task, size_t slot) {
  (void)slot;
  const slices_job *job = argument;
  const size_t begin = task * SUM_BLOCK, count = cnn__size_min(SUM_BLOCK, job->count - begin);
  const float *partial = job->partial + begin;
  float *out = job->out + begin;
  memcpy(out, partial, count * sizeof *out);
  for (size_t slice = 1; slice < job->slices; slice++)
    cnn__kernels_get()->elementwise.arithmetic.add(count, out, partial + slice * job->stride, out);
}

void cnn__conv_sum_slices(cnn_context *context, size_t slices, size_t count, const float *partial,
                          size_t stride, float *out) {
  slices_job job = {slices, count, stride, partial, out};
  cnn__parallel_for(context, cnn__size_ceil_div(count, SUM_BLOCK), sum_block, &job);
}

void cnn__conv_multiply(cnn__gemm *product, size_t most, const float *a, const float *b) {
  const size_t all = product->k, depths = cnn__size_even_part(all, most);
  product->batch = 1;
  product->a = &a;
  product->a_depth = 1;
  product->b = &b;
  product->b_row = CNN__PANEL;
  product->b_panel = (ptrdiff_t)(CNN__PANEL * all);
  for (size_t depth = 0; depth < all; depth += depths) {
    product->k = cnn__size_min(depths, all - depth);
    product->accumulate = depth > 0;
    cnn__kernels_get()->gemm.gemm(product);
    a += product->k;
    b += product->k * CNN__PANEL;
  }
}

void cnn__conv_mask_relu(const cnn__conv *conv, cnn_context *context, size_t images,
                         const cnn__conv_buffers *buffers) {
  const size_t count = images * cnn__conv_y_size(&conv->shape);
  cnn__activation_backward(context, CNN_RELU, 0, count, NULL, buffers->y, buffers->dy, buffers->dy);
}

void cnn__conv_unpool(const cnn__conv *conv, const cnn__conv_buffers *buffers, size_t image,
                      size_t first, size_t count, size_t channel, size_t n, size_t pitch,
                      float *rows) {
  const cnn__conv_shape *shape = &conv->shape;
  const cnn__window_row pool = {.height = shape->pool_height,
                                .width = shape->pool_width,
                                .columns = cnn__conv_y_width(shape),
                                .channels = n,
                                .cell = pitch,
                                .pitch = shape->out_channels};
  const size_t y_row = pool.columns * pool.pitch;
  size_t at = image * cnn__conv_y_size(shape) + first * y_row + channel;
  for (size_t row = 0; row < count; row++, at += y_row) {
    cnn__kernels_get()->convolution.windows.spread(&pool, buffers->dy + at, buffers->saved + at,
                                                   rows);
    rows += pool.height * pool.columns * pool.width * pitch;
  }
}

cnn__gather cnn__conv_forward_gather(const cnn__conv_shape *shape) {
  return (cnn__gather){.rows = {.inputs = shape->in_height,
                                .taps = shape->kernel_height,
                                .stride = shape->stride_height,
                                .dilation = shape->dilation_height,
                                .pad = shape->pad_top},
                       .columns = {.inputs = shape->in_width,
                                   .taps = shape->kernel_width,
                                   .stride = shape->stride_width,
                                   .dilation = shape->dilation_width,
                                   .pad = shape->pad_left},
                       .input_pitch = shape->in_channels,
                       .depth = cnn__conv_group_in(shape),
                       .whole = shape->groups == 1,
                       .output_row = (ptrdiff_t)(shape->out_width * shape->out_channels),
                       .output_column = (ptrdiff_t)shape->out_channels};
}

cnn__gather cnn__conv_backward_gather(const cnn__conv_shape *shape) {
  return (cnn__gather){.rows = {.inputs = cnn__conv_used_height(shape),
                                .taps = shape->kernel_height,
                                .stride = shape->stride_height,
                                .dilation = shape->dilation_height,
                                .pad = shape->pad_top,
                                .transposed = true},
                       .columns = {.inputs = cnn__conv_used_width(shape),
                                   .taps = shape->kernel_width,
                                   .stride = shape->stride_width,
                                   .dilation = shape->dilation_width,
                                   .pad = shape->pad_left,
                                   .transposed = true},
                       .input_pitch = shape->out_channels,
                       .depth = cnn__conv_group_out(shape),
                       .whole = shape->groups == 1,
                       .output_row = (ptrdiff_t)(shape->in_width * shape->in_channels),
                       .output_column = (ptrdiff_t)shape->in_channels};
}
