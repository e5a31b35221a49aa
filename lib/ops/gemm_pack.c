#include "base/size.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "ops/gemm.h"

/* One matrix to pack, a panel of columns a task. */
typedef struct packing {
  size_t k, n;
  const float *b;
  ptrdiff_t b_row, b_column;
  float *packed;
} packing;

static void pack_panel(void *argument, size_t panel, size_t slot) {
  const packing *pack = argument;
  const size_t first = panel * CNN__PANEL;
  cnn__kernels_get()->gemm.pack(pack->k, cnn__size_min(CNN__PANEL, pack->n - first),
                                pack->b + (ptrdiff_t)first * pack->b_column, pack->b_row,
                                pack->b_column, pack->packed + first * pack->k);
}

void cnn__matmul_pack(cnn_context *context, size_t k, size_t n, const float *b, ptrdiff_t b_row,
                      ptrdiff_t b_column, float *packed) {
  packing pack = {k, n, b, b_row, b_column, packed};
  cnn__parallel_for(context, cnn__size_ceil_div(n, CNN__PANEL), pack_panel, &pack);
}
