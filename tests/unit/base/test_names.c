/* Tables of names: against a list that is looked through. */
#include "base/name_table.h"
#include "one_context.h"
#include <stdio.h>

enum { MOST = 600, LONGEST = 24 };

static char texts[MOST][LONGEST];

static uint32_t random_number(void) {
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return state >> 8;
}

static size_t first_of(const char *text) {
  size_t i = 0;
  while (strcmp(texts[i], text) != 0)
    i++;
  return i;
}

/* Adds all, of which some may be the same; then each is found, as the first of its kind. */
static void check(cnn__name_table *table, size_t count) {
  uint32_t item = 77;
  assert_int_equal(cnn__name_table_start(context, table, count, "names"), CNN_OK);
  assert_true(table->count >= 16 && table->count > count &&
              (table->count & (table->count - 1)) == 0);
  assert_false(cnn__name_table_find(table, "absent", &item));
  for (size_t i = 0; i < count; i++)
    assert_int_equal(cnn__name_table_add(table, texts[i], (uint32_t)i),
                     first_of(texts[i]) == i ? CNN__NAME_ADDED : CNN__NAME_THERE);
  for (size_t i = 0; i < count; i++) {
    char copy[LONGEST];
    strcpy(copy, texts[i]);
    assert_true(cnn__name_table_find(table, copy, &item));
    assert_int_equal(item, first_of(texts[i]));
  }
  item = 77;
  assert_false(cnn__name_table_find(table, "absent", &item));
  assert_int_equal(item, 77);
}

/* Of few letters, some above 127, of every length about that of a word: many begin alike, end within others, or are the same.
   One table serves them all. */
static void test_names_of_any_kind_and_number(void **state) {
  static const char letters[] = {'a', 'b', '\x01', '\x7f', '\x80', '\xff'};
  cnn__name_table table = {.count = 0};
  for (size_t count = MOST + 1; count > 0; count = count > 20 ? count * 2 / 3 : count - 1)
    for (size_t kinds = 1; kinds <= sizeof letters; kinds++) {
      for (size_t i = 0; i < count - 1; i++) {
        const size_t length = kinds == 1 ? 20 - i % 21 : random_number() % 20;
        for (size_t k = 0; k < length; k++)
          texts[i][k] = letters[random_number() % kinds];
        texts[i][length] = 0;
      }
      check(&table, count - 1);
    }
  cnn__name_table_end(context, &table);
}

static void test_no_table_has_no_names(void **state) {
  const cnn__name_table table = {.count = 0};
  uint32_t item;
  assert_false(cnn__name_table_find(&table, "", &item));
}

static void test_without_memory_a_table_stays_as_it_was(void **state) {
  cnn__name_table table = {.count = 0};
  uint32_t item = 0;
  cnn_context *limited = cnn_context_new(.threads = 1, .max_memory = 20 * sizeof(cnn__name_place));
  assert_int_equal(cnn__name_table_start(limited, &table, 4, "names"), CNN_OK);
  assert_int_equal(table.count, 16);
  assert_int_equal(cnn__name_table_add(&table, "a", 5), CNN__NAME_ADDED);
  assert_error(CNN_E_NOMEM, cnn__name_table_start(limited, &table, 17, "some names"), "some names");
  cnn_clear_error();
  assert_true(cnn__name_table_find(&table, "a", &item));
  assert_int_equal(item, 5);
  cnn__name_table_end(limited, &table);
  assert_int_equal(cnn_context_memory(limited), 0);
  cnn_context_free(limited);
}

/* A name that falls on that place of a table of 64; the numbers are tried from *number on. */
static void put_falling(const cnn__name_table *table, char *name, unsigned *number) {
  do
    (void)sprintf(name, "%u", (*number)++);
  while ((cnn__name_hash(name, (uint64_t)(uintptr_t)table->places) >> 32) % table->count != 7);
}

/* Whoever knows where the table lies can make such names. 64 places stand 8 times 64 steps: 32 names in a row take 496, and the
   next one 32 more. */
static void test_names_that_fall_on_each_other_are_not_taken_for_ever(void **state) {
  cnn__name_table table = {.count = 0};
  unsigned number = 0;
  uint32_t item;
  assert_int_equal(cnn__name_table_start(context, &table, 40, "names"), CNN_OK);
  assert_int_equal(table.count, 64);
  for (uint32_t i = 0; i < 40; i++) {
    put_falling(&table, texts[i], &number);
    assert_int_equal(cnn__name_table_add(&table, texts[i], i),
                     i < 32 ? CNN__NAME_ADDED : CNN__NAME_CROWDED);
    assert_int_equal(cnn__name_table_find(&table, texts[i], &item), i < 32);
    if (i < 32) assert_int_equal(item, i);
  }
  assert_int_equal(cnn__name_table_add(&table, texts[31], 0), CNN__NAME_THERE);
  cnn__name_table_end(context, &table);
}

static int by_value(const void *a, const void *b) {
  const uint64_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

/* Two names of one place and one tag are told apart, all the same. */
static void test_names_of_one_hash_are_different_names(void **state) {
  enum { TRIED = 400000 };
  cnn__name_table table = {.count = 0};
  uint64_t *seen = malloc(TRIED * sizeof *seen);
  size_t i = 1;
  uint32_t item = 0;
  assert_int_equal(cnn__name_table_start(context, &table, 4, "names"), CNN_OK);
  for (unsigned number = 0, found = 0; found < TRIED; found++) {
    put_falling(&table, texts[0], &number);
    seen[found] = cnn__name_hash(texts[0], (uint64_t)(uintptr_t)table.places) << 32 | (number - 1);
  }
  qsort(seen, TRIED, sizeof *seen, by_value);
  while (i < TRIED && seen[i] >> 32 != seen[i - 1] >> 32)
    i++;
  assert_in_range(i, 1, TRIED - 1);
  for (uint32_t k = 0; k < 2; k++) {
    (void)sprintf(texts[k], "%u", (unsigned)(uint32_t)seen[i - 1 + k]);
    assert_int_equal(cnn__name_table_add(&table, texts[k], k), CNN__NAME_ADDED);
  }
  for (uint32_t k = 0; k < 2; k++) {
    assert_true(cnn__name_table_find(&table, texts[k], &item));
    assert_int_equal(item, k);
  }
  free(seen);
  cnn__name_table_end(context, &table);
}

static void test_hashes_depend_on_every_letter_and_the_seed(void **state) {
  static const char *const names[] = {"",         "a",         "b",         "ab",       "ba",
                                      "eightxyz", "eightxyza", "eightxyzb", "fightxyz", "eightxya"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    assert_true(cnn__name_hash(names[i], 0) >> 32 != cnn__name_hash(names[i], 64) >> 32);
    for (size_t k = 0; k < i; k++) {
      assert_true(cnn__name_hash(names[i], 64) >> 32 != cnn__name_hash(names[k], 64) >> 32);
      assert_true((uint32_t)cnn__name_hash(names[i], 64) != (uint32_t)cnn__name_hash(names[k], 64));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names_of_any_kind_and_number),
      cmocka_unit_test(test_no_table_has_no_names),
      cmocka_unit_test(test_without_memory_a_table_stays_as_it_was),
      cmocka_unit_test(test_names_that_fall_on_each_other_are_not_taken_for_ever),
      cmocka_unit_test(test_names_of_one_hash_are_different_names),
      cmocka_unit_test(test_hashes_depend_on_every_letter_and_the_seed),
  };
  return cmocka_run_group_tests_name("tables of names", tests, context_begin, context_end);
}
