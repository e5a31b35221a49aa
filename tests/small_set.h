/* Twelve small grey images of two classes, dark and bright: enough to train on. */
#ifndef CNN_TESTS_SMALL_SET_H
#define CNN_TESTS_SMALL_SET_H

#include <cnn/dataset.h>

enum { SIDE = 4, IMAGES = 12 };

/* NULL: as cnn_array_dataset() fails. */
static inline cnn_dataset *small_dataset(void) {
  static const char *const names[] = {"low", "high"};
  const int64_t shape[] = {IMAGES, SIDE, SIDE, 1};
  uint8_t pixels[IMAGES * SIDE * SIDE];
  int32_t labels[IMAGES];
  for (int i = 0; i < IMAGES; i++) {
    labels[i] = i % 2;
    for (int k = 0; k < SIDE * SIDE; k++)
      pixels[i * SIDE * SIDE + k] = (uint8_t)((i * 37 + k * 11) % 100 + labels[i] * 120);
  }
  cnn_tensor *images = cnn_tensor_copy_of(CNN_UINT8, 4, shape, pixels);
  cnn_tensor *classes = cnn_tensor_copy_of(CNN_INT32, 1, shape, labels);
  cnn_dataset *dataset =
      cnn_array_dataset(.images = images, .labels = classes, .classes = 2, .class_names = names);
  cnn_tensor_free(images);
  cnn_tensor_free(classes);
  return dataset;
}

#endif
