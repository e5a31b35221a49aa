/* The elementwise family: each round runs every kernel on one shape and one kind of values. */
#include "check.h"
#include "elementwise_runners.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 60, MOST_COLUMNS = 100, MOST_ALONE = 5000 };

/* Two runs of one sample: 0 is generic's. */
typedef struct pair {
  sample samples[2];
  const float *seeds[RUNNER_OUTPUTS]; /* what outputs begin as */
  size_t count, sums;
  double magnitude; /* of products of two values: what a bound is relative to */
  double slack;     /* of sums of as many, weighted */
} pair;

/* Larger than one most often: activations and exponentials have their edges there. */
static const float *values(checker *check, size_t count, check_values kind, float scale) {
  float *x = check_floats(check, count);
  for (size_t i = 0; i < count; i++)
    x[i] = check_value(check, kind) * scale;
  return check_seal(x);
}

static pair make_pair(checker *check, check_values kind) {
  static const float scales[] = {1, 3, 10, 110};
  const bool alone = check_chance(check, 4);
  const size_t rows = alone ? 1 : check_size(check, MOST_ROWS);
  const size_t columns = check_size(check, alone ? MOST_ALONE : MOST_COLUMNS);
  const float scale = scales[check_between(check, 0, 3)];
  pair p = {.count = rows * columns,
            .sums = columns + (columns == 0),
            .magnitude = (double)scale * (double)scale,
            .slack = 0x1p-23 * pow((double)scale, 3) * sqrt((double)(rows * columns))};
  for (size_t i = 0; i < RUNNER_OUTPUTS; i++)
    p.seeds[i] = values(check, p.count, kind, scale);
  sample s = {.rows = rows, .columns = columns};
  for (size_t i = 0; i < RUNNER_INPUTS; i++)
    s.in[i] = values(check, p.count, kind, scale);
  for (size_t which = 0; which < 2; which++) {
    for (size_t i = 0; i < RUNNER_OUTPUTS; i++)
      s.out[i] = check_floats(check, p.count);
    for (size_t i = 0; i < RUNNER_SUMS; i++)
      s.sums[i] = check_bytes(check, p.sums * sizeof(double), sizeof(double));
    p.samples[which] = s;
  }
  return p;
}

static void run(const pair *p, size_t which, const elementwise_runner *runner,
                const cnn__kernels *kernels) {
  const sample *s = &p->samples[which];
  for (size_t i = 0; i < RUNNER_OUTPUTS; i++)
    memcpy(s->out[i], p->seeds[i], p->count * sizeof(float));
  for (size_t i = 0; i < RUNNER_SUMS; i++)
    for (size_t j = 0; j < p->sums; j++)
      s->sums[i][j] = (double)j;
  runner->run(&kernels->elementwise, s);
}

static bool near(double got, double expected, double bound, double magnitude) {
  if (isnan(got) || isnan(expected)) return isnan(got) && isnan(expected);
  if (bound < 0) return got == expected && !signbit(got) == !signbit(expected);
  if (got == expected) return true;
  return fabs(got - expected) <= bound * fmax(magnitude, fabs(expected));
}

/* Terms of a sum may cancel: what is left has the roundings of all, each of a product and its weight. */
static void compare_sums(checker *check, const char *name, const double *got,
                         const double *expected, const pair *p, double bound) {
  for (size_t i = 0; i < p->sums; i++)
    if (!near(got[i], expected[i], bound, p->magnitude) &&
        !(bound >= 0 && fabs(got[i] - expected[i]) <= p->slack)) {
      check_fail(check, "%s: sum %zu of %zu is %.17g, generic has %.17g", name, i, p->sums, got[i],
                 expected[i]);
      return;
    }
}

static void compare(checker *check, const pair *p, const elementwise_runner *runner) {
  const double bound = check->same_bits ? -1 : runner->bound;
  const sample *expected = &p->samples[0], *got = &p->samples[1];
  for (size_t i = 0; i < RUNNER_OUTPUTS; i++) {
    if (bound < 0) {
      check_same(check, runner->name, got->out[i], expected->out[i], p->count);
      continue;
    }
    for (size_t j = 0; j < p->count; j++)
      if (!near(got->out[i][j], expected->out[i][j], bound, p->magnitude)) {
        check_fail(check, "%s: output %zu[%zu] is %.9g, generic has %.9g", runner->name, i, j,
                   (double)got->out[i][j], (double)expected->out[i][j]);
        break;
      }
  }
  for (size_t i = 0; i < RUNNER_SUMS; i++)
    compare_sums(check, runner->name, got->sums[i], expected->sums[i], p, bound);
}

static void check_round(checker *check) {
  const check_values kind = check_kind(check);
  const pair p = make_pair(check, kind);
  for (size_t i = 0; i < elementwise_runner_count; i++) {
    const elementwise_runner *runner = &elementwise_runners[i];
    /* Rounding twice has no bound where sums overflow. */
    if (!check->same_bits && runner->bound >= 0 && !check_finite(kind)) continue;
    check_case(check, "%s of %zu x %zu, values of kind %d", runner->name, p.samples[0].rows,
               p.samples[0].columns, (int)kind);
    run(&p, 0, runner, check->generic);
    run(&p, 1, runner, check->tested);
    compare(check, &p, runner);
  }
}

