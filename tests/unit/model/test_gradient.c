/* Gradients through graphs against differences of the loss. */
#include "support.h"

typedef struct posed_problem {
  cnn_model *model;
  cnn_tensor *images, *labels;
} posed_problem;

/* Mean squared error against fixed targets; sgd with no rate leaves the weights. */
static posed_problem pose(cnn_model *model, int64_t height, int64_t width, int64_t channels) {
  assert_made(model);
  posed_problem problem = {.model = model};
  problem.images = numbers(4, (int64_t[]){3, height, width, channels}, 11);
  problem.labels = numbers(2, (int64_t[]){3, cnn_model_output_shape(model)[0]}, 17);
  assert_ok(cnn_model_compile(model, .optimizer = cnn_sgd(.learning_rate = CNN_ZERO),
                              .loss = cnn_mean_squared_error()));
  return problem;
}

static void withdraw(posed_problem *problem) {
  cnn_tensor_free(problem->images);
  cnn_tensor_free(problem->labels);
  cnn_model_free(problem->model);
}

/* In training mode: what the gradient is of. */
static double loss_of(posed_problem *problem) {
  double loss;
  assert_ok(cnn_model_train_on_batch(problem->model, problem->images, problem->labels, &loss, 1));
  return loss;
}

static void check_parameter(posed_problem *problem, size_t parameter) {
  const cnn__parameter *array = &problem->model->network->parameters[parameter];
  float *values = cnn__model_values(problem->model, parameter);
  (void)loss_of(problem);
  cnn_tensor *gradient = cnn_model_gradient(problem->model, array->name);
  assert_made(gradient);
  for (size_t i = 0; i < array->count; i += 1 + array->count / 5) {
    const float step = 1e-2f, kept = values[i];
    values[i] = kept + step;
    problem->model->version++;
    double above = loss_of(problem);
    values[i] = kept - step;
    problem->model->version++;
    double below = loss_of(problem);
    values[i] = kept;
    problem->model->version++;
    double expected = (above - below) / (2 * (double)step), is = cnn_tensor_floats(gradient)[i];
    if (fabs(is - expected) > 2e-3 * (1 + fabs(expected)))
      fail_msg("%s[%zu]: gradient %g, difference %g", array->name, i, is, expected);
  }
  cnn_tensor_free(gradient);
}

static void check_all(posed_problem *problem) {
  for (size_t i = 0; i < problem->model->network->parameter_count; i++)
    if (cnn__model_trains(problem->model, i)) check_parameter(problem, i);
}

/* Smooth activations, so that differences are gradients: two residual blocks, one of them with its
   shortcut through a convolution, values with up to three readers. */
static cnn_model *residual_model(void) {
  cnn_graph *graph = cnn_graph_create();
  cnn_node in = cnn_graph_join(graph, cnn_input(.shape = {6, 6, 2}), NULL, 0);
  cnn_node x = cnn_graph_add(
      graph, cnn_conv2d(.filters = 3, .kernel = {3}, .padding = CNN_SAME, .activation = CNN_TANH),
      in);
  cnn_node a = cnn_graph_add(
      graph, cnn_conv2d(.filters = 3, .kernel = {3}, .padding = CNN_SAME, .activation = CNN_SILU),
      x);
  cnn_node b =
      cnn_graph_add(graph, cnn_conv2d(.filters = 3, .kernel = {3}, .padding = CNN_SAME), a);
  cnn_node sum = cnn_graph_add(graph, cnn_add(), x, b);
  cnn_node act = cnn_graph_add(graph, cnn_activation(.function = CNN_GELU), sum);
  cnn_node shortcut = cnn_graph_add(graph, cnn_conv2d(.filters = 4, .kernel = {1}), act);
  cnn_node c = cnn_graph_add(
      graph, cnn_depthwise_conv2d(.kernel = {3}, .padding = CNN_SAME, .activation = CNN_SIGMOID),
      act);
  cnn_node wide = cnn_graph_add(graph, cnn_concatenate(), c, x);
  cnn_node d = cnn_graph_add(graph, cnn_conv2d(.filters = 4, .kernel = {1}), wide);
  cnn_node both = cnn_graph_add(graph, cnn_add(), shortcut, d, shortcut);
  cnn_node pooled = cnn_graph_add(graph, cnn_average_pool2d(), both);
  cnn_node flat = cnn_graph_add(graph, cnn_flatten(), pooled);
  return cnn_graph_model(graph, cnn_graph_add(graph, cnn_dense(.units = 2), flat));
}

static void test_gradients_of_several_readers_are_summed(void **state) {
  posed_problem problem = pose(residual_model(), 6, 6, 2);
  check_all(&problem);
  withdraw(&problem);
}

