/* Datasets and loaders that cannot be: labels, classes, parts, callbacks and options that do not fit, each with its status and
   words; and the rarer kinds that can. */
#include "images.h"

static void refuse_loader(cnn_loader *loader, cnn_status status, const char *words) {
  if (loader) fail_msg("a loader was made, not \"%s\"", words);
  assert_error(status, cnn_last_status(), words);
  cnn_clear_error();
}

/* ---- arrays ---- */

static void test_labels_that_do_not_fit_the_images(void **state) {
  static const char *const names[] = {"a", "b"}, *const holed[] = {"a", NULL};
  cnn_tensor *images = cnn_tensor_create(CNN_UINT8, 3, (int64_t[]){3, 2, 2});
  cnn_tensor *scalar = cnn_tensor_create(CNN_INT32, 0, NULL);
  cnn_tensor *cube = cnn_tensor_create(CNN_INT32, 3, (int64_t[]){3, 1, 1});
  cnn_tensor *empty = cnn_tensor_create(CNN_FLOAT32, 2, (int64_t[]){3, 0});
  cnn_tensor *pairs = cnn_tensor_create(CNN_FLOAT32, 2, (int64_t[]){3, 2});
  cnn_tensor *doubles = cnn_tensor_create(CNN_FLOAT64, 1, (int64_t[]){3});
  cnn_tensor *labels = cnn_tensor_create(CNN_INT32, 1, (int64_t[]){3});
  cnn_tensor *large =
      cnn_tensor_copy_of(CNN_INT64, 1, (int64_t[]){3}, (int64_t[]){0, 1, INT64_C(1) << 31});
  cnn_clear_error();
  refuse_set(cnn_array_dataset(.images = images, .labels = scalar), CNN_E_SHAPE, "do not fit 3");
  refuse_set(cnn_array_dataset(.images = images, .labels = cube), CNN_E_SHAPE,
             "labels 3x1x1 are neither (count) nor (count, n)");
  refuse_set(cnn_array_dataset(.images = images, .labels = empty), CNN_E_SHAPE,
             "labels 3x0 do not fit");
  refuse_set(cnn_array_dataset(.images = images, .labels = pairs, .classes = 3), CNN_E_SHAPE,
             "labels 3x2 do not fit 3 classes");
  refuse_set(cnn_array_dataset(.images = images, .labels = doubles), CNN_E_INVALID,
             "not float32, uint8, int32 or int64");
  refuse_set(cnn_array_dataset(.images = images, .labels = large), CNN_E_INVALID,
             "label 2147483648 of sample 2");
  refuse_set(cnn_array_dataset(.images = images, .classes = INT64_C(1) << 31), CNN_E_INVALID,
             "classes 2147483648");
  refuse_set(cnn_array_dataset(.images = images, .labels = labels, .class_names = names),
             CNN_E_INVALID, "class_names are given without classes");
  refuse_set(
      cnn_array_dataset(.images = images, .labels = labels, .classes = 2, .class_names = holed),
      CNN_E_INVALID, "class_names[1] is NULL");
  cnn_tensor *all[] = {images, scalar, cube, empty, pairs, doubles, labels, large};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    cnn_tensor_free(all[i]);
}

