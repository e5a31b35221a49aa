/* Constructors: defaults, checks, names, options of other releases. */
#include "layers/classes.h"
#include "support.h"
#include <float.h>
#include <math.h>
#include <stdio.h>

static void test_zero_means_the_documented_default(void **state) {
  assert_written(cnn_input(.shape = {32, 31, 3}),
                 "{\"class\":\"InputLayer\",\"name\":\"name\",\"shape\":[32,31,3]}");
  assert_written(cnn_conv2d(.filters = 32, .kernel = {3}),
                 "{\"class\":\"Conv2D\",\"name\":\"name\",\"filters\":32,\"kernel\":[3,3],"
                 "\"stride\":[1,1],\"padding\":\"valid\",\"dilation\":[1,1],\"groups\":1,"
                 "\"activation\":\"linear\",\"no_bias\":false,"
                 "\"kernel_initializer\":\"glorot_uniform\",\"bias_initializer\":\"zeros\","
                 "\"kernel_scale\":0,\"bias_scale\":0,\"kernel_l2\":0,\"frozen\":false}");
  assert_written(cnn_depthwise_conv2d(.kernel = {3, 5}),
                 "{\"class\":\"DepthwiseConv2D\",\"name\":\"name\",\"multiplier\":1,"
                 "\"kernel\":[3,5],\"stride\":[1,1],\"padding\":\"valid\",\"dilation\":[1,1],"
                 "\"activation\":\"linear\",\"no_bias\":false,"
                 "\"kernel_initializer\":\"glorot_uniform\",\"bias_initializer\":\"zeros\","
                 "\"kernel_scale\":0,\"bias_scale\":0,\"kernel_l2\":0,\"frozen\":false}");
  assert_written(cnn_max_pool2d_create(NULL),
                 "{\"class\":\"MaxPooling2D\",\"name\":\"name\",\"pool\":[2,2],"
                 "\"stride\":[2,2],\"padding\":\"valid\"}");
  assert_written(cnn_average_pool2d(),
                 "{\"class\":\"AveragePooling2D\",\"name\":\"name\",\"pool\":[2,2],"
                 "\"stride\":[2,2],\"padding\":\"valid\"}");
  assert_written(cnn_average_pool2d(.pool = {3, 4}),
                 "{\"class\":\"AveragePooling2D\",\"name\":\"name\",\"pool\":[3,4],"
                 "\"stride\":[3,4],\"padding\":\"valid\"}");
  assert_written(cnn_global_average_pool2d(),
                 "{\"class\":\"GlobalAveragePooling2D\",\"name\":\"name\"}");
  assert_written(cnn_flatten(), "{\"class\":\"Flatten\",\"name\":\"name\"}");
  assert_written(cnn_dense(.units = 10),
                 "{\"class\":\"Dense\",\"name\":\"name\",\"units\":10,\"activation\":\"linear\","
                 "\"no_bias\":false,\"kernel_initializer\":\"glorot_uniform\","
                 "\"bias_initializer\":\"zeros\",\"kernel_scale\":0,\"bias_scale\":0,"
                 "\"kernel_l2\":0,\"frozen\":false}");
  assert_written(
      cnn_activation(),
      "{\"class\":\"Activation\",\"name\":\"name\",\"function\":\"linear\",\"slope\":0}");
  assert_written(cnn_dropout(), "{\"class\":\"Dropout\",\"name\":\"name\",\"rate\":0.5}");
  assert_written(cnn_rescaling(),
                 "{\"class\":\"Rescaling\",\"name\":\"name\",\"scale\":1,\"offset\":0}");
  assert_written(cnn_batch_normalization(),
                 "{\"class\":\"BatchNormalization\",\"name\":\"name\",\"momentum\":0.99,"
                 "\"epsilon\":0.001,\"no_center\":false,\"no_scale\":false,\"frozen\":false}");
  assert_written(cnn_zero_padding2d(.left = 3),
                 "{\"class\":\"ZeroPadding2D\",\"name\":\"name\",\"top\":0,\"bottom\":0,"
                 "\"left\":3,\"right\":0}");
  assert_written(cnn_add(), "{\"class\":\"Add\",\"name\":\"name\"}");
  assert_written(cnn_concatenate(), "{\"class\":\"Concatenate\",\"name\":\"name\"}");
}

