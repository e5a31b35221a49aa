/* Layers as JSON: what is written reads back the same; hostile text is refused. */
#include "support.h"
#include <stdio.h>

static cnn_context *context;

static int set_up(void **state) {
  context = cnn__context_acquire();
  return context == NULL;
}

static int tear_down(void **state) {
  cnn_context_free(context);
  return 0;
}

static cnn_status read_text(const char *text, cnn_layer **layer) {
  cnn__json *json = NULL;
  *layer = NULL;
  cnn_status status = cnn__json_parse(context, "m.safetensors", text, strlen(text), &json);
  if (status == CNN_OK) status = cnn__layer_read(context, "m.safetensors", json, layer);
  cnn__json_free(context, json);
  return status;
}

static void assert_round_trip(cnn_layer *layer) {
  cnn__text first = written(layer, "it \"quoted\"");
  cnn_layer *again;
  if (read_text(first.bytes, &again) != CNN_OK) fail_msg("%s", cnn_last_error());
  assert_ptr_equal(again->class, layer->class);
  assert_string_equal(again->name, "it \"quoted\"");
  assert_memory_equal(again->settings, layer->settings, layer->class->settings_size);
  cnn__text second = written(again, again->name);
  assert_string_equal(first.bytes, second.bytes);
  cnn__text_free(&first);
  cnn__text_free(&second);
  cnn_layer_free(again);
  cnn_layer_free(layer);
}

static void test_what_is_written_reads_back_the_same(void **state) {
  assert_round_trip(cnn_input(.shape = {1, 2, 3, 4, 5, 6, 7, 8}));
  assert_round_trip(cnn_conv2d(.filters = 6, .kernel = {3, 5}, .stride = {2, 1},
                               .padding = CNN_SAME, .dilation = {1, 2}, .groups = 3,
                               .activation = CNN_SOFTPLUS, .no_bias = 1,
                               .kernel_initializer = CNN_CONSTANT, .kernel_scale = -0.1,
                               .bias_initializer = CNN_TRUNCATED_NORMAL, .bias_scale = 1e-30,
                               .kernel_l2 = 5e-4, .frozen = 1));
  assert_round_trip(
      cnn_depthwise_conv2d(.kernel = {3}, .multiplier = 7, .kernel_initializer = CNN_ORTHOGONAL));
  assert_round_trip(cnn_max_pool2d(.pool = {3}, .stride = {2}, .padding = CNN_SAME));
  assert_round_trip(cnn_average_pool2d());
  assert_round_trip(cnn_global_average_pool2d());
  assert_round_trip(cnn_flatten());
  assert_round_trip(cnn_dense(.units = INT32_MAX, .activation = CNN_GELU,
                              .kernel_initializer = CNN_RANDOM_NORMAL, .kernel_scale = CNN_ZERO));
  assert_round_trip(cnn_activation(.function = CNN_LEAKY_RELU, .slope = CNN_ZERO));
  assert_round_trip(cnn_dropout(.rate = 0.1));
  assert_round_trip(cnn_dropout(.rate = CNN_ZERO));
  assert_round_trip(cnn_rescaling(.scale = 1 / 127.5, .offset = -1));
  assert_round_trip(cnn_batch_normalization(.momentum = CNN_ZERO, .no_scale = 1));
  assert_round_trip(cnn_zero_padding2d(.top = 1, .right = 2));
  assert_round_trip(cnn_add());
  assert_round_trip(cnn_concatenate());
}

static void test_every_activation_padding_and_initializer_has_a_name_that_reads_back(void **state) {
  for (int64_t i = CNN_LINEAR; i <= CNN_SOFTPLUS; i++)
    assert_round_trip(cnn_activation(.function = i));
  for (int64_t i = CNN_GLOROT_UNIFORM; i <= CNN_CONSTANT; i++)
    assert_round_trip(cnn_dense(.units = 1, .kernel_initializer = i));
}

static void assert_unreadable(const char *text, cnn_status status, const char *words) {
  cnn_layer *layer;
  assert_error(status, read_text(text, &layer), words);
  assert_null(layer);
  cnn_clear_error();
}

static void test_text_that_is_no_layer_is_refused(void **state) {
  assert_unreadable("[]", CNN_E_FORMAT, "m.safetensors: a layer must be an object");
  assert_unreadable("{}", CNN_E_FORMAT, "\"class\" is missing");
  assert_unreadable("{\"class\":3,\"name\":\"a\"}", CNN_E_FORMAT, "\"class\" is no string");
  assert_unreadable("{\"class\":\"Flatten\"}", CNN_E_FORMAT, "\"name\" is missing");
  assert_unreadable("{\"class\":\"Flatten\",\"name\":null}", CNN_E_FORMAT, "\"name\" is no string");
  assert_unreadable("{\"class\":\"Lambda\",\"name\":\"a\"}", CNN_E_FORMAT,
                    "unknown layer class \"Lambda\"");
  assert_unreadable("{\"class\":\"Flatten\",\"name\":\"a/b\"}", CNN_E_INVALID, "byte 47");
  assert_unreadable("{\"class\":\"Flatten\",\"name\":\"\"}", CNN_E_INVALID, "0 bytes");
  assert_unreadable("{\"class\":\"Flatten\",\"name\":\"a\",\"name\":\"b\"}", CNN_E_FORMAT, "name");
  assert_unreadable("{\"class\":\"Flatten\",\"name\":\"a\",\"axis\":1}", CNN_E_FORMAT, "\"axis\"");
}

