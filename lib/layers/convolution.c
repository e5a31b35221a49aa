/* The operation of Conv2D and DepthwiseConv2D, over ops/conv.h. Parameters: kernel, then bias, then those of a
   normalisation that is taken in: behind what the convolution prepares lie then the kernel and the bias that
   do both, and the factors. */
#include "layers/support.h"

#include "base/size.h"
#include "ops/conv.h"
#include "ops/vector.h"
#include <math.h>

typedef struct convolution {
  cnn__conv conv;
  bool bias;                      /* of its own */
  size_t kernel_size;             /* floats */
  const cnn_layer *normalization; /* taken in; or NULL */
} convolution;

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
      .bias = bias || request->fuse_normalization != NULL,
      .relu = request->fuse_activation != CNN_LINEAR,
      .relu6 = request->fuse_activation == CNN_RELU6,
  };
  return CNN_OK;
}

/* Where the kernel with a normalisation in it lies; the bias is behind it, and then the factors. */
static size_t folded_at(const convolution *state) {
  return state->conv.prepared_size;
}
static size_t folded_bias_at(const convolution *state) {
  return folded_at(state) + state->kernel_size;
}

static cnn__conv_buffers buffers_of(const convolution *state, const cnn__op_run *run) {
  const float *bias = state->bias ? run->parameter[1] : NULL;
  return (cnn__conv_buffers){
      .x = run->input[0],
      .kernel = run->parameter[0],
      .prepared = run->prepared,
      .bias = state->normalization ? run->prepared + folded_bias_at(state) : bias,
      .y = run->output,
      .saved = run->saved,
      .scratch = run->scratch,
      .slots = run->slots,
      .slot_pitch = run->slot_pitch,
  };
}

/* Kernel and bias, each channel's multiplied by the normalisation's factor. */
static const float *fold(const convolution *state, cnn_context *context, float *const *parameter,
                         float *prepared) {
  const size_t channels = state->conv.shape.out_channels;
  float *kernel = prepared + folded_at(state), *bias = prepared + folded_bias_at(state);
  float *scale = bias + channels;
  cnn__batch_normalization_affine(state->normalization, channels, parameter + 1 + state->bias,
                                  scale, bias);
  for (size_t i = 0; state->bias && i < channels; i++)
    bias[i] = fmaf(parameter[1][i], scale[i], bias[i]);
  for (size_t i = 0; i < state->kernel_size; i += channels)
    cnn__vector_multiply(context, channels, parameter[0] + i, scale, kernel + i);
  return kernel;
}

static void prepare(const cnn__op *op, cnn_context *context, float *const *parameter,
                    float *prepared) {
  const convolution *state = op->state;
  const float *kernel = parameter[0];
  if (state->normalization) kernel = fold(state, context, parameter, prepared);
  cnn__conv_prepare(&state->conv, context, kernel, prepared);
}

static void forward(const cnn__op *op, const cnn__op_run *run) {
  const convolution *state = op->state;
  cnn__conv_buffers buffers = buffers_of(state, run);
  cnn__conv_forward(&state->conv, run->context, run->images, &buffers);
}

static void backward(const cnn__op *op, const cnn__op_run *run) {
  const convolution *state = op->state;
  cnn__conv_buffers buffers = buffers_of(state, run);
  buffers.dy = run->output_gradient;
  buffers.dx = run->input_gradient[0];
  buffers.dkernel = run->parameter_gradient[0];
  buffers.dbias = state->bias ? run->parameter_gradient[1] : NULL;
  cnn__conv_backward(&state->conv, run->context, run->images, &buffers);
}

static bool count_prepared(const convolution *state, size_t *floats) {
  *floats = state->conv.prepared_size;
  return !state->normalization ||
         (cnn__size_add(*floats, state->kernel_size, floats) &&
          cnn__size_add(*floats, 2 * state->conv.shape.out_channels, floats));
}

cnn_status cnn__convolution_plan(const cnn__op_request *request, const cnn__window *window,
                                 size_t groups, bool bias, cnn__op *op) {
  cnn__conv_shape shape;
  cnn_status status = shape_of(request, window, groups, bias, &shape);
  if (status != CNN_OK) return status;
  if (request->fuse_pool != NULL) {
    shape.pool_height = request->fuse_pool->pool_height;
    shape.pool_width = request->fuse_pool->pool_width;
  }
  convolution *state = cnn__op_new_state(request, sizeof *state, op);
  if (state == NULL) return CNN_E_NOMEM;
  const cnn__conv *conv = &state->conv;
  state->bias = bias;
  state->normalization = request->fuse_normalization;
  state->kernel_size = shape.kernel_height * shape.kernel_width * (shape.in_channels / groups) *
                       shape.out_channels; /* it is in memory */
  cnn__conv_mode mode = mode_of(request);
  status = cnn__conv_plan(&shape, &mode, &state->conv);
  if (status == CNN_OK && !count_prepared(state, &op->prepared_floats))
    status = cnn__fail(CNN_E_LIMIT, "the prepared kernel exceeds memory");
  if (status != CNN_OK) return cnn__fail_prefix(status, "%s", request->name);
  op->algorithm = conv->name;
  op->flops = cnn__conv_flops(&shape);
  op->saved_bytes = conv->saved_size;
  op->scratch_bytes = conv->scratch_size;
  op->slot_bytes = conv->slot_size;
  op->backward_reads_input = !request->frozen;
  op->backward_reads_output = shape.relu || request->fuse_pool != NULL;
  op->prepare = op->prepared_floats > 0 ? prepare : NULL;
  op->forward = forward;
  op->backward = backward;
  return CNN_OK;
}

bool cnn__convolution_can_fuse(const cnn__op_request *request, cnn_activation_kind kind) {
  return kind == CNN_RELU || (kind == CNN_RELU6 && !request->training);
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
