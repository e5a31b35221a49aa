/* The architecture of a model as JSON, and back:
   {"sequential":true,"output":9,"layers":[{"layer":{"class":...},"inputs":[0],"frozen":false},...]} */
#include "io/architecture.h"
#include "io/bundle.h"
#include "model/graph.h"

void cnn__architecture_write(cnn__text *text, const cnn_model *model) {
  const cnn__network *network = model->network;
  cnn__text_format(text, "{\"sequential\":%s,\"output\":%zu,\"layers\":[",
                   network->sequential ? "true" : "false", network->output);
  for (size_t i = 0; i < network->node_count; i++) {
    const cnn__node *node = &network->nodes[i];
    cnn__text_format(text, "%s{\"layer\":", i ? "," : "");
    cnn__layer_write(text, node->layer, node->name);
    cnn__text_format(text, ",\"inputs\":[");
    for (size_t k = 0; k < node->input_count; k++)
      cnn__text_format(text, "%s%u", k ? "," : "", (unsigned)node->input[k]);
    cnn__text_format(text, "],\"frozen\":%s}", model->frozen[i] ? "true" : "false");
  }
  cnn__text_format(text, "]}");
}

/* Every parameter is in the file, in its shape, before memory for them is taken: then it is the file's size at most. */
static cnn_status check_parameters(const cnn__safetensors *file, const cnn__network *network) {
  for (size_t i = 0; i < network->parameter_count; i++) {
    const cnn__parameter *parameter = &network->parameters[i];
    const cnn__stored *stored = cnn__safetensors_find(file, parameter->name);
    char shape[CNN__SHAPE_TEXT];
    if (!stored || stored->dtype != CNN_FLOAT32 ||
        !cnn__shape_equal(&stored->shape, &parameter->spec->shape))
      return cnn__fail(CNN_E_FORMAT, "%s: \"%.100s\" is missing or not F32 of shape %s", file->path,
                       parameter->name, cnn__shape_text(&parameter->spec->shape, shape));
  }
  return CNN_OK;
}

static cnn_status read_inputs(const cnn__safetensors *file, const cnn__json *json, size_t place,
                              size_t inputs[CNN__MAX_INPUTS], size_t *count) {
  bool right = json && json->type == CNN__JSON_ARRAY && json->count <= CNN__MAX_INPUTS;
  *count = 0;
  for (const cnn__json *item = right ? cnn__json_first(json) : NULL; item; item = item->next) {
    right = right && item->type == CNN__JSON_INTEGER && item->value.integer >= 0 &&
            (uint64_t)item->value.integer < place;
    inputs[(*count)++] = right ? (size_t)item->value.integer : 0;
  }
  if (right) return CNN_OK;
  return cnn__fail(CNN_E_FORMAT, "%s: architecture: layer %zu: inputs must be layers before it",
                   file->path, place);
}

static cnn_status read_layer(cnn_context *context, const cnn__safetensors *file, cnn_graph *graph,
                             const cnn__json *json, size_t place) {
  const cnn__json *layer = cnn__json_get(json, "layer"), *frozen = cnn__json_get(json, "frozen");
  size_t inputs[CNN__MAX_INPUTS], count, node;
  if (json->count != 3 || !layer || !frozen || frozen->type != CNN__JSON_BOOL)
    return cnn__fail(
        CNN_E_FORMAT,
        "%s: architecture: layer %zu: an object of layer, inputs and frozen is expected",
        file->path, place);
  cnn_status status = read_inputs(file, cnn__json_get(json, "inputs"), place, inputs, &count);
  cnn_layer *made = NULL;
  if (!status) status = cnn__layer_read(context, file->path, layer, &made);
  if (status) return status;
  status = cnn__graph_add_layer(graph, made, inputs, count, &node);
  return status ? cnn__fail_prefix(status, "%s", file->path) : CNN_OK;
}

static cnn_status read_layers(cnn_context *context, const cnn__safetensors *file, cnn_graph *graph,
                              const cnn__json *layers) {
  size_t place = 0;
  cnn_status status = CNN_OK;
  for (const cnn__json *json = cnn__json_first(layers); json && !status; json = json->next)
    status = json->type == CNN__JSON_OBJECT
                 ? read_layer(context, file, graph, json, place++)
                 : cnn__fail(CNN_E_FORMAT, "%s: architecture: layer %zu is no object", file->path,
                             place);
  return status;
}

static cnn_status read_weights(const cnn__safetensors *file, cnn_model *model) {
  const cnn__network *network = model->network;
  for (size_t i = 0; i < network->parameter_count; i++) {
    const cnn__parameter *parameter = &network->parameters[i];
    cnn_status status = cnn__tensor_read(file, parameter->name, CNN_FLOAT32,
                                         &parameter->spec->shape, cnn__model_values(model, i));
    if (status) return status;
  }
  return CNN_OK;
}

/* The network that the architecture describes. */
static cnn_status read_network(cnn_context *context, const cnn__safetensors *file,
                               const cnn__json *root, cnn__network **network) {
  const cnn__json *layers = cnn__json_get(root, "layers"),
                  *sequential = cnn__json_get(root, "sequential"),
                  *output = cnn__json_get(root, "output");
  if (root->type != CNN__JSON_OBJECT || root->count != 3 || !layers ||
      layers->type != CNN__JSON_ARRAY || !sequential || sequential->type != CNN__JSON_BOOL ||
      !output || output->type != CNN__JSON_INTEGER || output->value.integer < 0 ||
      (uint64_t)output->value.integer >= layers->count)
    return cnn__fail(CNN_E_FORMAT, "%s: architecture: layers, sequential and output are expected",
                     file->path);
  cnn_graph *graph = cnn__graph_new(context, sequential->value.integer != 0);
  if (!graph) return CNN_E_NOMEM;
  cnn_status status = cnn__graph_reserve(graph, layers->count);
  if (status) cnn__fail_prefix(status, "%s", file->path);
  if (!status) status = read_layers(context, file, graph, layers);
  if (status) {
    cnn_graph_free(graph);
    return status;
  }
  status = cnn__graph_end(graph, (size_t)output->value.integer, network);
  return status ? cnn__fail_prefix(status, "%s", file->path) : CNN_OK;
}

static cnn_status read_model(cnn_context *context, const cnn__safetensors *file,
                             const cnn__json *root, cnn_model **model) {
  cnn__network *network = NULL;
  cnn_status status = read_network(context, file, root, &network);
  if (!status) status = check_parameters(file, network);
  cnn_model *made = status ? NULL : cnn__model_new(context, network);
  cnn__network_release(network);
  if (!made) return status ? status : cnn__fail_prefix(CNN_E_NOMEM, "%s", file->path);
  const cnn__json *layer = cnn__json_first(cnn__json_get(root, "layers"));
  for (size_t place = 0; layer; layer = layer->next)
    made->frozen[place++] = cnn__json_get(layer, "frozen")->value.integer != 0;
  status = read_weights(file, made);
  if (status)
    cnn_model_free(made);
  else
    *model = made;
  return status;
}

cnn_status cnn__architecture_read(cnn_context *context, cnn__safetensors *file, cnn_model **model) {
  cnn__json *root = NULL;
  cnn_status status = cnn__text_parse(file, "architecture", &root);
  if (!status && !root)
    status = cnn__fail(CNN_E_FORMAT, "%s: the header has no architecture: not a libcnn model",
                       file->path);
  if (!status) status = read_model(context, file, root, model);
  cnn__json_free(context, root);
  return status;
}
