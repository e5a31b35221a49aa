#include "model/graph.h"

#include <stdio.h>

/* Gives up the layers from begin on, but none twice and none that the graph took before. */
static void free_rest(cnn_layer *const *layers, size_t begin, size_t count) {
  for (size_t i = begin; i < count; i++) {
    bool seen = false;
    for (size_t k = 0; k < i && !seen; k++)
      seen = layers[k] == layers[i];
    if (!seen) cnn_layer_free(layers[i]);
  }
}

static cnn_status check_layers(const char *who, cnn_layer *const *layers, size_t count) {
  if (count == 0) return cnn__fail(CNN_E_INVALID, "%s: no layers", who);
  for (size_t i = 0; i < count; i++) {
    char what[32];
    snprintf(what, sizeof what, "layer %zu", i);
    if (layers[i] == NULL) return cnn__fail_null(who, what);
    for (size_t k = 0; k < i; k++)
      if (layers[k] == layers[i])
        return cnn__fail(CNN_E_INVALID,
                         "%s: layers %zu and %zu are the same; a layer stands in "
                         "one place only",
                         who, k, i);
  }
  if (layers[0]->class->inputs == CNN__INPUTS_NONE) return CNN_OK;
  return cnn__fail(CNN_E_INVALID, "%s: the first layer is %s; it must be cnn_input()", who,
                   layers[0]->class->class_name);
}

/* Joins them one behind the other. All are given up on failure. */
static cnn_status chain(cnn_graph *graph, cnn_layer *const *layers, size_t count) {
  size_t last = 0;
  for (size_t i = 0; i < count; i++) {
    cnn_status status = cnn__graph_add_layer(graph, layers[i], &last, i > 0, &last);
    if (status == CNN_OK) continue;
    free_rest(layers, i + 1, count);
    return status;
  }
  return CNN_OK;
}

cnn_model *cnn_sequential_create(cnn_layer *const *layers, size_t count) {
  const char *who = "cnn_sequential";
  if (!cnn__given(who, "layers", layers)) return NULL;
  cnn_status status = count > CNN__MAX_LAYERS
                          ? cnn__fail(CNN_E_LIMIT, "%s: %zu layers; at most %d are possible", who,
                                      count, CNN__MAX_LAYERS)
                          : check_layers(who, layers, count);
  cnn_context *context = status == CNN_OK ? cnn__context_acquire() : NULL;
  cnn_graph *graph = context == NULL ? NULL : cnn__graph_new(context, true);
  cnn_context_free(context);
  if (graph == NULL) {
    free_rest(layers, 0, count);
    return NULL;
  }
  if (chain(graph, layers, count) == CNN_OK) return cnn__graph_finish(graph, count - 1);
  cnn_graph_free(graph);
  return NULL;
}
