/* What layers compute, and their gradients, against plain loops in double, over many small geometries: unequal sides, strides,
   dilations, groups, paddings; two threads, several images. */
#include "../../grad/trial.h"
#include "support.h"
#include <math.h>

static cnn_context *context;

static int set_up(void **state) {
  context = cnn_context_new(.threads = 2);
  return context == NULL;
}

static int tear_down(void **state) {
  cnn_context_free(context);
  return 0;
}

static void expect_close(const float *got, const double *want, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!(fabs((double)got[i] - want[i]) <= 1e-5 * (1 + fabs(want[i]))))
      fail_msg("value %zu of %zu is %g, not %g", i, count, (double)got[i], want[i]);
}

/* ---- windows: convolution, depthwise, pooling ---- */

typedef struct geometry {
  size_t in[2];
  int64_t size[2], stride[2], dilation[2];
  bool same;
} geometry;

static const geometry geometries[] = {
    {{5, 7}, {3, 2}, {1, 1}, {1, 1}, false}, {{5, 7}, {3, 2}, {1, 1}, {1, 1}, true},
    {{6, 5}, {2, 3}, {2, 1}, {1, 1}, true},  {{7, 9}, {3, 3}, {2, 3}, {1, 1}, false},
    {{7, 6}, {1, 4}, {3, 2}, {1, 1}, true},  {{8, 9}, {2, 3}, {1, 1}, {3, 2}, false},
    {{8, 9}, {3, 2}, {1, 1}, {2, 3}, true},  {{4, 3}, {4, 3}, {1, 1}, {1, 1}, false},
    {{2, 3}, {5, 4}, {2, 2}, {1, 1}, true},  {{9, 4}, {1, 1}, {4, 2}, {1, 1}, false}};
enum { GEOMETRIES = sizeof geometries / sizeof *geometries };

typedef struct window {
  size_t out[2];
  ptrdiff_t pad[2]; /* before */
} window;

/* Keras's: "same" makes ceil(in / stride), and the odd cell of padding goes behind. */
static window place(const geometry *g) {
  window w;
  for (int i = 0; i < 2; i++) {
    const ptrdiff_t in = (ptrdiff_t)g->in[i], reach = (g->size[i] - 1) * g->dilation[i] + 1;
    const ptrdiff_t out = g->same ? (in - 1) / g->stride[i] + 1 : (in - reach) / g->stride[i] + 1;
    const ptrdiff_t missing = (out - 1) * g->stride[i] + reach - in;
    w.out[i] = (size_t)out;
    w.pad[i] = g->same && missing > 0 ? missing / 2 : 0;
  }
  return w;
}

/* The input's row (axis 0) or column under a cell of the window; -1: padding. */
static ptrdiff_t under(const geometry *g, const window *w, int axis, size_t out, size_t cell) {
  const ptrdiff_t at =
      (ptrdiff_t)out * g->stride[axis] + (ptrdiff_t)cell * g->dilation[axis] - w->pad[axis];
  return at < (ptrdiff_t)g->in[axis] ? at : -1;
}

enum { IMAGES = 3 };

typedef void visit(void *user, size_t out, size_t in, size_t cell, bool inside);

/* Every cell of every window of every image: out counts positions, in counts input's positions. */
static void for_each_cell(const geometry *g, visit *f, void *user) {
  const window w = place(g);
  for (size_t image = 0; image < IMAGES; image++)
    for (size_t y = 0; y < w.out[0]; y++)
      for (size_t x = 0; x < w.out[1]; x++)
        for (size_t i = 0; i < (size_t)g->size[0]; i++)
          for (size_t j = 0; j < (size_t)g->size[1]; j++) {
            const ptrdiff_t row = under(g, &w, 0, y, i), column = under(g, &w, 1, x, j);
            const bool inside = row >= 0 && column >= 0;
            const size_t in =
                inside ? (image * g->in[0] + (size_t)row) * g->in[1] + (size_t)column : 0;
            f(user, (image * w.out[0] + y) * w.out[1] + x, in, i * (size_t)g->size[1] + j, inside);
          }
}

