/* Speed of matrix products, beside other libraries' where the machine has them: GFLOP/s, as a
   fraction of the peak of independent multiply-adds of as many threads, and the ratio to the fastest
   of the others.

     bench_gemm [--threads N] [--only TEXT] [--rounds N] [--milliseconds N] [--peer FILE]...

   All work on the same matrices, in turns of some milliseconds; the peak is measured again before
   every shape. Printed are the least and the median time of all repetitions. After a turn of another
   library on several threads there is a rest, as its threads may spin for a while. Peers are
   libopenblas.so.0 and libblis.so.4, or those that --peer names (none: --peer ""). */
#include "../kernels/vector_probe.h"
#include "base/threads.h"
#include "bench.h"
#include "kernels/kernels.h"
#include "ops/gemm.h"
#include "peers/blas.h"
#include <cnn/context.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct shape {
  const char *name;
  size_t m, n, k;
  bool a_transposed, b_transposed;
} shape;

#define SQUARES(name, a, b)                                                                        \
  {name, 64, 64, 64, a, b}, {name, 128, 128, 128, a, b}, {name, 256, 256, 256, a, b},              \
      {name, 512, 512, 512, a, b}, {name, 1024, 1024, 1024, a, b}, {                               \
    name, 2048, 2048, 2048, a, b                                                                   \
  }

static const shape shapes[] = {
    SQUARES("square", 0, 0),
    SQUARES("square", 0, 1),
    SQUARES("square", 1, 0),
    SQUARES("square", 1, 1),
    {"odd", 255, 257, 253, 0, 0},
    {"conv1 forward", 57600, 32, 27, 0, 0},
    {"conv2 forward", 10816, 64, 288, 0, 0},
    {"conv2 of an image", 169, 64, 288, 0, 0},
    {"conv3 forward", 1024, 128, 576, 0, 0},
    {"conv2 columns", 10816, 288, 64, 0, 1},
    {"conv3 columns", 1024, 576, 128, 0, 1},
    {"conv1 weights", 27, 32, 57600, 1, 0},
    {"conv2 weights", 288, 64, 10816, 1, 0},
    {"conv3 weights", 576, 128, 1024, 1, 0},
    {"dense1 forward", 64, 128, 512, 0, 1},
    {"dense2 forward", 64, 10, 128, 0, 1},
    {"dense1 backward", 64, 512, 128, 0, 0},
    {"dense1 weights", 128, 512, 64, 1, 0},
    {"resnet 56 3x3 64-64", 3136, 64, 576, 0, 0},
    {"resnet 14 3x3 256-256", 196, 256, 2304, 0, 0},
    {"resnet 7 3x3 512-512", 49, 512, 4608, 0, 0},
    {"resnet 56 1x1 64-256", 3136, 256, 64, 0, 0},
    {"resnet 14 1x1 1024-256", 196, 256, 1024, 0, 0},
    {"resnet 7 1x1 512-2048", 49, 2048, 512, 0, 0},
    {"few rows", 8, 1024, 1024, 0, 0},
    {"few rows", 8, 1024, 1024, 0, 1},
    {"few columns", 1024, 8, 1024, 0, 0},
    {"few columns", 1024, 8, 1024, 1, 0},
    {"one row", 1, 1024, 1024, 0, 0},
    {"one row", 1, 1024, 1024, 0, 1},
    {"one row", 1, 4096, 4096, 0, 0},
    {"one column", 1024, 1, 1024, 0, 0},
    {"one column", 1024, 1, 1024, 1, 0},
};

enum { MOST_PEERS = 4, MOST_SAMPLES = 4096 };

typedef struct settings {
  int threads, rounds;
  double turn; /* seconds */
  const char *only, *peers[MOST_PEERS];
  size_t peer_count;
  bool peers_named;
} settings;

/* Who multiplies, and how long it took each time. */
typedef struct contestant {
  const char *name;
  const blas *peer; /* NULL: this library */
  double *samples;
  size_t count;
} contestant;

