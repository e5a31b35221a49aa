/* Building models: names, shapes, summaries, and what goes wrong. */
#include "support.h"

static void test_the_tutorials_summary_is_as_keras_prints_it(void **state) {
  static const char expected[] =
      "Model: \"sequential\"\n"
      "_________________________________________________________________\n"
      "Layer (type)                   Output Shape            Param #\n"
      "=================================================================\n"
      "conv2d (Conv2D)                (None, 30, 30, 32)      896\n"
      "_________________________________________________________________\n"
      "max_pooling2d (MaxPooling2D)   (None, 15, 15, 32)      0\n"
      "_________________________________________________________________\n"
      "conv2d_1 (Conv2D)              (None, 13, 13, 64)      18496\n"
      "_________________________________________________________________\n"
      "max_pooling2d_1 (MaxPooling2D) (None, 6, 6, 64)        0\n"
      "_________________________________________________________________\n"
      "conv2d_2 (Conv2D)              (None, 4, 4, 128)       73856\n"
      "_________________________________________________________________\n"
      "max_pooling2d_2 (MaxPooling2D) (None, 2, 2, 128)       0\n"
      "_________________________________________________________________\n"
      "flatten (Flatten)              (None, 512)             0\n"
      "_________________________________________________________________\n"
      "dense (Dense)                  (None, 128)             65664\n"
      "_________________________________________________________________\n"
      "dense_1 (Dense)                (None, 10)              1290\n"
      "=================================================================\n"
      "Total params: 160,202\n"
      "Trainable params: 160,202\n"
      "Non-trainable params: 0\n"
      "_________________________________________________________________\n";
  cnn_model *model = tutorial_model();
  assert_made(model);
  char *text = cnn_model_summary_text(model);
  assert_string_equal(text, expected);
  cnn_text_free(text);

  char written[sizeof expected + 16] = "";
  FILE *stream = tmpfile();
  assert_non_null(stream);
  assert_ok(cnn_model_summary(model, stream));
  rewind(stream);
  size_t size = fread(written, 1, sizeof written - 1, stream);
  assert_int_equal(size, sizeof expected - 1);
  assert_string_equal(written, expected);
  fclose(stream);
  cnn_model_free(model);
}

static void test_a_graphs_summary_names_what_each_layer_takes(void **state) {
  cnn_graph *graph = cnn_graph_create();
  cnn_node in = cnn_graph_join(graph, cnn_input(.shape = {4, 4, 2}), NULL, 0);
  cnn_node a = cnn_graph_add(graph, cnn_conv2d(.filters = 2, .kernel = {1}), in);
  cnn_node sum = cnn_graph_add(graph, cnn_add(), in, a);
  cnn_node bn = cnn_graph_add(graph, cnn_batch_normalization(.frozen = 1), sum);
  cnn_model *model = cnn_graph_model(graph, bn);
  assert_made(model);
  char *text = cnn_model_summary_text(model);
  assert_non_null(text);
  assert_non_null(strstr(text, "Model: \"model\"\n"));
  assert_non_null(strstr(text, "\nLayer (type)                    Output Shape         Param #     "
                               "Connected to\n"));
  assert_non_null(strstr(text, "\ninput (InputLayer)              [(None, 4, 4, 2)]    0\n"));
  assert_non_null(strstr(text, "\nadd (Add)                       (None, 4, 4, 2)      0           "
                               "input[0][0]\n"
                               "                                                                 "
                               "conv2d[0][0]\n"));
  assert_non_null(strstr(text, "Total params: 14\nTrainable params: 6\nNon-trainable params: 8\n"));
  cnn_text_free(text);
  cnn_model_free(model);
}

static void test_long_names_are_cut_before_the_next_column(void **state) {
  cnn_model *model = cnn_sequential(
      cnn_input(.shape = {4, 4, 2}), cnn_global_average_pool2d(),
      cnn_dense(.units = 2, .name = "\xc3\xa9\xc3\xa9\xc3\xa9 abcdefghijklmnopqrstuvwx"));
  assert_made(model);
  char *text = cnn_model_summary_text(model);
  assert_non_null(strstr(text, "\nglobal_average_pooling2d (Glob (None, 2)"));
  cnn_text_free(text);
  cnn_model_free(model);
}

