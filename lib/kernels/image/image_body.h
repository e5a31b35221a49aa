/* The image kernels' body, written once in terms of a vector header. A source image_<isa>.c
   includes its vector header, then defines

     pixel                a pixel of three channels as four floats, the last of no meaning
     pixel_pair           two pixels that lie side by side
     multiply_add()       of single numbers, fused where the instruction set can

   and their functions as used below, then includes this. */
#ifndef CNN_KERNELS_IMAGE_BODY_H
#define CNN_KERNELS_IMAGE_BODY_H

#include "kernels/fill.h"

enum {
  RUN = 64, /* output pixels whose places are found at a time */
  WIDE = 4  /* vectors in flight */
};

/* ---- where output pixels lie in the source ---- */

typedef struct places {
  float y[RUN], x[RUN];   /* the shares of the row below and of the pixel beside */
  int32_t a[RUN], b[RUN]; /* the first pixel's row and column */
  int32_t at[RUN];        /* its element, where 31 bits are enough */
  uint32_t inside[RUN];   /* all bits, or none: fill_value (constant fill alone) */
} places;

/* Largest whole number up to x; |x| < 2^31. */
INLINE_CONSTANTS vector floor_of(vector x) {
  const vector whole = vector_from_int(vector_to_int_truncated(x));
  return vector_sub(whole, vector_keep(vector_less(x, whole), vector_set(1)));
}

INLINE_CONSTANTS vector reflected(vector u, float size) {
  const vector period = vector_set(2 * size);
  const vector shifted = vector_add(u, vector_set(0.5f));
  const vector folded =
      vector_sub(shifted, vector_mul(period, floor_of(vector_div(shifted, period))));
  const vector back = vector_sub(period, folded);
  return vector_sub(vector_select(vector_less(vector_set(size), folded), back, folded),
                    vector_set(0.5f));
}

INLINE_CONSTANTS vector wrapped(vector u, float last) {
  const vector period = vector_set(last);
  const vector turns = vector_add(floor_of(vector_div(vector_negate(u), period)), vector_set(1));
  const vector below = vector_add(u, vector_mul(period, turns));
  const vector above = vector_sub(u, vector_mul(period, floor_of(vector_div(u, period))));
  return vector_select(vector_less(u, vector_zero()), below,
                       vector_select(vector_less(period, u), above, u));
}

/* A coordinate on an axis of n pixels: its first pixel, and the share of the second. */
INLINE_CONSTANTS vector_int split(cnn__image_fill fill, size_t n, vector *at) {
  const float last = (float)(n - 1);
  vector u = *at;
  if (fill == CNN__IMAGE_REFLECT) u = reflected(u, (float)n);
  if (fill == CNN__IMAGE_WRAP && n > 1) u = wrapped(u, last);
  u = vector_min(vector_max(u, vector_zero()), vector_set(last));
  const vector_int most = vector_int_set(n > 1 ? (int32_t)n - 2 : 0);
  const vector_int whole = vector_int_min(vector_to_int_truncated(u), most);
  *at = vector_sub(u, vector_from_int(whole));
  return whole;
}

INLINE_CONSTANTS vector_mask is_inside(size_t n, vector at) {
  return vector_mask_and(vector_less_equal(vector_zero(), at),
                         vector_less_equal(at, vector_set((float)(n - 1))));
}

static const float steps[RUN] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
                                 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
                                 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

