/* The pool. One caller at a time owns it; others find it busy and do their work alone.

   A job's tasks are dealt out as one range to each slot. A slot takes from the front of its own
   range and, when that is empty, steals the back half of another's; so neighbouring tasks mostly
   share a slot, the same slot gets the same tasks in job after job, and a slot whose thread is late
   loses its share to the others. Threads join a job while it is open. The caller closes it when it
   finds no more tasks, and then waits only for those who joined: a thread that the system has not
   woken yet delays nobody. */
#define _GNU_SOURCE /* syscall */
#include "base/context.h"
#include "base/context_struct.h"
#include "base/float_environment.h"
#include "base/process.h"
#include "base/size.h"
#include "base/threads.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

static _Thread_local size_t here; /* the slot that this thread is in, plus 1; 0 outside */

size_t cnn__threads_here(void) {
  return here;
}

size_t cnn__threads_mark(size_t mark) {
  size_t before = here;
  here = mark;
  return before;
}

typedef struct share {
  _Alignas(64) _Atomic uint64_t range; /* first << 32 | end, in groups of tasks */
} share;

typedef struct worker {
  cnn__pool *pool;
  size_t slot;
  pthread_t thread;
} worker;

struct cnn__pool {
  cnn_context *context; /* the owner */
  size_t slots;
  /* The job: written by the caller while it is closed. */
  void (*body)(void *argument, size_t task, size_t slot);
  void *argument;
  size_t tasks, group; /* a group is as many tasks as make all groups fit 32 bits: 1, as a rule */
  /* Number of the job << 32 | open | threads at work. */
  _Alignas(64) _Atomic uint64_t state;
  _Alignas(64) _Atomic uint32_t posted; /* counts calls to wake up; idle threads sleep on it */
  _Atomic uint32_t sleeping;
  _Atomic bool ending;
  _Alignas(64) _Atomic uint32_t finished; /* the caller sleeps on it */
  _Atomic bool waiting;
  _Atomic bool busy;
  atomic_uint forks; /* the process that the threads belong to */
  bool started;      /* guarded by busy, as is: */
  size_t threads;
  worker *workers;
  share shares[];
};

static const uint64_t open_bit = UINT64_C(1) << 31;
static const uint64_t active_mask = (UINT64_C(1) << 31) - 1;

/* ---- waiting ---- */

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}

