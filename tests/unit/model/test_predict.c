/* Evaluating and predicting. */
#include "support.h"
#include <pthread.h>

static cnn_model *trained_model(cnn_dataset *set) {
  cnn_loader *batches = stripes_loader(set);
  cnn_model *model = small_model();
  assert_ok(compile(model));
  assert_ok(cnn_model_fit(model, batches, .epochs = 3));
  cnn_loader_free(batches);
  return model;
}

static cnn_tensor *image_at(const cnn_dataset *set, int64_t i) {
  cnn_tensor *image = NULL;
  int32_t label;
  assert_ok(cnn_dataset_fetch(set, i, &image, &label, NULL));
  return image;
}

static void test_one_image_a_batch_and_bytes_agree(void **state) {
  cnn_dataset *set = stripes(40, 3);
  cnn_model *model = trained_model(set);
  cnn_loader *loader = cnn_loader_new(set, .batch_size = 16, .rescale = 1 / 255.0);
  cnn_tensor *all = cnn_model_predict_all(model, loader);
  assert_made(all);
  assert_int_equal(cnn_tensor_shape(all)[0], 40);
  assert_int_equal(cnn_tensor_shape(all)[1], 3);
  for (int64_t i = 0; i < 40; i += 13) {
    cnn_tensor *image = image_at(set, i);
    cnn_tensor *one = cnn_model_predict(model, image); /* uint8, through the preprocessing */
    assert_made(one);
    assert_int_equal(cnn_tensor_shape(one)[0], 1);
    float sum = 0;
    for (int64_t c = 0; c < 3; c++) {
      assert_true(fabsf(cnn_tensor_floats(one)[c] - cnn_tensor_floats(all)[i * 3 + c]) < 1e-5f);
      sum += cnn_tensor_floats(one)[c];
    }
    assert_true(fabsf(sum - 1) < 1e-5f);
    cnn_tensor_free(one);
    cnn_tensor_free(image);
  }
  cnn_tensor_free(all);
  cnn_loader_free(loader);
  cnn_model_free(model);
  cnn_dataset_free(set);
}

static void test_predictions_depend_on_the_call_alone(void **state) {
  cnn_model *model = tutorial_model();
  cnn_tensor *images = numbers(4, (int64_t[]){40, 32, 32, 3}, 1);
  cnn_tensor *first = cnn_tensor_slice(images, 0, 1);
  cnn_tensor *a = cnn_model_predict(model, first), *many = cnn_model_predict(model, images),
             *b = cnn_model_predict(model, first), *again = cnn_model_predict(model, images);
  assert_made(again);
  assert_memory_equal(cnn_tensor_floats(a), cnn_tensor_floats(b), 10 * sizeof(float));
  assert_memory_equal(cnn_tensor_floats(many), cnn_tensor_floats(again), 400 * sizeof(float));
  cnn_tensor_free(a);
  cnn_tensor_free(b);
  cnn_tensor_free(many);
  cnn_tensor_free(again);
  cnn_tensor_free(first);
  cnn_tensor_free(images);
  cnn_model_free(model);
}

static void test_images_of_another_shape_are_refused(void **state) {
  cnn_model *model = small_model();
  cnn_tensor *wrong = numbers(3, (int64_t[]){8, 7, 1}, 1);
  assert_refused(cnn_model_predict(model, wrong), CNN_E_SHAPE,
                 "images are 8x7x1; 8x8x1 is expected, with or without a count");
  assert_refused(cnn_model_predict(model, NULL), CNN_E_INVALID, "images is NULL");
  cnn_tensor_free(wrong);
  cnn_tensor *none = cnn_tensor_create(CNN_FLOAT32, 4, (int64_t[]){0, 8, 8, 1});
  assert_refused(cnn_model_predict(model, none), CNN_E_SHAPE, "images are 0x8x8x1");
  cnn_tensor_free(none);
  cnn_model_free(model);
}

/* ---- predictors ---- */

