/* Operations over plain arrays of floats, split over threads by fixed blocks. */
#ifndef CNN_OPS_VECTOR_H
#define CNN_OPS_VECTOR_H

#include "base/context.h"
#include "base/random.h"
#include <stdbool.h>

void cnn__vector_add(cnn_context *context, size_t count, const float *a, const float *b, float *y);
void cnn__vector_add_relu(cnn_context *context, size_t count, const float *a, const float *b,
                          float *y); /* the same, and then y < 0 ? 0 : y */
void cnn__vector_copy(cnn_context *context, size_t count, const float *x, float *y);
void cnn__vector_accumulate(cnn_context *context, size_t count, const float *x,
                            float *y); /* y += x */
void cnn__vector_multiply(cnn_context *context, size_t count, const float *a, const float *b,
                          float *y);
void cnn__vector_axpy(cnn_context *context, size_t count, float a, const float *x, float *y);
void cnn__vector_scale(cnn_context *context, size_t count, float a, const float *x, float *y);
void cnn__vector_affine(cnn_context *context, size_t count, float a, float b, const float *x,
                        float *y); /* a x + b */

/* Sums in float64: 16 lanes, then blocks of 4096 elements, in a fixed order. */
double cnn__vector_sum_of_squares(cnn_context *context, size_t count, const float *x);
bool cnn__vector_finite(cnn_context *context, size_t count,
                        const float *x); /* no NaN, no infinity */

/* y[column] = sum over rows of x[row][column]: rows in order within fixed blocks, blocks in order. */
void cnn__column_sums(cnn_context *context, size_t rows, size_t columns, const float *x, float *y,
                      void *scratch);
bool cnn__column_sums_scratch(size_t rows, size_t columns, size_t *bytes);

/* Inverted dropout: keeps with probability 1 - rate, scaled by 1 / (1 - rate). Element i is decided
   by counter i / 4 of the stream (seed, step, layer), so backward draws the same mask again. */
void cnn__dropout(cnn_context *context, uint64_t seed, uint64_t step, uint64_t layer, float rate,
                  size_t count, const float *x, float *y);

#endif
