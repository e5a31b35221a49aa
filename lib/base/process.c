#include "base/process.h"
#include <pthread.h>
#include <stdatomic.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint forks;
static bool watching; /* guarded by lock */

void cnn__process_lock(void) {
  (void)pthread_mutex_lock(&lock);
}

void cnn__process_unlock(void) {
  (void)pthread_mutex_unlock(&lock);
}

/* A fork waits for the lock, so that the child does not find it held by a thread it has not got. */
static void before_fork(void) {
  cnn__process_lock();
}

static void after_fork_in_parent(void) {
  cnn__process_unlock();
}

static void after_fork_in_child(void) {
  atomic_fetch_add(&forks, 1);
  cnn__process_unlock();
}

bool cnn__process_watch_forks(void) {
  cnn__process_lock();
  if (!watching)
    watching = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
  bool result = watching;
  cnn__process_unlock();
  return result;
}

unsigned cnn__process_forks(void) {
  return atomic_load(&forks);
}
