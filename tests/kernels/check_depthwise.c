/* The depthwise family: each round runs every kernel on a row of outputs. */
#include "check.h"
#include <math.h>

enum { MOST_TAPS = 5, MOST_CHANNELS = 70, LINE = 16 };

/* Without the same bits, to a share of the largest number. */
static void compare(checker *check, check_values kind, const char *what, const float *got,
                    const float *expected, size_t count) {
  check_close(check, kind, what, got, expected, count, 1e-5);
}

/* A row of outputs, its taps and its weights, at random. */
typedef struct lattice {
  cnn__depthwise_row row;
  size_t height;
  ptrdiff_t x_below, y_below;
  size_t x_span, x_skipped; /* floats of the image; of these, before the first that is read */
  size_t y_span, w_span;
} lattice;

static size_t reach(size_t count, ptrdiff_t step) {
  return count > 0 ? (count - 1) * (size_t)step : 0;
}

/* Channels: any, or whole lines of the cache. Outputs lie beside each other, but not more than that; taps
   as outputs do, or half as far, or anyhow. */
static lattice any_lattice(checker *check, size_t most_rows) {
  lattice of = {.height = check_between(check, 1, most_rows)};
  cnn__depthwise_row *row = &of.row;
  row->outputs = check_between(check, 1, 30);
  row->channels = check_size(check, MOST_CHANNELS);
  if (check_chance(check, 4)) row->channels = LINE * check_between(check, 1, 4);
  row->tap_rows = check_between(check, 0, MOST_TAPS);
  row->tap_columns = check_chance(check, 2) ? 3 : check_between(check, 0, MOST_TAPS);
  const size_t channels = row->channels;
  row->x_column = (ptrdiff_t)(channels + check_between(check, 0, 3));
  row->x_step = row->x_column * (ptrdiff_t)check_between(check, 1, 2);
  if (check_chance(check, 4)) row->x_step += 1;
  row->past_caches = channels % LINE == 0 && check_chance(check, 2);
  const size_t unit = row->past_caches ? LINE : 1;
  row->y_step = (ptrdiff_t)(channels + unit * check_between(check, 0, 3));
  row->x_row = (ptrdiff_t)check_between(check, 0, 200);
  row->w_column = (ptrdiff_t)(channels + check_between(check, 0, 2));
  row->w_row = (ptrdiff_t)reach(row->tap_columns + 1, row->w_column);
  row->lacks_first = row->tap_columns > 0 && check_chance(check, 2);
  row->lacks_last = row->tap_columns > 0 && check_chance(check, 2);
  if (row->outputs == 1 && row->tap_columns == 1) row->lacks_last = false;
  of.x_below = (ptrdiff_t)check_between(check, 0, 100);
  of.y_below =
      (ptrdiff_t)row->outputs * row->y_step + (ptrdiff_t)(unit * check_between(check, 0, 3));
  of.x_span = reach(row->outputs, row->x_step) + reach(row->tap_rows, row->x_row) +
              reach(row->tap_columns, row->x_column) + reach(of.height, of.x_below) + channels;
  if (row->lacks_first && row->tap_rows * of.height == 1 && of.x_span > (size_t)row->x_column)
    of.x_skipped = (size_t)row->x_column;
  of.y_span = reach(row->outputs, row->y_step) + channels;
  of.w_span = reach(row->tap_rows, row->w_row) + reach(row->tap_columns, row->w_column) + channels;
  return of;
}

/* Between the outputs nothing is touched. */
static void compare_row(checker *check, check_values kind, const cnn__depthwise_row *row,
                        size_t outputs, const float *got, const float *expected) {
  const size_t step = (size_t)row->y_step;
  for (size_t i = 0; i < outputs; i++) {
    compare(check, kind, "y", got + i * step, expected + i * step, row->channels);
    if (i + 1 < outputs)
      check_same(check, "gap", got + i * step + row->channels, expected + i * step + row->channels,
                 step - row->channels);
  }
}

/* To be written as the row says. */
static float *any_outputs(checker *check, const cnn__depthwise_row *row, size_t count) {
  const size_t alignment = row->past_caches ? LINE * sizeof(float) : sizeof(float);
  float *y = check_bytes(check, count * sizeof *y, alignment);
  check_poison(y, count);
  return y;
}