static void test_defaults_that_follow_from_other_settings(void **state) {
  assert_written(cnn_max_pool2d(.pool = {3}, .stride = {1}),
                 "{\"class\":\"MaxPooling2D\",\"name\":\"name\",\"pool\":[3,3],"
                 "\"stride\":[1,1],\"padding\":\"valid\"}");
  assert_written(cnn_max_pool2d(.pool = {3, 5}),
                 "{\"class\":\"MaxPooling2D\",\"name\":\"name\",\"pool\":[3,5],"
                 "\"stride\":[3,5],\"padding\":\"valid\"}");
  assert_written(cnn_max_pool2d(.pool = {3}),
                 "{\"class\":\"MaxPooling2D\",\"name\":\"name\",\"pool\":[3,3],"
                 "\"stride\":[3,3],\"padding\":\"valid\"}");
  assert_written(cnn_activation(.function = CNN_LEAKY_RELU),
                 "{\"class\":\"Activation\",\"name\":\"name\",\"function\":\"leaky_relu\","
                 "\"slope\":0.2}");
  assert_written(cnn_activation(.function = CNN_ELU),
                 "{\"class\":\"Activation\",\"name\":\"name\",\"function\":\"elu\",\"slope\":1}");
  assert_written(cnn_activation(.function = CNN_LEAKY_RELU, .slope = CNN_ZERO),
                 "{\"class\":\"Activation\",\"name\":\"name\",\"function\":\"leaky_relu\","
                 "\"slope\":0}");
  cnn_layer *layer = cnn_dense(.units = 1, .kernel_initializer = CNN_RANDOM_NORMAL,
                               .bias_initializer = CNN_CONSTANT, .bias_scale = -3);
  const cnn_dense_options *settings = layer->settings;
  assert_true(settings->kernel_scale == 0.05);
  assert_true(settings->bias_scale == -3);
  cnn_layer_free(layer);
  layer = cnn_dense(.units = 1, .kernel_initializer = CNN_ORTHOGONAL);
  settings = layer->settings;
  assert_true(settings->kernel_scale == 1);
  cnn_layer_free(layer);
}

/* Only what is left at 0 becomes the default, of either array, in every layer that has them. */
static void test_scales_are_defaults_only_where_none_is_given(void **state) {
  static const char given[] = "\"kernel_scale\":1,\"bias_scale\":1,",
                    left[] = "\"kernel_scale\":0.05,\"bias_scale\":0.05,";
  for (int i = 0; i < 2; i++) {
    const double scale = i == 0 ? 1 : 0;
    cnn_layer *layers[] = {
        cnn_dense(.units = 1, .kernel_initializer = CNN_RANDOM_NORMAL, .kernel_scale = scale,
                  .bias_initializer = CNN_RANDOM_UNIFORM, .bias_scale = scale),
        cnn_conv2d(.filters = 1, .kernel = {1}, .kernel_initializer = CNN_RANDOM_NORMAL,
                   .kernel_scale = scale, .bias_initializer = CNN_RANDOM_UNIFORM,
                   .bias_scale = scale),
        cnn_depthwise_conv2d(.kernel = {1}, .kernel_initializer = CNN_RANDOM_NORMAL,
                             .kernel_scale = scale, .bias_initializer = CNN_RANDOM_UNIFORM,
                             .bias_scale = scale)};
    for (size_t k = 0; k < sizeof layers / sizeof *layers; k++) {
      cnn__text text = written(layers[k], "name");
      if (!strstr(text.bytes, i == 0 ? given : left)) fail_msg("%s", text.bytes);
      cnn__text_free(&text);
      cnn_layer_free(layers[k]);
    }
  }
}

