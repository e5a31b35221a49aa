/* 2-D convolution. */
#include "layers/classes.h"
#include "layers/support.h"

#include "base/size.h"

static const cnn__field fields[] = {
    {CNN__FIELD(cnn_conv2d_options, filters), .kind = CNN__FIELD_INTEGER, .required = true,
     .minimum = 1, .maximum = CNN__LARGEST_INTEGER},
    {CNN__FIELD(cnn_conv2d_options, kernel), .kind = CNN__FIELD_PAIR, .required = true,
     .minimum = 1, .maximum = CNN__LARGEST_INTEGER},
    {CNN__FIELD(cnn_conv2d_options, stride), .kind = CNN__FIELD_PAIR, .initial = 1, .minimum = 1,
     .maximum = CNN__LARGEST_INTEGER},
    {CNN__FIELD(cnn_conv2d_options, padding), .kind = CNN__FIELD_CHOICE,
     .choices = cnn__padding_names},
    {CNN__FIELD(cnn_conv2d_options, dilation), .kind = CNN__FIELD_PAIR, .initial = 1, .minimum = 1,
     .maximum = CNN__LARGEST_INTEGER},
    {CNN__FIELD(cnn_conv2d_options, groups), .kind = CNN__FIELD_INTEGER, .initial = 1, .minimum = 1,
     .maximum = CNN__LARGEST_INTEGER},
    {CNN__FIELD(cnn_conv2d_options, activation), .kind = CNN__FIELD_CHOICE,
     .choices = cnn__activation_names},
    {CNN__FIELD(cnn_conv2d_options, no_bias), .kind = CNN__FIELD_FLAG},
    {CNN__FIELD(cnn_conv2d_options, kernel_initializer), .kind = CNN__FIELD_CHOICE,
     .initial = CNN_GLOROT_UNIFORM, .minimum = 1, .choices = cnn__initializer_names},
    {CNN__FIELD(cnn_conv2d_options, bias_initializer), .kind = CNN__FIELD_CHOICE,
     .initial = CNN_ZEROS, .minimum = 1, .choices = cnn__initializer_names},
    {CNN__FIELD(cnn_conv2d_options, kernel_scale), .kind = CNN__FIELD_REAL,
     .minimum = -CNN__LARGEST_REAL, .maximum = CNN__LARGEST_REAL},
    {CNN__FIELD(cnn_conv2d_options, bias_scale), .kind = CNN__FIELD_REAL,
     .minimum = -CNN__LARGEST_REAL, .maximum = CNN__LARGEST_REAL},
    {CNN__FIELD(cnn_conv2d_options, kernel_l2), .kind = CNN__FIELD_REAL,
     .maximum = CNN__LARGEST_REAL},
    {CNN__FIELD(cnn_conv2d_options, frozen), .kind = CNN__FIELD_FLAG},
};

static void defaults(void *options) {
  cnn_conv2d_options *settings = options;
  if (settings->kernel_scale == 0)
    settings->kernel_scale = cnn__initializer_default_scale(settings->kernel_initializer);
  if (settings->bias_scale == 0)
    settings->bias_scale = cnn__initializer_default_scale(settings->bias_initializer);
}

static cnn_status check(const char *who, const void *options) {
  const cnn_conv2d_options *settings = options;
  if (settings->filters % settings->groups != 0)
    return cnn__fail(CNN_E_INVALID, "%s: %lld groups do not divide %lld filters", who,
                     (long long)settings->groups, (long long)settings->filters);
  cnn_status status = cnn__initializer_check(who, "kernel", settings->kernel_initializer,
                                             settings->kernel_scale, true);
  if (status != CNN_OK) return status;
  return cnn__initializer_check(who, "bias", settings->bias_initializer, settings->bias_scale,
                                false);
}

static cnn__window window_of(const cnn_conv2d_options *settings) {
  return cnn__window_of(settings->kernel, settings->stride, settings->dilation, settings->padding);
}

static cnn_status infer(const cnn_layer *layer, const char *name, size_t inputs,
                        const cnn__shape *input, cnn__layer_spec *spec) {
  const cnn_conv2d_options *settings = layer->settings;
  const size_t filters = (size_t)settings->filters, groups = (size_t)settings->groups;
  cnn_status status = cnn__expect_image(name, input);
  if (status != CNN_OK) return status;
  if (input->dim[2] % groups != 0)
    return cnn__fail(CNN_E_SHAPE, "%s: %zu groups do not divide %zu input channels", name, groups,
                     input->dim[2]);
  cnn__window window = window_of(settings);
  size_t output[2], padding[2];
  status = cnn__window_place(name, "kernel", &window, input, output, padding);
  if (status != CNN_OK) return status;
  const size_t depth = input->dim[2] / groups, cells = window.size[0] * window.size[1];
  *spec = (cnn__layer_spec){
      .output = {.rank = 3, .dim = {output[0], output[1], filters}},
      .parameter_count = settings->no_bias ? 1 : 2,
  };
  spec->parameters[0] = (cnn__parameter_spec){
      .name = "kernel",
      .shape = {.rank = 4, .dim = {window.size[0], window.size[1], depth, filters}},
      .trainable = !settings->frozen,
      .initializer = (cnn_initializer)settings->kernel_initializer,
      .scale = settings->kernel_scale,
      .fan_in = cells * depth,
      .fan_out = cells * filters,
      .l2 = settings->kernel_l2,
  };
  if (!settings->no_bias)
    spec->parameters[1] =
        cnn__bias_spec(filters, settings->bias_initializer, settings->bias_scale, settings->frozen);
  return CNN_OK;
}

static cnn_status plan(const cnn_layer *layer, const cnn__op_request *request, cnn__op *op) {
  const cnn_conv2d_options *settings = layer->settings;
  cnn__window window = window_of(settings);
  return cnn__convolution_plan(request, &window, (size_t)settings->groups, !settings->no_bias, op);
}

static bool can_fuse_pool(const cnn_layer *layer, const cnn__op_request *request,
                          const cnn__pool_shape *pool) {
  const cnn_conv2d_options *settings = layer->settings;
  cnn__window window = window_of(settings);
  return cnn__convolution_can_pool(request, &window, (size_t)settings->groups, !settings->no_bias,
                                   pool);
}

static cnn_activation_kind activation(const cnn_layer *layer, double *slope) {
  const cnn_conv2d_options *settings = layer->settings;
  *slope = cnn__activation_default_slope((cnn_activation_kind)settings->activation);
  return (cnn_activation_kind)settings->activation;
}

const cnn__layer_class cnn__conv2d_class = {
    .class_name = "Conv2D",
    .base_name = "conv2d",
    .settings_size = sizeof(cnn_conv2d_options),
    .name_offset = offsetof(cnn_conv2d_options, name),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .minimum_inputs = 1,
    .maximum_inputs = 1,
    .defaults = defaults,
    .check = check,
    .infer = infer,
    .plan = plan,
    .fuses_normalization = true,
    .can_fuse_activation = cnn__convolution_can_fuse,
    .activation = activation,
    .can_fuse_pool = can_fuse_pool,
};

void cnn_conv2d_options_init(cnn_conv2d_options *options, size_t size) {
  cnn__options_init(options, size);
}

cnn_layer *cnn_conv2d_create(const cnn_conv2d_options *options) {
  return cnn__layer_create(&cnn__conv2d_class, "cnn_conv2d_create", options);
}
