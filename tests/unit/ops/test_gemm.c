#include "ops/gemm.h"

#include "base/context.h"
#include "kernels/kernels.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* How the operands lie: any mixture. */
enum {
  A_TRANSPOSED = 1,
  B_TRANSPOSED = 2,
  B_PACKED = 4,
  ACCUMULATE = 8,
  BIAS = 16,
  RELU = 32,
  C_WITH_GAPS = 64,
  FORMS = 128
};

typedef struct sizes {
  size_t m, n, k;
} sizes;

/* Linked in place of the library's: blocks for small caches and for large ones. */
static size_t second_level = 512 * 1024;
size_t cnn__cpu_l2(void) {
  return second_level;
}

/* A product, its memory, and its right answer: one call of a kernel, which blocks nothing. */
typedef struct example {
  cnn__matmul product;
  float *a, *b, *packed, *bias, *c0, *expected, *c;
  size_t count; /* floats of C, gaps included */
} example;

static float *filled(size_t count, unsigned seed) {
  float *floats = malloc((count + 1) * sizeof *floats);
  assert_non_null(floats);
  uint32_t state = seed * 2654435761u + 1;
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    floats[i] = (float)(int32_t)state * 0x1p-31f;
  }
  return floats;
}

static void compute_expected(example *e, ptrdiff_t b_row, ptrdiff_t b_column) {
  const cnn__matmul *p = &e->product;
  /* Row-major B, whatever the product's own looks like. */
  float *rows = malloc((p->k * p->n + 1) * sizeof *rows);
  assert_non_null(rows);
  for (size_t depth = 0; depth < p->k; depth++)
    for (size_t j = 0; j < p->n; j++)
      rows[depth * p->n + j] = e->b[(ptrdiff_t)depth * b_row + (ptrdiff_t)j * b_column];
  const float *as[] = {p->a}, *bs[] = {rows};
  cnn__kernels_get()->gemm.gemm(&(cnn__gemm){.m = p->m,
                                             .n = p->n,
                                             .k = p->k,
                                             .batch = 1,
                                             .a = as,
                                             .a_row = p->a_row,
                                             .a_depth = p->a_depth,
                                             .b = bs,
                                             .b_row = (ptrdiff_t)p->n,
                                             .b_panel = CNN__PANEL,
                                             .c = e->expected,
                                             .c_row = p->c_row,
                                             .accumulate = p->accumulate,
                                             .bias = p->bias,
                                             .epilogue = p->epilogue});
  free(rows);
}

/* A row by a B whose columns are contiguous, or such a B's transpose by a column: dot products. */
static void compute_expected_dots(example *e, ptrdiff_t b_row, ptrdiff_t b_column) {
  const cnn__matmul *p = &e->product;
  const bool column = p->n == 1;
  float *bias = p->bias ? filled(p->m + p->n, 0) : NULL;
  for (size_t i = 0; bias && i < (column ? p->m : p->n); i++)
    bias[i] = p->bias[column ? 0 : i];
  cnn__kernels_get()->gemm.dots(&(cnn__gemm_rows){.m = 1,
                                                  .n = column ? p->m : p->n,
                                                  .k = p->k,
                                                  .a = column ? e->b : p->a,
                                                  .a_depth = column ? b_row : p->a_depth,
                                                  .b = column ? p->a : e->b,
                                                  .b_stride = column ? p->a_row : b_column,
                                                  .c = e->expected,
                                                  .accumulate = p->accumulate,
                                                  .bias = bias,
                                                  .epilogue = p->epilogue});
  free(bias);
}

static bool are_dots(const cnn__matmul *p) {
  if (p->n == 1) return p->a_depth == 1 && (p->m == 1 || p->c_row == 1);
  return p->m == 1 && p->b && p->b_column != 1;
}