typedef struct sums {
  const op_trial *trial;
  size_t in_channels, out_channels, groups; /* depthwise: groups = in_channels */
  bool depthwise;
  double y[8192], dx[8192], dkernel[8192];
} sums;

static void add_products(void *user, size_t out, size_t in, size_t cell, bool inside) {
  sums *s = user;
  if (!inside) return;
  const size_t inputs = s->in_channels / s->groups, outputs = s->out_channels / s->groups;
  for (size_t o = 0; o < s->out_channels; o++)
    for (size_t c = 0; c < inputs; c++) {
      const size_t x = in * s->in_channels + o / outputs * inputs + c,
                   y = out * s->out_channels + o;
      const size_t k =
          s->depthwise ? cell * s->out_channels + o : (cell * inputs + c) * s->out_channels + o;
      const double value = (double)s->trial->input[0][x],
                   weight = (double)s->trial->parameter[0][k];
      const double upstream = s->trial->upstream ? (double)s->trial->upstream[y] : 0;
      s->y[y] += value * weight;
      s->dx[x] += upstream * weight;
      s->dkernel[k] += upstream * value;
    }
}

static void check_products(cnn_layer *layer, const geometry *g, size_t channels, size_t outputs,
                           size_t groups, bool depthwise, bool bias) {
  static sums s;
  static op_trial trial;
  const trial_setup setup = {.layer = layer,
                             .images = IMAGES,
                             .training = true,
                             .input = {image(g->in[0], g->in[1], channels)}};
  if (layer == NULL) fail_msg("%s", cnn_last_error());
  trial_start(&trial, context, &setup);
  trial_fill(trial.input[0], trial.input_count[0], 1, 1);
  trial_fill(trial.parameter[0], trial.parameter_count[0], 2, 1);
  if (bias) trial_fill(trial.parameter[1], trial.parameter_count[1], 3, 1);
  trial_fill(trial.upstream, trial.output_count, 4, 1);
  s = (sums){&trial, channels, outputs, groups, depthwise, {0}, {0}, {0}};
  double dbias[64] = {0};
  const window w = place(g);
  assert_int_equal(trial.output_count, IMAGES * w.out[0] * w.out[1] * outputs);
  for (size_t i = 0; i < trial.output_count; i++) {
    if (bias) s.y[i] = (double)trial.parameter[1][i % outputs];
    dbias[i % outputs] += (double)trial.upstream[i];
  }
  for_each_cell(g, add_products, &s);
  trial_forward(&trial);
  expect_close(trial.run.output, s.y, trial.output_count);
  trial_backward(&trial);
  expect_close(trial.run.input_gradient[0], s.dx, trial.input_count[0]);
  expect_close(trial.run.parameter_gradient[0], s.dkernel, trial.parameter_count[0]);
  if (bias) expect_close(trial.run.parameter_gradient[1], dbias, outputs);
  trial_end(&trial);
  cnn_layer_free(layer);
}

static void test_convolutions(void **state) {
  static const size_t channels[][3] = {{1, 3, 1}, {4, 6, 2}, {3, 2, 1}, {6, 9, 3}, {8, 8, 1}};
  for (size_t i = 0; i < GEOMETRIES; i++)
    for (size_t k = 0; k < 5; k++) {
      const geometry *g = &geometries[i];
      const size_t *c = channels[k];
      check_products(cnn_conv2d(.filters = (int64_t)c[1], .kernel = {g->size[0], g->size[1]},
                                .stride = {g->stride[0], g->stride[1]},
                                .dilation = {g->dilation[0], g->dilation[1]}, .padding = g->same,
                                .groups = (int64_t)c[2], .no_bias = k % 2),
                     g, c[0], c[1], c[2], false, k % 2 == 0);
    }
}

