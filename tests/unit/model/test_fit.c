/* Training: what a fit learns, that it learns the same however it is run, and where it stops. */
#include "support.h"

/* A model with its data, in a context of its own. */
typedef struct scene {
  cnn_context *context;
  cnn_dataset *train, *test;
  cnn_loader *batches, *checks;
  cnn_model *model;
} scene;

static scene set_up(int64_t threads) {
  scene s = {.context = begin_context(threads, 5)};
  s.train = stripes(100, 1);
  s.test = stripes(40, 2);
  s.batches = stripes_loader(s.train);
  s.checks = cnn_loader_new(s.test, .batch_size = 16, .rescale = 1 / 255.0);
  s.model = small_model();
  assert_made(s.checks);
  assert_ok(compile(s.model));
  return s;
}

static void tear_down(scene *s) {
  cnn_model_free(s->model);
  cnn_loader_free(s->batches);
  cnn_loader_free(s->checks);
  cnn_dataset_free(s->train);
  cnn_dataset_free(s->test);
  end_context(s->context);
}

static void test_training_learns_and_leaves_its_history(void **state) {
  scene s = set_up(2);
  assert_ok(cnn_model_fit(s.model, s.batches, .epochs = 6, .validation = s.checks));
  const cnn_history *history = cnn_model_history(s.model);
  assert_int_equal(cnn_history_epochs(history), 6);
  assert_int_equal(cnn_history_count(history), 5);
  static const char *const names[] = {"loss", "accuracy", "val_loss", "val_accuracy",
                                      "learning_rate"};
  for (int64_t i = 0; i < 5; i++)
    assert_string_equal(cnn_history_name(history, i), names[i]);
  assert_null(cnn_history_name(history, 5));
  assert_null(cnn_history_series(history, "mse"));
  const double *loss = cnn_history_series(history, "loss");
  assert_true(loss[5] < 0.5 * loss[0]);
  assert_true(cnn_history_series(history, "val_accuracy")[5] > 0.9);
  assert_true(cnn_history_series(history, "learning_rate")[5] == 0.01);
  assert_true(cnn_history_seconds(history)[5] > 0);
  assert_int_equal(cnn_model_epochs_done(s.model), 6);

  double results[2];
  assert_ok(cnn_model_evaluate(s.model, s.checks, results, 2));
  assert_true(results[0] == cnn_history_series(history, "val_loss")[5]);
  assert_true(results[1] == cnn_history_series(history, "val_accuracy")[5]);
  assert_string_equal(cnn_model_results_name(s.model, 1), "accuracy");
  assert_int_equal(cnn_model_results_count(s.model), 2);
  /* What predicting needs came from the loader. */
  assert_string_equal(cnn_model_class_name(s.model, 1), "middle");
  assert_true(s.model->preprocesses && fabs(s.model->preprocessing.rescale - 1 / 255.0) < 1e-12);
  tear_down(&s);
}

static void test_any_number_of_threads_gives_the_same_weights(void **state) {
  scene first = set_up(1);
  assert_ok(cnn_model_fit(first.model, first.batches, .epochs = 2, .validation = first.checks));
  for (int64_t threads = 2; threads <= 3; threads++) {
    scene s = set_up(threads);
    assert_ok(cnn_model_fit(s.model, s.batches, .epochs = 2, .validation = s.checks));
    assert_same_weights(s.model, first.model);
    tear_down(&s);
  }
  tear_down(&first);
}

