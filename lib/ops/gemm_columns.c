/* Products whose tasks are columns: each packs those of B that it alone needs, or reads them where they lie, and takes
   all rows of A. Threads meet once, in the end, and none reads what another one has packed. */
#include "ops/gemm_blocks.h"

typedef struct by_columns {
  const cnn__matmul *product;
  const cnn__column_sizes *sizes;
  float *scratch;
  size_t slot_floats;
} by_columns;

/* One part of the chain. */
static void multiply_depths(const by_columns *work, cnn__range column, cnn__range depth,
                            float *packed) {
  const cnn__matmul *product = work->product;
  const cnn__range m = {0, product->m};
  const size_t depths = cnn__range_length(depth), leading = work->sizes->leading;
  cnn__operand b = {packed, CNN__PANEL, CNN__PANEL * (ptrdiff_t)depths};
  size_t done = 0;
  if (!work->sizes->pack) {
    b = cnn__b_in_place(product, column.first, depth.first);
  } else if (leading > 0) {
    const float *next = depth.end < product->k ? cnn__b_at(product, depth.end, column.first)
                                               : cnn__b_at(product, 0, column.end);
    cnn__multiply_packing(product, cnn__range_part(m, 0, leading), column, depth, next, packed);
    done = leading;
  } else {
    cnn__kernels_get()->gemm.pack(depths, cnn__range_length(column),
                                  cnn__b_at(product, depth.first, column.first), product->b_row,
                                  product->b_column, packed);
  }
  for (; done < product->m; done += work->sizes->rows) {
    const float *a = cnn__a_at(product, done, depth.first);
    cnn__multiply_part(product, cnn__range_part(m, done, work->sizes->rows), column, depth,
                       (cnn__operand){a, product->a_row, product->a_depth}, b);
  }
}

static void multiply_columns(void *argument, size_t task, size_t slot) {
  const by_columns *work = argument;
  const cnn__matmul *product = work->product;
  const cnn__range n = {0, product->n}, k = {0, product->k};
  const size_t columns = work->sizes->columns;
  float *packed = work->scratch + slot * work->slot_floats;
  size_t done = 0;
  do { /* once without depth, for bias and activation */
    multiply_depths(work, cnn__range_part(n, task * columns, columns),
                    cnn__range_part(k, done, work->sizes->depths), packed);
    done += work->sizes->depths;
  } while (done < product->k);
}

void cnn__matmul_run_columns(const cnn__matmul *product, cnn_context *context, float *scratch,
                             const cnn__column_sizes *sizes) {
  by_columns work = {.product = product, .sizes = sizes, .scratch = scratch};
  if (sizes->pack)
    work.slot_floats =
        cnn__gemm_packed_size(sizes->depths, cnn__size_min(sizes->columns, product->n));
  cnn__run_parts(product, context, cnn__size_ceil_div(product->n, sizes->columns), multiply_columns,
                 &work);
}
