/* What loaders do about samples that fail, options that cannot be and memory that runs out. */
#include "loaders.h"

#include "data/transform.h"

static void test_a_failing_sample_fails_its_batch(void **state) {
  cnn_status failure = CNN_E_FORMAT;
  cnn_dataset *set = failing_set(&failure);
  for (int64_t workers = 0; workers < 4; workers++) {
    cnn_loader *loader = cnn_loader_new(set, .batch_size = 1, .workers = workers);
    for (int64_t i = 0; i < 12; i++) {
      const cnn_tensor *images, *labels;
      const cnn_status status = cnn_loader_next(loader, &images, &labels);
      assert_int_equal(cnn_loader_position(loader), i + 1);
      if (i % 3 == 1) {
        char words[32];
        snprintf(words, sizeof words, "sample %d", (int)i);
        assert_error(CNN_E_FORMAT, status, words);
        assert_null(images);
        cnn_clear_error();
      } else {
        assert_int_equal(status, CNN_OK);
        assert_int_equal(*(const int32_t *)cnn_tensor_const_data(labels), i);
      }
    }
    cnn_loader_free(loader);
    loader = cnn_loader_new(set, .batch_size = 12, .workers = workers);
    const cnn_tensor *images;
    assert_error(CNN_E_FORMAT, cnn_loader_next(loader, &images, NULL), "sample 1 ");
    cnn_loader_free(loader);
  }
  cnn_dataset_free(set);
}

static void test_broken_samples_are_left_out(void **state) {
  cnn_status failure = CNN_E_FORMAT;
  cnn_dataset *set = failing_set(&failure);
  for (int64_t workers = 0; workers < 3; workers++) {
    cnn_loader *loader = cnn_loader_new(set, .batch_size = 4, .workers = workers, .skip_broken = 1);
    int32_t seen[12] = {0};
    for (;;) {
      const cnn_tensor *images, *labels;
      assert_int_equal(cnn_loader_next(loader, &images, &labels), CNN_OK);
      if (!images) break;
      for (int64_t i = 0; i < cnn_tensor_shape(images)[0]; i++) {
        const int32_t label = ((const int32_t *)cnn_tensor_const_data(labels))[i];
        assert_true(cnn_tensor_floats(images)[i * 4 + 3] == (float)label);
        seen[label]++;
      }
    }
    for (int i = 0; i < 12; i++)
      assert_int_equal(seen[i], i % 3 != 1);
    assert_int_equal(cnn_loader_skipped(loader), 4);
    cnn_loader_free(loader);
  }
  failure = CNN_E_IO; /* the system's failures are not the sample's */
  cnn_loader *loader = cnn_loader_new(set, .skip_broken = 1);
  const cnn_tensor *images;
  assert_int_equal(cnn_loader_next(loader, &images, NULL), CNN_E_IO);
  cnn_loader_free(loader);
  cnn_dataset_free(set);
}

/* Errors stick, so what is left out must not look like one that nobody noticed; and one that is pending stays. */
static void test_what_is_left_out_leaves_no_failure(void **state) {
  cnn_status failure = CNN_E_FORMAT;
  cnn_dataset *set = failing_set(&failure);
  cnn_clear_error();
  for (int64_t workers = 0; workers < 2; workers++)
    for (int pending = 0; pending < 2; pending++) {
      cnn_loader *loader = cnn_loader_new(set, .workers = workers, .skip_broken = 1);
      const cnn_tensor *images;
      if (pending) cnn_fail(CNN_E_STATE, "from before");
      assert_int_equal(cnn_loader_next(loader, &images, NULL), CNN_OK);
      assert_int_equal(cnn_tensor_shape(images)[0], 8);
      assert_int_equal(cnn_last_status(), pending ? CNN_E_STATE : CNN_OK);
      assert_string_equal(cnn_last_error(), pending ? "from before" : "");
      cnn_clear_error();
      cnn_loader_free(loader);
    }
  cnn_dataset_free(set);
}

static void test_what_a_fetch_returns_is_a_status(void **state) {
  cnn_status failure = (cnn_status)1;
  cnn_dataset *set = failing_set(&failure);
  assert_error(CNN_E_INVALID, cnn_dataset_fetch(set, 1, &(cnn_tensor *){NULL}, NULL, NULL),
               "sample 1 ");
  cnn_clear_error();
  cnn_dataset_free(set);
}

