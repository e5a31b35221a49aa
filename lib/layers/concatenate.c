/* Inputs one behind the other along the last dimension. */
#include "layers/classes.h"
#include "layers/support.h"

#include "base/size.h"
#include "base/threads.h"
#include <string.h>

typedef struct concatenation {
  size_t inputs;
  size_t rows; /* of one image: all dimensions but the last */
  size_t columns[CNN__MAX_INPUTS], total;
} concatenation;

static cnn_status infer(const cnn_layer *layer, const char *name, size_t inputs,
                        const cnn__shape *input, cnn__layer_spec *spec) {
  char first[CNN__SHAPE_TEXT], other[CNN__SHAPE_TEXT];
  if (input[0].rank == 0)
    return cnn__fail(CNN_E_SHAPE, "%s: a scalar has no dimension to join along", name);
  cnn__shape joined = input[0];
  const size_t last = joined.rank - 1;
  for (size_t i = 1; i < inputs; i++) {
    cnn__shape expected = input[0];
    if (input[i].rank == joined.rank) expected.dim[last] = input[i].dim[last];
    if (!cnn__shape_equal(&expected, &input[i]))
      return cnn__fail(
          CNN_E_SHAPE, "%s: input 0 is %s and input %zu is %s; only the last dimension may differ",
          name, cnn__shape_text(&input[0], first), i, cnn__shape_text(&input[i], other));
    if (!cnn__size_add(joined.dim[last], input[i].dim[last], &joined.dim[last]))
      return cnn__fail(CNN_E_LIMIT, "%s: the inputs together exceed memory", name);
  }
  *spec = (cnn__layer_spec){.output = joined};
  return CNN_OK;
}

typedef struct copying {
  const concatenation *state;
  const cnn__op_run *run;
} copying;

static void join_image(void *argument, size_t image, size_t slot) {
  const copying *copy = argument;
  const concatenation *state = copy->state;
  float *to = copy->run->output + image * state->rows * state->total;
  for (size_t row = 0; row < state->rows; row++)
    for (size_t i = 0; i < state->inputs; i++) {
      size_t columns = state->columns[i];
      const float *from = copy->run->input[i] + (image * state->rows + row) * columns;
      memcpy(to, from, columns * sizeof *to);
      to += columns;
    }
}

static void split_image(void *argument, size_t image, size_t slot) {
  const copying *copy = argument;
  const concatenation *state = copy->state;
  const float *from = copy->run->output_gradient + image * state->rows * state->total;
  for (size_t row = 0; row < state->rows; row++)
    for (size_t i = 0; i < state->inputs; i++) {
      size_t columns = state->columns[i];
      float *to = copy->run->input_gradient[i];
      if (to != NULL)
        memcpy(to + (image * state->rows + row) * columns, from, columns * sizeof *to);
      from += columns;
    }
}

static void forward(const cnn__op *op, const cnn__op_run *run) {
  copying copy = {op->state, run};
  cnn__parallel_for(run->context, run->images, join_image, &copy);
}

static void backward(const cnn__op *op, const cnn__op_run *run) {
  copying copy = {op->state, run};
  cnn__parallel_for(run->context, run->images, split_image, &copy);
}

static cnn_status plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  op->algorithm = "copy";
  concatenation *state = cnn__op_new_state(request, sizeof *state, op);
  if (state == NULL) return CNN_E_NOMEM;
  const size_t last = request->output->rank - 1;
  state->inputs = request->inputs;
  state->total = request->output->dim[last];
  state->rows = cnn__shape_product(request->output) / state->total;
  for (size_t i = 0; i < request->inputs; i++)
    state->columns[i] = request->input[i].dim[last];
  op->forward = forward;
  op->backward = backward;
  return CNN_OK;
}

const cnn__layer_class cnn__concatenate_class = {
    .class_name = "Concatenate",
    .base_name = "concatenate",
    .settings_size = sizeof(cnn_concatenate_options),
    .name_offset = offsetof(cnn_concatenate_options, name),
    .inputs = CNN__INPUTS_MANY,
    .infer = infer,
    .plan = plan,
};

void cnn_concatenate_options_init(cnn_concatenate_options *options, size_t size) {
  cnn__options_init(options, size);
}

cnn_layer *cnn_concatenate_create(const cnn_concatenate_options *options) {
  return cnn__layer_create(&cnn__concatenate_class, "cnn_concatenate_create", options);
}
