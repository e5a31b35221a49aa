/* Building networks: what cnn_sequential(), the public graph, and the reader of files stand on. */
#ifndef CNN_MODEL_GRAPH_H
#define CNN_MODEL_GRAPH_H

#include "model/network.h"

/* An empty graph in this context. NULL: CNN_E_NOMEM. */
cnn_graph *cnn__graph_new(cnn_context *context, bool sequential);

/* Room for so many layers at least, where their number is known. CNN_E_LIMIT, CNN_E_NOMEM. */
cnn_status cnn__graph_reserve(cnn_graph *graph, size_t layers);

/* Adds a layer, which is the graph's from here on, on failure too. CNN_E_INVALID (two layers of
   one name, an input that is no node), CNN_E_SHAPE, CNN_E_LIMIT, CNN_E_NOMEM; after a failure the
   graph keeps failing with it. */
cnn_status cnn__graph_add_layer(cnn_graph *graph, cnn_layer *layer, const size_t *inputs,
                                size_t count, size_t *node);

/* Ends the graph, which is freed in any case, and makes its network. */
cnn_status cnn__graph_end(cnn_graph *graph, size_t output, cnn__network **network);

/* The same, and a model of it, whose parameters begin as their initializers say. NULL on failure. */
cnn_model *cnn__graph_finish(cnn_graph *graph, size_t output);

#endif
