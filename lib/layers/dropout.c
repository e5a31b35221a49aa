/* Inverted dropout (Srivastava et al., 2014). The mask is never stored: it is a function of seed, step
   and layer, drawn again in the backward pass. */
#include "layers/classes.h"
#include "layers/support.h"

#include "base/fingerprint.h"
#include "ops/vector.h"
#include <string.h>

/* Below 1 as a float, too: what is kept is scaled by 1 / (1 - rate). */
#define LARGEST_RATE (1 - (double)FLT_EPSILON / 2)

typedef cnn_dropout_options options;

static const cnn__field fields[] = {
    REAL(rate, 0, LARGEST_RATE, 0.5),
};

typedef struct dropout {
  uint64_t stream;
  float rate;
  size_t count; /* floats of one image */
} dropout;

/* The layer's own stream follows from its name, so that another layer put before it changes
   nothing: its fingerprint, folded to the 24 bits that a stream's key has room for. */
static uint64_t stream_of(const char *name) {
  uint64_t hash = CNN__FINGERPRINT_START;
  cnn__fingerprint_bytes(&hash, name, strlen(name));
  return (hash ^ hash >> 24 ^ hash >> 48) & 0xffffff;
}

static void drop(const cnn__op *op, const cnn__op_run *run, const float *x, float *y) {
  const dropout *state = op->state;
  size_t count = run->images * state->count;
  if (run->training)
    cnn__dropout(run->context, run->seed, run->step, state->stream, state->rate, count, x, y);
  else if (x != y)
    memcpy(y, x, count * sizeof *y);
}

static void forward(const cnn__op *op, const cnn__op_run *run) {
  drop(op, run, run->input[0], run->output);
}

static void backward(const cnn__op *op, const cnn__op_run *run) {
  if (run->input_gradient[0] != NULL) drop(op, run, run->output_gradient, run->input_gradient[0]);
}

static cnn_status plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  const options *settings = layer->settings;
  if (!request->training || settings->rate == 0) {
    cnn__op_alias(op);
    return CNN_OK;
  }
  op->algorithm = "dropout";
  dropout *state = cnn__op_new_state(request, sizeof *state, op);
  if (state == NULL) return CNN_E_NOMEM;
  state->stream = stream_of(request->name);
  state->rate = (float)settings->rate;
  state->count = cnn__shape_product(request->output);
  op->flops = (double)state->count;
  op->in_place = true;
  op->forward = forward;
  op->backward = backward;
  return CNN_OK;
}

const cnn__layer_class cnn__dropout_class = {
    .class_name = "Dropout",
    .base_name = "dropout",
    .settings_size = sizeof(cnn_dropout_options),
    .name_offset = offsetof(cnn_dropout_options, name),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .plan = plan,
};

void cnn_dropout_options_init(cnn_dropout_options *given, size_t size) {
  cnn__options_init(given, size);
}

cnn_layer *cnn_dropout_create(const cnn_dropout_options *given) {
  return cnn__layer_create(&cnn__dropout_class, "cnn_dropout_create", given);
}
