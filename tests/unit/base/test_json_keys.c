/* Keys whose hashes fall on each other: whoever knows where the table will lie can make such a text. */
#include "base/json_parser.h"
#include "support.h"
#include <stdalign.h>
#include <stdio.h>

enum {
  KEYS = 40,
  PLACES = 64, /* of a table for them */
  BEFORE = 64  /* bytes before each block */
};

/* Gives out the same addresses in the same order each time it has begun again. */
typedef struct repeating {
  size_t used;
  const char *table;
} repeating;

static alignas(64) char arena[1 << 20];

static void *allocate(void *user, size_t bytes, size_t alignment) {
  repeating *r = user;
  (void)alignment;
  char *block = arena + r->used;
  r->used += (bytes + 63) / 64 * 64;
  if (r->used > sizeof arena) return NULL;
  if (bytes == BEFORE + PLACES * sizeof(cnn__name_place)) r->table = block + BEFORE;
  return block;
}

static void release(void *user, void *pointer) {
  (void)user, (void)pointer;
}

static cnn_status parse(repeating *r, char keys[KEYS][16]) {
  char text[KEYS * 24] = "", *end = text;
  for (size_t i = 0; i < KEYS; i++)
    end += sprintf(end, "%c\"%s\":0", i ? ',' : '{', keys[i]);
  strcpy(end, "}");
  const cnn_allocator allocator = {sizeof allocator, r, allocate, release};
  r->used = 0;
  cnn_context *context = cnn_context_new(.allocator = &allocator, .threads = 1);
  cnn__json *root = NULL;
  cnn_clear_error();
  const cnn_status status = cnn__json_parse(context, "test", text, strlen(text), &root);
  cnn__json_free(context, root);
  assert_int_equal(cnn_context_memory(context), 0);
  cnn_context_free(context);
  return status;
}

static void test_keys_that_fall_on_each_other_are_refused(void **state) {
  repeating r = {.used = 0};
  char keys[KEYS][16];
  size_t found = 0;
  for (unsigned i = 0; i < KEYS; i++)
    (void)sprintf(keys[i], "k%07u", i);
  assert_int_equal(parse(&r, keys), CNN_OK);
  assert_non_null(r.table);
  const uint64_t seed = (uint64_t)(uintptr_t)r.table;
  for (unsigned i = 0; found < KEYS; i++) {
    (void)sprintf(keys[found], "k%07u", i);
    found += (cnn__name_hash(keys[found], seed) >> 32) % PLACES == 7;
  }
  assert_error(CNN_E_LIMIT, parse(&r, keys), "test: names that take too long to tell apart");
  memcpy(keys[20], keys[3], sizeof *keys);
  assert_error(CNN_E_FORMAT, parse(&r, keys), "occurs twice in the object at offset 0");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_keys_that_fall_on_each_other_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
