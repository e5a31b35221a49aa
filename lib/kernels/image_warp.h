/* The warp's coordinates, written once for every instruction set: included by image_<isa>.c, which
   defines multiply_add() first (fused where the instruction set has it). Compilers turn the loops
   into that instruction set's vectors. */
#ifndef CNN_KERNELS_IMAGE_WARP_H
#define CNN_KERNELS_IMAGE_WARP_H

#include "kernels/image.h"
#include <math.h>
#include <stdbool.h>

/* Pixels whose coordinates are worked out at a time. */
enum { WARP_CHUNK = 64 };

/* Where a run of output pixels lies in the source. */
typedef struct warp_places {
  float y[WARP_CHUNK], x[WARP_CHUNK];   /* coordinates, then the fractions fy and fx */
  int32_t a[WARP_CHUNK], b[WARP_CHUNK]; /* upper left neighbour */
  int32_t inside[WARP_CHUNK];           /* 0: fill_value (constant fill only) */
} warp_places;

/* An axis of n pixels under one fill: coordinates come in as at[], and leave as fractions after
   whole[]. Comparisons are written so that each is one min or max instruction. */
static inline void warp_axis(cnn__image_fill fill, size_t n, size_t count, float *at,
                             int32_t *whole, int32_t *inside) {
  const float last = (float)(n - 1), size = (float)n;
  switch (fill) {
  case CNN__IMAGE_NEAREST:
    break;
  case CNN__IMAGE_CONSTANT:
    for (size_t j = 0; j < count; j++)
      inside[j] &= (at[j] >= 0) & (at[j] <= last);
    break;
  case CNN__IMAGE_REFLECT:
    for (size_t j = 0; j < count; j++) {
      float u = at[j] + 0.5f;
      u = u - 2 * size * floorf(u / (2 * size));
      u = u > size ? 2 * size - u : u;
      at[j] = u - 0.5f;
    }
    break;
  case CNN__IMAGE_WRAP:
    for (size_t j = 0; j < count && n > 1; j++) {
      const float u = at[j];
      const float below = u + last * (floorf(-u / last) + 1);
      const float above = u - last * floorf(u / last);
      at[j] = u < 0 ? below : u > last ? above : u;
    }
    break;
  }
  const int32_t most = n > 1 ? (int32_t)n - 2 : 0;
  for (size_t j = 0; j < count; j++) {
    float u = at[j] > 0 ? at[j] : 0;
    u = u < last ? u : last;
    int32_t k = (int32_t)u;
    k = k < most ? k : most;
    whole[j] = k;
    at[j] = u - (float)k;
  }
}

/* The places of output pixels [column, column + count) of row i. */
static inline void warp_find(const cnn__warp *warp, size_t i, size_t column, size_t count,
                             warp_places *places) {
  const double *m = warp->matrix;
  const float dy = (float)m[1], dx = (float)m[4];
  const float y0 = (float)(m[0] * (double)i + m[2]), x0 = (float)(m[3] * (double)i + m[5]);
  for (size_t j = 0; j < count; j++) {
    const float at = (float)(int32_t)(column + j);
    places->y[j] = multiply_add(dy, at, y0);
    places->x[j] = multiply_add(dx, at, x0);
    places->inside[j] = 1;
  }
  warp_axis(warp->fill, warp->height, count, places->y, places->a, places->inside);
  warp_axis(warp->fill, warp->width, count, places->x, places->b, places->inside);
}

/* Pixel j of a run, any number of channels, element by element. */
#define WARP_PIXEL(name, element)                                                                  \
  static inline void name(const cnn__warp *warp, const warp_places *places, size_t j,              \
                          float *out) {                                                            \
    const element *p = (const element *)warp->source + (size_t)places->a[j] * warp->row +          \
                       (size_t)places->b[j] * warp->channels;                                      \
    const size_t down = warp->height > 1 ? warp->row : 0;                                          \
    const size_t right = warp->width > 1 ? warp->channels : 0;                                     \
    for (size_t c = 0; c < warp->channels; c++) {                                                  \
      const float v00 = (float)p[c], v01 = (float)p[c + right];                                    \
      const float v10 = (float)p[c + down], v11 = (float)p[c + down + right];                      \
      const float v0 = multiply_add(places->y[j], v10 - v00, v00);                                 \
      const float v1 = multiply_add(places->y[j], v11 - v01, v01);                                 \
      const float v = multiply_add(places->x[j], v1 - v0, v0);                                     \
      out[c] =                                                                                     \
          multiply_add(places->inside[j] ? v : warp->fill_value, warp->scale[c], warp->offset[c]); \
    }                                                                                              \
  }
WARP_PIXEL(warp_pixel_u8, uint8_t)
WARP_PIXEL(warp_pixel_f32, float)
#undef WARP_PIXEL

/* The whole warp by runs of pixels. */
static inline void warp_by_runs(const cnn__warp *warp,
                                void (*run)(const cnn__warp *warp, const warp_places *places,
                                            size_t count, float *out)) {
  warp_places places;
  for (size_t i = 0; i < warp->out_height; i++)
    for (size_t column = 0; column < warp->out_width; column += WARP_CHUNK) {
      const size_t left = warp->out_width - column;
      const size_t count = left < WARP_CHUNK ? left : WARP_CHUNK;
      warp_find(warp, i, column, count, &places);
      run(warp, &places, count, warp->out + (i * warp->out_width + column) * warp->channels);
    }
}

#endif
