/* The one-dimensional transforms of kernels/convolution/winograd.h, over the vector abstraction that
   was included before. size is a constant wherever these are used: what it excludes vanishes. A
   spectrum is indexed by point; entries of points that size does not use are neither read nor set. */
#ifndef CNN_KERNELS_CONVOLUTION_WINOGRAD_TRANSFORMS_H
#define CNN_KERNELS_CONVOLUTION_WINOGRAD_TRANSFORMS_H

#include "kernels/convolution/ragged.h"
#include "kernels/convolution/winograd.h"

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
  const vector d = vector_sub(x[3], x[1]);
  if (size == 4) {
    v[0] = fma_constant(4, x[0], fnma_constant(5, x[2], x[4]));
    v[5] = fma_constant(4, x[1], fnma_constant(5, x[3], x[5]));
    const vector a = fnma_constant(4, x[2], x[4]), b = fnma_constant(4, x[1], x[3]);
    v[1] = vector_add(a, b);
    v[2] = vector_sub(a, b);
    const vector c = vector_sub(x[4], x[2]);
    v[3] = fma_constant(2, d, c);
    v[4] = fnma_constant(2, d, c);
  } else if (size == 3) {
    v[0] = fma_constant(4, vector_sub(x[0], x[2]), vector_add(d, d));
    v[1] = times(3, vector_sub(d, vector_add(x[1], x[2])));
    v[2] = fma_constant(3, vector_sub(x[1], x[2]), d);
    v[3] = times(4, d);
    v[5] = fnma_constant(2, d, vector_sub(x[4], x[2]));
  } else {
    v[0] = times(4, vector_sub(x[0], x[2]));
    v[1] = times(-3, vector_add(x[1], x[2]));
    v[2] = times(3, vector_sub(x[1], x[2]));
    v[5] = d;
  }
}

/* Its adjoint. A fused sum is not negated: gcc then takes an instruction of aarch64's that gives a
   zero the other sign. */
INLINE_CONSTANTS void input_adjoint_points(size_t size, const vector v[6], vector x[6]) {
  x[0] = times(4, v[0]);
  if (size == 4) {
    const vector s1 = vector_add(v[1], v[2]), d1 = vector_sub(v[1], v[2]);
    const vector s2 = vector_add(v[3], v[4]), d2 = vector_sub(v[3], v[4]);
    x[1] = fnma_constant(2, d2, times(4, vector_sub(v[5], d1)));
    x[2] = fnma_constant(5, v[0], fnma_constant(4, s1, vector_negate(s2)));
    x[3] = fnma_constant(5, v[5], fma_constant(2, d2, d1));
    x[4] = vector_add(vector_add(v[0], s1), s2);
    x[5] = v[5];
  } else if (size == 3) {
    x[1] = fnma_constant(
        6, v[1], fnma_constant(4, v[3], times(2, vector_add(vector_sub(v[2], v[0]), v[5]))));
    x[2] = fnma_constant(4, v[0], fnma_constant(3, vector_add(v[1], v[2]), vector_negate(v[5])));
    x[3] =
        fma_constant(3, v[1], fma_constant(4, v[3], fma_constant(2, vector_sub(v[0], v[5]), v[2])));
    x[4] = v[5];
  } else {
    x[1] = fma_constant(3, vector_sub(v[2], v[1]), vector_negate(v[5]));
    x[2] = fnma_constant(4, v[0], times(-3, vector_add(v[1], v[2])));
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
    y[1] = fma_constant(2, d2, d1);
    y[2] = fma_constant(4, s2, s1);
    y[3] = vector_add(fma_constant(8, d2, d1), m[5]);
  } else if (size == 3) {
    y[0] = vector_add(y[0], m[3]);
    y[1] = fma_constant(2, m[3], d1);
    y[2] = vector_add(fma_constant(4, m[3], s1), m[5]);
  } else {
    y[1] = vector_add(d1, m[5]);
  }
}

/* Its adjoint. */
INLINE_CONSTANTS void output_adjoint_points(size_t size, const vector y[4], vector m[6]) {
  m[0] = y[0];
  if (size == 4) {
    const vector even = vector_add(y[0], y[2]), odd = vector_add(y[1], y[3]);
    m[1] = vector_add(even, odd);
    m[2] = vector_sub(even, odd);
    const vector even2 = fma_constant(4, y[2], y[0]);
    const vector odd2 = fma_constant(8, y[3], vector_add(y[1], y[1]));
    m[3] = vector_add(even2, odd2);
    m[4] = vector_sub(even2, odd2);
    m[5] = y[3];
  } else if (size == 3) {
    const vector even = vector_add(y[0], y[2]);
    m[1] = vector_add(even, y[1]);
    m[2] = vector_sub(even, y[1]);
    m[3] = fma_constant(2, y[1], fma_constant(4, y[2], y[0]));
    m[5] = y[2];
  } else {
    m[1] = vector_add(y[0], y[1]);
    m[2] = vector_sub(y[0], y[1]);
    m[5] = y[1];
  }
}

/* Three weights to all six points. */
static inline void kernel_points(const vector w[3], vector u[6]) {
  const vector even = vector_add(w[0], w[2]);
  const vector even2 = fma_constant(4, w[2], w[0]), odd2 = vector_add(w[1], w[1]);
  u[0] = times(0.25f, w[0]);
  u[1] = times(-1 / 6.f, vector_add(even, w[1]));
  u[2] = times(-1 / 6.f, vector_sub(even, w[1]));
  u[3] = times(1 / 24.f, vector_add(even2, odd2));
  u[4] = times(1 / 24.f, vector_sub(even2, odd2));
  u[5] = w[2];
}

static inline void kernel_adjoint_points(const vector u[6], vector w[3]) {
  const vector s1 = vector_add(u[1], u[2]), d1 = vector_sub(u[1], u[2]);
  const vector s2 = vector_add(u[3], u[4]), d2 = vector_sub(u[3], u[4]);
  w[0] = fma_constant(0.25f, u[0], fma_constant(1 / 24.f, s2, times(-1 / 6.f, s1)));
  w[1] = fma_constant(1 / 12.f, d2, times(-1 / 6.f, d1));
  w[2] = fma_constant(1 / 6.f, vector_sub(s2, s1), u[5]);
}

#endif
