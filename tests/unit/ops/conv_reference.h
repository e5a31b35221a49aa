/* What the convolution tests share: shapes, buffers, and plain loops in double precision that say
   what is right. */
#ifndef TESTS_CONV_REFERENCE_H
#define TESTS_CONV_REFERENCE_H

#include "ops/conv.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct sample {
  cnn__conv_shape shape;
  cnn__conv_mode mode;
  size_t images;
  size_t x_size, y_size, kernel_size; /* one image's, pooled; all */
  float *x, *kernel, *bias, *y, *dy, *dx, *dkernel, *dbias;
  double *true_y, *true_dx, *true_dkernel, *true_dbias;
} sample;

static uint64_t random_state = 1;
static inline uint32_t random_number(void) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(random_state >> 33);
}
static inline size_t random_size(size_t low, size_t high) {
  return low + random_number() % (high - low + 1);
}
static inline float random_float(void) {
  return (float)random_number() / (float)(1u << 30) - 1;
}

static inline void *memory(size_t count, size_t size) {
  void *p = aligned_alloc(64, (count * size + 64 + 63) / 64 * 64);
  assert_non_null(p);
  memset(p, 0x7f,
         count * size + 64); /* floats of 3.4e38: nothing may be read before it is written */
  return p;
}
static inline float *random_floats(size_t count) {
  float *p = memory(count, sizeof *p);
  for (size_t i = 0; i < count; i++)
    p[i] = random_float();
  return p;
}

static inline size_t effective(size_t kernel, size_t dilation) {
  return (kernel - 1) * dilation + 1;
}

/* A shape from its settings: padding in cells on either side. */
static inline cnn__conv_shape make_shape(size_t batch, size_t height, size_t width, size_t channels,
                                         size_t filters, size_t kernel, size_t stride, size_t pad) {
  return (cnn__conv_shape){.batch = batch,
                           .in_height = height,
                           .in_width = width,
                           .in_channels = channels,
                           .out_height = (height + 2 * pad - kernel) / stride + 1,
                           .out_width = (width + 2 * pad - kernel) / stride + 1,
                           .out_channels = filters,
                           .kernel_height = kernel,
                           .kernel_width = kernel,
                           .stride_height = stride,
                           .stride_width = stride,
                           .dilation_height = 1,
                           .dilation_width = 1,
                           .pad_top = pad,
                           .pad_left = pad,
                           .groups = 1,
                           .bias = true};
}

/* Convolution without pooling, with bias and ReLU, in double precision. */
static inline double true_output(const sample *s, size_t image, size_t row, size_t column,
                                 size_t filter) {
  const cnn__conv_shape *p = &s->shape;
  const size_t in = p->in_channels / p->groups, group = filter / (p->out_channels / p->groups);
  double sum = p->bias ? s->bias[filter] : 0;
  for (size_t r = 0; r < p->kernel_height; r++)
    for (size_t t = 0; t < p->kernel_width; t++) {
      const size_t y = row * p->stride_height + r * p->dilation_height;
      const size_t x = column * p->stride_width + t * p->dilation_width;
      if (y < p->pad_top || y - p->pad_top >= p->in_height || x < p->pad_left ||
          x - p->pad_left >= p->in_width)
        continue;
      const float *cell = s->x + image * s->x_size +
                          ((y - p->pad_top) * p->in_width + x - p->pad_left) * p->in_channels +
                          group * in;
      const float *weights = s->kernel + (r * p->kernel_width + t) * in * p->out_channels + filter;
      for (size_t c = 0; c < in; c++)
        sum += (double)cell[c] * weights[c * p->out_channels];
    }
  return p->relu && sum < 0 ? 0 : sum;
}

/* Spreads one output's gradient over dx, dkernel and dbias. */
static inline void true_backward(const sample *s, size_t image, size_t row, size_t column,
                                 size_t filter, double gradient) {
  const cnn__conv_shape *p = &s->shape;
  const size_t in = p->in_channels / p->groups, group = filter / (p->out_channels / p->groups);
  s->true_dbias[filter] += gradient;
  for (size_t r = 0; r < p->kernel_height; r++)
    for (size_t t = 0; t < p->kernel_width; t++) {
      const size_t y = row * p->stride_height + r * p->dilation_height;
      const size_t x = column * p->stride_width + t * p->dilation_width;
      if (y < p->pad_top || y - p->pad_top >= p->in_height || x < p->pad_left ||
          x - p->pad_left >= p->in_width)
        continue;
      const size_t at = image * s->x_size +
                        ((y - p->pad_top) * p->in_width + x - p->pad_left) * p->in_channels +
                        group * in;
      const size_t w = (r * p->kernel_width + t) * in * p->out_channels + filter;
      for (size_t c = 0; c < in; c++) {
        s->true_dx[at + c] += gradient * s->kernel[w + c * p->out_channels];
        s->true_dkernel[w + c * p->out_channels] += gradient * s->x[at + c];
      }
    }
}

