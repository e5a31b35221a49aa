#include "ops/columns.h"
#include "kernels/kernels.h"
#include "ops/blocks.h"
#include <string.h>

enum { LEAST_ROWS = 128, MOST_BLOCKS = 64 };

static size_t rows_in_block(size_t rows) {
  return cnn__size_max(LEAST_ROWS, cnn__size_ceil_div(rows, MOST_BLOCKS));
}
static size_t blocks_of(size_t rows) {
  return cnn__size_max(1, cnn__size_ceil_div(rows, rows_in_block(rows)));
}
static size_t sums_of(const cnn__columns *of) {
  return (of->kind == CNN__COLUMN_SUMS ? 1 : 2) * of->columns;
}

bool cnn__columns_scratch(size_t rows, size_t columns, size_t sums, size_t *bytes) {
  return cnn__size_mul(blocks_of(rows) * sums * sizeof(double), columns, bytes);
}

typedef struct sum_call {
  const cnn__columns *of;
  double *sums; /* blocks x kinds x columns */
} sum_call;

static void sum_block(void *argument, size_t task, size_t slot) {
  (void)slot;
  const sum_call *call = argument;
  const cnn__columns *of = call->of;
  const cnn__normalization_kernels *kernels = &cnn__kernels_get()->elementwise.normalization;
  const cnn__block block = cnn__block_of(of->rows, rows_in_block(of->rows), task);
  const size_t columns = of->columns, first = block.first * columns;
  double *sums = call->sums + task * sums_of(of);
  memset(sums, 0, sums_of(of) * sizeof *sums);
  switch (of->kind) {
  case CNN__COLUMN_SUMS:
    kernels->column_sums(block.count, columns, of->x + first, sums);
    break;
  case CNN__COLUMN_MOMENTS:
    kernels->column_moments(block.count, columns, of->x + first, sums, sums + columns);
    break;
  case CNN__COLUMN_PRODUCTS:
    kernels->column_products(block.count, columns, of->x + first, of->mean, of->dy + first,
                             of->gate, sums, sums + columns);
    break;
  }
}

const double *cnn__columns_sum(cnn_context *context, const cnn__columns *of, void *scratch) {
  sum_call call = {of, scratch};
  const size_t blocks = blocks_of(of->rows), sums = sums_of(of);
  cnn__for_blocks(context, blocks, 1, sum_block, &call);
  for (size_t block = 1; block < blocks; block++)
    for (size_t i = 0; i < sums; i++)
      call.sums[i] += call.sums[block * sums + i];
  return call.sums;
}
