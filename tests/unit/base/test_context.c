#include "base/cpu.h"
#include "support.h"
#include <pthread.h>
#include <stdio.h>

/* ---- making ---- */

static void test_defaults(void **state) {
  cnn_context *context = cnn_context_create(NULL);
  assert_non_null(context);
  assert_int_equal(cnn_context_threads(context), cnn__cpu_count());
  assert_int_equal(cnn__context_seed(context), 0);
  assert_false(cnn__context_exact(context));
  assert_int_equal(cnn__context_max_file_bytes(context), UINT64_C(16) << 30);
  assert_int_equal(cnn__context_max_pixels(context), UINT64_C(1) << 28);
  assert_int_equal(cnn_context_memory(context), 0);
  cnn_context_free(context);
  cnn_context_free(NULL);
}

static void test_settings_arrive(void **state) {
  cnn_context *context =
      cnn_context_new(.threads = 3, .seed = 7, .exact = 1, .max_file_bytes = 100, .max_pixels = 50);
  assert_int_equal(cnn_context_threads(context), 3);
  assert_int_equal(cnn__context_slots(context), 3);
  assert_int_equal(cnn__context_seed(context), 7);
  assert_true(cnn__context_exact(context));
  assert_int_equal(cnn__context_max_file_bytes(context), 100);
  assert_int_equal(cnn__context_max_pixels(context), 50);
  cnn_context_free(context);
}

static void refuse(const cnn_context_options *options, const char *words) {
  assert_null(cnn_context_create(options));
  assert_error(CNN_E_INVALID, cnn_last_status(), words);
}

static void *no_memory(void *user, size_t bytes, size_t alignment) {
  return NULL;
}
static void no_release(void *user, void *pointer) {}
static void run_nothing(void *user, size_t tasks, void (*task)(void *argument, size_t i),
                        void *argument) {}

static void test_wrong_settings_are_named(void **state) {
  cnn_context_options o;
#define REFUSE(words, ...)                                                                         \
  cnn_context_options_init(&o, sizeof o);                                                          \
  __VA_ARGS__;                                                                                     \
  refuse(&o, words)
  REFUSE("threads is -1", o.threads = -1);
  REFUSE("threads is 1025", o.threads = 1025);
  REFUSE("exact is 2", o.exact = 2);
  REFUSE("struct_size is 0", o.struct_size = 0);
  REFUSE("struct_size", o.struct_size = sizeof o - 1);
  REFUSE("struct_size", o.struct_size = (size_t)-1);
  cnn_allocator allocator = {sizeof allocator, NULL, no_memory, NULL};
  REFUSE("lacks release", o.allocator = &allocator);
  allocator = (cnn_allocator){sizeof allocator, NULL, NULL, no_release};
  REFUSE("lacks allocate", o.allocator = &allocator);
  allocator.struct_size = 3;
  REFUSE("allocator: struct_size", o.allocator = &allocator);
  cnn_executor executor = {.struct_size = sizeof executor, .threads = 2};
  REFUSE("lacks parallel_for", o.executor = &executor);
  executor.parallel_for = run_nothing;
  executor.threads = 0;
  REFUSE("executor has 0 threads", o.executor = &executor);
  cnn_log log = {.struct_size = sizeof log};
  REFUSE("log lacks message", o.log = &log);
#undef REFUSE
}

static void test_newer_options_are_read_where_they_are_empty(void **state) {
  struct {
    cnn_context_options known;
    uint64_t unknown[2];
  } newer = {.known = {.struct_size = sizeof newer, .threads = 2}};
  cnn_context *context = cnn_context_create(&newer.known);
  assert_non_null(context);
  cnn_context_free(context);
  newer.unknown[1] = 1;
  refuse(&newer.known, "does not know");
}

static void test_options_read_copies_what_it_knows_even_where_it_refuses(void **state) {
  struct {
    size_t struct_size;
    int64_t a, b;
  } to = {0, 1, 2}, from = {24, 9, 9};
  assert_error(CNN_E_INVALID, cnn__options_read("f", &to, 16, &from), "a member at byte 16");
  assert_int_equal(to.a, 9);
  assert_int_equal(to.b, 2);
}

static void test_options_read_keeps_defaults_beyond_an_older_struct(void **state) {
  struct {
    size_t struct_size;
    int64_t a, b;
  } to = {0, 1, 2}, from = {16, 9, 9};
  assert_int_equal(cnn__options_read("f", &to, sizeof to, &from), CNN_OK);
  assert_int_equal(to.struct_size, sizeof to);
  assert_int_equal(to.a, 9);
  assert_int_equal(to.b, 2);
  assert_int_equal(cnn__options_read("f", &to, sizeof to, NULL), CNN_OK);
  assert_int_equal(to.a, 9);
  from.struct_size = 12;
  assert_error(CNN_E_INVALID, cnn__options_read("f", &to, sizeof to, &from),
               "f: struct_size is 12");
  cnn__options_init(NULL, 8);
  cnn__options_init(&to, 2);
  assert_int_equal(to.a, 9);
}

