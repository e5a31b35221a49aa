/* Long runs: create, fit, predict, free, again and again; then predictions without end. Memory, descriptors and threads do
   not grow. Measured where the system shows them in /proc.

   usage: cycles [--cycles N] [--predictions N] */
#include "torture.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct footprint {
  long resident; /* bytes */
  int descriptors, threads;
} footprint;

static footprint measure(void) {
  footprint now = {0};
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file) {
    if (fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    (void)fclose(file);
  }
  now.resident = pages * sysconf(_SC_PAGESIZE);
  now.descriptors = process_entries("fd");
  now.threads = process_threads();
  return now;
}

/* What malloc keeps for itself varies by some hundred KB; a leak of 100 bytes a cycle is 1 MB in the long run. */
static const long slack = 512 << 10;

static void expect_flat(const char *what, long count, footprint before, footprint after) {
  printf("%s: %ld; resident %ld -> %ld KB, descriptors %d -> %d, threads %d -> %d\n", what, count,
         before.resident >> 10, after.resident >> 10, before.descriptors, after.descriptors,
         before.threads, after.threads);
  fflush(stdout);
  REQUIRE(after.resident <= before.resident + slack);
  REQUIRE(after.descriptors == before.descriptors && after.threads == before.threads);
}

static void cycle(int64_t number) {
  cnn_context *context = cnn_context_new(.threads = 1 + number % 3, .seed = (uint64_t)number);
  cnn_context_use(context);
  cnn_dataset *data = small_dataset(1);
  cnn_loader *loader =
      cnn_loader_new(data, .batch_size = 8, .shuffle = 1, .rescale = 1 / 255.,
                     .workers = number % 8 == 0, .augment = cnn_augmentation(.rotation = 20));
  cnn_model *model = number % 2 ? small_model() : small_chain();
  REQUIRE(!cnn_model_compile(model, .optimizer = cnn_adam(),
                             .loss = cnn_sparse_categorical_crossentropy(),
                             .metrics = {cnn_accuracy()}));
  REQUIRE(!cnn_model_fit(model, loader, .callbacks = {cnn_early_stopping(.monitor = "loss")}));
  if (number % 16 == 0) {
    REQUIRE(!cnn_model_save(model, "model"));
    cnn_model_free(model);
    model = cnn_model_load("model");
  }
  cnn_tensor *outputs = cnn_model_predict_all(model, loader);
  REQUIRE(outputs);
  cnn_tensor_free(outputs);
  REQUIRE(!cnn_model_load("no such file"));
  cnn_clear_error();
  cnn_model_free(model);
  cnn_loader_free(loader);
  cnn_dataset_free(data);
  REQUIRE(cnn_context_memory(context) == 0);
  cnn_context_use(NULL);
  cnn_context_free(context);
}

static void run_cycles(long cycles) {
  long warm = cycles / 10 < 50 ? 50 : cycles / 10;
  for (long i = 0; i < warm; i++)
    cycle(i);
  footprint before = measure();
  for (long i = 0; i < cycles; i++)
    cycle(i);
  expect_flat("cycles", cycles, before, measure());
}

static void run_predictions(long predictions) {
  float pixels[SMALL_SIDE * SMALL_SIDE * 3] = {0}, outputs[SMALL_CLASSES];
  const int64_t shape[] = {SMALL_SIDE, SMALL_SIDE, 3};
  cnn_context *context = cnn_context_new(.threads = 2, .seed = 7);
  cnn_context_use(context);
  cnn_model *model = small_model();
  cnn_predictor *predictor = cnn_predictor_new(model);
  cnn_tensor *image = cnn_tensor_borrow(CNN_FLOAT32, 3, shape, pixels);
  REQUIRE(predictor && image);
  footprint before = {0};
  for (long i = -1000; i < predictions; i++) {
    if (i == 0) before = measure();
    pixels[(i + 1000) % 192] = (float)(i % 256) / 255;
    REQUIRE(!cnn_predictor_run(predictor, pixels, 1, outputs));
    if (i % 16 != 0) continue;
    cnn_tensor *result = cnn_model_predict(model, image);
    REQUIRE(result && memcmp(cnn_tensor_floats(result), outputs, sizeof outputs) == 0);
    cnn_tensor_free(result);
  }
  expect_flat("predictions", predictions, before, measure());
  cnn_tensor_free(image);
  cnn_predictor_free(predictor);
  cnn_model_free(model);
  REQUIRE(cnn_context_memory(context) == 0);
  cnn_context_use(NULL);
  cnn_context_free(context);
}

int main(int count, char **arguments) {
  long cycles = 200, predictions = 20000;
  for (int i = 1; i + 1 < count; i += 2) {
    long value = strtol(arguments[i + 1], NULL, 10);
    if (strcmp(arguments[i], "--cycles") == 0)
      cycles = value;
    else if (strcmp(arguments[i], "--predictions") == 0)
      predictions = value;
    else
      torture_fail(__FILE__, __LINE__, "usage: cycles [--cycles N] [--predictions N]");
  }
  folder_enter();
  if (cycles > 0) run_cycles(cycles);
  if (predictions > 0) run_predictions(predictions);
  folder_leave();
  return 0;
}
