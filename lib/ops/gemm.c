#include "ops/gemm.h"

#include "base/size.h"
#include "base/threads.h"
#include "kernels/kernels.h"

/* Sizes of blocks. They follow from the shape alone, so that the split is the same for any number of
   threads and any instruction set; which bits come out depends on none of them. */
enum {
  DEPTHS = 320,          /* 16 columns of B and 6 rows of A this deep fill a 32 KiB L1 cache */
  ROWS = 120,            /* ROWS x DEPTHS of A stay in L2; a multiple of all tiles' rows */
  COLUMNS = 256,         /* of one task */
  SHARED_COLUMNS = 2048, /* of B, packed together for all tasks */
  PRIVATE_COLUMNS = 64,  /* of a task that packs for itself */
  THIN_COLUMNS = 32,     /* the same with few rows of A: */
  THIN_DEPTHS = 128,     /* what is packed stays in L1 until it is used */
  THIN = 16,             /* rows so few that packing costs as much as multiplying */
  SKINNY = 4,          /* rows so few that a row-major B is read as it is, however long its rows */
  NARROW_A = 128,      /* a column of A with a stride up to this is read as it is */
  NARROW_B = 64,       /* so are rows of B with a stride up to this, under ROWS rows of A */
  MOST_TASKS = 16,     /* enough for some threads to share evenly */
  LEAST_WORK = 1 << 17 /* multiply-adds that are worth a task */
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
  bool pack_a;                      /* each task packs its rows of A, too */
  float *scratch;                   /* packed B: one for all, or if PRIVATE one a slot */
  float *a_scratch;                 /* packed A, one a slot */
  size_t a_slot, b_slot;            /* floats of a slot's */
  size_t rows, columns, depths;     /* of a block */
  size_t column_blocks;             /* in [first_column, last_column) */
  size_t first_column, last_column; /* this pass's part of C ... */
  size_t first_depth, last_depth;   /* ... and of the chain */
} blocking;

/* Where a block's A or B begins, and its strides in the kernel's sense. */
typedef struct operand {
  const float *at;
  ptrdiff_t row, other; /* A: other is a_depth; B: b_panel */
} operand;

/* About equal blocks of at most most elements, in whole units. */
static size_t balanced(size_t total, size_t most, size_t unit) {
  const size_t blocks = cnn__size_max(cnn__size_ceil_div(total, most), 1);
  return cnn__size_max(cnn__size_ceil_div(cnn__size_ceil_div(total, blocks), unit), 1) * unit;
}

static bool within(ptrdiff_t stride, ptrdiff_t most) {
  return stride <= most && stride >= -most;
}

static source choose_source(const cnn__matmul *product) {
  if (!product->b) return PACKED;
  const bool few = product->m <= ROWS;
  const bool near = product->b_column == 1 && within(product->b_row, few ? NARROW_B : CNN__PANEL);
  if (near || (product->b_column == 1 && product->m <= SKINNY)) return DIRECT;
  return few ? PRIVATE : SHARED;
}

/* Reading a column of A across long rows misses the caches at every step. */
static bool should_pack_a(const cnn__matmul *product) {
  return product->m > THIN && product->n >= CNN__PANEL && !within(product->a_depth, NARROW_A);
}

/* Halves blocks until there are tasks enough, or work too little to split. */
static void choose_blocks(blocking *work) {
  const size_t m = work->product->m, n = work->product->n;
  work->depths = balanced(work->product->k, DEPTHS, 8);
  work->rows = balanced(m, ROWS, 2);
  work->columns = balanced(n, COLUMNS, 64);
  if (work->source == PRIVATE) {
    work->columns = m <= THIN ? THIN_COLUMNS : PRIVATE_COLUMNS;
    if (m <= THIN) work->depths = THIN_DEPTHS;
    return;
  }
  for (;;) {
    const size_t tasks = cnn__size_ceil_div(m, work->rows) * cnn__size_ceil_div(n, work->columns);
    /* In floating point: the product of three sizes may exceed them. */
    const double share = (double)work->rows * (double)work->columns * (double)work->product->k;
    if (tasks >= MOST_TASKS || share < 2 * LEAST_WORK) break;
    if (work->columns > 64)
      work->columns = balanced(n, cnn__size_ceil_div(work->columns, 2), 64);
    else if (work->rows >= 24)
      work->rows = balanced(m, cnn__size_ceil_div(work->rows, 2), 2);
    else
      break;
  }
}

