#include "ops/image.h"
#include "base/size.h"
#include "kernels/kernels.h"
#include <math.h>
#include <string.h>

enum { LANES = CNN__IMAGE_LANES };

/* ---- conversion ---- */

cnn_status cnn__factors_make(cnn_context *context, double rescale, size_t channels,
                             const double *mean, const double *deviation, cnn__factors *factors) {
  const size_t period = mean || deviation ? channels : 1;
  const size_t count = cnn__size_max(LANES * period, channels);
  float *memory = cnn__alloc_array(context, count, 2 * sizeof(float), "factors");
  if (!memory) return CNN_E_NOMEM;
  *factors = (cnn__factors){.period = period, .scale = memory, .offset = memory + count};
  for (size_t e = 0; e < count; e++) {
    const double divisor = deviation ? deviation[e % period] : 1;
    factors->scale[e] = (float)(rescale / divisor);
    factors->offset[e] = mean ? (float)(-mean[e % period] / divisor) : 0;
  }
  return CNN_OK;
}

void cnn__factors_free(cnn_context *context, cnn__factors *factors) {
  cnn__free(context, factors->scale);
  *factors = (cnn__factors){0};
}

void cnn__image_convert_u8(const cnn__factors *factors, size_t rows, size_t count, size_t row,
                           const uint8_t *from, float *to) {
  const cnn__image_kernels *kernels = &cnn__kernels_get()->image;
  if (row == count) {
    count *= rows;
    rows = 1;
  }
  for (size_t i = 0; i < rows; i++)
    kernels->convert_u8(count, factors->period, factors->scale, factors->offset, from + i * row,
                        to + i * count);
}

void cnn__image_convert_f32(const cnn__factors *factors, size_t rows, size_t count, size_t row,
                            const float *from, float *to) {
  const cnn__image_kernels *kernels = &cnn__kernels_get()->image;
  if (row == count) {
    count *= rows;
    rows = 1;
  }
  for (size_t i = 0; i < rows; i++)
    kernels->convert_f32(count, factors->period, factors->scale, factors->offset, from + i * row,
                         to + i * count);
}

/* ---- statistics ---- */

static double sum_lanes(const double lanes[LANES]) {
  double sum = 0;
  for (size_t k = 0; k < LANES; k++)
    sum += lanes[k];
  return sum;
}

void cnn__image_moments(size_t count, const float *values, double *mean, double *deviation) {
  double lanes[LANES] = {0};
  const size_t whole = count / LANES * LANES;
  for (size_t e = 0; e < whole; e += LANES)
    for (size_t k = 0; k < LANES; k++)
      lanes[k] += values[e + k];
  for (size_t e = whole; e < count; e++)
    lanes[e - whole] += values[e];
  *mean = sum_lanes(lanes) / (double)count;
  memset(lanes, 0, sizeof lanes);
  for (size_t e = 0; e < whole; e += LANES)
    for (size_t k = 0; k < LANES; k++)
      lanes[k] += (values[e + k] - *mean) * (values[e + k] - *mean);
  for (size_t e = whole; e < count; e++)
    lanes[e - whole] += (values[e] - *mean) * (values[e] - *mean);
  *deviation = sqrt(sum_lanes(lanes) / (double)count);
}

void cnn__image_range(size_t count, const float *values, float *low, float *high) {
  float least[LANES], most[LANES];
  for (size_t k = 0; k < LANES; k++)
    least[k] = most[k] = values[0];
  for (size_t e = 0; e < count; e += LANES)
    for (size_t k = 0; k < LANES && e + k < count; k++) {
      least[k] = values[e + k] < least[k] ? values[e + k] : least[k];
      most[k] = values[e + k] > most[k] ? values[e + k] : most[k];
    }
  *low = least[0];
  *high = most[0];
  for (size_t k = 1; k < LANES; k++) {
    *low = least[k] < *low ? least[k] : *low;
    *high = most[k] > *high ? most[k] : *high;
  }
}

void cnn__image_warp_u8(const cnn__warp *warp) {
  cnn__kernels_get()->image.warp_u8(warp);
}
void cnn__image_warp_f32(const cnn__warp *warp) {
  cnn__kernels_get()->image.warp_f32(warp);
}

/* ---- resizing ---- */

static double triangle(double x) {
  x = fabs(x);
  return x < 1 ? 1 - x : 0;
}

/* Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -1/2. */
static double cubic(double x) {
  x = fabs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/* Half the filter's width in source pixels. */
static double reach(size_t in, size_t out, cnn__resize_filter filter) {
  const double shrink = (double)in / (double)out;
  const double support = filter == CNN__RESIZE_BICUBIC ? 2 : 1;
  return support * (shrink > 1 ? shrink : 1);
}

static size_t most_taps(size_t in, size_t out, cnn__resize_filter filter) {
  if (filter == CNN__RESIZE_NEAREST) return 1;
  return 2 * (size_t)ceil(reach(in, out, filter)) + 1;
}

bool cnn__resize_taps_size(size_t in, size_t out, cnn__resize_filter filter, size_t *bytes) {
  return cnn__size_mul(out, (2 + most_taps(in, out, filter)) * sizeof(float), bytes) &&
         cnn__size_round_up(*bytes, 64, bytes);
}

/* One output pixel: which source pixels, and weights that sum to 1. */
static void weigh(size_t in, double scale, cnn__resize_filter filter, double support, size_t x,
                  uint32_t *first, uint32_t *taps, float *weights) {
  const double centre = ((double)x + 0.5) * scale;
  if (filter == CNN__RESIZE_NEAREST) {
    *first = (uint32_t)cnn__size_min((size_t)centre, in - 1);
    *taps = 1;
    weights[0] = 1;
    return;
  }
  const double begin = centre - support + 0.5, end = centre + support + 0.5;
  const size_t low = begin > 0 ? (size_t)begin : 0;
  const size_t high = cnn__size_min((size_t)end, in);
  const double squeeze = scale > 1 ? scale : 1;
  double (*const shape)(double) = filter == CNN__RESIZE_BICUBIC ? cubic : triangle;
  double sum = 0;
  for (size_t k = low; k < high; k++)
    sum += shape(((double)k - centre + 0.5) / squeeze);
  for (size_t k = low; k < high; k++)
    weights[k - low] = (float)(shape(((double)k - centre + 0.5) / squeeze) / sum);
  *first = (uint32_t)low;
  *taps = (uint32_t)(high - low);
}

void cnn__resize_taps_make(size_t in, size_t out, cnn__resize_filter filter, void *memory,
                           cnn__taps *taps) {
  const size_t stride = most_taps(in, out, filter);
  uint32_t *first = memory, *counts = first + out;
  float *weights = (float *)(void *)(counts + out);
  const double support = reach(in, out, filter);
  for (size_t x = 0; x < out; x++)
    weigh(in, (double)in / (double)out, filter, support, x, first + x, counts + x,
          weights + x * stride);
  *taps = (cnn__taps){
      .count = out, .stride = stride, .first = first, .taps = counts, .weights = weights};
}

bool cnn__resize_scratch(size_t in_width, size_t out_width, size_t channels, size_t *bytes) {
  size_t pixels;
  return cnn__size_add(in_width, out_width, &pixels) &&
         cnn__size_mul(pixels, channels * sizeof(float), bytes) &&
         cnn__size_add(*bytes, 128 + CNN__IMAGE_SLACK, bytes);
}

/* The two rows of scratch: blended source rows, with slack, and the result as floats. */
typedef struct line_pair {
  float *blended, *result;
} line_pair;

static line_pair split_scratch(void *scratch, size_t in_elements) {
  float *first = scratch;
  memset(first + in_elements, 0, CNN__IMAGE_SLACK);
  return (line_pair){first, first + in_elements + CNN__IMAGE_SLACK / sizeof(float)};
}

void cnn__image_resize_u8(const cnn__taps *rows, const cnn__taps *columns, size_t in_width,
                          size_t channels, const uint8_t *from, size_t row, uint8_t *to,
                          void *scratch) {
  const cnn__image_kernels *kernels = &cnn__kernels_get()->image;
  const line_pair lines = split_scratch(scratch, in_width * channels);
  for (size_t y = 0; y < rows->count; y++) {
    kernels->blend_rows_u8(in_width * channels, rows->taps[y], rows->weights + y * rows->stride,
                           from + rows->first[y] * row, row, lines.blended);
    kernels->blend_columns(columns, channels, lines.blended, lines.result);
    kernels->round_u8(columns->count * channels, lines.result, to + y * columns->count * channels);
  }
}

void cnn__image_resize_f32(const cnn__taps *rows, const cnn__taps *columns, size_t in_width,
                           size_t channels, const float *from, size_t row, float *to,
                           void *scratch) {
  const cnn__image_kernels *kernels = &cnn__kernels_get()->image;
  const line_pair lines = split_scratch(scratch, in_width * channels);
  for (size_t y = 0; y < rows->count; y++) {
    kernels->blend_rows_f32(in_width * channels, rows->taps[y], rows->weights + y * rows->stride,
                            from + rows->first[y] * row, row, lines.blended);
    kernels->blend_columns(columns, channels, lines.blended, to + y * columns->count * channels);
  }
}
