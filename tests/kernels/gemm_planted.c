/* Bugs that the check of products must find. */
#include "check_gemm.h"

#include <math.h>
#include <stdlib.h>

static void generic_gemm(const cnn__gemm *p) {
  cnn__kernels_for(CNN__ISA_GENERIC)->gemm.gemm(p);
}

static float *c_of(const cnn__gemm *p, size_t row) {
  return p->c + (ptrdiff_t)row * p->c_row;
}

static void skip_last_depth(const cnn__gemm *p) {
  cnn__gemm wrong = *p;
  if (wrong.k > 8) wrong.k--;
  generic_gemm(&wrong);
}
static void always_accumulate(const cnn__gemm *p) {
  cnn__gemm wrong = *p;
  wrong.accumulate = true;
  generic_gemm(&wrong);
}
static void never_accumulate(const cnn__gemm *p) {
  cnn__gemm wrong = *p;
  wrong.accumulate = false;
  generic_gemm(&wrong);
}
static void forget_last_column(const cnn__gemm *p) {
  cnn__gemm wrong = *p;
  if (wrong.n % CNN__PANEL == 13) wrong.n--;
  generic_gemm(&wrong);
}
static void write_past_row(const cnn__gemm *p) {
  generic_gemm(p);
  if (p->m && p->n) c_of(p, p->m - 1)[p->n] = 0;
}
static void write_before_row(const cnn__gemm *p) {
  generic_gemm(p);
  if (p->m && p->n) c_of(p, 0)[-1] = 0;
}
static void read_past_a(const cnn__gemm *p) {
  generic_gemm(p);
  if (p->m && p->k && p->batch)
    (void)*(const volatile float *)(p->a[0] + (ptrdiff_t)(p->m - 1) * p->a_row +
                                    (ptrdiff_t)p->k * p->a_depth);
}
static void read_whole_panel(const cnn__gemm *p) {
  generic_gemm(p);
  if (p->n && p->k && p->batch)
    (void)*(const volatile float *)(p->b[0] + (ptrdiff_t)((p->n - 1) / CNN__PANEL) * p->b_panel +
                                    (ptrdiff_t)(p->k - 1) * p->b_row + CNN__PANEL - 1);
}
static float ended(const cnn__gemm *p, float x) {
  if (p->epilogue == CNN__GEMM_RELU6 && x > 6) return 6;
  return p->epilogue != CNN__GEMM_PLAIN && x < 0 ? 0 : x;
}
static void lose_nan_in_relu(const cnn__gemm *p) {
  generic_gemm(p);
  for (size_t i = 0; p->epilogue != CNN__GEMM_PLAIN && i < p->m; i++)
    for (size_t j = 0; j < p->n; j++)
      c_of(p, i)[j] = fmaxf(c_of(p, i)[j], 0);
}
static void forget_second_pair(const cnn__gemm *p) {
  cnn__gemm wrong = *p;
  if (wrong.batch > 1) wrong.batch = 1;
  generic_gemm(&wrong);
}
static void flush_denormals(const cnn__gemm *p) {
  generic_gemm(p);
  for (size_t i = 0; i < p->m; i++)
    for (size_t j = 0; j < p->n; j++)
      if (fpclassify(c_of(p, i)[j]) == FP_SUBNORMAL) c_of(p, i)[j] = 0;
}
/* Each half of the chain for itself, then their sum: right, but other bits. */
static void sum_in_halves(const cnn__gemm *p) {
  cnn__gemm half = *p;
  float *sums = calloc(p->m * p->n + 1, sizeof *sums);
  const float *a[GEMM_MOST_BATCH], *b[GEMM_MOST_BATCH];
  for (size_t i = 0; i < p->batch; i++) {
    a[i] = p->a[i] + (ptrdiff_t)(p->k / 2) * p->a_depth;
    b[i] = p->b[i] + (ptrdiff_t)(p->k / 2) * p->b_row;
  }
  half.bias = NULL, half.epilogue = CNN__GEMM_PLAIN, half.k = p->k / 2;
  generic_gemm(&half);
  cnn__gemm second = half;
  second.k = p->k - p->k / 2, second.a = a, second.b = b;
  second.c = sums, second.c_row = (ptrdiff_t)p->n, second.accumulate = false;
  generic_gemm(&second);
  for (size_t i = 0; i < p->m; i++)
    for (size_t j = 0; j < p->n; j++) {
      float x = c_of(p, i)[j] + sums[i * p->n + j] + (p->bias ? p->bias[j] : 0);
      c_of(p, i)[j] = ended(p, x);
    }
  free(sums);
}
/* The chain without fusing: a table of an instruction set that lacks it, where there is one. */
static void round_products(const cnn__gemm *p) {
  cnn__gemm one = *p;
  one.bias = NULL, one.epilogue = CNN__GEMM_PLAIN, one.batch = 0;
  generic_gemm(&one);
  for (size_t i = 0; i < p->m; i++)
    for (size_t j = 0; j < p->n; j++) {
      float x = c_of(p, i)[j];
      for (size_t pair = 0; pair < p->batch; pair++)
        for (size_t depth = 0; depth < p->k; depth++) {
          const volatile float product =
              p->a[pair][(ptrdiff_t)i * p->a_row + (ptrdiff_t)depth * p->a_depth] *
              p->b[pair][(ptrdiff_t)(j / CNN__PANEL) * p->b_panel + (ptrdiff_t)depth * p->b_row +
                         (ptrdiff_t)(j % CNN__PANEL)];
          x += product;
        }
      if (p->bias) x += p->bias[j];
      c_of(p, i)[j] = ended(p, x);
    }
}
static void bias_after_relu(const cnn__gemm *p) {
  cnn__gemm wrong = *p;
  wrong.bias = NULL;
  generic_gemm(&wrong);
  for (size_t i = 0; p->bias && i < p->m; i++)
    for (size_t j = 0; j < p->n; j++)
      c_of(p, i)[j] += p->bias[j];
}
static void pack_without_padding(size_t k, size_t n, const float *b, ptrdiff_t row,
                                 ptrdiff_t column, float *packed) {
  const size_t whole = n / CNN__PANEL * CNN__PANEL;
  cnn__kernels_for(CNN__ISA_GENERIC)->gemm.pack(k, whole, b, row, column, packed);
  for (size_t depth = 0; depth < k; depth++)
    for (size_t j = whole; j < n; j++)
      packed[whole * k + depth * CNN__PANEL + j - whole] =
          b[(ptrdiff_t)depth * row + (ptrdiff_t)j * column];
}

