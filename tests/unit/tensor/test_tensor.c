/* Tensors behind the public handle. */
#include "../base/support.h"
#include "tensor/tensor.h"

static const int64_t two_by_three[] = {2, 3};
static float six[] = {1, 2, 3, 4, 5, 6};

static void test_a_new_tensor_is_zero(void **state) {
  cnn_tensor *tensor = cnn_tensor_create(CNN_FLOAT32, 2, two_by_three);
  assert_non_null(tensor);
  assert_int_equal(cnn_tensor_dtype(tensor), CNN_FLOAT32);
  assert_int_equal(cnn_tensor_rank(tensor), 2);
  assert_int_equal(cnn_tensor_count(tensor), 6);
  assert_int_equal(cnn_tensor_shape(tensor)[1], 3);
  for (int i = 0; i < 6; i++)
    assert_true(cnn_tensor_floats(tensor)[i] == 0);
  cnn_tensor_free(tensor);
}

static void test_a_scalar_has_one_element_and_an_empty_tensor_none(void **state) {
  cnn_tensor *scalar = cnn_tensor_create(CNN_INT64, 0, NULL);
  cnn_tensor *empty = cnn_tensor_create(CNN_UINT8, 3, (const int64_t[]){4, 0, 3});
  assert_int_equal(cnn_tensor_count(scalar), 1);
  assert_int_equal(cnn_tensor_count(empty), 0);
  assert_non_null(cnn_tensor_const_data(empty));
  cnn_tensor *clone = cnn_tensor_clone(empty), *slice = cnn_tensor_slice(empty, 1, 2);
  assert_int_equal(cnn_tensor_shape(clone)[0], 4);
  assert_int_equal(cnn_tensor_shape(slice)[0], 2);
  cnn_tensor_free(scalar);
  cnn_tensor_free(empty);
  cnn_tensor_free(clone);
  cnn_tensor_free(slice);
}

static void test_copies_are_their_own_and_borrowed_data_is_the_callers(void **state) {
  float values[6];
  memcpy(values, six, sizeof values);
  cnn_tensor *copy = cnn_tensor_copy_of(CNN_FLOAT32, 2, two_by_three, values);
  cnn_tensor *view = cnn_tensor_borrow(CNN_FLOAT32, 2, two_by_three, values);
  cnn_tensor *clone = cnn_tensor_clone(view);
  values[4] = 50;
  assert_true(cnn_tensor_floats(copy)[4] == 5);
  assert_true(cnn_tensor_floats(clone)[4] == 5);
  assert_true(cnn_tensor_floats(view)[4] == 50);
  assert_ptr_equal(cnn_tensor_data(view), values);
  cnn_tensor_free(view);
  assert_true(values[4] == 50);
  cnn_tensor_free(copy);
  cnn_tensor_free(clone);
}

static void test_a_slice_holds_the_rows_asked_for(void **state) {
  cnn_tensor *tensor = cnn_tensor_borrow(CNN_FLOAT32, 2, (const int64_t[]){3, 2}, six);
  cnn_tensor *slice = cnn_tensor_slice(tensor, 1, 2);
  assert_int_equal(cnn_tensor_shape(slice)[0], 2);
  assert_memory_equal(cnn_tensor_floats(slice), six + 2, 4 * sizeof(float));
  cnn_tensor_free(slice);
  assert_null(cnn_tensor_slice(tensor, 2, 2));
  assert_error(CNN_E_SHAPE, cnn_last_status(),
               "2 elements from 2 on exceed the first dimension, 3");
  assert_null(cnn_tensor_slice(tensor, -1, 2));
  assert_null(cnn_tensor_slice(tensor, 1, INT64_MAX));
  assert_error(CNN_E_SHAPE, cnn_last_status(), "9223372036854775807");
  assert_null(cnn_tensor_slice(tensor, 1, -1));
  assert_error(CNN_E_SHAPE, cnn_last_status(), "-1 elements from 1 on");
  assert_null(cnn_tensor_slice(tensor, 4, 0));
  assert_error(CNN_E_SHAPE, cnn_last_status(), "0 elements from 4 on");
  cnn_tensor *scalar = cnn_tensor_create(CNN_FLOAT32, 0, NULL);
  assert_null(cnn_tensor_slice(scalar, 0, 1));
  assert_error(CNN_E_SHAPE, cnn_last_status(), "scalar");
  cnn_tensor_free(scalar);
  cnn_tensor_free(tensor);
}

