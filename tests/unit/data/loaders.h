/* Loaders to test, and what they give. */
#ifndef CNN_TESTS_UNIT_DATA_LOADERS_H
#define CNN_TESTS_UNIT_DATA_LOADERS_H

#include "data/loader.h"
#include "support.h"
#include <math.h>

static inline cnn_transform *tutorial(void) {
  return cnn_augmentation(.rotation = 20, .width_shift = .2, .height_shift = .2, .shear = .2,
                          .zoom = .2, .horizontal_flip = 1);
}

/* ---- epochs ---- */

enum { EPOCHS = 3, MOST_BATCHES = 16 };

/* A sum over every bit of an epoch's batches. */
static inline uint64_t batch_sum(const cnn_tensor *images, const cnn_tensor *labels) {
  uint64_t sum = 1469598103934665603u;
  const cnn_tensor *parts[] = {images, labels};
  for (int k = 0; k < 2; k++) {
    const uint8_t *bytes = parts[k]->data;
    for (size_t i = 0; i < parts[k]->bytes; i++)
      sum = (sum ^ bytes[i]) * 1099511628211u;
  }
  return sum;
}

static inline void read_epochs(cnn_loader *loader, uint64_t sums[EPOCHS][MOST_BATCHES]) {
  for (int epoch = 0; epoch < EPOCHS; epoch++)
    for (int b = 0;; b++) {
      const cnn_tensor *images, *labels;
      assert_int_equal(cnn_loader_next(loader, &images, &labels), CNN_OK);
      if (!images) break;
      sums[epoch][b] = batch_sum(images, labels);
    }
}

static inline cnn_loader *shuffled(cnn_dataset *set, int64_t workers) {
  return cnn_loader_new(set, .batch_size = 16, .shuffle = 1, .seed = 11, .rescale = 1 / 255.,
                        .workers = workers, .augment = tutorial());
}

/* ---- failing samples ---- */

static inline cnn_status every_third_fails(void *user, int64_t i, cnn_tensor **image,
                                           int32_t *index, float *vector) {
  *index = (int32_t)i;
  if (i % 3 == 1 && user) return *(cnn_status *)user;
  *image = cnn_tensor_create(CNN_UINT8, 3, (int64_t[]){2, 2, 1});
  if (!*image) return cnn_last_status();
  memset((*image)->data, (int)i, 4);
  return CNN_OK;
}

static inline cnn_status index_is_label(void *user, int64_t i, int32_t *index, float *vector) {
  *index = (int32_t)i;
  return CNN_OK;
}

static inline cnn_dataset *failing_set(cnn_status *status) {
  return cnn_dataset_create(&(cnn_dataset_callbacks){.struct_size = sizeof(cnn_dataset_callbacks),
                                                     .user = status,
                                                     .count = 12,
                                                     .shape = {2, 2, 1},
                                                     .classes = 12,
                                                     .fetch = every_third_fails,
                                                     .label = index_is_label});
}

#endif
