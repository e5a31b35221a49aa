#include "check_gemm.h"

#include <math.h>
#include <string.h>

/* Rows of C so many floats apart, 4 KB, have an order of tiles of their own, if chains are long. */
enum { PAGE = 1024, LONG = 128 };

/* A product's strides, and where its elements lie relative to the pointer: [lowest, highest]. */
typedef struct interval {
  ptrdiff_t lowest, highest;
} interval;

static void reach(interval *span, size_t steps, ptrdiff_t stride) {
  const ptrdiff_t far = (ptrdiff_t)steps * stride;
  if (far < 0)
    span->lowest += far;
  else
    span->highest += far;
}

/* Floats for a matrix that reaches over span, none to spare; empty: of no elements at all. */
static size_t extent(interval span, bool empty) {
  return empty ? 0 : (size_t)(span.highest - span.lowest + 1);
}

static interval choose_a(checker *check, cnn__gemm *p) {
  const ptrdiff_t gap = (ptrdiff_t)check_between(check, 0, 5), k = (ptrdiff_t)p->k;
  switch (check_between(check, 0, 5)) {
  case 0: /* near, or each column on lines of its own */
    p->a_row = 1, p->a_depth = (ptrdiff_t)p->m + gap + (check_chance(check, 2) ? 128 : 0);
    break;
  case 1:
    p->a_depth = 2 + gap, p->a_row = p->a_depth * k + 1;
    break;
  case 2:
    p->a_depth = 1, p->a_row = -(k + gap);
    break;
  case 3:
    p->a_depth = -1, p->a_row = check_chance(check, 2) ? 0 : k + gap;
    break;
  default:
    p->dense = p->m % 2 == 0;
    p->a_depth = 1, p->a_row = k + gap + (p->dense ? k / 2 : 0);
    break;
  }
  interval span = {0, 0};
  if (p->m && p->k) {
    reach(&span, p->m - 1, p->a_row);
    reach(&span, p->k - 1, p->a_depth);
  }
  return span;
}

static interval choose_b(checker *check, cnn__gemm *p) {
  const ptrdiff_t gap = (ptrdiff_t)check_between(check, 0, 5);
  const ptrdiff_t depths = (ptrdiff_t)p->k, columns = (ptrdiff_t)p->n;
  switch (check_between(check, 0, 3)) {
  case 0:
    p->b_row = CNN__PANEL, p->b_panel = CNN__PANEL * depths;
    break;
  case 1:
    p->b_row = CNN__PANEL + gap, p->b_panel = p->b_row * depths + gap;
    break;
  default:
    p->b_row = columns + gap, p->b_panel = CNN__PANEL;
    break;
  }
  interval span = {0, 0};
  if (p->n && p->k) {
    const size_t last = p->n - 1;
    reach(&span, p->k - 1, p->b_row);
    /* The last panel may be a single column: the one before it then reaches further right. */
    const ptrdiff_t end =
        (ptrdiff_t)(last / CNN__PANEL) * p->b_panel + (ptrdiff_t)(last % CNN__PANEL);
    const ptrdiff_t before =
        last < CNN__PANEL ? 0 : (ptrdiff_t)(last / CNN__PANEL - 1) * p->b_panel + CNN__PANEL - 1;
    span.highest += end > before ? end : before;
  }
  return span;
}

/* Returns whether rows of C should lie PAGE apart. */
static bool choose_sizes(checker *check, cnn__gemm *p) {
  bool page = check_chance(check, 20);
  p->m = check_size(check, 40);
  p->n = check_size(check, 150);
  p->k = check_size(check, 70);
  if (check_chance(check, 10)) { /* long chains */
    p->m = check_size(check, 8);
    p->n = check_size(check, 20);
    p->k = check_size(check, 700);
  } else if (check_chance(check, 10)) {
    page = true;
    p->m = check_between(check, 0, 50);
    p->n = check_between(check, 0, 300);
    p->k = check_between(check, LONG - 2, LONG + 20);
  }
  p->batch = check_chance(check, 3) ? check_between(check, 0, GEMM_MOST_BATCH) : 1;
  return page;
}

/* One element in double, and what its terms add up to without their signs. */
static double exact(const cnn__gemm *p, float c0, size_t row, size_t column, double *sizes) {
  double sum = (double)c0;
  *sizes = fabs(sum);
  for (size_t i = 0; i < p->batch; i++) {
    for (size_t depth = 0; depth < p->k; depth++) {
      const double a = (double)p->a[i][(ptrdiff_t)row * p->a_row + (ptrdiff_t)depth * p->a_depth];
      const double b =
          (double)p->b[i][(ptrdiff_t)(column / CNN__PANEL) * p->b_panel +
                          (ptrdiff_t)depth * p->b_row + (ptrdiff_t)(column % CNN__PANEL)];
      sum += a * b;
      *sizes += fabs(a * b);
    }
  }
  if (p->bias) {
    sum += (double)p->bias[column];
    *sizes += fabs((double)p->bias[column]);
  }
  if (p->epilogue == CNN__GEMM_RELU6 && sum > 6) return 6;
  return p->epilogue != CNN__GEMM_PLAIN && sum < 0 ? 0 : sum;
}

