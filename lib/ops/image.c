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

/* The pixel that each centre lies in, found by steps as Pillow does: which of two it is where a centre
   falls between them depends on that. */
static void pick_nearest(size_t in, size_t out, uint32_t *first, uint32_t *taps, float *weights) {
  const double scale = (double)in / (double)out;
  double centre = scale * 0.5;
  for (size_t x = 0; x < out; x++, centre += scale) {
    first[x] = (uint32_t)cnn__size_min((size_t)centre, in - 1);
    taps[x] = 1;
    weights[x] = 1;
  }
}

void cnn__resize_taps_make(size_t in, size_t out, cnn__resize_filter filter, void *memory,
                           cnn__taps *taps) {
  const size_t stride = most_taps(in, out, filter);
  uint32_t *first = memory, *counts = first + out;
  float *weights = (float *)(void *)(counts + out);
  const double support = reach(in, out, filter);
  if (filter == CNN__RESIZE_NEAREST) pick_nearest(in, out, first, counts, weights);
  for (size_t x = 0; filter != CNN__RESIZE_NEAREST && x < out; x++)
    weigh(in, (double)in / (double)out, filter, support, x, first + x, counts + x,
          weights + x * stride);
  *taps = (cnn__taps){
      .count = out, .stride = stride, .first = first, .taps = counts, .weights = weights};
}

/* The parts of scratch: a source row as floats, with slack; a row of the result; for the cubic
   filter, the image with its columns done. */
typedef struct lines {
  float *source, *result;
  uint8_t *narrow;
} lines;

static size_t source_bytes(const cnn__resize *r) {
  return (r->in_width * r->channels * sizeof(float) + CNN__IMAGE_SLACK + 63) & ~(size_t)63;
}
static size_t result_bytes(const cnn__resize *r) {
  return (r->columns->count * r->channels * sizeof(float) + 63) & ~(size_t)63;
}

bool cnn__resize_scratch(const cnn__resize *r, size_t *bytes) {
  size_t pixels, narrow = 0;
  if (!cnn__size_add(r->in_width, r->columns->count, &pixels) ||
      !cnn__size_mul(pixels, r->channels * sizeof(float), bytes))
    return false;
  if (r->filter == CNN__RESIZE_BICUBIC &&
      (!cnn__size_mul(r->in_height, r->columns->count, &narrow) ||
       !cnn__size_mul(narrow, r->channels, &narrow)))
    return false;
  return cnn__size_add(*bytes, narrow, bytes) &&
         cnn__size_add(*bytes, 3 * 64 + CNN__IMAGE_SLACK, bytes);
}

static lines split_scratch(const cnn__resize *r) {
  uint8_t *scratch = r->scratch;
  lines l = {.source = r->scratch,
             .result = (float *)(void *)(scratch + source_bytes(r)),
             .narrow = scratch + source_bytes(r) + result_bytes(r)};
  memset(l.source + r->in_width * r->channels, 0, CNN__IMAGE_SLACK);
  return l;
}

/* Rows first, which run over memory in order and leave little for the columns. */
static void resize_rows_first(const cnn__resize *r, const lines *l, const uint8_t *from,
                              uint8_t *to) {
  const cnn__image_kernels *kernels = &cnn__kernels_get()->image;
  const size_t count = r->columns->count * r->channels;
  for (size_t y = 0; y < r->rows->count; y++) {
    kernels->blend_rows_u8(r->in_width * r->channels, r->rows->taps[y],
                           r->rows->weights + y * r->rows->stride,
                           from + r->rows->first[y] * r->row, r->row, l->source);
    kernels->blend_columns(r->columns, r->channels, l->source, l->result);
    kernels->round_u8(count, l->result, to + y * count);
  }
}

static void resize_columns_first(const cnn__resize *r, const lines *l, const uint8_t *from,
                                 uint8_t *to) {
  const cnn__image_kernels *kernels = &cnn__kernels_get()->image;
  const size_t count = r->columns->count * r->channels;
  static const float one = 1;
  for (size_t y = 0; y < r->in_height; y++) {
    kernels->blend_rows_u8(r->in_width * r->channels, 1, &one, from + y * r->row, r->row,
                           l->source);
    kernels->blend_columns(r->columns, r->channels, l->source, l->result);
    kernels->round_u8(count, l->result, l->narrow + y * count);
  }
  for (size_t y = 0; y < r->rows->count; y++) {
    kernels->blend_rows_u8(count, r->rows->taps[y], r->rows->weights + y * r->rows->stride,
                           l->narrow + r->rows->first[y] * count, count, l->result);
    kernels->round_u8(count, l->result, to + y * count);
  }
}

void cnn__image_resize_u8(const cnn__resize *resize, const uint8_t *from, uint8_t *to) {
  const lines l = split_scratch(resize);
  if (resize->filter == CNN__RESIZE_BICUBIC)
    resize_columns_first(resize, &l, from, to);
  else
    resize_rows_first(resize, &l, from, to);
}

void cnn__image_resize_f32(const cnn__resize *r, const float *from, float *to) {
  const cnn__image_kernels *kernels = &cnn__kernels_get()->image;
  const lines l = split_scratch(r);
  for (size_t y = 0; y < r->rows->count; y++) {
    kernels->blend_rows_f32(r->in_width * r->channels, r->rows->taps[y],
                            r->rows->weights + y * r->rows->stride,
                            from + r->rows->first[y] * r->row, r->row, l.source);
    kernels->blend_columns(r->columns, r->channels, l.source,
                           to + y * r->columns->count * r->channels);
  }
}
