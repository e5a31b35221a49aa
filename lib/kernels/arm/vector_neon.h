/* The vector abstraction over NEON (AArch64): 4 floats. The same names and meanings in every
   vector_<isa>.h, so that a kernel family's body is written once in terms of them.

   Tails (count < VECTOR_WIDTH) touch only count elements; missing lanes load as 0. A comparison
   with NaN is false (not_equal: true). Where a meaning differs by ISA, the comment says how. */
#ifndef CNN_KERNELS_VECTOR_H
#define CNN_KERNELS_VECTOR_H

#include <arm_neon.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { VECTOR_WIDTH = 4, VECTOR_DOUBLE_WIDTH = 2, VECTOR_REGISTERS = 32 };

typedef float32x4_t vector;        /* floats */
typedef int32x4_t vector_int;      /* as many 32-bit integers */
typedef float64x2_t vector_double; /* half as many doubles */
typedef uint32x4_t vector_mask;    /* one truth value a lane */

/* Loading and storing, any alignment */
static inline vector vector_zero(void) {
  return vdupq_n_f32(0);
}
static inline vector vector_set(float x) {
  return vdupq_n_f32(x);
}
static inline vector vector_load(const float *from) {
  return vld1q_f32(from);
}
static inline void vector_store(float *to, vector x) {
  vst1q_f32(to, x);
}
/* There is no such store here. */
static inline void vector_stream(float *to, vector x) {
  vst1q_f32(to, x);
}
static inline void vector_stream_end(void) {}
static inline vector vector_held(vector x) { /* registers abound */
  return x;
}
static inline vector vector_load_tail(const float *from, size_t count) {
  switch (count) {
  case 0:
    return vdupq_n_f32(0);
  case 1:
    return vld1q_lane_f32(from, vdupq_n_f32(0), 0);
  case 2:
    return vcombine_f32(vld1_f32(from), vdup_n_f32(0));
  case 3:
    return vld1q_lane_f32(from + 2, vcombine_f32(vld1_f32(from), vdup_n_f32(0)), 2);
  default:
    return vld1q_f32(from);
  }
}
static inline void vector_store_tail(float *to, size_t count, vector x) {
  switch (count) {
  case 0:
    return;
  case 1:
    vst1q_lane_f32(to, x, 0);
    return;
  case 2:
    vst1_f32(to, vget_low_f32(x));
    return;
  case 3:
    vst1_f32(to, vget_low_f32(x));
    vst1q_lane_f32(to + 2, x, 2);
    return;
  default:
    vst1q_f32(to, x);
  }
}

/* Arithmetic */
static inline vector vector_add(vector a, vector b) {
  return vaddq_f32(a, b);
}
static inline vector vector_sub(vector a, vector b) {
  return vsubq_f32(a, b);
}
static inline vector vector_mul(vector a, vector b) {
  return vmulq_f32(a, b);
}
static inline vector vector_div(vector a, vector b) {
  return vdivq_f32(a, b);
}
static inline vector vector_sqrt(vector a) {
  return vsqrtq_f32(a);
}
/* a * b + c and c - a * b, rounded once (SSE2: twice). */
static inline vector vector_fma(vector a, vector b, vector c) {
  return vfmaq_f32(c, a, b);
}
static inline vector vector_fnma(vector a, vector b, vector c) {
  return vfmsq_f32(c, a, b);
}
/* The same with one number in every lane of a. */
static inline vector vector_fma_scalar(float a, vector b, vector c) {
  return vfmaq_n_f32(c, b, a);
}
/* a < b ? a : b and a > b ? a : b, so b where either is NaN. */
static inline vector vector_min(vector a, vector b) {
  return vbslq_f32(vcltq_f32(a, b), a, b);
}
static inline vector vector_max(vector a, vector b) {
  return vbslq_f32(vcgtq_f32(a, b), a, b);
}
static inline vector vector_abs(vector a) {
  return vabsq_f32(a);
}
static inline vector vector_negate(vector a) {
  return vnegq_f32(a);
}
/* |a| with the sign of b. */
static inline vector vector_copy_sign(vector a, vector b) {
  return vbslq_f32(vdupq_n_u32(0x80000000), b, a);
}

