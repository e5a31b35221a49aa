/* The vector abstraction over SSE2, which every x86-64 processor has: 4 floats. The same names and
   meanings in every vector_<isa>.h, so that a kernel family's body is written once in terms of
   them. There is no fused multiply-add: vector_fma rounds twice.

   Tails (count < VECTOR_WIDTH) touch only count elements; missing lanes load as 0. A comparison
   with NaN is false (not_equal: true). Where a meaning differs by ISA, the comment says how. */
#ifndef CNN_KERNELS_VECTOR_H
#define CNN_KERNELS_VECTOR_H

#include "kernels/x86/interleave.h"
#include <emmintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { VECTOR_WIDTH = 4, VECTOR_DOUBLE_WIDTH = 2, VECTOR_REGISTERS = 16 };

typedef __m128 vector;         /* floats */
typedef __m128i vector_int;    /* as many 32-bit integers */
typedef __m128d vector_double; /* half as many doubles */
typedef __m128 vector_mask;    /* one truth value a lane */

/* Loading and storing, any alignment */
static inline vector vector_zero(void) {
  return _mm_setzero_ps();
}
static inline vector vector_set(float x) {
  return _mm_set1_ps(x);
}
static inline vector vector_load(const float *from) {
  return _mm_loadu_ps(from);
}
static inline void vector_store(float *to, vector x) {
  _mm_storeu_ps(to, x);
}
/* Past the caches, for what nothing reads soon: to a multiple of the vector's size, and whole lines at a time;
   vector_stream_end before others read it. */
static inline void vector_stream(float *to, vector x) {
  _mm_stream_ps(to, x);
}
static inline void vector_stream_end(void) {
  _mm_sfence();
}
/* x, in a register from here on: compilers may load it again for each use instead. */
static inline vector vector_held(vector x) {
  __asm__("" : "+x"(x));
  return x;
}
static inline vector vector_load_tail(const float *from, size_t count) {
  switch (count) {
  case 0:
    return _mm_setzero_ps();
  case 1:
    return _mm_load_ss(from);
  case 2:
    return _mm_loadl_pi(_mm_setzero_ps(), (const __m64 *)(const void *)from);
  case 3:
    return _mm_movelh_ps(_mm_loadl_pi(_mm_setzero_ps(), (const __m64 *)(const void *)from),
                         _mm_load_ss(from + 2));
  default:
    return _mm_loadu_ps(from);
  }
}
static inline void vector_store_tail(float *to, size_t count, vector x) {
  if (count & 4) {
    _mm_storeu_ps(to, x);
    return;
  }
  if (count & 2) {
    _mm_storel_pi((__m64 *)(void *)to, x);
    x = _mm_movehl_ps(x, x);
    to += 2;
  }
  if (count & 1) _mm_store_ss(to, x);
}

/* Arithmetic */
static inline vector vector_add(vector a, vector b) {
  return _mm_add_ps(a, b);
}
static inline vector vector_sub(vector a, vector b) {
  return _mm_sub_ps(a, b);
}
static inline vector vector_mul(vector a, vector b) {
  return _mm_mul_ps(a, b);
}
static inline vector vector_div(vector a, vector b) {
  return _mm_div_ps(a, b);
}
static inline vector vector_sqrt(vector a) {
  return _mm_sqrt_ps(a);
}
/* a * b + c and c - a * b, rounded twice here, once elsewhere. */
static inline vector vector_fma(vector a, vector b, vector c) {
  return _mm_add_ps(c, _mm_mul_ps(a, b));
}
static inline vector vector_fnma(vector a, vector b, vector c) {
  return _mm_sub_ps(c, _mm_mul_ps(a, b));
}
/* The same with one number in every lane of a. */
static inline vector vector_fma_scalar(float a, vector b, vector c) {
  return _mm_add_ps(c, _mm_mul_ps(_mm_set1_ps(a), b));
}
/* a < b ? a : b and a > b ? a : b, so b where either is NaN. */
static inline vector vector_min(vector a, vector b) {
  return _mm_min_ps(a, b);
}
static inline vector vector_max(vector a, vector b) {
  return _mm_max_ps(a, b);
}
static inline vector vector_abs(vector a) {
  return _mm_andnot_ps(_mm_set1_ps(-0.0f), a);
}
static inline vector vector_negate(vector a) {
  return _mm_xor_ps(_mm_set1_ps(-0.0f), a);
}
/* |a| with the sign of b. */
static inline vector vector_copy_sign(vector a, vector b) {
  const vector sign = _mm_set1_ps(-0.0f);
  return _mm_or_ps(_mm_andnot_ps(sign, a), _mm_and_ps(sign, b));
}

