/* What the unit tests of models share. */
#ifndef CNN_TESTS_UNIT_MODEL_SUPPORT_H
#define CNN_TESTS_UNIT_MODEL_SUPPORT_H

#include "../base/support.h"

#include "model/fit.h"
#include "tensor/tensor.h"
#include <cnn/cnn.h>
#include <math.h>
#include <stdio.h>

/* Something that could not be made is NULL, with this failure. */
static inline void assert_refused(const void *made, cnn_status status, const char *words) {
  assert_null(made);
  assert_error(status, cnn_last_status(), words);
  cnn_clear_error();
}

static inline void assert_ok(cnn_status status) {
  if (status != CNN_OK) fail_msg("status %d: %s", (int)status, cnn_last_error());
}

static inline void assert_made(const void *made) {
  if (made == NULL) fail_msg("%s", cnn_last_error());
}

/* A context of so many threads, current until end_context(). */
static inline cnn_context *begin_context(int64_t threads, uint64_t seed) {
  cnn_context *context = cnn_context_new(.threads = threads, .seed = seed);
  assert_made(context);
  cnn_context_use(context);
  cnn_clear_error();
  return context;
}

static inline void end_context(cnn_context *context) {
  cnn_context_use(NULL);
  cnn_context_free(context);
}

static inline cnn_model *tutorial_model(void) {
  return cnn_sequential(cnn_input(.shape = {32, 32, 3}),
                        cnn_conv2d(.filters = 32, .kernel = {3, 3}, .activation = CNN_RELU),
                        cnn_max_pool2d(.pool = {2, 2}),
                        cnn_conv2d(.filters = 64, .kernel = {3, 3}, .activation = CNN_RELU),
                        cnn_max_pool2d(.pool = {2, 2}),
                        cnn_conv2d(.filters = 128, .kernel = {3, 3}, .activation = CNN_RELU),
                        cnn_max_pool2d(.pool = {2, 2}), cnn_flatten(),
                        cnn_dense(.units = 128, .activation = CNN_RELU),
                        cnn_dense(.units = 10, .activation = CNN_SOFTMAX));
}

/* Small enough for many runs, with everything that a training has: pooling, dropout, statistics. */
static inline cnn_model *small_model(void) {
  return cnn_sequential(cnn_input(.shape = {8, 8, 1}),
                        cnn_conv2d(.filters = 4, .kernel = {3}, .activation = CNN_RELU),
                        cnn_batch_normalization(), cnn_max_pool2d(), cnn_flatten(),
                        cnn_dropout(.rate = 0.25),
                        cnn_dense(.units = 3, .activation = CNN_SOFTMAX, .kernel_l2 = 1e-3));
}

static inline cnn_status compile(cnn_model *model) {
  return cnn_model_compile(model, .optimizer = cnn_adam(.learning_rate = 0.01),
                           .loss = cnn_sparse_categorical_crossentropy(),
                           .metrics = {cnn_accuracy()});
}

/* Numbers without a pattern, in [-1, 1). */
static inline float number_at(size_t i) {
  uint32_t x = (uint32_t)i * 2654435761u + 12345u;
  x ^= x >> 15;
  x *= 2246822519u;
  x ^= x >> 13;
  return (float)(x >> 8) / 8388608.0f - 1;
}

static inline cnn_tensor *numbers(int64_t rank, const int64_t *shape, size_t seed) {
  cnn_tensor *tensor = cnn_tensor_create(CNN_FLOAT32, rank, shape);
  for (size_t i = 0; tensor != NULL && i < tensor->bytes / sizeof(float); i++)
    ((float *)tensor->data)[i] = number_at(seed * 7919 + i);
  return tensor;
}

/* 8-bit images of 8x8x1 in three classes that a small network tells apart: a bright third. */
static inline cnn_dataset *stripes(int64_t count, size_t seed) {
  cnn_tensor *images = cnn_tensor_create(CNN_UINT8, 4, (int64_t[]){count, 8, 8, 1});
  cnn_tensor *labels = cnn_tensor_create(CNN_INT32, 1, &count);
  static const char *const names[] = {"top", "middle", "bottom"};
  cnn_dataset *set = NULL;
  if (images != NULL && labels != NULL) {
    for (size_t i = 0; i < (size_t)count; i++) {
      size_t class = (i * 7 + seed) % 3;
      ((int32_t *)labels->data)[i] = (int32_t) class;
      for (size_t p = 0; p < 64; p++) {
        float noise = 60 + 60 * number_at(seed + i * 64 + p);
        bool bright = p / 8 * 3 / 8 == class;
        ((uint8_t *)images->data)[i * 64 + p] = (uint8_t)(noise + (bright ? 90.0f : 0.0f));
      }
    }
    set = cnn_array_dataset(.images = images, .labels = labels, .class_names = names, .classes = 3);
  }
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  return set;
}

static inline cnn_loader *stripes_loader(cnn_dataset *set) {
  return cnn_loader_new(set, .batch_size = 16, .shuffle = true, .rescale = 1 / 255.0);
}

static inline void assert_same_weights(const cnn_model *a, const cnn_model *b) {
  assert_int_equal(a->network->block_size, b->network->block_size);
  assert_memory_equal(a->weights, b->weights, a->network->block_size * sizeof(float));
}

static inline bool same_weights(const cnn_model *a, const cnn_model *b) {
  return memcmp(a->weights, b->weights, a->network->block_size * sizeof(float)) == 0;
}

#endif
