/* Optimizer steps against Keras's formulas in double precision. */
#include "arrays.h"
#include "ops/optimizer.h"

enum { COUNT = 40001, STEPS = 5 };

typedef struct arrays {
  float *w, *g, *a, *b, *c;
} arrays;

static arrays start(void) {
  random_state = 9;
  arrays r = {random_floats(COUNT, -1, 1), random_floats(COUNT, -1, 1), floats(COUNT),
              floats(COUNT), floats(COUNT)};
  memset(r.a, 0, COUNT * sizeof(float));
  memset(r.b, 0, COUNT * sizeof(float));
  memset(r.c, 0, COUNT * sizeof(float));
  return r;
}
static void stop(arrays *r) {
  free(r->w);
  free(r->g);
  free(r->a);
  free(r->b);
  free(r->c);
}
/* Gradients that change from step to step. */
static void next_gradient(arrays *r) {
  for (size_t i = 0; i < COUNT; i++)
    r->g[i] = -0.7f * r->g[i] + 0.1f * r->w[i];
}
static double clipped(double g, double limit) {
  return limit <= 0 ? g : fmin(fmax(g, -limit), limit);
}
/* The arrays after the steps must not depend on the threads. */
static void expect_same_arrays(const arrays *x, const arrays *y) {
  expect_same(COUNT * sizeof(float), x->w, y->w);
  expect_same(COUNT * sizeof(float), x->a, y->a);
  expect_same(COUNT * sizeof(float), x->b, y->b);
  expect_same(COUNT * sizeof(float), x->c, y->c);
}

static const double beta1 = 0.9, beta2 = 0.999;

static cnn__adam_step adam_step(int t, float decay, float scale, float clip) {
  const double alpha = 1e-2 * sqrt(1 - pow(beta2, t)) / (1 - pow(beta1, t));
  return (cnn__adam_step){(float)alpha, (float)(1 - beta1), (float)(1 - beta2), 1e-7f, decay, scale,
                          clip};
}

static void check_adam(bool amsgrad, float decay, float scale, float clip) {
  arrays first = start();
  for (int t = 1; t <= STEPS; t++) {
    const cnn__adam_step s = adam_step(t, decay, scale, clip);
    arrays old = start();
    memcpy(old.w, first.w, COUNT * sizeof(float));
    memcpy(old.a, first.a, COUNT * sizeof(float));
    memcpy(old.b, first.b, COUNT * sizeof(float));
    memcpy(old.c, first.c, COUNT * sizeof(float));
    cnn__adam_update(contexts[0], &s, COUNT, first.g, first.w, first.a, first.b,
                     amsgrad ? first.c : NULL);
    for (size_t i = 0; i < COUNT; i++) {
      const double g = clipped((double)first.g[i] * (double)scale, (double)clip);
      const double m = old.a[i] + (g - old.a[i]) * (double)s.one_minus_beta1;
      const double v = old.b[i] + (g * g - old.b[i]) * (double)s.one_minus_beta2;
      const double root = amsgrad ? fmax(v, (double)old.c[i]) : v;
      const double w = old.w[i] - old.w[i] * (double)decay;
      expect_near(first.a[i], m, 1e-6, 1e-7);
      expect_near(first.b[i], v, 1e-6, 1e-9);
      expect_near(first.w[i], w - m * (double)s.alpha / (sqrt(root) + 1e-7), 1e-6, 1e-6);
    }
    next_gradient(&first);
    stop(&old);
  }
  for (size_t c = 1; c < CONTEXTS; c++) {
    arrays other = start();
    for (int t = 1; t <= STEPS; t++) {
      const cnn__adam_step s = adam_step(t, decay, scale, clip);
      cnn__adam_update(contexts[c], &s, COUNT, other.g, other.w, other.a, other.b,
                       amsgrad ? other.c : NULL);
      next_gradient(&other);
    }
    expect_same_arrays(&first, &other);
    stop(&other);
  }
  stop(&first);
}

static void test_adam_is_keras_formula(void **state) {
  check_adam(false, 0, 1, 0);
}
static void test_amsgrad_keeps_the_largest_second_moment(void **state) {
  check_adam(true, 0, 1, 0);
}
static void test_adamw_decays_first_and_clips_before_all(void **state) {
  check_adam(false, 1e-3f, 0.5f, 0.2f);
}

