#include "ops/gemm.h"

#include "base/size.h"
#include "base/threads.h"
#include "kernels/kernels.h"

/* Sizes of blocks. They follow from the shape alone, so that the split is the same for any number of
   threads and any instruction set; which bits come out depends on none of them. */
enum {
  DEPTHS = 256,          /* 16 columns of B of this depth fill half of a 32 KiB L1 cache */
  SKINNY_DEPTHS = 16,    /* as many rows of B are read side by side */
  ROWS = 120,            /* ROWS x DEPTHS of A stay in L2; a multiple of all tiles' rows */
  COLUMNS = 256,         /* of one task */
  PRIVATE_COLUMNS = 64,  /* of a task that packs for itself */
  SHARED_COLUMNS = 2048, /* packed together, for all tasks */
  NARROW = 128,          /* a row of B this long or shorter needs no packing */
  SKINNY = 16,           /* packing B does not pay for this many rows of A */
  MOST_TASKS = 16,       /* enough for some threads to share evenly */
  LEAST_WORK = 1 << 17   /* multiply-adds that are worth a task */
};

/* How the tasks come by B. */
typedef enum source {
  DIRECT,  /* from where it lies */
  PACKED,  /* the caller has packed all of it */
  PRIVATE, /* each task packs what it alone uses */
  SHARED   /* all pack a piece, then all use it */
} source;

typedef struct blocking {
  const cnn__matmul *product;
  const cnn__gemm_kernels *kernels;
  source source;
  float *scratch;
  size_t rows, columns, depths;     /* of a block */
  size_t column_blocks;             /* in [first_column, last_column) */
  size_t first_column, last_column; /* this pass's part of C ... */
  size_t first_depth, last_depth;   /* ... and of the chain */
} blocking;

/* About equal blocks of at most most elements, in whole units. */
static size_t balanced(size_t total, size_t most, size_t unit) {
  const size_t blocks = cnn__size_ceil_div(total, most);
  const size_t size = cnn__size_ceil_div(total, cnn__size_max(blocks, 1));
  return cnn__size_max(cnn__size_ceil_div(size, unit) * unit, unit);
}

static source choose_source(const cnn__matmul *product) {
  if (!product->b) return PACKED;
  if (product->b_column == 1) {
    const size_t stride = product->b_row < 0 ? 0 - (size_t)product->b_row : (size_t)product->b_row;
    if (stride <= NARROW || product->m <= SKINNY) return DIRECT;
  }
  return product->m <= ROWS ? PRIVATE : SHARED;
}

/* Halves blocks until there are tasks enough, or work too little to split. */
static void choose_blocks(blocking *work) {
  const cnn__matmul *product = work->product;
  const size_t m = product->m, n = product->n, k = cnn__size_max(product->k, 1);
  const bool skinny = work->source == DIRECT && m <= SKINNY && product->b_row > NARROW;
  work->depths = skinny ? SKINNY_DEPTHS : DEPTHS;
  work->rows = work->source == PRIVATE ? m : balanced(m, ROWS, 2);
  work->columns = work->source == PRIVATE ? PRIVATE_COLUMNS : balanced(n, COLUMNS, 64);
  for (;;) {
    const size_t row_blocks = cnn__size_ceil_div(m, work->rows);
    const size_t tasks = row_blocks * cnn__size_ceil_div(n, work->columns);
    /* In floating point: the product of three sizes may exceed them. */
    const double share = (double)work->rows * (double)work->columns * (double)k;
    if (tasks >= MOST_TASKS || share < 2 * LEAST_WORK || work->source == PRIVATE) break;
    if (work->columns > 64)
      work->columns = balanced(work->columns, work->columns / 2, 64);
    else if (work->rows >= 24)
      work->rows = balanced(m, cnn__size_ceil_div(work->rows, 2), 2);
    else
      break;
  }
}

/* Rows x columns of C over depths of the chain, from a B that starts at the block's first element. */
static void run_kernel(const blocking *work, size_t row, size_t rows, size_t column, size_t columns,
                       size_t depth, size_t depths, const float *b, ptrdiff_t b_row,
                       ptrdiff_t b_panel) {
  const cnn__matmul *product = work->product;
  const float *a =
      product->a + (ptrdiff_t)row * product->a_row + (ptrdiff_t)depth * product->a_depth;
  const bool last = depth + depths == product->k;
  work->kernels->gemm(&(cnn__gemm){
      .m = rows,
      .n = columns,
      .k = depths,
      .batch = 1,
      .a = &a,
      .a_row = product->a_row,
      .a_depth = product->a_depth,
      .b = &b,
      .b_row = b_row,
      .b_panel = b_panel,
      .c = product->c + (ptrdiff_t)row * product->c_row + column,
      .c_row = product->c_row,
      .accumulate = product->accumulate || depth > 0,
      .bias = last && product->bias ? product->bias + column : NULL,
      .epilogue = last ? product->epilogue : CNN__GEMM_PLAIN,
  });
}

