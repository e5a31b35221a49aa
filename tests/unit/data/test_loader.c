/* What loaders give: batches, in order or shuffled, the same for any number of threads. */
#include "loaders.h"

/* ---- plain batches ---- */

static void test_batches_hold_the_set_in_order(void **state) {
  cnn_dataset *set = made_up_set(10, 3, 2, 3, 10);
  for (int workers = 0; workers < 3; workers++) {
    cnn_loader *loader =
        cnn_loader_new(set, .batch_size = 4, .rescale = 1 / 255., .workers = workers);
    assert_int_equal(cnn_loader_batches(loader), 3);
    assert_int_equal(cnn_loader_samples(loader), 10);
    for (int epoch = 0; epoch < 3; epoch++) {
      for (int64_t b = 0; b < 3; b++) {
        const cnn_tensor *images, *labels;
        assert_int_equal(cnn_loader_epoch(loader), epoch);
        assert_int_equal(cnn_loader_position(loader), b);
        assert_int_equal(cnn_loader_next(loader, &images, &labels), CNN_OK);
        const int64_t count = b < 2 ? 4 : 2;
        assert_int_equal(cnn_tensor_shape(images)[0], count);
        assert_int_equal(cnn_tensor_shape(images)[3], 3);
        assert_int_equal(cnn_tensor_rank(labels), 2);
        assert_int_equal(cnn_tensor_shape(labels)[1], 1);
        for (int64_t i = 0; i < count; i++)
          assert_int_equal(((const int32_t *)cnn_tensor_const_data(labels))[i], b * 4 + i);
        const float *values = cnn_tensor_floats(images);
        for (size_t e = 0; e < (size_t)count * 18; e++)
          assert_true(values[e] == (float)pixel_at((size_t)b * 72 + e) * (float)(1 / 255.));
      }
      const cnn_tensor *images;
      assert_int_equal(cnn_loader_next(loader, &images, NULL), CNN_OK);
      assert_null(images);
    }
    cnn_loader_free(loader);
  }
  cnn_dataset_free(set);
}

static void test_drop_last_and_shuffle(void **state) {
  cnn_dataset *set = made_up_set(103, 1, 1, 1, 103);
  cnn_loader *loader =
      cnn_loader_new(set, .batch_size = 10, .drop_last = 1, .shuffle = 1, .seed = 3);
  assert_int_equal(cnn_loader_batches(loader), 10);
  assert_int_equal(cnn_loader_samples(loader), 100);
  int32_t seen[2][103] = {{0}}, firsts[2];
  for (int epoch = 0; epoch < 2; epoch++)
    for (int b = 0; b <= 10; b++) {
      const cnn_tensor *images, *labels;
      assert_int_equal(cnn_loader_next(loader, &images, &labels), CNN_OK);
      if (b == 10) {
        assert_null(images);
        continue;
      }
      const int32_t *values = cnn_tensor_const_data(labels);
      if (b == 0) firsts[epoch] = values[0] * 1000 + values[1];
      for (int i = 0; i < 10; i++)
        assert_int_equal(seen[epoch][values[i]]++, 0);
    }
  assert_int_not_equal(firsts[0], firsts[1]);
  cnn_loader_free(loader);
  cnn_dataset_free(set);
}