static void pack_first_panel_alone(const cnn__gemm *p, const float *next, float *packed) {
  cnn__gemm wrong = *p;
  if (wrong.n > CNN__PANEL) wrong.n = CNN__PANEL;
  generic_gemm(p);
  cnn__kernels_for(CNN__ISA_GENERIC)->gemm.gemm_packing(&wrong, next, packed);
}
static void pack_a_into_gaps(size_t m, size_t k, const float *a, ptrdiff_t row, ptrdiff_t depth,
                             float *to, size_t to_row) {
  cnn__kernels_for(CNN__ISA_GENERIC)->gemm.pack_a(m, k, a, row, depth, to, to_row);
  if (m > 1 && to_row > k) to[k] = 0;
}

static void gather_a_without_last_depth(size_t m, size_t k, const float *const *a, float *to,
                                        size_t to_row) {
  const size_t whole = k > 8 ? k - k % 8 : k;
  cnn__kernels_for(CNN__ISA_GENERIC)->gemm.gather_a(m, whole, a, to, to_row);
}

static void forget_relu_of_rows(const cnn__gemm_rows *p) {
  cnn__gemm_rows wrong = *p;
  wrong.epilogue = CNN__GEMM_PLAIN;
  cnn__kernels_for(CNN__ISA_GENERIC)->gemm.rows(&wrong);
}

