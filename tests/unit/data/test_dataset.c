#include "support.h"

/* ---- arrays ---- */

static void test_arrays_come_back(void **state) {
  cnn_dataset *set = made_up_set(7, 4, 5, 3, 3);
  assert_int_equal(cnn_dataset_count(set), 7);
  assert_int_equal(cnn_dataset_rank(set), 3);
  assert_int_equal(cnn_dataset_shape(set)[0], 4);
  assert_int_equal(cnn_dataset_shape(set)[1], 5);
  assert_int_equal(cnn_dataset_shape(set)[2], 3);
  assert_int_equal(cnn_dataset_dtype(set), CNN_UINT8);
  assert_int_equal(cnn_dataset_classes(set), 3);
  assert_string_equal(cnn_dataset_class_name(set, 2), "2");
  assert_null(cnn_dataset_class_name(set, 3));
  assert_null(cnn_dataset_class_name(set, -1));
  for (int64_t i = 0; i < 7; i++) {
    cnn_tensor *image;
    int32_t label;
    assert_int_equal(cnn_dataset_fetch(set, i, &image, &label, NULL), CNN_OK);
    assert_int_equal(label, i % 3);
    assert_int_equal(cnn_tensor_count(image), 60);
    for (size_t e = 0; e < 60; e++)
      assert_int_equal(((const uint8_t *)image->data)[e], pixel_at((size_t)i * 60 + e));
    cnn_tensor_free(image);
  }
  assert_error(CNN_E_INVALID, cnn_dataset_fetch(set, 7, NULL, NULL, NULL), "7 is not in [0, 7)");
  assert_error(CNN_E_INVALID, cnn_dataset_fetch(set, -1, NULL, NULL, NULL), "-1 is not in");
  cnn_dataset_free(set);
}

static void test_null_is_nothing(void **state) {
  cnn_clear_error();
  cnn_dataset_free(NULL);
  cnn_transform_free(NULL);
  cnn_loader_free(NULL);
  assert_int_equal(cnn_dataset_count(NULL), 0);
  assert_int_equal(cnn_dataset_rank(NULL), 0);
  assert_null(cnn_dataset_shape(NULL));
  assert_null(cnn_dataset_class_name(NULL, 0));
  assert_int_equal(cnn_loader_batches(NULL), 0);
  assert_error(CNN_E_INVALID, cnn_dataset_fetch(NULL, 0, NULL, NULL, NULL), "dataset is NULL");
  cnn_clear_error();
  assert_null(cnn_dataset_slice(NULL, 0, 0));
  assert_int_equal(cnn_last_status(), CNN_E_INVALID);
}

static void test_labels_of_every_kind(void **state) {
  cnn_tensor *images = cnn_tensor_create(CNN_FLOAT32, 2, (int64_t[]){3, 2});
  const int64_t wide[] = {2, 0, 1};
  const uint8_t narrow[] = {2, 0, 1};
  const float vectors[] = {0, 1, 1, 0, .5f, .5f};
  cnn_tensor *labels[] = {cnn_tensor_copy_of(CNN_INT64, 2, (int64_t[]){3, 1}, wide),
                          cnn_tensor_copy_of(CNN_UINT8, 1, (int64_t[]){3}, narrow)};
  for (int k = 0; k < 2; k++) {
    cnn_dataset *set = cnn_array_dataset(.images = images, .labels = labels[k], .borrow = k);
    assert_int_equal(cnn_dataset_classes(set), 3);
    int32_t label;
    assert_int_equal(cnn_dataset_fetch(set, 0, NULL, &label, NULL), CNN_OK);
    assert_int_equal(label, 2);
    cnn_dataset_free(set);
    cnn_tensor_free(labels[k]);
  }
  cnn_tensor *soft = cnn_tensor_copy_of(CNN_FLOAT32, 2, (int64_t[]){3, 2}, vectors);
  cnn_dataset *set = cnn_array_dataset(.images = images, .labels = soft);
  assert_int_equal(cnn_dataset_label_width(set), 2);
  float vector[2];
  int32_t index = 5;
  assert_int_equal(cnn_dataset_fetch(set, 2, NULL, &index, vector), CNN_OK);
  assert_int_equal(index, -1);
  assert_true(vector[0] == .5f && vector[1] == .5f);
  cnn_dataset_free(set);
  set = cnn_array_dataset(.images = images);
  assert_int_equal(cnn_dataset_fetch(set, 2, NULL, &index, NULL), CNN_OK);
  assert_int_equal(index, -1);
  assert_int_equal(cnn_dataset_classes(set), 0);
  cnn_dataset_free(set);
  cnn_tensor_free(soft);
  cnn_tensor_free(images);
}

