#include "kernels/x86/vector_sse2.h"

#include "kernels/image/pixel_sse.h"

static inline float multiply_add(float a, float b, float c) {
  return a * b + c;
}
static inline pixel pixel_fma(pixel a, pixel b, pixel c) {
  return _mm_add_ps(_mm_mul_ps(a, b), c);
}

/* Reads eight bytes. */
typedef struct pixel_pair {
  pixel left, right;
} pixel_pair;

static inline pixel_pair pixel_pair_set(float x) {
  return (pixel_pair){_mm_set1_ps(x), _mm_set1_ps(x)};
}
static inline pixel_pair pixel_pair_load_bytes(const uint8_t *from) {
  const __m128i zero = _mm_setzero_si128();
  const __m128i words =
      _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)(const void *)from), zero);
  return (pixel_pair){_mm_cvtepi32_ps(_mm_unpacklo_epi16(words, zero)),
                      _mm_cvtepi32_ps(_mm_unpacklo_epi16(_mm_srli_si128(words, 6), zero))};
}
static inline pixel_pair pixel_pair_load(const float *from) {
  return (pixel_pair){_mm_loadu_ps(from), _mm_loadu_ps(from + 3)};
}
static inline pixel_pair pixel_pair_sub(pixel_pair a, pixel_pair b) {
  return (pixel_pair){_mm_sub_ps(a.left, b.left), _mm_sub_ps(a.right, b.right)};
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

void cnn__image_kernels_fill_sse2(cnn__image_kernels *table) {
  fill_image(table);
}