/* Against float64: a rounding for each step of the chain, two where products round as well, and for what is added. */
static void check_error(checker *check, const cnn__gemm *p, const float *c0, size_t added) {
  const size_t step = p->m * p->n * p->k > 20000 ? 37 : 1;
  const double roundings = (double)(p->batch * p->k * (check->same_bits ? 1 : 2) + added);
  for (size_t i = 0; i < p->m * p->n; i += step) {
    const ptrdiff_t at = (ptrdiff_t)(i / p->n) * p->c_row + (ptrdiff_t)(i % p->n);
    double sizes;
    const double expected = exact(p, p->accumulate ? c0[at] : 0, i / p->n, i % p->n, &sizes);
    const double bound = roundings * (0x1.02p-24 * sizes + 0x1p-149);
    const double error = fabs((double)p->c[at] - expected);
    if (error <= bound) continue;
    check_fail(check, "c[%zu][%zu] is %.9g, exactly %.9g: error %.3g above the bound %.3g",
               i / p->n, i % p->n, (double)p->c[at], expected, error, bound);
    return;
  }
}

static cnn__gemm_epilogue any_epilogue(checker *check) {
  static const cnn__gemm_epilogue all[] = {CNN__GEMM_PLAIN, CNN__GEMM_RELU, CNN__GEMM_RELU6};
  return all[check_between(check, 0, 2)];
}
static const char *epilogue_name(cnn__gemm_epilogue epilogue) {
  static const char *const names[] = {"", " relu", " relu6"};
  return names[epilogue];
}

/* B is packed on the way, as pack does it. What comes next is a hint: any address will do. */
static void run_packing(checker *check, const cnn__gemm *p) {
  const size_t count = cnn__gemm_packed_size(p->k, p->n);
  float *got = check_floats(check, count), *expected = check_floats(check, count);
  check->generic->gemm.pack(p->k, p->n, p->b[0], p->b_row, 1, expected);
  check->tested->gemm.gemm_packing(p, NULL, got);
  check_same(check, "packed", got, expected, count);
}

static void check_product(checker *check) {
  const check_values kind = check_kind(check);
  cnn__gemm p = {.accumulate = check_chance(check, 2), .epilogue = any_epilogue(check)};
  const bool page = choose_sizes(check, &p), upward = check_chance(check, 8);
  const interval a_span = choose_a(check, &p), b_span = choose_b(check, &p);
  p.near = p.n % 2 == 0;
  const float *a[GEMM_MOST_BATCH], *b[GEMM_MOST_BATCH];
  for (size_t i = 0; i < p.batch; i++) {
    a[i] = check_input(check, extent(a_span, !p.m || !p.k), kind) - a_span.lowest;
    b[i] = check_input(check, extent(b_span, !p.n || !p.k), kind) - b_span.lowest;
  }
  p.a = a;
  p.b = b;
  if (check_chance(check, 2)) p.bias = check_input(check, p.n, kind);

  const size_t stride = page ? PAGE : p.n + check_between(check, 0, 20);
  const size_t rows_before = upward && p.m ? (p.m - 1) * stride : 0;
  const size_t count = p.m && p.n ? (p.m - 1) * stride + p.n : 0;
  float *c0 = check_floats(check, count);
  for (size_t i = 0; p.accumulate && i < count; i++)
    if (i % stride < p.n) c0[i] = check_value(check, kind);
  check_seal(c0);
  float *got = check_floats(check, count), *expected = check_floats(check, count);
  memcpy(got, c0, count * sizeof *c0);
  memcpy(expected, c0, count * sizeof *c0);
  p.c_row = upward ? -(ptrdiff_t)stride : (ptrdiff_t)stride;
  const bool packing = p.batch == 1 && p.b_panel == CNN__PANEL && check_chance(check, 2);

  check_case(check,
             "gemm%s m %zu n %zu k %zu batch %zu a_row %td a_depth %td b_row %td b_panel %td c_row "
             "%td%s%s%s kind %d",
             packing ? "_packing" : "", p.m, p.n, p.k, p.batch, p.a_row, p.a_depth, p.b_row,
             p.b_panel, p.c_row, p.accumulate ? " accumulate" : "", p.bias ? " bias" : "",
             epilogue_name(p.epilogue), (int)kind);
  p.c = expected + rows_before;
  check->generic->gemm.gemm(&p);
  p.c = got + rows_before;
  if (packing)
    run_packing(check, &p);
  else
    check->tested->gemm.gemm(&p);

  if (check->same_bits) {
    check_same(check, "c", got, expected, count);
  } else {
    for (size_t i = 0; i < count; i++)
      if (i % stride >= p.n && !check_same_number(got[i], expected[i]))
        check_fail(check, "wrote between rows, at %zu", i);
  }
  if (check_finite(kind)) check_error(check, &p, c0 + rows_before, 1);
}

