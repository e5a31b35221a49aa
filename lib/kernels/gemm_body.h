/* The GEMM's body, written once in terms of a vector header. A source gemm_<isa>.c includes its
   vector header and then defines what its registers hold:

     MAIN_ROWS          rows of the main tile, which packs B as well (gemm_packing.h), and
     MAIN_VECTORS       vectors in a row of it
     TILES(X)           X(rows, vectors) for each size of tile; for each width that occurs, every
                        number of rows from 1 to the most that its registers hold
     ROWS_OF_WIDTHS     [width] = that number, for each width that occurs (at most 8): all up to a
                        panel, since a tile begins with one
     MASKED_TAILS       whether tails are loaded and stored by a mask: then every tile is compiled
                        once, with a tail that may be a whole vector
     DEPTHS_AT_A_TIME   of a contiguous A that tiles take in one turn of the loop: where another
                        thread shares the core, what counts is how few instructions there are beside
                        the multiply-adds
     MAIN_DEPTHS        the same of tiles as wide as the main one, with as many rows or one less: the more depths in a turn,
                        the fewer lines it asks for beside its multiply-adds, and the more of B arrives in time; where they are
                        more than those of other tiles, short pairs go by as many as in those
     COLUMNS_BY_TURNS   least width of tiles that do so with an A whose rows lie side by side, too, if they have as many
                        sums as the main tile but for a row of it; 0: of none
     FETCH_AHEAD        whether tiles that take one depth in a turn ask for what they read later: wide ones for A some
                        depths ahead, since its lines are gone before the next row of tiles, or for rows of B
                        that lie as they came, narrow ones for the next tile's rows of A, where they lie in one run; those
                        that pack B for what they will write, in place of what they read next
     SPREAD_C           whether tiles that take several depths in a turn ask for the next one's rows of C on their
                        way, not all at once; vectors are whole lines then

   A tile keeps rows x vectors of C in registers and walks the whole chain. Widths above
   MAIN_VECTORS serve few rows, where narrow tiles would wait for their own sums. */
#ifndef CNN_KERNELS_GEMM_BODY_H
#define CNN_KERNELS_GEMM_BODY_H

#include "kernels/gemm_chain.h"

typedef void tile_function(const cnn__gemm *product, place *at);

INLINE_CONSTANTS void begin_tile(const cnn__gemm *product, const float *c, size_t rows, extent row,
                                 vector sum[MOST_ROWS][MOST_VECTORS]) {
  const ptrdiff_t c_row = product->c_row;
  if (product->accumulate)
    EACH_ROW(i, rows, load_row(c + i * c_row, row, sum[i]);)
  else
    EACH_ROW(i, rows, zero_row(row, sum[i]);)
}

/* The next tile's rows of C, read or only written: from further away than the L1 cache their lines would arrive late,
   and a store waits for its line. Harmless past C's end. */
INLINE_CONSTANTS void fetch_below(const cnn__gemm *product, const float *c, size_t rows,
                                  size_t vectors) {
  EACH_ROW(i, rows, prefetch_row(c + ((ptrdiff_t)rows + i) * product->c_row, vectors);)
}

/* How a tile asks for them on its way, in its turns. The main one, where these are many: line by line along the rows. Else: two
   lines of each row, then the two beside them, and those that its turns do not reach at once; or, as each stretch has its price,
   two lines of each row and of those below, by tiles that are smaller or have few turns. Of such the ones with long chains ask for
   all lines at once. A near C is not asked for. */
INLINE_CONSTANTS soon soon_below(const cnn__gemm *product, const float *c, size_t rows,
                                 extent row) {
  enum { PAIR = 2, PARTS = 4, MANY = 144 };
  const extent whole = {row.vectors, false, VECTOR_WIDTH};
  const bool spread = SPREAD_C && row.tail == VECTOR_WIDTH && is_large(rows, whole);
  const float *const below = c + (ptrdiff_t)rows * product->c_row;
  const bool wide = is_main(rows, row.vectors), few = is_short(product, rows, row.vectors);
  const size_t turn = wide && !few ? MAIN_DEPTHS : DEPTHS_AT_A_TIME;
  const size_t turns = spread && product->a_depth == 1 ? product->k / turn * product->batch : 0;
  const bool near = spread && product->near;
  if (wide && !near && !few && turns >= 2 * PARTS * rows * row.vectors) {
    const size_t each = row.vectors * PARTS;
    return (soon){.line = below,
                  .step = FLOATS_OF_LINE / PARTS,
                  .on = product->c_row - (ptrdiff_t)row.vectors * FLOATS_OF_LINE,
                  .turns = each,
                  .left = each,
                  .more = rows - 1};
  }
  if (near || turns < rows || (!wide && turns >= MANY) || (few && !is_brief(product))) {
    if (!near) fetch_below(product, c, rows, row.vectors);
    return (soon){.line = c, .turns = SIZE_MAX, .left = SIZE_MAX};
  }
  const bool pairs = turns >= PAIR * rows, goes_on = !wide || few;
  if (row.vectors > PAIR && (goes_on || !pairs))
    fetch_below(product, c + PAIR * FLOATS_OF_LINE, rows, row.vectors - PAIR);
  return (soon){.line = below,
                .second = FLOATS_OF_LINE,
                .step = product->c_row,
                .on = PAIR * FLOATS_OF_LINE - (ptrdiff_t)rows * product->c_row,
                .turns = rows,
                .left = goes_on ? SIZE_MAX : rows,
                .more = pairs ? 1 : 0};
}

