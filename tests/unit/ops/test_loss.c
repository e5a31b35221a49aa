/* Losses and their gradients against double precision. */
#include "arrays.h"
#include "ops/loss.h"

enum { MOST = 40 };

typedef double loss_function(cnn_context *context, const cnn__loss_rows *rows);

/* The loss of one row, plainly; of p alone for one entry where a loss has no sum inside. */
static double plain_softmax(size_t n, const double *p, const double *t, double delta) {
  double max = -INFINITY, sum = 0, loss = 0;
  for (size_t i = 0; i < n; i++)
    max = fmax(max, p[i]);
  for (size_t i = 0; i < n; i++)
    sum += exp(p[i] - max);
  for (size_t i = 0; i < n; i++)
    loss += t[i] * (max + log(sum) - p[i]);
  return loss;
}
static double plain_sigmoid(size_t n, const double *p, const double *t, double delta) {
  double loss = 0;
  for (size_t i = 0; i < n; i++)
    loss += fmax(p[i], 0) - p[i] * t[i] + log1p(exp(-fabs(p[i])));
  return loss;
}
static double plain_square(size_t n, const double *p, const double *t, double delta) {
  double loss = 0;
  for (size_t i = 0; i < n; i++)
    loss += (p[i] - t[i]) * (p[i] - t[i]);
  return loss;
}
static double plain_absolute(size_t n, const double *p, const double *t, double delta) {
  double loss = 0;
  for (size_t i = 0; i < n; i++)
    loss += fabs(p[i] - t[i]);
  return loss;
}
static double plain_huber(size_t n, const double *p, const double *t, double delta) {
  double loss = 0;
  for (size_t i = 0; i < n; i++) {
    const double d = fabs(p[i] - t[i]);
    loss += d <= delta ? d * d / 2 : delta * d - delta * delta / 2;
  }
  return loss;
}

typedef struct kind {
  loss_function *loss;
  double (*plain)(size_t n, const double *p, const double *t, double delta);
  bool labels, smooths;
} kind;

