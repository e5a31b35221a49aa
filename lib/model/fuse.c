#include "model/fuse.h"

#include <stdint.h>

void cnn__readers_find(const cnn__network *network, cnn__readers *readers) {
  for (size_t i = 0; i < network->node_count; i++)
    readers[i] = (cnn__readers){.count = 0, .node = SIZE_MAX};
  for (size_t i = 0; i < network->node_count; i++)
    for (size_t k = 0; k < network->nodes[i].input_count; k++) {
      cnn__readers *source = &readers[network->nodes[i].input[k]];
      source->count++;
      source->node = i;
    }
  readers[network->output].count++;
  readers[network->output].node = SIZE_MAX;
}

/* The one node that reads node's output; SIZE_MAX where there are several, or the caller does. */
static size_t only_reader(const cnn__readers *readers, size_t node) {
  return readers[node].count == 1 ? readers[node].node : SIZE_MAX;
}

static cnn_activation_kind activation_of(const cnn_layer *layer, double *slope) {
  *slope = 0;
  return layer->class->activation == NULL ? CNN_LINEAR : layer->class->activation(layer, slope);
}

static void take(cnn__fusion *fusion, size_t node) {
  fusion->taken[fusion->taken_count++] = node;
  fusion->last = node;
}

/* Takes an Activation layer behind the node in place of the node's own activation, if that is
   linear and the other one's is a ReLU. */
static void take_relu_layer(const cnn__network *network, const cnn__readers *readers,
                            cnn__fusion *fusion) {
  size_t next = only_reader(readers, fusion->last);
  if (next == SIZE_MAX) return;
  const cnn_layer *layer = network->nodes[next].layer;
  double slope;
  if (layer->class != cnn__layer_class_find("Activation")) return;
  if (activation_of(layer, &slope) != CNN_RELU) return;
  fusion->after = CNN_RELU;
  take(fusion, next);
}

static void take_pool(const cnn__network *network, const cnn__readers *readers, size_t node,
                      cnn__op_request *request, cnn__fusion *fusion) {
  const cnn_layer *layer = network->nodes[node].layer;
  size_t next = only_reader(readers, fusion->last);
  if (next == SIZE_MAX || layer->class->can_fuse_pool == NULL) return;
  if (!cnn__max_pool_geometry(network->nodes[next].layer, request->output, &fusion->pool)) return;
  if (!layer->class->can_fuse_pool(layer, request, &fusion->pool)) return;
  request->fuse_pool = &fusion->pool;
  take(fusion, next);
}

void cnn__fuse(const cnn__network *network, const cnn__readers *readers, size_t node, bool drop,
               cnn__op_request *request, cnn__fusion *fusion) {
  const cnn_layer *layer = network->nodes[node].layer;
  *fusion = (cnn__fusion){.last = node};
  fusion->after = activation_of(layer, &fusion->slope);
  if (drop && node == network->output) fusion->after = CNN_LINEAR;
  if (!layer->class->fuses_relu) return;
  if (fusion->after == CNN_LINEAR) take_relu_layer(network, readers, fusion);
  if (fusion->after == CNN_RELU) {
    request->fuse_relu = true;
    fusion->after = CNN_LINEAR;
  }
  if (fusion->after == CNN_LINEAR) take_pool(network, readers, node, request, fusion);
}
