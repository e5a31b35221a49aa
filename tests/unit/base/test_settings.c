#include "base/settings.h"
#include "support.h"
#include <cnn/layer.h>
#include <math.h>

typedef struct options {
  size_t struct_size;
  int64_t filters, bias, padding;
  int64_t strides[2];
  double rate;
  int64_t shape[CNN__SETTINGS_RANK];
} options;

static const char *const paddings[] = {"default", "valid", "same", NULL};
static const cnn__field fields[] = {
    {.name = "filters",
     .kind = CNN__FIELD_INTEGER,
     .offset = offsetof(options, filters),
     .required = true,
     .minimum = 1,
     .maximum = 100},
    {.name = "bias", .kind = CNN__FIELD_FLAG, .offset = offsetof(options, bias), .initial = 0},
    {.name = "padding",
     .kind = CNN__FIELD_CHOICE,
     .offset = offsetof(options, padding),
     .initial = 1,
     .minimum = 1,
     .choices = paddings},
    {.name = "strides",
     .kind = CNN__FIELD_PAIR,
     .offset = offsetof(options, strides),
     .initial = 1,
     .minimum = 1,
     .maximum = 10},
    {.name = "rate",
     .kind = CNN__FIELD_REAL,
     .offset = offsetof(options, rate),
     .initial = 0.5,
     .minimum = 0,
     .maximum = 1},
    {.name = "shape", .kind = CNN__FIELD_SHAPE, .offset = offsetof(options, shape)}};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static options good(void) {
  return (options){.filters = 3, .shape = {4, 5}};
}

static cnn_status complete(options *o) {
  return cnn__settings_complete("layer", fields, FIELDS, o);
}

static void test_zero_means_the_default(void **state) {
  options o = good();
  assert_int_equal(complete(&o), CNN_OK);
  assert_int_equal(o.padding, 1);
  assert_int_equal(o.strides[0], 1);
  assert_int_equal(o.strides[1], 1);
  assert_true(o.rate == 0.5);
  o = good();
  o.strides[0] = 2;
  o.rate = CNN_ZERO;
  assert_int_equal(complete(&o), CNN_OK);
  assert_int_equal(o.strides[1], 2);
  assert_true(o.rate == 0);
}

static void refuse(options o, const char *words) {
  assert_error(CNN_E_INVALID, complete(&o), words);
}

static void test_what_is_out_of_range_is_named(void **state) {
  options o;
#define REFUSE(words, member, value)                                                               \
  o = good();                                                                                      \
  o.member = value;                                                                                \
  refuse(o, words)
  REFUSE("layer: filters is required", filters, 0);
  REFUSE("layer: filters is -1; it must be from 1 to 100", filters, -1);
  REFUSE("filters is 101", filters, 101);
  REFUSE("bias is 2; it must be 0 or 1", bias, 2);
  REFUSE("bias is -1", bias, -1);
  REFUSE("padding is 3", padding, 3);
  REFUSE("padding is -1", padding, -1);
  REFUSE("strides is -2", strides[1], -2);
  REFUSE("strides is 11", strides[0], 11);
  REFUSE("rate is 1.5; it must be from 0 to 1", rate, 1.5);
  REFUSE("rate is nan", rate, NAN);
  REFUSE("rate is inf", rate, INFINITY);
  REFUSE("shape[0] is 0; sizes are 1 or more", shape[0], 0);
  REFUSE("shape[1] is -5", shape[1], -5);
  REFUSE("shape[2] is 0", shape[3], 1);
  o = good();
  o.shape[0] = o.shape[1] = 0;
  refuse(o, "shape is required");
#undef REFUSE
}

static void test_a_number_without_an_upper_bound_is_finite(void **state) {
  static const cnn__field unbounded = {.name = "rate",
                                       .kind = CNN__FIELD_REAL,
                                       .offset = offsetof(options, rate),
                                       .minimum = 0,
                                       .maximum = INFINITY};
  options o = good();
  o.rate = 1e308;
  assert_int_equal(cnn__settings_complete("layer", &unbounded, 1, &o), CNN_OK);
  o.rate = INFINITY;
  assert_error(CNN_E_INVALID, cnn__settings_complete("layer", &unbounded, 1, &o),
               "layer: rate is inf; it must be 0 or more");
  cnn_clear_error();
}

