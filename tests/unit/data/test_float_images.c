/* Images of floats, and images whose sizes differ or do not suit: what bytes become, floats of the same values become too. */
#include "images.h"

enum { SIDE = 9, COUNT = 6 };

static cnn_tensor *bytes_of(int64_t height, int64_t width, int64_t channels) {
  cnn_tensor *image = cnn_tensor_create(CNN_UINT8, 3, (int64_t[]){height, width, channels});
  for (size_t i = 0; i < image->bytes; i++)
    ((uint8_t *)image->data)[i] = pixel_at(i);
  return image;
}

static cnn_tensor *floats_of(const cnn_tensor *bytes) {
  cnn_tensor *floats =
      cnn_tensor_create(CNN_FLOAT32, cnn_tensor_rank(bytes), cnn_tensor_shape(bytes));
  for (size_t i = 0; i < bytes->bytes; i++)
    ((float *)floats->data)[i] = ((const uint8_t *)bytes->data)[i];
  return floats;
}

/* ---- one image ---- */

static cnn_transform *make(size_t which) {
  switch (which) {
  case 0:
    return cnn_augmentation(.rotation = 40, .zoom = 0.2, .shear = 10, .fill = CNN_FILL_REFLECT);
  case 1:
    return cnn_augmentation(.width_shift = 3, .height_shift = 0.3, .fill = CNN_FILL_CONSTANT,
                            .fill_value = 7);
  case 2:
    return cnn_augmentation(.horizontal_flip = 1, .vertical_flip = 1);
  case 3:
    return cnn_augmentation(.shear = 20, .fill = CNN_FILL_WRAP, .rescale = 0.5);
  case 4:
    return cnn_random_crop(.height = 11, .padding = 4, .fill = CNN_FILL_CONSTANT,
                           .fill_value = 200);
  case 5:
    return cnn_random_crop(.height = 9, .width = 12, .padding = 3, .fill = CNN_FILL_WRAP);
  case 6:
    return cnn_center_crop(.height = 3, .width = 5);
  case 7:
    return cnn_resize(.height = 4, .width = 13, .interpolation = CNN_NEAREST);
  case 8:
    return cnn_random_erasing(.probability = 1, .value = 77);
  case 9:
    return cnn_color_jitter(.brightness = 1.5, .contrast = 0.4, .white = 255);
  case 10:
    return cnn_color_jitter(.saturation = 0.5, .hue = 0.2, .white = 255);
  default:
    return cnn_augmentation(.samplewise_normalization = 1, .channel_shift = 20,

                            .brightness_low = 0.5, .brightness_high = 1);
  }
}

/* A warp of bytes and one of floats sum the same four products; what differs is the last bit of each. */
static void test_floats_become_what_bytes_become(void **state) {
  for (int64_t channels = 1; channels <= 3; channels += 2)
    for (size_t which = 0; which < 12; which++)
      for (uint64_t seed = 0; seed < 8; seed++) {
        char name[64];
        snprintf(name, sizeof name, "transform %zu, %d channels, seed %d", which, (int)channels,
                 (int)seed);
        cnn_tensor *bytes = bytes_of(SIDE, SIDE, channels), *floats = floats_of(bytes);
        cnn_transform *transform = make(which);
        assert_close(name, cnn_augment_image(transform, floats, seed, 0, 0),
                     cnn_augment_image(transform, bytes, seed, 0, 0), 1e-3);
        cnn_transform_free(transform);
        cnn_tensor_free(bytes);
        cnn_tensor_free(floats);
      }
}

/* ---- chains in loaders ---- */

static cnn_status add_one(void *user, float *values, int64_t height, int64_t width,
                          int64_t channels, uint64_t seed) {
  for (int64_t i = 0; i < height * width * channels; i++)
    values[i] += 1;
  return CNN_OK;
}

