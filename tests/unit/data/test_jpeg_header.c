/* What is read of a JPEG before its pixels: EXIF's orientation, found in the markers, and the fraction of its size at which it is
   decoded. */
#include "../base/guarded.h"
#include "pictures.h"

/* Behind the bytes that are given nothing can be read. */
static guarded guard;

/* ---- orientation ---- */

/* A TIFF block: three entries, the orientation's the second; another number behind them. */
typedef struct block {
  bool big_endian;
  unsigned tag, type, count, value, magic, directory, entries;
} block;

enum { BLOCK = 8 + 2 + 3 * 12, GAP = 6 };

static void put_16(unsigned char *at, bool big_endian, unsigned value) {
  at[big_endian ? 0 : 1] = (unsigned char)(value >> 8);
  at[big_endian ? 1 : 0] = (unsigned char)value;
}
static void put_32(unsigned char *at, bool big_endian, unsigned value) {
  put_16(at + (big_endian ? 0 : 2), big_endian, value >> 16);
  put_16(at + (big_endian ? 2 : 0), big_endian, value & 0xffff);
}

static void put_entry(unsigned char *at, bool big, const unsigned entry[4]) {
  put_16(at, big, entry[0]);
  put_16(at + 2, big, entry[1]);
  put_32(at + 4, big, entry[2]);
  put_16(at + 8, big, entry[3]);
  put_16(at + 10, big, 0);
}

/* The directory lies b->directory bytes into the block. */
static size_t write_block(const block *b, unsigned char *bytes) {
  const bool big = b->big_endian;
  memset(bytes, 0, b->directory);
  memcpy(bytes, big ? "MM" : "II", 2);
  put_16(bytes + 2, big, b->magic);
  put_32(bytes + 4, big, b->directory);
  unsigned char *at = bytes + b->directory;
  put_16(at, big, b->entries);
  put_entry(at + 2, big, (const unsigned[4]){0x0100, 3, 1, 5});
  put_entry(at + 14, big, (const unsigned[4]){b->tag, b->type, b->count, b->value});
  put_entry(at + 26, big, (const unsigned[4]){0x0128, 3, 1, 7});
  return b->directory + 2 + 36;
}

static const block plain = {
    .tag = 0x0112, .type = 3, .count = 1, .value = 6, .magic = 42, .directory = 8, .entries = 3};

static int orientation_of(block b) {
  unsigned char bytes[1024];
  int found[2];
  for (int big = 0; big < 2; big++) {
    b.big_endian = big;
    found[big] = cnn__exif_orientation(bytes, write_block(&b, bytes));
  }
  assert_int_equal(found[0], found[1]);
  return found[0];
}

static void test_orientations_are_one_to_eight(void **state) {
  block b = plain;
  for (unsigned value = 0; value <= 300; value++) {
    b.value = value;
    assert_int_equal(orientation_of(b), value >= 1 && value <= 8 ? value : 1);
  }
  b.value = 0x0600;
  assert_int_equal(orientation_of(b), 1);
}

static void test_another_kind_of_entry_says_nothing(void **state) {
  block b = plain;
  assert_int_equal(orientation_of(b), 6);
  for (unsigned type = 0; type <= 12; type++) {
    b.type = type;
    assert_int_equal(orientation_of(b), type == 3 ? 6 : 1);
  }
  b = plain;
  for (unsigned count = 0; count <= 3; count++) {
    b.count = count;
    assert_int_equal(orientation_of(b), count == 1 ? 6 : 1);
  }
  b.count = 0x10001;
  assert_int_equal(orientation_of(b), 1);
  b = plain;
  b.tag = 0x0113;
  assert_int_equal(orientation_of(b), 1);
  b.tag = 0x1201;
  assert_int_equal(orientation_of(b), 1);
  b = plain;
  b.magic = 43;
  assert_int_equal(orientation_of(b), 1);
}

static void test_the_directory_may_lie_anywhere_within(void **state) {
  block b = plain;
  for (b.directory = 8; b.directory < 900; b.directory += 13)
    assert_int_equal(orientation_of(b), 6);
  b = plain;
  for (b.entries = 0; b.entries < 5; b.entries++)
    assert_int_equal(orientation_of(b), b.entries >= 2 ? 6 : 1);
}

