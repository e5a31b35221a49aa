/* Sums, products, reductions and dropout over plain arrays. The contract common to all:
   kernels/elementwise.h. */
#ifndef CNN_KERNELS_ELEMENTWISE_ARITHMETIC_H
#define CNN_KERNELS_ELEMENTWISE_ARITHMETIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stretch of one Philox4x32-10 stream (Salmon et al., 2011): the block of counter value c is made
   from the words (c, counter[1], counter[2], counter[3]) and the key; element i takes word i % 4 of
   the block of counter[0] + i / 4 (modulo 2^32). */
typedef struct cnn__philox_stream {
  uint32_t counter[4];
  uint32_t key[2];
} cnn__philox_stream;

typedef struct cnn__arithmetic_kernels {
  void (*add)(size_t count, const float *a, const float *b, float *y);      /* y = a + b */
  void (*multiply)(size_t count, const float *a, const float *b, float *y); /* y = a * b */
  void (*scale)(size_t count, float a, const float *x, float *y);           /* y = a * x */
  void (*axpy)(size_t count, float a, const float *x, float *y);            /* y = fma(a, x, y) */
  void (*affine)(size_t count, float a, float b, const float *x, float *y); /* y = fma(a, x, b) */
  /* What activations and losses are made of, for the tests of its error: within 1 unit in the last place (exp without
     fused multiply-add: 1.5). log 0 is minus infinity, of less NaN. */
  void (*exp)(size_t count, const float *x, float *y);
  void (*log)(size_t count, const float *x, float *y);

  double (*sum_of_squares)(size_t count, const float *x); /* in float64, where squares are exact */
  bool (*finite)(size_t count, const float *x);           /* no NaN and no infinity */

  /* y = u < threshold ? 0 : x * scale, where u is the element's word of the stream. */
  void (*dropout)(size_t count, const cnn__philox_stream *stream, uint32_t threshold, float scale,
                  const float *x, float *y);
} cnn__arithmetic_kernels;

#endif