#if defined(__linux__)
static void sleep_while(_Atomic uint32_t *word, uint32_t value) {
  (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}
static void wake(_Atomic uint32_t *word, size_t count) {
  int limit = (int)cnn__size_min(count, 1 << 20);
  (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, limit, NULL, NULL, 0);
}
#else
static void sleep_while(_Atomic uint32_t *word, uint32_t value) {
  const struct timespec pause = {.tv_nsec = 200000};
  if (atomic_load(word) == value) (void)nanosleep(&pause, NULL);
}
static void wake(_Atomic uint32_t *word, size_t count) {}
#endif

/* Spinning: with full attention at first, then giving way to others at each look at the clock, and soon
   not at all. Whoever was put off the processor while spinning has neighbours that need it, and stops. */
typedef struct patience {
  double started, looked;
  unsigned turns;
} patience;
static const double attentive = 20e-6, exhausted = 150e-6, preempted = 50e-6;

static patience spin_start(void) {
  double now = cnn__now();
  return (patience){.started = now, .looked = now};
}

/* Waits a very little, for what is waited for may be there in no time; false where it is time to sleep. */
static bool spin_on(patience *left) {
  enum { TURNS_OF_LOOK = 16 };
  relax();
  if (++left->turns % TURNS_OF_LOOK != 0) return true;
  double now = cnn__now();
  if (now - left->started > exhausted || now - left->looked > preempted) return false;
  if (now - left->started > attentive) {
    (void)sched_yield();
    now = cnn__now();
  }
  left->looked = now;
  return true;
}

/* ---- the work ---- */

static uint64_t pack(uint64_t first, uint64_t end) {
  return first << 32 | end;
}
static uint64_t first_of(uint64_t range) {
  return range >> 32;
}
static uint64_t end_of(uint64_t range) {
  return range & UINT32_MAX;
}

static void run_group(const cnn__pool *pool, uint64_t number, size_t slot) {
  size_t first = (size_t)number * pool->group;
  size_t end = first + cnn__size_min(pool->group, pool->tasks - first);
  for (size_t task = first; task < end; task++)
    pool->body(pool->argument, task, slot);
}

static void empty_own(cnn__pool *pool, size_t slot) {
  _Atomic uint64_t *own = &pool->shares[slot].range;
  uint64_t range = atomic_load(own);
  while (first_of(range) < end_of(range)) {
    if (!atomic_compare_exchange_weak(own, &range, pack(first_of(range) + 1, end_of(range))))
      continue;
    run_group(pool, first_of(range), slot);
    range = atomic_load(own);
  }
}

/* Moves the back half of another slot's range into the own, empty one. That no range ever comes
   back once its first task is taken makes the exchange safe. */
static bool steal(cnn__pool *pool, size_t slot) {
  size_t count = pool->threads + 1;
  for (size_t i = 1; i < count; i++) {
    _Atomic uint64_t *other = &pool->shares[(slot + i) % count].range;
    uint64_t range = atomic_load(other);
    while (first_of(range) < end_of(range)) {
      uint64_t middle = first_of(range) + (end_of(range) - first_of(range)) / 2;
      if (!atomic_compare_exchange_weak(other, &range, pack(first_of(range), middle))) continue;
      atomic_store(&pool->shares[slot].range, pack(middle, end_of(range)));
      return true;
    }
  }
  return false;
}

static void work(cnn__pool *pool, size_t slot) {
  size_t before = cnn__threads_mark(slot + 1);
  do
    empty_own(pool, slot);
  while (steal(pool, slot));
  (void)cnn__threads_mark(before);
}

/* ---- the threads ---- */

static bool has_news(const cnn__pool *pool, uint64_t last) {
  uint64_t state = atomic_load(&pool->state);
  return ((state & open_bit) && state >> 32 != last) || atomic_load(&pool->ending);
}

static void wait_for_news(cnn__pool *pool, uint64_t last) {
  for (patience left = spin_start(); spin_on(&left);)
    if (has_news(pool, last)) return;
  atomic_fetch_add(&pool->sleeping, 1);
  uint32_t seen = atomic_load(&pool->posted);
  while (!has_news(pool, last)) {
    sleep_while(&pool->posted, seen);
    seen = atomic_load(&pool->posted);
  }
  atomic_fetch_sub(&pool->sleeping, 1);
}

static void leave(cnn__pool *pool) {
  uint64_t state = atomic_fetch_sub(&pool->state, 1) - 1;
  if ((state & (active_mask | open_bit)) != 0 || !atomic_load(&pool->waiting)) return;
  atomic_fetch_add(&pool->finished, 1);
  wake(&pool->finished, 1);
}

static void *run_worker(void *argument) {
  worker *self = argument;
  cnn__pool *pool = self->pool;
  cnn__float_environment unused;
  cnn__float_environment_enter(&unused);
  uint64_t last = 0;
  while (!atomic_load(&pool->ending)) {
    uint64_t state = atomic_load(&pool->state);
    if (!(state & open_bit) || state >> 32 == last) {
      wait_for_news(pool, last);
    } else if (atomic_compare_exchange_strong(&pool->state, &state, state + 1)) {
      last = state >> 32;
      work(pool, self->slot);
      leave(pool);
    }
  }
  return NULL;
}

static void start_threads(cnn__pool *pool) {
  pool->started = true;
  pool->threads = 0;
  bool watched = cnn__process_watch_forks();
  sigset_t all, before; /* signals are the host's own threads' business */
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  while (watched && pool->threads + 1 < pool->slots) {
    worker *next = &pool->workers[pool->threads];
    *next = (worker){.pool = pool, .slot = pool->threads + 1};
    if (pthread_create(&next->thread, NULL, run_worker, next) != 0) break;
    pool->threads++;
  }
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (pool->threads + 1 < pool->slots)
    cnn__log_message(pool->context, CNN_LOG_WARNING, "threads: only %zu of %zu could be started",
                     pool->threads + 1, pool->slots);
}

/* ---- making and using ---- */

cnn__pool *cnn__pool_new(cnn_context *context, size_t slots) {
  size_t size = sizeof(cnn__pool) + slots * (sizeof(share) + sizeof(worker));
  cnn__pool *pool = context->allocator.allocate(context->allocator.user, size, 64);
  if (!pool) {
    cnn__fail(CNN_E_NOMEM, "out of memory: %zu bytes for %zu threads", size, slots);
    return NULL;
  }
  memset(pool, 0, size);
  pool->context = context;
  pool->slots = slots;
  pool->workers = (worker *)(void *)&pool->shares[slots];
  atomic_init(&pool->forks, cnn__process_forks());
  return pool;
}

void cnn__pool_free(cnn_context *context, cnn__pool *pool) {
  if (!pool) return;
  if (atomic_load(&pool->forks) == cnn__process_forks()) {
    atomic_store(&pool->ending, true);
    atomic_fetch_add(&pool->posted, 1);
    wake(&pool->posted, pool->slots);
    for (size_t i = 0; i < pool->threads; i++)
      (void)pthread_join(pool->workers[i].thread, NULL);
  }
  context->allocator.release(context->allocator.user, pool);
}

/* In a child of a fork the threads are gone, and whoever owned the pool may be, too. */
static void forget_parents_threads(cnn__pool *pool) {
  cnn__process_lock();
  if (atomic_load(&pool->forks) != cnn__process_forks()) {
    atomic_store(&pool->state, atomic_load(&pool->state) & ~(open_bit | active_mask));
    atomic_store(&pool->sleeping, 0);
    atomic_store(&pool->waiting, false);
    pool->started = false;
    pool->threads = 0;
    atomic_store(&pool->busy, false);
    atomic_store(&pool->forks, cnn__process_forks());
  }
  cnn__process_unlock();
}

static bool take(cnn__pool *pool) {
  if (atomic_load(&pool->forks) != cnn__process_forks()) forget_parents_threads(pool);
  bool free = false;
  return atomic_compare_exchange_strong(&pool->busy, &free, true);
}

static void deal(cnn__pool *pool, size_t tasks) {
  pool->group = tasks / (1 << 30) + 1;
  pool->tasks = tasks;
  uint64_t groups = cnn__size_ceil_div(tasks, pool->group), slots = pool->threads + 1;
  for (uint64_t slot = 0; slot < slots; slot++)
    atomic_store_explicit(&pool->shares[slot].range,
                          pack(groups * slot / slots, groups * (slot + 1) / slots),
                          memory_order_relaxed);
}

static void wait_for_threads(cnn__pool *pool) {
  for (patience left = spin_start(); spin_on(&left);)
    if (!(atomic_load(&pool->state) & active_mask)) return;
  atomic_store(&pool->waiting, true);
  uint32_t seen = atomic_load(&pool->finished);
  while (atomic_load(&pool->state) & active_mask) {
    sleep_while(&pool->finished, seen);
    seen = atomic_load(&pool->finished);
  }
  atomic_store(&pool->waiting, false);
}

bool cnn__pool_run(cnn__pool *pool, size_t tasks,
                   void (*body)(void *argument, size_t task, size_t slot), void *argument) {
  if (!take(pool)) return false;
  if (!pool->started) start_threads(pool);
  if (pool->threads == 0) {
    atomic_store(&pool->busy, false);
    return false;
  }
  pool->body = body;
  pool->argument = argument;
  deal(pool, tasks);
  uint64_t job = (atomic_load(&pool->state) >> 32) + 1;
  job = (job & UINT32_MAX) ? job : 1; /* 0 is what a new thread has done last */
  atomic_store(&pool->state, job << 32 | open_bit);
  if (atomic_load(&pool->sleeping) > 0) { /* who is about to sleep looks at the state once more */
    atomic_fetch_add(&pool->posted, 1);
    wake(&pool->posted, tasks - 1);
  }
  work(pool, 0);
  atomic_fetch_and(&pool->state, ~open_bit);
  if (atomic_load(&pool->state) & active_mask) wait_for_threads(pool);
  atomic_store(&pool->busy, false);
  return true;
}
