/* PNG files: the pixels they hold, what is done about broken and hostile ones, and writing. */
#include "pictures.h"

static void test_png_files_hold_these_pixels(void **state) {
  assert_true(compare_files(".png", 0) >= 36);
}

static void test_the_limit_of_pixels_is_exact(void **state) {
  assert_int_equal(status_within("grey16.png", 13 * 11), CNN_OK);
  assert_int_equal(status_within("grey16.png", 13 * 11 - 1), CNN_E_LIMIT);
  assert_int_equal(status_within("one_pixel.png", 1), CNN_OK);
}

static void test_cut_off_files_are_refused(void **state) {
  truncate_everywhere("one_pixel.png", 0);
  truncate_everywhere("rgb8_exif6.png", 0);
  truncate_everywhere("palette4_transparent_interlaced.png", 0);
}

static void test_damaged_files_do_no_harm(void **state) {
  change_every_byte("palette2_transparent.png");
  change_every_byte("grey1_interlaced.png");
  change_every_byte("rgb8_exif6.png");
}

static void test_sizes_are_checked_on_the_header(void **state) {
  cnn_context *context = cnn_context_new(.max_pixels = 100);
  cnn_context_use(context);
  refuse_tensor(cnn_image_read(image_path("rgb8.png"), 3), CNN_E_LIMIT, "11x13 pixels exceeds");
  cnn_context_use(NULL);
  cnn_context_free(context);
}

/* ---- writing ---- */

static void test_png_files_come_back(void **state) {
  for (int channels = 1; channels <= 3; channels += 2) {
    const int64_t shape[] = {7, 5, channels};
    cnn_tensor *image = cnn_tensor_create(CNN_UINT8, 3, shape);
    cnn_tensor *floats = cnn_tensor_create(CNN_FLOAT32, 3, shape);
    for (size_t i = 0; i < image->bytes; i++) {
      ((uint8_t *)image->data)[i] = pixel_at(i);
      ((float *)floats->data)[i] = (float)pixel_at(i) / 255;
    }
    const char *path = scratch_path("image.png");
    assert_int_equal(cnn_image_write_png(path, image), CNN_OK);
    size_t size, again;
    unsigned char *first = read_bytes(path, &size);
    assert_close("uint8", cnn_image_read(path, channels), cnn_tensor_clone(image), 0);
    assert_int_equal(cnn_image_write_png(path, floats), CNN_OK);
    unsigned char *second = read_bytes(path, &again);
    assert_int_equal(size, again); /* the same pixels, the same file */
    assert_memory_equal(first, second, size);
    free(first);
    free(second);
    cnn_tensor_free(image);
    cnn_tensor_free(floats);
    unlink(path);
  }
}

static void test_floats_beyond_black_and_white_are_those(void **state) {
  const float values[] = {-0.5f, 2, 0.5f, NAN};
  cnn_tensor *floats = cnn_tensor_copy_of(CNN_FLOAT32, 3, (int64_t[]){2, 2, 1}, values);
  const char *path = scratch_path("floats.png");
  assert_int_equal(cnn_image_write_png(path, floats), CNN_OK);
  cnn_tensor *image = cnn_image_read(path, 1);
  assert_non_null(image);
  static const uint8_t expected[] = {0, 255, 128, 0};
  assert_memory_equal(cnn_tensor_const_data(image), expected, sizeof expected);
  cnn_tensor_free(image);
  cnn_tensor_free(floats);
  unlink(path);
}

static void test_images_without_a_name_or_with_other_channels(void **state) {
  refuse_tensor(cnn_image_decode(NULL, "no image", 8, 3), CNN_E_FORMAT, "image: neither a PNG");
  refuse_tensor(cnn_image_decode("x", NULL, 8, 3), CNN_E_INVALID, "bytes is NULL");
  refuse_tensor(cnn_image_decode("x", "no image", 8, 2), CNN_E_INVALID, "channels 2 is neither");
  refuse_tensor(cnn_image_read(image_path("rgb8.png"), 4), CNN_E_INVALID,
                "cnn_image_read: channels 4 is neither 3 nor 1");
  refuse_tensor(cnn_image_read(NULL, 3), CNN_E_INVALID, "cnn_image_read: path is NULL");
}

static void test_what_is_no_picture_is_not_written(void **state) {
  cnn_tensor *flat = cnn_tensor_create(CNN_UINT8, 2, (int64_t[]){3, 3});
  cnn_tensor *two = cnn_tensor_create(CNN_UINT8, 3, (int64_t[]){3, 3, 2});
  cnn_tensor *numbers = cnn_tensor_create(CNN_INT32, 3, (int64_t[]){3, 3, 3});
  cnn_tensor *good = cnn_tensor_create(CNN_UINT8, 3, (int64_t[]){3, 3, 3});
  const char *path = scratch_path("never.png");
  assert_error(CNN_E_INVALID, cnn_image_write_png(path, flat), "3x3 is not");
  assert_error(CNN_E_INVALID, cnn_image_write_png(path, two), "3x3x2 is not");
  assert_error(CNN_E_INVALID, cnn_image_write_png(path, numbers), "dtype 3");
  assert_error(CNN_E_INVALID, cnn_image_write_png(NULL, good), "path is NULL");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_image_write_png(path, NULL), "image is NULL");
  for (int wide = 0; wide < 2; wide++) {
    const int64_t side = (1 << 24) + 1;
    cnn_tensor *line =
        cnn_tensor_create(CNN_UINT8, 3, (int64_t[]){wide ? 1 : side, wide ? side : 1, 1});
    assert_error(CNN_E_INVALID, cnn_image_write_png(path, line), "exceeds 16777216 pixels a side");
    cnn_tensor_free(line);
    cnn_tensor *none = cnn_tensor_create(CNN_UINT8, 3, (int64_t[]){wide ? 0 : 3, wide ? 3 : 0, 1});
    assert_error(CNN_E_INVALID, cnn_image_write_png(path, none), "is not (height, width");
    cnn_tensor_free(none);
  }
  assert_int_equal(access(path, F_OK), -1);
  assert_error(CNN_E_NOT_FOUND, cnn_image_write_png("/there/is/none/x.png", good), "/there/is");
  cnn_tensor_free(flat);
  cnn_tensor_free(two);
  cnn_tensor_free(numbers);
  cnn_tensor_free(good);
}

/* ---- allocations ---- */

static cnn_status read_and_write(void) {
  cnn_tensor *image = cnn_image_read(image_path("rgb8_exif6.png"), 3);
  if (!image) return cnn_last_status();
  const cnn_status status = cnn_image_write_png(scratch_path("torture.png"), image);
  cnn_tensor_free(image);
  return status;
}

static void test_every_allocation_may_fail(void **state) {
  every_allocation_fails(read_and_write);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_png_files_hold_these_pixels),
      cmocka_unit_test(test_the_limit_of_pixels_is_exact),
      cmocka_unit_test(test_cut_off_files_are_refused),
      cmocka_unit_test(test_damaged_files_do_no_harm),
      cmocka_unit_test(test_sizes_are_checked_on_the_header),
      cmocka_unit_test(test_png_files_come_back),
      cmocka_unit_test(test_floats_beyond_black_and_white_are_those),
      cmocka_unit_test(test_images_without_a_name_or_with_other_channels),
      cmocka_unit_test(test_what_is_no_picture_is_not_written),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  const int failures = cmocka_run_group_tests_name("data_png", tests, NULL, NULL);
  remove(scratch_path("torture.png"));
  rmdir(scratch_folder());
  return failures;
}