/* The entry counts where all of it is there, and not a byte earlier. */
static void test_blocks_that_are_cut_off_say_nothing(void **state) {
  for (int big = 0; big < 2; big++) {
    block b = plain;
    b.big_endian = big;
    unsigned char bytes[BLOCK + GAP];
    const size_t whole = write_block(&b, bytes), needed = 8 + 2 + 2 * 12;
    assert_int_equal(whole, BLOCK);
    for (size_t size = 0; size <= whole; size++) {
      assert_int_equal(cnn__exif_orientation(guarded_copy(&guard, bytes, size), size),
                       size >= needed ? 6 : 1);
    }
    put_32(bytes + 4, big, 0xffffffff);
    assert_int_equal(cnn__exif_orientation(bytes, whole), 1);
    put_32(bytes + 4, big, (unsigned)whole - 1);
    assert_int_equal(cnn__exif_orientation(bytes, whole), 1);
    put_32(bytes + 4, big, 0x10008); /* of which half would be right */
    assert_int_equal(cnn__exif_orientation(bytes, whole), 1);
    write_block(&b, bytes);
    bytes[0] = bytes[0] == 'I' ? 'J' : 'N';
    assert_int_equal(cnn__exif_orientation(bytes, whole), 1);
    write_block(&b, bytes);
    bytes[1] = '?';
    assert_int_equal(cnn__exif_orientation(bytes, whole), 1);
  }
}

/* ---- markers ---- */

typedef struct stream {
  unsigned char bytes[4096];
  size_t size;
} stream;

static stream begin_stream(void) {
  return (stream){.bytes = {0xff, 0xd8}, .size = 2};
}

static void add_marker(stream *s, unsigned char marker, const void *body, size_t size) {
  unsigned char *at = s->bytes + s->size;
  at[0] = 0xff;
  at[1] = marker;
  put_16(at + 2, true, (unsigned)size + 2);
  if (size > 0) memcpy(at + 4, body, size);
  s->size += 4 + size;
}

static void add_exif(stream *s) {
  unsigned char body[6 + BLOCK] = "Exif\0";
  write_block(&plain, body + 6);
  add_marker(s, 0xe1, body, sizeof body);
}

static int found_in(const stream *s) {
  return cnn__jpeg_orientation(guarded_copy(&guard, s->bytes, s->size), s->size);
}

static void test_exif_is_found_among_the_markers(void **state) {
  static const unsigned char other[700] = "http://ns.adobe.com/xap/1.0/";
  stream s = begin_stream();
  add_exif(&s);
  assert_int_equal(found_in(&s), 6);
  s = begin_stream();
  add_marker(&s, 0xe0, "JFIF\0\1\1\0\0\1\0\1\0\0", 14);
  add_marker(&s, 0xfe, NULL, 0);
  add_marker(&s, 0xe1, other, sizeof other); /* over 256 bytes, and no EXIF */
  add_marker(&s, 0xe1, "Exif", 4);           /* too short to be */
  s.bytes[s.size++] = 0xff;                  /* fill */
  s.bytes[s.size++] = 0xff;
  add_exif(&s);
  assert_int_equal(found_in(&s), 6);
  s.size--; /* cut off */
  assert_int_equal(found_in(&s), 1);
}

static void test_what_is_behind_the_header_is_not_looked_at(void **state) {
  static const unsigned char ends[] = {0xda, 0xd9};
  for (size_t i = 0; i < 2; i++) {
    stream s = begin_stream();
    add_marker(&s, ends[i], "12345678", 8);
    add_exif(&s);
    assert_int_equal(found_in(&s), 1);
  }
  for (unsigned length = 0; length <= 2; length++) { /* a marker takes two bytes at the least */
    stream s = begin_stream();
    add_marker(&s, 0xe0, NULL, 0);
    s.bytes[s.size - 1] = (unsigned char)length;
    add_exif(&s);
    assert_int_equal(found_in(&s), length == 2 ? 6 : 1);
  }
  stream s = begin_stream();
  s.bytes[s.size++] = 0xfe; /* no marker */
  add_exif(&s);
  assert_int_equal(found_in(&s), 1);
  s = begin_stream();
  for (size_t i = 0; i < 40; i++)
    s.bytes[s.size++] = 0xff; /* nothing but fill */
  assert_int_equal(found_in(&s), 1);
}