static void test_slices_equal_the_whole_fit(void **state) {
  scene whole = set_up(1), sliced = set_up(1);
  assert_ok(cnn_model_fit(whole.model, whole.batches, .epochs = 3, .validation = whole.checks));
  cnn_fit *fit =
      cnn_fit_begin(sliced.model, sliced.batches, .epochs = 3, .validation = sliced.checks);
  assert_made(fit);
  int64_t done = 0, slices = 0;
  while (!done) {
    assert_ok(cnn_fit_run(fit, 2, 0, &done));
    slices++;
    /* Whoever runs a slice may look on between two. */
    double results[2];
    assert_ok(cnn_model_evaluate(sliced.model, whole.checks, results, 2));
  }
  assert_int_equal(slices, 15); /* 7 batches and 3 of validation an epoch */
  assert_ok(cnn_fit_run(fit, 2, 0, &done));
  assert_int_equal(done, 1);
  assert_ok(cnn_fit_end(fit));
  assert_same_weights(whole.model, sliced.model);
  for (int64_t i = 0; i < 4; i++) {
    const char *name = cnn_history_name(cnn_model_history(whole.model), i);
    assert_memory_equal(cnn_history_series(cnn_model_history(whole.model), name),
                        cnn_history_series(cnn_model_history(sliced.model), name),
                        3 * sizeof(double));
  }
  tear_down(&sliced);
  tear_down(&whole);
}

static void test_a_slice_of_no_time_runs_one_batch(void **state) {
  scene s = set_up(1);
  cnn_fit *fit = cnn_fit_begin(s.model, s.batches, .epochs = 1);
  int64_t done;
  assert_ok(cnn_fit_run(fit, 0, 1e-9, &done));
  assert_int_equal(s.model->training->state.batch, 1);
  assert_int_equal(done, 0);
  assert_error(CNN_E_INVALID, cnn_fit_run(fit, -1, 0, &done), "negative");
  assert_error(CNN_E_STATE, cnn_model_fit(s.model, s.batches), "another fit");
  assert_error(CNN_E_STATE, compile(s.model), "a fit of the model is running");
  cnn_clear_error();
  assert_ok(cnn_fit_end(fit));
  assert_ok(cnn_fit_end(NULL));
  tear_down(&s);
}

/* Runs so many batches of a fit and leaves it there; then goes on. */
static void check_resuming(int64_t batches) {
  scene whole = set_up(1), parted = set_up(1);
  assert_ok(cnn_model_fit(whole.model, whole.batches, .epochs = 3, .validation = whole.checks,
                          .callbacks = {cnn_reduce_on_plateau(.patience = 1, .min_delta = 10)}));
  cnn_fit *fit =
      cnn_fit_begin(parted.model, parted.batches, .epochs = 3, .validation = parted.checks,
                    .callbacks = {cnn_reduce_on_plateau(.patience = 1, .min_delta = 10)});
  assert_made(fit);
  assert_ok(cnn_fit_run(fit, batches, 0, NULL));
  assert_ok(cnn_fit_end(fit));
  assert_ok(cnn_model_fit(parted.model, parted.batches, .epochs = 3, .validation = parted.checks,
                          .resume = 1,
                          .callbacks = {cnn_reduce_on_plateau(.patience = 1, .min_delta = 10)}));
  assert_same_weights(whole.model, parted.model);
  assert_true(cnn_model_learning_rate(whole.model) < 0.005); /* the callback had work to do */
  assert_true(cnn_model_learning_rate(whole.model) == cnn_model_learning_rate(parted.model));
  const cnn_history *a = cnn_model_history(whole.model), *b = cnn_model_history(parted.model);
  assert_int_equal(cnn_history_epochs(b), 3);
  for (int64_t i = 0; i < 5; i++)
    assert_memory_equal(cnn_history_series(a, cnn_history_name(a, i)),
                        cnn_history_series(b, cnn_history_name(b, i)), 3 * sizeof(double));
  tear_down(&parted);
  tear_down(&whole);
}

static void test_a_resumed_fit_equals_an_uninterrupted_one(void **state) {
  check_resuming(3);  /* in mid-epoch */
  check_resuming(7);  /* before validation */
  check_resuming(8);  /* in validation */
  check_resuming(10); /* between two epochs */
  check_resuming(18); /* after the learning rate has changed */
}

