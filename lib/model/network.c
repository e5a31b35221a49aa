#include "model/network.h"

#include <string.h>

void cnn__node_end(cnn_context *context, const cnn__node *node) {
  if (node->name != node->layer->name) cnn__free(context, node->name);
  cnn__free(context, node->parameters);
  cnn_layer_free(node->layer);
}

cnn__network *cnn__network_retain(cnn__network *network) {
  atomic_fetch_add_explicit(&network->references, 1, memory_order_relaxed);
  return network;
}

void cnn__network_release(cnn__network *network) {
  if (network == NULL) return;
  if (atomic_fetch_sub_explicit(&network->references, 1, memory_order_acq_rel) > 1) return;
  cnn_context *context = network->context;
  for (size_t i = 0; i < network->node_count; i++)
    cnn__node_end(context, &network->nodes[i]);
  cnn__free(context, network->nodes);
  cnn__free(context, network->parameters);
  cnn__free(context, network->parameter_names);
  cnn__free(context, network);
  cnn_context_free(context);
}

const cnn__shape *cnn__network_input_shape(const cnn__network *network) {
  return &network->nodes[network->input].output;
}

const cnn__shape *cnn__network_output_shape(const cnn__network *network) {
  return &network->nodes[network->output].output;
}

cnn_status cnn__network_find_node(const cnn__network *network, const char *who, const char *name,
                                  size_t *node) {
  for (size_t i = 0; i < network->node_count; i++) {
    if (strcmp(network->nodes[i].name, name) != 0) continue;
    *node = i;
    return CNN_OK;
  }
  return cnn__fail(CNN_E_NOT_FOUND, "%s: the model has no layer \"%.64s\"", who, name);
}

cnn_status cnn__network_find_parameter(const cnn__network *network, const char *who,
                                       const char *name, size_t *parameter) {
  for (size_t i = 0; i < network->parameter_count; i++) {
    if (strcmp(network->parameters[i].name, name) != 0) continue;
    *parameter = i;
    return CNN_OK;
  }
  return cnn__fail(CNN_E_NOT_FOUND, "%s: the model has no parameter \"%.64s\"", who, name);
}

cnn_activation_kind cnn__network_last_activation(const cnn__network *network) {
  double slope;
  return cnn__layer_activation(network->nodes[network->output].layer, &slope);
}