/* Output pixels [column, column + count) of row i, in whole vectors of them. */
INLINE_CONSTANTS void find_places(const cnn__warp *warp, cnn__image_fill fill, size_t i,
                                  size_t column, size_t count, places *p) {
  const double *m = warp->matrix;
  const vector dy = vector_set((float)m[1]), dx = vector_set((float)m[4]);
  const vector y0 = vector_set((float)(m[0] * (double)i + m[2]));
  const vector x0 = vector_set((float)(m[3] * (double)i + m[5]));
  const vector first = vector_set((float)column);
  const vector_int row = vector_int_set((int32_t)warp->row);
  const vector_int channels = vector_int_set((int32_t)warp->channels);
  const size_t height = warp->height, width = warp->width;
  for (size_t j = 0; j < count; j += VECTOR_WIDTH) {
    const vector at = vector_add(vector_load(steps + j), first);
    vector y = vector_fma(dy, at, y0), x = vector_fma(dx, at, x0);
    if (fill == CNN__IMAGE_CONSTANT) {
      const vector_mask inside = vector_mask_and(is_inside(height, y), is_inside(width, x));
      vector_int_store(p->inside + j,
                       vector_int_select(inside, vector_int_set(-1), vector_int_set(0)));
    }
    const vector_int a = split(fill, height, &y), b = split(fill, width, &x);
    vector_store(p->y + j, y);
    vector_store(p->x + j, x);
    vector_int_store(p->a + j, a);
    vector_int_store(p->b + j, b);
    vector_int_store(p->at + j,
                     vector_int_add(vector_int_mul(a, row), vector_int_mul(b, channels)));
  }
}

/* ---- warps of three channels: a pixel in four lanes ---- */

/* What is the same for every pixel, where the compiler knows that stores do not change it. */
typedef struct setting {
  const void *source;
  size_t down; /* elements to the row below */
  pixel scale, offset, fill;
} setting;

/* Blends the four pixels around place j, as multiply-adds of whole pixels. */
INLINE_CONSTANTS pixel blend_place(const setting *s, const places *p, size_t j, bool bytes) {
  pixel_pair top, bottom;
  if (bytes) {
    const uint8_t *at = (const uint8_t *)s->source + (uint32_t)p->at[j];
    top = pixel_pair_load_bytes(at);
    bottom = pixel_pair_load_bytes(at + s->down);
  } else {
    const float *at = (const float *)s->source + (uint32_t)p->at[j];
    top = pixel_pair_load(at);
    bottom = pixel_pair_load(at + s->down);
  }
  const pixel_pair sides =
      pixel_pair_fma(pixel_pair_set(p->y[j]), pixel_pair_sub(bottom, top), top);
  const pixel left = pixel_pair_left(sides), right = pixel_pair_right(sides);
  return pixel_fma(pixel_set(p->x[j]), pixel_sub(right, left), left);
}

INLINE_CONSTANTS pixel finished(const setting *s, const places *p, size_t j, bool bytes,
                                bool constant) {
  pixel value = blend_place(s, p, j, bytes);
  if (constant) value = pixel_select(p->inside[j], value, s->fill);
  return pixel_fma(value, s->scale, s->offset);
}

/* A run of pixels: each store's fourth float is overwritten by the next, and the last has three. */
INLINE_CONSTANTS void run_of_three(const setting *given, const places *p, bool bytes, bool constant,
                                   size_t count, float *out) {
  const setting s = *given;
  for (size_t j = 0; j + 1 < count; j++)
    pixel_store(out + 3 * j, finished(&s, p, j, bytes, constant));
  pixel_store_three(out + 3 * (count - 1), finished(&s, p, count - 1, bytes, constant));
}

/* ---- warps of one channel of bytes: a pixel in each lane ---- */

/* The four pixels around a place as the bytes of a word: two of each row, the upper row's lower. */
INLINE_CONSTANTS uint32_t four_bytes(const uint8_t *top, const uint8_t *bottom) {
  uint16_t first, second;
  memcpy(&first, top, sizeof first);
  memcpy(&second, bottom, sizeof second);
  return (uint32_t)second << 16 | first;
}

INLINE_CONSTANTS vector byte_of(vector_int words, int place) {
  const vector_int byte =
      vector_int_and(vector_int_shift_right(words, 8 * place), vector_int_set(255));
  return vector_from_int(byte);
}

