/* The numerical gradient of every layer in its settings. */
#include "gradient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define IMAGE(h, w, c)                                                                             \
  {                                                                                                \
    {                                                                                              \
      3, {                                                                                         \
        h, w, c                                                                                    \
      }                                                                                            \
    }                                                                                              \
  }

static void check(const char *name, enum smoothness smoothness, cnn_layer *layer, size_t height,
                  size_t width, size_t channels) {
  check_gradient((gradient_case){.name = name,
                                 .layer = layer,
                                 .smoothness = smoothness,
                                 .spacing = smoothness == PIECEWISE ? 0.0625f : 0,
                                 .input = IMAGE(height, width, channels)});
}

static void test_convolution(void **state) {
  check("valid 3x3", LINEAR, cnn_conv2d(.filters = 4, .kernel = {3}), 5, 6, 3);
  check("same 3x3", LINEAR, cnn_conv2d(.filters = 4, .kernel = {3}, .padding = CNN_SAME), 5, 4, 3);
  check("1x1", LINEAR, cnn_conv2d(.filters = 5, .kernel = {1}), 4, 3, 6);
  check("1x1 stride 2", LINEAR, cnn_conv2d(.filters = 5, .kernel = {1}, .stride = {2}), 5, 4, 6);
  check("same 5x5", LINEAR, cnn_conv2d(.filters = 2, .kernel = {5}, .padding = CNN_SAME), 6, 4, 2);
  check("kernel exceeds input, same", LINEAR,
        cnn_conv2d(.filters = 2, .kernel = {7}, .padding = CNN_SAME), 3, 4, 2);
  check("even kernel, same", LINEAR,
        cnn_conv2d(.filters = 3, .kernel = {2, 4}, .padding = CNN_SAME), 5, 6, 2);
  check("kernel is input", LINEAR, cnn_conv2d(.filters = 3, .kernel = {4, 5}), 4, 5, 2);
  check("17 filters, 18 channels", LINEAR, cnn_conv2d(.filters = 17, .kernel = {3}), 4, 4, 18);
  check("no bias", LINEAR, cnn_conv2d(.filters = 4, .kernel = {3}, .no_bias = 1), 5, 6, 3);
  check("deep enough for Winograd", LINEAR,
        cnn_conv2d(.filters = 16, .kernel = {3}, .padding = CNN_SAME), 7, 6, 16);
}

static void test_convolution_with_stride_and_dilation(void **state) {
  check("stride 2 valid", LINEAR, cnn_conv2d(.filters = 3, .kernel = {3}, .stride = {2}), 8, 7, 2);
  check("stride 2 same, even", LINEAR,
        cnn_conv2d(.filters = 3, .kernel = {3}, .stride = {2}, .padding = CNN_SAME), 6, 8, 2);
  check("stride 2x3 same, odd", LINEAR,
        cnn_conv2d(.filters = 3, .kernel = {3}, .stride = {2, 3}, .padding = CNN_SAME), 7, 8, 2);
  check("stride exceeds kernel", LINEAR, cnn_conv2d(.filters = 3, .kernel = {2}, .stride = {3}), 8,
        9, 2);
  check("dilation 2 valid", LINEAR, cnn_conv2d(.filters = 3, .kernel = {3}, .dilation = {2}), 7, 6,
        2);
  check("dilation 2x3 same", LINEAR,
        cnn_conv2d(.filters = 3, .kernel = {3, 2}, .dilation = {2, 3}, .padding = CNN_SAME), 6, 7,
        2);
  check(
      "dilation 2, stride 2", LINEAR,
      cnn_conv2d(.filters = 3, .kernel = {3}, .dilation = {2}, .stride = {2}, .padding = CNN_SAME),
      7, 8, 2);
}

static void test_convolution_in_groups(void **state) {
  check("2 groups", LINEAR, cnn_conv2d(.filters = 6, .kernel = {3}, .groups = 2), 5, 4, 4);
  check("3 groups, same, stride 2", LINEAR,
        cnn_conv2d(.filters = 3, .kernel = {3}, .groups = 3, .stride = {2}, .padding = CNN_SAME), 5,
        6, 6);
  check("groups are channels", LINEAR, cnn_conv2d(.filters = 8, .kernel = {3}, .groups = 4), 4, 5,
        4);
}

