/* Models through the public headers: the way a program reads, from data to predictions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cnn/cnn.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

typedef struct world {
  cnn_dataset *train, *test;
  cnn_loader *batches, *checks;
  cnn_model *model;
} world;

static void assert_ok(cnn_status status) {
  if (status != CNN_OK) fail_msg("status %d: %s", (int)status, cnn_last_error());
}

/* The tutorial's shape on few images: enough to see that all parts meet. */
static world make_world(void) {
  world w;
  w.train = cnn_synthetic_images(.count = 160, .seed = 1);
  w.test = cnn_synthetic_images(.count = 48, .split = CNN_TEST, .seed = 1);
  w.model = cnn_sequential(cnn_input(.shape = {32, 32, 3}),
                           cnn_conv2d(.filters = 8, .kernel = {3, 3}, .activation = CNN_RELU),
                           cnn_max_pool2d(.pool = {2, 2}),
                           cnn_conv2d(.filters = 16, .kernel = {3, 3}, .activation = CNN_RELU),
                           cnn_max_pool2d(.pool = {2, 2}), cnn_flatten(), cnn_dropout(.rate = 0.25),
                           cnn_dense(.units = 10, .activation = CNN_SOFTMAX));
  w.batches = cnn_loader_new(
      w.train, .batch_size = 32, .shuffle = true, .rescale = 1 / 255.f,
      .augment = cnn_augmentation(.rotation = 20, .width_shift = .2f, .horizontal_flip = true));
  w.checks = cnn_loader_new(w.test, .batch_size = 32, .rescale = 1 / 255.f);
  assert_ok(cnn_model_compile(w.model, .optimizer = cnn_adam(),
                              .loss = cnn_sparse_categorical_crossentropy(),
                              .metrics = {cnn_accuracy()}));
  return w;
}

static void end_world(world *w) {
  cnn_model_free(w->model);
  cnn_loader_free(w->batches);
  cnn_loader_free(w->checks);
  cnn_dataset_free(w->train);
  cnn_dataset_free(w->test);
}

static void test_the_tutorials_story_runs(void **state) {
  world w = make_world();
  FILE *stream = tmpfile();
  (void)state;
  assert_ok(cnn_model_summary(w.model, stream));
  assert_ok(cnn_model_fit(w.model, w.batches, .epochs = 2, .validation = w.checks,
                          .progress = cnn_progress_bar(stream)));
  assert_true(ftell(stream) > 500);
  fclose(stream);
  const cnn_history *history = cnn_model_history(w.model);
  assert_int_equal(cnn_history_epochs(history), 2);
  assert_non_null(cnn_history_series(history, "val_accuracy"));
  double results[2];
  assert_ok(cnn_model_evaluate(w.model, w.checks, results, 2));
  assert_true(results[0] > 0 && results[1] >= 0 && results[1] <= 1);

  cnn_tensor *image = NULL;
  assert_ok(cnn_dataset_fetch(w.test, 3, &image, NULL, NULL));
  cnn_tensor *probabilities = cnn_model_predict(w.model, image);
  assert_non_null(probabilities);
  int64_t best[3];
  assert_ok(cnn_top_k(cnn_tensor_floats(probabilities), 10, 3, best));
  assert_non_null(cnn_model_class_name(w.model, best[0]));
  cnn_tensor_free(probabilities);
  cnn_tensor_free(image);
  end_world(&w);
}

static cnn_model *train_with(int64_t threads) {
  cnn_context *context = cnn_context_new(.threads = threads, .seed = 3);
  cnn_context *before = cnn_context_use(context);
  world w = make_world();
  assert_ok(cnn_model_fit(w.model, w.batches, .epochs = 2, .validation = w.checks));
  cnn_model *model = cnn_model_clone(w.model);
  end_world(&w);
  cnn_context_use(before);
  cnn_context_free(context);
  return model;
}

/* Augmentation, shuffling and dropout included. */
static void test_threads_do_not_change_the_weights(void **state) {
  cnn_model *one = train_with(1);
  (void)state;
  for (int64_t threads = 2; threads <= 3; threads++) {
    cnn_model *other = train_with(threads);
    for (int64_t i = 0; i < cnn_model_parameter_count(one); i++) {
      const char *name = cnn_model_parameter_name(one, i);
      cnn_tensor *a = cnn_model_parameter(one, name), *b = cnn_model_parameter(other, name);
      assert_memory_equal(cnn_tensor_floats(a), cnn_tensor_floats(b),
                          (size_t)cnn_tensor_count(a) * sizeof(float));
      cnn_tensor_free(a);
      cnn_tensor_free(b);
    }
    cnn_model_free(other);
  }
  cnn_model_free(one);
}

/* ---- stopping from outside ---- */

static cnn_model *running;

static void on_signal(int number) {
  (void)number;
  cnn_model_stop(running);
}

static cnn_status raise_signal(void *user, const cnn_fit_info *info) {
  (void)user;
  if (info->epoch == 1 && info->batch == 2) raise(SIGUSR1);
  return CNN_OK;
}