static void forward_round(checker *check, check_values kind) {
  lattice of = any_lattice(check, 3);
  const bool with_bias = check_chance(check, 2);
  const float least = check_chance(check, 2) ? 0 : -HUGE_VALF;
  const float most = check_chance(check, 2) ? 6 : HUGE_VALF;
  check_case(check, "%zu rows of %zu outputs, %zu channels, %zux%zu taps%s%s", of.height,
             of.row.outputs, of.row.channels, of.row.tap_rows, of.row.tap_columns,
             of.row.lacks_first ? ", lacks first" : "", of.row.lacks_last ? ", lacks last" : "");
  const float *x = check_input(check, of.x_span - of.x_skipped, kind) - of.x_skipped;
  const float *w = check_input(check, of.w_span, kind);
  const float *bias = with_bias ? check_input(check, of.row.channels, kind) : NULL;
  of.row.new_rows = check_between(check, 0, of.row.tap_rows);
  of.row.down = check_chance(check, 2);
  float *y[2];
  for (int i = 0; i < 2; i++) {
    y[i] = any_outputs(check, &of.row, of.y_span + reach(of.height, of.y_below));
    (i ? check->generic : check->tested)
        ->depthwise.forward(&of.row, of.height, of.x_below, of.y_below, x, w, bias, least, most,
                            y[i]);
  }
  for (ptrdiff_t i = 0; i < (ptrdiff_t)of.height; i++)
    compare_row(check, kind, &of.row, of.row.outputs, y[0] + i * of.y_below, y[1] + i * of.y_below);
}

static void spread_round(checker *check, check_values kind) {
  lattice of = any_lattice(check, 1);
  of.row.tap_columns = 3;
  of.row.lacks_last = false;
  of.row.w_row = 3 * of.row.w_column;
  of.x_span = reach(of.row.outputs + 1, of.row.x_step) + reach(of.row.tap_rows, of.row.x_row) +
              of.row.channels;
  of.y_span = reach(2 * of.row.outputs, of.row.y_step) + of.row.channels;
  of.w_span = reach(of.row.tap_rows, of.row.w_row) + 2 * (size_t)of.row.w_column + of.row.channels;
  check_case(check, "%zu pairs, %zu channels, %zu rows of taps%s", of.row.outputs, of.row.channels,
             of.row.tap_rows, of.row.lacks_first ? ", lacks first" : "");
  const float *x = check_input(check, of.x_span - of.x_skipped, kind) - of.x_skipped;
  const float *w = check_input(check, of.w_span, kind);
  if (check_chance(check, 2)) of.row.x_ahead = (cnn__depthwise_ahead){w, of.w_span};
  float *y[2];
  for (int i = 0; i < 2; i++) {
    y[i] = any_outputs(check, &of.row, of.y_span);
    (i ? check->generic : check->tested)->depthwise.spread(&of.row, x, w, y[i]);
  }
  compare_row(check, kind, &of.row, 2 * of.row.outputs, y[0], y[1]);
}

static void weights_round(checker *check, check_values kind) {
  lattice of = any_lattice(check, 3);
  const size_t channels = of.row.channels;
  const bool with_sums = check_chance(check, 2);
  check_case(check, "%zu rows of %zu outputs, %zu channels, %zux%zu taps%s%s", of.height,
             of.row.outputs, channels, of.row.tap_rows, of.row.tap_columns,
             of.row.lacks_first ? ", lacks first" : "", of.row.lacks_last ? ", lacks last" : "");
  const float *x = check_input(check, of.x_span - of.x_skipped, kind) - of.x_skipped;
  const float *before = check_input(check, of.w_span, kind);
  const float *dy = check_input(check, of.y_span + reach(of.height, of.y_below), kind);
  if (check_chance(check, 2)) of.row.y_ahead = (cnn__depthwise_ahead){dy, of.y_span};
  if (check_chance(check, 3)) of.row.x_ahead = (cnn__depthwise_ahead){before, of.w_span};
  float *dw[2], *sums[2] = {NULL};
  for (int i = 0; i < 2; i++) {
    dw[i] = check_copy(check, before, of.w_span);
    if (with_sums) sums[i] = check_copy(check, before, channels);
    (i ? check->generic : check->tested)
        ->depthwise.weights(&of.row, of.height, of.x_below, of.y_below, x, dy, dw[i], sums[i]);
  }
  compare(check, kind, "dw", dw[0], dw[1], of.w_span);
  if (with_sums) compare(check, kind, "sums", sums[0], sums[1], channels);
}

static void depthwise_round(checker *check) {
  const check_values kind = check_kind(check);
  forward_round(check, kind);
  spread_round(check, kind);
  weights_round(check, kind);
}

typedef struct bench_call {
  const cnn__kernels *kernels;
  cnn__depthwise_row row;
  const float *x, *w;
  float *y;
} bench_call;

