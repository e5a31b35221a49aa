/* 2-D convolution. */
#include "layers/classes.h"
#include "layers/support.h"

#include "base/size.h"

typedef cnn_conv2d_options options;

static const cnn__field fields[] = {
    REQUIRED(filters, CNN__LARGEST_INTEGER),
    PAIR(kernel, CNN__LARGEST_INTEGER, 0),
    PAIR(stride, CNN__LARGEST_INTEGER, 1),
    CHOICE(padding, cnn__padding_names),
    PAIR(dilation, CNN__LARGEST_INTEGER, 1),
    INTEGER(groups, 1, CNN__LARGEST_INTEGER, 1),
    WEIGHT_FIELDS,
};

static void defaults(void *given) {
  options *settings = given;
  cnn__initializer_scale(settings->kernel_initializer, &settings->kernel_scale);
  cnn__initializer_scale(settings->bias_initializer, &settings->bias_scale);
}

static cnn_status check(const char *who, const void *given) {
  const options *settings = given;
  if (settings->filters % settings->groups != 0)
    return cnn__fail(CNN_E_INVALID, "%s: %lld groups do not divide %lld filters", who,
                     (long long)settings->groups, (long long)settings->filters);
  return cnn__initializers_check(who, settings->kernel_initializer, settings->kernel_scale,
                                 settings->bias_initializer, settings->bias_scale);
}

static cnn__window window_of(const options *settings) {
  return cnn__window_of(settings->kernel, settings->stride, settings->dilation, settings->padding);
}

static cnn_status infer(const cnn_layer *layer, const char *name, size_t inputs,
                        const cnn__shape *input, cnn__layer_spec *spec) {
  const options *settings = layer->settings;
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
  const options *settings = layer->settings;
  cnn__window window = window_of(settings);
  return cnn__convolution_plan(request, &window, (size_t)settings->groups, !settings->no_bias, op);
}

static bool can_fuse_pool(const cnn_layer *layer, const cnn__op_request *request,
                          const cnn__pool_shape *pool) {
  const options *settings = layer->settings;
  cnn__window window = window_of(settings);
  return cnn__convolution_can_pool(request, &window, (size_t)settings->groups, !settings->no_bias,
                                   pool);
}

const cnn__layer_class cnn__conv2d_class = {
    .class_name = "Conv2D",
    .base_name = "conv2d",
    .settings_size = sizeof(cnn_conv2d_options),
    .name_offset = offsetof(cnn_conv2d_options, name),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .defaults = defaults,
    .check = check,
    .infer = infer,
    .plan = plan,
    .fuses_normalization = true,
    .can_fuse_activation = cnn__convolution_can_fuse,
    .activation_offset = offsetof(options, activation),
    .can_fuse_pool = can_fuse_pool,
};

void cnn_conv2d_options_init(cnn_conv2d_options *given, size_t size) {
  cnn__options_init(given, size);
}

cnn_layer *cnn_conv2d_create(const cnn_conv2d_options *given) {
  return cnn__layer_create(&cnn__conv2d_class, "cnn_conv2d_create", given);
}
