/* One row, from a B whose columns are contiguous: dot products, some side by side. Written once in terms of a
   vector header. */
#ifndef CNN_KERNELS_GEMM_DOTS_H
#define CNN_KERNELS_GEMM_DOTS_H

#include "kernels/gemm_rows.h"

enum {
  DOTS = VECTOR_WIDTH / 2, /* side by side: eight vectors of sums, whose additions overlap */
  DEPTHS_AHEAD = 128 /* that are asked for: processors fetch ahead for few columns at a time */
};

/* Sixteen depths of a row, of which count are there. */
static __attribute__((cold, noinline)) void copy_depths(const float *from, ptrdiff_t step,
                                                        size_t count, float to[CNN__PANEL]) {
  for (size_t i = 0; i < CNN__PANEL; i++)
    to[i] = i < count ? from[(ptrdiff_t)i * step] : 0;
}

static inline void load_depths(const float *from, ptrdiff_t step, size_t count,
                               vector to[LINE_VECTORS]) {
  float copy[CNN__PANEL];
  if (step == 1 && count >= CNN__PANEL) {
    load_line(from, to);
  } else {
    copy_depths(from, step, count, copy);
    load_line(copy, to);
  }
}

/* sum += left * right for sixteen depths. */
INLINE_CONSTANTS void add_products(const vector left[LINE_VECTORS], const float *right,
                                   vector sum[LINE_VECTORS]) {
  WRITTEN_OUT
  for (ptrdiff_t v = 0; v < LINE_VECTORS; v++)
    sum[v] = vector_fma(left[v], vector_load(right + v * VECTOR_WIDTH), sum[v]);
}

/* The sums of DOTS columns, each in a vector: lane l += lane l + 8 and so on, where that is another vector's. */
static __attribute__((noinline)) void sum_columns(const cnn__gemm_rows *row,
                                                  const float *const b[DOTS], vector to[DOTS]) {
  const ptrdiff_t step = row->a_depth;
  const float *a = row->a;
  vector sum[DOTS][LINE_VECTORS], left[LINE_VECTORS];
  const float *column[DOTS]; /* as b, in registers */
  WRITTEN_OUT
  for (ptrdiff_t i = 0; i < DOTS; i++) {
    column[i] = b[i];
    WRITTEN_OUT
    for (ptrdiff_t v = 0; v < LINE_VECTORS; v++)
      sum[i][v] = vector_zero();
  }
  size_t depth = 0;
  for (; depth + CNN__PANEL <= row->k; depth += CNN__PANEL, a += CNN__PANEL * step) {
    load_depths(a, step, row->k - depth, left);
    WRITTEN_OUT
    for (ptrdiff_t i = 0; i < DOTS; i++) {
      __builtin_prefetch((const void *)((uintptr_t)(column[i] + depth) + DEPTHS_AHEAD * sizeof *a));
      add_products(left, column[i] + depth, sum[i]);
    }
  }
  if (depth < row->k) {
    float right[DOTS][CNN__PANEL];
    load_depths(a, step, row->k - depth, left);
    for (ptrdiff_t i = 0; i < DOTS; i++)
      copy_depths(b[i] + depth, 1, row->k - depth, right[i]);
    WRITTEN_OUT
    for (ptrdiff_t i = 0; i < DOTS; i++)
      add_products(left, right[i], sum[i]);
  }
  WRITTEN_OUT
  for (ptrdiff_t i = 0; i < DOTS; i++) {
    for (ptrdiff_t half = LINE_VECTORS / 2; half > 0; half /= 2)
      for (ptrdiff_t v = 0; v < half; v++)
        sum[i][v] = vector_add(sum[i][v], sum[i][v + half]);
    to[i] = sum[i][0];
  }
}

/* A vector of C's columns from column on, of which the last one stands in for those past it. */
static vector sum_vector(const cnn__gemm_rows *row, size_t column) {
  vector lanes[VECTOR_WIDTH];
  for (size_t group = 0; group < VECTOR_WIDTH; group += DOTS) {
    const float *b[DOTS];
    for (size_t i = 0; i < DOTS; i++) {
      const size_t j = column + group + i;
      b[i] = row->b + (ptrdiff_t)(j < row->n ? j : row->n - 1) * row->b_stride;
    }
    sum_columns(row, b, lanes + group);
  }
  vector_transpose(lanes);
  for (size_t half = VECTOR_WIDTH / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; i++)
      lanes[i] = vector_add(lanes[i], lanes[i + half]);
  return lanes[0];
}

static void dots(const cnn__gemm_rows *row) {
  for (size_t j = 0; j < row->n; j += VECTOR_WIDTH) {
    const size_t left = row->n - j;
    float *c = row->c + j;
    vector sum = sum_vector(row, j);
    if (left < VECTOR_WIDTH) {
      if (row->accumulate) sum = vector_add(vector_load_tail(c, left), sum);
      vector_store_tail(c, left, sum);
    } else {
      if (row->accumulate) sum = vector_add(vector_load(c), sum);
      vector_store(c, sum);
    }
  }
  if (row->bias || row->epilogue != CNN__GEMM_PLAIN) finish_row(row);
}

#endif
