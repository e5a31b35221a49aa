/* Products of few rows: each B is used a few times only, so each task packs what it needs itself, or
   reads it where it lies. Few columns of a product are few rows of its transpose. */
#include "ops/gemm_blocks.h"

enum {
  NEAR_B = 64,           /* rows of B with a stride up to this are read as they are, by tiles, */
  NEAR_FLOATS = 1 << 16, /* and those of a B that stays in L2, */
  OFTEN = 48,            /* unless so many rows of A pass by that packing costs less; */
  COLUMNS = 64,          /* of a task, */
  LEAST_RUN = 256,       /* at least of one that reads rows of B as they are and in long runs, */
  MOST_FLOATS = 4096,    /* and of its C at most; where it reads columns so, COLUMNS at least */
  DEPTHS = 320,          /* that it packs at once */
  THIN = 16,             /* rows so few that packing costs as much as multiplying: */
  THIN_COLUMNS = 32,     /* what is packed then stays in L1 until it is used */
  THIN_DEPTHS = 128
};

typedef struct few {
  const cnn__matmul *product;
  bool dots, turned;
  float *scratch;
  size_t slot_floats, columns;
} few;

/* The rows of a part of the transpose become columns of C. */
static void turn(const cnn__matmul *product, cnn__range row, const float *from, size_t from_row) {
  for (size_t i = row.first; i < row.end; i++)
    for (size_t j = 0; j < product->m; j++)
      product->c[(ptrdiff_t)i * product->c_row + (ptrdiff_t)j] = from[j * from_row + i - row.first];
}

/* From a B that is read where it lies. */
static void multiply_in_place(void *argument, size_t task, size_t slot) {
  const few *work = argument;
  const cnn__matmul *product = work->product;
  const cnn__gemm_kernels *kernels = &cnn__kernels_get()->gemm;
  const cnn__range column =
      cnn__range_part((cnn__range){0, product->n}, task * work->columns, work->columns);
  float *c = work->turned ? work->scratch + slot * work->slot_floats : product->c + column.first;
  (work->dots ? kernels->dots : kernels->rows)(&(cnn__gemm_rows){
      .m = product->m,
      .n = cnn__range_length(column),
      .k = product->k,
      .a = product->a,
      .a_row = product->a_row,
      .a_depth = product->a_depth,
      .b = cnn__b_at(product, 0, column.first),
      .b_stride = work->dots ? product->b_column : product->b_row,
      .c = c,
      .c_row = work->turned ? (ptrdiff_t)work->columns : product->c_row,
      .accumulate = product->accumulate,
      .bias = product->bias ? product->bias + column.first : NULL,
      .epilogue = product->epilogue,
  });
  if (work->turned) turn(product, column, c, work->columns);
}

size_t cnn__matmul_few_floats(size_t n, size_t k) {
  return cnn__gemm_packed_size(cnn__size_min(k, DEPTHS), cnn__size_min(n, COLUMNS));
}

/* Whether B is read by columns; if both of its strides are 1, where there is one column. */
static bool is_dots(const cnn__matmul *product) {
  return product->m == 1 && product->b_row == 1 && (product->b_column != 1 || product->n == 1);
}

/* Whether tiles read B as it is. */
static bool is_near(const cnn__matmul *product) {
  if (product->b_column != 1) return false;
  const bool in_l2 =
      product->m > 1 && product->m <= OFTEN && product->k <= NEAR_FLOATS / product->n;
  return in_l2 || cnn__within(product->b_row, NEAR_B);
}

static void run_in_place(const cnn__matmul *product, cnn_context *context, bool dots) {
  const size_t share = cnn__size_ceil_div(product->n, cnn__context_slots(context));
  const size_t least = dots ? COLUMNS : LEAST_RUN;
  const size_t most = cnn__size_max(MOST_FLOATS / product->m, least);
  few work = {.product = product,
              .dots = dots,
              .columns = cnn__size_min(cnn__size_max(share, least), most)};
  work.columns = cnn__size_ceil_div(work.columns, CNN__PANEL) * CNN__PANEL;
  cnn__run_parts(product, context, cnn__size_ceil_div(product->n, work.columns), multiply_in_place,
                 &work);
}

/* Fewer where some thread would have none. */
static size_t columns_of_task(const cnn__matmul *product, cnn_context *context) {
  const size_t share = cnn__size_ceil_div(product->n, cnn__context_slots(context));
  return cnn__size_min(cnn__size_ceil_div(share, CNN__PANEL) * CNN__PANEL, COLUMNS);
}

void cnn__matmul_run_turned(const cnn__matmul *product, cnn_context *context, float *scratch) {
  few work = {.product = product,
              .turned = true,
              .scratch = scratch,
              .slot_floats = cnn__matmul_few_floats(product->n, product->k)};
  const size_t most = cnn__size_min(work.slot_floats, MOST_FLOATS) / product->m;
  const size_t share = cnn__size_ceil_div(product->n, cnn__context_slots(context));
  work.columns = cnn__size_max(cnn__size_min(share, most) / CNN__PANEL, 1) * CNN__PANEL;
  cnn__run_parts(product, context, cnn__size_ceil_div(product->n, work.columns), multiply_in_place,
                 &work);
}

void cnn__matmul_run_few(const cnn__matmul *product, cnn_context *context, float *scratch) {
  const bool near = is_near(product), thin = product->m <= THIN;
  const bool dots = is_dots(product), rows = product->b_column == 1 && thin && !near;
  if (product->b && (dots || rows)) {
    run_in_place(product, context, dots);
    return;
  }
  const bool pack = product->b && !near, in_l1 = pack && thin;
  const size_t depths = !pack ? product->k : in_l1 ? THIN_DEPTHS : DEPTHS;
  const cnn__own_sizes sizes = {.pack = pack,
                                .columns = in_l1 ? THIN_COLUMNS : columns_of_task(product, context),
                                .height = product->m,
                                .depths = cnn__size_max(cnn__size_min(depths, product->k), 1),
                                .rows = product->m,
                                .leading = product->b_column == 1 ? product->m : 0};
  cnn__matmul_run_own(product, context, scratch, &sizes);
}
