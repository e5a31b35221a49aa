/* The largest value of each window. */
#include "layers/classes.h"
#include "layers/support.h"

#include "base/size.h"

typedef cnn_max_pool2d_options options;

static const cnn__field fields[] = {
    PAIR(pool, CNN__LARGEST_INTEGER, 2),
    PAIR(stride, CNN__LARGEST_INTEGER, 2),
    CHOICE(padding, cnn__padding_names),
};

static void defaults(void *given) {
  options *settings = given;
  cnn__pool_stride(settings->pool, settings->stride);
}

static cnn__window window_of(const options *settings) {
  return cnn__window_of(settings->pool, settings->stride, NULL, settings->padding);
}

static cnn_status infer(const cnn_layer *layer, const char *name, size_t inputs,
                        const cnn__shape *input, cnn__layer_spec *spec) {
  cnn__window window = window_of(layer->settings);
  return cnn__pool_infer(name, input, &window, spec);
}

bool cnn__max_pool_geometry(const cnn_layer *layer, const cnn__shape *input,
                            cnn__pool_shape *shape) {
  if (layer->class != &cnn__max_pool2d_class || input->rank != 3) return false;
  cnn__window window = window_of(layer->settings);
  return cnn__pool_place("max_pool2d", &window, input, shape) == CNN_OK;
}

/* saved: which cell of its window's image each output came from. */
static void forward(const cnn__op *op, const cnn__op_run *run) {
  cnn__max_pool_forward(op->state, run->context, run->images, run->input[0], run->output,
                        (uint32_t *)(void *)run->saved);
}

static void backward(const cnn__op *op, const cnn__op_run *run) {
  if (run->input_gradient[0] == NULL) return;
  cnn__max_pool_backward(op->state, run->context, run->images, run->output_gradient,
                         (const uint32_t *)(const void *)run->saved, run->input_gradient[0]);
}

static cnn_status plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  op->algorithm = "max-pool";
  cnn__pool_shape *shape = cnn__op_new_state(request, sizeof *shape, op);
  if (shape == NULL) return CNN_E_NOMEM;
  cnn__window window = window_of(layer->settings);
  cnn_status status = cnn__pool_place(request->name, &window, request->input, shape);
  size_t cells = 0;
  if (status == CNN_OK &&
      (!cnn__size_mul(shape->in_height, shape->in_width, &cells) || cells > UINT32_MAX))
    status = cnn__fail(CNN_E_LIMIT, "%s: a plane of %zux%zu exceeds 2^32 cells", request->name,
                       shape->in_height, shape->in_width);
  if (status != CNN_OK) return status;
  size_t outputs = cnn__shape_product(request->output);
  op->flops = (double)outputs * (double)shape->pool_height * (double)shape->pool_width;
  op->saved_bytes = request->batch * outputs * sizeof(uint32_t);
  op->forward = forward;
  op->backward = backward;
  return CNN_OK;
}

const cnn__layer_class cnn__max_pool2d_class = {
    .class_name = "MaxPooling2D",
    .base_name = "max_pooling2d",
    .settings_size = sizeof(cnn_max_pool2d_options),
    .name_offset = offsetof(cnn_max_pool2d_options, name),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .defaults = defaults,
    .infer = infer,
    .plan = plan,
};

void cnn_max_pool2d_options_init(cnn_max_pool2d_options *given, size_t size) {
  cnn__options_init(given, size);
}

cnn_layer *cnn_max_pool2d_create(const cnn_max_pool2d_options *given) {
  return cnn__layer_create(&cnn__max_pool2d_class, "cnn_max_pool2d_create", given);
}
