/* The sum of its inputs. In place on the first; each input's gradient is the output's. */
#include "layers/classes.h"
#include "layers/support.h"

#include "ops/vector.h"
#include <string.h>

typedef struct sum {
  size_t inputs;
  size_t count; /* floats of one image */
} sum;

static cnn_status infer(const cnn_layer *layer, const char *name, size_t inputs,
                        const cnn__shape *input, cnn__layer_spec *spec) {
  cnn_status status = cnn__expect_inputs(layer, name, inputs);
  if (status != CNN_OK) return status;
  for (size_t i = 1; i < inputs; i++) {
    char first[CNN__SHAPE_TEXT], other[CNN__SHAPE_TEXT];
    if (!cnn__shape_equal(&input[0], &input[i]))
      return cnn__fail(CNN_E_SHAPE, "%s: input 0 is %s and input %zu is %s; all must be equal",
                       name, cnn__shape_text(&input[0], first), i,
                       cnn__shape_text(&input[i], other));
  }
  *spec = (cnn__layer_spec){.output = input[0]};
  return cnn__expect_memory(name, spec);
}

static void forward(const cnn__op *op, const cnn__op_run *run) {
  const sum *state = op->state;
  const size_t count = run->images * state->count;
  cnn__vector_add(run->context, count, run->input[0], run->input[1], run->output);
  for (size_t i = 2; i < state->inputs; i++)
    cnn__vector_accumulate(run->context, count, run->input[i], run->output);
}

static void backward(const cnn__op *op, const cnn__op_run *run) {
  const sum *state = op->state;
  const size_t bytes = run->images * state->count * sizeof(float);
  for (size_t i = 0; i < state->inputs; i++) {
    float *gradient = run->input_gradient[i];
    if (gradient != NULL && gradient != run->output_gradient)
      memcpy(gradient, run->output_gradient, bytes);
  }
}

static cnn_status plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  cnn_status status = cnn__op_start(request, "sum", op);
  if (status != CNN_OK) return status;
  sum *state = cnn__op_new_state(request, sizeof *state, op);
  if (state == NULL) return CNN_E_NOMEM;
  state->inputs = request->inputs;
  state->count = cnn__shape_product(request->output);
  op->flops = (double)state->count * (double)(request->inputs - 1);
  op->in_place = true;
  op->forward = forward;
  op->backward = request->training ? backward : NULL;
  return CNN_OK;
}

const cnn__layer_class cnn__add_class = {
    .class_name = "Add",
    .base_name = "add",
    .settings_size = sizeof(cnn_add_options),
    .name_offset = offsetof(cnn_add_options, name),
    .minimum_inputs = 2,
    .maximum_inputs = CNN__MAX_INPUTS,
    .infer = infer,
    .plan = plan,
};

void cnn_add_options_init(cnn_add_options *options, size_t size) {
  cnn__options_init(options, size);
}

cnn_layer *cnn_add_create(const cnn_add_options *options) {
  return cnn__layer_create(&cnn__add_class, "cnn_add_create", options);
}