static void test_resuming_with_other_batches_is_a_mismatch(void **state) {
  scene s = set_up(1);
  assert_ok(cnn_model_fit(s.model, s.batches, .epochs = 1));
  cnn_loader *other = cnn_loader_new(s.train, .batch_size = 8, .shuffle = true);
  assert_error(CNN_E_MISMATCH, cnn_model_fit(s.model, other, .epochs = 2, .resume = 1),
               "batch_size is 8, but the training began with 16");
  assert_error(CNN_E_MISMATCH,
               cnn_model_fit(s.model, s.batches, .epochs = 2, .resume = 1, .validation = s.checks),
               "another kind of validation");
  cnn_clear_error();
  cnn_loader_free(other);
  /* A fit that was whole has nothing left to do. */
  cnn_model *before = cnn_model_clone(s.model);
  assert_ok(cnn_model_fit(s.model, s.batches, .epochs = 1, .resume = 1));
  assert_same_weights(before, s.model);
  cnn_model_free(before);
  tear_down(&s);
}

/* ---- callbacks ---- */

typedef struct fit_journal {
  char text[4096];
  int64_t stop_at, fail_at; /* batches so far */
  int64_t batches;
  cnn_status status;
} fit_journal;

static void note(fit_journal *journal, const char *what, const cnn_fit_info *info) {
  size_t used = strlen(journal->text);
  snprintf(journal->text + used, sizeof journal->text - used, "%s %d.%d/%d ", what,
           (int)info->epoch, (int)info->batch, (int)info->names_count);
}
static cnn_status on_fit_begin(void *user, const cnn_fit_info *info) {
  note(user, "fit", info);
  return CNN_OK;
}
static cnn_status on_epoch_begin(void *user, const cnn_fit_info *info) {
  note(user, "epoch", info);
  return CNN_OK;
}
static cnn_status on_batch_begin(void *user, const cnn_fit_info *info) {
  note(user, "b", info);
  return CNN_OK;
}
static cnn_status on_batch_end(void *user, const cnn_fit_info *info) {
  fit_journal *journal = user;
  note(journal, "e", info);
  journal->batches++;
  if (journal->batches == journal->stop_at) cnn_model_stop(info->model);
  return journal->batches == journal->fail_at ? journal->status : CNN_OK;
}
static cnn_status on_epoch_end(void *user, const cnn_fit_info *info) {
  note(user, "end", info);
  return CNN_OK;
}
static cnn_status on_fit_end(void *user, const cnn_fit_info *info) {
  note(user, "over", info);
  return CNN_OK;
}
static void on_release(void *user) {
  fit_journal *journal = user;
  strcat(journal->text, "released");
}

static cnn_callback *journal_callback(fit_journal *journal) {
  cnn_callback_functions functions = {sizeof functions, journal,        on_fit_begin,
                                      on_epoch_begin,   on_batch_begin, on_batch_end,
                                      on_epoch_end,     on_fit_end,     on_release};
  return cnn_callback_create(&functions);
}

static void test_callbacks_are_called_in_order(void **state) {
  scene s = set_up(1);
  fit_journal journal = {.text = ""};
  cnn_loader *large = cnn_loader_new(s.train, .batch_size = 50);
  assert_ok(cnn_model_fit(s.model, large, .epochs = 2, .validation = s.checks,
                          .callbacks = {journal_callback(&journal)}));
  assert_string_equal(journal.text, "fit 0.0/0 "
                                    "epoch 0.0/0 b 0.0/0 e 0.1/2 b 0.1/2 e 0.2/2 end 0.2/4 "
                                    "epoch 1.0/0 b 1.0/0 e 1.1/2 b 1.1/2 e 1.2/2 end 1.2/4 "
                                    "over 2.0/4 released");
  cnn_loader_free(large);
  tear_down(&s);
}