INLINE_CONSTANTS void run_of_one(const cnn__warp *warp, const places *p, bool constant,
                                 size_t count, float *out) {
  const uint8_t *source = warp->source;
  const size_t down = warp->height > 1 ? warp->row : 0;
  const vector scale = vector_set(warp->scale[0]), offset = vector_set(warp->offset[0]);
  const vector fill = vector_set(warp->fill_value);
  uint32_t words[RUN];
  for (size_t j = 0; j < count; j++) {
    const uint8_t *at = source + (uint32_t)p->at[j];
    words[j] = four_bytes(at, at + down);
  }
  for (size_t j = 0; j < count; j += VECTOR_WIDTH) {
    const size_t left = count - j, width = left < VECTOR_WIDTH ? left : VECTOR_WIDTH;
    const vector_int four = vector_int_load_tail(words + j, width);
    const vector y = vector_load(p->y + j), x = vector_load(p->x + j);
    const vector v00 = byte_of(four, 0), v01 = byte_of(four, 1);
    const vector v0 = vector_fma(y, vector_sub(byte_of(four, 2), v00), v00);
    const vector v1 = vector_fma(y, vector_sub(byte_of(four, 3), v01), v01);
    vector value = vector_fma(x, vector_sub(v1, v0), v0);
    if (constant)
      value = vector_select(vector_int_equal(vector_int_load(p->inside + j), vector_int_set(-1)),
                            value, fill);
    vector_store_tail(out + j, width, vector_fma(value, scale, offset));
  }
}

/* ---- warps of any other number of channels: element by element ---- */

INLINE_CONSTANTS float element(const cnn__warp *warp, bool bytes, size_t at) {
  return bytes ? (float)((const uint8_t *)warp->source)[at] : ((const float *)warp->source)[at];
}

INLINE_CONSTANTS void run_of_any(const cnn__warp *warp, const places *p, bool bytes, size_t count,
                                 float *out) {
  const size_t down = warp->height > 1 ? warp->row : 0;
  const size_t right = warp->width > 1 ? warp->channels : 0;
  for (size_t j = 0; j < count; j++) {
    const float y = p->y[j], x = p->x[j];
    const bool inside = warp->fill != CNN__IMAGE_CONSTANT || p->inside[j];
    size_t at = (size_t)(uint32_t)p->a[j] * warp->row + (size_t)(uint32_t)p->b[j] * warp->channels;
    for (size_t c = 0; c < warp->channels; c++, at++) {
      const float v00 = element(warp, bytes, at), v01 = element(warp, bytes, at + right);
      const float v10 = element(warp, bytes, at + down);
      const float v11 = element(warp, bytes, at + down + right);
      const float v0 = multiply_add(y, v10 - v00, v00), v1 = multiply_add(y, v11 - v01, v01);
      const float v = inside ? multiply_add(x, v1 - v0, v0) : warp->fill_value;
      *out++ = multiply_add(v, warp->scale[c], warp->offset[c]);
    }
  }
}

/* Whether 31 bits are enough for every element's place. */
INLINE_CONSTANTS bool is_small(const cnn__warp *warp) {
  return warp->height <= (size_t)INT32_MAX / warp->row;
}

/* Whether pixels may be taken as four lanes. In one column of floats, what lies beside may be no
   number and must not be touched. */
INLINE_CONSTANTS bool is_of_three(const cnn__warp *warp, bool bytes) {
  return warp->channels == 3 && (bytes || warp->width > 1) && is_small(warp);
}

/* Not inline: warps of bytes and of floats share it. */
static __attribute__((noinline)) void places_of(const cnn__warp *warp, size_t i, size_t column,
                                                size_t count, places *p) {
  switch (warp->fill) {
  case CNN__IMAGE_NEAREST:
    find_places(warp, CNN__IMAGE_NEAREST, i, column, count, p);
    break;
  case CNN__IMAGE_CONSTANT:
    find_places(warp, CNN__IMAGE_CONSTANT, i, column, count, p);
    break;
  case CNN__IMAGE_REFLECT:
    find_places(warp, CNN__IMAGE_REFLECT, i, column, count, p);
    break;
  case CNN__IMAGE_WRAP:
    find_places(warp, CNN__IMAGE_WRAP, i, column, count, p);
    break;
  }
}

