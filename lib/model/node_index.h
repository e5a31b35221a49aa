/* The layers and names of a graph's nodes, found in constant time: thousands of layers take milliseconds. */
#ifndef CNN_MODEL_NODE_INDEX_H
#define CNN_MODEL_NODE_INDEX_H

#include "model/network.h"

typedef struct cnn__node_entry {
  const cnn_layer *layer;
  const char *name; /* the node's */
  uint64_t name_hash;
} cnn__node_entry;

/* Two hash tables with open addressing, of places in entries; {0} to begin with. */
typedef struct cnn__node_index {
  size_t count;
  cnn__node_entry *entries;
  size_t slots;                 /* of each table: a power of two, at least twice count */
  uint16_t *by_layer, *by_name; /* 0, or an entry's number + 1 */
} cnn__node_index;

/* Room for so many nodes, CNN__MAX_LAYERS at most. CNN_E_NOMEM leaves the index as it was. */
cnn_status cnn__node_index_reserve(cnn_context *context, cnn__node_index *index, size_t nodes);
void cnn__node_index_free(cnn_context *context, cnn__node_index *index);

bool cnn__node_index_has_layer(const cnn__node_index *index, const cnn_layer *layer);
bool cnn__node_index_has_name(const cnn__node_index *index, const char *name);
/* Room for it is there, and neither is in it. name stays where it is. */
void cnn__node_index_add(cnn__node_index *index, const cnn_layer *layer, const char *name);

#endif
