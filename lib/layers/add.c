/* The sum of its inputs, perhaps with a ReLU behind it. In place on the first; each input's gradient is the
   output's, behind the ReLU. */
#include "layers/classes.h"
#include "layers/support.h"

#include "ops/activation.h"
#include "ops/vector.h"

typedef struct sum {
  size_t inputs;
  size_t count; /* floats of one image */
  bool relu;
} sum;

static cnn_status infer(const cnn_layer *layer, const char *name, size_t inputs,
                        const cnn__shape *input, cnn__layer_spec *spec) {
  for (size_t i = 1; i < inputs; i++) {
    char first[CNN__SHAPE_TEXT], other[CNN__SHAPE_TEXT];
    if (!cnn__shape_equal(&input[0], &input[i]))
      return cnn__fail(CNN_E_SHAPE, "%s: input 0 is %s and input %zu is %s; all must be equal",
                       name, cnn__shape_text(&input[0], first), i,
                       cnn__shape_text(&input[i], other));
  }
  *spec = (cnn__layer_spec){.output = input[0]};
  return CNN_OK;
}

/* y = a + b, and the ReLU with the last of them. */
static void add(const sum *state, const cnn__op_run *run, size_t last, const float *a) {
  const size_t count = run->images * state->count;
  if (state->relu && last + 1 == state->inputs)
    cnn__vector_add_relu(run->context, count, a, run->input[last], run->output);
  else
    cnn__vector_add(run->context, count, a, run->input[last], run->output);
}

static void forward(const cnn__op *op, const cnn__op_run *run) {
  const sum *state = op->state;
  add(state, run, 1, run->input[0]);
  for (size_t i = 2; i < state->inputs; i++)
    add(state, run, i, run->output);
}

static void backward(const cnn__op *op, const cnn__op_run *run) {
  const sum *state = op->state;
  const size_t count = run->images * state->count;
  const float *dy = run->output_gradient;
  bool masked = !state->relu;
  for (size_t i = 0; i < state->inputs; i++) {
    float *gradient = run->input_gradient[i];
    if (gradient == NULL) continue;
    if (!masked)
      cnn__activation_backward(run->context, CNN_RELU, 0, count, NULL, run->output, dy, gradient);
    else if (gradient != dy)
      cnn__vector_copy(run->context, count, dy, gradient);
    if (!masked) dy = gradient;
    masked = true;
  }
}

static cnn_status plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  op->algorithm = "sum";
  sum *state = cnn__op_new_state(request, sizeof *state, op);
  if (state == NULL) return CNN_E_NOMEM;
  state->inputs = request->inputs;
  state->count = cnn__shape_product(request->output);
  state->relu = request->fuse_activation == CNN_RELU;
  op->flops = (double)state->count * (double)(request->inputs - 1);
  op->in_place = true;
  op->backward_reads_output = state->relu;
  op->forward = forward;
  op->backward = backward;
  return CNN_OK;
}

const cnn__layer_class cnn__add_class = {
    .class_name = "Add",
    .base_name = "add",
    .settings_size = sizeof(cnn_add_options),
    .name_offset = offsetof(cnn_add_options, name),
    .inputs = CNN__INPUTS_MANY,
    .infer = infer,
    .plan = plan,
    .can_fuse_activation = cnn__can_fuse_relu,
};

void cnn_add_options_init(cnn_add_options *options, size_t size) {
  cnn__options_init(options, size);
}

cnn_layer *cnn_add_create(const cnn_add_options *options) {
  return cnn__layer_create(&cnn__add_class, "cnn_add_create", options);
}
