#include "model/graph.h"

#include "base/float_environment.h"
#include "base/size.h"
#include "model/model.h"
#include "model/node_index.h"
#include <string.h>

struct cnn_graph {
  cnn_context *context;
  bool sequential;
  size_t count, capacity;
  cnn__node *nodes;
  cnn__node_index index; /* of the nodes */
  cnn__failure failure;  /* the first one: the graph keeps it */
};

cnn_graph *cnn__graph_new(cnn_context *context, bool sequential) {
  cnn_graph *graph = cnn__calloc_array(context, 1, sizeof *graph, "a graph");
  if (graph == NULL) return NULL;
  graph->context = cnn__context_retain(context);
  graph->sequential = sequential;
  return graph;
}

void cnn_graph_free(cnn_graph *graph) {
  if (graph == NULL) return;
  cnn_context *context = graph->context;
  for (size_t i = 0; i < graph->count; i++)
    cnn__node_end(context, &graph->nodes[i]);
  cnn__free(context, graph->nodes);
  cnn__node_index_free(context, &graph->index);
  cnn__free(context, graph);
  cnn_context_free(context);
}

/* ---- adding ---- */

static bool is_input(const cnn_layer *layer) {
  return layer->class->inputs == CNN__INPUTS_NONE;
}

/* As Keras numbers: by class, counting the layers that the user did not name; names that are taken
   are passed over. */
static char *number_name(const cnn_graph *graph, const cnn_layer *layer) {
  size_t number = 0;
  for (size_t i = 0; i < graph->count; i++)
    number += graph->nodes[i].layer->class == layer->class && graph->nodes[i].layer->name == NULL;
  for (;; number++) {
    const char *base = layer->class->base_name;
    char *name = number == 0 ? cnn__strdup(graph->context, base)
                             : cnn__format(graph->context, "%s_%zu", base, number);
    if (name == NULL || !cnn__node_index_has_name(&graph->index, name)) return name;
    cnn__free(graph->context, name);
  }
}

static cnn_status name_node(const cnn_graph *graph, cnn__node *node) {
  const cnn_layer *layer = node->layer;
  if (layer->name != NULL && cnn__node_index_has_name(&graph->index, layer->name))
    return cnn__fail(CNN_E_INVALID, "%s: two layers have this name", layer->name);
  node->name = layer->name != NULL ? layer->name : number_name(graph, layer);
  return node->name == NULL ? CNN_E_NOMEM : CNN_OK;
}

/* What the shape rule says, in no more memory than it needs: a layer may have fewer parameters than there is room for. */
static cnn_status keep_spec(const cnn_graph *graph, const cnn__layer_spec *spec, cnn__node *node) {
  node->output = spec->output;
  node->parameter_count = spec->parameter_count;
  if (spec->parameter_count == 0) return CNN_OK;
  node->parameters = cnn__alloc_array(graph->context, spec->parameter_count,
                                      sizeof *node->parameters, "a layer's parameters");
  if (node->parameters == NULL) return CNN_E_NOMEM;
  memcpy(node->parameters, spec->parameters, spec->parameter_count * sizeof *node->parameters);
  return CNN_OK;
}

static cnn_status place_node(const cnn_graph *graph, const size_t *inputs, size_t count,
                             cnn__node *node) {
  cnn__shape shapes[CNN__MAX_INPUTS];
  cnn__layer_spec spec;
  if (count > CNN__MAX_INPUTS)
    return cnn__fail(CNN_E_SHAPE, "%s: %zu inputs; at most %d are possible", node->name, count,
                     CNN__MAX_INPUTS);
  for (size_t i = 0; i < count; i++) {
    if (inputs[i] >= graph->count)
      return cnn__fail(CNN_E_INVALID, "%s: input %zu is node %zu; the graph has %zu", node->name, i,
                       inputs[i], graph->count);
    node->input[i] = (uint16_t)inputs[i];
    shapes[i] = graph->nodes[inputs[i]].output;
  }
  node->input_count = count;
  cnn_status status = cnn__layer_infer(node->layer, node->name, count, shapes, &spec);
  return status == CNN_OK ? keep_spec(graph, &spec, node) : status;
}

