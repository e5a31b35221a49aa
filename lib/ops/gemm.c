#include "ops/gemm.h"

#include "base/cpu.h"
#include "base/size.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "ops/gemm_blocks.h"

/* Sizes of blocks. They follow from the shape, from whether there are threads to share with, and from the L2 cache;
   which bits come out depends on none of them. */
enum {
  DEPTHS = 512,             /* deep enough that loading and storing C costs little, */
  NEAR_FLOATS = 6144,       /* and of what is not packed so many that both stay in L1, */
  LEAST_DEPTHS = 96,        /* but at least these; */
  COLUMN_DEPTHS = 128,      /* of an A in columns so many that its lines stay for the next tile, */
  NEAR_COLUMN_DEPTHS = 256, /* more of columns that a large L2 holds, */
  NEAR_COLUMN = 384,        /* so near each other that presumably all their pages stay known */
  ROWS = 96,                /* ROWS x DEPTHS of A stay in L2; */
  MANY_ROWS = 256,          /* more where a large one holds them, but not B; */
  FAR_ROWS = 36, /* fewer of many rows of C more than a page apart, whose pages, presumably, are */
  PAGE = 1024,   /* then still known when the next columns come */
  LEAST_ROWS = 12,         /* that threads share blocks down to */
  PACKED_COLUMNS = 2048,   /* of B, packed together for all tasks */
  PIECE = 64,              /* columns that a task packs */
  PACKED_FLOATS = 1 << 16, /* so much is packed at once, even if it is several blocks deep */
  PADDING = 2 * FLOATS_OF_LINE,
  NEAR_B = 16,         /* rows of B with a stride up to this are read as they are, */
  NEAR_B_OF_SOME = 64, /* up to this under SOME rows of A; */
  SOME = 144,
  NEAR_A = 128,      /* so are columns of A, */
  REUSED = 97,       /* and longer ones, but under so many columns of B packing is worth while, */
  LATE_REUSED = 769, /* or so many, where a large L2 holds what the next tiles need; */
  SAME_SET = 1024,   /* and rows of A; but where all share a set of the L1 cache they are packed, */
  HARDLY_REUSED = 16,  /* columns of A under so many of B, if a tile has but one panel, */
  OFTEN_REUSED = 256,  /* rows under so many */
  THIN = 16,           /* rows of A that are best worked on as few */
  FEW = 120,           /* the same where is_few() */
  MOST_TASKS = 16,     /* enough for some threads to share evenly; */
  PACKING_TASKS = 8,   /* of such that pack rows of A, which fewer do better; */
  MOST_WORK = 1 << 26, /* multiply-adds of a task: for the last one all others wait */
  LEADING = 6 /* rows that go with the packing of a row-major B: those of the largest main tile */
};

/* B is packed by all threads for all tasks, a pass at a time; rows of A by each task for itself. */
typedef struct blocking {
  const cnn__matmul *product;
  const cnn__gemm_kernels *kernels;
  bool pack_a, pack_b;
  float *a, *b;                 /* each slot's block of A, by rows; this pass's B */
  size_t column_step, pass;     /* columns, depths of a pass */
  size_t rows, columns, depths; /* of a block */
  size_t b_piece;               /* columns that a task packs */
  size_t column_blocks;         /* of this pass */
  size_t leading;               /* rows that are done once its B is packed */
  cnn__range column, depth;     /* this pass */
} blocking;

/* About equal blocks of at most most elements, in whole units. */
static size_t balanced(size_t total, size_t most, size_t unit) {
  return cnn__size_max(cnn__size_ceil_div(cnn__size_even_part(total, most), unit), 1) * unit;
}

static bool should_pack_b(const cnn__matmul *product) {
  const ptrdiff_t near = product->m <= SOME ? NEAR_B_OF_SOME : NEAR_B;
  return product->b && !(product->b_column == 1 && cnn__within(product->b_row, near));
}

/* Whether a tile takes one panel of B. */
static bool is_narrow(const cnn__gemm_kernels *kernels) {
  return kernels->columns == CNN__PANEL;
}

/* Of an A under n columns of B. Reading a column across long rows takes another line at every step. Rows that share sets of
   the caches fit a large one all the same. */