/* Comparing and choosing */
static inline vector_mask vector_less(vector a, vector b) {
  return vcltq_f32(a, b);
}
static inline vector_mask vector_less_equal(vector a, vector b) {
  return vcleq_f32(a, b);
}
static inline vector_mask vector_equal(vector a, vector b) {
  return vceqq_f32(a, b);
}
static inline vector_mask vector_not_equal(vector a, vector b) {
  return vmvnq_u32(vceqq_f32(a, b));
}
static inline vector_mask vector_is_nan(vector a) {
  return vmvnq_u32(vceqq_f32(a, a));
}
static inline vector_mask vector_mask_and(vector_mask a, vector_mask b) {
  return vandq_u32(a, b);
}
static inline vector_mask vector_mask_or(vector_mask a, vector_mask b) {
  return vorrq_u32(a, b);
}
/* a and not b */
static inline vector_mask vector_mask_and_not(vector_mask a, vector_mask b) {
  return vbicq_u32(a, b);
}
/* The first count lanes, count <= VECTOR_WIDTH. */
static inline vector_mask vector_mask_first(size_t count) {
  static const uint32_t bits[8] = {~UINT32_C(0), ~UINT32_C(0), ~UINT32_C(0), ~UINT32_C(0)};
  return vld1q_u32(bits + 4 - count);
}
static inline bool vector_mask_any(vector_mask a) {
  return vmaxvq_u32(a) != 0;
}
static inline bool vector_mask_all(vector_mask a) {
  return vminvq_u32(a) != 0;
}
/* Bit i is lane i. */
static inline uint32_t vector_mask_bits(vector_mask a) {
  static const uint32_t lanes[4] = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(a, vld1q_u32(lanes)));
}
/* mask ? a : b */
static inline vector vector_select(vector_mask mask, vector a, vector b) {
  return vbslq_f32(mask, a, b);
}
/* mask ? a : 0 */
static inline vector vector_keep(vector_mask mask, vector a) {
  return vreinterpretq_f32_u32(vandq_u32(mask, vreinterpretq_u32_f32(a)));
}

/* 32-bit integers; arithmetic wraps */
static inline vector_int vector_int_set(int32_t x) {
  return vdupq_n_s32(x);
}
static inline vector_int vector_int_load(const void *from) {
  return vld1q_s32((const int32_t *)from);
}
static inline void vector_int_store(void *to, vector_int x) {
  vst1q_s32((int32_t *)to, x);
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
  return vaddq_s32(a, b);
}
static inline vector_int vector_int_sub(vector_int a, vector_int b) {
  return vsubq_s32(a, b);
}
static inline vector_int vector_int_and(vector_int a, vector_int b) {
  return vandq_s32(a, b);
}
static inline vector_int vector_int_or(vector_int a, vector_int b) {
  return vorrq_s32(a, b);
}
static inline vector_int vector_int_xor(vector_int a, vector_int b) {
  return veorq_s32(a, b);
}
static inline vector_int vector_int_shift_left(vector_int a, int bits) {
  return vshlq_s32(a, vdupq_n_s32(bits));
}
static inline vector_int vector_int_shift_right(vector_int a, int bits) { /* zeros come in */
  return vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(a), vdupq_n_s32(-bits)));
}
static inline vector_int vector_int_shift_right_signed(vector_int a, int bits) {
  return vshlq_s32(a, vdupq_n_s32(-bits));
}
static inline vector_int vector_int_mul(vector_int a, vector_int b) {
  return vmulq_s32(a, b);
}
/* The upper 32 bits of the unsigned 64-bit products. */
static inline vector_int vector_int_mul_high(vector_int a, vector_int b) {
  const uint32x4_t x = vreinterpretq_u32_s32(a), y = vreinterpretq_u32_s32(b);
  const uint64x2_t low = vmull_u32(vget_low_u32(x), vget_low_u32(y));
  const uint64x2_t high = vmull_high_u32(x, y);
  return vreinterpretq_s32_u32(vuzp2q_u32(vreinterpretq_u32_u64(low), vreinterpretq_u32_u64(high)));
}
static inline vector_mask vector_int_less(vector_int a, vector_int b) {
  return vcltq_s32(a, b);
}
static inline vector_mask vector_int_equal(vector_int a, vector_int b) {
  return vceqq_s32(a, b);
}
static inline vector_int vector_int_select(vector_mask mask, vector_int a, vector_int b) {
  return vbslq_s32(mask, a, b);
}
static inline vector_int vector_int_min(vector_int a, vector_int b) {
  return vminq_s32(a, b);
}
static inline vector_int vector_int_max(vector_int a, vector_int b) {
  return vmaxq_s32(a, b);
}

