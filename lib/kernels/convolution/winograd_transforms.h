/* The one-dimensional transforms of kernels/convolution/winograd.h, over the vector abstraction that
   was included before. size is a constant wherever these are used: what it excludes vanishes. A
   spectrum is indexed by point; entries of points that size does not use are neither read nor set. */
#ifndef CNN_KERNELS_CONVOLUTION_WINOGRAD_TRANSFORMS_H
#define CNN_KERNELS_CONVOLUTION_WINOGRAD_TRANSFORMS_H

#include "kernels/convolution/ragged.h"
#include "kernels/convolution/winograd.h"

/* The points and their powers; all are exact. */
static const float P = 0.75f, P2 = 0.5625f, P3 = 0.421875f;
static const float Q = 1.5f, Q2 = 2.25f, Q3 = 3.375f;
static const float P2_Q2 = 1.265625f, P2_PLUS_Q2 = 2.8125f, Q2_MINUS_P2 = 1.6875f;

INLINE_CONSTANTS vector times(float a, vector x) {
  return vector_mul(vector_set(a), x);
}
INLINE_CONSTANTS vector fma_constant(float a, vector x, vector c) {
  return vector_fma(vector_set(a), x, c);
}
/* c - a x */
INLINE_CONSTANTS vector fnma_constant(float a, vector x, vector c) {
  return vector_fnma(vector_set(a), x, c);
}

/* size + 2 inputs to a spectrum. */
INLINE_CONSTANTS void input_points(size_t size, const vector x[6], vector v[6]) {
  const vector d = fnma_constant(P2, x[1], x[3]);
  if (size == 4) {
    v[0] = fma_constant(P2_Q2, x[0], fnma_constant(P2_PLUS_Q2, x[2], x[4]));
    v[5] = fma_constant(P2_Q2, x[1], fnma_constant(P2_PLUS_Q2, x[3], x[5]));
    const vector a = fnma_constant(Q2, x[2], x[4]), b = fnma_constant(Q2, x[1], x[3]);
    v[1] = fma_constant(P, b, a);
    v[2] = fnma_constant(P, b, a);
    const vector c = fnma_constant(P2, x[2], x[4]);
    v[3] = fma_constant(Q, d, c);
    v[4] = fnma_constant(Q, d, c);
  } else if (size == 3) {
    v[0] = fma_constant(Q, d, fnma_constant(Q2, x[2], times(P2_Q2, x[0])));
    v[1] = times(P + Q, fnma_constant(Q - P, x[2], fnma_constant(P * Q, x[1], x[3])));
    v[2] = times(Q - P, fnma_constant(P + Q, x[2], fma_constant(P * Q, x[1], x[3])));
    v[3] = times(2 * Q, d);
    v[5] = fnma_constant(Q, d, fnma_constant(P2, x[2], x[4]));
  } else {
    v[0] = fnma_constant(Q2, x[2], times(P2_Q2, x[0]));
    v[1] = times(-Q2_MINUS_P2, fma_constant(P, x[1], x[2]));
    v[2] = times(-Q2_MINUS_P2, fnma_constant(P, x[1], x[2]));
    v[5] = d;
  }
}

/* Its adjoint. A fused sum is not negated: gcc then takes an instruction of aarch64's that gives a
   zero the other sign. */
INLINE_CONSTANTS void input_adjoint_points(size_t size, const vector v[6], vector x[6]) {
  x[0] = times(P2_Q2, v[0]);
  if (size == 4) {
    const vector s1 = vector_add(v[1], v[2]), d1 = vector_sub(v[1], v[2]);
    const vector s2 = vector_add(v[3], v[4]), d2 = vector_sub(v[3], v[4]);
    x[1] = fnma_constant(P * Q2, d1, fnma_constant(P2 * Q, d2, times(P2_Q2, v[5])));
    x[2] = fnma_constant(P2_PLUS_Q2, v[0], fnma_constant(Q2, s1, times(-P2, s2)));
    x[3] = fnma_constant(P2_PLUS_Q2, v[5], fma_constant(Q, d2, times(P, d1)));
    x[4] = vector_add(vector_add(v[0], s1), s2);
    x[5] = v[5];
  } else if (size == 3) {
    const vector s1 = vector_add(v[1], v[2]);
    x[1] = fnma_constant(
        (P + Q) * P * Q, v[1],
        fnma_constant(2 * P2 * Q, v[3], times(P2 * Q, vector_add(vector_sub(v[2], v[0]), v[5]))));
    x[2] = fnma_constant(Q2, v[0], fnma_constant(Q2_MINUS_P2, s1, times(-P2, v[5])));
    x[3] = fma_constant(
        P + Q, v[1],
        fma_constant(2 * Q, v[3], fma_constant(Q, vector_sub(v[0], v[5]), times(Q - P, v[2]))));
    x[4] = v[5];
  } else {
    x[1] = fma_constant(P * Q2_MINUS_P2, vector_sub(v[2], v[1]), times(-P2, v[5]));
    x[2] = fnma_constant(Q2, v[0], times(-Q2_MINUS_P2, vector_add(v[1], v[2])));
    x[3] = v[5];
  }
}

