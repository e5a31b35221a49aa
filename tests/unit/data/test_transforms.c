/* Transforms of one image: sizes, colours, windows, erasing. Augmentation: tests/golden. */
#include "transforms.h"

#include "ops/color.h"

/* ---- resizing, against Pillow ---- */

static void check_resize(int64_t height, int64_t width, int64_t to_height, int64_t to_width) {
  static const char *const names[] = {"bilinear", "nearest", "bicubic"};
  char name[96];
  snprintf(name, sizeof name, "resize_%dx%d", (int)height, (int)width);
  cnn_tensor *image = expected_array(name);
  cnn_tensor *floats = cnn_tensor_create(CNN_FLOAT32, 3, cnn_tensor_shape(image));
  for (size_t i = 0; i < image->bytes; i++)
    ((float *)floats->data)[i] = ((const uint8_t *)image->data)[i];
  for (int filter = 0; filter < 3; filter++) {
    snprintf(name, sizeof name, "resize_%dx%d_%dx%d_%s_float", (int)height, (int)width,
             (int)to_height, (int)to_width, names[filter]);
    assert_close(name, cnn_image_resize(floats, to_height, to_width, (cnn_interpolation)filter),
                 expected_array(name), 1e-4);
    memcpy(name + strlen(name) - 5, "uint8", 5);
    assert_close(name, cnn_image_resize(image, to_height, to_width, (cnn_interpolation)filter),
                 expected_array(name), filter == CNN_NEAREST ? 0 : 1);
  }
  cnn_tensor_free(image);
  cnn_tensor_free(floats);
}

static void test_resizing_is_pillows(void **state) {
  static const int64_t sizes[][4] = {{9, 7, 5, 4},     {9, 7, 20, 17},  {32, 32, 8, 8},
                                     {32, 32, 48, 40}, {7, 5, 7, 10},   {31, 17, 3, 12},
                                     {1, 6, 4, 1},     {40, 40, 41, 39}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    check_resize(sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3]);
}

static void test_impossible_sizes_are_refused(void **state) {
  cnn_tensor *image = made_up_image(4, 4, 3);
  cnn_tensor *flat = cnn_tensor_create(CNN_UINT8, 2, (int64_t[]){4, 4});
  assert_null(cnn_image_resize(image, 0, 4, CNN_BILINEAR));
  assert_error(CNN_E_INVALID, cnn_last_status(), "0x4 is no size");
  assert_null(cnn_image_resize(image, 4, 1 << 20, CNN_BILINEAR));
  assert_error(CNN_E_LIMIT, cnn_last_status(), "exceeds 65536");
  assert_null(cnn_image_resize(image, 4, 4, (cnn_interpolation)7));
  assert_error(CNN_E_INVALID, cnn_last_status(), "7 is no interpolation");
  assert_null(cnn_image_resize(flat, 4, 4, CNN_BILINEAR));
  assert_error(CNN_E_SHAPE, cnn_last_status(), "4x4");
  cnn_clear_error();
  cnn_tensor_free(image);
  cnn_tensor_free(flat);
  for (int64_t tall = 0; tall < 2; tall++) {
    cnn_dataset *set = made_up_set(1, 2 + 2 * tall, 4 - 2 * tall, 1, 1);
    assert_null(cnn_loader_new(set, .transforms = {cnn_resize(.short_side = 60000)}));
    assert_error(CNN_E_LIMIT, cnn_last_status(), tall ? "to 120000x60000" : "to 60000x120000");
    cnn_clear_error();
    cnn_dataset_free(set);
  }
  refuse(cnn_resize(.width = 3), "takes height");
  refuse(cnn_resize(.height = 3, .short_side = 3), "short_side 3");
  refuse(cnn_resize(.height = -3), "height is -3");
  refuse(cnn_resize(.height = 3, .interpolation = 4), "interpolation is 4");
}

/* ---- colours, against torchvision ---- */

static cnn_tensor *coloured(int kind, float amount) {
  cnn_tensor *image = expected_array("colour");
  const size_t pixels = image->bytes / sizeof(float) / 3;
  switch (kind) {
  case 0:
    cnn__color_brightness(pixels * 3, image->data, amount, 1);
    break;
  case 1:
    cnn__color_contrast(pixels, 3, image->data, amount, 1);
    break;
  case 2:
    cnn__color_saturation(pixels, image->data, amount, 1);
    break;
  default:
    cnn__color_hue(pixels, image->data, amount, 1);
  }
  return image;
}

