/* AVX-512 by SIMDe (https://github.com/simd-everywhere/simde) on a machine without it: found before
   the compiler's own header when the AVX-512 sources are compiled once more for the kernel tests.
   AVX2 and FMA stay native, so multiply-adds are fused. What SIMDe lacks is made here. */
#ifndef EMULATED_IMMINTRIN_H
#define EMULATED_IMMINTRIN_H

#pragma GCC system_header /* SIMDe's warnings are not ours */
#include_next <immintrin.h>

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

#include <string.h>

/* The two halves of an emulated vector: AVX2 does the rest. */
static inline __m256 emulated_half(__m512 a, int half) {
  float lanes[16];
  _mm512_storeu_ps(lanes, a);
  return _mm256_loadu_ps(lanes + 8 * half);
}
static inline __m256i emulated_int_half(__m512i a, int half) {
  int lanes[16];
  _mm512_storeu_si512(lanes, a);
  return _mm256_loadu_si256((const __m256i *)(const void *)(lanes + 8 * half));
}
static inline __m512 emulated_join(__m256 low, __m256 high) {
  float lanes[16];
  _mm256_storeu_ps(lanes, low);
  _mm256_storeu_ps(lanes + 8, high);
  return _mm512_loadu_ps(lanes);
}
static inline void emulated_stream(float *to, __m512 a) {
  _mm256_stream_ps(to, emulated_half(a, 0));
  _mm256_stream_ps(to + 8, emulated_half(a, 1));
}
static inline __m512i emulated_int_join(__m256i low, __m256i high) {
  int lanes[16];
  _mm256_storeu_si256((__m256i *)(void *)lanes, low);
  _mm256_storeu_si256((__m256i *)(void *)(lanes + 8), high);
  return _mm512_loadu_si512(lanes);
}
static inline __m512d emulated_double_join(__m256d low, __m256d high) {
  double lanes[8];
  _mm256_storeu_pd(lanes, low);
  _mm256_storeu_pd(lanes + 4, high);
  return _mm512_loadu_pd(lanes);
}

/* Masked loads and stores touch the lanes of the mask alone. */
static inline __m512i emulated_maskz_loadu_epi32(__mmask16 mask, const void *from) {
  int lanes[16] = {0};
  for (int i = 0; i < 16; i++)
    if (mask >> i & 1) memcpy(&lanes[i], (const char *)from + 4 * i, 4);
  return _mm512_loadu_si512(lanes);
}
static inline void emulated_mask_storeu_epi32(void *to, __mmask16 mask, __m512i a) {
  int lanes[16];
  _mm512_storeu_si512(lanes, a);
  for (int i = 0; i < 16; i++)
    if (mask >> i & 1) memcpy((char *)to + 4 * i, &lanes[i], 4);
}
static inline __m512 emulated_i32gather_ps(__m512i index, const void *base, int scale) {
  int at[16];
  float lanes[16];
  _mm512_storeu_si512(at, index);
  for (int i = 0; i < 16; i++)
    memcpy(&lanes[i], (const char *)base + (ptrdiff_t)at[i] * scale, 4);
  return _mm512_loadu_ps(lanes);
}
static inline __m128i emulated_cvtepi32_epi8(__m512i a) {
  int lanes[16];
  unsigned char bytes[16];
  _mm512_storeu_si512(lanes, a);
  for (int i = 0; i < 16; i++)
    bytes[i] = (unsigned char)lanes[i];
  return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

#define BY_HALVES(join, half, convert, a) join(convert(half(a, 0)), convert(half(a, 1)))
static inline __m512i emulated_cvtps_epi32(__m512 a) {
  return BY_HALVES(emulated_int_join, emulated_half, _mm256_cvtps_epi32, a);
}
static inline __m512i emulated_cvttps_epi32(__m512 a) {
  return BY_HALVES(emulated_int_join, emulated_half, _mm256_cvttps_epi32, a);
}
static inline __m512 emulated_cvtepi32_ps(__m512i a) {
  return BY_HALVES(emulated_join, emulated_int_half, _mm256_cvtepi32_ps, a);
}
static inline __m512i emulated_cvtepu8_epi32(__m128i a) {
  return emulated_int_join(_mm256_cvtepu8_epi32(a), _mm256_cvtepu8_epi32(_mm_srli_si128(a, 8)));
}
static inline __m512i emulated_sra_epi32(__m512i a, __m128i bits) {
  return emulated_int_join(_mm256_sra_epi32(emulated_int_half(a, 0), bits),
                           _mm256_sra_epi32(emulated_int_half(a, 1), bits));
}
static inline __m512d emulated_cvtps_pd(__m256 a) {
  return emulated_double_join(_mm256_cvtps_pd(_mm256_castps256_ps128(a)),
                              _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)));
}
static inline __m256 emulated_cvtpd_ps(__m512d a) {
  double lanes[8];
  _mm512_storeu_pd(lanes, a);
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(_mm256_loadu_pd(lanes))),
                              _mm256_cvtpd_ps(_mm256_loadu_pd(lanes + 4)), 1);
}
#undef BY_HALVES

#define _mm512_maskz_loadu_epi32(mask, from) emulated_maskz_loadu_epi32(mask, from)
#define _mm512_mask_storeu_epi32(to, mask, a) emulated_mask_storeu_epi32(to, mask, a)
#define _mm512_maskz_loadu_ps(mask, from)                                                          \
  _mm512_castsi512_ps(emulated_maskz_loadu_epi32(mask, from))
#define _mm512_mask_storeu_ps(to, mask, a)                                                         \
  emulated_mask_storeu_epi32(to, mask, _mm512_castps_si512(a))
#define _mm512_stream_ps(to, a) emulated_stream(to, a)
#undef _mm512_i32gather_ps
#define _mm512_i32gather_ps(index, base, scale) emulated_i32gather_ps(index, base, scale)
#define _mm512_cvtepi32_epi8(a) emulated_cvtepi32_epi8(a)
#define _mm512_cvtps_epi32(a) emulated_cvtps_epi32(a)
#define _mm512_cvttps_epi32(a) emulated_cvttps_epi32(a)
#define _mm512_cvtepi32_ps(a) emulated_cvtepi32_ps(a)
#define _mm512_cvtepu8_epi32(a) emulated_cvtepu8_epi32(a)
#define _mm512_sra_epi32(a, bits) emulated_sra_epi32(a, bits)
#define _mm512_cvtps_pd(a) emulated_cvtps_pd(a)
#define _mm512_cvtpd_ps(a) emulated_cvtpd_ps(a)
#undef _mm512_shuffle_f32x4
#define _mm512_shuffle_f32x4(a, b, lanes) simde_mm512_shuffle_f32x4(a, b, lanes)
#undef _mm512_extractf32x8_ps
#define _mm512_extractf32x8_ps(a, half) emulated_half(a, half)

#endif
