/* Memory: every allocation fails once, and from then on; a training step needs none. */
#include "support.h"

static cnn_status make_data(cnn_dataset **set, cnn_loader **batches, cnn_loader **checks) {
  *batches = *checks = NULL;
  *set = stripes(40, 1);
  if (*set != NULL) *batches = stripes_loader(*set);
  if (*batches != NULL) *checks = cnn_loader_new(*set, .batch_size = 16);
  return *checks != NULL ? CNN_OK : cnn_last_status();
}

static cnn_model *make_graph(void) {
  cnn_graph *graph = cnn_graph_create();
  cnn_node in = cnn_graph_join(graph, cnn_input(.shape = {8, 8, 1}), NULL, 0);
  cnn_node a = cnn_graph_add(
      graph, cnn_conv2d(.filters = 2, .kernel = {3}, .kernel_initializer = CNN_ORTHOGONAL), in);
  cnn_node b = cnn_graph_add(graph, cnn_batch_normalization(), a);
  cnn_node sum = cnn_graph_add(graph, cnn_add(.name = "sum"), a, b);
  cnn_node flat = cnn_graph_add(graph, cnn_flatten(), sum);
  return cnn_graph_model(
      graph, cnn_graph_add(graph, cnn_dense(.units = 3, .activation = CNN_SOFTMAX), flat));
}

static cnn_status use_model(cnn_model *model, cnn_loader *batches, cnn_loader *checks) {
  cnn_status status = compile(model);
  if (status == CNN_OK) status = cnn_last_status(); /* a metric that failed is a list that ends */
  if (status == CNN_OK)
    status = cnn_model_fit(model, batches, .epochs = 2, .validation = checks,
                           .callbacks = {cnn_early_stopping(.restore_best_weights = 1),
                                         cnn_reduce_on_plateau(), cnn_stop_on_nan()});
  if (status == CNN_OK)
    status = cnn_model_fit(model, batches, .epochs = 3, .resume = 1, .validation = checks,
                           .callbacks = {cnn_early_stopping(.restore_best_weights = 1)});
  if (status == CNN_OK) status = cnn_last_status();
  if (status == CNN_OK) status = cnn_model_fit(model, batches, .validation_split = 0.5);
  if (status == CNN_OK) status = cnn_model_evaluate(model, checks, NULL, 0);
  return status;
}

static cnn_status ask_model(cnn_model *model, cnn_loader *checks) {
  cnn_tensor *outputs = cnn_model_predict_all(model, checks);
  cnn_tensor *pixels = cnn_tensor_create(CNN_UINT8, 3, (int64_t[]){8, 8, 1});
  cnn_tensor *one = pixels != NULL ? cnn_model_predict(model, pixels) : NULL;
  cnn_confusion *confusion = one != NULL ? cnn_model_confusion(model, checks) : NULL;
  cnn_predictor *predictor = confusion != NULL ? cnn_predictor_new(model) : NULL;
  cnn_model *clone = predictor != NULL ? cnn_model_clone(model) : NULL;
  char *summary = clone != NULL ? cnn_model_summary_text(model) : NULL;
  char *plan = summary != NULL ? cnn_model_describe_plan(model, 4, 1) : NULL;
  cnn_status status = plan != NULL && outputs != NULL ? CNN_OK : cnn_last_status();
  if (status == CNN_OK) status = cnn_model_set_note(model, "name", "value");
  cnn_tensor_free(outputs);
  cnn_tensor_free(pixels);
  cnn_tensor_free(one);
  cnn_confusion_free(confusion);
  cnn_predictor_free(predictor);
  cnn_model_free(clone);
  cnn_text_free(summary);
  cnn_text_free(plan);
  return status;
}

static float last_weights[4096];