static void test_what_is_written_reads_back(void **state) {
  cnn_context *context = cnn_context_new(.threads = 1);
  options o = good(), read = {0};
  o.padding = 2;
  o.bias = 1;
  o.strides[1] = 7;
  o.strides[0] = 9;
  o.rate = 0.1;
  assert_int_equal(complete(&o), CNN_OK);
  cnn__text text;
  cnn__text_start(&text, context);
  cnn__text_append(&text, "{\"kind\":0", 9);
  cnn__settings_write(&text, fields, FIELDS, &o);
  cnn__text_append(&text, "}", 1);
  assert_string_equal(text.bytes, "{\"kind\":0,\"filters\":3,\"bias\":true,\"padding\":\"same\","
                                  "\"strides\":[9,7],\"rate\":0.1,\"shape\":[4,5]}");
  cnn__json *root;
  assert_int_equal(cnn__json_parse(context, "file", text.bytes, text.size, &root), CNN_OK);
  const char *const others[] = {"kind", NULL};
  assert_int_equal(cnn__settings_read("file", fields, FIELDS, root, others, &read), CNN_OK);
  assert_memory_equal(&read, &o, sizeof o);
  assert_error(CNN_E_FORMAT, cnn__settings_read("file", fields, FIELDS, root, NULL, &read),
               "file: unknown member \"kind\"");
  cnn__json_free(context, root);
  cnn__text_free(&text);
  cnn_context_free(context);
}

static void test_files_that_state_it_wrongly_are_refused(void **state) {
  static const struct {
    const char *text;
    cnn_status status;
    const char *words;
  } cases[] = {
#define ALL_BUT_SHAPE                                                                              \
  "\"filters\":3,\"bias\":true,\"padding\":\"same\",\"strides\":[1,1],\"rate\":0"
      {"[]", CNN_E_FORMAT, "an object is expected"},
      {"{}", CNN_E_FORMAT, "\"filters\" is missing"},
      {"{" ALL_BUT_SHAPE "}", CNN_E_FORMAT, "\"shape\" is missing"},
      {"{" ALL_BUT_SHAPE ",\"shape\":[1,2,3,4,5,6,7,8,9]}", CNN_E_FORMAT,
       "\"shape\" has the wrong"},
      {"{" ALL_BUT_SHAPE ",\"shape\":[1.5]}", CNN_E_FORMAT, "\"shape\" has the wrong"},
      {"{" ALL_BUT_SHAPE ",\"shape\":3}", CNN_E_FORMAT, "\"shape\" has the wrong"},
      {"{" ALL_BUT_SHAPE ",\"shape\":[]}", CNN_E_INVALID, "shape is required"},
      {"{" ALL_BUT_SHAPE ",\"shape\":[1,0,2]}", CNN_E_INVALID, "shape[1] is 0"},
      {"{\"filters\":3.0}", CNN_E_FORMAT, "\"filters\" has the wrong"},
      {"{\"filters\":3,\"bias\":1}", CNN_E_FORMAT, "\"bias\" has the wrong"},
      {"{\"filters\":3,\"bias\":true,\"padding\":1}", CNN_E_FORMAT, "\"padding\" has the wrong"},
      {"{\"filters\":3,\"bias\":true,\"padding\":\"odd\"}", CNN_E_FORMAT,
       "\"padding\" has the wrong"},
      {"{\"filters\":3,\"bias\":true,\"padding\":\"same\",\"strides\":[1]}", CNN_E_FORMAT,
       "\"strides\" has the wrong"}};
  cnn_context *context = cnn_context_new(.threads = 1);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cnn__json *root;
    options read = {0};
    assert_int_equal(cnn__json_parse(context, "file", cases[i].text, strlen(cases[i].text), &root),
                     CNN_OK);
    assert_error(cases[i].status, cnn__settings_read("file", fields, FIELDS, root, NULL, &read),
                 cases[i].words);
    cnn__json_free(context, root);
  }
  cnn_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_zero_means_the_default),
      cmocka_unit_test(test_what_is_out_of_range_is_named),
      cmocka_unit_test(test_a_number_without_an_upper_bound_is_finite),
      cmocka_unit_test(test_what_is_written_reads_back),
      cmocka_unit_test(test_files_that_state_it_wrongly_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
