/* Every options struct begins as its defaults: zeros behind its size; so does one of an earlier, smaller release, behind whose end
   nothing is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cnn/cnn.h>
#include <string.h>

static void assert_begun(const unsigned char *bytes, size_t size, size_t whole) {
  size_t told;
  memcpy(&told, bytes, sizeof told);
  assert_int_equal(told, size);
  for (size_t i = sizeof told; i < whole; i++)
    assert_int_equal(bytes[i], i < size ? 0 : 0xa5);
}

#define CHECK(type)                                                                                \
  do {                                                                                             \
    type options;                                                                                  \
    const size_t sizes[] = {sizeof options, sizeof options - 8};                                   \
    for (size_t i = 0; i < 2; i++) {                                                               \
      memset(&options, 0xa5, sizeof options);                                                      \
      type##_init(&options, sizes[i]);                                                             \
      assert_begun((const unsigned char *)&options, sizes[i], sizeof options);                     \
    }                                                                                              \
    type##_init(NULL, sizeof options);                                                             \
  } while (0)

static void test_options_begin_as_their_defaults(void **state) {
  (void)state;
  CHECK(cnn_context_options);
  CHECK(cnn_synthetic_options);
  CHECK(cnn_array_options);
  CHECK(cnn_folder_options);
  CHECK(cnn_augmentation_options);
  CHECK(cnn_resize_options);
  CHECK(cnn_center_crop_options);
  CHECK(cnn_random_crop_options);
  CHECK(cnn_random_resized_crop_options);
  CHECK(cnn_color_jitter_options);
  CHECK(cnn_random_erasing_options);
  CHECK(cnn_mix_options);
  CHECK(cnn_normalize_options);
  CHECK(cnn_custom_options);
  CHECK(cnn_loader_options);
  CHECK(cnn_input_options);
  CHECK(cnn_conv2d_options);
  CHECK(cnn_depthwise_conv2d_options);
  CHECK(cnn_max_pool2d_options);
  CHECK(cnn_average_pool2d_options);
  CHECK(cnn_global_average_pool2d_options);
  CHECK(cnn_flatten_options);
  CHECK(cnn_dense_options);
  CHECK(cnn_activation_options);
  CHECK(cnn_dropout_options);
  CHECK(cnn_rescaling_options);
  CHECK(cnn_batch_normalization_options);
  CHECK(cnn_zero_padding2d_options);
  CHECK(cnn_add_options);
  CHECK(cnn_concatenate_options);
  CHECK(cnn_compile_options);
  CHECK(cnn_fit_options);
  CHECK(cnn_predictor_options);
  CHECK(cnn_crossentropy_options);
  CHECK(cnn_error_loss_options);
  CHECK(cnn_metric_options);
  CHECK(cnn_schedule_options);
  CHECK(cnn_adam_options);
  CHECK(cnn_sgd_options);
  CHECK(cnn_rmsprop_options);
  CHECK(cnn_early_stopping_options);
  CHECK(cnn_reduce_on_plateau_options);
  CHECK(cnn_checkpoint_options);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_options_begin_as_their_defaults)};
  return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