INLINE_CONSTANTS void store_tile(const cnn__gemm *product, float *c, size_t rows, extent row,
                                 vector sum[MOST_ROWS][MOST_VECTORS]) {
  const ptrdiff_t c_row = product->c_row;
  c = opaque(c); /* its rows' addresses are not kept through the product */
  EACH_ROW(i, rows, store_row(c + i * c_row, row, sum[i]);)
}

INLINE_CONSTANTS void end_tile(const cnn__gemm *product, float *c, const float *bias, size_t rows,
                               extent row, vector sum[MOST_ROWS][MOST_VECTORS]) {
  if (bias) {
    vector added[MOST_VECTORS];
    load_row(bias, row, added);
    EACH_ROW(i, rows, add_row(added, row, sum[i]);)
  }
  if (product->epilogue != CNN__GEMM_PLAIN) {
    EACH_ROW(i, rows, relu_row(row, sum[i]);)
    if (product->epilogue == CNN__GEMM_RELU6) EACH_ROW(i, rows, at_most_six_row(row, sum[i]);)
  }
  store_tile(product, c, rows, row, sum);
}

/* A tile whose rows of A begin a floats into each of the batch, its columns of B so many, and C at c. */
INLINE_CONSTANTS void tile(const cnn__gemm *product, place *at, ptrdiff_t a, ptrdiff_t b, float *c,
                           const float *bias, size_t rows, extent row) {
  vector sum[MOST_ROWS][MOST_VECTORS];
  begin_tile(product, c, rows, row, sum);
  soon next = soon_below(product, c, rows, row);
  if (is_main(rows, row.vectors)) next.at = at;
  if (is_short(product, rows, row.vectors) && row.tail == VECTOR_WIDTH)
    multiply_short(product, a, b, rows, (extent){row.vectors, false, VECTOR_WIDTH}, &next, sum);
  else
    for (size_t i = 0; i < product->batch; i++)
      multiply(product, product->a[i] + a, product->b[i] + b, rows, row, &next, sum);
  end_tile(product, c, bias, rows, row, sum);
}

INLINE_CONSTANTS void tiles_below(const cnn__gemm *product, place *at, size_t rows, extent row) {
  const ptrdiff_t b = (ptrdiff_t)(at->column / CNN__PANEL) * product->b_panel;
  ptrdiff_t a = (ptrdiff_t)at->row * product->a_row;
  float *c = product->c + (ptrdiff_t)at->row * product->c_row + (ptrdiff_t)at->column;
  const float *bias = product->bias ? product->bias + at->column : NULL;
  for (size_t left = at->end - at->row; left > 0; left -= rows) {
    tile(product, at, a, b, c, bias, rows, row);
    a += (ptrdiff_t)rows * product->a_row;
    c += (ptrdiff_t)rows * product->c_row;
  }
}

INLINE_CONSTANTS void whole_tiles(const cnn__gemm *product, place *at, size_t rows,
                                  size_t vectors) {
  tiles_below(product, at, rows, (extent){vectors, false, VECTOR_WIDTH});
}

INLINE_CONSTANTS void partial_tiles(const cnn__gemm *product, place *at, size_t rows,
                                    size_t vectors) {
  tiles_below(product, at, rows, (extent){vectors, true, at->tail});
}

#define DEFINE_TILE(rows, vectors)                                                                 \
  static void whole_##rows##x##vectors(const cnn__gemm *product, place *at) {                      \
    whole_tiles(product, at, rows, vectors);                                                       \
  }                                                                                                \
  static void partial_##rows##x##vectors(const cnn__gemm *product, place *at) {                    \
    partial_tiles(product, at, rows, vectors);                                                     \
  }
TILES(DEFINE_TILE)

#endif