/* A spectrum to size outputs. */
INLINE_CONSTANTS void output_points(size_t size, const vector m[6], vector y[4]) {
  const vector s1 = vector_add(m[1], m[2]), d1 = vector_sub(m[1], m[2]);
  y[0] = vector_add(m[0], s1);
  if (size == 4) {
    const vector s2 = vector_add(m[3], m[4]), d2 = vector_sub(m[3], m[4]);
    y[0] = vector_add(y[0], s2);
    y[1] = fma_constant(Q, d2, times(P, d1));
    y[2] = fma_constant(Q2, s2, times(P2, s1));
    y[3] = fma_constant(Q3, d2, fma_constant(P3, d1, m[5]));
  } else if (size == 3) {
    y[0] = vector_add(y[0], m[3]);
    y[1] = fma_constant(Q, m[3], times(P, d1));
    y[2] = fma_constant(Q2, m[3], fma_constant(P2, s1, m[5]));
  } else {
    y[1] = fma_constant(P, d1, m[5]);
  }
}

/* Its adjoint. */
INLINE_CONSTANTS void output_adjoint_points(size_t size, const vector y[4], vector m[6]) {
  m[0] = y[0];
  if (size == 4) {
    const vector even = fma_constant(P2, y[2], y[0]), odd = fma_constant(P2, y[3], y[1]);
    m[1] = fma_constant(P, odd, even);
    m[2] = fnma_constant(P, odd, even);
    const vector even2 = fma_constant(Q2, y[2], y[0]), odd2 = fma_constant(Q2, y[3], y[1]);
    m[3] = fma_constant(Q, odd2, even2);
    m[4] = fnma_constant(Q, odd2, even2);
    m[5] = y[3];
  } else if (size == 3) {
    const vector even = fma_constant(P2, y[2], y[0]);
    m[1] = fma_constant(P, y[1], even);
    m[2] = fnma_constant(P, y[1], even);
    m[3] = fma_constant(Q, y[1], fma_constant(Q2, y[2], y[0]));
    m[5] = y[2];
  } else {
    m[1] = fma_constant(P, y[1], y[0]);
    m[2] = fnma_constant(P, y[1], y[0]);
    m[5] = y[1];
  }
}

/* What divides the kernel's values: the products of a point's distances to the other four. */
static const float AT_0 = 64 / 81.f, AT_P = -128 / 243.f, AT_Q = 32 / 243.f;

/* Three weights to all six points. */
static inline void kernel_points(const vector w[3], vector u[6]) {
  const vector even = fma_constant(P2, w[2], w[0]), even2 = fma_constant(Q2, w[2], w[0]);
  u[0] = times(AT_0, w[0]);
  u[1] = times(AT_P, fma_constant(P, w[1], even));
  u[2] = times(AT_P, fnma_constant(P, w[1], even));
  u[3] = times(AT_Q, fma_constant(Q, w[1], even2));
  u[4] = times(AT_Q, fnma_constant(Q, w[1], even2));
  u[5] = w[2];
}

static inline void kernel_adjoint_points(const vector u[6], vector w[3]) {
  const vector s1 = times(AT_P, vector_add(u[1], u[2])), d1 = times(AT_P, vector_sub(u[1], u[2]));
  const vector s2 = times(AT_Q, vector_add(u[3], u[4])), d2 = times(AT_Q, vector_sub(u[3], u[4]));
  w[0] = fma_constant(AT_0, u[0], vector_add(s1, s2));
  w[1] = fma_constant(Q, d2, times(P, d1));
  w[2] = fma_constant(Q2, s2, fma_constant(P2, s1, u[5]));
}

#endif
