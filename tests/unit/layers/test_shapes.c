/* Shape rules, against what Keras infers, and their messages. */
#include "layers/support.h"
#include "support.h"

static void assert_shape(cnn_layer *layer, cnn__shape input, cnn__shape expected) {
  cnn__layer_spec spec;
  char text[CNN__SHAPE_TEXT], wanted[CNN__SHAPE_TEXT];
  if (infer(layer, input, &spec) != CNN_OK) fail_msg("%s", cnn_last_error());
  assert_string_equal(cnn__shape_text(&spec.output, text), cnn__shape_text(&expected, wanted));
  cnn_layer_free(layer);
}

static void assert_no_shape(cnn_layer *layer, cnn__shape input, cnn_status status,
                            const char *words) {
  cnn__layer_spec spec;
  assert_error(status, infer(layer, input, &spec), words);
  cnn_layer_free(layer);
  cnn_clear_error();
}

static void test_convolutions(void **state) {
  const struct {
    size_t in[2];
    int64_t kernel[2], stride[2], dilation[2];
    bool same;
    size_t out[2];
  } cases[] = {
      {{32, 32}, {3, 3}, {1, 1}, {1, 1}, false, {30, 30}},
      {{15, 15}, {3, 3}, {1, 1}, {1, 1}, false, {13, 13}},
      {{32, 32}, {3, 3}, {1, 1}, {1, 1}, true, {32, 32}},
      {{32, 32}, {3, 3}, {2, 2}, {1, 1}, true, {16, 16}},
      {{33, 31}, {3, 3}, {2, 2}, {1, 1}, true, {17, 16}},
      {{33, 31}, {3, 3}, {2, 2}, {1, 1}, false, {16, 15}},
      {{8, 9}, {2, 4}, {3, 1}, {1, 1}, false, {3, 6}},
      {{8, 9}, {3, 3}, {1, 1}, {2, 3}, false, {4, 3}},
      {{8, 9}, {3, 3}, {1, 1}, {2, 3}, true, {8, 9}},
      {{8, 9}, {3, 3}, {2, 2}, {2, 2}, false, {2, 3}},
      {{3, 4}, {7, 7}, {1, 1}, {1, 1}, true, {3, 4}},
      {{5, 4}, {5, 4}, {1, 1}, {1, 1}, false, {1, 1}},
      {{10, 11}, {1, 1}, {4, 4}, {1, 1}, true, {3, 3}},
      {{10, 11}, {1, 1}, {4, 4}, {1, 1}, false, {3, 3}},
      {{224, 224}, {7, 7}, {2, 2}, {1, 1}, true, {112, 112}},
      {{5, 5}, {1, 1}, {INT32_MAX, INT32_MAX}, {INT32_MAX, INT32_MAX}, true, {1, 1}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const cnn__shape input = image(cases[i].in[0], cases[i].in[1], 6);
    assert_shape(cnn_conv2d(.filters = 4, .kernel = {cases[i].kernel[0], cases[i].kernel[1]},
                            .stride = {cases[i].stride[0], cases[i].stride[1]},
                            .dilation = {cases[i].dilation[0], cases[i].dilation[1]},
                            .padding = cases[i].same),
                 input, image(cases[i].out[0], cases[i].out[1], 4));
    assert_shape(cnn_depthwise_conv2d(.multiplier = 3,
                                      .kernel = {cases[i].kernel[0], cases[i].kernel[1]},
                                      .stride = {cases[i].stride[0], cases[i].stride[1]},
                                      .dilation = {cases[i].dilation[0], cases[i].dilation[1]},
                                      .padding = cases[i].same),
                 input, image(cases[i].out[0], cases[i].out[1], 18));
  }
}

static void test_pooling(void **state) {
  assert_shape(cnn_max_pool2d(), image(30, 30, 32), image(15, 15, 32));
  assert_shape(cnn_max_pool2d(), image(13, 13, 64), image(6, 6, 64));
  assert_shape(cnn_max_pool2d(.padding = CNN_SAME), image(13, 7, 64), image(7, 4, 64));
  assert_shape(cnn_max_pool2d(.pool = {3}, .stride = {2}), image(9, 8, 3), image(4, 3, 3));
  assert_shape(cnn_average_pool2d(.pool = {2, 3}, .stride = {2, 1}, .padding = CNN_SAME),
               image(8, 9, 2), image(4, 9, 2));
  assert_shape(cnn_average_pool2d(.pool = {5, 4}), image(5, 4, 2), image(1, 1, 2));
  assert_shape(cnn_global_average_pool2d(), image(7, 5, 9), vector_of(9));
}

static void test_the_others(void **state) {
  const cnn__shape matrix = {2, {7, 5}};
  assert_shape(cnn_flatten(), image(6, 6, 64), vector_of(2304));
  assert_shape(cnn_flatten(), (cnn__shape){0}, vector_of(1));
  assert_shape(cnn_dense(.units = 64), vector_of(1024), vector_of(64));
  assert_shape(cnn_dense(.units = 3), matrix, (cnn__shape){2, {7, 3}});
  assert_shape(cnn_dense(.units = 3), image(2, 4, 6), image(2, 4, 3));
  assert_shape(cnn_activation(.function = CNN_SOFTMAX), matrix, matrix);
  assert_shape(cnn_dropout(), matrix, matrix);
  assert_shape(cnn_rescaling(.scale = 2), matrix, matrix);
  assert_shape(cnn_batch_normalization(), image(2, 4, 6), image(2, 4, 6));
  assert_shape(cnn_zero_padding2d(.top = 1, .bottom = 2, .left = 3, .right = 4), image(5, 6, 3),
               image(8, 13, 3));
  cnn_layer *input = cnn_input(.shape = {4, 5});
  cnn__layer_spec spec;
  assert_int_equal(cnn__layer_infer(input, "input", 0, NULL, &spec), CNN_OK);
  assert_int_equal(spec.output.rank, 2);
  cnn_layer_free(input);
}

static void test_layers_of_several_inputs(void **state) {
  cnn_layer *add = cnn_add(), *concatenate = cnn_concatenate();
  cnn__layer_spec spec;
  const cnn__shape three[] = {image(2, 3, 4), image(2, 3, 1), image(2, 3, 7)};
  const cnn__shape same[] = {image(2, 3, 4), image(2, 3, 4)};
  const cnn__shape third[] = {image(2, 3, 4), image(2, 3, 4), image(2, 2, 4)};
  const cnn__shape ranks[] = {{2, {3, 4}}, {1, {4}}};
  assert_int_equal(cnn__layer_infer(concatenate, "joint", 3, three, &spec), CNN_OK);
  assert_int_equal(spec.output.dim[2], 12);
  assert_int_equal(cnn__layer_infer(add, "sum", 2, same, &spec), CNN_OK);
  assert_true(cnn__shape_equal(&spec.output, &same[0]));
  assert_error(CNN_E_SHAPE, cnn__layer_infer(add, "sum", 3, three, &spec),
               "sum: input 0 is 2x3x4 and input 1 is 2x3x1");
  assert_error(CNN_E_SHAPE, cnn__layer_infer(add, "sum", 3, third, &spec),
               "sum: input 0 is 2x3x4 and input 2 is 2x2x4");
  assert_error(CNN_E_SHAPE, cnn__layer_infer(concatenate, "joint", 3, third, &spec),
               "joint: input 0 is 2x3x4 and input 2 is 2x2x4");
  assert_error(CNN_E_SHAPE, cnn__layer_infer(concatenate, "joint", 2, ranks, &spec),
               "joint: input 0 is 3x4 and input 1 is 4; only the last dimension may differ");
  assert_error(CNN_E_SHAPE, cnn__layer_infer(add, "sum", 1, same, &spec),
               "sum: 1 inputs; Add takes 2 to 16");
  assert_error(CNN_E_SHAPE, cnn__layer_infer(concatenate, "joint", 17, same, &spec), "17 inputs");
  const cnn__shape scalars[] = {{0}, {0}};
  assert_error(CNN_E_SHAPE, cnn__layer_infer(concatenate, "joint", 2, scalars, &spec),
               "a scalar has no dimension to join along");
  const cnn__shape mixed[] = {{0}, vector_of(3), {0}};
  assert_error(CNN_E_SHAPE, cnn__layer_infer(concatenate, "joint", 2, mixed, &spec),
               "a scalar has no dimension to join along");
  assert_error(CNN_E_SHAPE, cnn__layer_infer(concatenate, "joint", 2, mixed + 1, &spec),
               "only the last dimension may differ");
  const cnn__shape wide[] = {vector_of(PTRDIFF_MAX / 4), vector_of(PTRDIFF_MAX / 4)};
  assert_error(CNN_E_LIMIT, cnn__layer_infer(concatenate, "joint", 2, wide, &spec),
               "exceeds memory");
  cnn_layer_free(add);
  cnn_layer_free(concatenate);
}

static void test_a_window_that_does_not_fit_is_refused_with_its_numbers(void **state) {
  assert_no_shape(cnn_conv2d(.filters = 1, .kernel = {5}, .name = "conv2d_1"), image(4, 4, 64),
                  CNN_E_SHAPE, "conv2d_1: kernel 5x5 exceeds input 4x4x64");
  assert_no_shape(cnn_conv2d(.filters = 1, .kernel = {3}, .dilation = {1, 2}), image(9, 4, 64),
                  CNN_E_SHAPE,
                  "conv2d: kernel 3x3 with dilation 1x2 spans 3x5, which exceeds input 9x4x64");
  assert_no_shape(cnn_conv2d(.filters = 1, .kernel = {3}, .dilation = {2, 1}), image(4, 9, 64),
                  CNN_E_SHAPE,
                  "conv2d: kernel 3x3 with dilation 2x1 spans 5x3, which exceeds input 4x9x64");
  assert_no_shape(cnn_conv2d(.filters = 1, .kernel = {3}, .dilation = {2}), image(4, 9, 64),
                  CNN_E_SHAPE,
                  "conv2d: kernel 3x3 with dilation 2x2 spans 5x5, which exceeds input 4x9x64");
  assert_no_shape(cnn_depthwise_conv2d(.kernel = {1, 5}), image(4, 4, 64), CNN_E_SHAPE,
                  "depthwise_conv2d: kernel 1x5 exceeds input 4x4x64");
  assert_no_shape(cnn_max_pool2d(), image(1, 4, 64), CNN_E_SHAPE,
                  "max_pooling2d: pool 2x2 exceeds input 1x4x64");
  assert_no_shape(cnn_average_pool2d(.pool = {3}), image(1, 4, 64), CNN_E_SHAPE,
                  "pool 3x3 exceeds input 1x4x64");
}

static void test_inputs_of_a_wrong_rank_are_refused(void **state) {
  assert_no_shape(cnn_conv2d(.filters = 1, .kernel = {5}), vector_of(10), CNN_E_SHAPE,
                  "conv2d: input 10 is no image (height x width x channels)");
  assert_no_shape(cnn_max_pool2d(), (cnn__shape){4, {2, 2, 2, 2}}, CNN_E_SHAPE, "input 2x2x2x2");
  assert_no_shape(cnn_global_average_pool2d(), vector_of(10), CNN_E_SHAPE, "input 10");
  assert_no_shape(cnn_zero_padding2d(.top = 1), vector_of(10), CNN_E_SHAPE, "input 10");
  assert_no_shape(cnn_dense(.units = 1), (cnn__shape){0}, CNN_E_SHAPE, "scalar");
  assert_no_shape(cnn_batch_normalization(), (cnn__shape){0}, CNN_E_SHAPE, "scalar");
}

/* As many inputs as the class takes, and no other number; of an image where it takes images. */
static void test_every_layer_counts_its_inputs(void **state) {
  const struct {
    cnn_layer *layer;
    size_t least, most;
    bool of_images;
  } all[] = {{cnn_conv2d(.filters = 2, .kernel = {1}), 1, 1, true},
             {cnn_depthwise_conv2d(.kernel = {1}), 1, 1, true},
             {cnn_max_pool2d(.pool = {1}), 1, 1, true},
             {cnn_average_pool2d(.pool = {1}), 1, 1, true},
             {cnn_global_average_pool2d(), 1, 1, true},
             {cnn_zero_padding2d(.top = 1), 1, 1, true},
             {cnn_dense(.units = 2), 1, 1, false},
             {cnn_flatten(), 1, 1, false},
             {cnn_activation(.function = CNN_RELU), 1, 1, false},
             {cnn_dropout(), 1, 1, false},
             {cnn_rescaling(.scale = 2), 1, 1, false},
             {cnn_batch_normalization(), 1, 1, false},
             {cnn_add(), 2, CNN__MAX_INPUTS, false},
             {cnn_concatenate(), 2, CNN__MAX_INPUTS, false}};
  cnn__shape inputs[CNN__MAX_INPUTS + 1];
  for (size_t i = 0; i <= CNN__MAX_INPUTS; i++)
    inputs[i] = image(3, 3, 2);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    cnn_layer *layer = all[i].layer;
    if (!layer) fail_msg("%s", cnn_last_error());
    cnn__layer_spec spec;
    for (size_t count = 0; count <= CNN__MAX_INPUTS + 1; count++) {
      const bool taken = count >= all[i].least && count <= all[i].most;
      const cnn_status status = cnn__layer_infer(layer, "it", count, inputs, &spec);
      if (taken)
        assert_int_equal(status, CNN_OK);
      else
        assert_error(CNN_E_SHAPE, status, " inputs; ");
    }
    assert_int_equal(inputs_of(layer), all[i].least);
    for (size_t rank = 0; all[i].of_images && rank <= CNN_MAX_RANK; rank++) {
      const cnn__shape other = {rank, {3, 3, 2, 1, 1, 1, 1, 1}};
      const cnn_status status = cnn__layer_infer(layer, "it", 1, &other, &spec);
      if (rank == 3)
        assert_int_equal(status, CNN_OK);
      else
        assert_error(CNN_E_SHAPE, status, "is no image");
    }
    cnn_clear_error();
    cnn_layer_free(layer);
  }
}