static void test_colours_are_torchvisions(void **state) {
  static const struct {
    int kind;
    const char *name;
    float amount;
  } cases[] = {{0, "brightness_0", 0}, {0, "brightness_0.6", .6f}, {0, "brightness_1.4", 1.4f},
               {1, "contrast_0", 0},   {1, "contrast_0.5", .5f},   {1, "contrast_1.7", 1.7f},
               {2, "saturation_0", 0}, {2, "saturation_0.4", .4f}, {2, "saturation_1.8", 1.8f},
               {3, "hue_-0.5", -.5f},  {3, "hue_-0.21", -.21f},    {3, "hue_0.1", .1f},
               {3, "hue_0.37", .37f},  {3, "hue_0.5", .5f}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char name[64];
    snprintf(name, sizeof name, "colour_%s", cases[i].name);
    assert_close(name, coloured(cases[i].kind, cases[i].amount), expected_array(name), 2e-6);
  }
}

static void test_jitter_draws_and_clips(void **state) {
  cnn_transform *jitter =
      cnn_color_jitter(.brightness = .5, .contrast = .5, .saturation = .5, .hue = .2);
  cnn_tensor *image = made_up_image(6, 5, 3);
  int differ = 0;
  for (uint64_t sample = 0; sample < 20; sample++) {
    cnn_tensor *first = cnn_augment_image(jitter, image, 1, 2, sample);
    cnn_tensor *again = cnn_augment_image(jitter, image, 1, 2, sample);
    assert_memory_equal(first->data, again->data, first->bytes);
    for (size_t i = 0; i < 90; i++) {
      const float value = cnn_tensor_floats(first)[i];
      assert_true(value >= 0 && value <= 255);
      differ += fabsf(value - (float)pixel_at(i)) > 1;
    }
    cnn_tensor_free(first);
    cnn_tensor_free(again);
  }
  assert_true(differ > 1000);
  cnn_transform_free(jitter);
  cnn_tensor_free(image);
  refuse(cnn_color_jitter(.hue = .6), "hue is 0.6");
  refuse(cnn_color_jitter(.contrast = -1), "contrast is -1");
}

/* ---- crops ---- */

static void test_crops_show_windows(void **state) {
  cnn_tensor *image = made_up_image(9, 8, 3);
  cnn_transform *middle = cnn_center_crop(.height = 4, .width = 5);
  cnn_tensor *window = cnn_augment_image(middle, image, 0, 0, 0);
  for (size_t i = 0; i < 4; i++)
    for (size_t j = 0; j < 15; j++)
      assert_true(cnn_tensor_floats(window)[i * 15 + j] == (float)pixel_at((i + 2) * 24 + 3 + j));
  cnn_tensor_free(window);
  cnn_transform_free(middle);

  cnn_transform *random = cnn_random_crop(.height = 4);
  bool seen[6][5] = {{false}};
  for (uint64_t sample = 0; sample < 300; sample++) {
    window = cnn_augment_image(random, image, 3, 1, sample);
    int found = 0;
    for (size_t top = 0; top < 6; top++)
      for (size_t left = 0; left < 5; left++) {
        bool same = true;
        for (size_t i = 0; same && i < 4; i++)
          for (size_t j = 0; same && j < 12; j++)
            same = cnn_tensor_floats(window)[i * 12 + j] ==
                   (float)pixel_at((i + top) * 24 + left * 3 + j);
        found += same;
        seen[top][left] |= same;
      }
    assert_int_equal(found, 1);
    cnn_tensor_free(window);
  }
  for (size_t i = 0; i < 30; i++)
    assert_true(seen[i / 5][i % 5]);
  cnn_transform_free(random);

  cnn_transform *large = cnn_center_crop(.height = 10);
  assert_null(cnn_augment_image(large, image, 0, 0, 0));
  assert_error(CNN_E_SHAPE, cnn_last_status(), "9x8 is smaller than the window of 10x10");
  cnn_clear_error();
  cnn_transform_free(large);
  cnn_tensor_free(image);
  refuse(cnn_center_crop(.width = 3), "height is required");
  refuse(cnn_random_crop(.height = 3, .fill = 9), "fill is 9");
}