static cnn_status whole_story(cnn_model *(*make)(void)) {
  cnn_dataset *set;
  cnn_loader *batches, *checks;
  cnn_status status = make_data(&set, &batches, &checks);
  cnn_model *model = status == CNN_OK ? make() : NULL;
  if (status == CNN_OK && model == NULL) status = cnn_last_status();
  if (status == CNN_OK) status = use_model(model, batches, checks);
  if (status == CNN_OK) status = ask_model(model, checks);
  if (status == CNN_OK) {
    assert_true(model->network->block_size <= sizeof last_weights / sizeof *last_weights);
    memcpy(last_weights, model->weights, model->network->block_size * sizeof(float));
  }
  cnn_model_free(model);
  cnn_loader_free(batches);
  cnn_loader_free(checks);
  cnn_dataset_free(set);
  return status;
}

/* Each allocation of the story fails, alone and with all behind it: CNN_E_NOMEM, nothing is left behind,
   and another try gives the same bits. */
static void fail_each(cnn_model *(*make)(void)) {
  counting counts = {.fail_at = 0};
  cnn_context *context = counting_context(&counts, 1);
  cnn_context_use(context);
  cnn_clear_error();
  assert_ok(whole_story(make)); /* what is made once is there afterwards */
  long first = atomic_load(&counts.calls), held = atomic_load(&counts.live);
  assert_ok(whole_story(make));
  long calls = atomic_load(&counts.calls) - first;
  float expected[4096];
  memcpy(expected, last_weights, sizeof expected);
  print_message("%ld allocations\n", calls);
  for (int for_ever = 0; for_ever < 2; for_ever++)
    for (long i = 1; i <= calls; i++) {
      counts.for_ever = for_ever != 0;
      cnn_clear_error();
      counts.fail_at = atomic_load(&counts.calls) + i;
      cnn_status status = whole_story(make);
      counts.fail_at = 0;
      if (status != CNN_E_NOMEM)
        fail_msg("allocation %ld of %ld: status %d, %s", i, calls, (int)status, cnn_last_error());
      if (atomic_load(&counts.live) != held) fail_msg("allocation %ld of %ld leaks", i, calls);
    }
  cnn_clear_error();
  assert_ok(whole_story(make));
  assert_memory_equal(last_weights, expected, sizeof expected);
  cnn_context_use(NULL);
  cnn_context_free(context);
  assert_int_equal(atomic_load(&counts.live), 0);
  cnn_clear_error();
}

static void test_every_allocation_of_a_chain_may_fail(void **state) {
  fail_each(small_model);
}
static void test_every_allocation_of_a_graph_may_fail(void **state) {
  fail_each(make_graph);
}

/* ---- none in a step ---- */

typedef struct watch {
  counting *counts;
  long at_second; /* allocations when the second batch ended */
  int64_t batches;
} watch;

static cnn_status watch_batch(void *user, const cnn_fit_info *info) {
  watch *self = user;
  long calls = atomic_load(&self->counts->calls);
  if (++self->batches == 2) self->at_second = calls;
  if (self->batches > 2 && calls != self->at_second) return CNN_E_INTERNAL;
  return CNN_OK;
}

static void test_no_step_after_the_first_allocates(void **state) {
  counting counts = {.fail_at = 0};
  cnn_context *context = counting_context(&counts, 2);
  cnn_context_use(context);
  cnn_dataset *set = stripes(100, 1), *test = stripes(20, 2);
  cnn_loader *batches = stripes_loader(set), *checks = stripes_loader(test);
  cnn_model *model = small_model();
  assert_ok(compile(model));
  watch watch_ = {.counts = &counts};
  FILE *stream = tmpfile();
  cnn_callback_functions functions = {
      .struct_size = sizeof functions, .user = &watch_, .batch_end = watch_batch};
  /* Three epochs, their short last batches, validation and history included. */
  assert_ok(cnn_model_fit(
      model, batches, .epochs = 3, .validation = checks, .progress = cnn_progress_bar(stream),
      .callbacks = {cnn_callback_create(&functions),
                    cnn_early_stopping(.patience = 9, .restore_best_weights = 1),
                    cnn_stop_on_nan()}));
  assert_int_equal(watch_.batches, 21);
  fclose(stream);

  cnn_tensor *images = numbers(4, (int64_t[]){5, 8, 8, 1}, 2);
  cnn_tensor *labels = cnn_tensor_copy_of(CNN_INT32, 1, (int64_t[]){5}, (int32_t[]){0, 1, 2, 0, 1});
  assert_ok(cnn_model_train_on_batch(model, images, labels, NULL, 0));
  long before = atomic_load(&counts.calls);
  for (int i = 0; i < 3; i++)
    assert_ok(cnn_model_train_on_batch(model, images, labels, NULL, 0));
  assert_int_equal(atomic_load(&counts.calls), before);
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  cnn_model_free(model);
  cnn_loader_free(batches);
  cnn_loader_free(checks);
  cnn_dataset_free(set);
  cnn_dataset_free(test);
  cnn_context_use(NULL);
  cnn_context_free(context);
  assert_int_equal(atomic_load(&counts.live), 0);
}

