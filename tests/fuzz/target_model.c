/* Model files and checkpoints: what loads is used, saved and loaded again. */
#include "../small_set.h"
#include "targets.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 64 << 20, SMALL_INPUT = 4096 };

/* ---- using ---- */

static bool is_any(cnn_status status, const cnn_status *expected, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (status == expected[i]) return true;
  return false;
}

/* A zero image, where its shape is a small one. */
static void predict(cnn_model *model) {
  const int64_t rank = cnn_model_input_rank(model), *input = cnn_model_input_shape(model);
  int64_t shape[CNN_MAX_RANK] = {1}, count = 1;
  if (rank >= CNN_MAX_RANK) return;
  for (int64_t i = 0; i < rank && count <= SMALL_INPUT; i++)
    count = input[i] > SMALL_INPUT ? input[i] : count * input[i];
  if (count > SMALL_INPUT) return;
  memcpy(shape + 1, input, (size_t)rank * sizeof *shape);
  if (cnn_model_plan_bytes(model, 1, 0) > 1 << 22) return; /* right, but slow */
  cnn_tensor *image = cnn_tensor_create(CNN_FLOAT32, rank + 1, shape);
  FUZZ_REQUIRE(image);
  cnn_tensor *result = cnn_model_predict(model, image);
  FUZZ_REQUIRE(result || cnn_last_status() == CNN_E_NOMEM || cnn_last_status() == CNN_E_LIMIT);
  cnn_tensor_free(result);
  cnn_tensor_free(image);
}

/* What was loaded is saved; what was saved is loaded, and saves the same bytes. */
static void save_and_load(cnn_model *model) {
  char first[128], second[128];
  (void)strncpy(first, fuzz_scratch("first"), sizeof first - 1);
  (void)strncpy(second, fuzz_scratch("second"), sizeof second - 1);
  first[sizeof first - 1] = second[sizeof second - 1] = 0;
  const cnn_status status = cnn_model_save(model, first);
  if (status == CNN_E_LIMIT) return; /* escapes have made its header larger */
  FUZZ_REQUIRE(status == CNN_OK);
  cnn_clear_error();
  cnn_model *again = cnn_model_load(first);
  FUZZ_REQUIRE(again && cnn_model_save(again, second) == CNN_OK);
  cnn_model_free(again);
  size_t sizes[2];
  uint8_t *bytes[2] = {fuzz_read(first, &sizes[0]), fuzz_read(second, &sizes[1])};
  FUZZ_REQUIRE(sizes[0] == sizes[1] && memcmp(bytes[0], bytes[1], sizes[0]) == 0);
  free(bytes[0]);
  free(bytes[1]);
}

void fuzz_model(const uint8_t *bytes, size_t size) {
  fuzz_begin(MEMORY);
  cnn_model *model = cnn_model_load(fuzz_file(bytes, size));
  if (model) {
    predict(model);
    save_and_load(model);
  } else
    fuzz_refused(size);
  cnn_model_free(model);
  fuzz_end();
}

/* ---- training on ---- */

static cnn_loader *small_loader(int64_t shuffle) {
  cnn_dataset *dataset = small_dataset();
  cnn_loader *loader =
      cnn_loader_new(dataset, .batch_size = 4, .shuffle = shuffle, .rescale = 1 / 255.);
  cnn_dataset_free(dataset);
  FUZZ_REQUIRE(loader);
  return loader;
}

static cnn_status fit(cnn_model *model, int64_t epochs, int64_t again) {
  cnn_loader *loader = small_loader(1), *checks = small_loader(0);
  const cnn_status status =
      cnn_model_fit(model, loader, .epochs = epochs, .validation = checks, .resume = again,
                    .callbacks = {cnn_early_stopping(.patience = 5, .restore_best_weights = 1),
                                  cnn_reduce_on_plateau(.patience = 1)});
  cnn_loader_free(loader);
  cnn_loader_free(checks);
  return status;
}

/* A training that a stranger's file says stands somewhere goes on for an epoch, or is refused. */
void fuzz_checkpoint(const uint8_t *bytes, size_t size) {
  static const cnn_status expected[] = {
      CNN_OK,      CNN_E_MISMATCH, CNN_E_FORMAT, CNN_E_NUMERIC,   CNN_E_STATE,
      CNN_E_SHAPE, CNN_E_INVALID,  CNN_E_NOMEM,  CNN_E_NOT_FOUND, CNN_E_LIMIT};
  fuzz_begin(MEMORY);
  cnn_model *model = cnn_model_load(fuzz_file(bytes, size));
  if (!model) {
    fuzz_refused(size);
  } else if (cnn_model_plan_bytes(model, 4, 1) < 1 << 22) {
    cnn_clear_error();
    const cnn_status status = fit(model, cnn_model_epochs_done(model) + 1, 1);
    FUZZ_REQUIRE(is_any(status, expected, sizeof expected / sizeof *expected));
    save_and_load(model);
  }
  cnn_model_free(model);
  fuzz_end();
}

