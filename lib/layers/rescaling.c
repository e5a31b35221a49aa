/* y = scale * x + offset. Not in place: it stands behind the input, which is not the plan's own. */
#include "layers/classes.h"
#include "layers/support.h"

#include "ops/vector.h"

typedef cnn_rescaling_options options;

static const cnn__field fields[] = {
    REAL(scale, -CNN__LARGEST_REAL, CNN__LARGEST_REAL, 1),
    REAL(offset, -CNN__LARGEST_REAL, CNN__LARGEST_REAL, 0),
};

typedef struct rescaling {
  float scale, offset;
  size_t count; /* floats of one image */
} rescaling;

static void forward(const cnn__op *op, const cnn__op_run *run) {
  const rescaling *state = op->state;
  cnn__vector_affine(run->context, run->images * state->count, state->scale, state->offset,
                     run->input[0], run->output);
}

static void backward(const cnn__op *op, const cnn__op_run *run) {
  const rescaling *state = op->state;
  if (run->input_gradient[0] == NULL) return;
  cnn__vector_scale(run->context, run->images * state->count, state->scale, run->output_gradient,
                    run->input_gradient[0]);
}

static cnn_status plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  const options *settings = layer->settings;
  op->algorithm = "affine";
  rescaling *state = cnn__op_new_state(request, sizeof *state, op);
  if (state == NULL) return CNN_E_NOMEM;
  state->scale = (float)settings->scale;
  state->offset = (float)settings->offset;
  state->count = cnn__shape_product(request->output);
  op->flops = 2 * (double)state->count;
  op->forward = forward;
  op->backward = backward;
  return CNN_OK;
}

const cnn__layer_class cnn__rescaling_class = {
    .class_name = "Rescaling",
    .base_name = "rescaling",
    .settings_size = sizeof(cnn_rescaling_options),
    .name_offset = offsetof(cnn_rescaling_options, name),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .plan = plan,
};

void cnn_rescaling_options_init(cnn_rescaling_options *given, size_t size) {
  cnn__options_init(given, size);
}

cnn_layer *cnn_rescaling_create(const cnn_rescaling_options *given) {
  return cnn__layer_create(&cnn__rescaling_class, "cnn_rescaling_create", given);
}