static bool should_pack_a(const cnn__matmul *product, size_t n) {
  const bool large = cnn__cpu_has_large_l2();
  if (product->a_depth == 1) return n >= OFTEN_REUSED && product->a_row % SAME_SET == 0 && !large;
  if (cnn__within(product->a_depth, NEAR_A)) return false;
  if (product->a_depth % SAME_SET == 0 && (!large || is_narrow(&cnn__kernels_get()->gemm)))
    return n >= HARDLY_REUSED;
  return n >= (large ? LATE_REUSED : REUSED);
}

/* Each block of rows reads B once more, from afar where L2 does not hold it: the more so where a tile takes several
   panels of it. */
static size_t choose_rows(const blocking *work, size_t m, size_t n) {
  if (cnn__cpu_has_large_l2() && n > CNN__LARGE_L2 / 2 / (work->depths * sizeof(float)))
    return MANY_ROWS;
  return is_narrow(work->kernels) && work->product->c_row > PAGE && m >= PAGE ? FAR_ROWS : ROWS;
}

/* For several threads, halves blocks until each pass has tasks enough, or work too little to split; where tasks pack A,
   rows at first, for every block of the same rows packs them again. */
static void choose_blocks(blocking *work, size_t slots) {
  const size_t m = work->product->m - work->leading;
  const size_t n = cnn__size_min(work->product->n, work->column_step);
  const size_t enough = work->pack_a ? PACKING_TASKS : MOST_TASKS;
  const size_t most = choose_rows(work, m, n), least = most == MANY_ROWS ? ROWS : LEAST_ROWS;
  work->rows = balanced(m, most, 1);
  work->columns = balanced(n, PACKED_COLUMNS, PIECE);
  while (slots > 1) {
    const size_t tasks = cnn__size_ceil_div(m, work->rows) * cnn__size_ceil_div(n, work->columns);
    /* In floating point: the product of three sizes may exceed them. */
    const double share = (double)work->rows * (double)work->columns * (double)work->product->k;
    const bool of_rows = work->rows >= 2 * least, of_columns = work->columns > PIECE;
    const bool long_waits = share > MOST_WORK && of_rows;
    if ((tasks >= enough && !long_waits) || share < 2 * CNN__LEAST_WORK) break;
    if (of_rows && (work->pack_a || !of_columns))
      work->rows = balanced(m, cnn__size_ceil_div(work->rows, 2), 2);
    else if (of_columns)
      work->columns = balanced(n, cnn__size_ceil_div(work->columns, 2), PIECE);
    else
      break;
  }
}

/* Columns of a task that packs B: fewer where threads would have none, but a tile's. */
static size_t choose_piece(const blocking *work, size_t slots) {
  enum { TASKS = 4 };
  const size_t n = cnn__size_min(work->product->n, work->column_step);
  size_t piece = PIECE;
  while (slots > 1 && piece > work->kernels->columns && n <= piece * (TASKS - 1))
    piece /= 2;
  return piece;
}

static size_t padded(size_t n) {
  return cnn__size_ceil_div(n, CNN__PANEL) * CNN__PANEL;
}

static size_t most_depths(const cnn__matmul *product, bool pack_a) {
  if (pack_a || product->a_depth == 1) return DEPTHS;
  const bool near = cnn__cpu_has_large_l2() && cnn__within(product->a_depth, NEAR_COLUMN);
  return near ? NEAR_COLUMN_DEPTHS : COLUMN_DEPTHS;
}

/* Each pass costs two meetings of the threads: small ones go several blocks deep. */
static void choose_depths(blocking *work) {
  const size_t m = work->product->m, n = work->product->n, k = work->product->k;
  const size_t lines = work->pack_b ? padded(cnn__size_min(n, PACKED_COLUMNS)) : 0;
  size_t most = most_depths(work->product, work->pack_a);
  if (lines == 0 && !work->pack_a)
    most = cnn__size_min(most, cnn__size_max(NEAR_FLOATS / (m + n), LEAST_DEPTHS));
  work->depths = balanced(k, most, 8);
  work->pass = lines ? work->depths : k;
  while (work->pass < k && lines * (work->pass + work->depths + PADDING) <= PACKED_FLOATS)
    work->pass += work->depths;
  work->pass = cnn__size_min(work->pass, k);
}

