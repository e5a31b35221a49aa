/* Convolution layers of well-known networks: nominal GFLOP/s (a direct convolution's operations) of the forward pass and of
   each gradient, beside oneDNN where the build has found it.

     bench_layers [--network resnet|vgg|mobilenet] [--batch N] [--threads N] [--exact] [--nhwc] [--seconds S] [--only TEXT]

   Each pass of a layer is run by turns with oneDNN's, each for S seconds; the least times count: of one thread, its processor
   time, which busy neighbours disturb less. oneDNN's time is that of the faster of two memory formats, NHWC and its own choice,
   without reorders, or with --nhwc that of NHWC, in which our images are; weights are prepared before on both sides. */
#include "base/threads.h"
#include "bench.h"
#include "ops/conv.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef CNN_BENCH_ONEDNN
#include "peers/onednn.h"
#include <omp.h>
#endif

typedef struct layer {
  const char *network;
  size_t size, channels, filters, kernel, stride;
  bool depthwise;
} layer;

/* The input's size; padding is "same". Each shape once. */
static const layer layers[] = {
    {"resnet", 224, 3, 64, 7, 2, false},      {"resnet", 56, 64, 64, 3, 1, false},
    {"resnet", 28, 128, 128, 3, 1, false},    {"resnet", 14, 256, 256, 3, 1, false},
    {"resnet", 7, 512, 512, 3, 1, false},     {"resnet", 56, 64, 128, 3, 2, false},
    {"resnet", 56, 128, 128, 3, 2, false},    {"resnet", 28, 256, 256, 3, 2, false},
    {"resnet", 14, 512, 512, 3, 2, false},    {"resnet", 56, 64, 64, 1, 1, false},
    {"resnet", 56, 64, 256, 1, 1, false},     {"resnet", 56, 256, 64, 1, 1, false},
    {"resnet", 56, 256, 128, 1, 1, false},    {"resnet", 28, 128, 512, 1, 1, false},
    {"resnet", 28, 512, 128, 1, 1, false},    {"resnet", 14, 256, 1024, 1, 1, false},
    {"resnet", 14, 1024, 256, 1, 1, false},   {"resnet", 7, 512, 2048, 1, 1, false},
    {"resnet", 7, 2048, 512, 1, 1, false},    {"resnet", 56, 256, 512, 1, 2, false},
    {"resnet", 28, 512, 1024, 1, 2, false},   {"resnet", 14, 1024, 2048, 1, 2, false},
    {"vgg", 224, 3, 64, 3, 1, false},         {"vgg", 224, 64, 64, 3, 1, false},
    {"vgg", 112, 64, 128, 3, 1, false},       {"vgg", 112, 128, 128, 3, 1, false},
    {"vgg", 56, 128, 256, 3, 1, false},       {"vgg", 56, 256, 256, 3, 1, false},
    {"vgg", 28, 256, 512, 3, 1, false},       {"vgg", 28, 512, 512, 3, 1, false},
    {"vgg", 14, 512, 512, 3, 1, false},       {"mobilenet", 224, 3, 32, 3, 2, false},
    {"mobilenet", 112, 32, 32, 3, 1, true},   {"mobilenet", 112, 32, 16, 1, 1, false},
    {"mobilenet", 112, 16, 96, 1, 1, false},  {"mobilenet", 112, 96, 96, 3, 2, true},
    {"mobilenet", 56, 96, 24, 1, 1, false},   {"mobilenet", 56, 24, 144, 1, 1, false},
    {"mobilenet", 56, 144, 144, 3, 1, true},  {"mobilenet", 56, 144, 24, 1, 1, false},
    {"mobilenet", 56, 144, 144, 3, 2, true},  {"mobilenet", 28, 32, 192, 1, 1, false},
    {"mobilenet", 28, 192, 192, 3, 1, true},  {"mobilenet", 28, 192, 32, 1, 1, false},
    {"mobilenet", 28, 192, 192, 3, 2, true},  {"mobilenet", 14, 64, 384, 1, 1, false},
    {"mobilenet", 14, 384, 384, 3, 1, true},  {"mobilenet", 14, 384, 96, 1, 1, false},
    {"mobilenet", 14, 576, 576, 3, 2, true},  {"mobilenet", 7, 160, 960, 1, 1, false},
    {"mobilenet", 7, 960, 960, 3, 1, true},   {"mobilenet", 7, 960, 320, 1, 1, false},
    {"mobilenet", 7, 320, 1280, 1, 1, false},
};

typedef struct setting {
  const char *network, *only;
  size_t batch, threads;
  double seconds;
  bool exact, nhwc;
} setting;

