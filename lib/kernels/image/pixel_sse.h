/* A pixel of three channels in the four lanes of an SSE register. */
#ifndef CNN_KERNELS_IMAGE_PIXEL_SSE_H
#define CNN_KERNELS_IMAGE_PIXEL_SSE_H

typedef __m128 pixel;

static inline pixel pixel_set(float x) {
  return _mm_set1_ps(x);
}
static inline pixel pixel_make(float r, float g, float b) {
  return _mm_setr_ps(r, g, b, 0);
}
static inline pixel pixel_load(const float *from) {
  return _mm_loadu_ps(from);
}
static inline void pixel_store(float *to, pixel x) {
  _mm_storeu_ps(to, x);
}
static inline void pixel_store_three(float *to, pixel x) {
  _mm_storel_pi((__m64 *)(void *)to, x);
  _mm_store_ss(to + 2, _mm_movehl_ps(x, x));
}
static inline pixel pixel_sub(pixel a, pixel b) {
  return _mm_sub_ps(a, b);
}
/* bits: all or none */
static inline pixel pixel_select(uint32_t bits, pixel a, pixel b) {
  const __m128 mask = _mm_castsi128_ps(_mm_set1_epi32((int32_t)bits));
  return _mm_or_ps(_mm_and_ps(mask, a), _mm_andnot_ps(mask, b));
}

#endif
