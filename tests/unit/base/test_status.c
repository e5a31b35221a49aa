#include "support.h"
#include <cnn/version.h>
#include <pthread.h>
#include <stdio.h>

static void test_version_text_and_number_agree(void **state) {
  char text[32];
  (void)snprintf(text, sizeof text, "%d.%d.%d", CNN_VERSION_MAJOR, CNN_VERSION_MINOR,
                 CNN_VERSION_PATCH);
  assert_string_equal(cnn_version_string(), text);
  assert_int_equal(cnn_version(), CNN_VERSION);
}

static void test_nothing_is_pending_at_first(void **state) {
  cnn_clear_error();
  assert_int_equal(cnn_last_status(), CNN_OK);
  assert_string_equal(cnn_last_error(), "");
}

static void test_a_failure_is_pending_with_its_numbers(void **state) {
  assert_int_equal(cnn__fail(CNN_E_SHAPE, "conv2d_1: kernel %dx%d", 5, 7), CNN_E_SHAPE);
  assert_int_equal(cnn_last_status(), CNN_E_SHAPE);
  assert_string_equal(cnn_last_error(), "conv2d_1: kernel 5x7");
}

static void test_null_keeps_a_pending_failure(void **state) {
  cnn__fail(CNN_E_IO, "first");
  assert_int_equal(cnn__fail_null("cnn_f", "model"), CNN_E_IO);
  assert_string_equal(cnn_last_error(), "first");
  cnn_clear_error();
  assert_int_equal(cnn__fail_null("cnn_f", "model"), CNN_E_INVALID);
  assert_string_equal(cnn_last_error(), "cnn_f: model is NULL");
}

static void test_a_prefix_goes_before_the_message(void **state) {
  cnn__fail(CNN_E_IO, "no %s", "disk");
  assert_int_equal(cnn__fail_prefix(CNN_E_FORMAT, "layer %d", 3), CNN_E_FORMAT);
  assert_string_equal(cnn_last_error(), "layer 3: no disk");
  assert_int_equal(cnn_last_status(), CNN_E_FORMAT);
}

static void test_a_message_may_quote_the_one_before(void **state) {
  cnn__fail(CNN_E_IO, "old");
  cnn__fail(CNN_E_IO, "new, was %s", cnn_last_error());
  assert_string_equal(cnn_last_error(), "new, was old");
}

static void test_long_text_is_cut_between_characters(void **state) {
  char text[1200];
  for (size_t lead = 0; lead < 3; lead++) {
    memset(text, 'a', lead);
    for (size_t i = lead; i + 2 < sizeof text; i += 2)
      memcpy(text + i, "\xc3\xa9", 3);
    cnn__fail(CNN_E_IO, "%s", text);
    size_t length = strlen(cnn_last_error());
    assert_true(length == 511 || length == 510);
    assert_int_equal((length - lead) % 2, 0);
    assert_memory_equal(cnn_last_error(), text, length);
  }
}

static void test_messages_are_printable_whatever_they_quote(void **state) {
  cnn__fail(CNN_E_IO, "%s", "a\nb\x1b[31m\xff\xc3\xa9\xed\xa0\x80\xf0\x9f\x98\x80");
  assert_string_equal(cnn_last_error(), "a?b?[31m?\xc3\xa9???\xf0\x9f\x98\x80");
}

/* Callbacks of the user's may fail with anything. */
static void test_a_users_failure_has_a_status_and_words(void **state) {
  static const int none[] = {0, 1, 99, -15, -1000};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    assert_int_equal(cnn_fail((cnn_status)none[i], "why"), CNN_E_INVALID);
    assert_string_equal(cnn_last_error(), "why");
  }
  assert_int_equal(cnn_fail(CNN_E_IO, NULL), CNN_E_IO);
  assert_string_equal(cnn_last_error(), cnn_status_string(CNN_E_IO));
}

/* Bytes that are within no character do not take what is before them along. */
static void test_cutting_a_text_of_no_characters_ends(void **state) {
  char text[1200];
  memset(text, 0x80, sizeof text - 1);
  text[sizeof text - 1] = 0;
  cnn__fail(CNN_E_IO, "%s", text);
  for (const char *c = cnn_last_error(); *c; c++)
    assert_int_equal(*c, '?');
  memset(text, 'a', 505);
  cnn__fail(CNN_E_IO, "%s", text);
  assert_memory_equal(cnn_last_error(), text, 505);
}

static void *fail_elsewhere(void *argument) {
  cnn__failure *out = argument;
  assert_string_equal(cnn_last_error(), "");
  cnn__fail(CNN_E_THREAD, "elsewhere");
  cnn__failure_take(out);
  return NULL;
}

static void test_failures_are_each_threads_own_and_can_travel(void **state) {
  cnn__fail(CNN_E_IO, "here");
  cnn__failure failure;
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, &failure), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_string_equal(cnn_last_error(), "here");
  assert_int_equal(cnn__failure_give(&failure), CNN_E_THREAD);
  assert_string_equal(cnn_last_error(), "elsewhere");
  assert_int_equal(cnn_last_status(), CNN_E_THREAD);
}

static void test_every_status_has_words_of_its_own(void **state) {
  for (int a = 0; a >= -14; a--) {
    assert_string_not_equal(cnn_status_string((cnn_status)a), "unknown status");
    for (int b = 0; b > a; b--)
      assert_string_not_equal(cnn_status_string((cnn_status)a), cnn_status_string((cnn_status)b));
  }
  assert_string_equal(cnn_status_string((cnn_status)-15), "unknown status");
  assert_string_equal(cnn_status_string((cnn_status)1), "unknown status");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_version_text_and_number_agree),
      cmocka_unit_test(test_nothing_is_pending_at_first),
      cmocka_unit_test(test_a_failure_is_pending_with_its_numbers),
      cmocka_unit_test(test_null_keeps_a_pending_failure),
      cmocka_unit_test(test_a_prefix_goes_before_the_message),
      cmocka_unit_test(test_a_message_may_quote_the_one_before),
      cmocka_unit_test(test_long_text_is_cut_between_characters),
      cmocka_unit_test(test_messages_are_printable_whatever_they_quote),
      cmocka_unit_test(test_a_users_failure_has_a_status_and_words),
      cmocka_unit_test(test_cutting_a_text_of_no_characters_ends),
      cmocka_unit_test(test_failures_are_each_threads_own_and_can_travel),
      cmocka_unit_test(test_every_status_has_words_of_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
