/* Products whose tasks are columns, or some rows of them: each packs the B that it needs, or reads it where it lies.
   Threads meet once, in the end, and none reads what another one has packed. */
#include "ops/gemm_blocks.h"

typedef struct own {
  const cnn__matmul *product;
  const cnn__own_sizes *sizes;
  float *scratch;
  size_t slot_floats, row_tasks; /* of the same columns */
} own;

/* One part of the chain. */
static void multiply_depths(const own *work, cnn__range row, cnn__range column, cnn__range depth,
                            float *packed) {
  const cnn__matmul *product = work->product;
  const size_t depths = cnn__range_length(depth), leading = work->sizes->leading;
  cnn__operand b = {packed, CNN__PANEL, CNN__PANEL * (ptrdiff_t)depths};
  size_t done = 0;
  if (!work->sizes->pack) {
    b = cnn__b_in_place(product, column.first, depth.first);
  } else if (leading > 0) {
    const float *next = depth.end < product->k ? cnn__b_at(product, depth.end, column.first)
                                               : cnn__b_at(product, 0, column.end);
    cnn__multiply_packing(product, cnn__range_part(row, 0, leading), column, depth, next, packed);
    done = leading;
  } else {
    cnn__kernels_get()->gemm.pack(depths, cnn__range_length(column),
                                  cnn__b_at(product, depth.first, column.first), product->b_row,
                                  product->b_column, packed);
  }
  for (; done < cnn__range_length(row); done += work->sizes->rows) {
    const float *a = cnn__a_at(product, row.first + done, depth.first);
    cnn__multiply_part(product, cnn__range_part(row, done, work->sizes->rows), column, depth,
                       (cnn__operand){a, product->a_row, product->a_depth}, b);
  }
}

static void multiply_own(void *argument, size_t task, size_t slot) {
  const own *work = argument;
  const cnn__matmul *product = work->product;
  const cnn__range m = {0, product->m}, n = {0, product->n}, k = {0, product->k};
  const cnn__own_sizes *sizes = work->sizes;
  const cnn__range row = cnn__range_part(m, task % work->row_tasks * sizes->height, sizes->height);
  const cnn__range column =
      cnn__range_part(n, task / work->row_tasks * sizes->columns, sizes->columns);
  float *packed = work->scratch + slot * work->slot_floats;
  size_t done = 0;
  do { /* once without depth, for bias and activation */
    multiply_depths(work, row, column, cnn__range_part(k, done, sizes->depths), packed);
    done += sizes->depths;
  } while (done < product->k);
}

void cnn__matmul_run_own(const cnn__matmul *product, cnn_context *context, float *scratch,
                         const cnn__own_sizes *sizes) {
  own work = {.product = product,
              .sizes = sizes,
              .scratch = scratch,
              .row_tasks = cnn__size_ceil_div(product->m, sizes->height)};
  if (sizes->pack)
    work.slot_floats =
        cnn__gemm_packed_size(sizes->depths, cnn__size_min(sizes->columns, product->n));
  cnn__run_parts(product, context, cnn__size_ceil_div(product->n, sizes->columns) * work.row_tasks,
                 multiply_own, &work);
}
