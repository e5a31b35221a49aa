/* The first layer: few input channels, so that a row of the kernel is a short run of neighbouring
   floats, and max-pooling by 2 x 2 straight from the sums. No padding. */
#ifndef CNN_KERNELS_CONVOLUTION_SHALLOW_H
#define CNN_KERNELS_CONVOLUTION_SHALLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A row of windows. */
typedef struct cnn__shallow_row {
  size_t windows;
  size_t kernel_rows, run; /* run: kernel columns x input channels */
  size_t channels;         /* of the output */
  ptrdiff_t kernel_step;   /* floats of x from one row of the kernel to the next */
  ptrdiff_t down, right;   /* floats of x from an output to the one below, to the right */
  size_t pitch;            /* of y, dy and codes, from a window to the next */
} cnn__shallow_row;

typedef struct cnn__shallow_kernels {
  /* Each output is a chain of fma(x, w, sum) from 0 over the kernel's rows and along each run, + bias
     (NULL: none), then x < 0 ? 0 : x where relu; y the windows' maxima, codes (NULL: not wanted) as
     kernels/convolution/pooling.h says. packed: [channel / 16][kernel row][run][16]. */
  void (*pooled)(const cnn__shallow_row *row, const float *x, const float *packed,
                 const float *bias, bool relu, float *y, uint8_t *codes);
  /* dw[tap * dw_row + channel], tap = kernel row * run + place in it, goes on as a chain of
     fma(x, gradient, dw) over the windows in order, where x is what the tap reads for the window's
     cell number code & 3, and the gradient that does not pass is 0; sums[channel] (NULL: not wanted)
     += the sum of the gradients that pass, 32 windows at a time. */
  void (*gradient)(const cnn__shallow_row *row, const float *x, const float *dy,
                   const uint8_t *codes, float *dw, size_t dw_row, float *sums);
} cnn__shallow_kernels;

#endif
