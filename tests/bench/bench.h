/* What the benchmarks share: memory, numbers without a pattern, clocks, and sorted times. */
#ifndef CNN_TESTS_BENCH_SUPPORT_H
#define CNN_TESTS_BENCH_SUPPORT_H

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

static inline double bench_read(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Seconds by the clock on the wall. */
static inline double bench_now(void) {
  return bench_read(CLOCK_MONOTONIC);
}

/* Seconds of the processor, of all the process's threads: with several it has their waiting, too. */
static inline double bench_processor(void) {
  return bench_read(CLOCK_PROCESS_CPUTIME_ID);
}

/* Of one thread the processor's time, which a neighbour's work disturbs less. */
static inline double bench_clock(bool one_thread) {
  return one_thread ? bench_processor() : bench_now();
}

static inline int bench_compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The least first. */
static inline void bench_sort(double *values, size_t count) {
  qsort(values, count, sizeof *values, bench_compare);
}

#endif
