/* libcnn-plot as its users see it: files by their ending, what cannot be drawn, what pictures show. */
#include <cairo.h>
#include <cnn/plot.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A model that has been trained for two epochs on a few pixels. */
static struct {
  cnn_dataset *dataset;
  cnn_loader *loader;
  cnn_model *model;
  cnn_confusion *confusion;
} trained;

static cnn_dataset *make_dataset(void) {
  static const char *const names[] = {"dark", "bright\xff",
                                      "a name that is far too long for its place"};
  uint8_t pixels[12 * 4 * 4 * 3];
  int32_t labels[12];
  for (int i = 0; i < 12; i++) {
    labels[i] = i % 3;
    memset(pixels + i * 48, 40 + 80 * (i % 3), 48);
  }
  cnn_tensor *images = cnn_tensor_copy_of(CNN_UINT8, 4, (int64_t[]){12, 4, 4, 3}, pixels);
  cnn_tensor *truth = cnn_tensor_copy_of(CNN_INT32, 1, (int64_t[]){12}, labels);
  cnn_dataset *dataset =
      cnn_array_dataset(.images = images, .labels = truth, .classes = 3, .class_names = names);
  cnn_tensor_free(images);
  cnn_tensor_free(truth);
  return dataset;
}

static int train_once(void **state) {
  (void)state;
  trained.dataset = make_dataset();
  trained.loader = cnn_loader_new(trained.dataset, .batch_size = 5, .rescale = 1 / 255.);
  trained.model = cnn_sequential(cnn_input(.shape = {4, 4, 3}),
                                 cnn_conv2d(.filters = 4, .kernel = {3, 3}, .activation = CNN_RELU),
                                 cnn_flatten(), cnn_dense(.units = 3, .activation = CNN_SOFTMAX));
  cnn_model_compile(trained.model, .optimizer = cnn_adam(),
                    .loss = cnn_sparse_categorical_crossentropy(), .metrics = {cnn_accuracy()});
  cnn_model_fit(trained.model, trained.loader, .epochs = 2, .validation = trained.loader);
  trained.confusion = cnn_model_confusion(trained.model, trained.loader);
  if (cnn_last_status() != CNN_OK) fprintf(stderr, "%s\n", cnn_last_error());
  return cnn_last_status() != CNN_OK;
}

static int free_trained(void **state) {
  (void)state;
  cnn_confusion_free(trained.confusion);
  cnn_model_free(trained.model);
  cnn_loader_free(trained.loader);
  cnn_dataset_free(trained.dataset);
  return 0;
}

static const cnn_history *history(void) {
  return cnn_model_history(trained.model);
}

/* ---- helpers ---- */

static void assert_fails(cnn_status status, cnn_status expected, const char *part) {
  if (status != expected || strstr(cnn_last_error(), part) == NULL)
    fail_msg("status %d, '%s'; expected %d with '%s'", status, cnn_last_error(), expected, part);
  cnn_clear_error();
}

static void assert_fine(cnn_status status) {
  if (status != CNN_OK) fail_msg("status %d, '%s'", status, cnn_last_error());
}

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail_msg("%s was not written", path);
  char *bytes = malloc(1 << 22);
  *size = fread(bytes, 1, 1 << 22, file);
  fclose(file);
  return bytes;
}

static void assert_begins(const char *path, const char *signature) {
  size_t size;
  char *bytes = read_file(path, &size);
  assert_true(size > strlen(signature));
  assert_memory_equal(bytes, signature, strlen(signature));
  free(bytes);
  unlink(path);
}

static void assert_same_files(const char *first, const char *second) {
  size_t sizes[2];
  char *a = read_file(first, &sizes[0]), *b = read_file(second, &sizes[1]);
  assert_int_equal(sizes[0], sizes[1]);
  assert_memory_equal(a, b, sizes[0]);
  free(a);
  free(b);
  unlink(first);
  unlink(second);
}

/* ---- pixels of a PNG ---- */

static cairo_surface_t *open_png(const char *path) {
  cairo_surface_t *png = cairo_image_surface_create_from_png(path);
  assert_int_equal(cairo_surface_status(png), CAIRO_STATUS_SUCCESS);
  unlink(path);
  return png;
}

static uint32_t pixel(cairo_surface_t *png, int x, int y) {
  const unsigned char *row =
      cairo_image_surface_get_data(png) + y * cairo_image_surface_get_stride(png);
  uint32_t value;
  memcpy(&value, row + 4 * x, 4);
  return value & 0xffffff;
}