#define DROPOUT(rate) "{\"class\":\"Dropout\",\"name\":\"d\",\"rate\":" rate "}"
#define POOL(pool, stride, padding)                                                                \
  "{\"class\":\"MaxPooling2D\",\"name\":\"p\",\"pool\":" pool ",\"stride\":" stride                \
  ",\"padding\":" padding "}"
#define INPUT(shape) "{\"class\":\"InputLayer\",\"name\":\"i\",\"shape\":" shape "}"

static void test_members_of_a_wrong_type_are_refused(void **state) {
  assert_unreadable(DROPOUT("\"0.5\""), CNN_E_FORMAT, "m.safetensors: d: \"rate\"");
  assert_unreadable(DROPOUT("null"), CNN_E_FORMAT, "\"rate\"");
  assert_unreadable(POOL("2", "[2,2]", "\"same\""), CNN_E_FORMAT, "\"pool\"");
  assert_unreadable(POOL("[2]", "[2,2]", "\"same\""), CNN_E_FORMAT, "\"pool\"");
  assert_unreadable(POOL("[2,2,2]", "[2,2]", "\"same\""), CNN_E_FORMAT, "\"pool\"");
  assert_unreadable(POOL("[2,2.0]", "[2,2]", "\"same\""), CNN_E_FORMAT, "\"pool\"");
  assert_unreadable(POOL("[2,2]", "[2,2]", "1"), CNN_E_FORMAT, "\"padding\"");
  assert_unreadable(POOL("[2,2]", "[2,2]", "\"full\""), CNN_E_FORMAT, "\"padding\"");
  assert_unreadable(INPUT("[1,2,3,4,5,6,7,8,9]"), CNN_E_FORMAT, "\"shape\"");
  assert_unreadable(INPUT("{}"), CNN_E_FORMAT, "\"shape\"");
  assert_unreadable(INPUT("[1e3]"), CNN_E_FORMAT, "\"shape\"");
  assert_unreadable("{\"class\":\"Dropout\",\"name\":\"d\"}", CNN_E_FORMAT, "\"rate\" is missing");
}

/* In files everything is stated: 0 is 0 there, and no default. */
static void test_values_out_of_range_fail_as_they_do_in_options(void **state) {
  assert_unreadable(DROPOUT("1"), CNN_E_INVALID, "d: rate is 1");
  assert_unreadable(DROPOUT("1e400"), CNN_E_FORMAT, "");
  assert_unreadable(DROPOUT("-1"), CNN_E_INVALID, "rate is -1");
  assert_unreadable(POOL("[2,0]", "[2,2]", "\"same\""), CNN_E_INVALID, "pool is 0");
  assert_unreadable(POOL("[2,2]", "[0,0]", "\"same\""), CNN_E_INVALID, "stride is 0");
  assert_unreadable(POOL("[2,2]", "[2,-1]", "\"same\""), CNN_E_INVALID, "stride is -1");
  assert_unreadable(POOL("[2,2147483648]", "[2,1]", "\"same\""), CNN_E_INVALID, "pool is");
  assert_unreadable(INPUT("[]"), CNN_E_INVALID, "shape");
  assert_unreadable(INPUT("[0]"), CNN_E_INVALID, "shape");
  assert_unreadable(INPUT("[3,-1]"), CNN_E_INVALID, "shape[1] is -1");
  assert_unreadable("{\"class\":\"Activation\",\"name\":\"a\",\"function\":\"relu\",\"slope\":0.5}",
                    CNN_E_INVALID, "relu takes no slope");
}

/* Every number of such a layer is a size, a distance or a count: none may be 0. */
static void refuse_zeros(cnn_layer *layer) {
  cnn__text text = written(layer, "it");
  cnn_layer_free(layer);
  int tried = 0;
  for (const char *at = text.bytes; *at; at++) {
    const bool begins = (at[-(at > text.bytes)] == ':' || at[-(at > text.bytes)] == '[' ||
                         at[-(at > text.bytes)] == ',') &&
                        *at >= '1' && *at <= '9';
    if (!begins) continue;
    char changed[1024];
    const size_t length = strspn(at, "0123456789");
    assert_true(strchr(",]}", at[length]) != NULL);
    (void)snprintf(changed, sizeof changed, "%.*s0%s", (int)(at - text.bytes), text.bytes,
                   at + length);
    assert_unreadable(changed, CNN_E_INVALID, "m.safetensors: it: ");
    tried++;
  }
  assert_true(tried >= 1);
  cnn__text_free(&text);
}