/* Values that stay where they are in the batch, warps behind each other of one filling and of two. */
static cnn_loader *chain_of(cnn_dataset *set, int chain) {
  switch (chain) {
  case 0:
    return cnn_loader_new(
        set, .batch_size = 3, .seed = 5,
        .transforms = {
            cnn_augmentation(.rotation = 30, .fill = CNN_FILL_CONSTANT),
            cnn_augmentation(.rotation = 30, .fill = CNN_FILL_CONSTANT, .fill_value = 100),
            cnn_augmentation(.rotation = 30)});
  case 1:
    return cnn_loader_new(set, .batch_size = 3, .seed = 5,
                          .transforms = {cnn_custom_transform(.apply = add_one)},
                          .augment = cnn_augmentation(.rotation = 30));
  case 2:
    return cnn_loader_new(set, .batch_size = 3, .seed = 5,
                          .transforms = {cnn_random_crop(.height = 6),
                                         cnn_resize(.height = 8, .interpolation = CNN_NEAREST),
                                         cnn_augmentation(.horizontal_flip = 1)},
                          .rescale = 0.5);
  default:
    return cnn_loader_new(set, .batch_size = 3, .seed = 5,
                          .transforms = {cnn_augmentation(.vertical_flip = 1),
                                         cnn_random_crop(.height = SIDE, .padding = 2),
                                         cnn_resize(.height = SIDE)},
                          .augment = cnn_augmentation(.horizontal_flip = 1));
  }
}

static void compare_batches(cnn_loader *a, cnn_loader *b, double bound) {
  for (;;) {
    const cnn_tensor *x, *y;
    assert_int_equal(cnn_loader_next(a, &x, NULL), CNN_OK);
    assert_int_equal(cnn_loader_next(b, &y, NULL), CNN_OK);
    assert_int_equal(x == NULL, y == NULL);
    if (!x) break;
    assert_true(cnn__shape_equal(&x->shape, &y->shape));
    for (size_t i = 0; i < cnn__shape_product(&x->shape); i++)
      assert_true(fabs(value_at(x, i) - value_at(y, i)) <= bound);
  }
  cnn_loader_free(a);
  cnn_loader_free(b);
}

static void test_chains_of_floats_are_chains_of_bytes(void **state) {
  const int64_t shape[] = {COUNT, SIDE, SIDE, 3};
  cnn_tensor *bytes = cnn_tensor_create(CNN_UINT8, 4, shape);
  for (size_t i = 0; i < bytes->bytes; i++)
    ((uint8_t *)bytes->data)[i] = pixel_at(i);
  cnn_tensor *floats = floats_of(bytes);
  cnn_dataset *of_bytes = cnn_array_dataset(.images = bytes);
  cnn_dataset *of_floats = cnn_array_dataset(.images = floats);
  for (int chain = 0; chain < 4; chain++)
    compare_batches(chain_of(of_bytes, chain), chain_of(of_floats, chain), 1e-3);
  cnn_dataset_free(of_bytes);
  cnn_dataset_free(of_floats);
  cnn_tensor_free(bytes);
  cnn_tensor_free(floats);
}

/* One transform in two places is two steps, and freed once. */
static void test_a_transform_named_twice_is_applied_twice(void **state) {
  cnn_tensor *image = bytes_of(4, 4, 1);
  cnn_tensor *images = cnn_tensor_copy_of(CNN_UINT8, 4, (int64_t[]){1, 4, 4, 1}, image->data);
  cnn_dataset *set = cnn_array_dataset(.images = images);
  cnn_transform *one = cnn_custom_transform(.apply = add_one);
  const cnn_tensor *batch;
  cnn_loader *loader = cnn_loader_new(set, .transforms = {one, one}, .augment = one);
  assert_non_null(loader);
  assert_int_equal(cnn_loader_next(loader, &batch, NULL), CNN_OK);
  for (size_t i = 0; i < 16; i++)
    assert_true(value_at(batch, i) == value_at(image, i) + 3);
  cnn_loader_free(loader);
  cnn_dataset_free(set);
  cnn_tensor_free(images);
  cnn_tensor_free(image);
}

