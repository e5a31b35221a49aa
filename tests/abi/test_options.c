/* Options structs of other releases, and who owns what they hand over; versions that agree.

   usage: test_options [VERSION [FILE.pc ...]] */
#include "torture.h"
#include <stdlib.h>
#include <string.h>

static torture_counter counter;
static long live_at_start;

static void expect_clean(const char *what) {
  if (atomic_load(&counter.live) == live_at_start) return;
  fprintf(stderr, "%s: %ld blocks are left\n", what, atomic_load(&counter.live) - live_at_start);
  exit(1);
}

/* ---- shorter structs: programs of an earlier release ---- */

typedef struct early_adam {
  size_t struct_size;
  double learning_rate;
} early_adam;

typedef struct early_conv2d {
  size_t struct_size;
  int64_t filters, kernel[2];
} early_conv2d;

typedef struct early_fit {
  size_t struct_size;
  cnn_model *model;
  cnn_loader *batches;
} early_fit;

typedef struct early_compile {
  size_t struct_size;
  cnn_model *model;
  cnn_optimizer *optimizer;
  const char *optimizer_name;
  cnn_loss *loss;
} early_compile;

typedef struct early_loader {
  size_t struct_size;
  cnn_dataset *dataset;
  int64_t batch_size;
} early_loader;

typedef struct early_context {
  size_t struct_size;
  int64_t threads;
} early_context;

typedef struct only_size {
  size_t struct_size;
} only_size;

/* The same pointers, whatever a compiler thinks of structs of one beginning. */
#define AS(type, pointer) ((const type *)(const void *)(pointer))

static void test_programs_of_an_earlier_release(void) {
  const early_conv2d conv = {sizeof conv, 4, {3, 3}};
  const early_adam adam = {sizeof adam, 1e-2};
  const only_size nothing = {sizeof nothing};
  cnn_layer *const layers[] = {cnn_input(.shape = {SMALL_SIDE, SMALL_SIDE, 3}),
                               cnn_conv2d_create(AS(cnn_conv2d_options, &conv)),
                               cnn_flatten_create(AS(cnn_flatten_options, &nothing)),
                               cnn_dense(.units = SMALL_CLASSES, .activation = CNN_SOFTMAX)};
  cnn_model *model = cnn_sequential_create(layers, 4);
  const early_compile compile = {
      sizeof compile, model, cnn_adam_create(AS(cnn_adam_options, &adam)), NULL,
      cnn_sparse_categorical_crossentropy_create(AS(cnn_crossentropy_options, &nothing))};
  REQUIRE(!cnn_model_compile_with(AS(cnn_compile_options, &compile)));
  REQUIRE(cnn_model_learning_rate(model) == 1e-2);
  cnn_dataset *data = small_dataset(1);
  const early_loader options = {sizeof options, data, 8};
  cnn_loader *loader = cnn_loader_create(AS(cnn_loader_options, &options));
  REQUIRE(cnn_loader_batches(loader) == 3);
  const early_fit fit = {sizeof fit, model, loader};
  REQUIRE(!cnn_model_fit_with(AS(cnn_fit_options, &fit)));
  const early_context few = {sizeof few, 2};
  cnn_context *context = cnn_context_create(AS(cnn_context_options, &few));
  REQUIRE(cnn_context_threads(context) == 2);
  cnn_context_free(context);
  cnn_loader_free(loader);
  cnn_dataset_free(data);
  cnn_model_free(model);
  expect_clean("an earlier release");
}

/* ---- longer structs: programs of a later release ---- */

typedef struct later_adam {
  cnn_adam_options now;
  int64_t later;
} later_adam;
typedef struct later_compile {
  cnn_compile_options now;
  int64_t later;
} later_compile;
typedef struct later_fit {
  cnn_fit_options now;
  int64_t later;
} later_fit;
typedef struct later_loader {
  cnn_loader_options now;
  int64_t later;
} later_loader;

