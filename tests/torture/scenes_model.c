/* Describing, compiling, evaluating, predicting, saving and loading. */
#include "scenes.h"
#include <stdlib.h>
#include <string.h>

static const char path[] = "model.safetensors";

/* ---- worlds ---- */

static void set_up_nothing(torture_world *world) {
  (void)world;
}

static void set_up_model(torture_world *world) {
  world->model = small_model();
  REQUIRE(world->model);
}

static void set_up_compiled(torture_world *world) {
  set_up_model(world);
  REQUIRE(!cnn_model_compile(world->model, .optimizer = cnn_adam(),
                             .loss = cnn_sparse_categorical_crossentropy(),
                             .metrics = {cnn_accuracy(), cnn_top_k_accuracy(.k = 2)}));
  world->data = small_dataset(1);
  world->batches = cnn_loader_new(world->data, .batch_size = 7, .rescale = 1 / 255.);
  REQUIRE(world->batches);
  const int64_t shape[] = {2, SMALL_SIDE, SMALL_SIDE, 3};
  float pixels[2 * SMALL_SIDE * SMALL_SIDE * 3];
  for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++)
    pixels[i] = (float)(i % 17) / 17;
  world->images = cnn_tensor_copy_of(CNN_FLOAT32, 4, shape, pixels);
  REQUIRE(world->images);
}

/* A model with a training behind it: optimizer, history, best weights, notes. */
static void set_up_trained(torture_world *world) {
  set_up_compiled(world);
  world->checks = small_dataset(2);
  world->validation = cnn_loader_new(world->checks, .batch_size = 8, .rescale = 1 / 255.);
  REQUIRE(
      !cnn_model_fit(world->model, world->batches, .validation = world->validation,
                     .callbacks = {cnn_early_stopping(.patience = 3, .restore_best_weights = 1)}));
  REQUIRE(!cnn_model_set_note(world->model, "licence", "none"));
}

static void set_up_file(torture_world *world) {
  set_up_trained(world);
  REQUIRE(!cnn_model_save(world->model, path));
}

/* An older file of other weights, which only a whole new one may replace. */
static void set_up_older_file(torture_world *world) {
  set_up_trained(world);
  cnn_model *older = small_model();
  REQUIRE(older && !cnn_model_save(older, path));
  cnn_model_free(older);
}

static void result_model(torture_world *world, torture_digest *digest) {
  REQUIRE(digest_model(digest, world->model));
}

static void result_file(torture_world *world, torture_digest *digest) {
  (void)world;
  REQUIRE(digest_file(digest, path));
}

/* ---- runs ---- */

static bool see_text(torture_world *world, char *text) {
  if (!text) return false;
  digest_text(&world->seen, text);
  cnn_text_free(text);
  return true;
}

static bool describe(torture_world *world) {
  static const char *const names[] = {"red", "green", "blue"};
  static const double mean[] = {0.1, 0.2, 0.3};
  cnn_model *model = small_model();
  bool good = model && !cnn_model_set_class_names(model, names, 3) &&
              !cnn_model_set_preprocessing(model, 1 / 255., mean, NULL, 3) &&
              !cnn_model_set_note(model, "a", "b");
  cnn_model *clone = good ? cnn_model_clone(model) : NULL;
  good = clone && see_text(world, cnn_model_summary_text(clone)) &&
         see_text(world, cnn_model_describe_plan(clone, 4, 1)) &&
         see_text(world, cnn_model_describe_plan(clone, 1, 0)) && digest_model(&world->seen, clone);
  cnn_model_free(clone);
  cnn_model_free(model);
  return good;
}

static bool compile(torture_world *world) {
  cnn_model *model = world->model;
  bool good =
      !cnn_model_compile(model, .optimizer_name = "adamw",
                         .loss_name = "sparse_categorical_crossentropy",
                         .metric_names = {"accuracy", "sparse_categorical_accuracy"}) &&
      !cnn_model_compile(
          model, .optimizer = cnn_sgd(.momentum = 0.9, .schedule = cnn_cosine_decay(.steps = 10)),
          .loss = cnn_mean_squared_error(), .metric_names = {"accuracy"}) &&
      !cnn_model_compile(model, .optimizer = cnn_rmsprop(.centered = 1, .ema_momentum = 0.9),
                         .loss = cnn_categorical_crossentropy(.label_smoothing = 0.1),
                         .metrics = {cnn_categorical_accuracy(.name = "right")});
  for (int64_t i = 0; good && i < cnn_model_results_count(model); i++)
    digest_text(&world->seen, cnn_model_results_name(model, i));
  return good;
}

static bool look(torture_world *world) {
  cnn_model *model = world->model;
  cnn_tensor *bias = cnn_model_parameter(model, "dense/bias");
  bool good = bias && !cnn_model_set_parameter(model, "dense/bias", bias);
  cnn_tensor_free(bias);
  cnn_tensor *copy = good ? cnn_tensor_clone(world->images) : NULL;
  cnn_tensor *part = copy ? cnn_tensor_slice(copy, 1, 1) : NULL;
  if (part) digest_tensor(&world->seen, part);
  good = part != NULL;
  cnn_tensor_free(part);
  cnn_tensor_free(copy);
  return good && !cnn_model_set_note(model, "name", "a longer value than before") &&
         !cnn_model_set_frozen(model, "conv2d", 1) && !cnn_model_set_frozen(model, "conv2d", 0);
}