typedef struct bench {
  settings options;
  cnn_context *context;
  blas peers[MOST_PEERS];
  contestant contestants[MOST_PEERS + 1];
  size_t count;
  double peak; /* GFLOP/s, of all threads */
  double product_of_ratios;
  size_t shapes, slower;
} bench;

typedef struct matrices {
  cnn__matmul product;
  float *c;
  void *scratch;
} matrices;

/* ---- the peak ---- */

static void peak_task(void *argument, size_t task, size_t slot) {
  double *peaks = argument;
  peaks[task] = measure_peak_within(cnn__kernels_get()->isa, 0.01);
}

static void measure_peaks(bench *b) {
  enum { MOST_THREADS = 64 };
  double peaks[MOST_THREADS] = {0}, sum = 0;
  const size_t threads = (size_t)b->options.threads;
  cnn__parallel_for(b->context, threads, peak_task, peaks);
  for (size_t i = 0; i < threads; i++)
    sum += peaks[i];
  if (sum > b->peak) b->peak = sum;
}

/* ---- one shape ---- */

static matrices make(const bench *b, const shape *s) {
  size_t bytes = 0;
  if (!cnn__matmul_scratch(s->m, s->n, s->k, cnn__context_slots(b->context), &bytes)) exit(1);
  float *c = bench_floats(s->m * s->n);
  return (matrices){.product = {.m = s->m,
                                .n = s->n,
                                .k = s->k,
                                .a = bench_floats(s->m * s->k),
                                .a_row = s->a_transposed ? 1 : (ptrdiff_t)s->k,
                                .a_depth = s->a_transposed ? (ptrdiff_t)s->m : 1,
                                .b = bench_floats(s->k * s->n),
                                .b_row = s->b_transposed ? 1 : (ptrdiff_t)s->n,
                                .b_column = s->b_transposed ? (ptrdiff_t)s->k : 1,
                                .c = c,
                                .c_row = (ptrdiff_t)s->n},
                    .c = c,
                    .scratch = bench_memory(bytes)};
}

static void multiply(const bench *b, const contestant *who, const shape *s, const matrices *on) {
  if (who->peer)
    blas_multiply(who->peer, s->a_transposed, s->b_transposed, s->m, s->n, s->k, on->product.a,
                  on->product.b, on->c);
  else
    cnn__matmul_run(&on->product, b->context, on->scratch);
}

static void rest(double seconds) {
  const struct timespec pause = {(time_t)seconds, (long)(seconds * 1e9) % 1000000000};
  (void)nanosleep(&pause, NULL);
}

/* Some milliseconds of repetitions; those too short for the clock are timed by several. The first
   one warms up. */
static void take_turn(const bench *b, contestant *who, const shape *s, const matrices *on) {
  const double shortest = 50e-6, before = cnn__now();
  multiply(b, who, s, on);
  const double start = cnn__now(), once = start - before;
  const size_t calls = once < shortest ? (size_t)(shortest / once) + 1 : 1;
  double now = start;
  do {
    const double from = now;
    for (size_t i = 0; i < calls; i++)
      multiply(b, who, s, on);
    now = cnn__now();
    if (who->count < MOST_SAMPLES) who->samples[who->count++] = (now - from) / (double)calls;
  } while (now - start < b->options.turn);
  if (who->peer && b->options.threads > 1) rest(0.04);
}

/* The first contestant is this library. */
static void report(bench *b, const shape *s) {
  const double flops = 2.0 * (double)s->m * (double)s->n * (double)s->k * 1e-9;
  double best[2] = {1e9, 1e9}; /* of the peers: least, median */
  printf("%-22s %c%c %5zu %4zu %5zu", s->name, s->a_transposed ? 'T' : 'N',
         s->b_transposed ? 'T' : 'N', s->m, s->n, s->k);
  for (size_t i = 0; i < b->count; i++) {
    const contestant *who = &b->contestants[i];
    bench_sort(who->samples, who->count);
    const double least = who->samples[0], median = who->samples[who->count / 2];
    printf("  %6.1f %6.1f %4.0f%%", flops / least, flops / median, 100 * flops / least / b->peak);
    if (!who->peer) continue;
    if (least < best[0]) best[0] = least;
    if (median < best[1]) best[1] = median;
  }
  if (b->count > 1) {
    const contestant *own = &b->contestants[0];
    const double ratio = best[0] / own->samples[0];
    printf("  %5.2f %5.2f", ratio, best[1] / own->samples[own->count / 2]);
    b->slower += ratio < 1;
  }
  b->shapes++;
  printf("\n");
}

