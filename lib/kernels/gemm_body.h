/* The GEMM's body, written once in terms of a vector header. A source gemm_<isa>.c includes its
   vector header and then defines what its registers hold:

     MAIN_VECTORS       vectors in a row of the main tile
     TILES(X)           X(rows, vectors) for each size of tile; for each width that occurs, every
                        number of rows from 1 to the most that its registers hold
     most_rows[width]   that number; 0 where there is no such width

   A tile keeps rows x vectors of C in registers and walks the whole chain. Widths above
   MAIN_VECTORS serve few rows, where narrow tiles would wait for their own sums. */
#ifndef CNN_KERNELS_GEMM_BODY_H
#define CNN_KERNELS_GEMM_BODY_H

#include "kernels/fill.h"

enum { PANEL_VECTORS = CNN__PANEL / VECTOR_WIDTH };

/* Where a tile lies: column is a multiple of 16; tail is the number of columns in its last vector,
   which matters to tiles whose last vector is partial. */
typedef struct place {
  size_t row, column, tail;
} place;

typedef void tile_function(const cnn__gemm *product, place at);

/* In tile() rows, vectors and partial are constants, so that the loops over them unroll away and
   the sums stay in registers. */
#define CONSTANT_ARGUMENTS static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL_ALL _Pragma("clang loop unroll(full)")
#else
#define UNROLL_ALL _Pragma("GCC unroll 16")
#endif
#define UNROLL_DEPTH _Pragma("GCC unroll 4")

typedef vector sums[MOST_ROWS][MOST_VECTORS];

CONSTANT_ARGUMENTS vector load_part(const float *from, bool partial, size_t tail) {
  return partial ? vector_load_tail(from, tail) : vector_load(from);
}

CONSTANT_ARGUMENTS void store_part(float *to, vector x, bool partial, size_t tail) {
  if (partial)
    vector_store_tail(to, tail, x);
  else
    vector_store(to, x);
}

/* sum += A * B for one pair; a and b point at the tile's first row and column. */
CONSTANT_ARGUMENTS void multiply(const cnn__gemm *product, const float *a, const float *b,
                                 size_t tail, size_t rows, size_t vectors, bool partial, sums sum) {
  const ptrdiff_t a_row = product->a_row, a_depth = product->a_depth;
  const ptrdiff_t b_row = product->b_row, b_panel = product->b_panel;
  UNROLL_DEPTH for (size_t depth = product->k; depth > 0; depth--) {
    vector right[MOST_VECTORS];
    UNROLL_ALL for (size_t j = 0; j < vectors; j++) {
      const ptrdiff_t offset =
          (ptrdiff_t)(j / PANEL_VECTORS) * b_panel + (ptrdiff_t)(j % PANEL_VECTORS) * VECTOR_WIDTH;
      right[j] = load_part(b + offset, partial && j + 1 == vectors, tail);
    }
    UNROLL_ALL for (size_t i = 0; i < rows; i++) {
      const float left = a[(ptrdiff_t)i * a_row];
      UNROLL_ALL for (size_t j = 0; j < vectors; j++) sum[i][j] =
          vector_fma_scalar(left, right[j], sum[i][j]);
    }
    a += a_depth;
    b += b_row;
  }
}

CONSTANT_ARGUMENTS void tile(const cnn__gemm *product, place at, size_t rows, size_t vectors,
                             bool partial) {
  float *const c = product->c + (ptrdiff_t)at.row * product->c_row + (ptrdiff_t)at.column;
  sums sum;
  UNROLL_ALL for (size_t i = 0; i < rows; i++) {
    const float *from = c + (ptrdiff_t)i * product->c_row;
    UNROLL_ALL for (size_t j = 0; j < vectors; j++) sum[i][j] =
        product->accumulate
            ? load_part(from + j * VECTOR_WIDTH, partial && j + 1 == vectors, at.tail)
            : vector_zero();
  }

  for (size_t i = 0; i < product->batch; i++)
    multiply(product, product->a[i] + (ptrdiff_t)at.row * product->a_row,
             product->b[i] + (ptrdiff_t)(at.column / CNN__PANEL) * product->b_panel, at.tail, rows,
             vectors, partial, sum);

  if (product->bias) {
    UNROLL_ALL for (size_t j = 0; j < vectors; j++) {
      const vector bias = load_part(product->bias + at.column + j * VECTOR_WIDTH,
                                    partial && j + 1 == vectors, at.tail);
      UNROLL_ALL for (size_t i = 0; i < rows; i++) sum[i][j] = vector_add(sum[i][j], bias);
    }
  }
  const bool relu = product->epilogue == CNN__GEMM_RELU;
  UNROLL_ALL for (size_t i = 0; i < rows; i++) {
    float *to = c + (ptrdiff_t)i * product->c_row;
    UNROLL_ALL for (size_t j = 0; j < vectors; j++) {
      const vector x = relu ? vector_max(vector_zero(), sum[i][j]) : sum[i][j]; /* keeps NaN */
      store_part(to + j * VECTOR_WIDTH, x, partial && j + 1 == vectors, at.tail);
    }
  }
}

#define DEFINE_TILE(rows, vectors)                                                                 \
  static void whole_##rows##x##vectors(const cnn__gemm *product, place at) {                       \
    tile(product, at, rows, vectors, false);                                                       \
  }                                                                                                \
  static void partial_##rows##x##vectors(const cnn__gemm *product, place at) {                     \
    tile(product, at, rows, vectors, true);                                                        \
  }
TILES(DEFINE_TILE)

#define NAME_TILE(rows, vectors)                                                                   \
  [vectors][rows] = {whole_##rows##x##vectors, partial_##rows##x##vectors},
static tile_function *const tiles[MOST_VECTORS + 1][MOST_ROWS + 1][2] = {TILES(NAME_TILE)};

/* The widest tile that the remaining columns fill (its last vector perhaps in part). */
static size_t choose_vectors(size_t m, size_t columns) {
  size_t vectors = (columns + VECTOR_WIDTH - 1) / VECTOR_WIDTH;
  if (vectors > MOST_VECTORS) vectors = MOST_VECTORS;
  while (!most_rows[vectors] || (vectors > MAIN_VECTORS && most_rows[vectors] < m))
    vectors--;
  return vectors;
}

/* Full tiles, and two of about the same size rather than a full one and a sliver. */
static size_t choose_rows(size_t rows, size_t most) {
  if (rows <= most) return rows;
  return rows < 2 * most ? (rows + 1) / 2 : most;
}

/* A panel of B stays in the L1 cache while all rows of A pass by. */
static void gemm(const cnn__gemm *product) {
  place at = {.column = 0};
  while (at.column < product->n) {
    const size_t left = product->n - at.column;
    const size_t vectors = choose_vectors(product->m, left);
    const size_t columns = left < vectors * VECTOR_WIDTH ? left : vectors * VECTOR_WIDTH;
    at.tail = columns - (vectors - 1) * VECTOR_WIDTH;
    size_t rows = 0;
    for (at.row = 0; at.row < product->m; at.row += rows) {
      rows = choose_rows(product->m - at.row, most_rows[vectors]);
      tiles[vectors][rows][at.tail < VECTOR_WIDTH](product, at);
    }
    at.column += columns;
  }
}

#endif
