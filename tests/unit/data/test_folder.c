/* Folders of images: their classes, and what is done about broken files in them. */
#include "images.h"

#include <sys/stat.h>

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

/* Parts of a set, and sets of parts, leave out what it leaves out, and count it. */
static void test_parts_leave_broken_images_out_too(void **state) {
  make_folder();
  write_file(scratch_path("b/0.png"), "\x89PNG\r\n\x1a\nand so on", 17);
  cnn_dataset *strict = cnn_image_folder(scratch_folder());
  cnn_dataset *set = cnn_image_folder(scratch_folder(), .skip_broken = 1);
  cnn_dataset *part = cnn_dataset_slice(set, 1, 2); /* the broken one and the next */
  cnn_dataset *chosen = cnn_dataset_subset(set, (int64_t[]){0, 3}, 2);
  cnn_dataset *chain = cnn_dataset_concatenate((cnn_dataset *[]){strict, part, chosen}, 3);
  cnn_dataset *sound = cnn_dataset_subset(strict, (int64_t[]){0, 2, 3}, 3);
  cnn_dataset *both = cnn_dataset_concatenate((cnn_dataset *[]){sound, part}, 2);
  const cnn_tensor *images, *labels;
  cnn_loader *loader =
      cnn_loader_new(both, .batch_size = 8, .transforms = {cnn_resize(.height = 8)});
  assert_int_equal(cnn_loader_next(loader, &images, &labels), CNN_OK);
  assert_int_equal(cnn_tensor_shape(images)[0], 4);
  static const int32_t expected[] = {0, 1, 1, 1};
  assert_memory_equal(cnn_tensor_const_data(labels), expected, sizeof expected);
  assert_int_equal(cnn_dataset_skipped(set), 1);
  assert_int_equal(cnn_dataset_skipped(part), 1);
  assert_int_equal(cnn_dataset_skipped(sound), 0);
  assert_int_equal(cnn_dataset_skipped(both), 1);
  assert_int_equal(cnn_dataset_skipped(chain), 2); /* the same one, by two of its parts */
  cnn_loader_free(loader);
  cnn_dataset *sets[] = {strict, set, part, chosen, chain, sound, both};
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
    cnn_dataset_free(sets[i]);
  remove_folder();
}

static void test_a_folder_may_hold_many_images(void **state) {
  enum { MANY = 300 };
  char name[32];
  make_folder();
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, "c/%03d.jpg", MANY - 1 - i);
    write_file(scratch_path(name), "x", 1);
  }
  cnn_dataset *set = cnn_image_folder(scratch_folder());
  assert_int_equal(cnn_dataset_count(set), 4 + MANY);
  cnn_tensor *image;
  for (int i = 0; i < MANY; i++) { /* in the order of their names, behind those of a and b */
    snprintf(name, sizeof name, "c/%03d.jpg", i);
    assert_error(CNN_E_FORMAT, cnn_dataset_fetch(set, 3 + i, &image, NULL, NULL), name);
    cnn_clear_error();
    unlink(scratch_path(name));
  }
  int32_t label;
  assert_int_equal(cnn_dataset_fetch(set, 3 + MANY, &image, &label, NULL), CNN_OK); /* c/y.png */
  assert_int_equal(label, 2);
  cnn_tensor_free(image);
  cnn_dataset_free(set);
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

static void test_every_allocation_may_fail(void **state) {
  make_folder();
  every_allocation_fails(use_folder);
  remove_folder();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_folders_are_classes),
      cmocka_unit_test(test_broken_images_are_named_or_left_out),
      cmocka_unit_test(test_parts_leave_broken_images_out_too),
      cmocka_unit_test(test_a_folder_may_hold_many_images),
      cmocka_unit_test(test_what_is_no_folder_of_classes_is_refused),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  const int failures = cmocka_run_group_tests_name("data_folder", tests, NULL, NULL);
  rmdir(scratch_folder());
  return failures;
}
