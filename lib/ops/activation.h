/* Activations and softmax over raw buffers, split over threads. In place (y == x, dx == dy) is fine. */
#ifndef CNN_OPS_ACTIVATION_H
#define CNN_OPS_ACTIVATION_H

#include "base/context.h"
#include <cnn/layer.h>
#include <stdbool.h>

/* kind: a cnn_activation_kind other than softmax. slope: leaky ReLU's, ELU's alpha; else unused. */
void cnn__activation_forward(cnn_context *context, cnn_activation_kind kind, float slope,
                             size_t count, const float *x, float *y);
/* dx = dy * f'(x). Kinds for which f' follows from y (cnn__activation_needs_input false) take x NULL. */
void cnn__activation_backward(cnn_context *context, cnn_activation_kind kind, float slope,
                              size_t count, const float *x, const float *y, const float *dy,
                              float *dx);
bool cnn__activation_needs_input(
    cnn_activation_kind kind); /* true: gelu, silu; false: from y alone */

/* Rows of length n: y = exp(x - max) / sum, max and sum over 16 lanes in the kernels' fixed order. */
void cnn__softmax_forward(cnn_context *context, size_t rows, size_t n, const float *x, float *y);
void cnn__softmax_backward(cnn_context *context, size_t rows, size_t n, const float *y,
                           const float *dy, float *dx);

#endif