/* Nothing is copied: what changes in the tensors changes in the set. */
static void test_borrowed_arrays_are_the_callers(void **state) {
  cnn_tensor *images = cnn_tensor_create(CNN_UINT8, 4, (int64_t[]){3, 2, 2, 1});
  cnn_tensor *labels = cnn_tensor_create(CNN_INT32, 1, (int64_t[]){3});
  cnn_tensor *vectors = cnn_tensor_create(CNN_FLOAT32, 2, (int64_t[]){3, 2});
  cnn_dataset *by_index =
      cnn_array_dataset(.images = images, .labels = labels, .classes = 7, .borrow = 1);
  cnn_dataset *by_vector =
      cnn_array_dataset(.images = images, .labels = vectors, .classes = 2, .borrow = 1);
  assert_non_null(by_index);
  assert_non_null(by_vector);
  ((uint8_t *)images->data)[11] = 99;
  ((int32_t *)labels->data)[2] = 6;
  ((float *)vectors->data)[5] = 0.5f;
  cnn_tensor *image;
  int32_t index;
  float vector[2];
  assert_int_equal(cnn_dataset_fetch(by_index, 2, &image, &index, NULL), CNN_OK);
  assert_int_equal(((const uint8_t *)image->data)[3], 99);
  assert_int_equal(index, 6);
  cnn_tensor_free(image);
  assert_int_equal(cnn_dataset_fetch(by_vector, 2, NULL, &index, vector), CNN_OK);
  assert_true(vector[1] == 0.5f);
  assert_int_equal(index, -1);
  assert_int_equal(cnn_dataset_classes(by_vector), 2);
  const cnn_tensor *batch; /* a transform reads a pixel beyond the last: not of a borrowed array */
  cnn_loader *loader = cnn_loader_new(by_index, .augment = cnn_augmentation(.rotation = 10));
  assert_int_equal(cnn_loader_next(loader, &batch, NULL), CNN_OK);
  cnn_loader_free(loader);
  cnn_dataset_free(by_index);
  cnn_dataset_free(by_vector);
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  cnn_tensor_free(vectors);
}

static void test_questions_about_no_dataset(void **state) {
  assert_int_equal(cnn_dataset_dtype(NULL), CNN_UINT8);
  assert_int_equal(cnn_dataset_classes(NULL), 0);
  assert_int_equal(cnn_dataset_label_width(NULL), 0);
  assert_int_equal(cnn_dataset_skipped(NULL), 0);
  assert_int_equal(cnn_loader_epoch(NULL), 0);
  assert_int_equal(cnn_loader_position(NULL), 0);
  assert_int_equal(cnn_loader_samples(NULL), 0);
  assert_int_equal(cnn_loader_batch_size(NULL), 0);
  assert_int_equal(cnn_loader_skipped(NULL), 0);
  assert_null(cnn_loader_dataset(NULL));
}

/* ---- parts ---- */

