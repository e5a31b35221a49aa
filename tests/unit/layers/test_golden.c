/* Layers against Keras's numbers (tests/golden): shapes, outputs, gradients, moving statistics. */
#include "../../golden/vectors.h"
#include "../../grad/trial.h"
#include "support.h"
#include <stdio.h>

static cnn_context *context;

static int set_up(void **state) {
  context = cnn_context_new(.threads = 2);
  return context == NULL;
}

static int tear_down(void **state) {
  cnn_context_free(context);
  return 0;
}

static int64_t padding_of(const vector_file *file) {
  return strcmp(vectors_text(file, "padding"), "same") == 0 ? CNN_SAME : CNN_VALID;
}

static cnn_activation_kind activation_of(const vector_file *file) {
  const char *wanted = vectors_text(file, "activation");
  for (int kind = CNN_LINEAR; kind <= CNN_SOFTPLUS; kind++)
    if (strcmp(cnn__activation_name((cnn_activation_kind)kind), wanted) == 0)
      return (cnn_activation_kind)kind;
  fail_msg("unknown activation %s", wanted);
  return CNN_LINEAR;
}

/* One sample's shape, from a tensor with the count in front. */
static cnn__shape sample_of(const vector_file *file, const char *tensor) {
  const vector found = vectors_get(file, tensor);
  cnn__shape shape = {.rank = found.rank - 1};
  memcpy(shape.dim, found.dim + 1, shape.rank * sizeof *shape.dim);
  return shape;
}

static void load(const vector_file *file, const char *tensor, float *to, size_t count) {
  const vector found = vectors_get(file, tensor);
  assert_int_equal(found.count, count);
  memcpy(to, found.f32, count * sizeof *to);
}

static void compare(const vector_file *file, const char *name, const char *prefix,
                    const char *tensor, const float *actual, size_t count) {
  char label[256], full[64];
  snprintf(full, sizeof full, "%s%s", prefix, tensor);
  snprintf(label, sizeof label, "%s %s", name, full);
  const vector expected = vectors_get(file, full);
  assert_int_equal(expected.count, count);
  vectors_compare(label, actual, expected.f32, count, vectors_number(file, "tolerance"));
}

static void load_given(const vector_file *file, op_trial *trial) {
  load(file, "input", trial->input[0], trial->input_count[0]);
  for (size_t i = 0; i < trial->spec.parameter_count; i++)
    load(file, trial->spec.parameters[i].name, trial->parameter[i], trial->parameter_count[i]);
  load(file, "upstream", trial->upstream, trial->output_count);
}

static void compare_gradients(const vector_file *file, const char *name, const char *prefix,
                              op_trial *trial) {
  compare(file, name, prefix, "grad/input", trial->run.input_gradient[0], trial->input_count[0]);
  for (size_t i = 0; i < trial->spec.parameter_count; i++) {
    char tensor[64];
    snprintf(tensor, sizeof tensor, "grad/%s", trial->spec.parameters[i].name);
    if (trial->run.parameter_gradient[i] != NULL)
      compare(file, name, prefix, tensor, trial->run.parameter_gradient[i],
              trial->parameter_count[i]);
  }
}

/* A layer that ends in an activation of its own: run it, then run that, and the same backwards. */
static void check_with_end(const vector_file *file, const char *name, op_trial *trial,
                           cnn_activation_kind end) {
  op_trial last;
  trial_start(&last, context,
              &(trial_setup){.activation = end,
                             .images = trial->setup.images,
                             .input = {trial->output},
                             .training = true});
  load(file, "upstream", last.upstream, last.output_count);
  trial_forward(trial);
  memcpy(last.input[0], trial->run.output, last.output_count * sizeof(float));
  trial_forward(&last);
  compare(file, name, "", "output", last.run.output, last.output_count);
  trial_backward(&last);
  memcpy(trial->upstream, last.run.input_gradient[0], last.output_count * sizeof(float));
  trial_backward(trial);
  compare_gradients(file, name, "", trial);
  trial_end(&last);
}

