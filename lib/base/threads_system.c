/* A thread, locks, conditions and the clock, as the system has them. */
#include "base/float_environment.h"
#include "base/process.h"
#include "base/threads.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

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
