/* Mixing, normalisation and whitening; transforms of one's own; transforms one after the other. */
#include "../../transform_chain.h"
#include "transforms.h"

/* ---- mixing ---- */

static void check_mixed(const cnn_tensor *images, const cnn_tensor *labels, bool blends) {
  const float *x = cnn_tensor_floats(images), *y = cnn_tensor_floats(labels);
  for (size_t i = 0; i < 8; i++) {
    double sum = 0, mean = 0, expected = 0;
    for (size_t c = 0; c < 8; c++) {
      sum += (double)y[i * 8 + c];
      expected += (double)y[i * 8 + c] * (double)c; /* image c is all c */
    }
    for (size_t e = 0; e < 64; e++) {
      mean += (double)x[i * 64 + e] / 64;
      if (!blends) assert_true(x[i * 64 + e] == floorf(x[i * 64 + e]));
    }
    assert_true(fabs(sum - 1) < 1e-6);
    assert_true(fabs(mean - expected) < 1e-5);
  }
}

static void test_mixing_blends_images_and_labels_alike(void **state) {
  uint8_t pixels[8 * 64];
  int32_t classes[8];
  for (int i = 0; i < 8; i++) {
    classes[i] = i;
    memset(pixels + i * 64, i, 64);
  }
  cnn_tensor *images = cnn_tensor_copy_of(CNN_UINT8, 4, (int64_t[]){8, 8, 8, 1}, pixels);
  cnn_tensor *labels = cnn_tensor_copy_of(CNN_INT32, 1, (int64_t[]){8}, classes);
  cnn_dataset *set = cnn_array_dataset(.images = images, .labels = labels);
  for (int cut = 0; cut < 2; cut++)
    for (int workers = 0; workers < 2; workers++) {
      cnn_transform *mix = cut ? cnn_cutmix(.alpha = 1) : cnn_mixup(.alpha = 1);
      cnn_loader *loader = cnn_loader_new(set, .batch_size = 8, .one_hot = 1, .transforms = {mix},
                                          .workers = workers);
      int mixed = 0;
      for (int epoch = 0; epoch < 20; epoch++) {
        const cnn_tensor *x, *y;
        assert_int_equal(cnn_loader_next(loader, &x, &y), CNN_OK);
        check_mixed(x, y, !cut);
        for (int i = 0; i < 8; i++)
          mixed += fabsf(cnn_tensor_floats(y)[i * 9] - 1) > 1e-3f;
        assert_int_equal(cnn_loader_next(loader, &x, &y), CNN_OK);
        assert_null(x);
      }
      assert_true(mixed > 60);
      cnn_loader_free(loader);
    }
  assert_null(cnn_loader_new(set, .transforms = {cnn_mixup()}));
  assert_error(CNN_E_INVALID, cnn_last_status(), "one_hot");
  cnn_clear_error();
  cnn_dataset_free(set);
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  refuse(cnn_mixup(.alpha = -1), "alpha is -1");
}

/* ---- normalisation, whitening ---- */

static void test_normalisation_is_by_channel(void **state) {
  const double mean[] = {.1, .2, .3}, deviation[] = {1, 2, 4};
  cnn_transform *normal =
      cnn_normalize(.channels = 3, .mean = mean, .deviation = deviation, .rescale = .01);
  cnn_tensor *image = made_up_image(5, 4, 3);
  cnn_tensor *made = cnn_augment_image(normal, image, 0, 0, 0);
  for (size_t i = 0; i < 60; i++)
    assert_true(fabs(cnn_tensor_floats(made)[i] -
                     (pixel_at(i) * .01 - mean[i % 3]) / deviation[i % 3]) < 1e-6);
  cnn_tensor_free(made);
  cnn_transform_free(normal);
  cnn_tensor_free(image);
  refuse(cnn_normalize(.mean = mean), "channels is required");
  refuse(cnn_normalize(.channels = 2, .deviation = (const double[]){1, 0}), "deviation[1]");
}

/* Whitened over the set it was fitted on, every value has the same variance and none goes with
   another. */
