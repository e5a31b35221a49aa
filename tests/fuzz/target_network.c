/* Architecture, build, one step: bytes choose layers and settings, sizes at which products overflow among them. */
#include "targets.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 8 << 20, MOST_LAYERS = 10, MOST_BATCH = 4, SLOW = 1 << 21 };

/* ---- layers ---- */

static double real(fuzz_choices *c) {
  static const double others[] = {-1, 1e-30, 1e30, INFINITY, NAN, CNN_ZERO, 0.999999999};
  const uint8_t byte = fuzz_byte(c);
  if (byte < 224) return byte % 9 / 8.0;
  return others[byte % (sizeof others / sizeof *others)];
}

static cnn_layer *conv2d(fuzz_choices *c) {
  return cnn_conv2d(.filters = fuzz_size(c), .kernel = {fuzz_size(c), fuzz_size(c)},
                    .stride = {fuzz_size(c), fuzz_size(c)}, .padding = fuzz_byte(c) % 3,
                    .dilation = {fuzz_size(c), fuzz_size(c)}, .groups = fuzz_size(c),
                    .activation = fuzz_byte(c) % 12, .no_bias = fuzz_byte(c) % 2,
                    .kernel_initializer = fuzz_byte(c) % 15, .kernel_l2 = real(c),
                    .frozen = fuzz_byte(c) % 2);
}

static cnn_layer *depthwise(fuzz_choices *c) {
  return cnn_depthwise_conv2d(.multiplier = fuzz_size(c), .kernel = {fuzz_size(c), fuzz_size(c)},
                              .stride = {fuzz_size(c), fuzz_size(c)}, .padding = fuzz_byte(c) % 3,
                              .dilation = {fuzz_size(c), fuzz_size(c)},
                              .activation = fuzz_byte(c) % 12);
}

static cnn_layer *pool(fuzz_choices *c, bool maximum) {
  const int64_t pool[2] = {fuzz_size(c), fuzz_size(c)}, stride[2] = {fuzz_size(c), fuzz_size(c)};
  const int64_t padding = fuzz_byte(c) % 3;
  if (maximum)
    return cnn_max_pool2d(.pool = {pool[0], pool[1]}, .stride = {stride[0], stride[1]},
                          .padding = padding);
  return cnn_average_pool2d(.pool = {pool[0], pool[1]}, .stride = {stride[0], stride[1]},
                            .padding = padding);
}

static cnn_layer *layer(fuzz_choices *c, uint8_t kind) {
  switch (kind) {
  case 0:
    return conv2d(c);
  case 1:
    return depthwise(c);
  case 2:
  case 3:
    return pool(c, kind == 2);
  case 4:
    return cnn_dense(.units = fuzz_size(c), .activation = fuzz_byte(c) % 12,
                     .kernel_initializer = fuzz_byte(c) % 15, .kernel_scale = real(c));
  case 5:
    return cnn_flatten();
  case 6:
    return cnn_activation(.function = fuzz_byte(c) % 12, .slope = real(c));
  case 7:
    return cnn_dropout(.rate = real(c));
  case 8:
    return cnn_rescaling(.scale = real(c), .offset = real(c));
  case 9:
    return cnn_batch_normalization(.momentum = real(c), .epsilon = real(c),
                                   .no_center = fuzz_byte(c) % 2, .no_scale = fuzz_byte(c) % 2);
  case 10:
    return cnn_zero_padding2d(.top = fuzz_size(c), .bottom = fuzz_size(c), .left = fuzz_size(c),
                              .right = fuzz_size(c));
  case 11:
    return cnn_add();
  case 12:
    return cnn_concatenate();
  default:
    return cnn_global_average_pool2d();
  }
}

static cnn_model *build(fuzz_choices *c) {
  cnn_graph *graph = cnn_graph_create();
  FUZZ_REQUIRE(graph);
  cnn_input_options input;
  cnn_input_options_init(&input, sizeof input);
  const int rank = fuzz_byte(c) % 16 ? 3 : fuzz_byte(c) % (CNN_MAX_RANK + 1);
  for (int i = 0; i < rank; i++) {
    const int64_t size = fuzz_size(c), more = fuzz_byte(c) % 8;
    input.shape[i] = size < 1000 ? size + more : size;
  }
  cnn_node last = cnn_graph_join(graph, cnn_input_create(&input), NULL, 0);
  const int layers = 1 + fuzz_byte(c) % MOST_LAYERS;
  for (int i = 0; i < layers; i++) {
    const uint8_t kind = fuzz_byte(c) % 14;
    cnn_node inputs[3] = {last, last, last};
    size_t count = 1;
    if (kind == 11 || kind == 12) {
      count = 1 + fuzz_byte(c) % 3;
      for (size_t k = 1; k < count; k++)
        inputs[k] = fuzz_byte(c) % (i + 2);
    }
    last = cnn_graph_join(graph, layer(c, kind), inputs, count);
    if (last < 0) break;
  }
  return cnn_graph_model(graph, last);
}

/* ---- a step ---- */

static cnn_loss *loss(uint8_t kind) {
  switch (kind) {
  case 0:
    return cnn_sparse_categorical_crossentropy(.from_logits = 1);
  case 1:
    return cnn_categorical_crossentropy(.label_smoothing = 0.1);
  case 2:
    return cnn_binary_crossentropy();
  case 3:
    return cnn_mean_squared_error();
  case 4:
    return cnn_mean_absolute_error();
  default:
    return cnn_huber();
  }
}

