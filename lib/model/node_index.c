#include "model/node_index.h"

/* Where the layer is, or the free place that ends the search. */
static size_t slot_of(const cnn__node_index *index, const cnn_layer *layer) {
  size_t slot = (size_t)((uint64_t)(uintptr_t)layer * UINT64_C(0x9e3779b97f4a7c15) >> 32);
  while (index->by_layer[slot & (index->slots - 1)] != NULL &&
         index->by_layer[slot & (index->slots - 1)] != layer)
    slot++;
  return slot & (index->slots - 1);
}

cnn_status cnn__node_index_make(cnn_context *context, cnn__node_index *index, size_t room,
                                const cnn__node *nodes, size_t count) {
  cnn__node_index made = {.slots = 2};
  while (made.slots < 2 * room)
    made.slots *= 2;
  made.by_layer = cnn__calloc_array(context, made.slots, sizeof *made.by_layer, "a graph's layers");
  if (made.by_layer == NULL) return CNN_E_NOMEM;
  if (cnn__name_table_start(context, &made.by_name, room, "the names of a graph's layers")) {
    cnn__node_index_free(context, &made);
    return CNN_E_NOMEM;
  }
  bool apart = true;
  for (size_t i = 0; i < count; i++)
    apart = cnn__node_index_add(&made, nodes[i].layer, nodes[i].name) && apart;
  if (!apart) {
    cnn__node_index_free(context, &made);
    return cnn__fail(CNN_E_LIMIT, "%s: names that take too long to tell apart", "graph");
  }
  cnn__node_index_free(context, index);
  *index = made;
  return CNN_OK;
}

bool cnn__node_index_has_layer(const cnn__node_index *index, const cnn_layer *layer) {
  return index->slots > 0 && index->by_layer[slot_of(index, layer)] != NULL;
}

bool cnn__node_index_add(cnn__node_index *index, const cnn_layer *layer, const char *name) {
  index->by_layer[slot_of(index, layer)] = layer;
  return cnn__name_table_add(&index->by_name, name, 0) == CNN__NAME_ADDED;
}