/* ---- sizes ---- */

static void test_the_short_side_decides_both(void **state) {
  static const int64_t sizes[][4] = {
      {2, 40, 4, 80}, {40, 2, 80, 4}, {9, 9, 4, 4}, {30, 20, 6, 4}, {5, 7, 4, 5}};
  cnn_transform *resize = cnn_resize(.short_side = 4);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    cnn_tensor *image = bytes_of(sizes[i][0], sizes[i][1], 1);
    cnn_tensor *small = cnn_augment_image(resize, image, 0, 0, 0);
    assert_non_null(small);
    assert_int_equal(small->shape.dim[0], sizes[i][2]);
    assert_int_equal(small->shape.dim[1], sizes[i][3]);
    cnn_tensor_free(small);
    cnn_tensor_free(image);
  }
  cnn_transform_free(resize);
  cnn_clear_error();
  assert_null(cnn_resize(.short_side = 4, .height = 4));
  assert_error(CNN_E_INVALID, cnn_last_status(), "short_side 4");
  assert_null(cnn_resize(.short_side = 4, .width = 4));
  assert_null(cnn_resize(.width = 4));
  cnn_clear_error();
  resize = cnn_resize(.short_side = 4);
  cnn_tensor *image = bytes_of(1, 20000, 1);
  refuse_tensor(cnn_augment_image(resize, image, 0, 0, 0), CNN_E_LIMIT,
                "1x20000 to 4x80000 exceeds 65536 pixels a side");
  cnn_tensor_free(image);
  cnn_transform_free(resize);
}

/* No window of that area and shape fits: the middle one, as far as the shape allows. */
static void test_where_no_window_fits_the_middle_is_taken(void **state) {
  for (int tall = 0; tall < 2; tall++) {
    cnn_tensor *image = tall ? bytes_of(64, 1, 1) : bytes_of(1, 64, 1);
    cnn_transform *crop = cnn_random_resized_crop(.height = 2, .scale_low = 0.5);
    cnn_tensor *pixels = cnn_augment_image(crop, image, 3, 0, 0);
    assert_non_null(pixels);
    for (size_t i = 0; i < 4; i++)
      assert_true(value_at(pixels, i) == value_at(image, 31));
    cnn_tensor_free(pixels);
    cnn_transform_free(crop);
    cnn_tensor_free(image);
  }
  /* Windows without a pixel: all of the image. */
  cnn_tensor *image = bytes_of(6, 6, 1);
  cnn_transform *crop = cnn_random_resized_crop(.height = 6, .scale_low = 1e-4, .scale_high = 1e-4);
  cnn_tensor *same = cnn_augment_image(crop, image, 3, 0, 0);
  for (size_t i = 0; i < 36; i++)
    assert_true(value_at(same, i) == value_at(image, i));
  cnn_tensor_free(same);
  cnn_transform_free(crop);
  cnn_tensor_free(image);
}

/* Sample i is (4 + i, 6, 3). */
static cnn_status fetch_growing(void *user, int64_t i, cnn_tensor **image, int32_t *index,
                                float *vector) {
  *image = bytes_of(4 + i, 6, 3);
  *index = 0;
  return CNN_OK;
}

static cnn_status first_batch(cnn_dataset *set, cnn_transform *transform) {
  const cnn_tensor *images;
  cnn_loader *loader = cnn_loader_new(set, .batch_size = 3, .transforms = {transform});
  const cnn_status status = loader ? cnn_loader_next(loader, &images, NULL) : cnn_last_status();
  cnn_loader_free(loader);
  return status;
}

