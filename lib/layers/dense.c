/* Fully connected, over the last dimension: y = x W + b. */
#include "layers/classes.h"
#include "layers/support.h"

#include "base/size.h"
#include "base/threads.h"
#include "ops/activation.h"
#include "ops/gemm.h"
#include "ops/vector.h"

typedef cnn_dense_options options;

static const cnn__field fields[] = {
    REQUIRED(units, CNN__LARGEST_INTEGER),
    WEIGHT_FIELDS,
};

typedef struct dense {
  size_t rows; /* of one image: all dimensions but the last */
  size_t inputs, units;
  bool bias, relu;
  size_t forward_floats; /* of the packed kernel; its packed transpose, if any, follows */
  bool transpose;
} dense;

static void defaults(void *given) {
  options *settings = given;
  cnn__initializer_scale(settings->kernel_initializer, &settings->kernel_scale);
  cnn__initializer_scale(settings->bias_initializer, &settings->bias_scale);
}

static cnn_status check(const char *who, const void *given) {
  const options *settings = given;
  return cnn__initializers_check(who, settings->kernel_initializer, settings->kernel_scale,
                                 settings->bias_initializer, settings->bias_scale);
}

static cnn_status infer(const cnn_layer *layer, const char *name, size_t inputs,
                        const cnn__shape *input, cnn__layer_spec *spec) {
  const options *settings = layer->settings;
  if (input->rank == 0)
    return cnn__fail(CNN_E_SHAPE, "%s: a scalar has no dimension to multiply", name);
  const size_t depth = input->dim[input->rank - 1], units = (size_t)settings->units;
  *spec = (cnn__layer_spec){.output = *input, .parameter_count = settings->no_bias ? 1 : 2};
  spec->output.dim[input->rank - 1] = units;
  spec->parameters[0] = (cnn__parameter_spec){
      .name = "kernel",
      .shape = {.rank = 2, .dim = {depth, units}},
      .trainable = !settings->frozen,
      .initializer = (cnn_initializer)settings->kernel_initializer,
      .scale = settings->kernel_scale,
      .fan_in = depth,
      .fan_out = units,
      .l2 = settings->kernel_l2,
  };
  if (!settings->no_bias)
    spec->parameters[1] =
        cnn__bias_spec(units, settings->bias_initializer, settings->bias_scale, settings->frozen);
  return CNN_OK;
}

static void prepare(const cnn__op *op, cnn_context *context, float *const *parameter,
                    float *prepared) {
  const dense *state = op->state;
  const ptrdiff_t units = (ptrdiff_t)state->units;
  cnn__matmul_pack(context, state->inputs, state->units, parameter[0], units, 1, prepared);
  if (state->transpose)
    cnn__matmul_pack(context, state->units, state->inputs, parameter[0], 1, units,
                     prepared + state->forward_floats);
}

static void forward(const cnn__op *op, const cnn__op_run *run) {
  const dense *state = op->state;
  cnn__matmul product = {
      .m = run->images * state->rows,
      .n = state->units,
      .k = state->inputs,
      .a = run->input[0],
      .a_row = (ptrdiff_t)state->inputs,
      .a_depth = 1,
      .packed = run->prepared,
      .c = run->output,
      .c_row = (ptrdiff_t)state->units,
      .bias = state->bias ? run->parameter[1] : NULL,
      .epilogue = state->relu ? CNN__GEMM_RELU : CNN__GEMM_PLAIN,
  };
  cnn__matmul_run(&product, run->context, run->scratch);
}

/* dW = x^T dy, with x read transposed by its strides. */
static void kernel_gradient(const dense *state, const cnn__op_run *run, size_t rows) {
  cnn__matmul product = {
      .m = state->inputs,
      .n = state->units,
      .k = rows,
      .a = run->input[0],
      .a_row = 1,
      .a_depth = (ptrdiff_t)state->inputs,
      .b = run->output_gradient,
      .b_row = (ptrdiff_t)state->units,
      .b_column = 1,
      .c = run->parameter_gradient[0],
      .c_row = (ptrdiff_t)state->units,
  };
  cnn__matmul_run(&product, run->context, run->scratch);
}

