/* The shape of one sample: no operation, only what the others begin with. */
#include "layers/classes.h"
#include "layers/support.h"

typedef cnn_input_options options;

static const cnn__field fields[] = {
    {FIELD(shape, SHAPE), .required = true},
};

static cnn_status infer(const cnn_layer *layer, const char *name, size_t inputs,
                        const cnn__shape *input, cnn__layer_spec *spec) {
  const options *settings = layer->settings;
  size_t rank = 0;
  while (rank < CNN_MAX_RANK && settings->shape[rank] != 0)
    rank++;
  return cnn__shape_read(name, rank, settings->shape, false, &spec->output);
}

const cnn__layer_class cnn__input_class = {
    .class_name = "InputLayer",
    .base_name = "input",
    .settings_size = sizeof(cnn_input_options),
    .name_offset = offsetof(cnn_input_options, name),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .inputs = CNN__INPUTS_NONE,
    .infer = infer,
};

void cnn_input_options_init(cnn_input_options *given, size_t size) {
  cnn__options_init(given, size);
}

cnn_layer *cnn_input_create(const cnn_input_options *given) {
  return cnn__layer_create(&cnn__input_class, "cnn_input_create", given);
}
