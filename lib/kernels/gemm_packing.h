/* A product whose B is not packed yet, written once in terms of a vector header. Multiply-adds leave room for loads
   and stores beside them: so the first tile of each panel reads B where it lies and leaves it packed on its way,
   and the tiles below read what it left. */
#ifndef CNN_KERNELS_GEMM_PACKING_H
#define CNN_KERNELS_GEMM_PACKING_H

#include "kernels/gemm_order.h"
#include "kernels/gemm_pack.h"

/* sum += A * B, and B to packed. Asked for are the lines that will be written, or, since rows of B are no sequence that a
   processor foresees, what begins at next: into the L2 cache, for in L1 it would take the place of what is packed. */
INLINE_CONSTANTS void multiply_packing(const cnn__gemm *product, const float *next, float *packed,
                                       size_t rows, extent row,
                                       vector sum[MOST_ROWS][MOST_VECTORS]) {
  enum { PACKED_AHEAD = 8 };
  const cnn__gemm strides = *product;
  const ptrdiff_t panel = CNN__PANEL * (ptrdiff_t)strides.k;
  cursor at = cursor_at(&strides, strides.a[0], strides.b[0], rows, row);
  uintptr_t later = (uintptr_t)next;
  for (size_t depth = strides.k; depth > 0; depth--) {
    vector right[MOST_VECTORS];
    if (FETCH_AHEAD) {
      EACH_VECTOR(j, row.vectors / PANEL_VECTORS,
                  will_read(packed, PACKED_AHEAD * CNN__PANEL + j * panel);)
    } else {
      EACH_VECTOR(j, row.vectors / PANEL_VECTORS,
                  __builtin_prefetch((const void *)(later + j * CNN__PANEL * sizeof *next), 0, 2);)
      later += (uintptr_t)strides.b_row * sizeof *next;
    }
    EACH_VECTOR(j, row.vectors, {
      right[j] = load_b(&strides, &at, j, row);
      vector_store(packed + j / PANEL_VECTORS * panel + j % PANEL_VECTORS * VECTOR_WIDTH, right[j]);
    })
    multiply_rows(&strides, &at, 0, rows, row, right, sum);
    next_depth_of_b(&strides, &at, row);
    next_depths_of_a(&at, strides.a_depth, rows);
    packed += CNN__PANEL;
  }
}

/* Rows and columns of one main tile; without bias and activation. */
static void first_tile(const cnn__gemm *product, const float *next, float *packed) {
  const extent row = {MAIN_VECTORS, false, VECTOR_WIDTH};
  vector sum[MOST_ROWS][MOST_VECTORS];
  begin_tile(product, product->c, MAIN_ROWS, row, sum);
  fetch_below(product, product->c, MAIN_ROWS, row.vectors);
  multiply_packing(product, next, packed, MAIN_ROWS, row, sum);
  store_tile(product, product->c, MAIN_ROWS, row, sum);
}

/* Those of a main tile's rows, once their sums are in C. */
static void finish_first(cnn__gemm product) {
  if (!product.bias && product.epilogue == CNN__GEMM_PLAIN) return;
  product.m = MAIN_ROWS, product.batch = 0, product.accumulate = true;
  gemm(&product);
}

static void gemm_packing(const cnn__gemm *product, const float *next, float *packed) {
  for (size_t column = 0; column < product->n;
       column += MAIN_COLUMNS, packed += MAIN_COLUMNS * product->k) {
    const size_t left = product->n - column;
    const float *a = product->a[0], *b = product->b[0] + column;
    cnn__gemm part = *product;
    part.n = left < MAIN_COLUMNS ? left : MAIN_COLUMNS;
    part.a = &a, part.b = &b, part.c += column;
    if (part.bias) part.bias += column;
    if (left >= MAIN_COLUMNS && part.m >= MAIN_ROWS) {
      first_tile(&part, left > MAIN_COLUMNS ? b + MAIN_COLUMNS : next, packed);
      finish_first(part);
      a += MAIN_ROWS * part.a_row;
      part.c += MAIN_ROWS * part.c_row;
      part.m -= MAIN_ROWS;
    } else {
      pack(part.k, part.n, b, part.b_row, 1, packed);
    }
    b = packed, part.b_row = CNN__PANEL, part.b_panel = CNN__PANEL * (ptrdiff_t)part.k;
    gemm(&part);
  }
}

#endif
