#include "ops/normalization.h"
#include "kernels/kernels.h"
#include "ops/blocks.h"
#include "ops/columns.h"
#include <math.h>

/* Scratch: the sums' (two for each column), then four numbers for each column. */
enum { COEFFICIENTS = 4 };

bool cnn__batch_norm_scratch(size_t rows, size_t channels, size_t *bytes) {
  size_t sums, coefficients;
  return cnn__columns_scratch(rows, channels, 2, &sums) &&
         cnn__size_mul(channels, COEFFICIENTS * sizeof(float), &coefficients) &&
         cnn__size_add(sums, coefficients, bytes);
}

/* The coefficients lie behind the sums; COEFFICIENTS arrays of `channels` floats. */
static float *coefficients_in(void *scratch, size_t rows, size_t channels) {
  size_t sums = 0;
  (void)cnn__columns_scratch(rows, channels, 2, &sums);
  return (float *)(void *)((char *)scratch + sums);
}

void cnn__batch_norm_statistics(cnn_context *context, size_t rows, size_t channels, const float *x,
                                float *mean, float *variance, void *scratch) {
  const cnn__columns of = {.kind = CNN__COLUMN_MOMENTS, .rows = rows, .columns = channels, .x = x};
  const double *sums = cnn__columns_sum(context, &of, scratch), *squares = sums + channels;
  for (size_t i = 0; i < channels; i++) {
    const double average = sums[i] / (double)rows;
    const double spread = squares[i] / (double)rows - average * average;
    mean[i] = (float)average;
    variance[i] = spread < 0 ? 0 : (float)spread; /* NaN stays */
  }
}

static double inverse_deviation(float variance, float epsilon) {
  return 1 / sqrt((double)variance + (double)epsilon);
}

/* One map over rows: a task does a block of them. */
typedef struct map {
  size_t rows, channels;
  const float *x, *mean, *dy; /* dy: backward */
  const float *a, *b, *c;
  const cnn__normalization_gate *gate; /* backward; or NULL */
  float least, most;                   /* forward */
  float *out;
} map;

static void map_block(void *argument, size_t task, size_t slot) {
  (void)slot;
  const map *of = argument;
  const cnn__normalization_kernels *kernels = &cnn__kernels_get()->elementwise.normalization;
  const cnn__block block = cnn__block_of(of->rows, cnn__block_rows(of->channels), task);
  const size_t first = block.first * of->channels;
  if (of->dy)
    kernels->normalize_backward(block.count, of->channels, of->x + first, of->mean, of->dy + first,
                                of->gate, of->a, of->b, of->c, of->out + first);
  else
    kernels->normalize(block.count, of->channels, of->x + first, of->mean, of->a, of->b, of->least,
                       of->most, of->out + first);
}
static void run(cnn_context *context, map of) {
  cnn__for_blocks(context, of.rows, cnn__block_rows(of.channels), map_block, &of);
}

static double factor_of(const cnn__batch_norm *of, const float *variance, size_t channel) {
  return (of->gamma ? (double)of->gamma[channel] : 1) *
         inverse_deviation(variance[channel], of->epsilon);
}

/* y's factors and offsets. */
static void find_affine(const cnn__batch_norm *of, const float *variance, float *scale,
                        float *offset) {
  for (size_t i = 0; i < of->channels; i++) {
    scale[i] = (float)factor_of(of, variance, i);
    offset[i] = of->beta ? of->beta[i] : 0;
  }
}

void cnn__batch_norm_affine(const cnn__batch_norm *of, const float *mean, const float *variance,
                            float *scale, float *offset) {
  for (size_t i = 0; i < of->channels; i++) {
    const double factor = factor_of(of, variance, i);
    scale[i] = (float)factor;
    offset[i] = (float)((of->beta ? (double)of->beta[i] : 0) - factor * (double)mean[i]);
  }
}

