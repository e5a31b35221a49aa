/* Activations and softmax against double precision. */
#include "arrays.h"
#include "ops/activation.h"

static const double ulp = 0x1p-23;

static double sigmoid(double x) {
  return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

static double forward_of(cnn_activation_kind kind, double slope, double x) {
  switch (kind) {
  case CNN_LINEAR:
    return x;
  case CNN_RELU:
    return x < 0 ? 0 : x;
  case CNN_LEAKY_RELU:
    return x < 0 ? slope * x : x;
  case CNN_RELU6:
    return x < 0 ? 0 : x > 6 ? 6 : x;
  case CNN_SIGMOID:
    return sigmoid(x);
  case CNN_TANH:
    return tanh(x);
  case CNN_ELU:
    return x > 0 ? x : slope * expm1(x);
  case CNN_GELU:
    return x * (1 + erf(x / sqrt(2.0))) / 2;
  case CNN_SILU:
    return x * sigmoid(x);
  case CNN_SOFTPLUS:
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
  case CNN_SOFTMAX:
    break;
  }
  return NAN;
}
static double derivative_of(cnn_activation_kind kind, double slope, double x) {
  const double s = sigmoid(x);
  switch (kind) {
  case CNN_LINEAR:
    return 1;
  case CNN_RELU:
    return x > 0;
  case CNN_LEAKY_RELU:
    return x > 0 ? 1 : slope;
  case CNN_RELU6:
    return x > 0 && x < 6;
  case CNN_SIGMOID:
    return s * (1 - s);
  case CNN_TANH:
    return 1 / (cosh(x) * cosh(x));
  case CNN_ELU:
    return x > 0 ? 1 : slope * exp(x);
  case CNN_GELU:
    return (1 + erf(x / sqrt(2.0))) / 2 + x * exp(-x * x / 2) / sqrt(2 * acos(-1.0));
  case CNN_SILU:
    return s + x * s * (1 - s);
  case CNN_SOFTPLUS:
    return s;
  case CNN_SOFTMAX:
    break;
  }
  return NAN;
}

static const cnn_activation_kind kinds[] = {CNN_LINEAR,  CNN_RELU,    CNN_LEAKY_RELU, CNN_RELU6,
                                            CNN_SIGMOID, CNN_TANH,    CNN_ELU,        CNN_GELU,
                                            CNN_SILU,    CNN_SOFTPLUS};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* GELU is small against x on the far left, where 1 + erf cancels: its error is one of x. SiLU far
   on the left multiplies x with a denormal. */
static double forward_slack(cnn_activation_kind kind, double x) {
  return kind == CNN_GELU ? 2 * ulp * fabs(x) : 0x1p-149 * (1 + fabs(x));
}

static void test_every_activation_is_right_within_4_ulp(void **state) {
  enum { COUNT = 20000 };
  for (size_t k = 0; k < KINDS; k++) {
    float *x = random_floats(COUNT, -20, 20), *y = floats(COUNT);
    for (size_t i = 0; i < COUNT; i += 3)
      x[i] = random_in(-1, 1) * (i % 2 ? 1 : 1e-4f);
    x[0] = 0;
    x[1] = -100;
    x[2] = 100;
    x[3] = 1e-40f;
    cnn__activation_forward(contexts[1], kinds[k], 0.3f, COUNT, x, y);
    for (size_t i = 0; i < COUNT; i++)
      expect_near(y[i], forward_of(kinds[k], 0.3f, x[i]), 4 * ulp, forward_slack(kinds[k], x[i]));
    free(x);
    free(y);
  }
}

static void test_every_derivative_is_right(void **state) {
  enum { COUNT = 20000 };
  for (size_t k = 0; k < KINDS; k++) {
    float *x = random_floats(COUNT, -8, 8), *dy = random_floats(COUNT, -2, 2);
    float *y = floats(COUNT), *dx = floats(COUNT);
    cnn__activation_forward(contexts[1], kinds[k], 0.3f, COUNT, x, y);
    cnn__activation_backward(contexts[1], kinds[k], 0.3f, COUNT,
                             cnn__activation_needs_input(kinds[k]) ? x : NULL, y, dy, dx);
    /* From y the derivative cannot be better than y itself: 1 - y cancels near 1. */
    for (size_t i = 0; i < COUNT; i++)
      expect_near(dx[i], dy[i] * derivative_of(kinds[k], 0.3f, x[i]), 8 * ulp,
                  8 * ulp * fabs((double)dy[i]));
    free(x);
    free(y);
    free(dy);
    free(dx);
  }
}

static void test_relu_passes_nan_and_its_gradient_stops_at_zero(void **state) {
  const float x[] = {NAN, -1, -0.0f, 0, 1, INFINITY, -INFINITY}, dy[] = {1, 2, 3, 4, 5, 6, 7};
  float y[7], dx[7];
  cnn__activation_forward(contexts[0], CNN_RELU, 0, 7, x, y);
  assert_true(isnan(y[0]));
  assert_true(y[1] == 0 && y[3] == 0 && y[4] == 1 && isinf(y[5]) && y[6] == 0);
  cnn__activation_backward(contexts[0], CNN_RELU, 0, 7, NULL, y, dy, dx);
  assert_true(dx[1] == 0 && dx[2] == 0 && dx[3] == 0 && dx[4] == 5 && dx[5] == 6 && dx[6] == 0);
}

static void test_nan_stays_in_every_activation(void **state) {
  for (size_t k = 0; k < KINDS; k++) {
    const float x[3] = {1, NAN, -1};
    float y[3];
    cnn__activation_forward(contexts[0], kinds[k], 0.3f, 3, x, y);
    assert_true(isnan(y[1]) && !isnan(y[0]) && !isnan(y[2]));
  }
}

static void test_leaky_relu_with_slope_zero_has_no_gradient_below_zero(void **state) {
  const float x[] = {-3, 2}, dy[] = {1, 1};
  float y[2], dx[2];
  cnn__activation_forward(contexts[0], CNN_LEAKY_RELU, 0, 2, x, y);
  cnn__activation_backward(contexts[0], CNN_LEAKY_RELU, 0, 2, NULL, y, dy, dx);
  assert_true(y[0] == 0 && y[1] == 2 && dx[0] == 0 && dx[1] == 1);
}

static void test_threads_and_working_in_place_change_no_bit(void **state) {
  enum { COUNT = 70001 };
  float *x = random_floats(COUNT, -5, 5), *dy = random_floats(COUNT, -1, 1);
  for (size_t k = 0; k < KINDS; k++) {
    const float *input = cnn__activation_needs_input(kinds[k]) ? x : NULL;
    float *y = floats(COUNT), *dx = floats(COUNT);
    cnn__activation_forward(contexts[0], kinds[k], 0.3f, COUNT, x, y);
    cnn__activation_backward(contexts[0], kinds[k], 0.3f, COUNT, input, y, dy, dx);
    for (size_t c = 1; c < CONTEXTS; c++) {
      float *other_y = copy_of(COUNT, x), *other_dx = copy_of(COUNT, dy);
      cnn__activation_forward(contexts[c], kinds[k], 0.3f, COUNT, other_y, other_y);
      cnn__activation_backward(contexts[c], kinds[k], 0.3f, COUNT, input, y, other_dx, other_dx);
      expect_same(COUNT * sizeof *y, y, other_y);
      expect_same(COUNT * sizeof *dx, dx, other_dx);
      free(other_y);
      free(other_dx);
    }
    free(y);
    free(dx);
  }
  free(x);
  free(dy);
}

static void test_softmax_and_its_gradient_are_right(void **state) {
  for (size_t n = 1; n < 40; n++) {
    enum { ROWS = 7 };
    float *x = random_floats(ROWS * n, -30, 30), *dy = random_floats(ROWS * n, -1, 1);
    float *y = floats(ROWS * n), *dx = floats(ROWS * n);
    cnn__softmax_forward(contexts[1], ROWS, n, x, y);
    cnn__softmax_backward(contexts[1], ROWS, n, y, dy, dx);
    for (size_t row = 0; row < ROWS; row++) {
      const float *p = x + row * n, *q = y + row * n, *d = dy + row * n;
      double max = -INFINITY, sum = 0, dot = 0;
      for (size_t i = 0; i < n; i++)
        max = fmax(max, (double)p[i]);
      for (size_t i = 0; i < n; i++)
        sum += exp(p[i] - max);
      for (size_t i = 0; i < n; i++)
        dot += exp(p[i] - max) / sum * d[i];
      for (size_t i = 0; i < n; i++) {
        const double share = exp(p[i] - max) / sum;
        expect_near(q[i], share, 16 * ulp + fabs(p[i] - max) * ulp / 2, 0);
        expect_near(dx[row * n + i], share * (d[i] - dot), 1e-4, 1e-6 * share);
      }
    }
    free(x);
    free(y);
    free(dy);
    free(dx);
  }
}

static void test_softmax_of_huge_logits_is_finite_and_of_nan_is_nan(void **state) {
  float y[3];
  cnn__softmax_forward(contexts[0], 1, 3, (const float[]){3e38f, -3e38f, 3e38f}, y);
  assert_true(y[0] == 0.5f && y[1] == 0 && y[2] == 0.5f);
  cnn__softmax_forward(contexts[0], 1, 3, (const float[]){1, -INFINITY, 1}, y);
  assert_true(y[0] == 0.5f && y[1] == 0 && y[2] == 0.5f);
  cnn__softmax_forward(contexts[0], 1, 3, (const float[]){1, NAN, 2}, y);
  assert_true(isnan(y[0]) && isnan(y[1]) && isnan(y[2]));
  cnn__softmax_forward(contexts[0], 1, 3, (const float[]){1, INFINITY, 2}, y);
  assert_true(isnan(y[1]));
}

static void test_softmax_has_the_same_bits_for_any_threads(void **state) {
  enum { ROWS = 5000, N = 10 };
  float *x = random_floats(ROWS * N, -9, 9), *y = floats(ROWS * N), *dx = floats(ROWS * N);
  cnn__softmax_forward(contexts[0], ROWS, N, x, y);
  cnn__softmax_backward(contexts[0], ROWS, N, y, x, dx);
  for (size_t c = 1; c < CONTEXTS; c++) {
    float *again = copy_of(ROWS * N, x);
    cnn__softmax_forward(contexts[c], ROWS, N, again, again);
    expect_same(ROWS * N * sizeof *y, y, again);
    cnn__softmax_backward(contexts[c], ROWS, N, again, x, again);
    expect_same(ROWS * N * sizeof *y, dx, again);
    free(again);
  }
  free(x);
  free(y);
  free(dx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_activation_is_right_within_4_ulp),
      cmocka_unit_test(test_every_derivative_is_right),
      cmocka_unit_test(test_relu_passes_nan_and_its_gradient_stops_at_zero),
      cmocka_unit_test(test_nan_stays_in_every_activation),
      cmocka_unit_test(test_leaky_relu_with_slope_zero_has_no_gradient_below_zero),
      cmocka_unit_test(test_threads_and_working_in_place_change_no_bit),
      cmocka_unit_test(test_softmax_and_its_gradient_are_right),
      cmocka_unit_test(test_softmax_of_huge_logits_is_finite_and_of_nan_is_nan),
      cmocka_unit_test(test_softmax_has_the_same_bits_for_any_threads),
  };
  return cmocka_run_group_tests(tests, make_contexts, free_contexts);
}