/* Every initializer of either array, but for the one that needs a matrix. */
static void test_every_initializer_is_taken_by_every_layer(void **state) {
  for (int64_t initializer = CNN_GLOROT_UNIFORM; initializer <= CNN_CONSTANT; initializer++) {
    const int64_t bias = initializer == CNN_ORTHOGONAL ? CNN_ZEROS : initializer;
    cnn_layer *layers[] = {
        cnn_dense(.units = 1, .kernel_initializer = initializer, .bias_initializer = bias),
        cnn_conv2d(.filters = 1, .kernel = {1}, .kernel_initializer = initializer,
                   .bias_initializer = bias),
        cnn_depthwise_conv2d(.kernel = {1}, .kernel_initializer = initializer,
                             .bias_initializer = bias)};
    for (size_t k = 0; k < sizeof layers / sizeof *layers; k++) {
      if (!layers[k]) fail_msg("%s", cnn_last_error());
      cnn_layer_free(layers[k]);
    }
  }
  for (int64_t none = -1; none <= CNN_CONSTANT + 1; none += CNN_CONSTANT + 2) {
    assert_refused(cnn_dense(.units = 1, .bias_initializer = none), CNN_E_INVALID, "none of its");
    assert_refused(cnn_depthwise_conv2d(.kernel = {1}, .kernel_initializer = none), CNN_E_INVALID,
                   "none of its");
  }
}

static void test_zero_itself_can_be_said(void **state) {
  assert_written(cnn_dropout(.rate = CNN_ZERO),
                 "{\"class\":\"Dropout\",\"name\":\"name\",\"rate\":0}");
  assert_written(cnn_rescaling(.scale = CNN_ZERO, .offset = 1),
                 "{\"class\":\"Rescaling\",\"name\":\"name\",\"scale\":0,\"offset\":1}");
}

