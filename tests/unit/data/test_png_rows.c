/* How many rows a PNG has, interlaced ones of every small size included: all are read, and what follows the last one is not. */
#include "pictures.h"

#include <zlib.h>

typedef struct picture {
  size_t height, width;
  bool interlaced;
  size_t extra; /* bytes behind the last row, in the same block */
} picture;

/* Adam7: each pass's first row and column and their distances. */
static const size_t adam7[7][4] = {{0, 0, 8, 8}, {0, 4, 8, 8}, {4, 0, 8, 4}, {0, 2, 4, 4},
                                   {2, 0, 4, 2}, {0, 1, 2, 2}, {1, 0, 2, 1}};

/* Does not compress, so that a row takes its size in the file. */
static uint8_t noise(size_t i) {
  uint32_t x = (uint32_t)i * 2654435761u + 12345u;
  x ^= x >> 15;
  x *= 2246822519u;
  x ^= x >> 13;
  return (uint8_t)(x >> 8);
}

static size_t put_pass(const picture *p, const size_t pass[4], uint8_t *to) {
  uint8_t *at = to;
  if (p->width <= pass[1]) return 0;
  for (size_t y = pass[0]; y < p->height; y += pass[2]) {
    *at++ = 0; /* no filter */
    for (size_t x = pass[1]; x < p->width; x += pass[3])
      *at++ = noise(y * p->width + x);
  }
  return (size_t)(at - to);
}

static size_t put_rows(const picture *p, uint8_t *to) {
  static const size_t whole[4] = {0, 0, 1, 1};
  if (!p->interlaced) return put_pass(p, whole, to);
  size_t size = 0;
  for (size_t i = 0; i < 7; i++)
    size += put_pass(p, adam7[i], to + size);
  return size;
}

