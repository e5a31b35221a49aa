/* Compiling, learning rates and what callbacks watch: what is refused, with which words. */
#include "support.h"

static void test_metrics_stand_side_by_side(void **state) {
  cnn_model *model = small_model();
  assert_error(CNN_E_INVALID,
               cnn_model_compile(model, .optimizer_name = "sgd",
                                 .loss = cnn_sparse_categorical_crossentropy(),
                                 .metrics = {cnn_accuracy(), NULL, cnn_accuracy()}),
               "a metric before another is NULL");
  assert_error(CNN_E_NOT_FOUND,
               cnn_model_compile(model, .optimizer_name = "sgd",
                                 .loss = cnn_sparse_categorical_crossentropy(),
                                 .metric_names = {"accuracy", "no metric"}),
               "no metric");
  assert_int_equal(cnn_model_results_count(model), 0);
  cnn_clear_error();
  /* As many as there may be, which no NULL ends. */
  cnn_compile_options most = {.struct_size = sizeof most, .model = model, .optimizer_name = "sgd"};
  most.loss = cnn_sparse_categorical_crossentropy();
  for (size_t i = 0; i < CNN_MAX_METRICS; i++)
    most.metrics[i] = cnn_accuracy(.name = (char[]){(char)('a' + i), 0});
  assert_ok(cnn_model_compile_with(&most));
  assert_int_equal(cnn_model_results_count(model), CNN_MAX_METRICS + 1);
  cnn_model_free(model);
}

static void test_a_metric_is_given_once(void **state) {
  cnn_model *model = small_model();
  cnn_metric *metric = cnn_accuracy();
  assert_error(CNN_E_INVALID,
               cnn_model_compile(model, .optimizer_name = "adam",
                                 .loss_name = "sparse_categorical_crossentropy",
                                 .metrics = {metric, metric}),
               "two results are named \"accuracy\"");
  metric = cnn_accuracy();
  assert_error(CNN_E_INVALID,
               cnn_model_compile(model, .optimizer_name = "adam",
                                 .loss_name = "sparse_categorical_crossentropy",
                                 .metrics = {metric, NULL, metric}),
               "two results are named \"accuracy\"");
  cnn_clear_error();
  cnn_model_free(model);
}

static void test_rates_are_of_a_compiled_model_and_finite(void **state) {
  cnn_model *model = small_model();
  assert_true(isnan(cnn_model_learning_rate(NULL)));
  assert_error(CNN_E_INVALID, cnn_last_status(), "cnn_model_learning_rate: model is NULL");
  assert_true(isnan(cnn_model_learning_rate(model)));
  assert_error(CNN_E_INVALID, cnn_model_set_learning_rate(NULL, 1), "model is NULL");
  assert_error(CNN_E_STATE, cnn_model_set_learning_rate(model, 1), "the model is not compiled");
  assert_ok(compile(model));
  assert_error(CNN_E_INVALID, cnn_model_set_learning_rate(model, -1), "negative or not finite");
  assert_error(CNN_E_INVALID, cnn_model_set_learning_rate(model, INFINITY),
               "negative or not finite");
  assert_true(cnn_model_learning_rate(model) == 0.01);
  assert_ok(cnn_model_set_learning_rate(model, 0.5));
  assert_true(cnn_model_learning_rate(model) == 0.5);
  assert_null(cnn_model_results_name(model, -1));
  assert_null(cnn_model_results_name(model, 2));
  assert_string_equal(cnn_model_results_name(model, 1), "accuracy");
  cnn_clear_error();
  cnn_model_free(model);
}

/* ---- what is watched ---- */

/* Whether larger is better of a value of this name, as the direction says. */
static bool maximizes(const char *name, int64_t direction) {
  cnn__monitor monitor;
  cnn_context *context = cnn__context_acquire();
  assert_ok(cnn__monitor_start(&monitor, context, "test", name, direction, 0));
  const bool maximize = monitor.maximize;
  cnn__monitor_end(&monitor, context);
  cnn_context_free(context);
  return maximize;
}

static void test_names_say_which_way_is_better(void **state) {
  static const struct {
    const char *name;
    bool larger;
  } cases[] = {{"val_accuracy", true}, {"val_acc", true},   {"auc", true}, {"val_precision", true},
               {"recall", true},       {"val_loss", false}, {NULL, false}, {"mse", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(maximizes(cases[i].name, 0), cases[i].larger);
    assert_true(maximizes(cases[i].name, 1));
    assert_false(maximizes(cases[i].name, -1));
  }
}

static void test_there_are_two_ways(void **state) {
  cnn__monitor monitor;
  for (int64_t direction = -2; direction <= 2; direction += 4)
    assert_error(CNN_E_INVALID, cnn__monitor_start(&monitor, NULL, "test", "x", direction, 0),
                 "it must be -1, 0 or 1");
  cnn_clear_error();
}

/* A message holds a line of names; a value that the fit did not say is no number. */
static void test_a_name_that_is_not_there_is_told_with_those_that_are(void **state) {
  enum { MANY = 12 };
  static const char name[] = "a name of some thirty characters";
  const char *names[MANY];
  double values[MANY] = {1};
  for (size_t i = 0; i < MANY; i++)
    names[i] = name;
  cnn__monitor monitor;
  cnn_context *context = cnn__context_acquire();
  assert_ok(cnn__monitor_start(&monitor, context, "test", "x", 0, 0));
  const cnn_fit_info info = {.names = names, .values = values, .names_count = MANY};
  const cnn__event event = {.info = &info, .series = MANY, .series_names = names};
  assert_error(CNN_E_NOT_FOUND, cnn__monitor_check(&monitor, "test", &event),
               "nothing named \"x\" to monitor; the fit has a name of some thirty characters, a");
  assert_true(isnan(cnn__monitor_value(&monitor, &info)));
  names[MANY - 1] = "x";
  values[MANY - 1] = 7;
  assert_ok(cnn__monitor_check(&monitor, "test", &event));
  assert_true(cnn__monitor_value(&monitor, &info) == 7);
  cnn__monitor_end(&monitor, context);
  cnn_context_free(context);
  cnn_clear_error();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_metrics_stand_side_by_side),
      cmocka_unit_test(test_a_metric_is_given_once),
      cmocka_unit_test(test_rates_are_of_a_compiled_model_and_finite),
      cmocka_unit_test(test_names_say_which_way_is_better),
      cmocka_unit_test(test_there_are_two_ways),
      cmocka_unit_test(test_a_name_that_is_not_there_is_told_with_those_that_are),
  };
  cnn_context *context = begin_context(1, 1);
  const int failures = cmocka_run_group_tests_name("compiling", tests, NULL, NULL);
  const bool clean = cnn_context_memory(context) == 0;
  end_context(context);
  (void)group_end(clean || failures);
  return failures;
}