static void test_whitening_makes_values_independent(void **state) {
  enum { COUNT = 400, N = 12 };
  cnn_dataset *set = made_up_set(COUNT, 2, 2, 3, 1);
  uint8_t *pixels = (uint8_t *)cnn__memory_set_state(set)->pixels;
  for (size_t i = 0; i < COUNT; i++)
    for (size_t e = N - 1; e > 0; e--) /* neighbours that go together */
      pixels[i * N + e] = (uint8_t)((pixels[i * N + e] + pixels[i * N + e - 1]) / 2);
  cnn_transform *whitening = cnn_augmentation(.zca_whitening = 1, .zca_epsilon = 1e-6);
  assert_int_equal(cnn_transform_fit(whitening, set), CNN_OK);
  double sums[N] = {0}, products[N][N] = {{0}};
  for (int64_t i = 0; i < COUNT; i++) {
    cnn_tensor *image;
    assert_int_equal(cnn_dataset_fetch(set, i, &image, NULL, NULL), CNN_OK);
    cnn_tensor *white = cnn_augment_image(whitening, image, 0, 0, 0);
    for (size_t a = 0; a < N; a++) {
      const double va = (double)cnn_tensor_floats(white)[a];
      sums[a] += va;
      for (size_t b = 0; b < N; b++)
        products[a][b] += va * (double)cnn_tensor_floats(white)[b];
    }
    cnn_tensor_free(white);
    cnn_tensor_free(image);
  }
  for (size_t a = 0; a < N; a++)
    for (size_t b = 0; b < N; b++)
      assert_true(fabs(products[a][b] / COUNT - (a == b)) < .02);
  cnn_transform_free(whitening);
  cnn_dataset_free(set);
}

/* Whitens an image by a fit on two of three values, which are a = (2, 1, 0) and b = (-1, 2, -4) when
   centred: at right angles, so that both are singular vectors, with the root of 5 and that of 21. */
static void whiten_by_two(const cnn_augmentation_options *options, const float *values,
                          float *whitened) {
  const float pair[] = {12, 11, 10, 9, 12, 6};
  cnn_tensor *images = cnn_tensor_copy_of(CNN_FLOAT32, 4, (const int64_t[]){2, 1, 3, 1}, pair);
  cnn_tensor *image = cnn_tensor_copy_of(CNN_FLOAT32, 3, (const int64_t[]){1, 3, 1}, values);
  cnn_dataset *set = cnn_array_dataset(.images = images);
  cnn_transform *whitening = cnn_augmentation_create(options);
  assert_int_equal(cnn_transform_fit(whitening, set), CNN_OK);
  cnn_tensor *made = cnn_augment_image(whitening, image, 0, 0, 0);
  assert_non_null(made);
  memcpy(whitened, cnn_tensor_floats(made), 3 * sizeof *whitened);
  cnn_tensor_free(made);
  cnn_transform_free(whitening);
  cnn_dataset_free(set);
  cnn_tensor_free(image);
  cnn_tensor_free(images);
}

/* Keras's thin decomposition has a direction an image; the rest of space is not blown up by 1 / epsilon. */
static void test_whitening_has_no_more_directions_than_images(void **state) {
  (void)state;
  float whitened[3];
  whiten_by_two(&(const cnn_augmentation_options){.struct_size = sizeof(cnn_augmentation_options),
                                                  .zca_whitening = 1},
                (const float[]){8, 19, 15}, whitened);
  /* a and (-4, 8, 5), across both: of a the root of 2 by that of 5 remains, of the other nothing. */
  const double expected[] = {1.26491106, 0.63245553, 0};
  for (size_t i = 0; i < 3; i++)
    assert_true(fabs((double)whitened[i] - expected[i]) < 1e-4);
}

