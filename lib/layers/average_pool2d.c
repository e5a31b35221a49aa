/* The mean of each window's real cells: padding counts neither above nor below the line. */
#include "layers/classes.h"
#include "layers/support.h"

static const cnn__field fields[] = {
    {CNN__FIELD(cnn_average_pool2d_options, pool), .kind = CNN__FIELD_PAIR, .initial = 2,
     .minimum = 1, .maximum = CNN__LARGEST_INTEGER},
    {CNN__FIELD(cnn_average_pool2d_options, stride), .kind = CNN__FIELD_PAIR, .initial = 2,
     .minimum = 1, .maximum = CNN__LARGEST_INTEGER},
    {CNN__FIELD(cnn_average_pool2d_options, padding), .kind = CNN__FIELD_CHOICE,
     .choices = cnn__padding_names},
};

/* The stride defaults to the window's size, row by row and column by column. */
static void defaults(void *options) {
  cnn_average_pool2d_options *settings = options;
  if (settings->stride[0] != 0) return;
  settings->stride[0] = settings->pool[0];
  if (settings->stride[1] == 0) settings->stride[1] = settings->pool[1];
}

static cnn_status place(const cnn_layer *layer, const char *name, const cnn__shape *input,
                        cnn__pool_shape *shape) {
  const cnn_average_pool2d_options *settings = layer->settings;
  cnn__window window = cnn__window_of(settings->pool, settings->stride, NULL, settings->padding);
  return cnn__pool_place(name, &window, input, shape);
}

static cnn_status infer(const cnn_layer *layer, const char *name, size_t inputs,
                        const cnn__shape *input, cnn__layer_spec *spec) {
  cnn__pool_shape shape;
  cnn_status status = cnn__expect_image(layer, name, inputs, input);
  if (status == CNN_OK) status = place(layer, name, input, &shape);
  if (status != CNN_OK) return status;
  *spec = (cnn__layer_spec){
      .output = {.rank = 3, .dim = {shape.out_height, shape.out_width, shape.channels}}};
  return cnn__expect_memory(name, spec);
}

static void forward(const cnn__op *op, const cnn__op_run *run) {
  cnn__average_pool_forward(op->state, run->context, run->images, run->input[0], run->output);
}

static void backward(const cnn__op *op, const cnn__op_run *run) {
  if (run->input_gradient[0] == NULL) return;
  cnn__average_pool_backward(op->state, run->context, run->images, run->output_gradient,
                             run->input_gradient[0]);
}

static cnn_status plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  cnn_status status = cnn__op_start(request, "average-pool", op);
  if (status != CNN_OK) return status;
  cnn__pool_shape *shape = cnn__op_new_state(request, sizeof *shape, op);
  if (shape == NULL) return CNN_E_NOMEM;
  status = place(layer, request->name, request->input, shape);
  if (status != CNN_OK) {
    op->release(op, request->context);
    return status;
  }
  op->flops = (double)cnn__shape_product(request->output) * (double)shape->pool_height *
              (double)shape->pool_width;
  op->forward = forward;
  op->backward = request->training ? backward : NULL;
  return CNN_OK;
}

const cnn__layer_class cnn__average_pool2d_class = {
    .class_name = "AveragePooling2D",
    .base_name = "average_pooling2d",
    .settings_size = sizeof(cnn_average_pool2d_options),
    .name_offset = offsetof(cnn_average_pool2d_options, name),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .minimum_inputs = 1,
    .maximum_inputs = 1,
    .defaults = defaults,
    .infer = infer,
    .plan = plan,
};

void cnn_average_pool2d_options_init(cnn_average_pool2d_options *options, size_t size) {
  cnn__options_init(options, size);
}

cnn_layer *cnn_average_pool2d_create(const cnn_average_pool2d_options *options) {
  return cnn__layer_create(&cnn__average_pool2d_class, "cnn_average_pool2d_create", options);
}
