/* Sums, products, reductions, column sums and dropout. */
#include "arrays.h"
#include "ops/vector.h"

static const size_t counts[] = {0, 1, 7, 8, 15, 16, 17, 31, 33, 1000, 16384, 16385, 70001};
enum { COUNTS = sizeof counts / sizeof *counts };

static void test_arithmetic_is_right_for_any_count(void **state) {
  for (size_t c = 0; c < COUNTS; c++) {
    const size_t count = counts[c];
    float *a = random_floats(count, -2, 2), *b = random_floats(count, -2, 2);
    float *sum = floats(count), *product = floats(count), *scaled = floats(count);
    float *affine = floats(count), *total = copy_of(count, b), *axpy = copy_of(count, b);
    float *positive = floats(count), *copied = floats(count);
    cnn__vector_add(contexts[2], count, a, b, sum);
    cnn__vector_add_relu(contexts[2], count, a, b, positive);
    cnn__vector_copy(contexts[2], count, a, copied);
    cnn__vector_multiply(contexts[2], count, a, b, product);
    cnn__vector_scale(contexts[2], count, 3, a, scaled);
    cnn__vector_affine(contexts[2], count, 3, 0.1f, a, affine);
    cnn__vector_accumulate(contexts[2], count, a, total);
    cnn__vector_axpy(contexts[2], count, 0.7f, a, axpy);
    for (size_t i = 0; i < count; i++) {
      assert_true(sum[i] == a[i] + b[i] && product[i] == a[i] * b[i] && scaled[i] == 3 * a[i]);
      assert_true(total[i] == sum[i] && copied[i] == a[i]);
      assert_true(positive[i] == (sum[i] < 0 ? 0 : sum[i]));
      expect_near(affine[i], 3.0 * a[i] + (double)0.1f, 2e-7, 1e-6);
      expect_near(axpy[i], (double)0.7f * a[i] + b[i], 2e-7, 1e-6);
    }
    float *all[] = {a, b, sum, product, scaled, affine, total, axpy, positive, copied};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
      free(all[i]);
  }
}

static void test_sums_are_right_and_the_same_for_any_threads(void **state) {
  for (size_t c = 0; c < COUNTS; c++) {
    const size_t count = counts[c];
    float *x = random_floats(count, -1, 2);
    double squares = 0;
    for (size_t i = 0; i < count; i++)
      squares += (double)x[i] * x[i];
    const double first = cnn__vector_sum_of_squares(contexts[0], count, x);
    expect_near(first, squares, 1e-12, 0);
    for (size_t t = 1; t < CONTEXTS; t++)
      assert_true(first == cnn__vector_sum_of_squares(contexts[t], count, x));
    free(x);
  }
}

static void test_sums_of_more_than_a_round_of_blocks_are_right(void **state) {
  const size_t count = 4096 * 256 * 2 + 5;
  float *x = floats(count);
  for (size_t i = 0; i < count; i++)
    x[i] = (float)(i % 3);
  assert_true(cnn__vector_sum_of_squares(contexts[3], count, x) ==
              (double)((count / 3) * 5 + (count % 3 == 2)));
  free(x);
}

static void test_one_value_that_is_not_finite_is_found_anywhere(void **state) {
  const float odd[] = {NAN, INFINITY, -INFINITY};
  for (size_t c = 1; c < COUNTS; c++) {
    const size_t count = counts[c];
    float *x = random_floats(count, -1, 1);
    x[count / 3] = 3e38f;
    assert_true(cnn__vector_finite(contexts[1], count, x));
    const size_t places[] = {0, count / 2, count - 1};
    for (size_t i = 0; i < 9; i++) {
      const float old = x[places[i / 3]];
      x[places[i / 3]] = odd[i % 3];
      assert_false(cnn__vector_finite(contexts[1], count, x));
      x[places[i / 3]] = old;
    }
    free(x);
  }
  assert_true(cnn__vector_finite(contexts[1], 0, NULL));
}