static void test_stop_ends_after_the_batch_and_says_where(void **state) {
  scene s = set_up(1);
  fit_journal journal = {.stop_at = 9};
  assert_ok(
      cnn_model_fit(s.model, s.batches, .epochs = 3, .callbacks = {journal_callback(&journal)}));
  assert_int_equal(journal.batches, 9);
  assert_int_equal(cnn_model_epochs_done(s.model), 1);
  assert_int_equal(s.model->training->state.batch, 2);
  assert_int_equal(cnn_history_epochs(cnn_model_history(s.model)), 1);
  assert_non_null(strstr(journal.text, "e 1.2/2 over 1.2/2 released"));
  /* The next fit is not stopped by what ended this one. */
  assert_ok(cnn_model_fit(s.model, s.batches, .epochs = 3, .resume = 1));
  assert_int_equal(cnn_model_epochs_done(s.model), 3);
  cnn_model_stop(NULL);
  tear_down(&s);
}

static void test_a_failing_callback_ends_the_fit_with_its_status(void **state) {
  scene s = set_up(1);
  fit_journal one = {.fail_at = 2, .status = CNN_E_IO}, two = {.text = ""};
  assert_error(CNN_E_IO,
               cnn_model_fit(s.model, s.batches,
                             .callbacks = {journal_callback(&one), journal_callback(&two)}),
               "a callback ended it");
  assert_int_equal(two.batches, 1);
  assert_non_null(strstr(one.text, "over 0.2/2 released"));
  assert_non_null(strstr(two.text, "over 0.2/2 released"));
  fit_journal odd = {.fail_at = 1, .status = (cnn_status)77};
  assert_error(CNN_E_STOPPED,
               cnn_model_fit(s.model, s.batches, .callbacks = {journal_callback(&odd)}),
               "a callback ended it: stopped by a callback (epoch 1, batch 1)");
  cnn_clear_error();
  tear_down(&s);
}

/* Owned from the call on, whatever it comes to; the list ends at its first NULL. */
static void test_callbacks_are_released_on_failure(void **state) {
  scene s = set_up(1);
  fit_journal journal = {.text = ""};
  assert_int_equal(cnn_model_fit(NULL, s.batches, .callbacks = {journal_callback(&journal)}),
                   CNN_E_INVALID);
  assert_string_equal(journal.text, "released");
  journal.text[0] = 0;
  assert_int_equal(cnn_model_fit(s.model, NULL, .progress = journal_callback(&journal)),
                   CNN_E_INVALID);
  assert_string_equal(journal.text, "released");
  journal.text[0] = 0;
  cnn_clear_error();
  cnn_callback *bad = cnn_early_stopping(.patience = -3);
  assert_error(CNN_E_INVALID,
               cnn_model_fit(s.model, s.batches, .callbacks = {bad, journal_callback(&journal)}),
               "patience is -3");
  assert_string_equal(journal.text, "released");
  cnn_clear_error();
  tear_down(&s);
}

/* ---- options ---- */

static void test_options_that_cannot_be_are_refused(void **state) {
  scene s = set_up(1);
  cnn_model *raw = small_model();
  assert_error(CNN_E_STATE, cnn_model_fit(raw, s.batches), "not compiled");
  assert_error(CNN_E_INVALID, cnn_model_fit(s.model, s.batches, .epochs = -1), "epochs is -1");
  assert_error(CNN_E_INVALID, cnn_model_fit(s.model, s.batches, .steps = -1), "steps is -1");
  assert_error(CNN_E_INVALID, cnn_model_fit(s.model, s.batches, .validation_split = 1),
               "validation_split");
  assert_error(CNN_E_INVALID,
               cnn_model_fit(s.model, s.batches, .validation_split = .1, .validation = s.checks),
               "not both");
  assert_error(CNN_E_INVALID,
               cnn_model_fit(s.model, s.batches, .class_weights = (double[]){1, 2}, .classes = 2),
               "2 class weights; the model has 3 classes");
  cnn_clear_error();
  cnn_fit_options options;
  cnn_fit_options_init(&options, sizeof options);
  assert_error(CNN_E_INVALID, cnn_model_fit_with(&options), "model is NULL");
  cnn_clear_error();
  cnn_model_free(raw);
  tear_down(&s);
}

