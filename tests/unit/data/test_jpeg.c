/* JPEG files: the pixels they hold, scaled decoding, and what is done about broken and hostile ones. */
#include "pictures.h"

static void test_jpeg_files_hold_these_pixels(void **state) {
  assert_true(compare_files(".jpg", 1) >= 14);
}

static void test_large_jpegs_come_smaller(void **state) {
  static const struct {
    size_t least_height, least_width, height, width;
  } cases[] = {{0, 0, 120, 160},  {121, 0, 120, 160}, {60, 80, 60, 80},
               {61, 1, 120, 160}, {20, 20, 30, 40},   {1, 1, 15, 20}};
  size_t size;
  unsigned char *bytes = read_bytes(image_path("large.jpg"), &size);
  cnn_context *context = cnn__context_acquire();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cnn__sample sample = {.context = context};
    const cnn__decoding decoding = {
        "large", bytes, size, 3, cases[i].least_height, cases[i].least_width};
    assert_int_equal(cnn__image_decode(&decoding, &sample), CNN_OK);
    assert_int_equal(sample.shape.dim[0], cases[i].height);
    assert_int_equal(sample.shape.dim[1], cases[i].width);
    assert_int_equal((uintptr_t)sample.pixels % 32, 16); /* see CNN__DECODED_AT */
    cnn__sample_release(&sample);
  }
  cnn_context_free(context);
  free(bytes);
}

static void test_cut_off_files_are_refused(void **state) {
  truncate_everywhere("exif5.jpg", 2); /* without the end's marker all pixels may be there */
  truncate_everywhere("grey.jpg", 2);
}

/* One decoder serves many files: whatever one of them was, the next is read as ever. */
static void test_a_broken_file_spoils_no_other(void **state) {
  size_t size, other;
  unsigned char *broken = read_bytes(image_path("rgb_420.jpg"), &size);
  unsigned char *sound = read_bytes(image_path("exif5.jpg"), &other);
  cnn_tensor *want = cnn_image_read(image_path("exif5.jpg"), 3);
  cnn_context *context = cnn__context_acquire();
  cnn__sample sample = {.context = context};
  for (size_t cut = 3; cut < size; cut++) {
    (void)cnn__image_decode(&(cnn__decoding){"broken", broken, cut, 3, 0, 0}, &sample);
    cnn_clear_error();
    if (cnn__image_decode(&(cnn__decoding){"sound", sound, other, 3, 0, 0}, &sample) != CNN_OK)
      fail_msg("after %zu of %zu bytes: %s", cut, size, cnn_last_error());
    assert_memory_equal(sample.pixels, want->data, want->bytes);
  }
  cnn__sample_release(&sample);
  cnn_context_free(context);
  cnn_tensor_free(want);
  free(broken);
  free(sound);
}

static void test_damaged_files_do_no_harm(void **state) {
  change_every_byte("exif6.jpg");
  change_every_byte("grey.jpg");
}

static void test_sizes_are_checked_on_the_header(void **state) {
  cnn_context *context = cnn_context_new(.max_pixels = 100);
  cnn_context_use(context);
  refuse_tensor(cnn_image_read(image_path("exif1.jpg"), 3), CNN_E_LIMIT, "12x20 pixels exceeds");
  cnn_context_use(NULL);
  cnn_context_free(context);
}

static void test_more_pixels_than_the_bytes_can_hold_are_refused(void **state) {
  size_t size;
  unsigned char *bytes = read_bytes(image_path("exif1.jpg"), &size);
  for (size_t i = 0; i + 9 < size; i++)
    if (bytes[i] == 0xff && bytes[i + 1] == 0xc0) {
      bytes[i + 5] = bytes[i + 7] = 0x3f;
      bytes[i + 6] = bytes[i + 8] = 0xff;
      break;
    }
  counting c = {0};
  cnn_context *context = counting_context(&c, 1);
  cnn_context_use(context);
  refuse_tensor(cnn_image_decode("bomb", bytes, size, 3), CNN_E_FORMAT, "cannot come from");
  assert_true(cnn_context_memory(context) == 0);
  cnn_context_use(NULL);
  cnn_context_free(context);
  free(bytes);
}

static cnn_status read_one(void) {
  cnn_tensor *photo = cnn_image_read(image_path("exif6.jpg"), 3);
  const cnn_status status = photo ? CNN_OK : cnn_last_status();
  cnn_tensor_free(photo);
  return status;
}

static void test_every_allocation_may_fail(void **state) {
  every_allocation_fails(read_one);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_jpeg_files_hold_these_pixels),
      cmocka_unit_test(test_large_jpegs_come_smaller),
      cmocka_unit_test(test_cut_off_files_are_refused),
      cmocka_unit_test(test_a_broken_file_spoils_no_other),
      cmocka_unit_test(test_damaged_files_do_no_harm),
      cmocka_unit_test(test_sizes_are_checked_on_the_header),
      cmocka_unit_test(test_more_pixels_than_the_bytes_can_hold_are_refused),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  const int failures = cmocka_run_group_tests_name("data_jpeg", tests, NULL, NULL);
  return failures;
}
