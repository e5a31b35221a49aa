/* Speed of predicting: the tutorial's network at batch 1 and 64, and what the first prediction takes.

     bench_inference [--threads N] [--model FILE]

   Times are the least and the median of many runs. First use: from loading the file to the first prediction, in a
   process that has done nothing else. */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"
#include <cnn/cnn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void run(const cnn_model *model, int64_t batch) {
  enum { RUNS = 400 };
  static double times[RUNS];
  cnn_predictor *predictor = cnn_predictor_new(model, .batch_size = batch);
  float *images = calloc((size_t)batch * 32 * 32 * 3, sizeof *images);
  float *outputs = calloc((size_t)batch * 10, sizeof *outputs);
  for (int64_t i = 0; i < batch * 32 * 32 * 3; i++)
    images[i] = (float)(i * 7919 % 1000) / 1000;
  int repeats = batch == 1 ? 20 : 1;
  for (int i = 0; i < RUNS; i++) {
    double start = bench_now();
    for (int k = 0; k < repeats; k++)
      cnn_predictor_run(predictor, images, batch, outputs);
    times[i] = (bench_now() - start) / repeats;
  }
  bench_sort(times, RUNS);
  printf("batch %lld: best %.1f us, median %.1f us\n", (long long)batch, 1e6 * times[0],
         1e6 * times[RUNS / 2]);
  free(images), free(outputs);
  cnn_predictor_free(predictor);
}

static cnn_model *network(void) {
  return cnn_sequential(
      cnn_input(.shape = {32, 32, 3}),
      cnn_conv2d(.filters = 32, .kernel = {3}, .activation = CNN_RELU), cnn_max_pool2d(),
      cnn_conv2d(.filters = 64, .kernel = {3}, .activation = CNN_RELU), cnn_max_pool2d(),
      cnn_conv2d(.filters = 128, .kernel = {3}, .activation = CNN_RELU), cnn_max_pool2d(),
      cnn_flatten(), cnn_dense(.units = 128, .activation = CNN_RELU),
      cnn_dense(.units = 10, .activation = CNN_SOFTMAX));
}

int main(int argc, char **argv) {
  int64_t threads = 0;
  const char *path = NULL;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--threads")) threads = strtoll(argv[i + 1], NULL, 10);
    if (!strcmp(argv[i], "--model")) path = argv[i + 1];
  }
  double start = bench_now();
  cnn_context *context = cnn_context_new(.threads = threads);
  cnn_context_use(context);
  cnn_model *model = path ? cnn_model_load(path) : network();
  cnn_predictor *first = cnn_predictor_new(model);
  float image[32 * 32 * 3] = {0}, output[10];
  if (cnn_predictor_run(first, image, 1, output)) {
    fprintf(stderr, "bench_inference: %s\n", cnn_last_error());
    return 1;
  }
  printf("%s, %lld threads: %s, plan, first prediction %.2f ms\n", cnn_cpu_isa(),
         (long long)cnn_context_threads(context), path ? "load" : "build",
         1e3 * (bench_now() - start));
  cnn_predictor_free(first);
  run(model, 1);
  run(model, 64);
  cnn_model_free(model);
  cnn_context_use(NULL);
  cnn_context_free(context);
  return 0;
}