static int count_pixels(cairo_surface_t *png, uint32_t color) {
  int count = 0;
  for (int y = 0; y < cairo_image_surface_get_height(png); y++)
    for (int x = 0; x < cairo_image_surface_get_width(png); x++)
      count += pixel(png, x, y) == color;
  return count;
}

/* How many pixels are greener, or redder, than they are anything else: thin strokes are pale. */
static int count_tinted(cairo_surface_t *png, int shift) {
  int count = 0;
  for (int y = 0; y < cairo_image_surface_get_height(png); y++)
    for (int x = 0; x < cairo_image_surface_get_width(png); x++) {
      uint32_t color = pixel(png, x, y), most = 0;
      for (int other = 0; other <= 16; other += 8)
        if (other != shift && (color >> other & 255) > most) most = color >> other & 255;
      count += (color >> shift & 255) > most + 20;
    }
  return count;
}

enum { BLUE = 0x0969b3, VERMILION = 0xd9540b, MAGENTA = 0xe000e0 };

static cnn_tensor *images_of(int64_t count) {
  cnn_tensor *images = cnn_tensor_create(CNN_FLOAT32, 4, (int64_t[]){count, 4, 4, 3});
  float *values = cnn_tensor_data(images);
  for (int64_t i = 0; i < cnn_tensor_count(images); i++)
    values[i] = (float)(i % 7) / 7;
  return images;
}

/* ---- tests ---- */

static void test_the_ending_says_what_is_written(void **state) {
  (void)state;
  assert_fine(cnn_plot_history(history(), "history.png"));
  assert_begins("history.png", "\x89PNG\r\n");
  assert_fine(cnn_plot_history(history(), "history.SVG"));
  assert_begins("history.SVG", "<?xml");
  assert_fine(cnn_plot_history(history(), "history.x.pdf"));
  assert_begins("history.x.pdf", "%PDF-");
}

static void test_another_ending_is_an_error_that_lists_them(void **state) {
  (void)state;
  const char *const paths[] = {"history.gif", "history", "png", "a.png/history", ".png.", ""};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    assert_fails(cnn_plot_history(history(), paths[i]), CNN_E_INVALID, ".png, .svg and .pdf");
    assert_fails(cnn_plot_check_path(paths[i]), CNN_E_INVALID, ".png, .svg and .pdf");
    assert_int_not_equal(access(paths[i], F_OK), 0);
  }
  assert_fine(cnn_plot_check_path("folder.gif/history.Png"));
}

static void test_the_same_call_writes_the_same_bytes(void **state) {
  (void)state;
  const char *const paths[][2] = {{"a.png", "b.png"}, {"a.svg", "b.svg"}, {"a.pdf", "b.pdf"}};
  cnn_tensor *images = images_of(12);
  for (int i = 0; i < 3; i++) {
    assert_fine(cnn_plot_history(history(), paths[i][0], .title = "Training"));
    assert_fine(cnn_plot_history(history(), paths[i][1], .title = "Training"));
    assert_same_files(paths[i][0], paths[i][1]);
    assert_fine(cnn_plot_images(images, paths[i][0]));
    assert_fine(cnn_plot_images(images, paths[i][1]));
    assert_same_files(paths[i][0], paths[i][1]);
    assert_fine(cnn_plot_confusion(trained.confusion, paths[i][0]));
    assert_fine(cnn_plot_confusion(trained.confusion, paths[i][1]));
    assert_same_files(paths[i][0], paths[i][1]);
    assert_fine(cnn_plot_filters(trained.model, "conv2d/kernel", paths[i][0]));
    assert_fine(cnn_plot_filters(trained.model, "conv2d/kernel", paths[i][1]));
    assert_same_files(paths[i][0], paths[i][1]);
  }
  cnn_tensor_free(images);
}

static void test_null_is_an_error_and_keeps_a_pending_one(void **state) {
  (void)state;
  assert_fails(cnn_plot_history(NULL, "a.png"), CNN_E_INVALID, "history is NULL");
  assert_fails(cnn_plot_history(history(), NULL), CNN_E_INVALID, "path is NULL");
  assert_fails(cnn_plot_history_with(NULL), CNN_E_INVALID, "options is NULL");
  assert_fails(cnn_plot_images(NULL, "a.png"), CNN_E_INVALID, "images is NULL");
  assert_fails(cnn_plot_confusion(NULL, "a.png"), CNN_E_INVALID, "confusion is NULL");
  assert_fails(cnn_plot_filters(NULL, "x", "a.png"), CNN_E_INVALID, "model is NULL");
  assert_fails(cnn_plot_filters(trained.model, NULL, "a.png"), CNN_E_INVALID, "parameter is NULL");
  cnn_fail(CNN_E_SHAPE, "an earlier failure");
  assert_fails(cnn_plot_history(NULL, "a.png"), CNN_E_SHAPE, "an earlier failure");
}

