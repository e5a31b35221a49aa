/* All dimensions in one: the same floats under another shape. */
#include "layers/classes.h"
#include "layers/support.h"

static cnn_status infer(const cnn_layer *layer, const char *name, size_t inputs,
                        const cnn__shape *input, cnn__layer_spec *spec) {
  *spec = (cnn__layer_spec){.output = {.rank = 1, .dim = {cnn__shape_product(input)}}};
  return CNN_OK;
}

const cnn__layer_class cnn__flatten_class = {
    .class_name = "Flatten",
    .base_name = "flatten",
    .settings_size = sizeof(cnn_flatten_options),
    .name_offset = offsetof(cnn_flatten_options, name),
    .infer = infer,
};

void cnn_flatten_options_init(cnn_flatten_options *options, size_t size) {
  cnn__options_init(options, size);
}

cnn_layer *cnn_flatten_create(const cnn_flatten_options *options) {
  return cnn__layer_create(&cnn__flatten_class, "cnn_flatten_create", options);
}
