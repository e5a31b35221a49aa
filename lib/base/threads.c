#include "base/threads.h"
#include "base/context_struct.h"
#include "base/float_environment.h"
#include "base/process.h"
#include "base/size.h"
#include <pthread.h>
#include <signal.h>
#include <time.h>

/* ---- many tasks ---- */

static _Thread_local size_t here; /* the slot that this thread is in, plus 1; 0 outside */

size_t cnn__threads_mark(size_t mark) {
  size_t before = here;
  here = mark;
  return before;
}

typedef struct lent_job {
  void (*body)(void *argument, size_t task, size_t slot);
  void *argument;
  size_t tasks, chunk;
  atomic_size_t next; /* chunk */
} lent_job;

/* One task of a lent executor is one slot: it takes chunks for as long as there are any. */
static void run_lent_slot(void *argument, size_t slot) {
  lent_job *job = argument;
  cnn__float_environment saved;
  cnn__float_environment_enter(&saved);
  size_t before = cnn__threads_mark(slot + 1), chunks = cnn__size_ceil_div(job->tasks, job->chunk);
  for (;;) {
    size_t number = atomic_fetch_add(&job->next, 1);
    if (number >= chunks) break;
    size_t first = number * job->chunk;
    size_t end = first + cnn__size_min(job->chunk, job->tasks - first);
    for (size_t task = first; task < end; task++)
      job->body(job->argument, task, slot);
  }
  (void)cnn__threads_mark(before);
  cnn__float_environment_leave(&saved);
}

static void run_lent(cnn_context *context, size_t tasks,
                     void (*body)(void *argument, size_t task, size_t slot), void *argument) {
  size_t slots = cnn__size_min(context->slots, tasks);
  /* A few chunks for each slot even out a host that is late; more would scatter neighbours. */
  lent_job job = {.body = body,
                  .argument = argument,
                  .tasks = tasks,
                  .chunk = cnn__size_max(tasks / (slots * 4), 1)};
  context->executor.parallel_for(context->executor.user, slots, run_lent_slot, &job);
}

static void run_alone(size_t slot, size_t tasks,
                      void (*body)(void *argument, size_t task, size_t slot), void *argument) {
  size_t before = cnn__threads_mark(slot + 1);
  for (size_t task = 0; task < tasks; task++)
    body(argument, task, slot);
  (void)cnn__threads_mark(before);
}

void cnn__parallel_for(cnn_context *context, size_t tasks,
                       void (*body)(void *argument, size_t task, size_t slot), void *argument) {
  if (tasks == 0) return;
  cnn__float_environment saved;
  cnn__float_environment_enter(&saved);
  if (here) /* nested: in the slot that is the thread's already */
    run_alone(here <= context->slots ? here - 1 : 0, tasks, body, argument);
  else if (tasks == 1 || context->slots == 1)
    run_alone(0, tasks, body, argument);
  else if (context->executor.parallel_for)
    run_lent(context, tasks, body, argument);
  else if (!cnn__pool_run(context->pool, tasks, body, argument))
    run_alone(0, tasks, body, argument);
  cnn__float_environment_leave(&saved);
}

/* ---- one thread ---- */

struct cnn__thread {
  cnn_context *context;
  void (*run)(void *argument);
  void *argument;
  pthread_t thread;
  unsigned forks;
};

static void *run_thread(void *argument) {
  cnn__thread *thread = argument;
  cnn__float_environment unused;
  cnn__float_environment_enter(&unused);
  thread->run(thread->argument);
  return NULL;
}

cnn__thread *cnn__thread_start(cnn_context *context, void (*run)(void *argument), void *argument) {
  cnn__thread *thread = cnn__alloc(context, sizeof *thread, "a thread");
  if (!thread) return NULL;
  *thread = (cnn__thread){.context = context, .run = run, .argument = argument};
  bool watched = cnn__process_watch_forks();
  thread->forks = cnn__process_forks();
  sigset_t all, before; /* signals are the host's own threads' business */
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = watched && pthread_create(&thread->thread, NULL, run_thread, thread) == 0;
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (started) return thread;
  cnn__free(context, thread);
  cnn__fail(CNN_E_THREAD, "a thread could not be started");
  return NULL;
}