static void test_data_that_does_not_fit_is_refused(void **state) {
  scene s = set_up(1);
  cnn_dataset *large = cnn_synthetic_images(.count = 16);
  cnn_loader *wrong = cnn_loader_new(large, .batch_size = 4);
  assert_error(CNN_E_SHAPE, cnn_model_fit(s.model, wrong),
               "images of 32x32x3; the model takes 8x8x1");
  assert_error(CNN_E_SHAPE, cnn_model_evaluate(s.model, wrong, NULL, 0), "32x32x3");
  cnn_loader *vectors = cnn_loader_new(s.train, .batch_size = 4, .one_hot = 1);
  assert_error(CNN_E_SHAPE, cnn_model_fit(s.model, vectors), "vectors");
  cnn_clear_error();
  cnn_loader_free(wrong);
  cnn_loader_free(vectors);
  cnn_dataset_free(large);
  tear_down(&s);
}

static void test_a_label_out_of_range_leaves_the_model(void **state) {
  scene s = set_up(1);
  cnn_tensor *images = numbers(4, (int64_t[]){2, 8, 8, 1}, 1);
  cnn_tensor *labels = cnn_tensor_copy_of(CNN_INT32, 1, (int64_t[]){2}, (int32_t[]){1, 3});
  cnn_model *before = cnn_model_clone(s.model);
  assert_error(CNN_E_INVALID, cnn_model_train_on_batch(s.model, images, labels, NULL, 0),
               "the label of sample 1 of the batch is 3; the output has classes 0 to 2");
  assert_same_weights(before, s.model);
  cnn_clear_error();
  cnn_model_free(before);
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  tear_down(&s);
}

static void test_steps_run_through_the_loaders_epochs(void **state) {
  scene s = set_up(1), plain = set_up(1);
  fit_journal journal = {.text = ""};
  /* 14 batches in 7 epochs of 2 are the batches of 2 epochs of 7. */
  assert_ok(cnn_model_fit(s.model, s.batches, .epochs = 7, .steps = 2,
                          .callbacks = {journal_callback(&journal)}));
  assert_int_equal(journal.batches, 14);
  assert_ok(cnn_model_fit(plain.model, plain.batches, .epochs = 2));
  assert_same_weights(s.model, plain.model);
  tear_down(&plain);
  tear_down(&s);
}

static void test_the_split_is_the_datasets_tail_in_order(void **state) {
  scene s = set_up(1);
  scene other = set_up(1);
  cnn_dataset *head = cnn_dataset_slice(s.train, 0, 80), *tail = cnn_dataset_slice(s.train, 80, 20);
  cnn_loader *batches = stripes_loader(head);
  cnn_loader *checks = cnn_loader_new(tail, .batch_size = 16, .rescale = 1 / 255.0);
  assert_ok(cnn_model_fit(other.model, batches, .epochs = 2, .validation = checks));
  assert_ok(cnn_model_fit(s.model, s.batches, .epochs = 2, .validation_split = 0.2));
  assert_same_weights(s.model, other.model);
  assert_memory_equal(cnn_history_series(cnn_model_history(s.model), "val_loss"),
                      cnn_history_series(cnn_model_history(other.model), "val_loss"),
                      2 * sizeof(double));
  cnn_loader_free(batches);
  cnn_loader_free(checks);
  cnn_dataset_free(head);
  cnn_dataset_free(tail);
  tear_down(&other);
  tear_down(&s);
}

/* ---- the loss ---- */

static cnn_model *linear_model(double l2) {
  return cnn_sequential(cnn_input(.shape = {2}),
                        cnn_dense(.units = 3, .activation = CNN_SOFTMAX, .kernel_l2 = l2));
}

