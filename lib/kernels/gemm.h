/* The building block: a batch-reduce matrix product.

     C[m x n]  =  act( C0 + sum over i of A_i[m x k] * B_i[k x n] + bias )

   Each element of C is one chain of fused multiply-adds: it starts from C0 (0, or C where
   accumulate), takes i = 0.. in order and k ascending within each, then adds the bias, then the
   activation. So blocking m, n, k or the batch differently, or splitting it over threads by m and
   n, changes no bit. After "Anatomy of high-performance matrix multiplication" (Goto, van de Geijn,
   2008) and the batch-reduce GEMM of Georganas et al. (2020). */
#ifndef CNN_KERNELS_GEMM_H
#define CNN_KERNELS_GEMM_H

#include <stdbool.h>
#include <stddef.h>

enum {
  CNN__PANEL = 16, /* columns of B and C are worked on in panels of this many: the virtual vector */
  CNN__NEAR = 4096 /* floats so few that asking for them costs more than it brings */
};

typedef enum cnn__gemm_epilogue {
  CNN__GEMM_PLAIN = 0,
  CNN__GEMM_RELU = 1, /* x < 0 ? 0 : x, so NaN stays */
  CNN__GEMM_RELU6 = 2 /* the same, and then x > 6 ? 6 : x */
} cnn__gemm_epilogue;

typedef struct cnn__gemm {
  size_t m, n, k;
  size_t batch; /* pairs (A_i, B_i); 0: only the epilogue */

  /* A_i[row][depth] = a[i][row * a_row + depth * a_depth]. Any strides: a transposed A has a_row 1.
     Only elements with row < m, depth < k are read. */
  const float *const *a;
  ptrdiff_t a_row, a_depth;
  /* A hint: what lies between A's rows will be wanted soon, too, as other taps of a convolution. */
  bool dense;

  /* B_i[depth][column] = b[i][(column / 16) * b_panel + depth * b_row + column % 16].
     Row-major B with leading dimension ld: b_row = ld, b_panel = 16. Packed: b_row = 16, b_panel =
     16 * depths, the last panel padded. Only elements with column < n are read: padding never is. */
  const float *const *b;
  ptrdiff_t b_row, b_panel;

  float *c; /* C[row][column] = c[row * c_row + column]; only row < m, column < n is touched */
  ptrdiff_t c_row;
  bool near;         /* a hint: C need not be asked for */
  bool accumulate;   /* false: C0 = 0 and c is not read */
  const float *bias; /* n values, or NULL */
  cnn__gemm_epilogue epilogue;
} cnn__gemm;

/* Few rows of C, from a B that is read where it lies: by rows, B[depth][column] = b[depth * b_stride + column],
   or by columns, b[depth + column * b_stride]. Otherwise as above. */
typedef struct cnn__gemm_rows {
  size_t m, n, k;
  const float *a;
  ptrdiff_t a_row, a_depth;
  const float *b;
  ptrdiff_t b_stride;
  float *c;
  ptrdiff_t c_row;
  bool accumulate;
  const float *bias; /* n values, or NULL */
  cnn__gemm_epilogue epilogue;
} cnn__gemm_rows;

typedef struct cnn__gemm_kernels {
  /* Any m, n, k, batch (0 included), any alignment. No cache blocking: the caller's blocks should
     fit (A's within half of L2). C must not overlap A, B or bias. */
  void (*gemm)(const cnn__gemm *product);
  size_t
      columns; /* of this instruction set's main tile, whole panels: who cuts n, cuts it by these */

  /* As gemm, for a batch of one and a row-major B (b_panel 16), which it leaves in packed on the way, as pack
     would: cheaper than one after the other. next: where more of a B begins, with the same strides, that
     is wanted afterwards; a hint, never read. */
  void (*gemm_packing)(const cnn__gemm *product, const float *next, float *packed);

  /* B by rows. The same bits as gemm. A single row of C passes by several times: its n values should stay
     in the L1 cache. */
  void (*rows)(const cnn__gemm_rows *product);

  /* B by columns, a single row. Other bits: S = A * B is summed in sixteen lanes that begin as 0, lane l over the
     depths l, l + 16, ..., where missing ones are 0 * 0; then lane l += lane l + 8, 4, 2, 1. C = C0 + S follows
     where accumulate is set, else C = S, with bias and epilogue as above. */
  void (*dots)(const cnn__gemm_rows *row);

  /* packed[(column / 16) * 16 * k + depth * 16 + column % 16] = b[depth * b_row + column * b_column]
     for depth < k, column < n; the last panel's missing columns become 0. b_row 1 and b_column ld
     pack a transpose. */
  void (*pack)(size_t k, size_t n, const float *b, ptrdiff_t b_row, ptrdiff_t b_column,
               float *packed);
  /* to[row * to_row + depth] = a[row * a_row + depth * a_depth] for row < m, depth < k: A as rows,
     to_row >= k. What lies between rows is not touched. */
  void (*pack_a)(size_t m, size_t k, const float *a, ptrdiff_t a_row, ptrdiff_t a_depth, float *to,
                 size_t to_row);
  /* The same of rows that lie anywhere, as the columns of a transpose: to[row * to_row + depth] =
     a[depth][row] for row < m, depth < k; to_row >= k. */
  void (*gather_a)(size_t m, size_t k, const float *const *a, float *to, size_t to_row);
} cnn__gemm_kernels;

/* Floats that pack writes. */
static inline size_t cnn__gemm_packed_size(size_t k, size_t n) {
  return (n + CNN__PANEL - 1) / CNN__PANEL * CNN__PANEL * k;
}

#endif