static void test_images_of_differing_sizes(void **state) {
  const cnn_dataset_callbacks callbacks = {.struct_size = sizeof callbacks,
                                           .count = 3,
                                           .shape = {-1, 0, 3},
                                           .classes = 1,
                                           .fetch = fetch_growing};
  cnn_dataset *set = cnn_dataset_create(&callbacks);
  assert_non_null(set);
  assert_int_equal(cnn_dataset_shape(set)[0], 0);
  cnn_clear_error();
  assert_int_equal(first_batch(set, cnn_center_crop(.height = 4)), CNN_OK);
  assert_int_equal(first_batch(set, cnn_random_crop(.height = 6, .padding = 1)), CNN_OK);
  assert_int_equal(first_batch(set, cnn_resize(.height = 5)), CNN_OK);
  assert_error(CNN_E_SHAPE, first_batch(set, cnn_center_crop(.height = 5)),
               "an image of 4x6 is smaller than the window of 5x5");
  cnn_clear_error();
  assert_error(CNN_E_SHAPE, first_batch(set, cnn_center_crop(.height = 4, .width = 7)), "4x7");
  cnn_clear_error();
  assert_error(CNN_E_SHAPE, first_batch(set, cnn_random_crop(.height = 7, .padding = 1)),
               "an image of 6x8 is smaller than the window of 7x7");
  cnn_clear_error();
  assert_error(CNN_E_SHAPE, first_batch(set, cnn_random_crop(.height = 4, .width = 7)), "4x7");
  cnn_clear_error();
  assert_error(CNN_E_SHAPE, first_batch(set, cnn_resize(.short_side = 4)), "");
  cnn_clear_error();
  cnn_dataset_free(set);
}

/* ---- what does not suit ---- */

static void refuse(cnn_transform *transform, const char *words) {
  assert_null(transform);
  assert_error(CNN_E_INVALID, cnn_last_status(), words);
  cnn_clear_error();
}

static void test_ranges_that_run_backwards(void **state) {
  cnn_clear_error();
  refuse(cnn_augmentation(.zoom_low = 2, .zoom_high = 1), "zoom_low is above zoom_high");
  refuse(cnn_augmentation(.zoom_low = 0.5), "zoom_low is above zoom_high");
  refuse(cnn_augmentation(.zoom_high = 1.5), "zoom_high is given without zoom_low");
  refuse(cnn_augmentation(.zoom_low = 1, .zoom_high = 1.5, .zoom = 0.1), "zoom is given beside");
  refuse(cnn_augmentation(.brightness_low = 2, .brightness_high = 1), "brightness_low is above");
  refuse(cnn_random_erasing(.scale_low = 0.5, .scale_high = 0.2), "scale_low is above scale_high");
  refuse(cnn_random_erasing(.ratio_low = 4), "ratio_low is above ratio_high");
  refuse(cnn_random_resized_crop(.height = 4, .scale_low = 0.5, .scale_high = 0.2), "scale_low");
  refuse(cnn_random_resized_crop(.height = 4, .ratio_low = 2, .ratio_high = 1), "ratio_low");
  refuse(cnn_normalize(.channels = 1, .mean = (double[]){NAN}), "mean[0] is not a finite number");
  refuse(cnn_normalize(.channels = 1, .deviation = (double[]){0}), "deviation[0] is not a finite");
  refuse(cnn_normalize(.channels = 1, .deviation = (double[]){INFINITY}), "deviation[0]");
}