INLINE_CONSTANTS void warp_image(const cnn__warp *warp, bool bytes) {
  const bool constant = warp->fill == CNN__IMAGE_CONSTANT, three = is_of_three(warp, bytes);
  const bool one = warp->channels == 1 && bytes && is_small(warp);
  setting s = {.source = warp->source, .down = warp->height > 1 ? warp->row : 0};
  if (three) {
    s.scale = pixel_make(warp->scale[0], warp->scale[1], warp->scale[2]);
    s.offset = pixel_make(warp->offset[0], warp->offset[1], warp->offset[2]);
    s.fill = pixel_set(warp->fill_value);
  }
  places p;
  for (size_t i = 0; i < warp->out_height; i++)
    for (size_t column = 0; column < warp->out_width; column += RUN) {
      const size_t left = warp->out_width - column, count = left < RUN ? left : RUN;
      float *out = warp->out + (i * warp->out_width + column) * warp->channels;
      places_of(warp, i, column, count, &p);
      if (three && constant)
        run_of_three(&s, &p, bytes, true, count, out);
      else if (three)
        run_of_three(&s, &p, bytes, false, count, out);
      else if (one)
        run_of_one(warp, &p, constant, count, out);
      else
        run_of_any(warp, &p, bytes, count, out);
    }
}

static void warp_u8(const cnn__warp *warp) {
  warp_image(warp, true);
}
static void warp_f32(const cnn__warp *warp) {
  warp_image(warp, false);
}

/* ---- conversion ---- */

INLINE_CONSTANTS vector load_elements(bool bytes, const void *from, size_t at) {
  return bytes ? vector_from_int(vector_int_load_bytes((const uint8_t *)from + at))
               : vector_load((const float *)from + at);
}

enum { MOST_KEPT = 6 }; /* vectors of factors that registers hold */

/* As much of count as there are whole patterns of so many vectors; their factors stay in registers. */
INLINE_CONSTANTS size_t convert_kept(size_t vectors, bool bytes, size_t count, const float *scale,
                                     const float *offset, const void *from, float *to) {
  vector scales[MOST_KEPT], offsets[MOST_KEPT];
  size_t e = 0;
  for (size_t v = 0; v < vectors; v++) {
    scales[v] = vector_load(scale + v * VECTOR_WIDTH);
    offsets[v] = vector_load(offset + v * VECTOR_WIDTH);
  }
  for (; e + vectors * VECTOR_WIDTH <= count; e += vectors * VECTOR_WIDTH)
    for (size_t v = 0; v < vectors; v++)
      vector_store(
          to + e + v * VECTOR_WIDTH,
          vector_fma(load_elements(bytes, from, e + v * VECTOR_WIDTH), scales[v], offsets[v]));
  return e;
}

/* The factors repeat after 16 * period values, which is a whole number of vectors. */
INLINE_CONSTANTS void convert(bool bytes, size_t count, size_t period, const float *scale,
                              const float *offset, const void *from, float *to) {
  const size_t pattern = period * CNN__IMAGE_LANES;
  size_t e = 0;
  if (period == 1)
    e = convert_kept(1, bytes, count, scale, offset, from, to);
  else if (period == 3 && 3 * CNN__IMAGE_LANES <= MOST_KEPT * VECTOR_WIDTH)
    e = convert_kept(3 * CNN__IMAGE_LANES / VECTOR_WIDTH, bytes, count, scale, offset, from, to);
  for (size_t k = 0; e + VECTOR_WIDTH <= count; e += VECTOR_WIDTH) {
    vector_store(to + e, vector_fma(load_elements(bytes, from, e), vector_load(scale + k),
                                    vector_load(offset + k)));
    k = k + VECTOR_WIDTH == pattern ? 0 : k + VECTOR_WIDTH;
  }
  for (; e < count; e++) {
    const float value = bytes ? (float)((const uint8_t *)from)[e] : ((const float *)from)[e];
    to[e] = multiply_add(value, scale[e % pattern], offset[e % pattern]);
  }
}

static void convert_u8(size_t count, size_t period, const float *scale, const float *offset,
                       const uint8_t *from, float *to) {
  convert(true, count, period, scale, offset, from, to);
}
static void convert_f32(size_t count, size_t period, const float *scale, const float *offset,
                        const float *from, float *to) {
  convert(false, count, period, scale, offset, from, to);
}