static void test_what_is_fitted_on_a_set_that_fails_is_not_fitted(void **state) {
  cnn_status failure = CNN_E_FORMAT;
  cnn_dataset *broken = failing_set(&failure), *sound = failing_set(NULL);
  cnn_transform *whitening = cnn_augmentation(.zca_whitening = 1);
  for (int fitted = 0; fitted < 2; fitted++) {
    assert_error(CNN_E_FORMAT, cnn_transform_fit(whitening, broken), "sample 1 ");
    cnn_clear_error();
    cnn_loader *loader = cnn_loader_new(sound, .augment = cnn__transform_retain(whitening));
    if (fitted) /* to what it was: a failure changes nothing */
      assert_non_null(loader);
    else
      assert_error(CNN_E_STATE, cnn_last_status(), "cnn_transform_fit");
    cnn_clear_error();
    cnn_loader_free(loader);
    assert_int_equal(cnn_transform_fit(whitening, sound), CNN_OK);
  }
  cnn_transform_free(whitening);
  cnn_dataset_free(broken);
  cnn_dataset_free(sound);
}

/* ---- what cannot be ---- */

static void refuse(cnn_loader *loader, cnn_status status, const char *words) {
  assert_null(loader);
  assert_error(status, cnn_last_status(), words);
  cnn_clear_error();
}

static void test_wrong_options_are_named(void **state) {
  cnn_dataset *set = made_up_set(3, 2, 2, 2, 3);
  const double good[] = {1, 1}, bad[] = {1, 0};
  cnn_clear_error();
  refuse(cnn_loader_new(NULL), CNN_E_INVALID, "dataset is NULL");
  refuse(cnn_loader_new(set, .batch_size = -1), CNN_E_INVALID, "batch_size -1");
  refuse(cnn_loader_new(set, .workers = 1000), CNN_E_INVALID, "workers 1000");
  refuse(cnn_loader_new(set, .prefetch = -1), CNN_E_INVALID, "prefetch -1");
  refuse(cnn_loader_new(set, .views = 1025), CNN_E_INVALID, "views 1025");
  refuse(cnn_loader_new(set, .views = 2, .one_hot = 1, .transforms = {cnn_mixup()}), CNN_E_INVALID,
         "views cannot average");
  refuse(cnn_loader_new(set, .rescale = -1), CNN_E_INVALID, "rescale");
  refuse(cnn_loader_new(set, .mean = good, .channels = 3), CNN_E_SHAPE, "3 channels");
  refuse(cnn_loader_new(set, .deviation = bad, .channels = 2), CNN_E_INVALID, "deviation[1]");
  refuse(cnn_loader_new(set, .augment = cnn_augmentation(.featurewise_center = 1)), CNN_E_STATE,
         "cnn_transform_fit");
  cnn_dataset_free(set);
}

/* ---- allocations ---- */

static cnn_status load(int64_t workers) {
  cnn_transform *augment = tutorial();
  if (!augment) return cnn_last_status(); /* to a loader, NULL is no augmentation */
  cnn_dataset *set = made_up_set(20, 4, 4, 3, 2);
  cnn_loader *loader = cnn_loader_new(set, .batch_size = 8, .shuffle = 1, .workers = workers,
                                      .augment = augment, .prefetch = 1);
  cnn_status status = loader ? CNN_OK : cnn_last_status();
  for (int i = 0; status == CNN_OK && i < 5; i++) {
    const cnn_tensor *images;
    status = cnn_loader_next(loader, &images, NULL);
  }
  cnn_loader_free(loader);
  cnn_dataset_free(set);
  return status;
}
static cnn_status load_alone(void) {
  return load(0);
}
static cnn_status load_in_background(void) {
  return load(2);
}

static void test_every_allocation_may_fail(void **state) {
  every_allocation_fails(load_alone);
  every_allocation_fails(load_in_background);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_failing_sample_fails_its_batch),
      cmocka_unit_test(test_broken_samples_are_left_out),
      cmocka_unit_test(test_what_is_left_out_leaves_no_failure),
      cmocka_unit_test(test_what_a_fetch_returns_is_a_status),
      cmocka_unit_test(test_what_is_fitted_on_a_set_that_fails_is_not_fitted),
      cmocka_unit_test(test_wrong_options_are_named),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("data_loader_failures", tests, NULL, NULL);
}
