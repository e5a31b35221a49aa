/* The operation of Conv2D and DepthwiseConv2D, over ops/conv.h. Parameters: kernel, then bias. */
#include "layers/support.h"

#include "ops/conv.h"

static cnn__conv_mode mode_of(const cnn__op_request *request) {
  return (cnn__conv_mode){.training = request->training,
                          .input_gradient = request->input_gradient[0],
                          .exact = request->exact,
                          .slots = request->slots};
}

static cnn_status shape_of(const cnn__op_request *request, const cnn__window *window, size_t groups,
                           bool bias, cnn__conv_shape *shape) {
  const cnn__shape *input = request->input;
  size_t output[2], padding[2];
  cnn_status status = cnn__window_place(request->name, "kernel", window, input, output, padding);
  if (status != CNN_OK) return status;
  *shape = (cnn__conv_shape){
      .batch = request->batch,
      .in_height = input->dim[0],
      .in_width = input->dim[1],
      .in_channels = input->dim[2],
      .out_height = output[0],
      .out_width = output[1],
      .out_channels = request->output->dim[2],
      .kernel_height = window->size[0],
      .kernel_width = window->size[1],
      .stride_height = window->stride[0],
      .stride_width = window->stride[1],
      .dilation_height = window->dilation[0],
      .dilation_width = window->dilation[1],
      .pad_top = padding[0],
      .pad_left = padding[1],
      .groups = groups,
      .bias = bias,
      .relu = request->fuse_relu,
  };
  return CNN_OK;
}

static cnn__conv_buffers buffers_of(const cnn__conv *conv, const cnn__op_run *run) {
  return (cnn__conv_buffers){
      .x = run->input[0],
      .kernel = run->parameter[0],
      .prepared = run->prepared,
      .bias = conv->shape.bias ? run->parameter[1] : NULL,
      .y = run->output,
      .saved = run->saved,
      .scratch = run->scratch,
  };
}

static void prepare(const cnn__op *op, cnn_context *context, float *const *parameter,
                    float *prepared) {
  cnn__conv_prepare(op->state, context, parameter[0], prepared);
}

static void forward(const cnn__op *op, const cnn__op_run *run) {
  const cnn__conv *conv = op->state;
  cnn__conv_buffers buffers = buffers_of(conv, run);
  cnn__conv_forward(conv, run->context, run->images, &buffers);
}

static void backward(const cnn__op *op, const cnn__op_run *run) {
  const cnn__conv *conv = op->state;
  cnn__conv_buffers buffers = buffers_of(conv, run);
  buffers.dy = run->output_gradient;
  buffers.dx = run->input_gradient[0];
  buffers.dkernel = run->parameter_gradient[0];
  buffers.dbias = conv->shape.bias ? run->parameter_gradient[1] : NULL;
  cnn__conv_backward(conv, run->context, run->images, &buffers);
}

cnn_status cnn__convolution_plan(const cnn__op_request *request, const cnn__window *window,
                                 size_t groups, bool bias, cnn__op *op) {
  cnn_status status = cnn__op_start(request, "direct", op);
  if (status != CNN_OK) return status;
  cnn__conv_shape shape;
  status = shape_of(request, window, groups, bias, &shape);
  if (status != CNN_OK) return status;
  if (request->fuse_pool != NULL) {
    shape.pool_height = request->fuse_pool->pool_height;
    shape.pool_width = request->fuse_pool->pool_width;
  }
  cnn__conv *conv = cnn__op_new_state(request, sizeof *conv, op);
  if (conv == NULL) return CNN_E_NOMEM;
  cnn__conv_mode mode = mode_of(request);
  status = cnn__conv_plan(&shape, &mode, conv);
  if (status != CNN_OK) {
    op->release(op, request->context);
    return cnn__fail_prefix(status, "%s", request->name);
  }
  op->algorithm = conv->name;
  op->flops = cnn__conv_flops(&shape);
  op->prepared_floats = conv->prepared_size;
  op->saved_bytes = conv->saved_size;
  op->scratch_bytes = conv->scratch_size;
  op->backward_reads_input = request->training && !request->frozen;
  op->backward_reads_output = request->training && (shape.relu || request->fuse_pool != NULL);
  op->prepare = conv->prepared_size > 0 ? prepare : NULL;
  op->forward = forward;
  op->backward = request->training ? backward : NULL;
  return CNN_OK;
}

bool cnn__convolution_can_pool(const cnn__op_request *request, const cnn__window *window,
                               size_t groups, bool bias, const cnn__pool_shape *pool) {
  bool is_plain = pool->stride_height == pool->pool_height &&
                  pool->stride_width == pool->pool_width && pool->pad_top == 0 &&
                  pool->pad_left == 0 && pool->out_height == pool->in_height / pool->pool_height &&
                  pool->out_width == pool->in_width / pool->pool_width;
  cnn__conv_shape shape;
  if (!is_plain || shape_of(request, window, groups, bias, &shape) != CNN_OK) return false;
  cnn__conv_mode mode = mode_of(request);
  return cnn__conv_can_pool(&shape, &mode, pool->pool_height, pool->pool_width);
}
