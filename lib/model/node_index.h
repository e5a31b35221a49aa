/* The layers and names of a graph's nodes, found in constant time: thousands of layers take milliseconds. */
#ifndef CNN_MODEL_NODE_INDEX_H
#define CNN_MODEL_NODE_INDEX_H

#include "base/name_table.h"
#include "model/network.h"

/* {0} to begin with. */
typedef struct cnn__node_index {
  size_t slots;               /* of by_layer: a power of two, at least twice the number of layers */
  const cnn_layer **by_layer; /* open addressing; NULL: nothing is here */
  cnn__name_table by_name;
} cnn__node_index;

/* Makes an index with room for that many nodes, of which count are there. CNN_E_NOMEM, or CNN_E_LIMIT for
   names that are too hard to tell apart, leaves it as it was. */
cnn_status cnn__node_index_make(cnn_context *context, cnn__node_index *index, size_t room,
                                const cnn__node *nodes, size_t count);
static inline void cnn__node_index_free(cnn_context *context, cnn__node_index *index) {
  cnn__free(context, index->by_layer);
  cnn__name_table_end(context, &index->by_name);
}

bool cnn__node_index_has_layer(const cnn__node_index *index, const cnn_layer *layer);
static inline bool cnn__node_index_has_name(const cnn__node_index *index, const char *name) {
  uint32_t item;
  return cnn__name_table_find(&index->by_name, name, &item);
}
/* Room for it is there, and neither is in it. name stays where it is. False: names that are too hard to tell apart. */
bool cnn__node_index_add(cnn__node_index *index, const cnn_layer *layer, const char *name);

#endif
