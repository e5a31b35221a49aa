#include "../../address_sanitizer.h"
#include "base/process.h"
#include "base/threads.h"
#include "support.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a body that checks what it is promised ---- */

enum { MAX_TASKS = 3000, MAX_SLOTS = 16 };

typedef struct watched {
  atomic_int runs[MAX_TASKS];
  atomic_int inside[MAX_SLOTS]; /* calls at work in a slot */
  atomic_int shared, beyond;    /* broken promises */
  size_t slots;
  int uneven; /* every so many tasks one takes long */
} watched;

static void waste(int rounds) {
  volatile int sink = 0;
  for (int i = 0; i < rounds; i++)
    sink = sink + i;
}

static void watched_body(void *argument, size_t task, size_t slot) {
  watched *w = argument;
  if (slot >= w->slots) atomic_fetch_add(&w->beyond, 1);
  if (atomic_fetch_add(&w->inside[slot % MAX_SLOTS], 1) != 0) atomic_fetch_add(&w->shared, 1);
  if (w->uneven) waste(task % (size_t)w->uneven == 0 ? 20000 : 20);
  atomic_fetch_add(&w->runs[task], 1);
  atomic_fetch_sub(&w->inside[slot % MAX_SLOTS], 1);
}

static void assert_all_ran_once(cnn_context *context, size_t tasks, int uneven) {
  watched *w = calloc(1, sizeof *w);
  w->slots = cnn__context_slots(context);
  w->uneven = uneven;
  cnn__parallel_for(context, tasks, watched_body, w);
  for (size_t i = 0; i < MAX_TASKS; i++)
    assert_int_equal(atomic_load(&w->runs[i]), i < tasks);
  assert_int_equal(atomic_load(&w->shared), 0);
  assert_int_equal(atomic_load(&w->beyond), 0);
  free(w);
}

static void test_every_task_runs_once_in_a_slot_of_its_own(void **state) {
  const size_t counts[] = {0, 1, 2, 3, 7, 8, 9, 100, MAX_TASKS};
  for (int64_t threads = 1; threads <= 8; threads++) {
    cnn_context *context = cnn_context_new(.threads = threads);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
      for (int repeat = 0; repeat < 20; repeat++)
        assert_all_ran_once(context, counts[i], repeat % 2 ? 17 : 0);
    cnn_context_free(context);
  }
}

static void test_threads_that_sleep_wake_again(void **state) {
  cnn_context *context = cnn_context_new(.threads = 4);
  for (int i = 0; i < 30; i++) {
    const struct timespec pause = {.tv_nsec = i % 3 * 1000000};
    (void)nanosleep(&pause, NULL);
    assert_all_ran_once(context, 50, 5);
  }
  cnn_context_free(context);
}

static void count_body(void *argument, size_t task, size_t slot) {
  atomic_fetch_add_explicit((atomic_size_t *)argument, task + 1, memory_order_relaxed);
}

static void test_a_million_tasks(void **state) {
  cnn_context *context = cnn_context_new(.threads = 3);
  atomic_size_t sum = 0;
  cnn__parallel_for(context, 1000000, count_body, &sum);
  assert_int_equal(atomic_load(&sum), (size_t)1000000 * 1000001 / 2);
  cnn_context_free(context);
}

/* The sleeper holds its task until all others are done, which is possible only if its own range is
   stolen. A pool without stealing would never come to the end. */
typedef struct stolen {
  atomic_size_t done;
  size_t tasks;
  atomic_bool blocked;
} stolen;

static void blocking_body(void *argument, size_t task, size_t slot) {
  stolen *s = argument;
  bool first = false;
  if (atomic_compare_exchange_strong(&s->blocked, &first, true))
    while (atomic_load(&s->done) < s->tasks - 1)
      (void)sched_yield();
  atomic_fetch_add(&s->done, 1);
}