/* dx = dy W^T. */
static void input_gradient(const dense *state, const cnn__op_run *run, size_t rows) {
  cnn__matmul product = {
      .m = rows,
      .n = state->inputs,
      .k = state->units,
      .a = run->output_gradient,
      .a_row = (ptrdiff_t)state->units,
      .a_depth = 1,
      .packed = run->prepared + state->forward_floats,
      .c = run->input_gradient[0],
      .c_row = (ptrdiff_t)state->inputs,
  };
  cnn__matmul_run(&product, run->context, run->scratch);
}

static void backward(const cnn__op *op, const cnn__op_run *run) {
  const dense *state = op->state;
  const size_t rows = run->images * state->rows;
  if (state->relu)
    cnn__activation_backward(run->context, CNN_RELU, 0, rows * state->units, NULL, run->output,
                             run->output_gradient, run->output_gradient);
  if (state->bias && run->parameter_gradient[1] != NULL)
    cnn__column_sums(run->context, rows, state->units, run->output_gradient,
                     run->parameter_gradient[1], run->scratch);
  if (run->parameter_gradient[0] != NULL) kernel_gradient(state, run, rows);
  if (run->input_gradient[0] != NULL) input_gradient(state, run, rows);
}

/* The packed kernel's floats, and of the scratch memory what the largest of the products needs. */
static bool count_memory(const cnn__op_request *request, dense *state, cnn__op *op) {
  const size_t rows = request->batch * state->rows, in = state->inputs, units = state->units;
  size_t panels, bytes, scratch, transposed = 0;
  if (!cnn__size_round_up(units, CNN__PANEL, &panels) ||
      !cnn__size_mul(panels, in, &state->forward_floats))
    return false;
  if (state->transpose &&
      (!cnn__size_round_up(in, CNN__PANEL, &panels) || !cnn__size_mul(panels, units, &transposed)))
    return false;
  if (!cnn__size_add(state->forward_floats, transposed, &op->prepared_floats) ||
      op->prepared_floats > PTRDIFF_MAX / sizeof(float))
    return false;
  if (!cnn__matmul_scratch(rows, units, in, request->slots, &scratch)) return false;
  if (request->training) {
    if (!cnn__matmul_scratch(in, units, rows, request->slots, &bytes)) return false;
    scratch = cnn__size_max(scratch, bytes);
    if (!cnn__matmul_scratch(rows, in, units, request->slots, &bytes)) return false;
    scratch = cnn__size_max(scratch, bytes);
    if (!cnn__column_sums_scratch(rows, units, &bytes)) return false;
    scratch = cnn__size_max(scratch, bytes);
  }
  op->scratch_bytes = scratch;
  return true;
}

static cnn_status plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  const options *settings = layer->settings;
  op->algorithm = "gemm";
  dense *state = cnn__op_new_state(request, sizeof *state, op);
  if (state == NULL) return CNN_E_NOMEM;
  const cnn__shape *input = request->input;
  *state = (dense){
      .rows = cnn__shape_product(input) / input->dim[input->rank - 1],
      .inputs = input->dim[input->rank - 1],
      .units = (size_t)settings->units,
      .bias = !settings->no_bias,
      .relu = request->fuse_activation == CNN_RELU,
      .transpose = request->training && request->input_gradient[0],
  };
  if (!count_memory(request, state, op))
    return cnn__fail(CNN_E_LIMIT, "%s: the buffers of a %zux%zu kernel exceed memory",
                     request->name, state->inputs, state->units);
  op->flops = 2 * (double)state->rows * (double)state->inputs * (double)state->units;
  op->backward_reads_input = !request->frozen;
  op->backward_reads_output = state->relu;
  op->prepare = prepare;
  op->forward = forward;
  op->backward = backward;
  return CNN_OK;
}

const cnn__layer_class cnn__dense_class = {
    .class_name = "Dense",
    .base_name = "dense",
    .settings_size = sizeof(cnn_dense_options),
    .name_offset = offsetof(cnn_dense_options, name),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .defaults = defaults,
    .check = check,
    .infer = infer,
    .plan = plan,
    .can_fuse_activation = cnn__can_fuse_relu,
    .activation_offset = offsetof(options, activation),
};

void cnn_dense_options_init(cnn_dense_options *given, size_t size) {
  cnn__options_init(given, size);
}

cnn_layer *cnn_dense_create(const cnn_dense_options *given) {
  return cnn__layer_create(&cnn__dense_class, "cnn_dense_create", given);
}