static const float *b_at(const cnn__matmul *product, size_t depth, size_t column) {
  return product->b + (ptrdiff_t)depth * product->b_row + (ptrdiff_t)column * product->b_column;
}

static operand find_b(const blocking *work, size_t column, size_t columns, size_t depth,
                      size_t depths, size_t slot) {
  const cnn__matmul *product = work->product;
  const ptrdiff_t panel = CNN__PANEL * (ptrdiff_t)depths;
  switch (work->source) {
  case DIRECT:
    return (operand){b_at(product, depth, column), product->b_row, CNN__PANEL};
  case PACKED:
    return (operand){product->packed + column * product->k + depth * CNN__PANEL, CNN__PANEL,
                     CNN__PANEL * (ptrdiff_t)product->k};
  case PRIVATE: {
    float *packed = work->scratch + slot * work->b_slot;
    work->kernels->pack(depths, columns, b_at(product, depth, column), product->b_row,
                        product->b_column, packed);
    return (operand){packed, CNN__PANEL, panel};
  }
  default:
    return (operand){work->scratch + (column - work->first_column) * depths, CNN__PANEL, panel};
  }
}

/* Rows x columns of C over depths of the chain. */
static void run_kernel(const blocking *work, size_t row, size_t rows, size_t column, size_t columns,
                       size_t depth, size_t depths, operand a, operand b) {
  const cnn__matmul *product = work->product;
  const bool last = depth + depths == product->k;
  work->kernels->gemm(&(cnn__gemm){
      .m = rows,
      .n = columns,
      .k = depths,
      .batch = 1,
      .a = &a.at,
      .a_row = a.row,
      .a_depth = a.other,
      .b = &b.at,
      .b_row = b.row,
      .b_panel = b.other,
      .c = product->c + (ptrdiff_t)row * product->c_row + column,
      .c_row = product->c_row,
      .accumulate = product->accumulate || depth > 0,
      .bias = last && product->bias ? product->bias + column : NULL,
      .epilogue = last ? product->epilogue : CNN__GEMM_PLAIN,
  });
}

/* The same with A packed: as B would be, so that 16 rows lie side by side. */
static void run_kernel_on_packed_a(const blocking *work, size_t row, size_t rows, size_t column,
                                   size_t columns, size_t depth, size_t depths, const float *a,
                                   operand b, size_t slot) {
  const cnn__matmul *product = work->product;
  float *packed = work->a_scratch + slot * work->a_slot;
  work->kernels->pack(depths, rows, a, product->a_depth, product->a_row, packed);
  for (size_t done = 0; done < rows; done += CNN__PANEL)
    run_kernel(work, row + done, cnn__size_min(CNN__PANEL, rows - done), column, columns, depth,
               depths, (operand){packed + done * depths, 1, CNN__PANEL}, b);
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
    const float *a =
        product->a + (ptrdiff_t)row * product->a_row + (ptrdiff_t)depth * product->a_depth;
    const operand b = find_b(work, column, columns, depth, depths, slot);
    if (work->pack_a)
      run_kernel_on_packed_a(work, row, rows, column, columns, depth, depths, a, b, slot);
    else
      run_kernel(work, row, rows, column, columns, depth, depths,
                 (operand){a, product->a_row, product->a_depth}, b);
    depth += depths;
  } while (depth < work->last_depth);
}

/* PRIVATE_COLUMNS columns of this pass's B. */
static void pack_shared(void *argument, size_t task, size_t slot) {
  const blocking *work = argument;
  const size_t column = work->first_column + task * PRIVATE_COLUMNS;
  const size_t depths = work->last_depth - work->first_depth;
  (void)slot;
  work->kernels->pack(depths, cnn__size_min(PRIVATE_COLUMNS, work->last_column - column),
                      b_at(work->product, work->first_depth, column), work->product->b_row,
                      work->product->b_column,
                      work->scratch + (column - work->first_column) * depths);
}