static example make_example(sizes size, unsigned form) {
  const size_t m = size.m, n = size.n, k = size.k;
  const size_t stride = n + (form & C_WITH_GAPS ? 3 : 0);
  const ptrdiff_t b_row = form & B_TRANSPOSED ? 1 : (ptrdiff_t)n;
  const ptrdiff_t b_column = form & B_TRANSPOSED ? (ptrdiff_t)k : 1;
  example e = {.count = m * stride};
  e.a = filled(m * k, 1);
  e.b = filled(k * n, 2);
  e.bias = filled(n, 3);
  e.packed = filled(cnn__gemm_packed_size(k, n), 4);
  e.c0 = filled(e.count, 5);
  e.c = filled(e.count, 6);
  e.expected = filled(e.count, 7);
  cnn__kernels_get()->gemm.pack(k, n, e.b, b_row, b_column, e.packed);
  /* What must not be read would show. */
  for (size_t i = 0; !(form & ACCUMULATE) && i < e.count; i++)
    e.c0[i] = NAN;
  e.product = (cnn__matmul){.m = m,
                            .n = n,
                            .k = k,
                            .a = e.a,
                            .a_row = form & A_TRANSPOSED ? 1 : (ptrdiff_t)k,
                            .a_depth = form & A_TRANSPOSED ? (ptrdiff_t)m : 1,
                            .b = form & B_PACKED ? NULL : e.b,
                            .b_row = b_row,
                            .b_column = b_column,
                            .packed = form & B_PACKED ? e.packed : NULL,
                            .c = e.c,
                            .c_row = (ptrdiff_t)stride,
                            .accumulate = (form & ACCUMULATE) != 0,
                            .bias = form & BIAS ? e.bias : NULL,
                            .epilogue = form & RELU ? CNN__GEMM_RELU : CNN__GEMM_PLAIN};
  memcpy(e.expected, e.c0, e.count * sizeof *e.c0);
  if (are_dots(&e.product))
    compute_expected_dots(&e, b_row, b_column);
  else
    compute_expected(&e, b_row, b_column);
  return e;
}

static void free_example(example *e) {
  free(e->a), free(e->b), free(e->packed), free(e->bias), free(e->c0), free(e->c),
      free(e->expected);
}

static cnn_context *context_of(int64_t threads) {
  cnn_context *context = cnn_context_new(.threads = threads);
  assert_non_null(context);
  return context;
}

/* Runs in exactly the scratch that was asked for, and looks whether it was enough. */
static void run(const example *e, cnn_context *context, sizes planned) {
  enum { CANARY = 64 };
  const size_t slots = cnn__context_slots(context);
  size_t bytes;
  assert_true(cnn__matmul_scratch(planned.m, planned.n, planned.k, slots, &bytes));
  unsigned char *scratch = cnn__alloc(context, bytes + CANARY, "scratch");
  assert_non_null(scratch);
  memset(scratch, 0xff, bytes);
  memset(scratch + bytes, 0xa5, CANARY);
  memcpy(e->c, e->c0, e->count * sizeof *e->c);
  cnn__matmul_run(&e->product, context, scratch);
  for (size_t i = 0; i < CANARY; i++)
    assert_int_equal(scratch[bytes + i], 0xa5);
  cnn__free(context, scratch);
}

static void expect_equal(const example *e, unsigned form) {
  if (memcmp(e->c, e->expected, e->count * sizeof *e->c) == 0) return;
  size_t i = 0;
  while (memcmp(&e->c[i], &e->expected[i], sizeof *e->c) == 0)
    i++;
  fail_msg("m %zu n %zu k %zu form %u: c[%zu] is %.9g, not %.9g", e->product.m, e->product.n,
           e->product.k, form, i, (double)e->c[i], (double)e->expected[i]);
}

static void check_product(cnn_context *context, sizes size, unsigned form) {
  example e = make_example(size, form);
  run(&e, context, size);
  expect_equal(&e, form);
  free_example(&e);
}

static void test_every_form_equals_one_call(void **state) {
  static const sizes list[] = {{1, 1, 1},     {3, 5, 7},     {1, 70, 90}, {2, 33, 321},
                               {17, 16, 15},  {5, 1, 64},    {130, 1, 9}, {16, 65, 65},
                               {24, 130, 70}, {121, 17, 33}, {122, 65, 5}};
  cnn_context *context = context_of(2);
  for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
    for (unsigned form = 0; form < FORMS; form++)
      check_product(context, list[i], form);
  cnn_context_free(context);
}

