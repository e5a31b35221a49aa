/* Images to transform, and transforms that are refused. */
#ifndef CNN_TESTS_UNIT_DATA_TRANSFORMS_H
#define CNN_TESTS_UNIT_DATA_TRANSFORMS_H

#include "images.h"

#include "data/transform.h"

static inline void refuse(cnn_transform *transform, const char *words) {
  assert_null(transform);
  assert_error(CNN_E_INVALID, cnn_last_status(), words);
  cnn_clear_error();
}

/* One image of a set that was made up: height x width x channels. */
static inline cnn_tensor *made_up_image(int64_t height, int64_t width, int64_t channels) {
  cnn_tensor *image = cnn_tensor_create(CNN_UINT8, 3, (int64_t[]){height, width, channels});
  for (size_t i = 0; i < image->bytes; i++)
    ((uint8_t *)image->data)[i] = pixel_at(i);
  return image;
}

#endif
