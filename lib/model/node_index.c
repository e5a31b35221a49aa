#include "model/node_index.h"

#include <string.h>

/* FNV-1a */
static uint64_t hash_of_name(const char *name) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (; *name; name++)
    hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
  return hash;
}

static uint64_t hash_of_layer(const cnn_layer *layer) {
  return (uint64_t)(uintptr_t)layer * UINT64_C(0x9e3779b97f4a7c15);
}

/* Where a hash is looked for first. The hashes of names of a few letters differ in a few bits, far from each other: without
   the product they would lie in heaps. */
static size_t slot_of(const cnn__node_index *index, uint64_t hash) {
  hash = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
  return (size_t)(hash >> 32) & (index->slots - 1);
}

static void put(const cnn__node_index *index, uint16_t *table, uint64_t hash, size_t entry) {
  size_t slot = slot_of(index, hash);
  while (table[slot])
    slot = (slot + 1) & (index->slots - 1);
  table[slot] = (uint16_t)(entry + 1);
}

static void put_entry(const cnn__node_index *index, size_t entry) {
  put(index, index->by_layer, hash_of_layer(index->entries[entry].layer), entry);
  put(index, index->by_name, index->entries[entry].name_hash, entry);
}

cnn_status cnn__node_index_reserve(cnn_context *context, cnn__node_index *index, size_t nodes) {
  size_t slots = 2;
  while (slots < 2 * nodes)
    slots *= 2;
  cnn__node_entry *entries =
      cnn__realloc_array(context, index->entries, nodes, sizeof *entries, "a graph's layers");
  if (entries == NULL) return CNN_E_NOMEM;
  index->entries = entries;
  uint16_t *tables =
      cnn__calloc_array(context, 2 * slots, sizeof *tables, "the names of a graph's layers");
  if (tables == NULL) return CNN_E_NOMEM;
  cnn__free(context, index->by_layer);
  index->slots = slots;
  index->by_layer = tables;
  index->by_name = tables + slots;
  for (size_t i = 0; i < index->count; i++)
    put_entry(index, i);
  return CNN_OK;
}

void cnn__node_index_free(cnn_context *context, cnn__node_index *index) {
  cnn__free(context, index->entries);
  cnn__free(context, index->by_layer); /* by_name lies behind it */
}

bool cnn__node_index_has_layer(const cnn__node_index *index, const cnn_layer *layer) {
  if (index->count == 0) return false;
  size_t slot = slot_of(index, hash_of_layer(layer));
  for (; index->by_layer[slot]; slot = (slot + 1) & (index->slots - 1))
    if (index->entries[index->by_layer[slot] - 1].layer == layer) return true;
  return false;
}

bool cnn__node_index_has_name(const cnn__node_index *index, const char *name) {
  if (index->count == 0) return false;
  const uint64_t hash = hash_of_name(name);
  size_t slot = slot_of(index, hash);
  for (; index->by_name[slot]; slot = (slot + 1) & (index->slots - 1)) {
    const cnn__node_entry *entry = &index->entries[index->by_name[slot] - 1];
    if (entry->name_hash == hash && strcmp(entry->name, name) == 0) return true;
  }
  return false;
}

void cnn__node_index_add(cnn__node_index *index, const cnn_layer *layer, const char *name) {
  index->entries[index->count] =
      (cnn__node_entry){.layer = layer, .name = name, .name_hash = hash_of_name(name)};
  put_entry(index, index->count++);
}
