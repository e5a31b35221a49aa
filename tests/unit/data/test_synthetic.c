/* Made-up images: from a seed alone, and told apart by form, not by colour. */
#include "support.h"

#include <math.h>

enum { COUNT = 600 };

static void test_a_seed_makes_the_images(void **state) {
  cnn_dataset *set = cnn_synthetic_images(.count = COUNT, .seed = 5);
  cnn_dataset *again = cnn_synthetic_images(.count = 100, .seed = 5);
  cnn_dataset *other = cnn_synthetic_images(.count = 100, .seed = 6);
  cnn_dataset *test = cnn_synthetic_images(.count = 100, .seed = 5, .split = CNN_TEST);
  assert_int_equal(cnn_dataset_count(set), COUNT);
  assert_int_equal(cnn_dataset_classes(set), 10);
  assert_string_equal(cnn_dataset_class_name(set, 5), "star");
  int per_class[10] = {0};
  for (int64_t i = 0; i < COUNT; i++) {
    int32_t label;
    assert_int_equal(cnn_dataset_fetch(set, i, NULL, &label, NULL), CNN_OK);
    per_class[label]++;
  }
  for (int c = 0; c < 10; c++)
    assert_int_equal(per_class[c], COUNT / 10);
  for (int64_t i = 0; i < 100; i++) {
    cnn_tensor *images[4];
    cnn_dataset *sets[] = {set, again, other, test};
    for (int k = 0; k < 4; k++)
      assert_int_equal(cnn_dataset_fetch(sets[k], i, &images[k], NULL, NULL), CNN_OK);
    assert_memory_equal(images[0]->data, images[1]->data, 3072);
    assert_memory_not_equal(images[0]->data, images[2]->data, 3072);
    assert_memory_not_equal(images[0]->data, images[3]->data, 3072);
    for (int k = 0; k < 4; k++)
      cnn_tensor_free(images[k]);
  }
  cnn_dataset_free(set);
  cnn_dataset_free(again);
  cnn_dataset_free(other);
  cnn_dataset_free(test);
}

/* The nearest class mean, of colours or of pixels, says little about an image. */
static double nearest_mean_accuracy(cnn_dataset *set, size_t values, size_t step) {
  double *means = calloc(10 * values, sizeof *means);
  int right = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int64_t i = 0; i < COUNT; i++) {
      const bool learns = i < COUNT / 2;
      if (learns != (pass == 0)) continue;
      cnn_tensor *image;
      int32_t label;
      assert_int_equal(cnn_dataset_fetch(set, i, &image, &label, NULL), CNN_OK);
      double *own = calloc(values, sizeof *own), best = INFINITY;
      for (size_t e = 0; e < 3072; e++)
        own[e % values] += ((const uint8_t *)image->data)[e] / (double)step;
      int guess = -1;
      for (int c = 0; c < 10; c++) {
        double distance = 0;
        for (size_t v = 0; v < values; v++) {
          if (learns && c == label) means[(size_t)c * values + v] += own[v] / (COUNT / 20);
          const double d = own[v] - means[(size_t)c * values + v];
          distance += d * d;
        }
        if (distance < best) {
          best = distance;
          guess = c;
        }
      }
      right += !learns && guess == label;
      free(own);
      cnn_tensor_free(image);
    }
  free(means);
  return (double)right / (COUNT / 2);
}

static void test_means_do_not_tell_classes(void **state) {
  cnn_dataset *set = cnn_synthetic_images(.count = COUNT, .seed = 1);
  assert_true(nearest_mean_accuracy(set, 3, 1024) < .3);
  assert_true(nearest_mean_accuracy(set, 3072, 1) < .45);
  cnn_dataset_free(set);
}

static void test_impossible_sets_are_refused(void **state) {
  cnn_clear_error();
  assert_null(cnn_synthetic_images_create(NULL));
  assert_error(CNN_E_INVALID, cnn_last_status(), "count 0");
  assert_null(cnn_synthetic_images(.count = -5));
  assert_error(CNN_E_INVALID, cnn_last_status(), "count -5");
  assert_null(cnn_synthetic_images(.count = 5, .split = 2));
  assert_error(CNN_E_INVALID, cnn_last_status(), "split 2");
}

static cnn_status make(void) {
  cnn_dataset *set = cnn_synthetic_images(.count = 25);
  const cnn_status status = set ? CNN_OK : cnn_last_status();
  cnn_dataset_free(set);
  return status;
}
static void test_every_allocation_may_fail(void **state) {
  every_allocation_fails(make);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_seed_makes_the_images),
      cmocka_unit_test(test_means_do_not_tell_classes),
      cmocka_unit_test(test_impossible_sets_are_refused),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("data_synthetic", tests, NULL, NULL);
}