static void test_reshaping_keeps_the_elements_and_their_number(void **state) {
  cnn_tensor *tensor = cnn_tensor_copy_of(CNN_FLOAT32, 2, two_by_three, six);
  assert_int_equal(cnn_tensor_reshape(tensor, 3, (const int64_t[]){1, 6, 1}), CNN_OK);
  assert_int_equal(cnn_tensor_rank(tensor), 3);
  assert_memory_equal(cnn_tensor_floats(tensor), six, sizeof six);
  assert_error(CNN_E_SHAPE, cnn_tensor_reshape(tensor, 1, (const int64_t[]){5}),
               "1x6x1 has 6 elements and 5 has 5");
  assert_error(CNN_E_SHAPE, cnn_tensor_reshape(tensor, -1, two_by_three), "rank -1");
  assert_error(CNN_E_SHAPE, cnn_tensor_reshape(tensor, 9, two_by_three), "rank 9");
  assert_int_equal(cnn_tensor_rank(tensor), 3);
  cnn_tensor_free(tensor);
}

static void test_what_cannot_be_is_refused(void **state) {
  assert_null(cnn_tensor_create((cnn_dtype)99, 2, two_by_three));
  assert_error(CNN_E_INVALID, cnn_last_status(), "99 is no dtype");
  assert_null(cnn_tensor_create(CNN_FLOAT32, -1, two_by_three));
  assert_error(CNN_E_SHAPE, cnn_last_status(), "rank -1");
  assert_null(cnn_tensor_create(CNN_FLOAT32, INT64_MAX, two_by_three));
  assert_error(CNN_E_SHAPE, cnn_last_status(), "rank");
  assert_null(cnn_tensor_create(CNN_FLOAT32, 1, (const int64_t[]){INT64_MAX / 4 + 1}));
  assert_error(CNN_E_LIMIT, cnn_last_status(), "4-byte elements exceeds memory");
  assert_null(cnn_tensor_create(CNN_FLOAT64, 1, (const int64_t[]){INT64_C(1) << 61}));
  assert_error(CNN_E_LIMIT, cnn_last_status(), "8-byte elements exceeds memory");
  assert_null(cnn_tensor_create(CNN_UINT8, 2, (const int64_t[]){INT64_MAX, INT64_MAX}));
  assert_error(CNN_E_LIMIT, cnn_last_status(), "more elements than can be counted");
  assert_null(cnn_tensor_create(CNN_UINT8, 1, (const int64_t[]){INT64_MAX - 63}));
  assert_error(CNN_E_NOMEM, cnn_last_status(), "");
  cnn_clear_error();
  assert_null(cnn_tensor_copy_of(CNN_FLOAT32, 2, two_by_three, NULL));
  assert_error(CNN_E_INVALID, cnn_last_status(), "data is NULL");
  cnn_clear_error();
  assert_null(cnn_tensor_borrow(CNN_FLOAT32, 2, two_by_three, NULL));
  assert_error(CNN_E_INVALID, cnn_last_status(), "cnn_tensor_borrow: data is NULL");
}

static void test_null_gives_the_stated_answer_and_keeps_the_first_failure(void **state) {
  cnn_clear_error();
  assert_null(cnn_tensor_create((cnn_dtype)99, 2, two_by_three));
  assert_int_equal(cnn_tensor_rank(NULL), 0);
  assert_int_equal(cnn_tensor_count(NULL), 0);
  assert_int_equal(cnn_tensor_dtype(NULL), CNN_FLOAT32);
  assert_null(cnn_tensor_shape(NULL));
  assert_null(cnn_tensor_data(NULL));
  assert_null(cnn_tensor_const_data(NULL));
  assert_null(cnn_tensor_floats(NULL));
  assert_null(cnn_tensor_clone(NULL));
  assert_null(cnn_tensor_slice(NULL, 0, 1));
  assert_error(CNN_E_INVALID, cnn_tensor_reshape(NULL, 1, two_by_three), "99 is no dtype");
  cnn_tensor_free(NULL);
}

