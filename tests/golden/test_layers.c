/* Layers and activations against Keras's numbers: outputs and gradients, by direct convolution. */
#include "../grad/trial.h"
#include "vectors.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static cnn_context *context;
static const char *const no_parameters[] = {NULL};
static const char *const kernel_and_bias[] = {"kernel", "bias", NULL};

static int64_t padding_of(const vector_file *file) {
  return strcmp(vectors_text(file, "padding"), "same") == 0 ? CNN_SAME : CNN_VALID;
}

static cnn_activation_kind activation_of(const char *name) {
  static const char *const names[] = {"linear",  "relu", "leaky_relu", "relu6", "sigmoid", "tanh",
                                      "softmax", "elu",  "gelu",       "silu",  "softplus"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0) return (cnn_activation_kind)i;
  fail_msg("there is no activation %s", name);
  return CNN_LINEAR;
}

/* The shape of one sample. */
static cnn__shape sample_shape(const vector *tensor) {
  cnn__shape shape = {.rank = tensor->rank - 1};
  for (size_t i = 1; i < tensor->rank; i++)
    shape.dim[i - 1] = tensor->dim[i];
  return shape;
}

static void compare(const vector_file *file, const char *prefix, const char *tensor,
                    const float *actual) {
  char name[96], label[256];
  snprintf(name, sizeof name, "%s%s", prefix, tensor);
  snprintf(label, sizeof label, "%s: %s", vectors_text(file, "case"), name);
  vector expected = vectors_get(file, name);
  vectors_compare(label, actual, expected.f32, expected.count, vectors_number(file, "tolerance"));
}

/* Runs an operation forward; then, unless the file has no gradient, backward. after: the activation of
   the layer where the operation does not take it in, or NULL. */
static void run(const vector_file *file, op_trial *trial, op_trial *after, const float *upstream) {
  trial_forward(trial);
  if (after) {
    memcpy(after->input[0], trial->run.output, trial->output_count * sizeof(float));
    trial_forward(after);
    memcpy(after->upstream, upstream, after->output_count * sizeof(float));
    trial_backward(after);
    upstream = after->run.input_gradient[0];
  }
  memcpy(trial->upstream, upstream, trial->output_count * sizeof(float));
  compare(file, "", "output", after ? after->run.output : trial->run.output);
  trial_backward(trial);
}

static void check_operation(const vector_file *file, cnn_layer *layer,
                            const char *const *parameters) {
  vector input = vectors_get(file, "input"), upstream = vectors_get(file, "upstream");
  const char *name = vectors_text(file, "activation");
  cnn_activation_kind activation = name ? activation_of(name) : CNN_LINEAR;
  bool apart = activation != CNN_LINEAR && activation != CNN_RELU;
  if (!layer) fail_msg("%s: %s", vectors_text(file, "case"), cnn_last_error());
  op_trial trial, after;
  trial_setup setup = {.layer = layer,
                       .images = input.dim[0],
                       .inputs = 1,
                       .input = {sample_shape(&input)},
                       .training = true,
                       .exact = true,
                       .fuse_activation = apart ? CNN_LINEAR : activation};
  trial_start(&trial, context, &setup);
  memcpy(trial.input[0], input.data, input.count * sizeof(float));
  for (size_t i = 0; parameters[i] && vectors_has(file, parameters[i]); i++) {
    vector values = vectors_get(file, parameters[i]);
    assert_int_equal(trial.parameter_count[i], values.count);
    memcpy(trial.parameter[i], values.data, values.count * sizeof(float));
  }
  if (apart)
    trial_start(&after, context,
                &(trial_setup){.activation = activation,
                               .slope = cnn__activation_default_slope(activation),
                               .images = input.dim[0],
                               .inputs = 1,
                               .input = {trial.output},
                               .training = true});
  run(file, &trial, apart ? &after : NULL, upstream.f32);
  compare(file, "grad/", "input", trial.run.input_gradient[0]);
  for (size_t i = 0; parameters[i] && vectors_has(file, parameters[i]); i++)
    compare(file, "grad/", parameters[i], trial.run.parameter_gradient[i]);
  if (apart) trial_end(&after);
  trial_end(&trial);
  cnn_layer_free(layer);
}

