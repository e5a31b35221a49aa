/* PNG and JPEG files: the pixels they hold, and what is done about broken and hostile ones. */
#include "images.h"

#include "data/image_file.h"
#include <dirent.h>

/* ---- pixels ---- */

static int compare_file(const char *name, const char *ending, double bound) {
  const size_t length = strlen(name), tail = strlen(ending);
  if (length <= tail || strcmp(name + length - tail, ending) != 0) return 0;
  cnn_tensor *expected = expected_array(name);
  const size_t pixels = cnn__shape_product(&expected->shape) / 3;
  cnn_tensor *grey = cnn_tensor_create(
      CNN_UINT8, 3,
      (int64_t[]){(int64_t)expected->shape.dim[0], (int64_t)expected->shape.dim[1], 1});
  const uint8_t *p = expected->data;
  for (size_t i = 0; i < pixels; i++)
    ((uint8_t *)grey->data)[i] = cnn__grey(p[3 * i], p[3 * i + 1], p[3 * i + 2]);
  assert_close(name, cnn_image_read(image_path(name), 3), expected, bound);
  /* A JPEG's grey is its own luma, from before colours were clipped. */
  assert_close(name, cnn_image_read(image_path(name), 1), grey, bound > 0 ? 12 : 0);
  return 1;
}

static int compare_files(const char *ending, double bound) {
  int count = 0;
  DIR *folder = opendir(IMAGES);
  assert_non_null(folder);
  for (struct dirent *entry; (entry = readdir(folder));)
    count += compare_file(entry->d_name, ending, bound);
  closedir(folder);
  return count;
}

#ifdef CNN__HAVE_PNG
static void test_png_files_hold_these_pixels(void **state) {
  assert_true(compare_files(".png", 0) >= 36);
}
#endif

#ifdef CNN__HAVE_JPEG
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
    cnn__sample_release(&sample);
  }
  cnn_context_free(context);
  free(bytes);
}
#endif

/* ---- broken files ---- */

static bool is_refusal(cnn_status status) {
  return status == CNN_E_FORMAT || status == CNN_E_LIMIT || status == CNN_E_UNSUPPORTED;
}

/* Memory of its exact size, so that a checker sees every read past the end. */
static cnn_tensor *decode_copy(const unsigned char *bytes, size_t size) {
  unsigned char *copy = malloc(size + (size == 0));
  memcpy(copy, bytes, size);
  cnn_clear_error();
  cnn_tensor *image = cnn_image_decode("copy", copy, size, 3);
  if (!image && !is_refusal(cnn_last_status())) fail_msg("%zu bytes: %s", size, cnn_last_error());
  free(copy);
  return image;
}

static void truncate_everywhere(const char *name, size_t tail) {
  size_t size;
  unsigned char *bytes = read_bytes(image_path(name), &size);
  for (size_t length = 0; length < size; length++) {
    cnn_tensor *image = decode_copy(bytes, length);
    if (image && length + tail < size)
      fail_msg("%s: %zu of %zu bytes are taken", name, length, size);
    cnn_tensor_free(image);
  }
  free(bytes);
}

static void change_every_byte(const char *name) {
  static const unsigned char masks[] = {0xff, 0x01, 0x80};
  size_t size;
  unsigned char *bytes = read_bytes(image_path(name), &size);
  for (size_t i = 0; i < size; i++)
    for (size_t k = 0; k < sizeof masks; k++) {
      bytes[i] ^= masks[k];
      cnn_tensor_free(decode_copy(bytes, size));
      bytes[i] ^= masks[k];
    }
  free(bytes);
}

static void test_cut_off_files_are_refused(void **state) {
#ifdef CNN__HAVE_PNG
  truncate_everywhere("one_pixel.png", 0);
  truncate_everywhere("rgb8_exif6.png", 0);
  truncate_everywhere("palette4_transparent_interlaced.png", 0);
#endif
#ifdef CNN__HAVE_JPEG
  truncate_everywhere("exif5.jpg", 2); /* without the end's marker all pixels may be there */
  truncate_everywhere("grey.jpg", 2);
#endif
}

static void test_damaged_files_do_no_harm(void **state) {
#ifdef CNN__HAVE_PNG
  change_every_byte("palette2_transparent.png");
  change_every_byte("grey1_interlaced.png");
  change_every_byte("rgb8_exif6.png");
#endif
#ifdef CNN__HAVE_JPEG
  change_every_byte("exif6.jpg");
  change_every_byte("grey.jpg");
#endif
}

static void refuse(cnn_tensor *image, cnn_status status, const char *words) {
  assert_null(image);
  assert_error(status, cnn_last_status(), words);
  cnn_clear_error();
}