static void test_one_hot_and_normalisation(void **state) {
  cnn_dataset *set = made_up_set(3, 2, 2, 2, 3);
  const double mean[] = {.5, .25}, deviation[] = {.5, 2};
  cnn_loader *loader = cnn_loader_new(set, .rescale = 1 / 255., .one_hot = 1, .channels = 2,
                                      .mean = mean, .deviation = deviation);
  const cnn_tensor *images, *labels;
  assert_int_equal(cnn_loader_next(loader, &images, &labels), CNN_OK);
  const float *hot = cnn_tensor_floats(labels), *values = cnn_tensor_floats(images);
  for (int i = 0; i < 9; i++)
    assert_true(hot[i] == (i / 3 == i % 3));
  for (size_t e = 0; e < 24; e++) {
    const double want = (pixel_at(e) / 255. - mean[e % 2]) / deviation[e % 2];
    assert_true(fabs(values[e] - want) < 1e-6);
  }
  const cnn__loader_info *info = cnn__loader_info_of(loader);
  assert_int_equal(info->labels, CNN__LABELS_VECTOR);
  assert_int_equal(info->label_width, 3);
  assert_int_equal(info->preprocessing.channels, 2);
  assert_true(info->preprocessing.mean[1] == .25 && info->preprocessing.deviation[0] == .5);

  /* What does not come from a loader takes the same way. */
  cnn__preprocess *preprocess;
  cnn_context *context = cnn__context_acquire();
  assert_int_equal(cnn__preprocess_new(context, &info->preprocessing, &preprocess), CNN_OK);
  uint8_t pixels[24];
  float same[24];
  for (size_t e = 0; e < 24; e++)
    pixels[e] = pixel_at(e);
  cnn__preprocess_run(preprocess, 24, pixels, same);
  assert_memory_equal(same, values, sizeof same);
  cnn__preprocess_free(preprocess);
  cnn_context_free(context);
  cnn_loader_free(loader);
  cnn_dataset_free(set);
}

/* ---- the same for any number of threads, and after seeking ---- */

static void test_threads_and_workers_change_nothing(void **state) {
  static const int64_t threads[] = {1, 2, 4, 8};
  uint64_t want[EPOCHS][MOST_BATCHES] = {{0}};
  for (size_t k = 0; k < 4; k++)
    for (int background = 0; background < 2; background++) {
      cnn_context *context = cnn_context_new(.threads = threads[k]);
      cnn_context_use(context);
      cnn_dataset *set = made_up_set(150, 32, 32, 3, 10);
      cnn_loader *loader = shuffled(set, background ? threads[k] : 0);
      uint64_t sums[EPOCHS][MOST_BATCHES] = {{0}};
      read_epochs(loader, sums);
      if (k == 0 && !background)
        memcpy(want, sums, sizeof want);
      else
        assert_memory_equal(want, sums, sizeof want);
      cnn_loader_free(loader);
      cnn_dataset_free(set);
      cnn_context_use(NULL);
      cnn_context_free(context);
    }
  assert_int_not_equal(want[0][0], want[1][0]);
}

static void test_seeking_goes_anywhere(void **state) {
  cnn_dataset *set = made_up_set(150, 8, 8, 3, 10);
  uint64_t want[EPOCHS][MOST_BATCHES] = {{0}};
  cnn_loader *loader = shuffled(set, 0);
  read_epochs(loader, want);
  cnn_loader_free(loader);
  for (int64_t workers = 0; workers < 4; workers++) {
    loader = shuffled(set, workers);
    static const int places[][2] = {{2, 3}, {0, 9}, {1, 0}, {1, 1}, {0, 0}, {2, 9}};
    for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
      const cnn_tensor *images, *labels;
      int64_t epoch = places[k][0], b = places[k][1];
      assert_int_equal(cnn_loader_seek(loader, epoch, b), CNN_OK);
      for (int steps = 0; steps < 4 && epoch < EPOCHS; steps++) {
        assert_int_equal(cnn_loader_next(loader, &images, &labels), CNN_OK);
        if (!images) {
          epoch++;
          b = 0;
          continue;
        }
        assert_int_equal(batch_sum(images, labels), want[epoch][b]);
        b++;
      }
    }
    assert_error(CNN_E_INVALID, cnn_loader_seek(loader, 0, 11), "batch 11");
    assert_error(CNN_E_INVALID, cnn_loader_seek(loader, -1, 0), "epoch -1");
    cnn_loader_free(loader); /* in the middle of an epoch */
  }
  cnn_dataset_free(set);
}

