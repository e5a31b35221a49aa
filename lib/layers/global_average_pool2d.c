/* The mean over height and width: average pooling with one window, the whole image. */
#include "layers/classes.h"
#include "layers/support.h"

static cnn_status infer(const cnn_layer *layer, const char *name, size_t inputs,
                        const cnn__shape *input, cnn__layer_spec *spec) {
  cnn_status status = cnn__expect_image(name, input);
  if (status != CNN_OK) return status;
  *spec = (cnn__layer_spec){.output = {.rank = 1, .dim = {input->dim[2]}}};
  return CNN_OK;
}

static cnn_status plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  const size_t *size = request->input->dim;
  cnn__pool_shape shape = {
      .in_height = size[0],
      .in_width = size[1],
      .channels = size[2],
      .out_height = 1,
      .out_width = 1,
      .pool_height = size[0],
      .pool_width = size[1],
      .stride_height = size[0],
      .stride_width = size[1],
  };
  return cnn__average_pool_plan(request, &shape, op);
}

const cnn__layer_class cnn__global_average_pool2d_class = {
    .class_name = "GlobalAveragePooling2D",
    .base_name = "global_average_pooling2d",
    .settings_size = sizeof(cnn_global_average_pool2d_options),
    .name_offset = offsetof(cnn_global_average_pool2d_options, name),
    .infer = infer,
    .plan = plan,
};

void cnn_global_average_pool2d_options_init(cnn_global_average_pool2d_options *options,
                                            size_t size) {
  cnn__options_init(options, size);
}

cnn_layer *cnn_global_average_pool2d_create(const cnn_global_average_pool2d_options *options) {
  return cnn__layer_create(&cnn__global_average_pool2d_class, "cnn_global_average_pool2d_create",
                           options);
}
