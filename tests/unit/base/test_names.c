/* Names in order: against qsort and strcmp. */
#include "base/name_order.h"
#include "support.h"
#include <stdio.h>

enum { MOST = 600, LONGEST = 24 };

static char texts[MOST][LONGEST];
static cnn__name names[MOST];

static int by_text(const void *a, const void *b) {
  return strcmp(a, b);
}

static void check(size_t count) {
  static char expected[MOST][LONGEST];
  memcpy(expected, texts, sizeof texts);
  qsort(expected, count, sizeof *expected, by_text);
  for (size_t i = 0; i < count; i++)
    names[i] = cnn__name_of(texts[i], texts[i]);
  cnn__names_sort(names, count);
  for (size_t i = 0; i < count; i++) {
    assert_string_equal(names[i].name, expected[i]);
    assert_ptr_equal(names[i].name, names[i].item);
    const char *found = cnn__names_find(names, count, texts[i]);
    assert_non_null(found);
    assert_string_equal(found, texts[i]);
    if (i == 0) continue;
    assert_int_equal(cnn__name_before(&names[i - 1], &names[i]),
                     strcmp(expected[i - 1], expected[i]) < 0);
    assert_false(cnn__name_before(&names[i], &names[i - 1]));
  }
}

static uint32_t random_number(void) {
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return state >> 8;
}

/* Of few letters, some above 127, of every length about that of the number: many begin alike, end within others, or are the
   same. */
static void test_names_of_any_kind_and_number(void **state) {
  static const char letters[] = {'a', 'b', '\x01', '\x7f', '\x80', '\xff'};
  for (size_t count = 0; count <= MOST; count = count < 20 ? count + 1 : count * 3 / 2)
    for (size_t kinds = 1; kinds <= sizeof letters; kinds++) {
      for (size_t i = 0; i < count; i++) {
        const size_t length = kinds == 1 ? 20 - i % 21 : random_number() % 12;
        for (size_t k = 0; k < length; k++)
          texts[i][k] = letters[random_number() % kinds];
        texts[i][length] = 0;
      }
      check(count);
    }
}

static void test_ordered_and_reversed_names(void **state) {
  for (int reversed = 0; reversed < 2; reversed++) {
    for (int i = 0; i < MOST; i++)
      (void)snprintf(texts[i], LONGEST, "prefix/%06d", reversed ? MOST - i : i);
    check(MOST);
  }
}

static void test_what_is_not_there_is_not_found(void **state) {
  static const char *const there[] = {"", "a", "eightxyz", "eightxyza", "eightxyzb", "z"};
  static const char *const absent[] = {"A", "aa", "eightxy", "eightxyz\x01", "eightxyzaa", "zz"};
  for (size_t i = 0; i < 6; i++)
    names[i] = cnn__name_of(there[i], there[i]);
  for (size_t i = 0; i < 6; i++) {
    assert_ptr_equal(cnn__names_find(names, 6, there[i]), there[i]);
    assert_null(cnn__names_find(names, 6, absent[i]));
    assert_null(cnn__names_find(names, 0, there[i]));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names_of_any_kind_and_number),
      cmocka_unit_test(test_ordered_and_reversed_names),
      cmocka_unit_test(test_what_is_not_there_is_not_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