static void test_depthwise_convolution(void **state) {
  check("valid", LINEAR, cnn_depthwise_conv2d(.kernel = {3}), 5, 6, 3);
  check("same, stride 2", LINEAR,
        cnn_depthwise_conv2d(.kernel = {3}, .stride = {2}, .padding = CNN_SAME), 6, 5, 5);
  check("multiplier 3", LINEAR, cnn_depthwise_conv2d(.kernel = {3, 2}, .multiplier = 3), 5, 4, 2);
  check("dilation 2, multiplier 2", LINEAR,
        cnn_depthwise_conv2d(.kernel = {3}, .multiplier = 2, .dilation = {2}, .padding = CNN_SAME),
        6, 5, 3);
  check("19 channels, no bias", LINEAR, cnn_depthwise_conv2d(.kernel = {3}, .no_bias = 1), 4, 4,
        19);
}

static void test_frozen_layers_give_the_gradient_of_inputs_alone(void **state) {
  check_gradient((gradient_case){.name = "conv2d, frozen",
                                 .layer = cnn_conv2d(.filters = 4, .kernel = {3}, .frozen = 1),
                                 .frozen = true,
                                 .input = IMAGE(5, 6, 3)});
  check_gradient((gradient_case){.name = "depthwise, frozen",
                                 .layer = cnn_depthwise_conv2d(.kernel = {3}, .frozen = 1),
                                 .frozen = true,
                                 .input = IMAGE(5, 6, 3)});
  check_gradient((gradient_case){.name = "dense, frozen",
                                 .layer = cnn_dense(.units = 4, .frozen = 1),
                                 .frozen = true,
                                 .input = {{1, {7}}}});
  check_gradient((gradient_case){.name = "batch normalization, frozen",
                                 .layer = cnn_batch_normalization(.frozen = 1),
                                 .frozen = true,
                                 .images = 3,
                                 .input = IMAGE(3, 2, 4)});
}

static void check_fused(const char *name, cnn_layer *layer, size_t height, size_t width,
                        size_t channels, bool relu, size_t pool_height, size_t pool_width) {
  check_gradient((gradient_case){.name = name,
                                 .layer = layer,
                                 .smoothness = PIECEWISE,
                                 .input = IMAGE(height, width, channels),
                                 .fuse_activation = relu ? CNN_RELU : CNN_LINEAR,
                                 .fuse_pool = {pool_height, pool_width}});
}

static void test_convolution_with_relu_and_pooling_taken_in(void **state) {
  check_fused("relu", cnn_conv2d(.filters = 3, .kernel = {3}), 5, 4, 2, true, 0, 0);
  check_fused("relu, same, no bias",
              cnn_conv2d(.filters = 3, .kernel = {3}, .padding = CNN_SAME, .no_bias = 1), 4, 4, 2,
              true, 0, 0);
  check_fused("relu, pool", cnn_conv2d(.filters = 3, .kernel = {3}), 6, 6, 2, true, 2, 2);
  check_fused("relu, pool, odd size", cnn_conv2d(.filters = 3, .kernel = {3}), 7, 5, 2, true, 2, 2);
  check_fused("pool", cnn_conv2d(.filters = 2, .kernel = {3}, .padding = CNN_SAME), 4, 4, 2, false,
              2, 2);
  check_fused("relu, same, stride 2",
              cnn_conv2d(.filters = 3, .kernel = {3}, .stride = {2}, .padding = CNN_SAME), 6, 5, 2,
              true, 0, 0);
  check_fused("depthwise, relu", cnn_depthwise_conv2d(.kernel = {3}, .multiplier = 2), 5, 4, 2,
              true, 0, 0);
}

static void test_dense(void **state) {
  check_gradient((gradient_case){
      .name = "dense", .layer = cnn_dense(.units = 5), .images = 3, .input = {{1, {9}}}});
  check_gradient((gradient_case){
      .name = "no bias", .layer = cnn_dense(.units = 19, .no_bias = 1), .input = {{1, {33}}}});
  check_gradient((gradient_case){
      .name = "one to one", .layer = cnn_dense(.units = 1), .images = 1, .input = {{1, {1}}}});
  check_gradient((gradient_case){
      .name = "last dimension", .layer = cnn_dense(.units = 4), .input = IMAGE(2, 3, 5)});
  check_gradient((gradient_case){.name = "relu",
                                 .layer = cnn_dense(.units = 6),
                                 .smoothness = PIECEWISE,
                                 .fuse_activation = CNN_RELU,
                                 .images = 3,
                                 .input = {{1, {7}}}});
}

