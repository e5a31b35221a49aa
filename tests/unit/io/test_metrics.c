/* The metrics of model files: more than one list of a caller holds, as many as there may be, one more. */
#include "model/training.h"
#include "model_files.h"

static const char path[] = "model", other[] = "other";

static cnn_model *classifier(void) {
  return cnn_sequential(cnn_input(.shape = {4}), cnn_dense(.units = 8, .activation = CNN_SOFTMAX));
}

/* Saved and loaded again; the file stays. */
static cnn_model *came_back(cnn_model *model) {
  assert_int_equal(cnn_model_save(model, path), CNN_OK);
  cnn_model_free(model);
  model = cnn_model_load(path);
  if (!model) fail_msg("%s", cnn_last_error());
  return model;
}

/* Some by themselves, some by name. */
static void test_more_metrics_than_one_list_holds_come_back(void **state) {
  cnn_model *model = classifier();
  cnn_compile_options options = {.struct_size = sizeof options,
                                 .model = model,
                                 .optimizer = cnn_sgd(),
                                 .loss = cnn_sparse_categorical_crossentropy()};
  static const char *const names[CNN_MAX_METRICS] = {"a", "b", "c", "d", "e", "f", "g", "h"};
  for (size_t i = 0; i < CNN_MAX_METRICS; i++)
    options.metrics[i] = cnn_top_k_accuracy(.k = 1, .name = names[i]);
  options.metric_names[0] = "accuracy";
  options.metric_names[1] = "sparse_categorical_accuracy";
  options.metric_names[2] = "top_k_categorical_accuracy";
  if (cnn_model_compile_with(&options) != CNN_OK) fail_msg("%s", cnn_last_error());
  model = came_back(model);
  assert_int_equal(cnn_model_results_count(model), CNN_MAX_METRICS + 4);
  cnn_model_free(model);
}

enum { MOST = 2 * CNN_MAX_METRICS };

/* The parts are made by hand: there are not enough kinds to fill the list of names. */
static cnn_model *model_with_most_metrics(void) {
  cnn_model *model = classifier();
  cnn__training_parts parts = {
      .optimizer = cnn_sgd(), .loss = cnn_sparse_categorical_crossentropy(), .metric_count = MOST};
  for (size_t i = 0; i < MOST; i++) {
    const char name[] = {(char)(97 + i), 0};
    parts.metrics[i] = cnn_top_k_accuracy(.k = 1, .name = name);
  }
  assert_int_equal(cnn__model_compile(model, "test", &parts), CNN_OK);
  return model;
}

static void test_as_many_metrics_as_there_may_be_come_back(void **state) {
  cnn_model *model = came_back(model_with_most_metrics());
  assert_int_equal(cnn_model_results_count(model), MOST + 1);
  assert_string_equal(cnn_model_results_name(model, 1), "a");
  assert_string_equal(cnn_model_results_name(model, MOST), "p");
  cnn_model_free(model);
}

static void test_one_metric_more_is_refused(void **state) {
  cnn_model_free(came_back(model_with_most_metrics()));
  write_different(path, other,
                  &(difference){.text = "training",
                                .from = "\"metrics\":[",
                                .to = "\"metrics\":[{\"kind\":\"accuracy\",\"k\":5,"
                                      "\"threshold\":0.5,\"name\":\"q\"},"});
  cnn_clear_error();
  assert_null(cnn_model_load(other));
  assert_error(CNN_E_FORMAT, cnn_last_status(), "other: training: a list of metrics is expected");
}

/* Compiled, with no series yet: there are no epochs. */
static void test_a_model_that_has_not_learned_has_no_epochs(void **state) {
  cnn_model *model = small_model();
  assert_int_equal(
      cnn_model_compile(model, .optimizer = cnn_sgd(), .loss = cnn_mean_squared_error()), CNN_OK);
  assert_int_equal(cnn_model_save(model, "new"), CNN_OK);
  cnn_model_free(model);
  model = cnn_model_load("new");
  assert_non_null(model);
  assert_int_equal(cnn_history_count(cnn_model_history(model)), 0);
  assert_int_equal(cnn_history_epochs(cnn_model_history(model)), 0);
  cnn_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_more_metrics_than_one_list_holds_come_back),
      cmocka_unit_test(test_as_many_metrics_as_there_may_be_come_back),
      cmocka_unit_test(test_one_metric_more_is_refused),
      cmocka_unit_test(test_a_model_that_has_not_learned_has_no_epochs),
  };
  return cmocka_run_group_tests_name("metrics of model files", tests, model_files_enter,
                                     model_files_leave);
}
