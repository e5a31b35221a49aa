/* The library's own callbacks, driven by fits whose losses are known. */
#include "support.h"

/* A model of one number, whose validation loss each epoch is what a test says: the callback sets
   the weight before the epoch ends, the validation set's targets are 0, the loss is its absolute value. */
typedef struct script {
  const double *losses;
  int64_t epochs; /* seen */
  double rates[32];
} script;

static cnn_status set_weight(void *user, const cnn_fit_info *info) {
  script *script_ = user;
  float value = (float)script_->losses[info->epoch];
  script_->rates[info->epoch] = cnn_model_learning_rate(info->model);
  script_->epochs = info->epoch + 1;
  cnn_tensor *bias = cnn_tensor_copy_of(CNN_FLOAT32, 1, (int64_t[]){1}, &value);
  cnn_status status = cnn_model_set_parameter(info->model, "dense/bias", bias);
  cnn_tensor_free(bias);
  return status;
}

static cnn_callback *script_callback(script *script_) {
  cnn_callback_functions functions = {
      .struct_size = sizeof functions, .user = script_, .batch_end = set_weight};
  return cnn_callback_create(&functions);
}

typedef struct stage {
  cnn_dataset *set;
  cnn_loader *loader, *checks;
  cnn_model *model;
} stage;

static stage open_stage(void) {
  stage s = {.set = NULL};
  float image[] = {0};
  cnn_tensor *images = cnn_tensor_copy_of(CNN_FLOAT32, 2, (int64_t[]){1, 1}, image);
  s.set = cnn_array_dataset(.images = images, .labels = images);
  s.loader = cnn_loader_new(s.set);
  s.checks = cnn_loader_new(s.set);
  s.model = cnn_sequential(cnn_input(.shape = {1}), cnn_dense(.units = 1));
  assert_ok(cnn_model_compile(s.model, .optimizer = cnn_sgd(.learning_rate = 1.0),
                              .loss = cnn_mean_absolute_error()));
  cnn_tensor_free(images);
  return s;
}

static void close_stage(stage *s) {
  cnn_model_free(s->model);
  cnn_loader_free(s->loader);
  cnn_loader_free(s->checks);
  cnn_dataset_free(s->set);
}

static double weight_of(const cnn_model *model) {
  cnn_tensor *bias = cnn_model_parameter(model, "dense/bias");
  double value = (double)cnn_tensor_floats(bias)[0];
  cnn_tensor_free(bias);
  return value;
}

static void test_early_stopping_waits_and_restores_the_best(void **state) {
  static const double losses[] = {5, 4, 2, 3, 2, 2.5, 1, 1};
  stage s = open_stage();
  script script_ = {.losses = losses};
  assert_ok(
      cnn_model_fit(s.model, s.loader, .epochs = 8, .validation = s.checks,
                    .callbacks = {script_callback(&script_),
                                  cnn_early_stopping(.patience = 3, .restore_best_weights = 1)}));
  assert_int_equal(script_.epochs, 6); /* 2 is the best; 3, 2, 2.5 are no better */
  assert_true(weight_of(s.model) == 2);
  close_stage(&s);
}

static void test_early_stopping_counts_changes_from_min_delta_on(void **state) {
  static const double losses[] = {5, 4.9, 4.8, 3};
  stage s = open_stage();
  script script_ = {.losses = losses};
  assert_ok(cnn_model_fit(s.model, s.loader, .epochs = 4, .validation = s.checks,
                          .callbacks = {script_callback(&script_),
                                        cnn_early_stopping(.patience = 2, .min_delta = .5)}));
  assert_int_equal(script_.epochs, 3);
  assert_true((float)weight_of(s.model) == 4.8f); /* not restored */
  close_stage(&s);
}

/* Stopped by the user the model keeps its last weights and may be resumed; finished it has the best. */
static void test_an_interrupted_fit_keeps_its_weights(void **state) {
  static const double losses[] = {5, 1, 2, 4};
  stage s = open_stage();
  script script_ = {.losses = losses};
  cnn_fit *fit =
      cnn_fit_begin(s.model, s.loader, .epochs = 4, .validation = s.checks,
                    .callbacks = {script_callback(&script_),
                                  cnn_early_stopping(.patience = 5, .restore_best_weights = 1)});
  assert_ok(cnn_fit_run(fit, 6, 0, NULL));
  assert_ok(cnn_fit_end(fit));
  assert_true(weight_of(s.model) == 2);
  assert_ok(
      cnn_model_fit(s.model, s.loader, .epochs = 4, .validation = s.checks, .resume = 1,
                    .callbacks = {script_callback(&script_),
                                  cnn_early_stopping(.patience = 5, .restore_best_weights = 1)}));
  assert_int_equal(script_.epochs, 4);
  assert_true(weight_of(s.model) == 1); /* of the second epoch: the state went along */
  close_stage(&s);
}

static void test_a_fit_that_had_stopped_early_stays_stopped(void **state) {
  static const double losses[] = {1, 2, 3, 0};
  stage s = open_stage();
  script script_ = {.losses = losses};
  for (int64_t resume = 0; resume < 2; resume++)
    assert_ok(
        cnn_model_fit(s.model, s.loader, .epochs = 4, .validation = s.checks, .resume = resume,
                      .callbacks = {script_callback(&script_), cnn_early_stopping(.patience = 1)}));
  assert_int_equal(script_.epochs, 2);
  close_stage(&s);
}

