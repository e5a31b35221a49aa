/* Activation functions and their derivatives. The contract common to all: kernels/elementwise.h.

   Largest errors against the exact value, over all floats and with or without fused multiply-add,
   in units of its last place: sigmoid 2.5, tanh 3, ELU's exp x - 1 1, softplus 2, GELU right of 0 1.5
   (SSE2 2), left of 0, where 1 + erf cancels, 2^-22 |x|. tests/kernels/test_elementary.c measures
   them. Derivatives from y are as good as y: absolute errors of a few 2^-24. */
#ifndef CNN_KERNELS_ELEMENTWISE_ACTIVATION_H
#define CNN_KERNELS_ELEMENTWISE_ACTIVATION_H

#include <stddef.h>

/* slope is leaky ReLU's and ELU's; the others ignore it. backward: dx = dy * f'; where it needs x
   it ignores y (which may be NULL), where it needs y it ignores x (which may be NULL). */
typedef struct cnn__activation_kernel {
  void (*forward)(size_t count, float slope, const float *x, float *y);
  void (*backward)(size_t count, float slope, const float *x, const float *y, const float *dy,
                   float *dx);
} cnn__activation_kernel;

typedef struct cnn__activation_kernels {
  cnn__activation_kernel relu;       /* x < 0 ? 0 : x; y <= 0 ? 0 : dy */
  cnn__activation_kernel leaky_relu; /* x < 0 ? slope * x : x; y <= 0 ? slope * dy : dy */
  cnn__activation_kernel relu6;      /* x < 0 ? 0 : x > 6 ? 6 : x; y <= 0 or y >= 6 ? 0 : dy */
  cnn__activation_kernel sigmoid;    /* from y */
  cnn__activation_kernel tanh;       /* from y */
  cnn__activation_kernel elu;        /* x > 0 ? x : slope * (exp x - 1); from y */
  cnn__activation_kernel gelu;       /* x (1 + erf(x / sqrt 2)) / 2; from x */
  cnn__activation_kernel silu;       /* x * sigmoid x; from x */
  cnn__activation_kernel softplus;   /* log(1 + exp x); from y */

  /* Rows of n values. y = exp(x - max) / sum; dx = y * (dy - sum of y * dy), the sum by fma. */
  void (*softmax)(size_t rows, size_t n, const float *x, float *y);
  void (*softmax_backward)(size_t rows, size_t n, const float *y, const float *dy, float *dx);
} cnn__activation_kernels;

#endif
