/* Compressed IDX files: read as the plain ones are; what is done about broken ones. */
#include "../base/guarded.h"
#include "data/inflate.h"
#include "idx_files.h"

#include <zlib.h>

static void write_gzip(const char *path, const void *bytes, size_t size) {
  gzFile file = gzopen(path, "wb");
  assert_int_equal(gzwrite(file, bytes, (unsigned)size), size);
  assert_int_equal(gzclose(file), Z_OK);
}

static void test_compressed_files_come_back(void **state) {
  const char *images = scratch_path("images"), *labels = scratch_path("labels");
  write_gzip(images, idx_images, sizeof idx_images);
  write_file(labels, idx_labels, sizeof idx_labels);
  check_idx(images, labels);
  write_gzip(labels, idx_labels, sizeof idx_labels);
  check_idx(images, labels);
  unlink(images);
  unlink(labels);
}

static void test_broken_files_are_named(void **state) {
  const char *path = scratch_path("broken");
  unsigned char bytes[sizeof idx_images];
  memcpy(bytes, idx_images, sizeof idx_images);
  write_gzip(path, idx_images, sizeof idx_images);
  size_t size;
  unsigned char *packed = read_bytes(path, &size);
  for (size_t length = 2; length < size; length++) {
    expect_refusal(path, packed, length);
    /* Also where just the checksum is missing. */
    if (length + 8 >= size) assert_non_null(strstr(cnn_last_error(), "it is cut off"));
  }
  packed[size] = 7;
  expect_refusal(path, packed, size + 1);
  packed[size - 5] ^= 1; /* the checksum */
  expect_refusal(path, packed, size);
  free(packed);
  memset(bytes + 4, 0x7f, 12); /* declares far more than there can be */
  write_gzip(path, bytes, sizeof idx_images);
  refuse_set(cnn_idx_dataset(path, NULL), CNN_E_FORMAT, path);
  unlink(path);
}

/* Sound gzip around an IDX file that is a byte short, or has a byte too many. */
static void test_what_is_unpacked_is_what_is_declared(void **state) {
  const char *path = scratch_path("other");
  unsigned char bytes[sizeof idx_images + 1] = {0};
  memcpy(bytes, idx_images, sizeof idx_images);
  write_gzip(path, bytes, sizeof idx_images - 1);
  refuse_set(cnn_idx_dataset(path, NULL), CNN_E_FORMAT,
             "unpacks to fewer than the 28 bytes that it declares");
  write_gzip(path, bytes, sizeof bytes);
  refuse_set(cnn_idx_dataset(path, NULL), CNN_E_FORMAT,
             "unpacks to more than the 28 bytes that it declares");
  unlink(path);
}

/* No gzip file holds more than 1032 times its bytes: told before there is memory for it, exactly. */
static void test_what_a_file_is_too_small_for_is_refused(void **state) {
  const char *path = scratch_path("declared");
  const unsigned char bytes[16] = {0, 0, 8, 3};
  size_t size, most;
  write_gzip(path, bytes, sizeof bytes);
  unsigned char *packed = read_bytes(path, &size);
  const cnn__gzip gzip = {path, packed, size};
  most = 1032 * size + 1031;
  cnn_context *context = cnn_context_new(.threads = 1);
  unsigned char *out = NULL;
  assert_error(CNN_E_FORMAT, cnn__gunzip(context, &gzip, most, &out), "unpacks to fewer");
  cnn_clear_error();
  assert_error(CNN_E_FORMAT, cnn__gunzip(context, &gzip, most + 1, &out), "cannot come from");
  cnn_clear_error();
  assert_null(out);
  cnn_context_free(context);
  free(packed);
  unlink(path);
}

/* A limit of a file's size holds for what it unpacks to as well: exactly. */
static void test_the_limit_holds_for_what_is_unpacked(void **state) {
  const char *path = scratch_path("limited");
  unsigned char bytes[4096] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1};
  bytes[14] = (4096 - 16) >> 8;
  bytes[15] = (4096 - 16) & 255;
  write_gzip(path, bytes, sizeof bytes);
  for (int less = 0; less < 2; less++) {
    cnn_context *context = cnn_context_new(.max_file_bytes = 4096 - (uint64_t)less);
    cnn_context_use(context);
    cnn_dataset *set = cnn_idx_dataset(path, NULL);
    if (less)
      refuse_set(set, CNN_E_LIMIT, "unpacks to 4096 bytes, over the limit of 4095");
    else
      assert_non_null(set);
    if (!less) cnn_dataset_free(set);
    cnn_context_use(NULL);
    cnn_context_free(context);
  }
  unlink(path);
}

/* Room for fewer bytes than there are: behind it nothing is written. */
static void test_no_more_is_unpacked_than_there_is_room_for(void **state) {
  const char *path = scratch_path("packed");
  unsigned char bytes[4096];
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (unsigned char)(i * 37 >> 3);
  write_gzip(path, bytes, sizeof bytes);
  size_t size, got;
  unsigned char *packed = read_bytes(path, &size);
  const cnn__gzip gzip = {path, packed, size};
  guarded guard = guarded_open(sizeof bytes + 1);
  cnn_context *context = cnn_context_new(.threads = 1);
  for (size_t room = 0; room <= sizeof bytes + 1; room += room < 20 || room >= 4094 ? 1 : 97) {
    unsigned char *to = guard.pages + guard.room - room;
    assert_int_equal(cnn__gunzip_begin(context, &gzip, to, room, &got), CNN_OK);
    assert_int_equal(got, room < sizeof bytes ? room : sizeof bytes);
    assert_memory_equal(to, bytes, got);
  }
  cnn_context_free(context);
  guarded_close(&guard);
  free(packed);
  unlink(path);
}

static cnn_status read_set(void) {
  cnn_dataset *set = cnn_idx_dataset(scratch_path("images"), NULL);
  const cnn_status status = set ? CNN_OK : cnn_last_status();
  cnn_dataset_free(set);
  return status;
}

static void test_every_allocation_may_fail(void **state) {
  const char *images = scratch_path("images");
  write_gzip(images, idx_images, sizeof idx_images);
  every_allocation_fails(read_set);
  unlink(images);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_compressed_files_come_back),
      cmocka_unit_test(test_broken_files_are_named),
      cmocka_unit_test(test_what_is_unpacked_is_what_is_declared),
      cmocka_unit_test(test_what_a_file_is_too_small_for_is_refused),
      cmocka_unit_test(test_the_limit_holds_for_what_is_unpacked),
      cmocka_unit_test(test_no_more_is_unpacked_than_there_is_room_for),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  const int failures = cmocka_run_group_tests_name("data_gzip", tests, NULL, NULL);
  rmdir(scratch_folder());
  return failures;
}