/* As in Keras; beside a large epsilon it counts on which scale. */
static void test_whitening_stands_in_for_featurewise_normalization(void **state) {
  (void)state;
  float whitened[3];
  whiten_by_two(&(const cnn_augmentation_options){.struct_size = sizeof(cnn_augmentation_options),
                                                  .featurewise_normalization = 1,
                                                  .zca_whitening = 1,
                                                  .zca_epsilon = 1},
                (const float[]){12, 11, 10}, whitened);
  const double expected[] = {0.87403205, 0.43701602, 0}; /* a sqrt(2) / (sqrt(5) + 1) */
  for (size_t i = 0; i < 3; i++)
    assert_true(fabs((double)whitened[i] - expected[i]) < 1e-4);
}

/* ---- one's own ---- */

typedef struct inverter {
  int calls, released;
  uint64_t seeds[4];
  cnn_status fails;
} inverter;

static cnn_status invert(void *user, float *values, int64_t height, int64_t width, int64_t channels,
                         uint64_t seed) {
  inverter *own = user;
  own->seeds[own->calls++ % 4] = seed;
  for (int64_t e = 0; e < height * width * channels; e++)
    values[e] = 255 - values[e];
  return own->fails;
}

static void note_release(void *user) {
  ((inverter *)user)->released++;
}

static void test_a_transform_of_ones_own(void **state) {
  inverter own = {0};
  cnn_tensor *image = made_up_image(5, 4, 3);
  cnn_transform *fixed =
      cnn_custom_transform(.user = &own, .apply = invert, .release = note_release);
  cnn_tensor *made = cnn_augment_image(fixed, image, 1, 2, 3);
  for (size_t i = 0; i < 60; i++)
    assert_true(cnn_tensor_floats(made)[i] == 255 - (float)pixel_at(i));
  assert_int_equal(own.seeds[0], 0);
  cnn_tensor_free(made);
  own.fails = CNN_E_FORMAT;
  assert_null(cnn_augment_image(fixed, image, 1, 2, 3));
  assert_error(CNN_E_FORMAT, cnn_last_status(), "cnn_custom_transform: the function failed");
  cnn_clear_error();
  own.fails = (cnn_status)1; /* no status at all */
  assert_null(cnn_augment_image(fixed, image, 1, 2, 3));
  assert_error(CNN_E_INVALID, cnn_last_status(), "cnn_custom_transform: the function failed");
  cnn_clear_error();
  cnn_transform_free(fixed);
  assert_int_equal(own.released, 1);

  own = (inverter){0};
  cnn_transform *random =
      cnn_custom_transform(.user = &own, .apply = invert, .release = note_release, .random = 1);
  for (uint64_t sample = 0; sample < 3; sample++) /* the first twice */
    cnn_tensor_free(cnn_augment_image(random, image, 1, 2, sample / 2));
  assert_true(own.seeds[0] != 0 && own.seeds[0] == own.seeds[1] && own.seeds[1] != own.seeds[2]);
  cnn_transform_free(random);
  assert_int_equal(own.released, 1);
  cnn_tensor_free(image);
  refuse(cnn_custom_transform(.user = &own, .release = note_release), "apply is NULL");
  assert_int_equal(own.released, 1);
}

/* ---- chains ---- */