static void test_a_signal_handler_may_stop_a_fit(void **state) {
  world w = make_world();
  cnn_callback_functions functions = {.struct_size = sizeof functions, .batch_end = raise_signal};
  (void)state;
  running = w.model;
  void (*before)(int) = signal(SIGUSR1, on_signal);
  assert_ok(cnn_model_fit(w.model, w.batches, .epochs = 50,
                          .callbacks = {cnn_callback_create(&functions)}));
  signal(SIGUSR1, before);
  assert_int_equal(cnn_model_epochs_done(w.model), 1);
  end_world(&w);
}

static pthread_barrier_t has_begun;

static cnn_status meet(void *user, const cnn_fit_info *info) {
  (void)user;
  if (info->epoch == 0 && info->batch == 1) pthread_barrier_wait(&has_begun);
  return CNN_OK;
}

static void *stop_from_here(void *model) {
  pthread_barrier_wait(&has_begun);
  cnn_model_stop(model);
  return NULL;
}

static void test_another_thread_may_stop_a_fit(void **state) {
  world w = make_world();
  pthread_t thread;
  cnn_callback_functions functions = {.struct_size = sizeof functions, .batch_end = meet};
  (void)state;
  assert_int_equal(pthread_barrier_init(&has_begun, NULL, 2), 0);
  assert_int_equal(pthread_create(&thread, NULL, stop_from_here, w.model), 0);
  assert_ok(cnn_model_fit(w.model, w.batches, .epochs = 100000,
                          .callbacks = {cnn_callback_create(&functions)}));
  pthread_join(thread, NULL);
  pthread_barrier_destroy(&has_begun);
  assert_true(cnn_model_epochs_done(w.model) < 100000);
  end_world(&w);
}

/* ---- the caller's floating-point environment ---- */

typedef struct rounding {
  int seen[2];
} rounding;

static cnn_status look_at_rounding(void *user, const cnn_fit_info *info) {
  (void)info;
  ((rounding *)user)->seen[0] = fegetround();
  return CNN_OK;
}

/* The library computes in its own; the caller, and the caller's callbacks, keep theirs. */
static void test_the_callers_rounding_mode_is_the_callers(void **state) {
  world w = make_world(), other = make_world();
  rounding rounding_ = {{-1, -1}};
  cnn_callback_functions functions = {
      .struct_size = sizeof functions, .user = &rounding_, .batch_end = look_at_rounding};
  (void)state;
  assert_ok(cnn_model_fit(w.model, w.batches));
  assert_int_equal(fesetround(FE_UPWARD), 0);
  cnn_status status =
      cnn_model_fit(other.model, other.batches, .callbacks = {cnn_callback_create(&functions)});
  int after = fegetround();
  fesetround(FE_TONEAREST);
  assert_ok(status);
  assert_int_equal(after, FE_UPWARD);
  assert_int_equal(rounding_.seen[0], FE_UPWARD);
  cnn_tensor *a = cnn_model_parameter(w.model, "dense/kernel");
  cnn_tensor *b = cnn_model_parameter(other.model, "dense/kernel");
  assert_memory_equal(cnn_tensor_floats(a), cnn_tensor_floats(b),
                      (size_t)cnn_tensor_count(a) * sizeof(float));
  cnn_tensor_free(a);
  cnn_tensor_free(b);
  end_world(&other);
  end_world(&w);
}

/* One check at the end is enough. */
static void test_errors_stick_from_the_first_to_the_last_call(void **state) {
  (void)state;
  cnn_clear_error();
  cnn_dataset *train = cnn_synthetic_images(.count = 16);
  cnn_loader *batches = cnn_loader_new(train, .batch_size = 8);
  cnn_model *model = cnn_sequential(cnn_input(.shape = {32, 32, 3}), cnn_flatten(),
                                    cnn_conv2d(.filters = 4, .kernel = {3, 3}),
                                    cnn_dense(.units = 10, .activation = CNN_SOFTMAX));
  cnn_model_compile(model, .optimizer = cnn_adam(), .loss = cnn_sparse_categorical_crossentropy());
  cnn_status status = cnn_model_fit(model, batches, .epochs = 2);
  assert_int_equal(status, CNN_E_SHAPE);
  assert_non_null(strstr(cnn_last_error(), "conv2d: "));
  assert_non_null(strstr(cnn_last_error(), "3072"));
  cnn_clear_error();
  cnn_model_free(model);
  cnn_loader_free(batches);
  cnn_dataset_free(train);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_tutorials_story_runs),
      cmocka_unit_test(test_threads_do_not_change_the_weights),
      cmocka_unit_test(test_a_signal_handler_may_stop_a_fit),
      cmocka_unit_test(test_another_thread_may_stop_a_fit),
      cmocka_unit_test(test_the_callers_rounding_mode_is_the_callers),
      cmocka_unit_test(test_errors_stick_from_the_first_to_the_last_call),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