static void test_names_are_numbered_by_class_and_pass_over_taken_ones(void **state) {
  cnn_model *model = cnn_sequential(cnn_input(.shape = {4}), cnn_dense(.units = 2),
                                    cnn_dense(.units = 2, .name = "dense_2"), cnn_dense(.units = 2),
                                    cnn_dense(.units = 2), cnn_dense(.units = 2, .name = "mine"),
                                    cnn_dense(.units = 2));
  static const char *const expected[] = {"input",   "dense", "dense_2", "dense_1",
                                         "dense_3", "mine",  "dense_4"};
  assert_made(model);
  assert_int_equal(cnn_model_layer_count(model), 7);
  for (int64_t i = 0; i < 7; i++)
    if (strcmp(expected[i], "dense_4") != 0)
      assert_string_equal(cnn_model_layer_name(model, i), expected[i]);
  assert_null(cnn_model_layer_name(model, 7));
  assert_null(cnn_model_layer_name(model, -1));
  for (int64_t i = 0; i < 7; i++)
    for (int64_t k = 0; k < i; k++)
      assert_string_not_equal(cnn_model_layer_name(model, i), cnn_model_layer_name(model, k));
  cnn_model_free(model);
}

static void test_two_layers_of_one_name_are_refused(void **state) {
  assert_refused(cnn_sequential(cnn_input(.shape = {4}), cnn_dense(.units = 2, .name = "a"),
                                cnn_dense(.units = 2, .name = "a")),
                 CNN_E_INVALID, "a: two layers have this name");
}

static void test_shapes_that_cannot_be_name_the_layer_and_the_numbers(void **state) {
  assert_refused(cnn_sequential(cnn_input(.shape = {6, 6, 3}),
                                cnn_conv2d(.filters = 4, .kernel = {3}),
                                cnn_conv2d(.filters = 64, .kernel = {5, 5})),
                 CNN_E_SHAPE, "conv2d_1: kernel 5x5 exceeds input 4x4x4");
  assert_refused(cnn_sequential(cnn_input(.shape = {16}), cnn_conv2d(.filters = 4, .kernel = {3})),
                 CNN_E_SHAPE, "conv2d");
  assert_refused(cnn_sequential(cnn_input(.shape = {8, 8, 1}), cnn_add()), CNN_E_SHAPE, "add");
}

static void test_sizes_that_exceed_memory_are_a_limit(void **state) {
  const int64_t huge = (int64_t)1 << 31;
  cnn_model *model = cnn_sequential(cnn_input(.shape = {huge, huge, huge}), cnn_flatten());
  assert_null(model);
  assert_true(cnn_last_status() == CNN_E_LIMIT || cnn_last_status() == CNN_E_INVALID);
  cnn_clear_error();
  model = cnn_sequential(cnn_input(.shape = {INT32_MAX}), cnn_dense(.units = INT32_MAX),
                         cnn_dense(.units = INT32_MAX));
  assert_refused(model, CNN_E_LIMIT, "memory");
}

static void test_the_first_layer_must_be_an_input(void **state) {
  assert_refused(cnn_sequential(cnn_dense(.units = 2)), CNN_E_INVALID,
                 "the first layer is Dense; it must be cnn_input()");
  assert_refused(cnn_sequential(cnn_input(.shape = {4})), CNN_E_INVALID, "no layer stands behind");
  assert_refused(cnn_sequential_create(NULL, 1), CNN_E_INVALID, "layers is NULL");
  cnn_layer *none = NULL;
  assert_refused(cnn_sequential_create(&none, 0), CNN_E_INVALID, "no layers");
}

static void test_a_failed_layers_message_reaches_fit(void **state) {
  cnn_model *model = cnn_sequential(cnn_input(.shape = {8, 8, 1}),
                                    cnn_conv2d(.filters = -4, .kernel = {3}), cnn_flatten());
  assert_null(model);
  char message[256];
  snprintf(message, sizeof message, "%s", cnn_last_error());
  assert_non_null(strstr(message, "filters is -4"));
  assert_int_equal(compile(model), CNN_E_INVALID);
  assert_string_equal(cnn_last_error(), message);
  assert_int_equal(cnn_model_fit(model, NULL, .progress = cnn_progress_bar(stdout)), CNN_E_INVALID);
  assert_string_equal(cnn_last_error(), message);
  cnn_clear_error();
}

static void test_a_layer_given_twice_is_refused_and_freed_once(void **state) {
  cnn_layer *dense = cnn_dense(.units = 2);
  assert_refused(cnn_sequential(cnn_input(.shape = {4}), dense, dense), CNN_E_INVALID,
                 "layers 1 and 2 are the same");
  cnn_graph *graph = cnn_graph_create();
  cnn_node in = cnn_graph_join(graph, cnn_input(.shape = {4}), NULL, 0);
  dense = cnn_dense(.units = 4);
  cnn_node first = cnn_graph_add(graph, dense, in);
  assert_true(first > 0);
  assert_int_equal(cnn_graph_add(graph, dense, first), CNN_E_INVALID);
  cnn_clear_error();
  assert_refused(cnn_graph_model(graph, first), CNN_E_INVALID, "one place only");
}

