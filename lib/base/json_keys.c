/* Whether an object has a key twice. Few keys are compared with each other. Many are put into a table by their hashes: they
   depend on where the table lies, which a file cannot know; should they fall on each other all the same, the keys are
   sorted. */
#include "base/json_parser.h"
#include "base/name_order.h"
#include <string.h>

/* A place of the table: where a key begins in the text, which is never at 0, and bits of its hash. */
typedef struct cnn__json_key {
  uint32_t at, tag;
} cnn__json_key;

static cnn_status fail_nomem(const cnn__json_parser *p) {
  return cnn__fail_prefix(CNN_E_NOMEM, "%s", p->what);
}

static const char *find_among_few(const cnn__json *object) {
  for (const cnn__json *member = object->value.first; member; member = member->next)
    for (const cnn__json *other = member->next; other; other = other->next)
      if (*member->key == *other->key && strcmp(member->key, other->key) == 0) return other->key;
  return NULL;
}

/* ---- many: a table ---- */

uint64_t cnn__json_key_hash(const char *key, uint64_t seed) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ seed;
  for (; *key; key++)
    hash = (hash ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
  return (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

/* A power of two, at most half full. */
static cnn_status make_table(cnn__json_parser *p, size_t keys, size_t *places) {
  *places = 16;
  while (*places < 2 * keys)
    *places *= 2;
  if (*places > p->key_room) {
    cnn__free(p->context, p->key_table);
    p->key_table =
        cnn__alloc_array(p->context, *places, sizeof *p->key_table, "a JSON text's keys");
    p->key_room = p->key_table ? *places : 0;
    if (!p->key_table) return fail_nomem(p);
  }
  memset(p->key_table, 0, *places * sizeof *p->key_table);
  return CNN_OK;
}

/* False where it takes too many steps to say. */
static bool find_in_table(const cnn__json_parser *p, const cnn__json *object, size_t places,
                          const char **found) {
  enum { STEPS_A_KEY = 8 };
  const uint64_t seed = (uint64_t)(uintptr_t)p->key_table;
  size_t steps = STEPS_A_KEY * (size_t)object->count;
  for (const cnn__json *member = object->value.first; member; member = member->next) {
    const uint64_t hash = cnn__json_key_hash(member->key, seed);
    const uint32_t tag = (uint32_t)hash;
    size_t place = (size_t)(hash >> 32) & (places - 1);
    for (; p->key_table[place].at; place = (place + 1) & (places - 1)) {
      if (p->key_table[place].tag == tag &&
          strcmp(p->text + p->key_table[place].at, member->key) == 0) {
        *found = member->key;
        return true;
      }
      if (steps-- == 0) return false;
    }
    p->key_table[place] = (cnn__json_key){.at = (uint32_t)(member->key - p->text), .tag = tag};
  }
  return true;
}

/* ---- many: in order ---- */

static cnn_status find_in_order(cnn__json_parser *p, const cnn__json *object, const char **found) {
  cnn__free(p->context, p->key_table);
  p->key_table = NULL;
  p->key_room = 0;
  cnn__name *keys = cnn__alloc_array(p->context, object->count, sizeof *keys, "a JSON text's keys");
  if (!keys) return fail_nomem(p);
  size_t count = 0;
  for (const cnn__json *member = object->value.first; member; member = member->next)
    keys[count++] = cnn__name_of(member->key, NULL);
  cnn__names_sort(keys, count);
  for (size_t i = 1; i < count && !*found; i++)
    if (!cnn__name_before(&keys[i - 1], &keys[i])) *found = keys[i].name;
  cnn__free(p->context, keys);
  return CNN_OK;
}

static cnn_status find_among_many(cnn__json_parser *p, const cnn__json *object,
                                  const char **found) {
  size_t places;
  cnn_status status = make_table(p, object->count, &places);
  if (status || find_in_table(p, object, places, found)) return status;
  return find_in_order(p, object, found);
}

cnn_status cnn__json_check_keys(cnn__json_parser *p, const cnn__json *object, const char *start) {
  enum { FEW = 8 };
  const char *key = NULL;
  cnn_status status = CNN_OK;
  if (object->count <= FEW)
    key = find_among_few(object);
  else
    status = find_among_many(p, object, &key);
  if (status || !key) return status;
  return cnn__fail(CNN_E_FORMAT,
                   "%s: JSON: the key \"%.64s\" occurs twice in the object at offset %zu", p->what,
                   key, (size_t)(start - p->text));
}