static void test_a_late_thread_loses_its_share_to_others(void **state) {
  cnn_context *context = cnn_context_new(.threads = 3);
  for (int i = 0; i < 20; i++) {
    stolen s = {.tasks = 100};
    /* Who sleeps in the only thread to be had would wait for ever: so give the others a chance. */
    cnn__parallel_for(context, s.tasks, blocking_body, &s);
    assert_int_equal(atomic_load(&s.done), s.tasks);
  }
  cnn_context_free(context);
}

/* ---- several callers, nesting ---- */

static void *call_often(void *context) {
  for (int i = 0; i < 200; i++)
    assert_all_ran_once(context, 40, i % 2 ? 7 : 0);
  return NULL;
}

static void test_callers_on_several_threads_do_not_disturb_each_other(void **state) {
  cnn_context *context = cnn_context_new(.threads = 3);
  pthread_t callers[4];
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&callers[i], NULL, call_often, context), 0);
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_join(callers[i], NULL), 0);
  cnn_context_free(context);
}

typedef struct nested {
  cnn_context *context;
  size_t outer; /* slot */
  atomic_int sum, wrong;
} nested;

static void inner_body(void *argument, size_t task, size_t slot) {
  const nested *n = argument;
  nested *whole = (nested *)(uintptr_t)n;
  if (slot != n->outer) atomic_fetch_add(&whole->wrong, 1);
  atomic_fetch_add(&whole->sum, (int)task);
}

static void outer_body(void *argument, size_t task, size_t slot) {
  nested *n = argument, own = {.context = n->context, .outer = slot};
  cnn__parallel_for(n->context, 10, inner_body, &own);
  atomic_fetch_add(&n->wrong, atomic_load(&own.wrong));
  atomic_fetch_add(&n->sum, atomic_load(&own.sum));
}

static void test_a_nested_call_works_alone_in_its_slot(void **state) {
  nested n = {.context = cnn_context_new(.threads = 4)};
  cnn__parallel_for(n.context, 100, outer_body, &n);
  assert_int_equal(atomic_load(&n.sum), 4500);
  assert_int_equal(atomic_load(&n.wrong), 0);
  cnn_context_free(n.context);
}

/* ---- lent executors ---- */

typedef struct call {
  void (*task)(void *argument, size_t i);
  void *argument;
  size_t i;
} call;

static void *run_call(void *argument) {
  call *c = argument;
  c->task(c->argument, c->i);
  return NULL;
}