static void test_graphs_that_are_no_model_are_refused(void **state) {
  cnn_graph *graph = cnn_graph_create();
  cnn_node in = cnn_graph_join(graph, cnn_input(.shape = {4}), NULL, 0);
  cnn_node a = cnn_graph_add(graph, cnn_dense(.units = 4), in);
  cnn_graph_add(graph, cnn_dense(.units = 3, .name = "unused"), in);
  assert_refused(cnn_graph_model(graph, a), CNN_E_INVALID,
                 "unused: the output, dense, does not need this layer");

  graph = cnn_graph_create();
  in = cnn_graph_join(graph, cnn_input(.shape = {4}), NULL, 0);
  cnn_node other = cnn_graph_join(graph, cnn_input(.shape = {4}), NULL, 0);
  a = cnn_graph_add(graph, cnn_add(), in, other);
  assert_refused(cnn_graph_model(graph, a), CNN_E_INVALID, "2 input layers");

  graph = cnn_graph_create();
  assert_int_equal(cnn_graph_add(graph, cnn_dense(.units = 4), 3), CNN_E_INVALID);
  cnn_clear_error();
  assert_refused(cnn_graph_model(graph, 0), CNN_E_INVALID, "input 0 is node 3");
  cnn_graph_free(NULL);
}

static void test_errors_stick_through_a_graph(void **state) {
  cnn_graph *graph = cnn_graph_create();
  cnn_node in = cnn_graph_join(graph, cnn_input(.shape = {2, 2, 1}), NULL, 0);
  cnn_node bad = cnn_graph_add(graph, cnn_conv2d(.filters = 1, .kernel = {3}), in);
  assert_int_equal(bad, CNN_E_SHAPE);
  cnn_node behind = cnn_graph_add(graph, cnn_flatten(), bad);
  assert_int_equal(behind, CNN_E_SHAPE);
  assert_refused(cnn_graph_model(graph, behind), CNN_E_SHAPE, "kernel 3x3 exceeds input 2x2x1");
  assert_int_equal(cnn_graph_join(NULL, cnn_flatten(), NULL, 0), CNN_E_INVALID);
  cnn_clear_error();
}

static void test_shapes_and_parameters_can_be_asked_for(void **state) {
  cnn_model *model = tutorial_model();
  assert_made(model);
  assert_int_equal(cnn_model_input_rank(model), 3);
  assert_int_equal(cnn_model_input_shape(model)[2], 3);
  assert_int_equal(cnn_model_output_rank(model), 1);
  assert_int_equal(cnn_model_output_shape(model)[0], 10);
  assert_int_equal(cnn_model_parameter_count(model), 10);
  assert_string_equal(cnn_model_parameter_name(model, 2), "conv2d_1/kernel");
  assert_null(cnn_model_parameter_name(model, 10));
  cnn_tensor *kernel = cnn_model_parameter(model, "conv2d_1/kernel");
  assert_non_null(kernel);
  assert_int_equal(cnn_tensor_rank(kernel), 4);
  assert_int_equal(cnn_tensor_count(kernel), 3 * 3 * 32 * 64);
  float limit = 0;
  for (int64_t i = 0; i < cnn_tensor_count(kernel); i++)
    limit = fmaxf(limit, fabsf(cnn_tensor_floats(kernel)[i]));
  double glorot = sqrt(6.0 / (9 * 32 + 9 * 64));
  assert_true((double)limit <= glorot && (double)limit > 0.99 * glorot);
  cnn_tensor_free(kernel);
  assert_null(cnn_model_parameter(model, "conv2d_9/kernel"));
  assert_error(CNN_E_NOT_FOUND, cnn_last_status(), "no parameter \"conv2d_9/kernel\"");
  cnn_clear_error();
  cnn_model_free(model);
}

static void test_setting_a_parameter_checks_it(void **state) {
  cnn_model *model = small_model();
  assert_made(model);
  cnn_tensor *bias = numbers(1, (int64_t[]){3}, 1), *wrong = numbers(1, (int64_t[]){4}, 1);
  assert_ok(cnn_model_set_parameter(model, "dense/bias", bias));
  cnn_tensor *back = cnn_model_parameter(model, "dense/bias");
  assert_memory_equal(cnn_tensor_floats(back), cnn_tensor_floats(bias), 3 * sizeof(float));
  assert_error(CNN_E_SHAPE, cnn_model_set_parameter(model, "dense/bias", wrong),
               "dense/bias is 3; values of 4");
  ((float *)cnn_tensor_data(bias))[1] = NAN;
  assert_error(CNN_E_NUMERIC, cnn_model_set_parameter(model, "dense/bias", bias), "not finite");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_model_set_parameter(model, "dense/bias", NULL), "NULL");
  cnn_clear_error();
  cnn_tensor_free(bias);
  cnn_tensor_free(wrong);
  cnn_tensor_free(back);
  cnn_model_free(model);
}