static const kind kinds[] = {
    {cnn__softmax_cross_entropy, plain_softmax, true, true},
    {cnn__softmax_cross_entropy, plain_softmax, false, true},
    {cnn__sigmoid_cross_entropy, plain_sigmoid, false, true},
    {cnn__squared_error, plain_square, false, false},
    {cnn__absolute_error, plain_absolute, false, false},
    {cnn__huber, plain_huber, false, false},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* The target that the loss works with. */
static double target_of(const kind *k, const cnn__loss_rows *r, size_t row, size_t i) {
  double t =
      k->labels ? (double)(r->labels[row] == (int32_t)i) : (double)r->targets[row * r->n + i];
  if (!k->smooths) return t;
  const double towards = k->plain == plain_sigmoid ? 0.5 : 1 / (double)r->n;
  return t * (1 - (double)r->smoothing) + (double)r->smoothing * towards;
}

static void check_row(const kind *k, const cnn__loss_rows *r, size_t row, double *loss) {
  double p[MOST], t[MOST];
  for (size_t i = 0; i < r->n; i++) {
    p[i] = r->predictions[row * r->n + i];
    t[i] = target_of(k, r, row, i);
  }
  const double weight = r->row_weights ? (double)r->row_weights[row] : 1;
  *loss += weight * k->plain(r->n, p, t, (double)r->delta);
  for (size_t i = 0; r->gradient && i < r->n; i++) { /* central differences */
    const double at = p[i], step = 1e-5;
    p[i] = at + step;
    const double above = k->plain(r->n, p, t, (double)r->delta);
    p[i] = at - step;
    const double below = k->plain(r->n, p, t, (double)r->delta);
    p[i] = at;
    expect_near(r->gradient[row * r->n + i],
                (double)r->scale * weight * (above - below) / (2 * step), 1e-5, 1e-6);
  }
}

static cnn__loss_rows make_rows(size_t count, size_t n, float smoothing) {
  cnn__loss_rows r = {.rows = count,
                      .n = n,
                      .predictions = random_floats(count * n, -6, 6),
                      .targets = random_floats(count * n, 0, 1),
                      .row_weights = random_floats(count, 0.5, 2),
                      .smoothing = smoothing,
                      .delta = 1.5f,
                      .scale = 0.25f,
                      .gradient = floats(count * n),
                      .probabilities = floats(count * n)};
  int32_t *labels = array_of(count, sizeof *labels);
  for (size_t i = 0; i < count; i++)
    labels[i] = (int32_t)(random_number() % n);
  r.labels = labels;
  return r;
}
static void free_rows(cnn__loss_rows *r, const int32_t *labels) {
  free((void *)(uintptr_t)r->predictions);
  free((void *)(uintptr_t)r->targets);
  free((void *)(uintptr_t)r->row_weights);
  free((void *)(uintptr_t)labels);
  free(r->gradient);
  free(r->probabilities);
}

static void test_losses_and_their_gradients_are_right(void **state) {
  const size_t sizes[] = {1, 2, 10, 16, 17, MOST};
  for (size_t k = 0; k < KINDS; k++)
    for (size_t s = 0; s < 6; s++)
      for (int smooth = 0; smooth < 2; smooth++) {
        cnn__loss_rows r = make_rows(9, sizes[s], smooth ? 0.1f : 0);
        const int32_t *labels = r.labels;
        if (!kinds[k].labels) r.labels = NULL;
        double expected = 0;
        const double loss = kinds[k].loss(contexts[1], &r);
        for (size_t row = 0; row < r.rows; row++)
          check_row(&kinds[k], &r, row, &expected);
        expect_near(loss, expected, 1e-6, 1e-6);
        free_rows(&r, labels);
      }
}

static void test_probabilities_come_along(void **state) {
  cnn__loss_rows r = make_rows(5, 10, 0);
  cnn__softmax_cross_entropy(contexts[0], &r);
  for (size_t row = 0; row < 5; row++) {
    double sum = 0;
    for (size_t i = 0; i < 10; i++)
      sum += r.probabilities[row * 10 + i];
    expect_near(sum, 1, 1e-6, 0);
  }
  cnn__sigmoid_cross_entropy(contexts[0], &r);
  for (size_t i = 0; i < 50; i++)
    expect_near(r.probabilities[i], 1 / (1 + exp(-(double)r.predictions[i])), 1e-6, 0);
  free_rows(&r, r.labels);
}

static void
test_what_is_not_wanted_may_be_null_and_the_gradient_may_replace_the_logits(void **state) {
  for (size_t k = 0; k < KINDS; k++) {
    cnn__loss_rows r = make_rows(300, 12, 0.1f);
    const int32_t *labels = r.labels;
    if (!kinds[k].labels) r.labels = NULL;
    const double loss = kinds[k].loss(contexts[0], &r);
    cnn__loss_rows bare = r;
    bare.gradient = bare.probabilities = NULL;
    assert_true(loss == kinds[k].loss(contexts[1], &bare));
    float *probabilities = floats(300 * 12);
    bare.probabilities = probabilities;
    assert_true(loss == kinds[k].loss(contexts[1], &bare));
    expect_same(300 * 12 * sizeof(float), probabilities, r.probabilities);
    bare.probabilities = NULL;
    float *same = copy_of(300 * 12, r.predictions);
    bare.predictions = bare.gradient = same;
    assert_true(loss == kinds[k].loss(contexts[2], &bare));
    expect_same(300 * 12 * sizeof(float), same, r.gradient);
    bare = r;
    bare.row_weights = NULL;
    assert_true(loss != kinds[k].loss(contexts[0], &bare));
    free(probabilities);
    free(same);
    free_rows(&r, labels);
  }
}

static void test_losses_have_the_same_bits_for_any_threads(void **state) {
  for (size_t k = 0; k < KINDS; k++) {
    cnn__loss_rows r = make_rows(6000, 10, 0);
    const int32_t *labels = r.labels;
    if (!kinds[k].labels) r.labels = NULL;
    const double loss = kinds[k].loss(contexts[0], &r);
    float *gradient = copy_of(60000, r.gradient);
    for (size_t t = 1; t < CONTEXTS; t++) {
      assert_true(loss == kinds[k].loss(contexts[t], &r));
      expect_same(60000 * sizeof(float), gradient, r.gradient);
    }
    free(gradient);
    free_rows(&r, labels);
  }
}

static void test_extreme_logits_give_finite_losses_and_nan_gives_nan(void **state) {
  float p[] = {1000, -1000, 0}, gradient[3];
  const int32_t labels[] = {1};
  cnn__loss_rows r = {
      .rows = 1, .n = 3, .predictions = p, .labels = labels, .scale = 1, .gradient = gradient};
  assert_true(cnn__softmax_cross_entropy(contexts[0], &r) == 2000);
  assert_true(gradient[0] == 1 && gradient[1] == -1 && gradient[2] == 0);
  const float targets[] = {0, 1, 0.5f};
  r.labels = NULL;
  r.targets = targets;
  expect_near(cnn__sigmoid_cross_entropy(contexts[0], &r), 2000 + log(2), 1e-7, 0);
  p[2] = NAN;
  assert_true(isnan(cnn__softmax_cross_entropy(contexts[0], &r)) && isnan(gradient[0]));
  assert_true(isnan(cnn__sigmoid_cross_entropy(contexts[0], &r)) && isnan(gradient[2]));
  assert_true(isnan(cnn__absolute_error(contexts[0], &r)) && isnan(gradient[2]));
  assert_true(isnan(cnn__huber(contexts[0], &r)) && isnan(gradient[2]));
}

static void test_a_label_outside_the_classes_gives_nan_and_touches_nothing(void **state) {
  float *p = random_floats(3, -1, 1), *gradient = floats(3);
  const int32_t bad[] = {-1, 3, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < 4; i++) {
    cnn__loss_rows r = {
        .rows = 1, .n = 3, .predictions = p, .labels = bad + i, .scale = 1, .gradient = gradient};
    assert_true(isnan(cnn__softmax_cross_entropy(contexts[0], &r)));
    assert_true(isnan(gradient[0]));
  }
  free(p);
  free(gradient);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_losses_and_their_gradients_are_right),
      cmocka_unit_test(test_probabilities_come_along),
      cmocka_unit_test(test_what_is_not_wanted_may_be_null_and_the_gradient_may_replace_the_logits),
      cmocka_unit_test(test_losses_have_the_same_bits_for_any_threads),
      cmocka_unit_test(test_extreme_logits_give_finite_losses_and_nan_gives_nan),
      cmocka_unit_test(test_a_label_outside_the_classes_gives_nan_and_touches_nothing),
  };
  return cmocka_run_group_tests(tests, make_contexts, free_contexts);
}
