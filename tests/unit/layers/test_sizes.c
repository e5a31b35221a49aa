/* Options structs: every member is eight bytes wide or an array of such, and stands right behind the one before. */
#include "../base/support.h"
#include <cnn/layer.h>

typedef struct member {
  const char *name;
  size_t offset, size;
} member;

#define MEMBER(options, name)                                                                      \
  { #options "." #name, offsetof(options, name), sizeof(((options *)0)->name) }

/* Walks the members in order: sizeof grows with each, nothing lies between them, nothing behind. */
static void walk(const member *members, size_t count, size_t size) {
  size_t end = 0;
  for (size_t i = 0; i < count; i++) {
    if (members[i].offset != end || members[i].size == 0 || members[i].size % 8 != 0)
      fail_msg("%s is at %zu, %zu bytes wide; the members before end at %zu", members[i].name,
               members[i].offset, members[i].size, end);
    end += members[i].size;
  }
  assert_int_equal(end, size);
}

#define WALK(options, ...)                                                                         \
  do {                                                                                             \
    const member members[] = {__VA_ARGS__};                                                        \
    walk(members, sizeof members / sizeof *members, sizeof(options));                              \
  } while (0)

static void test_members_follow_each_other_without_padding(void **state) {
  WALK(cnn_input_options, MEMBER(cnn_input_options, struct_size), MEMBER(cnn_input_options, shape),
       MEMBER(cnn_input_options, name));
  WALK(cnn_conv2d_options, MEMBER(cnn_conv2d_options, struct_size),
       MEMBER(cnn_conv2d_options, filters), MEMBER(cnn_conv2d_options, kernel),
       MEMBER(cnn_conv2d_options, stride), MEMBER(cnn_conv2d_options, padding),
       MEMBER(cnn_conv2d_options, dilation), MEMBER(cnn_conv2d_options, groups),
       MEMBER(cnn_conv2d_options, activation), MEMBER(cnn_conv2d_options, no_bias),
       MEMBER(cnn_conv2d_options, kernel_initializer), MEMBER(cnn_conv2d_options, bias_initializer),
       MEMBER(cnn_conv2d_options, kernel_scale), MEMBER(cnn_conv2d_options, bias_scale),
       MEMBER(cnn_conv2d_options, kernel_l2), MEMBER(cnn_conv2d_options, frozen),
       MEMBER(cnn_conv2d_options, name));
  WALK(cnn_depthwise_conv2d_options, MEMBER(cnn_depthwise_conv2d_options, struct_size),
       MEMBER(cnn_depthwise_conv2d_options, multiplier),
       MEMBER(cnn_depthwise_conv2d_options, kernel), MEMBER(cnn_depthwise_conv2d_options, stride),
       MEMBER(cnn_depthwise_conv2d_options, padding),
       MEMBER(cnn_depthwise_conv2d_options, dilation),
       MEMBER(cnn_depthwise_conv2d_options, activation),
       MEMBER(cnn_depthwise_conv2d_options, no_bias),
       MEMBER(cnn_depthwise_conv2d_options, kernel_initializer),
       MEMBER(cnn_depthwise_conv2d_options, bias_initializer),
       MEMBER(cnn_depthwise_conv2d_options, kernel_scale),
       MEMBER(cnn_depthwise_conv2d_options, bias_scale),
       MEMBER(cnn_depthwise_conv2d_options, kernel_l2),
       MEMBER(cnn_depthwise_conv2d_options, frozen), MEMBER(cnn_depthwise_conv2d_options, name));
  WALK(cnn_max_pool2d_options, MEMBER(cnn_max_pool2d_options, struct_size),
       MEMBER(cnn_max_pool2d_options, pool), MEMBER(cnn_max_pool2d_options, stride),
       MEMBER(cnn_max_pool2d_options, padding), MEMBER(cnn_max_pool2d_options, name));
  WALK(cnn_average_pool2d_options, MEMBER(cnn_average_pool2d_options, struct_size),
       MEMBER(cnn_average_pool2d_options, pool), MEMBER(cnn_average_pool2d_options, stride),
       MEMBER(cnn_average_pool2d_options, padding), MEMBER(cnn_average_pool2d_options, name));
  WALK(cnn_global_average_pool2d_options, MEMBER(cnn_global_average_pool2d_options, struct_size),
       MEMBER(cnn_global_average_pool2d_options, name));
  WALK(cnn_flatten_options, MEMBER(cnn_flatten_options, struct_size),
       MEMBER(cnn_flatten_options, name));
  WALK(cnn_dense_options, MEMBER(cnn_dense_options, struct_size), MEMBER(cnn_dense_options, units),
       MEMBER(cnn_dense_options, activation), MEMBER(cnn_dense_options, no_bias),
       MEMBER(cnn_dense_options, kernel_initializer), MEMBER(cnn_dense_options, bias_initializer),
       MEMBER(cnn_dense_options, kernel_scale), MEMBER(cnn_dense_options, bias_scale),
       MEMBER(cnn_dense_options, kernel_l2), MEMBER(cnn_dense_options, frozen),
       MEMBER(cnn_dense_options, name));
  WALK(cnn_activation_options, MEMBER(cnn_activation_options, struct_size),
       MEMBER(cnn_activation_options, function), MEMBER(cnn_activation_options, slope),
       MEMBER(cnn_activation_options, name));
  WALK(cnn_dropout_options, MEMBER(cnn_dropout_options, struct_size),
       MEMBER(cnn_dropout_options, rate), MEMBER(cnn_dropout_options, name));
  WALK(cnn_rescaling_options, MEMBER(cnn_rescaling_options, struct_size),
       MEMBER(cnn_rescaling_options, scale), MEMBER(cnn_rescaling_options, offset),
       MEMBER(cnn_rescaling_options, name));
  WALK(cnn_batch_normalization_options, MEMBER(cnn_batch_normalization_options, struct_size),
       MEMBER(cnn_batch_normalization_options, momentum),
       MEMBER(cnn_batch_normalization_options, epsilon),
       MEMBER(cnn_batch_normalization_options, no_center),
       MEMBER(cnn_batch_normalization_options, no_scale),
       MEMBER(cnn_batch_normalization_options, frozen),
       MEMBER(cnn_batch_normalization_options, name));
  WALK(cnn_zero_padding2d_options, MEMBER(cnn_zero_padding2d_options, struct_size),
       MEMBER(cnn_zero_padding2d_options, top), MEMBER(cnn_zero_padding2d_options, bottom),
       MEMBER(cnn_zero_padding2d_options, left), MEMBER(cnn_zero_padding2d_options, right),
       MEMBER(cnn_zero_padding2d_options, name));
  WALK(cnn_add_options, MEMBER(cnn_add_options, struct_size), MEMBER(cnn_add_options, name));
  WALK(cnn_concatenate_options, MEMBER(cnn_concatenate_options, struct_size),
       MEMBER(cnn_concatenate_options, name));
}

/* Structs grow at their end only: where these sizes were, there is a seam for ever. */
static void test_sizes_of_the_first_release(void **state) {
  assert_int_equal(sizeof(cnn_input_options), 80);
  assert_int_equal(sizeof(cnn_conv2d_options), 152);
  assert_int_equal(sizeof(cnn_depthwise_conv2d_options), 144);
  assert_int_equal(sizeof(cnn_max_pool2d_options), 56);
  assert_int_equal(sizeof(cnn_average_pool2d_options), 56);
  assert_int_equal(sizeof(cnn_global_average_pool2d_options), 16);
  assert_int_equal(sizeof(cnn_flatten_options), 16);
  assert_int_equal(sizeof(cnn_dense_options), 88);
  assert_int_equal(sizeof(cnn_activation_options), 32);
  assert_int_equal(sizeof(cnn_dropout_options), 24);
  assert_int_equal(sizeof(cnn_rescaling_options), 32);
  assert_int_equal(sizeof(cnn_batch_normalization_options), 56);
  assert_int_equal(sizeof(cnn_zero_padding2d_options), 48);
  assert_int_equal(sizeof(cnn_add_options), 16);
  assert_int_equal(sizeof(cnn_concatenate_options), 16);
}

static void test_constants_of_files_and_of_the_abi(void **state) {
  assert_int_equal(CNN_LINEAR, 0);
  assert_int_equal(CNN_RELU, 1);
  assert_int_equal(CNN_SOFTMAX, 6);
  assert_int_equal(CNN_SOFTPLUS, 10);
  assert_int_equal(CNN_SAME, 1);
  assert_int_equal(CNN_GLOROT_UNIFORM, 1);
  assert_int_equal(CNN_CONSTANT, 13);
  assert_true(CNN_ZERO < 0 && -CNN_ZERO == 2.2250738585072014e-308);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_members_follow_each_other_without_padding),
      cmocka_unit_test(test_sizes_of_the_first_release),
      cmocka_unit_test(test_constants_of_files_and_of_the_abi),
  };
  return cmocka_run_group_tests_name("sizes of layers' options", tests, NULL, NULL);
}
