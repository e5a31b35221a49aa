/* Depthwise convolution: every channel by itself. A line of outputs that read the same taps, with
   any steps in between: a part of a row, or of a column. Any numbers, any alignment; element-wise in
   the channels, so that their results do not depend on the width of the vectors. */
#ifndef CNN_KERNELS_DEPTHWISE_H
#define CNN_KERNELS_DEPTHWISE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cnn__depthwise_line {
  size_t outputs, channels;
  size_t taps;              /* that each output reads; perhaps none */
  const float *const *x;    /* what tap t of the first output reads: channels floats */
  ptrdiff_t x_step, y_step; /* floats from an output's cell to the next one's */
} cnn__depthwise_line;

typedef struct cnn__depthwise_kernels {
  /* y = a chain of fma(x[t], w[t], sum) from 0 on, t ascending, + bias (NULL: none), then
     x < 0 ? 0 : x where relu. w[t]: channels floats. */
  void (*forward)(const cnn__depthwise_line *line, const float *const *w, const float *bias,
                  bool relu, float *y);
  /* dw[t] goes on as a chain of fma(x[t], dy, dw[t]) over the outputs in order. dy as y. */
  void (*weights)(const cnn__depthwise_line *line, const float *dy, float *const *dw);
} cnn__depthwise_kernels;

#endif