/* A flattened value is the same memory under another shape: its readers' gradients meet there. */
static void test_gradients_meet_behind_an_alias(void **state) {
  cnn_graph *graph = cnn_graph_create();
  cnn_node in = cnn_graph_join(graph, cnn_input(.shape = {4, 4, 1}), NULL, 0);
  cnn_node x =
      cnn_graph_add(graph, cnn_conv2d(.filters = 2, .kernel = {2}, .activation = CNN_TANH), in);
  cnn_node one = cnn_graph_add(graph, cnn_flatten(), x);
  cnn_node two = cnn_graph_add(graph, cnn_flatten(), x);
  cnn_node pooled = cnn_graph_add(graph, cnn_global_average_pool2d(), x);
  cnn_node a = cnn_graph_add(graph, cnn_dense(.units = 3), one);
  cnn_node b = cnn_graph_add(graph, cnn_dense(.units = 3, .activation = CNN_TANH), two);
  cnn_node c = cnn_graph_add(graph, cnn_dense(.units = 3), pooled);
  posed_problem problem =
      pose(cnn_graph_model(graph, cnn_graph_add(graph, cnn_add(), a, b, c)), 4, 4, 1);
  check_all(&problem);
  withdraw(&problem);
}

static void test_gradients_pass_through_batch_normalization_and_regularisers(void **state) {
  cnn_model *model = cnn_sequential(
      cnn_input(.shape = {5, 5, 2}), cnn_conv2d(.filters = 3, .kernel = {3}),
      cnn_batch_normalization(), cnn_activation(.function = CNN_TANH), cnn_flatten(),
      cnn_dense(.units = 4, .activation = CNN_SOFTPLUS, .kernel_l2 = 0.05), cnn_dense(.units = 2));
  posed_problem problem = pose(model, 5, 5, 2);
  check_all(&problem);
  withdraw(&problem);
}

/* Frozen layers pass gradients on and have none of their own. */
static void test_frozen_layers_get_no_gradient(void **state) {
  posed_problem problem = pose(residual_model(), 6, 6, 2);
  (void)loss_of(&problem);
  assert_ok(cnn_model_set_frozen(problem.model, "conv2d_1", 1));
  assert_ok(cnn_model_set_frozen(problem.model, "dense", 1));
  check_all(&problem);
  cnn_tensor *gradient = cnn_model_gradient(problem.model, "conv2d_1/kernel");
  for (int64_t i = 0; i < cnn_tensor_count(gradient); i++)
    assert_true(cnn_tensor_floats(gradient)[i] == 0);
  cnn_tensor_free(gradient);
  assert_ok(cnn_model_set_frozen(problem.model, NULL, 1));
  (void)loss_of(&problem); /* nothing trains: forward alone */
  withdraw(&problem);
}

static void test_a_frozen_first_layer_needs_no_backward_pass(void **state) {
  posed_problem problem = pose(cnn_sequential(cnn_input(.shape = {5, 5, 2}),
                                              cnn_conv2d(.filters = 3, .kernel = {3}, .frozen = 1),
                                              cnn_flatten(), cnn_dense(.units = 2)),
                               5, 5, 2);
  (void)loss_of(&problem);
  const cnn__plan *plan = problem.model->plans[CNN__MODE_TRAIN];
  assert_false(plan->steps[0].backward);
  assert_true(plan->steps[1].backward);
  assert_int_equal(plan->steps[1].input_gradient[0], CNN__NOTHING);
  check_all(&problem);
  withdraw(&problem);
}

/* A frozen batch normalization normalises by its moving statistics, which stay. */
static void test_a_frozen_batch_normalization_keeps_its_statistics(void **state) {
  posed_problem problem =
      pose(cnn_sequential(cnn_input(.shape = {5, 5, 2}), cnn_batch_normalization(.frozen = 1),
                          cnn_flatten(), cnn_dense(.units = 2)),
           5, 5, 2);
  double test;
  double train = loss_of(&problem);
  assert_ok(cnn_model_test_on_batch(problem.model, problem.images, problem.labels, &test, 1));
  assert_true(train == test);
  cnn_tensor *mean = cnn_model_parameter(problem.model, "batch_normalization/moving_mean");
  assert_made(mean);
  assert_true(cnn_tensor_floats(mean)[0] == 0);
  cnn_tensor_free(mean);
  assert_ok(cnn_model_set_frozen(problem.model, "batch_normalization", 0));
  (void)loss_of(&problem);
  mean = cnn_model_parameter(problem.model, "batch_normalization/moving_mean");
  assert_true(cnn_tensor_floats(mean)[0] != 0);
  cnn_tensor_free(mean);
  withdraw(&problem);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gradients_of_several_readers_are_summed),
      cmocka_unit_test(test_gradients_meet_behind_an_alias),
      cmocka_unit_test(test_gradients_pass_through_batch_normalization_and_regularisers),
      cmocka_unit_test(test_frozen_layers_get_no_gradient),
      cmocka_unit_test(test_a_frozen_first_layer_needs_no_backward_pass),
      cmocka_unit_test(test_a_frozen_batch_normalization_keeps_its_statistics),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
