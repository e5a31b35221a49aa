/* JPEG headers in usual and unusual order: whoever reads the size, it is the same, and so are the pixels. */
#include "pictures.h"

#include <turbojpeg.h>

enum { TABLES = 20, FRAME = 158, FRAME_SIZE = 2 + 17, SCAN = 609 }; /* where rgb_420.jpg has them */

typedef struct file {
  unsigned char *bytes;
  size_t size;
} file;

static file load(void) {
  file f;
  f.bytes = read_bytes(image_path("rgb_420.jpg"), &f.size); /* with room to spare */
  assert_int_equal(f.bytes[TABLES + 1], 0xdb);
  assert_int_equal(f.bytes[FRAME + 1], 0xc0);
  assert_int_equal(f.bytes[SCAN + 1], 0xda);
  return f;
}

static void insert(file *f, size_t at, const void *bytes, size_t size) {
  memmove(f->bytes + at + size, f->bytes + at, f->size - at);
  memcpy(f->bytes + at, bytes, size);
  f->size += size;
}

/* libturbojpeg's reading of headers, counted: the linker puts this in its place. */
static int headers_read;
int __real_tjDecompressHeader3(tjhandle decoder, const unsigned char *bytes, unsigned long size,
                               int *width, int *height, int *sampling, int *colours);
int __wrap_tjDecompressHeader3(tjhandle decoder, const unsigned char *bytes, unsigned long size,
                               int *width, int *height, int *sampling, int *colours);
int __wrap_tjDecompressHeader3(tjhandle decoder, const unsigned char *bytes, unsigned long size,
                               int *width, int *height, int *sampling, int *colours) {
  headers_read++;
  return __real_tjDecompressHeader3(decoder, bytes, size, width, height, sampling, colours);
}

/* How often libturbojpeg reads the header, whatever comes of the image. */
static int headers_of(const unsigned char *bytes, size_t size) {
  headers_read = 0;
  cnn_tensor_free(decode_copy(bytes, size));
  return headers_read;
}

/* The image is what it was before the header was changed. Frees the file. */
static void assert_same_image(file f) {
  assert_close("rgb_420.jpg", decode_copy(f.bytes, f.size),
               cnn_image_read(image_path("rgb_420.jpg"), 3), 0);
  free(f.bytes);
}

static void refuse_file(file f, const char *words) {
  refuse_tensor(cnn_image_decode("changed", f.bytes, f.size, 3), CNN_E_FORMAT, words);
  free(f.bytes);
}

static void test_comments_and_fill_before_the_frame_change_nothing(void **state) {
  static const unsigned char comment[] = {0xff, 0xfe, 0, 4, 0xff, 0xc0},
                             fill[] = {0xff, 0xff, 0xff};
  for (size_t at = TABLES; at <= FRAME; at += FRAME - TABLES) {
    file f = load();
    insert(&f, at, comment, sizeof comment);
    insert(&f, at, fill, sizeof fill);
    assert_same_image(f);
  }
}

/* Only a warning, as the decoder sees it. */
static void test_stray_bytes_before_the_frame_change_nothing(void **state) {
  static const unsigned char stray[] = {0x12, 0x00, 0xff, 0x00};
  file f = load();
  insert(&f, FRAME, stray, sizeof stray);
  assert_same_image(f);
}

/* libjpeg tells of its first warning alone: an end that comes too early after it is found all the same. */
static void test_stray_bytes_hide_no_early_end(void **state) {
  static const unsigned char stray[] = {0x12, 0x00, 0xff, 0x00};
  static const unsigned char preview[] = {0xff, 0xfe, 0, 6, 0xff, 0xda, 0xff, 0xd9};
  for (size_t cut = 1; cut < 200; cut += 66) {
    file f = load();
    insert(&f, FRAME, stray, sizeof stray);
    insert(&f, TABLES, preview, sizeof preview);
    f.size -= cut;
    refuse_file(f, "cut off");
  }
}

/* A marker without a length: what follows it is no segment's. */
static void test_a_restart_before_the_frame_hides_nothing(void **state) {
  static const unsigned char restart[] = {0xff, 0xd0};
  file f = load();
  insert(&f, FRAME, restart, sizeof restart);
  assert_same_image(f);
}

static void test_a_second_frame_is_refused(void **state) {
  for (int first = 0; first < 2; first++) {
    file f = load();
    unsigned char frame[FRAME_SIZE];
    memcpy(frame, f.bytes + FRAME, sizeof frame);
    frame[6] = frame[8] = 1; /* one pixel, or the image's size with another behind it */
    insert(&f, first ? FRAME : SCAN, frame, sizeof frame);
    refuse_file(f, "two SOF");
  }
}

static void test_a_frame_that_is_no_size_is_refused(void **state) {
  file f = load();
  f.bytes[FRAME + 5] = f.bytes[FRAME + 6] = 0;
  refuse_file(f, "changed: ");
  f = load();
  f.bytes[FRAME + 9] = 2; /* components, where the segment has room for three */
  refuse_file(f, "changed: ");
  f = load();
  f.bytes[FRAME + 3] = 16; /* the segment is shorter than its components */
  refuse_file(f, "changed: ");
}

