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
                        the fewer lines it asks for beside its multiply-adds, and the more of B arrives in time
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

#include "kernels/gemm_registers.h"

/* Where equal tiles lie, one below the other: rows [row, end). column is a multiple of 16; tail is
   the number of columns in the last vector, which matters where that is partial. Once a tile has asked for C, it asks
   for so many pairs of lines of what the columns after these read; the tile below for those that follow. */
typedef struct place {
  size_t row, end, column, tail;
  uintptr_t later; /* as a number, for it may be past the end */
  size_t later_pairs;
} place;

typedef void tile_function(const cnn__gemm *product, place *at);

/* Where the next depth of A and B lies. Rows of A and panels of B go by pairs, which share a pointer:
   the processor adds the one stride to it in the load itself. */
typedef struct cursor { /* as long as what is written out, though never so many are used */
  const float *a[MOST_VECTORS], *b[MOST_VECTORS];
} cursor;

INLINE_CONSTANTS cursor cursor_at(const cnn__gemm *product, const float *a, const float *b,
                                  size_t rows, extent row) {
  cursor at;
  EACH_VECTOR(i, (rows + 1) / 2, at.a[i] = opaque(a + 2 * i * product->a_row);)
  EACH_VECTOR(j, panel_pairs(row), at.b[j] = opaque(b + 2 * j * product->b_panel);)
  return at;
}

INLINE_CONSTANTS void next_depths_of_a(cursor *at, ptrdiff_t by, size_t rows) {
  EACH_VECTOR(i, (rows + 1) / 2, at->a[i] = opaque(at->a[i] + by);)
}
INLINE_CONSTANTS void next_depth_of_b(const cnn__gemm *product, cursor *at, extent row) {
  EACH_VECTOR(j, panel_pairs(row), at->b[j] = opaque(at->b[j] + product->b_row);)
}

INLINE_CONSTANTS vector load_b(const cnn__gemm *product, const cursor *at, size_t j, extent row) {
  const size_t panel = j / PANEL_VECTORS;
  const float *from = at->b[panel / 2] + (ptrdiff_t)(panel % 2) * product->b_panel +
                      j % PANEL_VECTORS * VECTOR_WIDTH;
  return row.partial && j + 1 == row.vectors ? vector_load_tail(from, row.tail) : vector_load(from);
}

/* sum += the depth of A that is ahead floats past the cursor, times right. */
INLINE_CONSTANTS void multiply_rows(const cnn__gemm *product, const cursor *at, ptrdiff_t ahead,
                                    size_t rows, extent row, const vector right[MOST_VECTORS],
                                    vector sum[MOST_ROWS][MOST_VECTORS]) {
  const ptrdiff_t a_row = product->a_row;
  EACH_ROW(i, rows, {
    in_order();
    fma_row(at->a[i / 2][i % 2 * a_row + ahead], right, row, sum[i]);
  })
}

/* The same times B's next depth. */
INLINE_CONSTANTS void multiply_depth(const cnn__gemm *product, cursor *at, ptrdiff_t ahead,
                                     size_t rows, extent row, vector sum[MOST_ROWS][MOST_VECTORS]) {
  vector right[MOST_VECTORS];
  EACH_VECTOR(j, row.vectors, right[j] = load_b(product, at, j, row);)
  multiply_rows(product, at, ahead, rows, row, right, sum);
  next_depth_of_b(product, at, row);
}

INLINE_CONSTANTS void prefetch_row(const float *row, size_t vectors) {
  EACH_VECTOR(j, (vectors * VECTOR_WIDTH + FLOATS_OF_LINE - 1) / FLOATS_OF_LINE,
              __builtin_prefetch(row + j * FLOATS_OF_LINE);)
}

/* Whether rows of A lie in one run, so that those of the next tile, too, can be foreseen: while a tile
   multiplies, they arrive from wherever they are. Harmless past A's end. */
INLINE_CONSTANTS bool in_a_run(const cnn__gemm *product) {
  const ptrdiff_t gap = product->a_row - (ptrdiff_t)product->k;
  return gap >= 0 && gap < 2 * FLOATS_OF_LINE;
}

/* Floats of such a run for each depth of a row, or of a dense A, whose rows overlap or have others between them; 0: of
   neither. */
INLINE_CONSTANTS ptrdiff_t run_of_depth(const cnn__gemm *product) {
  const ptrdiff_t k = (ptrdiff_t)product->k;
  if (in_a_run(product)) return 1;
  if (!product->dense || product->a_row > 2 * k) return 0;
  return product->a_row > k ? 2 : 1;
}

/* Whether a tile has as many sums as the main one, but for a row of it. */
INLINE_CONSTANTS bool is_main(size_t rows, size_t vectors) {
  return vectors == MAIN_VECTORS && rows >= MAIN_ROWS - 1;
}