static void check_pack(checker *check) {
  const size_t k = check_size(check, 70), n = check_size(check, 100);
  const ptrdiff_t gap = (ptrdiff_t)check_between(check, 0, 5);
  ptrdiff_t row, column;
  switch (check_between(check, 0, 3)) {
  case 0:
    row = 1, column = (ptrdiff_t)k + gap;
    break;
  case 1:
    column = 2 + gap, row = column * (ptrdiff_t)n;
    break;
  case 2:
    row = 1, column = -(ptrdiff_t)k - gap;
    break;
  default:
    column = 1, row = (ptrdiff_t)n + gap;
    break;
  }
  interval span = {0, 0};
  if (k && n) {
    reach(&span, k - 1, row);
    reach(&span, n - 1, column);
  }
  const float *b = check_input(check, extent(span, !k || !n), check_kind(check)) - span.lowest;
  const size_t count = cnn__gemm_packed_size(k, n);
  float *got = check_floats(check, count), *expected = check_floats(check, count);
  check_case(check, "pack k %zu n %zu b_row %td b_column %td", k, n, row, column);
  check->generic->gemm.pack(k, n, b, row, column, expected);
  check->tested->gemm.pack(k, n, b, row, column, got);
  check_same(check, "packed", got, expected, count);
  for (size_t i = 0; i < count; i++) {
    const size_t at = i / CNN__PANEL % (k ? k : 1),
                 to = i / (CNN__PANEL * k) * CNN__PANEL + i % CNN__PANEL;
    const float right = to < n ? b[(ptrdiff_t)at * row + (ptrdiff_t)to * column] : 0;
    if (!check_same_number(expected[i], right)) check_fail(check, "generic packs %zu wrongly", i);
  }
}

static void check_pack_a(checker *check) {
  cnn__gemm p = {.m = check_size(check, 40), .k = check_size(check, 70)};
  const interval span = choose_a(check, &p);
  const float *a = check_input(check, extent(span, !p.m || !p.k), check_kind(check)) - span.lowest;
  const size_t to_row = p.k + check_between(check, 0, 20);
  const size_t count = p.m ? (p.m - 1) * to_row + p.k : 0;
  float *got = check_floats(check, count), *expected = check_floats(check, count);
  check_case(check, "pack_a m %zu k %zu a_row %td a_depth %td to_row %zu", p.m, p.k, p.a_row,
             p.a_depth, to_row);
  check->generic->gemm.pack_a(p.m, p.k, a, p.a_row, p.a_depth, expected, to_row);
  check->tested->gemm.pack_a(p.m, p.k, a, p.a_row, p.a_depth, got, to_row);
  check_same(check, "rows", got, expected, count);
  for (size_t row = 0; row < p.m; row++)
    for (size_t depth = 0; depth < p.k; depth++)
      if (!check_same_number(expected[row * to_row + depth],
                             a[(ptrdiff_t)row * p.a_row + (ptrdiff_t)depth * p.a_depth]))
        check_fail(check, "generic packs row %zu, depth %zu wrongly", row, depth);
}

static void check_gather_a(checker *check) {
  const size_t m = check_size(check, 40), k = check_size(check, 70);
  const float *rows = check_input(check, m * k, check_kind(check)), *a[70];
  for (size_t depth = 0; depth < k; depth++) /* in any order, and some several times */
    a[depth] = rows + m * check_between(check, 0, k - 1);
  const size_t to_row = k + check_between(check, 0, 20), count = m ? (m - 1) * to_row + k : 0;
  float *got = check_floats(check, count), *expected = check_floats(check, count);
  check_case(check, "gather_a m %zu k %zu to_row %zu", m, k, to_row);
  check->generic->gemm.gather_a(m, k, a, expected, to_row);
  check->tested->gemm.gather_a(m, k, a, got, to_row);
  check_same(check, "rows", got, expected, count);
  for (size_t row = 0; row < m; row++)
    for (size_t depth = 0; depth < k; depth++)
      if (!check_same_number(expected[row * to_row + depth], a[depth][row]))
        check_fail(check, "generic gathers row %zu, depth %zu wrongly", row, depth);
}

static void view_few_rows(const cnn__gemm_rows *few, const float **b, float *c, cnn__gemm *view) {
  *view = (cnn__gemm){.m = few->m,
                      .n = few->n,
                      .k = few->k,
                      .batch = 1,
                      .a = &few->a,
                      .a_row = few->a_row,
                      .a_depth = few->a_depth,
                      .b = b,
                      .b_row = few->b_stride,
                      .b_panel = CNN__PANEL,
                      .c = c,
                      .c_row = few->c_row,
                      .accumulate = few->accumulate,
                      .bias = few->bias,
                      .epilogue = few->epilogue};
}