static void test_images_that_a_transform_cannot_change(void **state) {
  cnn_tensor *image = bytes_of(4, 4, 3), *four = bytes_of(4, 4, 4);
  cnn_tensor *integers = cnn_tensor_create(CNN_INT32, 3, (int64_t[]){4, 4, 3});
  cnn_tensor *flat = cnn_tensor_create(CNN_UINT8, 2, (int64_t[]){4, 4});
  cnn_tensor *none = cnn_tensor_create(CNN_UINT8, 3, (int64_t[]){4, 0, 3});
  cnn_transform *jitter = cnn_color_jitter(.hue = 0.1), *mix = cnn_mixup();
  cnn_transform *factors = cnn_normalize(.channels = 1, .mean = (double[]){1});
  cnn_clear_error();
  refuse_tensor(cnn_augment_image(NULL, image, 0, 0, 0), CNN_E_INVALID, "transform is NULL");
  refuse_tensor(cnn_augment_image(jitter, NULL, 0, 0, 0), CNN_E_INVALID, "image is NULL");
  refuse_tensor(cnn_augment_image(jitter, integers, 0, 0, 0), CNN_E_INVALID, "not uint8 or");
  refuse_tensor(cnn_augment_image(jitter, flat, 0, 0, 0), CNN_E_SHAPE, "4x4 is not");
  refuse_tensor(cnn_augment_image(jitter, none, 0, 0, 0), CNN_E_SHAPE, "4x0x3 is not");
  refuse_tensor(cnn_augment_image(jitter, four, 0, 0, 0), CNN_E_SHAPE, "4 channels, not 3 or 1");
  refuse_tensor(cnn_augment_image(mix, image, 0, 0, 0), CNN_E_UNSUPPORTED, "whole batches");
  refuse_tensor(cnn_augment_image(factors, image, 0, 0, 0), CNN_E_SHAPE, "made for 1 channels");
  refuse_tensor(cnn_image_resize(NULL, 2, 2, CNN_BILINEAR), CNN_E_INVALID, "image is NULL");
  refuse_tensor(cnn_image_resize(integers, 2, 2, CNN_BILINEAR), CNN_E_INVALID, "not uint8 or");
  refuse_tensor(cnn_image_resize(none, 2, 2, CNN_BILINEAR), CNN_E_SHAPE, "4x0x3 is not");
  refuse_tensor(cnn_image_resize(image, 70000, 2, CNN_BILINEAR), CNN_E_LIMIT, "70000x2");
  cnn_transform_free(jitter);
  cnn_transform_free(mix);
  cnn_transform_free(factors);
  cnn_tensor *all[] = {image, four, integers, flat, none};
  for (size_t i = 0; i < 5; i++)
    cnn_tensor_free(all[i]);
}

/* Grey has no hue. */
static void test_grey_images_keep_their_colour(void **state) {
  cnn_tensor *image = bytes_of(4, 4, 1);
  cnn_transform *jitter = cnn_color_jitter(.saturation = 0.9, .hue = 0.5);
  cnn_tensor *same = cnn_augment_image(jitter, image, 1, 2, 3);
  for (size_t i = 0; i < 16; i++)
    assert_true(value_at(same, i) == value_at(image, i));
  cnn_tensor_free(same);
  cnn_tensor_free(image);
  cnn_transform_free(jitter);
}

/* ---- fitting ---- */

static cnn_dataset *set_of(int64_t count, int64_t side, int64_t channels) {
  cnn_tensor *images = cnn_tensor_create(CNN_FLOAT32, 4, (int64_t[]){count, side, side, channels});
  for (size_t i = 0; i < images->bytes / sizeof(float); i++)
    ((float *)images->data)[i] = pixel_at(i) / 255.f;
  cnn_dataset *set = cnn_array_dataset(.images = images);
  cnn_tensor_free(images);
  return set;
}