/* ---- seeds ---- */

static void put_file(const fuzz_sink *sink, const char *path) {
  size_t size;
  uint8_t *bytes = fuzz_read(path, &size);
  FUZZ_REQUIRE(size > 0);
  sink->put(sink->user, bytes, size);
  free(bytes);
}

static void put_model(const fuzz_sink *sink, const cnn_model *model, bool training) {
  char path[128];
  (void)strncpy(path, fuzz_scratch("seed"), sizeof path - 1);
  path[sizeof path - 1] = 0;
  FUZZ_REQUIRE((training ? cnn_model_save(model, path) : cnn_model_save_weights(model, path)) ==
               CNN_OK);
  put_file(sink, path);
}

static cnn_model *chain(void) {
  return cnn_sequential(cnn_input(.shape = {SIDE, SIDE, 1}),
                        cnn_conv2d(.filters = 2, .kernel = {3}, .activation = CNN_RELU),
                        cnn_batch_normalization(), cnn_flatten(),
                        cnn_dense(.units = 2, .activation = CNN_SOFTMAX));
}

/* Every kind of layer that a chain can hold. */
static cnn_model *long_chain(void) {
  return cnn_sequential(
      cnn_input(.shape = {SIDE, SIDE, 1}), cnn_rescaling(.scale = 2, .offset = -1),
      cnn_zero_padding2d(.top = 1, .left = 1), cnn_depthwise_conv2d(.kernel = {2}, .multiplier = 2),
      cnn_activation(.function = CNN_LEAKY_RELU, .slope = 0.1),
      cnn_max_pool2d(.pool = {2}, .stride = {1}), cnn_average_pool2d(.pool = {2}),
      cnn_dropout(.rate = 0.5), cnn_global_average_pool2d(),
      cnn_dense(.units = 2, .activation = CNN_SOFTMAX));
}

static cnn_model *branches(void) {
  cnn_graph *graph = cnn_graph_create();
  const cnn_node input = cnn_graph_join(graph, cnn_input(.shape = {SIDE, SIDE, 1}), NULL, 0);
  const cnn_node a =
      cnn_graph_add(graph, cnn_conv2d(.filters = 2, .padding = CNN_SAME, .kernel = {1}), input);
  const cnn_node b =
      cnn_graph_add(graph, cnn_conv2d(.filters = 2, .padding = CNN_SAME, .kernel = {3}), input);
  const cnn_node sum = cnn_graph_add(graph, cnn_add(), a, b);
  const cnn_node both = cnn_graph_add(graph, cnn_concatenate(), sum, a);
  const cnn_node flat = cnn_graph_add(graph, cnn_flatten(), both);
  return cnn_graph_model(graph, cnn_graph_add(graph, cnn_dense(.units = 2), flat));
}

void fuzz_model_seed(const fuzz_sink *sink, const char *images) {
  static const char *const names[] = {"low", "high"};
  static const double mean[] = {0.5}, deviation[] = {0.25};
  (void)images;
  fuzz_begin(MEMORY);
  cnn_model *models[] = {chain(), long_chain(), branches()};
  for (size_t i = 0; i < 3; i++) {
    FUZZ_REQUIRE(models[i]);
    put_model(sink, models[i], false);
    FUZZ_REQUIRE(cnn_model_set_class_names(models[i], names, 2) == CNN_OK &&
                 cnn_model_set_preprocessing(models[i], 1 / 255., mean, deviation, 1) == CNN_OK &&
                 cnn_model_set_note(models[i], "a", "\"b\"") == CNN_OK);
    put_model(sink, models[i], false);
    cnn_model_free(models[i]);
  }
  fuzz_end();
}

static cnn_optimizer *optimizer(int i) {
  if (i == 0) return cnn_sgd(.momentum = 0.9);
  if (i == 1)
    return cnn_adam(.amsgrad = 1, .schedule = cnn_cosine_decay(.initial = 0.01, .steps = 20));
  return cnn_rmsprop(.centered = 1, .momentum = 0.5, .ema_momentum = 0.9);
}

void fuzz_checkpoint_seed(const fuzz_sink *sink, const char *images) {
  (void)images;
  fuzz_begin(MEMORY);
  for (int i = 0; i < 3; i++) {
    cnn_model *model = i == 2 ? long_chain() : chain();
    FUZZ_REQUIRE(model);
    FUZZ_REQUIRE(cnn_model_compile(model, .optimizer = optimizer(i),
                                   .loss = cnn_sparse_categorical_crossentropy(),
                                   .metrics = {cnn_accuracy()}) == CNN_OK);
    FUZZ_REQUIRE(fit(model, 1, 0) == CNN_OK);
    put_model(sink, model, true);
    cnn_model_free(model);
  }
  fuzz_end();
}