static void run_shape(bench *b, const shape *s) {
  const matrices on = make(b, s);
  measure_peaks(b);
  for (size_t i = 0; i < b->count; i++)
    b->contestants[i].count = 0;
  for (int round = 0; round < b->options.rounds; round++)
    for (size_t i = 0; i < b->count; i++)
      take_turn(b, &b->contestants[i], s, &on);
  report(b, s);
  free((void *)on.product.a), free((void *)on.product.b), free(on.c), free(on.scratch);
}

/* ---- the program ---- */

static bool read_options(int count, char **words, settings *options) {
  for (int i = 1; i + 1 < count; i += 2) {
    const char *word = words[i], *value = words[i + 1];
    if (strcmp(word, "--threads") == 0)
      options->threads = atoi(value);
    else if (strcmp(word, "--rounds") == 0)
      options->rounds = atoi(value);
    else if (strcmp(word, "--milliseconds") == 0)
      options->turn = atof(value) * 1e-3;
    else if (strcmp(word, "--only") == 0)
      options->only = value;
    else if (strcmp(word, "--peer") == 0 && options->peer_count < MOST_PEERS) {
      options->peers_named = true;
      if (*value) options->peers[options->peer_count++] = value;
    } else
      return false;
  }
  if (!options->peers_named) {
    options->peers[options->peer_count++] = "libopenblas.so.0";
    options->peers[options->peer_count++] = "libblis.so.4";
  }
  return count % 2 == 1 && options->threads >= 1 && options->threads <= 64 && options->rounds >= 1;
}

static void add_contestant(bench *b, const char *name, const blas *peer) {
  b->contestants[b->count++] =
      (contestant){name, peer, bench_memory(MOST_SAMPLES * sizeof(double)), 0};
}

static bool wanted(const shape *s, const char *only) {
  char name[64];
  snprintf(name, sizeof name, "%s %c%c %zu", s->name, s->a_transposed ? 'T' : 'N',
           s->b_transposed ? 'T' : 'N', s->m);
  return !only || strstr(name, only);
}

int main(int count, char **words) {
  bench b = {.options = {.threads = 1, .rounds = 3, .turn = 0.015}};
  if (!read_options(count, words, &b.options)) {
    fprintf(stderr, "usage: bench_gemm [--threads N] [--only TEXT] [--rounds N] "
                    "[--milliseconds N] [--peer FILE]...\n");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  b.context = cnn_context_new(.threads = b.options.threads);
  if (!b.context) return 1;
  add_contestant(&b, "libcnn", NULL);
  for (size_t i = 0; i < b.options.peer_count; i++) {
    if (blas_open(&b.peers[i], b.options.peers[i], b.options.threads))
      add_contestant(&b, b.peers[i].name, &b.peers[i]);
    else
      printf("%s: not here\n", b.options.peers[i]);
  }
  measure_peaks(&b);
  printf("%s, %d threads, peak %.1f GFLOP/s\n", cnn_cpu_isa(), b.options.threads, b.peak);
  printf("%-42s", "A, B; m, n, k; GFLOP/s: best, median, of peak");
  for (size_t i = 0; i < b.count; i++)
    printf("  %-19s", b.contestants[i].name);
  printf("%s\n", b.count > 1 ? "  to the better: best, median" : "");
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    if (wanted(&shapes[i], b.options.only)) run_shape(&b, &shapes[i]);
  printf("peak %.1f GFLOP/s", b.peak);
  if (b.count > 1) printf("; slower than the better peer in %zu of %zu", b.slower, b.shapes);
  printf("\n");
  for (size_t i = 0; i < b.count; i++)
    free(b.contestants[i].samples);
  cnn_context_free(b.context);
  return 0;
}