/* Batches are trained, single images predicted: these have a ReLU in the convolution. */
static cnn__conv_shape shape_of(const layer *l, size_t batch) {
  const size_t out = (l->size + l->stride - 1) / l->stride;
  const size_t covered = (out - 1) * l->stride + l->kernel;
  const size_t pad = covered > l->size ? (covered - l->size) / 2 : 0;
  return (cnn__conv_shape){.batch = batch,
                           .in_height = l->size,
                           .in_width = l->size,
                           .in_channels = l->channels,
                           .out_height = out,
                           .out_width = out,
                           .out_channels = l->filters,
                           .kernel_height = l->kernel,
                           .kernel_width = l->kernel,
                           .stride_height = l->stride,
                           .stride_width = l->stride,
                           .dilation_height = 1,
                           .dilation_width = 1,
                           .pad_top = pad,
                           .pad_left = pad,
                           .groups = l->depthwise ? l->channels : 1,
                           .bias = true,
                           .relu = batch == 1};
}

static bool one_thread;

/* ---- the library's layer ---- */

typedef enum pass { FORWARD, DATA, WEIGHTS, PASSES } pass;

typedef struct subject {
  cnn_context *context;
  cnn__conv conv;
  cnn__conv_buffers buffers;
} subject;

static subject subject_of(cnn_context *context, const cnn__conv_shape *s, bool training,
                          bool exact) {
  subject of = {.context = context};
  const cnn__conv_mode mode = {training, training && s->in_channels > 3, exact,
                               cnn__context_slots(context)};
  if (cnn__conv_plan(s, &mode, &of.conv) != CNN_OK) exit(1);
  const size_t x = s->batch * s->in_height * s->in_width * s->in_channels;
  const size_t y = s->batch * s->out_height * s->out_width * s->out_channels;
  const size_t kernel =
      s->kernel_height * s->kernel_width * s->in_channels / s->groups * s->out_channels;
  float *prepared = bench_memory(of.conv.prepared_size * sizeof(float));
  of.buffers = (cnn__conv_buffers){.x = bench_floats(x),
                                   .kernel = bench_floats(kernel),
                                   .prepared = prepared,
                                   .bias = bench_floats(s->out_channels),
                                   .y = bench_floats(y),
                                   .saved = training ? bench_memory(of.conv.saved_size) : NULL,
                                   .scratch = bench_memory(of.conv.scratch_size),
                                   .slots = bench_memory(of.conv.slot_size * mode.slots),
                                   .slot_pitch = of.conv.slot_size};
  if (training) {
    of.buffers.dy = bench_floats(y);
    of.buffers.dx = bench_floats(x);
    of.buffers.dkernel = bench_floats(kernel);
    of.buffers.dbias = bench_floats(s->out_channels);
  }
  cnn__conv_prepare(&of.conv, context, of.buffers.kernel, prepared);
  return of;
}

static void subject_free(subject *of) {
  const cnn__conv_buffers *b = &of->buffers;
  free((void *)b->x), free((void *)b->kernel), free((void *)b->prepared), free((void *)b->bias),
      free(b->y);
  free(b->saved), free(b->scratch), free(b->slots), free(b->dy), free(b->dx), free(b->dkernel);
  free(b->dbias);
}

static void run(subject *of, pass which) {
  cnn__conv_buffers buffers = of->buffers;
  const size_t images = of->conv.shape.batch;
  if (which == FORWARD) {
    cnn__conv_forward(&of->conv, of->context, images, &buffers);
    return;
  }
  if (which == DATA) buffers.dkernel = buffers.dbias = NULL;
  if (which == WEIGHTS) buffers.dx = NULL;
  cnn__conv_backward(&of->conv, of->context, images, &buffers);
}

typedef struct own_pass {
  subject *of;
  pass which;
} own_pass;

static void run_own(void *argument) {
  const own_pass *own = argument;
  run(own->of, own->which);
}

/* The second least of several times: the least may be a slip of the clock, which jumps now and then where
   machines are virtual. */
static double least_time(void (*once)(void *argument), void *argument, double seconds) {
  double least = HUGE_VAL, second = HUGE_VAL;
  const double stop = cnn__now() + seconds;
  for (int i = 0; i < 3 || cnn__now() < stop; i++) {
    const double start = bench_clock(one_thread);
    once(argument);
    const double time = bench_clock(one_thread) - start;
    second = fmin(second, fmax(least, time));
    least = fmin(least, time);
  }
  return second;
}

/* ---- oneDNN's ---- */

#ifdef CNN_BENCH_ONEDNN
static void run_peer(void *convolution) {
  onednn_run(convolution);
}

