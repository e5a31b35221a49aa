/* Batch normalisation against double precision. */
#include "arrays.h"
#include "ops/activation.h"
#include "ops/normalization.h"

typedef struct results {
  float *mean, *variance, *y, *dgamma, *dbeta, *dx, *frozen_dx;
} results;

typedef struct problem {
  size_t rows, channels;
  float *x, *dy, *gamma, *beta;
} problem;

static const float epsilon = 1e-3f;

/* Channels of very different means: what a sum of squares without care would lose. */
static problem make_problem(size_t rows, size_t channels) {
  problem p = {rows,
               channels,
               random_floats(rows * channels, -1, 1),
               random_floats(rows * channels, -1, 1),
               random_floats(channels, 0.5, 2),
               random_floats(channels, -1, 1)};
  for (size_t i = 0; i < rows * channels; i++)
    p.x[i] += (float)(i % channels % 5) * 100;
  return p;
}
static void free_problem(problem *p) {
  free(p->x);
  free(p->dy);
  free(p->gamma);
  free(p->beta);
}

static cnn__batch_norm norm_of(const problem *p, bool affine, cnn_activation_kind activation) {
  return (cnn__batch_norm){.rows = p->rows,
                           .channels = p->channels,
                           .epsilon = epsilon,
                           .gamma = affine ? p->gamma : NULL,
                           .beta = affine ? p->beta : NULL,
                           .activation = activation};
}

static results run_all(const problem *p, cnn_context *context, bool affine) {
  const size_t rows = p->rows, channels = p->channels, count = rows * channels;
  const cnn__batch_norm norm = norm_of(p, affine, CNN_LINEAR);
  results r = {floats(channels), floats(channels), floats(count), floats(channels),
               floats(channels), floats(count),    floats(count)};
  size_t bytes;
  assert_true(cnn__batch_norm_scratch(rows, channels, &bytes));
  void *scratch = array_of(bytes, 1);
  cnn__batch_norm_statistics(context, rows, channels, p->x, r.mean, r.variance, scratch);
  cnn__batch_norm_apply(context, &norm, p->x, r.mean, r.variance, r.y, scratch);
  cnn__batch_norm_backward_frozen(context, &norm, p->x, r.mean, r.variance, p->dy, NULL, NULL,
                                  r.frozen_dx, scratch);
  cnn__batch_norm_backward(context, &norm, p->x, r.mean, r.variance, p->dy, r.dgamma, r.dbeta, r.dx,
                           scratch);
  free(scratch);
  return r;
}
static void free_results(results *r) {
  float *all[] = {r->mean, r->variance, r->y, r->dgamma, r->dbeta, r->dx, r->frozen_dx};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    free(all[i]);
}

/* One channel, in double, with the mean and variance that were stored. */
static void check_channel(const problem *p, const results *r, size_t c, bool affine) {
  const double n = (double)p->rows;
  double mean = 0, variance = 0, sum = 0, product = 0;
  for (size_t i = c; i < p->rows * p->channels; i += p->channels)
    mean += p->x[i] / n;
  for (size_t i = c; i < p->rows * p->channels; i += p->channels)
    variance += (p->x[i] - mean) * (p->x[i] - mean) / n;
  expect_near(r->mean[c], mean, 1e-6, 1e-7);
  expect_near(r->variance[c], variance, 1e-6, 1e-9);
  mean = r->mean[c];
  const double inverse = 1 / sqrt((double)r->variance[c] + (double)epsilon);
  const double gamma = affine ? (double)p->gamma[c] : 1, beta = affine ? (double)p->beta[c] : 0;
  for (size_t i = c; i < p->rows * p->channels; i += p->channels) {
    sum += p->dy[i];
    product += p->dy[i] * (p->x[i] - mean) * inverse;
  }
  expect_near(r->dbeta[c], sum, 1e-6, 1e-6);
  expect_near(r->dgamma[c], product, 1e-5, 1e-5 * n);
  for (size_t i = c; i < p->rows * p->channels; i += p->channels) {
    const double normal = (p->x[i] - mean) * inverse;
    const double dx = gamma * inverse * (p->dy[i] - sum / n - normal * product / n);
    expect_near(r->y[i], gamma * normal + beta, 1e-5, 1e-5);
    expect_near(r->dx[i], dx, 1e-5, 1e-5 * inverse);
    expect_near(r->frozen_dx[i], gamma * inverse * p->dy[i], 1e-6, 0);
  }
}