static void test_markers_at_the_very_end_are_read_within_the_bytes(void **state) {
  stream s = begin_stream();
  add_marker(&s, 0xe0, "1234", 4);
  for (size_t size = 2; size <= s.size; size++) {
    stream cut = s;
    cut.size = size;
    assert_int_equal(found_in(&cut), 1);
  }
  s = begin_stream();
  add_marker(&s, 0xe1, "Exif\0\0", 6); /* with an empty block */
  assert_int_equal(found_in(&s), 1);
}

/* A block ends where its marker does, whatever follows. */
static void test_a_block_is_as_long_as_its_marker_says(void **state) {
  unsigned char body[6 + BLOCK] = "Exif\0";
  write_block(&plain, body + 6);
  for (size_t size = 8; size <= BLOCK; size++) {
    stream s = begin_stream();
    add_marker(&s, 0xe1, body, 6 + size);
    memset(s.bytes + s.size, 0, 64);
    s.size += 64;
    assert_int_equal(found_in(&s), size >= 8 + 2 + 2 * 12 ? 6 : 1);
  }
}

/* ---- fractions ---- */

typedef struct fraction {
  size_t least_height, least_width, height, width;
} fraction;

static void decode_to(const char *name, const fraction *f) {
  size_t size;
  unsigned char *bytes = read_bytes(image_path(name), &size);
  cnn_context *context = cnn__context_acquire();
  cnn__sample sample = {.context = context};
  const cnn__decoding decoding = {name, bytes, size, 3, f->least_height, f->least_width};
  assert_int_equal(cnn__image_decode(&decoding, &sample), CNN_OK);
  if (sample.shape.dim[0] != f->height || sample.shape.dim[1] != f->width)
    fail_msg("%s for %zux%zu comes as %zux%zu, not %zux%zu", name, f->least_height, f->least_width,
             sample.shape.dim[0], sample.shape.dim[1], f->height, f->width);
  cnn__sample_release(&sample);
  cnn_context_free(context);
  free(bytes);
}

/* The smallest fraction that is below neither size; a size of 0 asks for nothing. */
static void test_the_fraction_is_the_smallest_that_serves(void **state) {
  static const fraction upright[] = {
      /* of 120 x 160 */
      {60, 0, 60, 80},  {0, 80, 60, 80},  {61, 0, 120, 160}, {0, 81, 120, 160}, {60, 81, 120, 160},
      {30, 40, 30, 40}, {30, 41, 60, 80}, {31, 40, 60, 80},  {15, 20, 15, 20},  {15, 21, 30, 40},
      {16, 20, 30, 40}, {0, 1, 15, 20},   {1, 0, 15, 20}};
  for (size_t i = 0; i < sizeof upright / sizeof *upright; i++)
    decode_to("large.jpg", &upright[i]);
}

/* Sizes are the upright image's, also where it is stored lying; a part of a pixel counts as one. */
static void test_the_fraction_of_turned_and_odd_images(void **state) {
  for (int orientation = 1; orientation <= 8; orientation++) {
    char name[16];
    snprintf(name, sizeof name, "exif%d.jpg", orientation);
    cnn_tensor *upright = cnn_image_read(image_path(name), 3);
    assert_non_null(upright);
    const size_t height = upright->shape.dim[0], width = upright->shape.dim[1];
    assert_true(height != width);
    for (size_t d = 1; d <= 8; d *= 2) {
      const fraction exact = {(height + d - 1) / d, (width + d - 1) / d, (height + d - 1) / d,
                              (width + d - 1) / d};
      decode_to(name, &exact);
      const fraction tall = {exact.height, 0, exact.height, exact.width};
      decode_to(name, &tall);
      const fraction wide = {0, exact.width, exact.height, exact.width};
      decode_to(name, &wide);
    }
    cnn_tensor_free(upright);
  }
}

/* ---- colours and sizes ---- */