static void test_fitting_needs_images_and_fits_their_kind(void **state) {
  cnn_dataset *set = set_of(6, 3, 2), *wide = set_of(2, 70, 1), *all = set_of(2, 3, 1);
  cnn_dataset *none = cnn_dataset_slice(set, 0, 0);
  cnn_tensor *flat = cnn_tensor_create(CNN_FLOAT32, 2, (int64_t[]){3, 4});
  cnn_dataset *rows = cnn_array_dataset(.images = flat);
  cnn_transform *centre = cnn_augmentation(.featurewise_center = 1);
  cnn_transform *white = cnn_augmentation(.zca_whitening = 1, .rescale = 0.5);
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_transform_fit(NULL, set), "transform is NULL");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_transform_fit(centre, NULL), "dataset is NULL");
  cnn_clear_error();
  assert_error(CNN_E_INVALID, cnn_transform_fit(centre, none), "the dataset is empty");
  cnn_clear_error();
  assert_error(CNN_E_SHAPE, cnn_transform_fit(centre, rows), "images 4 are not");
  cnn_clear_error();
  assert_error(CNN_E_LIMIT, cnn_transform_fit(white, wide), "4900");
  cnn_clear_error();
  assert_int_equal(cnn_transform_fit(centre, set), CNN_OK);
  assert_int_equal(cnn_transform_fit(white, set), CNN_OK);
  cnn_tensor *grey = bytes_of(3, 3, 1), *large = bytes_of(4, 4, 2), *right = bytes_of(3, 3, 2);
  refuse_tensor(cnn_augment_image(centre, grey, 0, 0, 0), CNN_E_SHAPE, "fitted on 2 channels");
  refuse_tensor(cnn_augment_image(white, large, 0, 0, 0), CNN_E_SHAPE, "18");
  cnn_tensor *whitened = cnn_augment_image(white, right, 0, 0, 0);
  assert_non_null(whitened);
  cnn_tensor_free(whitened);
  cnn_transform *plain = cnn_augmentation(.rotation = 5), *crop = cnn_center_crop(.height = 2);
  assert_int_equal(cnn_transform_fit(plain, set), CNN_OK);
  assert_int_equal(cnn_transform_fit(crop, set), CNN_OK);
  cnn_transform *transforms[] = {centre, white, plain, crop};
  cnn_dataset *sets[] = {set, wide, all, none, rows};
  cnn_tensor *tensors[] = {grey, large, right, flat};
  for (size_t i = 0; i < 4; i++)
    cnn_transform_free(transforms[i]);
  for (size_t i = 0; i < 5; i++)
    cnn_dataset_free(sets[i]);
  for (size_t i = 0; i < 4; i++)
    cnn_tensor_free(tensors[i]);
}

static void test_fitting_on_what_is_no_number_is_refused(void **state) {
  for (int endless = 0; endless < 2; endless++) {
    cnn_tensor *images = cnn_tensor_create(CNN_FLOAT32, 4, (int64_t[]){2, 2, 2, 3});
    memset(images->data, 0, images->bytes);
    ((float *)images->data)[4] = endless ? INFINITY : NAN;
    cnn_dataset *set = cnn_array_dataset(.images = images);
    cnn_transform *both[] = {cnn_augmentation(.featurewise_center = 1),
                             cnn_augmentation(.zca_whitening = 1)};
    for (size_t i = 0; i < 2; i++) {
      assert_error(CNN_E_NUMERIC, cnn_transform_fit(both[i], set), "channel 1");
      cnn_clear_error();
      cnn_transform_free(both[i]);
    }
    cnn_dataset_free(set);
    cnn_tensor_free(images);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_floats_become_what_bytes_become),
      cmocka_unit_test(test_chains_of_floats_are_chains_of_bytes),
      cmocka_unit_test(test_a_transform_named_twice_is_applied_twice),
      cmocka_unit_test(test_the_short_side_decides_both),
      cmocka_unit_test(test_where_no_window_fits_the_middle_is_taken),
      cmocka_unit_test(test_images_of_differing_sizes),
      cmocka_unit_test(test_ranges_that_run_backwards),
      cmocka_unit_test(test_images_that_a_transform_cannot_change),
      cmocka_unit_test(test_grey_images_keep_their_colour),
      cmocka_unit_test(test_fitting_needs_images_and_fits_their_kind),
      cmocka_unit_test(test_fitting_on_what_is_no_number_is_refused),
  };
  return cmocka_run_group_tests_name("data_float_images", tests, NULL, NULL);
}
