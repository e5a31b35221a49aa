/* Direct convolution: what its forward and backward passes share. */
#ifndef CNN_OPS_CONV_DIRECT_H
#define CNN_OPS_CONV_DIRECT_H

#include "ops/conv_algorithm.h"
#include "ops/conv_gather.h"

/* The plan's numbers: conv->parameters. */
enum {
  DIRECT_BLOCK,         /* output channels of a forward task */
  DIRECT_ROWS,          /* rows of y of a forward task */
  DIRECT_IMAGES,        /* images of one, if all their rows */
  DIRECT_BACK_BLOCK,    /* input channels of a task of dx */
  DIRECT_BACK_ROWS,     /* rows of dx of a task */
  DIRECT_BACK_IMAGES,   /* images of one */
  DIRECT_SLICES,        /* slices of images whose weight gradients are summed apart */
  DIRECT_IN_BLOCK,      /* input channels of a task of the weight gradient */
  DIRECT_OUT_BLOCK,     /* output channels of one */
  DIRECT_STEP_IMAGES,   /* images that it takes at a time, */
  DIRECT_STEP_ROWS,     /* and rows of the output, which it copies into scratch */
  DIRECT_COPY,          /* 1: so it does with dy */
  DIRECT_PACK,          /* 1: or 1x1, whose product packs dy on its way */
  DIRECT_COLUMNS,       /* 1: but with neither: 1x1, the side of more channels read as it lies */
  DIRECT_PITCH,         /* floats from one channel's inputs to the next in that copy; 0: by cells */
  DIRECT_SHALLOW,       /* 1: few input channels, kernels/convolution/shallow.h */
  DIRECT_STRIDED,       /* 1: 1x1 with strides, its cells copied into scratch */
  DIRECT_BACK_STRIDED,  /* 1: dx of one, by way of scratch */
  DIRECT_POINTERS,      /* offset in a slot's scratch: pointers for the GEMM */
  DIRECT_ROWS_SCRATCH,  /* offset in it: rows before pooling, or gradients of them */
  DIRECT_INPUT_SCRATCH, /* offset in it: copies of inputs, for the weight gradient */
  DIRECT_PARTIAL,       /* offset in scratch: the slices' results */
  DIRECT_PARTIAL_SIZE,  /* floats of one slice's: kernel, then bias */
  DIRECT_PREPARED_BACK, /* offset in prepared, in floats: the kernel for dx */
  DIRECT_END
};
_Static_assert((int)DIRECT_END <= (int)CNN__CONV_PARAMETERS, "parameters has no room");

/* Output channels of a task of the weight gradient, at most: whole panels. */
enum { DIRECT_MOST_OUT = 512 };

/* Of 1x1 with strides: channels of a task, at most, whole panels; depths that a cell's copy has at a time, at
   most; floats from one copy to the next, an odd number of the cache's lines. */
enum { DIRECT_MOST_STRIDED = 512, DIRECT_STRIDED_DEPTHS = 512, DIRECT_STRIDED_PITCH = 33 * 16 };

static inline const float **cnn__direct_pointers(const cnn__conv *conv,
                                                 const cnn__conv_buffers *buffers, size_t slot) {
  return cnn__conv_slot(buffers, slot, conv->parameters[DIRECT_POINTERS]);
}
static inline float *cnn__direct_rows(const cnn__conv *conv, const cnn__conv_buffers *buffers,
                                      size_t slot) {
  return cnn__conv_slot(buffers, slot, conv->parameters[DIRECT_ROWS_SCRATCH]);
}
static inline float *cnn__direct_inputs(const cnn__conv *conv, const cnn__conv_buffers *buffers,
                                        size_t slot) {
  return cnn__conv_slot(buffers, slot, conv->parameters[DIRECT_INPUT_SCRATCH]);
}

/* Floats from one cell of a copy to the next: an odd number of the cache's lines, lest the cells share
   a few of its sets. */
static inline size_t cnn__direct_pitch(size_t channels) {
  enum { LINE = 16 };
  return (cnn__size_ceil_div(channels, LINE) | 1) * LINE;
}

/* The weight gradient takes a row of the kernel at once, and inputs as they lie, where its channels are
   few, or make a product high enough while outputs are long enough; the less it multiplies, the less is it worth
   to transpose them. */
static inline bool cnn__direct_few(const cnn__conv_shape *shape) {
  enum { FEW = 16, HIGH = 96, HIGH_OF_NARROW = 160, NARROW = 32, LONG = 12 };
  const size_t in = cnn__conv_group_in(shape);
  const size_t high = shape->out_channels <= NARROW ? HIGH_OF_NARROW : HIGH;
  return in < FEW || (shape->groups == 1 && shape->dilation_width == 1 &&
                      in <= high / shape->kernel_width && cnn__conv_used_width(shape) >= LONG);
}
/* 1x1 whose outputs have an input cell each, in the same order. */
static inline bool cnn__direct_pointwise(const cnn__conv_shape *shape) {
  return cnn__conv_taps(shape) == 1 && shape->groups == 1 && !cnn__conv_pooled(shape) &&
         shape->stride_height == 1 && shape->stride_width == 1 && shape->pad_top == 0 &&
         shape->pad_left == 0 && shape->out_height == shape->in_height &&
         shape->out_width == shape->in_width;
}
/* Such a one whose weight gradient is computed as its transpose, from the inputs as they lie: of few output
   channels, but not where the inputs of many cells would share a few sets of the cache. */
static inline bool cnn__direct_narrow(const cnn__conv_shape *shape) {
  enum { NARROW = 64, SAME_SETS = 128 };
  return cnn__direct_pointwise(shape) && shape->out_channels <= NARROW &&
         shape->in_channels > shape->out_channels && shape->in_channels % SAME_SETS != 0;
}
/* Whether the kernel's gradient is summed as its transpose. */
static inline bool cnn__direct_turned(const cnn__conv *conv) {
  if (!conv->parameters[DIRECT_COLUMNS]) return cnn__direct_narrow(&conv->shape);
  return conv->shape.out_channels > conv->shape.in_channels;
}
/* Input cells that a number of outputs side by side, or below each other, span. */
static inline size_t cnn__direct_span(size_t outputs, size_t stride, size_t taps, size_t dilation) {
  return (outputs - 1) * stride + (taps - 1) * dilation + 1;
}

/* How many blocks of a size all groups' channels make, block by block within each group. */
static inline size_t cnn__direct_blocks(size_t groups, size_t channels, size_t block) {
  return groups * cnn__size_ceil_div(channels, block);
}

/* The row of windows that the shallow kernels see, channels of it. */
cnn__shallow_row cnn__direct_shallow_row(const cnn__conv_shape *shape, size_t channels);

/* 1x1 with strides (conv_strided.c): whether dx takes this way; whether y does, whose lines are long and
   near otherwise; parts of both. Several images: all their rows. */
bool cnn__strided_accepts(const cnn__conv_shape *shape);
bool cnn__strided_copies(const cnn__conv_shape *shape);
void cnn__strided_forward(const cnn__conv *conv, const cnn__gather_part *part, float *scratch);
void cnn__strided_backward(const cnn__conv *conv, const cnn__gather_part *part, float *scratch);

bool cnn__direct_plan(cnn__conv *conv);

void cnn__direct_backward(const cnn__conv *conv, cnn_context *context, size_t images,
                          const cnn__conv_buffers *buffers);

#endif