static double loss_with(cnn_model *model, const double *class_weights) {
  cnn_tensor *images = cnn_tensor_copy_of(CNN_FLOAT32, 2, (int64_t[]){3, 2},
                                          (float[]){0.5f, -1, 2, 0.25f, -0.75f, 1});
  cnn_tensor *labels = cnn_tensor_copy_of(CNN_INT32, 1, (int64_t[]){3}, (int32_t[]){0, 2, 2});
  cnn_dataset *set = cnn_array_dataset(.images = images, .labels = labels, .classes = 3);
  cnn_loader *loader = cnn_loader_new(set, .batch_size = 2);
  assert_made(loader);
  assert_ok(cnn_model_compile(model, .optimizer = cnn_sgd(.learning_rate = CNN_ZERO),
                              .loss_name = "sparse_categorical_crossentropy"));
  assert_ok(cnn_model_fit(model, loader, .class_weights = class_weights,
                          .classes = class_weights ? 3 : 0));
  double loss = cnn_history_series(cnn_model_history(model), "loss")[0];
  cnn_loader_free(loader);
  cnn_dataset_free(set);
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  return loss;
}

/* Of each of the three samples, by hand. */
static void sample_losses(cnn_model *model, double out[3]) {
  cnn_tensor *images = cnn_tensor_copy_of(CNN_FLOAT32, 2, (int64_t[]){3, 2},
                                          (float[]){0.5f, -1, 2, 0.25f, -0.75f, 1});
  cnn_tensor *outputs = cnn_model_predict(model, images);
  static const int label[] = {0, 2, 2};
  for (int i = 0; i < 3; i++)
    out[i] = -log((double)cnn_tensor_floats(outputs)[i * 3 + label[i]]);
  cnn_tensor_free(images);
  cnn_tensor_free(outputs);
}

static void test_the_epochs_loss_is_weighted_by_samples(void **state) {
  cnn_model *model = linear_model(0);
  double sample[3];
  sample_losses(model, sample);
  assert_true(fabs(loss_with(model, NULL) - (sample[0] + sample[1] + sample[2]) / 3) < 1e-6);
  double weights[] = {3, 100, 0.5};
  assert_true(fabs(loss_with(model, weights) -
                   (3 * sample[0] + 0.5 * sample[1] + 0.5 * sample[2]) / 3) < 1e-6);
  cnn_model_free(model);
}

static void test_regularisers_add_their_squares(void **state) {
  cnn_model *model = linear_model(0.25);
  double sample[3], squares = 0;
  sample_losses(model, sample);
  cnn_tensor *kernel = cnn_model_parameter(model, "dense/kernel");
  for (int i = 0; i < 6; i++)
    squares += (double)cnn_tensor_floats(kernel)[i] * (double)cnn_tensor_floats(kernel)[i];
  cnn_tensor_free(kernel);
  double expected = (sample[0] + sample[1] + sample[2]) / 3 + 0.25 * squares;
  assert_true(fabs(loss_with(model, NULL) - expected) < 1e-6);
  cnn_model_free(model);
}

static void test_results_on_a_batch_are_its_own(void **state) {
  scene s = set_up(1);
  cnn_tensor *images = numbers(4, (int64_t[]){4, 8, 8, 1}, 3);
  cnn_tensor *labels = cnn_tensor_copy_of(CNN_INT32, 2, (int64_t[]){4, 1}, (int32_t[]){0, 1, 2, 0});
  double first[2], second[2], test[2];
  assert_ok(cnn_model_test_on_batch(s.model, images, labels, first, 2));
  assert_ok(cnn_model_test_on_batch(s.model, images, labels, test, 2));
  assert_true(first[0] == test[0] && first[1] == test[1]);
  assert_ok(cnn_model_train_on_batch(s.model, images, labels, second, 1));
  for (int i = 0; i < 60; i++)
    assert_ok(cnn_model_train_on_batch(s.model, images, labels, second, 2));
  assert_true(second[0] < first[0] && second[1] == 1);
  assert_error(CNN_E_SHAPE,
               cnn_model_train_on_batch(s.model, labels, labels, NULL, 0) == CNN_OK
                   ? CNN_OK
                   : cnn_model_test_on_batch(s.model, images, images, NULL, 0),
               "vectors of 64");
  cnn_clear_error();
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  tear_down(&s);
}