static void test_what_is_missing_or_out_of_range_is_refused_by_name(void **state) {
  assert_refused(cnn_input_create(NULL), CNN_E_INVALID, "input: shape");
  assert_refused(cnn_input(.shape = {32, -3}), CNN_E_INVALID, "input: shape[1] is -3");
  assert_refused(cnn_input(.shape = {32, 0, 3}), CNN_E_INVALID, "input: shape[1] is 0");
  assert_refused(cnn_conv2d_create(NULL), CNN_E_INVALID, "conv2d: filters");
  assert_refused(cnn_conv2d(.filters = 8), CNN_E_INVALID, "conv2d: kernel");
  assert_refused(cnn_conv2d(.filters = -8, .kernel = {3}), CNN_E_INVALID, "filters is -8");
  assert_refused(cnn_conv2d(.filters = 8, .kernel = {3, -1}), CNN_E_INVALID, "kernel is -1");
  assert_refused(cnn_conv2d(.filters = 8, .kernel = {3}, .stride = {-2}), CNN_E_INVALID,
                 "stride is -2");
  assert_refused(cnn_conv2d(.filters = 8, .kernel = {3}, .dilation = {1, -2}), CNN_E_INVALID,
                 "dilation is -2");
  assert_refused(cnn_conv2d(.filters = 8, .kernel = {3}, .groups = -1), CNN_E_INVALID,
                 "groups is -1");
  assert_refused(cnn_conv2d(.filters = 8, .kernel = {3}, .groups = 3), CNN_E_INVALID,
                 "3 groups do not divide 8 filters");
  assert_refused(cnn_conv2d(.filters = 8, .kernel = {3}, .padding = 2), CNN_E_INVALID,
                 "padding is 2");
  assert_refused(cnn_conv2d(.filters = 8, .kernel = {3}, .activation = 11), CNN_E_INVALID,
                 "activation is 11");
  assert_refused(cnn_conv2d(.filters = 8, .kernel = {3}, .kernel_initializer = 14), CNN_E_INVALID,
                 "kernel_initializer is 14");
  assert_refused(cnn_conv2d(.filters = 8, .kernel = {3}, .kernel_l2 = -1e-4), CNN_E_INVALID,
                 "kernel_l2 is -0.0001");
  assert_refused(cnn_conv2d(.filters = 8, .kernel = {3}, .frozen = 2), CNN_E_INVALID,
                 "frozen is 2");
  assert_refused(cnn_conv2d(.filters = 8, .kernel = {3}, .no_bias = -1), CNN_E_INVALID,
                 "no_bias is -1");
  assert_refused(cnn_depthwise_conv2d(), CNN_E_INVALID, "depthwise_conv2d: kernel");
  assert_refused(cnn_depthwise_conv2d(.kernel = {3}, .multiplier = -1), CNN_E_INVALID,
                 "multiplier is -1");
  assert_refused(cnn_max_pool2d(.pool = {-2}), CNN_E_INVALID, "max_pooling2d: pool is -2");
  assert_refused(cnn_max_pool2d(.stride = {2, -2}), CNN_E_INVALID, "stride is -2");
  assert_refused(cnn_average_pool2d(.pool = {-2}), CNN_E_INVALID, "average_pooling2d: pool is -2");
  assert_refused(cnn_dense_create(NULL), CNN_E_INVALID, "dense: units");
  assert_refused(cnn_dropout(.rate = 1), CNN_E_INVALID, "dropout: rate is 1");
  assert_refused(cnn_dropout(.rate = 1 - DBL_EPSILON), CNN_E_INVALID, "rate is");
  assert_refused(cnn_dropout(.rate = -0.5), CNN_E_INVALID, "rate is -0.5");
  assert_refused(cnn_dropout(.rate = NAN), CNN_E_INVALID, "rate is nan");
  assert_refused(cnn_rescaling(.scale = INFINITY), CNN_E_INVALID, "scale is inf");
  assert_refused(cnn_rescaling(.offset = 1e39), CNN_E_INVALID, "offset is 1e+39");
  assert_refused(cnn_batch_normalization(.momentum = 1.5), CNN_E_INVALID, "momentum is 1.5");
  assert_refused(cnn_batch_normalization(.epsilon = -1), CNN_E_INVALID, "epsilon is -1");
  assert_refused(cnn_zero_padding2d(.top = -1), CNN_E_INVALID, "top is -1");
  assert_refused(cnn_activation(.function = CNN_RELU, .slope = 0.1), CNN_E_INVALID,
                 "relu takes no slope");
  assert_refused(cnn_activation(.function = CNN_ELU, .slope = -1), CNN_E_INVALID, "slope is -1");
}

/* Sizes begin at 1, padding at 0, and the message says so. */
static void test_integers_begin_where_the_message_says(void **state) {
  const cnn_layer *layers[] = {cnn_conv2d(.filters = 1, .kernel = {1}),
                               cnn_depthwise_conv2d(.kernel = {1}),
                               cnn_max_pool2d(),
                               cnn_average_pool2d(),
                               cnn_dense(.units = 1),
                               cnn_zero_padding2d()};
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    const cnn__layer_class *class = layers[i]->class;
    for (size_t k = 0; k < class->field_count; k++) {
      const cnn__field *field = &class->fields[k];
      if (field->kind != CNN__FIELD_INTEGER && field->kind != CNN__FIELD_PAIR) continue;
      int64_t *value = (int64_t *)((uintptr_t)layers[i]->settings + field->offset), kept = *value;
      *value = -1;
      char words[128];
      snprintf(words, sizeof words, "%s is -1; it must be from %d to 2147483647", field->name,
               class == &cnn__zero_padding2d_class ? 0 : 1);
      assert_error(
          CNN_E_INVALID,
          cnn__settings_check("it", class->fields, class->field_count, layers[i]->settings), words);
      *value = kept;
    }
    cnn_layer_free((cnn_layer *)layers[i]);
  }
}

