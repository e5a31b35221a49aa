/* CIFAR, IDX and npy files: what they hold, and what is done about broken ones. */
#include "idx_files.h"

#include <sys/stat.h>

/* ---- CIFAR ---- */

enum { CIFAR_RECORD = 3073, CIFAR_RECORDS = 10000 };

/* test_batch.bin as the archive has it: label i % 10, then planes of made-up pixels. */
static unsigned char *cifar_bytes(size_t label_bytes) {
  const size_t record = 3072 + label_bytes;
  unsigned char *bytes = malloc(record * CIFAR_RECORDS);
  for (size_t i = 0; i < CIFAR_RECORDS; i++) {
    bytes[i * record] = (unsigned char)(i % 10);
    bytes[i * record + label_bytes - 1] = (unsigned char)(i % (label_bytes == 1 ? 10 : 100));
    for (size_t e = 0; e < 3072; e++)
      bytes[i * record + label_bytes + e] = pixel_at(i * 3072 + e);
  }
  return bytes;
}

static void test_cifar_files_come_back(void **state) {
  for (size_t label_bytes = 1; label_bytes <= 2; label_bytes++) {
    const bool ten = label_bytes == 1;
    unsigned char *bytes = cifar_bytes(label_bytes);
    char *inner = scratch_path(ten ? "cifar-10-batches-bin" : "cifar-100-binary");
    char file[300];
    mkdir(inner, 0700);
    snprintf(file, sizeof file, "%s/%s", inner, ten ? "test_batch.bin" : "test.bin");
    write_file(file, bytes, (3072 + label_bytes) * CIFAR_RECORDS);
    free(bytes);
    for (int direct = 0; direct < 2; direct++) {
      const char *folder = direct ? inner : scratch_folder();
      cnn_dataset *set = ten ? cnn_cifar10(folder, CNN_TEST) : cnn_cifar100(folder, CNN_TEST);
      if (!set) fail_msg("%s", cnn_last_error());
      assert_int_equal(cnn_dataset_count(set), 10000);
      assert_int_equal(cnn_dataset_shape(set)[0], 32);
      assert_int_equal(cnn_dataset_classes(set), ten ? 10 : 100);
      assert_string_equal(cnn_dataset_class_name(set, 3), ten ? "cat" : "bear");
      assert_string_equal(cnn_dataset_class_name(set, ten ? 9 : 99), ten ? "truck" : "worm");
      cnn_tensor *image;
      int32_t label;
      assert_int_equal(cnn_dataset_fetch(set, 9987, &image, &label, NULL), CNN_OK);
      assert_int_equal(label, ten ? 7 : 87);
      for (size_t e = 0; e < 3072; e++)
        assert_int_equal(((const uint8_t *)image->data)[e],
                         pixel_at(9987 * 3072 + e % 3 * 1024 + e / 3));
      cnn_tensor_free(image);
      cnn_dataset_free(set);
    }
    unlink(file);
    rmdir(inner);
  }
}

static void test_broken_cifar_files_are_named(void **state) {
  unsigned char *bytes = cifar_bytes(1);
  const char *folder = scratch_folder(), *path = scratch_path("test_batch.bin");
  const size_t whole = (size_t)CIFAR_RECORD * CIFAR_RECORDS;
  cnn_clear_error();
  refuse_set(cnn_cifar10(folder, CNN_TEST), CNN_E_NOT_FOUND, "test_batch.bin");
  write_file(path, bytes, whole - 1);
  refuse_set(cnn_cifar10(folder, CNN_TEST), CNN_E_FORMAT,
             "test_batch.bin: 30729999 bytes where 10000 records of 3073 bytes make 30730000: the "
             "file is cut off at offset 30729999");
  write_file(path, bytes, whole);
  FILE *more = fopen(path, "ab");
  fputc(0, more);
  fclose(more);
  refuse_set(cnn_cifar10(folder, CNN_TEST), CNN_E_FORMAT, "too long at offset 30730000");
  write_file(path, bytes, 0);
  refuse_set(cnn_cifar10(folder, CNN_TEST), CNN_E_FORMAT, "cut off at offset 0");
  bytes[CIFAR_RECORD * 77] = 10;
  write_file(path, bytes, whole);
  refuse_set(cnn_cifar10(folder, CNN_TEST), CNN_E_FORMAT,
             "label 10 at offset 236621 is not in [0, 10)");
  refuse_set(cnn_cifar10(folder, CNN_TRAIN), CNN_E_NOT_FOUND, "data_batch_1.bin");
  refuse_set(cnn_cifar10(NULL, CNN_TEST), CNN_E_INVALID, "folder is NULL");
  refuse_set(cnn_cifar10(folder, (cnn_split)2), CNN_E_INVALID, "split 2");
  unlink(path);
  free(bytes);
}

