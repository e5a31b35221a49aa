/* What the ways to block a matrix product share. */
#ifndef CNN_OPS_GEMM_BLOCKS_H
#define CNN_OPS_GEMM_BLOCKS_H

#include "base/size.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "ops/gemm.h"

enum {
  FLOATS_OF_LINE = 16,
  CNN__LEAST_WORK = 1 << 17, /* multiply-adds that are worth a task; */
  CNN__READ_B = 4 /* what reading a number of B takes, at least, however few rows use it */
};

/* Of rows, columns or depths: [first, end). */
typedef struct cnn__range {
  size_t first, end;
} cnn__range;

static inline size_t cnn__range_length(cnn__range range) {
  return range.end - range.first;
}
/* At most step elements, done elements after whole's first. */
static inline cnn__range cnn__range_part(cnn__range whole, size_t done, size_t step) {
  const size_t first = whole.first + done;
  return (cnn__range){first, first + cnn__size_min(step, whole.end - first)};
}

/* Where a block's A or B begins, and its strides in the kernel's sense. */
typedef struct cnn__operand {
  const float *at;
  ptrdiff_t row, other; /* A: other is a_depth; B: b_panel */
} cnn__operand;

static inline bool cnn__within(ptrdiff_t stride, ptrdiff_t most) {
  return stride <= most && stride >= -most;
}
static inline const float *cnn__a_at(const cnn__matmul *product, size_t row, size_t depth) {
  return product->a + (ptrdiff_t)row * product->a_row + (ptrdiff_t)depth * product->a_depth;
}
static inline const float *cnn__b_at(const cnn__matmul *product, size_t depth, size_t column) {
  return product->b + (ptrdiff_t)depth * product->b_row + (ptrdiff_t)column * product->b_column;
}
/* Row-major B, or B as the caller packed it. */
static inline cnn__operand cnn__b_in_place(const cnn__matmul *product, size_t column,
                                           size_t depth) {
  if (product->b)
    return (cnn__operand){cnn__b_at(product, depth, column), product->b_row, CNN__PANEL};
  return (cnn__operand){product->packed + column * product->k + depth * CNN__PANEL, CNN__PANEL,
                        CNN__PANEL * (ptrdiff_t)product->k};
}

/* A block of C over a part of the chain; the last part adds the bias and applies the activation. What A and B
   are is yet to be said. */
static inline cnn__gemm cnn__part_of(const cnn__matmul *product, cnn__range row, cnn__range column,
                                     cnn__range depth) {
  const bool last = depth.end == product->k;
  return (cnn__gemm){
      .m = cnn__range_length(row),
      .n = cnn__range_length(column),
      .k = cnn__range_length(depth),
      .batch = 1,
      .c = product->c + (ptrdiff_t)row.first * product->c_row + column.first,
      .c_row = product->c_row,
      .near = product->m * product->n <= CNN__NEAR,
      .accumulate = product->accumulate || depth.first > 0,
      .bias = last && product->bias ? product->bias + column.first : NULL,
      .epilogue = last ? product->epilogue : CNN__GEMM_PLAIN,
  };
}

static inline void cnn__multiply_part(const cnn__matmul *product, cnn__range row, cnn__range column,
                                      cnn__range depth, cnn__operand a, cnn__operand b) {
  cnn__gemm part = cnn__part_of(product, row, column, depth);
  part.a = &a.at, part.a_row = a.row, part.a_depth = a.other;
  part.b = &b.at, part.b_row = b.row, part.b_panel = b.other;
  cnn__kernels_get()->gemm.gemm(&part);
}

/* The same of a row-major B, which is left in panels on the way; next: kernels/gemm.h. */
static inline void cnn__multiply_packing(const cnn__matmul *product, cnn__range row,
                                         cnn__range column, cnn__range depth, const float *next,
                                         float *packed) {
  const float *a = cnn__a_at(product, row.first, depth.first);
  const float *b = cnn__b_at(product, depth.first, column.first);
  cnn__gemm part = cnn__part_of(product, row, column, depth);
  part.a = &a, part.a_row = product->a_row, part.a_depth = product->a_depth;
  part.b = &b, part.b_row = product->b_row, part.b_panel = CNN__PANEL;
  cnn__kernels_get()->gemm.gemm_packing(&part, next, packed);
}

/* By all threads, or where that is little work by this one. */
static inline void cnn__run_parts(const cnn__matmul *product, cnn_context *context, size_t tasks,
                                  void (*body)(void *argument, size_t task, size_t slot),
                                  void *argument) {
  const size_t rows = cnn__size_max(product->m, CNN__READ_B);
  if ((double)rows * (double)product->n * (double)product->k >= CNN__LEAST_WORK) {
    cnn__parallel_for(context, tasks, body, argument);
  } else {
    for (size_t task = 0; task < tasks; task++)
      body(argument, task, 0);
  }
}

/* How a product is cut into tasks that have what they need to themselves. */
typedef struct cnn__own_sizes {
  bool pack;      /* B, each task its own; else it is read where it lies */
  size_t columns; /* of a task, > 0, */
  size_t height;  /* rows of it, > 0, */
  size_t depths;  /* that it packs at once, > 0, */
  size_t rows;    /* that it multiplies at once, > 0, */
  size_t leading; /* its first rows, which go with the packing of a row-major B; else 0 */
} cnn__own_sizes;

/* scratch, if B is packed: for each slot as much as depths and columns of it take. */
void cnn__matmul_run_own(const cnn__matmul *product, cnn_context *context, float *scratch,
                         const cnn__own_sizes *sizes);
/* Few rows; scratch: cnn__matmul_few_floats for each slot. */
void cnn__matmul_run_few(const cnn__matmul *product, cnn_context *context, float *scratch);
/* The same into the transpose of C, C[column][row] = c[column * c_row + row], of a row-major B of 16 rows of A at most;
   without what would be added to it. */
void cnn__matmul_run_turned(const cnn__matmul *product, cnn_context *context, float *scratch);
size_t cnn__matmul_few_floats(size_t n, size_t k);

#endif
