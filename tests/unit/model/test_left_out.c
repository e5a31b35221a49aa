/* Samples that a loader leaves out, as they are broken: what training, evaluating and predicting make of fewer, and of none. */
#include "support.h"

/* Twelve images, of which those fail that the test says. */
typedef struct source {
  bool broken[12];
  bool once; /* each image can be had every other time */
  int64_t fetched;
} source;

static cnn_status fetch(void *user, int64_t i, cnn_tensor **image, int32_t *index, float *vector) {
  source *from = user;
  if (from->broken[i] || (from->once && from->fetched++ % 2 == 1)) return CNN_E_FORMAT;
  *index = (int32_t)(i % 3);
  *image = cnn_tensor_create(CNN_UINT8, 3, (int64_t[]){8, 8, 1});
  if (*image == NULL) return cnn_last_status();
  memset((*image)->data, (int)(20 * i), 64);
  return CNN_OK;
}

static cnn_status label(void *user, int64_t i, int32_t *index, float *vector) {
  *index = (int32_t)(i % 3);
  return CNN_OK;
}

typedef struct stage {
  source from;
  cnn_dataset *set;
  cnn_model *model;
} stage;

static void open_stage(stage *s, int64_t broken) {
  *s = (stage){.set = NULL};
  for (int64_t i = 0; i < broken; i++)
    s->from.broken[i] = true;
  s->set = cnn_dataset_create(&(cnn_dataset_callbacks){.struct_size = sizeof(cnn_dataset_callbacks),
                                                       .user = &s->from,
                                                       .count = 12,
                                                       .shape = {8, 8, 1},
                                                       .classes = 3,
                                                       .fetch = fetch,
                                                       .label = label});
  assert_made(s->set);
  s->model = small_model();
  assert_ok(compile(s->model));
}

static void close_stage(stage *s) {
  cnn_model_free(s->model);
  cnn_dataset_free(s->set);
  cnn_clear_error();
}

static void test_predictions_are_of_those_that_are_there(void **state) {
  stage s;
  open_stage(&s, 5);
  cnn_loader *batches = cnn_loader_new(s.set, .batch_size = 4, .skip_broken = 1);
  cnn_tensor *outputs = cnn_model_predict_all(s.model, batches);
  assert_made(outputs);
  assert_int_equal(cnn_tensor_shape(outputs)[0], 7);
  assert_int_equal(cnn_loader_skipped(batches), 5);
  /* The first of them is image 5. */
  cnn_tensor *image = cnn_tensor_create(CNN_FLOAT32, 4, (int64_t[]){1, 8, 8, 1});
  for (size_t i = 0; i < 64; i++)
    ((float *)image->data)[i] = 100;
  cnn_tensor *alone = cnn_model_predict(s.model, image);
  assert_made(alone);
  for (size_t i = 0; i < 3; i++)
    assert_float_equal(cnn_tensor_floats(alone)[i], cnn_tensor_floats(outputs)[i], 1e-6);
  cnn_tensor_free(alone);
  cnn_tensor_free(image);
  cnn_tensor_free(outputs);
  cnn_loader_free(batches);
  close_stage(&s);
}

static void test_a_shorter_epoch_is_one(void **state) {
  stage s;
  open_stage(&s, 8); /* two batches of three are not there */
  cnn_loader *batches = cnn_loader_new(s.set, .batch_size = 4, .skip_broken = 1);
  double results[2];
  assert_ok(cnn_model_evaluate(s.model, batches, results, 2));
  assert_true(isfinite(results[0]) && results[0] > 0);
  assert_ok(cnn_model_fit(s.model, batches, .epochs = 2));
  assert_int_equal(cnn_model_epochs_done(s.model), 2);
  assert_int_equal(s.model->training->step, 2); /* one batch an epoch */
  cnn_loader_free(batches);
  close_stage(&s);
}

static cnn_status stop_at_second(void *user, const cnn_fit_info *info) {
  if (++*(int *)user == 2) cnn_model_stop(info->model);
  return CNN_OK;
}

