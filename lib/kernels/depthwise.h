/* Depthwise convolution: every channel by itself. A row of outputs whose taps lie on a lattice, with any
   steps. Any numbers, any alignment; element-wise in the channels, so that results do not depend on the
   width of the vectors. x is what the first output's first tap reads, or would read: where that is left
   out, it is not read. */
#ifndef CNN_KERNELS_DEPTHWISE_H
#define CNN_KERNELS_DEPTHWISE_H

#include <stdbool.h>
#include <stddef.h>

/* What will be wanted next: brought nearer little by little while a row is computed. Never read. */
typedef struct cnn__depthwise_ahead {
  const float *from;
  size_t floats; /* 0: nothing */
} cnn__depthwise_ahead;

typedef struct cnn__depthwise_row {
  size_t outputs, channels;
  size_t tap_rows, tap_columns; /* that each output reads; perhaps none */
  ptrdiff_t x_step, y_step;     /* floats from an output's cell to the next one's */
  ptrdiff_t x_row, x_column;    /* from a tap's cell to that of the tap below, to the right */
  ptrdiff_t w_row, w_column;    /* from a tap's weights to those of the tap below, to the right */
  bool lacks_first; /* the first output reads nothing through the first column of taps, */
  bool lacks_last;  /* the last one nothing through the last column */
  cnn__depthwise_ahead x_ahead, y_ahead; /* spread and weights */
  size_t new_rows;  /* forward: of the last tap rows, those that are new: fetched; 0: nothing is */
  bool down;        /* forward: 16 channels of all rows before the next 16: a far cache holds all */
  bool past_caches; /* y goes to memory: it and all of its steps are multiples of 64 bytes */
} cnn__depthwise_row;

typedef struct cnn__depthwise_kernels {
  size_t width; /* channels of a vector: the weights' gradient takes so many through all rows */
  /* Of height rows, x_below and y_below floats apart: y = a chain of fma(x, w, sum) from 0 on over the taps,
     row by row, + bias (NULL: none), then kept within [least, most] (infinities: as it is; NaN stays). */
  void (*forward)(const cnn__depthwise_row *row, size_t height, ptrdiff_t x_below,
                  ptrdiff_t y_below, const float *x, const float *w, const float *bias, float least,
                  float most, float *y);
  /* The gradient of the input of a kernel three wide whose stride is two. outputs: pairs, the next one's
     cell x_step further, and y_step from each of the two outputs to the next. The first of a pair is a
     chain of fma(x, w, sum) from 0 on over the rows, and in each over the pair's cell with w's first
     column and the cell behind it with the third; the second is one over the cells behind it with the
     second column. tap_columns is 3, lacks_last false; lacks_first: there is no first cell. */
  void (*spread)(const cnn__depthwise_row *row, const float *x, const float *w, float *y);
  /* Of height rows, x_below and dy_below floats apart: dw, one after another as w, goes on as a chain of
     fma(x, dy, dw) over the outputs that have this tap, row by row; sums (NULL: not wanted) goes on by
     each row's sum of dy, from 0 on. dy as y; y_ahead: of dy. */
  void (*weights)(const cnn__depthwise_row *row, size_t height, ptrdiff_t x_below,
                  ptrdiff_t dy_below, const float *x, const float *dy, float *dw, float *sums);
} cnn__depthwise_kernels;

#endif
