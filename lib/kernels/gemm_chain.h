/* How a tile of the GEMM goes along its chain: turns of several depths, and what it asks for on its way. Behind a vector
   header and what gemm_body.h says that a source defines. */
#ifndef CNN_KERNELS_GEMM_CHAIN_H
#define CNN_KERNELS_GEMM_CHAIN_H

#include "kernels/gemm_registers.h"

/* Where equal tiles lie, one below the other: rows [row, end). column is a multiple of 16; tail is
   the number of columns in the last vector, which matters where that is partial. Once a tile has asked for C, it asks
   for so many pairs of lines of what the columns after these read; the tile below for those that follow. */
typedef struct place {
  size_t row, end, column, tail;
  uintptr_t later; /* as a number, for it may be past the end */
  size_t later_pairs;
} place;

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

/* What a turn asks for: of the next tile's A, then of C. Returns where the next turn goes on in A. */
INLINE_CONSTANTS const float *ask_ahead(const float *next, ptrdiff_t step, soon *c) {
  prefetch_row(next, 2 * PANEL_VECTORS);
  next = opaque(next + step);
  if (SPREAD_C) {
    __builtin_prefetch(c->line);
    __builtin_prefetch(c->line + c->second);
    c->line = opaque(c->line + c->step);
  }
  return next;
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
      next = ask_ahead(next, step, c);
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
      if (asks) next = ask_ahead(next, step, c);
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

#endif