static bool evaluate(torture_world *world) {
  double results[3];
  if (cnn_model_evaluate(world->model, world->batches, results, 3)) {
    REQUIRE(!cnn_loader_seek(world->batches, 0, 0));
    return false;
  }
  digest_bytes(&world->seen, results, sizeof results);
  return true;
}

static bool confusion(torture_world *world) {
  cnn_confusion *confusion = cnn_model_confusion(world->model, world->batches);
  if (!confusion) {
    REQUIRE(!cnn_loader_seek(world->batches, 0, 0));
    return false;
  }
  for (int64_t i = 0; i < 9; i++) {
    int64_t count = cnn_confusion_at(confusion, i / 3, i % 3);
    digest_bytes(&world->seen, &count, sizeof count);
  }
  cnn_confusion_free(confusion);
  return true;
}

static bool see_tensor(torture_world *world, cnn_tensor *tensor) {
  if (!tensor) return false;
  digest_tensor(&world->seen, tensor);
  cnn_tensor_free(tensor);
  return true;
}

static bool predict(torture_world *world) {
  return see_tensor(world, cnn_model_predict(world->model, world->images)) &&
         see_tensor(world, cnn_model_predict(world->model, world->images));
}

static bool predict_all(torture_world *world) {
  if (see_tensor(world, cnn_model_predict_all(world->model, world->batches))) return true;
  REQUIRE(!cnn_loader_seek(world->batches, 0, 0));
  return false;
}

static bool predictor(torture_world *world) {
  float outputs[2 * SMALL_CLASSES];
  cnn_predictor *predictor = cnn_predictor_new(world->model, .batch_size = 2);
  bool good = predictor &&
              !cnn_predictor_run(predictor, cnn_tensor_floats(world->images), 2, outputs) &&
              !cnn_predictor_refresh(predictor);
  cnn_predictor_free(predictor);
  if (good) digest_bytes(&world->seen, outputs, sizeof outputs);
  return good;
}

static bool train_on_batch(torture_world *world) {
  static const int32_t classes[] = {0, 2};
  const int64_t shape[] = {2};
  int32_t copy[2];
  memcpy(copy, classes, sizeof copy);
  double results[3];
  cnn_tensor *labels = cnn_tensor_borrow(CNN_INT32, 1, shape, copy);
  bool good = labels && !cnn_model_train_on_batch(world->model, world->images, labels, results, 3);
  cnn_tensor_free(labels);
  if (good) digest_bytes(&world->seen, results, sizeof results);
  return good;
}

static bool test_on_batch(torture_world *world) {
  const int64_t shape[] = {2};
  int32_t classes[] = {0, 2};
  double results[3];
  cnn_tensor *labels = cnn_tensor_borrow(CNN_INT32, 1, shape, classes);
  bool good = labels && !cnn_model_test_on_batch(world->model, world->images, labels, results, 3);
  cnn_tensor_free(labels);
  if (good) digest_bytes(&world->seen, results, sizeof results);
  return good;
}

static bool save(torture_world *world) {
  return !cnn_model_save(world->model, path);
}

static bool save_weights(torture_world *world) {
  return !cnn_model_save_weights(world->model, path);
}

static bool load(torture_world *world) {
  cnn_model *model = cnn_model_load(path);
  bool good = model && digest_model(&world->seen, model) && !cnn_model_save(model, "copy");
  if (good) digest_text(&world->seen, cnn_model_note(model, "licence"));
  cnn_model_free(model);
  return good && digest_file(&world->seen, "copy");
}

static bool load_weights(torture_world *world) {
  return !cnn_model_load_weights(world->model, path);
}

/* From the file to the end of the training: what a program does after a crash. */
static bool resume(torture_world *world) {
  cnn_model *model = cnn_model_load(path);
  cnn_callback *stopping = cnn_early_stopping(.patience = 3, .restore_best_weights = 1);
  bool good = !cnn_model_fit(model, world->batches, .epochs = 2, .resume = 1,
                             .validation = world->validation, .callbacks = {stopping});
  good = good && digest_model(&world->seen, model);
  cnn_model_free(model);
  return good;
}

const torture_scene model_scenes[] = {
    {.name = "describe", .set_up = set_up_nothing, .run = describe},
    {.name = "compile", .set_up = set_up_model, .run = compile, .result = result_model},
    {.name = "look", .set_up = set_up_compiled, .run = look, .result = result_model},
    {.name = "train_on_batch",
     .set_up = set_up_compiled,
     .run = train_on_batch,
     .result = result_model},
    {.name = "test_on_batch",
     .set_up = set_up_compiled,
     .run = test_on_batch,
     .result = result_model},
    {.name = "evaluate", .set_up = set_up_compiled, .run = evaluate, .result = result_model},
    {.name = "confusion", .set_up = set_up_compiled, .run = confusion, .result = result_model},
    {.name = "predict", .set_up = set_up_compiled, .run = predict},
    {.name = "predict_all", .set_up = set_up_compiled, .run = predict_all},
    {.name = "predictor", .set_up = set_up_compiled, .run = predictor},
    {.name = "save",
     .set_up = set_up_older_file,
     .run = save,
     .result = result_file,
     .keeps = path},
    {.name = "save_weights",
     .set_up = set_up_older_file,
     .run = save_weights,
     .result = result_file,
     .keeps = path},
    {.name = "load", .set_up = set_up_file, .run = load, .keeps = path},
    {.name = "load_weights",
     .set_up = set_up_file,
     .run = load_weights,
     .result = result_model,
     .keeps = path},
    {.name = "resume", .set_up = set_up_file, .run = resume, .keeps = path},
    {.name = NULL},
};