/* Comparing and choosing */
static inline vector_mask vector_less(vector a, vector b) {
  return _mm_cmplt_ps(a, b);
}
static inline vector_mask vector_less_equal(vector a, vector b) {
  return _mm_cmple_ps(a, b);
}
static inline vector_mask vector_equal(vector a, vector b) {
  return _mm_cmpeq_ps(a, b);
}
static inline vector_mask vector_not_equal(vector a, vector b) {
  return _mm_cmpneq_ps(a, b);
}
static inline vector_mask vector_is_nan(vector a) {
  return _mm_cmpunord_ps(a, a);
}
static inline vector_mask vector_mask_and(vector_mask a, vector_mask b) {
  return _mm_and_ps(a, b);
}
static inline vector_mask vector_mask_or(vector_mask a, vector_mask b) {
  return _mm_or_ps(a, b);
}
/* a and not b */
static inline vector_mask vector_mask_and_not(vector_mask a, vector_mask b) {
  return _mm_andnot_ps(b, a);
}
/* The first count lanes, count <= VECTOR_WIDTH. */
static inline vector_mask vector_mask_first(size_t count) {
  static const int32_t bits[8] = {-1, -1, -1, -1};
  return _mm_castsi128_ps(_mm_loadu_si128((const __m128i *)(const void *)(bits + 4 - count)));
}
static inline bool vector_mask_any(vector_mask a) {
  return _mm_movemask_ps(a) != 0;
}
static inline bool vector_mask_all(vector_mask a) {
  return _mm_movemask_ps(a) == 0xf;
}
/* Bit i is lane i. */
static inline uint32_t vector_mask_bits(vector_mask a) {
  return (uint32_t)_mm_movemask_ps(a);
}
/* mask ? a : b */
static inline vector vector_select(vector_mask mask, vector a, vector b) {
  return _mm_or_ps(_mm_and_ps(mask, a), _mm_andnot_ps(mask, b));
}
/* mask ? a : 0 */
static inline vector vector_keep(vector_mask mask, vector a) {
  return _mm_and_ps(mask, a);
}

/* 32-bit integers; arithmetic wraps */
static inline vector_int vector_int_set(int32_t x) {
  return _mm_set1_epi32(x);
}
static inline vector_int vector_int_load(const void *from) {
  return _mm_loadu_si128((const __m128i *)from);
}
static inline void vector_int_store(void *to, vector_int x) {
  _mm_storeu_si128((__m128i *)to, x);
}
static inline vector_int vector_int_load_tail(const void *from, size_t count) {
  int32_t lanes[VECTOR_WIDTH] = {0};
  memcpy(lanes, from, count * sizeof *lanes);
  return vector_int_load(lanes);
}
static inline void vector_int_store_tail(void *to, size_t count, vector_int x) {
  int32_t lanes[VECTOR_WIDTH];
  vector_int_store(lanes, x);
  memcpy(to, lanes, count * sizeof *lanes);
}
static inline vector_int vector_int_add(vector_int a, vector_int b) {
  return _mm_add_epi32(a, b);
}
static inline vector_int vector_int_sub(vector_int a, vector_int b) {
  return _mm_sub_epi32(a, b);
}
static inline vector_int vector_int_and(vector_int a, vector_int b) {
  return _mm_and_si128(a, b);
}
static inline vector_int vector_int_or(vector_int a, vector_int b) {
  return _mm_or_si128(a, b);
}
static inline vector_int vector_int_xor(vector_int a, vector_int b) {
  return _mm_xor_si128(a, b);
}
static inline vector_int vector_int_shift_left(vector_int a, int bits) {
  return _mm_slli_epi32(a, bits);
}
static inline vector_int vector_int_shift_right(vector_int a, int bits) { /* zeros come in */
  return _mm_srli_epi32(a, bits);
}
static inline vector_int vector_int_shift_right_signed(vector_int a, int bits) {
  return _mm_srai_epi32(a, bits);
}
static inline vector_int vector_int_mul(vector_int a, vector_int b) {
  const __m128i even = _mm_mul_epu32(a, b);
  const __m128i odd = _mm_mul_epu32(_mm_srli_epi64(a, 32), _mm_srli_epi64(b, 32));
  return _mm_unpacklo_epi32(_mm_shuffle_epi32(even, 0x08), _mm_shuffle_epi32(odd, 0x08));
}
/* The upper 32 bits of the unsigned 64-bit products. */
static inline vector_int vector_int_mul_high(vector_int a, vector_int b) {
  const __m128i even = _mm_mul_epu32(a, b);
  const __m128i odd = _mm_mul_epu32(_mm_srli_epi64(a, 32), _mm_srli_epi64(b, 32));
  return _mm_unpacklo_epi32(_mm_shuffle_epi32(even, 0x0d), _mm_shuffle_epi32(odd, 0x0d));
}
static inline vector_mask vector_int_less(vector_int a, vector_int b) {
  return _mm_castsi128_ps(_mm_cmplt_epi32(a, b));
}
static inline vector_mask vector_int_equal(vector_int a, vector_int b) {
  return _mm_castsi128_ps(_mm_cmpeq_epi32(a, b));
}
static inline vector_int vector_int_select(vector_mask mask, vector_int a, vector_int b) {
  const __m128i bits = _mm_castps_si128(mask);
  return _mm_or_si128(_mm_and_si128(bits, a), _mm_andnot_si128(bits, b));
}
static inline vector_int vector_int_min(vector_int a, vector_int b) {
  return vector_int_select(vector_int_less(a, b), a, b);
}
static inline vector_int vector_int_max(vector_int a, vector_int b) {
  return vector_int_select(vector_int_less(a, b), b, a);
}

