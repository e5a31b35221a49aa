/* Keys whose hashes fall on each other: whoever knows where the table will lie can make such a file. */
#include "base/json_parser.h"
#include "base/name_order.h"
#include "support.h"
#include <stdalign.h>
#include <stdio.h>

enum {
  MOST_KEYS = 40,
  BEFORE = 64 /* bytes before each block */
};

/* Gives out the same addresses in the same order each time it has begun again. */
typedef struct repeating {
  size_t keys, places; /* of the object that is parsed, and of the table for them */
  size_t used;
  const char *table;
  size_t lists; /* how many blocks are as large as the list that is sorted */
  bool fails_list;
} repeating;

static alignas(64) char arena[1 << 20];

static void *allocate(void *user, size_t bytes, size_t alignment) {
  repeating *r = user;
  (void)alignment;
  const bool is_list = bytes == BEFORE + r->keys * sizeof(cnn__name);
  if (is_list && r->fails_list) return NULL;
  char *block = arena + r->used;
  r->used += (bytes + 63) / 64 * 64;
  if (r->used > sizeof arena) return NULL;
  if (bytes == BEFORE + r->places * 8) r->table = block + BEFORE;
  if (is_list) r->lists++;
  return block;
}

static void release(void *user, void *pointer) {
  (void)user, (void)pointer;
}

static cnn_status parse(repeating *r, char keys[MOST_KEYS][16]) {
  char text[MOST_KEYS * 24] = "", *end = text;
  for (size_t i = 0; i < r->keys; i++)
    end += sprintf(end, "%c\"%s\":0", i ? ',' : '{', keys[i]);
  strcpy(end, "}");
  const cnn_allocator allocator = {sizeof allocator, r, allocate, release};
  r->used = r->lists = 0;
  cnn_context *context = cnn_context_new(.allocator = &allocator, .threads = 1);
  cnn__json *root = NULL;
  cnn_clear_error();
  const cnn_status status = cnn__json_parse(context, "test", text, strlen(text), &root);
  cnn__json_free(context, root);
  assert_int_equal(cnn_context_memory(context), 0);
  cnn_context_free(context);
  return status;
}

/* Digits by hand: millions are made. */
static void put_key(char *key, unsigned number) {
  memcpy(key, "k00000000", 10);
  for (int i = 8; number > 0; i--, number /= 10)
    key[i] = (char)('0' + number % 10);
}

/* Parses any keys of that number and length, to see where the table lies. */
static repeating begun(size_t keys, size_t places) {
  repeating r = {.keys = keys, .places = places};
  char any[MOST_KEYS][16];
  for (size_t i = 0; i < keys; i++)
    put_key(any[i], (unsigned)i);
  assert_int_equal(parse(&r, any), CNN_OK);
  assert_non_null(r.table);
  assert_int_equal(r.lists, 0);
  return r;
}

static uint64_t hash_in(const repeating *r, unsigned number) {
  char key[16];
  put_key(key, number);
  return cnn__json_key_hash(key, (uint64_t)(uintptr_t)r->table);
}

static size_t place_of(const repeating *r, uint64_t hash) {
  return (size_t)(hash >> 32) % r->places;
}

static void test_keys_that_fall_on_each_other_are_sorted(void **state) {
  repeating r = begun(MOST_KEYS, 128);
  char keys[MOST_KEYS][16];
  size_t found = 0;
  for (unsigned i = 0; found < MOST_KEYS; i++)
    if (place_of(&r, hash_in(&r, i)) == 7) put_key(keys[found++], i);
  assert_int_equal(parse(&r, keys), CNN_OK);
  assert_int_equal(r.lists, 1);
  memcpy(keys[MOST_KEYS - 1], keys[0], sizeof *keys);
  assert_error(CNN_E_FORMAT, parse(&r, keys), "occurs twice in the object at offset 0");
  assert_int_equal(r.lists, 1);
  r.fails_list = true;
  assert_error(CNN_E_NOMEM, parse(&r, keys), "test: out of memory");
}

static int by_value(const void *a, const void *b) {
  const uint64_t *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

/* Of as many keys as it takes for one place, two whose other bits are the same, too. */
static void test_keys_of_one_hash_are_different_keys(void **state) {
  enum { KEYS = 9, TRIED = 400000 };
  repeating r = begun(KEYS, 32);
  char keys[MOST_KEYS][16];
  uint64_t *seen = malloc(TRIED * sizeof *seen);
  size_t count = 0, i = 1;
  for (unsigned number = 0; count < TRIED; number++) {
    const uint64_t hash = hash_in(&r, number);
    if (place_of(&r, hash) == 7) seen[count++] = hash << 32 | number;
  }
  qsort(seen, count, sizeof *seen, by_value);
  while (i < count && seen[i] >> 32 != seen[i - 1] >> 32)
    i++;
  assert_in_range(i, 1, count - 1);
  put_key(keys[0], (unsigned)seen[i - 1]);
  put_key(keys[1], (unsigned)seen[i]);
  free(seen);
  for (unsigned k = 2; k < KEYS; k++)
    put_key(keys[k], 90000000 + k);
  assert_int_equal(parse(&r, keys), CNN_OK);
  memcpy(keys[2], keys[1], sizeof *keys);
  assert_error(CNN_E_FORMAT, parse(&r, keys), "occurs twice in the object at offset 0");
  assert_int_equal(r.lists, 0);
}

static void test_hashes_depend_on_every_letter_and_the_seed(void **state) {
  assert_true(cnn__json_key_hash("ab", 0) != cnn__json_key_hash("ba", 0));
  assert_true(cnn__json_key_hash("ab", 0) != cnn__json_key_hash("ab", 64));
  assert_true(cnn__json_key_hash("a", 0) >> 32 != cnn__json_key_hash("b", 0) >> 32);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_keys_that_fall_on_each_other_are_sorted),
      cmocka_unit_test(test_keys_of_one_hash_are_different_keys),
      cmocka_unit_test(test_hashes_depend_on_every_letter_and_the_seed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