/* Crops and flips around a warp give what they give one after the other. */
static void test_a_chain_is_its_steps(void **state) {
  cnn_tensor *image = made_up_image(16, 15, 3);
  cnn_dataset *set =
      cnn_array_dataset(.images = (cnn_tensor_reshape(image, 4, (int64_t[]){1, 16, 15, 3}), image));
  cnn_loader *loader = cnn_loader_new(
      set, .transforms = {cnn_center_crop(.height = 14), cnn_augmentation(.horizontal_flip = 1),
                          cnn_random_crop(.height = 12), cnn_augmentation(.vertical_flip = 1),
                          cnn_resize(.height = 6)});
  bool flips[2][2] = {{false}};
  for (int epoch = 0; epoch < 30; epoch++) {
    const cnn_tensor *x;
    assert_int_equal(cnn_loader_next(loader, &x, NULL), CNN_OK);
    /* The same by hand: one of the nine windows, flipped in one of four ways. */
    int found = 0;
    for (size_t at = 0; at < 9 * 4; at++) {
      uint8_t window[12 * 12 * 3];
      const size_t top = at / 12, left = at / 4 % 3;
      const bool across = at & 1, down = at & 2;
      for (size_t i = 0; i < 12; i++)
        for (size_t j = 0; j < 12; j++) {
          const size_t y = 1 + top + (down ? 11 - i : i), column = left + j;
          const size_t xx = across ? 13 - column : column;
          for (size_t c = 0; c < 3; c++)
            window[(i * 12 + j) * 3 + c] = pixel_at((y * 15 + xx) * 3 + c);
        }
      cnn_tensor *plain = cnn_tensor_copy_of(CNN_UINT8, 3, (int64_t[]){12, 12, 3}, window);
      cnn_tensor *small = cnn_image_resize(plain, 6, 6, CNN_BILINEAR);
      bool same = true;
      for (size_t e = 0; same && e < 108; e++)
        same = cnn_tensor_floats(x)[e] == (float)((const uint8_t *)small->data)[e];
      if (same) flips[across][down] = true;
      found += same;
      cnn_tensor_free(plain);
      cnn_tensor_free(small);
    }
    assert_int_equal(found, 1);
    assert_int_equal(cnn_loader_next(loader, &x, NULL), CNN_OK);
  }
  assert_true(flips[0][0] && flips[0][1] && flips[1][0] && flips[1][1]);
  cnn_loader_free(loader);
  cnn_dataset_free(set);
  cnn_tensor_free(image);
}

/* ---- allocations ---- */

static cnn_status all_kinds(void) {
  cnn_transform *chain[] = {cnn_resize(.height = 12),
                            cnn_random_crop(.height = 10, .padding = 1, .fill = CNN_FILL_REFLECT),
                            cnn_augmentation(.rotation = 10, .channel_shift = 5),
                            cnn_random_resized_crop(.height = 8),
                            cnn_color_jitter(.hue = .1, .contrast = .1),
                            cnn_random_erasing(.probability = 1),
                            cnn_normalize(.channels = 3, .rescale = .01),
                            cnn_cutmix()};
  enum { COUNT = sizeof chain / sizeof *chain };
  cnn_loader_options options = {.struct_size = sizeof options, .batch_size = 4, .one_hot = 1};
  if (!hand_over(chain, COUNT, &options)) return cnn_last_status();
  options.dataset = made_up_set(6, 9, 14, 3, 2);
  cnn_loader *loader = cnn_loader_create(&options);
  const cnn_tensor *x;
  const cnn_status status = loader ? cnn_loader_next(loader, &x, NULL) : cnn_last_status();
  cnn_loader_free(loader);
  cnn_dataset_free(options.dataset);
  return status;
}

static cnn_status whiten(void) {
  cnn_dataset *set = made_up_set(6, 2, 2, 3, 2);
  cnn_transform *whitening = cnn_augmentation(.zca_whitening = 1);
  const cnn_status status =
      set && whitening ? cnn_transform_fit(whitening, set) : cnn_last_status();
  cnn_transform_free(whitening);
  cnn_dataset_free(set);
  return status;
}

/* ---- what lies around ---- */

/* Twice to half its size: the middle quarter is the image, around it lies what the first filled with, then the second. */
static void test_each_transform_fills_with_its_own(void **state) {
  enum { SIDE = 64 };
  uint8_t pixels[SIDE * SIDE];
  memset(pixels, 100, sizeof pixels);
  cnn_tensor *images = cnn_tensor_copy_of(CNN_UINT8, 4, (int64_t[]){1, SIDE, SIDE, 1}, pixels);
  cnn_dataset *set = cnn_array_dataset(.images = images);
  for (int own = 0; own < 2; own++) {
    cnn_transform *halves[2];
    for (int i = 0; i < 2; i++)
      halves[i] = cnn_augmentation(.zoom_low = 2, .zoom_high = 2, .fill = CNN_FILL_CONSTANT,
                                   .fill_value = own && i ? 200 : 10);
    cnn_loader *loader = cnn_loader_new(set, .transforms = {halves[0], halves[1]});
    const cnn_tensor *batch;
    assert_int_equal(cnn_loader_next(loader, &batch, NULL), CNN_OK);
    const float *values = cnn_tensor_floats(batch) + SIDE / 2 * SIDE; /* the middle row */
    assert_true(values[SIDE / 2] == 100 && values[SIDE / 2 - 5] == 100);
    assert_true(values[SIDE / 2 - 12] == 10 && values[SIDE / 2 + 12] == 10);
    assert_true(values[1] == (own ? 200 : 10));
    cnn_loader_free(loader);
  }
  cnn_dataset_free(set);
  cnn_tensor_free(images);
}