static void test_no_size_of_a_file_is_0(void **state) {
  refuse_zeros(cnn_conv2d(.filters = 4, .kernel = {3, 2}, .stride = {2, 3}, .groups = 2));
  refuse_zeros(cnn_conv2d(.filters = 1, .kernel = {1, 5}, .dilation = {4, 3}));
  refuse_zeros(cnn_depthwise_conv2d(.kernel = {3, 2}, .stride = {2, 3}, .multiplier = 7));
  refuse_zeros(cnn_depthwise_conv2d(.kernel = {3, 2}, .dilation = {2, 3}));
  refuse_zeros(cnn_max_pool2d(.pool = {3, 2}, .stride = {1, 4}));
  refuse_zeros(cnn_average_pool2d(.pool = {3, 2}, .stride = {1, 4}));
  refuse_zeros(cnn_dense(.units = 12));
}

static void test_groups_from_a_file_divide_the_filters(void **state) {
  cnn_layer *layer = cnn_conv2d(.filters = 6, .kernel = {3}, .groups = 3);
  cnn__text text = written(layer, "conv");
  char *groups = strstr(text.bytes, "\"groups\":3");
  groups[strlen("\"groups\":")] = '4';
  assert_unreadable(text.bytes, CNN_E_INVALID, "m.safetensors: conv: 4 groups do not divide 6");
  groups[strlen("\"groups\":")] = '0';
  assert_unreadable(text.bytes, CNN_E_INVALID, "groups is");
  cnn__text_free(&text);
  cnn_layer_free(layer);
}

/* Takes the layer; which: "kernel_initializer" or "bias_initializer". */
static void refuse_default(cnn_layer *layer, const char *which) {
  cnn__text text = written(layer, "d");
  cnn_layer_free(layer);
  char *at = strstr(text.bytes, which);
  assert_non_null(at);
  at += strlen(which) + strlen("\":");
  const size_t length = strcspn(at + 1, "\"") + 2;
  char changed[1024];
  (void)snprintf(changed, sizeof changed, "%.*s\"default\"%s", (int)(at - text.bytes), text.bytes,
                 at + length);
  assert_unreadable(changed, CNN_E_INVALID, which);
  cnn__text_free(&text);
}

static void test_default_is_no_initializer_in_a_file(void **state) {
  static const char *const parameters[] = {"kernel_initializer", "bias_initializer"};
  for (size_t i = 0; i < 2; i++) {
    refuse_default(cnn_dense(.units = 10), parameters[i]);
    refuse_default(cnn_conv2d(.filters = 4, .kernel = {3}), parameters[i]);
    refuse_default(cnn_depthwise_conv2d(.kernel = {3}), parameters[i]);
  }
}

/* Each byte of a layer's text replaced by each of some others: an error or a layer, never more. */
static void test_changed_bytes_yield_an_error_or_a_layer(void **state) {
  static const char others[] = "\"0-9{}[],:e. \\nut\xff\x01";
  cnn_layer *layer = cnn_conv2d(.filters = 6, .kernel = {3}, .groups = 3), *read;
  cnn__text text = written(layer, "conv");
  size_t refused = 0;
  for (size_t i = 0; i < text.size; i++)
    for (const char *other = others; *other != 0; other++) {
      const char kept = text.bytes[i];
      text.bytes[i] = *other;
      cnn_clear_error();
      const cnn_status status = read_text(text.bytes, &read);
      assert_true((status == CNN_OK) == (read != NULL));
      assert_int_equal(cnn_last_status(), status);
      refused += status != CNN_OK;
      cnn_layer_free(read);
      text.bytes[i] = kept;
    }
  assert_true(refused > text.size * 10);
  cnn__text_free(&text);
  cnn_layer_free(layer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_written_reads_back_the_same),
      cmocka_unit_test(test_every_activation_padding_and_initializer_has_a_name_that_reads_back),
      cmocka_unit_test(test_text_that_is_no_layer_is_refused),
      cmocka_unit_test(test_members_of_a_wrong_type_are_refused),
      cmocka_unit_test(test_values_out_of_range_fail_as_they_do_in_options),
      cmocka_unit_test(test_no_size_of_a_file_is_0),
      cmocka_unit_test(test_groups_from_a_file_divide_the_filters),
      cmocka_unit_test(test_default_is_no_initializer_in_a_file),
      cmocka_unit_test(test_changed_bytes_yield_an_error_or_a_layer),
  };
  return cmocka_run_group_tests_name("layers in files", tests, set_up, tear_down);
}