/* One block of C, over this pass's depths. */
static void multiply_block(void *argument, size_t task, size_t slot) {
  const blocking *work = argument;
  const cnn__matmul *product = work->product;
  const size_t row = task / work->column_blocks * work->rows;
  const size_t rows = cnn__size_min(work->rows, product->m - row);
  const size_t column = work->first_column + task % work->column_blocks * work->columns;
  const size_t columns = cnn__size_min(work->columns, work->last_column - column);
  size_t depth = work->first_depth;
  do {
    const size_t depths = cnn__size_min(work->depths, work->last_depth - depth);
    const float *b = NULL;
    ptrdiff_t b_row = CNN__PANEL, b_panel = CNN__PANEL * (ptrdiff_t)depths;
    switch (work->source) {
    case DIRECT:
      b = product->b + (ptrdiff_t)depth * product->b_row + column;
      b_row = product->b_row;
      b_panel = CNN__PANEL;
      break;
    case PACKED:
      b = product->packed + column * product->k + depth * CNN__PANEL;
      b_panel = CNN__PANEL * (ptrdiff_t)product->k;
      break;
    case PRIVATE: {
      float *packed = work->scratch + slot * cnn__gemm_packed_size(DEPTHS, PRIVATE_COLUMNS);
      work->kernels->pack(depths, columns,
                          product->b + (ptrdiff_t)depth * product->b_row +
                              (ptrdiff_t)column * product->b_column,
                          product->b_row, product->b_column, packed);
      b = packed;
      break;
    }
    case SHARED:
      b = work->scratch + (column - work->first_column) * depths;
      break;
    }
    run_kernel(work, row, rows, column, columns, depth, depths, b, b_row, b_panel);
    depth += depths;
  } while (depth < work->last_depth);
}

/* PRIVATE_COLUMNS columns of this pass's B. */
static void pack_shared(void *argument, size_t task, size_t slot) {
  const blocking *work = argument;
  const cnn__matmul *product = work->product;
  const size_t column = work->first_column + task * PRIVATE_COLUMNS;
  const size_t depths = work->last_depth - work->first_depth;
  (void)slot;
  work->kernels->pack(depths, cnn__size_min(PRIVATE_COLUMNS, work->last_column - column),
                      product->b + (ptrdiff_t)work->first_depth * product->b_row +
                          (ptrdiff_t)column * product->b_column,
                      product->b_row, product->b_column,
                      work->scratch + (column - work->first_column) * depths);
}

static void run_pass(blocking *work, cnn_context *context) {
  const size_t columns = work->last_column - work->first_column;
  if (work->source == SHARED)
    cnn__parallel_for(context, cnn__size_ceil_div(columns, PRIVATE_COLUMNS), pack_shared, work);
  work->column_blocks = cnn__size_ceil_div(columns, work->columns);
  cnn__parallel_for(context, cnn__size_ceil_div(work->product->m, work->rows) * work->column_blocks,
                    multiply_block, work);
}

bool cnn__matmul_scratch(size_t m, size_t n, size_t k, size_t slots, size_t *bytes) {
  (void)m;
  const size_t depths = cnn__size_min(k, DEPTHS);
  const size_t shared = cnn__gemm_packed_size(depths, cnn__size_min(n, SHARED_COLUMNS));
  size_t private;
  if (!cnn__size_mul(cnn__gemm_packed_size(DEPTHS, PRIVATE_COLUMNS), slots, &private)) return false;
  return cnn__size_mul(cnn__size_max(shared, private), sizeof(float), bytes);
}

void cnn__matmul_run(const cnn__matmul *product, cnn_context *context, void *scratch) {
  if (product->m == 0 || product->n == 0) return;
  blocking work = {
      .product = product,
      .kernels = &cnn__kernels_get()->gemm,
      .source = choose_source(product),
      .scratch = scratch,
  };
  choose_blocks(&work);
  const bool shared = work.source == SHARED;
  const size_t column_step = shared ? SHARED_COLUMNS : product->n;
  const size_t depth_step = shared ? work.depths : product->k;
  for (size_t column = 0; column < product->n; column = work.last_column) {
    work.first_column = column;
    work.last_column = column + cnn__size_min(column_step, product->n - column);
    work.last_depth = 0;
    do {
      work.first_depth = work.last_depth;
      work.last_depth += cnn__size_min(depth_step, product->k - work.first_depth);
      run_pass(&work, context);
    } while (work.last_depth < product->k);
  }
}
