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

/* ---- one row, B by rows ---- */

static inline void load_line(const float *from, vector line[LINE_VECTORS]) {
  WRITTEN_OUT
  for (ptrdiff_t v = 0; v < LINE_VECTORS; v++)
    line[v] = vector_load(from + v * VECTOR_WIDTH);
}

/* c += a * B for count rows of B: C passes through the registers once for all of them. */
INLINE_CONSTANTS void add_streams(const cnn__gemm_rows *product, size_t depth, ptrdiff_t count) {
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

static void row_by_rows(const cnn__gemm_rows *product) {
  size_t depth = 0;
  if (!product->accumulate) zero(product->c, product->n);
  for (; depth + STREAMS <= product->k; depth += STREAMS)
    add_streams(product, depth, STREAMS);
  for (; depth < product->k; depth++)
    add_streams(product, depth, 1);
  if (product->bias || product->epilogue != CNN__GEMM_PLAIN) finish_row(product);
}

/* ---- B by columns: turned in registers, a square of it at a time ---- */

/* sum += a * B for a part's depths of the square at b. */
INLINE_CONSTANTS vector add_part(const cnn__gemm_rows *product, const float *a, const float *b,
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
static inline vector add_depth(const cnn__gemm_rows *product, float a, const float *b,
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
static void run_halves(const cnn__gemm_rows *product, size_t half, columns *begun,
                       columns *halfway) {
  const cnn__gemm_rows strides = *product;
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

static vector first_sum(const cnn__gemm_rows *product, size_t j, size_t count) {
  if (!product->accumulate) return vector_zero();
  return count < VECTOR_WIDTH ? vector_load_tail(product->c + j, count)
                              : vector_load(product->c + j);
}

static vector add_depths(const cnn__gemm_rows *product, size_t depth, const float *b, size_t count,
                         vector sum) {
  for (; depth < product->k; depth++)
    sum =
        add_depth(product, product->a[(ptrdiff_t)depth * product->a_depth], b + depth, count, sum);
  return sum;
}

/* Two vectors of columns side by side, lest each wait for its own sums: the one half of the chain
   ahead of the other, for columns as a rule lie so that a few sets of the L1 cache take the same
   depths of all. */
static void row_by_columns(const cnn__gemm_rows *product) {
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

/* ---- few rows, B by rows ---- */

/* Some columns of C, side by side while the whole chain passes: a strip of all rows, then the next strip. In C
   itself rows may lie so that all share a set of the L1 cache. */
typedef struct strips {
  _Alignas(64) float sum[MOST_SUMS];
  float left[FEW_ROWS * HELD]; /* what A has for the rows of B that are held */
  size_t columns;
} strips;

/* sum += of->left * B for a strip of all rows. */
INLINE_CONSTANTS void add_strip(const strips *of, size_t rows, const float *b, ptrdiff_t b_row,
                                float *sum) {
  vector right[HELD][STRIP_VECTORS];
  WRITTEN_OUT
  for (ptrdiff_t i = 0; i < HELD; i++, b += b_row) {
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
INLINE_CONSTANTS void ask_for_strip(const float *b, ptrdiff_t b_row) {
  const uintptr_t at = (uintptr_t)b;
  WRITTEN_OUT
  for (ptrdiff_t i = 0; i < HELD; i++)
    __builtin_prefetch((const void *)(at + (uintptr_t)((HELD + i) * b_row) * sizeof *b));
}

static void add_held(const cnn__gemm_rows *product, strips *of, const float *a, const float *b) {
  const size_t rows = product->m;
  const ptrdiff_t b_row = product->b_row;
  float *sum = of->sum;
  for (ptrdiff_t row = 0; row < (ptrdiff_t)rows; row++)
    for (ptrdiff_t i = 0; i < HELD; i++)
      of->left[row * HELD + i] = a[row * product->a_row + i * product->a_depth];
  size_t left = of->columns;
  for (; left >= STRIP; left -= STRIP, b += STRIP, sum += rows * STRIP) {
    ask_for_strip(b, b_row);
    add_strip(of, rows, b, b_row, sum);
  }
  if (left == 0) return;
  float padded[HELD * STRIP] = {0};
  for (ptrdiff_t i = 0; i < HELD; i++)
    for (size_t j = 0; j < left; j++)
      padded[i * STRIP + (ptrdiff_t)j] = b[i * b_row + (ptrdiff_t)j];
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

static void few_by_rows(const cnn__gemm_rows *product) {
  const size_t most = MOST_SUMS / product->m / STRIP * STRIP;
  cnn__gemm_rows part = *product;
  strips of;
  for (size_t left = product->n; left > 0; left -= of.columns) {
    const float *a = part.a, *b = part.b;
    size_t depths = part.k;
    of.columns = left < most ? left : most;
    begin_strips(&part, &of);
    for (; depths >= HELD; depths -= HELD, a += HELD * part.a_depth, b += HELD * part.b_row)
      add_held(&part, &of, a, b);
    for (; depths > 0; depths--, a += part.a_depth, b += part.b_row)
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
  const bool by_rows = product->b_column == 1;
  cnn__gemm_rows part = *product;
  for (size_t left = product->m; left > 0; left -= part.m) {
    part.m = !by_rows ? 1 : left < FEW_ROWS ? left : FEW_ROWS;
    if (!by_rows)
      row_by_columns(&part);
    else if (part.m == 1)
      row_by_rows(&part);
    else
      few_by_rows(&part);
    part.a += (ptrdiff_t)part.m * part.a_row;
    part.c += (ptrdiff_t)part.m * part.c_row;
  }
}

#endif