static void test_a_predictor_outlives_its_model_and_allocates_nothing(void **state) {
  counting counts = {.fail_at = 0};
  cnn_context *context = counting_context(&counts, 2);
  cnn_context_use(context);
  cnn_dataset *set = stripes(16, 3);
  cnn_model *model = trained_model(set);
  cnn_tensor *image = image_at(set, 5), *expected = cnn_model_predict(model, image);
  cnn_predictor *predictor = cnn_predictor_new(model, .batch_size = 4);
  assert_made(predictor);
  cnn_model_free(model);
  float outputs[4][3];
  uint8_t bytes[4][64];
  for (int i = 0; i < 4; i++)
    memcpy(bytes[i], cnn_tensor_const_data(image), 64);
  long before = atomic_load(&counts.calls);
  assert_ok(cnn_predictor_run_bytes(predictor, bytes[0], 4, outputs[0]));
  assert_ok(cnn_predictor_run_bytes(predictor, bytes[0], 1, outputs[0]));
  assert_int_equal(atomic_load(&counts.calls), before);
  for (int i = 0; i < 4; i++)
    for (int c = 0; c < 3; c++)
      assert_true(fabsf(outputs[i][c] - cnn_tensor_floats(expected)[c]) < 1e-5f);
  assert_error(CNN_E_INVALID, cnn_predictor_run_bytes(predictor, bytes[0], 5, outputs[0]),
               "5 images; the predictor was made for 1 to 4");
  assert_error(CNN_E_INVALID, cnn_predictor_refresh(predictor), "the model is gone");
  cnn_clear_error();
  cnn_predictor_free(predictor);
  cnn_predictor_free(NULL);
  cnn_tensor_free(image);
  cnn_tensor_free(expected);
  cnn_dataset_free(set);
  cnn_context_use(NULL);
  cnn_context_free(context);
  assert_int_equal(atomic_load(&counts.live), 0);
}

static void test_refreshing_takes_the_models_weights(void **state) {
  cnn_dataset *set = stripes(16, 3);
  cnn_model *model = trained_model(set);
  cnn_predictor *predictor = cnn_predictor_new(model);
  cnn_tensor *images = numbers(4, (int64_t[]){1, 8, 8, 1}, 9);
  float before[3], stale[3], fresh[3];
  assert_ok(cnn_predictor_run(predictor, cnn_tensor_floats(images), 1, before));
  cnn_tensor *bias = numbers(1, (int64_t[]){3}, 4);
  assert_ok(cnn_model_set_parameter(model, "dense/bias", bias));
  assert_ok(cnn_predictor_run(predictor, cnn_tensor_floats(images), 1, stale));
  assert_memory_equal(before, stale, sizeof before);
  assert_ok(cnn_predictor_refresh(predictor));
  assert_ok(cnn_predictor_run(predictor, cnn_tensor_floats(images), 1, fresh));
  cnn_tensor *expected = cnn_model_predict(model, images);
  assert_memory_equal(fresh, cnn_tensor_floats(expected), sizeof fresh);
  assert_true(memcmp(fresh, stale, sizeof fresh) != 0);
  cnn_tensor_free(expected);
  cnn_tensor_free(bias);
  cnn_tensor_free(images);
  cnn_predictor_free(predictor);
  cnn_model_free(model);
  cnn_dataset_free(set);
}

typedef struct server {
  cnn_predictor *predictor;
  const float *images;
  float outputs[8][10];
} server;

static void *serve(void *argument) {
  server *self = argument;
  for (int round = 0; round < 20; round++)
    if (cnn_predictor_run(self->predictor, self->images, 8, self->outputs[0]) != CNN_OK)
      return NULL;
  return self;
}

static void test_predictors_on_eight_threads_share_one_model(void **state) {
  cnn_model *model = tutorial_model();
  cnn_tensor *images = numbers(4, (int64_t[]){8, 32, 32, 3}, 9);
  server servers[8];
  pthread_t threads[8];
  for (int i = 0; i < 8; i++) {
    servers[i].images = cnn_tensor_floats(images);
    servers[i].predictor = cnn_predictor_new(model, .batch_size = 8);
    assert_made(servers[i].predictor);
    assert_int_equal(pthread_create(&threads[i], NULL, serve, &servers[i]), 0);
  }
  for (int i = 0; i < 8; i++) {
    void *done = NULL;
    pthread_join(threads[i], &done);
    assert_non_null(done);
    assert_memory_equal(servers[i].outputs, servers[0].outputs, sizeof servers[0].outputs);
    cnn_predictor_free(servers[i].predictor);
  }
  cnn_tensor_free(images);
  cnn_model_free(model);
}