static void test_integers_end_at_2_to_the_31(void **state) {
  cnn_clear_error();
  cnn_layer_free(cnn_dense(.units = INT32_MAX));
  assert_int_equal(cnn_last_status(), CNN_OK);
  assert_refused(cnn_dense(.units = (int64_t)INT32_MAX + 1), CNN_E_INVALID, "units is 2147483648;");
  assert_refused(cnn_dense(.units = INT64_MIN), CNN_E_INVALID, "units is");
  assert_refused(cnn_conv2d(.filters = 1, .kernel = {INT64_MAX}), CNN_E_INVALID, "kernel is");
  assert_refused(cnn_zero_padding2d(.right = INT64_MAX), CNN_E_INVALID, "right is");
}

static void test_scales_are_refused_where_an_initializer_takes_none(void **state) {
  assert_refused(cnn_dense(.units = 1, .kernel_scale = 0.1), CNN_E_INVALID,
                 "kernel_scale is 0.1, but glorot_uniform takes none");
  assert_refused(cnn_conv2d(.filters = 1, .kernel = {1}, .kernel_scale = 0.1), CNN_E_INVALID,
                 "kernel_scale is 0.1, but glorot_uniform takes none");
  assert_refused(cnn_depthwise_conv2d(.kernel = {1}, .kernel_scale = 0.1), CNN_E_INVALID,
                 "kernel_scale is 0.1, but glorot_uniform takes none");
  assert_refused(cnn_depthwise_conv2d(.kernel = {1}, .bias_scale = 0.1), CNN_E_INVALID,
                 "bias_scale is 0.1, but zeros takes none");
  assert_refused(cnn_dense(.units = 1, .bias_scale = 0.1), CNN_E_INVALID,
                 "bias_scale is 0.1, but zeros takes none");
  assert_refused(cnn_conv2d(.filters = 1, .kernel = {1}, .bias_scale = 0.1), CNN_E_INVALID,
                 "bias_scale is 0.1, but zeros takes none");
  assert_refused(
      cnn_dense(.units = 1, .kernel_initializer = CNN_RANDOM_UNIFORM, .kernel_scale = -0.5),
      CNN_E_INVALID, "random_uniform needs 0 or more");
  assert_refused(cnn_dense(.units = 1, .bias_initializer = CNN_ORTHOGONAL), CNN_E_INVALID,
                 "bias_initializer orthogonal needs a matrix");
  assert_refused(cnn_depthwise_conv2d(.kernel = {1}, .bias_initializer = CNN_ORTHOGONAL),
                 CNN_E_INVALID, "orthogonal");
}

static void test_names_are_copied_and_checked(void **state) {
  char name[] = "stem \xc3\xa4";
  cnn_layer *layer = cnn_flatten(.name = name);
  assert_non_null(layer);
  name[0] = 'X';
  assert_string_equal(layer->name, "stem \xc3\xa4");
  const cnn_flatten_options *settings = layer->settings;
  assert_null(settings->name);
  cnn_layer_free(layer);
  layer = cnn_flatten();
  assert_null(layer->name);
  cnn_layer_free(layer);
  char long_name[202];
  memset(long_name, 'n', sizeof long_name);
  long_name[201] = 0;
  assert_refused(cnn_flatten(.name = long_name), CNN_E_INVALID, "201 bytes");
  assert_refused(cnn_flatten(.name = ""), CNN_E_INVALID, "0 bytes");
  assert_refused(cnn_flatten(.name = "a/b"), CNN_E_INVALID, "byte 47 at 1");
  assert_refused(cnn_flatten(.name = "a\nb"), CNN_E_INVALID, "byte 10 at 1");
  assert_refused(cnn_flatten(.name = "a\xff"), CNN_E_INVALID, "no UTF-8 at byte 1");
}

static void test_a_layer_that_has_a_name_is_named_in_errors(void **state) {
  assert_refused(cnn_dense(.units = -1, .name = "head"), CNN_E_INVALID, "head: units is -1");
}

/* A struct as a later release might have it. */
typedef struct later_dropout_options {
  cnn_dropout_options now;
  int64_t later[2];
} later_dropout_options;