/* What is handed over is the library's, though it refuses what it does not know. */
static void test_programs_of_a_later_release(void) {
  cnn_model *model = small_chain();
  cnn_dataset *data = small_dataset(1);
  cnn_loader *loader = cnn_loader_new(data);
  REQUIRE(model && loader);
  long before = atomic_load(&counter.live);
  const later_adam adam = {{.struct_size = sizeof adam, .schedule = cnn_cosine_decay(.steps = 9)},
                           1};
  REQUIRE(!cnn_adam_create(&adam.now) && strstr(cnn_last_error(), "does not know"));
  REQUIRE(atomic_load(&counter.live) == before);
  const later_compile compile = {{.struct_size = sizeof compile,
                                  .model = model,
                                  .optimizer = cnn_sgd(),
                                  .loss = cnn_mean_squared_error(),
                                  .metrics = {cnn_accuracy(), cnn_top_k_accuracy()}},
                                 1};
  REQUIRE(cnn_model_compile_with(&compile.now) == CNN_E_INVALID);
  REQUIRE(atomic_load(&counter.live) == before);
  const later_fit fit = {
      {.struct_size = sizeof fit,
       .model = model,
       .batches = loader,
       .progress = cnn_progress_bar(stdout),
       .callbacks = {cnn_early_stopping(), cnn_csv_log("log"), cnn_stop_on_nan()}},
      1};
  REQUIRE(cnn_model_fit_with(&fit.now) == CNN_E_INVALID);
  REQUIRE(atomic_load(&counter.live) == before);
  const later_loader options = {{.struct_size = sizeof options,
                                 .dataset = data,
                                 .augment = cnn_augmentation(.rotation = 5),
                                 .transforms = {cnn_resize(.height = 4), cnn_random_erasing()}},
                                1};
  REQUIRE(!cnn_loader_create(&options.now) && cnn_last_status() == CNN_E_INVALID);
  REQUIRE(atomic_load(&counter.live) == before);
  later_loader empty = options; /* a later member that says nothing */
  empty.later = 0;
  empty.now.augment = NULL;
  memset(empty.now.transforms, 0, sizeof empty.now.transforms);
  cnn_loader *made = cnn_loader_create(&empty.now);
  REQUIRE(made);
  cnn_loader_free(made);
  cnn_loader_free(loader);
  cnn_dataset_free(data);
  cnn_model_free(model);
  expect_clean("a later release");
}

/* ---- structs that were not set up ---- */

/* Nothing of them can be trusted, so nothing is read: what they name stays the caller's. */
static void test_structs_that_were_not_set_up(void) {
  static const size_t sizes[] = {0, 7, (size_t)-1, 65544};
  cnn_model *model = small_chain();
  cnn_dataset *data = small_dataset(1);
  cnn_loader *loader = cnn_loader_new(data);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    long before = atomic_load(&counter.live);
    cnn_schedule *schedule = cnn_cosine_decay(.steps = 9);
    const cnn_sgd_options sgd = {.struct_size = sizes[i], .schedule = schedule};
    REQUIRE(!cnn_sgd_create(&sgd) && strstr(cnn_last_error(), "struct_size"));
    cnn_schedule_free(schedule);
    cnn_loss *loss = cnn_mean_squared_error();
    const cnn_compile_options compile = {.struct_size = sizes[i], .model = model, .loss = loss};
    REQUIRE(cnn_model_compile_with(&compile) == CNN_E_INVALID);
    cnn_loss_free(loss);
    cnn_callback *callback = cnn_early_stopping();
    const cnn_fit_options fit = {
        .struct_size = sizes[i], .model = model, .batches = loader, .callbacks = {callback}};
    REQUIRE(cnn_model_fit_with(&fit) == CNN_E_INVALID);
    cnn_callback_free(callback);
    cnn_transform *transform = cnn_resize(.height = 4);
    const cnn_loader_options options = {
        .struct_size = sizes[i], .dataset = data, .transforms = {transform}};
    REQUIRE(!cnn_loader_create(&options));
    cnn_transform_free(transform);
    cnn_clear_error();
    REQUIRE(atomic_load(&counter.live) == before);
  }
  cnn_loader_free(loader);
  cnn_dataset_free(data);
  cnn_model_free(model);
  expect_clean("not set up");
}

/* A transform behind one that could not be made is freed, and the loader is not made without the one before it. */
static void test_a_list_with_a_hole(void) {
  cnn_dataset *data = small_dataset(1);
  REQUIRE(!cnn_loader_new(data, .transforms = {cnn_resize(.height = -1), cnn_resize(.height = 4)}));
  REQUIRE(strstr(cnn_last_error(), "height"));
  cnn_clear_error();
  cnn_dataset_free(data);
  expect_clean("a list with a hole");
}

/* ---- versions ---- */

static void check_package(const char *path, const char *version) {
  char line[256], wanted[80];
  bool found = false;
  FILE *file = fopen(path, "r");
  REQUIRE(file);
  (void)snprintf(wanted, sizeof wanted, "Version: %s\n", version);
  while (fgets(line, sizeof line, file))
    found = found || strcmp(line, wanted) == 0;
  (void)fclose(file);
  REQUIRE(found);
}

static void test_versions_agree(int count, char **arguments) {
  char text[64];
  (void)snprintf(text, sizeof text, "%d.%d.%d", CNN_VERSION_MAJOR, CNN_VERSION_MINOR,
                 CNN_VERSION_PATCH);
  REQUIRE(strcmp(cnn_version_string(), text) == 0 && cnn_version() == CNN_VERSION);
  if (count > 1) REQUIRE(strcmp(arguments[1], text) == 0);
  for (int i = 2; i < count; i++)
    check_package(arguments[i], text);
}

int main(int count, char **arguments) {
  cnn_context *context = counter_context(&counter, 1);
  live_at_start = atomic_load(&counter.live);
  cnn_context_use(context);
  test_versions_agree(count, arguments);
  test_programs_of_an_earlier_release();
  test_programs_of_a_later_release();
  test_structs_that_were_not_set_up();
  test_a_list_with_a_hole();
  cnn_context_use(NULL);
  cnn_context_free(context);
  REQUIRE(atomic_load(&counter.live) == 0);
  return 0;
}
