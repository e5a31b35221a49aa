/* Parts of a loader: what validation sees of images that training sees at random; and a loader's limits. */
#include "loaders.h"

/* ---- images as they are ---- */

enum { COUNT = 6, PIXELS = 8 * 8 * 3 };

static cnn_status spoil(void *user, float *values, int64_t height, int64_t width, int64_t channels,
                        uint64_t seed) {
  values[0] = -1;
  return CNN_OK;
}

static cnn_transform *random_transform(int kind) {
  switch (kind) {
  case 0:
    return cnn_augmentation(.channel_shift = 40, .brightness_low = .5, .brightness_high = 2);
  case 1:
    return tutorial();
  case 2:
    return cnn_color_jitter(.brightness = .5, .contrast = .5, .saturation = .5, .hue = .2);
  case 3:
    return cnn_random_erasing(.probability = 1, .value = 7);
  case 4:
    return cnn_custom_transform(.apply = spoil, .random = 1);
  case 5:
    return cnn_random_resized_crop(.height = 8);
  default:
    return cnn_random_crop(.height = 8, .padding = 3);
  }
}

/* How many values of the loader's first batch are not the set's own. */
static int changes_of(cnn_loader *loader, size_t begin) {
  const cnn_tensor *images;
  int changes = 0;
  assert_int_equal(cnn_loader_next(loader, &images, NULL), CNN_OK);
  assert_non_null(images);
  const float *values = cnn_tensor_floats(images);
  for (size_t i = 0; i < images->bytes / sizeof(float); i++)
    changes += fabsf(values[i] - (float)pixel_at(begin * PIXELS + i)) > 1e-3f;
  return changes;
}

static void test_validation_sees_images_as_they_are(void **state) {
  cnn_dataset *set = made_up_set(COUNT, 8, 8, 3, 2);
  for (int kind = 0; kind < 7; kind++) {
    cnn_loader *loader =
        cnn_loader_new(set, .batch_size = COUNT, .transforms = {random_transform(kind)});
    assert_non_null(loader);
    cnn_loader *head = cnn__loader_part(loader, 0, 4, true);
    cnn_loader *tail = cnn__loader_part(loader, 4, 2, false);
    cnn_loader *tail_of_tail = cnn__loader_part(tail, 1, 1, true); /* calm as what it is part of */
    if (changes_of(head, 0) == 0) fail_msg("transform %d changes nothing", kind);
    if (changes_of(tail, 4) != 0) fail_msg("transform %d changes what validates", kind);
    if (changes_of(tail_of_tail, 5) != 0) fail_msg("transform %d changes part of it", kind);
    cnn_loader *loaders[] = {loader, head, tail, tail_of_tail};
    for (size_t i = 0; i < 4; i++)
      cnn_loader_free(loaders[i]);
  }
  cnn_dataset_free(set);
}

static void test_a_part_takes_as_many_transforms_as_there_may_be(void **state) {
  cnn_dataset *set = made_up_set(COUNT, 8, 8, 3, 2);
  cnn_loader_options options = {.struct_size = sizeof options, .dataset = set, .batch_size = COUNT};
  for (size_t i = 0; i < CNN_MAX_TRANSFORMS; i++)
    options.transforms[i] = cnn_normalize(.channels = 3, .rescale = 2);
  options.augment = cnn_normalize(.channels = 3, .rescale = 0.5);
  cnn_loader *loader = cnn_loader_create(&options);
  assert_non_null(loader);
  cnn_loader *part = cnn__loader_part(loader, 0, COUNT, true);
  assert_non_null(part);
  const cnn_tensor *images;
  assert_int_equal(cnn_loader_next(part, &images, NULL), CNN_OK);
  const float factor = ldexpf(1, CNN_MAX_TRANSFORMS - 1);
  for (size_t i = 0; i < 100; i++)
    assert_true(cnn_tensor_floats(images)[i] == factor * (float)pixel_at(i));
  cnn_loader_free(part);
  cnn_loader_free(loader);
  cnn_dataset_free(set);
}

/* ---- mixing ---- */

/* The share of batches in which a sample's label is not its own alone. */
static int mixed_batches(cnn_dataset *set, cnn_transform *mix) {
  cnn_loader *loader = cnn_loader_new(set, .batch_size = COUNT, .one_hot = 1, .transforms = {mix});
  int mixed = 0;
  for (int epoch = 0; epoch < 100; epoch++) {
    const cnn_tensor *images, *labels;
    assert_int_equal(cnn_loader_next(loader, &images, &labels), CNN_OK);
    bool any = false;
    for (size_t i = 0; i < labels->bytes / sizeof(float); i++)
      any = any || (cnn_tensor_floats(labels)[i] > 1e-6f && cnn_tensor_floats(labels)[i] < 1);
    mixed += any;
    assert_int_equal(cnn_loader_next(loader, &images, NULL), CNN_OK);
    assert_null(images);
  }
  cnn_loader_free(loader);
  return mixed;
}

