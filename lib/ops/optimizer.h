/* One step of an optimizer over one parameter array, split over threads by fixed blocks. Formulas
   and their order as in Keras (docs/numerics.md). Moments that would become denormal are set to 0:
   |m| below 2^-100, v below 2^-120. */
#ifndef CNN_OPS_OPTIMIZER_H
#define CNN_OPS_OPTIMIZER_H

#include "base/context.h"
#include <stdbool.h>

typedef struct cnn__adam_step {
  float alpha;          /* lr * sqrt(1 - beta2^t) / (1 - beta1^t) */
  float one_minus_beta1, one_minus_beta2, epsilon;
  float decay;          /* w -= w * decay before the step: lr * weight decay; 0: none */
  float gradient_scale; /* g *= scale first (clipping by norm); 1: none */
  float clip_value;     /* g clipped to [-c, c]; 0: none */
} cnn__adam_step;
/* maximum: amsgrad's, or NULL. */
void cnn__adam_update(cnn_context *context, const cnn__adam_step *step, size_t count,
                      const float *gradient, float *weights, float *first, float *second,
                      float *maximum);

typedef struct cnn__sgd_step {
  float learning_rate, momentum;
  bool nesterov;
  float decay, gradient_scale, clip_value;
} cnn__sgd_step;
/* velocity: NULL where momentum is 0. */
void cnn__sgd_update(cnn_context *context, const cnn__sgd_step *step, size_t count,
                     const float *gradient, float *weights, float *velocity);

typedef struct cnn__rmsprop_step {
  float learning_rate, rho, momentum, epsilon;
  float decay, gradient_scale, clip_value;
} cnn__rmsprop_step;
/* average: of the gradient, for the centered variant, or NULL; velocity: NULL where momentum is 0. */
void cnn__rmsprop_update(cnn_context *context, const cnn__rmsprop_step *step, size_t count,
                         const float *gradient, float *weights, float *square, float *average,
                         float *velocity);

#endif