cnn_status cnn__graph_reserve(cnn_graph *graph, size_t layers) {
  if (layers <= graph->capacity) return CNN_OK;
  if (layers > CNN__MAX_LAYERS)
    return cnn__fail(CNN_E_LIMIT, "graph: more than %d layers", CNN__MAX_LAYERS);
  cnn__node *nodes =
      cnn__realloc_array(graph->context, graph->nodes, layers, sizeof *nodes, "a graph's layers");
  if (nodes == NULL) return CNN_E_NOMEM;
  graph->nodes = nodes;
  cnn_status status =
      cnn__node_index_make(graph->context, &graph->index, layers, nodes, graph->count);
  if (status != CNN_OK) return status;
  graph->capacity = layers;
  return CNN_OK;
}

static cnn_status grow(cnn_graph *graph) {
  if (graph->count < graph->capacity) return CNN_OK;
  const size_t twice = cnn__size_min(cnn__size_max(16, 2 * graph->capacity), CNN__MAX_LAYERS);
  return cnn__graph_reserve(graph, cnn__size_max(twice, graph->count + 1));
}

static cnn_status add_layer(cnn_graph *graph, cnn_layer *layer, const size_t *inputs, size_t count,
                            size_t *place) {
  cnn__node node = {.layer = layer};
  cnn_status status = grow(graph);
  if (status == CNN_OK) status = name_node(graph, &node);
  if (status == CNN_OK) status = place_node(graph, inputs, count, &node);
  if (status != CNN_OK) {
    cnn__node_end(graph->context, &node);
    return status;
  }
  *place = graph->count;
  graph->nodes[graph->count++] = node;
  if (cnn__node_index_add(&graph->index, layer, node.name)) return CNN_OK;
  return cnn__fail(CNN_E_LIMIT, "%s: names that take too long to tell apart", node.name);
}

cnn_status cnn__graph_add_layer(cnn_graph *graph, cnn_layer *layer, const size_t *inputs,
                                size_t count, size_t *node) {
  cnn_status status;
  /* Where the layer is the graph's already, it is not to be freed twice. */
  if (layer != NULL && cnn__node_index_has_layer(&graph->index, layer))
    status = cnn__fail(CNN_E_INVALID, "graph: a layer stands in one place only; add another one");
  else if (graph->failure.status != CNN_OK) {
    cnn_layer_free(layer);
    return cnn__failure_give(&graph->failure);
  } else
    status = add_layer(graph, layer, inputs, count, node);
  if (status != CNN_OK && graph->failure.status == CNN_OK) cnn__failure_take(&graph->failure);
  return status;
}

/* ---- ending ---- */

static cnn_status check_inputs(const cnn_graph *graph, size_t *input) {
  size_t count = 0;
  for (size_t i = 0; i < graph->count; i++) {
    if (!is_input(graph->nodes[i].layer)) continue;
    if (count++ == 0) *input = i;
  }
  if (count == 1 && graph->count > 1) return CNN_OK;
  if (count == 1) return cnn__fail(CNN_E_INVALID, "graph: no layer stands behind the input");
  return cnn__fail(CNN_E_INVALID, "graph: %zu input layers; a model has one", count);
}

/* Every node must lead to the output. */
static cnn_status check_needed(const cnn_graph *graph, size_t output) {
  bool *needed = cnn__calloc_array(graph->context, graph->count, sizeof *needed, "a graph's check");
  if (needed == NULL) return CNN_E_NOMEM;
  cnn_status status = CNN_OK;
  needed[output] = true;
  for (size_t i = graph->count; i-- > 0 && status == CNN_OK;) {
    const cnn__node *node = &graph->nodes[i];
    if (!needed[i])
      status = cnn__fail(CNN_E_INVALID, "%s: the output, %s, does not need this layer", node->name,
                         graph->nodes[output].name);
    for (size_t k = 0; k < node->input_count; k++)
      needed[node->input[k]] = true;
  }
  cnn__free(graph->context, needed);
  return status;
}

