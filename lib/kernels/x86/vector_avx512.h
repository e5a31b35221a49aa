/* The vector abstraction over AVX-512 (F, BW, VL, DQ): 16 floats. The same names and meanings in
   every vector_<isa>.h, so that a kernel family's body is written once in terms of them.

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

enum { VECTOR_WIDTH = 16, VECTOR_DOUBLE_WIDTH = 8, VECTOR_REGISTERS = 32 };

typedef __m512 vector;         /* floats */
typedef __m512i vector_int;    /* as many 32-bit integers */
typedef __m512d vector_double; /* half as many doubles */
typedef __mmask16 vector_mask; /* one truth value a lane */

/* Loading and storing, any alignment */
static inline vector vector_zero(void) {
  return _mm512_setzero_ps();
}
static inline vector vector_set(float x) {
  return _mm512_set1_ps(x);
}
static inline vector vector_load(const float *from) {
  return _mm512_loadu_ps(from);
}
static inline void vector_store(float *to, vector x) {
  _mm512_storeu_ps(to, x);
}
/* Past the caches, for what nothing reads soon: to a multiple of the vector's size, and whole lines at a time;
   vector_stream_end before others read it. */
static inline void vector_stream(float *to, vector x) {
  _mm512_stream_ps(to, x);
}
static inline void vector_stream_end(void) {
  _mm_sfence();
}
static inline vector vector_held(vector x) {
#ifdef __AVX512F__ /* not emulated */
  __asm__("" : "+v"(x));
#endif
  return x;
}
/* The first count lanes, count <= VECTOR_WIDTH. */
static inline vector_mask vector_mask_first(size_t count) {
  return (vector_mask)(((uint32_t)1 << count) - 1);
}
static inline vector vector_load_tail(const float *from, size_t count) {
  return _mm512_maskz_loadu_ps(vector_mask_first(count), from);
}
static inline void vector_store_tail(float *to, size_t count, vector x) {
  _mm512_mask_storeu_ps(to, vector_mask_first(count), x);
}

/* Arithmetic */
static inline vector vector_add(vector a, vector b) {
  return _mm512_add_ps(a, b);
}
static inline vector vector_sub(vector a, vector b) {
  return _mm512_sub_ps(a, b);
}
static inline vector vector_mul(vector a, vector b) {
  return _mm512_mul_ps(a, b);
}
static inline vector vector_div(vector a, vector b) {
  return _mm512_div_ps(a, b);
}
static inline vector vector_sqrt(vector a) {
  return _mm512_sqrt_ps(a);
}
/* a * b + c and c - a * b, rounded once (SSE2: twice). */
static inline vector vector_fma(vector a, vector b, vector c) {
  return _mm512_fmadd_ps(a, b, c);
}
static inline vector vector_fnma(vector a, vector b, vector c) {
  return _mm512_fnmadd_ps(a, b, c);
}
/* The same with one number in every lane of a. */
static inline vector vector_fma_scalar(float a, vector b, vector c) {
  return _mm512_fmadd_ps(_mm512_set1_ps(a), b, c);
}
/* a < b ? a : b and a > b ? a : b, so b where either is NaN. */
static inline vector vector_min(vector a, vector b) {
  return _mm512_min_ps(a, b);
}
static inline vector vector_max(vector a, vector b) {
  return _mm512_max_ps(a, b);
}
static inline vector vector_abs(vector a) {
  return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a);
}
static inline vector vector_negate(vector a) {
  return _mm512_xor_ps(_mm512_set1_ps(-0.0f), a);
}
/* |a| with the sign of b. */
static inline vector vector_copy_sign(vector a, vector b) {
  const vector sign = _mm512_set1_ps(-0.0f);
  return _mm512_or_ps(_mm512_andnot_ps(sign, a), _mm512_and_ps(sign, b));
}

