/* The vector abstraction over AVX2 and FMA: 8 floats. The same names and meanings in every
   vector_<isa>.h, so that a kernel family's body is written once in terms of them.

   Tails (count < VECTOR_WIDTH) touch only count elements; missing lanes load as 0. A comparison
   with NaN is false (not_equal: true). Where a meaning differs by ISA, the comment says how. */
#ifndef CNN_KERNELS_VECTOR_H
#define CNN_KERNELS_VECTOR_H

#include "kernels/x86/interleave.h"
#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { VECTOR_WIDTH = 8, VECTOR_DOUBLE_WIDTH = 4, VECTOR_REGISTERS = 16 };

typedef __m256 vector;         /* floats */
typedef __m256i vector_int;    /* as many 32-bit integers */
typedef __m256d vector_double; /* half as many doubles */
typedef __m256 vector_mask;    /* one truth value a lane */

/* Loading and storing, any alignment */
static inline vector vector_zero(void) {
  return _mm256_setzero_ps();
}
static inline vector vector_set(float x) {
  return _mm256_set1_ps(x);
}
static inline vector vector_load(const float *from) {
  return _mm256_loadu_ps(from);
}
static inline void vector_store(float *to, vector x) {
  _mm256_storeu_ps(to, x);
}
/* Past the caches, for what nothing reads soon: to a multiple of the vector's size, and whole lines at a time;
   vector_stream_end before others read it. */
static inline void vector_stream(float *to, vector x) {
  _mm256_stream_ps(to, x);
}
static inline void vector_stream_end(void) {
  _mm_sfence();
}
/* x, in a register from here on: compilers may load it again for each use instead. */
static inline vector vector_held(vector x) {
  __asm__("" : "+x"(x));
  return x;
}

