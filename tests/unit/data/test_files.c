/* CIFAR, IDX and npy files, and image folders: what they hold, and what is done about broken ones. */
#include "images.h"

#include <sys/stat.h>
#ifdef CNN__HAVE_ZLIB
#include <zlib.h>
#endif

static void refuse_set(cnn_dataset *set, cnn_status status, const char *words) {
  if (set) fail_msg("a set was made, not \"%s\"", words);
  assert_error(status, cnn_last_status(), words);
  cnn_clear_error();
}
static void refuse_tensor(cnn_tensor *tensor, cnn_status status, const char *words) {
  if (tensor) fail_msg("a tensor was made, not \"%s\"", words);
  assert_error(status, cnn_last_status(), words);
  cnn_clear_error();
}

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

static const unsigned char idx_images[] = {0, 0, 8,  3,  0,  0,  0,  2,  0,  0,  0,  2,  0,  0,
                                           0, 3, 11, 12, 13, 14, 15, 16, 21, 22, 23, 24, 25, 26};
static const unsigned char idx_labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 4, 1};

/* The same, compressed. */
static size_t write_gzip(const char *path, const void *bytes, size_t size) {
#ifdef CNN__HAVE_ZLIB
  gzFile file = gzopen(path, "wb");
  assert_int_equal(gzwrite(file, bytes, (unsigned)size), size);
  assert_int_equal(gzclose(file), Z_OK);
#endif
  return size;
}

static void check_idx(const char *images, const char *labels) {
  cnn_dataset *set = cnn_idx_dataset(images, labels);
  if (!set) fail_msg("%s", cnn_last_error());
  assert_int_equal(cnn_dataset_count(set), 2);
  assert_int_equal(cnn_dataset_shape(set)[0], 2);
  assert_int_equal(cnn_dataset_shape(set)[1], 3);
  assert_int_equal(cnn_dataset_shape(set)[2], 1);
  assert_int_equal(cnn_dataset_classes(set), labels ? 5 : 0);
  cnn_tensor *image;
  int32_t label;
  assert_int_equal(cnn_dataset_fetch(set, 1, &image, &label, NULL), CNN_OK);
  assert_memory_equal(image->data, idx_images + 22, 6);
  assert_int_equal(label, labels ? 1 : -1);
  cnn_tensor_free(image);
  cnn_dataset_free(set);
}

static void test_idx_files_come_back(void **state) {
  const char *images = scratch_path("images"), *labels = scratch_path("labels");
  write_file(images, idx_images, sizeof idx_images);
  write_file(labels, idx_labels, sizeof idx_labels);
  check_idx(images, labels);
  check_idx(images, NULL);
#ifdef CNN__HAVE_ZLIB
  write_gzip(images, idx_images, sizeof idx_images);
  check_idx(images, labels);
  write_gzip(labels, idx_labels, sizeof idx_labels);
  check_idx(images, labels);
#endif
  unlink(images);
  unlink(labels);
}