static void refuse(cnn_dataset *set, cnn_status status, const char *words) {
  assert_null(set);
  assert_error(status, cnn_last_status(), words);
  cnn_clear_error();
}

static void test_wrong_arrays_are_named(void **state) {
  cnn_tensor *images = cnn_tensor_create(CNN_UINT8, 3, (int64_t[]){3, 2, 2});
  cnn_tensor *flat = cnn_tensor_create(CNN_UINT8, 1, (int64_t[]){3});
  cnn_tensor *none = cnn_tensor_create(CNN_UINT8, 3, (int64_t[]){0, 2, 2});
  cnn_tensor *doubles = cnn_tensor_create(CNN_FLOAT64, 3, (int64_t[]){3, 2, 2});
  cnn_tensor *few = cnn_tensor_create(CNN_INT32, 1, (int64_t[]){2});
  cnn_tensor *negative = cnn_tensor_copy_of(CNN_INT32, 1, (int64_t[]){3}, (int32_t[]){0, -1, 0});
  cnn_tensor *large = cnn_tensor_copy_of(CNN_INT32, 1, (int64_t[]){3}, (int32_t[]){0, 1, 4});
  cnn_tensor *pairs = cnn_tensor_create(CNN_INT32, 2, (int64_t[]){3, 2});
  cnn_clear_error();
  refuse(cnn_array_dataset_create(NULL), CNN_E_INVALID, "images is NULL");
  refuse(cnn_array_dataset(.images = doubles), CNN_E_INVALID, "dtype 5");
  refuse(cnn_array_dataset(.images = flat), CNN_E_SHAPE, "images 3 are not");
  refuse(cnn_array_dataset(.images = none), CNN_E_SHAPE, "images 0x2x2");
  refuse(cnn_array_dataset(.images = images, .labels = few), CNN_E_SHAPE, "2 do not fit 3");
  refuse(cnn_array_dataset(.images = images, .labels = pairs), CNN_E_SHAPE, "3x2");
  refuse(cnn_array_dataset(.images = images, .labels = negative), CNN_E_INVALID,
         "label -1 of sample 1");
  refuse(cnn_array_dataset(.images = images, .labels = large, .classes = 4), CNN_E_INVALID,
         "label 4 of sample 2 is not in [0, 4)");
  refuse(cnn_array_dataset(.images = images, .classes = -1), CNN_E_INVALID, "classes -1");
  cnn_tensor_free(images);
  cnn_tensor_free(flat);
  cnn_tensor_free(none);
  cnn_tensor_free(doubles);
  cnn_tensor_free(few);
  cnn_tensor_free(negative);
  cnn_tensor_free(large);
  cnn_tensor_free(pairs);
}

/* ---- sets made of sets ---- */

static int32_t label_of(cnn_dataset *set, int64_t i) {
  int32_t label = -2;
  assert_int_equal(cnn_dataset_fetch(set, i, NULL, &label, NULL), CNN_OK);
  return label;
}

static uint8_t first_pixel(cnn_dataset *set, int64_t i) {
  cnn_tensor *image;
  assert_int_equal(cnn_dataset_fetch(set, i, &image, NULL, NULL), CNN_OK);
  const uint8_t pixel = *(const uint8_t *)image->data;
  cnn_tensor_free(image);
  return pixel;
}