/* Some columns of B, alone or with the first rows of the product. */
static void pack_piece(void *argument, size_t task, size_t slot) {
  const blocking *work = argument;
  const cnn__matmul *product = work->product;
  const size_t done = task * work->b_piece;
  const cnn__range column = cnn__range_part(work->column, done, work->b_piece);
  float *packed = work->b + done * cnn__range_length(work->depth);
  (void)slot;
  if (work->leading == 0)
    work->kernels->pack(cnn__range_length(work->depth), cnn__range_length(column),
                        cnn__b_at(product, work->depth.first, column.first), product->b_row,
                        product->b_column, packed);
  else
    cnn__multiply_packing(product, (cnn__range){0, work->leading}, column, work->depth,
                          cnn__b_at(product, work->depth.first, column.end), packed);
}

/* Packed rows lie an odd number of lines apart, for else they would share places in the caches. */
static cnn__operand find_a(const blocking *work, cnn__range row, cnn__range depth, size_t slot) {
  const cnn__matmul *product = work->product;
  const float *from = cnn__a_at(product, row.first, depth.first);
  if (!work->pack_a) return (cnn__operand){from, product->a_row, product->a_depth};
  const size_t lines = cnn__size_ceil_div(work->depths, FLOATS_OF_LINE) | 1;
  float *to = work->a + slot * work->rows * lines * FLOATS_OF_LINE;
  work->kernels->pack_a(cnn__range_length(row), cnn__range_length(depth), from, product->a_row,
                        product->a_depth, to, lines * FLOATS_OF_LINE);
  return (cnn__operand){to, (ptrdiff_t)(lines * FLOATS_OF_LINE), 1};
}

static cnn__operand find_b(const blocking *work, size_t column, size_t depth) {
  if (!work->pack_b) return cnn__b_in_place(work->product, column, depth);
  const size_t depths = cnn__range_length(work->depth);
  return (cnn__operand){work->b + (column - work->column.first) * depths +
                            (depth - work->depth.first) * CNN__PANEL,
                        CNN__PANEL, CNN__PANEL * (ptrdiff_t)depths};
}

/* One block of C, over this pass's depths. */
static void multiply_block(void *argument, size_t task, size_t slot) {
  const blocking *work = argument;
  const cnn__range all = {work->leading, work->product->m};
  const cnn__range row = cnn__range_part(all, task / work->column_blocks * work->rows, work->rows);
  const cnn__range column =
      cnn__range_part(work->column, task % work->column_blocks * work->columns, work->columns);
  size_t done = 0;
  do {
    const cnn__range depth = cnn__range_part(work->depth, done, work->depths);
    cnn__multiply_part(work->product, row, column, depth, find_a(work, row, depth, slot),
                       find_b(work, column.first, depth.first));
    done += work->depths;
  } while (done < cnn__range_length(work->depth));
}

static void run_pass(blocking *work, cnn_context *context) {
  const size_t rows = work->product->m - work->leading;
  const size_t columns = cnn__range_length(work->column);
  if (work->pack_b)
    cnn__run_parts(work->product, context, cnn__size_ceil_div(columns, work->b_piece), pack_piece,
                   work);
  work->column_blocks = cnn__size_ceil_div(columns, work->columns);
  cnn__run_parts(work->product, context, cnn__size_ceil_div(rows, work->rows) * work->column_blocks,
                 multiply_block, work);
}

static void run_blocks(const cnn__matmul *product, cnn_context *context, float *scratch) {
  blocking work = {.product = product,
                   .kernels = &cnn__kernels_get()->gemm,
                   .pack_a = should_pack_a(product, product->n),
                   .pack_b = should_pack_b(product),
                   .a = scratch,
                   .b = scratch};
  work.column_step = work.pack_b ? PACKED_COLUMNS : product->n;
  work.leading = work.pack_b && product->b_column == 1 ? cnn__size_min(LEADING, product->m) : 0;
  const size_t slots = cnn__context_slots(context);
  choose_depths(&work);
  choose_blocks(&work, slots);
  work.b_piece = choose_piece(&work, slots);
  const cnn__range n = {0, product->n}, k = {0, product->k};
  if (work.pack_b) work.a += work.pass * padded(cnn__size_min(product->n, PACKED_COLUMNS));
  for (size_t column = 0; column < product->n; column += work.column_step) {
    work.column = cnn__range_part(n, column, work.column_step);
    size_t depth = 0;
    do { /* once without depth, for bias and activation */
      work.depth = cnn__range_part(k, depth, work.pass);
      run_pass(&work, context);
      depth += work.pass;
    } while (depth < product->k);
  }
}

