#include "layers/support.h"

#include "base/number.h"
#include "base/size.h"
#include <string.h>

const char *const cnn__padding_names[] = {"valid", "same", NULL};

/* Index = value: see cnn_activation_kind. */
const char *const cnn__activation_names[] = {"linear",  "relu", "leaky_relu", "relu6",
                                             "sigmoid", "tanh", "softmax",    "elu",
                                             "gelu",    "silu", "softplus",   NULL};

/* Index = value: see cnn_initializer. The first is below the fields' minimum and so never read. */
const char *const cnn__initializer_names[] = {
    "default",        "glorot_uniform", "glorot_normal",    "he_uniform", "he_normal",
    "lecun_uniform",  "lecun_normal",   "orthogonal",       "zeros",      "ones",
    "random_uniform", "random_normal",  "truncated_normal", "constant",   NULL};

const char *cnn__activation_name(cnn_activation_kind activation) {
  size_t count = sizeof cnn__activation_names / sizeof *cnn__activation_names - 1;
  return (size_t)activation < count ? cnn__activation_names[activation] : NULL;
}

double cnn__activation_default_slope(cnn_activation_kind activation) {
  return activation == CNN_LEAKY_RELU ? 0.2 : activation == CNN_ELU ? 1 : 0;
}

/* 0 for those that take none. */
static double default_scale(int64_t initializer) {
  switch (initializer) {
  case CNN_RANDOM_UNIFORM:
  case CNN_RANDOM_NORMAL:
  case CNN_TRUNCATED_NORMAL:
    return 0.05;
  case CNN_ORTHOGONAL:
    return 1;
  default:
    return 0;
  }
}

void cnn__initializer_scale(int64_t initializer, double *scale) {
  if (*scale == 0) *scale = default_scale(initializer);
}

/* parameter is "kernel" or "bias". */
static cnn_status check_initializer(const char *who, const char *parameter, int64_t initializer,
                                    double scale, bool is_matrix) {
  const char *name = cnn__initializer_names[initializer];
  if (initializer == CNN_ORTHOGONAL && !is_matrix)
    return cnn__fail(CNN_E_INVALID, "%s: %s_initializer orthogonal needs a matrix", who, parameter);
  if (scale == 0 || initializer == CNN_CONSTANT) return CNN_OK;
  char text[64];
  cnn__number_shortest(text, sizeof text, scale, false);
  if (default_scale(initializer) == 0)
    return cnn__fail(CNN_E_INVALID, "%s: %s_scale is %s, but %s takes none", who, parameter, text,
                     name);
  if (scale < 0)
    return cnn__fail(CNN_E_INVALID, "%s: %s_scale is %s; %s needs 0 or more", who, parameter, text,
                     name);
  return CNN_OK;
}

cnn_status cnn__initializers_check(const char *who, int64_t kernel, double kernel_scale,
                                   int64_t bias, double bias_scale) {
  const cnn_status status = check_initializer(who, "kernel", kernel, kernel_scale, true);
  return status == CNN_OK ? check_initializer(who, "bias", bias, bias_scale, false) : status;
}

cnn__parameter_spec cnn__bias_spec(size_t count, int64_t initializer, double scale,
                                   int64_t frozen) {
  return (cnn__parameter_spec){
      .name = "bias",
      .shape = {.rank = 1, .dim = {count}},
      .trainable = !frozen,
      .initializer = (cnn_initializer)initializer,
      .scale = scale,
      .fan_in = count,
      .fan_out = count,
  };
}

cnn__window cnn__window_of(const int64_t size[2], const int64_t stride[2],
                           const int64_t dilation[2], int64_t padding) {
  cnn__window window = {.same = padding == CNN_SAME};
  for (size_t i = 0; i < 2; i++) {
    window.size[i] = (size_t)size[i];
    window.stride[i] = (size_t)stride[i];
    window.dilation[i] = dilation == NULL ? 1 : (size_t)dilation[i];
  }
  return window;
}

/* The distance from a window's first to its last cell, and one. */
static bool window_extent(const cnn__window *window, size_t axis, size_t *extent) {
  return cnn__size_mul(window->size[axis] - 1, window->dilation[axis], extent) &&
         cnn__size_add(*extent, 1, extent) && *extent <= PTRDIFF_MAX;
}

cnn_status cnn__window_place(const char *name, const char *noun, const cnn__window *window,
                             const cnn__shape *input, size_t output[2], size_t padding[2]) {
  size_t extent[2];
  char text[CNN__SHAPE_TEXT];
  cnn__shape_text(input, text);
  if (!window_extent(window, 0, &extent[0]) || !window_extent(window, 1, &extent[1]))
    return cnn__fail(CNN_E_LIMIT, "%s: %s %zux%zu with dilation %zux%zu exceeds memory", name, noun,
                     window->size[0], window->size[1], window->dilation[0], window->dilation[1]);
  if (window->same) {
    for (size_t i = 0; i < 2; i++) {
      output[i] = cnn__size_ceil_div(input->dim[i], window->stride[i]);
      size_t covered = (output[i] - 1) * window->stride[i] + extent[i];
      padding[i] = covered > input->dim[i] ? (covered - input->dim[i]) / 2 : 0;
    }
    return CNN_OK;
  }
  if (extent[0] > input->dim[0] || extent[1] > input->dim[1]) {
    if (window->dilation[0] == 1 && window->dilation[1] == 1)
      return cnn__fail(CNN_E_SHAPE, "%s: %s %zux%zu exceeds input %s", name, noun, window->size[0],
                       window->size[1], text);
    return cnn__fail(CNN_E_SHAPE,
                     "%s: %s %zux%zu with dilation %zux%zu spans %zux%zu, which exceeds input %s",
                     name, noun, window->size[0], window->size[1], window->dilation[0],
                     window->dilation[1], extent[0], extent[1], text);
  }
  for (size_t i = 0; i < 2; i++) {
    output[i] = (input->dim[i] - extent[i]) / window->stride[i] + 1;
    padding[i] = 0;
  }
  return CNN_OK;
}

bool cnn__can_fuse_relu(const cnn__op_request *request, cnn_activation_kind kind) {
  return kind == CNN_RELU;
}