/* ---- the confusion matrix ---- */

static void test_the_confusion_matrix_counts_every_sample(void **state) {
  cnn_dataset *set = stripes(60, 3);
  cnn_model *model = trained_model(set);
  cnn_loader *loader = cnn_loader_new(set, .batch_size = 16, .rescale = 1 / 255.0);
  double results[2];
  assert_ok(cnn_model_evaluate(model, loader, results, 2));
  cnn_confusion *confusion = cnn_model_confusion(model, loader);
  assert_made(confusion);
  assert_int_equal(cnn_confusion_classes(confusion), 3);
  assert_string_equal(cnn_confusion_name(confusion, 2), "bottom");
  int64_t sum = 0, row = 0, column = 0;
  for (int64_t i = 0; i < 3; i++) {
    row += cnn_confusion_at(confusion, 1, i);
    column += cnn_confusion_at(confusion, i, 1);
    for (int64_t k = 0; k < 3; k++)
      sum += cnn_confusion_at(confusion, i, k);
  }
  assert_int_equal(sum, 60);
  assert_int_equal(row, 20);
  assert_true(fabs(cnn_confusion_accuracy(confusion) - results[1]) < 1e-12);
  double right = (double)cnn_confusion_at(confusion, 1, 1);
  double recall = right / (double)row, precision = column > 0 ? right / (double)column : 0;
  assert_true(fabs(cnn_confusion_recall(confusion, 1) - recall) < 1e-12);
  assert_true(fabs(cnn_confusion_precision(confusion, 1) - precision) < 1e-12);
  if (precision + recall > 0)
    assert_true(fabs(cnn_confusion_f1(confusion, 1) -
                     2 * precision * recall / (precision + recall)) < 1e-12);
  assert_int_equal(cnn_confusion_at(confusion, 3, 0), -1);
  assert_null(cnn_confusion_name(confusion, -1));
  cnn_confusion_free(confusion);
  cnn_confusion_free(NULL);

  /* One-hot labels name classes, too. */
  cnn_loader *vectors = cnn_loader_new(set, .batch_size = 7, .rescale = 1 / 255.0, .one_hot = 1);
  confusion = cnn_model_confusion(model, vectors);
  assert_made(confusion);
  assert_true(fabs(cnn_confusion_accuracy(confusion) - results[1]) < 1e-12);
  cnn_confusion_free(confusion);
  cnn_loader_free(vectors);
  cnn_loader_free(loader);
  cnn_model_free(model);
  cnn_dataset_free(set);
}

static void test_top_k_orders_by_value_then_place(void **state) {
  const float values[] = {0.1f, NAN, 0.5f, 0.5f, -1, 0.7f};
  int64_t places[6];
  assert_ok(cnn_top_k(values, 6, 6, places));
  static const int64_t expected[] = {5, 2, 3, 0, 4, 1};
  assert_memory_equal(places, expected, sizeof expected);
  assert_ok(cnn_top_k(values, 6, 1, places));
  assert_int_equal(places[0], 5);
  assert_int_equal(cnn_top_k(values, 6, 7, places), CNN_E_INVALID);
  assert_int_equal(cnn_top_k(values, 6, 0, places), CNN_E_INVALID);
  cnn_clear_error();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_image_a_batch_and_bytes_agree),
      cmocka_unit_test(test_predictions_depend_on_the_call_alone),
      cmocka_unit_test(test_images_of_another_shape_are_refused),
      cmocka_unit_test(test_a_predictor_outlives_its_model_and_allocates_nothing),
      cmocka_unit_test(test_refreshing_takes_the_models_weights),
      cmocka_unit_test(test_predictors_on_eight_threads_share_one_model),
      cmocka_unit_test(test_the_confusion_matrix_counts_every_sample),
      cmocka_unit_test(test_top_k_orders_by_value_then_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
