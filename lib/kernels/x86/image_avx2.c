#include "kernels/x86/vector_avx2.h"

#include "kernels/image/pixel_sse.h"
#include <math.h>

static inline float multiply_add(float a, float b, float c) {
  return fmaf(a, b, c);
}
static inline pixel pixel_fma(pixel a, pixel b, pixel c) {
  return _mm_fmadd_ps(a, b, c);
}

typedef __m256 pixel_pair;

static inline pixel_pair pixel_pair_set(float x) {
  return _mm256_set1_ps(x);
}
/* Reads eight bytes. */
static inline pixel_pair pixel_pair_load_bytes(const uint8_t *from) {
  const __m256i spread =
      _mm256_setr_epi8(0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1, -1, -1, -1, -1, 3, -1, -1, -1,
                       4, -1, -1, -1, 5, -1, -1, -1, -1, -1, -1, -1);
  int64_t bytes;
  memcpy(&bytes, from, sizeof bytes);
  return _mm256_cvtepi32_ps(_mm256_shuffle_epi8(_mm256_set1_epi64x(bytes), spread));
}
static inline pixel_pair pixel_pair_load(const float *from) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from)), _mm_loadu_ps(from + 3),
                              1);
}
static inline pixel_pair pixel_pair_sub(pixel_pair a, pixel_pair b) {
  return _mm256_sub_ps(a, b);
}
static inline pixel_pair pixel_pair_fma(pixel_pair a, pixel_pair b, pixel_pair c) {
  return _mm256_fmadd_ps(a, b, c);
}
static inline pixel pixel_pair_left(pixel_pair a) {
  return _mm256_castps256_ps128(a);
}
static inline pixel pixel_pair_right(pixel_pair a) {
  return _mm256_extractf128_ps(a, 1);
}

#include "kernels/image/image_body.h"

void cnn__image_kernels_fill_avx2(cnn__image_kernels *table) {
  fill_image(table);
}
