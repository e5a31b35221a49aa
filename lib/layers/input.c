/* The shape of one sample: no operation, only what the others begin with. */
#include "layers/classes.h"
#include "layers/support.h"

static const cnn__field fields[] = {
    {CNN__FIELD(cnn_input_options, shape), .kind = CNN__FIELD_SHAPE, .required = true},
};

static cnn_status infer(const cnn_layer *layer, const char *name, size_t inputs,
                        const cnn__shape *input, cnn__layer_spec *spec) {
  const cnn_input_options *settings = layer->settings;
  size_t rank = 0;
  while (rank < CNN_MAX_RANK && settings->shape[rank] != 0)
    rank++;
  *spec = (cnn__layer_spec){0};
  cnn_status status = cnn__expect_inputs(layer, name, inputs);
  if (status == CNN_OK) status = cnn__shape_read(name, rank, settings->shape, false, &spec->output);
  return status == CNN_OK ? cnn__expect_memory(name, spec) : status;
}

static cnn_status plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  return cnn__op_alias(request, op);
}

const cnn__layer_class cnn__input_class = {
    .class_name = "InputLayer",
    .base_name = "input",
    .settings_size = sizeof(cnn_input_options),
    .name_offset = offsetof(cnn_input_options, name),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .infer = infer,
    .plan = plan,
};

void cnn_input_options_init(cnn_input_options *options, size_t size) {
  cnn__options_init(options, size);
}

cnn_layer *cnn_input_create(const cnn_input_options *options) {
  return cnn__layer_create(&cnn__input_class, "cnn_input_create", options);
}