/* ---- IDX ---- */

static void test_idx_files_come_back(void **state) {
  const char *images = scratch_path("images"), *labels = scratch_path("labels");
  write_file(images, idx_images, sizeof idx_images);
  write_file(labels, idx_labels, sizeof idx_labels);
  check_idx(images, labels);
  check_idx(images, NULL);
  unlink(images);
  unlink(labels);
}

static void test_broken_idx_files_are_named(void **state) {
  const char *path = scratch_path("broken"), *labels = scratch_path("labels");
  unsigned char bytes[sizeof idx_images + 1];
  memcpy(bytes, idx_images, sizeof idx_images);
  bytes[sizeof idx_images] = 0;
  for (size_t size = 0; size < sizeof idx_images; size++)
    expect_refusal(path, bytes, size);
  expect_refusal(path, bytes, sizeof bytes);
  for (size_t i = 0; i < 16; i++) { /* every byte of the header */
    bytes[i] ^= 0x55;
    expect_refusal(path, bytes, sizeof idx_images);
    bytes[i] ^= 0x55;
  }
  expect_refusal(path, (const unsigned char *)"\x1f\x8b\x08",
                 3); /* gzip, cut off or not built in */
  expect_refusal(path, (const unsigned char *)"\x1f\x00\x08\x01",
                 4); /* begins as gzip alone does */
  write_file(path, idx_images, sizeof idx_images);
  unsigned char three[] = {0, 0, 8, 1, 0, 0, 0, 3, 4, 1, 1};
  write_file(labels, three, sizeof three);
  refuse_set(cnn_idx_dataset(path, labels), CNN_E_FORMAT, "3 labels for 2 images");
  refuse_set(cnn_idx_dataset(path, path), CNN_E_FORMAT, "labels of 3 dimensions");
  refuse_set(cnn_idx_dataset(labels, NULL), CNN_E_FORMAT, "images of 1 dimensions");
  refuse_set(cnn_idx_dataset("/there/is/none", NULL), CNN_E_NOT_FOUND, "/there/is/none");
  refuse_set(cnn_idx_dataset(NULL, NULL), CNN_E_INVALID, "images is NULL");
  unlink(path);
  unlink(labels);
}

