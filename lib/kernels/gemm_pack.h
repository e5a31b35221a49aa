/* Packing, written once in terms of a vector header: B into panels, A into rows. What is packed comes
   from far away, as a rule, in runs too short for the processor to see where they lead: so each loop
   asks for what it will need some rows later. Asking past the end is harmless. */
#ifndef CNN_KERNELS_GEMM_PACK_H
#define CNN_KERNELS_GEMM_PACK_H

#include "kernels/fill.h"

enum {
  PACK_DEPTHS = 8, /* of every panel in turn, so that rows of B are read as long runs */
  PACK_AHEAD = 16  /* rows */
};

/* Where an element will be, which may be past the end: as a number, for C forbids the pointer. */
static inline void will_read(const float *from, ptrdiff_t later) {
  __builtin_prefetch((const void *)((uintptr_t)from + (uintptr_t)later * sizeof *from));
}

static void pack_element_wise(size_t k, size_t columns, const float *b, ptrdiff_t b_row,
                              ptrdiff_t b_column, float *packed) {
  for (size_t depth = 0; depth < k; depth++)
    for (size_t j = 0; j < CNN__PANEL; j++)
      *packed++ = j < columns ? b[(ptrdiff_t)depth * b_row + (ptrdiff_t)j * b_column] : 0;
}

/* One panel of contiguous rows; columns <= 16. */
static void pack_rows(size_t k, size_t columns, const float *b, ptrdiff_t b_row, float *packed) {
  for (size_t depth = 0; depth < k; depth++) {
    will_read(b, PACK_AHEAD * b_row);
    for (size_t j = 0; j < CNN__PANEL; j += VECTOR_WIDTH) {
      vector x = vector_zero();
      if (j + VECTOR_WIDTH <= columns)
        x = vector_load(b + j);
      else if (j < columns)
        x = vector_load_tail(b + j, columns - j);
      vector_store(packed + j, x);
    }
    packed += CNN__PANEL;
    b += b_row;
  }
}

/* to[j][i] = from[i][j] for VECTOR_WIDTH rows of from, which are count long; the last block ends with the last
   column, and repeats some. What is asked for lies ahead floats past the rows of later. */
INLINE_CONSTANTS void transpose_rows(size_t count, const float *const *from,
                                     const float *const *later, ptrdiff_t ahead, float *to,
                                     ptrdiff_t to_row) {
  if (count < VECTOR_WIDTH) {
    for (size_t j = 0; j < count; j++)
      for (ptrdiff_t i = 0; i < VECTOR_WIDTH; i++)
        to[(ptrdiff_t)j * to_row + i] = from[i][j];
    return;
  }
  const size_t last = count - VECTOR_WIDTH;
  for (size_t next = 0; next < count; next += VECTOR_WIDTH) {
    const size_t j = next < last ? next : last;
    vector block[VECTOR_WIDTH];
    if (next % FLOATS_OF_LINE == 0)
      for (ptrdiff_t i = 0; i < VECTOR_WIDTH; i++)
        will_read(later[i] + next, ahead);
    for (ptrdiff_t i = 0; i < VECTOR_WIDTH; i++)
      block[i] = vector_load(from[i] + j);
    vector_transpose(block);
    for (ptrdiff_t i = 0; i < VECTOR_WIDTH; i++)
      vector_store(to + ((ptrdiff_t)j + i) * to_row, block[i]);
  }
}

/* The same of some rows from_row apart, of which the last one stands in for those past it. */
static void transpose_lines(size_t count, const float *from, ptrdiff_t from_row, size_t some,
                            ptrdiff_t ahead, float *to, ptrdiff_t to_row) {
  const float *rows[VECTOR_WIDTH];
  for (size_t i = 0; i < VECTOR_WIDTH; i++)
    rows[i] = from + (ptrdiff_t)(i < some ? i : some - 1) * from_row;
  transpose_rows(count, rows, rows, ahead, to, to_row);
}

