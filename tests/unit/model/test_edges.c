/* The outermost that a model takes: layers by the thousand, planes of 2^32 cells, images of eight dimensions, labels that are
   no class's. */
#include "support.h"

static void refused(cnn_status status, cnn_status expected, const char *words) {
  assert_error(expected, status, words);
  cnn_clear_error();
}

/* ---- graphs ---- */

static void test_there_are_4096_layers_at_most(void **state) {
  enum { MANY = 4097 };
  static cnn_layer *layers[MANY];
  layers[0] = cnn_input(.shape = {1});
  for (size_t i = 1; i < MANY; i++)
    layers[i] = cnn_flatten();
  assert_null(cnn_sequential_create(layers, MANY));
  refused(cnn_last_status(), CNN_E_LIMIT, "4097 layers; at most 4096 are possible");
}

/* The graph's own layer is named again beside what is wrong, and freed once. */
static void test_a_layer_stands_in_one_place(void **state) {
  for (int wrong = 0; wrong < 2; wrong++) {
    cnn_graph *graph = cnn_graph_create();
    cnn_layer *flatten = cnn_flatten();
    const cnn_node input = cnn_graph_join(graph, cnn_input(.shape = {4}), NULL, 0);
    assert_true(cnn_graph_join(graph, flatten, &input, 1) > 0);
    assert_true(cnn_graph_join(graph, flatten, wrong ? NULL : &input, 1) < 0);
    refused(cnn_last_status(), CNN_E_INVALID,
            wrong ? "inputs is NULL" : "a layer stands in one place only");
    assert_null(cnn_graph_model(graph, input));
    refused(cnn_last_status(), CNN_E_INVALID, wrong ? "inputs is NULL" : "in one place only");
  }
}

static void test_a_plane_has_2_to_the_32_cells_at_most(void **state) {
  cnn_model *model =
      cnn_sequential(cnn_input(.shape = {65536, 65537, 1}), cnn_max_pool2d(.pool = {65536, 65537}));
  assert_made(model);
  assert_null(cnn_predictor_new(model));
  refused(cnn_last_status(), CNN_E_LIMIT, "a plane of 65536x65537 exceeds 2^32 cells");
  cnn_model_free(model);
}

/* One more than a tensor has beside the images' number. */
static void test_images_of_eight_dimensions_go_through_a_predictor(void **state) {
  cnn_model *model = cnn_sequential(cnn_input(.shape = {1, 1, 1, 1, 1, 1, 1, 2}),
                                    cnn_activation(.function = CNN_LINEAR));
  assert_made(model);
  cnn_predictor *predictor = cnn_predictor_new(model, .batch_size = 2);
  assert_made(predictor);
  const float images[4] = {1, -2, 3, -4};
  float outputs[4] = {0};
  assert_ok(cnn_predictor_run(predictor, images, 2, outputs));
  assert_memory_equal(outputs, images, sizeof images);
  refused(cnn_predictor_run(predictor, images, 3, outputs), CNN_E_INVALID, "3");
  refused(cnn_predictor_run(predictor, images, 0, outputs), CNN_E_INVALID, "0");
  cnn_predictor_free(predictor);
  cnn_tensor *one = cnn_tensor_copy_of(CNN_FLOAT32, 8, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 2}, images);
  assert_null(cnn_model_predict(model, one)); /* whose outputs would have one dimension more */
  refused(cnn_last_status(), CNN_E_LIMIT, "outputs of rank 9; tensors have 8 at most");
  cnn_tensor_free(one);
  cnn_tensor *batch = cnn_tensor_create(CNN_FLOAT32, 2, (int64_t[]){2, 2});
  assert_null(cnn_model_predict(model, batch));
  refused(cnn_last_status(), CNN_E_SHAPE, "");
  assert_null(cnn_model_predict(model, NULL));
  refused(cnn_last_status(), CNN_E_INVALID, "images is NULL");
  cnn_tensor_free(batch);
  cnn_model_free(model);
}

static void test_batches_need_images_and_a_compiled_model(void **state) {
  cnn_model *model = small_model();
  cnn_tensor *images = numbers(4, (int64_t[]){2, 8, 8, 1}, 1);
  cnn_tensor *labels = cnn_tensor_create(CNN_INT32, 1, (int64_t[]){2});
  refused(cnn_model_test_on_batch(model, images, labels, NULL, 0), CNN_E_STATE, "not compiled");
  assert_ok(compile(model));
  refused(cnn_model_train_on_batch(model, NULL, labels, NULL, 0), CNN_E_INVALID, "images is NULL");
  refused(cnn_model_test_on_batch(model, NULL, labels, NULL, 0), CNN_E_INVALID, "images is NULL");
  refused((cnn_status)cnn_model_frozen(NULL, "dense"), CNN_E_INVALID, "model is NULL");
  refused((cnn_status)cnn_model_frozen(model, NULL), CNN_E_INVALID, "name is NULL");
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  cnn_model_free(model);
}

