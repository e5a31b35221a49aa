/* The mean of each window's real cells: padding counts neither above nor below the line. */
#include "layers/classes.h"
#include "layers/support.h"

typedef cnn_average_pool2d_options options;

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

static cnn_status plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  cnn__window window = window_of(layer->settings);
  cnn__pool_shape shape;
  cnn_status status = cnn__pool_place(request->name, &window, request->input, &shape);
  return status == CNN_OK ? cnn__average_pool_plan(request, &shape, op) : status;
}

const cnn__layer_class cnn__average_pool2d_class = {
    .class_name = "AveragePooling2D",
    .base_name = "average_pooling2d",
    .settings_size = sizeof(cnn_average_pool2d_options),
    .name_offset = offsetof(cnn_average_pool2d_options, name),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .defaults = defaults,
    .infer = infer,
    .plan = plan,
};

void cnn_average_pool2d_options_init(cnn_average_pool2d_options *given, size_t size) {
  cnn__options_init(given, size);
}

cnn_layer *cnn_average_pool2d_create(const cnn_average_pool2d_options *given) {
  return cnn__layer_create(&cnn__average_pool2d_class, "cnn_average_pool2d_create", given);
}