/* C is a column, or a single element: computed as the row that is its transpose, so that an element is the same
   one alone and among others. */
static void run_column(const cnn__matmul *product, cnn_context *context, float *scratch) {
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
  cnn__matmul_run_few(&row, context, scratch);
  for (size_t i = 0; product->bias && i < product->m; i++) {
    const float sum = product->c[i] + *product->bias;
    const bool below = product->epilogue != CNN__GEMM_PLAIN && sum < 0;
    const bool above = product->epilogue == CNN__GEMM_RELU6 && sum > 6;
    product->c[i] = below ? 0 : above ? 6 : sum;
  }
}

/* Whether few rows of the transpose would read A in long runs, which here lie across, and so many depths that turning
   C costs less. */
static bool is_few_columns(const cnn__matmul *product) {
  enum { LEAST_ROWS_OF_RUNS = 64, DEPTHS_OF_A_COLUMN = 16 };
  const size_t most = cnn__within(product->a_depth, NEAR_A) ? THIN / 2 : THIN;
  return product->n > 1 && product->n <= most && product->a_row == 1 &&
         product->m >= LEAST_ROWS_OF_RUNS && product->k >= DEPTHS_OF_A_COLUMN * product->n &&
         !product->accumulate && !product->bias && product->epilogue == CNN__GEMM_PLAIN;
}

static void run_few_columns(const cnn__matmul *product, cnn_context *context, float *scratch) {
  const cnn__matmul turned = {.m = product->n,
                              .n = product->m,
                              .k = product->k,
                              .a = product->b ? product->b : product->packed,
                              .a_row = product->b ? product->b_column : 1,
                              .a_depth = product->b ? product->b_row : CNN__PANEL,
                              .b = product->a,
                              .b_row = product->a_depth,
                              .b_column = 1,
                              .c = product->c,
                              .c_row = product->c_row};
  cnn__matmul_run_turned(&turned, context, scratch);
}

/* Whether up to FEW rows are best worked on so: contiguous ones, or near columns under a B that has to be packed, which
   then takes no meeting of the threads. */
static bool is_few(const cnn__matmul *product) {
  const bool turns_b = product->b && product->b_column != 1;
  return product->a_depth == 1 || (turns_b && cnn__within(product->a_depth, NEAR_A));
}

/* Columns of a task that packs its own: a quarter of L2 holds them. */
static size_t most_own_columns(void) {
  return cnn__size_max(cnn__cpu_l2() / 4 / (DEPTHS * sizeof(float)) / PIECE, 1) * PIECE;
}

/* Whether tasks read A as it is, each of them all of it: a large L2 keeps few rows, though their columns be long. */
static bool reads_a(const cnn__matmul *product) {
  enum { FEW_ROWS = 384 };
  const bool stays = product->m <= FEW_ROWS && cnn__cpu_has_large_l2();
  return !should_pack_a(product,
                        stays ? cnn__size_min(product->n, most_own_columns()) : product->n);
}

/* Whether threads best pack for themselves the columns of B that each multiplies: where there are enough for all, and A, which
   every task reads whole, stays near, or, beside a large L2, is read by few tasks. */
static bool is_by_columns(const cnn__matmul *product, size_t slots) {
  enum { LEAST = 64, LEAST_OF_FAR = 128, MANY = 256 };
  const bool in_runs = product->a_depth == 1 || cnn__within(product->a_depth, NEAR_COLUMN);
  const size_t share = product->n / slots;
  if (slots == 1 || share < (in_runs ? LEAST : LEAST_OF_FAR) || !should_pack_b(product) ||
      !reads_a(product))
    return false;
  const size_t depths = cnn__size_min(product->k, most_depths(product, false));
  const bool is_near = depths == 0 || product->m <= cnn__cpu_l2() / 2 / (depths * sizeof(float));
  return is_near || (share >= MANY && cnn__cpu_has_large_l2());
}