static void test_products_of_many_blocks_equal_one_call(void **state) {
  static const sizes list[] = {{250, 300, 330},  {123, 257, 641},  {300, 2100, 40}, {1, 1000, 700},
                               {700, 1, 1000},   {4, 700, 650},    {1000, 20, 30},  {257, 130, 129},
                               {130, 260, 1024}, {16, 2100, 40},   {9, 1037, 83},   {257, 64, 300},
                               {1024, 40, 300},  {1100, 100, 600}, {1030, 1032, 24}};
  static const unsigned forms[] = {ACCUMULATE | BIAS | RELU | C_WITH_GAPS, A_TRANSPOSED | BIAS,
                                   B_TRANSPOSED | RELU, B_PACKED | A_TRANSPOSED | BIAS | RELU};
  cnn_context *context = context_of(3);
  for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
    for (size_t j = 0; j < sizeof forms / sizeof forms[0]; j++)
      check_product(context, list[i], forms[j]);
  cnn_context_free(context);
}

static void test_products_of_blocks_for_large_caches_equal_one_call(void **state) {
  static const sizes list[] = {
      {390, 540, 504}, {270, 1030, 260}, {1040, 33, 90}, {300, 200, 600}, {1024, 100, 300}};
  static const unsigned forms[] = {BIAS | RELU, A_TRANSPOSED | B_TRANSPOSED | C_WITH_GAPS};
  cnn_context *contexts[] = {context_of(1), context_of(3)};
  second_level = 2 << 20;
  for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
    for (size_t j = 0; j < 4; j++)
      check_product(contexts[j / 2], list[i], forms[j % 2]);
  second_level = 512 * 1024;
  cnn_context_free(contexts[0]);
  cnn_context_free(contexts[1]);
}

/* Each task packs its own columns of B, for more rows than one block has, or for its own rows all columns. */
static void test_tasks_that_pack_for_themselves_equal_one_call(void **state) {
  static const sizes list[] = {{97, 128, 12},   {121, 200, 5},  {250, 192, 200}, {200, 401, 70},
                               {122, 140, 530}, {128, 530, 1},  {130, 65, 64},   {201, 40, 530},
                               {1600, 33, 27},  {700, 100, 130}};
  static const unsigned forms[] = {BIAS | RELU | C_WITH_GAPS, A_TRANSPOSED | ACCUMULATE,
                                   B_TRANSPOSED | ACCUMULATE | BIAS, A_TRANSPOSED | B_TRANSPOSED};
  cnn_context *contexts[] = {context_of(2), context_of(3)};
  for (second_level = 512 * 1024; second_level <= 2 << 20; second_level *= 4)
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
      for (size_t j = 0; j < sizeof forms / sizeof forms[0]; j++)
        check_product(contexts[(i + j) % 2], list[i], forms[j]);
  second_level = 512 * 1024;
  cnn_context_free(contexts[0]);
  cnn_context_free(contexts[1]);
}

static void test_few_columns_equal_one_call(void **state) {
  static const sizes list[] = {{64, 2, 32},    {65, 4, 64},     {700, 7, 112}, {300, 10, 160},
                               {2050, 3, 400}, {1029, 16, 256}, {90, 8, 700},  {129, 9, 143}};
  static const unsigned forms[] = {0,          B_TRANSPOSED, B_PACKED, C_WITH_GAPS | B_TRANSPOSED,
                                   ACCUMULATE, BIAS,         RELU,     C_WITH_GAPS};
  cnn_context *contexts[] = {context_of(1), context_of(3)};
  for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
    for (size_t j = 0; j < sizeof forms / sizeof forms[0]; j++) {
      check_product(contexts[0], list[i], forms[j] | A_TRANSPOSED);
      check_product(contexts[1], list[i], forms[j] | A_TRANSPOSED);
    }
  /* more rows than all of the scratch holds */
  check_product(contexts[0], (sizes){2100, 16, 256}, A_TRANSPOSED);
  cnn_context_free(contexts[0]);
  cnn_context_free(contexts[1]);
}