/* Each batch comes so often: as validation sees it, then drawn anew, with any workers. */
static void test_views_show_a_batch_again(void **state) {
  enum { VIEWS = 3 };
  cnn_dataset *set = made_up_set(20, 8, 8, 3, 10);
  cnn_loader *plain = cnn_loader_new(set, .batch_size = 8, .shuffle = 1, .seed = 5);
  uint64_t want[EPOCHS][MOST_BATCHES] = {{0}};
  for (int64_t workers = 0; workers < 3; workers++) {
    cnn_loader *loader = cnn_loader_new(set, .batch_size = 8, .shuffle = 1, .seed = 5,
                                        .views = VIEWS, .workers = workers, .augment = tutorial());
    assert_int_equal(cnn_loader_batches(loader), 3 * VIEWS);
    assert_int_equal(cnn_loader_samples(loader), 20);
    uint64_t sums[EPOCHS][MOST_BATCHES] = {{0}};
    read_epochs(loader, sums);
    if (workers == 0) memcpy(want, sums, sizeof want);
    assert_memory_equal(want, sums, sizeof want);
    assert_int_equal(cnn_loader_seek(loader, 1, 4), CNN_OK);
    const cnn_tensor *images, *labels;
    assert_int_equal(cnn_loader_next(loader, &images, &labels), CNN_OK);
    assert_int_equal(batch_sum(images, labels), want[1][4]);
    cnn_loader_free(loader);
  }
  for (int epoch = 0; epoch < EPOCHS; epoch++) {
    for (int b = 0; b < 3; b++) {
      const cnn_tensor *images, *labels;
      assert_int_equal(cnn_loader_next(plain, &images, &labels), CNN_OK);
      assert_int_equal(want[epoch][b * VIEWS], batch_sum(images, labels));
      assert_int_not_equal(want[epoch][b * VIEWS + 1], want[epoch][b * VIEWS]);
      assert_int_not_equal(want[epoch][b * VIEWS + 2], want[epoch][b * VIEWS + 1]);
    }
    const cnn_tensor *images;
    assert_int_equal(cnn_loader_next(plain, &images, NULL), CNN_OK);
    assert_null(images);
  }
  assert_int_not_equal(want[0][1], want[1][1]);
  cnn_loader_free(plain);
  cnn_dataset_free(set);
}

static uint64_t fingerprint_of(cnn_loader *loader) {
  assert_non_null(loader);
  const uint64_t fingerprint = cnn__loader_info_of(loader)->fingerprint;
  cnn_loader_free(loader);
  return fingerprint;
}

static void test_fingerprints_tell_recipes_apart(void **state) {
  cnn_dataset *set = made_up_set(4, 8, 8, 3, 2), *other = made_up_set(5, 8, 8, 3, 2);
  const double means[][3] = {{.5, .5, .5}, {.5, .5, .4}};
  cnn_transform *fitted = cnn_augmentation(.featurewise_center = 1);
  assert_int_equal(cnn_transform_fit(fitted, other), CNN_OK);
  const uint64_t all[] = {
      fingerprint_of(cnn_loader_new(set)),
      fingerprint_of(cnn_loader_new(set, .rescale = 1 / 255.)),
      fingerprint_of(cnn_loader_new(set, .one_hot = 1)),
      fingerprint_of(cnn_loader_new(set, .views = 2)),
      fingerprint_of(cnn_loader_new(set, .mean = means[0], .channels = 3)),
      fingerprint_of(cnn_loader_new(set, .mean = means[1], .channels = 3)),
      fingerprint_of(cnn_loader_new(set, .deviation = means[0], .channels = 3)),
      fingerprint_of(cnn_loader_new(set, .augment = cnn_augmentation(.rotation = 20))),
      fingerprint_of(cnn_loader_new(set, .augment = cnn_augmentation(.rotation = 20.5))),
      fingerprint_of(cnn_loader_new(set, .augment = cnn_augmentation(.shear = 20))),
      fingerprint_of(cnn_loader_new(set, .augment = fitted)),
      fingerprint_of(cnn_loader_new(set, .transforms = {cnn_random_crop(.height = 8)})),
      fingerprint_of(cnn_loader_new(set, .transforms = {cnn_center_crop(.height = 8)})),
      fingerprint_of(
          cnn_loader_new(set, .transforms = {cnn_normalize(.channels = 3, .mean = means[0])})),
      fingerprint_of(
          cnn_loader_new(set, .transforms = {cnn_normalize(.channels = 3, .mean = means[1])}))};
  enum { COUNT = sizeof all / sizeof *all };
  for (size_t i = 0; i < COUNT; i++)
    for (size_t k = 0; k < i; k++)
      if (all[i] == all[k]) fail_msg("recipes %zu and %zu have one fingerprint", k, i);
  /* What changes no number changes no fingerprint; and it is a number that files hold. */
  assert_int_equal(fingerprint_of(cnn_loader_new(set, .workers = 2, .cache_bytes = 1)), all[0]);
  assert_int_equal(fingerprint_of(cnn_loader_new(other, .batch_size = 2)), all[0]);
  cnn_dataset_free(set);
  cnn_dataset_free(other);
}