/* ---- labels that are no class's ---- */

/* The loss of outputs of 0 for labels of one value, or of several, where both classes weigh nothing. */
static double weighed_loss(const float *values, int64_t count, int64_t width) {
  cnn_tensor *images = cnn_tensor_create(CNN_FLOAT32, 2, (int64_t[]){count, 1});
  cnn_tensor *labels = cnn_tensor_copy_of(CNN_FLOAT32, 2, (int64_t[]){count, width}, values);
  cnn_dataset *set = cnn_array_dataset(.images = images, .labels = labels);
  cnn_loader *batches = cnn_loader_new(set, .batch_size = count);
  cnn_model *model = cnn_sequential(cnn_input(.shape = {1}), cnn_dense(.units = width));
  assert_ok(cnn_model_compile(model, .optimizer = cnn_sgd(), .loss = cnn_mean_absolute_error()));
  assert_ok(cnn_model_fit(model, batches, .class_weights = (double[]){0, 0}, .classes = 2));
  const double loss = cnn_history_series(cnn_model_history(model), "loss")[0];
  cnn_model_free(model);
  cnn_loader_free(batches);
  cnn_dataset_free(set);
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  return loss;
}

static void test_a_label_that_is_no_class_weighs_one(void **state) {
  assert_true(weighed_loss((float[]){0, 1, 1, 0}, 4, 1) == 0);
  assert_true(weighed_loss((float[]){-1, 1, 1, 0}, 4, 1) == 0.25);
  assert_true(weighed_loss((float[]){0, 1, 3, 0}, 4, 1) == 0.75);
  assert_true(weighed_loss((float[]){0, 1, 5, 3}, 2, 2) == 0); /* of the largest */
}

static void test_a_confusion_matrix_has_no_place_for_other_labels(void **state) {
  const int32_t values[] = {0, 2, 5, 1};
  cnn_model *model = small_model();
  cnn_tensor *images = cnn_tensor_create(CNN_FLOAT32, 4, (int64_t[]){4, 8, 8, 1});
  cnn_tensor *labels = cnn_tensor_copy_of(CNN_INT32, 1, (int64_t[]){4}, values);
  cnn_dataset *set = cnn_array_dataset(.images = images, .labels = labels);
  cnn_loader *batches = cnn_loader_new(set, .batch_size = 4);
  assert_null(cnn_model_confusion(model, batches));
  refused(cnn_last_status(), CNN_E_INVALID,
          "the label of sample 2 of a batch is 5; the model has classes 0 to 2");
  cnn_loader_free(batches);
  cnn_dataset_free(set);
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  cnn_model_free(model);
}

/* ---- resuming ---- */

/* The numbers of an epoch go on in the series that they stand in. */
static void test_a_history_of_other_names_is_not_gone_on_with(void **state) {
  cnn_model *model = small_model();
  cnn_dataset *data = stripes(12, 1);
  cnn_loader *batches = cnn_loader_new(data, .batch_size = 4);
  assert_ok(compile(model));
  assert_ok(cnn_model_fit(model, batches, .epochs = 1));
  char *name = model->history->names[1];
  assert_string_equal(name, "accuracy");
  name[0] = 'A';
  refused(cnn_model_fit(model, batches, .epochs = 2, .resume = 1), CNN_E_MISMATCH, "resume");
  name[0] = 'a';
  assert_ok(cnn_model_fit(model, batches, .epochs = 2, .resume = 1));
  assert_int_equal(cnn_history_epochs(cnn_model_history(model)), 2);
  assert_null(cnn_history_name(cnn_model_history(model), -1));
  cnn_loader_free(batches);
  cnn_dataset_free(data);
  cnn_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_there_are_4096_layers_at_most),
      cmocka_unit_test(test_a_layer_stands_in_one_place),
      cmocka_unit_test(test_a_plane_has_2_to_the_32_cells_at_most),
      cmocka_unit_test(test_images_of_eight_dimensions_go_through_a_predictor),
      cmocka_unit_test(test_batches_need_images_and_a_compiled_model),
      cmocka_unit_test(test_a_label_that_is_no_class_weighs_one),
      cmocka_unit_test(test_a_confusion_matrix_has_no_place_for_other_labels),
      cmocka_unit_test(test_a_history_of_other_names_is_not_gone_on_with),
  };
  cnn_context *context = begin_context(1, 1);
  const int failures = cmocka_run_group_tests_name("edges", tests, NULL, NULL);
  const bool clean = cnn_context_memory(context) == 0;
  end_context(context);
  (void)group_end(clean || failures);
  return failures;
}