static void test_floats_are_refused_where_elements_are_others(void **state) {
  cnn_tensor *tensor = cnn_tensor_create(CNN_INT32, 2, two_by_three);
  assert_null(cnn_tensor_floats(tensor));
  assert_error(CNN_E_INVALID, cnn_last_status(), "dtype is 3");
  cnn_tensor_free(tensor);
}

static void test_pointing_elsewhere_gives_back_what_was_owned(void **state) {
  counting counts = {0};
  cnn_context *context = counting_context(&counts, 1);
  const cnn__shape shape = {.rank = 2, .dim = {2, 3}}, row = {.rank = 1, .dim = {3}};
  cnn_tensor *tensor = cnn__tensor_new(context, CNN_FLOAT32, &shape);
  const long held = atomic_load(&counts.live);
  cnn__tensor_point(tensor, &row, six + 3);
  assert_int_equal(atomic_load(&counts.live), held - 1);
  assert_int_equal(cnn_tensor_count(tensor), 3);
  assert_true(cnn_tensor_floats(tensor)[0] == 4);
  cnn_tensor_free(tensor);
  cnn_context_free(context);
  assert_int_equal(atomic_load(&counts.live), 0);
}

static void test_a_tensor_keeps_its_context(void **state) {
  counting counts = {0};
  cnn_context *context = counting_context(&counts, 1);
  cnn_context *before = cnn_context_use(context);
  cnn_tensor *tensor = cnn_tensor_create(CNN_FLOAT32, 2, two_by_three);
  cnn_context_use(before);
  cnn_context_free(context);
  assert_int_equal(cnn_tensor_count(tensor), 6);
  cnn_tensor_free(tensor);
  assert_int_equal(atomic_load(&counts.live), 0);
}

static bool use_tensors(void) {
  cnn_tensor *tensor = cnn_tensor_copy_of(CNN_FLOAT32, 2, two_by_three, six);
  cnn_tensor *clone = tensor ? cnn_tensor_clone(tensor) : NULL;
  cnn_tensor *slice = clone ? cnn_tensor_slice(clone, 1, 1) : NULL;
  const bool done = slice != NULL;
  cnn_tensor_free(slice);
  cnn_tensor_free(clone);
  cnn_tensor_free(tensor);
  return done;
}

static void test_every_allocation_may_fail(void **state) {
  counting counts = {0};
  cnn_context *context = counting_context(&counts, 1);
  cnn_context *before = cnn_context_use(context);
  const long first = atomic_load(&counts.calls), held = atomic_load(&counts.live);
  assert_true(use_tensors());
  const long calls = atomic_load(&counts.calls) - first;
  assert_true(calls > 0);
  for (long i = 1; i <= calls; i++) {
    cnn_clear_error();
    counts.fail_at = atomic_load(&counts.calls) + i;
    assert_false(use_tensors());
    assert_int_equal(cnn_last_status(), CNN_E_NOMEM);
    assert_int_equal(atomic_load(&counts.live), held);
  }
  counts.fail_at = 0;
  assert_true(use_tensors());
  cnn_context_use(before);
  cnn_context_free(context);
  assert_int_equal(atomic_load(&counts.live), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_new_tensor_is_zero),
      cmocka_unit_test(test_a_scalar_has_one_element_and_an_empty_tensor_none),
      cmocka_unit_test(test_copies_are_their_own_and_borrowed_data_is_the_callers),
      cmocka_unit_test(test_a_slice_holds_the_rows_asked_for),
      cmocka_unit_test(test_reshaping_keeps_the_elements_and_their_number),
      cmocka_unit_test(test_what_cannot_be_is_refused),
      cmocka_unit_test(test_null_gives_the_stated_answer_and_keeps_the_first_failure),
      cmocka_unit_test(test_floats_are_refused_where_elements_are_others),
      cmocka_unit_test(test_pointing_elsewhere_gives_back_what_was_owned),
      cmocka_unit_test(test_a_tensor_keeps_its_context),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("tensors", tests, NULL, NULL);
}