/* Few rows of C, but for B, of which runs times run floats are read; C begins the same in both. Returns the floats
   of C, those between its rows included: they are not to be touched. */
static size_t choose_few_rows(checker *check, check_values kind, size_t runs, size_t run,
                              cnn__gemm_rows *p, float **expected) {
  const size_t a_run = p->k ? (p->k - 1) * (size_t)p->a_depth + 1 : 0;
  p->accumulate = check_chance(check, 2);
  p->epilogue = any_epilogue(check);
  p->a_row = (ptrdiff_t)(a_run + check_between(check, 0, 3));
  p->b_stride = (ptrdiff_t)(run + check_between(check, 0, 5));
  p->c_row = (ptrdiff_t)(p->n + check_between(check, 0, 3));
  p->a = check_input(check, p->m && p->k ? (p->m - 1) * (size_t)p->a_row + a_run : 0, kind);
  p->b = check_input(check, runs && run ? (runs - 1) * (size_t)p->b_stride + run : 0, kind);
  if (check_chance(check, 2)) p->bias = check_input(check, p->n, kind);
  const size_t count = p->m ? (p->m - 1) * (size_t)p->c_row + p->n : 0;
  p->c = check_floats(check, count);
  *expected = check_floats(check, count);
  for (size_t j = 0; j < count; j++)
    (*expected)[j] = p->c[j] = check_value(check, kind);
  check_case(check, "few rows m %zu n %zu k %zu a %td, %td b %td c_row %td%s%s%s kind %d", p->m,
             p->n, p->k, p->a_row, p->a_depth, p->b_stride, p->c_row,
             p->accumulate ? " accumulate" : "", p->bias ? " bias" : "", epilogue_name(p->epilogue),
             (int)kind);
  return count;
}

/* The oracle of few rows is the product's; without fused products the same instruction set's. */
static void check_rows(checker *check) {
  cnn__gemm_rows p = {.m = check_chance(check, 2) ? 1 : check_size(check, 40),
                      .n = check_size(check, check_chance(check, 4) ? 3000 : 150),
                      .k = check_size(check, 40),
                      .a_depth = (ptrdiff_t)check_between(check, 1, 3)};
  float *expected;
  const size_t count = choose_few_rows(check, check_kind(check), p.k, p.n, &p, &expected);
  const float *b = p.b;
  cnn__gemm view;
  view_few_rows(&p, &b, expected, &view);
  (check->same_bits ? check->generic : check->tested)->gemm.gemm(&view);
  check->tested->gemm.rows(&p);
  check_same(check, "rows", p.c, expected, count);
}

static void check_dots(checker *check) {
  cnn__gemm_rows p = {.m = 1,
                      .n = check_size(check, 70),
                      .k = check_size(check, check_chance(check, 4) ? 700 : 70),
                      .a_depth = (ptrdiff_t)check_between(check, 1, 3)};
  const check_values kind = check_kind(check);
  float *expected;
  choose_few_rows(check, kind, p.n, p.k, &p, &expected);
  float *c0 = check_floats(check, p.n), *by_rows = check_floats(check, p.k * p.n);
  const float *b = by_rows;
  memcpy(c0, expected, p.n * sizeof *c0);
  for (size_t i = 0; i < p.k * p.n; i++)
    by_rows[i] = p.b[i / p.n + i % p.n * (size_t)p.b_stride];
  check->tested->gemm.dots(&p);
  cnn__gemm view;
  view_few_rows(&p, &b, p.c, &view);
  view.b_row = (ptrdiff_t)p.n;
  if (check_finite(kind)) check_error(check, &view, c0, 2);
  if (!check->same_bits) return;
  const float *got = p.c;
  p.c = expected;
  check->generic->gemm.dots(&p);
  check_same(check, "dots", got, expected, p.n);
}

static void gemm_round(checker *check) {
  const size_t columns = check->tested->gemm.columns;
  if (columns == 0 || columns % CNN__PANEL) check_fail(check, "columns is %zu", columns);
  if (check_chance(check, 4))
    check_pack(check);
  else if (check_chance(check, 5))
    check_pack_a(check);
  else if (check_chance(check, 5))
    check_gather_a(check);
  else if (check_chance(check, 5))
    check_rows(check);
  else if (check_chance(check, 5))
    check_dots(check);
  else
    check_product(check);
}

const check_family check_gemm = {.name = "gemm",
                                 .round = gemm_round,
                                 .bench = gemm_bench,
                                 .planted = gemm_planted,
                                 .planted_count = GEMM_PLANTED};