static void test_layers_freeze_and_thaw_by_name(void **state) {
  cnn_model *model = small_model();
  assert_int_equal(cnn_model_frozen(model, "dense"), 0);
  assert_ok(cnn_model_set_frozen(model, "dense", 1));
  assert_int_equal(cnn_model_frozen(model, "dense"), 1);
  assert_ok(cnn_model_set_frozen(model, NULL, 1));
  assert_int_equal(cnn_model_frozen(model, "conv2d"), 1);
  assert_int_equal(cnn_model_frozen(model, "none"), CNN_E_NOT_FOUND);
  assert_int_equal(cnn_model_set_frozen(model, "dense", 2), CNN_E_INVALID);
  char *text = cnn_model_summary_text(model);
  assert_non_null(strstr(text, "Trainable params: 0\n"));
  cnn_text_free(text);
  cnn_model_free(model);
  cnn_clear_error();
}

static void test_a_seed_decides_the_initial_weights(void **state) {
  cnn_model *model[3];
  static const uint64_t seeds[] = {1, 1, 2};
  cnn_context *contexts[3];
  for (int i = 0; i < 3; i++) {
    contexts[i] = begin_context(1, seeds[i]);
    model[i] = small_model();
  }
  assert_true(same_weights(model[0], model[1]));
  assert_false(same_weights(model[0], model[2]));
  for (int i = 0; i < 3; i++) {
    cnn_model_free(model[i]);
    end_context(contexts[i]);
  }
}

static void test_names_preprocessing_and_notes_are_kept_and_cloned(void **state) {
  cnn_model *model = small_model();
  static const char *const names[] = {"a", "b", "c"};
  assert_null(cnn_model_class_name(model, 0));
  assert_int_equal(cnn_model_set_class_names(model, names, 2), CNN_E_INVALID);
  assert_ok(cnn_model_set_class_names(model, names, 3));
  assert_ok(cnn_model_set_preprocessing(model, 0.5, (double[]){1}, (double[]){2}, 1));
  assert_int_equal(cnn_model_set_preprocessing(model, 0.5, (double[]){1}, (double[]){0}, 1),
                   CNN_E_INVALID);
  assert_ok(cnn_model_set_note(model, "seed", "1"));
  assert_ok(cnn_model_set_note(model, "seed", "7"));
  assert_ok(cnn_model_set_note(model, "limit", "100"));
  assert_string_equal(cnn_model_note(model, "seed"), "7");
  assert_ok(cnn_model_set_note(model, "seed", NULL));
  assert_null(cnn_model_note(model, "seed"));
  assert_string_equal(cnn_model_note(model, "limit"), "100");
  cnn_clear_error();
  assert_int_equal(cnn_model_set_note(model, "x", "\xff"), CNN_E_INVALID);

  cnn_model *clone = cnn_model_clone(model);
  assert_made(clone);
  assert_same_weights(clone, model);
  cnn_model_free(model);
  assert_string_equal(cnn_model_class_name(clone, 2), "c");
  assert_null(cnn_model_class_name(clone, 3));
  assert_true(clone->preprocesses && clone->preprocessing.deviation[0] == 2);
  assert_string_equal(cnn_model_layer_name(clone, 1), "conv2d");
  cnn_model_free(clone);
  cnn_clear_error();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_tutorials_summary_is_as_keras_prints_it),
      cmocka_unit_test(test_a_graphs_summary_names_what_each_layer_takes),
      cmocka_unit_test(test_long_names_are_cut_before_the_next_column),
      cmocka_unit_test(test_names_are_numbered_by_class_and_pass_over_taken_ones),
      cmocka_unit_test(test_two_layers_of_one_name_are_refused),
      cmocka_unit_test(test_shapes_that_cannot_be_name_the_layer_and_the_numbers),
      cmocka_unit_test(test_sizes_that_exceed_memory_are_a_limit),
      cmocka_unit_test(test_the_first_layer_must_be_an_input),
      cmocka_unit_test(test_a_failed_layers_message_reaches_fit),
      cmocka_unit_test(test_a_layer_given_twice_is_refused_and_freed_once),
      cmocka_unit_test(test_graphs_that_are_no_model_are_refused),
      cmocka_unit_test(test_errors_stick_through_a_graph),
      cmocka_unit_test(test_shapes_and_parameters_can_be_asked_for),
      cmocka_unit_test(test_setting_a_parameter_checks_it),
      cmocka_unit_test(test_layers_freeze_and_thaw_by_name),
      cmocka_unit_test(test_a_seed_decides_the_initial_weights),
      cmocka_unit_test(test_names_preprocessing_and_notes_are_kept_and_cloned),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