static void run_tasks(const blocking *work, cnn_context *context, size_t tasks,
                      void (*body)(void *argument, size_t task, size_t slot)) {
  const cnn__matmul *product = work->product;
  if ((double)product->m * (double)product->n * (double)product->k >= LEAST_WORK) {
    cnn__parallel_for(context, tasks, body, (void *)work);
  } else {
    for (size_t task = 0; task < tasks; task++)
      body((void *)work, task, 0);
  }
}

static void run_pass(blocking *work, cnn_context *context) {
  const size_t columns = work->last_column - work->first_column;
  if (work->source == SHARED)
    run_tasks(work, context, cnn__size_ceil_div(columns, PRIVATE_COLUMNS), pack_shared);
  work->column_blocks = cnn__size_ceil_div(columns, work->columns);
  run_tasks(work, context, cnn__size_ceil_div(work->product->m, work->rows) * work->column_blocks,
            multiply_block);
}

/* C is a column: computed as the row that is its transpose, where 16 elements lie side by side. */
static void run_column(const cnn__matmul *product, cnn_context *context, void *scratch) {
  const cnn__matmul row = {
      .m = 1,
      .n = product->m,
      .k = product->k,
      .a = product->b ? product->b : product->packed,
      .a_depth = product->b ? product->b_row : CNN__PANEL,
      .b = product->a,
      .b_row = product->a_depth,
      .b_column = product->a_row,
      .c = product->c,
      .accumulate = product->accumulate,
      .epilogue = product->bias ? CNN__GEMM_PLAIN : product->epilogue,
  };
  cnn__matmul_run(&row, context, scratch);
  for (size_t i = 0; product->bias && i < product->m; i++) {
    const float sum = product->c[i] + *product->bias;
    product->c[i] = product->epilogue == CNN__GEMM_RELU && sum < 0 ? 0 : sum;
  }
}

/* Floats of a slot's packed A, and of packed B: a slot's, or all of it. */
static size_t packed_a_size(size_t m, size_t k) {
  return cnn__gemm_packed_size(cnn__size_min(k, DEPTHS), cnn__size_min(m, ROWS));
}
static size_t private_size(size_t n, size_t k) {
  return cnn__gemm_packed_size(cnn__size_min(k, DEPTHS), cnn__size_min(n, PRIVATE_COLUMNS));
}
static size_t shared_size(size_t n, size_t k) {
  return cnn__gemm_packed_size(cnn__size_min(k, DEPTHS), cnn__size_min(n, SHARED_COLUMNS));
}

/* Every part grows with each size, so that smaller products fit; columns run as rows. */
bool cnn__matmul_scratch(size_t m, size_t n, size_t k, size_t slots, size_t *bytes) {
  size_t slots_a = 0, slots_b, total;
  if (m > THIN && !cnn__size_mul(packed_a_size(m, k), slots, &slots_a)) return false;
  if (!cnn__size_mul(private_size(cnn__size_max(m, n), k), slots, &slots_b)) return false;
  if (!cnn__size_add(slots_a, cnn__size_max(shared_size(n, k), slots_b), &total)) return false;
  return cnn__size_mul(total, sizeof(float), bytes);
}

void cnn__matmul_run(const cnn__matmul *product, cnn_context *context, void *scratch) {
  const size_t m = product->m, n = product->n, k = product->k;
  if (m == 0 || n == 0) return;
  if (n == 1 && m > 1 && product->c_row == 1) {
    run_column(product, context, scratch);
    return;
  }
  blocking work = {
      .product = product,
      .kernels = &cnn__kernels_get()->gemm,
      .source = choose_source(product),
      .pack_a = should_pack_a(product),
      .a_scratch = scratch,
      .a_slot = packed_a_size(m, k),
      .b_slot = private_size(n, k),
  };
  work.scratch = work.a_scratch;
  if (work.pack_a) work.scratch += work.a_slot * cnn__context_slots(context);
  choose_blocks(&work);
  const bool shared = work.source == SHARED;
  const size_t column_step = shared ? SHARED_COLUMNS : n;
  const size_t depth_step = shared ? work.depths : k;
  for (size_t column = 0; column < n; column = work.last_column) {
    work.first_column = column;
    work.last_column = column + cnn__size_min(column_step, n - column);
    work.last_depth = 0;
    do {
      work.first_depth = work.last_depth;
      work.last_depth += cnn__size_min(depth_step, k - work.first_depth);
      run_pass(&work, context);
    } while (work.last_depth < k);
  }
}
