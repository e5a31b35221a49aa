/* Speed of convolutions: nominal GFLOP/s (counting a direct convolution's operations) of each pass,
   and as a fraction of what the matrix kernel reaches on data in the cache, in the same run.

     bench_conv [--threads N] [--exact] [--seconds S] [--only TEXT]

   Times are the least of many short repetitions; of one thread, its processor time, which busy
   neighbours disturb less. */
#include "base/threads.h"
#include "bench.h"
#include "kernels/kernels.h"
#include "ops/conv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct layer {
  const char *name;
  size_t batch, size, channels, filters, kernel, stride, pad, pool, groups;
  bool relu, first;
} layer;

static const layer layers[] = {
    {"tutorial conv1", 64, 32, 3, 32, 3, 1, 0, 2, 1, true, true},
    {"tutorial conv2", 64, 15, 32, 64, 3, 1, 0, 2, 1, true, false},
    {"tutorial conv3", 64, 6, 64, 128, 3, 1, 0, 2, 1, true, false},
    {"tutorial conv1 b48 33", 48, 32, 3, 33, 3, 1, 0, 2, 1, true, true},
    {"tutorial conv2 b48 33-100", 48, 15, 33, 100, 3, 1, 0, 2, 1, true, false},
    {"tutorial conv3 b48 100-128", 48, 6, 100, 128, 3, 1, 0, 2, 1, true, false},
    {"resnet stem 7x7 s2", 4, 112, 3, 64, 7, 2, 3, 0, 1, true, true},
    {"resnet 56 64-64 3x3", 4, 56, 64, 64, 3, 1, 1, 0, 1, true, false},
    {"resnet 28 128-128 3x3", 4, 28, 128, 128, 3, 1, 1, 0, 1, true, false},
    {"resnet 14 256-256 3x3", 8, 14, 256, 256, 3, 1, 1, 0, 1, true, false},
    {"resnet 7 512-512 3x3", 16, 7, 512, 512, 3, 1, 1, 0, 1, true, false},
    {"resnet 56 64-256 1x1", 4, 56, 64, 256, 1, 1, 0, 0, 1, false, false},
    {"resnet 28 128-256 3x3 s2", 4, 28, 128, 256, 3, 2, 1, 0, 1, true, false},
    {"5x5 28 32-64", 8, 28, 32, 64, 5, 1, 2, 0, 1, true, false},
    {"depthwise 56 144 3x3", 4, 56, 144, 144, 3, 1, 1, 0, 144, true, false},
    {"depthwise 28 192 3x3 s2", 4, 28, 192, 192, 3, 2, 1, 0, 192, true, false},
    {"tutorial conv1 b1", 1, 32, 3, 32, 3, 1, 0, 2, 1, true, true},
    {"tutorial conv2 b1", 1, 15, 32, 64, 3, 1, 0, 2, 1, true, false},
    {"tutorial conv3 b1", 1, 6, 64, 128, 3, 1, 0, 2, 1, true, false},
    {"resnet 56 64-64 b1", 1, 56, 64, 64, 3, 1, 1, 0, 1, true, false},
    {"resnet 14 256-256 b1", 1, 14, 256, 256, 3, 1, 1, 0, 1, true, false},
    {"resnet 7 512-512 b1", 1, 7, 512, 512, 3, 1, 1, 0, 1, true, false},
};

static cnn__conv_shape shape_of(const layer *l) {
  const size_t out = (l->size + 2 * l->pad - l->kernel) / l->stride + 1;
  return (cnn__conv_shape){.batch = l->batch,
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
                           .pad_top = l->pad,
                           .pad_left = l->pad,
                           .groups = l->groups,
                           .bias = true,
                           .relu = l->relu};
}

static bool one_thread;

/* ---- the roof ---- */

typedef struct roof_job {
  const float *a, *b;
  float *c[64];
} roof_job;
enum { ROOF_M = 48, ROOF_N = 64, ROOF_K = 128, ROOF_REPEATS = 20 };

static void roof_task(void *argument, size_t task, size_t slot) {
  (void)slot;
  roof_job *r = argument;
  const cnn__gemm product = {.m = ROOF_M,
                             .n = ROOF_N,
                             .k = ROOF_K,
                             .batch = 1,
                             .a = &r->a,
                             .a_row = ROOF_K,
                             .a_depth = 1,
                             .b = &r->b,
                             .b_row = CNN__PANEL,
                             .b_panel = CNN__PANEL * ROOF_K,
                             .c = r->c[task],
                             .c_row = ROOF_N};
  for (int i = 0; i < ROOF_REPEATS; i++)
    cnn__kernels_get()->gemm.gemm(&product);
}

static double measure_roof(cnn_context *context, size_t threads) {
  roof_job r = {.a = bench_floats(ROOF_M * ROOF_K), .b = bench_floats(ROOF_N * ROOF_K)};
  for (size_t i = 0; i < threads; i++)
    r.c[i] = bench_floats(ROOF_M * ROOF_N);
  double best = 1e9;
  for (int i = 0; i < 100; i++) {
    const double start = bench_clock(one_thread);
    cnn__parallel_for(context, threads, roof_task, &r);
    const double seconds = bench_clock(one_thread) - start;
    best = seconds < best ? seconds : best;
  }
  return 2.0 * ROOF_M * ROOF_N * ROOF_K * ROOF_REPEATS * (double)threads / best;
}

