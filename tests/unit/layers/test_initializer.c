/* Initial values: ranges, moments, orthogonality, streams. */
#include "support.h"
#include <math.h>

enum { ROWS = 200, COLUMNS = 300, COUNT = ROWS * COLUMNS };

static cnn_context *context;
static float values[COUNT], others[COUNT];

static int set_up(void **state) {
  context = cnn__context_acquire();
  return context == NULL;
}

static int tear_down(void **state) {
  cnn_context_free(context);
  return 0;
}

static cnn__parameter_spec spec_of(cnn_initializer initializer, double scale) {
  return (cnn__parameter_spec){.name = "kernel",
                               .shape = {2, {ROWS, COLUMNS}},
                               .initializer = initializer,
                               .scale = scale,
                               .fan_in = ROWS,
                               .fan_out = COLUMNS};
}

static void draw(cnn_initializer initializer, double scale) {
  const cnn__parameter_spec spec = spec_of(initializer, scale);
  memset(values, 0xff, sizeof values);
  assert_int_equal(cnn__initialize(context, &spec, 7, 3, values), CNN_OK);
}

static double largest(void) {
  double found = 0;
  for (size_t i = 0; i < COUNT; i++)
    found = fmax(found, fabs((double)values[i]));
  return found;
}

/* Mean 0 and the given variance, within five deviations of what 60,000 draws scatter by. */
static void assert_moments(double variance) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < COUNT; i++) {
    sum += (double)values[i];
    squares += (double)values[i] * (double)values[i];
  }
  assert_true(fabs(sum / COUNT) < 5 * sqrt(variance / COUNT));
  assert_true(fabs(squares / COUNT / variance - 1) < 5 * sqrt(2.0 / COUNT));
}

static void assert_uniform(cnn_initializer initializer, double scale, double limit) {
  draw(initializer, scale);
  assert_true(largest() <= limit * (1 + 1e-7) && largest() > 0.999 * limit);
  assert_moments(limit * limit / 3);
}

static void test_uniform_limits(void **state) {
  assert_uniform(CNN_GLOROT_UNIFORM, 0, sqrt(6.0 / (ROWS + COLUMNS)));
  assert_uniform(CNN_HE_UNIFORM, 0, sqrt(6.0 / ROWS));
  assert_uniform(CNN_LECUN_UNIFORM, 0, sqrt(3.0 / ROWS));
  assert_uniform(CNN_RANDOM_UNIFORM, 0.05, 0.05);
}

/* Scaled so that the variance after cutting at two deviations is the one asked for. */
static void assert_truncated(cnn_initializer initializer, double variance) {
  const double limit = 2 * sqrt(variance) / 0.87962566103423978;
  draw(initializer, 0);
  assert_true(largest() <= limit * (1 + 1e-7) && largest() > 0.99 * limit);
  assert_moments(variance);
}

static void test_truncated_normals_have_the_stated_variance(void **state) {
  assert_truncated(CNN_GLOROT_NORMAL, 2.0 / (ROWS + COLUMNS));
  assert_truncated(CNN_HE_NORMAL, 2.0 / ROWS);
  assert_truncated(CNN_LECUN_NORMAL, 1.0 / ROWS);
}

static void test_plain_normals_take_their_deviation_as_it_is(void **state) {
  draw(CNN_RANDOM_NORMAL, 0.5);
  assert_true(largest() > 1.5);
  assert_moments(0.25);
  draw(CNN_TRUNCATED_NORMAL, 0.5);
  assert_true(largest() <= 1 && largest() > 0.99);
  assert_moments(0.25 * 0.87962566103423978 * 0.87962566103423978);
}

static void test_constants(void **state) {
  const struct {
    cnn_initializer initializer;
    double scale;
    float value;
  } cases[] = {{CNN_ZEROS, 0, 0}, {CNN_ONES, 0, 1}, {CNN_CONSTANT, -0.25, -0.25f}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    draw(cases[i].initializer, cases[i].scale);
    for (size_t k = 0; k < COUNT; k++)
      assert_true(values[k] == cases[i].value);
  }
}

/* Rows, where there are fewer of them than columns, or else columns are orthonormal times gain. */
static void assert_orthogonal(size_t rows, size_t columns, double gain) {
  cnn__parameter_spec spec = spec_of(CNN_ORTHOGONAL, gain);
  spec.shape = (cnn__shape){3, {2, rows / 2, columns}};
  assert_int_equal(cnn__initialize(context, &spec, 7, 3, values), CNN_OK);
  const size_t vectors = rows < columns ? rows : columns, length = rows < columns ? columns : rows;
  const size_t to_next = rows < columns ? columns : 1, along = rows < columns ? 1 : columns;
  for (size_t a = 0; a < vectors; a++)
    for (size_t b = 0; b <= a; b++) {
      double dot = 0;
      for (size_t k = 0; k < length; k++)
        dot += (double)values[a * to_next + k * along] * (double)values[b * to_next + k * along];
      assert_true(fabs(dot - (a == b ? gain * gain : 0)) < 2e-6 * gain * gain);
    }
}

static void test_orthogonal_matrices_tall_wide_and_square(void **state) {
  assert_orthogonal(90, 20, 1);
  assert_orthogonal(20, 90, 1);
  assert_orthogonal(64, 64, 1.5);
  assert_orthogonal(2, 1, 1);
}

static void test_values_follow_from_seed_and_index_alone(void **state) {
  for (int i = CNN_GLOROT_UNIFORM; i <= CNN_TRUNCATED_NORMAL; i++) {
    const cnn__parameter_spec spec = spec_of((cnn_initializer)i, 1);
    assert_int_equal(cnn__initialize(context, &spec, 7, 3, values), CNN_OK);
    assert_int_equal(cnn__initialize(context, &spec, 7, 3, others), CNN_OK);
    assert_memory_equal(values, others, sizeof values);
    if (i == CNN_ZEROS || i == CNN_ONES) continue;
    assert_int_equal(cnn__initialize(context, &spec, 8, 3, others), CNN_OK);
    assert_memory_not_equal(values, others, sizeof values);
    assert_int_equal(cnn__initialize(context, &spec, 7, 4, others), CNN_OK);
    assert_memory_not_equal(values, others, sizeof values);
  }
}

static void test_orthogonal_values_may_lack_memory(void **state) {
  counting counts = {0};
  cnn_context *own = counting_context(&counts, 1);
  const cnn__parameter_spec spec = spec_of(CNN_ORTHOGONAL, 1);
  const long held = atomic_load(&counts.live);
  for (long i = 1; i <= 2; i++) {
    counts.fail_at = atomic_load(&counts.calls) + i;
    assert_error(CNN_E_NOMEM, cnn__initialize(own, &spec, 7, 3, values), "out of memory");
    assert_int_equal(atomic_load(&counts.live), held);
  }
  cnn_context_free(own);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_uniform_limits),
      cmocka_unit_test(test_truncated_normals_have_the_stated_variance),
      cmocka_unit_test(test_plain_normals_take_their_deviation_as_it_is),
      cmocka_unit_test(test_constants),
      cmocka_unit_test(test_orthogonal_matrices_tall_wide_and_square),
      cmocka_unit_test(test_values_follow_from_seed_and_index_alone),
      cmocka_unit_test(test_orthogonal_values_may_lack_memory),
  };
  return cmocka_run_group_tests_name("initial values", tests, set_up, tear_down);
}
