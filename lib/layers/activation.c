/* Element-wise functions and softmax: the operation that ends a layer, and the layer that is nothing
   but its end. */
#include "layers/classes.h"
#include "layers/support.h"

#include "ops/activation.h"

typedef cnn_activation_options options;

/* A negative slope would hide from the backward pass, which sees y alone, which side x was on. */
static const cnn__field fields[] = {
    CHOICE(function, cnn__activation_names),
    REAL(slope, 0, CNN__LARGEST_REAL, 0),
};

typedef struct activation_state {
  cnn_activation_kind kind;
  float slope;
  size_t count; /* floats of one image */
  size_t last;  /* of them in a row of softmax */
} activation_state;

static void forward(const cnn__op *op, const cnn__op_run *run) {
  const activation_state *state = op->state;
  const size_t count = run->images * state->count;
  if (state->kind == CNN_SOFTMAX)
    cnn__softmax_forward(run->context, count / state->last, state->last, run->input[0],
                         run->output);
  else
    cnn__activation_forward(run->context, state->kind, state->slope, count, run->input[0],
                            run->output);
}

static void backward(const cnn__op *op, const cnn__op_run *run) {
  const activation_state *state = op->state;
  const size_t count = run->images * state->count;
  if (run->input_gradient[0] == NULL) return;
  if (state->kind == CNN_SOFTMAX)
    cnn__softmax_backward(run->context, count / state->last, state->last, run->output,
                          run->output_gradient, run->input_gradient[0]);
  else
    cnn__activation_backward(run->context, state->kind, state->slope, count,
                             op->backward_reads_input ? run->input[0] : NULL, run->output,
                             run->output_gradient, run->input_gradient[0]);
}

cnn_status cnn__activation_plan(cnn_activation_kind kind, double slope,
                                const cnn__op_request *request, cnn__op *op) {
  cnn_status status = cnn__op_start(request, op);
  if (status != CNN_OK) return status;
  op->algorithm = cnn__activation_name(kind);
  const cnn__shape *shape = request->output;
  activation_state *state = cnn__op_new_state(request, sizeof *state, op);
  if (state == NULL) return CNN_E_NOMEM;
  *state = (activation_state){
      .kind = kind,
      .slope = (float)slope,
      .count = cnn__shape_product(shape),
      .last = shape->rank == 0 ? 1 : shape->dim[shape->rank - 1],
  };
  const bool needs_input = kind != CNN_SOFTMAX && cnn__activation_needs_input(kind);
  op->flops = (double)state->count;
  op->in_place = !(request->training && needs_input);
  op->backward_reads_input = request->training && needs_input;
  op->backward_reads_output = request->training && !needs_input;
  op->forward = forward;
  op->backward = request->training ? backward : NULL;
  return CNN_OK;
}

static void defaults(void *given) {
  options *settings = given;
  if (settings->slope == 0)
    settings->slope = cnn__activation_default_slope((cnn_activation_kind)settings->function);
}

static cnn_status check(const char *who, const void *given) {
  const options *settings = given;
  if (settings->slope == 0 || settings->function == CNN_LEAKY_RELU || settings->function == CNN_ELU)
    return CNN_OK;
  return cnn__fail(CNN_E_INVALID, "%s: %s takes no slope", who,
                   cnn__activation_names[settings->function]);
}

const cnn__layer_class cnn__activation_class = {
    .class_name = "Activation",
    .base_name = "activation",
    .settings_size = sizeof(cnn_activation_options),
    .name_offset = offsetof(cnn_activation_options, name),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .defaults = defaults,
    .check = check,
    .activation_offset = offsetof(options, function),
    .slope_offset = offsetof(options, slope),
};

void cnn_activation_options_init(cnn_activation_options *given, size_t size) {
  cnn__options_init(given, size);
}

cnn_layer *cnn_activation_create(const cnn_activation_options *given) {
  return cnn__layer_create(&cnn__activation_class, "cnn_activation_create", given);
}
