/* Models of one output, and labels that are vectors: what a class's weight does to them, how they are counted. */
#include "support.h"

enum { COUNT = 8 };

/* Half of the images are bright, and are of class 1. */
static cnn_dataset *halves(bool by_vector, int64_t width, int32_t brightest) {
  cnn_tensor *images = numbers(4, (int64_t[]){COUNT, 8, 8, 1}, 3);
  cnn_tensor *labels = by_vector ? cnn_tensor_create(CNN_FLOAT32, 2, (int64_t[]){COUNT, width})
                                 : cnn_tensor_create(CNN_INT32, 1, (int64_t[]){COUNT});
  for (int64_t i = 0; i < COUNT; i++) {
    const int32_t class = i % 2 ? brightest : 0;
    for (int64_t p = 0; p < 64; p++)
      ((float *)images->data)[i * 64 + p] += i % 2 ? 2.f : 0.f;
    if (!by_vector)
      ((int32_t *)labels->data)[i] = class;
    else if (width == 1)
      ((float *)labels->data)[i] = (float)class;
    else
      ((float *)labels->data)[i * width + class] = 1;
  }
  cnn_dataset *set = cnn_array_dataset(.images = images, .labels = labels);
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  assert_made(set);
  return set;
}

static cnn_model *model_of(int64_t outputs) {
  cnn_model *model = cnn_sequential(
      cnn_input(.shape = {8, 8, 1}), cnn_flatten(),
      cnn_dense(.units = outputs, .activation = outputs == 1 ? CNN_SIGMOID : CNN_SOFTMAX));
  assert_made(model);
  assert_ok(cnn_model_compile(model, .optimizer = cnn_sgd(.learning_rate = 0.1),
                              .loss = outputs == 1 ? cnn_binary_crossentropy()
                                                   : cnn_categorical_crossentropy(),
                              .metrics = {cnn_accuracy()}));
  return model;
}

/* Samples of classes that weigh nothing teach nothing; labels as numbers, as a vector of one, as a vector of each class. */
static void test_class_weights_reach_labels_of_every_kind(void **state) {
  for (int kind = 0; kind < 3; kind++) {
    cnn_dataset *set = halves(kind > 0, kind == 2 ? 2 : 1, 1);
    cnn_loader *batches = cnn_loader_new(set, .batch_size = 4);
    cnn_model *model = model_of(kind == 2 ? 2 : 1), *before = cnn_model_clone(model);
    assert_ok(cnn_model_fit(model, batches, .class_weights = (double[]){0, 0}, .classes = 2));
    assert_same_weights(before, model);
    assert_ok(cnn_model_fit(model, batches, .class_weights = (double[]){0, 1}, .classes = 2));
    assert_false(same_weights(before, model));
    cnn_model_free(before);
    cnn_model_free(model);
    cnn_loader_free(batches);
    cnn_dataset_free(set);
  }
}

static void test_one_output_tells_two_classes_apart(void **state) {
  cnn_dataset *set = halves(false, 1, 1);
  cnn_loader *batches = cnn_loader_new(set, .batch_size = 4);
  cnn_model *model = model_of(1);
  assert_ok(cnn_model_fit(model, batches, .epochs = 30));
  cnn_confusion *confusion = cnn_model_confusion(model, batches);
  assert_made(confusion);
  assert_int_equal(cnn_confusion_classes(confusion), 2);
  assert_int_equal(cnn_confusion_at(confusion, 0, 0), COUNT / 2);
  assert_int_equal(cnn_confusion_at(confusion, 1, 1), COUNT / 2);
  assert_true(cnn_confusion_accuracy(confusion) == 1);
  assert_true(cnn_confusion_f1(confusion, 1) == 1);
  cnn_confusion_free(confusion);
  cnn_model_free(model);
  cnn_loader_free(batches);
  cnn_dataset_free(set);
}

static void test_labels_beyond_the_models_classes_are_not_counted(void **state) {
  cnn_model *model = model_of(1), *three = model_of(3);
  for (int vectors = 0; vectors < 2; vectors++) {
    cnn_dataset *set = halves(vectors, 2, vectors ? 1 : 2);
    cnn_loader *batches = cnn_loader_new(set, .batch_size = 4);
    cnn_clear_error();
    assert_refused(cnn_model_confusion(vectors ? three : model, batches),
                   vectors ? CNN_E_SHAPE : CNN_E_INVALID, "");
    cnn_loader_free(batches);
    cnn_dataset_free(set);
  }
  cnn_model_free(model);
  cnn_model_free(three);
}

/* Nothing weighs anything, so the loss stays 0, which is no improvement: the rate falls to its minimum, and no further. */
static void test_the_rate_stops_at_its_minimum(void **state) {
  cnn_dataset *set = halves(false, 1, 1);
  cnn_loader *batches = cnn_loader_new(set, .batch_size = 4);
  cnn_model *model = model_of(1);
  assert_refused(cnn_reduce_on_plateau(.maximize = 2), CNN_E_INVALID, "maximize is 2");
  assert_refused(cnn_early_stopping(.maximize = -2), CNN_E_INVALID, "maximize is -2");
  assert_ok(
      cnn_model_fit(model, batches, .epochs = 6, .class_weights = (double[]){0, 0}, .classes = 2,
                    .callbacks = {cnn_reduce_on_plateau(.monitor = "loss", .patience = 1,
                                                        .factor = 0.5, .minimum_rate = 0.04)}));
  assert_true(cnn_model_learning_rate(model) == 0.04);
  cnn_model_free(model);
  cnn_loader_free(batches);
  cnn_dataset_free(set);
}

/* Nothing before that epoch counts, neither as the best nor as waiting. */
static void test_early_stopping_starts_where_it_is_told(void **state) {
  cnn_dataset *set = halves(false, 1, 1);
  cnn_loader *batches = cnn_loader_new(set, .batch_size = 4);
  for (int64_t from = 0; from <= 3; from += 3) {
    cnn_model *model = model_of(1);
    assert_ok(cnn_model_fit(model, batches, .epochs = 9, .class_weights = (double[]){0, 0},
                            .classes = 2,
                            .callbacks = {cnn_early_stopping(.monitor = "loss", .patience = 2,
                                                             .start_from_epoch = from)}));
    assert_int_equal(cnn_model_epochs_done(model), from + 3);
    cnn_model_free(model);
  }
  cnn_loader_free(batches);
  cnn_dataset_free(set);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_class_weights_reach_labels_of_every_kind),
      cmocka_unit_test(test_one_output_tells_two_classes_apart),
      cmocka_unit_test(test_labels_beyond_the_models_classes_are_not_counted),
      cmocka_unit_test(test_the_rate_stops_at_its_minimum),
      cmocka_unit_test(test_early_stopping_starts_where_it_is_told),
  };
  cnn_context *context = begin_context(1, 1);
  const int failures = cmocka_run_group_tests_name("one output", tests, NULL, NULL);
  (void)group_end(failures || cnn_context_memory(context) == 0);
  end_context(context);
  return failures;
}
