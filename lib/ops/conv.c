/* What every convolution shares: the choice of an algorithm, and its entry points. */
#include "base/threads.h"
#include "ops/conv_algorithm.h"
#include "ops/conv_pool.h"

/* In the order of preference: the first that accepts a shape computes it. */
static const struct {
  const char *name;
  const cnn__conv_algorithm *algorithm;
} algorithms[] = {
    {"winograd", &cnn__conv_winograd},
    {"direct", &cnn__conv_direct},
};

cnn_status cnn__conv_plan(const cnn__conv_shape *shape, const cnn__conv_mode *mode,
                          cnn__conv *conv) {
  size_t i = 0;
  while (!algorithms[i].algorithm->accepts(shape, mode))
    i++; /* the last one takes every shape */
  *conv = (cnn__conv){.shape = *shape,
                      .mode = *mode,
                      .algorithm = algorithms[i].algorithm,
                      .name = algorithms[i].name};
  if (conv->algorithm->plan(conv)) return CNN_OK;
  return cnn__fail(CNN_E_LIMIT,
                   "convolution of %zu images of %zux%zux%zu to %zux%zux%zu: its buffers' size "
                   "overflows",
                   shape->batch, shape->in_height, shape->in_width, shape->in_channels,
                   shape->out_height, shape->out_width, shape->out_channels);
}

bool cnn__conv_can_pool(const cnn__conv_shape *shape, const cnn__conv_mode *mode,
                        size_t pool_height, size_t pool_width) {
  if (pool_height == 0 || pool_width == 0 || pool_height > shape->out_height ||
      pool_width > shape->out_width || pool_height > CNN__POOL_CELLS / pool_width)
    return false;
  /* Taken in only by the algorithm that would compute the shape without the pooling: so what is
     fused changes no bit. */
  cnn__conv_shape pooled = *shape, plain = *shape;
  plain.pool_height = plain.pool_width = 0;
  pooled.pool_height = pool_height;
  pooled.pool_width = pool_width;
  for (size_t i = 0;; i++)
    if (algorithms[i].algorithm->accepts(&plain, mode))
      return algorithms[i].algorithm->accepts(&pooled, mode);
}

void cnn__conv_prepare(const cnn__conv *conv, cnn_context *context, const float *kernel,
                       float *prepared) {
  conv->algorithm->prepare(conv, context, kernel, prepared);
}

void cnn__conv_forward(const cnn__conv *conv, cnn_context *context, size_t images,
                       const cnn__conv_buffers *buffers) {
  if (images) conv->algorithm->forward(conv, context, images, buffers);
}

void cnn__conv_backward(const cnn__conv *conv, cnn_context *context, size_t images,
                        const cnn__conv_buffers *buffers) {
  if (images) conv->algorithm->backward(conv, context, images, buffers);
}

double cnn__conv_flops(const cnn__conv_shape *shape) {
  return 2.0 * (double)shape->out_height * (double)shape->out_width * (double)shape->out_channels *
         (double)cnn__conv_taps(shape) * (double)cnn__conv_group_in(shape);
}

bool cnn__conv_place(size_t *total, size_t count, size_t size, size_t *offset) {
  size_t bytes;
  if (!cnn__size_round_up(*total, 64, offset) || !cnn__size_mul(count, size, &bytes)) return false;
  return cnn__size_add(*offset, bytes, total);
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
  const size_t begin = task * SUM_BLOCK, end = cnn__size_min(begin + SUM_BLOCK, job->count);
  for (size_t i = begin; i < end; i++)
    job->out[i] = job->partial[i];
  for (size_t slice = 1; slice < job->slices; slice++)
    for (size_t i = begin; i < end; i++)
      job->out[i] += job->partial[slice * job->stride + i];
}

void cnn__conv_sum_slices(cnn_context *context, size_t slices, size_t count, const float *partial,
                          size_t stride, float *out) {
  slices_job job = {slices, count, stride, partial, out};
  cnn__parallel_for(context, cnn__size_ceil_div(count, SUM_BLOCK), sum_block, &job);
}