/* Sizes whose product, or whose product and header, are more than can be counted. */
static void test_idx_sizes_beyond_the_address_space(void **state) {
  static const unsigned char product[] = {0,   0,   8,   4,   255, 255, 255, 255, 255, 255,
                                          255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
  /* 4294967295 * 641 * 6700417 = 2^64 - 1 */
  static const unsigned char sum[] = {0, 0, 8, 3,   255, 255, 255, 255,
                                      0, 0, 2, 129, 0,   102, 61,  129};
  const char *path = scratch_path("broken");
  expect_refusal(path, product, sizeof product);
  assert_non_null(strstr(cnn_last_error(), "dimension 2 is 4294967295"));
  expect_refusal(path, sum, sizeof sum);
  assert_non_null(strstr(cnn_last_error(), "its sizes exceed the address space"));
  unlink(path);
}

/* ---- npy ---- */

static void test_npy_files_come_back(void **state) {
  static const struct {
    const char *name;
    cnn_dtype dtype;
  } cases[] = {{"array_f4", CNN_FLOAT32}, {"array_u1", CNN_UINT8},   {"array_i4", CNN_INT32},
               {"array_i8", CNN_INT64},   {"array_f8", CNN_FLOAT64}, {"array_u8", CNN_UINT64}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cnn_tensor *array = expected_array(cases[i].name);
    assert_int_equal(array->dtype, cases[i].dtype);
    assert_int_equal(array->shape.rank, 3);
    assert_int_equal(cnn__shape_product(&array->shape), 24);
    char name[64];
    snprintf(name, sizeof name, "%s.npy", cases[i].name);
    /* Written again: the very bytes that numpy wrote. */
    const char *path = scratch_path("again.npy");
    assert_int_equal(cnn_npy_write(path, array), CNN_OK);
    size_t first, second;
    unsigned char *theirs = read_bytes(image_path(name), &first), *ours = read_bytes(path, &second);
    assert_int_equal(first, second);
    assert_memory_equal(theirs, ours, first);
    free(theirs);
    free(ours);
    unlink(path);
    cnn_tensor_free(array);
  }
  cnn_tensor *scalar = expected_array("array_scalar"), *vector = expected_array("array_vector");
  assert_int_equal(scalar->shape.rank, 0);
  assert_true(cnn_tensor_floats(scalar)[0] == 2.5f);
  assert_int_equal(vector->shape.rank, 1);
  assert_int_equal(((const int32_t *)vector->data)[4], 4);
  cnn_tensor *all[] = {scalar, vector};
  for (int i = 0; i < 2; i++) {
    const char *path = scratch_path("again.npy");
    assert_int_equal(cnn_npy_write(path, all[i]), CNN_OK);
    cnn_tensor *again = cnn_npy_read(path);
    assert_true(cnn__shape_equal(&again->shape, &all[i]->shape));
    assert_memory_equal(again->data, all[i]->data, again->bytes);
    cnn_tensor_free(again);
    cnn_tensor_free(all[i]);
    unlink(path);
  }
}

static void test_broken_npy_files_are_named(void **state) {
  const char *path = scratch_path("broken.npy");
  size_t size;
  unsigned char *bytes = read_bytes(image_path("array_i4.npy"), &size);
  cnn_clear_error();
  for (size_t length = 0; length < size; length++) {
    write_file(path, bytes, length);
    refuse_tensor(cnn_npy_read(path), CNN_E_FORMAT, "broken.npy");
  }
  write_file(path, bytes, size + 1);
  refuse_tensor(cnn_npy_read(path), CNN_E_FORMAT, "97 bytes of data do not make shape 2x3x4");
  for (size_t i = 0; i < 128; i++) /* every byte of the header, in three ways */
    for (int k = 0; k < 3; k++) {
      const unsigned char before = bytes[i];
      bytes[i] ^= (unsigned char[]){0xff, 1, 0x10}[k];
      write_file(path, bytes, size);
      cnn_tensor *array = cnn_npy_read(path);
      const cnn_status status = cnn_last_status();
      if (array == NULL && status != CNN_E_FORMAT && status != CNN_E_UNSUPPORTED)
        fail_msg("byte %zu: %s", i, cnn_last_error());
      if (array && array->bytes != 96) fail_msg("byte %zu: %zu bytes", i, array->bytes);
      cnn_tensor_free(array);
      bytes[i] = before;
    }
  free(bytes);
  unlink(path);
  refuse_tensor(cnn_npy_read(image_path("array_fortran.npy")), CNN_E_UNSUPPORTED, "Fortran");
  refuse_tensor(cnn_npy_read(image_path("array_big_endian.npy")), CNN_E_UNSUPPORTED, "'>i4'");
  refuse_tensor(cnn_npy_read(image_path("array_bool.npy")), CNN_E_UNSUPPORTED, "'|b1'");
  refuse_tensor(cnn_npy_read("/there/is/none"), CNN_E_NOT_FOUND, "/there/is/none");
  refuse_tensor(cnn_npy_read(NULL), CNN_E_INVALID, "path is NULL");
}

/* ---- allocations ---- */

static cnn_status read_files(void) {
  cnn_dataset *set = cnn_idx_dataset(scratch_path("images"), scratch_path("labels"));
  cnn_status status = set ? CNN_OK : cnn_last_status();
  cnn_dataset_free(set);
  if (status != CNN_OK) return status;
  cnn_tensor *array = cnn_npy_read(image_path("array_i4.npy"));
  status = array ? cnn_npy_write(scratch_path("again.npy"), array) : cnn_last_status();
  cnn_tensor_free(array);
  return status;
}

static void test_every_allocation_may_fail(void **state) {
  const char *images = scratch_path("images"), *labels = scratch_path("labels");
  write_file(images, idx_images, sizeof idx_images);
  write_file(labels, idx_labels, sizeof idx_labels);
  every_allocation_fails(read_files);
  unlink(images);
  unlink(labels);
  unlink(scratch_path("again.npy"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cifar_files_come_back),
      cmocka_unit_test(test_broken_cifar_files_are_named),
      cmocka_unit_test(test_idx_files_come_back),
      cmocka_unit_test(test_broken_idx_files_are_named),
      cmocka_unit_test(test_idx_sizes_beyond_the_address_space),
      cmocka_unit_test(test_npy_files_come_back),
      cmocka_unit_test(test_broken_npy_files_are_named),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  const int failures = cmocka_run_group_tests_name("data_files", tests, NULL, NULL);
  rmdir(scratch_folder());
  return failures;
}