static void test_pooling(void **state) {
  check("max", PIECEWISE, cnn_max_pool2d(), 4, 6, 3);
  check("max, odd", PIECEWISE, cnn_max_pool2d(), 5, 7, 2);
  check("max, same, odd", PIECEWISE, cnn_max_pool2d(.padding = CNN_SAME), 5, 7, 2);
  check("max, overlapping", PIECEWISE, cnn_max_pool2d(.pool = {3}, .stride = {2}), 7, 6, 2);
  check("max, overlapping, same", PIECEWISE,
        cnn_max_pool2d(.pool = {3}, .stride = {1}, .padding = CNN_SAME), 4, 5, 2);
  check("max, gaps", PIECEWISE, cnn_max_pool2d(.pool = {2}, .stride = {3}), 8, 7, 2);
  check("max, 2x3", PIECEWISE, cnn_max_pool2d(.pool = {2, 3}, .stride = {2, 1}), 6, 5, 2);
  check("average", LINEAR, cnn_average_pool2d(), 4, 6, 3);
  check("average, same, odd", LINEAR, cnn_average_pool2d(.padding = CNN_SAME), 5, 7, 2);
  check("average, overlapping, same", LINEAR,
        cnn_average_pool2d(.pool = {3}, .stride = {2}, .padding = CNN_SAME), 6, 7, 2);
  check("average, gaps", LINEAR, cnn_average_pool2d(.pool = {2}, .stride = {3}), 8, 7, 2);
  check("global average", LINEAR, cnn_global_average_pool2d(), 3, 5, 4);
  check("global average, tall", LINEAR, cnn_global_average_pool2d(), 5, 3, 4);
}