/* Each is its own refusal: whoever reads the header, no size is found in it. */
static void test_half_a_size_is_none(void **state) {
  for (size_t at = FRAME + 5; at < FRAME + 9; at += 2) {
    file f = load();
    f.bytes[at] = f.bytes[at + 1] = 0;
    refuse_file(f, "changed: ");
  }
  static const unsigned char precision[] = {0xff, 0xc0, 0, 3, 8}; /* a frame that ends there */
  file f = load();
  insert(&f, FRAME, precision, sizeof precision);
  refuse_file(f, "changed: ");
}

static void test_restarts_that_never_come_change_nothing(void **state) {
  static const unsigned char none[] = {0xff, 0xdd, 0, 4, 0, 0};
  file f = load();
  insert(&f, FRAME, none, sizeof none);
  assert_same_image(f);
}

/* Above the last marker of programs, APP15, and below that of tables. */
static void test_markers_of_no_known_kind_are_left_to_the_decoder(void **state) {
  static const unsigned char kinds[] = {0xf0, 0xc8, 0xcc, 0xde};
  for (size_t i = 0; i < sizeof kinds; i++) {
    const unsigned char segment[] = {0xff, kinds[i], 0, 4, 0, 0};
    file f = load();
    insert(&f, FRAME, segment, sizeof segment);
    cnn_tensor *image = decode_copy(f.bytes, f.size); /* an image, or a refusal */
    if (image) assert_int_equal(cnn_tensor_shape(image)[0], 22);
    cnn_tensor_free(image);
    free(f.bytes);
  }
}

/* A header of the usual kind is not read twice, which is an eighth of a small image's time. */
static void test_usual_headers_are_not_left_to_the_decoder(void **state) {
  static const unsigned char skipped[] = {0xc4, 0xdb, 0xdd, 0xe0, 0xe1, 0xef, 0xfe};
  file f = load();
  assert_int_equal(headers_of(f.bytes, f.size), 0);
  static const unsigned char lumas[] = {0x11, 0x21, 0x22, 0x12, 0x41};
  for (size_t i = 0; i < sizeof lumas; i++) {
    f.bytes[FRAME + 11] = lumas[i];
    assert_int_equal(headers_of(f.bytes, f.size), 0);
  }
  for (int kind = 0; kind < 3; kind++) { /* baseline, extended, progressive */
    f.bytes[FRAME + 1] = (unsigned char)(0xc0 + kind);
    assert_int_equal(headers_of(f.bytes, f.size), 0);
  }
  free(f.bytes);
  for (size_t i = 0; i < sizeof skipped; i++) {
    const unsigned char segment[] = {0xff, skipped[i], 0, 4, 0, 0};
    f = load();
    insert(&f, FRAME, segment, sizeof segment);
    insert(&f, FRAME, (const unsigned char[]){0xff, 0xff}, 2); /* fill */
    assert_int_equal(headers_of(f.bytes, f.size), 0);
    free(f.bytes);
  }
  f.bytes = read_bytes(image_path("grey.jpg"), &f.size);
  assert_int_equal(headers_of(f.bytes, f.size), 0);
  free(f.bytes);
}

static void test_unusual_headers_are_left_to_the_decoder(void **state) {
  static const struct {
    size_t at;
    unsigned char value;
  } changes[] = {{FRAME + 1, 0xc3},  {FRAME + 1, 0xbf},  {FRAME + 3, 18},    {FRAME + 4, 12},
                 {FRAME + 9, 4},     {FRAME + 11, 0x42}, {FRAME + 11, 0x31}, {FRAME + 14, 0x21},
                 {FRAME + 14, 0x12}, {FRAME + 17, 0x12}, {FRAME + 17, 0x21}, {SCAN + 1, 0xd9}};
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    file f = load();
    f.bytes[changes[i].at] = changes[i].value;
    assert_int_equal(headers_of(f.bytes, f.size), 1);
    free(f.bytes);
  }
  file f = load(); /* the header of the scan cut off, and just there */
  const size_t scan = SCAN + 2 + (size_t)f.bytes[SCAN + 3];
  assert_int_equal(headers_of(f.bytes, scan - 1), 1);
  assert_int_equal(headers_of(f.bytes, scan), 0);
  f.bytes[SCAN + 2] = 0; /* a header of nothing but its length, at the file's end */
  f.bytes[SCAN + 3] = 2;
  assert_int_equal(headers_of(f.bytes, SCAN + 4), 0);
  assert_int_equal(headers_of(f.bytes, SCAN + 3), 1);
  f.bytes[SCAN + 3] = 1;
  assert_int_equal(headers_of(f.bytes, SCAN + 4), 1);
  free(f.bytes);
  f.bytes = read_bytes(image_path("cmyk.jpg"), &f.size);
  assert_int_equal(headers_of(f.bytes, f.size), 1);
  free(f.bytes);
}

/* ---- kinds of colours ---- */