void cnn__batch_norm_apply(cnn_context *context, const cnn__batch_norm *of, const float *x,
                           const float *mean, const float *variance, float *y, void *scratch) {
  float *scale = coefficients_in(scratch, of->rows, of->channels), *offset = scale + of->channels;
  find_affine(of, variance, scale, offset);
  run(context, (map){.rows = of->rows,
                     .channels = of->channels,
                     .x = x,
                     .mean = mean,
                     .a = scale,
                     .b = offset,
                     .least = of->activation == CNN_LINEAR ? -HUGE_VALF : 0,
                     .most = of->activation == CNN_RELU6 ? 6 : HUGE_VALF,
                     .out = y});
}

/* dgamma, dbeta from the sums of dy and dy * (x - mean). */
static void parameter_gradients(const cnn__batch_norm *of, const double *sums,
                                const float *variance, float *dgamma, float *dbeta) {
  const size_t channels = of->channels;
  for (size_t i = 0; i < channels; i++) {
    if (dbeta) dbeta[i] = (float)sums[i];
    if (dgamma)
      dgamma[i] = (float)(sums[channels + i] * inverse_deviation(variance[i], of->epsilon));
  }
}

static const double *gradient_sums(cnn_context *context, const cnn__batch_norm *of, const float *x,
                                   const float *mean, const float *dy,
                                   const cnn__normalization_gate *gate, void *scratch) {
  const cnn__columns columns = {CNN__COLUMN_PRODUCTS, of->rows, of->channels, x, mean, dy, gate};
  return cnn__columns_sum(context, &columns, scratch);
}

/* With d = 1 / sqrt(variance + epsilon) and the means over rows of dy and of dy * (x - mean):
   dx = gamma d (dy - mean dy - (x - mean) d^2 mean(dy (x - mean))) = a dy + b (x - mean) + c. */
void cnn__batch_norm_backward(cnn_context *context, const cnn__batch_norm *of, const float *x,
                              const float *mean, const float *variance, const float *dy,
                              float *dgamma, float *dbeta, float *dx, void *scratch) {
  const size_t rows = of->rows, channels = of->channels;
  float *a = coefficients_in(scratch, rows, channels), *offset = a + channels;
  float *b = offset + channels, *c = b + channels;
  const cnn__normalization_gate behind = {a, offset, 0, of->activation == CNN_RELU6 ? 6 : NAN};
  const cnn__normalization_gate *gate = of->activation == CNN_LINEAR ? NULL : &behind;
  find_affine(of, variance, a, offset);
  const double *sums = gradient_sums(context, of, x, mean, dy, gate, scratch);
  parameter_gradients(of, sums, variance, dgamma, dbeta);
  if (!dx) return;
  for (size_t i = 0; i < channels; i++) {
    const double inverse = inverse_deviation(variance[i], of->epsilon);
    const double factor = factor_of(of, variance, i);
    b[i] = (float)(-factor * inverse * inverse * (sums[channels + i] / (double)rows));
    c[i] = (float)(-factor * (sums[i] / (double)rows));
  }
  run(context, (map){.rows = rows,
                     .channels = channels,
                     .x = x,
                     .mean = mean,
                     .dy = dy,
                     .a = a,
                     .b = b,
                     .c = c,
                     .gate = gate,
                     .out = dx});
}

/* The statistics are constants: dx = gamma d dy, which is normalize() without mean and offset. */
void cnn__batch_norm_backward_frozen(cnn_context *context, const cnn__batch_norm *of,
                                     const float *x, const float *mean, const float *variance,
                                     const float *dy, float *dgamma, float *dbeta, float *dx,
                                     void *scratch) {
  if (dgamma || dbeta) {
    const double *sums = gradient_sums(context, of, x, mean, dy, NULL, scratch);
    parameter_gradients(of, sums, variance, dgamma, dbeta);
  }
  if (!dx) return;
  float *scale = coefficients_in(scratch, of->rows, of->channels), *zeros = scale + of->channels;
  for (size_t i = 0; i < of->channels; i++) {
    scale[i] = (float)factor_of(of, variance, i);
    zeros[i] = 0;
  }
  run(context, (map){.rows = of->rows,
                     .channels = of->channels,
                     .x = dy,
                     .mean = zeros,
                     .a = scale,
                     .b = zeros,
                     .least = -HUGE_VALF,
                     .most = HUGE_VALF,
                     .out = dx});
}
