/* What a model's functions do not take: each argument that is missing, out of range or does not fit the model, with the
   status and words that its caller gets; and that the model is what it was. */
#include "support.h"

static cnn_context *context;

static void refused(cnn_status status, cnn_status expected, const char *words) {
  assert_error(expected, status, words);
  cnn_clear_error();
}

/* ---- names, preprocessing, notes ---- */

static void test_class_names_fit_the_output_and_are_texts(void **state) {
  static const char *const names[] = {"a", "b", "c", "d"};
  const char *holed[] = {"a", NULL, "c"}, *broken[] = {"a", "b\xff", "c"};
  cnn_model *model = small_model();
  char *long_name = malloc((1 << 20) + 2);
  memset(long_name, 'x', (1 << 20) + 1);
  long_name[(1 << 20) + 1] = 0;
  const char *endless[] = {"a", "b", long_name};
  refused(cnn_model_set_class_names(model, NULL, 3), CNN_E_INVALID, "names is NULL");
  refused(cnn_model_set_class_names(model, names, 0), CNN_E_INVALID, "0 names, but");
  refused(cnn_model_set_class_names(model, names, 2), CNN_E_INVALID, "has 3 classes");
  refused(cnn_model_set_class_names(model, names, 4), CNN_E_INVALID, "has 3 classes");
  refused(cnn_model_set_class_names(model, holed, 3), CNN_E_INVALID, "a name is NULL");
  refused(cnn_model_set_class_names(model, broken, 3), CNN_E_INVALID, "no UTF-8 at byte 1");
  refused(cnn_model_set_class_names(model, endless, 3), CNN_E_INVALID, "of 1048577 bytes");
  assert_null(cnn_model_class_name(model, 0));
  assert_ok(cnn_model_set_class_names(model, names, 3));
  assert_null(cnn_model_class_name(model, -1));
  assert_null(cnn_model_class_name(model, 3));
  assert_string_equal(cnn_model_class_name(model, 2), "c");
  free(long_name);
  cnn_model_free(model);
}

static void test_preprocessing_is_finite_and_of_the_inputs_channels(void **state) {
  static const double ones[2] = {1, 1}, zero[] = {0}, endless[] = {INFINITY}, none[] = {NAN};
  cnn_model *model = small_model();
  refused(cnn_model_set_preprocessing(NULL, 1, ones, ones, 1), CNN_E_INVALID, "model is NULL");
  refused(cnn_model_set_preprocessing(model, 0, ones, ones, 1), CNN_E_INVALID, "scale is 0");
  refused(cnn_model_set_preprocessing(model, NAN, ones, ones, 1), CNN_E_INVALID, "not finite");
  refused(cnn_model_set_preprocessing(model, 1, ones, ones, -1), CNN_E_INVALID, "-1 channels");
  refused(cnn_model_set_preprocessing(model, 1, ones, NULL, 2), CNN_E_INVALID, "2 channels, but");
  refused(cnn_model_set_preprocessing(model, 1, none, ones, 1), CNN_E_INVALID, "mean 0 is not");
  refused(cnn_model_set_preprocessing(model, 1, NULL, zero, 1), CNN_E_INVALID, "deviation 0 is");
  refused(cnn_model_set_preprocessing(model, 1, NULL, endless, 1), CNN_E_INVALID, "deviation 0 is");
  assert_false(model->preprocesses);
  assert_ok(cnn_model_set_preprocessing(model, 0.5, NULL, NULL, 0));
  assert_int_equal(model->preprocessing.channels, 0);
  assert_ok(cnn_model_set_preprocessing(model, 0.5, NULL, ones, 1));
  assert_int_equal(model->preprocessing.channels, 1);
  cnn_model_free(model);
}

static void test_notes_have_names_and_there_are_1024_at_most(void **state) {
  cnn_model *model = small_model();
  char name[32];
  refused(cnn_model_set_note(model, NULL, "x"), CNN_E_INVALID, "name is NULL");
  refused(cnn_model_set_note(model, "", "x"), CNN_E_INVALID, "the name is empty");
  refused(cnn_model_set_note(model, "\xff", "x"), CNN_E_INVALID, "no UTF-8");
  refused(cnn_model_set_note(model, "x", "\xff"), CNN_E_INVALID, "the value is no UTF-8");
  assert_ok(cnn_model_set_note(model, "not there", NULL));
  for (int i = 0; i < 1024; i++) {
    (void)snprintf(name, sizeof name, "%d", i);
    assert_ok(cnn_model_set_note(model, name, "x"));
  }
  refused(cnn_model_set_note(model, "one more", "x"), CNN_E_INVALID, "more than 1024 notes");
  assert_ok(cnn_model_set_note(model, "7", "another value"));
  assert_ok(cnn_model_set_note(model, "8", NULL));
  assert_ok(cnn_model_set_note(model, "one more", "y"));
  assert_string_equal(cnn_model_note(model, "7"), "another value");
  assert_null(cnn_model_note(model, "8"));
  assert_int_equal(cnn_last_status(), CNN_OK);
  assert_null(cnn_model_note(model, NULL));
  refused(cnn_last_status(), CNN_E_INVALID, "name is NULL");
  cnn_model_free(model);
}

