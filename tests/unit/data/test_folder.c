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

/* Fitted on what a loader shows; where nothing is left, the failure says why. */
static void test_fitting_leaves_broken_images_out(void **state) {
  make_folder();
  cnn_transform *sound = cnn_augmentation(.featurewise_normalization = 1);
  cnn_transform *part = cnn_augmentation(.featurewise_normalization = 1);
  cnn_dataset *strict = cnn_image_folder(scratch_folder());
  assert_int_equal(cnn_transform_fit(sound, strict), CNN_OK);
  write_file(scratch_path("b/0.png"), "\x89PNG\r\n\x1a\nand so on", 17);
  cnn_dataset *broken = cnn_image_folder(scratch_folder());
  cnn_dataset *set = cnn_image_folder(scratch_folder(), .skip_broken = 1);
  cnn_dataset *alone = cnn_dataset_slice(set, 1, 1);
  assert_error(CNN_E_FORMAT, cnn_transform_fit(part, broken), "b/0.png");
  cnn_clear_error();
  assert_error(CNN_E_FORMAT, cnn_transform_fit(part, alone), "b/0.png");
  cnn_clear_error();
  assert_int_equal(cnn_transform_fit(part, set), CNN_OK);
  assert_int_equal(cnn_last_status(), CNN_OK);
  cnn_tensor *image = NULL;
  assert_int_equal(cnn_dataset_fetch(strict, 0, &image, NULL, NULL), CNN_OK);
  cnn_tensor *all = cnn_augment_image(sound, image, 0, 0, 0);
  cnn_tensor *rest = cnn_augment_image(part, image, 0, 0, 0);
  assert_memory_equal(cnn_tensor_floats(all), cnn_tensor_floats(rest), all->bytes);
  cnn_tensor *tensors[] = {image, all, rest};
  cnn_dataset *sets[] = {strict, broken, set, alone};
  for (size_t i = 0; i < 3; i++)
    cnn_tensor_free(tensors[i]);
  for (size_t i = 0; i < 4; i++)
    cnn_dataset_free(sets[i]);
  cnn_transform_free(sound);
  cnn_transform_free(part);
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

static int64_t folder_batch; /* small: each image is made alone */

static cnn_status use_folder(void) {
  cnn_dataset *set = cnn_image_folder(scratch_folder());
  if (!set) return cnn_last_status();
  cnn_transform *resize = cnn_resize(.height = 6, .width = 5);
  cnn_status status = cnn_last_status();
  if (resize) {
    cnn_loader *loader = cnn_loader_new(set, .transforms = {resize}, .cache_bytes = 1 << 20,
                                        .batch_size = folder_batch);
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
  for (folder_batch = 3; folder_batch < 100; folder_batch += 61)
    every_allocation_fails(use_folder);
  remove_folder();
}

/* Links count as what they lead to, as a class and as an image. */
static void test_folders_in_a_class_are_no_images(void **state) {
  static const char *const links[][2] = {
      {"a", "d"}, {"../a", "b/4.png"}, {"../c/y.png", "b/5.png"}};
  static const int32_t labels[] = {0, 1, 1, 1, 2, 3};
  make_folder();
  mkdir(scratch_path("b/3.png"), 0700);
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(symlink(links[i][0], scratch_path(links[i][1])), 0);
  cnn_dataset *set = cnn_image_folder(scratch_folder());
  assert_int_equal(cnn_dataset_count(set), 6);
  for (int64_t i = 0; i < 6; i++) {
    cnn_tensor *image;
    int32_t label;
    assert_int_equal(cnn_dataset_fetch(set, i, &image, &label, NULL), CNN_OK);
    assert_int_equal(label, labels[i]);
    cnn_tensor_free(image);
  }
  cnn_dataset_free(set);
  folder_batch = 3;
  every_allocation_fails(use_folder);
  for (size_t i = 0; i < 3; i++)
    unlink(scratch_path(links[i][1]));
  rmdir(scratch_path("b/3.png"));
  remove_folder();
}

/* ---- images that are made together ---- */

static const char *const together[] = {"exif1.jpg", "exif2.jpg", "exif3.jpg", "exif4.jpg",
                                       "exif5.jpg", "exif6.jpg", "exif7.jpg", "exif8.jpg",
                                       "rgb8.png",  "cmyk.jpg"};
enum { TOGETHER = sizeof together / sizeof *together + 2 };

/* Images of several kinds; one that is broken, and one whose file is too large to be read ahead. */
static void make_mixed_folder(void) {
  enum { PADDED = 40000 };
  char name[32];
  mkdir(scratch_path("a"), 0700);
  for (size_t i = 0; i < sizeof together / sizeof *together; i++) {
    snprintf(name, sizeof name, "a/%02zu.%s", i < 3 ? i : i + 1, strchr(together[i], '.') + 1);
    copy_image(together[i], name);
  }
  write_file(scratch_path("a/03.jpg"), "\xff\xd8\xff and no more", 15);
  size_t size;
  unsigned char *bytes = read_bytes(image_path("exif6.jpg"), &size);
  unsigned char *padded = calloc(1, PADDED);
  memcpy(padded, bytes, size);
  write_file(scratch_path("a/11.jpg"), padded, PADDED);
  free(padded);
  free(bytes);
}

static void remove_mixed_folder(void) {
  char name[32];
  for (int i = 0; i < 2 * TOGETHER; i++) {
    snprintf(name, sizeof name, "a/%02d.%s", i / 2, i % 2 ? "jpg" : "png");
    unlink(scratch_path(name));
  }
  rmdir(scratch_path("a"));
}

/* What is done to the images: nothing, cropping, turning them about, moving them by less than a pixel. */
static cnn_loader *open_mixed(cnn_dataset *set, int kind, int64_t batch, int64_t workers,
                              uint64_t cache) {
  static const double mean[] = {0.25, 0.5, 0.75}, deviation[] = {0.5, 0.25, 0.125};
  cnn_transform *resize = cnn_resize(.height = 12, .width = 20);
  cnn_transform *second = kind == 1 ? cnn_center_crop(.height = 8) : NULL;
  cnn_transform *augment = kind == 2   ? cnn_augmentation(.horizontal_flip = 1, .vertical_flip = 1)
                           : kind == 3 ? cnn_augmentation(.rotation = 30)
                                       : NULL;
  cnn_loader *loader =
      cnn_loader_new(set, .batch_size = batch, .workers = workers, .cache_bytes = cache, .seed = 5,
                     .skip_broken = 1, .rescale = 1 / 255., .mean = mean, .deviation = deviation,
                     .channels = 3, .transforms = {resize, second}, .augment = augment);
  if (!loader) fail_msg("%s", cnn_last_error());
  return loader;
}

/* An epoch's images, one after the other; how many there are. */
static size_t read_mixed(cnn_loader *loader, float *values, size_t each) {
  const cnn_tensor *images;
  size_t count = 0;
  for (;;) {
    assert_int_equal(cnn_loader_next(loader, &images, NULL), CNN_OK);
    if (!images) return count;
    const size_t now = (size_t)cnn_tensor_shape(images)[0];
    memcpy(values + count * each, cnn_tensor_const_data(images), now * each * sizeof *values);
    count += now;
  }
}

static void test_images_are_the_same_alone_and_together(void **state) {
  static float alone[2 * TOGETHER * 720], with_others[2 * TOGETHER * 720];
  make_mixed_folder();
  cnn_dataset *folder = cnn_image_folder(scratch_folder(), .skip_broken = 1);
  assert_int_equal(cnn_dataset_count(folder), TOGETHER);
  cnn_dataset *back = cnn_dataset_subset(folder, (int64_t[]){11, 6, 5, 3, 2, 9, 8, 7, 1}, 9);
  cnn_dataset *sets[] = {folder, cnn_dataset_concatenate((cnn_dataset *[]){folder, back}, 2)};
  for (int which = 0; which < 8; which++) {
    const int kind = which % 4;
    const size_t each = kind == 1 ? 8 * 8 * 3 : 12 * 20 * 3, sound = which < 4 ? 11 : 11 + 8;
    cnn_loader *one = open_mixed(sets[which / 4], kind, 1, 1, 0);
    assert_int_equal(read_mixed(one, alone, each), sound);
    for (uint64_t cache = 0; cache < 2; cache++) {
      cnn_loader *many = open_mixed(sets[which / 4], kind, 32, 1, cache << 20);
      for (int64_t epoch = 0; epoch < 2; epoch++) { /* the second out of the cache */
        assert_int_equal(cnn_loader_seek(many, 0, 0), CNN_OK);
        assert_int_equal(read_mixed(many, with_others, each), sound);
        assert_memory_equal(with_others, alone, sound * each * sizeof *alone);
      }
      cnn_loader_free(many);
    }
    cnn_loader_free(one);
  }
  cnn_dataset_free(sets[1]);
  cnn_dataset_free(back);
  cnn_dataset_free(folder);
  remove_mixed_folder();
}

static void test_a_file_that_vanishes_is_named_among_others(void **state) {
  make_mixed_folder();
  cnn_dataset *folder = cnn_image_folder(scratch_folder(), .skip_broken = 1);
  cnn_loader *loader = open_mixed(folder, 0, 32, 0, 0);
  const cnn_tensor *images;
  unlink(scratch_path("a/05.jpg"));
  assert_error(CNN_E_NOT_FOUND, cnn_loader_next(loader, &images, NULL), "a/05.jpg: cannot open");
  cnn_clear_error();
  cnn_loader_free(loader);
  cnn_dataset_free(folder);
  remove_mixed_folder();
}

/* Reading ahead fails for the large file, and is no failure: what was pending stays so. */
static void test_reading_ahead_leaves_a_pending_failure(void **state) {
  make_mixed_folder();
  cnn_dataset *folder = cnn_image_folder(scratch_folder());
  cnn_dataset *large = cnn_dataset_slice(folder, 11, 1);
  for (int pending = 0; pending < 2; pending++) {
    cnn_loader *loader = open_mixed(large, 0, 32, 0, 0);
    const cnn_tensor *images;
    if (pending) cnn_fail(CNN_E_STATE, "from before");
    assert_int_equal(cnn_loader_next(loader, &images, NULL), CNN_OK);
    assert_int_equal(cnn_tensor_shape(images)[0], 1);
    assert_int_equal(cnn_last_status(), pending ? CNN_E_STATE : CNN_OK);
    assert_string_equal(cnn_last_error(), pending ? "from before" : "");
    cnn_clear_error();
    cnn_loader_free(loader);
  }
  cnn_dataset_free(large);
  cnn_dataset_free(folder);
  remove_mixed_folder();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_folders_are_classes),
      cmocka_unit_test(test_broken_images_are_named_or_left_out),
      cmocka_unit_test(test_fitting_leaves_broken_images_out),
      cmocka_unit_test(test_parts_leave_broken_images_out_too),
      cmocka_unit_test(test_a_folder_may_hold_many_images),
      cmocka_unit_test(test_what_is_no_folder_of_classes_is_refused),
      cmocka_unit_test(test_every_allocation_may_fail),
      cmocka_unit_test(test_folders_in_a_class_are_no_images),
      cmocka_unit_test(test_images_are_the_same_alone_and_together),
      cmocka_unit_test(test_a_file_that_vanishes_is_named_among_others),
      cmocka_unit_test(test_reading_ahead_leaves_a_pending_failure),
  };
  const int failures = cmocka_run_group_tests_name("data_folder", tests, NULL, NULL);
  rmdir(scratch_folder());
  return failures;
}