static void test_parts_that_cannot_be(void **state) {
  static const int64_t indices[] = {0, -1}, beyond[] = {0, 4};
  cnn_dataset *set = made_up_set(4, 2, 2, 1, 2), *more = made_up_set(4, 2, 2, 1, 3);
  cnn_dataset *first = set, *second = set;
  cnn_tensor *images = cnn_tensor_create(CNN_UINT8, 4, (int64_t[]){4, 2, 2, 1});
  cnn_tensor *floats = cnn_tensor_create(CNN_FLOAT32, 4, (int64_t[]){4, 2, 2, 1});
  cnn_tensor *labels = cnn_tensor_create(CNN_INT32, 1, (int64_t[]){4});
  cnn_dataset *bare = cnn_array_dataset(.images = images);
  cnn_dataset *real = cnn_array_dataset(.images = floats, .labels = labels, .classes = 2);
  cnn_dataset *named = cnn_array_dataset(.images = images, .labels = labels, .classes = 2,
                                         .class_names = (const char *const[]){"0", "x"});
  cnn_clear_error();
  cnn_tensor *vectors = cnn_tensor_create(CNN_FLOAT32, 2, (int64_t[]){4, 2});
  cnn_dataset *hot = cnn_array_dataset(.images = images, .labels = vectors);
  cnn_tensor_free(vectors);
  for (int64_t i = 0; i < 2; i++) /* before the first, and fewer than none */
    refuse_set(cnn_dataset_slice(set, -i, i - 1), CNN_E_INVALID, "samples from");
  refuse_set(cnn_dataset_slice(set, -1, 1), CNN_E_INVALID, "1 samples from -1 on exceed 4");
  refuse_set(cnn_dataset_slice(set, 5, 0), CNN_E_INVALID, "0 samples from 5 on exceed 4");
  refuse_set(cnn_dataset_slice(set, 3, 2), CNN_E_INVALID, "2 samples from 3 on exceed 4");
  refuse_set(cnn_dataset_subset(set, NULL, 1), CNN_E_INVALID, "indices is NULL");
  refuse_set(cnn_dataset_concatenate((cnn_dataset *[]){set}, (int64_t)INT32_MAX + 1), CNN_E_INVALID,
             "count 2147483648");
  refuse_set(cnn_dataset_subset(NULL, indices, 1), CNN_E_INVALID, "dataset is NULL");
  refuse_set(cnn_dataset_subset(set, indices, -1), CNN_E_INVALID, "count -1 is negative");
  refuse_set(cnn_dataset_subset(set, indices, 2), CNN_E_INVALID, "indices[1] = -1 is not in");
  refuse_set(cnn_dataset_subset(set, beyond, 2), CNN_E_INVALID, "indices[1] = 4 is not in");
  refuse_set(cnn_dataset_concatenate(NULL, 1), CNN_E_INVALID, "datasets is NULL");
  const struct {
    cnn_dataset *other;
    const char *words;
  } unlike[] = {{real, "set 1 has images"},
                {bare, "set 1 has 0 classes"},
                {more, "set 1 has 3 classes"},
                {hot, "labels of width 2"},
                {named, "class 1 is x in set 1, 1 in set 0"}};
  for (size_t i = 0; i < sizeof unlike / sizeof *unlike; i++)
    refuse_set(cnn_dataset_concatenate((cnn_dataset *[]){set, unlike[i].other}, 2), CNN_E_SHAPE,
               unlike[i].words);
  const struct {
    cnn_dataset *set;
    double fraction;
    int64_t stratified;
    cnn_dataset **first, **second;
    const char *words;
  } splits[] = {{NULL, 0.5, 0, &first, &second, "dataset is NULL"},
                {set, 0.5, 0, NULL, &second, "first is NULL"},
                {set, 0.5, 0, &first, NULL, "second is NULL"},
                {set, 0, 0, &first, &second, "fraction"},
                {set, 1, 0, &first, &second, "fraction"},
                {bare, 0.5, 1, &first, &second, "a stratified split needs class labels"},
                {hot, 0.5, 1, &first, &second, "a stratified split needs class labels"}};
  for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
    assert_error(CNN_E_INVALID,
                 cnn_dataset_split(splits[i].set, splits[i].fraction, splits[i].stratified, 1,
                                   splits[i].first, splits[i].second),
                 splits[i].words);
    cnn_clear_error();
  }
  assert_true(first == set && second == set);
  cnn_dataset *sets[] = {set, more, bare, real, named, hot};
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
    cnn_dataset_free(sets[i]);
  cnn_tensor_free(images);
  cnn_tensor_free(floats);
  cnn_tensor_free(labels);
}

/* ---- callbacks ---- */

/* What one fetch gives; a shape of rank 0: no image. */
typedef struct given {
  cnn_dtype dtype;
  int64_t rank, shape[3];
  int32_t index;
} given;

static cnn_status fetch_given(void *user, int64_t i, cnn_tensor **image, int32_t *index,
                              float *vector) {
  const given *g = user;
  *image = g->rank ? cnn_tensor_create(g->dtype, g->rank, g->shape) : NULL;
  *index = g->index;
  if (vector) vector[0] = 0.25f;
  return CNN_OK;
}