static void check_with(const char *name, const vector_file *file, cnn_layer *layer, bool exact) {
  if (layer == NULL) fail_msg("%s: %s", name, cnn_last_error());
  double slope;
  const cnn_activation_kind end =
      layer->class->activation ? layer->class->activation(layer, &slope) : CNN_LINEAR;
  op_trial trial;
  trial_start(&trial, context,
              &(trial_setup){.layer = layer,
                             .images = vectors_get(file, "input").dim[0],
                             .input = {sample_of(file, "input")},
                             .training = true,
                             .exact = exact,
                             .fuse_relu = end == CNN_RELU});
  const cnn__shape expected = sample_of(file, "output");
  if (!cnn__shape_equal(&trial.output, &expected)) fail_msg("%s: another shape", name);
  load_given(file, &trial);
  if (end != CNN_LINEAR && end != CNN_RELU) {
    check_with_end(file, name, &trial, end);
  } else {
    trial_forward(&trial);
    compare(file, name, "", "output", trial.run.output, trial.output_count);
    trial_backward(&trial);
    compare_gradients(file, name, "", &trial);
  }
  trial_end(&trial);
}

static void check(const char *name, const vector_file *file, cnn_layer *layer) {
  check_with(name, file, layer, true);
  cnn_layer_free(layer);
}

static void visit_conv2d(const char *name) {
  vector_file *file = vectors_open(name);
  int64_t kernel[2], stride[2], dilation[2];
  vectors_integers(file, "kernel_size", kernel, 2);
  vectors_integers(file, "strides", stride, 2);
  vectors_integers(file, "dilation", dilation, 2);
  check(name, file,
        cnn_conv2d(.filters = (int64_t)vectors_number(file, "filters"),
                   .kernel = {kernel[0], kernel[1]}, .stride = {stride[0], stride[1]},
                   .dilation = {dilation[0], dilation[1]}, .padding = padding_of(file),
                   .groups = (int64_t)vectors_number(file, "groups"),
                   .no_bias = !vectors_flag(file, "use_bias"), .activation = activation_of(file)));
  vectors_close(file);
}

static void visit_depthwise(const char *name) {
  vector_file *file = vectors_open(name);
  int64_t kernel[2], stride[2], dilation[2];
  vectors_integers(file, "kernel_size", kernel, 2);
  vectors_integers(file, "strides", stride, 2);
  vectors_integers(file, "dilation", dilation, 2);
  check(name, file,
        cnn_depthwise_conv2d(.multiplier = (int64_t)vectors_number(file, "depth_multiplier"),
                             .kernel = {kernel[0], kernel[1]}, .stride = {stride[0], stride[1]},
                             .dilation = {dilation[0], dilation[1]}, .padding = padding_of(file),
                             .no_bias = !vectors_flag(file, "use_bias"),
                             .activation = activation_of(file)));
  vectors_close(file);
}

static void visit_pool(const char *name) {
  vector_file *file = vectors_open(name);
  int64_t pool[2], stride[2];
  vectors_integers(file, "pool_size", pool, 2);
  vectors_integers(file, "strides", stride, 2);
  const int64_t padding = padding_of(file);
  check(name, file,
        strcmp(vectors_text(file, "kind"), "max_pool2d") == 0
            ? cnn_max_pool2d(.pool = {pool[0], pool[1]}, .stride = {stride[0], stride[1]},
                             .padding = padding)
            : cnn_average_pool2d(.pool = {pool[0], pool[1]}, .stride = {stride[0], stride[1]},
                                 .padding = padding));
  vectors_close(file);
}

static void visit_global_pool(const char *name) {
  vector_file *file = vectors_open(name);
  check(name, file, cnn_global_average_pool2d());
  vectors_close(file);
}

static void visit_dense(const char *name) {
  vector_file *file = vectors_open(name);
  check(name, file,
        cnn_dense(.units = (int64_t)vectors_number(file, "units"),
                  .no_bias = !vectors_flag(file, "use_bias"), .activation = activation_of(file)));
  vectors_close(file);
}

static size_t per_channel_rescalings; /* Keras's Rescaling takes lists; ours takes numbers */

static void visit_rescaling(const char *name) {
  vector_file *file = vectors_open(name);
  const double scale = vectors_number(file, "scale"), offset = vectors_number(file, "offset");
  if (strchr(vectors_text(file, "scale"), ',') != NULL)
    per_channel_rescalings++;
  else
    check(name, file, cnn_rescaling(.scale = scale, .offset = offset));
  vectors_close(file);
}

