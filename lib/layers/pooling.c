/* Where pooling windows stand: for max_pool2d and average_pool2d. */
#include "layers/support.h"

cnn_status cnn__pool_place(const char *name, const cnn__window *window, const cnn__shape *input,
                           cnn__pool_shape *shape) {
  size_t output[2], padding[2];
  cnn_status status = cnn__window_place(name, "pool", window, input, output, padding);
  if (status != CNN_OK) return status;
  *shape = (cnn__pool_shape){
      .in_height = input->dim[0],
      .in_width = input->dim[1],
      .channels = input->dim[2],
      .out_height = output[0],
      .out_width = output[1],
      .pool_height = window->size[0],
      .pool_width = window->size[1],
      .stride_height = window->stride[0],
      .stride_width = window->stride[1],
      .pad_top = padding[0],
      .pad_left = padding[1],
  };
  return CNN_OK;
}