/* As for a layer of one unit: of one image, or of a batch, with weights packed or not. */
static void test_a_column_has_the_same_bits_alone_and_among_others(void **state) {
  enum { ROWS = 37, DEPTHS = 203 };
  cnn_context *context = context_of(2);
  for (unsigned form = 0; form <= B_PACKED; form += B_PACKED) {
    example all = make_example((sizes){ROWS, 1, DEPTHS}, form | BIAS);
    example one = make_example((sizes){1, 1, DEPTHS}, form | BIAS);
    run(&all, context, (sizes){ROWS, 1, DEPTHS});
    for (size_t i = 0; i < ROWS; i++) {
      one.product.a = all.a + i * DEPTHS;
      run(&one, context, (sizes){1, 1, DEPTHS});
      assert_memory_equal(one.c, all.c + i, sizeof *one.c);
    }
    free_example(&all);
    free_example(&one);
  }
  cnn_context_free(context);
}

static void test_any_number_of_threads_gives_the_same_bits(void **state) {
  enum { CONTEXTS = 4 };
  static const int64_t threads[CONTEXTS] = {1, 2, 3, 8};
  static const sizes list[] = {{250, 300, 330}, {8, 500, 400}, {1, 2000, 300},  {2000, 64, 64},
                               {64, 64, 64},    {100, 96, 50}, {1030, 1032, 24}};
  cnn_context *contexts[CONTEXTS];
  for (size_t i = 0; i < CONTEXTS; i++)
    contexts[i] = context_of(threads[i]);
  for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
    for (unsigned form = 0; form < ACCUMULATE; form++) {
      example e = make_example(list[i], form | BIAS);
      for (size_t k = 0; k < CONTEXTS; k++) {
        run(&e, contexts[k], list[i]);
        expect_equal(&e, form | BIAS);
      }
      free_example(&e);
    }
  for (size_t i = 0; i < CONTEXTS; i++)
    cnn_context_free(contexts[i]);
}

static void backwards(void *user, size_t tasks, void (*task)(void *argument, size_t i),
                      void *argument) {
  *(size_t *)user += tasks;
  while (tasks-- > 0)
    task(argument, tasks);
}

/* Of a lent executor, which adds to *tasks what it was given. */
static cnn_context *lent_context(size_t *tasks, int64_t threads) {
  const cnn_executor executor = {
      .struct_size = sizeof executor, .user = tasks, .threads = threads, .parallel_for = backwards};
  cnn_context *context = cnn_context_new(.executor = &executor);
  assert_non_null(context);
  return context;
}

static void test_any_order_of_tasks_gives_the_same_bits(void **state) {
  size_t tasks = 0;
  cnn_context *context = lent_context(&tasks, 4);
  check_product(context, (sizes){250, 300, 330}, BIAS);
  check_product(context, (sizes){250, 300, 330}, A_TRANSPOSED | B_PACKED);
  check_product(context, (sizes){4, 700, 650}, B_TRANSPOSED);
  assert_true(tasks > 10); /* it was split at all */
  cnn_context_free(context);
}

/* What many threads pack for themselves is more than what they share otherwise. */
static void test_the_last_of_many_threads_has_scratch(void **state) {
  size_t tasks = 0;
  cnn_context *context = lent_context(&tasks, 14);
  second_level = 2 << 20;
  check_product(context, (sizes){20, 14 * 256, 64}, A_TRANSPOSED);
  second_level = 512 * 1024;
  cnn_context_free(context);
}