static void check_convolution(const char *name) {
  vector_file *file = vectors_open(name);
  cnn_conv2d_options options = {.struct_size = sizeof options,
                                .filters = (int64_t)vectors_number(file, "filters"),
                                .padding = padding_of(file),
                                .groups = (int64_t)vectors_number(file, "groups"),
                                .no_bias = !vectors_flag(file, "use_bias")};
  vectors_integers(file, "kernel_size", options.kernel, 2);
  vectors_integers(file, "strides", options.stride, 2);
  vectors_integers(file, "dilation", options.dilation, 2);
  check_operation(file, cnn_conv2d_create(&options), kernel_and_bias);
  vectors_close(file);
}

static void check_depthwise(const char *name) {
  vector_file *file = vectors_open(name);
  cnn_depthwise_conv2d_options options = {.struct_size = sizeof options,
                                          .multiplier =
                                              (int64_t)vectors_number(file, "depth_multiplier"),
                                          .padding = padding_of(file),
                                          .no_bias = !vectors_flag(file, "use_bias")};
  vectors_integers(file, "kernel_size", options.kernel, 2);
  vectors_integers(file, "strides", options.stride, 2);
  vectors_integers(file, "dilation", options.dilation, 2);
  check_operation(file, cnn_depthwise_conv2d_create(&options), kernel_and_bias);
  vectors_close(file);
}

static void check_pool(const char *name, bool largest) {
  vector_file *file = vectors_open(name);
  int64_t pool[2], stride[2];
  vectors_integers(file, "pool_size", pool, 2);
  vectors_integers(file, "strides", stride, 2);
  cnn_layer *layer =
      largest ? cnn_max_pool2d(.pool = {pool[0], pool[1]}, .stride = {stride[0], stride[1]},
                               .padding = padding_of(file))
              : cnn_average_pool2d(.pool = {pool[0], pool[1]}, .stride = {stride[0], stride[1]},
                                   .padding = padding_of(file));
  check_operation(file, layer, no_parameters);
  vectors_close(file);
}
static void check_max_pool(const char *name) {
  check_pool(name, true);
}
static void check_average_pool(const char *name) {
  check_pool(name, false);
}

static void check_global_average_pool(const char *name) {
  vector_file *file = vectors_open(name);
  check_operation(file, cnn_global_average_pool2d(), no_parameters);
  vectors_close(file);
}

static void check_dense(const char *name) {
  vector_file *file = vectors_open(name);
  check_operation(file,
                  cnn_dense(.units = (int64_t)vectors_number(file, "units"),
                            .no_bias = !vectors_flag(file, "use_bias")),
                  kernel_and_bias);
  vectors_close(file);
}

static size_t rescalings;

static void check_rescaling(const char *name) {
  vector_file *file = vectors_open(name);
  if (!strchr(vectors_text(file, "scale"),
              ',')) { /* one scale a channel is the loader's work here */
    double offset = vectors_number(file, "offset");
    check_operation(file, cnn_rescaling(.scale = vectors_number(file, "scale"), .offset = offset),
                    no_parameters);
    rescalings++;
  }
  vectors_close(file);
}

static void run_batch_normalization(const vector_file *file, bool training) {
  static const char *const all[] = {"gamma", "beta", "moving_mean", "moving_variance"};
  bool center = vectors_flag(file, "center"), scale = vectors_flag(file, "scale");
  vector input = vectors_get(file, "input"), upstream = vectors_get(file, "upstream");
  cnn_layer *layer =
      cnn_batch_normalization(.momentum = vectors_number(file, "momentum"),
                              .epsilon = vectors_number(file, "epsilon"), .no_center = !center,
                              .no_scale = !scale, .frozen = !training);
  assert_non_null(layer);
  op_trial trial;
  trial_start(&trial, context,
              &(trial_setup){.layer = layer,
                             .images = input.dim[0],
                             .inputs = 1,
                             .input = {sample_shape(&input)},
                             .training = true,
                             .frozen = !training});
  memcpy(trial.input[0], input.data, input.count * sizeof(float));
  const char *names[4];
  size_t count = 0;
  for (size_t i = 0; i < 4; i++) {
    if ((i == 0 && !scale) || (i == 1 && !center)) continue;
    vector values = vectors_get(file, all[i]);
    assert_int_equal(trial.parameter_count[count], values.count);
    memcpy(trial.parameter[count], values.data, values.count * sizeof(float));
    names[count++] = all[i];
  }
  memcpy(trial.upstream, upstream.data, upstream.count * sizeof(float));
  trial_forward(&trial);
  compare(file, training ? "" : "inference/", "output", trial.run.output);
  trial_backward(&trial);
  compare(file, training ? "grad/" : "inference/grad/", "input", trial.run.input_gradient[0]);
  for (size_t i = 0; i < count; i++) {
    bool statistic = strncmp(names[i], "moving", 6) == 0;
    if (training && statistic) compare(file, "after/", names[i], trial.run.parameter[i]);
    if (training && !statistic) compare(file, "grad/", names[i], trial.run.parameter_gradient[i]);
  }
  trial_end(&trial);
  cnn_layer_free(layer);
}