static void test_groups_divide_the_input_channels(void **state) {
  assert_no_shape(cnn_conv2d(.filters = 6, .kernel = {1}, .groups = 3), image(4, 4, 64),
                  CNN_E_SHAPE, "3 groups do not divide 64 input channels");
}

static void test_sizes_that_no_memory_holds_are_refused(void **state) {
  const size_t quarter = SIZE_MAX / 4;
  for (int off = -1; off <= 1; off++) {
    cnn_layer *input = cnn_input(.shape = {(int64_t)(quarter + (size_t)off), 1});
    cnn__layer_spec spec;
    assert_error(CNN_E_LIMIT, cnn__layer_infer(input, "input", 0, NULL, &spec), "input: ");
    cnn_layer_free(input);
  }
  const size_t most = PTRDIFF_MAX / sizeof(float);
  assert_shape(cnn_dropout(), vector_of(most), vector_of(most));
  assert_no_shape(cnn_dropout(), vector_of(most + 1), CNN_E_LIMIT, "exceeds memory");
  assert_no_shape(cnn_conv2d(.filters = INT32_MAX, .kernel = {1}), image(1 << 16, 1 << 16, 1),
                  CNN_E_LIMIT, "output 65536x65536x2147483647 exceeds memory");
  assert_no_shape(cnn_conv2d(.filters = 1, .kernel = {INT32_MAX}, .padding = CNN_SAME),
                  image(4, 4, 4), CNN_E_LIMIT, "kernel 2147483647x2147483647x4x1 exceeds memory");
  assert_no_shape(cnn_conv2d(.filters = 1, .kernel = {INT32_MAX}, .dilation = {INT32_MAX}),
                  image(4, 4, 4), CNN_E_SHAPE, "exceeds input 4x4x4");
  assert_no_shape(cnn_depthwise_conv2d(.kernel = {1}, .multiplier = INT32_MAX),
                  image(1, 1, SIZE_MAX / 4), CNN_E_LIMIT, "multiplier 2147483647");
  assert_no_shape(cnn_dense(.units = INT32_MAX), vector_of((size_t)1 << 32), CNN_E_LIMIT,
                  "kernel 4294967296x2147483647 exceeds memory");
  assert_no_shape(cnn_dense(.units = 1 << 30), vector_of((size_t)1 << 31), CNN_E_LIMIT,
                  "kernel 2147483648x1073741824 exceeds memory");
  assert_no_shape(cnn_zero_padding2d(.top = INT32_MAX, .left = INT32_MAX), image(4, 4, 4),
                  CNN_E_LIMIT, "output 2147483651x2147483651x4 exceeds memory");
}