static void test_grey_of_four_inks_is_the_grey_of_their_colours(void **state) {
  cnn_tensor *colour = cnn_image_read(image_path("cmyk.jpg"), 3);
  cnn_tensor *grey = cnn_image_read(image_path("cmyk.jpg"), 1);
  assert_true(colour && grey && grey->shape.dim[2] == 1);
  const size_t pixels = cnn__shape_product(&grey->shape);
  assert_int_equal(cnn__shape_product(&colour->shape), 3 * pixels);
  const uint8_t *c = colour->data, *g = grey->data;
  for (size_t i = 0; i < pixels; i++)
    assert_int_equal(g[i], cnn__grey(c[3 * i], c[3 * i + 1], c[3 * i + 2]));
  cnn_tensor_free(colour);
  cnn_tensor_free(grey);
}

/* Bytes that belong to nothing before the end's marker: other programs show such an image, too. */
static void test_a_warning_is_no_failure(void **state) {
  size_t size;
  unsigned char *bytes = read_bytes(image_path("grey.jpg"), &size), *changed = malloc(size + 6);
  assert_true(bytes[size - 2] == 0xff && bytes[size - 1] == 0xd9);
  memcpy(changed, bytes, size - 2);
  memset(changed + size - 2, 0x55, 6);
  memcpy(changed + size + 4, bytes + size - 2, 2);
  cnn_tensor *want = cnn_image_decode("sound", bytes, size, 3);
  cnn_tensor *got = cnn_image_decode("padded", changed, size + 6, 3);
  if (!got) fail_msg("%s", cnn_last_error());
  assert_int_equal(got->bytes, want->bytes);
  assert_memory_equal(got->data, want->data, want->bytes);
  cnn_tensor_free(want);
  cnn_tensor_free(got);
  free(bytes);
  free(changed);
}

static void test_the_limit_of_pixels_is_exact(void **state) {
  assert_int_equal(status_within("large.jpg", 120 * 160), CNN_OK);
  assert_int_equal(status_within("large.jpg", 120 * 160 - 1), CNN_E_LIMIT);
  assert_int_equal(status_within("exif1.jpg", 12 * 20), CNN_OK);
  assert_int_equal(status_within("exif1.jpg", 12 * 20 - 1), CNN_E_LIMIT);
}

/* A grey image of 1024 pixels for each byte of its file and 64 more is the most that is believed. */
static void test_the_most_pixels_for_a_file_are_exact(void **state) {
  size_t size;
  unsigned char *bytes = read_bytes(image_path("grey.jpg"), &size), *header = NULL;
  for (size_t i = 0; i + 9 < size && !header; i++)
    if (bytes[i] == 0xff && bytes[i + 1] == 0xc0) header = bytes + i;
  assert_non_null(header);
  const size_t rows = size + 64;
  for (size_t more = 0; more < 2; more++) {
    put_16(header + 5, true, (unsigned)(rows + more));
    put_16(header + 7, true, 1024);
    refuse_tensor(cnn_image_decode("flat", bytes, size, 1), CNN_E_FORMAT,
                  more ? "cannot come from" : "remature end");
  }
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_orientations_are_one_to_eight),
      cmocka_unit_test(test_another_kind_of_entry_says_nothing),
      cmocka_unit_test(test_the_directory_may_lie_anywhere_within),
      cmocka_unit_test(test_blocks_that_are_cut_off_say_nothing),
      cmocka_unit_test(test_exif_is_found_among_the_markers),
      cmocka_unit_test(test_what_is_behind_the_header_is_not_looked_at),
      cmocka_unit_test(test_markers_at_the_very_end_are_read_within_the_bytes),
      cmocka_unit_test(test_a_block_is_as_long_as_its_marker_says),
      cmocka_unit_test(test_the_fraction_is_the_smallest_that_serves),
      cmocka_unit_test(test_the_fraction_of_turned_and_odd_images),
      cmocka_unit_test(test_grey_of_four_inks_is_the_grey_of_their_colours),
      cmocka_unit_test(test_a_warning_is_no_failure),
      cmocka_unit_test(test_the_limit_of_pixels_is_exact),
      cmocka_unit_test(test_the_most_pixels_for_a_file_are_exact),
  };
  guard = guarded_open(4096);
  const int failures = cmocka_run_group_tests_name("data_jpeg_header", tests, NULL, NULL);
  guarded_close(&guard);
  return failures;
}
