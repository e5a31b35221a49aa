/* The image files and arrays of tests/golden/images. */
#ifndef CNN_TESTS_UNIT_DATA_IMAGES_H
#define CNN_TESTS_UNIT_DATA_IMAGES_H

#include "support.h"

#include <math.h>

/* IMAGES is the folder's path. */
static inline const char *image_path(const char *name) {
  static char path[4][512];
  static int next;
  char *to = path[next++ % 4];
  snprintf(to, sizeof path[0], "%s/%s", IMAGES, name);
  return to;
}

/* What numpy wrote. */
static inline cnn_tensor *expected_array(const char *name) {
  char file[128];
  snprintf(file, sizeof file, "%s.npy", name);
  cnn_tensor *array = cnn_npy_read(image_path(file));
  if (!array) fail_msg("%s: %s", name, cnn_last_error());
  return array;
}

static inline double value_at(const cnn_tensor *tensor, size_t i) {
  return tensor->dtype == CNN_UINT8 ? ((const uint8_t *)tensor->data)[i]
                                    : (double)((const float *)tensor->data)[i];
}

/* Same shape, and no value farther away than bound. Frees both. */
static inline void assert_close(const char *name, cnn_tensor *got, cnn_tensor *expected,
                                double bound) {
  if (!got) fail_msg("%s: %s", name, cnn_last_error());
  char a[CNN__SHAPE_TEXT], b[CNN__SHAPE_TEXT];
  if (!cnn__shape_equal(&got->shape, &expected->shape))
    fail_msg("%s: shape %s, not %s", name, cnn__shape_text(&got->shape, a),
             cnn__shape_text(&expected->shape, b));
  for (size_t i = 0; i < cnn__shape_product(&got->shape); i++) {
    const double difference = value_at(got, i) - value_at(expected, i);
    if (!(fabs(difference) <= bound))
      fail_msg("%s: value %zu is %.9g, not %.9g", name, i, value_at(got, i), value_at(expected, i));
  }
  cnn_tensor_free(got);
  cnn_tensor_free(expected);
}

static inline unsigned char *read_bytes(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) fail_msg("%s is not there", path);
  unsigned char *bytes = malloc(1 << 20);
  *size = fread(bytes, 1, 1 << 20, file);
  fclose(file);
  return bytes;
}

static inline void refuse_tensor(cnn_tensor *tensor, cnn_status status, const char *words) {
  if (tensor) fail_msg("a tensor was made, not \"%s\"", words);
  assert_error(status, cnn_last_status(), words);
  cnn_clear_error();
}

static inline void refuse_set(cnn_dataset *set, cnn_status status, const char *words) {
  if (set) fail_msg("a set was made, not \"%s\"", words);
  assert_error(status, cnn_last_status(), words);
  cnn_clear_error();
}

#endif
