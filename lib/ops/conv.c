/* Convolution's entry points, and the choice of an algorithm, which then does the work. */
#include "ops/activation.h"
#include "ops/conv_algorithm.h"

/* In the order of preference: the first that accepts a shape computes it. */
static const struct {
  const char *name;
  const cnn__conv_algorithm *algorithm;
} algorithms[] = {
    {"winograd", &cnn__conv_winograd},
    {"depthwise", &cnn__conv_depthwise},
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
  if (conv->algorithm->plan(conv) && cnn__size_round_up(conv->slot_size, 64, &conv->slot_size))
    return CNN_OK;
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
  if (images == 0) return;
  conv->algorithm->forward(conv, context, images, buffers);
  if (!conv->shape.relu6 || conv->clips) return;
  const size_t count = images * cnn__conv_y_size(&conv->shape); /* ReLU once more does no harm */
  cnn__activation_forward(context, CNN_RELU6, 0, count, buffers->y, buffers->y);
}

void cnn__conv_backward(const cnn__conv *conv, cnn_context *context, size_t images,
                        const cnn__conv_buffers *buffers) {
  if (images) conv->algorithm->backward(conv, context, images, buffers);
}

double cnn__conv_flops(const cnn__conv_shape *shape) {
  return 2.0 * (double)shape->out_height * (double)shape->out_width * (double)shape->out_channels *
         (double)cnn__conv_taps(shape) * (double)cnn__conv_group_in(shape);
}
