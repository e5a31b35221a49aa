/* Thread, lock and condition creation that fails: this program is linked with wrappers around it. */
#include "base/threads.h"
#include "support.h"
#include <errno.h>
#include <pthread.h>

static int threads_allowed, fail_locks, fail_keys, fail_watching;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument) {
  if (threads_allowed-- <= 0) return EAGAIN;
  return __real_pthread_create(thread, attributes, run, argument);
}

int __real_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
  return fail_locks ? ENOMEM : __real_pthread_mutex_init(mutex, attributes);
}

int __real_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes);
int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes);
int __wrap_pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes) {
  return fail_locks ? ENOMEM : __real_pthread_cond_init(condition, attributes);
}

int __real_pthread_key_create(pthread_key_t *key, void (*end)(void *));
int __wrap_pthread_key_create(pthread_key_t *key, void (*end)(void *));
int __wrap_pthread_key_create(pthread_key_t *key, void (*end)(void *)) {
  return fail_keys ? EAGAIN : __real_pthread_key_create(key, end);
}

int __real_pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void));
int __wrap_pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void));
int __wrap_pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
  return fail_watching ? ENOMEM : __real_pthread_atfork(before, parent, child);
}

static void hear(void *user, cnn_log_level level, const char *text) {
  if (level == CNN_LOG_WARNING) (*(int *)user)++;
}

static void nothing(void *argument) {}

static void count_body(void *argument, size_t task, size_t slot) {
  atomic_fetch_add((atomic_size_t *)argument, task + 1);
}

static void assert_works(cnn_context *context) {
  for (int i = 0; i < 100; i++) {
    atomic_size_t sum = 0;
    cnn__parallel_for(context, 50, count_body, &sum);
    assert_int_equal(atomic_load(&sum), 50 * 51 / 2);
  }
}

/* First, for what it makes fail is done once in a process and then stays. */
static void test_without_word_of_forks_no_thread_is_started(void **state) {
  int warnings = 0;
  cnn_log log = {sizeof log, &warnings, hear};
  cnn_context *context = cnn_context_new(.threads = 4, .log = &log);
  threads_allowed = 100;
  fail_watching = 1;
  assert_works(context);
  assert_int_equal(warnings, 1);
  assert_null(cnn__thread_start(context, nothing, NULL));
  assert_error(CNN_E_THREAD, cnn_last_status(), "thread");
  assert_int_equal(threads_allowed, 100);
  fail_watching = 0;
  cnn__thread *thread = cnn__thread_start(context, nothing, NULL);
  assert_non_null(thread);
  cnn__thread_join(thread);
  cnn_context_free(context);
}

static void test_with_fewer_threads_the_work_goes_on(void **state) {
  for (int allowed = 0; allowed <= 4; allowed++) {
    int warnings = 0;
    cnn_log log = {sizeof log, &warnings, hear};
    cnn_context *context = cnn_context_new(.threads = 4, .log = &log);
    threads_allowed = allowed;
    assert_works(context);
    assert_int_equal(warnings, allowed < 3);
    cnn_context_free(context);
  }
}

static void test_what_cannot_be_made_is_an_error_and_no_leak(void **state) {
  counting c = {0};
  cnn_context *context = counting_context(&c, 1);
  long before = atomic_load(&c.live);
  threads_allowed = 0;
  assert_null(cnn__thread_start(context, nothing, NULL));
  assert_error(CNN_E_THREAD, cnn_last_status(), "a thread could not be started");
  fail_locks = 1;
  assert_null(cnn__mutex_new(context));
  assert_error(CNN_E_THREAD, cnn_last_status(), "a lock could not be made");
  assert_null(cnn__condition_new(context));
  assert_error(CNN_E_THREAD, cnn_last_status(), "a condition could not be made");
  fail_locks = 0;
  assert_int_equal(atomic_load(&c.live), before);
  cnn_context_free(context);
}

static void test_without_a_key_the_current_context_still_holds(void **state) {
  counting c = {0};
  int warnings = 0;
  cnn_log log = {sizeof log, &warnings, hear};
  cnn_allocator allocator = {sizeof allocator, &c, counting_allocate, counting_release};
  cnn_context *context = cnn_context_new(.threads = 2, .allocator = &allocator, .log = &log);
  fail_keys = 1;
  assert_null(cnn_context_use(context));
  assert_int_equal(warnings, 1);
  assert_int_equal(cnn_context_threads(NULL), 2);
  assert_ptr_equal(cnn_context_use(NULL), context);
  fail_keys = 0;
  assert_null(cnn_context_use(context));
  assert_int_equal(warnings, 1);
  cnn_context_use(NULL);
  cnn_context_free(context);
  assert_int_equal(atomic_load(&c.live), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_without_word_of_forks_no_thread_is_started),
      cmocka_unit_test(test_with_fewer_threads_the_work_goes_on),
      cmocka_unit_test(test_what_cannot_be_made_is_an_error_and_no_leak),
      cmocka_unit_test(test_without_a_key_the_current_context_still_holds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
