#include "base/name_table.h"
#include "base/size.h"
#include <string.h>

/* Upper bits depend on all of it, and fold into the lower ones. */
static uint64_t mixed(uint64_t hash) {
  hash *= UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 32;
}

uint64_t cnn__name_hash(const char *name, uint64_t seed) {
  uint64_t hash = seed, word = 0;
  size_t left = strlen(name);
  for (; left >= sizeof word; left -= sizeof word, name += sizeof word) {
    memcpy(&word, name, sizeof word);
    hash = mixed(hash ^ word);
  }
  word = 0;
  while (left > 0)
    word = word << 8 | (unsigned char)name[--left];
  return mixed(hash ^ word) * UINT64_C(0xd6e8feb86659fd93);
}

cnn_status cnn__name_table_start(cnn_context *context, cnn__name_table *table, size_t names,
                                 const char *what) {
  enum { FEWEST = 16, STEPS_A_NAME = 8 };
  size_t count = FEWEST;
  while (count < names + names / 2)
    count *= 2;
  if (count > table->room) {
    cnn__name_place *places = cnn__alloc_array(context, count, sizeof *places, what);
    if (!places) return CNN_E_NOMEM;
    cnn__free(context, table->places);
    table->places = places;
    table->room = count;
  }
  table->count = count;
  table->steps = STEPS_A_NAME * count;
  memset(table->places, 0, count * sizeof *table->places);
  return CNN_OK;
}

/* The name's place, or the free one that ends the search. */
static cnn__name_place *seek(const cnn__name_table *table, const char *name, uint64_t hash,
                             size_t *steps) {
  size_t place = (size_t)(hash >> 32);
  for (;; place++, ++*steps) {
    cnn__name_place *at = &table->places[place & (table->count - 1)];
    if (!at->name || (at->tag == (uint32_t)hash && strcmp(at->name, name) == 0)) return at;
  }
}

static uint64_t hash_in(const cnn__name_table *table, const char *name) {
  return cnn__name_hash(name, (uint64_t)(uintptr_t)table->places);
}

cnn__name_added cnn__name_table_add(cnn__name_table *table, const char *name, uint32_t item) {
  const uint64_t hash = hash_in(table, name);
  size_t steps = 0;
  cnn__name_place *place = seek(table, name, hash, &steps);
  if (place->name) return CNN__NAME_THERE;
  if (steps > table->steps) return CNN__NAME_CROWDED;
  table->steps -= steps;
  *place = (cnn__name_place){.name = name, .tag = (uint32_t)hash, .item = item};
  return CNN__NAME_ADDED;
}

bool cnn__name_table_find(const cnn__name_table *table, const char *name, uint32_t *item) {
  size_t steps = 0;
  if (table->count == 0) return false;
  const cnn__name_place *place = seek(table, name, hash_in(table, name), &steps);
  if (place->name) *item = place->item;
  return place->name != NULL;
}