/* Of six batches the second is not there. */
static void test_a_fit_that_is_resumed_passes_over_the_same(void **state) {
  for (int64_t steps = 0; steps <= 4; steps += 4) {
    stage s;
    open_stage(&s, 0);
    s.from.broken[2] = s.from.broken[3] = true;
    cnn_loader *batches = cnn_loader_new(s.set, .batch_size = 2, .skip_broken = 1);
    cnn_model *whole = small_model();
    assert_ok(compile(whole));
    assert_ok(cnn_model_fit(whole, batches, .epochs = 2, .steps = steps));
    int ends = 0;
    const cnn_callback_functions functions = {
        .struct_size = sizeof functions, .user = &ends, .batch_end = stop_at_second};
    assert_ok(cnn_model_fit(s.model, batches, .epochs = 2, .steps = steps,
                            .callbacks = {cnn_callback_create(&functions)}));
    assert_int_equal(ends, 2);
    assert_ok(cnn_model_fit(s.model, batches, .epochs = 2, .steps = steps, .resume = 1));
    assert_int_equal(s.model->training->step, whole->training->step);
    assert_same_weights(s.model, whole);
    cnn_model_free(whole);
    cnn_loader_free(batches);
    close_stage(&s);
  }
}

static void test_nothing_at_all_is_told(void **state) {
  stage s;
  open_stage(&s, 12);
  cnn_loader *batches = cnn_loader_new(s.set, .batch_size = 4, .skip_broken = 1);
  double results[2];
  assert_error(CNN_E_INVALID, cnn_model_evaluate(s.model, batches, results, 2),
               "cnn_model_evaluate: the loader gave no samples");
  assert_error(CNN_E_INVALID, cnn_model_fit(s.model, batches, .steps = 2),
               "batches gave no samples in a whole epoch");
  cnn_model *before = cnn_model_clone(s.model);
  assert_error(CNN_E_INVALID, cnn_model_fit(s.model, batches),
               "batches gave no samples in a whole epoch");
  assert_same_weights(before, s.model);
  assert_int_equal(cnn_history_epochs(cnn_model_history(s.model)), 0);
  cnn_dataset *set = stripes(8, 1);
  cnn_loader *whole = cnn_loader_new(set, .batch_size = 4);
  assert_error(CNN_E_INVALID, cnn_model_fit(s.model, whole, .validation = batches),
               "validation gave no samples in a whole epoch");
  assert_int_equal(cnn_history_epochs(cnn_model_history(s.model)), 0); /* no loss of 0 */
  cnn_loader_free(whole);
  cnn_dataset_free(set);
  cnn_model_free(before);
  cnn_loader_free(batches);
  close_stage(&s);
}

/* Of a batch's views each must have the same samples: else their mean would be of different images. */
static void test_views_of_other_samples_are_refused(void **state) {
  stage s;
  open_stage(&s, 0);
  s.from.once = true;
  cnn_loader *batches = cnn_loader_new(s.set, .batch_size = 1, .skip_broken = 1, .views = 2);
  assert_made(batches);
  assert_null(cnn_model_predict_all(s.model, batches));
  assert_error(CNN_E_IO, cnn_last_status(), "the loader gave 1 samples of a batch, then 0");
  s.from.fetched = 1; /* the first view of each image is the one that fails */
  assert_null(cnn_model_predict_all(s.model, batches));
  assert_error(CNN_E_IO, cnn_last_status(), "the loader gave 0 samples of a batch, then 1");
  cnn_loader_free(batches);
  close_stage(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_predictions_are_of_those_that_are_there),
      cmocka_unit_test(test_a_shorter_epoch_is_one),
      cmocka_unit_test(test_a_fit_that_is_resumed_passes_over_the_same),
      cmocka_unit_test(test_nothing_at_all_is_told),
      cmocka_unit_test(test_views_of_other_samples_are_refused),
  };
  cnn_context *context = begin_context(1, 1);
  const int failures = cmocka_run_group_tests_name("samples left out", tests, NULL, NULL);
  const bool clean = cnn_context_memory(context) == 0;
  end_context(context);
  (void)group_end(clean || failures);
  return failures;
}