static void test_options_of_other_releases(void **state) {
  later_dropout_options later = {.now = {.struct_size = sizeof later, .rate = 0.25}};
  cnn_layer *layer = cnn_dropout_create(&later.now);
  assert_non_null(layer);
  cnn_layer_free(layer);
  later.later[1] = 1;
  assert_refused(cnn_dropout_create(&later.now), CNN_E_INVALID, "cnn_dropout_create");
  cnn_dropout_options earlier = {.struct_size = sizeof(size_t), .rate = -1}; /* before it had any */
  layer = cnn_dropout_create(&earlier);
  assert_non_null(layer);
  cnn_layer_free(layer);
  cnn_dropout_options odd = {.struct_size = sizeof odd - 1};
  assert_refused(cnn_dropout_create(&odd), CNN_E_INVALID, "struct_size is 23");
  cnn_dropout_options none = {0};
  assert_refused(cnn_dropout_create(&none), CNN_E_INVALID, "struct_size is 0");
}

static void test_init_gives_options_that_are_all_defaults(void **state) {
  cnn_conv2d_options options;
  memset(&options, 0xee, sizeof options);
  cnn_conv2d_options_init(&options, sizeof options);
  options.filters = 4;
  options.kernel[0] = 3;
  cnn_layer *layer = cnn_conv2d_create(&options), *same = cnn_conv2d(.filters = 4, .kernel = {3});
  assert_memory_equal(layer->settings, same->settings, sizeof options);
  cnn_layer_free(layer);
  cnn_layer_free(same);
  cnn_conv2d_options_init(NULL, sizeof options);
  cnn_layer_free(NULL);
}

static void test_frozen_is_read_from_the_description(void **state) {
  cnn_layer *frozen = cnn_dense(.units = 1, .frozen = 1), *other = cnn_dense(.units = 1);
  cnn_layer *none = cnn_flatten();
  assert_true(cnn__layer_frozen(frozen));
  assert_false(cnn__layer_frozen(other));
  assert_false(cnn__layer_frozen(none));
  cnn_layer_free(frozen);
  cnn_layer_free(other);
  cnn_layer_free(none);
}

static void test_every_class_is_found_by_its_name(void **state) {
  size_t count = 0;
  for (; cnn__layer_classes[count] != NULL; count++)
    assert_ptr_equal(cnn__layer_class_find(cnn__layer_classes[count]->class_name),
                     cnn__layer_classes[count]);
  assert_int_equal(count, 15);
  assert_null(cnn__layer_class_find("conv2d"));
}

static void test_names_of_activations(void **state) {
  assert_string_equal(cnn__activation_name(CNN_LINEAR), "linear");
  assert_string_equal(cnn__activation_name(CNN_SOFTMAX), "softmax");
  assert_string_equal(cnn__activation_name(CNN_SOFTPLUS), "softplus");
  assert_null(cnn__activation_name((cnn_activation_kind)11));
  assert_null(cnn__activation_name((cnn_activation_kind)-1));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_zero_means_the_documented_default),
      cmocka_unit_test(test_defaults_that_follow_from_other_settings),
      cmocka_unit_test(test_scales_are_defaults_only_where_none_is_given),
      cmocka_unit_test(test_every_initializer_is_taken_by_every_layer),
      cmocka_unit_test(test_zero_itself_can_be_said),
      cmocka_unit_test(test_what_is_missing_or_out_of_range_is_refused_by_name),
      cmocka_unit_test(test_integers_begin_where_the_message_says),
      cmocka_unit_test(test_integers_end_at_2_to_the_31),
      cmocka_unit_test(test_scales_are_refused_where_an_initializer_takes_none),
      cmocka_unit_test(test_names_are_copied_and_checked),
      cmocka_unit_test(test_a_layer_that_has_a_name_is_named_in_errors),
      cmocka_unit_test(test_options_of_other_releases),
      cmocka_unit_test(test_init_gives_options_that_are_all_defaults),
      cmocka_unit_test(test_frozen_is_read_from_the_description),
      cmocka_unit_test(test_every_class_is_found_by_its_name),
      cmocka_unit_test(test_names_of_activations),
  };
  return cmocka_run_group_tests_name("options of layers", tests, NULL, NULL);
}
