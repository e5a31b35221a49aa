/* Elementary functions of vectors. Polynomials are minimax fits of our own; their errors (before
   rounding) stand beside them. No libm, no tables: the same bits at every width. */
#ifndef CNN_KERNELS_ELEMENTWISE_MATHEMATICS_BODY_H
#define CNN_KERNELS_ELEMENTWISE_MATHEMATICS_BODY_H

#include "kernels/elementwise/lanes.h"
#include <math.h>

/* ln 2 in two parts (Cody and Waite): whole multiples of the upper one, of few bits, are exact. */
#define LN2_HIGH 0.693359375f
#define LN2_LOW (-2.12194440e-4f)

/* coefficients[0] + coefficients[1] x + ..., by Horner. */
INLINE_CONSTANTS vector polynomial(vector x, size_t count, const float *coefficients) {
  vector sum = vector_set(coefficients[count - 1]);
  for (size_t i = count - 1; i-- > 0;)
    sum = vector_fma(sum, x, vector_set(coefficients[i]));
  return sum;
}

/* x = n ln 2 + r, |r| <= ln 2 / 2; |x| < 2^21. Returns e^r - 1 (relative error 2^-32). */
static inline vector exp_reduced(vector x, vector_int *n) {
  static const float q[] = {0.5f,           0.166666657f,   0.0416663587f,
                            0.00833338965f, 0.00139406684f, 0.000198458802f};
  /* Adding 1.5 * 2^23 rounds to a whole number and leaves it in the lower bits. */
  const vector magic = vector_set(12582912.0f);
  const vector shifted = vector_fma(x, vector_set(1.44269504f), magic);
  const vector whole = vector_sub(shifted, magic);
  vector r = vector_fnma(whole, vector_set(LN2_HIGH), x);
  r = vector_fnma(whole, vector_set(LN2_LOW), r);
  *n = vector_int_sub(vector_bits(shifted), vector_bits(magic));
  return vector_fma(vector_mul(r, r), polynomial(r, 6, q), r);
}

/* 2^n, -126 <= n <= 127. */
static inline vector power_of_two(vector_int n) {
  return vector_from_bits(vector_int_shift_left(vector_int_add(n, vector_int_set(127)), 23));
}

/* Scaled in two steps, of which the first is exact, so that denormals are rounded once. */
static inline vector vector_exp(vector x) {
  x = vector_min(vector_set(89.0f), vector_max(vector_set(-104.0f), x));
  vector_int n;
  const vector power = vector_add(vector_set(1.0f), exp_reduced(x, &n));
  const vector_int half = vector_int_shift_right_signed(n, 1);
  return vector_mul(vector_mul(power, power_of_two(half)), power_of_two(vector_int_sub(n, half)));
}

/* e^x - 1 for x <= 0, exact to the last places near 0, too. */
static inline vector vector_expm1_negative(vector x) {
  x = vector_max(vector_set(-30.0f), x);
  vector_int n;
  const vector part = exp_reduced(x, &n);
  const vector scale = power_of_two(n);
  return vector_fma(part, scale, vector_sub(scale, vector_set(1.0f)));
}

/* log(1 + f) - f for sqrt(1/2) - 1 <= f <= sqrt 2 - 1 (2^-30 of log(1 + f)). */
static inline vector log_reduced(vector f) {
  static const float p[] = {-0.5f,         0.333333135f, -0.250000089f, 0.200021237f,
                            -0.166680053f, 0.14219451f,  -0.124053426f, 0.118887089f,
                            -0.116775051f, 0.0674769208f};
  return vector_mul(vector_mul(f, f), polynomial(f, 10, p));
}

/* Of 0 minus infinity, of negative numbers NaN. */
static inline vector vector_log(vector x) {
  const vector_mask denormal = vector_less(x, vector_set(0x1p-126f));
  const vector scaled = vector_select(denormal, vector_mul(x, vector_set(0x1p24f)), x);
  /* The exponent steps at sqrt(1/2), not at 1: f = m - 1 is small on both sides of it. */
  const vector_int root = vector_int_set(0x3f3504f3);
  const vector_int shifted =
      vector_int_add(vector_int_sub(vector_bits(scaled), root), vector_int_set(0x3f800000));
  const vector_int exponent =
      vector_int_sub(vector_int_shift_right_signed(shifted, 23),
                     vector_int_select(denormal, vector_int_set(127 + 24), vector_int_set(127)));
  const vector mantissa =
      vector_from_bits(vector_int_add(vector_int_and(shifted, vector_int_set(0x007fffff)), root));
  const vector f = vector_sub(mantissa, vector_set(1.0f));
  const vector n = vector_from_int(exponent);
  const vector low = vector_fma(n, vector_set(LN2_LOW), log_reduced(f));
  vector result = vector_fma(n, vector_set(LN2_HIGH), vector_add(f, low));
  /* Infinity and NaN as they came; 0; less than 0. */
  result = vector_select(vector_less(x, vector_set(INFINITY)), result, x);
  result = vector_select(vector_equal(x, vector_zero()), vector_set(-INFINITY), result);
  return vector_select(vector_less(x, vector_zero()), vector_set(NAN), result);
}

/* log(1 + x) for 0 <= x <= 1. */
static inline vector vector_log1p_unit(vector x) {
  const vector_mask upper = vector_less(vector_set(0.414213562f), x);
  const vector half = vector_mul(vector_sub(x, vector_set(1.0f)), vector_set(0.5f));
  const vector f = vector_select(upper, half, x); /* 1 + x = 2 (1 + f) or 1 + f */
  const vector low = vector_add(vector_keep(upper, vector_set(LN2_LOW)), log_reduced(f));
  return vector_add(vector_keep(upper, vector_set(LN2_HIGH)), vector_add(f, low));
}

static inline vector vector_sigmoid(vector x) {
  const vector power = vector_exp(vector_negate(vector_abs(x)));
  const vector above = vector_select(vector_less(x, vector_zero()), power, vector_set(1.0f));
  return vector_div(above, vector_add(vector_set(1.0f), power));
}

/* e = exp(-2|x|) - 1: tanh|x| = -e / (2 + e). */
static inline vector vector_tanh(vector x) {
  const vector e = vector_expm1_negative(vector_mul(vector_set(-2.0f), vector_abs(x)));
  return vector_copy_sign(vector_div(e, vector_add(vector_set(2.0f), e)), x);
}

static inline vector vector_softplus(vector x) {
  const vector power = vector_exp(vector_negate(vector_abs(x)));
  return vector_add(vector_max(x, vector_zero()), vector_log1p_unit(power));
}

/* erf t = 1 - exp(-t q(t)) for t >= 0, with q fitted on [0, 4], where erf reaches 1 - 2^-25 (error
   2^-31 of erf). */
static inline vector vector_erf(vector x) {
  static const float q[] = {1.12837923f,      0.636619806f,   0.102771275f,     -0.0191176943f,
                            -0.000253061968f, 0.00179935526f, -0.000740687188f, 0.000167481572f,
                            -2.13547501e-05f, 1.19331457e-06f};
  const vector t = vector_min(vector_set(4.0f), vector_abs(x));
  const vector power = vector_mul(t, polynomial(t, 10, q));
  return vector_copy_sign(vector_expm1_negative(vector_negate(power)), x);
}

#endif
