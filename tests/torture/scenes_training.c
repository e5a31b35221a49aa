/* Fitting: with validation and every callback, in slices, resumed, with each optimizer, with background threads. */
#include "scenes.h"
#include <string.h>

static void set_up_data(torture_world *world) {
  world->data = small_dataset(1);
  world->checks = small_dataset(2);
  world->batches = cnn_loader_new(world->data, .batch_size = 8, .shuffle = 1, .rescale = 1 / 255.);
  world->validation = cnn_loader_new(world->checks, .batch_size = 12, .rescale = 1 / 255.);
  REQUIRE(world->batches && world->validation);
  (void)remove("log.csv"); /* of the run before */
}

static void set_up_compiled(torture_world *world) {
  set_up_data(world);
  world->model = small_chain();
  REQUIRE(world->model && !cnn_model_compile(world->model, .optimizer = cnn_adam(.amsgrad = 1),
                                             .loss = cnn_sparse_categorical_crossentropy(),
                                             .metrics = {cnn_accuracy()}));
}

static void set_up_background(torture_world *world) {
  world->data = small_dataset(1);
  REQUIRE(world->data);
}

static void result_model(torture_world *world, torture_digest *digest) {
  REQUIRE(digest_model(digest, world->model));
}

static void result_files(torture_world *world, torture_digest *digest) {
  (void)world;
  REQUIRE(digest_file(digest, "best.safetensors"));
}

static bool see_history(torture_world *world, const cnn_model *model) {
  const cnn_history *history = cnn_model_history(model);
  int64_t epochs = cnn_history_epochs(history);
  const double *loss = cnn_history_series(history, "loss");
  if (loss) digest_bytes(&world->seen, loss, (size_t)epochs * sizeof *loss);
  return loss != NULL;
}

/* Everything, from the layers to the weights of the best epoch. The fit owns the callbacks even where there is no model. */
static bool fit(torture_world *world) {
  cnn_model *model = small_model();
  bool good = model && !cnn_model_compile(model, .optimizer = cnn_adam(.global_clip_norm = 1),
                                          .loss = cnn_sparse_categorical_crossentropy(),
                                          .metrics = {cnn_accuracy()});
  FILE *sink = fopen("/dev/null", "w");
  REQUIRE(sink);
  good = !cnn_model_fit(
             good ? model : NULL, world->batches, .validation = world->validation, .epochs = 2,
             .steps = 1,
             .callbacks = {cnn_early_stopping(.restore_best_weights = 1, .patience = 1),
                           cnn_reduce_on_plateau(.patience = 1), cnn_stop_on_nan(),
                           cnn_progress_bar(sink),
                           cnn_learning_rate_by_epoch(
                               cnn_exponential_decay(.initial = 1e-2, .steps = 1)),
                           cnn_csv_log("log.csv"),
                           cnn_model_checkpoint(.path = "best.safetensors", .best_only = 1)}) &&
         see_history(world, model) && digest_model(&world->seen, model);
  (void)fclose(sink);
  cnn_model_free(model);
  return good;
}

static bool slices(torture_world *world) {
  cnn_model *model = small_chain();
  bool good =
      model && !cnn_model_compile(model, .optimizer = cnn_sgd(.momentum = 0.9, .nesterov = 1),
                                  .loss = cnn_sparse_categorical_crossentropy());
  static const double weights[] = {1, 2, 0.5};
  cnn_fit *fit = good ? cnn_fit_begin(model, world->batches, .epochs = 2, .validation_split = 0.25,
                                      .class_weights = weights, .classes = 3)
                      : NULL;
  int64_t done = 0;
  good = fit != NULL;
  while (good && !done)
    good = !cnn_fit_run(fit, 1, 0, &done);
  good = fit && !cnn_fit_end(fit) && good && digest_model(&world->seen, model);
  cnn_model_free(model);
  return good;
}

/* The same model, which a fit that failed must leave such that resuming ends at the same bits. */
static bool go_on(torture_world *world) {
  return !cnn_model_fit(world->model, world->batches, .epochs = 3, .validation = world->validation,
                        .resume = 1);
}

static bool optimizers(torture_world *world) {
  for (int i = 0; i < 5; i++) {
    cnn_optimizer *optimizer = i == 0   ? cnn_adam(.amsgrad = 1, .ema_momentum = 0.9)
                               : i == 1 ? cnn_adamw(.schedule = cnn_one_cycle(.steps = 10))
                               : i == 2
                                   ? cnn_sgd(.momentum = 0.9, .clip_norm = 1,
                                             .schedule = cnn_step_decay(.steps = 1, .initial = 0.1))
                               : i == 3 ? cnn_rmsprop(.centered = 1, .momentum = 0.9)
                                        : cnn_sgd(.clip_value = 0.5);
    cnn_model *model = small_chain();
    bool good = !cnn_model_compile(model, .optimizer = optimizer,
                                   .loss = cnn_sparse_categorical_crossentropy()) &&
                !cnn_model_fit(model, world->batches, .steps = 2) &&
                digest_model(&world->seen, model);
    cnn_model_free(model);
    if (!good) return false;
  }
  return true;
}

/* Augmentation by threads that make batches ahead. */
static bool background(torture_world *world) {
  cnn_model *model = small_chain();
  cnn_loader *loader = cnn_loader_new(
      world->data, .batch_size = 8, .shuffle = 1, .rescale = 1 / 255., .workers = 2,
      .augment = cnn_augmentation(.rotation = 20, .zoom = 0.1, .horizontal_flip = 1));
  bool good = model && loader &&
              !cnn_model_compile(model, .optimizer = cnn_adam(),
                                 .loss = cnn_sparse_categorical_crossentropy()) &&
              !cnn_model_fit(model, loader, .epochs = 2) && digest_model(&world->seen, model);
  cnn_model_free(model);
  cnn_loader_free(loader);
  return good;
}

const torture_scene training_scenes[] = {
    {.name = "fit", .set_up = set_up_data, .run = fit, .result = result_files},
    {.name = "slices", .set_up = set_up_data, .run = slices},
    {.name = "go_on", .set_up = set_up_compiled, .run = go_on, .result = result_model},
    {.name = "optimizers", .set_up = set_up_data, .run = optimizers},
    {.name = "background", .set_up = set_up_background, .run = background, .background = true},
    {.name = NULL},
};
