/* Whole networks beyond the tutorial's, of 32x32 images: ResNet-20 (He et al., 2015) and MobileNetV2's blocks (Sandler et
   al., 2018). Training, and predicting at batch 1 and 64.

     bench_networks [--threads N] [--images N] [--only resnet|mobilenet]

   Images are made up; an epoch has N (1,600) of them, by 64. peers/networks_torch.py builds the same two. */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"
#include <cnn/cnn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- networks ---- */

static cnn_node normalized(cnn_graph *graph, cnn_node at, int64_t activation) {
  at = cnn_graph_add(graph, cnn_batch_normalization(), at);
  return cnn_graph_add(graph, cnn_activation(.function = activation), at);
}

static cnn_node conv(cnn_graph *graph, cnn_node at, int64_t filters, int64_t kernel, int64_t stride,
                     int64_t activation) {
  cnn_layer *layer = cnn_conv2d(.filters = filters, .kernel = {kernel}, .stride = {stride},
                                .padding = CNN_SAME, .no_bias = 1);
  return normalized(graph, cnn_graph_add(graph, layer, at), activation);
}

static cnn_node residual(cnn_graph *graph, cnn_node at, int64_t filters, int64_t stride) {
  cnn_node inner = conv(graph, at, filters, 3, stride, CNN_RELU);
  inner = conv(graph, inner, filters, 3, 1, CNN_LINEAR);
  if (stride > 1) at = conv(graph, at, filters, 1, stride, CNN_LINEAR);
  return cnn_graph_add(graph, cnn_activation(.function = CNN_RELU),
                       cnn_graph_add(graph, cnn_add(), at, inner));
}

static cnn_node inverted(cnn_graph *graph, cnn_node at, int64_t in, int64_t out, int64_t widening,
                         int64_t stride) {
  cnn_node inner = at;
  if (widening > 1) inner = conv(graph, inner, in * widening, 1, 1, CNN_RELU6);
  cnn_layer *depthwise =
      cnn_depthwise_conv2d(.kernel = {3}, .stride = {stride}, .padding = CNN_SAME, .no_bias = 1);
  inner = normalized(graph, cnn_graph_add(graph, depthwise, inner), CNN_RELU6);
  inner = conv(graph, inner, out, 1, 1, CNN_LINEAR);
  return stride == 1 && in == out ? cnn_graph_add(graph, cnn_add(), at, inner) : inner;
}

static cnn_node resnet(cnn_graph *graph, cnn_node at) {
  at = conv(graph, at, 16, 3, 1, CNN_RELU);
  for (int64_t stage = 0; stage < 3; stage++)
    for (int64_t block = 0; block < 3; block++)
      at = residual(graph, at, 16 << stage, stage > 0 && block == 0 ? 2 : 1);
  return at;
}

static cnn_node mobilenet(cnn_graph *graph, cnn_node at) {
  static const int64_t blocks[][4] = {/* in, out, widening, stride */
                                      {32, 16, 1, 1},  {16, 24, 6, 1},  {24, 24, 6, 1},
                                      {24, 32, 6, 2},  {32, 32, 6, 1},  {32, 64, 6, 2},
                                      {64, 64, 6, 1},  {64, 96, 6, 1},  {96, 96, 6, 1},
                                      {96, 160, 6, 2}, {160, 160, 6, 1}};
  at = conv(graph, at, 32, 3, 1, CNN_RELU6);
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    at = inverted(graph, at, blocks[i][0], blocks[i][1], blocks[i][2], blocks[i][3]);
  return conv(graph, at, 640, 1, 1, CNN_RELU6);
}

static cnn_model *build(cnn_node (*body)(cnn_graph *graph, cnn_node image)) {
  cnn_graph *graph = cnn_graph_create();
  cnn_node at = cnn_graph_add(graph, cnn_input(.shape = {32, 32, 3}));
  at = cnn_graph_add(graph, cnn_global_average_pool2d(), body(graph, at));
  return cnn_graph_model(
      graph, cnn_graph_add(graph, cnn_dense(.units = 10, .activation = CNN_SOFTMAX), at));
}

