/* Image files of any format: what is none is refused, and turned as EXIF says. */
#include "images.h"

#include "data/image_file.h"

static void test_what_is_no_image_is_refused(void **state) {
  cnn_clear_error();
  refuse_tensor(cnn_image_decode("text", "hello, world", 12, 3), CNN_E_FORMAT, "text: neither");
  refuse_tensor(cnn_image_decode("nothing", "", 0, 3), CNN_E_FORMAT, "0 bytes");
  refuse_tensor(cnn_image_decode("text", "hello", 5, 2), CNN_E_INVALID, "channels 2");
  refuse_tensor(cnn_image_decode("text", NULL, 5, 3), CNN_E_INVALID, "bytes is NULL");
  refuse_tensor(cnn_image_read("/there/is/none", 3), CNN_E_NOT_FOUND, "/there/is/none");
  refuse_tensor(cnn_image_read(NULL, 3), CNN_E_INVALID, "path is NULL");
}

/* A build without a format's library says so, and takes nothing else for the reason. */
static void test_formats_that_are_not_built_in_are_named(void **state) {
#ifndef CNN__HAVE_PNG
  refuse_tensor(cnn_image_read(image_path("rgb8.png"), 3), CNN_E_UNSUPPORTED, "libpng");
#endif
#ifndef CNN__HAVE_JPEG
  refuse_tensor(cnn_image_read(image_path("exif1.jpg"), 3), CNN_E_UNSUPPORTED, "libturbojpeg");
#endif
#if defined(CNN__HAVE_PNG) && defined(CNN__HAVE_JPEG)
  skip();
#endif
}

static void test_orientations_are_read_with_bounds(void **state) {
  uint8_t tiff[26] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0};
  assert_int_equal(cnn__exif_orientation(tiff, sizeof tiff), 6);
  for (size_t size = 0; size < 22; size++) {
    uint8_t *copy = malloc(size + 1);
    memcpy(copy, tiff, size);
    assert_int_equal(cnn__exif_orientation(copy, size), 1);
    free(copy);
  }
  tiff[18] = 9;
  assert_int_equal(cnn__exif_orientation(tiff, sizeof tiff), 1);
  tiff[18] = 3;
  tiff[8] = tiff[9] = 0xff; /* more entries than there are */
  assert_int_equal(cnn__exif_orientation(tiff, sizeof tiff), 3);
  tiff[10] = 0x13;
  assert_int_equal(cnn__exif_orientation(tiff, sizeof tiff), 1);
  memset(tiff + 4, 0xff, 4); /* a directory beyond the end */
  assert_int_equal(cnn__exif_orientation(tiff, sizeof tiff), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_no_image_is_refused),
      cmocka_unit_test(test_formats_that_are_not_built_in_are_named),
      cmocka_unit_test(test_orientations_are_read_with_bounds),
  };
  const int failures = cmocka_run_group_tests_name("data_images", tests, NULL, NULL);
  return failures;
}