static void test_what_fetch_gives_is_what_was_promised(void **state) {
  given gift;
  cnn_dataset_callbacks callbacks = {.struct_size = sizeof callbacks,
                                     .user = &gift,
                                     .count = 1,
                                     .shape = {-1, 0, 3},
                                     .classes = 2,
                                     .fetch = fetch_given};
  const struct {
    given gift;
    cnn_status status;
    const char *words;
  } cases[] = {{{CNN_UINT8, 0, {0}, 0}, CNN_E_INVALID, "fetch gave no image for sample 0"},
               {{CNN_FLOAT32, 3, {2, 2, 3}, 0}, CNN_E_INVALID, "fetch gave dtype"},
               {{CNN_UINT8, 2, {2, 2}, 0}, CNN_E_SHAPE, "fetch gave 2x2 for sample 0"},
               {{CNN_UINT8, 3, {2, 2, 1}, 0}, CNN_E_SHAPE, "fetch gave 2x2x1"},
               {{CNN_UINT8, 3, {0, 2, 3}, 0}, CNN_E_SHAPE, "fetch gave 0x2x3"},
               {{CNN_UINT8, 3, {2, 2, 3}, -1}, CNN_E_INVALID, "fetch gave label -1"},
               {{CNN_UINT8, 3, {2, 2, 3}, 2}, CNN_E_INVALID, "fetch gave label 2"}};
  cnn_dataset *set = cnn_dataset_create(&callbacks);
  assert_non_null(set);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cnn_tensor *image = NULL;
    int32_t index;
    gift = cases[i].gift;
    cnn_clear_error();
    if (cnn_dataset_fetch(set, 0, &image, &index, NULL) == CNN_OK)
      fail_msg("taken, not \"%s\"", cases[i].words);
    assert_error(cases[i].status, cnn_last_status(), cases[i].words);
    assert_null(image);
  }
  cnn_clear_error();
  cnn_dataset_free(set);
  /* Vectors: an image alone is asked for, too. */
  callbacks.label_width = 1;
  callbacks.classes = 0;
  set = cnn_dataset_create(&callbacks);
  gift = (given){CNN_UINT8, 3, {2, 5, 3}, 77};
  cnn_tensor *image;
  float vector = 0;
  assert_int_equal(cnn_dataset_fetch(set, 0, &image, NULL, NULL), CNN_OK);
  cnn_tensor_free(image);
  assert_int_equal(cnn_dataset_fetch(set, 0, &image, NULL, &vector), CNN_OK);
  assert_true(vector == 0.25f);
  cnn_tensor_free(image);
  cnn_dataset_free(set);
}

static void test_callbacks_that_cannot_be(void **state) {
  const cnn_dataset_callbacks good = {.struct_size = sizeof good,
                                      .count = 1,
                                      .shape = {2, 2, 3},
                                      .classes = 2,
                                      .fetch = fetch_given};
  cnn_dataset_callbacks wrong;
  cnn_clear_error();
#define REFUSE(member, value, words)                                                               \
  wrong = good;                                                                                    \
  wrong.member = value;                                                                            \
  refuse_set(cnn_dataset_create(&wrong), CNN_E_INVALID, words)
  REFUSE(fetch, NULL, "fetch is NULL");
  REFUSE(count, -1, "count -1 is negative");
  REFUSE(dtype, CNN_INT32, "is not uint8 or float32");
  REFUSE(label_width, -1, "label_width -1");
  REFUSE(label_width, INT64_C(1) << 31, "label_width 2147483648");
  REFUSE(classes, -1, "classes -1");
  REFUSE(classes, INT64_C(1) << 31, "classes 2147483648");
  REFUSE(classes, 0, "neither classes nor label_width");
  REFUSE(shape[0], 0, "shape is empty");
#undef REFUSE
  wrong = good;
  wrong.shape[1] = -2;
  refuse_set(cnn_dataset_create(&wrong), CNN_E_SHAPE, "-2");
  wrong = good;
  wrong.shape[0] = -1;
  wrong.shape[2] = 0;
  refuse_set(cnn_dataset_create(&wrong), CNN_E_INVALID, "need channels in shape[2], which is 0");
  wrong = good;
  wrong.class_names = (const char *const[]){"a", NULL};
  refuse_set(cnn_dataset_create(&wrong), CNN_E_INVALID, "class_names[1] is NULL");
}

/* ---- loaders ---- */