static void call_forward(void *argument) {
  bench_call *call = argument;
  call->kernels->depthwise.forward(&call->row, 1, 0, 0, call->x, call->w, NULL, 0, 6, call->y);
}
static void call_spread(void *argument) {
  bench_call *call = argument;
  call->kernels->depthwise.spread(&call->row, call->x, call->w, call->y);
}
static void call_weights(void *argument) {
  bench_call *call = argument;
  call->kernels->depthwise.weights(&call->row, 1, 0, 0, call->x, call->x, call->y, NULL);
}

static void bench_one(check_bench *bench, bench_call *call, const char *name, double outputs,
                      void (*run)(void *)) {
  call->kernels = bench->tested;
  const double seconds = check_seconds(run, call);
  call->kernels = bench->generic;
  check_bench_line(bench, name, 2.0 * 9 * outputs * (double)call->row.channels, seconds,
                   check_seconds(run, call));
}

static void depthwise_bench(check_bench *bench) {
  enum { CHANNELS = 64, OUTPUTS = 12, WIDTH = 2 * OUTPUTS + 2 };
  static float image[3 * WIDTH * CHANNELS], weights[9 * CHANNELS], y[2 * OUTPUTS * CHANNELS];
  bench_call call = {.row = {.outputs = OUTPUTS,
                             .channels = CHANNELS,
                             .tap_rows = 3,
                             .tap_columns = 3,
                             .x_step = CHANNELS,
                             .y_step = CHANNELS,
                             .x_row = WIDTH * CHANNELS,
                             .x_column = CHANNELS,
                             .w_row = 3 * CHANNELS,
                             .w_column = CHANNELS},
                     .x = image,
                     .w = weights,
                     .y = y};
  bench_one(bench, &call, "depthwise 3x3, 12 outputs, 64 channels", OUTPUTS, call_forward);
  bench_one(bench, &call, "depthwise 3x3, input gradient by 2", OUTPUTS, call_spread);
  bench_one(bench, &call, "depthwise 3x3, weight gradient", OUTPUTS, call_weights);
  call.row.x_step = 2 * CHANNELS;
  bench_one(bench, &call, "depthwise 3x3/2, 12 outputs, 64 channels", OUTPUTS, call_forward);
}

static cnn__kernels right;

static void forward_beyond(const cnn__depthwise_row *row, size_t height, ptrdiff_t x_below,
                           ptrdiff_t y_below, const float *x, const float *w, const float *bias,
                           float least, float most, float *y) {
  right.depthwise.forward(row, height, x_below, y_below, x, w, bias, least, most, y);
  y[row->channels + (size_t)(row->y_step * (ptrdiff_t)(row->outputs - 1))] = 0;
}
static void plant_forward(cnn__kernels *table) {
  right = *table;
  table->depthwise.forward = forward_beyond;
}
static void forward_of_all(const cnn__depthwise_row *row, size_t height, ptrdiff_t x_below,
                           ptrdiff_t y_below, const float *x, const float *w, const float *bias,
                           float least, float most, float *y) {
  cnn__depthwise_row other = *row;
  other.lacks_last = false;
  right.depthwise.forward(&other, height, x_below, y_below, x, w, bias, least, most, y);
}
static void plant_edge(cnn__kernels *table) {
  right = *table;
  table->depthwise.forward = forward_of_all;
}
static void spread_of_first(const cnn__depthwise_row *row, const float *x, const float *w,
                            float *y) {
  cnn__depthwise_row other = *row;
  if (other.tap_rows > 1) other.tap_rows--;
  right.depthwise.spread(&other, x, w, y);
}
static void plant_spread(cnn__kernels *table) {
  right = *table;
  table->depthwise.spread = spread_of_first;
}
static void weights_of_first(const cnn__depthwise_row *row, size_t height, ptrdiff_t x_below,
                             ptrdiff_t dy_below, const float *x, const float *dy, float *dw,
                             float *sums) {
  cnn__depthwise_row other = *row;
  if (other.outputs > 1) other.outputs--;
  right.depthwise.weights(&other, height, x_below, dy_below, x, dy, dw, sums);
}
static void plant_weights(cnn__kernels *table) {
  right = *table;
  table->depthwise.weights = weights_of_first;
}

static const check_planted planted[] = {
    {"writes one float beyond the row", plant_forward},
    {"the last output reads a tap that it lacks", plant_edge},
    {"the input's gradient leaves out the last row of taps", plant_spread},
    {"the gradient leaves out the last output", plant_weights},
};

const check_family check_depthwise = {.name = "depthwise",
                                      .round = depthwise_round,
                                      .bench = depthwise_bench,
                                      .planted = planted,
                                      .planted_count = sizeof planted / sizeof planted[0]};
