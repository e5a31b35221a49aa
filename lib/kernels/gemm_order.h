/* Which tiles a product is cut into, and in which order they go. Written once over the tiles of gemm_body.h. */
#ifndef CNN_KERNELS_GEMM_ORDER_H
#define CNN_KERNELS_GEMM_ORDER_H

#include "kernels/gemm_body.h"

#define NAME_TILE(rows, vectors)                                                                   \
  [vectors][rows] = {MASKED_TAILS ? partial_##rows##x##vectors : whole_##rows##x##vectors,         \
                     partial_##rows##x##vectors},
static const unsigned char most_rows[MOST_VECTORS + 1] = {ROWS_OF_WIDTHS};
static tile_function *const tiles[MOST_VECTORS + 1][MOST_ROWS + 1][2] = {TILES(NAME_TILE)};

/* Wider tiles than the main one are for few rows, and end with a panel, where the next one begins. */
static bool may_be_wide(size_t m, size_t vectors) {
  return vectors <= MAIN_VECTORS || (vectors % PANEL_VECTORS == 0 && most_rows[vectors] >= m);
}

/* Whether a tile less wide than the main one, of whole panels, has all rows: of main tiles it would be two, each with so
   few sums that multiply-adds wait for each other. */
enum { NARROWER = MAIN_VECTORS > 3 && PANEL_VECTORS == 1 ? MAIN_VECTORS - 1 : MAIN_VECTORS };
static bool holds_all(size_t m) {
  return m > MAIN_ROWS && m <= most_rows[NARROWER];
}

/* The widest tile that the remaining columns fill (its last vector perhaps in part). Under rows of A one vector
   more than the main tile's ends a row better than a tile of that vector alone, which loads more than it multiplies. */
static size_t choose_vectors(const cnn__gemm *product, size_t columns) {
  const size_t m = product->m;
  size_t vectors = (columns + VECTOR_WIDTH - 1) / VECTOR_WIDTH;
  if (vectors == MAIN_VECTORS + 1 && most_rows[vectors] && product->a_depth == 1) return vectors;
  if (vectors > MOST_VECTORS) vectors = MOST_VECTORS;
  while (!most_rows[vectors] || !may_be_wide(m, vectors))
    vectors--;
  return vectors == MAIN_VECTORS && holds_all(m) ? NARROWER : vectors;
}

/* m / most, rounded up, for m > 0. Small numbers, as they are as a rule, take a third of the time. */
static size_t shares(size_t m, size_t most) {
  return m <= UINT32_MAX ? ((uint32_t)m - 1) / (uint32_t)most + 1 : (m - 1) / most + 1;
}

/* As few tiles as will do, all of about the same size: the first ones of so many rows, the rest of one less. */
typedef struct heights {
  size_t rows, higher, count;
} heights;

static heights heights_of(size_t m, size_t vectors) {
  const size_t count = shares(m, most_rows[vectors]), rows = shares(m, count);
  return (heights){rows, m - count * (rows - 1), count};
}

/* Depths of a chain beside which what a tile costs by itself, or what it asks for, is little. */
enum { LONG = 128 };

/* Lets count tiles, those of the columns from at->column to end, each ask for its share of what the columns after end read of a
   packed B; the last ones for the first columns' again, which the next rows of A need. So it comes meanwhile from wherever
   it is. */
static void ask_later(const cnn__gemm *product, place *at, size_t end, size_t count) {
  const bool in_a_row = product->b_row == CNN__PANEL && product->batch == 1 &&
                        product->b_panel == CNN__PANEL * (ptrdiff_t)product->k;
  if (!SPREAD_C || !in_a_row || product->a_depth != 1 || product->k < LONG) return;
  const size_t begin = end < product->n ? end : 0;
  at->later = (uintptr_t)(product->b[0] + begin * product->k);
  at->later_pairs = shares((end - at->column) / FLOATS_OF_LINE * product->k, 2 * count);
}

/* A panel of B stays in the L1 cache while all rows of A pass by. */
static void run_columns(const cnn__gemm *product, place at, size_t vectors) {
  tile_function *const(*const of_rows)[2] = tiles[vectors];
  const size_t partial = at.tail < VECTOR_WIDTH;
  const heights of = heights_of(product->m, vectors);
  if (vectors == MAIN_VECTORS) ask_later(product, &at, at.column + MAIN_COLUMNS, of.count);
  at.end = of.higher * of.rows;
  of_rows[of.rows][partial](product, &at);
  if (of.higher == of.count) return;
  at.row = at.end, at.end = product->m;
  of_rows[of.rows - 1][partial](product, &at);
}

/* Several main tiles side by side, then those below them. */
static void run_beside(const cnn__gemm *product, size_t column, size_t end) {
  tile_function *const(*const of_rows)[2] = tiles[MAIN_VECTORS];
  const heights of = heights_of(product->m, MAIN_VECTORS);
  place at = {.column = column, .tail = VECTOR_WIDTH};
  ask_later(product, &at, end, of.count * ((end - column) / MAIN_COLUMNS));
  for (size_t i = 0; i < of.count; i++) {
    const size_t rows = i < of.higher ? of.rows : of.rows - 1;
    at.row = at.end, at.end += rows;
    for (at.column = column; at.column < end; at.column += MAIN_COLUMNS)
      of_rows[rows][0](product, &at);
  }
}

/* Whether tiles below each other would wait: where rows of C lie a multiple of 4 KB apart, what the one loads
   shares the lower bits of its addresses, and its set of the L1 cache, with what the other has just stored. Chains have to be so long that
   calling each tile by itself costs nothing. */
static bool should_run_beside(const cnn__gemm *product) {
  enum { ALIKE = 1024 };
  const size_t k = product->k, batch = product->batch;
  return product->m > MAIN_ROWS && product->c_row % ALIKE == 0 &&
         (k >= LONG || (k > 0 && batch > (LONG - 1) / k));
}

static void gemm(const cnn__gemm *product) {
  enum { BESIDE = 4 * MAIN_COLUMNS };
  place at = {.column = 0};
  if (should_run_beside(product))
    while (product->n - at.column >= 2 * MAIN_COLUMNS) {
      const size_t whole = (product->n - at.column) / MAIN_COLUMNS * MAIN_COLUMNS;
      const size_t end = at.column + (whole < BESIDE ? whole : BESIDE);
      run_beside(product, at.column, end);
      at.column = end;
    }
  while (product->m > 0 && at.column < product->n) {
    const size_t left = product->n - at.column;
    const size_t vectors = choose_vectors(product, left);
    const size_t columns = left < vectors * VECTOR_WIDTH ? left : vectors * VECTOR_WIDTH;
    at.tail = columns - (vectors - 1) * VECTOR_WIDTH;
    run_columns(product, at, vectors);
    at.column += columns;
  }
}

#endif
