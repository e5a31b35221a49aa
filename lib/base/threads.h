/* Work on several threads. What is computed never depends on how many there are. */
#ifndef CNN_BASE_THREADS_H
#define CNN_BASE_THREADS_H

#include "base/context.h"

/* Calls body(argument, task, slot) once for each task in [0, tasks), and returns when all have
   returned. slot < cnn__context_slots(context), and no two calls that run at the same time share
   one: use it for scratch memory, never for results. Neighbouring tasks tend to share a slot.
   Cannot fail: with no thread to be had the caller does all the work. Never nested. Bodies run in
   the library's floating-point environment (round to nearest, denormals kept). Nothing here
   allocates after the first call. */
void cnn__parallel_for(cnn_context *context, size_t tasks,
                       void (*body)(void *argument, size_t task, size_t slot), void *argument);

/* One own background thread (a loader's worker), for what blocks: made and joined by its owner. */
typedef struct cnn__thread cnn__thread;
cnn__thread *cnn__thread_start(cnn_context *context, void (*run)(void *argument), void *argument);
void cnn__thread_join(cnn__thread *thread); /* waits and frees; NULL is fine */

/* A lock and a condition. init fails with CNN_E_THREAD. */
typedef struct cnn__mutex cnn__mutex;
cnn__mutex *cnn__mutex_new(cnn_context *context);
void cnn__mutex_free(cnn_context *context, cnn__mutex *mutex);
void cnn__mutex_lock(cnn__mutex *mutex);
void cnn__mutex_unlock(cnn__mutex *mutex);
typedef struct cnn__condition cnn__condition;
cnn__condition *cnn__condition_new(cnn_context *context);
void cnn__condition_free(cnn_context *context, cnn__condition *condition);
void cnn__condition_wait(cnn__condition *condition, cnn__mutex *mutex);
void cnn__condition_signal(cnn__condition *condition);
void cnn__condition_broadcast(cnn__condition *condition);

/* Monotonic seconds. For progress and budgets, never for what is stored in files. */
double cnn__now(void);

#endif