/* ---- a layer ---- */

typedef struct times {
  double prepare, forward, backward;
} times;

static double since(double *start) {
  const double now = bench_clock(one_thread), seconds = now - *start;
  *start = now;
  return seconds;
}

static times measure(const cnn__conv *conv, cnn_context *context, double seconds) {
  const cnn__conv_shape *s = &conv->shape;
  const size_t pool = s->pool_height ? s->pool_height : 1;
  const size_t x = s->batch * s->in_height * s->in_width * s->in_channels;
  const size_t y = s->batch * (s->out_height / pool) * (s->out_width / pool) * s->out_channels;
  const size_t kernel =
      s->kernel_height * s->kernel_width * s->in_channels / s->groups * s->out_channels;
  float *prepared = bench_memory(conv->prepared_size * sizeof(float));
  const cnn__conv_buffers b = {.x = bench_floats(x),
                               .kernel = bench_floats(kernel),
                               .prepared = prepared,
                               .bias = bench_floats(s->out_channels),
                               .y = bench_floats(y),
                               .saved = conv->mode.training ? bench_memory(conv->saved_size) : NULL,
                               .scratch = bench_memory(conv->scratch_size),
                               .slots = bench_memory(conv->slot_size * conv->mode.slots),
                               .slot_pitch = conv->slot_size,
                               .dy = bench_floats(y),
                               .dx = conv->mode.input_gradient ? bench_floats(x) : NULL,
                               .dkernel = bench_floats(kernel),
                               .dbias = bench_floats(s->out_channels)};
  times best = {1e9, 1e9, 1e9};
  const double stop = cnn__now() + seconds;
  for (int i = 0; i < 5 || cnn__now() < stop; i++) {
    double start = bench_clock(one_thread);
    cnn__conv_prepare(conv, context, b.kernel, prepared);
    double t = since(&start);
    best.prepare = t < best.prepare ? t : best.prepare;
    cnn__conv_forward(conv, context, s->batch, &b);
    t = since(&start);
    best.forward = t < best.forward ? t : best.forward;
    if (!conv->mode.training) continue;
    cnn__conv_backward(conv, context, s->batch, &b);
    t = since(&start);
    best.backward = t < best.backward ? t : best.backward;
  }
  free((void *)b.x), free((void *)b.kernel), free(prepared), free((void *)b.bias), free(b.y);
  free(b.saved), free(b.scratch), free(b.slots), free(b.dy), free(b.dx), free(b.dkernel);
  free(b.dbias);
  return best;
}

static double used_flops(const cnn__conv_shape *s) {
  cnn__conv_shape used = *s;
  if (s->pool_height) { /* what pooling drops need not be computed: it does not count */
    used.out_height -= used.out_height % s->pool_height;
    used.out_width -= used.out_width % s->pool_width;
  }
  return cnn__conv_flops(&used) * (double)s->batch;
}

int main(int count, char **arguments) {
  size_t threads = 1;
  bool exact = false;
  double seconds = 0.3;
  const char *only = "";
  for (int i = 1; i < count; i++) {
    if (strcmp(arguments[i], "--exact") == 0)
      exact = true;
    else if (i + 1 < count && strcmp(arguments[i], "--threads") == 0)
      threads = (size_t)atoi(arguments[++i]);
    else if (i + 1 < count && strcmp(arguments[i], "--seconds") == 0)
      seconds = atof(arguments[++i]);
    else if (i + 1 < count && strcmp(arguments[i], "--only") == 0)
      only = arguments[++i];
    else
      return 2;
  }
  if (threads < 1 || threads > 64) return 2;
  one_thread = threads == 1;
  cnn_context *context = cnn_context_new(.threads = (int64_t)threads);
  if (!context) return 1;
  double roof = measure_roof(context, threads);
  printf("%s, %zu threads, roof %.1f GFLOP/s\n", cnn_cpu_isa(), threads, roof * 1e-9);
  printf("%-28s %-13s %9s %9s %9s   %s\n", "layer", "algorithm", "prepare", "forward", "backward",
         "of roof: forward, backward, all");
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    const layer *l = &layers[i];
    if (!strstr(l->name, only)) continue;
    const bool training = l->batch > 1;
    const cnn__conv_mode mode = {training, training && !l->first, exact,
                                 cnn__context_slots(context)};
    cnn__conv_shape shape = shape_of(l);
    if (l->pool && cnn__conv_can_pool(&shape, &mode, l->pool, l->pool))
      shape.pool_height = shape.pool_width = l->pool;
    cnn__conv conv;
    if (cnn__conv_plan(&shape, &mode, &conv) != CNN_OK) return 1;
    const times t = measure(&conv, context, seconds);
    const double again = measure_roof(context, threads); /* neighbours come and go */
    roof = again > roof ? again : roof;
    const double flops = used_flops(&shape);
    const double back = (l->first ? 1 : 2) * flops;
    printf("%-28s %-13s %6.0f us %6.0f us %6.0f us", l->name, conv.name, t.prepare * 1e6,
           t.forward * 1e6, training ? t.backward * 1e6 : 0);
    printf("   %3.0f %%", 100 * flops / t.forward / roof);
    if (training)
      printf("  %3.0f %%  %3.0f %%", 100 * back / t.backward / roof,
             100 * (flops + back) / (t.prepare + t.forward + t.backward) / roof);
    printf("\n");
  }
  cnn_context_free(context);
  return 0;
}
