#include "kernels/fill.h"
#include <math.h>
#include <stdbool.h>

/* A coordinate brought into [0, n - 1] by the fill; false where the constant fill has its place. */
static bool find_place(cnn__image_fill fill, size_t n, float *at) {
  const float last = (float)(n - 1), size = (float)n, u = *at;
  switch (fill) {
  case CNN__IMAGE_NEAREST:
    break;
  case CNN__IMAGE_CONSTANT:
    if (!(u >= 0 && u <= last)) return false;
    break;
  case CNN__IMAGE_REFLECT: {
    const float shifted = u + 0.5f;
    const float folded = shifted - 2 * size * floorf(shifted / (2 * size));
    *at = (folded > size ? 2 * size - folded : folded) - 0.5f;
    break;
  }
  case CNN__IMAGE_WRAP:
    if (n > 1 && u < 0) *at = u + last * (floorf(-u / last) + 1);
    if (n > 1 && u > last) *at = u - last * floorf(u / last);
    break;
  }
  *at = *at > 0 ? *at : 0;
  *at = *at < last ? *at : last;
  return true;
}

/* The first of the two pixels that a coordinate lies between; at becomes its share of the second. */
static size_t split_place(size_t n, float *at) {
  size_t whole = (size_t)*at;
  if (whole + 2 > n) whole = n > 1 ? n - 2 : 0;
  *at = *at - (float)whole;
  return whole;
}

static float blend(float share, float first, float second) {
  return fmaf(share, second - first, first);
}

/* Element c of the four pixels around a place: p points at the upper left one. */
typedef float (*reader)(const void *p, size_t element);
static float read_u8(const void *p, size_t element) {
  return ((const uint8_t *)p)[element];
}
static float read_f32(const void *p, size_t element) {
  return ((const float *)p)[element];
}

static void warp_pixel(const cnn__warp *warp, reader read, float y, float x, float *out) {
  const bool row_inside = find_place(warp->fill, warp->height, &y);
  const bool inside = find_place(warp->fill, warp->width, &x) && row_inside;
  const size_t a = inside ? split_place(warp->height, &y) : 0;
  const size_t b = inside ? split_place(warp->width, &x) : 0;
  const size_t down = warp->height > 1 ? warp->row : 0;
  const size_t right = warp->width > 1 ? warp->channels : 0;
  for (size_t c = 0; c < warp->channels; c++) {
    const size_t at = a * warp->row + b * warp->channels + c;
    float value = warp->fill_value;
    if (inside) {
      const float left = blend(y, read(warp->source, at), read(warp->source, at + down));
      const float beside =
          blend(y, read(warp->source, at + right), read(warp->source, at + down + right));
      value = blend(x, left, beside);
    }
    out[c] = fmaf(value, warp->scale[c], warp->offset[c]);
  }
}

static void warp_image(const cnn__warp *warp, reader read) {
  const double *m = warp->matrix;
  float *out = warp->out;
  for (size_t i = 0; i < warp->out_height; i++) {
    const float y0 = (float)(m[0] * (double)i + m[2]), x0 = (float)(m[3] * (double)i + m[5]);
    for (size_t j = 0; j < warp->out_width; j++, out += warp->channels)
      warp_pixel(warp, read, fmaf((float)m[1], (float)j, y0), fmaf((float)m[4], (float)j, x0), out);
  }
}

static void warp_u8(const cnn__warp *warp) {
  warp_image(warp, read_u8);
}
static void warp_f32(const cnn__warp *warp) {
  warp_image(warp, read_f32);
}

static void convert_u8(size_t count, size_t period, const float *scale, const float *offset,
                       const uint8_t *from, float *to) {
  for (size_t e = 0, k = 0; e < count; e++, k = k + 1 == period ? 0 : k + 1)
    to[e] = fmaf(from[e], scale[k], offset[k]);
}
static void convert_f32(size_t count, size_t period, const float *scale, const float *offset,
                        const float *from, float *to) {
  for (size_t e = 0, k = 0; e < count; e++, k = k + 1 == period ? 0 : k + 1)
    to[e] = fmaf(from[e], scale[k], offset[k]);
}

static void blend_rows_u8(size_t count, size_t taps, const float *weights, const uint8_t *from,
                          size_t row, float *to) {
  for (size_t e = 0; e < count; e++) {
    float sum = 0;
    for (size_t k = 0; k < taps; k++)
      sum = fmaf(weights[k], from[k * row + e], sum);
    to[e] = sum;
  }
}
static void blend_rows_f32(size_t count, size_t taps, const float *weights, const float *from,
                           size_t row, float *to) {
  for (size_t e = 0; e < count; e++) {
    float sum = 0;
    for (size_t k = 0; k < taps; k++)
      sum = fmaf(weights[k], from[k * row + e], sum);
    to[e] = sum;
  }
}

static void blend_columns(const cnn__taps *taps, size_t channels, const float *from, float *to) {
  for (size_t x = 0; x < taps->count; x++) {
    const float *weights = taps->weights + x * taps->stride;
    for (size_t c = 0; c < channels; c++) {
      const float *p = from + (size_t)taps->first[x] * channels + c;
      float sum = 0;
      for (size_t k = 0; k < taps->taps[x]; k++)
        sum = fmaf(weights[k], p[k * channels], sum);
      *to++ = sum;
    }
  }
}

static void round_u8(size_t count, const float *from, uint8_t *to) {
  for (size_t e = 0; e < count; e++) {
    const float low = from[e] > 0 ? from[e] : 0;
    to[e] = (uint8_t)((low < 255 ? low : 255) + 0.5f);
  }
}

void cnn__image_kernels_fill_generic(cnn__image_kernels *table) {
  *table = (cnn__image_kernels){.warp_u8 = warp_u8,
                                .warp_f32 = warp_f32,
                                .convert_u8 = convert_u8,
                                .convert_f32 = convert_f32,
                                .blend_rows_u8 = blend_rows_u8,
                                .blend_rows_f32 = blend_rows_f32,
                                .blend_columns = blend_columns,
                                .round_u8 = round_u8};
}