/* Comparing and choosing */
static inline vector_mask vector_less(vector a, vector b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
static inline vector_mask vector_less_equal(vector a, vector b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}
static inline vector_mask vector_equal(vector a, vector b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
static inline vector_mask vector_not_equal(vector a, vector b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_NEQ_UQ);
}
static inline vector_mask vector_is_nan(vector a) {
  return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
}
static inline vector_mask vector_mask_and(vector_mask a, vector_mask b) {
  return (vector_mask)(a & b);
}
static inline vector_mask vector_mask_or(vector_mask a, vector_mask b) {
  return (vector_mask)(a | b);
}
/* a and not b */
static inline vector_mask vector_mask_and_not(vector_mask a, vector_mask b) {
  return (vector_mask)(a & ~b);
}
static inline bool vector_mask_any(vector_mask a) {
  return a != 0;
}
static inline bool vector_mask_all(vector_mask a) {
  return a == 0xffff;
}
/* Bit i is lane i. */
static inline uint32_t vector_mask_bits(vector_mask a) {
  return a;
}
/* mask ? a : b */
static inline vector vector_select(vector_mask mask, vector a, vector b) {
  return _mm512_mask_mov_ps(b, mask, a);
}
/* mask ? a : 0 */
static inline vector vector_keep(vector_mask mask, vector a) {
  return _mm512_maskz_mov_ps(mask, a);
}

/* 32-bit integers; arithmetic wraps */
static inline vector_int vector_int_set(int32_t x) {
  return _mm512_set1_epi32(x);
}
static inline vector_int vector_int_load(const void *from) {
  return _mm512_loadu_si512(from);
}
static inline void vector_int_store(void *to, vector_int x) {
  _mm512_storeu_si512(to, x);
}
static inline vector_int vector_int_load_tail(const void *from, size_t count) {
  return _mm512_maskz_loadu_epi32(vector_mask_first(count), from);
}
static inline void vector_int_store_tail(void *to, size_t count, vector_int x) {
  _mm512_mask_storeu_epi32(to, vector_mask_first(count), x);
}
static inline vector_int vector_int_add(vector_int a, vector_int b) {
  return _mm512_add_epi32(a, b);
}
static inline vector_int vector_int_sub(vector_int a, vector_int b) {
  return _mm512_sub_epi32(a, b);
}
static inline vector_int vector_int_and(vector_int a, vector_int b) {
  return _mm512_and_si512(a, b);
}
static inline vector_int vector_int_or(vector_int a, vector_int b) {
  return _mm512_or_si512(a, b);
}
static inline vector_int vector_int_xor(vector_int a, vector_int b) {
  return _mm512_xor_si512(a, b);
}
static inline vector_int vector_int_shift_left(vector_int a, int bits) {
  return _mm512_sll_epi32(a, _mm_cvtsi32_si128(bits));
}
static inline vector_int vector_int_shift_right(vector_int a, int bits) { /* zeros come in */
  return _mm512_srl_epi32(a, _mm_cvtsi32_si128(bits));
}
static inline vector_int vector_int_shift_right_signed(vector_int a, int bits) {
  return _mm512_sra_epi32(a, _mm_cvtsi32_si128(bits));
}
static inline vector_int vector_int_mul(vector_int a, vector_int b) {
  return _mm512_mullo_epi32(a, b);
}
/* The upper 32 bits of the unsigned 64-bit products. */
static inline vector_int vector_int_mul_high(vector_int a, vector_int b) {
  const __m512i even = _mm512_srli_epi64(_mm512_mul_epu32(a, b), 32);
  const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32));
  return _mm512_mask_mov_epi32(even, 0xaaaa, odd);
}
static inline vector_mask vector_int_less(vector_int a, vector_int b) {
  return _mm512_cmpgt_epi32_mask(b, a);
}
static inline vector_mask vector_int_equal(vector_int a, vector_int b) {
  return _mm512_cmpeq_epi32_mask(a, b);
}
static inline vector_int vector_int_select(vector_mask mask, vector_int a, vector_int b) {
  return _mm512_mask_mov_epi32(b, mask, a);
}
static inline vector_int vector_int_min(vector_int a, vector_int b) {
  return _mm512_min_epi32(a, b);
}
static inline vector_int vector_int_max(vector_int a, vector_int b) {
  return _mm512_max_epi32(a, b);
}