/* One panel of contiguous columns. */
static void pack_columns(size_t k, size_t columns, const float *b, ptrdiff_t b_column,
                         float *packed) {
  for (size_t j = 0; j < columns; j += VECTOR_WIDTH)
    transpose_lines(k, b + (ptrdiff_t)j * b_column, b_column, columns - j, 4 * FLOATS_OF_LINE,
                    packed + j, CNN__PANEL);
  for (size_t depth = 0; depth < k && columns < CNN__PANEL; depth++)
    for (size_t j = columns; j < CNN__PANEL; j += VECTOR_WIDTH) {
      float *to = packed + depth * CNN__PANEL + j;
      if (CNN__PANEL - j < VECTOR_WIDTH)
        vector_store_tail(to, CNN__PANEL - j, vector_zero());
      else
        vector_store(to, vector_zero());
    }
}

/* Once, though it is called in two places: copies would be as large as it is. */
static __attribute__((noinline)) void pack(size_t k, size_t n, const float *b, ptrdiff_t b_row,
                                           ptrdiff_t b_column, float *packed) {
  const size_t step = b_column == 1 ? PACK_DEPTHS : k;
  for (size_t depth = 0; depth < k; depth += step) {
    const size_t depths = k - depth < step ? k - depth : step;
    for (size_t column = 0; column < n; column += CNN__PANEL) {
      const size_t columns = n - column < CNN__PANEL ? n - column : CNN__PANEL;
      const float *from = b + (ptrdiff_t)depth * b_row + (ptrdiff_t)column * b_column;
      float *to = packed + column * k + depth * CNN__PANEL;
      if (b_column == 1)
        pack_rows(depths, columns, from, b_row, to);
      else if (b_row == 1)
        pack_columns(depths, columns, from, b_column, to);
      else
        pack_element_wise(depths, columns, from, b_row, b_column, to);
    }
  }
}

/* A row that is contiguous already; on to the next one it is row floats. */
static void copy_row(size_t k, const float *from, ptrdiff_t row, float *to) {
  size_t depth = 0;
  for (; depth + VECTOR_WIDTH <= k; depth += VECTOR_WIDTH) {
    if (depth % FLOATS_OF_LINE == 0) will_read(from + depth, PACK_AHEAD * row);
    vector_store(to + depth, vector_load(from + depth));
  }
  if (depth < k)
    vector_store_tail(to + depth, k - depth, vector_load_tail(from + depth, k - depth));
}

/* A transpose: VECTOR_WIDTH depths of all rows in turn. */
static void pack_transposed_a(size_t m, size_t k, const float *a, ptrdiff_t a_depth, float *to,
                              size_t to_row) {
  size_t depth = 0;
  for (; depth + VECTOR_WIDTH <= k; depth += VECTOR_WIDTH)
    transpose_lines(m, a + (ptrdiff_t)depth * a_depth, a_depth, VECTOR_WIDTH,
                    VECTOR_WIDTH * a_depth, to + depth, (ptrdiff_t)to_row);
  for (; depth < k; depth++)
    for (size_t row = 0; row < m; row++)
      to[row * to_row + depth] = a[(ptrdiff_t)depth * a_depth + (ptrdiff_t)row];
}

static void pack_a(size_t m, size_t k, const float *a, ptrdiff_t a_row, ptrdiff_t a_depth,
                   float *to, size_t to_row) {
  if (a_row == 1 && a_depth != 1) {
    pack_transposed_a(m, k, a, a_depth, to, to_row);
    return;
  }
  for (size_t row = 0; row < m; row++) {
    const float *from = a + (ptrdiff_t)row * a_row;
    if (a_depth == 1)
      copy_row(k, from, a_row, to + row * to_row);
    else
      for (size_t depth = 0; depth < k; depth++)
        to[row * to_row + depth] = from[(ptrdiff_t)depth * a_depth];
  }
}

/* The last block ends with the last depth, and repeats some. */
static void gather_a(size_t m, size_t k, const float *const *a, float *to, size_t to_row) {
  if (k < VECTOR_WIDTH) {
    for (size_t depth = 0; depth < k; depth++)
      for (size_t row = 0; row < m; row++)
        to[row * to_row + depth] = a[depth][row];
    return;
  }
  const size_t last = k - VECTOR_WIDTH;
  for (size_t depth = 0; depth < k; depth += VECTOR_WIDTH) {
    const size_t first = depth < last ? depth : last;
    const float *const *later = a + (depth + VECTOR_WIDTH < last ? depth + VECTOR_WIDTH : last);
    transpose_rows(m, a + first, later, 0, to + first, (ptrdiff_t)to_row);
  }
}

#endif