static void test_compiling_checks_loss_and_metrics(void **state) {
  cnn_model *model = small_model();
  assert_error(CNN_E_INVALID, cnn_model_compile(model, .loss = cnn_mean_squared_error()),
               "optimizer is NULL");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_model_compile(model, .optimizer = cnn_adam()), "loss is NULL");
  assert_error(CNN_E_NOT_FOUND,
               cnn_model_compile(model, .optimizer_name = "madam", .loss_name = "mse"), "madam");
  assert_error(CNN_E_NOT_FOUND,
               cnn_model_compile(model, .optimizer_name = "adam", .loss_name = "mse",
                                 .metric_names = {"accuracy", "bogus"}),
               "bogus");
  assert_error(CNN_E_INVALID,
               cnn_model_compile(model, .optimizer_name = "adam", .loss_name = "mse",
                                 .metrics = {cnn_accuracy(), cnn_accuracy()}),
               "two results are named \"accuracy\"");
  assert_true(isnan(cnn_model_learning_rate(model)));
  assert_int_equal(cnn_model_results_count(model), 0);
  cnn_clear_error();
  assert_ok(cnn_model_compile(model, .optimizer_name = "adam",
                              .loss_name = "sparse_categorical_crossentropy",
                              .metric_names = {"accuracy", "top_k_categorical_accuracy"}));
  assert_int_equal(cnn_last_status(), CNN_OK);
  assert_int_equal(cnn_model_results_count(model), 3);
  assert_true(cnn_model_learning_rate(model) == 1e-3);
  assert_ok(cnn_model_set_learning_rate(model, 0.5));
  assert_true(cnn_model_learning_rate(model) == 0.5);
  assert_int_equal(cnn_model_set_learning_rate(model, -1), CNN_E_INVALID);
  cnn_clear_error();
  assert_null(cnn_model_gradient(model, "dense/kernel"));
  assert_error(CNN_E_STATE, cnn_last_status(), "no training step");
  cnn_clear_error();
  cnn_model_free(model);
  model = cnn_sequential(cnn_input(.shape = {4, 4, 1}), cnn_conv2d(.filters = 2, .kernel = {3}));
  assert_error(CNN_E_SHAPE,
               cnn_model_compile(model, .optimizer_name = "adam",
                                 .loss_name = "sparse_categorical_crossentropy"),
               "one row of 2 classes");
  cnn_clear_error();
  cnn_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_training_learns_and_leaves_its_history),
      cmocka_unit_test(test_any_number_of_threads_gives_the_same_weights),
      cmocka_unit_test(test_slices_equal_the_whole_fit),
      cmocka_unit_test(test_a_slice_of_no_time_runs_one_batch),
      cmocka_unit_test(test_a_resumed_fit_equals_an_uninterrupted_one),
      cmocka_unit_test(test_resuming_with_other_batches_is_a_mismatch),
      cmocka_unit_test(test_callbacks_are_called_in_order),
      cmocka_unit_test(test_stop_ends_after_the_batch_and_says_where),
      cmocka_unit_test(test_a_failing_callback_ends_the_fit_with_its_status),
      cmocka_unit_test(test_callbacks_are_released_on_failure),
      cmocka_unit_test(test_options_that_cannot_be_are_refused),
      cmocka_unit_test(test_data_that_does_not_fit_is_refused),
      cmocka_unit_test(test_a_label_out_of_range_leaves_the_model),
      cmocka_unit_test(test_steps_run_through_the_loaders_epochs),
      cmocka_unit_test(test_the_split_is_the_datasets_tail_in_order),
      cmocka_unit_test(test_the_epochs_loss_is_weighted_by_samples),
      cmocka_unit_test(test_regularisers_add_their_squares),
      cmocka_unit_test(test_results_on_a_batch_are_its_own),
      cmocka_unit_test(test_compiling_checks_loss_and_metrics),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
