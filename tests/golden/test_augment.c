/* Augmentation and standardisation against Keras's ImageDataGenerator. */
#include "data/augmentation.h"
#include "vectors.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static cnn_context *context;

static double radians(double degrees) {
  return degrees * 0.017453292519943295;
}

static bool differs(double a, double b) {
  return a < b || a > b;
}

static cnn__geometry geometry_of(const vector_file *file) {
  cnn__geometry g = {.theta = radians(vectors_number(file, "theta")),
                     .shear = radians(vectors_number(file, "shear")),
                     .rows_shift = vectors_number(file, "tx"),
                     .columns_shift = vectors_number(file, "ty"),
                     .zoom_rows = vectors_number(file, "zx"),
                     .zoom_columns = vectors_number(file, "zy"),
                     .flip_horizontal = vectors_flag(file, "flip_horizontal"),
                     .flip_vertical = vectors_flag(file, "flip_vertical")};
  g.moved = differs(g.theta, 0) || differs(g.shear, 0) || differs(g.rows_shift, 0) ||
            differs(g.columns_shift, 0) || differs(g.zoom_rows, 1) || differs(g.zoom_columns, 1);
  return g;
}

static cnn__image_fill fill_of(const vector_file *file) {
  static const char *const names[] = {"nearest", "constant", "reflect", "wrap"};
  const char *name = vectors_text(file, "fill_mode");
  for (int i = 0; i < 4; i++)
    if (strcmp(name, names[i]) == 0) return (cnn__image_fill)i;
  fail_msg("fill_mode %s", name);
  return CNN__IMAGE_NEAREST;
}

static bool is_given(const vector_file *file, const char *key) {
  const char *text = vectors_text(file, key);
  return text && strcmp(text, "none") != 0;
}

static void check_matrix(const char *name, const vector_file *file, const cnn__geometry *g,
                         const vector *input) {
  const vector expected = vectors_get(file, "matrix");
  double m[6];
  cnn__geometry_matrix(g, input->dim[0], input->dim[1], m);
  for (int i = 0; i < 6; i++)
    if (!(fabs(m[i] - expected.f64[i]) < 1e-12 * 100))
      fail_msg("%s: matrix[%d] is %.17g, not %.17g", name, i, m[i], expected.f64[i]);
}

static void check_augment(const char *name) {
  vector_file *file = vectors_open(name);
  const vector input = vectors_get(file, "input"), expected = vectors_get(file, "output");
  const cnn__geometry g = geometry_of(file);
  if (g.moved) check_matrix(name, file, &g, &input);

  cnn__workspace workspace;
  cnn__workspace_start(&workspace, context);
  workspace.sample.pixels = input.u8;
  workspace.sample.shape =
      (cnn__shape){.rank = 3, .dim = {input.dim[0], input.dim[1], input.dim[2]}};
  cnn__factors unit;
  assert_int_equal(cnn__factors_make(context, 1, input.dim[2], NULL, NULL, &unit), CNN_OK);
  float *out = calloc(expected.count, sizeof *out), *values;
  cnn__picture picture;
  cnn__picture_start(&picture, &workspace, CNN_UINT8, &unit, out, expected.count);
  assert_int_equal(
      cnn__geometry_apply(&g, fill_of(file), (float)vectors_number(file, "cval"), &picture),
      CNN_OK);
  if (is_given(file, "channel_shift_intensity")) {
    assert_int_equal(cnn__picture_floats(&picture, &values), CNN_OK);
    cnn__augment_shift(input.count, values, (float)vectors_number(file, "channel_shift_intensity"));
  }
  if (is_given(file, "brightness")) {
    assert_int_equal(cnn__picture_floats(&picture, &values), CNN_OK);
    cnn__augment_brighten(input.count, values, (float)vectors_number(file, "brightness"), 255);
  }
  assert_int_equal(cnn__picture_finish(&picture, &unit), CNN_OK);
  vectors_compare(name, out, expected.f32, expected.count, vectors_number(file, "tolerance"));
  free(out);
  cnn__factors_free(context, &unit);
  cnn__workspace_release(&workspace);
  vectors_close(file);
}

static void test_transforms_are_keras_own(void **state) {
  (void)state;
  assert_true(vectors_each("augment", check_augment) >= 69);
}

/* ---- standardisation ---- */

/* One image, or the images of a set, as a tensor. */
static cnn_tensor *tensor_of(const vector *input) {
  int64_t shape[8];
  for (size_t i = 0; i < input->rank; i++)
    shape[i] = (int64_t)input->dim[i];
  return cnn_tensor_copy_of(CNN_UINT8, (int64_t)input->rank, shape, input->data);
}

static void check_standardise(const char *name) {
  vector_file *file = vectors_open(name);
  const vector input = vectors_get(file, "input"), expected = vectors_get(file, "output");
  const double rescale = vectors_number(file, "rescale");
  cnn_transform *transform =
      cnn_augmentation(.rescale = rescale,
                       .samplewise_center = vectors_flag(file, "samplewise_center"),
                       .samplewise_normalization =
                           vectors_flag(file, "samplewise_std_normalization"),
                       .featurewise_center = vectors_flag(file, "featurewise_center"),
                       .featurewise_normalization =
                           vectors_flag(file, "featurewise_std_normalization"));
  cnn_tensor *images = tensor_of(&input);
  assert_non_null(transform);
  assert_non_null(images);
  float *out = calloc(expected.count, sizeof *out);
  if (input.rank == 4) {
    cnn_dataset *set = cnn_array_dataset(.images = images);
    assert_int_equal(cnn_transform_fit(transform, set), CNN_OK);
    cnn_dataset_free(set);
  }
  const size_t count = input.rank == 4 ? input.dim[0] : 1, each = input.count / count;
  for (size_t i = 0; i < count; i++) {
    cnn_tensor *image = input.rank == 4 ? cnn_tensor_slice(images, (int64_t)i, 1) : images;
    if (input.rank == 4)
      assert_int_equal(cnn_tensor_reshape(image, 3, cnn_tensor_shape(images) + 1), CNN_OK);
    cnn_tensor *made = cnn_augment_image(transform, image, 0, 0, 0);
    assert_non_null(made);
    memcpy(out + i * each, cnn_tensor_floats(made), each * sizeof *out);
    cnn_tensor_free(made);
    if (image != images) cnn_tensor_free(image);
  }
  vectors_compare(name, out, expected.f32, expected.count, vectors_number(file, "tolerance"));
  free(out);
  cnn_tensor_free(images);
  cnn_transform_free(transform);
  vectors_close(file);
}

static void test_standardisation_is_keras_own(void **state) {
  (void)state;
  assert_true(vectors_each("standardise", check_standardise) >= 6);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_transforms_are_keras_own),
                                     cmocka_unit_test(test_standardisation_is_keras_own)};
  context = cnn__context_acquire();
  const int failures = cmocka_run_group_tests_name("golden-augment", tests, NULL, NULL);
  cnn_context_free(context);
  return failures;
}
