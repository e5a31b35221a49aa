/* JPEG headers in usual and unusual order: whoever reads the size, it is the same, and so are the pixels. */
#include "pictures.h"

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

/* Sampling that libturbojpeg has no name for. */
static void test_unusual_sampling_is_left_to_the_decoder(void **state) {
  file f = load();
  f.bytes[FRAME + 11] = 0x42;
  refuse_file(f, "subsampling");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_comments_and_fill_before_the_frame_change_nothing),
      cmocka_unit_test(test_stray_bytes_before_the_frame_change_nothing),
      cmocka_unit_test(test_a_restart_before_the_frame_hides_nothing),
      cmocka_unit_test(test_a_second_frame_is_refused),
      cmocka_unit_test(test_a_frame_that_is_no_size_is_refused),
      cmocka_unit_test(test_unusual_sampling_is_left_to_the_decoder),
  };
  return cmocka_run_group_tests_name("data_jpeg_markers", tests, NULL, NULL);
}