static void test_depthwise_convolutions(void **state) {
  for (size_t i = 0; i < GEOMETRIES; i++)
    for (size_t k = 0; k < 6; k++) {
      const geometry *g = &geometries[i];
      const size_t channels = (size_t[]){1, 5, 8, 3, 16, 2}[k], multiplier = 1 + k % 3;
      check_products(cnn_depthwise_conv2d(.multiplier = (int64_t)multiplier,
                                          .kernel = {g->size[0], g->size[1]},
                                          .stride = {g->stride[0], g->stride[1]},
                                          .dilation = {g->dilation[0], g->dilation[1]},
                                          .padding = g->same, .no_bias = k % 2),
                     g, channels, channels * multiplier, channels, true, k % 2 == 0);
    }
}

typedef struct pools {
  const op_trial *trial;
  size_t channels;
  double best[2048], sum[2048], count[2048], dx_average[2048];
  size_t where[2048];
} pools;

static void pool_cell(void *user, size_t out, size_t in, size_t cell, bool inside) {
  pools *p = user;
  for (size_t c = 0; inside && c < p->channels; c++) {
    const size_t y = out * p->channels + c, x = in * p->channels + c;
    const double value = (double)p->trial->input[0][x];
    if (p->count[y] == 0 || value > p->best[y]) {
      p->best[y] = value;
      p->where[y] = x;
    }
    p->sum[y] += value;
    p->count[y]++;
  }
}

static void spread_cell(void *user, size_t out, size_t in, size_t cell, bool inside) {
  pools *p = user;
  for (size_t c = 0; inside && c < p->channels; c++) {
    const size_t y = out * p->channels + c;
    p->dx_average[in * p->channels + c] += (double)p->trial->upstream[y] / p->count[y];
  }
}

/* Padding is not counted in an average, and never the largest. */
static void check_pooling(cnn_layer *layer, const geometry *g, size_t channels, bool maximum) {
  static pools p;
  static op_trial trial;
  const trial_setup setup = {.layer = layer,
                             .images = IMAGES,
                             .training = true,
                             .input = {image(g->in[0], g->in[1], channels)}};
  if (layer == NULL) fail_msg("%s", cnn_last_error());
  trial_start(&trial, context, &setup);
  memset(&p, 0, sizeof p);
  p.trial = &trial;
  p.channels = channels;
  trial_fill_apart(trial.input[0], trial.input_count[0], 1, 0.01f);
  trial_fill(trial.upstream, trial.output_count, 2, 1);
  for_each_cell(g, pool_cell, &p);
  for_each_cell(g, spread_cell, &p);
  double dx[2048] = {0};
  for (size_t i = 0; i < trial.output_count; i++) {
    dx[p.where[i]] += (double)trial.upstream[i];
    p.sum[i] /= p.count[i];
  }
  trial_forward(&trial);
  expect_close(trial.run.output, maximum ? p.best : p.sum, trial.output_count);
  trial_backward(&trial);
  expect_close(trial.run.input_gradient[0], maximum ? dx : p.dx_average, trial.input_count[0]);
  trial_end(&trial);
  cnn_layer_free(layer);
}

static void test_pooling(void **state) {
  static const size_t channels[] = {1, 3, 8};
  for (size_t i = 0; i < GEOMETRIES; i++)
    for (size_t k = 0; k < 3; k++) {
      const geometry *g = &geometries[i];
      if (g->dilation[0] != 1 || g->dilation[1] != 1) continue;
      check_pooling(cnn_max_pool2d(.pool = {g->size[0], g->size[1]},
                                   .stride = {g->stride[0], g->stride[1]}, .padding = g->same),
                    g, channels[k], true);
      check_pooling(cnn_average_pool2d(.pool = {g->size[0], g->size[1]},
                                       .stride = {g->stride[0], g->stride[1]}, .padding = g->same),
                    g, channels[k], false);
    }
}

/* ---- copies and sums ---- */

