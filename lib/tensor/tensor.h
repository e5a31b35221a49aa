/* The tensor behind the public handle: row-major, contiguous, owning or borrowing its bytes. */
#ifndef CNN_TENSOR_TENSOR_H
#define CNN_TENSOR_TENSOR_H

#include "base/context.h"
#include "tensor/shape.h"

struct cnn_tensor {
  cnn_context *context;
  cnn_dtype dtype;
  cnn__shape shape;
  int64_t dims[CNN_MAX_RANK]; /* the same, as the public face shows it */
  void *data;
  size_t bytes;
  bool owned;
};

cnn_tensor *cnn__tensor_new(cnn_context *context, cnn_dtype dtype, const cnn__shape *shape);

/* Shows other data under the same dtype: for tensors that a loader or model hands out. Cannot fail. */
void cnn__tensor_point(cnn_tensor *tensor, const cnn__shape *shape, void *data);

#endif
