#include "model/fuse.h"
#include "layers/classes.h"

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

static void take(cnn__fusion *fusion, size_t node) {
  fusion->taken[fusion->taken_count++] = node;
  fusion->last = node;
}

/* The next node, if its layer is of this class and nobody else reads what is taken; or SIZE_MAX. */
static size_t next_of(const cnn__network *network, const cnn__readers *readers,
                      const cnn__fusion *fusion, const cnn__layer_class *class) {
  const size_t next = only_reader(readers, fusion->last);
  if (next == SIZE_MAX) return SIZE_MAX;
  return network->nodes[next].layer->class == class ? next : SIZE_MAX;
}

/* With statistics that stay, a normalisation is a factor and an offset for each channel: kernel and bias have them
   instead. That rounds elsewhere, and so not where sums are asked for as they stand. */
static void take_normalization(const cnn__network *network, const cnn__readers *readers,
                               const cnn_layer *layer, cnn__op_request *request,
                               cnn__fusion *fusion) {
  if (request->training || request->exact || !layer->class->fuses_normalization) return;
  const size_t next = next_of(network, readers, fusion, &cnn__batch_normalization_class);
  if (next == SIZE_MAX) return;
  request->fuse_normalization = network->nodes[next].layer;
  fusion->normalization = next;
  take(fusion, next);
}

static bool can_take(const cnn_layer *layer, const cnn__op_request *request,
                     cnn_activation_kind kind) {
  return layer->class->can_fuse_activation != NULL &&
         layer->class->can_fuse_activation(request, kind);
}

/* Takes an Activation layer behind the node in place of the node's own activation, which is linear. */
static void take_activation_layer(const cnn__network *network, const cnn__readers *readers,
                                  const cnn_layer *layer, const cnn__op_request *request,
                                  cnn__fusion *fusion) {
  double slope;
  const size_t next = next_of(network, readers, fusion, &cnn__activation_class);
  if (next == SIZE_MAX) return;
  const cnn_activation_kind kind = cnn__layer_activation(network->nodes[next].layer, &slope);
  if (kind == CNN_LINEAR || !can_take(layer, request, kind)) return;
  fusion->after = kind;
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
  *fusion = (cnn__fusion){.last = node, .normalization = SIZE_MAX};
  fusion->after = cnn__layer_activation(layer, &fusion->slope);
  if (drop && node == network->output) fusion->after = CNN_LINEAR;
  if (fusion->after == CNN_LINEAR) take_normalization(network, readers, layer, request, fusion);
  if (fusion->after == CNN_LINEAR) take_activation_layer(network, readers, layer, request, fusion);
  if (fusion->after != CNN_LINEAR && can_take(layer, request, fusion->after)) {
    request->fuse_activation = fusion->after;
    fusion->after = CNN_LINEAR;
  }
  if (fusion->after == CNN_LINEAR) take_pool(network, readers, node, request, fusion);
}