/* Whether a main tile's pairs have so few depths, or so few and are so many, that it goes by multiply_short(). */
INLINE_CONSTANTS bool is_short(const cnn__gemm *product, size_t rows, size_t vectors) {
  enum { SHORT = 32, SHORT_OF_MANY = 64, MANY = 4 };
  return MAIN_DEPTHS > DEPTHS_AT_A_TIME && is_main(rows, vectors) && product->a_depth == 1 &&
         (product->k <= SHORT || (product->k <= SHORT_OF_MANY && product->batch >= MANY));
}

/* Whether it asks in its turns for what it will want: through longer chains it would ask for more than that. */
INLINE_CONSTANTS bool is_brief(const cnn__gemm *product) {
  enum { BRIEF = 64 };
  return product->batch * product->k < BRIEF;
}

/* Where the next tile's rows of C are asked for, a line or two of them in each turn: in stretches of turns, one a row or a
   pair of columns of lines, then one for the lines of later; in the end one line again and again. What a stretch needs,
   beside what its end does, are three numbers: on some processors every other instruction of the loop may take the place of a
   multiply-add, and on some each end costs half a turn. */
typedef struct soon {
  const float *line;
  ptrdiff_t second;   /* floats on to a line that is asked for as well; 0: to none */
  ptrdiff_t step, on; /* floats that a turn moves on; from a stretch's end to the next one */
  size_t turns, left; /* of a stretch; of this one */
  size_t more;        /* stretches after this one, before that of later */
  place *at;          /* whose later that is; NULL: without it */
} soon;

INLINE_CONSTANTS void next_stretch(soon *c) {
  if (c->left > 0) return;
  c->left = c->turns;
  if (c->more > 0) {
    c->line += c->on;
    c->more--;
  } else if (c->at && c->at->later_pairs > 0) {
    c->line = (const float *)c->at->later;
    c->second = FLOATS_OF_LINE;
    c->step = 2 * FLOATS_OF_LINE;
    c->left = c->at->later_pairs;
    c->at->later += c->left * 2 * FLOATS_OF_LINE * sizeof *c->line;
    c->at = NULL;
  } else {
    c->second = c->step = 0;
    c->left = SIZE_MAX;
  }
}

INLINE_CONSTANTS void ask_for_c(soon *c) {
  __builtin_prefetch(c->line);
  __builtin_prefetch(c->line + c->second);
  c->line = opaque(c->line + c->step);
}

/* turn depths in one turn of the loop, of an A whose depths lie side by side. Returns what is left of depth. */
INLINE_CONSTANTS size_t take_turns(const cnn__gemm *product, cursor *at, const float *a,
                                   size_t depth, size_t turn, size_t rows, extent row, soon *c,
                                   vector sum[MOST_ROWS][MOST_VECTORS]) {
  const ptrdiff_t step = run_of_depth(product) * (ptrdiff_t)(turn * rows);
  const float *next = opaque(a + (step ? (ptrdiff_t)rows * product->a_row : 0));
  const bool stretches = SPREAD_C && is_main(rows, row.vectors);
  size_t left = depth / turn;
  while (left > 0) {
    size_t run = stretches && c->left < left ? c->left : left;
    left -= run;
    if (stretches) c->left -= run;
    for (; run > 0; run--) {
      prefetch_row(next, 2 * PANEL_VECTORS);
      next = opaque(next + step);
      if (SPREAD_C) ask_for_c(c);
      EACH_ROW(ahead, turn, multiply_depth(product, at, ahead, rows, row, sum);)
      next_depths_of_a(at, (ptrdiff_t)turn, rows);
    }
    if (stretches) next_stretch(c);
  }
  return depth % turn;
}

INLINE_CONSTANTS void begin_column(cursor *at, const float *column, size_t rows) {
  EACH_VECTOR(i, (rows + 1) / 2, at->a[i] = column + 2 * i;)
}

/* Several depths of an A whose rows lie side by side: they share a pointer. Of each depth's lines the next one is
   asked for, as tiles below will need it. Harmless past A's end. */
INLINE_CONSTANTS size_t take_turns_by_columns(const cnn__gemm *product, cursor *at, size_t depth,
                                              size_t rows, extent row,
                                              vector sum[MOST_ROWS][MOST_VECTORS]) {
  const size_t turn = DEPTHS_AT_A_TIME;
  const float *column = at->a[0];
  for (; depth >= turn; depth -= turn)
    EACH_ROW(ahead, turn, {
      begin_column(at, column, rows);
      __builtin_prefetch(column + FLOATS_OF_LINE);
      multiply_depth(product, at, 0, rows, row, sum);
      column = opaque(column + product->a_depth);
    })
  begin_column(at, column, rows);
  return depth;
}

