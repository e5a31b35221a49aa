/* Keys whose hashes fall on each other: whoever knows where the table will lie can make such a file. */
#include "base/json_parser.h"
#include "base/name_order.h"
#include "support.h"
#include <stdalign.h>
#include <stdio.h>

enum { KEYS = 40, PLACES = 128, BEFORE = 64 /* what stands before each block */ };

/* Gives out the same addresses in the same order each time it has begun again. */
typedef struct repeating {
  size_t used;
  const char *table; /* the block that is as large as the table of KEYS keys */
  size_t lists;      /* how many blocks are as large as the list of them */
  bool fails_list;
} repeating;

static alignas(64) char arena[1 << 20];

static void *allocate(void *user, size_t bytes, size_t alignment) {
  repeating *r = user;
  (void)alignment;
  const bool is_list = bytes == BEFORE + KEYS * sizeof(cnn__name);
  if (is_list && r->fails_list) return NULL;
  char *block = arena + r->used;
  r->used += (bytes + 63) / 64 * 64;
  if (r->used > sizeof arena) return NULL;
  if (bytes == BEFORE + PLACES * 8) r->table = block + BEFORE;
  if (is_list) r->lists++;
  return block;
}

static void release(void *user, void *pointer) {
  (void)user, (void)pointer;
}

static cnn_status parse(repeating *r, char keys[KEYS][8]) {
  char text[KEYS * 16] = "", *end = text;
  for (int i = 0; i < KEYS; i++)
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

/* Different keys of one length, for the place of the first of them. */
static void find_keys(const repeating *r, char keys[KEYS][8]) {
  int found = 0;
  size_t place = 0;
  for (int i = 0; found < KEYS; i++) {
    assert_in_range(i, 0, 999999);
    (void)snprintf(keys[found], 8, "k%06u", (unsigned)i % 1000000u);
    const uint64_t hash = cnn__json_key_hash(keys[found], (uint64_t)(uintptr_t)r->table);
    if (found == 0) place = (size_t)(hash >> 32) % PLACES;
    found += (size_t)(hash >> 32) % PLACES == place;
  }
}

static void test_keys_that_fall_on_each_other_are_sorted(void **state) {
  repeating r = {.used = 0};
  char keys[KEYS][8];
  for (int i = 0; i < KEYS; i++)
    (void)snprintf(keys[i], sizeof keys[i], "k%06u", (unsigned)i % 1000000u);
  assert_int_equal(parse(&r, keys), CNN_OK);
  assert_non_null(r.table);
  assert_int_equal(r.lists, 0);
  find_keys(&r, keys);
  assert_int_equal(parse(&r, keys), CNN_OK);
  assert_int_equal(r.lists, 1);
  memcpy(keys[KEYS - 1], keys[KEYS - 2], sizeof *keys);
  assert_error(CNN_E_FORMAT, parse(&r, keys), "occurs twice in the object at offset 0");
  assert_int_equal(r.lists, 1);
  r.fails_list = true;
  assert_error(CNN_E_NOMEM, parse(&r, keys), "test: out of memory");
}

static void test_hashes_depend_on_every_letter_and_the_seed(void **state) {
  assert_true(cnn__json_key_hash("ab", 0) != cnn__json_key_hash("ba", 0));
  assert_true(cnn__json_key_hash("ab", 0) != cnn__json_key_hash("ab", 64));
  assert_true(cnn__json_key_hash("a", 0) >> 32 != cnn__json_key_hash("b", 0) >> 32);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_keys_that_fall_on_each_other_are_sorted),
      cmocka_unit_test(test_hashes_depend_on_every_letter_and_the_seed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