static void check_batch_norm_inference(const vector_file *file, const char *name,
                                       const cnn_layer *layer) {
  op_trial trial;
  trial_start(&trial, context,
              &(trial_setup){.layer = layer,
                             .images = vectors_get(file, "input").dim[0],
                             .input = {sample_of(file, "input")},
                             .training = true,
                             .evaluating = true});
  load_given(file, &trial);
  trial_forward(&trial);
  compare(file, name, "inference/", "output", trial.run.output, trial.output_count);
  trial_backward(&trial);
  compare_gradients(file, name, "inference/", &trial);
  trial_end(&trial);
}

static void check_moving_statistics(const vector_file *file, const char *name,
                                    const cnn_layer *layer) {
  op_trial trial;
  trial_start(&trial, context,
              &(trial_setup){.layer = layer,
                             .images = vectors_get(file, "input").dim[0],
                             .input = {sample_of(file, "input")},
                             .training = true});
  load_given(file, &trial);
  trial_forward(&trial);
  const size_t variance = trial.spec.parameter_count - 1;
  compare(file, name, "after/", "moving_mean", trial.run.parameter[variance - 1],
          trial.parameter_count[variance - 1]);
  compare(file, name, "after/", "moving_variance", trial.run.parameter[variance],
          trial.parameter_count[variance]);
  trial_end(&trial);
}

static void visit_batch_norm(const char *name) {
  vector_file *file = vectors_open(name);
  cnn_layer *layer = cnn_batch_normalization(.momentum = vectors_number(file, "momentum"),
                                             .epsilon = vectors_number(file, "epsilon"),
                                             .no_center = !vectors_flag(file, "center"),
                                             .no_scale = !vectors_flag(file, "scale"));
  check_with(name, file, layer, true);
  check_batch_norm_inference(file, name, layer);
  check_moving_statistics(file, name, layer);
  cnn_layer_free(layer);
  vectors_close(file);
}

static size_t approximate_gelus; /* Keras's tanh variant, which we do not have */

static void visit_activation(const char *name) {
  vector_file *file = vectors_open(name);
  if (vectors_flag(file, "approximate") ||
      strcmp(vectors_text(file, "activation"), "gelu_tanh") == 0) {
    approximate_gelus++;
    vectors_close(file);
    return;
  }
  const cnn_activation_kind kind = activation_of(file);
  const vector input = vectors_get(file, "input");
  const size_t last = input.dim[input.rank - 1];
  op_trial trial;
  trial_start(&trial, context,
              &(trial_setup){.activation = kind,
                             .slope = kind == CNN_LEAKY_RELU
                                          ? vectors_number(file, "negative_slope")
                                          : cnn__activation_default_slope(kind),
                             .images = input.count / last,
                             .input = {vector_of(last)},
                             .training = true});
  load_given(file, &trial);
  if (kind != CNN_LINEAR) {
    trial_forward(&trial);
    compare(file, name, "", "output", trial.run.output, trial.output_count);
    trial_backward(&trial);
    compare_gradients(file, name, "", &trial);
  } else {
    assert_true(trial.op.alias);
  }
  trial_end(&trial);
  vectors_close(file);
}

static void test_convolutions(void **state) {
  assert_true(vectors_each("conv2d", visit_conv2d) >= 29);
  assert_true(vectors_each("depthwise_conv2d", visit_depthwise) >= 11);
}

static void test_pooling(void **state) {
  assert_true(vectors_each("max_pool2d", visit_pool) >= 11);
  assert_true(vectors_each("average_pool2d", visit_pool) >= 11);
  assert_true(vectors_each("global_average_pool2d", visit_global_pool) >= 3);
}

static void test_dense(void **state) {
  assert_true(vectors_each("dense", visit_dense) >= 7);
}

static void test_rescaling(void **state) {
  assert_true(vectors_each("rescaling", visit_rescaling) >= 3);
  assert_int_equal(per_channel_rescalings, 1);
}

static void test_batch_normalization(void **state) {
  assert_true(vectors_each("batch_normalization", visit_batch_norm) >= 6);
}

static void test_activations(void **state) {
  assert_true(vectors_each("activation", visit_activation) >= 29);
  assert_int_equal(approximate_gelus, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_convolutions),
      cmocka_unit_test(test_pooling),
      cmocka_unit_test(test_dense),
      cmocka_unit_test(test_rescaling),
      cmocka_unit_test(test_batch_normalization),
      cmocka_unit_test(test_activations),
  };
  return cmocka_run_group_tests_name("layers as in Keras", tests, set_up, tear_down);
}
