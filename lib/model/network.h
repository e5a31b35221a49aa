/* A network: layers in their places, shapes settled, parameters named. Immutable once made, and
   shared by models, their clones and their predictors; what changes (weights, frozen or not) is
   theirs. */
#ifndef CNN_MODEL_NETWORK_H
#define CNN_MODEL_NETWORK_H

#include "layers/layer.h"
#include <cnn/model.h>
#include <stdatomic.h>

enum {
  CNN__MAX_LAYERS = 4096,       /* of one model; their numbers fit 16 bits */
  CNN__PARAMETER_ALIGNMENT = 16 /* floats: 64 bytes */
};

/* A layer in its place. Its inputs stand before it: nodes are in topological order. */
typedef struct cnn__node {
  cnn_layer *layer;
  char *name; /* unique: the layer's own, or numbered */
  size_t input_count;
  uint16_t input[CNN__MAX_INPUTS]; /* nodes */
  cnn__shape output;               /* of one sample */
  size_t parameter_count;
  cnn__parameter_spec *parameters; /* parameter_count of them, or NULL */
  size_t first_parameter;          /* in the network */
} cnn__node;

/* Frees what a node has, its layer included. */
void cnn__node_end(cnn_context *context, const cnn__node *node);

/* An array of a layer's. Arrays of one kind (weights, gradients, an optimizer's slot) lie in one
   block of block_size floats, each array at its offset; the gaps between them are 0. */
typedef struct cnn__parameter {
  const char *name;                /* "conv2d_1/kernel" */
  size_t node;                     /* whose it is */
  const cnn__parameter_spec *spec; /* as the layer states it */
  size_t count;                    /* floats */
  size_t offset;                   /* in a block */
} cnn__parameter;

typedef struct cnn__network {
  atomic_size_t references;
  cnn_context *context;
  bool sequential; /* made by cnn_sequential(): decides the summary's title and columns */
  size_t node_count;
  cnn__node *nodes;
  size_t input, output; /* nodes */
  size_t parameter_count;
  cnn__parameter *parameters;
  char *parameter_names; /* all of them, in one block */
  size_t block_size;     /* floats */
} cnn__network;

cnn__network *cnn__network_retain(cnn__network *network);
void cnn__network_release(cnn__network *network); /* NULL is fine */

const cnn__shape *cnn__network_input_shape(const cnn__network *network);
const cnn__shape *cnn__network_output_shape(const cnn__network *network);

/* By name; CNN_E_NOT_FOUND, saying who asked. */
cnn_status cnn__network_find_node(const cnn__network *network, const char *who, const char *name,
                                  size_t *node);
cnn_status cnn__network_find_parameter(const cnn__network *network, const char *who,
                                       const char *name, size_t *parameter);

/* What the network's final activation is (that of the output's layer); CNN_LINEAR where none. */
cnn_activation_kind cnn__network_last_activation(const cnn__network *network);

#endif