static void test_parts_point_into_the_whole(void **state) {
  cnn_dataset *set = made_up_set(10, 2, 2, 1, 10);
  cnn_dataset *slice = cnn_dataset_slice(set, 3, 4);
  cnn_dataset *subset = cnn_dataset_subset(set, (int64_t[]){9, 0, 9}, 3);
  cnn_dataset *nothing = cnn_dataset_slice(set, 10, 0);
  cnn_dataset *chain = cnn_dataset_concatenate((cnn_dataset *[]){slice, nothing, subset, set}, 4);
  cnn_dataset_free(set);
  cnn_dataset_free(slice);
  cnn_dataset_free(subset);
  cnn_dataset_free(nothing);
  const int want[] = {3, 4, 5, 6, 9, 0, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  assert_int_equal(cnn_dataset_count(chain), 17);
  for (int64_t i = 0; i < 17; i++) {
    assert_int_equal(label_of(chain, i), want[i]);
    assert_int_equal(first_pixel(chain, i), pixel_at((size_t)want[i] * 4));
  }
  assert_string_equal(cnn_dataset_class_name(chain, 9), "9");
  cnn_dataset_free(chain);
}

static void test_wrong_parts_are_named(void **state) {
  cnn_dataset *set = made_up_set(10, 2, 2, 1, 10), *other = made_up_set(10, 2, 2, 3, 10);
  cnn_dataset *fewer = made_up_set(10, 2, 2, 1, 9), *first, *second;
  refuse(cnn_dataset_slice(set, 3, 8), CNN_E_INVALID, "8 samples from 3 on exceed 10");
  refuse(cnn_dataset_slice(set, INT64_MAX, INT64_MAX), CNN_E_INVALID, "exceed 10");
  refuse(cnn_dataset_slice(set, -1, 1), CNN_E_INVALID, "from -1");
  refuse(cnn_dataset_subset(set, (int64_t[]){0, 10}, 2), CNN_E_INVALID, "indices[1] = 10");
  refuse(cnn_dataset_subset(set, NULL, 2), CNN_E_INVALID, "indices is NULL");
  refuse(cnn_dataset_concatenate((cnn_dataset *[]){set, other}, 2), CNN_E_SHAPE, "2x2x3");
  refuse(cnn_dataset_concatenate((cnn_dataset *[]){set, fewer}, 2), CNN_E_SHAPE, "9 classes");
  refuse(cnn_dataset_concatenate((cnn_dataset *[]){set, NULL}, 2), CNN_E_INVALID, "NULL");
  refuse(cnn_dataset_concatenate((cnn_dataset *[]){set}, 0), CNN_E_INVALID, "count 0");
  assert_error(CNN_E_INVALID, cnn_dataset_split(set, 1, 0, 0, &first, &second), "fraction");
  assert_error(CNN_E_INVALID, cnn_dataset_split(set, .5, 0, 0, NULL, &second), "first is NULL");
  cnn_dataset_free(set);
  cnn_dataset_free(other);
  cnn_dataset_free(fewer);
}

static void test_a_split_takes_each_sample_once(void **state) {
  cnn_dataset *set = made_up_set(100, 1, 1, 1, 4);
  for (int stratified = 0; stratified < 2; stratified++) {
    cnn_dataset *parts[2], *again[2], *others[2];
    assert_int_equal(cnn_dataset_split(set, .2, stratified, 5, &parts[0], &parts[1]), CNN_OK);
    assert_int_equal(cnn_dataset_split(set, .2, stratified, 5, &again[0], &again[1]), CNN_OK);
    assert_int_equal(cnn_dataset_split(set, .2, stratified, 6, &others[0], &others[1]), CNN_OK);
    assert_int_equal(cnn_dataset_count(parts[0]), 80);
    assert_int_equal(cnn_dataset_count(parts[1]), 20);
    int per_class[4] = {0}, pixels[256] = {0}, differ = 0;
    for (int64_t i = 0; i < 20; i++) {
      per_class[label_of(parts[1], i)]++;
      assert_int_equal(first_pixel(parts[1], i), first_pixel(again[1], i));
      differ += first_pixel(parts[1], i) != first_pixel(others[1], i);
    }
    assert_true(differ > 5);
    for (int c = 0; stratified && c < 4; c++)
      assert_int_equal(per_class[c], 5);
    for (int part = 0; part < 2; part++)
      for (int64_t i = 0; i < cnn_dataset_count(parts[part]); i++)
        pixels[first_pixel(parts[part], i)]++;
    for (size_t i = 0; i < 100; i++)
      pixels[pixel_at(i)]--;
    for (int p = 0; p < 256; p++)
      assert_int_equal(pixels[p], 0);
    for (int part = 0; part < 2; part++) {
      cnn_dataset_free(parts[part]);
      cnn_dataset_free(again[part]);
      cnn_dataset_free(others[part]);
    }
  }
  cnn_dataset_free(set);
}

/* ---- sets of the user's own ---- */

typedef struct user {
  int fetches, labels, releases;
  cnn_dtype dtype;
  int64_t height;
  int32_t label;
  cnn_status status;
} user;

static cnn_status user_fetch(void *data, int64_t i, cnn_tensor **image, int32_t *index,
                             float *vector) {
  user *u = data;
  u->fetches++;
  if (u->status != CNN_OK) return u->status;
  *image = cnn_tensor_create(u->dtype, 3, (int64_t[]){u->height, 2, 1});
  if (!*image) return cnn_last_status();
  *index = u->label;
  return CNN_OK;
}
static cnn_status user_label(void *data, int64_t i, int32_t *index, float *vector) {
  user *u = data;
  u->labels++;
  *index = (int32_t)i;
  return CNN_OK;
}
static void user_release(void *data) {
  ((user *)data)->releases++;
}

static void test_callbacks_fetch(void **state) {
  user u = {.dtype = CNN_UINT8, .height = 3, .label = 1};
  cnn_dataset_callbacks callbacks = {.struct_size = sizeof callbacks,
                                     .user = &u,
                                     .count = 5,
                                     .shape = {3, 2, 1},
                                     .classes = 5,
                                     .fetch = user_fetch,
                                     .release = user_release};
  cnn_dataset *set = cnn_dataset_create(&callbacks);
  assert_int_equal(label_of(set, 4), 1);
  assert_int_equal(first_pixel(set, 4), 0);
  u.label = 5;
  int32_t label;
  assert_error(CNN_E_INVALID, cnn_dataset_fetch(set, 0, NULL, &label, NULL), "label 5");
  cnn_tensor *image = NULL;
  u.height = 4;
  assert_error(CNN_E_SHAPE, cnn_dataset_fetch(set, 0, &image, NULL, NULL), "4x2x1");
  u.height = 3;
  u.dtype = CNN_FLOAT32;
  assert_error(CNN_E_INVALID, cnn_dataset_fetch(set, 0, &image, NULL, NULL), "dtype 1");
  cnn_clear_error();
  u.status = CNN_E_STOPPED;
  assert_error(CNN_E_STOPPED, cnn_dataset_fetch(set, 2, &image, NULL, NULL), "sample 2");
  assert_null(image);
  cnn_dataset_free(set);
  assert_int_equal(u.releases, 1);

  callbacks.label = user_label;
  u = (user){.dtype = CNN_UINT8, .height = 3};
  set = cnn_dataset_create(&callbacks);
  assert_int_equal(label_of(set, 4), 4);
  assert_int_equal(u.fetches, 0);
  cnn_dataset_free(set);
}

static void test_wrong_callbacks_are_named(void **state) {
  cnn_dataset_callbacks good = {
      .struct_size = sizeof good, .count = 5, .shape = {3}, .classes = 5, .fetch = user_fetch};
  cnn_dataset_callbacks c;
  cnn_clear_error();
#define REFUSE(status, words, ...)                                                                 \
  c = good;                                                                                        \
  __VA_ARGS__;                                                                                     \
  refuse(cnn_dataset_create(&c), status, words)
  REFUSE(CNN_E_INVALID, "fetch is NULL", c.fetch = NULL);
  REFUSE(CNN_E_INVALID, "count -2", c.count = -2);
  REFUSE(CNN_E_INVALID, "dtype 3", c.dtype = CNN_INT32);
  REFUSE(CNN_E_INVALID, "shape is empty", c.shape[0] = 0);
  REFUSE(CNN_E_SHAPE, "", c.shape[1] = -3);
  REFUSE(CNN_E_INVALID, "shape[2]", c.shape[0] = -1);
  REFUSE(CNN_E_INVALID, "neither classes", c.classes = 0);
  REFUSE(CNN_E_INVALID, "struct_size", c.struct_size = 4);
}

/* ---- failing allocations ---- */

static cnn_status make_and_split(void) {
  cnn_dataset *first = NULL, *second = NULL;
  cnn_dataset *set = made_up_set(20, 2, 2, 1, 2);
  cnn_dataset *slice = cnn_dataset_slice(set, 2, 16);
  cnn_dataset *chain = cnn_dataset_concatenate((cnn_dataset *[]){slice, slice}, 2);
  cnn_status status =
      chain ? cnn_dataset_split(chain, .5, 1, 1, &first, &second) : cnn_last_status();
  cnn_tensor *image = NULL;
  if (status == CNN_OK) status = cnn_dataset_fetch(second, 0, &image, NULL, NULL);
  cnn_tensor_free(image);
  cnn_dataset_free(first);
  cnn_dataset_free(second);
  cnn_dataset_free(chain);
  cnn_dataset_free(slice);
  cnn_dataset_free(set);
  return status;
}

static void test_every_allocation_may_fail(void **state) {
  every_allocation_fails(make_and_split);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_arrays_come_back),
      cmocka_unit_test(test_null_is_nothing),
      cmocka_unit_test(test_labels_of_every_kind),
      cmocka_unit_test(test_wrong_arrays_are_named),
      cmocka_unit_test(test_parts_point_into_the_whole),
      cmocka_unit_test(test_wrong_parts_are_named),
      cmocka_unit_test(test_a_split_takes_each_sample_once),
      cmocka_unit_test(test_callbacks_fetch),
      cmocka_unit_test(test_wrong_callbacks_are_named),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("data_dataset", tests, NULL, NULL);
}
