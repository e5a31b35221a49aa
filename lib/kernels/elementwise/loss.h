/* Losses with their gradients in one go, and arg-max. The contract common to all:
   kernels/elementwise.h. */
#ifndef CNN_KERNELS_ELEMENTWISE_LOSS_H
#define CNN_KERNELS_ELEMENTWISE_LOSS_H

#include <stddef.h>
#include <stdint.h>

/* rows x n predictions p against targets t: the loss of a row is the sum over its n values, times
   the row's weight. */
typedef struct cnn__loss_rows {
  size_t rows, n;
  const float *predictions; /* logits, for the cross-entropies */
  const int32_t *labels;    /* softmax only: the class of each row; then targets is not read */
  const float *targets;     /* rows x n */
  const float *row_weights; /* a weight for each row; NULL: 1 */
  float smoothing; /* of labels: t becomes (1 - s) t + s / n (softmax), + s / 2 (sigmoid) */
  float delta;     /* Huber's */
  float scale;     /* multiplies the gradient, not the loss: 1 / count, most often */
  float *gradient; /* rows x n, overwritten; may be predictions itself; NULL: not wanted */
  float *
      probabilities; /* rows x n, overwritten: softmax or sigmoid of the logits; NULL: not wanted */
} cnn__loss_rows;

typedef struct cnn__loss_kernels {
  /* Each returns the sum of the rows' losses, in order, in float64. */

  /* sum of t * (log sum exp p - p); gradient (sum of t) * softmax p - t. A label outside [0, n)
     makes the loss NaN and reads nothing outside. */
  double (*softmax_cross_entropy)(const cnn__loss_rows *rows);
  /* max(p, 0) - p t + log(1 + exp -|p|); gradient sigmoid p - t */
  double (*sigmoid_cross_entropy)(const cnn__loss_rows *rows);
  double (*squared_error)(const cnn__loss_rows *rows);  /* (p - t)^2; 2 (p - t) */
  double (*absolute_error)(const cnn__loss_rows *rows); /* |p - t|; its sign, 0 at 0 */
  double (*huber)(
      const cnn__loss_rows *rows); /* e^2 / 2 up to delta, then delta (|e| - delta / 2) */
} cnn__loss_kernels;

#endif
