#include "recipes.h"
#include <string.h>
#include <unistd.h>

static const char log_file[] = "log.csv", best_file[] = "best.safetensors",
                  final_file[] = "final.safetensors";

/* ---- optimizers with schedules ---- */

static cnn_optimizer *sgd(void) {
  return cnn_sgd(.learning_rate = 0.05, .clip_norm = 1);
}
static cnn_optimizer *nesterov(void) {
  return cnn_sgd(.momentum = 0.9, .nesterov = 1, .weight_decay = 1e-3,
                 .schedule = cnn_exponential_decay(.initial = 0.05, .steps = 3, .rate = 0.7,
                                                   .staircase = 1));
}
static cnn_optimizer *momentum(void) {
  return cnn_sgd(.momentum = 0.8, .clip_value = 0.1, .ema_momentum = 0.9,
                 .schedule = cnn_step_decay(.initial = 0.05, .steps = 4, .rate = 0.5));
}
static cnn_optimizer *adam(void) {
  return cnn_adam(.global_clip_norm = 1,
                  .schedule = cnn_cosine_decay(.initial = 1e-2, .steps = 12, .warmup_steps = 3));
}
static cnn_optimizer *amsgrad(void) {
  return cnn_adam(.amsgrad = 1, .ema_momentum = 0.9, .learning_rate = 1e-2);
}
static cnn_optimizer *adamw(void) {
  return cnn_adamw(.schedule = cnn_one_cycle(.initial = 1e-2, .steps = 12));
}
static cnn_optimizer *rmsprop(void) {
  return cnn_rmsprop(.learning_rate = 1e-2);
}
static cnn_optimizer *centered(void) {
  return cnn_rmsprop(.learning_rate = 1e-2, .centered = 1, .momentum = 0.9);
}

/* ---- losses ---- */

static cnn_loss *sparse(void) {
  return cnn_sparse_categorical_crossentropy();
}
static cnn_loss *smoothed(void) {
  return cnn_categorical_crossentropy(.label_smoothing = 0.1);
}
static cnn_loss *squared(void) {
  return cnn_mean_squared_error();
}

/* ---- augmentation ---- */

static cnn_transform *turning(void) {
  return cnn_augmentation(.rotation = 20, .width_shift = 0.1, .zoom = 0.1, .horizontal_flip = 1,
                          .channel_shift = 9);
}
static cnn_transform *erasing(void) {
  return cnn_random_erasing(.noise = 1);
}
static cnn_transform *jitter(void) {
  return cnn_color_jitter(.brightness = 0.2, .contrast = 0.2, .saturation = 0.2, .hue = 0.1);
}
static cnn_transform *cropping(void) {
  return cnn_random_crop(.height = SMALL_SIDE, .padding = 1);
}
static cnn_transform *mixup(void) {
  return cnn_mixup();
}
static cnn_transform *cutmix(void) {
  return cnn_cutmix();
}

/* ---- callbacks ---- */

/* What it watches gets worse now and then: it ends early and puts the best weights back. */
static cnn_callback *stopping(void) {
  return cnn_early_stopping(.patience = 1, .restore_best_weights = 1);
}
static cnn_callback *patient(void) {
  return cnn_early_stopping(.monitor = "loss", .patience = 3, .restore_best_weights = 1);
}
static cnn_callback *plateau(void) {
  return cnn_reduce_on_plateau(.patience = 1, .factor = 0.5, .min_delta = 0.5, .cooldown = 1);
}
static cnn_callback *best(void) {
  return cnn_model_checkpoint(.path = best_file, .best_only = 1);
}
static cnn_callback *csv(void) {
  return cnn_csv_log(log_file);
}
static cnn_callback *by_epoch(void) {
  return cnn_learning_rate_by_epoch(
      cnn_exponential_decay(.initial = 1e-2, .steps = 1, .rate = 0.8));
}
static cnn_callback *nan_guard(void) {
  return cnn_stop_on_nan();
}

/* ---- recipes ---- */

const training_recipe training_recipes[] = {
    {.name = "sgd", .model = small_chain, .optimizer = sgd, .loss = sparse, .callbacks = {csv}},
    {.name = "nesterov",
     .model = small_model,
     .optimizer = nesterov,
     .loss = sparse,
     .augment = turning,
     .callbacks = {stopping, csv, best}},
    {.name = "momentum",
     .model = small_model,
     .optimizer = momentum,
     .loss = sparse,
     .augment = jitter,
     .callbacks = {patient, best}},
    {.name = "adam",
     .model = small_model,
     .optimizer = adam,
     .loss = sparse,
     .augment = cropping,
     .callbacks = {stopping, csv},
     .split = true},
    {.name = "amsgrad",
     .model = small_chain,
     .optimizer = amsgrad,
     .loss = sparse,
     .augment = erasing,
     .callbacks = {plateau, csv, best},
     .steps = 2},
    {.name = "adamw",
     .model = small_model,
     .optimizer = adamw,
     .loss = smoothed,
     .augment = mixup,
     .callbacks = {nan_guard, csv},
     .one_hot = true},
    {.name = "rmsprop",
     .model = small_chain,
     .optimizer = rmsprop,
     .loss = squared,
     .augment = cutmix,
     .callbacks = {plateau, stopping},
     .one_hot = true},
    {.name = "centered",
     .model = small_model,
     .optimizer = centered,
     .loss = sparse,
     .augment = turning,
     .callbacks = {by_epoch, csv, patient},
     .workers = 2,
     .without_checks = true},
    {.name = NULL},
};