/* One cell of y and its gradient. The winner of a pooling window is the true one; where rounding could
   choose another, or a ReLU is in doubt, the gradient is set to 0. */
static inline void true_cell(sample *s, size_t image, size_t row, size_t column, size_t filter) {
  const cnn__conv_shape *p = &s->shape;
  const size_t height = p->pool_height ? p->pool_height : 1,
               width = p->pool_width ? p->pool_width : 1;
  double best = -INFINITY, second = -INFINITY;
  size_t winner = 0;
  for (size_t i = 0; i < height * width; i++) {
    const double out =
        true_output(s, image, row * height + i / width, column * width + i % width, filter);
    if (out > best) {
      second = best;
      best = out;
      winner = i;
    } else if (out > second) {
      second = out;
    }
  }
  const size_t y_width = p->out_width / width;
  const size_t at = image * s->y_size + (row * y_width + column) * p->out_channels + filter;
  s->true_y[at] = best;
  const bool doubtful = fabs(best) < 1e-3 || (best > 0 && best - second < 1e-3);
  if (p->relu && (best <= 0 || doubtful)) {
    if (doubtful) s->dy[at] = 0;
    return;
  }
  if (height * width > 1 && best - second < 1e-3) s->dy[at] = 0;
  if (s->dy[at] != 0)
    true_backward(s, image, row * height + winner / width, column * width + winner % width, filter,
                  (double)s->dy[at]);
}

static inline void sample_make(sample *s, const cnn__conv_shape *shape, const cnn__conv_mode *mode,
                               size_t images) {
  const size_t height = shape->pool_height ? shape->pool_height : 1;
  const size_t width = shape->pool_width ? shape->pool_width : 1;
  *s = (sample){.shape = *shape, .mode = *mode, .images = images};
  s->x_size = shape->in_height * shape->in_width * shape->in_channels;
  s->y_size = shape->out_height / height * (shape->out_width / width) * shape->out_channels;
  s->kernel_size = shape->kernel_height * shape->kernel_width * shape->in_channels / shape->groups *
                   shape->out_channels;
  s->x = random_floats(images * s->x_size);
  s->kernel = random_floats(s->kernel_size);
  s->bias = random_floats(shape->out_channels);
  s->dy = random_floats(images * s->y_size);
  s->y = memory(images * s->y_size, sizeof(float));
  s->dx = memory(images * s->x_size, sizeof(float));
  s->dkernel = memory(s->kernel_size, sizeof(float));
  s->dbias = memory(shape->out_channels, sizeof(float));
  s->true_y = calloc(images * s->y_size + 1, sizeof(double));
  s->true_dx = calloc(images * s->x_size + 1, sizeof(double));
  s->true_dkernel = calloc(s->kernel_size + 1, sizeof(double));
  s->true_dbias = calloc(shape->out_channels + 1, sizeof(double));
  for (size_t i = 0; i < images * s->y_size; i++)
    true_cell(s, i / s->y_size, i % s->y_size / shape->out_channels / (shape->out_width / width),
              i % s->y_size / shape->out_channels % (shape->out_width / width),
              i % shape->out_channels);
}

static inline void sample_free(sample *s) {
  free(s->x), free(s->kernel), free(s->bias), free(s->dy), free(s->y), free(s->dx);
  free(s->dkernel), free(s->dbias);
  free(s->true_y), free(s->true_dx), free(s->true_dkernel), free(s->true_dbias);
}

