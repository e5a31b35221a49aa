/* What several layers share: the fields' vocabulary, parts of shape rules, and the making of operations. */
#ifndef CNN_LAYERS_SUPPORT_H
#define CNN_LAYERS_SUPPORT_H

#include "base/fields.h"
#include "layers/layer.h"
#include <float.h>
#include <stdint.h>

/* ---- fields ---- */

/* No setting needs more, and products of two of them cannot overflow. */
#define CNN__LARGEST_INTEGER ((double)INT32_MAX)
#define CNN__LARGEST_REAL ((double)FLT_MAX)

extern const char *const cnn__padding_names[];
extern const char *const cnn__activation_names[];
extern const char *const cnn__initializer_names[];
#define INITIALIZER(member, standard)                                                              \
  { FIELD(member, CHOICE), .initial = (standard), .minimum = 1, .choices = cnn__initializer_names }
/* The fields of layers with a kernel and a bias, behind what gives these their shapes. */
#define WEIGHT_FIELDS                                                                              \
  CHOICE(activation, cnn__activation_names), FLAG(no_bias),                                        \
      INITIALIZER(kernel_initializer, CNN_GLOROT_UNIFORM),                                         \
      INITIALIZER(bias_initializer, CNN_ZEROS),                                                    \
      REAL(kernel_scale, -CNN__LARGEST_REAL, CNN__LARGEST_REAL, 0),                                \
      REAL(bias_scale, -CNN__LARGEST_REAL, CNN__LARGEST_REAL, 0),                                  \
      REAL(kernel_l2, 0, CNN__LARGEST_REAL, 0), FLAG(frozen)

/* Puts the scale that an initializer has where none is given in place of 0. */
void cnn__initializer_scale(int64_t initializer, double *scale);
/* CNN_E_INVALID where a scale is given and the initializer takes none, or cannot be negative, or (bias) needs a matrix. */
cnn_status cnn__initializers_check(const char *who, int64_t kernel, double kernel_scale,
                                   int64_t bias, double bias_scale);

/* ---- shape rules ---- */

/* A bias of as many numbers; the rest as the options have it. */
cnn__parameter_spec cnn__bias_spec(size_t count, int64_t initializer, double scale, int64_t frozen);

/* An input of (height, width, channels); CNN_E_SHAPE. */
cnn_status cnn__expect_image(const char *name, const cnn__shape *input);

/* A window that moves over an image: rows first, columns second. */
typedef struct cnn__window {
  size_t size[2], stride[2], dilation[2];
  bool same; /* CNN_SAME; else CNN_VALID */
} cnn__window;

/* dilation may be NULL: 1, 1. */
cnn__window cnn__window_of(const int64_t size[2], const int64_t stride[2],
                           const int64_t dilation[2], int64_t padding);
/* Where the window goes on an image: output rows and columns, and the cells of padding at the top and
   at the left. noun names the window in messages ("kernel"). CNN_E_SHAPE where it does not fit. */
cnn_status cnn__window_place(const char *name, const char *noun, const cnn__window *window,
                             const cnn__shape *input, size_t output[2], size_t padding[2]);

/* ---- operations ---- */

/* Empties *op, and makes sure that inputs and output of a whole batch have a number of bytes; CNN_E_LIMIT. */
cnn_status cnn__op_start(const cnn__op_request *request, cnn__op *op);
/* The op's own zeroed memory, given back by op->release. NULL after CNN_E_NOMEM. */
void *cnn__op_new_state(const cnn__op_request *request, size_t size, cnn__op *op);
/* An op that does nothing: its output is its input under the output's shape. */
void cnn__op_alias(cnn__op *op);

/* can_fuse_activation of layers that take a ReLU in, and nothing else. */
bool cnn__can_fuse_relu(const cnn__op_request *request, cnn_activation_kind kind);

/* ---- convolutions ---- */

/* The operation of Conv2D and DepthwiseConv2D. groups of the latter: the input's channels. */
cnn_status cnn__convolution_plan(const cnn__op_request *request, const cnn__window *window,
                                 size_t groups, bool bias, cnn__op *op);
bool cnn__convolution_can_fuse(const cnn__op_request *request, cnn_activation_kind kind);
bool cnn__convolution_can_pool(const cnn__op_request *request, const cnn__window *window,
                               size_t groups, bool bias, const cnn__pool_shape *pool);

/* What a BatchNormalization layer does to each channel in inference: y = scale x + offset. parameter: its own. */
void cnn__batch_normalization_affine(const cnn_layer *layer, size_t channels,
                                     float *const *parameter, float *scale, float *offset);

/* ---- pooling ---- */

/* The geometry of a pooling window over an image where it fits; else CNN_E_SHAPE. */
cnn_status cnn__pool_place(const char *name, const cnn__window *window, const cnn__shape *input,
                           cnn__pool_shape *shape);

/* The stride defaults to the window's size, row by row and column by column. */
void cnn__pool_stride(const int64_t size[2], int64_t stride[2]);

/* infer of a layer that pools by this window. */
cnn_status cnn__pool_infer(const char *name, const cnn__shape *input, const cnn__window *window,
                           cnn__layer_spec *spec);

/* The mean of each window. */
cnn_status cnn__average_pool_plan(const cnn__op_request *request, const cnn__pool_shape *shape,
                                  cnn__op *op);

#endif