static void test_normalisation_and_its_gradients_are_right(void **state) {
  const size_t shapes[][2] = {{1, 1}, {2, 3}, {64, 10}, {700, 33}, {5000, 16}, {20000, 5}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (int affine = 0; affine < 2; affine++) {
      problem p = make_problem(shapes[s][0], shapes[s][1]);
      const size_t bytes = p.rows * p.channels * sizeof(float);
      results r = run_all(&p, contexts[0], affine);
      for (size_t c = 0; c < p.channels; c++)
        check_channel(&p, &r, c, affine);
      for (size_t t = 1; t < CONTEXTS; t++) {
        results other = run_all(&p, contexts[t], affine);
        expect_same(p.channels * sizeof(float), r.variance, other.variance);
        expect_same(p.channels * sizeof(float), r.dgamma, other.dgamma);
        expect_same(bytes, r.y, other.y);
        expect_same(bytes, r.dx, other.dx);
        expect_same(bytes, r.frozen_dx, other.frozen_dx);
        free_results(&other);
      }
      free_results(&r);
      free_problem(&p);
    }
}

/* The same bits as the two operations one after the other, at limits and NaN, too. */
static void test_an_activation_taken_in_changes_no_bit(void **state) {
  const cnn_activation_kind kinds[] = {CNN_RELU, CNN_RELU6};
  for (size_t k = 0; k < 2; k++) {
    problem p = make_problem(3000, 21);
    const size_t count = p.rows * p.channels;
    for (size_t i = 0; i < p.channels; i++)
      p.gamma[i] *= 4, p.beta[i] += (float)(i % 3) * 2;
    p.gamma[0] = 0, p.beta[0] = 0; /* y is 0, */
    p.gamma[1] = 0, p.beta[1] = 6; /* 6, */
    p.x[2] = NAN;
    const cnn__batch_norm apart = norm_of(&p, true, CNN_LINEAR);
    const cnn__batch_norm together = norm_of(&p, true, kinds[k]);
    results r = run_all(&p, contexts[0], true);
    size_t bytes;
    assert_true(cnn__batch_norm_scratch(p.rows, p.channels, &bytes));
    void *scratch = array_of(bytes, 1);
    float *y = floats(count), *dy = floats(count), *dx = floats(count);
    float *dgamma = floats(p.channels), *dbeta = floats(p.channels);
    cnn__activation_forward(contexts[0], kinds[k], 0, count, r.y, r.y);
    cnn__activation_backward(contexts[0], kinds[k], 0, count, NULL, r.y, p.dy, dy);
    cnn__batch_norm_backward(contexts[0], &apart, p.x, r.mean, r.variance, dy, r.dgamma, r.dbeta,
                             r.dx, scratch);
    for (size_t t = 0; t < CONTEXTS; t++) {
      cnn__batch_norm_apply(contexts[t], &together, p.x, r.mean, r.variance, y, scratch);
      cnn__batch_norm_backward(contexts[t], &together, p.x, r.mean, r.variance, p.dy, dgamma, dbeta,
                               dx, scratch);
      expect_same(count * sizeof *y, y, r.y);
      expect_same(count * sizeof *dx, dx, r.dx);
      expect_same(p.channels * sizeof *dgamma, dgamma, r.dgamma);
      expect_same(p.channels * sizeof *dbeta, dbeta, r.dbeta);
    }
    float *all[] = {y, dy, dx, dgamma, dbeta, scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
      free(all[i]);
    free_results(&r);
    free_problem(&p);
  }
}

static void test_equal_values_have_no_variance_and_nan_spreads(void **state) {
  float x[200], mean, variance;
  size_t bytes;
  assert_true(cnn__batch_norm_scratch(200, 1, &bytes));
  void *scratch = array_of(bytes, 1);
  for (size_t i = 0; i < 200; i++)
    x[i] = 12345.678f;
  cnn__batch_norm_statistics(contexts[0], 200, 1, x, &mean, &variance, scratch);
  assert_true(mean == 12345.678f && variance >= 0 && variance < 1e-6f);
  x[150] = NAN;
  cnn__batch_norm_statistics(contexts[0], 200, 1, x, &mean, &variance, scratch);
  assert_true(isnan(mean) && isnan(variance));
  free(scratch);
}

static void test_scratch_that_overflows_is_refused(void **state) {
  size_t bytes;
  assert_false(cnn__batch_norm_scratch(1, SIZE_MAX / 8, &bytes));
}

static void test_gradients_that_nobody_wants_may_be_null(void **state) {
  problem p = make_problem(50, 6);
  results r = run_all(&p, contexts[0], true);
  size_t bytes;
  assert_true(cnn__batch_norm_scratch(50, 6, &bytes));
  void *scratch = array_of(bytes, 1);
  float *dgamma = floats(6), *dx = floats(300);
  const cnn__batch_norm norm = norm_of(&p, true, CNN_LINEAR);
  cnn__batch_norm_backward(contexts[0], &norm, p.x, r.mean, r.variance, p.dy, dgamma, NULL, NULL,
                           scratch);
  expect_same(6 * sizeof *dgamma, dgamma, r.dgamma);
  cnn__batch_norm_backward(contexts[0], &norm, p.x, r.mean, r.variance, p.dy, NULL, NULL, dx,
                           scratch);
  expect_same(300 * sizeof *dx, dx, r.dx);
  cnn__batch_norm_backward_frozen(contexts[0], &norm, p.x, r.mean, r.variance, p.dy, dgamma, NULL,
                                  NULL, scratch);
  expect_same(6 * sizeof *dgamma, dgamma, r.dgamma);
  free(dgamma);
  free(dx);
  free(scratch);
  free_results(&r);
  free_problem(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_normalisation_and_its_gradients_are_right),
      cmocka_unit_test(test_an_activation_taken_in_changes_no_bit),
      cmocka_unit_test(test_equal_values_have_no_variance_and_nan_spreads),
      cmocka_unit_test(test_scratch_that_overflows_is_refused),
      cmocka_unit_test(test_gradients_that_nobody_wants_may_be_null),
  };
  return cmocka_run_group_tests(tests, make_contexts, free_contexts);
}
