/* Products of one row and of few, written once in terms of a vector header. Every element of B is used
   once or a few times, so what counts is that B arrives in long runs, several of them side by side, as
   processors fetch ahead; C stays near meanwhile. */
#ifndef CNN_KERNELS_GEMM_ROWS_H
#define CNN_KERNELS_GEMM_ROWS_H

#include "kernels/fill.h"

enum {
  STREAMS = 8, /* rows of B that are read side by side for one row of A; */
  LINE_VECTORS = CNN__PANEL / VECTOR_WIDTH,
  HELD = 4, /* for few rows, those whose vectors are held in registers, */
  STRIP_VECTORS = 2,
  STRIP = STRIP_VECTORS * VECTOR_WIDTH,
  FEW_ROWS = 16,   /* while so many rows of A pass by, */
  MOST_SUMS = 4096 /* and so many sums stay in half of the L1 cache */
};

/* ---- one row ---- */

static inline void load_line(const float *from, vector line[LINE_VECTORS]) {
  WRITTEN_OUT
  for (ptrdiff_t v = 0; v < LINE_VECTORS; v++)
    line[v] = vector_load(from + v * VECTOR_WIDTH);
}

/* c += a * B for count rows of B: C passes through the registers once for all of them. */
INLINE_CONSTANTS void add_streams(const cnn__gemm_rows *product, size_t depth, ptrdiff_t count) {
  const ptrdiff_t b_stride = product->b_stride;
  const float *b = product->b + (ptrdiff_t)depth * b_stride;
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
      const float *line = b + i * b_stride + j;
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
      sum = vector_fma(left[i], vector_load(b + i * b_stride + j), sum);
    vector_store(product->c + j, sum);
  }
  const size_t tail = product->n - j;
  if (tail == 0) return;
  vector sum = vector_load_tail(product->c + j, tail);
  WRITTEN_OUT
  for (ptrdiff_t i = 0; i < count; i++)
    sum = vector_fma(left[i], vector_load_tail(b + i * b_stride + j, tail), sum);
  vector_store_tail(product->c + j, tail, sum);
}

static inline vector finished(const cnn__gemm_rows *product, vector sum, vector bias) {
  if (product->bias) sum = vector_add(sum, bias);
  if (product->epilogue == CNN__GEMM_PLAIN) return sum;
  sum = vector_max(vector_zero(), sum);
  return product->epilogue == CNN__GEMM_RELU6 ? vector_min(vector_set(6.0f), sum) : sum;
}

