/* Normalisations that inference folds into the convolution before them. */
#include "model/plan.h"
#include "support.h"
#include <string.h>

static size_t steps_of(const cnn_model *model, bool training) {
  const cnn__plan_request request = {.context = model->context,
                                     .network = model->network,
                                     .frozen = model->frozen,
                                     .batch = 4,
                                     .training = training};
  cnn__plan *plan = NULL;
  assert_ok(cnn__plan_new(&request, &plan));
  const size_t steps = plan->step_count;
  cnn__plan_free(plan);
  return steps;
}

/* Numbers of any kind; variances are not negative. */
static void fill(cnn_model *model) {
  for (int64_t p = 0; p < cnn_model_parameter_count(model); p++) {
    const char *name = cnn_model_parameter_name(model, p);
    cnn_tensor *values = cnn_model_parameter(model, name);
    assert_made(values);
    float *numbers = values->data;
    for (size_t i = 0; i < values->bytes / sizeof(float); i++) {
      numbers[i] = number_at((size_t)p * 1000 + i);
      if (strstr(name, "variance")) numbers[i] = 0.2f + numbers[i] * numbers[i];
    }
    assert_ok(cnn_model_set_parameter(model, name, values));
    cnn_tensor_free(values);
  }
}

typedef cnn_model *make_model(cnn_activation_kind kind);

static cnn_model *behind(cnn_layer *layer, cnn_layer *normalization, cnn_activation_kind kind) {
  return cnn_sequential(cnn_input(.shape = {12, 11, 4}), layer, normalization,
                        cnn_activation(.function = kind), cnn_max_pool2d(), cnn_flatten(),
                        cnn_dense(.units = 5));
}
static cnn_model *plain(cnn_activation_kind kind) {
  return behind(cnn_conv2d(.filters = 7, .kernel = {3}, .no_bias = 1), cnn_batch_normalization(),
                kind);
}
static cnn_model *with_bias(cnn_activation_kind kind) {
  return behind(cnn_conv2d(.filters = 6, .kernel = {3}, .stride = {2}, .padding = CNN_SAME),
                cnn_batch_normalization(.no_center = 1, .epsilon = 0.1), kind);
}
static cnn_model *in_groups(cnn_activation_kind kind) {
  return behind(cnn_conv2d(.filters = 8, .kernel = {2}, .groups = 2),
                cnn_batch_normalization(.no_center = 1, .no_scale = 1), kind);
}
static cnn_model *depthwise(cnn_activation_kind kind) {
  return behind(cnn_depthwise_conv2d(.kernel = {3}, .padding = CNN_SAME),
                cnn_batch_normalization(.no_scale = 1), kind);
}
static cnn_model *multiplied(cnn_activation_kind kind) {
  return behind(cnn_depthwise_conv2d(.kernel = {3}, .multiplier = 3, .no_bias = 1),
                cnn_batch_normalization(), kind);
}
static cnn_model *by_winograd(cnn_activation_kind kind) {
  return cnn_sequential(cnn_input(.shape = {12, 12, 32}),
                        cnn_conv2d(.filters = 40, .kernel = {3}, .no_bias = 1),
                        cnn_batch_normalization(), cnn_activation(.function = kind),
                        cnn_max_pool2d(), cnn_flatten(), cnn_dense(.units = 5));
}