static void test_batch_normalization(void **state) {
  const struct {
    const char *name;
    cnn_layer *layer;
  } cases[] = {
      {"training", cnn_batch_normalization(.epsilon = 0.05)},
      {"no center", cnn_batch_normalization(.no_center = 1, .epsilon = 0.05)},
      {"no scale", cnn_batch_normalization(.no_scale = 1, .epsilon = 0.05)},
      {"neither", cnn_batch_normalization(.no_scale = 1, .no_center = 1, .epsilon = 0.05)},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    check_gradient((gradient_case){.name = cases[i].name,
                                   .layer = cases[i].layer,
                                   .smoothness = SMOOTH,
                                   .images = 3,
                                   .input = IMAGE(3, 2, 3)});
  check_gradient((gradient_case){.name = "of vectors",
                                 .layer = cnn_batch_normalization(.epsilon = 0.05),
                                 .smoothness = SMOOTH,
                                 .images = 9,
                                 .input = {{1, {5}}}});
}

static void test_batch_normalization_with_an_activation_taken_in(void **state) {
  const struct {
    const char *name;
    cnn_layer *layer;
    cnn_activation_kind kind;
    bool frozen;
  } cases[] = {
      {"relu", cnn_batch_normalization(.epsilon = 2), CNN_RELU, false},
      {"relu6", cnn_batch_normalization(.epsilon = 2), CNN_RELU6, false},
      {"no center", cnn_batch_normalization(.no_center = 1, .epsilon = 2), CNN_RELU, false},
      {"frozen", cnn_batch_normalization(.frozen = 1), CNN_RELU6, true}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    check_gradient((gradient_case){.name = cases[i].name,
                                   .layer = cases[i].layer,
                                   .smoothness = PIECEWISE,
                                   .fuse_activation = cases[i].kind,
                                   .frozen = cases[i].frozen,
                                   .images = 9,
                                   .input = {{1, {5}}}});
}

static void test_activations(void **state) {
  const struct {
    cnn_activation_kind kind;
    enum smoothness smoothness;
    double slope;
  } cases[] = {
      {CNN_RELU, PIECEWISE, 0},       {CNN_LEAKY_RELU, PIECEWISE, 0.2},
      {CNN_LEAKY_RELU, PIECEWISE, 0}, {CNN_RELU6, PIECEWISE, 0},
      {CNN_SIGMOID, SMOOTH, 0},       {CNN_TANH, SMOOTH, 0},
      {CNN_ELU, SMOOTH, 1},           {CNN_GELU, SMOOTH, 0},
      {CNN_SILU, SMOOTH, 0},          {CNN_SOFTPLUS, SMOOTH, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    check_gradient((gradient_case){.name = cnn__activation_name(cases[i].kind),
                                   .is_activation = true,
                                   .activation = cases[i].kind,
                                   .slope = cases[i].slope,
                                   .smoothness = cases[i].smoothness,
                                   .limit = 4,
                                   .spacing = cases[i].kind == CNN_ELU ? 0.25f : 0.0625f,
                                   .images = 3,
                                   .input = IMAGE(3, 5, 7)});
}

static void test_softmax(void **state) {
  check_gradient((gradient_case){.name = "softmax",
                                 .is_activation = true,
                                 .activation = CNN_SOFTMAX,
                                 .smoothness = SMOOTH,
                                 .limit = 3,
                                 .images = 5,
                                 .input = {{1, {10}}}});
  check_gradient((gradient_case){.name = "softmax of each cell",
                                 .is_activation = true,
                                 .activation = CNN_SOFTMAX,
                                 .smoothness = SMOOTH,
                                 .input = IMAGE(2, 3, 19)});
}

static void test_the_rest(void **state) {
  check("rescaling", LINEAR, cnn_rescaling(.scale = -0.25, .offset = 3), 3, 4, 3);
  check("dropout", LINEAR, cnn_dropout(.rate = 0.3), 5, 6, 3);
  check("zero padding", LINEAR, cnn_zero_padding2d(.top = 1, .bottom = 2, .left = 3), 3, 4, 2);
  check("zero padding, right", LINEAR, cnn_zero_padding2d(.right = 1), 3, 4, 2);
}

static void test_layers_of_several_inputs(void **state) {
  check_gradient((gradient_case){
      .name = "add", .layer = cnn_add(), .inputs = 2, .input = {{3, {3, 4, 2}}, {3, {3, 4, 2}}}});
  check_gradient((gradient_case){.name = "add three",
                                 .layer = cnn_add(),
                                 .inputs = 3,
                                 .input = {{1, {5}}, {1, {5}}, {1, {5}}}});
  check_gradient((gradient_case){.name = "add, relu",
                                 .layer = cnn_add(),
                                 .inputs = 2,
                                 .smoothness = PIECEWISE,
                                 .fuse_activation = CNN_RELU,
                                 .input = {{3, {3, 4, 2}}, {3, {3, 4, 2}}}});
  check_gradient((gradient_case){.name = "add three, relu",
                                 .layer = cnn_add(),
                                 .inputs = 3,
                                 .smoothness = PIECEWISE,
                                 .fuse_activation = CNN_RELU,
                                 .input = {{1, {5}}, {1, {5}}, {1, {5}}}});
  check_gradient((gradient_case){.name = "concatenate",
                                 .layer = cnn_concatenate(),
                                 .inputs = 3,
                                 .input = {{3, {3, 2, 1}}, {3, {3, 2, 4}}, {3, {3, 2, 2}}}});
  check_gradient((gradient_case){.name = "concatenate vectors",
                                 .layer = cnn_concatenate(),
                                 .inputs = 2,
                                 .input = {{1, {5}}, {1, {3}}}});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_convolution),
      cmocka_unit_test(test_convolution_with_stride_and_dilation),
      cmocka_unit_test(test_convolution_in_groups),
      cmocka_unit_test(test_depthwise_convolution),
      cmocka_unit_test(test_frozen_layers_give_the_gradient_of_inputs_alone),
      cmocka_unit_test(test_convolution_with_relu_and_pooling_taken_in),
      cmocka_unit_test(test_dense),
      cmocka_unit_test(test_pooling),
      cmocka_unit_test(test_batch_normalization),
      cmocka_unit_test(test_batch_normalization_with_an_activation_taken_in),
      cmocka_unit_test(test_activations),
      cmocka_unit_test(test_softmax),
      cmocka_unit_test(test_the_rest),
      cmocka_unit_test(test_layers_of_several_inputs),
  };
  return cmocka_run_group_tests_name("gradients of layers", tests, NULL, NULL);
}