/* Bytes are black or white at most, whatever value is given. */
/* Around a window lies the fill, and not what the image has there: also where it was mirrored or turned before. */
static void test_a_window_is_surrounded_by_the_fill(void **state) {
  enum { COUNT = 16, SIDE = 32, WINDOW = 16 };
  uint8_t pixels[COUNT * SIDE * SIDE];
  memset(pixels, 200, sizeof pixels);
  cnn_tensor *images = cnn_tensor_copy_of(CNN_UINT8, 4, (int64_t[]){COUNT, SIDE, SIDE, 1}, pixels);
  cnn_dataset *set = cnn_array_dataset(.images = images);
  for (int turned = 0; turned < 2; turned++) {
    cnn_transform *before =
        turned ? cnn_augmentation(.zoom_low = .9, .zoom_high = .9, .fill = CNN_FILL_CONSTANT)
               : cnn_augmentation(.horizontal_flip = 1);
    cnn_loader *loader = cnn_loader_new(
        set, .batch_size = COUNT, .transforms = {before, cnn_center_crop(.height = WINDOW)},
        .augment = cnn_augmentation(.zoom_low = 1.5, .zoom_high = 1.5, .fill = CNN_FILL_CONSTANT));
    const cnn_tensor *batch;
    assert_int_equal(cnn_loader_next(loader, &batch, NULL), CNN_OK);
    for (int i = 0; i < COUNT; i++) {
      const float *values = cnn_tensor_floats(batch) + i * WINDOW * WINDOW + WINDOW / 2 * WINDOW;
      assert_true(values[0] == 0 && values[WINDOW - 1] == 0);
      assert_true(fabsf(values[WINDOW / 2] - 200) < .01f);
    }
    cnn_loader_free(loader);
  }
  cnn_dataset_free(set);
  cnn_tensor_free(images);
}

static void test_what_bytes_are_filled_with_is_a_byte(void **state) {
  cnn_tensor *image = cnn_tensor_create(CNN_UINT8, 3, (int64_t[]){4, 4, 1});
  memset(image->data, 100, 16);
  for (int white = 0; white < 2; white++) {
    cnn_transform *crop = cnn_random_crop(.height = 12, .padding = 4, .fill = CNN_FILL_CONSTANT,
                                          .fill_value = white ? 300 : -5);
    cnn_tensor *padded = cnn_augment_image(crop, image, 1, 0, 0);
    assert_non_null(padded);
    assert_true(value_at(padded, 0) == (white ? 255 : 0));
    assert_true(value_at(padded, 6 * 12 + 6) == 100);
    cnn_tensor_free(padded);
    cnn_transform_free(crop);
  }
  cnn_tensor_free(image);
}

static void test_every_allocation_may_fail(void **state) {
  every_allocation_fails(all_kinds);
  every_allocation_fails(whiten);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_mixing_blends_images_and_labels_alike),
      cmocka_unit_test(test_normalisation_is_by_channel),
      cmocka_unit_test(test_whitening_makes_values_independent),
      cmocka_unit_test(test_whitening_has_no_more_directions_than_images),
      cmocka_unit_test(test_whitening_stands_in_for_featurewise_normalization),
      cmocka_unit_test(test_a_transform_of_ones_own),
      cmocka_unit_test(test_a_chain_is_its_steps),
      cmocka_unit_test(test_each_transform_fills_with_its_own),
      cmocka_unit_test(test_a_window_is_surrounded_by_the_fill),
      cmocka_unit_test(test_what_bytes_are_filled_with_is_a_byte),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("data_transform_chains", tests, NULL, NULL);
}