static void test_loaders_that_cannot_be(void **state) {
  cnn_dataset *set = made_up_set(4, 3, 3, 2, 2);
  cnn_tensor *images = cnn_tensor_create(CNN_UINT8, 2, (int64_t[]){4, 5});
  cnn_dataset *rows = cnn_array_dataset(.images = images);
  cnn_clear_error();
  refuse_loader(cnn_loader_new(rows, .one_hot = 1), CNN_E_INVALID, "one_hot needs");
  refuse_loader(cnn_loader_new(rows, .augment = cnn_augmentation(.rotation = 1)), CNN_E_SHAPE,
                "needs images of (height, width, channels), not 5");
  refuse_loader(cnn_loader_new(set, .rescale = -1), CNN_E_INVALID, "rescale");
  refuse_loader(cnn_loader_new(set, .rescale = INFINITY), CNN_E_INVALID, "rescale");
  refuse_loader(cnn_loader_new(set, .rescale = NAN), CNN_E_INVALID, "rescale");
  refuse_loader(cnn_loader_new(set, .channels = 2, .mean = (double[]){0, NAN}), CNN_E_INVALID,
                "mean[1] is not a finite number");
  refuse_loader(cnn_loader_new(set, .channels = 2, .deviation = (double[]){1, 0}), CNN_E_INVALID,
                "deviation[1] is not a finite positive number");
  refuse_loader(cnn_loader_new(set, .channels = 2, .deviation = (double[]){INFINITY, 1}),
                CNN_E_INVALID, "deviation[0]");
  cnn_loader *loader = cnn_loader_new(set, .batch_size = 3);
  const cnn_tensor *batch;
  assert_error(CNN_E_INVALID, cnn_loader_next(NULL, &batch, NULL), "loader is NULL");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_loader_next(loader, NULL, NULL), "images is NULL");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_loader_seek(NULL, 0, 0), "loader is NULL");
  cnn_clear_error();
  assert_int_equal(cnn_loader_batch_size(loader), 3);
  cnn_loader_free(loader);
  cnn_dataset_free(set);
  cnn_dataset_free(rows);
  cnn_tensor_free(images);
}

/* ---- files ---- */

static void test_writing_bytes_needs_a_path_and_bytes(void **state) {
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_file_write(NULL, "x", 1), "path is NULL");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_file_write("any", NULL, 1), "bytes is NULL");
}

static void test_folders_that_cannot_be(void **state) {
#if defined(CNN__HAVE_PNG) || defined(CNN__HAVE_JPEG)
  refuse_set(cnn_image_folder(scratch_path("none")), CNN_E_NOT_FOUND, "no such folder");
  refuse_set(cnn_image_folder(scratch_folder(), .decode_height = -1), CNN_E_INVALID, "-1");
  refuse_set(cnn_image_folder(scratch_folder(), .decode_width = -1), CNN_E_INVALID, "-1");
  const char *path = scratch_path("empty");
  assert_int_equal(cnn_file_write(path, NULL, 0), CNN_OK);
  refuse_set(cnn_image_folder(path), CNN_E_IO, "empty");
  unlink(path);
#else
  refuse_set(cnn_image_folder(scratch_folder()), CNN_E_UNSUPPORTED, "reads no images");
#endif
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_labels_that_do_not_fit_the_images),
      cmocka_unit_test(test_borrowed_arrays_are_the_callers),
      cmocka_unit_test(test_questions_about_no_dataset),
      cmocka_unit_test(test_parts_that_cannot_be),
      cmocka_unit_test(test_what_fetch_gives_is_what_was_promised),
      cmocka_unit_test(test_callbacks_that_cannot_be),
      cmocka_unit_test(test_loaders_that_cannot_be),
      cmocka_unit_test(test_writing_bytes_needs_a_path_and_bytes),
      cmocka_unit_test(test_folders_that_cannot_be),
  };
  const int failures = cmocka_run_group_tests_name("data_refusals", tests, NULL, NULL);
  rmdir(scratch_folder());
  return failures;
}