static inline __m256i vector_tail_bits(size_t count) {
  static const int32_t bits[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  return _mm256_loadu_si256((const __m256i *)(const void *)(bits + 8 - count));
}
static inline vector vector_load_tail(const float *from, size_t count) {
  return _mm256_maskload_ps(from, vector_tail_bits(count));
}
/* By halves: a masked store takes dozens of cycles on some processors. */
static inline void vector_store_tail(float *to, size_t count, vector x) {
  __m128 part = _mm256_castps256_ps128(x);
  if (count & 8) {
    _mm256_storeu_ps(to, x);
    return;
  }
  if (count & 4) {
    _mm_storeu_ps(to, part);
    part = _mm256_extractf128_ps(x, 1);
    to += 4;
  }
  if (count & 2) {
    _mm_storel_pi((__m64 *)(void *)to, part);
    part = _mm_movehl_ps(part, part);
    to += 2;
  }
  if (count & 1) _mm_store_ss(to, part);
}

/* Arithmetic */
static inline vector vector_add(vector a, vector b) {
  return _mm256_add_ps(a, b);
}
static inline vector vector_sub(vector a, vector b) {
  return _mm256_sub_ps(a, b);
}
static inline vector vector_mul(vector a, vector b) {
  return _mm256_mul_ps(a, b);
}
static inline vector vector_div(vector a, vector b) {
  return _mm256_div_ps(a, b);
}
static inline vector vector_sqrt(vector a) {
  return _mm256_sqrt_ps(a);
}
/* a * b + c and c - a * b, rounded once (SSE2: twice). */
static inline vector vector_fma(vector a, vector b, vector c) {
  return _mm256_fmadd_ps(a, b, c);
}
static inline vector vector_fnma(vector a, vector b, vector c) {
  return _mm256_fnmadd_ps(a, b, c);
}
/* The same with one number in every lane of a. */
static inline vector vector_fma_scalar(float a, vector b, vector c) {
  /* Written out, for of several forms compilers choose those that move sums between registers. */
  const vector left = _mm256_set1_ps(a);
  __asm__("vfmadd231ps %2, %1, %0" : "+x"(c) : "x"(left), "x"(b));
  return c;
}
/* a < b ? a : b and a > b ? a : b, so b where either is NaN. */
static inline vector vector_min(vector a, vector b) {
  return _mm256_min_ps(a, b);
}
static inline vector vector_max(vector a, vector b) {
  return _mm256_max_ps(a, b);
}
static inline vector vector_abs(vector a) {
  return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
static inline vector vector_negate(vector a) {
  return _mm256_xor_ps(_mm256_set1_ps(-0.0f), a);
}
/* |a| with the sign of b. */
static inline vector vector_copy_sign(vector a, vector b) {
  const vector sign = _mm256_set1_ps(-0.0f);
  return _mm256_or_ps(_mm256_andnot_ps(sign, a), _mm256_and_ps(sign, b));
}

/* Comparing and choosing */
static inline vector_mask vector_less(vector a, vector b) {
  return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}
static inline vector_mask vector_less_equal(vector a, vector b) {
  return _mm256_cmp_ps(a, b, _CMP_LE_OQ);
}
static inline vector_mask vector_equal(vector a, vector b) {
  return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
}
static inline vector_mask vector_not_equal(vector a, vector b) {
  return _mm256_cmp_ps(a, b, _CMP_NEQ_UQ);
}
static inline vector_mask vector_is_nan(vector a) {
  return _mm256_cmp_ps(a, a, _CMP_UNORD_Q);
}
static inline vector_mask vector_mask_and(vector_mask a, vector_mask b) {
  return _mm256_and_ps(a, b);
}
static inline vector_mask vector_mask_or(vector_mask a, vector_mask b) {
  return _mm256_or_ps(a, b);
}
/* a and not b */
static inline vector_mask vector_mask_and_not(vector_mask a, vector_mask b) {
  return _mm256_andnot_ps(b, a);
}
/* The first count lanes, count <= VECTOR_WIDTH. */
static inline vector_mask vector_mask_first(size_t count) {
  return _mm256_castsi256_ps(vector_tail_bits(count));
}
static inline bool vector_mask_any(vector_mask a) {
  return _mm256_movemask_ps(a) != 0;
}
static inline bool vector_mask_all(vector_mask a) {
  return _mm256_movemask_ps(a) == 0xff;
}
/* Bit i is lane i. */
static inline uint32_t vector_mask_bits(vector_mask a) {
  return (uint32_t)_mm256_movemask_ps(a);
}
/* mask ? a : b */
static inline vector vector_select(vector_mask mask, vector a, vector b) {
  return _mm256_blendv_ps(b, a, mask);
}
/* mask ? a : 0 */
static inline vector vector_keep(vector_mask mask, vector a) {
  return _mm256_and_ps(mask, a);
}

/* 32-bit integers; arithmetic wraps */
static inline vector_int vector_int_set(int32_t x) {
  return _mm256_set1_epi32(x);
}
static inline vector_int vector_int_load(const void *from) {
  return _mm256_loadu_si256((const __m256i *)from);
}
static inline void vector_int_store(void *to, vector_int x) {
  _mm256_storeu_si256((__m256i *)to, x);
}
static inline vector_int vector_int_load_tail(const void *from, size_t count) {
  return _mm256_maskload_epi32((const int *)from, vector_tail_bits(count));
}
static inline void vector_int_store_tail(void *to, size_t count, vector_int x) {
  int32_t lanes[VECTOR_WIDTH];
  vector_int_store(lanes, x);
  memcpy(to, lanes, count * sizeof *lanes);
}
static inline vector_int vector_int_add(vector_int a, vector_int b) {
  return _mm256_add_epi32(a, b);
}
static inline vector_int vector_int_sub(vector_int a, vector_int b) {
  return _mm256_sub_epi32(a, b);
}
static inline vector_int vector_int_and(vector_int a, vector_int b) {
  return _mm256_and_si256(a, b);
}
static inline vector_int vector_int_or(vector_int a, vector_int b) {
  return _mm256_or_si256(a, b);
}
static inline vector_int vector_int_xor(vector_int a, vector_int b) {
  return _mm256_xor_si256(a, b);
}
static inline vector_int vector_int_shift_left(vector_int a, int bits) {
  return _mm256_slli_epi32(a, bits);
}
static inline vector_int vector_int_shift_right(vector_int a, int bits) { /* zeros come in */
  return _mm256_srli_epi32(a, bits);
}
static inline vector_int vector_int_shift_right_signed(vector_int a, int bits) {
  return _mm256_srai_epi32(a, bits);
}
static inline vector_int vector_int_mul(vector_int a, vector_int b) {
  return _mm256_mullo_epi32(a, b);
}
/* The upper 32 bits of the unsigned 64-bit products. */
static inline vector_int vector_int_mul_high(vector_int a, vector_int b) {
  const __m256i even = _mm256_srli_epi64(_mm256_mul_epu32(a, b), 32);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
  return _mm256_blend_epi32(even, odd, 0xaa);
}
static inline vector_mask vector_int_less(vector_int a, vector_int b) {
  return _mm256_castsi256_ps(_mm256_cmpgt_epi32(b, a));
}
static inline vector_mask vector_int_equal(vector_int a, vector_int b) {
  return _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b));
}
static inline vector_int vector_int_select(vector_mask mask, vector_int a, vector_int b) {
  return _mm256_blendv_epi8(b, a, _mm256_castps_si256(mask));
}
static inline vector_int vector_int_min(vector_int a, vector_int b) {
  return _mm256_min_epi32(a, b);
}
static inline vector_int vector_int_max(vector_int a, vector_int b) {
  return _mm256_max_epi32(a, b);
}