/* One colour all over, so that it is the same in every sampling. */
static void check_sampling(int sampling) {
  enum { HEIGHT = 22, WIDTH = 35 };
  unsigned char pixels[HEIGHT * WIDTH][3], *bytes = NULL;
  for (size_t i = 0; i < HEIGHT * WIDTH; i++)
    memcpy(pixels[i], (const unsigned char[]){200, 100, 50}, 3);
  unsigned long size = 0;
  tjhandle encoder = tjInitCompress();
  assert_int_equal(
      tjCompress2(encoder, pixels[0], WIDTH, 0, HEIGHT, TJPF_RGB, &bytes, &size, sampling, 95, 0),
      0);
  cnn_tensor *image = decode_copy(bytes, size);
  assert_non_null(image);
  assert_int_equal(cnn_tensor_shape(image)[0], HEIGHT);
  assert_int_equal(cnn_tensor_shape(image)[1], WIDTH);
  for (size_t i = 0; i < image->bytes; i++) {
    const int expected = sampling == TJSAMP_GRAY ? 124 : pixels[0][i % 3];
    assert_in_range(((const uint8_t *)image->data)[i] + 3 - expected, 0, 6);
  }
  cnn_tensor_free(image);
  tjFree(bytes);
  tjDestroy(encoder);
}

static void test_every_sampling_shows_the_same(void **state) {
  for (int sampling = 0; sampling < TJ_NUMSAMP; sampling++)
    check_sampling(sampling);
}

/* Inks by themselves, or as luma and two colours beside black: the marker says which. */
static void test_inks_may_be_written_as_luma(void **state) {
  enum { TRANSFORM = 2 + 4 + 11 };
  file f;
  f.bytes = read_bytes(image_path("cmyk.jpg"), &f.size);
  assert_memory_equal(f.bytes + 6, "Adobe", 5);
  cnn_tensor *inks = decode_copy(f.bytes, f.size);
  assert_int_equal(f.bytes[TRANSFORM], 0);
  f.bytes[TRANSFORM] = 2;
  cnn_tensor *luma = decode_copy(f.bytes, f.size);
  assert_non_null(luma);
  assert_true(cnn__shape_equal(&inks->shape, &luma->shape));
  assert_memory_not_equal(inks->data, luma->data, inks->bytes);
  cnn_tensor_free(inks);
  cnn_tensor_free(luma);
  free(f.bytes);
}

/* Each colour is ink times black, rounded to the nearest. */
static void test_inks_are_rounded_to_the_nearest(void **state) {
  file f;
  f.bytes = read_bytes(image_path("cmyk.jpg"), &f.size);
  cnn_tensor *image = decode_copy(f.bytes, f.size);
  assert_non_null(image);
  const size_t pixels = image->bytes / 3;
  const int width = (int)cnn_tensor_shape(image)[1], height = (int)cnn_tensor_shape(image)[0];
  unsigned char *inks = malloc(4 * pixels);
  tjhandle decoder = tjInitDecompress();
  assert_int_equal(
      tjDecompress2(decoder, f.bytes, (unsigned long)f.size, inks, width, 0, height, TJPF_CMYK, 0),
      0);
  const uint8_t *colour = image->data;
  size_t close = 0; /* where rounding decides */
  for (size_t i = 0; i < 3 * pixels; i++) {
    const unsigned black = inks[i / 3 * 4 + 3], missing = (255u - inks[i / 3 * 4 + i % 3]) * black;
    assert_int_equal(colour[i], black - (2 * missing + 255) / 510);
    close += missing % 255 == 127 || missing % 255 == 128;
  }
  assert_true(close > 1);
  tjDestroy(decoder);
  free(inks);
  cnn_tensor_free(image);
  free(f.bytes);
}

/* Sampling that libturbojpeg has no name for. */
static void test_unusual_sampling_is_left_to_the_decoder(void **state) {
  file f = load();
  f.bytes[FRAME + 11] = 0x42;
  refuse_file(f, "subsampling");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_comments_and_fill_before_the_frame_change_nothing),
      cmocka_unit_test(test_stray_bytes_hide_no_early_end),
      cmocka_unit_test(test_stray_bytes_before_the_frame_change_nothing),
      cmocka_unit_test(test_a_restart_before_the_frame_hides_nothing),
      cmocka_unit_test(test_a_second_frame_is_refused),
      cmocka_unit_test(test_a_frame_that_is_no_size_is_refused),
      cmocka_unit_test(test_half_a_size_is_none),
      cmocka_unit_test(test_restarts_that_never_come_change_nothing),
      cmocka_unit_test(test_markers_of_no_known_kind_are_left_to_the_decoder),
      cmocka_unit_test(test_usual_headers_are_not_left_to_the_decoder),
      cmocka_unit_test(test_unusual_headers_are_left_to_the_decoder),
      cmocka_unit_test(test_every_sampling_shows_the_same),
      cmocka_unit_test(test_inks_are_rounded_to_the_nearest),
      cmocka_unit_test(test_inks_may_be_written_as_luma),
      cmocka_unit_test(test_unusual_sampling_is_left_to_the_decoder),
  };
  return cmocka_run_group_tests_name("data_jpeg_markers", tests, NULL, NULL);
}
