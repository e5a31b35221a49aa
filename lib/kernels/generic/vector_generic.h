/* The vector abstraction in portable C: one float. The same names and meanings as in every
   vector_<isa>.h (of which x86/vector_avx2.h is the one to read), as far as bodies use them, so
   that what a body computes with one lane defines the right answer. */
#ifndef CNN_KERNELS_VECTOR_H
#define CNN_KERNELS_VECTOR_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { VECTOR_WIDTH = 1, VECTOR_DOUBLE_WIDTH = 1, VECTOR_REGISTERS = 8 };

typedef float vector;
typedef int32_t vector_int;
typedef double vector_double;
typedef bool vector_mask;

static inline vector vector_zero(void) {
  return 0;
}
static inline vector vector_set(float x) {
  return x;
}
static inline vector vector_load(const float *from) {
  return *from;
}
static inline void vector_store(float *to, vector x) {
  *to = x;
}
/* There is no such store here. */
static inline void vector_stream(float *to, vector x) {
  *to = x;
}
static inline void vector_stream_end(void) {}
static inline vector vector_held(vector x) {
  return x;
}
/* count is 0. */
static inline vector vector_load_tail(const float *from, size_t count) {
  return 0;
}
static inline void vector_store_tail(float *to, size_t count, vector x) {}

static inline vector vector_add(vector a, vector b) {
  return a + b;
}
static inline vector vector_sub(vector a, vector b) {
  return a - b;
}
static inline vector vector_mul(vector a, vector b) {
  return a * b;
}
static inline vector vector_div(vector a, vector b) {
  return a / b;
}
static inline vector vector_sqrt(vector a) {
  return sqrtf(a);
}
static inline vector vector_fma(vector a, vector b, vector c) {
  return fmaf(a, b, c);
}
static inline vector vector_fnma(vector a, vector b, vector c) {
  return fmaf(-a, b, c);
}
static inline vector vector_min(vector a, vector b) {
  return a < b ? a : b;
}
static inline vector vector_max(vector a, vector b) {
  return a > b ? a : b;
}
static inline vector vector_abs(vector a) {
  return fabsf(a);
}
static inline vector vector_negate(vector a) {
  return -a;
}
static inline vector vector_copy_sign(vector a, vector b) {
  return copysignf(a, b);
}

static inline vector_mask vector_less(vector a, vector b) {
  return a < b;
}
static inline vector_mask vector_less_equal(vector a, vector b) {
  return a <= b;
}
static inline vector_mask vector_equal(vector a, vector b) {
  return a == b;
}
static inline vector_mask vector_not_equal(vector a, vector b) {
  return a != b;
}
static inline vector_mask vector_is_nan(vector a) {
  return a != a;
}
static inline vector_mask vector_mask_and(vector_mask a, vector_mask b) {
  return a && b;
}
static inline vector_mask vector_mask_or(vector_mask a, vector_mask b) {
  return a || b;
}
static inline vector_mask vector_mask_and_not(vector_mask a, vector_mask b) {
  return a && !b;
}
static inline vector_mask vector_mask_first(size_t count) {
  return count != 0;
}
static inline bool vector_mask_any(vector_mask a) {
  return a;
}
static inline bool vector_mask_all(vector_mask a) {
  return a;
}
static inline vector vector_select(vector_mask mask, vector a, vector b) {
  return mask ? a : b;
}
static inline vector vector_keep(vector_mask mask, vector a) {
  return mask ? a : 0;
}

/* Wrapping is done unsigned, where C defines it. */
static inline vector_int vector_int_set(int32_t x) {
  return x;
}
static inline vector_int vector_int_load(const void *from) {
  vector_int x;
  memcpy(&x, from, sizeof x);
  return x;
}
static inline void vector_int_store(void *to, vector_int x) {
  memcpy(to, &x, sizeof x);
}
static inline vector_int vector_int_load_tail(const void *from, size_t count) {
  return 0;
}
static inline void vector_int_store_tail(void *to, size_t count, vector_int x) {}
static inline vector_int vector_int_add(vector_int a, vector_int b) {
  return (vector_int)((uint32_t)a + (uint32_t)b);
}
static inline vector_int vector_int_sub(vector_int a, vector_int b) {
  return (vector_int)((uint32_t)a - (uint32_t)b);
}
static inline vector_int vector_int_and(vector_int a, vector_int b) {
  return a & b;
}
static inline vector_int vector_int_or(vector_int a, vector_int b) {
  return a | b;
}
static inline vector_int vector_int_xor(vector_int a, vector_int b) {
  return a ^ b;
}
static inline vector_int vector_int_shift_left(vector_int a, int bits) {
  return (vector_int)((uint32_t)a << bits);
}
static inline vector_int vector_int_shift_right(vector_int a, int bits) {
  return (vector_int)((uint32_t)a >> bits);
}
static inline vector_int vector_int_shift_right_signed(vector_int a, int bits) {
  return a < 0 ? ~(~a >> bits) : a >> bits;
}
static inline vector_int vector_int_mul(vector_int a, vector_int b) {
  return (vector_int)((uint32_t)a * (uint32_t)b);
}
static inline vector_int vector_int_mul_high(vector_int a, vector_int b) {
  return (vector_int)((uint64_t)(uint32_t)a * (uint32_t)b >> 32);
}
static inline vector_mask vector_int_less(vector_int a, vector_int b) {
  return a < b;
}
static inline vector_mask vector_int_equal(vector_int a, vector_int b) {
  return a == b;
}
static inline vector_int vector_int_select(vector_mask mask, vector_int a, vector_int b) {
  return mask ? a : b;
}

static inline vector_int vector_bits(vector a) {
  vector_int bits;
  memcpy(&bits, &a, sizeof bits);
  return bits;
}
static inline vector vector_from_bits(vector_int a) {
  vector x;
  memcpy(&x, &a, sizeof x);
  return x;
}
static inline vector vector_from_int(vector_int a) {
  return (vector)a;
}

/* One float has one double: the upper half is never asked for. */
static inline vector_double vector_double_low(vector a) {
  return a;
}
static inline vector_double vector_double_high(vector a) {
  return 0;
}
static inline vector_double vector_double_set(double x) {
  return x;
}
static inline vector_double vector_double_load(const double *from) {
  return *from;
}
static inline void vector_double_store(double *to, vector_double x) {
  *to = x;
}
static inline vector_double vector_double_add(vector_double a, vector_double b) {
  return a + b;
}
static inline vector_double vector_double_mul(vector_double a, vector_double b) {
  return a * b;
}
/* Rounded twice here, once elsewhere. */
static inline vector_double vector_double_fma(vector_double a, vector_double b, vector_double c) {
  return a * b + c;
}

static inline void vector_transpose(vector rows[VECTOR_WIDTH]) {}

/* four[code & 3], lane by lane: with what choice makes of the codes beforehand. */
static inline vector_int vector_choice(vector_int code) {
  return code;
}
static inline vector vector_choose(const float four[4], vector_int choice) {
  return four[choice & 3];
}

/* to[4 i + k] = from[k][i] for i, k < 4. */
static inline void vector_interleave(const float *const from[4], float to[16]) {
  for (size_t i = 0; i < 16; i++)
    to[i] = from[i % 4][i / 4];
}

static inline vector_int vector_int_load_bytes(const uint8_t *from) {
  return *from;
}
static inline void vector_int_store_bytes(uint8_t *to, vector_int x) {
  *to = (uint8_t)x;
}

#endif
