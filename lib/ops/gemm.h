/* Matrix products over raw buffers, blocked for the caches and split over threads by shape.
   Contract of summation: kernels/gemm.h. */
#ifndef CNN_OPS_GEMM_H
#define CNN_OPS_GEMM_H

#include "base/context.h"
#include "kernels/gemm.h"

/* C[m x n] (+)= op(A)[m x k] * op(B)[k x n], then bias and activation. Strides as in a general
   matrix: A[row][depth] = a[row * a_row + depth * a_depth], B[depth][column] = b[depth * b_row +
   column * b_column]. */
typedef struct cnn__matmul {
  size_t m, n, k;
  const float *a;
  ptrdiff_t a_row, a_depth;
  const float *b; /* NULL where packed is given */
  ptrdiff_t b_row, b_column;
  const float *packed; /* B as gemm.pack made it, whole; or NULL */
  float *c;
  ptrdiff_t c_row;
  bool accumulate;
  const float *bias;
  cnn__gemm_epilogue epilogue;
} cnn__matmul;

/* Scratch bytes for any product up to these sizes. False on overflow. */
bool cnn__matmul_scratch(size_t m, size_t n, size_t k, size_t slots, size_t *bytes);
/* scratch: cnn__matmul_scratch bytes, aligned to 64. Thin shapes are the same call: m or n may be 1. */
void cnn__matmul_run(const cnn__matmul *product, cnn_context *context, void *scratch);

/* Packs a k x n matrix as the packed B of a product, its panels split over threads;
   cnn__gemm_packed_size(k, n) floats. b_row 1 and b_column ld pack a transpose. */
void cnn__matmul_pack(cnn_context *context, size_t k, size_t n, const float *b, ptrdiff_t b_row,
                      ptrdiff_t b_column, float *packed);

#endif
