/* One context for all tests of a program. At its end nothing that was made with it is left. */
#ifndef CNN_TESTS_UNIT_BASE_ONE_CONTEXT_H
#define CNN_TESTS_UNIT_BASE_ONE_CONTEXT_H

#include "support.h"

static cnn_context *context;

static int context_begin(void **state) {
  (void)state;
  context = cnn_context_new(.threads = 1);
  return context ? 0 : -1;
}

static int context_end(void **state) {
  (void)state;
  const bool clean = cnn_context_memory(context) == 0;
  cnn_context_free(context);
  return group_end(clean);
}

#endif