static void test_what_is_monitored_must_be_there(void **state) {
  stage s = open_stage();
  assert_error(CNN_E_NOT_FOUND,
               cnn_model_fit(s.model, s.loader, .callbacks = {cnn_early_stopping()}),
               "nothing named \"val_loss\" to monitor; the fit has loss");
  cnn_clear_error();
  close_stage(&s);
}

static void test_monitors_know_which_way_is_better(void **state) {
  cnn_context *context = begin_context(1, 0);
  cnn__monitor monitor;
  assert_ok(cnn__monitor_start(&monitor, context, "test", "val_accuracy", 0, 0));
  assert_true(cnn__monitor_improves(&monitor, 0.1));
  assert_true(cnn__monitor_improves(&monitor, 0.2));
  assert_false(cnn__monitor_improves(&monitor, 0.2));
  assert_false(cnn__monitor_improves(&monitor, (double)NAN));
  cnn__monitor_end(&monitor, context);
  assert_ok(cnn__monitor_start(&monitor, context, "test", "accuracy", -1, 0));
  assert_false(monitor.maximize);
  cnn__monitor_end(&monitor, context);
  end_context(context);
}

static void test_the_rate_falls_on_a_plateau_with_cooldown(void **state) {
  static const double losses[] = {5, 5, 5, 5, 5, 5, 5, 4};
  static const double rates[] = {1, 1, 1, .5, .5, .5, .25, .25};
  stage s = open_stage();
  script script_ = {.losses = losses};
  assert_ok(cnn_model_fit(s.model, s.loader, .epochs = 8, .validation = s.checks,
                          .callbacks = {script_callback(&script_),
                                        cnn_reduce_on_plateau(.factor = .5, .patience = 2,
                                                              .cooldown = 2, .minimum_rate = .2)}));
  for (int i = 0; i < 8; i++)
    assert_true(script_.rates[i] == rates[i]);
  /* The history has the rate of each epoch's last step. */
  assert_memory_equal(cnn_history_series(cnn_model_history(s.model), "learning_rate"), rates,
                      sizeof rates);
  close_stage(&s);
}

static void test_a_schedule_of_epochs_sets_the_rate(void **state) {
  static const double losses[] = {5, 5, 5, 5};
  stage s = open_stage();
  script script_ = {.losses = losses};
  assert_ok(
      cnn_model_fit(s.model, s.loader, .epochs = 4,
                    .callbacks = {script_callback(&script_),
                                  cnn_learning_rate_by_epoch(
                                      cnn_step_decay(.initial = 2, .rate = .5, .steps = 2))}));
  static const double rates[] = {2, 2, 1, 1};
  for (int i = 0; i < 4; i++)
    assert_true(fabs(script_.rates[i] - rates[i]) < 1e-12);
  assert_refused(cnn_learning_rate_by_epoch(NULL), CNN_E_INVALID, "schedule is NULL");
  close_stage(&s);
}

/* ---- the progress bar ---- */

static void test_each_epoch_is_a_line_where_there_is_no_terminal(void **state) {
  static const double losses[] = {2, 0.0005};
  stage s = open_stage();
  script script_ = {.losses = losses};
  FILE *stream = tmpfile();
  assert_ok(cnn_model_fit(s.model, s.loader, .epochs = 2, .validation = s.checks,
                          .progress = cnn_progress_bar(stream),
                          .callbacks = {script_callback(&script_)}));
  char text[1024] = "", *second;
  rewind(stream);
  assert_true(fread(text, 1, sizeof text - 1, stream) > 0);
  fclose(stream);
  assert_null(strchr(text, '\r'));
  assert_int_equal(strncmp(text, "Epoch 1/2 - 1/1 [==============================] - 0s ", 54), 0);
  second = strchr(text, '\n');
  assert_non_null(second);
  assert_int_equal(strncmp(second, "\nEpoch 2/2 - 1/1 [", 18), 0);
  second[0] = 0;
  assert_non_null(strstr(text, "/step - loss: 0.0000e+00 - val_loss: 2.0000"));
  assert_non_null(strstr(second + 1, " - val_loss: 5.0000e-04\n"));
  assert_refused(cnn_progress_bar(NULL), CNN_E_INVALID, "stream is NULL");
  close_stage(&s);
}

static void test_callbacks_options_are_checked(void **state) {
  assert_refused(cnn_early_stopping(.min_delta = -1), CNN_E_INVALID, "min_delta is -1");
  assert_refused(cnn_early_stopping(.maximize = 2), CNN_E_INVALID, "maximize is 2");
  assert_refused(cnn_reduce_on_plateau(.factor = 1), CNN_E_INVALID, "factor is 1");
  assert_refused(cnn_reduce_on_plateau(.cooldown = -1), CNN_E_INVALID, "cooldown is -1");
  assert_refused(cnn_callback_create(NULL), CNN_E_INVALID, "functions is NULL");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_early_stopping_waits_and_restores_the_best),
      cmocka_unit_test(test_early_stopping_counts_changes_from_min_delta_on),
      cmocka_unit_test(test_an_interrupted_fit_keeps_its_weights),
      cmocka_unit_test(test_a_fit_that_had_stopped_early_stays_stopped),
      cmocka_unit_test(test_what_is_monitored_must_be_there),
      cmocka_unit_test(test_monitors_know_which_way_is_better),
      cmocka_unit_test(test_the_rate_falls_on_a_plateau_with_cooldown),
      cmocka_unit_test(test_a_schedule_of_epochs_sets_the_rate),
      cmocka_unit_test(test_each_epoch_is_a_line_where_there_is_no_terminal),
      cmocka_unit_test(test_callbacks_options_are_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