/* Between the two. To integers: |x| < 2^31, what else comes out depends on the ISA. */
static inline vector_int vector_bits(vector a) {
  return _mm256_castps_si256(a);
}
static inline vector vector_from_bits(vector_int a) {
  return _mm256_castsi256_ps(a);
}
static inline vector vector_from_int(vector_int a) {
  return _mm256_cvtepi32_ps(a);
}
static inline vector_int vector_to_int_nearest(vector a) {
  return _mm256_cvtps_epi32(a);
}
static inline vector_int vector_to_int_truncated(vector a) {
  return _mm256_cvttps_epi32(a);
}

/* base[index], lane by lane. */
static inline vector vector_gather(const float *base, vector_int index) {
  return _mm256_i32gather_ps(base, index, 4);
}

/* four[code & 3], lane by lane: with what choice makes of the codes beforehand. */
static inline vector_int vector_choice(vector_int code) {
  return code;
}
static inline vector vector_choose(const float four[4], vector_int choice) {
  return _mm256_permutevar_ps(_mm256_broadcast_ps((const __m128 *)(const void *)four), choice);
}

/* VECTOR_WIDTH unsigned bytes: widened, and narrowed from [0, 255]. */
static inline vector_int vector_int_load_bytes(const uint8_t *from) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)from));
}
static inline void vector_int_store_bytes(uint8_t *to, vector_int x) {
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  _mm_storel_epi64((__m128i *)(void *)to, _mm_packus_epi16(words, words));
}

/* Doubles: of a vector's lower and upper half. */
static inline vector_double vector_double_low(vector a) {
  return _mm256_cvtps_pd(_mm256_castps256_ps128(a));
}
static inline vector_double vector_double_high(vector a) {
  return _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));
}
static inline vector vector_from_doubles(vector_double low, vector_double high) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(low)), _mm256_cvtpd_ps(high),
                              1);
}
static inline vector_double vector_double_set(double x) {
  return _mm256_set1_pd(x);
}
static inline vector_double vector_double_load(const double *from) {
  return _mm256_loadu_pd(from);
}
static inline void vector_double_store(double *to, vector_double x) {
  _mm256_storeu_pd(to, x);
}
static inline vector_double vector_double_add(vector_double a, vector_double b) {
  return _mm256_add_pd(a, b);
}
static inline vector_double vector_double_sub(vector_double a, vector_double b) {
  return _mm256_sub_pd(a, b);
}
static inline vector_double vector_double_mul(vector_double a, vector_double b) {
  return _mm256_mul_pd(a, b);
}
static inline vector_double vector_double_fma(vector_double a, vector_double b, vector_double c) {
  return _mm256_fmadd_pd(a, b, c);
}

/* rows[i] lane j becomes rows[j] lane i. */
static inline void vector_transpose(vector rows[VECTOR_WIDTH]) {
  vector pairs[8], quads[8];
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    quads[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
    quads[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
    quads[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
    quads[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
  }
  for (int i = 0; i < 4; i++) {
    rows[i] = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x20);
    rows[i + 4] = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x31);
  }
}

#endif