static void test_a_part_takes_its_samples(void **state) {
  cnn_dataset *set = made_up_set(20, 4, 4, 1, 20);
  cnn_loader *loader = shuffled(set, 0), *training = cnn__loader_part(loader, 0, 15, true);
  cnn_loader *validation = cnn__loader_part(loader, 15, 5, false);
  cnn_loader_free(loader);
  assert_true(cnn__loader_info_of(training)->augments);
  assert_false(cnn__loader_info_of(validation)->augments);
  assert_int_equal(cnn_loader_samples(training), 15);
  const cnn_tensor *images, *labels;
  assert_int_equal(cnn_loader_next(validation, &images, &labels), CNN_OK);
  for (int i = 0; i < 5; i++)
    assert_int_equal(((const int32_t *)cnn_tensor_const_data(labels))[i], 15 + i);
  for (size_t e = 0; e < 80; e++)
    assert_true(cnn_tensor_floats(images)[e] == (float)pixel_at(240 + e) * (float)(1 / 255.));
  cnn_loader_free(training);
  cnn_loader_free(validation);
  cnn_dataset_free(set);
}

static void test_a_cache_changes_nothing(void **state) {
  cnn_dataset *set = failing_set(NULL);
  uint64_t want[EPOCHS][MOST_BATCHES] = {{0}};
  for (int k = 0; k < 3; k++) {
    cnn_loader *loader =
        cnn_loader_new(set, .batch_size = 5, .shuffle = 1, .seed = 2, .workers = k == 2,
                       .cache_bytes = k ? 1000 : 0, .augment = tutorial());
    uint64_t sums[EPOCHS][MOST_BATCHES] = {{0}};
    read_epochs(loader, sums);
    if (k == 0) memcpy(want, sums, sizeof want);
    assert_memory_equal(want, sums, sizeof want);
    cnn_loader_free(loader);
  }
  cnn_dataset_free(set);
}

static void test_nothing_is_allocated_after_the_first_batch(void **state) {
  counting c = {0};
  cnn_context *context = counting_context(&c, 2);
  cnn_context_use(context);
  cnn_dataset *set = made_up_set(100, 8, 8, 3, 2);
  for (int64_t workers = 0; workers < 3; workers += 2) {
    cnn_loader *loader = shuffled(set, workers);
    const cnn_tensor *images;
    assert_int_equal(cnn_loader_next(loader, &images, NULL), CNN_OK);
    const long before = atomic_load(&c.calls);
    for (int i = 0; i < 30; i++)
      assert_int_equal(cnn_loader_next(loader, &images, NULL), CNN_OK);
    assert_int_equal(atomic_load(&c.calls), before);
    cnn_loader_free(loader);
  }
  cnn_dataset_free(set);
  cnn_context_use(NULL);
  cnn_context_free(context);
  assert_int_equal(atomic_load(&c.live), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_batches_hold_the_set_in_order),
      cmocka_unit_test(test_drop_last_and_shuffle),
      cmocka_unit_test(test_one_hot_and_normalisation),
      cmocka_unit_test(test_threads_and_workers_change_nothing),
      cmocka_unit_test(test_seeking_goes_anywhere),
      cmocka_unit_test(test_views_show_a_batch_again),
      cmocka_unit_test(test_fingerprints_tell_recipes_apart),
      cmocka_unit_test(test_a_part_takes_its_samples),
      cmocka_unit_test(test_a_cache_changes_nothing),
      cmocka_unit_test(test_nothing_is_allocated_after_the_first_batch),
  };
  return cmocka_run_group_tests_name("data_loader", tests, NULL, NULL);
}