/* Refused with a status that names the file; whatever the bytes are, nothing worse happens. */
static void expect_refusal(const char *path, const unsigned char *bytes, size_t size) {
  write_file(path, bytes, size);
  cnn_clear_error();
  cnn_dataset *set = cnn_idx_dataset(path, NULL);
  if (set) fail_msg("%zu bytes are taken", size);
  const cnn_status status = cnn_last_status();
  if (status != CNN_E_FORMAT && status != CNN_E_UNSUPPORTED) fail_msg("%s", cnn_last_error());
  if (!strstr(cnn_last_error(), path)) fail_msg("\"%s\" names no file", cnn_last_error());
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
#ifdef CNN__HAVE_ZLIB
  write_gzip(path, idx_images, sizeof idx_images);
  size_t size;
  unsigned char *packed = read_bytes(path, &size);
  for (size_t length = 2; length < size; length++)
    expect_refusal(path, packed, length);
  packed[size] = 7;
  expect_refusal(path, packed, size + 1);
  packed[size - 5] ^= 1; /* the checksum */
  expect_refusal(path, packed, size);
  free(packed);
  memset(bytes + 4, 0x7f, 12); /* declares far more than there can be */
  write_gzip(path, bytes, sizeof idx_images);
  refuse_set(cnn_idx_dataset(path, NULL), CNN_E_FORMAT, path);
#else
  expect_refusal(path, (const unsigned char *)"\x1f\x8b\x08", 3);
#endif
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

/* ---- folders ---- */

#ifdef CNN__HAVE_PNG
static const char *const folder_files[] = {"b/2.png", "b/1.PNG", "a/x.png", "c/y.png"};

static void copy_image(const char *name, const char *to) {
  size_t size;
  unsigned char *bytes = read_bytes(image_path(name), &size);
  write_file(scratch_path(to), bytes, size);
  free(bytes);
}

static void make_folder(void) {
  for (char c = 'a'; c <= 'c'; c++)
    mkdir(scratch_path((char[]){c, 0}), 0700);
  mkdir(scratch_path(".hidden"), 0700);
  for (size_t i = 0; i < 4; i++)
    copy_image(i == 3 ? "grey8.png" : "rgb8.png", folder_files[i]);
  write_file(scratch_path("b/notes.txt"), "no image", 8);
  write_file(scratch_path("readme.png"), "in no class", 11);
}

static void remove_folder(void) {
  for (size_t i = 0; i < 4; i++)
    unlink(scratch_path(folder_files[i]));
  static const char *const more[] = {"b/notes.txt", "readme.png", "b/0.png"};
  for (size_t i = 0; i < 3; i++)
    unlink(scratch_path(more[i]));
  for (char c = 'a'; c <= 'c'; c++)
    rmdir(scratch_path((char[]){c, 0}));
  rmdir(scratch_path(".hidden"));
}

static void test_folders_are_classes(void **state) {
  make_folder();
  cnn_dataset *set = cnn_image_folder(scratch_folder());
  if (!set) fail_msg("%s", cnn_last_error());
  assert_int_equal(cnn_dataset_count(set), 4);
  assert_int_equal(cnn_dataset_classes(set), 3);
  assert_string_equal(cnn_dataset_class_name(set, 2), "c");
  assert_int_equal(cnn_dataset_shape(set)[0], 0);
  assert_int_equal(cnn_dataset_shape(set)[2], 3);
  static const int32_t labels[] = {0, 1, 1, 2};
  for (int64_t i = 0; i < 4; i++) {
    cnn_tensor *image;
    int32_t label;
    assert_int_equal(cnn_dataset_fetch(set, i, &image, &label, NULL), CNN_OK);
    assert_int_equal(label, labels[i]);
    assert_close("image", image, expected_array(i == 3 ? "grey8.png" : "rgb8.png"), 0);
  }
  assert_null(cnn_loader_new(set)); /* nobody said how large */
  assert_error(CNN_E_SHAPE, cnn_last_status(), "cnn_resize()");
  cnn_clear_error();
  cnn_dataset_free(set);
  const char *const wanted[] = {"c", "a", NULL};
  set = cnn_image_folder(scratch_folder(), .channels = 1, .class_names = wanted);
  assert_int_equal(cnn_dataset_count(set), 2);
  assert_string_equal(cnn_dataset_class_name(set, 0), "c");
  assert_int_equal(cnn_dataset_shape(set)[2], 1);
  cnn_dataset_free(set);
  remove_folder();
}

static void test_broken_images_are_named_or_left_out(void **state) {
  make_folder();
  write_file(scratch_path("b/0.png"), "\x89PNG\r\n\x1a\nand so on", 17);
  for (int64_t workers = 0; workers < 2; workers++)
    for (int64_t skip = 0; skip < 2; skip++) {
      cnn_dataset *set = cnn_image_folder(scratch_folder(), .skip_broken = skip);
      cnn_loader *loader = cnn_loader_new(set, .batch_size = 5, .workers = workers,
                                          .transforms = {cnn_resize(.height = 8)});
      const cnn_tensor *images, *labels;
      for (int epoch = 0; epoch < 2; epoch++) {
        const cnn_status status = cnn_loader_next(loader, &images, &labels);
        if (skip) {
          assert_int_equal(status, CNN_OK);
          assert_int_equal(cnn_tensor_shape(images)[0], 4);
          assert_int_equal(((const int32_t *)cnn_tensor_const_data(labels))[1], 1);
        } else {
          assert_error(CNN_E_FORMAT, status, "b/0.png");
          cnn_clear_error();
        }
        assert_int_equal(cnn_loader_next(loader, &images, &labels), CNN_OK);
      }
      assert_int_equal(cnn_loader_skipped(loader), skip ? 2 : 0);
      assert_int_equal(cnn_dataset_skipped(set), skip);
      cnn_loader_free(loader);
      cnn_dataset_free(set);
    }
  remove_folder();
}

static void test_what_is_no_folder_of_classes_is_refused(void **state) {
  cnn_clear_error();
  refuse_set(cnn_image_folder("/there/is/none"), CNN_E_NOT_FOUND, "/there/is/none");
  refuse_set(cnn_image_folder(NULL), CNN_E_INVALID, "path is NULL");
  refuse_set(cnn_image_folder(scratch_folder()), CNN_E_NOT_FOUND, "no sub-folders");
  mkdir(scratch_path("a"), 0700);
  refuse_set(cnn_image_folder(scratch_folder()), CNN_E_NOT_FOUND, "ends in .png");
  rmdir(scratch_path("a"));
  const char *const wanted[] = {"no", NULL};
  refuse_set(cnn_image_folder(scratch_folder(), .class_names = wanted), CNN_E_NOT_FOUND, "/no");
  refuse_set(cnn_image_folder(scratch_folder(), .channels = 4), CNN_E_INVALID, "channels 4");
}

static cnn_status use_folder(void) {
  cnn_dataset *set = cnn_image_folder(scratch_folder());
  if (!set) return cnn_last_status();
  cnn_transform *resize = cnn_resize(.height = 6, .width = 5);
  cnn_status status = cnn_last_status();
  if (resize) {
    cnn_loader *loader =
        cnn_loader_new(set, .transforms = {resize}, .cache_bytes = 1 << 20, .batch_size = 3);
    const cnn_tensor *images;
    status = loader ? CNN_OK : cnn_last_status();
    for (int i = 0; status == CNN_OK && i < 4; i++)
      status = cnn_loader_next(loader, &images, NULL);
    cnn_loader_free(loader);
  }
  cnn_dataset_free(set);
  return status;
}
#endif

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
#ifdef CNN__HAVE_ZLIB
  write_gzip(images, idx_images, sizeof idx_images);
#endif
  every_allocation_fails(read_files);
  unlink(images);
  unlink(labels);
  unlink(scratch_path("again.npy"));
#ifdef CNN__HAVE_PNG
  make_folder();
  every_allocation_fails(use_folder);
  remove_folder();
#endif
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cifar_files_come_back),
      cmocka_unit_test(test_broken_cifar_files_are_named),
      cmocka_unit_test(test_idx_files_come_back),
      cmocka_unit_test(test_broken_idx_files_are_named),
      cmocka_unit_test(test_npy_files_come_back),
      cmocka_unit_test(test_broken_npy_files_are_named),
#ifdef CNN__HAVE_PNG
      cmocka_unit_test(test_folders_are_classes),
      cmocka_unit_test(test_broken_images_are_named_or_left_out),
      cmocka_unit_test(test_what_is_no_folder_of_classes_is_refused),
#endif
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  const int failures = cmocka_run_group_tests_name("data_files", tests, NULL, NULL);
  rmdir(scratch_folder());
  return failures;
}
