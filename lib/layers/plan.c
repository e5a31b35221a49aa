/* From a layer to its shapes and its operation: what holds for every class. */
#include "layers/support.h"

#include "base/size.h"

/* Whether count times shape floats have a number of bytes. */
static bool fits_memory(const cnn__shape *shape, size_t count) {
  size_t bytes;
  return cnn__shape_count(shape, &bytes) && cnn__size_mul(bytes, sizeof(float), &bytes) &&
         cnn__size_mul(bytes, count, &bytes) && bytes <= PTRDIFF_MAX;
}

/* ---- shapes ---- */

static cnn_status expect_inputs(const cnn__layer_class *class, const char *name, size_t inputs) {
  const size_t one = class->inputs == CNN__INPUTS_ONE;
  if (class->inputs != CNN__INPUTS_MANY) {
    if (inputs == one) return CNN_OK;
    return cnn__fail(CNN_E_SHAPE, "%s: %zu inputs; %s takes %zu", name, inputs, class->class_name,
                     one);
  }
  if (inputs >= 2 && inputs <= CNN__MAX_INPUTS) return CNN_OK;
  return cnn__fail(CNN_E_SHAPE, "%s: %zu inputs; %s takes 2 to %d", name, inputs, class->class_name,
                   CNN__MAX_INPUTS);
}

cnn_status cnn__expect_image(const char *name, const cnn__shape *input) {
  if (input->rank == 3) return CNN_OK;
  char text[CNN__SHAPE_TEXT];
  return cnn__fail(CNN_E_SHAPE, "%s: input %s is no image (height x width x channels)", name,
                   cnn__shape_text(input, text));
}

static cnn_status expect_memory(const char *name, const cnn__layer_spec *spec) {
  char text[CNN__SHAPE_TEXT];
  if (!fits_memory(&spec->output, 1))
    return cnn__fail(CNN_E_LIMIT, "%s: output %s exceeds memory", name,
                     cnn__shape_text(&spec->output, text));
  for (size_t i = 0; i < spec->parameter_count; i++)
    if (!fits_memory(&spec->parameters[i].shape, 1))
      return cnn__fail(CNN_E_LIMIT, "%s: %s %s exceeds memory", name, spec->parameters[i].name,
                       cnn__shape_text(&spec->parameters[i].shape, text));
  return CNN_OK;
}

cnn_status cnn__layer_infer(const cnn_layer *layer, const char *name, size_t inputs,
                            const cnn__shape *input, cnn__layer_spec *spec) {
  const cnn__layer_class *class = layer->class;
  cnn_status status = expect_inputs(class, name, inputs);
  if (status != CNN_OK) return status;
  *spec = (cnn__layer_spec){.parameter_count = 0};
  if (class->infer == NULL)
    spec->output = *input;
  else
    status = class->infer(layer, name, inputs, input, spec);
  return status == CNN_OK ? expect_memory(name, spec) : status;
}

/* ---- operations ---- */

cnn_status cnn__op_start(const cnn__op_request *request, cnn__op *op) {
  *op = (cnn__op){.state = NULL};
  const cnn__shape *shape = request->output;
  bool fits = fits_memory(shape, request->batch);
  for (size_t i = 0; fits && i < request->inputs; i++) {
    shape = &request->input[i];
    fits = fits_memory(shape, request->batch);
  }
  if (fits) return CNN_OK;
  char text[CNN__SHAPE_TEXT];
  return cnn__fail(CNN_E_LIMIT, "%s: a batch of %zu times %s exceeds memory", request->name,
                   request->batch, cnn__shape_text(shape, text));
}

static void release_state(cnn__op *op, cnn_context *context) {
  cnn__free(context, op->state);
  op->state = NULL;
}

void *cnn__op_new_state(const cnn__op_request *request, size_t size, cnn__op *op) {
  op->state = cnn__calloc_array(request->context, 1, size, "an operation");
  if (op->state != NULL) op->release = release_state;
  return op->state;
}

void cnn__op_alias(cnn__op *op) {
  op->algorithm = "alias";
  op->alias = op->in_place = true;
}

cnn_status cnn__layer_plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  cnn_status status = cnn__op_start(request, op);
  if (status != CNN_OK) return status;
  if (layer->class->plan == NULL)
    cnn__op_alias(op);
  else
    status = layer->class->plan(layer, request, op);
  if (status != CNN_OK && op->release != NULL) op->release(op, request->context);
  if (request->training) return status;
  op->backward = NULL;
  op->backward_reads_input = op->backward_reads_output = false;
  op->saved_bytes = 0;
  return status;
}
