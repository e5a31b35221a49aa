/* Losses over rows of predictions, with their gradients in the same pass. Split over
   threads by blocks of rows. The losses' formulas, and the arguments: kernels/elementwise/loss.h. */
#ifndef CNN_OPS_LOSS_H
#define CNN_OPS_LOSS_H

#include "base/context.h"
#include "kernels/elementwise/loss.h"
#include <stdbool.h>

/* Each returns the sum of the weighted losses of all rows, in float64 and in a fixed order; a mean
   is the caller's division, and rows->scale the same one for the gradient. */
double cnn__softmax_cross_entropy(cnn_context *context, const cnn__loss_rows *rows);
double cnn__sigmoid_cross_entropy(cnn_context *context, const cnn__loss_rows *rows);
double cnn__squared_error(cnn_context *context, const cnn__loss_rows *rows);
double cnn__absolute_error(cnn_context *context, const cnn__loss_rows *rows);
double cnn__huber(cnn_context *context, const cnn__loss_rows *rows);

#endif
