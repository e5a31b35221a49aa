/* IDX files whose sizes need more than a byte: each of the four bytes of a size counts. */
#include "idx_files.h"

typedef struct sizes {
  unsigned rank, dim[4];
} sizes;

/* Pixels: their place's lowest byte. */
static unsigned char *make_file(const sizes *s, size_t *size) {
  *size = 4 + 4 * s->rank;
  size_t pixels = 1;
  for (unsigned i = 0; i < s->rank; i++)
    pixels *= s->dim[i];
  unsigned char *bytes = malloc(*size + pixels);
  memcpy(bytes, (const unsigned char[4]){0, 0, 8, (unsigned char)s->rank}, 4);
  for (unsigned i = 0; i < 4 * s->rank; i++)
    bytes[4 + i] = (unsigned char)(s->dim[i / 4] >> (24 - 8 * (i % 4)));
  for (size_t i = 0; i < pixels; i++)
    bytes[*size + i] = (unsigned char)i;
  *size += pixels;
  return bytes;
}

static void test_large_sizes_are_read_whole(void **state) {
  static const sizes all[] = {{3, {0x0102, 1, 2, 0}},   {3, {0x010203, 1, 1, 0}},
                              {3, {1, 0x010203, 1, 0}}, {3, {1, 2, 0x0302, 0}},
                              {4, {1, 2, 1, 0x0102}},   {3, {1, 0x01000002, 1, 0}},
                              {4, {2, 3, 0x0110, 4}}};
  const char *path = scratch_path("images");
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    const sizes *s = &all[i];
    size_t size;
    unsigned char *bytes = make_file(s, &size);
    write_file(path, bytes, size);
    cnn_dataset *set = cnn_idx_dataset(path, NULL);
    if (!set) fail_msg("%s", cnn_last_error());
    const int64_t channels = s->rank == 4 ? s->dim[3] : 1;
    assert_int_equal(cnn_dataset_count(set), s->dim[0]);
    assert_int_equal(cnn_dataset_shape(set)[0], s->dim[1]);
    assert_int_equal(cnn_dataset_shape(set)[1], s->dim[2]);
    assert_int_equal(cnn_dataset_shape(set)[2], channels);
    cnn_tensor *image;
    assert_int_equal(cnn_dataset_fetch(set, s->dim[0] - 1, &image, NULL, NULL), CNN_OK);
    assert_memory_equal(image->data, bytes + size - image->bytes, image->bytes);
    cnn_tensor_free(image);
    cnn_dataset_free(set);
    write_file(path, bytes, size - 1);
    refuse_set(cnn_idx_dataset(path, NULL), CNN_E_FORMAT, "header's sizes make");
    free(bytes);
  }
  unlink(path);
}

/* The highest label makes the number of classes, wherever it stands. */
static void test_labels_up_to_255(void **state) {
  const char *images = scratch_path("images"), *labels = scratch_path("labels");
  static const unsigned char first[] = {0, 0, 8, 1, 0, 0, 0, 2, 255, 0};
  static const unsigned char none[] = {0, 0, 8, 1, 0, 0, 0, 2, 0, 0};
  write_file(images, idx_images, sizeof idx_images);
  write_file(labels, first, sizeof first);
  cnn_dataset *set = cnn_idx_dataset(images, labels);
  assert_int_equal(cnn_dataset_classes(set), 256);
  int32_t label;
  cnn_tensor *image;
  for (int64_t i = 0; i < 2; i++) {
    assert_int_equal(cnn_dataset_fetch(set, i, &image, &label, NULL), CNN_OK);
    assert_int_equal(label, i == 0 ? 255 : 0);
    cnn_tensor_free(image);
  }
  cnn_dataset_free(set);
  write_file(labels, none, sizeof none);
  set = cnn_idx_dataset(images, labels);
  assert_int_equal(cnn_dataset_classes(set), 1);
  cnn_dataset_free(set);
  unlink(images);
  unlink(labels);
}

/* One, two, five dimensions and none; a size of 0. */
static void test_ranks_and_empty_sizes_are_refused(void **state) {
  const char *path = scratch_path("images");
  unsigned char bytes[64] = {0, 0, 8, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0,
                             0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9};
  for (unsigned char rank = 0; rank <= 6; rank++) {
    bytes[3] = rank;
    write_file(path, bytes, 4 + 4u * rank + 1);
    cnn_dataset *set = cnn_idx_dataset(path, NULL);
    assert_int_equal(set != NULL, rank == 3 || rank == 4);
    if (!set) assert_int_equal(cnn_last_status(), CNN_E_FORMAT);
    cnn_dataset_free(set);
  }
  for (unsigned i = 0; i < 3; i++) {
    bytes[3] = 3;
    bytes[7 + 4 * i] = 0;
    expect_refusal(path, bytes, 4 + 4 * 3);
    expect_refusal(path, bytes, 4 + 4 * 3 + 1);
    bytes[7 + 4 * i] = 1;
  }
  memset(bytes + 4, 0xff, 16); /* 2^128 */
  bytes[3] = 4;
  expect_refusal(path, bytes, 4 + 4 * 4 + 1);
  unlink(path);
}

/* Their number is that of images, whatever the images' sizes. */
static void test_there_is_a_label_for_each_image(void **state) {
  char images[128];
  snprintf(images, sizeof images, "%s", scratch_path("images"));
  const char *path = scratch_path("labels");
  size_t size;
  unsigned char *bytes = make_file(&(sizes){3, {3, 2, 4, 0}}, &size);
  write_file(images, bytes, size);
  for (unsigned count = 1; count <= 5; count++) {
    unsigned char labels[8 + 5] = {0, 0, 8, 1, 0, 0, 0, (unsigned char)count};
    write_file(path, labels, 8 + count);
    cnn_dataset *set = cnn_idx_dataset(images, path);
    if (count == 3)
      assert_non_null(set);
    else
      refuse_set(set, CNN_E_FORMAT, "labels for 3 images");
    if (count == 3) cnn_dataset_free(set);
  }
  free(bytes);
  unlink(images);
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_large_sizes_are_read_whole),
      cmocka_unit_test(test_labels_up_to_255),
      cmocka_unit_test(test_there_is_a_label_for_each_image),
      cmocka_unit_test(test_ranks_and_empty_sizes_are_refused),
  };
  const int failures = cmocka_run_group_tests_name("data_idx_sizes", tests, NULL, NULL);
  rmdir(scratch_folder());
  return failures;
}
