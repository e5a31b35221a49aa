/* Rows and columns of zeros around the image. */
#include "layers/classes.h"
#include "layers/support.h"

#include "base/size.h"
#include "base/threads.h"
#include <string.h>

typedef cnn_zero_padding2d_options options;

static const cnn__field fields[] = {
    INTEGER(top, 0, CNN__LARGEST_INTEGER, 0),
    INTEGER(bottom, 0, CNN__LARGEST_INTEGER, 0),
    INTEGER(left, 0, CNN__LARGEST_INTEGER, 0),
    INTEGER(right, 0, CNN__LARGEST_INTEGER, 0),
};

typedef struct padding {
  size_t rows, row;           /* of the input; row in floats */
  size_t out_rows, out_row;   /* of the output, likewise */
  size_t top, before, behind; /* rows; floats of a row */
} padding;

static cnn_status infer(const cnn_layer *layer, const char *name, size_t inputs,
                        const cnn__shape *input, cnn__layer_spec *spec) {
  const options *settings = layer->settings;
  cnn_status status = cnn__expect_image(name, input);
  if (status != CNN_OK) return status;
  size_t height, width; /* two settings together stay below 2^32, where size_t may end */
  if (!cnn__size_add((size_t)settings->top, (size_t)settings->bottom, &height) ||
      !cnn__size_add((size_t)settings->left, (size_t)settings->right, &width) ||
      !cnn__size_add(height, input->dim[0], &height) ||
      !cnn__size_add(width, input->dim[1], &width))
    return cnn__fail(CNN_E_LIMIT, "%s: the padding exceeds memory", name);
  *spec = (cnn__layer_spec){.output = {.rank = 3, .dim = {height, width, input->dim[2]}}};
  return CNN_OK;
}

typedef struct copying {
  const padding *state;
  const cnn__op_run *run;
} copying;

static void pad_image(void *argument, size_t image, size_t slot) {
  const copying *copy = argument;
  const padding *state = copy->state;
  const float *x = copy->run->input[0] + image * state->rows * state->row;
  float *y = copy->run->output + image * state->out_rows * state->out_row;
  memset(y, 0, state->top * state->out_row * sizeof *y);
  y += state->top * state->out_row;
  for (size_t row = 0; row < state->rows; row++, x += state->row, y += state->out_row) {
    memset(y, 0, state->before * sizeof *y);
    memcpy(y + state->before, x, state->row * sizeof *y);
    memset(y + state->before + state->row, 0, state->behind * sizeof *y);
  }
  memset(y, 0, (state->out_rows - state->top - state->rows) * state->out_row * sizeof *y);
}

static void crop_image(void *argument, size_t image, size_t slot) {
  const copying *copy = argument;
  const padding *state = copy->state;
  const float *dy = copy->run->output_gradient + image * state->out_rows * state->out_row +
                    state->top * state->out_row + state->before;
  float *dx = copy->run->input_gradient[0] + image * state->rows * state->row;
  for (size_t row = 0; row < state->rows; row++, dx += state->row, dy += state->out_row)
    memcpy(dx, dy, state->row * sizeof *dx);
}

static void forward(const cnn__op *op, const cnn__op_run *run) {
  copying copy = {op->state, run};
  cnn__parallel_for(run->context, run->images, pad_image, &copy);
}

static void backward(const cnn__op *op, const cnn__op_run *run) {
  copying copy = {op->state, run};
  if (run->input_gradient[0] != NULL)
    cnn__parallel_for(run->context, run->images, crop_image, &copy);
}

static cnn_status plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  const options *settings = layer->settings;
  op->algorithm = "copy";
  padding *state = cnn__op_new_state(request, sizeof *state, op);
  if (state == NULL) return CNN_E_NOMEM;
  const size_t channels = request->input->dim[2];
  *state = (padding){
      .rows = request->input->dim[0],
      .row = request->input->dim[1] * channels,
      .out_rows = request->output->dim[0],
      .out_row = request->output->dim[1] * channels,
      .top = (size_t)settings->top,
      .before = (size_t)settings->left * channels,
      .behind = (size_t)settings->right * channels,
  };
  op->forward = forward;
  op->backward = backward;
  return CNN_OK;
}

const cnn__layer_class cnn__zero_padding2d_class = {
    .class_name = "ZeroPadding2D",
    .base_name = "zero_padding2d",
    .settings_size = sizeof(cnn_zero_padding2d_options),
    .name_offset = offsetof(cnn_zero_padding2d_options, name),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .infer = infer,
    .plan = plan,
};

void cnn_zero_padding2d_options_init(cnn_zero_padding2d_options *given, size_t size) {
  cnn__options_init(given, size);
}

cnn_layer *cnn_zero_padding2d_create(const cnn_zero_padding2d_options *given) {
  return cnn__layer_create(&cnn__zero_padding2d_class, "cnn_zero_padding2d_create", given);
}