void cnn__thread_join(cnn__thread *thread) {
  if (!thread) return;
  /* In a child of a fork there is no such thread to wait for. */
  if (thread->forks == cnn__process_forks()) (void)pthread_join(thread->thread, NULL);
  cnn__free(thread->context, thread);
}

/* ---- locks and conditions ---- */

/* Both know the process that made them: in a child of a fork they are made anew, for a thread that
   does not exist there may hold the one or wait for the other. */
struct cnn__mutex {
  pthread_mutex_t mutex;
  atomic_uint forks;
};

struct cnn__condition {
  pthread_cond_t condition;
  atomic_uint forks;
};

static pthread_mutex_t *mutex_here(cnn__mutex *mutex) {
  if (atomic_load(&mutex->forks) == cnn__process_forks()) return &mutex->mutex;
  cnn__process_lock();
  if (atomic_load(&mutex->forks) != cnn__process_forks()) {
    (void)pthread_mutex_init(&mutex->mutex, NULL);
    atomic_store(&mutex->forks, cnn__process_forks());
  }
  cnn__process_unlock();
  return &mutex->mutex;
}

static pthread_cond_t *condition_here(cnn__condition *condition) {
  if (atomic_load(&condition->forks) == cnn__process_forks()) return &condition->condition;
  cnn__process_lock();
  if (atomic_load(&condition->forks) != cnn__process_forks()) {
    (void)pthread_cond_init(&condition->condition, NULL);
    atomic_store(&condition->forks, cnn__process_forks());
  }
  cnn__process_unlock();
  return &condition->condition;
}

cnn__mutex *cnn__mutex_new(cnn_context *context) {
  cnn__mutex *mutex = cnn__alloc(context, sizeof *mutex, "a lock");
  if (!mutex) return NULL;
  atomic_init(&mutex->forks, cnn__process_forks());
  if (pthread_mutex_init(&mutex->mutex, NULL) == 0) return mutex;
  cnn__free(context, mutex);
  cnn__fail(CNN_E_THREAD, "a lock could not be made");
  return NULL;
}

void cnn__mutex_free(cnn_context *context, cnn__mutex *mutex) {
  if (!mutex) return;
  (void)pthread_mutex_destroy(mutex_here(mutex));
  cnn__free(context, mutex);
}

void cnn__mutex_lock(cnn__mutex *mutex) {
  (void)pthread_mutex_lock(mutex_here(mutex));
}

void cnn__mutex_unlock(cnn__mutex *mutex) {
  (void)pthread_mutex_unlock(&mutex->mutex);
}

cnn__condition *cnn__condition_new(cnn_context *context) {
  cnn__condition *condition = cnn__alloc(context, sizeof *condition, "a condition");
  if (!condition) return NULL;
  atomic_init(&condition->forks, cnn__process_forks());
  if (pthread_cond_init(&condition->condition, NULL) == 0) return condition;
  cnn__free(context, condition);
  cnn__fail(CNN_E_THREAD, "a condition could not be made");
  return NULL;
}

void cnn__condition_free(cnn_context *context, cnn__condition *condition) {
  if (!condition) return;
  (void)pthread_cond_destroy(condition_here(condition));
  cnn__free(context, condition);
}

void cnn__condition_wait(cnn__condition *condition, cnn__mutex *mutex) {
  (void)pthread_cond_wait(condition_here(condition), &mutex->mutex);
}

void cnn__condition_signal(cnn__condition *condition) {
  (void)pthread_cond_signal(condition_here(condition));
}

void cnn__condition_broadcast(cnn__condition *condition) {
  (void)pthread_cond_broadcast(condition_here(condition));
}

/* ---- time ---- */

double cnn__now(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