static void lend_threads(void *user, size_t tasks, void (*task)(void *argument, size_t i),
                         void *argument) {
  atomic_fetch_add((atomic_int *)user, 1);
  pthread_t threads[MAX_SLOTS];
  call calls[MAX_SLOTS];
  for (size_t i = 0; i < tasks; i++) {
    calls[i] = (call){task, argument, i};
    assert_int_equal(pthread_create(&threads[i], NULL, run_call, &calls[i]), 0);
  }
  for (size_t i = 0; i < tasks; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void lend_oneself_backwards(void *user, size_t tasks, void (*task)(void *argument, size_t i),
                                   void *argument) {
  atomic_fetch_add((atomic_int *)user, 1);
  while (tasks-- > 0)
    task(argument, tasks);
}

static void test_lent_executors_do_all_the_work(void **state) {
  atomic_int calls = 0;
  cnn_executor executors[2] = {{sizeof(cnn_executor), &calls, 3, lend_threads},
                               {sizeof(cnn_executor), &calls, 5, lend_oneself_backwards}};
  for (int i = 0; i < 2; i++) {
    cnn_context *context = cnn_context_new(.executor = &executors[i], .threads = 7);
    assert_int_equal(cnn_context_threads(context), executors[i].threads);
    for (size_t tasks = 0; tasks < 40; tasks++)
      assert_all_ran_once(context, tasks, 3);
    assert_all_ran_once(context, MAX_TASKS, 100);
    nested n = {.context = context};
    cnn__parallel_for(context, 10, outer_body, &n);
    assert_int_equal(atomic_load(&n.sum), 450);
    assert_int_equal(atomic_load(&n.wrong), 0);
    cnn_context_free(context);
  }
  assert_int_equal(atomic_load(&calls), 2 * (38 + 2));
}

/* ---- fork ---- */

/* ThreadSanitizer knows no threads that a forked child starts, and qemu-user forks no process of many threads. */
static void skip_where_fork_is_not_to_be_had(void) {
#if defined(__SANITIZE_THREAD__) || defined(CNN_TESTS_EMULATED)
  skip();
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
  skip();
#endif
#endif
}

typedef struct roll_call {
  size_t slots;
  atomic_size_t here;
} roll_call;

static void answer_roll_call(void *argument, size_t task, size_t slot) {
  roll_call *roll = argument;
  atomic_fetch_add(&roll->here, 1);
  const struct timespec pause = {.tv_nsec = 100000};
  for (double start = cnn__now();
       atomic_load(&roll->here) < roll->slots && cnn__now() - start < 20;)
    (void)nanosleep(&pause, NULL);
}

/* Before a fork under AddressSanitizer: a thread that starts holds locks of its allocator, which a child would
   wait for without end. False where a thread of the pool has not come up within 20 s. */
static bool settle(cnn_context *context) {
  if (!UNDER_ADDRESS_SANITIZER) return true;
  roll_call roll = {.slots = cnn__context_slots(context)};
  cnn__parallel_for(context, roll.slots, answer_roll_call, &roll);
  return atomic_load(&roll.here) == roll.slots;
}

static void assert_child_succeeds(pid_t child) {
  int status;
  assert_true(child > 0);
  assert_int_equal(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) fail_msg("the child ended by signal %d", WTERMSIG(status));
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

static int sum_in(cnn_context *context) {
  atomic_size_t sum = 0;
  for (int i = 0; i < 50; i++)
    cnn__parallel_for(context, 100, count_body, &sum);
  return atomic_load(&sum) == 50 * 5050 ? 0 : 1;
}

static void test_a_forked_child_works_on(void **state) {
  skip_where_fork_is_not_to_be_had();
  cnn_context *context = cnn_context_new(.threads = 4);
  assert_int_equal(sum_in(context), 0);
  assert_true(settle(context));
  for (int i = 0; i < 5; i++) {
    pid_t child = fork();
    if (child == 0) {
      (void)alarm(30);
      int result = sum_in(context) | !settle(context);
      pid_t grandchild = fork();
      if (grandchild == 0) _exit(sum_in(context));
      int status = 1;
      (void)waitpid(grandchild, &status, 0);
      cnn_context_free(context);
      _exit(result | status);
    }
    assert_child_succeeds(child);
    assert_int_equal(sum_in(context), 0);
  }
  pid_t idle = fork(); /* which ends the pool without having used it */
  if (idle == 0) {
    (void)alarm(30);
    cnn_context_free(context);
    _exit(0);
  }
  assert_child_succeeds(idle);
  cnn_context_free(context);
}

typedef struct busy {
  cnn_context *context;
  atomic_bool up, stop;
} busy;

static void *keep_busy(void *argument) {
  busy *b = argument;
  assert_true(settle(b->context));
  atomic_store(&b->up, true);
  while (!atomic_load(&b->stop))
    assert_int_equal(sum_in(b->context), 0);
  return NULL;
}

static void test_a_child_forked_while_the_pool_works_works_on(void **state) {
  skip_where_fork_is_not_to_be_had();
  busy b = {.context = cnn_context_new(.threads = 3)};
  pthread_t caller;
  assert_int_equal(pthread_create(&caller, NULL, keep_busy, &b), 0);
  while (!atomic_load(&b.up))
    (void)sched_yield();
  for (int i = 0; i < 30; i++) {
    pid_t child = fork();
    if (child == 0) {
      (void)alarm(30);
      cnn_context *other = cnn__context_acquire(); /* takes the process's lock */
      int result = sum_in(b.context) | (other ? 0 : 2);
      _exit(result);
    }
    assert_child_succeeds(child);
  }
  atomic_store(&b.stop, true);
  assert_int_equal(pthread_join(caller, NULL), 0);
  cnn_context_free(b.context);
  cnn_shutdown();
}

/* ---- what the threads are like ---- */

static void note_mask(void *argument, size_t task, size_t slot) {
  if (slot == 0) return;
  sigset_t mask;
  (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
  if (!sigismember(&mask, SIGINT) || !sigismember(&mask, SIGALRM))
    atomic_fetch_add((atomic_int *)argument, 1);
}

static void test_signals_are_not_for_our_threads(void **state) {
  sigset_t before, after;
  (void)pthread_sigmask(SIG_SETMASK, NULL, &before);
  cnn_context *context = cnn_context_new(.threads = 4);
  atomic_int wrong = 0;
  for (int i = 0; i < 100; i++)
    cnn__parallel_for(context, 100, note_mask, &wrong);
  assert_int_equal(atomic_load(&wrong), 0);
  (void)pthread_sigmask(SIG_SETMASK, NULL, &after);
  assert_int_equal(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
  assert_int_equal(sigismember(&after, SIGALRM), 0);
  cnn_context_free(context);
}

static void test_a_running_pool_allocates_nothing(void **state) {
  counting c = {0};
  cnn_context *context = counting_context(&c, 4);
  assert_int_equal(sum_in(context), 0);
  long before = atomic_load(&c.calls);
  assert_int_equal(sum_in(context), 0);
  assert_int_equal(atomic_load(&c.calls), before);
  cnn_context_free(context);
  assert_int_equal(atomic_load(&c.live), 0);
}

static int threads_of_process(void) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  int threads = -1;
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "Threads: %d", &threads) == 1) break;
  if (file) (void)fclose(file);
  return threads;
}

/* A thread that was joined is counted until the system has let go of it. */
static void assert_threads_become(int expected) {
  const double stop = cnn__now() + 10;
  while (threads_of_process() != expected && cnn__now() < stop)
    (void)sched_yield();
  assert_int_equal(threads_of_process(), expected);
}

static void test_threads_start_late_and_end_with_their_context(void **state) {
#ifdef CNN_TESTS_EMULATED
  skip(); /* the emulator has threads of its own, which come and go */
#endif
  int before = threads_of_process();
  if (before < 0) skip();
  for (int i = 0; i < 50; i++) {
    cnn_context *context = cnn_context_new(.threads = 4);
    assert_threads_become(before);
    assert_all_ran_once(context, 10, 0);
    assert_int_equal(threads_of_process(), before + 3);
    cnn_context_free(context);
  }
  assert_threads_become(before);
}

/* ---- threads, locks and conditions of one's own ---- */

typedef struct queue {
  cnn__mutex *mutex;
  cnn__condition *filled, *taken;
  int item, received;
} queue;

static void receive(void *argument) {
  queue *q = argument;
  for (int expected = 1; expected <= 1000; expected++) {
    cnn__mutex_lock(q->mutex);
    while (q->item == 0)
      cnn__condition_wait(q->filled, q->mutex);
    q->received += q->item == expected;
    q->item = 0;
    cnn__condition_broadcast(q->taken);
    cnn__mutex_unlock(q->mutex);
  }
}

static void test_a_thread_a_lock_and_conditions_make_a_queue(void **state) {
  counting c = {0};
  cnn_context *context = counting_context(&c, 1);
  long before = atomic_load(&c.live);
  queue q = {cnn__mutex_new(context), cnn__condition_new(context), cnn__condition_new(context), 0,
             0};
  cnn__thread *thread = cnn__thread_start(context, receive, &q);
  assert_non_null(thread);
  for (int item = 1; item <= 1000; item++) {
    cnn__mutex_lock(q.mutex);
    while (q.item != 0)
      cnn__condition_wait(q.taken, q.mutex);
    q.item = item;
    cnn__condition_signal(q.filled);
    cnn__mutex_unlock(q.mutex);
  }
  cnn__thread_join(thread);
  assert_int_equal(q.received, 1000);
  cnn__mutex_free(context, q.mutex);
  cnn__condition_free(context, q.filled);
  cnn__condition_free(context, q.taken);
  cnn__thread_join(NULL);
  cnn__mutex_free(context, NULL);
  cnn__condition_free(context, NULL);
  assert_int_equal(atomic_load(&c.live), before);
  cnn_context_free(context);
}

static void nothing(void *argument) {}

static void test_threads_locks_and_conditions_without_memory(void **state) {
  counting c = {0};
  cnn_context *context = counting_context(&c, 1);
  c.fail_at = atomic_load(&c.calls) + 1;
  c.for_ever = true;
  assert_null(cnn__thread_start(context, nothing, NULL));
  assert_error(CNN_E_NOMEM, cnn_last_status(), "a thread");
  assert_null(cnn__mutex_new(context));
  assert_error(CNN_E_NOMEM, cnn_last_status(), "a lock");
  assert_null(cnn__condition_new(context));
  assert_error(CNN_E_NOMEM, cnn_last_status(), "a condition");
  cnn_context_free(context);
}

static void hold_and_wait(void *argument) {
  queue *q = argument;
  cnn__mutex_lock(q->mutex);
  q->received = 1;
  cnn__condition_broadcast(q->taken);
  while (q->item == 0)
    cnn__condition_wait(q->filled, q->mutex);
  cnn__mutex_unlock(q->mutex);
}

/* In the child the thread is gone that waited, or held the lock: nothing there may wait for it. */
static void test_a_forked_child_can_tidy_up_a_running_thread(void **state) {
  cnn_context *context = cnn_context_new(.threads = 1);
  queue q = {cnn__mutex_new(context), cnn__condition_new(context), cnn__condition_new(context), 0,
             0};
  cnn__thread *thread = cnn__thread_start(context, hold_and_wait, &q);
  cnn__mutex_lock(q.mutex);
  while (!q.received)
    cnn__condition_wait(q.taken, q.mutex);
  cnn__mutex_unlock(q.mutex);
  for (int i = 0; i < 2; i++) {
    pid_t child = i == 0 ? fork() : 0;
    if (child > 0) {
      assert_child_succeeds(child);
      continue;
    }
    if (i == 0) (void)alarm(30);
    cnn__mutex_lock(q.mutex);
    q.item = 1;
    cnn__condition_broadcast(q.filled);
    cnn__mutex_unlock(q.mutex);
    cnn__thread_join(thread);
    cnn__mutex_free(context, q.mutex);
    cnn__condition_free(context, q.filled);
    cnn__condition_free(context, q.taken);
    if (i == 0) _exit(0);
  }
  cnn_context_free(context);
}

static void test_the_clock_goes_forward(void **state) {
  double before = cnn__now();
  const struct timespec pause = {.tv_nsec = 2000000};
  (void)nanosleep(&pause, NULL);
  double passed = cnn__now() - before;
  assert_true(passed >= 0.002 && passed < 60);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_task_runs_once_in_a_slot_of_its_own),
      cmocka_unit_test(test_threads_that_sleep_wake_again),
      cmocka_unit_test(test_a_million_tasks),
      cmocka_unit_test(test_a_late_thread_loses_its_share_to_others),
      cmocka_unit_test(test_callers_on_several_threads_do_not_disturb_each_other),
      cmocka_unit_test(test_a_nested_call_works_alone_in_its_slot),
      cmocka_unit_test(test_lent_executors_do_all_the_work),
      cmocka_unit_test(test_a_forked_child_works_on),
      cmocka_unit_test(test_a_child_forked_while_the_pool_works_works_on),
      cmocka_unit_test(test_signals_are_not_for_our_threads),
      cmocka_unit_test(test_a_running_pool_allocates_nothing),
      cmocka_unit_test(test_threads_start_late_and_end_with_their_context),
      cmocka_unit_test(test_a_thread_a_lock_and_conditions_make_a_queue),
      cmocka_unit_test(test_threads_locks_and_conditions_without_memory),
      cmocka_unit_test(test_a_forked_child_can_tidy_up_a_running_thread),
      cmocka_unit_test(test_the_clock_goes_forward),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
