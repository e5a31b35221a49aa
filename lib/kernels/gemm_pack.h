/* Packing B into panels, written once in terms of a vector header. */
#ifndef CNN_KERNELS_GEMM_PACK_H
#define CNN_KERNELS_GEMM_PACK_H

#include "kernels/fill.h"

/* Depths of every panel in turn, so that rows of B are read as long runs. */
enum { PACK_DEPTHS = 8 };

static void pack_element_wise(size_t k, size_t columns, const float *b, ptrdiff_t b_row,
                              ptrdiff_t b_column, float *packed) {
  for (size_t depth = 0; depth < k; depth++)
    for (size_t j = 0; j < CNN__PANEL; j++)
      *packed++ = j < columns ? b[(ptrdiff_t)depth * b_row + (ptrdiff_t)j * b_column] : 0;
}

/* One panel of contiguous rows; columns <= 16. */
static void pack_rows(size_t k, size_t columns, const float *b, ptrdiff_t b_row, float *packed) {
  for (size_t depth = 0; depth < k; depth++) {
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

/* One full panel of a transpose: columns of B are contiguous, square blocks turn in registers. */
static void pack_columns(size_t k, const float *b, ptrdiff_t b_column, float *packed) {
  size_t depth = 0;
  for (; depth + VECTOR_WIDTH <= k; depth += VECTOR_WIDTH) {
    for (size_t j = 0; j < CNN__PANEL; j += VECTOR_WIDTH) {
      vector block[VECTOR_WIDTH];
      for (size_t i = 0; i < VECTOR_WIDTH; i++)
        block[i] = vector_load(b + (ptrdiff_t)(j + i) * b_column + (ptrdiff_t)depth);
      vector_transpose(block);
      for (size_t i = 0; i < VECTOR_WIDTH; i++)
        vector_store(packed + (depth + i) * CNN__PANEL + j, block[i]);
    }
  }
  pack_element_wise(k - depth, CNN__PANEL, b + depth, 1, b_column, packed + depth * CNN__PANEL);
}

static void pack(size_t k, size_t n, const float *b, ptrdiff_t b_row, ptrdiff_t b_column,
                 float *packed) {
  const size_t step = b_column == 1 ? PACK_DEPTHS : k;
  for (size_t depth = 0; depth < k; depth += step) {
    const size_t depths = k - depth < step ? k - depth : step;
    for (size_t column = 0; column < n; column += CNN__PANEL) {
      const size_t columns = n - column < CNN__PANEL ? n - column : CNN__PANEL;
      const float *from = b + (ptrdiff_t)depth * b_row + (ptrdiff_t)column * b_column;
      float *to = packed + column * k + depth * CNN__PANEL;
      if (b_column == 1)
        pack_rows(depths, columns, from, b_row, to);
      else if (b_row == 1 && columns == CNN__PANEL)
        pack_columns(depths, from, b_column, to);
      else
        pack_element_wise(depths, columns, from, b_row, b_column, to);
    }
  }
}

#endif