/* Kernel and bias that do both are the same within rounding as one after the other, which exact keeps to. */
static void test_outputs_are_those_of_the_layers_one_by_one(void **state) {
  static const struct {
    make_model *make;
    cnn_activation_kind kind;
    size_t steps, apart;
  } cases[] = {
      {plain, CNN_RELU, 2, 4},       {plain, CNN_RELU6, 2, 4},       {plain, CNN_LINEAR, 3, 4},
      {with_bias, CNN_ELU, 4, 5},    {with_bias, CNN_RELU6, 2, 4},   {in_groups, CNN_RELU6, 2, 4},
      {depthwise, CNN_RELU, 3, 4},   {depthwise, CNN_RELU6, 3, 4},   {multiplied, CNN_RELU, 2, 4},
      {by_winograd, CNN_RELU, 2, 4}, {by_winograd, CNN_RELU6, 2, 4}, {by_winograd, CNN_TANH, 4, 5}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    float outputs[2][4 * 5];
    for (int exact = 0; exact < 2; exact++) {
      cnn_context *context = cnn_context_new(.threads = 2, .exact = exact);
      cnn_context_use(context);
      cnn_model *model = cases[i].make(cases[i].kind);
      assert_made(model);
      fill(model);
      assert_int_equal(steps_of(model, false), exact ? cases[i].apart : cases[i].steps);
      assert_int_equal(steps_of(model, true), cases[i].apart);
      const int64_t *shape = cnn_model_input_shape(model);
      cnn_tensor *images = numbers(4, (int64_t[]){4, shape[0], shape[1], shape[2]}, 3);
      cnn_tensor *result = cnn_model_predict(model, images);
      assert_made(result);
      memcpy(outputs[exact], cnn_tensor_floats(result), sizeof outputs[exact]);
      cnn_tensor_free(result);
      cnn_tensor_free(images);
      cnn_model_free(model);
      end_context(context);
    }
    float largest = 0;
    for (size_t k = 0; k < 4 * 5; k++)
      largest = fmaxf(largest, fabsf(outputs[1][k]));
    for (size_t k = 0; k < 4 * 5; k++)
      assert_true(fabsf(outputs[0][k] - outputs[1][k]) <= 1e-5f * largest);
  }
}

/* What others read, or what an activation stands before, is not taken in. */
static void test_only_what_follows_alone_and_at_once_is_folded(void **state) {
  cnn_context *context = begin_context(1, 0);
  cnn_model *model = cnn_sequential(cnn_input(.shape = {6, 6, 3}),
                                    cnn_conv2d(.filters = 4, .kernel = {3}, .activation = CNN_TANH),
                                    cnn_batch_normalization(), cnn_flatten(), cnn_dense(.units = 2),
                                    cnn_batch_normalization());
  assert_made(model);
  assert_int_equal(steps_of(model, false),
                   5); /* convolution, tanh, normalization, dense, normalization */
  cnn_model_free(model);

  cnn_graph *graph = cnn_graph_create();
  const cnn_node image = cnn_graph_add(graph, cnn_input(.shape = {6, 6, 3}));
  const cnn_node conv = cnn_graph_add(graph, cnn_conv2d(.filters = 4, .kernel = {1}), image);
  const cnn_node even = cnn_graph_add(graph, cnn_batch_normalization(), conv);
  model = cnn_graph_model(graph, cnn_graph_add(graph, cnn_add(), conv, even));
  assert_made(model);
  assert_int_equal(steps_of(model, false), 3);
  cnn_model_free(model);
  end_context(context);
}

/* Statistics that have changed are in the next prediction. */
static void test_new_statistics_are_folded_anew(void **state) {
  cnn_context *context = begin_context(1, 0);
  cnn_model *model = plain(CNN_RELU);
  fill(model);
  cnn_tensor *images = numbers(4, (int64_t[]){1, 12, 11, 4}, 3);
  cnn_tensor *before = cnn_model_predict(model, images);
  cnn_tensor *mean = numbers(1, (int64_t[]){7}, 11);
  assert_ok(cnn_model_set_parameter(model, "batch_normalization/moving_mean", mean));
  cnn_tensor *after = cnn_model_predict(model, images);
  assert_made(after);
  assert_memory_not_equal(cnn_tensor_floats(before), cnn_tensor_floats(after), 5 * sizeof(float));
  cnn_tensor_free(after);
  cnn_tensor_free(mean);
  cnn_tensor_free(before);
  cnn_tensor_free(images);
  cnn_model_free(model);
  end_context(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_outputs_are_those_of_the_layers_one_by_one),
      cmocka_unit_test(test_only_what_follows_alone_and_at_once_is_folded),
      cmocka_unit_test(test_new_statistics_are_folded_anew),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