static void test_zero_padding(void **state) {
  for (int sides = 0; sides < 81; sides++) { /* 0, 1 or 3 rows and columns on each side */
    static const int64_t wide[] = {0, 1, 3};
    const int64_t top = wide[sides % 3], bottom = wide[sides / 3 % 3], left = wide[sides / 9 % 3],
                  right = wide[sides / 27];
    if (top + bottom + left + right == 0) continue;
    cnn_layer *layer =
        cnn_zero_padding2d(.top = top, .bottom = bottom, .left = left, .right = right);
    const trial_setup setup = {
        .layer = layer, .images = IMAGES, .training = true, .input = {image(4, 3, 2)}};
    if (layer == NULL) fail_msg("%s", cnn_last_error());
    op_trial trial;
    trial_start(&trial, context, &setup);
    trial_fill(trial.input[0], trial.input_count[0], 1, 1);
    trial_fill(trial.upstream, trial.output_count, 2, 1);
    trial_forward(&trial);
    const size_t rows = (size_t)(top + 4 + bottom), columns = (size_t)(left + 3 + right);
    float gradient[IMAGES * 4 * 3 * 2];
    assert_int_equal(trial.output_count, IMAGES * rows * columns * 2);
    for (size_t i = 0; i < trial.output_count; i++) {
      const size_t c = i % 2, n = i / 2 / columns / rows;
      const int64_t x = (int64_t)(i / 2 % columns) - left,
                    y = (int64_t)(i / 2 / columns % rows) - top;
      const bool inside = x >= 0 && x < 3 && y >= 0 && y < 4;
      const size_t from = inside ? ((n * 4 + (size_t)y) * 3 + (size_t)x) * 2 + c : 0;
      assert_true(trial.run.output[i] == (inside ? trial.input[0][from] : 0));
      if (inside) gradient[from] = trial.upstream[i];
    }
    trial_backward(&trial);
    assert_memory_equal(trial.run.input_gradient[0], gradient, sizeof gradient);
    trial_end(&trial);
    cnn_layer_free(layer);
  }
}

static void check_joining(const cnn__shape *shapes, size_t inputs) {
  cnn_layer *layer = cnn_concatenate();
  trial_setup setup = {.layer = layer, .images = IMAGES, .inputs = inputs, .training = true};
  size_t total = 0, columns[4];
  for (size_t i = 0; i < inputs; i++) {
    setup.input[i] = shapes[i];
    columns[i] = shapes[i].dim[shapes[i].rank - 1];
    total += columns[i];
  }
  op_trial trial;
  trial_start(&trial, context, &setup);
  for (size_t i = 0; i < inputs; i++)
    trial_fill(trial.input[i], trial.input_count[i], i + 1, 1);
  trial_fill(trial.upstream, trial.output_count, 9, 1);
  for (int backward = 0; backward < 2; backward++) {
    backward ? trial_backward(&trial) : trial_forward(&trial);
    for (size_t i = 0, first = 0; i < inputs; first += columns[i++])
      for (size_t k = 0; k < trial.input_count[i]; k++) {
        const size_t to = k / columns[i] * total + first + k % columns[i];
        if (backward)
          assert_true(trial.run.input_gradient[i][k] == trial.upstream[to]);
        else
          assert_true(trial.run.output[to] == trial.input[i][k]);
      }
  }
  trial_end(&trial);
  cnn_layer_free(layer);
}

static void test_concatenation(void **state) {
  check_joining((cnn__shape[]){image(2, 3, 4), image(2, 3, 1), image(2, 3, 7)}, 3);
  check_joining((cnn__shape[]){image(3, 2, 1), image(3, 2, 1)}, 2);
  check_joining((cnn__shape[]){vector_of(5), vector_of(2), vector_of(1), vector_of(9)}, 4);
  check_joining((cnn__shape[]){{2, {4, 3}}, {2, {4, 6}}}, 2);
}

static void test_sums(void **state) {
  for (size_t inputs = 2; inputs <= 4; inputs++) {
    cnn_layer *layer = cnn_add();
    trial_setup setup = {.layer = layer, .images = IMAGES, .inputs = inputs, .training = true};
    for (size_t i = 0; i < inputs; i++)
      setup.input[i] = image(3, 5, 7);
    op_trial trial;
    trial_start(&trial, context, &setup);
    for (size_t i = 0; i < inputs; i++)
      trial_fill(trial.input[i], trial.input_count[i], i + 1, 1);
    trial_fill(trial.upstream, trial.output_count, 9, 1);
    double sum[IMAGES * 105] = {0}, upstream[IMAGES * 105];
    for (size_t k = 0; k < trial.output_count; k++) {
      for (size_t i = 0; i < inputs; i++)
        sum[k] += (double)trial.input[i][k];
      upstream[k] = (double)trial.upstream[k];
    }
    trial_forward(&trial);
    expect_close(trial.run.output, sum, trial.output_count);
    trial_backward(&trial);
    for (size_t i = 0; i < inputs; i++)
      expect_close(trial.run.input_gradient[i], upstream, trial.output_count);
    trial_end(&trial);
    cnn_layer_free(layer);
  }
}