/* Larger than options can be: a window's outermost cells are a ptrdiff_t apart at most. */
static void test_the_extent_of_a_window_is_bounded(void **state) {
  const cnn__shape input = image(4, 4, 1);
  size_t output[2], padding[2];
  for (size_t axis = 0; axis < 2; axis++) {
    cnn__window window = {.size = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}};
    window.size[axis] = 3;
    window.dilation[axis] = PTRDIFF_MAX / 2;
    assert_error(CNN_E_SHAPE, cnn__window_place("a", "kernel", &window, &input, output, padding),
                 "9223372036854775807");
    cnn_clear_error();
    window.dilation[axis]++;
    assert_error(CNN_E_LIMIT, cnn__window_place("a", "kernel", &window, &input, output, padding),
                 "exceeds memory");
    cnn_clear_error();
    window.dilation[axis] = SIZE_MAX;
    assert_error(CNN_E_LIMIT, cnn__window_place("a", "kernel", &window, &input, output, padding),
                 "exceeds memory");
    cnn_clear_error();
  }
}

static void test_parameters_are_those_of_keras(void **state) {
  cnn__layer_spec spec;
  cnn_layer *layer = cnn_conv2d(.filters = 64, .kernel = {3, 2}, .groups = 2, .kernel_l2 = 0.5);
  assert_int_equal(infer(layer, image(8, 8, 32), &spec), CNN_OK);
  assert_int_equal(spec.parameter_count, 2);
  assert_string_equal(spec.parameters[0].name, "kernel");
  assert_true(cnn__shape_equal(&spec.parameters[0].shape, &(cnn__shape){4, {3, 2, 16, 64}}));
  assert_int_equal(spec.parameters[0].fan_in, 3 * 2 * 16);
  assert_int_equal(spec.parameters[0].fan_out, 3 * 2 * 64);
  assert_int_equal(spec.parameters[0].initializer, CNN_GLOROT_UNIFORM);
  assert_true(spec.parameters[0].l2 == 0.5 && spec.parameters[1].l2 == 0);
  assert_string_equal(spec.parameters[1].name, "bias");
  assert_int_equal(spec.parameters[1].initializer, CNN_ZEROS);
  assert_true(spec.parameters[0].trainable && !spec.parameters[0].statistic);
  cnn_layer_free(layer);

  layer = cnn_depthwise_conv2d(.kernel = {3}, .multiplier = 2, .no_bias = 1, .frozen = 1);
  assert_int_equal(infer(layer, image(8, 8, 5), &spec), CNN_OK);
  assert_int_equal(spec.parameter_count, 1);
  assert_true(cnn__shape_equal(&spec.parameters[0].shape, &(cnn__shape){4, {3, 3, 5, 2}}));
  assert_int_equal(spec.parameters[0].fan_in, 9 * 5);
  assert_int_equal(spec.parameters[0].fan_out, 9 * 2);
  assert_false(spec.parameters[0].trainable);
  cnn_layer_free(layer);

  layer = cnn_batch_normalization(.no_scale = 1);
  assert_int_equal(infer(layer, image(8, 8, 5), &spec), CNN_OK);
  assert_int_equal(spec.parameter_count, 3);
  assert_string_equal(spec.parameters[0].name, "beta");
  assert_string_equal(spec.parameters[1].name, "moving_mean");
  assert_string_equal(spec.parameters[2].name, "moving_variance");
  assert_true(spec.parameters[0].trainable && !spec.parameters[1].trainable);
  assert_true(spec.parameters[2].statistic);
  assert_int_equal(spec.parameters[2].initializer, CNN_ONES);
  cnn_layer_free(layer);
}

