/* Convolution over raw buffers: NHWC activations, (kh, kw, in/groups, out) kernels. Planned once
   from the shapes, then run without allocating or failing.

   Forward:   y = pool( act( conv(x, kernel) + bias ) )
                  act: none, ReLU or ReLU6; pool: none or a fused max-pooling
   Backward:  dx, dkernel, dbias from dy, the gradient of y.

   Direct convolution sums each output in the order (kernel row, kernel column, channel) by the
   chain of kernels/gemm.h; cells outside the image are left out. Winograd (Lavin and Gray, 2016) has a
   larger error and is chosen by a cost rule from the shape alone, unless exact. The result has the same
   bits for any number of threads. */
#ifndef CNN_OPS_CONV_H
#define CNN_OPS_CONV_H

#include "base/context.h"
#include <stdbool.h>

typedef struct cnn__conv_shape {
  size_t batch; /* the most images a run has */
  size_t in_height, in_width, in_channels;
  size_t out_height, out_width, out_channels; /* of the convolution, before pooling */
  size_t kernel_height, kernel_width;
  size_t stride_height, stride_width;
  size_t dilation_height, dilation_width;
  size_t pad_top, pad_left; /* bottom and right follow from the output's size */
  /* groups == in_channels: depthwise, out_channels / groups the multiplier; its kernel may be
     (kh, kw, in, multiplier), the same memory order */
  size_t groups;
  bool bias;
  bool relu;
  bool relu6; /* with relu, in inference alone: and at most 6 */
  /* 0: no pooling. Valid windows, stride == size, as MaxPooling2D's default */
  size_t pool_height, pool_width;
} cnn__conv_shape;

typedef struct cnn__conv_mode {
  bool training;       /* backward will be asked for */
  bool input_gradient; /* dx will be asked for (false for the first layer) */
  bool exact;          /* direct only */
  size_t slots;        /* cnn__context_slots */
} cnn__conv_mode;

enum { CNN__CONV_PARAMETERS = 24 };

typedef struct cnn__conv {
  cnn__conv_shape shape;
  cnn__conv_mode mode;
  const struct cnn__conv_algorithm *algorithm; /* the family's functions */
  bool clips;           /* the algorithm sees to relu6; else that is a pass of its own */
  const char *name;     /* "direct", "winograd-4x4", ...: for cnn_model_describe_plan() */
  size_t prepared_size; /* floats: packed or transformed weights, refreshed by prepare */
  size_t saved_size;    /* bytes kept from forward to backward (arg-max of the pooling, ...) */
  size_t scratch_size;  /* bytes of scratch for any one call */
  size_t slot_size;     /* and for each of the mode's slots */
  /* The algorithm's own numbers (tile counts, group sizes, ...). */
  size_t parameters[CNN__CONV_PARAMETERS];
} cnn__conv;

/* Plans. CNN_E_LIMIT where sizes overflow; the caller has validated the shape. */
cnn_status cnn__conv_plan(const cnn__conv_shape *shape, const cnn__conv_mode *mode,
                          cnn__conv *conv);

/* Whether the plan can take this pooling into the convolution (else the caller runs it apart). */
bool cnn__conv_can_pool(const cnn__conv_shape *shape, const cnn__conv_mode *mode,
                        size_t pool_height, size_t pool_width);

/* Packs or transforms the weights: once after each change of them. */
void cnn__conv_prepare(const cnn__conv *conv, cnn_context *context, const float *kernel,
                       float *prepared);

typedef struct cnn__conv_buffers {
  const float *x;        /* images x in_height x in_width x in_channels */
  const float *kernel;   /* kh x kw x (in / groups) x out */
  const float *prepared; /* from prepare */
  const float *bias;     /* out, or NULL */
  float *y;              /* images x out (pooled) ; read in backward */
  unsigned char *saved;  /* saved_size bytes; NULL in inference */
  void *scratch;         /* scratch_size bytes, 64-byte aligned */
  void *slots;           /* slot_size bytes for each slot, 64-byte aligned, */
  size_t slot_pitch;     /* so many from one to the next */
  /* Backward only */
  float *dy;      /* as y; may be overwritten */
  float *dx;      /* as x, overwritten; NULL: not wanted */
  float *dkernel; /* as kernel, overwritten; NULL: frozen */
  float *dbias;   /* as bias, overwritten; NULL: none or frozen */
} cnn__conv_buffers;

void cnn__conv_forward(const cnn__conv *conv, cnn_context *context, size_t images,
                       const cnn__conv_buffers *buffers);
void cnn__conv_backward(const cnn__conv *conv, cnn_context *context, size_t images,
                        const cnn__conv_buffers *buffers);

double cnn__conv_flops(
    const cnn__conv_shape *shape); /* of one image's forward pass, direct, 2 per multiply-add */

#endif
