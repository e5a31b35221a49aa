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

/* A block of C over a part of the chain; the last part adds the bias and applies the activation. */
static inline void cnn__multiply_part(const cnn__matmul *product, cnn__range row, cnn__range column,
                                      cnn__range depth, cnn__operand a, cnn__operand b) {
  const bool last = depth.end == product->k;
  cnn__kernels_get()->gemm.gemm(&(cnn__gemm){
      .m = cnn__range_length(row),
      .n = cnn__range_length(column),
      .k = cnn__range_length(depth),
      .batch = 1,
      .a = &a.at,
      .a_row = a.row,
      .a_depth = a.other,
      .b = &b.at,
      .b_row = b.row,
      .b_panel = b.other,
      .c = product->c + (ptrdiff_t)row.first * product->c_row + column.first,
      .c_row = product->c_row,
      .accumulate = product->accumulate || depth.first > 0,
      .bias = last && product->bias ? product->bias + column.first : NULL,
      .epilogue = last ? product->epilogue : CNN__GEMM_PLAIN,
  });
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

/* Few rows; scratch: cnn__matmul_few_floats for each slot. */
void cnn__matmul_run_few(const cnn__matmul *product, cnn_context *context, float *scratch);
size_t cnn__matmul_few_floats(size_t n, size_t k);

#endif