/* Whether a tile has so many sums that its loop takes several depths in a turn. */
INLINE_CONSTANTS bool is_large(size_t rows, extent row) {
  const bool wider = row.vectors == MAIN_VECTORS + 1 && rows >= 3;
  return !row.partial && row.vectors >= 2 && (wider || (rows >= 4 && row.vectors <= MAIN_VECTORS));
}

INLINE_CONSTANTS void multiply_extent(const cnn__gemm *product, const float *a, const float *b,
                                      size_t rows, extent row, soon *c,
                                      vector sum[MOST_ROWS][MOST_VECTORS]) {
  enum { AHEAD = 8, B_AHEAD = 16 };
  const cnn__gemm strides = *product; /* in registers, whatever in_order() says of memory */
  cursor at = cursor_at(&strides, a, b, rows, row);
  size_t depth = strides.k;
  const bool large = is_large(rows, row);
  const bool by_turns = DEPTHS_AT_A_TIME > 1 && large;
  const bool columns = COLUMNS_BY_TURNS > 0 && (int)row.vectors >= COLUMNS_BY_TURNS &&
                       rows * row.vectors >= (MAIN_ROWS - 1) * MAIN_VECTORS;
  const bool from_b = FETCH_AHEAD && large && strides.b_panel == CNN__PANEL;
  const bool near = strides.k * (size_t)strides.b_row <= CNN__NEAR &&
                    strides.k * (size_t)strides.a_depth <= 2 * CNN__NEAR;
  const size_t turn = is_main(rows, row.vectors) ? MAIN_DEPTHS : DEPTHS_AT_A_TIME;
  if (by_turns && strides.a_depth == 1)
    depth = take_turns(&strides, &at, a, depth, turn, rows, row, c, sum);
  else if (by_turns && columns && strides.a_row == 1 && (!from_b || near))
    depth = take_turns_by_columns(&strides, &at, depth, rows, row, sum);
  const bool fetches = FETCH_AHEAD && (large || (rows >= 4 && row.vectors <= 2));
  const ptrdiff_t step = from_b               ? strides.b_row
                         : large              ? strides.a_depth
                         : in_a_run(&strides) ? (ptrdiff_t)rows
                                              : 0;
  const float *next = opaque(from_b  ? at.b[0] + B_AHEAD * step
                             : large ? at.a[0] + AHEAD * step
                                     : a + step * strides.a_row);
  for (; depth > 0; depth--) {
    if (fetches) {
      prefetch_row(next, large ? row.vectors : 1);
      next = opaque(next + step);
    }
    multiply_depth(&strides, &at, 0, rows, row, sum);
    next_depths_of_a(&at, strides.a_depth, rows);
  }
}

/* sum += A_i * B_i for all pairs, of so few depths that what is decided once for all of them would take its time for each;
   a and b lead to the tile's first row and column. */
INLINE_CONSTANTS void multiply_short(const cnn__gemm *product, ptrdiff_t a, ptrdiff_t b,
                                     size_t rows, extent row, soon *c,
                                     vector sum[MOST_ROWS][MOST_VECTORS]) {
  const cnn__gemm strides = *product;
  const size_t turn = DEPTHS_AT_A_TIME;
  const ptrdiff_t step = run_of_depth(&strides) * (ptrdiff_t)(turn * rows);
  const bool asks = is_brief(&strides);
  for (size_t i = 0; i < strides.batch; i++) {
    cursor at = cursor_at(&strides, strides.a[i] + a, strides.b[i] + b, rows, row);
    const float *next = opaque(at.a[0] + (step ? (ptrdiff_t)rows * strides.a_row : 0));
    size_t depth = strides.k;
    for (; depth >= turn; depth -= turn) {
      if (asks) {
        prefetch_row(next, 2 * PANEL_VECTORS);
        next = opaque(next + step);
        if (SPREAD_C) ask_for_c(c);
      }
      EACH_ROW(ahead, turn, multiply_depth(&strides, &at, ahead, rows, row, sum);)
      next_depths_of_a(&at, (ptrdiff_t)turn, rows);
    }
    for (; depth > 0; depth--) {
      multiply_depth(&strides, &at, 0, rows, row, sum);
      next_depths_of_a(&at, 1, rows);
    }
  }
}

/* sum += A * B for one pair; a and b point at the tile's first row and column. */
INLINE_CONSTANTS void multiply(const cnn__gemm *product, const float *a, const float *b,
                               size_t rows, extent row, soon *c,
                               vector sum[MOST_ROWS][MOST_VECTORS]) {
  if (MASKED_TAILS && rows >= 4 && row.tail == VECTOR_WIDTH) /* a mask is one more instruction */
    multiply_extent(product, a, b, rows, (extent){row.vectors, false, VECTOR_WIDTH}, c, sum);
  else
    multiply_extent(product, a, b, rows, row, c, sum);
}

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