static void test_without_depth_only_the_epilogue_runs(void **state) {
  cnn_context *contexts[] = {context_of(1), context_of(2)};
  for (size_t i = 0; i < 2; i++) {
    for (unsigned form = 0; form < FORMS; form++) {
      check_product(contexts[i], (sizes){5, 20, 0}, form);
      check_product(contexts[i], (sizes){5, 1, 0}, form);
      check_product(contexts[i], (sizes){130, 300, 0}, form);
      check_product(contexts[i], (sizes){150, 70, 0}, form);
    }
    cnn_context_free(contexts[i]);
  }
}

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* Of -0, to which products of -0 and perhaps a bias of -0 are added, the ReLU changes nothing: x < 0 ? 0 : x. */
static void check_negative_zeros(const cnn__gemm_kernels *kernels, size_t n, bool biased) {
  enum { ROWS = 8, MOST = 40 };
  const float ones[ROWS] = {1, 1, 1, 1, 1, 1, 1, 1}, *a = ones;
  float zeros[2 * MOST], c[3][ROWS * MOST];
  const float *b = zeros;
  for (size_t j = 0; j < 2 * MOST; j++)
    zeros[j] = -0.f;
  for (size_t i = 0; i < 3 * ROWS * MOST; i++)
    c[i / (ROWS * MOST)][i % (ROWS * MOST)] = -0.f;
  const float *bias = biased ? zeros : NULL;
  for (size_t i = 0; i < 2; i++) /* one row and few */
    kernels->rows(&(cnn__gemm_rows){.m = i == 0 ? 1 : ROWS,
                                    .n = n,
                                    .k = 1,
                                    .a = ones,
                                    .a_row = 1,
                                    .a_depth = 1,
                                    .b = zeros,
                                    .b_stride = MOST,
                                    .c = c[i],
                                    .c_row = MOST,
                                    .accumulate = true,
                                    .bias = bias,
                                    .epilogue = CNN__GEMM_RELU});
  kernels->gemm(&(cnn__gemm){.m = ROWS,
                             .n = n,
                             .k = 1,
                             .batch = 1,
                             .a = &a,
                             .a_row = 1,
                             .a_depth = 1,
                             .b = &b,
                             .b_row = MOST,
                             .b_panel = CNN__PANEL,
                             .c = c[2],
                             .c_row = MOST,
                             .accumulate = true,
                             .bias = bias,
                             .epilogue = CNN__GEMM_RELU});
  for (size_t i = 0; i < 3 * ROWS * MOST; i++)
    assert_int_equal(bits_of(c[i / (ROWS * MOST)][i % (ROWS * MOST)]), bits_of(-0.f));
}

static void test_negative_zeros_stay_under_relu(void **state) {
  for (int isa = 0; isa <= CNN__ISA_NEON; isa++) {
    const cnn__kernels *kernels = cnn__kernels_for((cnn__isa)isa);
    for (size_t n = 1; kernels && n <= 40; n++) {
      check_negative_zeros(&kernels->gemm, n, false);
      check_negative_zeros(&kernels->gemm, n, true);
    }
  }
}

static void test_empty_products_touch_nothing(void **state) {
  cnn_context *context = context_of(1);
  check_product(context, (sizes){0, 20, 5}, BIAS);
  check_product(context, (sizes){20, 0, 5}, BIAS);
  cnn_context_free(context);
}

static void test_scratch_for_a_product_serves_every_smaller_one(void **state) {
  static const sizes planned = {130, 300, 330};
  cnn_context *context = context_of(2);
  for (size_t m = 1; m <= planned.m; m += 43)
    for (size_t n = 1; n <= planned.n; n += 99)
      for (unsigned form = 0; form < ACCUMULATE; form++) {
        example e = make_example((sizes){m, n, 1 + (m * n) % planned.k}, form);
        run(&e, context, planned);
        expect_equal(&e, form);
        free_example(&e);
      }
  cnn_context_free(context);
}

static void test_scratch_that_does_not_fit_a_size_is_refused(void **state) {
  size_t bytes = 7;
  assert_false(cnn__matmul_scratch(100, 100, 100, SIZE_MAX / 8, &bytes));
  assert_int_equal(bytes, 7);
  assert_true(cnn__matmul_scratch(SIZE_MAX / 4, SIZE_MAX / 4, SIZE_MAX / 4, 1024, &bytes));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_form_equals_one_call),
      cmocka_unit_test(test_products_of_many_blocks_equal_one_call),
      cmocka_unit_test(test_products_of_blocks_for_large_caches_equal_one_call),
      cmocka_unit_test(test_tasks_that_pack_for_themselves_equal_one_call),
      cmocka_unit_test(test_few_columns_equal_one_call),
      cmocka_unit_test(test_a_column_has_the_same_bits_alone_and_among_others),
      cmocka_unit_test(test_any_number_of_threads_gives_the_same_bits),
      cmocka_unit_test(test_any_order_of_tasks_gives_the_same_bits),
      cmocka_unit_test(test_the_last_of_many_threads_has_scratch),
      cmocka_unit_test(test_without_depth_only_the_epilogue_runs),
      cmocka_unit_test(test_negative_zeros_stay_under_relu),
      cmocka_unit_test(test_empty_products_touch_nothing),
      cmocka_unit_test(test_scratch_for_a_product_serves_every_smaller_one),
      cmocka_unit_test(test_scratch_that_does_not_fit_a_size_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
