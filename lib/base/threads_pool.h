/* The threads of a context: started at the first use, asleep between uses. */
#ifndef CNN_BASE_THREADS_POOL_H
#define CNN_BASE_THREADS_POOL_H

#include <cnn/context.h>
#include <stdbool.h>

typedef struct cnn__pool cnn__pool;

/* A pool for slots callers at a time, the one who has work included. The context, which owns it, is
   to be complete but for the pool. NULL after CNN_E_NOMEM. */
cnn__pool *cnn__pool_new(cnn_context *context, size_t slots);
void cnn__pool_free(cnn_context *context, cnn__pool *pool); /* ends the threads; NULL is fine */

/* Runs all tasks as cnn__parallel_for does and returns true; false, with nothing done, where the
   pool is at work for another caller or has no threads. */
bool cnn__pool_run(cnn__pool *pool, size_t tasks,
                   void (*body)(void *argument, size_t task, size_t slot), void *argument);

/* Notes that this thread enters a body, or leaves it: returns what was noted before, for leaving.
   mark is 1 more than the slot's number; 0 outside. */
size_t cnn__threads_mark(size_t mark);
size_t cnn__threads_here(void); /* what is noted now */

#endif
