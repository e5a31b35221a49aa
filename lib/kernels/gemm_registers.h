/* A row of one of the GEMM's tiles in registers: how it is loaded, summed, ended and stored. Behind a vector header and
   what gemm_body.h says that a source defines. */
#ifndef CNN_KERNELS_GEMM_REGISTERS_H
#define CNN_KERNELS_GEMM_REGISTERS_H

#include "kernels/fill.h"

enum {
  MOST_ROWS = 14,
  MOST_VECTORS = 8,
  PANEL_VECTORS = CNN__PANEL / VECTOR_WIDTH,
  MAIN_COLUMNS = MAIN_VECTORS * VECTOR_WIDTH,
  FLOATS_OF_LINE = 16
};

/* The body's statements for i = 0 .. count - 1, written out: count is a constant wherever tile() is
   instantiated, so those past it vanish, and sums that are only ever indexed by constants live in
   registers. Loops would leave that to the compiler's unrolling, which comes too late for some. */
#define STEP(i, value, count, ...)                                                                 \
  {                                                                                                \
    enum { i = value };                                                                            \
    if (i < (count)) __VA_ARGS__                                                                   \
  }
#define EACH_VECTOR(j, count, ...)                                                                 \
  {                                                                                                \
    STEP(j, 0, count, __VA_ARGS__)                                                                 \
    STEP(j, 1, count, __VA_ARGS__)                                                                 \
    STEP(j, 2, count, __VA_ARGS__)                                                                 \
    STEP(j, 3, count, __VA_ARGS__)                                                                 \
    STEP(j, 4, count, __VA_ARGS__)                                                                 \
    STEP(j, 5, count, __VA_ARGS__)                                                                 \
    STEP(j, 6, count, __VA_ARGS__)                                                                 \
    STEP(j, 7, count, __VA_ARGS__)                                                                 \
  }
#define EACH_ROW(i, count, ...)                                                                    \
  {                                                                                                \
    EACH_VECTOR(i, count, __VA_ARGS__)                                                             \
    STEP(i, 8, count, __VA_ARGS__)                                                                 \
    STEP(i, 9, count, __VA_ARGS__)                                                                 \
    STEP(i, 10, count, __VA_ARGS__)                                                                \
    STEP(i, 11, count, __VA_ARGS__)                                                                \
    STEP(i, 12, count, __VA_ARGS__)                                                                \
    STEP(i, 13, count, __VA_ARGS__)                                                                \
  }

/* One row's part of a tile: vectors of it, the last one perhaps partial, with tail columns. */
typedef struct extent {
  size_t vectors;
  bool partial;
  size_t tail;
} extent;

/* Pairs of panels that a row of B lies in. */
INLINE_CONSTANTS size_t panel_pairs(extent row) {
  return (row.vectors + 2 * PANEL_VECTORS - 1) / (2 * PANEL_VECTORS);
}

INLINE_CONSTANTS vector load_part(const float *from, size_t j, extent row) {
  return row.partial && j + 1 == row.vectors ? vector_load_tail(from + j * VECTOR_WIDTH, row.tail)
                                             : vector_load(from + j * VECTOR_WIDTH);
}

INLINE_CONSTANTS void load_row(const float *from, extent row, vector x[MOST_VECTORS]) {
  EACH_VECTOR(j, row.vectors, x[j] = load_part(from, j, row);)
}

INLINE_CONSTANTS void zero_row(extent row, vector x[MOST_VECTORS]) {
  EACH_VECTOR(j, row.vectors, x[j] = vector_zero();)
}

INLINE_CONSTANTS void store_part(float *to, size_t j, extent row, vector x) {
  if (row.partial && j + 1 == row.vectors)
    vector_store_tail(to + j * VECTOR_WIDTH, row.tail, x);
  else
    vector_store(to + j * VECTOR_WIDTH, x);
}

INLINE_CONSTANTS void store_row(float *to, extent row, const vector x[MOST_VECTORS]) {
  EACH_VECTOR(j, row.vectors, store_part(to, j, row, x[j]);)
}

INLINE_CONSTANTS void fma_row(float a, const vector b[MOST_VECTORS], extent row,
                              vector sum[MOST_VECTORS]) {
  EACH_VECTOR(j, row.vectors, sum[j] = vector_fma_scalar(a, b[j], sum[j]);)
}

INLINE_CONSTANTS void add_row(const vector x[MOST_VECTORS], extent row, vector sum[MOST_VECTORS]) {
  EACH_VECTOR(j, row.vectors, sum[j] = vector_add(sum[j], x[j]);)
}

/* x < 0 ? 0 : x, which keeps NaN. */
INLINE_CONSTANTS void relu_row(extent row, vector x[MOST_VECTORS]) {
  EACH_VECTOR(j, row.vectors, x[j] = vector_max(vector_zero(), x[j]);)
}

/* Two hints without code. opaque(): address arithmetic is not to be "improved" into chains of additions,
   each waiting for the last, or into a register for every row and depth. What it returns may be written
   where the argument may, as with strchr(). in_order(): loads of A are not to be gathered ahead of their
   use, where they would take registers from the sums. */
INLINE_CONSTANTS float *opaque(const float *pointer) {
  float *same;
  __asm__("" : "=r"(same) : "0"(pointer));
  return same;
}
INLINE_CONSTANTS void in_order(void) {
  __asm__ volatile("" ::: "memory");
}

/* x > 6 ? 6 : x, which keeps NaN. The 6 is read where it is used: kept through the product it would take a register
   from the sums. */
INLINE_CONSTANTS void at_most_six_row(extent row, vector x[MOST_VECTORS]) {
  static const float six = 6;
  const vector most = vector_set(*opaque(&six));
  EACH_VECTOR(j, row.vectors, x[j] = vector_min(most, x[j]);)
}

#endif
