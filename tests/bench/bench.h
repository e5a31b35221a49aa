/* What the benchmarks share: memory, numbers without a pattern, and the clock. */
#ifndef CNN_TESTS_BENCH_SUPPORT_H
#define CNN_TESTS_BENCH_SUPPORT_H

#include "base/threads.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Zeroed, on a cache line's bounds; the program ends where there is none. */
static inline void *bench_memory(size_t bytes) {
  void *p = aligned_alloc(64, (bytes + 127) / 64 * 64);
  if (!p) exit(1);
  memset(p, 0, bytes);
  return p;
}

/* In [-1, 1). */
static inline float *bench_floats(size_t count) {
  float *p = bench_memory(count * sizeof *p);
  for (size_t i = 0; i < count; i++)
    p[i] = (float)(i * 2654435761u % 65536) / 32768 - 1;
  return p;
}

/* Seconds: of the process's own time where one thread works, which a neighbour's work disturbs less. */
static inline double bench_clock(bool one_thread) {
  struct timespec t;
  if (!one_thread) return cnn__now();
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#endif