static void put_32(uint8_t *at, size_t value) {
  for (int i = 0; i < 4; i++)
    at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static size_t put_chunk(uint8_t *at, const char *name, const uint8_t *body, size_t size) {
  put_32(at, size);
  memcpy(at + 4, name, 4);
  if (size > 0) memmove(at + 8, body, size);
  put_32(at + 8 + size, crc32(crc32(0, NULL, 0), at + 4, (uInt)size + 4));
  return size + 12;
}

static uint8_t *make_png(const picture *p, size_t *size) {
  const size_t most = 2 * (p->height + 8) * (p->width + 2) + 64 + p->extra;
  uint8_t *rows = malloc(most), *file = malloc(2 * most + 1024);
  size_t raw = put_rows(p, rows);
  for (size_t i = 0; i < p->extra; i++)
    rows[raw + i] = noise(i + (1u << 24));
  raw += p->extra;
  uLongf packed = compressBound(raw);
  uint8_t *block = malloc(packed);
  assert_int_equal(compress2(block, &packed, rows, raw, 1), Z_OK);
  uint8_t header[13] = {[8] = 8, [12] = p->interlaced};
  put_32(header, p->width);
  put_32(header + 4, p->height);
  memcpy(file, "\x89PNG\r\n\x1a\n", 8);
  *size = 8;
  *size += put_chunk(file + *size, "IHDR", header, sizeof header);
  *size += put_chunk(file + *size, "IDAT", block, packed);
  *size += put_chunk(file + *size, "IEND", NULL, 0);
  free(rows);
  free(block);
  return file;
}

static void expect_pixels(picture p) {
  size_t size;
  uint8_t *file = make_png(&p, &size);
  cnn_tensor *image = cnn_image_decode("rows", file, size, 1);
  if (!image) fail_msg("%zux%zu: %s", p.height, p.width, cnn_last_error());
  assert_int_equal(image->shape.dim[0], p.height);
  assert_int_equal(image->shape.dim[1], p.width);
  for (size_t i = 0; i < p.height * p.width; i++)
    if (((uint8_t *)image->data)[i] != noise(i)) fail_msg("%zux%zu: %zu", p.height, p.width, i);
  cnn_tensor_free(image);
  free(file);
}

static void expect_stop(picture p) {
  size_t size;
  p.extra = 12000;
  uint8_t *file = make_png(&p, &size);
  cnn_tensor *image = cnn_image_decode("rows", file, size, 1);
  if (image) fail_msg("%zux%zu: what follows its rows was unpacked", p.height, p.width);
  assert_error(CNN_E_FORMAT, cnn_last_status(), "much data follows its last row");
  cnn_clear_error();
  free(file);
}

static void test_rows_of_every_small_size(void **state) {
  for (size_t height = 1; height <= 10; height++)
    for (size_t width = 1; width <= 10; width++)
      for (int interlaced = 0; interlaced < 2; interlaced++) {
        const picture p = {height, width, interlaced, 0};
        expect_pixels(p);
        expect_stop(p);
      }
}

/* Rows so long that to stop one row early would leave much behind. */
static void test_long_rows_and_high_columns(void **state) {
  for (size_t few = 1; few <= 10; few++)
    for (int interlaced = 0; interlaced < 2; interlaced++) {
      expect_pixels((picture){few, 9000, interlaced, 0});
      expect_pixels((picture){9000, few, interlaced, 0});
      expect_stop((picture){few, 9000, interlaced, 0});
    }
}

/* ---- what stands behind the last row ---- */

/* A file of one grey pixel: chunks of pixels whose block holds so many bytes more, not compressed, so that its size is
   known; then whatever chunk is asked for. */
typedef struct one_pixel {
  size_t packed;  /* bytes of the block: its row and what follows */
  size_t chunks;  /* that it is cut into */
  size_t claimed; /* more bytes than there are, by the last one's length */
  size_t comment; /* bytes of a text between the pixels and the file's end */
} one_pixel;

enum { BLOCK_AROUND = 2 + 5 + 4, ROW = 2 };

static size_t put_block(const one_pixel *p, uint8_t *to) {
  uint8_t *rows = calloc(1, p->packed);
  const size_t raw = p->packed - BLOCK_AROUND;
  rows[1] = 99;
  uLongf size = p->packed + 64;
  assert_int_equal(compress2(to, &size, rows, raw, 0), Z_OK);
  assert_int_equal(size, p->packed);
  free(rows);
  return size;
}

static cnn_tensor *decode_one_pixel(one_pixel p) {
  uint8_t *file = calloc(1, 2 * p.packed + p.comment + 1024), *block = malloc(p.packed + 64);
  uint8_t header[13] = {[3] = 1, [7] = 1, [8] = 8};
  memcpy(file, "\x89PNG\r\n\x1a\n", 8);
  size_t size = 8, done = 0;
  size += put_chunk(file + size, "IHDR", header, sizeof header);
  put_block(&p, block);
  for (size_t i = 1; i <= p.chunks; i++) {
    const size_t end = p.packed * i / p.chunks, at = size;
    size += put_chunk(file + size, "IDAT", block + done, end - done);
    if (i == p.chunks && p.claimed) put_32(file + at, end - done + p.claimed);
    done = end;
  }
  if (p.comment) {
    uint8_t *text = calloc(1, p.comment);
    memcpy(text, "k", 2);
    size += put_chunk(file + size, "tEXt", text, p.comment);
    free(text);
  }
  size += put_chunk(file + size, "IEND", NULL, 0);
  cnn_clear_error();
  cnn_tensor *image = cnn_image_decode("one", file, size, 1);
  free(file);
  free(block);
  return image;
}

static bool is_taken(one_pixel p) {
  cnn_tensor *image = decode_one_pixel(p);
  const bool taken = image != NULL;
  if (taken)
    assert_int_equal(((uint8_t *)image->data)[0], 99);
  else
    assert_error(CNN_E_FORMAT, cnn_last_status(), "much data follows its last row");
  cnn_clear_error();
  cnn_tensor_free(image);
  return taken;
}

/* 1024 bytes of the first chunk, or all of it, are unpacked together, the row among them. So many more bytes of the file
   may follow: the block's, and 12 around each chunk, of which the first's 8 lie before. */
static void test_a_kibibyte_may_follow_the_last_row_and_no_more(void **state) {
  for (size_t chunks = 1; chunks <= 3; chunks++)
    for (size_t packed = 1000; packed < 2100; packed++) {
      const size_t first = packed / chunks, unpacked = first < 1024 ? first : 1024;
      const size_t rest = packed - unpacked + 12 * (chunks - 1) + 4;
      if (is_taken((one_pixel){.packed = packed, .chunks = chunks}) != (rest <= 1024))
        fail_msg("%zu bytes in %zu chunks, %zu behind the row", packed, chunks, rest);
    }
}

/* Texts are not unpacked, however long they are. */
static void test_a_long_text_may_follow_the_pixels(void **state) {
  for (size_t chunks = 1; chunks <= 3; chunks++)
    assert_true(
        is_taken((one_pixel){.packed = BLOCK_AROUND + ROW, .chunks = chunks, .comment = 9000}));
}

/* Its length says that the last chunk goes on behind the file's end: what is there counts. */
static void test_pixels_that_are_cut_off_behind_the_last_row(void **state) {
  assert_false(is_taken((one_pixel){.packed = 5000, .chunks = 1, .claimed = 1000}));
  assert_false(is_taken((one_pixel){.packed = 5000, .chunks = 1, .claimed = 13}));
  assert_false(is_taken((one_pixel){.packed = 9000, .chunks = 2, .claimed = 0x7fff0000}));
}

/* What a file could unpack to, 1032 times its size, may be declared, and a row more may not: one row is 1032 bytes. */
static void test_as_many_rows_as_a_file_could_hold(void **state) {
  uint8_t file[128], header[13] = {[8] = 8}, nothing[4] = {0};
  for (size_t more = 0; more < 2; more++) {
    memcpy(file, "\x89PNG\r\n\x1a\n", 8);
    const size_t size = 8 + 25 + 16 + 12;
    put_32(header, 1031);
    put_32(header + 4, size + more);
    size_t at = 8 + put_chunk(file + 8, "IHDR", header, sizeof header);
    at += put_chunk(file + at, "IDAT", nothing, sizeof nothing);
    at += put_chunk(file + at, "IEND", NULL, 0);
    assert_int_equal(at, size);
    assert_null(cnn_image_decode("rows", file, size, 1));
    assert_int_equal(cnn_last_status(), CNN_E_FORMAT);
    assert_int_equal(strstr(cnn_last_error(), "cannot come from") != NULL, more);
    cnn_clear_error();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows_of_every_small_size),
      cmocka_unit_test(test_long_rows_and_high_columns),
      cmocka_unit_test(test_a_kibibyte_may_follow_the_last_row_and_no_more),
      cmocka_unit_test(test_a_long_text_may_follow_the_pixels),
      cmocka_unit_test(test_pixels_that_are_cut_off_behind_the_last_row),
      cmocka_unit_test(test_as_many_rows_as_a_file_could_hold),
  };
  return cmocka_run_group_tests_name("data_png_rows", tests, NULL, NULL);
}