/* ---- memory ---- */

static void test_memory_is_aligned_counted_and_returned(void **state) {
  counting c = {0};
  cnn_context *context = counting_context(&c, 2);
  long before = atomic_load(&c.live);
  char *a = cnn__alloc(context, 100, "a"), *b = cnn__alloc(context, 0, "b");
  assert_int_equal((uintptr_t)a % 64, 0);
  assert_int_equal((uintptr_t)b % 64, 0);
  assert_int_equal(cnn_context_memory(context), 100);
  memset(a, 1, 100);
  int *c1 = cnn__calloc_array(context, 10, sizeof *c1, "c");
  assert_int_equal(c1[9], 0);
  assert_int_equal(cnn_context_memory(context), 140);
  cnn__free(context, a);
  cnn__free(context, b);
  cnn__free(context, c1);
  cnn__free(context, NULL);
  assert_int_equal(cnn_context_memory(context), 0);
  assert_int_equal(atomic_load(&c.live), before);
  cnn_context_free(context);
  assert_int_equal(atomic_load(&c.live), 0);
}

static void test_growing_keeps_content_and_the_old_block_on_failure(void **state) {
  counting c = {0};
  cnn_context *context = counting_context(&c, 1);
  char *text = cnn__realloc_array(context, NULL, 4, 1, "text");
  memcpy(text, "abcd", 4);
  text = cnn__realloc_array(context, text, 1000, 1, "text");
  assert_memory_equal(text, "abcd", 4);
  c.fail_at = atomic_load(&c.calls) + 1;
  assert_null(cnn__realloc_array(context, text, 2000, 1, "text"));
  assert_memory_equal(text, "abcd", 4);
  assert_int_equal(cnn_context_memory(context), 1000);
  text = cnn__realloc_array(context, text, 2, 1, "text");
  assert_memory_equal(text, "ab", 2);
  cnn__free(context, text);
  cnn_context_free(context);
  assert_int_equal(atomic_load(&c.live), 0);
}

static void test_failed_memory_says_how_much_for_what(void **state) {
  counting c = {0};
  cnn_context *context = counting_context(&c, 1);
  c.fail_at = atomic_load(&c.calls) + 1;
  c.for_ever = true;
  assert_null(cnn__alloc(context, 123, "a thing"));
  assert_error(CNN_E_NOMEM, cnn_last_status(), "out of memory: 123 bytes for a thing");
  assert_null(cnn__strdup(context, "x"));
  assert_null(cnn__format(context, "%d", 5));
  assert_null(cnn__calloc_array(context, 1, 1, "x"));
  assert_int_equal(cnn_context_memory(context), 0);
  c.fail_at = 0;
  assert_null(cnn__alloc(context, SIZE_MAX, "all"));
  assert_error(CNN_E_NOMEM, cnn_last_status(), "for all");
  assert_null(cnn__alloc(context, SIZE_MAX - 64, "all"));
  assert_null(cnn__alloc_array(context, SIZE_MAX / 2, 3, "rows"));
  assert_error(CNN_E_NOMEM, cnn_last_status(), "times 3 bytes for rows");
  cnn_context_free(context);
}

static void test_a_context_that_cannot_be_had_is_no_memory(void **state) {
  for (long fail_at = 1; fail_at <= 2; fail_at++) {
    counting c = {.fail_at = fail_at};
    cnn_clear_error();
    assert_null(counting_context(&c, 4));
    assert_error(CNN_E_NOMEM, cnn_last_status(), "out of memory");
    assert_int_equal(atomic_load(&c.live), 0);
  }
}

static void test_the_limit_holds_to_the_byte(void **state) {
  cnn_context *context = cnn_context_new(.max_memory = 1000);
  void *a = cnn__alloc(context, 600, "a");
  assert_null(cnn__alloc(context, 401, "b"));
  assert_error(CNN_E_NOMEM, cnn_last_status(), "out of memory: 401 bytes for b");
  assert_error(CNN_E_NOMEM, cnn_last_status(), "holds 600 of at most 1000");
  void *b = cnn__alloc(context, 400, "b");
  assert_non_null(b);
  cnn__free(context, a);
  cnn__free(context, b);
  assert_null(cnn__alloc(context, 1001, "a"));
  cnn_context_free(context);
}

static void *allocate_crooked(void *user, size_t bytes, size_t alignment) {
  char *pointer = NULL;
  if (posix_memalign((void **)&pointer, alignment, bytes + 64) != 0) return NULL;
  return pointer + *(size_t *)user;
}

static void release_crooked(void *user, void *pointer) {
  free((char *)pointer - *(size_t *)user);
}

