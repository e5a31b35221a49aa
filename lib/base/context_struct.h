/* What a context holds. For base's own files; everyone else asks base/context.h. */
#ifndef CNN_BASE_CONTEXT_STRUCT_H
#define CNN_BASE_CONTEXT_STRUCT_H

#include "base/context.h"
#include "base/threads_pool.h"
#include <stdatomic.h>

struct cnn_context {
  atomic_size_t references;
  _Atomic uint64_t held; /* bytes allocated now */
  unsigned forks;        /* the process that made it */
  cnn_context_options options;
  cnn_allocator allocator; /* complete: the C library's where none is lent */
  cnn_executor executor;   /* parallel_for is NULL where none is lent */
  cnn_log log;             /* message is NULL where there is none */
  size_t slots;
  cnn__pool *pool; /* NULL where an executor is lent or slots is 1 */
};

#endif
