/* Pooling: where windows stand, and their means. */
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

void cnn__pool_stride(const int64_t size[2], int64_t stride[2]) {
  if (stride[0] != 0) return;
  stride[0] = size[0];
  if (stride[1] == 0) stride[1] = size[1];
}

cnn_status cnn__pool_infer(const char *name, const cnn__shape *input, const cnn__window *window,
                           cnn__layer_spec *spec) {
  cnn__pool_shape shape;
  cnn_status status = cnn__expect_image(name, input);
  if (status == CNN_OK) status = cnn__pool_place(name, window, input, &shape);
  if (status != CNN_OK) return status;
  *spec = (cnn__layer_spec){
      .output = {.rank = 3, .dim = {shape.out_height, shape.out_width, shape.channels}}};
  return CNN_OK;
}

/* ---- means ---- */

static void average_forward(const cnn__op *op, const cnn__op_run *run) {
  cnn__average_pool_forward(op->state, run->context, run->images, run->input[0], run->output);
}

static void average_backward(const cnn__op *op, const cnn__op_run *run) {
  if (run->input_gradient[0] == NULL) return;
  cnn__average_pool_backward(op->state, run->context, run->images, run->output_gradient,
                             run->input_gradient[0]);
}

cnn_status cnn__average_pool_plan(const cnn__op_request *request, const cnn__pool_shape *shape,
                                  cnn__op *op) {
  op->algorithm = "average-pool";
  cnn__pool_shape *state = cnn__op_new_state(request, sizeof *state, op);
  if (state == NULL) return CNN_E_NOMEM;
  *state = *shape;
  op->flops = (double)cnn__shape_product(request->output) * (double)shape->pool_height *
              (double)shape->pool_width;
  op->forward = average_forward;
  op->backward = average_backward;
  return CNN_OK;
}