static void check_sgd(float momentum, bool nesterov) {
  const cnn__sgd_step s = {.learning_rate = 0.1f,
                           .momentum = momentum,
                           .nesterov = nesterov,
                           .decay = 1e-3f,
                           .gradient_scale = 0.5f,
                           .clip_value = 0.3f};
  arrays r = start();
  for (int t = 0; t < STEPS; t++) {
    float *w = copy_of(COUNT, r.w), *m = copy_of(COUNT, r.a);
    cnn__sgd_update(contexts[t % CONTEXTS], &s, COUNT, r.g, r.w, momentum > 0 ? r.a : NULL);
    for (size_t i = 0; i < COUNT; i++) {
      const double g = clipped(0.5 * (double)r.g[i], (double)s.clip_value);
      const double rate = (double)s.learning_rate, mu = (double)momentum;
      const double velocity = mu * m[i] - rate * g;
      const double start = w[i] - w[i] * (double)s.decay;
      expect_near(r.w[i], start + (nesterov ? mu * velocity - rate * g : velocity), 1e-6, 1e-7);
      if (momentum > 0) expect_near(r.a[i], velocity, 1e-6, 1e-7);
    }
    next_gradient(&r);
    free(w);
    free(m);
  }
  stop(&r);
}
static void test_sgd_is_keras_formula(void **state) {
  check_sgd(0, false);
  check_sgd(0.9f, false);
  check_sgd(0.9f, true);
}

static void check_rmsprop(float momentum, bool centered) {
  const cnn__rmsprop_step s = {.learning_rate = 1e-2f,
                               .rho = 0.9f,
                               .momentum = momentum,
                               .epsilon = 1e-4f,
                               .gradient_scale = 1};
  arrays r = start();
  for (int t = 0; t < STEPS; t++) {
    float *w = copy_of(COUNT, r.w), *q = copy_of(COUNT, r.a), *mean = copy_of(COUNT, r.b);
    float *velocity = copy_of(COUNT, r.c);
    cnn__rmsprop_update(contexts[t % CONTEXTS], &s, COUNT, r.g, r.w, r.a, centered ? r.b : NULL,
                        momentum > 0 ? r.c : NULL);
    const double rho = (double)s.rho;
    for (size_t i = 0; i < COUNT; i++) {
      const double g = r.g[i], square = rho * q[i] + (1 - rho) * g * g;
      const double average = centered ? rho * mean[i] + (1 - rho) * g : 0;
      const double root = sqrt(square - average * average + (double)s.epsilon);
      double move = (double)s.learning_rate * g / root;
      if (momentum > 0) move += (double)momentum * velocity[i];
      expect_near(r.a[i], square, 1e-6, 1e-9);
      if (centered) expect_near(r.b[i], average, 1e-6, 1e-7);
      expect_near(r.w[i], w[i] - move, 1e-5, 1e-6);
    }
    next_gradient(&r);
    free(w);
    free(q);
    free(mean);
    free(velocity);
  }
  stop(&r);
}
static void test_rmsprop_is_keras_formula(void **state) {
  check_rmsprop(0, false);
  check_rmsprop(0.9f, false);
  check_rmsprop(0.9f, true);
}

static void test_moments_that_fade_become_zero_and_never_denormal(void **state) {
  const cnn__adam_step s = adam_step(1, 0, 1, 0);
  float g[3] = {0, 0, 0}, w[3] = {1, 1, 1};
  float m[3] = {0x1p-100f, -0x1p-99f, NAN}, v[3] = {0x1p-120f, 0x1p-119f, NAN};
  cnn__adam_update(contexts[0], &s, 3, g, w, m, v, NULL);
  assert_true(m[0] == 0 && v[0] == 0);
  assert_true(m[1] != 0 && v[1] != 0);
  assert_true(isnan(m[2]) && isnan(v[2]) && isnan(w[2]));
}

static void test_nan_gradients_reach_the_weights_through_clipping(void **state) {
  const cnn__sgd_step s = {.learning_rate = 0.1f, .gradient_scale = 1, .clip_value = 1};
  float g[2] = {NAN, 5}, w[2] = {1, 1};
  cnn__sgd_update(contexts[0], &s, 2, g, w, NULL);
  assert_true(isnan(w[0]) && w[1] == 0.9f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_adam_is_keras_formula),
      cmocka_unit_test(test_amsgrad_keeps_the_largest_second_moment),
      cmocka_unit_test(test_adamw_decays_first_and_clips_before_all),
      cmocka_unit_test(test_sgd_is_keras_formula),
      cmocka_unit_test(test_rmsprop_is_keras_formula),
      cmocka_unit_test(test_moments_that_fade_become_zero_and_never_denormal),
      cmocka_unit_test(test_nan_gradients_reach_the_weights_through_clipping),
  };
  return cmocka_run_group_tests(tests, make_contexts, free_contexts);
}
