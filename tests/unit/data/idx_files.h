/* IDX files of two images, read back and refused. */
#ifndef CNN_TESTS_UNIT_DATA_IDX_FILES_H
#define CNN_TESTS_UNIT_DATA_IDX_FILES_H

#include "images.h"

static const unsigned char idx_images[] = {0, 0, 8,  3,  0,  0,  0,  2,  0,  0,  0,  2,  0,  0,
                                           0, 3, 11, 12, 13, 14, 15, 16, 21, 22, 23, 24, 25, 26};
static const unsigned char idx_labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 4, 1};

static inline void check_idx(const char *images, const char *labels) {
  cnn_dataset *set = cnn_idx_dataset(images, labels);
  if (!set) fail_msg("%s", cnn_last_error());
  assert_int_equal(cnn_dataset_count(set), 2);
  assert_int_equal(cnn_dataset_shape(set)[0], 2);
  assert_int_equal(cnn_dataset_shape(set)[1], 3);
  assert_int_equal(cnn_dataset_shape(set)[2], 1);
  assert_int_equal(cnn_dataset_classes(set), labels ? 5 : 0);
  cnn_tensor *image;
  int32_t label;
  assert_int_equal(cnn_dataset_fetch(set, 1, &image, &label, NULL), CNN_OK);
  assert_memory_equal(image->data, idx_images + 22, 6);
  assert_int_equal(label, labels ? 1 : -1);
  cnn_tensor_free(image);
  cnn_dataset_free(set);
}

/* Refused with a status that names the file; whatever the bytes are, nothing worse happens. */
static inline void expect_refusal(const char *path, const unsigned char *bytes, size_t size) {
  write_file(path, bytes, size);
  cnn_clear_error();
  cnn_dataset *set = cnn_idx_dataset(path, NULL);
  if (set) fail_msg("%zu bytes are taken", size);
  const cnn_status status = cnn_last_status();
  if (status != CNN_E_FORMAT && status != CNN_E_UNSUPPORTED) fail_msg("%s", cnn_last_error());
  if (!strstr(cnn_last_error(), path)) fail_msg("\"%s\" names no file", cnn_last_error());
}

#endif
