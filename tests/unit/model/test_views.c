/* Test-time augmentation: a loader that shows each batch several times. */
#include "support.h"
#include <string.h>

enum { COUNT = 22, VIEWS = 4 };

static cnn_dataset *make_set(void) {
  cnn_tensor *images = cnn_tensor_create(CNN_UINT8, 4, (int64_t[]){COUNT, 8, 8, 1});
  cnn_tensor *labels = cnn_tensor_create(CNN_INT32, 1, (int64_t[]){COUNT});
  assert_made(images);
  assert_made(labels);
  for (size_t i = 0; i < images->bytes; i++)
    ((uint8_t *)images->data)[i] = (uint8_t)(128 + 127 * number_at(i));
  for (int32_t i = 0; i < COUNT; i++)
    ((int32_t *)labels->data)[i] = i % 3;
  cnn_dataset *set = cnn_array_dataset(.images = images, .labels = labels, .classes = 3);
  assert_made(set);
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  return set;
}

static cnn_transform *augment(void) {
  return cnn_augmentation(.rotation = 25, .width_shift = .2, .height_shift = .2, .zoom = .2,
                          .horizontal_flip = 1);
}

static cnn_loader *open_views(cnn_dataset *set, int64_t views, int64_t shuffle, int64_t workers) {
  cnn_loader *loader =
      cnn_loader_new(set, .batch_size = 8, .rescale = 1 / 255., .views = views, .shuffle = shuffle,
                     .seed = 4, .workers = workers, .augment = augment());
  assert_made(loader);
  return loader;
}

/* The mean outputs by hand: (COUNT, 3), in the loader's order, and the labels. */
static void average_by_hand(cnn_model *model, cnn_loader *loader, double mean[COUNT][3],
                            int32_t truth[COUNT]) {
  size_t at = 0;
  memset(mean, 0, COUNT * sizeof *mean);
  for (int batch = 0; batch < 3; batch++) {
    size_t count = 0;
    for (int view = 0; view < VIEWS; view++) {
      const cnn_tensor *images, *labels;
      assert_ok(cnn_loader_next(loader, &images, &labels));
      assert_made(images);
      count = (size_t)cnn_tensor_shape(images)[0];
      memcpy(truth + at, cnn_tensor_const_data(labels), count * sizeof *truth);
      cnn_tensor *outputs = cnn_model_predict(model, images);
      assert_made(outputs);
      for (size_t i = 0; i < count * 3; i++)
        mean[at + i / 3][i % 3] += (double)cnn_tensor_floats(outputs)[i] / VIEWS;
      cnn_tensor_free(outputs);
    }
    at += count;
  }
  assert_int_equal(at, COUNT);
}

static void test_predictions_are_the_mean_over_views(void **state) {
  cnn_context *context = begin_context(2, 7);
  cnn_dataset *set = make_set();
  cnn_model *model = small_model();
  double mean[COUNT][3];
  int32_t truth[COUNT];
  cnn_loader *loader = open_views(set, VIEWS, 1, 0);
  average_by_hand(model, loader, mean, truth);
  cnn_loader_free(loader);
  for (int64_t workers = 0; workers < 3; workers += 2) {
    loader = open_views(set, VIEWS, 1, workers);
    cnn_tensor *outputs = cnn_model_predict_all(model, loader);
    assert_made(outputs);
    assert_int_equal(cnn_tensor_shape(outputs)[0], COUNT);
    for (size_t i = 0; i < COUNT * 3; i++)
      assert_true(fabs((double)cnn_tensor_floats(outputs)[i] - mean[i / 3][i % 3]) < 1e-6);
    cnn_tensor_free(outputs);
    cnn_loader_free(loader);
  }
  cnn_model_free(model);
  cnn_dataset_free(set);
  end_context(context);
}

static void test_loss_metrics_and_confusion_go_by_the_mean(void **state) {
  cnn_context *context = begin_context(2, 7);
  cnn_dataset *set = make_set();
  cnn_model *model = cnn_sequential(cnn_input(.shape = {8, 8, 1}),
                                    cnn_conv2d(.filters = 4, .kernel = {3}, .activation = CNN_RELU),
                                    cnn_batch_normalization(), cnn_flatten(),
                                    cnn_dense(.units = 3, .activation = CNN_SOFTMAX));
  assert_ok(compile(model));
  double mean[COUNT][3], results[2], once[2], loss = 0, right = 0;
  int32_t truth[COUNT];
  cnn_loader *loader = open_views(set, VIEWS, 0, 0);
  average_by_hand(model, loader, mean, truth);
  for (size_t i = 0; i < COUNT; i++) {
    const double *p = mean[i];
    const int32_t best = p[0] >= p[1] && p[0] >= p[2] ? 0 : p[1] >= p[2] ? 1 : 2;
    loss -= log(p[truth[i]]) / COUNT;
    right += best == truth[i];
  }
  cnn_loader *plain = open_views(set, 1, 0, 0);
  assert_ok(cnn_loader_seek(loader, 0, 0)); /* the same draws again */
  assert_ok(cnn_model_evaluate(model, loader, results, 2));
  assert_true(fabs(results[0] - loss) < 1e-5);
  assert_true(fabs(results[1] - right / COUNT) < 1e-12);
  assert_ok(cnn_loader_seek(loader, 0, 0));
  cnn_confusion *confusion = cnn_model_confusion(model, loader);
  assert_made(confusion);
  assert_true(fabs(cnn_confusion_accuracy(confusion) - results[1]) < 1e-12);
  assert_ok(cnn_model_evaluate(model, plain, once, 2));
  assert_true(fabs(once[0] - results[0]) > 1e-6);
  cnn_confusion_free(confusion);

  /* A fit validates by it, as evaluating does, and stays the fit that it is. */
  cnn_loader_seek(loader, 0, 0);
  cnn_loader *batches = open_views(set, 1, 1, 0);
  assert_ok(cnn_model_fit(model, batches, .epochs = 2, .validation = loader));
  const double *series = cnn_history_series(cnn_model_history(model), "val_loss");
  cnn_loader_seek(loader, 1, 0); /* validation is keyed by the epoch */
  assert_ok(cnn_model_evaluate(model, loader, results, 2));
  assert_true(series[1] == results[0]);
  cnn_loader_free(batches);
  cnn_loader_free(plain);
  cnn_loader_free(loader);
  cnn_model_free(model);
  cnn_dataset_free(set);
  end_context(context);
}

static void test_resuming_with_another_augmentation_is_refused(void **state) {
  cnn_context *context = begin_context(1, 7);
  cnn_dataset *set = make_set();
  cnn_model *model = small_model();
  assert_ok(compile(model));
  cnn_loader *first = open_views(set, 1, 1, 0);
  assert_ok(cnn_model_fit(model, first, .epochs = 1));
  cnn_loader *other = cnn_loader_new(set, .batch_size = 8, .rescale = 1 / 255., .shuffle = 1,
                                     .seed = 4, .augment = cnn_augmentation(.rotation = 26));
  assert_error(CNN_E_MISMATCH, cnn_model_fit(model, other, .epochs = 2, .resume = 1),
               "the loader's transforms");
  cnn_clear_error();
  assert_ok(cnn_model_fit(model, first, .epochs = 2, .resume = 1));
  cnn_loader_free(first);
  cnn_loader_free(other);
  cnn_model_free(model);
  cnn_dataset_free(set);
  end_context(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_predictions_are_the_mean_over_views),
      cmocka_unit_test(test_loss_metrics_and_confusion_go_by_the_mean),
      cmocka_unit_test(test_resuming_with_another_augmentation_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