/* ---- runs ---- */

static bool make_loaders(training_run *run, const training_recipe *recipe) {
  cnn_transform *augment = recipe->augment ? recipe->augment() : NULL;
  run->data = small_dataset(1);
  run->checks = small_dataset(2);
  run->batches =
      cnn_loader_new(run->data, .batch_size = 7, .shuffle = 1, .rescale = 1 / 255.,
                     .augment = augment, .one_hot = recipe->one_hot, .workers = recipe->workers);
  if (!recipe->split && !recipe->without_checks)
    run->validation = cnn_loader_new(run->checks, .batch_size = 12, .rescale = 1 / 255.,
                                     .one_hot = recipe->one_hot);
  return run->batches && (run->validation || recipe->split || recipe->without_checks) &&
         (augment || !recipe->augment);
}

bool training_begin(training_run *run, const training_recipe *recipe, const char *file) {
  *run = (training_run){0};
  cnn_callback *callbacks[4] = {NULL};
  for (int i = 0; i < 4 && recipe->callbacks[i]; i++)
    callbacks[i] = recipe->callbacks[i]();
  bool old = access(file, F_OK) == 0, good = make_loaders(run, recipe);
  run->model = old ? cnn_model_load(file) : recipe->model();
  if (good && !old)
    good = !cnn_model_compile(run->model, .optimizer = recipe->optimizer(), .loss = recipe->loss(),
                              .metrics = {cnn_accuracy()});
  run->fit = cnn_fit_begin(good ? run->model : NULL, run->batches, .epochs = RECIPE_EPOCHS,
                           .resume = old, .validation = run->validation, .steps = recipe->steps,
                           .validation_split = recipe->split ? 0.3 : 0,
                           .callbacks = {callbacks[0], callbacks[1], callbacks[2], callbacks[3]});
  return run->fit != NULL;
}

bool training_advance(training_run *run, int64_t batches) {
  int64_t done = 0;
  REQUIRE(!cnn_fit_run(run->fit, batches, 0, &done));
  return done;
}

bool training_finish(training_run *run) {
  bool good = !cnn_fit_end(run->fit);
  run->fit = NULL;
  return good;
}

void training_free(training_run *run) {
  if (run->fit) (void)cnn_fit_end(run->fit);
  cnn_loader_free(run->batches);
  cnn_loader_free(run->validation);
  cnn_dataset_free(run->data);
  cnn_dataset_free(run->checks);
  cnn_model_free(run->model);
}

/* The second column says how long an epoch took: never twice the same. */
static void digest_log(torture_digest *digest) {
  FILE *file = fopen(log_file, "rb");
  if (!file) return;
  for (int c, commas = 0; (c = getc(file)) != EOF;) {
    char byte = (char)c;
    commas = byte == '\n' ? 0 : commas + (byte == ',');
    if (commas != 1) digest_bytes(digest, &byte, 1);
  }
  (void)fclose(file);
}

void digest_training(torture_digest *digest, const cnn_model *model) {
  REQUIRE(digest_model(digest, model));
  const cnn_history *history = cnn_model_history(model);
  for (int64_t i = 0; i < cnn_history_count(history); i++) {
    const char *name = cnn_history_name(history, i);
    digest_text(digest, name);
    digest_bytes(digest, cnn_history_series(history, name),
                 (size_t)cnn_history_epochs(history) * sizeof(double));
  }
  REQUIRE(!cnn_model_save(model, final_file) && digest_file(digest, final_file));
  digest_log(digest);
  (void)digest_file(digest, best_file);
}

uint64_t training_outcome(const training_recipe *recipe) {
  training_run run;
  torture_digest digest = digest_start();
  training_sweep();
  REQUIRE(training_begin(&run, recipe, "none"));
  while (!training_advance(&run, 0)) {
  }
  REQUIRE(training_finish(&run));
  digest_training(&digest, run.model);
  training_free(&run);
  return digest.value;
}

void training_sweep(void) {
  (void)remove(log_file);
  (void)remove(best_file);
  (void)remove(final_file);
}