static void test_a_file_that_cannot_be_written_leaves_nothing(void **state) {
  (void)state;
  assert_fails(cnn_plot_history(history(), "missing/a.png"), CNN_E_NOT_FOUND, "missing/a.png");
  mkdir("folder.png", 0700);
  assert_fails(cnn_plot_history(history(), "folder.png"), CNN_E_IO, "folder.png");
  assert_int_equal(rmdir("folder.png"), 0);
}

static void test_options_are_checked(void **state) {
  (void)state;
  assert_fails(cnn_plot_history(history(), "a.png", .width = -1), CNN_E_INVALID, "width");
  assert_fails(cnn_plot_history(history(), "a.png", .height = 10), CNN_E_INVALID, "height");
  assert_fails(cnn_plot_history(history(), "a.png", .width = 40000), CNN_E_LIMIT, "32767");
  assert_fails(cnn_plot_history(history(), "a.png", .series = {"recall"}), CNN_E_NOT_FOUND,
               "recall");
  cnn_tensor *images = images_of(2);
  assert_fails(cnn_plot_images(images, "a.png", .count = 3), CNN_E_SHAPE, "3 of 2");
  assert_fails(cnn_plot_images(images, "a.png", .columns = -1), CNN_E_INVALID, "columns -1");
  assert_fails(cnn_plot_images(images, "a.png", .size = INT64_MAX), CNN_E_LIMIT, "32767");
  assert_fails(cnn_plot_images(images, "a.png", .low = 1, .high = 1), CNN_E_INVALID, "low");
  cnn_tensor_free(images);
  assert_fails(cnn_plot_filters(trained.model, "dense/bias", "a.png"), CNN_E_SHAPE, "dense/bias");
  assert_fails(cnn_plot_filters(trained.model, "none/kernel", "a.png"), CNN_E_NOT_FOUND, "none");
}

static void test_options_of_other_versions_are_read_by_their_size(void **state) {
  (void)state;
  struct {
    cnn_plot_history_options known;
    int64_t later;
  } options = {.known = {.struct_size = sizeof options, .history = history(), .path = "a.png"}};
  assert_fine(cnn_plot_history_with(&options.known));
  unlink("a.png");
  options.later = 1;
  assert_fails(cnn_plot_history_with(&options.known), CNN_E_INVALID, "does not know");
  options.known.struct_size = sizeof options.known - 1;
  assert_fails(cnn_plot_history_with(&options.known), CNN_E_INVALID, "struct_size");
}

static void test_a_history_without_epochs_is_too_early(void **state) {
  (void)state;
  cnn_model *model = cnn_model_clone(trained.model);
  const cnn_history *empty = cnn_model_history(model);
  cnn_status status = cnn_plot_history(empty, "a.png");
  if (empty != NULL)
    assert_fails(status, CNN_E_STATE, "no epoch");
  else
    assert_fails(status, CNN_E_INVALID, "history is NULL");
  cnn_model_free(model);
}

static void test_curves_have_their_colours_and_size(void **state) {
  (void)state;
  assert_fine(cnn_plot_history(history(), "a.png", .width = 500, .height = 300));
  cairo_surface_t *png = open_png("a.png");
  assert_int_equal(cairo_image_surface_get_width(png), 500);
  assert_int_equal(cairo_image_surface_get_height(png), 300);
  assert_true(count_pixels(png, BLUE) > 40);
  assert_true(count_pixels(png, VERMILION) > 40);
  cairo_surface_destroy(png);
}

static void test_images_are_shown_pixel_by_pixel(void **state) {
  (void)state;
  const uint8_t four[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7};
  cnn_tensor *image = cnn_tensor_copy_of(CNN_UINT8, 3, (int64_t[]){2, 2, 3}, four);
  assert_fine(cnn_plot_images(image, "a.png", .size = 40));
  cairo_surface_t *png = open_png("a.png");
  assert_int_equal(count_pixels(png, 0xff0000), 400);
  assert_int_equal(count_pixels(png, 0x00ff00), 400);
  assert_int_equal(count_pixels(png, 0x0000ff), 400);
  assert_int_equal(count_pixels(png, 0x090807), 400);
  cairo_surface_destroy(png);
  cnn_tensor_free(image);
}