/* Plans and runs forward, and backward where training, on threads threads. Returns the plan's name. */
static inline const char *sample_run(sample *s, int64_t threads) {
  cnn_context *context = cnn_context_new(.threads = threads);
  assert_non_null(context);
  s->mode.slots = cnn__context_slots(context);
  cnn__conv conv;
  assert_int_equal(cnn__conv_plan(&s->shape, &s->mode, &conv), CNN_OK);
  float *prepared = memory(conv.prepared_size, sizeof(float));
  unsigned char *saved = s->mode.training ? memory(conv.saved_size, 1) : NULL;
  void *scratch = memory(conv.scratch_size, 1), *slots = memory(conv.slot_size, s->mode.slots);
  float *dy = memory(s->images * s->y_size, sizeof(float));
  memcpy(dy, s->dy, s->images * s->y_size * sizeof(float));
  cnn__conv_prepare(&conv, context, s->kernel, prepared);
  const cnn__conv_buffers buffers = {.x = s->x,
                                     .kernel = s->kernel,
                                     .prepared = prepared,
                                     .bias = s->shape.bias ? s->bias : NULL,
                                     .y = s->y,
                                     .saved = saved,
                                     .scratch = scratch,
                                     .slots = slots,
                                     .slot_pitch = conv.slot_size,
                                     .dy = dy,
                                     .dx = s->mode.input_gradient ? s->dx : NULL,
                                     .dkernel = s->dkernel,
                                     .dbias = s->shape.bias ? s->dbias : NULL};
  cnn__conv_forward(&conv, context, s->images, &buffers);
  if (s->mode.training) {
    memset(scratch, 0x7f, conv.scratch_size); /* nothing there outlives a call */
    memset(slots, 0x7f, conv.slot_size * s->mode.slots);
    cnn__conv_backward(&conv, context, s->images, &buffers);
  }
  free(prepared), free(saved), free(scratch), free(slots), free(dy);
  cnn_context_free(context);
  return conv.name;
}

/* max |a - b| / max |b| */
static inline double relative_error(size_t count, const float *a, const double *b) {
  double error = 0, most = 1e-30;
  for (size_t i = 0; i < count; i++) {
    const double distance = fabs(a[i] - b[i]);
    error = distance > error || isnan(distance) ? distance : error;
    most = fabs(b[i]) > most ? fabs(b[i]) : most;
  }
  return error / most;
}

static inline void sample_check(const sample *s, const char *name, double bound) {
  const cnn__conv_shape *p = &s->shape;
  double errors[4] = {relative_error(s->images * s->y_size, s->y, s->true_y)};
  if (s->mode.training) {
    if (s->mode.input_gradient)
      errors[1] = relative_error(s->images * s->x_size, s->dx, s->true_dx);
    errors[2] = relative_error(s->kernel_size, s->dkernel, s->true_dkernel);
    if (p->bias) errors[3] = relative_error(p->out_channels, s->dbias, s->true_dbias);
  }
  for (int i = 0; i < 4; i++)
    if (!(errors[i] <= bound))
      fail_msg("%s: %zu of %zu images %zux%zux%zu, %zu filters %zux%zu, stride %zux%zu, dilation "
               "%zux%zu, pad %zu, %zu, groups %zu, pool %zux%zu, relu %d: errors of y %.1e, dx "
               "%.1e, dkernel %.1e, dbias %.1e",
               name, s->images, p->batch, p->in_height, p->in_width, p->in_channels,
               p->out_channels, p->kernel_height, p->kernel_width, p->stride_height,
               p->stride_width, p->dilation_height, p->dilation_width, p->pad_top, p->pad_left,
               p->groups, p->pool_height, p->pool_width, p->relu, errors[0], errors[1], errors[2],
               errors[3]);
}

/* Everything a run wrote, for comparing runs bit by bit. */
static inline float *sample_results(const sample *s, size_t *bytes) {
  const size_t sizes[4] = {s->images * s->y_size,
                           s->mode.input_gradient ? s->images * s->x_size : 0,
                           s->mode.training ? s->kernel_size : 0,
                           s->mode.training && s->shape.bias ? s->shape.out_channels : 0};
  const float *parts[4] = {s->y, s->dx, s->dkernel, s->dbias};
  float *all = memory(sizes[0] + sizes[1] + sizes[2] + sizes[3], sizeof(float));
  size_t at = 0;
  for (int i = 0; i < 4; i++) {
    memcpy(all + at, parts[i], sizes[i] * sizeof(float));
    at += sizes[i];
  }
  *bytes = at * sizeof(float);
  return all;
}

static inline void check_threads_agree(sample *s) {
  size_t bytes;
  sample_run(s, 1);
  float *first = sample_results(s, &bytes);
  const int64_t threads[] = {2, 3, 8};
  for (int i = 0; i < 3; i++) {
    sample_run(s, threads[i]);
    float *other = sample_results(s, &bytes);
    assert_memory_equal(first, other, bytes);
    free(other);
  }
  free(first);
}

#endif
