/* Shapes: reading, counting, text. */
#include "../base/support.h"
#include "tensor/shape.h"

static void test_a_shape_is_read_as_given(void **state) {
  cnn__shape shape;
  assert_int_equal(cnn__shape_read("who", 3, (const int64_t[]){32, 31, 3}, false, &shape), CNN_OK);
  assert_int_equal(shape.rank, 3);
  assert_int_equal(cnn__shape_product(&shape), 32 * 31 * 3);
  assert_int_equal(cnn__shape_read("who", 0, NULL, false, &shape), CNN_OK);
  assert_int_equal(cnn__shape_product(&shape), 1);
}

static void test_what_is_no_shape_is_refused_with_its_numbers(void **state) {
  const int64_t ones[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  cnn__shape shape = {.rank = 77};
  assert_int_equal(cnn__shape_read("who", 8, ones, false, &shape), CNN_OK);
  assert_error(CNN_E_SHAPE, cnn__shape_read("who", 9, ones, false, &shape), "who: rank 9");
  assert_error(CNN_E_SHAPE, cnn__shape_read("who", 2, (const int64_t[]){4, -1}, true, &shape),
               "dimension 1 is -1");
  assert_error(CNN_E_SHAPE, cnn__shape_read("who", 2, (const int64_t[]){0, 4}, false, &shape),
               "dimension 0 is 0");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn__shape_read("who", 1, NULL, false, &shape), "shape is NULL");
  assert_int_equal(shape.rank, 8);
}

static void test_products_are_exact_up_to_the_limit_and_refused_beyond(void **state) {
  cnn__shape shape = {.rank = 2, .dim = {PTRDIFF_MAX, 1}};
  size_t count = 0;
  assert_true(cnn__shape_count(&shape, &count));
  assert_true(count == PTRDIFF_MAX);
  shape.dim[0] = (size_t)PTRDIFF_MAX + 1;
  assert_false(cnn__shape_count(&shape, &count));
  shape = (cnn__shape){.rank = 2, .dim = {SIZE_MAX / 4, 4}};
  assert_false(cnn__shape_count(&shape, &count));
  shape = (cnn__shape){.rank = 2, .dim = {SIZE_MAX / 4 + 1, 4}};
  assert_false(cnn__shape_count(&shape, &count));
  assert_error(CNN_E_LIMIT,
               cnn__shape_read("who", 3, (const int64_t[]){INT32_MAX, INT32_MAX, 4}, true, &shape),
               "2147483647x2147483647x4");
}

static void test_an_empty_dimension_hides_no_overflow(void **state) {
  cnn__shape shape = {.rank = 3, .dim = {0, SIZE_MAX / 2, 4}};
  size_t count;
  assert_false(cnn__shape_count(&shape, &count));
  shape = (cnn__shape){.rank = 3, .dim = {SIZE_MAX / 2, 4, 0}};
  assert_false(cnn__shape_count(&shape, &count));
  shape = (cnn__shape){.rank = 3, .dim = {5, 0, 4}};
  assert_true(cnn__shape_count(&shape, &count));
  assert_int_equal(count, 0);
}

static void test_equal_shapes_agree_in_rank_and_sizes(void **state) {
  const cnn__shape a = {.rank = 2, .dim = {3, 4}}, b = {.rank = 2, .dim = {3, 4, 9}};
  const cnn__shape c = {.rank = 2, .dim = {4, 3}}, d = {.rank = 3, .dim = {3, 4, 1}};
  assert_true(cnn__shape_equal(&a, &b));
  assert_false(cnn__shape_equal(&a, &c));
  assert_false(cnn__shape_equal(&a, &d));
  assert_true(cnn__shape_equal(&(cnn__shape){0}, &(cnn__shape){0}));
}

static void test_text_of_the_longest_shape_fits(void **state) {
  char text[CNN__SHAPE_TEXT];
  cnn__shape shape = {.rank = 3, .dim = {32, 32, 3}};
  assert_string_equal(cnn__shape_text(&shape, text), "32x32x3");
  assert_string_equal(cnn__shape_text(&(cnn__shape){0}, text), "scalar");
  shape.rank = CNN_MAX_RANK;
  for (size_t i = 0; i < shape.rank; i++)
    shape.dim[i] = SIZE_MAX;
  cnn__shape_text(&shape, text);
  assert_int_equal(strlen(text), CNN_MAX_RANK * 21 - 1);
}

static void test_sizes_of_dtypes(void **state) {
  assert_int_equal(cnn__dtype_size(CNN_FLOAT32), 4);
  assert_int_equal(cnn__dtype_size(CNN_UINT8), 1);
  assert_int_equal(cnn__dtype_size(CNN_INT32), 4);
  assert_int_equal(cnn__dtype_size(CNN_INT64), 8);
  assert_int_equal(cnn__dtype_size(CNN_FLOAT64), 8);
  assert_int_equal(cnn__dtype_size(CNN_UINT64), 8);
  assert_int_equal(cnn__dtype_size((cnn_dtype)0), 0);
  assert_int_equal(cnn__dtype_size((cnn_dtype)7), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_shape_is_read_as_given),
      cmocka_unit_test(test_what_is_no_shape_is_refused_with_its_numbers),
      cmocka_unit_test(test_products_are_exact_up_to_the_limit_and_refused_beyond),
      cmocka_unit_test(test_an_empty_dimension_hides_no_overflow),
      cmocka_unit_test(test_equal_shapes_agree_in_rank_and_sizes),
      cmocka_unit_test(test_text_of_the_longest_shape_fits),
      cmocka_unit_test(test_sizes_of_dtypes),
  };
  return cmocka_run_group_tests_name("shapes", tests, NULL, NULL);
}