static void test_floats_that_are_no_numbers_are_magenta(void **state) {
  (void)state;
  const float four[] = {0, 1, NAN, .5f};
  cnn_tensor *image = cnn_tensor_copy_of(CNN_FLOAT32, 4, (int64_t[]){1, 2, 2, 1}, four);
  assert_fine(cnn_plot_images(image, "a.png", .size = 20));
  cairo_surface_t *png = open_png("a.png");
  assert_int_equal(count_pixels(png, MAGENTA), 100);
  assert_int_equal(count_pixels(png, 0x000000), 100);
  assert_int_equal(count_pixels(png, 0x808080), 100);
  cairo_surface_destroy(png);
  cnn_tensor_free(image);
}

static void test_right_is_green_and_wrong_is_red(void **state) {
  (void)state;
  cnn_tensor *images = cnn_tensor_create(CNN_FLOAT32, 4, (int64_t[]){1, 4, 4, 3});
  cnn_tensor *labels = cnn_tensor_copy_of(CNN_INT32, 2, (int64_t[]){1, 1}, (int32_t[]){1});
  for (int predicted = 0; predicted < 3; predicted++) {
    float probabilities[3] = {.1f, .1f, .1f};
    probabilities[predicted] = .8f;
    cnn_tensor *answer = cnn_tensor_copy_of(CNN_FLOAT32, 2, (int64_t[]){1, 3}, probabilities);
    assert_fine(cnn_plot_images(images, "a.png", .labels = labels, .predictions = answer,
                                .dataset = trained.dataset, .size = 200));
    cairo_surface_t *png = open_png("a.png");
    assert_true((count_tinted(png, 8) > 0) == (predicted == 1));
    assert_true((count_tinted(png, 16) > 0) == (predicted != 1));
    cairo_surface_destroy(png);
    cnn_tensor_free(answer);
  }
  cnn_tensor_free(labels);
  cnn_tensor_free(images);
}

/* As a model with one output says them, and labels of floats: the confusion matrix counts them alike. */
static void test_one_probability_tells_two_classes_apart(void **state) {
  (void)state;
  cnn_tensor *images = cnn_tensor_create(CNN_FLOAT32, 4, (int64_t[]){1, 4, 4, 3});
  for (int i = 0; i < 4; i++) {
    cnn_tensor *label =
        cnn_tensor_copy_of(CNN_FLOAT32, 2, (int64_t[]){1, 1}, (float[]){(float)(i % 2)});
    cnn_tensor *answer =
        cnn_tensor_copy_of(CNN_FLOAT32, 2, (int64_t[]){1, 1}, (float[]){i / 2 ? .9f : .2f});
    assert_fine(cnn_plot_images(images, "a.png", .labels = label, .predictions = answer));
    cairo_surface_t *png = open_png("a.png");
    assert_true((count_tinted(png, 8) > 0) == (i % 2 == i / 2));
    assert_true((count_tinted(png, 16) > 0) == (i % 2 != i / 2));
    cairo_surface_destroy(png);
    cnn_tensor_free(answer);
    cnn_tensor_free(label);
  }
  cnn_tensor_free(images);
}

static void test_a_loaders_batch_is_drawn_with_its_labels(void **state) {
  (void)state;
  const cnn_tensor *images, *labels;
  assert_fine(cnn_loader_next(trained.loader, &images, &labels));
  assert_fine(cnn_plot_images(images, "a.svg", .labels = labels, .dataset = trained.dataset,
                              .title = "A batch"));
  unlink("a.svg");
  assert_fine(cnn_loader_seek(trained.loader, 0, 0));
}

static void test_images_and_labels_must_fit(void **state) {
  (void)state;
  cnn_tensor *images = images_of(3);
  cnn_tensor *two = cnn_tensor_copy_of(CNN_INT32, 1, (int64_t[]){2}, (int32_t[]){0, 1});
  cnn_tensor *floats = cnn_tensor_create(CNN_FLOAT32, 1, (int64_t[]){3});
  cnn_tensor *doubles = cnn_tensor_create(CNN_FLOAT64, 1, (int64_t[]){3});
  cnn_tensor *channels = cnn_tensor_create(CNN_FLOAT32, 4, (int64_t[]){1, 4, 4, 2});
  cnn_tensor *none = cnn_tensor_create(CNN_FLOAT32, 4, (int64_t[]){0, 4, 4, 3});
  assert_fails(cnn_plot_images(images, "a.png", .labels = two), CNN_E_SHAPE, "labels");
  assert_fails(cnn_plot_images(images, "a.png", .predictions = floats), CNN_E_SHAPE, "predictions");
  assert_fails(cnn_plot_images(images, "a.png", .labels = doubles), CNN_E_INVALID, "dtype");
  assert_fails(cnn_plot_images(channels, "a.png"), CNN_E_SHAPE, "(1, 4, 4, 2)");
  assert_fails(cnn_plot_images(none, "a.png"), CNN_E_SHAPE, "(0, 4, 4, 3)");
  assert_fails(cnn_plot_images(two, "a.png"), CNN_E_INVALID, "dtype");
  assert_fails(cnn_plot_images(floats, "a.png"), CNN_E_SHAPE, "1 dimensions");
  assert_int_not_equal(access("a.png", F_OK), 0);
  cnn_tensor *all[] = {images, two, floats, doubles, channels, none};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    cnn_tensor_free(all[i]);
}

