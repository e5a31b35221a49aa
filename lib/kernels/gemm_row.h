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
INLINE_CONSTANTS void add_streams(const cnn__gemm_row *product, size_t depth, ptrdiff_t count) {
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

/* sum += a * B for a part's depths of the square at b. */
INLINE_CONSTANTS vector add_part(const cnn__gemm_row *product, const float *a, const float *b,
                                 int part, vector sum) {
  const float *columns[VECTOR_WIDTH];
  vector turned[VECTOR_TURN];
  WRITTEN_OUT
  for (ptrdiff_t j = 0; j < VECTOR_WIDTH; j++)
    columns[j] = b + j * product->b_column;
  vector_load_turned(columns, part, turned);
  WRITTEN_OUT
  for (ptrdiff_t i = 0; i < VECTOR_TURN; i++)
    sum = vector_fma(vector_set(a[(part * VECTOR_TURN + i) * product->a_depth]), turned[i], sum);
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

/* A vector of C's columns on its way along the chain. */
typedef struct columns {
  const float *b;
  vector sum;
} columns;

/* Both go on by half of the depths: the first ones of begun, the next ones of halfway. */
static void run_halves(const cnn__gemm_row *product, size_t half, columns *begun,
                       columns *halfway) {
  const cnn__gemm_row strides = *product;
  const float *a = product->a, *next_a = a + (ptrdiff_t)half * strides.a_depth;
  const float *b = begun->b, *next_b = halfway->b + half;
  vector sum = begun->sum, next_sum = halfway->sum;
  for (size_t depth = 0; depth < half; depth += VECTOR_WIDTH) {
    WRITTEN_OUT
    for (int part = 0; part < VECTOR_WIDTH / VECTOR_TURN; part++) {
      sum = add_part(&strides, a, b, part, sum);
      next_sum = add_part(&strides, next_a, next_b, part, next_sum);
    }
    a += VECTOR_WIDTH * strides.a_depth, next_a += VECTOR_WIDTH * strides.a_depth;
    b += VECTOR_WIDTH, next_b += VECTOR_WIDTH;
  }
  begun->sum = sum;
  halfway->sum = next_sum;
}

static vector first_sum(const cnn__gemm_row *product, size_t j, size_t count) {
  if (!product->accumulate) return vector_zero();
  return count < VECTOR_WIDTH ? vector_load_tail(product->c + j, count)
                              : vector_load(product->c + j);
}

static vector add_depths(const cnn__gemm_row *product, size_t depth, const float *b, size_t count,
                         vector sum) {
  for (; depth < product->k; depth++)
    sum =
        add_depth(product, product->a[(ptrdiff_t)depth * product->a_depth], b + depth, count, sum);
  return sum;
}

/* Two vectors of columns side by side, lest each wait for its own sums: the one half of the chain
   ahead of the other, for columns as a rule lie so that a few sets of the L1 cache take the same
   depths of all. */
static void row_by_columns(const cnn__gemm_row *product) {
  const size_t half = product->k / (2 * VECTOR_WIDTH) * VECTOR_WIDTH;
  const size_t whole = product->n / VECTOR_WIDTH * VECTOR_WIDTH, left = product->n - whole;
  columns begun = {product->b, vector_zero()}, halfway;
  for (size_t j = 0; j <= whole && whole > 0; j += VECTOR_WIDTH) {
    halfway = begun;
    if (j < whole) /* else what begun takes part in is not used */
      begun = (columns){product->b + (ptrdiff_t)j * product->b_column,
                        first_sum(product, j, VECTOR_WIDTH)};
    run_halves(product, half, &begun, &halfway);
    if (j > 0)
      vector_store(product->c + j - VECTOR_WIDTH,
                   add_depths(product, 2 * half, halfway.b, VECTOR_WIDTH, halfway.sum));
  }
  if (left > 0)
    vector_store_tail(product->c + whole, left,
                      add_depths(product, 0, product->b + (ptrdiff_t)whole * product->b_column,
                                 left, first_sum(product, whole, left)));
  if (product->bias || product->epilogue != CNN__GEMM_PLAIN) finish_row(product);
}

static void row(const cnn__gemm_row *product) {
  if (product->b_column == 1)
    row_by_rows(product);
  else
    row_by_columns(product);
}

#endif