static void test_memory_that_a_host_misaligns_is_refused(void **state) {
  size_t shift = 0;
  cnn_allocator allocator = {sizeof allocator, &shift, allocate_crooked, release_crooked};
  cnn_context *context = cnn_context_new(.allocator = &allocator, .threads = 1);
  shift = 16;
  assert_null(cnn__alloc(context, 10, "x"));
  assert_error(CNN_E_INVALID, cnn_last_status(), "aligned");
  assert_int_equal(cnn_context_memory(context), 0);
  shift = 0;
  cnn_context_free(context);
}

static void test_texts_are_copied_and_formatted(void **state) {
  cnn_context *context = cnn_context_new(.threads = 1);
  char *copy = cnn__strdup(context, "text");
  char *formatted = cnn__format(context, "%s-%d", copy, 12);
  assert_string_equal(copy, "text");
  assert_string_equal(formatted, "text-12");
  cnn__free(context, copy);
  cnn__free(context, formatted);
  cnn_context_free(context);
}

/* ---- the current one ---- */

static void test_use_returns_the_previous_and_keeps_a_reference(void **state) {
  counting c = {0};
  cnn_context *a = counting_context(&c, 1), *b = cnn_context_new(.threads = 5);
  assert_null(cnn_context_use(a));
  assert_ptr_equal(cnn_context_use(a), a);
  cnn_context *acquired = cnn__context_acquire();
  assert_ptr_equal(acquired, a);
  cnn_context_free(acquired);
  cnn_context_free(a); /* the thread still has it */
  assert_true(atomic_load(&c.live) > 0);
  assert_int_equal(cnn_context_threads(NULL), 1);
  assert_ptr_equal(cnn_context_use(b), a);
  assert_int_equal(atomic_load(&c.live), 0);
  assert_int_equal(cnn_context_threads(NULL), 5);
  assert_ptr_equal(cnn_context_use(NULL), b);
  cnn_context_free(b);
}

static void *use_and_end(void *context) {
  assert_null(cnn_context_use(context));
  cnn_context_free(context);
  return NULL;
}

static void test_a_threads_end_gives_its_reference_back(void **state) {
  counting c = {0};
  cnn_context *context = counting_context(&c, 2);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, use_and_end, context), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_int_equal(atomic_load(&c.live), 0);
}

static void *acquire_default(void *out) {
  *(cnn_context **)out = cnn__context_acquire();
  return NULL;
}

static void test_all_threads_get_one_default_until_shutdown(void **state) {
  cnn_context *first = cnn__context_acquire(), *got[4];
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, acquire_default, &got[i]), 0);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_ptr_equal(got[i], first);
    cnn_context_free(got[i]);
  }
  void *held = cnn__alloc(first, 10, "x");
  assert_int_equal(cnn_context_memory(NULL), 10);
  cnn_shutdown();
  assert_int_equal(cnn_context_memory(NULL), 0); /* a new one; ours lives on */
  assert_int_equal(cnn_context_memory(first), 10);
  cnn__free(first, held);
  cnn_context_free(first);
  cnn_shutdown();
  cnn_shutdown();
}

/* ---- the log ---- */

typedef struct heard {
  int count;
  cnn_log_level level;
  char text[64];
} heard;

static void hear(void *user, cnn_log_level level, const char *text) {
  heard *h = user;
  h->count++;
  h->level = level;
  (void)snprintf(h->text, sizeof h->text, "%s", text);
}

static void test_messages_reach_the_log(void **state) {
  heard h = {0};
  cnn_log log = {sizeof log, &h, hear};
  cnn_context *context = cnn_context_new(.log = &log, .threads = 1);
  cnn__log_message(context, CNN_LOG_INFO, "%d files", 3);
  assert_int_equal(h.count, 1);
  assert_int_equal(h.level, CNN_LOG_INFO);
  assert_string_equal(h.text, "3 files");
  cnn_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_defaults),
      cmocka_unit_test(test_settings_arrive),
      cmocka_unit_test(test_wrong_settings_are_named),
      cmocka_unit_test(test_newer_options_are_read_where_they_are_empty),
      cmocka_unit_test(test_options_read_copies_what_it_knows_even_where_it_refuses),
      cmocka_unit_test(test_options_read_keeps_defaults_beyond_an_older_struct),
      cmocka_unit_test(test_memory_is_aligned_counted_and_returned),
      cmocka_unit_test(test_growing_keeps_content_and_the_old_block_on_failure),
      cmocka_unit_test(test_failed_memory_says_how_much_for_what),
      cmocka_unit_test(test_a_context_that_cannot_be_had_is_no_memory),
      cmocka_unit_test(test_the_limit_holds_to_the_byte),
      cmocka_unit_test(test_memory_that_a_host_misaligns_is_refused),
      cmocka_unit_test(test_texts_are_copied_and_formatted),
      cmocka_unit_test(test_use_returns_the_previous_and_keeps_a_reference),
      cmocka_unit_test(test_a_threads_end_gives_its_reference_back),
      cmocka_unit_test(test_all_threads_get_one_default_until_shutdown),
      cmocka_unit_test(test_messages_reach_the_log),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
