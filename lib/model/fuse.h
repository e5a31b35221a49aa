/* What one operation takes in beside its own layer: in inference the normalisation behind it, the activation
   behind that, and the pooling behind that. */
#ifndef CNN_MODEL_FUSE_H
#define CNN_MODEL_FUSE_H

#include "model/network.h"

/* Who reads each node's output. */
typedef struct cnn__readers {
  size_t count; /* the model's own result included */
  size_t node;  /* the last of them; SIZE_MAX: the model's result */
} cnn__readers;
void cnn__readers_find(const cnn__network *network, cnn__readers *readers);

typedef struct cnn__fusion {
  size_t last;        /* the node whose output the operation yields */
  size_t taken_count; /* nodes behind it that it takes in */
  size_t taken[3];
  size_t normalization;      /* of these; SIZE_MAX: none */
  cnn_activation_kind after; /* an operation of its own behind it; CNN_LINEAR: none */
  double slope;
  cnn__pool_shape pool; /* what request.fuse_pool points to */
} cnn__fusion;

/* Decides for a node, and completes its request. drop: the activation that ends the network is left out. */
void cnn__fuse(const cnn__network *network, const cnn__readers *readers, size_t node, bool drop,
               cnn__op_request *request, cnn__fusion *fusion);

#endif
