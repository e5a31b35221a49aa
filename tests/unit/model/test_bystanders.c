/* What a fit keeps to whatever goes on beside it: its batches where others read from the loader, a failure that was
   pending before, the running means of layers that are thawed on the way. */
#include "support.h"

typedef struct stage {
  cnn_context *context;
  cnn_dataset *set;
  cnn_loader *batches;
} stage;

static stage set_up(void) {
  stage s = {.context = begin_context(1, 5), .set = stripes(100, 1)};
  s.batches = stripes_loader(s.set); /* seven batches */
  assert_made(s.batches);
  return s;
}

static void tear_down(stage *s) {
  cnn_loader_free(s->batches);
  cnn_dataset_free(s->set);
  end_context(s->context);
  cnn_clear_error();
}

static cnn_model *compiled_model(void) {
  cnn_model *model = small_model();
  assert_made(model);
  assert_ok(compile(model));
  return model;
}

static cnn_model *undisturbed(const stage *s, int64_t steps) {
  cnn_model *model = compiled_model();
  assert_ok(cnn_model_fit(model, s->batches, .epochs = 2, .steps = steps));
  return model;
}

static cnn_callback *at_batch_ends(cnn_status (*function)(void *user, const cnn_fit_info *info),
                                   void *user) {
  return cnn_callback_create(&(cnn_callback_functions){
      .struct_size = sizeof(cnn_callback_functions), .user = user, .batch_end = function});
}

static cnn_status read_one(void *user, const cnn_fit_info *info) {
  const cnn_tensor *images;
  return info->batch == 2 ? cnn_loader_next(user, &images, NULL) : CNN_OK;
}

static cnn_status look_at_all(void *user, const cnn_fit_info *info) {
  return info->batch == 2 ? cnn_model_evaluate(info->model, user, NULL, 0) : CNN_OK;
}

static void test_a_callback_may_read_from_the_fits_own_loader(void **state) {
  cnn_status (*const functions[])(void *user, const cnn_fit_info *info) = {read_one, look_at_all};
  stage s = set_up();
  for (int64_t steps = 0; steps <= 5; steps += 5) {
    cnn_model *alone = undisturbed(&s, steps);
    for (size_t i = 0; i < 2; i++) {
      cnn_model *model = compiled_model();
      assert_ok(cnn_model_fit(model, s.batches, .epochs = 2, .steps = steps,
                              .callbacks = {at_batch_ends(functions[i], s.batches)}));
      assert_int_equal(model->training->step, alone->training->step);
      assert_same_weights(model, alone);
      cnn_model_free(model);
    }
    cnn_model_free(alone);
  }
  tear_down(&s);
}

/* Between slices, in the middle of a validation, too: a validation that others moved on never ended. */
static void test_between_slices_the_validations_loader_may_be_read(void **state) {
  stage s = set_up();
  cnn_model *alone = compiled_model(), *model = compiled_model();
  cnn_loader *checks = stripes_loader(s.set);
  int64_t done = 0, slices = 0;
  assert_made(checks);
  assert_ok(cnn_model_fit(alone, s.batches, .epochs = 2, .validation = checks));
  cnn_fit *fit = cnn_fit_begin(model, s.batches, .epochs = 2, .validation = checks);
  assert_made(fit);
  for (; !done; slices++) {
    assert_true(slices < 50);
    assert_ok(cnn_fit_run(fit, 1, 0, &done));
    assert_ok(cnn_model_evaluate(model, checks, NULL, 0));
  }
  assert_ok(cnn_fit_end(fit));
  assert_same_weights(model, alone);
  assert_memory_equal(cnn_history_series(cnn_model_history(model), "val_loss"),
                      cnn_history_series(cnn_model_history(alone), "val_loss"), 2 * sizeof(double));
  cnn_loader_free(checks);
  cnn_model_free(alone), cnn_model_free(model);
  tear_down(&s);
}

static void test_two_fits_may_take_turns_on_one_loader(void **state) {
  stage s = set_up();
  cnn_model *alone = undisturbed(&s, 0), *a = compiled_model(), *b = compiled_model();
  cnn_fit *one = cnn_fit_begin(a, s.batches, .epochs = 2);
  cnn_fit *two = cnn_fit_begin(b, s.batches, .epochs = 2);
  assert_made(one), assert_made(two);
  for (int64_t done = 0; !done;) {
    assert_ok(cnn_fit_run(one, 1, 0, &done));
    assert_ok(cnn_fit_run(two, 1, 0, &done));
  }
  assert_ok(cnn_fit_end(one));
  assert_ok(cnn_fit_end(two));
  assert_same_weights(a, alone);
  assert_same_weights(b, alone);
  cnn_model_free(alone), cnn_model_free(a), cnn_model_free(b);
  tear_down(&s);
}

static cnn_status leave(void *user, const cnn_fit_info *info) {
  if (user != NULL && info->epoch == 0 && info->batch == 1) cnn_fail(CNN_E_IO, user);
  return CNN_OK;
}

static void test_a_failure_that_is_pending_stays_so(void **state) {
  stage s = set_up();
  cnn_model *model = compiled_model();
  char later[] = "the callback's own";
  cnn_fail(CNN_E_NOT_FOUND, "from before");
  assert_ok(cnn_model_fit(model, s.batches, .callbacks = {at_batch_ends(leave, NULL)}));
  assert_error(CNN_E_NOT_FOUND, cnn_last_status(), "from before");
  assert_ok(cnn_model_fit(model, s.batches, .callbacks = {at_batch_ends(leave, later)}));
  assert_error(CNN_E_IO, cnn_last_status(), later);
  cnn_model_free(model);
  tear_down(&s);
}

/* With so low a rate weights stay where they are, and so do their means. */
static void test_running_means_of_thawed_layers_begin_at_their_weights(void **state) {
  stage s = set_up();
  cnn_model *model = small_model();
  assert_ok(cnn_model_compile(model,
                              .optimizer = cnn_sgd(.learning_rate = 1e-9, .ema_momentum = 0.99),
                              .loss_name = "sparse_categorical_crossentropy"));
  cnn_tensor *before = cnn_model_parameter(model, "conv2d/kernel");
  assert_ok(cnn_model_set_frozen(model, "conv2d", 1));
  assert_ok(cnn_model_fit(model, s.batches));
  assert_ok(cnn_model_set_frozen(model, "conv2d", 0));
  assert_ok(cnn_model_fit(model, s.batches));
  cnn_tensor *after = cnn_model_parameter(model, "conv2d/kernel");
  for (int64_t i = 0; i < cnn_tensor_count(before); i++)
    assert_float_equal(cnn_tensor_floats(after)[i], cnn_tensor_floats(before)[i], 1e-5);
  cnn_tensor_free(before);
  cnn_tensor_free(after);
  cnn_model_free(model);
  tear_down(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_callback_may_read_from_the_fits_own_loader),
      cmocka_unit_test(test_between_slices_the_validations_loader_may_be_read),
      cmocka_unit_test(test_two_fits_may_take_turns_on_one_loader),
      cmocka_unit_test(test_a_failure_that_is_pending_stays_so),
      cmocka_unit_test(test_running_means_of_thawed_layers_begin_at_their_weights),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