/* ---- graphs ---- */

static void test_a_graph_takes_nodes_of_its_own(void **state) {
  enum { MANY = 1000 };
  static const cnn_node nodes[MANY] = {0};
  cnn_graph *graph = cnn_graph_create();
  cnn_node input = cnn_graph_join(graph, cnn_input(.shape = {4}), NULL, 0);
  assert_int_equal(input, 0);
  assert_true(cnn_graph_join(NULL, cnn_flatten(), NULL, 0) < 0);
  refused(cnn_last_status(), CNN_E_INVALID, "graph is NULL");
  cnn_graph_free(graph);

  const struct {
    const cnn_node *inputs;
    size_t count;
    cnn_status status;
    const char *words;
  } cases[] = {{NULL, 1, CNN_E_INVALID, "inputs is NULL"},
               {(const cnn_node[]){-1}, 1, CNN_E_INVALID, "input 0 is node -1"},
               {(const cnn_node[]){5}, 1, CNN_E_INVALID, "5"},
               {nodes, MANY, CNN_E_SHAPE, "1000 inputs"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    graph = cnn_graph_create();
    input = cnn_graph_join(graph, cnn_input(.shape = {4}), NULL, 0);
    assert_true(cnn_graph_join(graph, cnn_concatenate(), cases[i].inputs, cases[i].count) < 0);
    assert_error(cases[i].status, cnn_last_status(), cases[i].words);
    cnn_clear_error();
    assert_null(cnn_graph_model(graph, input)); /* the first failure sticks */
    refused(cnn_last_status(), cases[i].status, cases[i].words);
  }
  for (cnn_node output = -3; output <= 7; output += 10) {
    graph = cnn_graph_create();
    (void)cnn_graph_join(graph, cnn_input(.shape = {4}), NULL, 0);
    assert_null(cnn_graph_model(graph, output));
    refused(cnn_last_status(), CNN_E_INVALID, output < 0 ? "node -3" : "output 7");
  }
}

/* ---- questions ---- */

static void test_questions_without_what_they_are_about(void **state) {
  cnn_model *model = small_model();
  assert_int_equal(cnn_model_parameter_count(NULL), 0);
  refused(cnn_last_status(), CNN_E_INVALID, "cnn_model_parameter_count: model is NULL");
  assert_null(cnn_model_parameter_name(NULL, 0));
  refused(cnn_last_status(), CNN_E_INVALID, "cnn_model_parameter_name: model is NULL");
  assert_null(cnn_model_parameter_name(model, -1));
  assert_null(cnn_model_parameter(model, NULL));
  refused(cnn_last_status(), CNN_E_INVALID, "name is NULL");
  assert_null(cnn_model_gradient(model, NULL));
  refused(cnn_last_status(), CNN_E_INVALID, "name is NULL");
  assert_int_equal(cnn_model_output_rank(NULL), 0);
  refused(cnn_last_status(), CNN_E_INVALID, "cnn_model_output_rank: model is NULL");
  assert_int_equal(cnn_model_input_rank(NULL), 0);
  refused(cnn_last_status(), CNN_E_INVALID, "cnn_model_input_rank: model is NULL");
  assert_int_equal(cnn_model_epochs_done(NULL), 0);
  refused(cnn_last_status(), CNN_E_INVALID, "model is NULL");
  assert_int_equal(cnn_model_epochs_done(model), 0);
  assert_null(cnn_model_describe_plan(model, 1, 2));
  refused(cnn_last_status(), CNN_E_INVALID, "training is 2; it must be 0 or 1");
  refused(cnn_model_summary(model, NULL), CNN_E_INVALID, "stream is NULL");
  FILE *full = fopen("/dev/full", "w");
  if (full) {
    (void)setvbuf(full, NULL, _IONBF, 0);
    refused(cnn_model_summary(model, full), CNN_E_IO, "the stream cannot be written to");
    (void)fclose(full);
  }
  cnn_model_free(model);
}

static void test_a_history_that_is_none_has_nothing(void **state) {
  assert_int_equal(cnn_history_count(NULL), 0);
  refused(cnn_last_status(), CNN_E_INVALID, "cnn_history_count");
  assert_null(cnn_history_name(NULL, 0));
  refused(cnn_last_status(), CNN_E_INVALID, "cnn_history_name");
  assert_null(cnn_history_series(NULL, "loss"));
  refused(cnn_last_status(), CNN_E_INVALID, "cnn_history_series");
  assert_null(cnn_history_seconds(NULL));
  refused(cnn_last_status(), CNN_E_INVALID, "cnn_history_seconds");
}

static void test_the_largest_of_no_values(void **state) {
  const float values[] = {1, NAN, 3, NAN};
  int64_t indices[4];
  refused(cnn_top_k(NULL, 4, 1, indices), CNN_E_INVALID, "values is NULL");
  refused(cnn_top_k(values, 4, 1, NULL), CNN_E_INVALID, "indices is NULL");
  assert_ok(cnn_top_k(values, 4, 4, indices)); /* what is no number comes last, in order */
  assert_int_equal(indices[0], 2);
  assert_int_equal(indices[1], 0);
  assert_int_equal(indices[2], 1);
  assert_int_equal(indices[3], 3);
}

/* ---- parameters ---- */

static void test_parameters_are_float32(void **state) {
  cnn_model *model = small_model();
  cnn_tensor *bias = cnn_model_parameter(model, "dense/bias");
  cnn_tensor *integers = cnn_tensor_create(CNN_INT32, 1, (int64_t[]){3});
  refused(cnn_model_set_parameter(model, NULL, bias), CNN_E_INVALID, "name is NULL");
  refused(cnn_model_set_parameter(model, "dense/bias", integers), CNN_E_INVALID,
          "dense/bias takes float32");
  cnn_tensor_free(integers);
  cnn_tensor_free(bias);
  cnn_model_free(model);
}

/* ---- batches by hand ---- */

static void test_batches_by_hand_are_checked(void **state) {
  cnn_model *model = small_model();
  cnn_tensor *images = numbers(4, (int64_t[]){2, 8, 8, 1}, 1);
  cnn_tensor *bytes = cnn_tensor_create(CNN_INT64, 4, (int64_t[]){2, 8, 8, 1});
  cnn_tensor *labels = cnn_tensor_create(CNN_INT32, 1, (int64_t[]){2});
  cnn_tensor *scalar = cnn_tensor_create(CNN_INT32, 0, NULL);
  cnn_tensor *three = cnn_tensor_create(CNN_INT32, 1, (int64_t[]){3});
  cnn_tensor *pairs = cnn_tensor_create(CNN_INT32, 2, (int64_t[]){2, 2});
  cnn_tensor *large = cnn_tensor_create(CNN_INT64, 1, (int64_t[]){2});
  refused(cnn_model_train_on_batch(model, images, labels, NULL, 0), CNN_E_STATE, "not compiled");
  assert_ok(compile(model));
  cnn_model *before = cnn_model_clone(model);
  refused(cnn_model_train_on_batch(model, images, NULL, NULL, 0), CNN_E_INVALID, "labels is NULL");
  refused(cnn_model_train_on_batch(model, images, scalar, NULL, 0), CNN_E_SHAPE, "for 2 images");
  refused(cnn_model_train_on_batch(model, images, three, NULL, 0), CNN_E_SHAPE, "for 2 images");
  refused(cnn_model_train_on_batch(model, images, pairs, NULL, 0), CNN_E_SHAPE, "2 a sample");
  refused(cnn_model_train_on_batch(model, images, large, NULL, 0), CNN_E_SHAPE, "of dtype");
  refused(cnn_model_train_on_batch(model, images, labels, NULL, -1), CNN_E_INVALID, "-1 results");
  assert_null(cnn_model_predict(model, bytes));
  refused(cnn_last_status(), CNN_E_INVALID, "dtype");
  ((int32_t *)labels->data)[1] = -1;
  refused(cnn_model_test_on_batch(model, images, labels, NULL, 0), CNN_E_INVALID,
          "the label of sample 1 of the batch is -1");
  assert_same_weights(before, model);
  cnn_tensor *all[] = {images, bytes, labels, scalar, three, pairs, large};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    cnn_tensor_free(all[i]);
  cnn_model_free(before);
  cnn_model_free(model);
}

/* ---- loaders ---- */

static void test_loaders_that_a_model_cannot_use(void **state) {
  cnn_model *model = small_model(), *raw = small_model();
  cnn_dataset *data = stripes(12, 1), *large = cnn_synthetic_images(.count = 4);
  cnn_tensor *images = numbers(4, (int64_t[]){4, 8, 8, 1}, 1);
  cnn_dataset *bare = cnn_array_dataset(.images = images);
  cnn_loader *batches = cnn_loader_new(data, .batch_size = 4);
  cnn_loader *none = cnn_loader_new(data, .batch_size = 16, .drop_last = 1);
  cnn_loader *unlabelled = cnn_loader_new(bare, .batch_size = 4);
  cnn_loader *wide = cnn_loader_new(large, .batch_size = 4);
  double results[4];
  assert_ok(compile(model));
  refused(cnn_model_fit(model, unlabelled), CNN_E_SHAPE, "batches has no labels");
  refused(cnn_model_fit(model, none), CNN_E_INVALID, "batches has no batches");
  refused(cnn_model_fit(model, batches, .validation = none), CNN_E_INVALID,
          "validation has no batches");
  refused(cnn_model_fit(model, batches, .validation_split = 0.999), CNN_E_INVALID,
          "validation_split leaves");
  refused(cnn_model_fit(model, batches, .validation_split = NAN), CNN_E_INVALID, "split");
  refused(cnn_model_evaluate(model, NULL, results, 4), CNN_E_INVALID, "batches is NULL");
  refused(cnn_model_evaluate(model, unlabelled, results, 4), CNN_E_SHAPE, "batches has no labels");
  refused(cnn_model_evaluate(model, batches, results, -1), CNN_E_INVALID, "-1 results");
  refused(cnn_model_evaluate(raw, batches, results, 4), CNN_E_STATE, "not compiled");
  assert_null(cnn_model_predict_all(model, NULL));
  refused(cnn_last_status(), CNN_E_INVALID, "batches is NULL");
  assert_null(cnn_model_predict_all(model, wide));
  refused(cnn_last_status(), CNN_E_SHAPE, "images of 32x32x3; the model takes 8x8x1");
  assert_null(cnn_model_confusion(model, NULL));
  refused(cnn_last_status(), CNN_E_INVALID, "batches is NULL");
  assert_null(cnn_model_confusion(model, unlabelled));
  refused(cnn_last_status(), CNN_E_SHAPE, "labels name none of the model's 3 classes");
  cnn_loader *loaders[] = {batches, none, unlabelled, wide};
  for (size_t i = 0; i < 4; i++)
    cnn_loader_free(loaders[i]);
  cnn_dataset_free(data);
  cnn_dataset_free(large);
  cnn_dataset_free(bare);
  cnn_tensor_free(images);
  cnn_model_free(model);
  cnn_model_free(raw);
}

static void test_class_weights_and_resume_that_cannot_be(void **state) {
  cnn_model *model = small_model();
  cnn_dataset *data = stripes(12, 1);
  cnn_loader *batches = cnn_loader_new(data, .batch_size = 4);
  assert_ok(compile(model));
  refused(cnn_model_fit(model, batches, .classes = 3), CNN_E_INVALID, "class_weights is NULL");
  refused(cnn_model_fit(model, batches, .classes = -1, .class_weights = (double[]){1}),
          CNN_E_INVALID, "-1 class weights");
  refused(cnn_model_fit(model, batches, .classes = 3, .class_weights = (double[]){1, -1, 1}),
          CNN_E_INVALID, "class weight 1 is negative or not finite");
  refused(cnn_model_fit(model, batches, .classes = 3, .class_weights = (double[]){1, 1, INFINITY}),
          CNN_E_INVALID, "class weight 2 is negative or not finite");
  refused(cnn_model_fit(model, batches, .classes = 3, .class_weights = (double[]){1e39, 1, 1}),
          CNN_E_INVALID, "class weight 0 is negative or not finite"); /* as a float */
  refused(cnn_model_fit(model, batches, .resume = 2), CNN_E_INVALID,
          "resume is 2; it must be 0 or 1");
  assert_int_equal(cnn_model_epochs_done(model), 0);
  cnn_loader_free(batches);
  cnn_dataset_free(data);
  cnn_model_free(model);
}

static void test_slices_of_a_fit_are_not_negative(void **state) {
  cnn_model *model = small_model();
  cnn_dataset *data = stripes(12, 1);
  cnn_loader *batches = cnn_loader_new(data, .batch_size = 4);
  cnn_tensor *images = numbers(4, (int64_t[]){2, 8, 8, 1}, 1);
  cnn_tensor *labels = cnn_tensor_create(CNN_INT32, 1, (int64_t[]){2});
  int64_t done = 7;
  assert_ok(compile(model));
  cnn_fit *fit = cnn_fit_begin(model, batches);
  assert_made(fit);
  refused(cnn_fit_run(fit, -1, 0, &done), CNN_E_INVALID, "");
  refused(cnn_fit_run(fit, 1, -1, &done), CNN_E_INVALID, "");
  refused(cnn_fit_run(fit, 1, NAN, &done), CNN_E_INVALID, "");
  assert_int_equal(done, 0);
  refused(cnn_model_train_on_batch(model, images, labels, NULL, 0), CNN_E_STATE,
          "a fit of the model is running");
  assert_ok(cnn_model_test_on_batch(model, images, labels, NULL, 0));
  assert_ok(cnn_fit_run(fit, 1, 3600, NULL));
  assert_ok(cnn_fit_end(fit));
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  cnn_loader_free(batches);
  cnn_dataset_free(data);
  cnn_model_free(model);
}

/* ---- predictors and confusion matrices ---- */

static void test_predictors_need_images_and_somewhere_to_write(void **state) {
  cnn_model *model = small_model();
  float image[64] = {0}, output[3];
  assert_null(cnn_predictor_new(NULL));
  refused(cnn_last_status(), CNN_E_INVALID, "model is NULL");
  assert_null(cnn_predictor_new(model, .batch_size = -1));
  refused(cnn_last_status(), CNN_E_INVALID, "batch_size is -1");
  assert_null(cnn_predictor_new(model, .batch_size = INT64_MAX / 64));
  refused(cnn_last_status(), CNN_E_LIMIT, "");
  cnn_predictor *predictor = cnn_predictor_new(model);
  assert_made(predictor);
  refused(cnn_predictor_run(predictor, NULL, 1, output), CNN_E_INVALID, "images is NULL");
  refused(cnn_predictor_run(predictor, image, 1, NULL), CNN_E_INVALID, "outputs is NULL");
  assert_ok(cnn_predictor_run(predictor, image, 1, output));
  cnn_predictor_free(predictor);
  cnn_model_free(model);
}

static void test_a_confusion_matrix_has_classes_and_no_others(void **state) {
  cnn_model *model = small_model();
  cnn_dataset *data = stripes(12, 1);
  cnn_loader *batches = cnn_loader_new(data, .batch_size = 4);
  cnn_confusion *confusion = cnn_model_confusion(model, batches);
  assert_made(confusion);
  assert_int_equal(cnn_confusion_at(confusion, -1, 0), -1);
  assert_int_equal(cnn_confusion_at(confusion, 0, 3), -1);
  assert_null(cnn_confusion_name(confusion, 3));
  assert_true(cnn_confusion_precision(confusion, 3) == 0);
  assert_true(cnn_confusion_recall(confusion, -1) == 0);
  assert_true(cnn_confusion_f1(confusion, 3) == 0);
  assert_int_equal(cnn_last_status(), CNN_OK);
  assert_int_equal(cnn_confusion_classes(NULL), 0);
  refused(cnn_last_status(), CNN_E_INVALID, "confusion is NULL");
  assert_true(cnn_confusion_accuracy(NULL) == 0);
  refused(cnn_last_status(), CNN_E_INVALID, "confusion is NULL");
  cnn_confusion_free(confusion);
  cnn_loader_free(batches);
  cnn_dataset_free(data);
  cnn_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_class_names_fit_the_output_and_are_texts),
      cmocka_unit_test(test_preprocessing_is_finite_and_of_the_inputs_channels),
      cmocka_unit_test(test_notes_have_names_and_there_are_1024_at_most),
      cmocka_unit_test(test_a_graph_takes_nodes_of_its_own),
      cmocka_unit_test(test_questions_without_what_they_are_about),
      cmocka_unit_test(test_a_history_that_is_none_has_nothing),
      cmocka_unit_test(test_the_largest_of_no_values),
      cmocka_unit_test(test_parameters_are_float32),
      cmocka_unit_test(test_batches_by_hand_are_checked),
      cmocka_unit_test(test_loaders_that_a_model_cannot_use),
      cmocka_unit_test(test_class_weights_and_resume_that_cannot_be),
      cmocka_unit_test(test_slices_of_a_fit_are_not_negative),
      cmocka_unit_test(test_predictors_need_images_and_somewhere_to_write),
      cmocka_unit_test(test_a_confusion_matrix_has_classes_and_no_others),
  };
  context = begin_context(1, 1);
  const int failures = cmocka_run_group_tests_name("what models refuse", tests, NULL, NULL);
  const bool clean = cnn_context_memory(context) == 0;
  end_context(context);
  (void)group_end(clean || failures);
  return failures;
}
