#include "kernels/x86/vector_sse2.h"

/* 16 registers, and no fused multiply-add: a product needs one of its own. 8 sums, 4 of B, 2 of A
   and products in the main tile. Narrower tiles are for the last columns, and no higher: few processors
   have nothing better. */
enum {
  MAIN_ROWS = 2,
  MAIN_VECTORS = 4,
  MASKED_TAILS = 0,
  DEPTHS_AT_A_TIME = 1,
  MAIN_DEPTHS = 1,
  COLUMNS_BY_TURNS = 0,
  SPREAD_C = 0,
  FETCH_AHEAD = 0
};
#define ROWS_OF_WIDTHS [1] = 2, [2] = 2, [3] = 2, [4] = MAIN_ROWS, [8] = 1
#define TILES(X) X(1, 1) X(2, 1) X(1, 2) X(2, 2) X(1, 3) X(2, 3) X(1, 4) X(2, 4) X(1, 8)

#include "kernels/gemm_dots.h"
#include "kernels/gemm_order.h"
#include "kernels/gemm_pack.h"
#include "kernels/gemm_packing.h"
#include "kernels/gemm_rows.h"

/* Each multiply-add rounds twice, so an element's error may be twice the fused chain's. */
void cnn__gemm_kernels_fill_sse2(cnn__gemm_kernels *table) {
  table->gemm = gemm;
  table->gemm_packing = gemm_packing;
  table->columns = CNN__PANEL;
  table->rows = rows;
  table->dots = dots;
  table->pack = pack;
  table->pack_a = pack_a;
  table->gather_a = gather_a;
}
