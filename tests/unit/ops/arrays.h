/* What the tests of operations over arrays share: contexts of several threads, random arrays, and
   comparing. */
#ifndef TESTS_OPS_ARRAYS_H
#define TESTS_OPS_ARRAYS_H

#include "base/context.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CONTEXTS = 4 };
static const int64_t context_threads[CONTEXTS] = {1, 2, 3, 8};
static cnn_context *contexts[CONTEXTS];

static inline int make_contexts(void **state) {
  (void)state;
  for (size_t i = 0; i < CONTEXTS; i++) {
    contexts[i] = cnn_context_new(.threads = context_threads[i]);
    if (!contexts[i]) return 1;
  }
  return 0;
}
static inline int free_contexts(void **state) {
  (void)state;
  for (size_t i = 0; i < CONTEXTS; i++)
    cnn_context_free(contexts[i]);
  return 0;
}

static uint64_t random_state = 1;
static inline uint32_t random_number(void) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(random_state >> 32);
}
static inline size_t random_size(size_t low, size_t high) {
  return low + random_number() % (high - low + 1);
}
static inline float random_in(double low, double high) {
  return (float)(low + (high - low) * random_number() / 0x1p32);
}

/* Never NULL, 64-byte aligned, filled with NaN, so that what is not written shows. */
static inline void *array_of(size_t count, size_t size) {
  void *array = aligned_alloc(64, (count * size + 127) / 64 * 64);
  assert_non_null(array);
  memset(array, 0xff, count * size);
  return array;
}
static inline float *floats(size_t count) {
  return array_of(count, sizeof(float));
}
static inline float *random_floats(size_t count, double low, double high) {
  float *x = floats(count);
  for (size_t i = 0; i < count; i++)
    x[i] = random_in(low, high);
  return x;
}
static inline float *copy_of(size_t count, const float *x) {
  float *copy = floats(count);
  memcpy(copy, x, count * sizeof *copy);
  return copy;
}

/* |a - b| <= relative * |b| + absolute; NaN where NaN is due. */
static inline void expect_near(double a, double b, double relative, double absolute) {
  if (isnan(b)) {
    assert_true(isnan(a));
  } else if (isinf(b)) {
    assert_true(a == b);
  } else if (!(fabs(a - b) <= relative * fabs(b) + absolute)) {
    print_error("%.17g is not %.17g: difference %g\n", a, b, a - b);
    fail();
  }
}
static inline void expect_same(size_t bytes, const void *a, const void *b) {
  assert_memory_equal(a, b, bytes);
}

#endif