/* Between the two. To integers: |x| < 2^31, what else comes out depends on the ISA. */
static inline vector_int vector_bits(vector a) {
  return _mm_castps_si128(a);
}
static inline vector vector_from_bits(vector_int a) {
  return _mm_castsi128_ps(a);
}
static inline vector vector_from_int(vector_int a) {
  return _mm_cvtepi32_ps(a);
}
static inline vector_int vector_to_int_nearest(vector a) {
  return _mm_cvtps_epi32(a);
}
static inline vector_int vector_to_int_truncated(vector a) {
  return _mm_cvttps_epi32(a);
}

/* base[index], lane by lane. */
static inline vector vector_gather(const float *base, vector_int index) {
  int32_t i[4];
  vector_int_store(i, index);
  return _mm_setr_ps(base[i[0]], base[i[1]], base[i[2]], base[i[3]]);
}

/* four[code & 3], lane by lane: with what choice makes of the codes beforehand. */
static inline vector_int vector_choice(vector_int code) {
  return code;
}
static inline vector vector_choose(const float four[4], vector_int choice) {
  const vector_mask odd = _mm_castsi128_ps(_mm_srai_epi32(_mm_slli_epi32(choice, 31), 31));
  const vector_mask upper = _mm_castsi128_ps(_mm_srai_epi32(_mm_slli_epi32(choice, 30), 31));
  return vector_select(upper, vector_select(odd, vector_set(four[3]), vector_set(four[2])),
                       vector_select(odd, vector_set(four[1]), vector_set(four[0])));
}

/* VECTOR_WIDTH unsigned bytes: widened, and narrowed from [0, 255]. */
static inline vector_int vector_int_load_bytes(const uint8_t *from) {
  int32_t four;
  memcpy(&four, from, sizeof four);
  const __m128i zero = _mm_setzero_si128();
  return _mm_unpacklo_epi16(_mm_unpacklo_epi8(_mm_cvtsi32_si128(four), zero), zero);
}
static inline void vector_int_store_bytes(uint8_t *to, vector_int x) {
  const __m128i words = _mm_packs_epi32(x, x);
  const int32_t four = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
  memcpy(to, &four, sizeof four);
}

/* Doubles: of a vector's lower and upper half. */
static inline vector_double vector_double_low(vector a) {
  return _mm_cvtps_pd(a);
}
static inline vector_double vector_double_high(vector a) {
  return _mm_cvtps_pd(_mm_movehl_ps(a, a));
}
static inline vector vector_from_doubles(vector_double low, vector_double high) {
  return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
}
static inline vector_double vector_double_set(double x) {
  return _mm_set1_pd(x);
}
static inline vector_double vector_double_load(const double *from) {
  return _mm_loadu_pd(from);
}
static inline void vector_double_store(double *to, vector_double x) {
  _mm_storeu_pd(to, x);
}
static inline vector_double vector_double_add(vector_double a, vector_double b) {
  return _mm_add_pd(a, b);
}
static inline vector_double vector_double_sub(vector_double a, vector_double b) {
  return _mm_sub_pd(a, b);
}
static inline vector_double vector_double_mul(vector_double a, vector_double b) {
  return _mm_mul_pd(a, b);
}
/* Rounded twice here, once elsewhere. */
static inline vector_double vector_double_fma(vector_double a, vector_double b, vector_double c) {
  return _mm_add_pd(c, _mm_mul_pd(a, b));
}

/* rows[i] lane j becomes rows[j] lane i. */
static inline void vector_transpose(vector rows[VECTOR_WIDTH]) {
  const vector upper_low = _mm_unpacklo_ps(rows[0], rows[1]);
  const vector upper_high = _mm_unpackhi_ps(rows[0], rows[1]);
  const vector lower_low = _mm_unpacklo_ps(rows[2], rows[3]);
  const vector lower_high = _mm_unpackhi_ps(rows[2], rows[3]);
  rows[0] = _mm_movelh_ps(upper_low, lower_low);
  rows[1] = _mm_movehl_ps(lower_low, upper_low);
  rows[2] = _mm_movelh_ps(upper_high, lower_high);
  rows[3] = _mm_movehl_ps(lower_high, upper_high);
}

#endif