/* Every public function takes NULL for a failure. */
static void test_null_is_an_error_everywhere_and_free_takes_it(void **state) {
  cnn_clear_error();
  assert_int_equal(cnn_model_layer_count(NULL), 0);
  assert_error(CNN_E_INVALID, cnn_last_status(), "model is NULL");
  assert_null(cnn_model_layer_name(NULL, 0));
  assert_null(cnn_model_parameter(NULL, "x"));
  assert_null(cnn_model_gradient(NULL, "x"));
  assert_null(cnn_model_clone(NULL));
  assert_null(cnn_model_summary_text(NULL));
  assert_null(cnn_model_describe_plan(NULL, 1, 0));
  assert_null(cnn_model_output_shape(NULL));
  assert_null(cnn_model_input_shape(NULL));
  assert_null(cnn_model_history(NULL));
  assert_null(cnn_model_class_name(NULL, 0));
  assert_null(cnn_model_note(NULL, "x"));
  assert_null(cnn_model_results_name(NULL, 0));
  assert_null(cnn_model_predict(NULL, NULL));
  assert_null(cnn_model_predict_all(NULL, NULL));
  assert_null(cnn_model_confusion(NULL, NULL));
  assert_null(cnn_predictor_create(NULL));
  assert_null(cnn_fit_begin_with(NULL));
  assert_int_equal(cnn_model_compile_with(NULL), CNN_E_INVALID);
  assert_int_equal(cnn_model_summary(NULL, NULL), CNN_E_INVALID);
  assert_int_equal(cnn_model_set_parameter(NULL, "x", NULL), CNN_E_INVALID);
  assert_int_equal(cnn_model_set_frozen(NULL, NULL, 1), CNN_E_INVALID);
  assert_int_equal(cnn_model_set_class_names(NULL, NULL, 1), CNN_E_INVALID);
  assert_int_equal(cnn_model_set_note(NULL, "x", "y"), CNN_E_INVALID);
  assert_int_equal(cnn_model_evaluate(NULL, NULL, NULL, 0), CNN_E_INVALID);
  assert_int_equal(cnn_model_train_on_batch(NULL, NULL, NULL, NULL, 0), CNN_E_INVALID);
  assert_int_equal(cnn_predictor_run(NULL, NULL, 1, NULL), CNN_E_INVALID);
  assert_int_equal(cnn_predictor_refresh(NULL), CNN_E_INVALID);
  assert_int_equal(cnn_fit_run(NULL, 0, 0, NULL), CNN_E_INVALID);
  assert_int_equal(cnn_history_epochs(NULL), 0);
  assert_int_equal(cnn_confusion_at(NULL, 0, 0), -1);
  cnn_model_free(NULL);
  cnn_callback_free(NULL);
  cnn_clear_error();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_allocation_of_a_chain_may_fail),
      cmocka_unit_test(test_every_allocation_of_a_graph_may_fail),
      cmocka_unit_test(test_no_step_after_the_first_allocates),
      cmocka_unit_test(test_null_is_an_error_everywhere_and_free_takes_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