static void test_titles_and_names_may_be_any_bytes(void **state) {
  (void)state;
  cnn_tensor *images = images_of(2);
  cnn_tensor *labels = cnn_tensor_copy_of(CNN_INT64, 1, (int64_t[]){2}, (int64_t[]){-5, 99});
  const char *const titles[] = {NULL, "\xed\xa0\x80\x01 <&> \xf0\x9f\x90\xb1"};
  char longest[2000];
  memset(longest, 'w', sizeof longest - 1);
  longest[sizeof longest - 1] = 0;
  const char *const kinds[] = {"a.png", "a.svg", "a.pdf"};
  for (int i = 0; i < 3; i++) {
    assert_fine(cnn_plot_images(images, kinds[i], .labels = labels, .class_names = titles,
                                .classes = 2, .titles = titles, .title = longest));
    unlink(kinds[i]);
  }
  cnn_tensor_free(labels);
  cnn_tensor_free(images);
}

static void test_every_filter_is_drawn(void **state) {
  (void)state;
  /* Four filters, each from black to white, of 3 * 3 cells of 3 channels. */
  cnn_tensor *kernel = cnn_model_parameter(trained.model, "conv2d/kernel");
  float *values = cnn_tensor_data(kernel);
  for (int64_t i = 0; i < cnn_tensor_count(kernel); i++)
    values[i] = i < 12 ? 1.f : -1.f; /* the first cell */
  cnn_model *model = cnn_model_clone(trained.model);
  assert_fine(cnn_model_set_parameter(model, "conv2d/kernel", kernel));
  assert_fine(cnn_plot_filters(model, "conv2d/kernel", "a.png"));
  cairo_surface_t *png = open_png("a.png");
  assert_int_equal(count_pixels(png, 0x000000), 4 * 8 * 400);
  cairo_surface_destroy(png);
  cnn_model_free(model);
  cnn_tensor_free(kernel);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_ending_says_what_is_written),
      cmocka_unit_test(test_another_ending_is_an_error_that_lists_them),
      cmocka_unit_test(test_the_same_call_writes_the_same_bytes),
      cmocka_unit_test(test_null_is_an_error_and_keeps_a_pending_one),
      cmocka_unit_test(test_a_file_that_cannot_be_written_leaves_nothing),
      cmocka_unit_test(test_options_are_checked),
      cmocka_unit_test(test_options_of_other_versions_are_read_by_their_size),
      cmocka_unit_test(test_a_history_without_epochs_is_too_early),
      cmocka_unit_test(test_curves_have_their_colours_and_size),
      cmocka_unit_test(test_images_are_shown_pixel_by_pixel),
      cmocka_unit_test(test_floats_that_are_no_numbers_are_magenta),
      cmocka_unit_test(test_right_is_green_and_wrong_is_red),
      cmocka_unit_test(test_one_probability_tells_two_classes_apart),
      cmocka_unit_test(test_a_loaders_batch_is_drawn_with_its_labels),
      cmocka_unit_test(test_images_and_labels_must_fit),
      cmocka_unit_test(test_titles_and_names_may_be_any_bytes),
      cmocka_unit_test(test_every_filter_is_drawn),
  };
  char folder[] = "/tmp/cnn-test-plot-XXXXXX";
  if (mkdtemp(folder) == NULL || chdir(folder) != 0) return 1;
  int failures = cmocka_run_group_tests(tests, train_once, free_trained);
  cairo_debug_reset_static_data(); /* its caches, lest leak checkers find them */
  if (chdir("/") != 0 || rmdir(folder) != 0) {
    fprintf(stderr, "something is left in %s\n", folder);
    return 1;
  }
  return failures;
}
