/* The tutorial's network against Keras's numbers: every layer's output, the loss, every gradient, and the weights after
   1, 2 and 10 steps of Adam, through the public API. */
#include "vectors.h"
#include <cnn/cnn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { IMAGES = 4, LAYERS = 10 };
static const char *const parameters[] = {
    "conv2d/kernel", "conv2d/bias",  "conv2d_1/kernel", "conv2d_1/bias",  "conv2d_2/kernel",
    "conv2d_2/bias", "dense/kernel", "dense/bias",      "dense_1/kernel", "dense_1/bias"};
enum { PARAMETERS = sizeof parameters / sizeof *parameters };

static vector_file *file;

/* ---- the numbers that README.md's hash gives ---- */

static uint64_t splitmix64(uint64_t z) {
  z += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

static uint64_t hash(const char *tensor, uint64_t i) {
  char key[96];
  snprintf(key, sizeof key, "tensor_id:%s", tensor);
  uint64_t seed = strtoull(vectors_text(file, "seed"), NULL, 0),
           id = strtoull(vectors_text(file, key), NULL, 0);
  return splitmix64(seed + (id << 32) + i) >> 40;
}

static cnn_tensor *images(void) {
  cnn_tensor *tensor = cnn_tensor_create(CNN_FLOAT32, 4, (const int64_t[]){IMAGES, 32, 32, 3});
  float *values = cnn_tensor_data(tensor);
  for (int64_t i = 0; i < cnn_tensor_count(tensor); i++)
    values[i] = (float)hash("input", (uint64_t)i) * 0x1p-24f;
  return tensor;
}

static cnn_tensor *labels(void) {
  cnn_tensor *tensor = cnn_tensor_create(CNN_INT32, 1, (const int64_t[]){IMAGES});
  int32_t *values = cnn_tensor_data(tensor);
  vector stored = vectors_get(file, "labels");
  for (uint64_t i = 0; i < IMAGES; i++) {
    values[i] = (int32_t)((hash("labels", i) * 10) >> 24);
    assert_int_equal(values[i], stored.i32[i]);
  }
  return tensor;
}

static void set_weights(cnn_model *model) {
  for (size_t p = 0; p < PARAMETERS; p++) {
    char key[96];
    cnn_tensor *tensor = cnn_model_parameter(model, parameters[p]);
    if (!tensor) { /* a network cut short */
      cnn_clear_error();
      continue;
    }
    snprintf(key, sizeof key, "limit:%s", parameters[p]);
    float limit = strtof(vectors_text(file, key), NULL), *values = cnn_tensor_data(tensor);
    for (int64_t i = 0; i < cnn_tensor_count(tensor); i++)
      values[i] = ((float)hash(parameters[p], (uint64_t)i) * 0x1p-23f - 1.0f) * limit;
    assert_int_equal(cnn_model_set_parameter(model, parameters[p], tensor), CNN_OK);
    cnn_tensor_free(tensor);
  }
}

/* The tutorial's first so many layers, the input counted. */
static cnn_model *network(size_t count) {
  cnn_layer *layers[LAYERS] = {cnn_input(.shape = {32, 32, 3}),
                               cnn_conv2d(.filters = 32, .kernel = {3, 3}, .activation = CNN_RELU),
                               cnn_max_pool2d(.pool = {2, 2}),
                               cnn_conv2d(.filters = 64, .kernel = {3, 3}, .activation = CNN_RELU),
                               cnn_max_pool2d(.pool = {2, 2}),
                               cnn_conv2d(.filters = 128, .kernel = {3, 3}, .activation = CNN_RELU),
                               cnn_max_pool2d(.pool = {2, 2}),
                               cnn_flatten(),
                               cnn_dense(.units = 128, .activation = CNN_RELU),
                               cnn_dense(.units = 10, .activation = CNN_SOFTMAX)};
  for (size_t i = count; i < LAYERS; i++)
    cnn_layer_free(layers[i]);
  cnn_model *model = cnn_sequential_create(layers, count);
  if (!model) fail_msg("%s", cnn_last_error());
  set_weights(model);
  return model;
}

/* Compares with X, or with X/sample and X/sums where the file keeps a part of it. */
static void compare(const char *name, const cnn_tensor *tensor, double tolerance) {
  const float *values = cnn_tensor_floats(tensor);
  char key[128];
  size_t count = (size_t)cnn_tensor_count(tensor), stride = 1;
  if (vectors_has(file, name)) {
    vector whole = vectors_get(file, name);
    assert_int_equal(whole.count, count);
    vectors_compare(name, values, whole.f32, count, tolerance);
    return;
  }
  snprintf(key, sizeof key, "stride:%s", name);
  stride = (size_t)vectors_number(file, key);
  snprintf(key, sizeof key, "%s/sample", name);
  vector sample = vectors_get(file, key);
  snprintf(key, sizeof key, "%s/sums", name);
  const double *sums = vectors_get(file, key).f64;
  assert_int_equal(sample.count, (count + stride - 1) / stride);
  float *picked = calloc(sample.count, sizeof *picked);
  double sum = 0, squares = 0;
  for (size_t i = 0; i < count; i++) {
    if (i % stride == 0) picked[i / stride] = values[i];
    sum += (double)values[i], squares += (double)values[i] * (double)values[i];
  }
  vectors_compare(name, picked, sample.f32, sample.count, tolerance);
  double n = (double)count,
         bound = (tolerance + 1e-12) * sums[2]; /* sums have an order of their own */
  if (!(fabs(sum - sums[0]) <= n * bound))
    fail_msg("%s: sum %.9g, expected %.9g", name, sum, sums[0]);
  if (!(fabs(squares - sums[1]) <= 2 * bound * sqrt(n * sums[1]) + n * bound * bound))
    fail_msg("%s: sum of squares %.9g, expected %.9g", name, squares, sums[1]);
  free(picked);
}

static void test_every_layers_output(void **state) {
  (void)state;
  double tolerance = vectors_number(file, "tolerance");
  cnn_tensor *batch = images();
  compare("input", batch, 0);
  for (size_t count = 2; count <= LAYERS; count++) {
    cnn_model *model = network(count);
    cnn_tensor *output = cnn_model_predict(model, batch);
    char name[96];
    snprintf(name, sizeof name, "output/%s", cnn_model_layer_name(model, (int64_t)count - 1));
    compare(name, output, tolerance);
    cnn_tensor_free(output);
    cnn_model_free(model);
  }
  cnn_tensor_free(batch);
}

static void compare_weights(cnn_model *model, int step, double tolerance) {
  for (size_t p = 0; p < PARAMETERS; p++) {
    char name[96];
    cnn_tensor *values = cnn_model_parameter(model, parameters[p]);
    snprintf(name, sizeof name, "step%d/%s", step, parameters[p]);
    compare(name, values, tolerance);
    cnn_tensor_free(values);
  }
}

static void test_loss_gradients_and_ten_steps(void **state) {
  (void)state;
  cnn_model *model = network(LAYERS);
  cnn_tensor *batch = images(), *truth = labels();
  assert_int_equal(cnn_model_compile(model, .optimizer = cnn_adam(),
                                     .loss = cnn_sparse_categorical_crossentropy()),
                   CNN_OK);
  compare_weights(model, 0, 0);
  vector losses = vectors_get(file, "losses");
  for (int step = 1; step <= 10; step++) {
    double loss;
    assert_int_equal(cnn_model_train_on_batch(model, batch, truth, &loss, 1), CNN_OK);
    float rounded = (float)loss;
    vectors_compare("losses", &rounded, losses.f32 + step - 1, 1, step == 1 ? 1e-5 : 1e-4);
    for (size_t p = 0; step == 1 && p < PARAMETERS; p++) {
      char name[96];
      cnn_tensor *gradient = cnn_model_gradient(model, parameters[p]);
      snprintf(name, sizeof name, "grad/%s", parameters[p]);
      compare(name, gradient, vectors_number(file, "tolerance"));
      cnn_tensor_free(gradient);
    }
    if (step == 1 || step == 2) compare_weights(model, step, 1e-4);
  }
  compare_weights(model, 10, 1e-3);
  cnn_tensor_free(batch);
  cnn_tensor_free(truth);
  cnn_model_free(model);
}

static int set_up(void **state) {
  (void)state;
  file = vectors_open("tutorial/adam");
  cnn_context *context = cnn_context_new(.threads = 2, .exact = 1);
  cnn_context_use(context);
  cnn_context_free(context);
  return context ? 0 : -1;
}
static int tear_down(void **state) {
  (void)state;
  vectors_close(file);
  cnn_context_use(NULL);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_layers_output),
      cmocka_unit_test(test_loss_gradients_and_ten_steps),
  };
  return cmocka_run_group_tests_name("golden: tutorial", tests, set_up, tear_down);
}