static void test_column_sums_are_right_and_the_same_for_any_threads(void **state) {
  const size_t shapes[][2] = {{1, 1}, {3, 5}, {64, 10}, {129, 17}, {1000, 3}, {20000, 33}, {0, 4}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    const size_t rows = shapes[s][0], columns = shapes[s][1];
    size_t bytes;
    assert_true(cnn__column_sums_scratch(rows, columns, &bytes));
    void *scratch = array_of(bytes, 1);
    float *x = random_floats(rows * columns, -1, 2), *y = floats(columns), *z = floats(columns);
    cnn__column_sums(contexts[0], rows, columns, x, y, scratch);
    for (size_t i = 0; i < columns; i++) {
      double sum = 0;
      for (size_t row = 0; row < rows; row++)
        sum += x[row * columns + i];
      expect_near(y[i], sum, 1e-7, 0);
    }
    for (size_t t = 1; t < CONTEXTS; t++) {
      cnn__column_sums(contexts[t], rows, columns, x, z, scratch);
      expect_same(columns * sizeof *y, y, z);
    }
    free(x);
    free(y);
    free(z);
    free(scratch);
  }
  size_t bytes;
  assert_false(cnn__column_sums_scratch(1, SIZE_MAX / 4, &bytes));
}

static void test_dropout_keeps_by_the_words_of_its_stream(void **state) {
  enum { COUNT = 40003 };
  const float rate = 0.3f;
  float *x = random_floats(COUNT, 1, 2), *y = floats(COUNT);
  cnn__dropout(contexts[0], 5, 6, 7, rate, COUNT, x, y);
  size_t kept = 0;
  for (size_t i = 0; i < COUNT; i++) {
    uint32_t words[4];
    cnn__random_block(cnn__random_key(5, CNN__PURPOSE_DROPOUT, 6), (uint64_t)7 << 40,
                      (uint32_t)(i / 4), words);
    const bool keeps = words[i % 4] >= (uint32_t)((double)rate * 0x1p32);
    assert_true(y[i] == (keeps ? x[i] * (float)(1 / (1 - (double)rate)) : 0));
    kept += keeps;
  }
  expect_near((double)kept / COUNT, 0.7, 0, 0.01);
  for (size_t t = 1; t < CONTEXTS; t++) {
    float *again = copy_of(COUNT, x);
    cnn__dropout(contexts[t], 5, 6, 7, rate, COUNT, again, again);
    expect_same(COUNT * sizeof *y, y, again);
    free(again);
  }
  free(x);
  free(y);
}

static void test_dropout_differs_by_step_and_layer_and_does_nothing_at_rate_zero(void **state) {
  enum { COUNT = 1000 };
  float *x = random_floats(COUNT, 1, 2), *y = floats(COUNT), *z = floats(COUNT);
  cnn__dropout(contexts[0], 5, 6, 7, 0.5f, COUNT, x, y);
  cnn__dropout(contexts[0], 5, 7, 7, 0.5f, COUNT, x, z);
  assert_memory_not_equal(y, z, COUNT * sizeof *y);
  cnn__dropout(contexts[0], 5, 6, 8, 0.5f, COUNT, x, z);
  assert_memory_not_equal(y, z, COUNT * sizeof *y);
  cnn__dropout(contexts[0], 5, 6, 7, 0, COUNT, x, y);
  expect_same(COUNT * sizeof *y, x, y);
  free(x);
  free(y);
  free(z);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_arithmetic_is_right_for_any_count),
      cmocka_unit_test(test_sums_are_right_and_the_same_for_any_threads),
      cmocka_unit_test(test_sums_of_more_than_a_round_of_blocks_are_right),
      cmocka_unit_test(test_one_value_that_is_not_finite_is_found_anywhere),
      cmocka_unit_test(test_column_sums_are_right_and_the_same_for_any_threads),
      cmocka_unit_test(test_dropout_keeps_by_the_words_of_its_stream),
      cmocka_unit_test(test_dropout_differs_by_step_and_layer_and_does_nothing_at_rate_zero),
  };
  return cmocka_run_group_tests(tests, make_contexts, free_contexts);
}
