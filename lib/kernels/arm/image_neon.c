#include "kernels/arm/vector_neon.h"

#include <math.h>

static inline float multiply_add(float a, float b, float c) {
  return fmaf(a, b, c);
}

typedef float32x4_t pixel;

static inline pixel pixel_set(float x) {
  return vdupq_n_f32(x);
}
static inline pixel pixel_make(float r, float g, float b) {
  return (pixel){r, g, b, 0};
}
static inline pixel pixel_load(const float *from) {
  return vld1q_f32(from);
}
static inline void pixel_store(float *to, pixel x) {
  vst1q_f32(to, x);
}
static inline void pixel_store_three(float *to, pixel x) {
  vst1_f32(to, vget_low_f32(x));
  vst1q_lane_f32(to + 2, x, 2);
}
static inline pixel pixel_sub(pixel a, pixel b) {
  return vsubq_f32(a, b);
}
static inline pixel pixel_fma(pixel a, pixel b, pixel c) {
  return vfmaq_f32(c, a, b);
}
/* bits: all or none */
static inline pixel pixel_select(uint32_t bits, pixel a, pixel b) {
  return vbslq_f32(vdupq_n_u32(bits), a, b);
}

typedef struct pixel_pair {
  pixel left, right;
} pixel_pair;

static inline pixel_pair pixel_pair_set(float x) {
  return (pixel_pair){vdupq_n_f32(x), vdupq_n_f32(x)};
}
/* Reads eight bytes. */
static inline pixel_pair pixel_pair_load_bytes(const uint8_t *from) {
  static const uint8_t spread[2][16] = {
      {0, 255, 255, 255, 1, 255, 255, 255, 2, 255, 255, 255, 255, 255, 255, 255},
      {3, 255, 255, 255, 4, 255, 255, 255, 5, 255, 255, 255, 255, 255, 255, 255}};
  const uint8x16_t bytes = vcombine_u8(vld1_u8(from), vdup_n_u8(0));
  return (pixel_pair){vcvtq_f32_u32(vreinterpretq_u32_u8(vqtbl1q_u8(bytes, vld1q_u8(spread[0])))),
                      vcvtq_f32_u32(vreinterpretq_u32_u8(vqtbl1q_u8(bytes, vld1q_u8(spread[1]))))};
}
static inline pixel_pair pixel_pair_load(const float *from) {
  return (pixel_pair){vld1q_f32(from), vld1q_f32(from + 3)};
}
static inline pixel_pair pixel_pair_sub(pixel_pair a, pixel_pair b) {
  return (pixel_pair){vsubq_f32(a.left, b.left), vsubq_f32(a.right, b.right)};
}
static inline pixel_pair pixel_pair_fma(pixel_pair a, pixel_pair b, pixel_pair c) {
  return (pixel_pair){pixel_fma(a.left, b.left, c.left), pixel_fma(a.right, b.right, c.right)};
}
static inline pixel pixel_pair_left(pixel_pair a) {
  return a.left;
}
static inline pixel pixel_pair_right(pixel_pair a) {
  return a.right;
}

#include "kernels/image/image_body.h"

void cnn__image_kernels_fill_neon(cnn__image_kernels *table) {
  fill_image(table);
}