static cnn_optimizer *optimizer(fuzz_choices *c) {
  switch (fuzz_byte(c) % 4) {
  case 0:
    return cnn_sgd(.learning_rate = real(c), .momentum = real(c), .nesterov = fuzz_byte(c) % 2);
  case 1:
    return cnn_adam(.learning_rate = real(c), .beta_1 = real(c), .epsilon = real(c),
                    .clip_norm = real(c));
  case 2:
    return cnn_rmsprop(.learning_rate = real(c), .rho = real(c), .centered = fuzz_byte(c) % 2);
  default:
    return cnn_adamw(.weight_decay = real(c), .global_clip_norm = real(c), .ema_momentum = real(c));
  }
}

static int64_t product(int64_t rank, const int64_t *shape) {
  int64_t count = 1;
  for (int64_t i = 0; i < rank; i++)
    if (__builtin_mul_overflow(count, shape[i], &count) || count > MEMORY) return MEMORY;
  return count;
}

static cnn_tensor *images(const cnn_model *model, int64_t batch, fuzz_choices *c) {
  int64_t shape[CNN_MAX_RANK] = {batch};
  const int64_t rank = cnn_model_input_rank(model);
  if (rank >= CNN_MAX_RANK) return NULL;
  memcpy(shape + 1, cnn_model_input_shape(model), (size_t)rank * sizeof *shape);
  cnn_tensor *tensor = cnn_tensor_create(CNN_FLOAT32, rank + 1, shape);
  if (!tensor) return NULL;
  const float odd[] = {NAN, INFINITY, 3e38f, 1e-40f};
  float *values = cnn_tensor_data(tensor);
  for (int64_t i = 0; i < cnn_tensor_count(tensor); i++)
    values[i] = (float)(i * 7 % 23) / 23;
  const uint8_t byte = fuzz_byte(c);
  if (byte > 192) values[0] = odd[byte % 4];
  return tensor;
}

static cnn_tensor *labels(const cnn_model *model, int64_t batch, bool indices) {
  const int64_t rank = cnn_model_output_rank(model), *shape = cnn_model_output_shape(model);
  const int64_t width = product(rank, shape);
  cnn_tensor *tensor = cnn_tensor_create(indices ? CNN_INT32 : CNN_FLOAT32, 2,
                                         (const int64_t[]){batch, indices ? 1 : width});
  if (!tensor || indices) return tensor;
  float *values = cnn_tensor_data(tensor);
  for (int64_t i = 0; i < batch * width; i++)
    values[i] = (float)(i % 2);
  return tensor;
}

/* The same through a file: the same outputs, bit for bit. */
static void compare_with_loaded(cnn_model *model, const cnn_tensor *input) {
  char path[128];
  (void)strncpy(path, fuzz_scratch("network"), sizeof path - 1);
  path[sizeof path - 1] = 0;
  FUZZ_REQUIRE(cnn_model_save(model, path) == CNN_OK);
  cnn_model *loaded = cnn_model_load(path);
  if (!loaded) {
    FUZZ_REQUIRE(cnn_last_status() == CNN_E_NOMEM);
    return;
  }
  cnn_tensor *first = cnn_model_predict(model, input),
             *second = first ? cnn_model_predict(loaded, input) : NULL;
  FUZZ_REQUIRE(second || cnn_last_status() == CNN_E_NOMEM);
  const size_t bytes = first ? (size_t)cnn_tensor_count(first) * sizeof(float) : 0;
  FUZZ_REQUIRE(!second ||
               (cnn_tensor_count(second) == cnn_tensor_count(first) &&
                memcmp(cnn_tensor_floats(first), cnn_tensor_floats(second), bytes) == 0));
  cnn_tensor_free(first);
  cnn_tensor_free(second);
  cnn_model_free(loaded);
}

static void step(cnn_model *model, fuzz_choices *c) {
  const int64_t batch = 1 + fuzz_byte(c) % MOST_BATCH;
  const uint8_t kind = fuzz_byte(c) % 6;
  cnn_status status = cnn_model_compile(model, .optimizer = optimizer(c), .loss = loss(kind));
  FUZZ_REQUIRE(status == CNN_OK || status == CNN_E_INVALID || status == CNN_E_SHAPE ||
               status == CNN_E_NOMEM);
  if (status != CNN_OK) return;
  const uint64_t bytes = cnn_model_plan_bytes(model, batch, 1);
  if (bytes == 0 || bytes > SLOW) return;
  cnn_tensor *input = images(model, batch, c),
             *target = input ? labels(model, batch, kind == 0) : NULL;
  if (target) {
    status = cnn_model_train_on_batch(model, input, target, NULL, 0);
    FUZZ_REQUIRE(status == CNN_OK || status == CNN_E_NUMERIC || status == CNN_E_NOMEM ||
                 status == CNN_E_SHAPE || status == CNN_E_INVALID || status == CNN_E_UNSUPPORTED);
    compare_with_loaded(model, input);
  }
  cnn_tensor_free(target);
  cnn_tensor_free(input);
}

void fuzz_network(const uint8_t *bytes, size_t size) {
  fuzz_choices choices = {bytes, size};
  fuzz_begin(MEMORY);
  cnn_model *model = build(&choices);
  if (model) {
    cnn_clear_error();
    step(model, &choices);
  } else
    FUZZ_REQUIRE(cnn_last_status() == CNN_E_INVALID || cnn_last_status() == CNN_E_SHAPE ||
                 cnn_last_status() == CNN_E_LIMIT || cnn_last_status() == CNN_E_NOMEM);
  cnn_model_free(model);
  fuzz_end();
}

void fuzz_network_seed(const fuzz_sink *sink, const char *images_folder) {
  uint8_t seed[96];
  (void)images_folder;
  for (uint8_t i = 0; i < 24; i++) {
    for (size_t k = 0; k < sizeof seed; k++)
      seed[k] = (uint8_t)((k * 29 + i * 53 + k * k * i) % 224);
    sink->put(sink->user, seed, sizeof seed);
  }
}