static void forget_last_depth_of_dots(const cnn__gemm_rows *row) {
  cnn__gemm_rows wrong = *row;
  if (wrong.k > 1) wrong.k--;
  cnn__kernels_for(CNN__ISA_GENERIC)->gemm.dots(&wrong);
}

/* Within the bound of the error, but other bits. */
static void sum_dots_as_a_chain(const cnn__gemm_rows *row) {
  for (size_t j = 0; j < row->n; j++) {
    cnn__gemm_rows one = *row;
    one.n = 1;
    one.b += (ptrdiff_t)j * row->b_stride;
    one.b_stride = 1;
    one.c += j;
    if (row->bias) one.bias += j;
    cnn__kernels_for(CNN__ISA_GENERIC)->gemm.rows(&one);
  }
}

#define PLANT(bug)                                                                                 \
  static void plant_##bug(cnn__kernels *table) {                                                   \
    table->gemm.gemm = bug;                                                                        \
  }
PLANT(skip_last_depth)
PLANT(always_accumulate)
PLANT(never_accumulate)
PLANT(forget_last_column)
PLANT(write_past_row)
PLANT(write_before_row)
PLANT(read_past_a)
PLANT(read_whole_panel)
PLANT(lose_nan_in_relu)
PLANT(forget_second_pair)
PLANT(flush_denormals)
PLANT(sum_in_halves)
PLANT(round_products)
PLANT(bias_after_relu)
static void plant_pack_without_padding(cnn__kernels *table) {
  table->gemm.pack = pack_without_padding;
}

static void plant_pack_first_panel_alone(cnn__kernels *table) {
  table->gemm.gemm_packing = pack_first_panel_alone;
}

static void plant_pack_a_into_gaps(cnn__kernels *table) {
  table->gemm.pack_a = pack_a_into_gaps;
}

static void plant_gather_a_without_last_depth(cnn__kernels *table) {
  table->gemm.gather_a = gather_a_without_last_depth;
}

static void plant_forget_relu_of_rows(cnn__kernels *table) {
  table->gemm.rows = forget_relu_of_rows;
}

static void plant_forget_last_depth_of_dots(cnn__kernels *table) {
  table->gemm.dots = forget_last_depth_of_dots;
}

static void plant_sum_dots_as_a_chain(cnn__kernels *table) {
  table->gemm.dots = sum_dots_as_a_chain;
}

const check_planted gemm_planted[GEMM_PLANTED] = {
    {"skips the last depth of long chains", plant_skip_last_depth},
    {"reads c without accumulate", plant_always_accumulate},
    {"ignores accumulate", plant_never_accumulate},
    {"forgets the 13th column of a panel", plant_forget_last_column},
    {"writes one float past the last row", plant_write_past_row},
    {"writes one float before the first row", plant_write_before_row},
    {"reads one float past a", plant_read_past_a},
    {"reads a whole panel where b has fewer columns", plant_read_whole_panel},
    {"ReLU loses NaN", plant_lose_nan_in_relu},
    {"forgets all pairs but the first", plant_forget_second_pair},
    {"flushes denormals", plant_flush_denormals},
    {"sums in another order", plant_sum_in_halves},
    {"rounds products", plant_round_products},
    {"adds the bias after the ReLU", plant_bias_after_relu},
    {"does not zero the packing's padding", plant_pack_without_padding},
    {"packs the first panel alone on its way", plant_pack_first_panel_alone},
    {"packs A into the gaps between its rows", plant_pack_a_into_gaps},
    {"gathers whole blocks of depths alone", plant_gather_a_without_last_depth},
    {"forgets few rows' ReLU", plant_forget_relu_of_rows},
    {"forgets the last depth of dot products", plant_forget_last_depth_of_dots},
    {"sums dot products as a chain", plant_sum_dots_as_a_chain},
};
