/* One step of an optimizer over one parameter array, split over threads by fixed blocks. Formulas
   and their order as in Keras (docs/numerics.md). Moments that would become denormal are set to 0:
   |m| below 2^-100, v below 2^-120. */
#ifndef CNN_OPS_OPTIMIZER_H
#define CNN_OPS_OPTIMIZER_H

#include "base/context.h"
#include "kernels/elementwise/optimizer.h" /* the steps */

/* maximum: amsgrad's, or NULL. */
void cnn__adam_update(cnn_context *context, const cnn__adam_step *step, size_t count,
                      const float *gradient, float *weights, float *first, float *second,
                      float *maximum);

/* velocity: NULL where momentum is 0. */
void cnn__sgd_update(cnn_context *context, const cnn__sgd_step *step, size_t count,
                     const float *gradient, float *weights, float *velocity);

/* average: of the gradient, for the centered variant, or NULL; velocity: NULL where momentum is 0. */
void cnn__rmsprop_update(cnn_context *context, const cnn__rmsprop_step *step, size_t count,
                         const float *gradient, float *weights, float *square, float *average,
                         float *velocity);

#endif
