/* A product of one row, written once in terms of a vector header. Every element of B is used once,
   so what counts is that B arrives in long runs, several of them side by side, as processors fetch
   ahead; C stays near meanwhile. */
#ifndef CNN_KERNELS_GEMM_ROW_H
#define CNN_KERNELS_GEMM_ROW_H

#include "kernels/fill.h"

enum {
  STREAMS = 8, /* rows of B that are read side by side */
  LINE_VECTORS = CNN__PANEL / VECTOR_WIDTH
};

static inline void load_line(const float *from, vector line[LINE_VECTORS]) {
  WRITTEN_OUT
  for (ptrdiff_t v = 0; v < LINE_VECTORS; v++)
    line[v] = vector_load(from + v * VECTOR_WIDTH);
}

/* c += a * B for count rows of B: C passes through the registers once for all of them. */
static inline __attribute__((always_inline)) void add_streams(const cnn__gemm_row *product,
                                                              size_t depth, ptrdiff_t count) {
  const ptrdiff_t b_row = product->b_row;
  const float *b = product->b + (ptrdiff_t)depth * b_row;
  vector left[STREAMS];
  WRITTEN_OUT
  for (ptrdiff_t i = 0; i < count; i++)
    left[i] = vector_set(product->a[((ptrdiff_t)depth + i) * product->a_depth]);
  size_t j = 0;
  for (; j + CNN__PANEL <= product->n; j += CNN__PANEL) {
    vector sum[LINE_VECTORS];
    load_line(product->c + j, sum);
    WRITTEN_OUT
    for (ptrdiff_t i = 0; i < count; i++) {
      const float *line = b + i * b_row + j;
      WRITTEN_OUT
      for (ptrdiff_t v = 0; v < LINE_VECTORS; v++)
        sum[v] = vector_fma(left[i], vector_load(line + v * VECTOR_WIDTH), sum[v]);
    }
    WRITTEN_OUT
    for (ptrdiff_t v = 0; v < LINE_VECTORS; v++)
      vector_store(product->c + j + v * VECTOR_WIDTH, sum[v]);
  }
  for (; j + VECTOR_WIDTH <= product->n; j += VECTOR_WIDTH) {
    vector sum = vector_load(product->c + j);
    WRITTEN_OUT
    for (ptrdiff_t i = 0; i < count; i++)
      sum = vector_fma(left[i], vector_load(b + i * b_row + j), sum);
    vector_store(product->c + j, sum);
  }
  const size_t tail = product->n - j;
  if (tail == 0) return;
  vector sum = vector_load_tail(product->c + j, tail);
  WRITTEN_OUT
  for (ptrdiff_t i = 0; i < count; i++)
    sum = vector_fma(left[i], vector_load_tail(b + i * b_row + j, tail), sum);
  vector_store_tail(product->c + j, tail, sum);
}

static inline vector finished(const cnn__gemm_row *product, vector sum, vector bias) {
  if (product->bias) sum = vector_add(sum, bias);
  return product->epilogue == CNN__GEMM_RELU ? vector_max(vector_zero(), sum) : sum;
}

static void finish_row(const cnn__gemm_row *product) {
  const float *bias = product->bias ? product->bias : product->c;
  float *c = product->c;
  size_t j = 0;
  for (; j + VECTOR_WIDTH <= product->n; j += VECTOR_WIDTH)
    vector_store(c + j, finished(product, vector_load(c + j), vector_load(bias + j)));
  const size_t tail = product->n - j;
  if (tail > 0)
    vector_store_tail(
        c + j, tail,
        finished(product, vector_load_tail(c + j, tail), vector_load_tail(bias + j, tail)));
}

static void row_by_rows(const cnn__gemm_row *product) {
  size_t depth = 0;
  if (!product->accumulate)
    for (size_t j = 0; j < product->n; j++)
      product->c[j] = 0;
  for (; depth + STREAMS <= product->k; depth += STREAMS)
    add_streams(product, depth, STREAMS);
  for (; depth < product->k; depth++)
    add_streams(product, depth, 1);
  if (product->bias || product->epilogue != CNN__GEMM_PLAIN) finish_row(product);
}

/* ---- B by columns: turned in registers, a square of it at a time ---- */

/* sum += a * B for VECTOR_WIDTH depths of as many columns. */
static inline vector add_square(const cnn__gemm_row *product, const float *a, const float *b,
                                vector sum) {
  vector square[VECTOR_WIDTH];
  WRITTEN_OUT
  for (ptrdiff_t j = 0; j < VECTOR_WIDTH; j++)
    square[j] = vector_load(b + j * product->b_column);
  vector_transpose(square);
  WRITTEN_OUT
  for (ptrdiff_t i = 0; i < VECTOR_WIDTH; i++)
    sum = vector_fma(vector_set(a[i * product->a_depth]), square[i], sum);
  return sum;
}

/* The same for one depth of some columns. */
static inline vector add_depth(const cnn__gemm_row *product, float a, const float *b,
                               size_t columns, vector sum) {
  float line[VECTOR_WIDTH] = {0};
  for (size_t j = 0; j < columns; j++)
    line[j] = b[(ptrdiff_t)j * product->b_column];
  return vector_fma(vector_set(a), vector_load(line), sum);
}

static void row_by_columns(const cnn__gemm_row *product) {
  for (size_t j = 0; j < product->n; j += VECTOR_WIDTH) {
    const size_t left = product->n - j, columns = left < VECTOR_WIDTH ? left : VECTOR_WIDTH;
    const float *b = product->b + (ptrdiff_t)j * product->b_column, *a = product->a;
    float *c = product->c + j;
    vector sum = vector_zero();
    if (product->accumulate)
      sum = columns < VECTOR_WIDTH ? vector_load_tail(c, columns) : vector_load(c);
    size_t depth = 0;
    if (columns == VECTOR_WIDTH)
      for (; depth + VECTOR_WIDTH <= product->k; depth += VECTOR_WIDTH)
        sum = add_square(product, a + (ptrdiff_t)depth * product->a_depth, b + depth, sum);
    for (; depth < product->k; depth++)
      sum = add_depth(product, a[(ptrdiff_t)depth * product->a_depth], b + depth, columns, sum);
    if (columns < VECTOR_WIDTH)
      vector_store_tail(c, columns, sum);
    else
      vector_store(c, sum);
  }
  if (product->bias || product->epilogue != CNN__GEMM_PLAIN) finish_row(product);
}

static void row(const cnn__gemm_row *product) {
  if (product->b_column == 1)
    row_by_rows(product);
  else
    row_by_columns(product);
}

#endif