static void finish_row(const cnn__gemm_rows *product) {
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

static void zero(float *c, size_t n) {
  for (size_t j = 0; j < n; j++)
    c[j] = 0;
}

static void one_row(const cnn__gemm_rows *product) {
  size_t depth = 0;
  if (!product->accumulate) zero(product->c, product->n);
  for (; depth + STREAMS <= product->k; depth += STREAMS)
    add_streams(product, depth, STREAMS);
  for (; depth < product->k; depth++)
    add_streams(product, depth, 1);
  if (product->bias || product->epilogue != CNN__GEMM_PLAIN) finish_row(product);
}

/* ---- few rows ---- */

/* Some columns of C, side by side while the whole chain passes: a strip of all rows, then the next strip. In C
   itself rows may lie so that all share a set of the L1 cache. */
typedef struct strips {
  _Alignas(64) float sum[MOST_SUMS];
  float left[FEW_ROWS * HELD]; /* what A has for the rows of B that are held */
  size_t columns;
} strips;

/* sum += of->left * B for a strip of all rows. */
INLINE_CONSTANTS void add_strip(const strips *of, size_t rows, const float *b, ptrdiff_t b_stride,
                                float *sum) {
  vector right[HELD][STRIP_VECTORS];
  WRITTEN_OUT
  for (ptrdiff_t i = 0; i < HELD; i++, b += b_stride) {
    WRITTEN_OUT
    for (ptrdiff_t v = 0; v < STRIP_VECTORS; v++)
      right[i][v] = vector_load(b + v * VECTOR_WIDTH);
  }
  const float *factor = of->left;
  for (; rows > 0; rows--, factor += HELD, sum += STRIP) {
    vector chain[STRIP_VECTORS];
    WRITTEN_OUT
    for (ptrdiff_t v = 0; v < STRIP_VECTORS; v++)
      chain[v] = vector_load(sum + v * VECTOR_WIDTH);
    WRITTEN_OUT
    for (ptrdiff_t i = 0; i < HELD; i++) {
      const vector a = vector_set(factor[i]);
      WRITTEN_OUT
      for (ptrdiff_t v = 0; v < STRIP_VECTORS; v++)
        chain[v] = vector_fma(a, right[i][v], chain[v]);
    }
    WRITTEN_OUT
    for (ptrdiff_t v = 0; v < STRIP_VECTORS; v++)
      vector_store(sum + v * VECTOR_WIDTH, chain[v]);
  }
}

/* Asks for the strip of the rows of B that come next. Harmless past its end. */
INLINE_CONSTANTS void ask_for_strip(const float *b, ptrdiff_t b_stride) {
  const uintptr_t at = (uintptr_t)b;
  WRITTEN_OUT
  for (ptrdiff_t i = 0; i < HELD; i++)
    __builtin_prefetch((const void *)(at + (uintptr_t)((HELD + i) * b_stride) * sizeof *b));
}

static void add_held(const cnn__gemm_rows *product, strips *of, const float *a, const float *b) {
  const size_t rows = product->m;
  const ptrdiff_t b_stride = product->b_stride;
  float *sum = of->sum;
  for (ptrdiff_t row = 0; row < (ptrdiff_t)rows; row++)
    for (ptrdiff_t i = 0; i < HELD; i++)
      of->left[row * HELD + i] = a[row * product->a_row + i * product->a_depth];
  size_t left = of->columns;
  for (; left >= STRIP; left -= STRIP, b += STRIP, sum += rows * STRIP) {
    ask_for_strip(b, b_stride);
    add_strip(of, rows, b, b_stride, sum);
  }
  if (left == 0) return;
  float padded[HELD * STRIP] = {0};
  for (ptrdiff_t i = 0; i < HELD; i++)
    for (size_t j = 0; j < left; j++)
      padded[i * STRIP + (ptrdiff_t)j] = b[i * b_stride + (ptrdiff_t)j];
  add_strip(of, rows, padded, STRIP, sum);
}

/* A depth of those, fewer than are held, that are left in the end. */
static __attribute__((cold)) void add_depth_to_strips(const cnn__gemm_rows *product, strips *of,
                                                      const float *a, const float *b) {
  float *sum = of->sum;
  for (size_t column = 0; column < of->columns; column += STRIP)
    for (ptrdiff_t row = 0; row < (ptrdiff_t)product->m; row++, sum += STRIP)
      for (size_t j = column; j < column + STRIP && j < of->columns; j += VECTOR_WIDTH) {
        const size_t left = of->columns - j;
        const vector right =
            left < VECTOR_WIDTH ? vector_load_tail(b + j, left) : vector_load(b + j);
        float *chain = sum + (j - column);
        vector_store(chain,
                     vector_fma(vector_set(a[row * product->a_row]), right, vector_load(chain)));
      }
}

/* Sums begin as 0, or as what C holds, */
static void begin_strips(const cnn__gemm_rows *product, strips *of) {
  const size_t all = (of->columns + STRIP - 1) / STRIP * STRIP * product->m;
  zero(of->sum, all);
  for (ptrdiff_t row = 0; row < (ptrdiff_t)product->m && product->accumulate; row++)
    for (size_t j = 0; j < of->columns; j++)
      of->sum[(j / STRIP * product->m + (size_t)row) * STRIP + j % STRIP] =
          product->c[row * product->c_row + (ptrdiff_t)j];
}
/* and end in C, where bias and activation follow. */
static void end_strips(const cnn__gemm_rows *product, const strips *of) {
  const float *sum = of->sum;
  for (size_t column = 0; column < of->columns; column += STRIP)
    for (ptrdiff_t row = 0; row < (ptrdiff_t)product->m; row++, sum += STRIP)
      for (size_t j = column; j < column + STRIP && j < of->columns; j += VECTOR_WIDTH) {
        float *c = product->c + row * product->c_row + (ptrdiff_t)j;
        const size_t left = of->columns - j;
        const vector x = vector_load(sum + (j - column));
        if (left < VECTOR_WIDTH)
          vector_store_tail(c, left, x);
        else
          vector_store(c, x);
      }
}

static void few_rows(const cnn__gemm_rows *product) {
  const size_t most = MOST_SUMS / product->m / STRIP * STRIP;
  cnn__gemm_rows part = *product;
  strips of;
  for (size_t left = product->n; left > 0; left -= of.columns) {
    const float *a = part.a, *b = part.b;
    size_t depths = part.k;
    of.columns = left < most ? left : most;
    begin_strips(&part, &of);
    for (; depths >= HELD; depths -= HELD, a += HELD * part.a_depth, b += HELD * part.b_stride)
      add_held(&part, &of, a, b);
    for (; depths > 0; depths--, a += part.a_depth, b += part.b_stride)
      add_depth_to_strips(&part, &of, a, b);
    end_strips(&part, &of);
    part.b += of.columns;
    part.c += of.columns;
  }
  if (!product->bias && product->epilogue == CNN__GEMM_PLAIN) return;
  part.c = product->c;
  for (size_t row = 0; row < product->m; row++, part.c += part.c_row)
    finish_row(&part);
}

/* ---- which ---- */

static void rows(const cnn__gemm_rows *product) {
  cnn__gemm_rows part = *product;
  for (size_t left = product->m; left > 0; left -= part.m) {
    part.m = left < FEW_ROWS ? left : FEW_ROWS;
    if (part.m == 1)
      one_row(&part);
    else
      few_rows(&part);
    part.a += (ptrdiff_t)part.m * part.a_row;
    part.c += (ptrdiff_t)part.m * part.c_row;
  }
}

#endif