/* Between the two. To integers: |x| < 2^31, what else comes out depends on the ISA. */
static inline vector_int vector_bits(vector a) {
  return _mm512_castps_si512(a);
}
static inline vector vector_from_bits(vector_int a) {
  return _mm512_castsi512_ps(a);
}
static inline vector vector_from_int(vector_int a) {
  return _mm512_cvtepi32_ps(a);
}
static inline vector_int vector_to_int_nearest(vector a) {
  return _mm512_cvtps_epi32(a);
}
static inline vector_int vector_to_int_truncated(vector a) {
  return _mm512_cvttps_epi32(a);
}

/* base[index], lane by lane. (Without optimization gcc's intrinsic is a macro that mixes signs.) */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
static inline vector vector_gather(const float *base, vector_int index) {
  return _mm512_i32gather_ps(index, base, 4);
}
#pragma GCC diagnostic pop

/* four[code & 3], lane by lane: with what choice makes of the codes beforehand. */
static inline vector_int vector_choice(vector_int code) {
  return _mm512_and_si512(code, _mm512_set1_epi32(3));
}
static inline vector vector_choose(const float four[4], vector_int choice) {
  return _mm512_permutexvar_ps(choice, _mm512_broadcast_f32x4(_mm_loadu_ps(four)));
}

/* VECTOR_WIDTH unsigned bytes: widened, and narrowed from [0, 255]. */
static inline vector_int vector_int_load_bytes(const uint8_t *from) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)from));
}
static inline void vector_int_store_bytes(uint8_t *to, vector_int x) {
  _mm_storeu_si128((__m128i *)(void *)to, _mm512_cvtepi32_epi8(x));
}

/* Doubles: of a vector's lower and upper half. */
static inline vector_double vector_double_low(vector a) {
  return _mm512_cvtps_pd(_mm512_castps512_ps256(a));
}
static inline vector_double vector_double_high(vector a) {
  return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));
}
static inline vector vector_from_doubles(vector_double low, vector_double high) {
  return _mm512_shuffle_f32x4(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)),
                              _mm512_castps256_ps512(_mm512_cvtpd_ps(high)), 0x44);
}
static inline vector_double vector_double_set(double x) {
  return _mm512_set1_pd(x);
}
static inline vector_double vector_double_load(const double *from) {
  return _mm512_loadu_pd(from);
}
static inline void vector_double_store(double *to, vector_double x) {
  _mm512_storeu_pd(to, x);
}
static inline vector_double vector_double_add(vector_double a, vector_double b) {
  return _mm512_add_pd(a, b);
}
static inline vector_double vector_double_sub(vector_double a, vector_double b) {
  return _mm512_sub_pd(a, b);
}
static inline vector_double vector_double_mul(vector_double a, vector_double b) {
  return _mm512_mul_pd(a, b);
}
static inline vector_double vector_double_fma(vector_double a, vector_double b, vector_double c) {
  return _mm512_fmadd_pd(a, b, c);
}

/* rows[i] lane j becomes rows[j] lane i. */
static inline void vector_transpose(vector rows[VECTOR_WIDTH]) {
  vector pairs[16], quads[16];
  for (int i = 0; i < 16; i += 2) {
    pairs[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    quads[i] = _mm512_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
    quads[i + 1] = _mm512_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
    quads[i + 2] = _mm512_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
    quads[i + 3] = _mm512_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
  }
  for (int i = 0; i < 4; i++) {
    const vector upper_low = _mm512_shuffle_f32x4(quads[i], quads[i + 4], 0x44);
    const vector upper_high = _mm512_shuffle_f32x4(quads[i], quads[i + 4], 0xee);
    const vector lower_low = _mm512_shuffle_f32x4(quads[i + 8], quads[i + 12], 0x44);
    const vector lower_high = _mm512_shuffle_f32x4(quads[i + 8], quads[i + 12], 0xee);
    rows[i] = _mm512_shuffle_f32x4(upper_low, lower_low, 0x88);
    rows[i + 4] = _mm512_shuffle_f32x4(upper_low, lower_low, 0xdd);
    rows[i + 8] = _mm512_shuffle_f32x4(upper_high, lower_high, 0x88);
    rows[i + 12] = _mm512_shuffle_f32x4(upper_high, lower_high, 0xdd);
  }
}

#endif