static void test_batches_are_mixed_as_often_as_is_said(void **state) {
  cnn_dataset *set = made_up_set(COUNT, 8, 8, 3, COUNT);
  /* 100 draws of 0.3: between 12 and 50 but once in 10^4 seeds. */
  const int some = mixed_batches(set, cnn_mixup(.alpha = 1, .probability = 0.3));
  const int cut = mixed_batches(set, cnn_cutmix(.alpha = 8, .probability = 0.3));
  assert_in_range(some, 12, 50);
  assert_in_range(cut, 12, 50);
  assert_int_equal(mixed_batches(set, cnn_mixup(.alpha = 1, .probability = 1e-9)), 0);
  assert_true(mixed_batches(set, cnn_mixup(.alpha = 1)) > 95);
  cnn_dataset_free(set);
}

/* Beta(0.001, 0.001): shares so near to 0 and 1 that almost no batch is seen to be mixed; but a window as large as the
   image around a point of it, which every other batch then loses, is clipped. */
static void test_shares_at_the_very_ends(void **state) {
  cnn_dataset *set = made_up_set(COUNT, 8, 8, 3, COUNT);
  assert_in_range(mixed_batches(set, cnn_mixup(.alpha = 1e-3)), 0, 10);
  assert_in_range(mixed_batches(set, cnn_cutmix(.alpha = 1e-3)), 25, 75);
  cnn_dataset_free(set);
}

/* ---- limits ---- */

static void refuse(cnn_loader *loader, const char *words) {
  assert_null(loader);
  assert_error(CNN_E_INVALID, cnn_last_status(), words);
  cnn_clear_error();
}

static void test_numbers_out_of_range_are_named(void **state) {
  cnn_dataset *set = made_up_set(COUNT, 8, 8, 3, 2);
  refuse(cnn_loader_new(set, .workers = -1), "workers -1 is not in");
  refuse(cnn_loader_new(set, .prefetch = 1 << 20), "prefetch 1048576 is not in");
  refuse(cnn_loader_new(set, .views = -1), "views -1 is not in");
  refuse(cnn_loader_new(set, .batch_size = (int64_t)1 << 40), "batch_size 1099511627776");
  refuse(cnn_loader_new(set, .transforms = {NULL, tutorial()}), "a transform before another");
  cnn_loader *loader = cnn_loader_new(set, .batch_size = 4);
  static const int64_t places[][2] = {{-1, 0}, {0, -1}, {0, 3}};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    assert_error(CNN_E_INVALID, cnn_loader_seek(loader, places[i][0], places[i][1]),
                 "is not in [0, 2]");
    cnn_clear_error();
  }
  assert_int_equal(cnn_loader_seek(loader, 7, 2), CNN_OK);
  const cnn_tensor *images;
  assert_int_equal(cnn_loader_next(loader, &images, NULL), CNN_OK);
  assert_null(images); /* epoch 7 ends there */
  assert_int_equal(cnn_loader_epoch(loader), 8);
  cnn_loader_free(loader);
  cnn_dataset_free(set);
}

/* A batch has one dimension more than its images. */
static void test_images_of_eight_dimensions_make_no_batch(void **state) {
  cnn_dataset_callbacks callbacks = {.struct_size = sizeof callbacks,
                                     .count = 12,
                                     .shape = {1, 1, 1, 1, 1, 2, 2, 1},
                                     .classes = 12,
                                     .fetch = every_third_fails};
  cnn_dataset *set = cnn_dataset_create(&callbacks);
  assert_non_null(set);
  assert_null(cnn_loader_new(set, .batch_size = 3));
  assert_error(CNN_E_SHAPE, cnn_last_status(), "a batch would have more than 8 dimensions");
  cnn_clear_error();
  cnn_dataset_free(set);
}

/* Bytes bound the batches that are made ahead, of which there is one at least. */
static void test_batches_ahead_are_bound_by_bytes(void **state) {
  cnn_context *context = cnn_context_new(.threads = 1);
  cnn_context_use(context);
  cnn_dataset *set = made_up_set(64, 8, 8, 3, 2);
  const uint64_t batch = 4 * PIXELS * sizeof(float), before = cnn_context_memory(context);
  uint64_t memory[3];
  for (int i = 0; i < 3; i++) {
    static const uint64_t ahead[] = {16, 4, 1};
    cnn_loader *loader = cnn_loader_new(set, .batch_size = 4, .workers = 1, .prefetch = 16,
                                        .prefetch_bytes = i == 2 ? 1 : ahead[i] * batch);
    const cnn_tensor *images;
    assert_int_equal(cnn_loader_next(loader, &images, NULL), CNN_OK);
    memory[i] = cnn_context_memory(context) - before;
    cnn_loader_free(loader);
  }
  assert_true(memory[0] - memory[1] >= 12 * batch);
  assert_true(memory[1] - memory[2] >= 3 * batch);
  cnn_dataset_free(set);
  cnn_context_use(NULL);
  cnn_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_validation_sees_images_as_they_are),
      cmocka_unit_test(test_a_part_takes_as_many_transforms_as_there_may_be),
      cmocka_unit_test(test_batches_are_mixed_as_often_as_is_said),
      cmocka_unit_test(test_shares_at_the_very_ends),
      cmocka_unit_test(test_numbers_out_of_range_are_named),
      cmocka_unit_test(test_images_of_eight_dimensions_make_no_batch),
      cmocka_unit_test(test_batches_ahead_are_bound_by_bytes),
  };
  return cmocka_run_group_tests_name("data_loader_parts", tests, NULL, NULL);
}
