#include "kernels/x86/vector_avx512.h"

/* 32 registers: 24 sums, 4 of B, 1 of A in the main tile. Where a number of A meets one vector only,
   it is the multiply-add's own broadcast operand and takes no register. */
enum {
  MAIN_ROWS = 6,
  MAIN_VECTORS = 4,
  MASKED_TAILS = 1,
  DEPTHS_AT_A_TIME = 2,
  MAIN_DEPTHS = 4,
  COLUMNS_BY_TURNS = 3,
  SPREAD_C = 1,
  FETCH_AHEAD = 1
};
#define ROWS_OF_WIDTHS [1] = 14, [2] = 12, [3] = 8, [4] = MAIN_ROWS, [8] = 2
/* clang-format off */
#define TILES(X)                                                                                   \
  X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) X(9, 1) X(10, 1) X(11, 1)        \
  X(12, 1) X(13, 1) X(14, 1)                                                                       \
  X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2) X(7, 2) X(8, 2) X(9, 2) X(10, 2) X(11, 2)        \
  X(12, 2)                                                                                         \
  X(1, 3) X(2, 3) X(3, 3) X(4, 3) X(5, 3) X(6, 3) X(7, 3) X(8, 3)                                  \
  X(1, 4) X(2, 4) X(3, 4) X(4, 4) X(5, 4) X(6, 4)                                                  \
  X(1, 8) X(2, 8)
/* clang-format on */

#include "kernels/gemm_dots.h"
#include "kernels/gemm_order.h"
#include "kernels/gemm_pack.h"
#include "kernels/gemm_packing.h"
#include "kernels/gemm_rows.h"

void cnn__gemm_kernels_fill_avx512(cnn__gemm_kernels *table) {
  table->gemm = gemm;
  table->gemm_packing = gemm_packing;
  table->columns = MAIN_COLUMNS;
  table->rows = rows;
  table->dots = dots;
  table->pack = pack;
  table->pack_a = pack_a;
  table->gather_a = gather_a;
}
