/* Image files against the arrays that they hold, and what broken ones come to. */
#ifndef CNN_TESTS_UNIT_DATA_PICTURES_H
#define CNN_TESTS_UNIT_DATA_PICTURES_H

#include "images.h"

#include "data/image_file.h"
#include <dirent.h>

/* ---- pixels ---- */

static inline int compare_file(const char *name, const char *ending, double bound) {
  const size_t length = strlen(name), tail = strlen(ending);
  if (length <= tail || strcmp(name + length - tail, ending) != 0) return 0;
  cnn_tensor *expected = expected_array(name);
  const size_t pixels = cnn__shape_product(&expected->shape) / 3;
  cnn_tensor *grey = cnn_tensor_create(
      CNN_UINT8, 3,
      (int64_t[]){(int64_t)expected->shape.dim[0], (int64_t)expected->shape.dim[1], 1});
  const uint8_t *p = expected->data;
  for (size_t i = 0; i < pixels; i++)
    ((uint8_t *)grey->data)[i] = cnn__grey(p[3 * i], p[3 * i + 1], p[3 * i + 2]);
  assert_close(name, cnn_image_read(image_path(name), 3), expected, bound);
  /* A JPEG's grey is its own luma, from before colours were clipped. */
  assert_close(name, cnn_image_read(image_path(name), 1), grey, bound > 0 ? 12 : 0);
  return 1;
}

static inline int compare_files(const char *ending, double bound) {
  int count = 0;
  DIR *folder = opendir(IMAGES);
  assert_non_null(folder);
  for (struct dirent *entry; (entry = readdir(folder));)
    count += compare_file(entry->d_name, ending, bound);
  closedir(folder);
  return count;
}

/* ---- limits ---- */

static inline cnn_status status_within(const char *name, uint64_t most) {
  cnn_context *context = cnn_context_new(.max_pixels = most);
  cnn_context_use(context);
  cnn_tensor *image = cnn_image_read(image_path(name), 3);
  const cnn_status status = image ? CNN_OK : cnn_last_status();
  cnn_tensor_free(image);
  cnn_context_use(NULL);
  cnn_context_free(context);
  return status;
}

/* ---- broken files ---- */

static inline bool is_refusal(cnn_status status) {
  return status == CNN_E_FORMAT || status == CNN_E_LIMIT || status == CNN_E_UNSUPPORTED;
}

/* Memory of its exact size, so that a checker sees every read past the end. */
static inline cnn_tensor *decode_copy(const unsigned char *bytes, size_t size) {
  unsigned char *copy = malloc(size + (size == 0));
  memcpy(copy, bytes, size);
  cnn_clear_error();
  cnn_tensor *image = cnn_image_decode("copy", copy, size, 3);
  if (!image && !is_refusal(cnn_last_status())) fail_msg("%zu bytes: %s", size, cnn_last_error());
  free(copy);
  return image;
}

static inline void truncate_everywhere(const char *name, size_t tail) {
  size_t size;
  unsigned char *bytes = read_bytes(image_path(name), &size);
  for (size_t length = 0; length < size; length++) {
    cnn_tensor *image = decode_copy(bytes, length);
    if (image && length + tail < size)
      fail_msg("%s: %zu of %zu bytes are taken", name, length, size);
    cnn_tensor_free(image);
  }
  free(bytes);
}

static inline void change_every_byte(const char *name) {
  static const unsigned char masks[] = {0xff, 0x01, 0x80};
  size_t size;
  unsigned char *bytes = read_bytes(image_path(name), &size);
  for (size_t i = 0; i < size; i++)
    for (size_t k = 0; k < sizeof masks; k++) {
      bytes[i] ^= masks[k];
      cnn_tensor_free(decode_copy(bytes, size));
      bytes[i] ^= masks[k];
    }
  free(bytes);
}

#endif