static void test_what_is_no_image_is_refused(void **state) {
  cnn_clear_error();
  refuse(cnn_image_decode("text", "hello, world", 12, 3), CNN_E_FORMAT, "text: neither");
  refuse(cnn_image_decode("nothing", "", 0, 3), CNN_E_FORMAT, "0 bytes");
  refuse(cnn_image_decode("text", "hello", 5, 2), CNN_E_INVALID, "channels 2");
  refuse(cnn_image_decode("text", NULL, 5, 3), CNN_E_INVALID, "bytes is NULL");
  refuse(cnn_image_read("/there/is/none", 3), CNN_E_NOT_FOUND, "/there/is/none");
  refuse(cnn_image_read(NULL, 3), CNN_E_INVALID, "path is NULL");
}

static void test_sizes_are_checked_on_the_header(void **state) {
  cnn_context *context = cnn_context_new(.max_pixels = 100);
  cnn_context_use(context);
#ifdef CNN__HAVE_PNG
  refuse(cnn_image_read(image_path("rgb8.png"), 3), CNN_E_LIMIT, "11x13 pixels exceeds");
#endif
#ifdef CNN__HAVE_JPEG
  refuse(cnn_image_read(image_path("exif1.jpg"), 3), CNN_E_LIMIT, "12x20 pixels exceeds");
#endif
  cnn_context_use(NULL);
  cnn_context_free(context);
#ifdef CNN__HAVE_JPEG
  /* A header that declares far more than so few bytes can hold. */
  size_t size;
  unsigned char *bytes = read_bytes(image_path("exif1.jpg"), &size);
  for (size_t i = 0; i + 9 < size; i++)
    if (bytes[i] == 0xff && bytes[i + 1] == 0xc0) {
      bytes[i + 5] = bytes[i + 7] = 0x3f;
      bytes[i + 6] = bytes[i + 8] = 0xff;
      break;
    }
  counting c = {0};
  context = counting_context(&c, 1);
  cnn_context_use(context);
  refuse(cnn_image_decode("bomb", bytes, size, 3), CNN_E_FORMAT, "cannot come from");
  assert_true(cnn_context_memory(context) == 0);
  cnn_context_use(NULL);
  cnn_context_free(context);
  free(bytes);
#endif
}

/* ---- EXIF ---- */

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

/* ---- writing ---- */

#ifdef CNN__HAVE_PNG
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
  assert_int_equal(access(path, F_OK), -1);
  assert_error(CNN_E_NOT_FOUND, cnn_image_write_png("/there/is/none/x.png", good), "/there/is");
  cnn_tensor_free(flat);
  cnn_tensor_free(two);
  cnn_tensor_free(numbers);
  cnn_tensor_free(good);
}
#endif

/* ---- allocations ---- */

static cnn_status read_and_write(void) {
  cnn_status status = CNN_OK;
#ifdef CNN__HAVE_PNG
  cnn_tensor *image = cnn_image_read(image_path("rgb8_exif6.png"), 3);
  status = image ? cnn_image_write_png(scratch_path("torture.png"), image) : cnn_last_status();
  cnn_tensor_free(image);
#endif
#ifdef CNN__HAVE_JPEG
  if (status == CNN_OK) {
    cnn_tensor *photo = cnn_image_read(image_path("exif6.jpg"), 3);
    status = photo ? CNN_OK : cnn_last_status();
    cnn_tensor_free(photo);
  }
#endif
  return status;
}

static void test_every_allocation_may_fail(void **state) {
  every_allocation_fails(read_and_write);
}

int main(void) {
  const struct CMUnitTest tests[] = {
#ifdef CNN__HAVE_PNG
      cmocka_unit_test(test_png_files_hold_these_pixels),
      cmocka_unit_test(test_png_files_come_back),
      cmocka_unit_test(test_what_is_no_picture_is_not_written),
#endif
#ifdef CNN__HAVE_JPEG
      cmocka_unit_test(test_jpeg_files_hold_these_pixels),
      cmocka_unit_test(test_large_jpegs_come_smaller),
#endif
      cmocka_unit_test(test_cut_off_files_are_refused),
      cmocka_unit_test(test_damaged_files_do_no_harm),
      cmocka_unit_test(test_what_is_no_image_is_refused),
      cmocka_unit_test(test_sizes_are_checked_on_the_header),
      cmocka_unit_test(test_orientations_are_read_with_bounds),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  const int failures = cmocka_run_group_tests_name("data_images", tests, NULL, NULL);
  remove(scratch_path("torture.png"));
  rmdir(scratch_folder());
  return failures;
}