/* Whether they best pack, each for itself, the few columns that there are, for rows enough. */
static bool is_by_rows(const cnn__matmul *product, size_t slots) {
  enum { LEAST = 32 };
  return slots > 1 && product->m / slots >= LEAST && product->n <= most_own_columns() &&
         should_pack_b(product) && !should_pack_a(product, product->n);
}

static cnn__own_sizes own_sizes(const cnn__matmul *product, size_t columns, size_t height) {
  return (cnn__own_sizes){.pack = true,
                          .columns = columns,
                          .height = height,
                          .depths = balanced(product->k, most_depths(product, false), 8),
                          .rows = balanced(height, ROWS, 1),
                          .leading = product->b_column == 1 ? cnn__size_min(LEADING, height) : 0};
}

/* Each thread has as many tasks. */
static void run_by_columns(const cnn__matmul *product, cnn_context *context, float *scratch) {
  const size_t n = product->n, slots = cnn__context_slots(context), most = most_own_columns();
  const size_t tasks = cnn__size_ceil_div(n, most * slots) * slots;
  const cnn__own_sizes sizes =
      own_sizes(product, cnn__size_min(padded(cnn__size_ceil_div(n, tasks)), most), product->m);
  cnn__matmul_run_own(product, context, scratch, &sizes);
}

/* The same of tasks so tall that packing costs little beside them; the shorter chains, the more rows at once. */
static void run_by_rows(const cnn__matmul *product, cnn_context *context, float *scratch) {
  enum { TALL = 256 };
  const size_t m = product->m, slots = cnn__context_slots(context);
  const size_t tasks = cnn__size_max(cnn__size_min(m / TALL, MOST_TASKS) / slots, 1) * slots;
  const size_t height = cnn__size_ceil_div(m, tasks);
  cnn__own_sizes sizes = own_sizes(product, product->n, height);
  sizes.rows = balanced(height, cnn__size_max(ROWS * DEPTHS / sizes.depths, ROWS), 1);
  cnn__matmul_run_own(product, context, scratch, &sizes);
}

/* Grows with each size, so that smaller products fit; a column runs as a row. */
bool cnn__matmul_scratch(size_t m, size_t n, size_t k, size_t slots, size_t *bytes) {
  size_t floats;
  if (!cnn__size_mul(cnn__matmul_few_floats(cnn__size_max(m, n), k), slots, &floats)) return false;
  if (m > THIN) {
    const size_t lines = padded(cnn__size_min(n, PACKED_COLUMNS));
    const size_t most = cnn__size_max(lines * (DEPTHS + PADDING), PACKED_FLOATS);
    const size_t of_b = cnn__size_min(lines * (cnn__size_min(k, PACKED_FLOATS) + PADDING), most);
    const size_t rows = cnn__cpu_has_large_l2() ? MANY_ROWS : ROWS;
    const size_t depths = cnn__size_min(k, DEPTHS) + PADDING;
    const size_t of_a = cnn__size_min(m, rows) * depths;
    const size_t of_own = padded(cnn__size_min(n, most_own_columns())) * depths;
    size_t all;
    if (!cnn__size_mul(of_a, slots, &all)) return false;
    floats = cnn__size_max(floats, of_b + all);
    if (!cnn__size_mul(of_own, slots, &all)) return false;
    floats = cnn__size_max(floats, all);
  }
  return cnn__size_mul(floats, sizeof(float), bytes);
}

void cnn__matmul_run(const cnn__matmul *product, cnn_context *context, void *scratch) {
  if (product->m == 0 || product->n == 0) return;
  if (product->n == 1 && (product->m == 1 || product->c_row == 1))
    run_column(product, context, scratch);
  else if (is_few_columns(product))
    run_few_columns(product, context, scratch);
  else if (product->m <= THIN || (product->m <= FEW && is_few(product)))
    cnn__matmul_run_few(product, context, scratch);
  else if (is_by_columns(product, cnn__context_slots(context)))
    run_by_columns(product, context, scratch);
  else if (is_by_rows(product, cnn__context_slots(context)))
    run_by_rows(product, context, scratch);
  else
    run_blocks(product, context, scratch);
}
