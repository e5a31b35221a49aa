/* A convolution as a gather: every output cell reads input cells, tap by tap, through the
   batch-reduce GEMM. The forward pass is one, and so is the gradient with respect to the input
   (the transposed gather); neither copies an image.

   Along one axis, output o reads through tap t

     input o * stride - pad + t * dilation              forward
     input (o + pad - t * dilation) / stride            transposed, where that divides

   and taps that fall outside are left out. Outputs with the same taps form spans; a row span and a
   column span form a rectangle, whose outputs differ only by constant steps, as do those of several
   images: one GEMM for each line of them along columns (or rows, or images, where these are longer).
   Where weights are many, all lines pass by a piece of them that stays in the L1 cache. Every output sums
   in the order of the input cells that it reads, row by row, and so the transposed gather takes its taps
   backwards. */
#ifndef CNN_OPS_CONV_GATHER_H
#define CNN_OPS_CONV_GATHER_H

#include "kernels/kernels.h"

typedef struct cnn__gather_axis {
  size_t inputs, taps;
  size_t stride, dilation, pad;
  bool transposed;
} cnn__gather_axis;

typedef struct cnn__gather_span {
  size_t first, count, step;  /* the outputs first, first + step, ...: count of them */
  size_t input, input_step;   /* what the first one's first tap reads; on to the next output's */
  size_t taps, tap, tap_step; /* how many taps (perhaps none), the first, on to the next */
  size_t tap_input_step;      /* input cells from one tap to the next */
} cnn__gather_span;

/* The span that begins with output, before end (output < end). Transposed taps are counted
   backwards: tap 0 is the kernel's last. */
cnn__gather_span cnn__gather_span_at(const cnn__gather_axis *axis, size_t output, size_t end);

typedef struct cnn__gather {
  cnn__gather_axis rows, columns;
  size_t input_pitch;   /* floats from one input cell to the next */
  size_t depth;         /* channels that a tap reads */
  bool whole;           /* depth == input_pitch: neighbouring cells' channels are one run */
  ptrdiff_t output_row; /* floats from one output row to the next */
  ptrdiff_t output_column;
} cnn__gather;

/* A part of the outputs: some images, a range of rows, columns up to an end, n channels. */
typedef struct cnn__gather_part {
  size_t images;
  ptrdiff_t input_image, output_image; /* floats from one image to the next */
  const float *input;                  /* the first image, at the group's first channel */
  float *output;                       /* cell (row_begin, 0), at the first of the n channels */
  size_t row_begin, row_end, column_end;
  const float *packed; /* panels of 16 channels: [panel][tap][depth][16] */
  size_t n;
  const float *bias; /* n values, or NULL */
  cnn__gemm_epilogue epilogue;
  const float **pointers; /* scratch: 2 * taps of both axes multiplied */
} cnn__gather_part;

void cnn__gather_run(const cnn__gather *gather, const cnn__gather_part *part);

#endif