/* A picture padded by more than its own size, seen whole. */
static void test_padding_fills_as_named(void **state) {
  static const int want[4][11] = {{1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3},
                                  {9, 9, 9, 9, 1, 2, 3, 9, 9, 9, 9},
                                  {3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1},
                                  {3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1}};
  const uint8_t pixels[] = {1, 2, 3};
  cnn_tensor *image = cnn_tensor_copy_of(CNN_UINT8, 3, (int64_t[]){1, 3, 1}, pixels);
  for (int fill = 0; fill < 4; fill++) {
    cnn_transform *crop =
        cnn_random_crop(.height = 9, .width = 11, .padding = 4, .fill = fill, .fill_value = 9);
    cnn_tensor *padded = cnn_augment_image(crop, image, 0, 0, 0);
    const float *middle = cnn_tensor_floats(padded) + 4 * 11;
    for (int j = 0; j < 11; j++)
      if (middle[j] != (float)want[fill][j])
        fail_msg("fill %d, column %d: %g, not %d", fill, j, (double)middle[j], want[fill][j]);
    cnn_tensor_free(padded);
    cnn_transform_free(crop);
  }
  cnn_tensor_free(image);
}

static void test_resized_crops_have_one_size(void **state) {
  cnn_transform *crop = cnn_random_resized_crop(.height = 6, .width = 4, .scale_low = .2);
  cnn_tensor *image = made_up_image(30, 20, 3);
  for (uint64_t sample = 0; sample < 30; sample++) {
    cnn_tensor *window = cnn_augment_image(crop, image, 3, 1, sample);
    assert_int_equal(window->shape.dim[0], 6);
    assert_int_equal(window->shape.dim[1], 4);
    cnn_tensor_free(window);
  }
  cnn_transform_free(crop);
  /* Of one ratio and the whole area there is one window: resizing. */
  crop = cnn_random_resized_crop(.height = 7, .width = 5, .scale_low = 1, .ratio_low = 2. / 3,
                                 .ratio_high = 2. / 3);
  assert_close("whole", cnn_augment_image(crop, image, 3, 1, 2),
               cnn_image_resize(image, 7, 5, CNN_BILINEAR), 0);
  cnn_transform_free(crop);
  cnn_tensor_free(image);
  refuse(cnn_random_resized_crop(.height = 3, .scale_low = .5, .scale_high = .2), "scale_low");
  refuse(cnn_random_resized_crop(.height = 3, .ratio_low = 3, .ratio_high = 2), "ratio_low");
  refuse(cnn_random_resized_crop(.scale_low = .5), "height is required");
}

/* ---- erasing ---- */

static void test_erasing_takes_a_rectangle(void **state) {
  cnn_tensor *image = made_up_image(20, 20, 1);
  cnn_transform *cutout = cnn_random_erasing(.size = 6, .value = -1);
  for (uint64_t sample = 0; sample < 50; sample++) {
    cnn_tensor *cut = cnn_augment_image(cutout, image, 0, 0, sample);
    size_t top = 20, bottom = 0, left = 20, right = 0, gone = 0;
    for (size_t i = 0; i < 400; i++) {
      if (cnn_tensor_floats(cut)[i] >= 0) {
        assert_true(cnn_tensor_floats(cut)[i] == (float)pixel_at(i));
        continue;
      }
      gone++;
      top = i / 20 < top ? i / 20 : top;
      bottom = i / 20 > bottom ? i / 20 : bottom;
      left = i % 20 < left ? i % 20 : left;
      right = i % 20 > right ? i % 20 : right;
    }
    assert_int_equal(gone, (bottom - top + 1) * (right - left + 1));
    assert_true(gone >= 9 && gone <= 36);
    cnn_tensor_free(cut);
  }
  cnn_transform_free(cutout);
  cnn_transform *erasing = cnn_random_erasing(.noise = 1, .scale_low = .1);
  int touched = 0;
  for (uint64_t sample = 0; sample < 200; sample++) {
    cnn_tensor *cut = cnn_augment_image(erasing, image, 0, 0, sample);
    int differ = 0;
    for (size_t i = 0; i < 400; i++)
      differ += fabsf(cnn_tensor_floats(cut)[i] - (float)pixel_at(i)) > 0;
    touched += differ > 0;
    assert_true(differ <= 140);
    cnn_tensor_free(cut);
  }
  assert_true(touched > 70 && touched < 130);
  cnn_transform_free(erasing);
  cnn_tensor_free(image);
  refuse(cnn_random_erasing(.probability = 2), "probability is 2");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_resizing_is_pillows),
      cmocka_unit_test(test_impossible_sizes_are_refused),
      cmocka_unit_test(test_colours_are_torchvisions),
      cmocka_unit_test(test_jitter_draws_and_clips),
      cmocka_unit_test(test_crops_show_windows),
      cmocka_unit_test(test_padding_fills_as_named),
      cmocka_unit_test(test_resized_crops_have_one_size),
      cmocka_unit_test(test_erasing_takes_a_rectangle),
  };
  return cmocka_run_group_tests_name("data_transforms", tests, NULL, NULL);
}