/* "layer/parameter"; where the next one goes. */
static char *put_name(char *to, const char *layer, const char *parameter) {
  const size_t before = strlen(layer), behind = strlen(parameter) + 1;
  memcpy(to, layer, before);
  to[before] = '/';
  memcpy(to + before + 1, parameter, behind);
  return to + before + 1 + behind;
}

/* The arrays of one node, each at the next aligned place of a block; their names go to *names. */
static cnn_status list_node_parameters(cnn__network *network, size_t node_index, size_t *used,
                                       char **names) {
  cnn__node *node = &network->nodes[node_index];
  node->first_parameter = *used;
  for (size_t k = 0; k < node->parameter_count; k++) {
    const cnn__parameter_spec *spec = &node->parameters[k];
    cnn__parameter *parameter = &network->parameters[(*used)++];
    size_t rounded, bytes;
    parameter->node = node_index;
    parameter->spec = spec;
    parameter->offset = network->block_size;
    if (!cnn__shape_count(&spec->shape, &parameter->count) ||
        !cnn__size_round_up(parameter->count, CNN__PARAMETER_ALIGNMENT, &rounded) ||
        !cnn__size_add(network->block_size, rounded, &network->block_size) ||
        !cnn__size_mul(network->block_size, sizeof(float), &bytes) || bytes > PTRDIFF_MAX)
      return cnn__fail(CNN_E_LIMIT, "%s/%s: the model's parameters exceed memory", node->name,
                       spec->name);
    parameter->name = *names;
    *names = put_name(*names, node->name, spec->name);
  }
  return CNN_OK;
}

static cnn_status list_parameters(cnn__network *network) {
  size_t bytes = 0;
  for (size_t i = 0; i < network->node_count; i++) {
    const cnn__node *node = &network->nodes[i];
    network->parameter_count += node->parameter_count;
    for (size_t k = 0; k < node->parameter_count; k++)
      bytes += strlen(node->name) + strlen(node->parameters[k].name) + 2;
  }
  network->parameters = cnn__calloc_array(network->context, network->parameter_count,
                                          sizeof *network->parameters, "a model's parameters");
  char *names = cnn__alloc(network->context, bytes, "the names of a model's parameters");
  network->parameter_names = names;
  if (network->parameters == NULL || names == NULL) return CNN_E_NOMEM;
  cnn_status status = CNN_OK;
  size_t used = 0;
  for (size_t i = 0; i < network->node_count && status == CNN_OK; i++)
    status = list_node_parameters(network, i, &used, &names);
  return status;
}

/* Takes the graph's nodes over. */
static cnn_status make_network(cnn_graph *graph, size_t output, cnn__network **out) {
  size_t input = 0;
  cnn_status status = check_inputs(graph, &input);
  if (status == CNN_OK) status = check_needed(graph, output);
  if (status != CNN_OK) return status;
  cnn__network *network = cnn__calloc_array(graph->context, 1, sizeof *network, "a model");
  if (network == NULL) return CNN_E_NOMEM;
  atomic_init(&network->references, 1);
  network->context = cnn__context_retain(graph->context);
  network->sequential = graph->sequential;
  network->input = input;
  network->output = output;
  network->nodes = graph->nodes;
  network->node_count = graph->count;
  graph->nodes = NULL;
  graph->count = graph->capacity = 0;
  status = list_parameters(network);
  if (status == CNN_OK)
    *out = network;
  else
    cnn__network_release(network);
  return status;
}