static double peer_time(const cnn__conv_shape *shape, pass which, bool training, bool own_format,
                        double seconds) {
  static const onednn_pass passes[PASSES] = {ONEDNN_FORWARD, ONEDNN_DATA, ONEDNN_WEIGHTS};
  onednn_convolution *convolution = onednn_create(shape, passes[which], training, own_format);
  if (!convolution) return HUGE_VAL;
  const double best = least_time(run_peer, convolution, seconds);
  onednn_free(convolution);
  return best;
}
static void describe_peer(const setting *s) {
  omp_set_num_threads((int)s->threads);
  printf(", beside %s%s", onednn_version_text(), s->nhwc ? " in NHWC" : "");
}
#else
static double peer_time(const cnn__conv_shape *shape, pass which, bool training, bool own_format,
                        double seconds) {
  (void)shape, (void)which, (void)training, (void)own_format, (void)seconds;
  return HUGE_VAL;
}
static void describe_peer(const setting *s) {
  (void)s;
}
#endif

/* ---- the table ---- */

typedef struct total {
  double ours, peer;
} total;

static void report(cnn_context *context, const setting *s, const layer *l, total totals[PASSES]) {
  const cnn__conv_shape shape = shape_of(l, s->batch);
  const bool training = s->batch > 1;
  subject of = subject_of(context, &shape, training, s->exact);
  printf("%3zu %4zu-%-4zu %zux%zu%s%s  %-12s", l->size, l->channels, l->filters, l->kernel,
         l->kernel, l->stride > 1 ? "/2" : "  ", l->depthwise ? " dw" : "   ", of.conv.name);
  const double flops = cnn__conv_flops(&shape) * (double)s->batch * 1e-9;
  for (pass which = FORWARD; which < PASSES; which++) {
    if (which != FORWARD && (!training || (which == DATA && !of.conv.mode.input_gradient))) {
      printf("  %23s", "");
      continue;
    }
    own_pass own = {&of, which};
    double ours = least_time(run_own, &own, s->seconds);
    const double plain = peer_time(&shape, which, training, false, s->seconds);
    ours = fmin(ours, least_time(run_own, &own, s->seconds));
    const double best =
        s->nhwc ? plain : fmin(plain, peer_time(&shape, which, training, true, s->seconds));
    totals[which].ours += ours;
    totals[which].peer += best;
    if (isfinite(best))
      printf("  %6.1f /%6.1f = %5.2f x", flops / ours, flops / best, best / ours);
    else
      printf("  %6.1f %15s", flops / ours, "");
  }
  printf("\n");
  fflush(stdout);
  subject_free(&of);
}

static void read_arguments(setting *s, int count, char **arguments) {
  for (int i = 1; i < count; i++) {
    const char *value = i + 1 < count ? arguments[i + 1] : "";
    if (!strcmp(arguments[i], "--exact"))
      s->exact = true;
    else if (!strcmp(arguments[i], "--nhwc"))
      s->nhwc = true;
    else if (!strcmp(arguments[i], "--network"))
      s->network = value, i++;
    else if (!strcmp(arguments[i], "--only"))
      s->only = value, i++;
    else if (!strcmp(arguments[i], "--batch"))
      s->batch = (size_t)atoi(value), i++;
    else if (!strcmp(arguments[i], "--threads"))
      s->threads = (size_t)atoi(value), i++;
    else if (!strcmp(arguments[i], "--seconds"))
      s->seconds = atof(value), i++;
    else
      fprintf(stderr, "bench_layers: %s is no option\n", arguments[i]), exit(2);
  }
  if (s->batch < 1 || s->threads < 1) exit(2);
}

int main(int count, char **arguments) {
  setting s = {.network = "", .only = "", .batch = 1, .threads = 1, .seconds = 0.03};
  read_arguments(&s, count, arguments);
  one_thread = s.threads == 1;
  cnn_context *context = cnn_context_new(.threads = (int64_t)s.threads);
  if (!context) return 1;
  printf("%s, %zu threads, batch %zu%s", cnn_cpu_isa(), s.threads, s.batch,
         s.exact ? ", exact" : "");
  describe_peer(&s);
  printf("\nGFLOP/s: %-18s  %-23s  %-23s  %s\n", "layer", "forward", "data gradient",
         "weight gradient");
  total totals[PASSES] = {0};
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    char name[64];
    snprintf(name, sizeof name, "%zu %zu-%zu %zux%zu%s", layers[i].size, layers[i].channels,
             layers[i].filters, layers[i].kernel, layers[i].kernel,
             layers[i].depthwise ? " dw" : "");
    if (!strstr(layers[i].network, s.network) || !strstr(name, s.only)) continue;
    report(context, &s, &layers[i], totals);
  }
  printf("all, ms:                        ");
  for (pass which = FORWARD; which < PASSES; which++)
    if (totals[which].ours > 0)
      printf("  %6.1f /%6.1f = %5.2f x", 1e3 * totals[which].ours, 1e3 * totals[which].peer,
             totals[which].peer / totals[which].ours);
  printf("\n");
  cnn_context_free(context);
  return 0;
}
