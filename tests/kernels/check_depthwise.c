/* The depthwise family: each round runs both kernels on a line of outputs. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_TAPS = 12, MOST_CHANNELS = 70 };

static void compare(checker *check, check_values kind, const char *what, const float *got,
                    const float *expected, size_t count) {
  if (check->same_bits) {
    check_same(check, what, got, expected, count);
    return;
  }
  if (!check_finite(kind)) return;
  double most = kind == CHECK_TINY ? 0 : 1; /* sums may cancel: what they are made of counts */
  for (size_t i = 0; i < count; i++)
    most = fmax(most, fabs((double)expected[i]));
  for (size_t i = 0; i < count; i++)
    if (!(fabs((double)got[i] - (double)expected[i]) <= 1e-5 * most + 1e-30)) {
      check_fail(check, "%s[%zu] of %zu is %.9g, generic has %.9g", what, i, count, (double)got[i],
                 (double)expected[i]);
      return;
    }
}

static void depthwise_round(checker *check) {
  const check_values kind = check_kind(check);
  const size_t outputs = check_between(check, 1, 30), channels = check_size(check, MOST_CHANNELS);
  const size_t taps = check_chance(check, 2) ? 9 : check_between(check, 0, MOST_TAPS);
  const size_t x_step = channels * check_between(check, 1, 2);
  const size_t y_step = channels + check_between(check, 0, 3);
  const size_t span = (outputs - 1) * x_step + channels;
  const size_t y_count = (outputs - 1) * y_step + channels;
  check_case(check, "%zu outputs, %zu channels, %zu taps", outputs, channels, taps);
  const float *image = check_input(check, span + taps * channels, kind);
  const float *weights = check_input(check, taps * channels, kind);
  const float *bias = check_chance(check, 3) ? NULL : check_input(check, channels, kind);
  const float *dy = check_input(check, y_count, kind);
  const bool relu = check_chance(check, 2);
  const float *x[MOST_TAPS], *w[MOST_TAPS];
  const bool side_by_side = check_chance(check, 2); /* as outputs are, or half as far */
  for (size_t t = 0; t < taps; t++) {
    x[t] = image + (side_by_side ? t : taps - t) * channels;
    w[t] = weights + t * channels;
  }
  if (taps > 0 && check_chance(check, 4)) /* but for one, which lies elsewhere */
    x[check_between(check, 0, taps - 1)] = image + check_between(check, 0, taps) * channels;
  const cnn__depthwise_line line = {outputs, channels,          taps,
                                    x,       (ptrdiff_t)x_step, (ptrdiff_t)y_step};
  float *y[2], *dw[2];
  for (int i = 0; i < 2; i++) {
    const cnn__depthwise_kernels *kernels = &(i ? check->generic : check->tested)->depthwise;
    float *to[MOST_TAPS];
    y[i] = check_floats(check, y_count);
    dw[i] = check_floats(check, taps * channels);
    memcpy(dw[i], weights, taps * channels * sizeof(float));
    for (size_t t = 0; t < taps; t++)
      to[t] = dw[i] + t * channels;
    kernels->forward(&line, w, bias, relu, y[i]);
    kernels->weights(&line, dy, to);
  }
  for (size_t i = 0; i < outputs; i++)
    compare(check, kind, "y", y[0] + i * y_step, y[1] + i * y_step, channels);
  for (size_t i = 0; i + 1 < outputs; i++) /* between the outputs nothing is touched */
    check_same(check, "gap", y[0] + i * y_step + channels, y[1] + i * y_step + channels,
               y_step - channels);
  compare(check, kind, "dw", dw[0], dw[1], taps * channels);
}

typedef struct bench_call {
  const cnn__kernels *kernels;
  cnn__depthwise_line line;
  const float *w[9];
  float *y;
} bench_call;

static void call_forward(void *argument) {
  bench_call *call = argument;
  call->kernels->depthwise.forward(&call->line, call->w, NULL, true, call->y);
}

static void depthwise_bench(check_bench *bench) {
  enum { CHANNELS = 64, OUTPUTS = 12 };
  static float image[3 * (OUTPUTS + 2) * CHANNELS], weights[9 * CHANNELS], y[OUTPUTS * CHANNELS];
  const float *x[9];
  bench_call call = {.line = {OUTPUTS, CHANNELS, 9, x, CHANNELS, CHANNELS}, .y = y};
  for (size_t t = 0; t < 9; t++) {
    x[t] = image + (t / 3 * (OUTPUTS + 2) + t % 3) * CHANNELS;
    call.w[t] = weights + t * CHANNELS;
  }
  call.kernels = bench->tested;
  const double seconds = check_seconds(call_forward, &call);
  call.kernels = bench->generic;
  check_bench_line(bench, "depthwise 3x3, 12 outputs, 64 channels", 2.0 * 9 * OUTPUTS * CHANNELS,
                   seconds, check_seconds(call_forward, &call));
}

static cnn__kernels right;

static void forward_beyond(const cnn__depthwise_line *line, const float *const *w,
                           const float *bias, bool relu, float *y) {
  right.depthwise.forward(line, w, bias, relu, y);
  y[line->channels + (size_t)(line->y_step * (ptrdiff_t)(line->outputs - 1))] = 0;
}
static void plant_forward(cnn__kernels *table) {
  right = *table;
  table->depthwise.forward = forward_beyond;
}
static void weights_of_first(const cnn__depthwise_line *line, const float *dy, float *const *dw) {
  cnn__depthwise_line other = *line;
  if (other.outputs > 1) other.outputs--;
  right.depthwise.weights(&other, dy, dw);
}
static void plant_weights(cnn__kernels *table) {
  right = *table;
  table->depthwise.weights = weights_of_first;
}

static const check_planted planted[] = {
    {"writes one float beyond the line", plant_forward},
    {"the gradient leaves out the last output", plant_weights},
};

const check_family check_depthwise = {.name = "depthwise",
                                      .round = depthwise_round,
                                      .bench = depthwise_bench,
                                      .planted = planted,
                                      .planted_count = sizeof planted / sizeof planted[0]};