static void test_the_tutorials_network_has_160_202_parameters(void **state) {
  cnn_layer *layers[] = {cnn_conv2d(.filters = 32, .kernel = {3}),
                         cnn_max_pool2d(),
                         cnn_conv2d(.filters = 64, .kernel = {3}),
                         cnn_max_pool2d(),
                         cnn_conv2d(.filters = 128, .kernel = {3}),
                         cnn_max_pool2d(),
                         cnn_flatten(),
                         cnn_dense(.units = 128),
                         cnn_dense(.units = 10)};
  const size_t expected[] = {896, 0, 18496, 0, 73856, 0, 0, 65664, 1290};
  cnn__layer_spec spec;
  cnn__shape shape = image(32, 32, 3);
  size_t total = 0;
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    size_t count = 0;
    assert_int_equal(infer(layers[i], shape, &spec), CNN_OK);
    for (size_t k = 0; k < spec.parameter_count; k++)
      count += cnn__shape_product(&spec.parameters[k].shape);
    assert_int_equal(count, expected[i]);
    total += count;
    shape = spec.output;
    cnn_layer_free(layers[i]);
  }
  assert_int_equal(total, 160202);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_convolutions),
      cmocka_unit_test(test_pooling),
      cmocka_unit_test(test_the_others),
      cmocka_unit_test(test_layers_of_several_inputs),
      cmocka_unit_test(test_a_window_that_does_not_fit_is_refused_with_its_numbers),
      cmocka_unit_test(test_inputs_of_a_wrong_rank_are_refused),
      cmocka_unit_test(test_every_layer_counts_its_inputs),
      cmocka_unit_test(test_groups_divide_the_input_channels),
      cmocka_unit_test(test_sizes_that_no_memory_holds_are_refused),
      cmocka_unit_test(test_the_extent_of_a_window_is_bounded),
      cmocka_unit_test(test_parameters_are_those_of_keras),
      cmocka_unit_test(test_the_tutorials_network_has_160_202_parameters),
  };
  return cmocka_run_group_tests_name("shape rules", tests, NULL, NULL);
}