/* ---- resizing ---- */

INLINE_CONSTANTS void blend_rows(bool bytes, size_t count, size_t taps, const float *weights,
                                 const void *from, size_t row, float *to) {
  size_t e = 0;
  for (; e + WIDE * VECTOR_WIDTH <= count; e += WIDE * VECTOR_WIDTH) {
    vector sum[WIDE] = {vector_zero(), vector_zero(), vector_zero(), vector_zero()};
    for (size_t k = 0; k < taps; k++)
      for (size_t v = 0; v < WIDE; v++)
        sum[v] = vector_fma_scalar(
            weights[k], load_elements(bytes, from, k * row + e + v * VECTOR_WIDTH), sum[v]);
    for (size_t v = 0; v < WIDE; v++)
      vector_store(to + e + v * VECTOR_WIDTH, sum[v]);
  }
  for (; e < count; e++) {
    float sum = 0;
    for (size_t k = 0; k < taps; k++) {
      const size_t at = k * row + e;
      const float value = bytes ? (float)((const uint8_t *)from)[at] : ((const float *)from)[at];
      sum = multiply_add(weights[k], value, sum);
    }
    to[e] = sum;
  }
}

static void blend_rows_u8(size_t count, size_t taps, const float *weights, const uint8_t *from,
                          size_t row, float *to) {
  blend_rows(true, count, taps, weights, from, row, to);
}
static void blend_rows_f32(size_t count, size_t taps, const float *weights, const float *from,
                           size_t row, float *to) {
  blend_rows(false, count, taps, weights, from, row, to);
}

INLINE_CONSTANTS pixel blend_pixels(const cnn__taps *taps, size_t x, const float *from) {
  const float *weights = taps->weights + x * taps->stride;
  const float *p = from + (size_t)taps->first[x] * 3;
  pixel sum = pixel_set(0);
  for (size_t k = 0; k < taps->taps[x]; k++, p += 3)
    sum = pixel_fma(pixel_set(weights[k]), pixel_load(p), sum);
  return sum;
}

static void blend_columns(const cnn__taps *taps, size_t channels, const float *from, float *to) {
  if (channels == 3) {
    for (size_t x = 0; x + 1 < taps->count; x++)
      pixel_store(to + 3 * x, blend_pixels(taps, x, from));
    const size_t last = taps->count - 1;
    pixel_store_three(to + 3 * last, blend_pixels(taps, last, from));
    return;
  }
  for (size_t x = 0; x < taps->count; x++) {
    const float *weights = taps->weights + x * taps->stride;
    for (size_t c = 0; c < channels; c++) {
      const float *p = from + (size_t)taps->first[x] * channels + c;
      float sum = 0;
      for (size_t k = 0; k < taps->taps[x]; k++)
        sum = multiply_add(weights[k], p[k * channels], sum);
      *to++ = sum;
    }
  }
}

static void round_u8(size_t count, const float *from, uint8_t *to) {
  size_t e = 0;
  for (; e + VECTOR_WIDTH <= count; e += VECTOR_WIDTH) {
    const vector low = vector_max(vector_load(from + e), vector_zero());
    const vector in = vector_min(low, vector_set(255));
    vector_int_store_bytes(to + e, vector_to_int_truncated(vector_add(in, vector_set(0.5f))));
  }
  for (; e < count; e++) {
    const float low = from[e] > 0 ? from[e] : 0;
    to[e] = (uint8_t)((low < 255 ? low : 255) + 0.5f);
  }
}

static void fill_image(cnn__image_kernels *table) {
  *table = (cnn__image_kernels){.warp_u8 = warp_u8,
                                .warp_f32 = warp_f32,
                                .convert_u8 = convert_u8,
                                .convert_f32 = convert_f32,
                                .blend_rows_u8 = blend_rows_u8,
                                .blend_rows_f32 = blend_rows_f32,
                                .blend_columns = blend_columns,
                                .round_u8 = round_u8};
}

#endif