/* ---- timings ---- */

static void predict(const cnn_model *model, int64_t batch, size_t runs) {
  cnn_predictor *predictor = cnn_predictor_new(model, .batch_size = batch);
  const size_t count = (size_t)batch * 32 * 32 * 3;
  float *images = calloc(count, sizeof *images),
        *outputs = calloc((size_t)batch * 10, sizeof *outputs);
  double *times = calloc(runs, sizeof *times);
  for (size_t i = 0; i < count; i++)
    images[i] = (float)(i * 7919 % 1000) / 1000;
  for (size_t i = 0; i < runs; i++) {
    const double start = bench_now();
    cnn_predictor_run(predictor, images, batch, outputs);
    times[i] = bench_now() - start;
  }
  bench_sort(times, runs);
  printf("  batch %lld: best %.3f ms, median %.3f ms\n", (long long)batch, 1e3 * times[0],
         1e3 * times[runs / 2]);
  free(times), free(outputs), free(images);
  cnn_predictor_free(predictor);
}

/* The least of some epochs' seconds: the first one also meets its memory for the first time. */
static cnn_status note_epoch(void *user, const cnn_fit_info *info) {
  double *best = user;
  if (*best == 0 || info->seconds < *best) *best = info->seconds;
  return CNN_OK;
}

static cnn_status train(cnn_model *model, int64_t images) {
  double best = 0;
  cnn_callback *watch = cnn_callback_create(&(cnn_callback_functions){
      .struct_size = sizeof(cnn_callback_functions), .user = &best, .epoch_end = note_epoch});
  cnn_dataset *set = cnn_synthetic_images(.count = images);
  cnn_loader *loader = cnn_loader_new(set, .batch_size = 64, .shuffle = 1, .rescale = 1 / 255.0);
  cnn_model_compile(model, .optimizer = cnn_sgd(.learning_rate = 0.05, .momentum = 0.9),
                    .loss = cnn_sparse_categorical_crossentropy());
  const cnn_status status = cnn_model_fit(model, loader, .epochs = 4, .callbacks = {watch});
  cnn_loader_free(loader);
  cnn_dataset_free(set);
  if (status == CNN_OK)
    printf("  training: %.2f s for %lld images, %.0f images/s\n", best, (long long)images,
           (double)images / best);
  return status;
}

static cnn_status run(const char *name, cnn_node (*body)(cnn_graph *graph, cnn_node image),
                      int64_t images) {
  cnn_model *model = build(body);
  printf("%s\n", name);
  const cnn_status status = train(model, images);
  if (status == CNN_OK) {
    predict(model, 1, 400);
    predict(model, 64, 40);
  }
  cnn_model_free(model);
  return status;
}

int main(int argc, char **argv) {
  int64_t threads = 0, images = 1600;
  const char *only = "";
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--threads")) threads = strtoll(argv[i + 1], NULL, 10);
    if (!strcmp(argv[i], "--images")) images = strtoll(argv[i + 1], NULL, 10);
    if (!strcmp(argv[i], "--only")) only = argv[i + 1];
  }
  cnn_context *context = cnn_context_new(.threads = threads);
  cnn_context_use(context);
  printf("%s, %lld threads\n", cnn_cpu_isa(), (long long)cnn_context_threads(context));
  if (strcmp(only, "mobilenet") != 0) run("ResNet-20", resnet, images);
  if (strcmp(only, "resnet") != 0) run("MobileNetV2's blocks", mobilenet, images);
  const bool failed = cnn_last_status() != CNN_OK;
  if (failed) fprintf(stderr, "bench_networks: %s\n", cnn_last_error());
  cnn_context_use(NULL);
  cnn_context_free(context);
  return failed;
}