static cnn_status initialize_parameters(cnn_model *model) {
  cnn__float_environment callers;
  cnn__float_environment_enter(&callers);
  cnn_status status = CNN_OK;
  for (size_t i = 0; i < model->network->parameter_count && status == CNN_OK; i++)
    status = cnn__initialize(model->context, model->network->parameters[i].spec,
                             cnn__context_seed(model->context), i, cnn__model_values(model, i));
  cnn__float_environment_leave(&callers);
  return status;
}

cnn_status cnn__graph_end(cnn_graph *graph, size_t output, cnn__network **network) {
  cnn_status status;
  if (graph->failure.status != CNN_OK)
    status = cnn__failure_give(&graph->failure);
  else if (output >= graph->count)
    status = cnn__fail(CNN_E_INVALID, "graph: output %zu is no node; the graph has %zu", output,
                       graph->count);
  else
    status = make_network(graph, output, network);
  cnn_graph_free(graph);
  return status;
}

cnn_model *cnn__graph_finish(cnn_graph *graph, size_t output) {
  cnn__network *network;
  if (cnn__graph_end(graph, output, &network) != CNN_OK) return NULL;
  cnn_model *model = cnn__model_new(network->context, network);
  cnn__network_release(network);
  if (model == NULL || initialize_parameters(model) == CNN_OK) return model;
  cnn_model_free(model);
  return NULL;
}

/* ---- the public face ---- */

cnn_graph *cnn_graph_create(void) {
  cnn_context *context = cnn__context_acquire();
  if (context == NULL) return NULL;
  cnn_graph *graph = cnn__graph_new(context, false);
  cnn_context_free(context);
  return graph;
}

/* Nodes as the caller has them: a negative one is a failure that was not looked at. */
static cnn_status read_inputs(const char *who, const cnn_node *inputs, size_t count, size_t *out) {
  if (count > CNN__MAX_INPUTS)
    return cnn__fail(CNN_E_SHAPE, "%s: %zu inputs; at most %d are possible", who, count,
                     CNN__MAX_INPUTS);
  if (count > 0 && inputs == NULL) return cnn__fail_null(who, "inputs");
  for (size_t i = 0; i < count; i++) {
    if (inputs[i] >= 0)
      out[i] = (size_t)inputs[i];
    else
      return cnn_last_status() != CNN_OK ? cnn_last_status()
                                         : cnn__fail(CNN_E_INVALID, "%s: input %zu is node %lld",
                                                     who, i, (long long)inputs[i]);
  }
  return CNN_OK;
}

cnn_node cnn_graph_join(cnn_graph *graph, cnn_layer *layer, const cnn_node *inputs, size_t count) {
  const char *who = "cnn_graph_join";
  size_t input[CNN__MAX_INPUTS], node = 0;
  cnn_status status = CNN_OK;
  if (graph == NULL)
    status = cnn__fail_null(who, "graph");
  else if (layer == NULL)
    status = cnn__fail_null(who, "layer");
  if (status == CNN_OK) status = read_inputs(who, inputs, count, input);
  if (status == CNN_OK) {
    status = cnn__graph_add_layer(graph, layer, input, count, &node);
    return status == CNN_OK ? (cnn_node)node : (cnn_node)status;
  }
  if (graph != NULL && graph->failure.status == CNN_OK) cnn__failure_take(&graph->failure);
  if (graph == NULL || layer == NULL || !cnn__node_index_has_layer(&graph->index, layer))
    cnn_layer_free(layer);
  return (cnn_node)status;
}

cnn_model *cnn_graph_model(cnn_graph *graph, cnn_node output) {
  const char *who = "cnn_graph_model";
  if (!cnn__given(who, "graph", graph)) return NULL;
  if (output >= 0) return cnn__graph_finish(graph, (size_t)output);
  if (graph->failure.status != CNN_OK)
    cnn__failure_give(&graph->failure);
  else if (cnn_last_status() == CNN_OK)
    cnn__fail(CNN_E_INVALID, "%s: output is node %lld", who, (long long)output);
  cnn_graph_free(graph);
  return NULL;
}