/* Between the two. To integers: |x| < 2^31, what else comes out depends on the ISA. */
static inline vector_int vector_bits(vector a) {
  return vreinterpretq_s32_f32(a);
}
static inline vector vector_from_bits(vector_int a) {
  return vreinterpretq_f32_s32(a);
}
static inline vector vector_from_int(vector_int a) {
  return vcvtq_f32_s32(a);
}
static inline vector_int vector_to_int_nearest(vector a) {
  return vcvtnq_s32_f32(a);
}
static inline vector_int vector_to_int_truncated(vector a) {
  return vcvtq_s32_f32(a);
}

/* base[index], lane by lane. */
static inline vector vector_gather(const float *base, vector_int index) {
  int32_t i[4];
  vector_int_store(i, index);
  const float four[4] = {base[i[0]], base[i[1]], base[i[2]], base[i[3]]};
  return vld1q_f32(four);
}

/* four[code & 3], lane by lane: with what choice makes of the codes beforehand. */
static inline vector_int vector_choice(vector_int code) { /* the bytes of each lane's float */
  return vmlaq_n_s32(vdupq_n_s32(0x03020100), vandq_s32(code, vdupq_n_s32(3)), 0x04040404);
}
static inline vector vector_choose(const float four[4], vector_int choice) {
  return vreinterpretq_f32_u8(
      vqtbl1q_u8(vreinterpretq_u8_f32(vld1q_f32(four)), vreinterpretq_u8_s32(choice)));
}

/* to[4 i + k] = from[k][i] for i, k < 4. */
static inline void vector_interleave(const float *const from[4], float to[16]) {
  const float32x4x4_t rows = {
      {vld1q_f32(from[0]), vld1q_f32(from[1]), vld1q_f32(from[2]), vld1q_f32(from[3])}};
  vst4q_f32(to, rows);
}

/* VECTOR_WIDTH unsigned bytes: widened, and narrowed from [0, 255]. */
static inline vector_int vector_int_load_bytes(const uint8_t *from) {
  uint32_t four;
  memcpy(&four, from, sizeof four);
  const uint16x8_t words = vmovl_u8(vcreate_u8(four));
  return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(words)));
}
static inline void vector_int_store_bytes(uint8_t *to, vector_int x) {
  const uint16x4_t words = vmovn_u32(vreinterpretq_u32_s32(x));
  const uint8x8_t bytes = vmovn_u16(vcombine_u16(words, words));
  const uint32_t four = vget_lane_u32(vreinterpret_u32_u8(bytes), 0);
  memcpy(to, &four, sizeof four);
}

/* Doubles: of a vector's lower and upper half. */
static inline vector_double vector_double_low(vector a) {
  return vcvt_f64_f32(vget_low_f32(a));
}
static inline vector_double vector_double_high(vector a) {
  return vcvt_high_f64_f32(a);
}
static inline vector vector_from_doubles(vector_double low, vector_double high) {
  return vcvt_high_f32_f64(vcvt_f32_f64(low), high);
}
static inline vector_double vector_double_set(double x) {
  return vdupq_n_f64(x);
}
static inline vector_double vector_double_load(const double *from) {
  return vld1q_f64(from);
}
static inline void vector_double_store(double *to, vector_double x) {
  vst1q_f64(to, x);
}
static inline vector_double vector_double_add(vector_double a, vector_double b) {
  return vaddq_f64(a, b);
}
static inline vector_double vector_double_sub(vector_double a, vector_double b) {
  return vsubq_f64(a, b);
}
static inline vector_double vector_double_mul(vector_double a, vector_double b) {
  return vmulq_f64(a, b);
}
static inline vector_double vector_double_fma(vector_double a, vector_double b, vector_double c) {
  return vfmaq_f64(c, a, b);
}

/* rows[i] lane j becomes rows[j] lane i. */
static inline void vector_transpose(vector rows[VECTOR_WIDTH]) {
  const vector upper_low = vzip1q_f32(rows[0], rows[1]);
  const vector upper_high = vzip2q_f32(rows[0], rows[1]);
  const vector lower_low = vzip1q_f32(rows[2], rows[3]);
  const vector lower_high = vzip2q_f32(rows[2], rows[3]);
  rows[0] = vcombine_f32(vget_low_f32(upper_low), vget_low_f32(lower_low));
  rows[1] = vcombine_f32(vget_high_f32(upper_low), vget_high_f32(lower_low));
  rows[2] = vcombine_f32(vget_low_f32(upper_high), vget_low_f32(lower_high));
  rows[3] = vcombine_f32(vget_high_f32(upper_high), vget_high_f32(lower_high));
}

#endif