static void check_batch_normalization(const char *name) {
  vector_file *file = vectors_open(name);
  run_batch_normalization(file, true);
  run_batch_normalization(file, false);
  vectors_close(file);
}

static size_t activations;

static void check_activation(const char *name) {
  vector_file *file = vectors_open(name);
  vector input = vectors_get(file, "input"), upstream = vectors_get(file, "upstream");
  cnn_activation_kind kind = activation_of(vectors_text(file, "activation"));
  double slope = cnn__activation_default_slope(kind);
  const char *axis = vectors_text(file, "axis");
  if (vectors_text(file, "negative_slope")) slope = vectors_number(file, "negative_slope");
  if (vectors_text(file, "alpha")) slope = vectors_number(file, "alpha");
  bool ours = kind != CNN_LINEAR && !vectors_flag(file, "approximate") &&
              (!axis || strcmp(axis, "-1") == 0);
  if (ours) { /* linear is no operation; gelu by tanh is not offered */
    op_trial trial;
    cnn__shape shape = {.rank = 1, .dim = {input.count}};
    size_t images = 1;
    if (input.rank > 1) shape = sample_shape(&input), images = input.dim[0];
    trial_start(&trial, context,
                &(trial_setup){.activation = kind,
                               .slope = slope,
                               .images = images,
                               .inputs = 1,
                               .input = {shape},
                               .training = true});
    memcpy(trial.input[0], input.data, input.count * sizeof(float));
    run(file, &trial, NULL, upstream.f32);
    compare(file, "grad/", "input", trial.run.input_gradient[0]);
    trial_end(&trial);
    activations++;
  }
  vectors_close(file);
}

static void test_convolutions(void **state) {
  (void)state;
  assert_int_equal(vectors_each("conv2d", check_convolution), 29);
}
static void test_depthwise_convolutions(void **state) {
  (void)state;
  assert_int_equal(vectors_each("depthwise_conv2d", check_depthwise), 11);
}
static void test_pooling(void **state) {
  (void)state;
  assert_int_equal(vectors_each("max_pool2d", check_max_pool), 11);
  assert_int_equal(vectors_each("average_pool2d", check_average_pool), 11);
  assert_int_equal(vectors_each("global_average_pool2d", check_global_average_pool), 3);
}
static void test_dense_layers(void **state) {
  (void)state;
  assert_int_equal(vectors_each("dense", check_dense), 7);
}
static void test_rescaling(void **state) {
  (void)state;
  assert_int_equal(vectors_each("rescaling", check_rescaling), 3);
  assert_int_equal(rescalings, 2);
}
static void test_batch_normalization(void **state) {
  (void)state;
  assert_int_equal(vectors_each("batch_normalization", check_batch_normalization), 6);
}
static void test_activations(void **state) {
  (void)state;
  assert_int_equal(vectors_each("activation", check_activation), 29);
  assert_int_equal(activations, 25);
}

static int set_up(void **state) {
  (void)state;
  context = cnn_context_new(.threads = 2, .exact = 1);
  return context ? 0 : -1;
}
static int tear_down(void **state) {
  (void)state;
  cnn_context_free(context);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_convolutions), cmocka_unit_test(test_depthwise_convolutions),
      cmocka_unit_test(test_pooling),      cmocka_unit_test(test_dense_layers),
      cmocka_unit_test(test_rescaling),    cmocka_unit_test(test_batch_normalization),
      cmocka_unit_test(test_activations),
  };
  return cmocka_run_group_tests_name("golden: layers", tests, set_up, tear_down);
}
