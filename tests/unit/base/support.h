/* What the unit tests of base share. */
#ifndef CNN_TESTS_UNIT_BASE_SUPPORT_H
#define CNN_TESTS_UNIT_BASE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"

/* An allocator that counts, and that fails from call fail_at on (counted from 1; 0: never), once or
   for ever. */
typedef struct counting {
  atomic_long calls, live;
  long fail_at;
  bool for_ever;
} counting;

static inline void *counting_allocate(void *user, size_t bytes, size_t alignment) {
  counting *c = user;
  long call = atomic_fetch_add(&c->calls, 1) + 1;
  if (c->fail_at && (c->for_ever ? call >= c->fail_at : call == c->fail_at)) return NULL;
  void *pointer = NULL;
  if (posix_memalign(&pointer, alignment, bytes) != 0) return NULL;
  atomic_fetch_add(&c->live, 1);
  return pointer;
}

static inline void counting_release(void *user, void *pointer) {
  counting *c = user;
  atomic_fetch_sub(&c->live, 1);
  free(pointer);
}

static inline cnn_context *counting_context(counting *c, int64_t threads) {
  cnn_allocator allocator = {sizeof allocator, c, counting_allocate, counting_release};
  return cnn_context_new(.allocator = &allocator, .threads = threads);
}

/* For the end of a group: CMocka's exit status leaves out what that finds, so this ends the program where something is
   left. */
static inline int group_end(bool clean) {
  if (!clean) {
    print_error("the group's end: memory or files are left\n");
    exit(1);
  }
  return 0;
}

static inline void assert_error(cnn_status expected, cnn_status status, const char *words) {
  assert_int_equal(status, expected);
  assert_int_equal(cnn_last_status(), expected);
  if (!strstr(cnn_last_error(), words)) fail_msg("\"%s\" lacks \"%s\"", cnn_last_error(), words);
}

#endif
