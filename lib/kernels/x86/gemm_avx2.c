#include "kernels/x86/vector_avx2.h"

/* 16 registers: 12 sums, 2 of B, 1 of A; in tiles of three vectors 9, 3 and 1, for compilers spilled some of 12. */
enum {
  MAIN_ROWS = 6,
  MAIN_VECTORS = 2,
  MASKED_TAILS = 0,
  DEPTHS_AT_A_TIME = 4,
  MAIN_DEPTHS = 4,
  COLUMNS_BY_TURNS = 2,
  SPREAD_C = 0,
  FETCH_AHEAD = 0
};
#define ROWS_OF_WIDTHS [1] = 8, [2] = MAIN_ROWS, [3] = 3, [4] = 2, [8] = 1
/* clang-format off */
#define TILES(X)                                                                                   \
  X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1)                                  \
  X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2)                                                  \
  X(1, 3) X(2, 3) X(3, 3)                                                                          \
  X(1, 4) X(2, 4)                                                                                  \
  X(1, 8)
/* clang-format on */

#include "kernels/gemm_dots.h"
#include "kernels/gemm_order.h"
#include "kernels/gemm_pack.h"
#include "kernels/gemm_packing.h"
#include "kernels/gemm_rows.h"

void cnn__gemm_kernels_fill_avx2(cnn__gemm_kernels *table) {
  table->gemm = gemm;
  table->gemm_packing = gemm_packing;
  table->columns = CNN__PANEL;
  table->rows = rows;
  table->dots = dots;
  table->pack = pack;
  table->pack_a = pack_a;
  table->gather_a = gather_a;
}
