/* Trainings whose numbers are not finite: cnn_stop_on_nan() says where they first were. */
#include "support.h"

static cnn_status poison(void *user, const cnn_fit_info *info) {
  if (info->batch != 1) return CNN_OK;
  const cnn__network *network = info->model->network;
  for (size_t i = 0; i < network->parameter_count; i++)
    for (size_t k = 0;
         strcmp(network->parameters[i].name, user) == 0 && k < network->parameters[i].count; k++)
      cnn__model_values(info->model, i)[k] = strstr(user, "kernel") ? 3e38f : NAN;
  info->model->version++;
  return CNN_OK;
}

static void check_poisoned(const char *parameter, const char *words) {
  cnn_dataset *set = stripes(64, 1);
  cnn_loader *batches = stripes_loader(set);
  cnn_model *model =
      cnn_sequential(cnn_input(.shape = {8, 8, 1}), cnn_conv2d(.filters = 4, .kernel = {3}),
                     cnn_conv2d(.filters = 4, .kernel = {3}), cnn_flatten(),
                     cnn_dense(.units = 3, .activation = CNN_SOFTMAX));
  assert_ok(compile(model));
  cnn_callback_functions functions = {
      .struct_size = sizeof functions, .user = (void *)(uintptr_t)parameter, .batch_end = poison};
  assert_error(CNN_E_NUMERIC,
               cnn_model_fit(model, batches,
                             .callbacks = {cnn_callback_create(&functions), cnn_stop_on_nan()}),
               words);
  assert_int_equal(model->training->state.batch, 1);
  cnn_clear_error();
  cnn_model_free(model);
  cnn_loader_free(batches);
  cnn_dataset_free(set);
}

static void test_a_loss_that_is_not_finite_names_the_layer(void **state) {
  check_poisoned("conv2d_1/bias", "conv2d_1/bias: the weights hold a number that is not finite "
                                  "(epoch 1, batch 2)");
  /* Finite weights whose products are not. */
  check_poisoned("conv2d_1/kernel",
                 "conv2d_1: its output holds a number that is not finite (epoch 1, batch 2)");
  /* An output that is finite, and a gradient that is not. */
  check_poisoned("dense/kernel", "not finite (epoch 1, batch 2)");
}

static void test_images_that_are_not_finite_are_named_and_no_weight_moves(void **state) {
  float pixels[4] = {1, INFINITY, 0, 2};
  cnn_tensor *images = cnn_tensor_copy_of(CNN_FLOAT32, 2, (int64_t[]){2, 2}, pixels);
  cnn_tensor *labels = cnn_tensor_copy_of(CNN_INT32, 1, (int64_t[]){2}, (int32_t[]){0, 1});
  cnn_dataset *set = cnn_array_dataset(.images = images, .labels = labels, .classes = 2);
  cnn_loader *loader = cnn_loader_new(set);
  cnn_model *model =
      cnn_sequential(cnn_input(.shape = {2}), cnn_dense(.units = 2, .activation = CNN_SOFTMAX));
  assert_ok(compile(model));
  cnn_model *before = cnn_model_clone(model);
  assert_error(CNN_E_NUMERIC, cnn_model_fit(model, loader, .callbacks = {cnn_stop_on_nan()}),
               "input: its images hold a number that is not finite");
  assert_same_weights(model, before);
  cnn_clear_error();
  /* Without the callback training goes on. */
  assert_ok(cnn_model_fit(model, loader));
  assert_true(isnan(cnn_history_series(cnn_model_history(model), "loss")[0]));
  cnn_model_free(before);
  cnn_model_free(model);
  cnn_loader_free(loader);
  cnn_dataset_free(set);
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
}

/* ---- one number on its way ---- */

/* A network of one number: its output is x times the product of the weights; the target is 1. */
static cnn_status learn_one(float x, const float *weights, size_t count, double rate,
                            cnn_loss *loss) {
  cnn_tensor *images = cnn_tensor_copy_of(CNN_FLOAT32, 2, (int64_t[]){1, 1}, &x);
  cnn_tensor *labels = cnn_tensor_copy_of(CNN_FLOAT32, 2, (int64_t[]){1, 1}, (float[]){1});
  cnn_dataset *set = cnn_array_dataset(.images = images, .labels = labels);
  cnn_loader *batches = cnn_loader_new(set);
  cnn_graph *graph = cnn_graph_create();
  cnn_node node = cnn_graph_join(graph, cnn_input(.shape = {1}), NULL, 0);
  for (size_t i = 0; i < count; i++)
    node = cnn_graph_join(graph,
                          cnn_dense(.units = 1, .no_bias = 1, .kernel_initializer = CNN_CONSTANT,
                                    .kernel_scale = weights[i] > 0 ? (double)weights[i] : CNN_ZERO),
                          &node, 1);
  cnn_model *model = cnn_graph_model(graph, node);
  assert_made(model);
  assert_ok(cnn_model_compile(model, .optimizer = cnn_sgd(.learning_rate = rate), .loss = loss));
  const cnn_status status = cnn_model_fit(model, batches, .callbacks = {cnn_stop_on_nan()});
  cnn_model_free(model);
  cnn_loader_free(batches);
  cnn_dataset_free(set);
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  return status;
}

static void test_a_gradient_that_is_not_finite_names_its_weights(void **state) {
  assert_ok(learn_one(1, (float[]){0, 1}, 2, 0.1, cnn_mean_absolute_error()));
  /* The output is 0, its gradient for the first weight 1e40. */
  assert_error(CNN_E_NUMERIC,
               learn_one(1e20f, (float[]){0, 1e20f}, 2, 0.1, cnn_mean_absolute_error()),
               "dense/kernel: its gradient holds a number that is not finite (epoch 1, batch 1)");
  cnn_clear_error();
}

static void test_a_step_that_leads_nowhere_names_its_weights(void **state) {
  assert_error(CNN_E_NUMERIC, learn_one(1e35f, (float[]){0}, 1, 1e9, cnn_mean_absolute_error()),
               "dense/kernel: the step made of its weights a number that is not finite (epoch 1, "
               "batch 1)");
  cnn_clear_error();
}

static void test_a_loss_alone_may_be_what_is_not_finite(void **state) {
  assert_error(CNN_E_NUMERIC, learn_one(1, (float[]){3e38f}, 1, 0.1, cnn_mean_squared_error()),
               "mean_squared_error: the loss is not finite, though every layer's output is (epoch "
               "1, batch 1)");
  cnn_clear_error();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_loss_that_is_not_finite_names_the_layer),
      cmocka_unit_test(test_images_that_are_not_finite_are_named_and_no_weight_moves),
      cmocka_unit_test(test_a_gradient_that_is_not_finite_names_its_weights),
      cmocka_unit_test(test_a_step_that_leads_nowhere_names_its_weights),
      cmocka_unit_test(test_a_loss_alone_may_be_what_is_not_finite),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