/* ---- parameters ---- */

static void expect_fans(cnn_layer *layer, cnn__shape input, size_t in, size_t out) {
  cnn__layer_spec spec;
  if (infer(layer, input, &spec) != CNN_OK) fail_msg("%s", cnn_last_error());
  assert_int_equal(spec.parameters[0].fan_in, in);
  assert_int_equal(spec.parameters[0].fan_out, out);
  const cnn__parameter_spec *bias = &spec.parameters[spec.parameter_count - 1];
  if (spec.parameter_count == 2) {
    assert_int_equal(bias->shape.rank, 1);
    assert_int_equal(bias->shape.dim[0], spec.output.dim[spec.output.rank - 1]);
    assert_int_equal(bias->fan_in, bias->shape.dim[0]);
    assert_int_equal(bias->fan_out, bias->shape.dim[0]);
  }
  cnn_layer_free(layer);
}

static void test_fans_of_unequal_sides(void **state) {
  const cnn__shape input = image(8, 9, 6);
  expect_fans(cnn_conv2d(.filters = 4, .kernel = {3, 2}), input, 36, 24);
  expect_fans(cnn_conv2d(.filters = 4, .kernel = {5, 1}, .groups = 2, .no_bias = 1), input, 15, 20);
  expect_fans(cnn_depthwise_conv2d(.kernel = {3, 2}, .multiplier = 5), input, 36, 30);
  expect_fans(cnn_depthwise_conv2d(.kernel = {1, 7}, .no_bias = 1), input, 42, 7);
  expect_fans(cnn_dense(.units = 11), vector_of(7), 7, 11);
  expect_fans(cnn_dense(.units = 11), input, 6, 11);
}

/* One float fewer than memory can have; one more. */
static void test_the_largest_shapes_are_exact(void **state) {
  const size_t most = PTRDIFF_MAX / sizeof(float);
  cnn_layer *flatten = cnn_flatten(), *joined = cnn_concatenate(),
            *padded = cnn_zero_padding2d(.top = 1, .bottom = 1, .left = 1, .right = 1);
  cnn__layer_spec spec;
  const cnn__shape fits[] = {vector_of(most - 3), vector_of(3)};
  const cnn__shape too_large[] = {vector_of(most - 3), vector_of(4)};
  assert_int_equal(infer(flatten, image(1, 1, most), &spec), CNN_OK);
  assert_int_equal(cnn__layer_infer(joined, "j", 2, fits, &spec), CNN_OK);
  assert_int_equal(spec.output.dim[0], most);
  assert_error(CNN_E_LIMIT, cnn__layer_infer(joined, "j", 2, too_large, &spec), "exceeds memory");
  assert_int_equal(infer(padded, image(1, 1, most / 9), &spec), CNN_OK);
  assert_error(CNN_E_LIMIT, infer(padded, image(1, 1, most / 9 + 1), &spec), "exceeds memory");
  cnn_layer_free(flatten);
  cnn_layer_free(joined);
  cnn_layer_free(padded);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_convolutions),
      cmocka_unit_test(test_depthwise_convolutions),
      cmocka_unit_test(test_pooling),
      cmocka_unit_test(test_zero_padding),
      cmocka_unit_test(test_concatenation),
      cmocka_unit_test(test_sums),
      cmocka_unit_test(test_fans_of_unequal_sides),
      cmocka_unit_test(test_the_largest_shapes_are_exact),
  };
  return cmocka_run_group_tests_name("layers_values", tests, set_up, tear_down);
}
