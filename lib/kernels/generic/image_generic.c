#include "kernels/fill.h"
#include <math.h>

static inline float multiply_add(float a, float b, float c) {
  return fmaf(a, b, c);
}
#include "kernels/image_warp.h"

static void run_u8(const cnn__warp *warp, const warp_places *places, size_t count, float *out) {
  for (size_t j = 0; j < count; j++)
    warp_pixel_u8(warp, places, j, out + j * warp->channels);
}
static void run_f32(const cnn__warp *warp, const warp_places *places, size_t count, float *out) {
  for (size_t j = 0; j < count; j++)
    warp_pixel_f32(warp, places, j, out + j * warp->channels);
}
static void warp_u8(const cnn__warp *warp) {
  warp_by_runs(warp, run_u8);
}
static void warp_f32(const cnn__warp *warp) {
  warp_by_runs(warp, run_f32);
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