/* Bugs to be found. */
static void relu_without_its_end(size_t count, float slope, const float *x, float *y) {
  for (size_t i = 0; i + 1 < count; i++)
    y[i] = x[i] < 0 ? 0 : x[i];
}
static void relu_that_loses_nan(size_t count, float slope, const float *x, float *y) {
  for (size_t i = 0; i < count; i++)
    y[i] = x[i] > 0 ? x[i] : 0;
}
static void add_past_the_end(size_t count, const float *a, const float *b, float *y) {
  for (size_t i = 0; i < count; i++)
    y[i] = a[i] + b[i];
  y[count] = 0;
}
static void axpy_rounded_twice(size_t count, float a, const float *x, float *y) {
  for (size_t i = 0; i < count; i++)
    y[i] = a * x[i] + y[i];
}
static void softmax_backward_in_one_chain(size_t rows, size_t n, const float *y, const float *dy,
                                          float *dx) {
  for (size_t row = 0; row < rows; row++, y += n, dy += n, dx += n) {
    float sum = 0;
    for (size_t i = 0; i < n; i++)
      sum = fmaf(y[i], dy[i], sum);
    for (size_t i = 0; i < n; i++)
      dx[i] = y[i] * (dy[i] - sum);
  }
}
static void (*right_products)(size_t rows, size_t columns, const float *x, const float *mean,
                              const float *dy, const cnn__normalization_gate *gate, double *sums,
                              double *products);
static void normalize_a_row_too_few(size_t rows, size_t columns, const float *x, const float *mean,
                                    const float *scale, const float *offset, float least,
                                    float most, float *y) {
  for (size_t i = 0; i + columns < rows * columns; i++)
    y[i] =
        fminf(fmaxf(fmaf(x[i] - mean[i % columns], scale[i % columns], offset[i % columns]), least),
              most);
}
static void products_behind_no_gate(size_t rows, size_t columns, const float *x, const float *mean,
                                    const float *dy, const cnn__normalization_gate *gate,
                                    double *sums, double *products) {
  (void)gate;
  right_products(rows, columns, x, mean, dy, NULL, sums, products);
}
static void plant_relu_end(cnn__kernels *table) {
  table->elementwise.activation.relu.forward = relu_without_its_end;
}
static void plant_relu_nan(cnn__kernels *table) {
  table->elementwise.activation.relu.forward = relu_that_loses_nan;
}
static void plant_add(cnn__kernels *table) {
  table->elementwise.arithmetic.add = add_past_the_end;
}
static void plant_axpy(cnn__kernels *table) {
  table->elementwise.arithmetic.axpy = axpy_rounded_twice;
}
static void plant_order(cnn__kernels *table) {
  table->elementwise.activation.softmax_backward = softmax_backward_in_one_chain;
}
static void plant_normalize(cnn__kernels *table) {
  table->elementwise.normalization.normalize = normalize_a_row_too_few;
}
static void plant_gate(cnn__kernels *table) {
  right_products = table->elementwise.normalization.column_products;
  table->elementwise.normalization.column_products = products_behind_no_gate;
}
static const check_planted planted[] = {
    {"ReLU without its last element", plant_relu_end},
    {"ReLU that makes NaN zero", plant_relu_nan},
    {"a sum of arrays that writes past the end", plant_add},
    {"axpy without a fused multiply-add", plant_axpy},
    {"a sum in another order", plant_order},
    {"normalisation without its last row", plant_normalize},
    {"a gradient that passes where the activation is flat", plant_gate},
};

/* Speeds, in elements a nanosecond. */
typedef struct timing {
  const elementwise_runner *runner;
  const cnn__kernels *kernels;
  sample sample;
} timing;
static void run_timing(void *argument) {
  const timing *of = argument;
  of->runner->run(&of->kernels->elementwise, &of->sample);
}

static void bench(check_bench *bench) {
  enum { ROWS = 64, COLUMNS = 256, COUNT = ROWS * COLUMNS };
  const size_t arrays = RUNNER_INPUTS + RUNNER_OUTPUTS;
  float *memory = calloc(arrays * COUNT, sizeof *memory);
  double *sums = calloc(RUNNER_SUMS * COUNT, sizeof *sums);
  if (memory && sums) {
    timing tested = {.kernels = bench->tested, .sample = {.rows = ROWS, .columns = COLUMNS}};
    for (size_t i = 0; i < arrays * COUNT; i++)
      memory[i] = (float)(i * 7919 % 1000) / 500 - 1;
    for (size_t i = 0; i < RUNNER_INPUTS; i++)
      tested.sample.in[i] = memory + i * COUNT;
    for (size_t i = 0; i < RUNNER_OUTPUTS; i++)
      tested.sample.out[i] = memory + (RUNNER_INPUTS + i) * COUNT;
    for (size_t i = 0; i < RUNNER_SUMS; i++)
      tested.sample.sums[i] = sums + i * COUNT;
    for (size_t i = 0; i < elementwise_runner_count; i++) {
      tested.runner = &elementwise_runners[i];
      timing generic = tested;
      generic.kernels = bench->generic;
      char name[64];
      snprintf(name, sizeof name, "%s (1 an element)", tested.runner->name);
      check_bench_line(bench, name, COUNT, check_seconds(run_timing, &tested),
                       check_seconds(run_timing, &generic));
    }
  }
  free(memory);
  free(sums);
}

const check_family check_elementwise = {"elementwise", check_round, bench, planted,
                                        sizeof planted / sizeof planted[0]};
