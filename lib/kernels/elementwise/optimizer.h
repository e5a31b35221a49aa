/* One step of an optimizer over one array. The contract common to all: kernels/elementwise.h.

   First g = clip(gradient * gradient_scale) to [-clip_value, clip_value] (0: none), then the decay
   w = fma(-w, decay, w), then the step. "flush" sets |m| < 2^-100, and v < 2^-120, to 0. */
#ifndef CNN_KERNELS_ELEMENTWISE_OPTIMIZER_H
#define CNN_KERNELS_ELEMENTWISE_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cnn__adam_step {
  float alpha; /* lr * sqrt(1 - beta2^t) / (1 - beta1^t) */
  float one_minus_beta1, one_minus_beta2, epsilon;
  float decay;          /* w -= w * decay before the step: lr * weight decay; 0: none */
  float gradient_scale; /* g *= scale first (clipping by norm); 1: none */
  float clip_value;     /* g clipped to [-c, c]; 0: none */
} cnn__adam_step;

typedef struct cnn__sgd_step {
  float learning_rate, momentum;
  bool nesterov;
  float decay, gradient_scale, clip_value;
} cnn__sgd_step;

typedef struct cnn__rmsprop_step {
  float learning_rate, rho, momentum, epsilon;
  float decay, gradient_scale, clip_value;
} cnn__rmsprop_step;

typedef struct cnn__optimizer_kernels {
  /* m = flush fma(g - m, 1 - beta1, m); v = flush fma(fma(g, g, -v), 1 - beta2, v);
     v' = v, or maximum = max(maximum, v); w = w - m * alpha / (sqrt v' + epsilon) */
  void (*adam)(const cnn__adam_step *step, size_t count, const float *gradient, float *weights,
               float *first, float *second, float *maximum);
  /* velocity NULL: w = fma(-lr, g, w). Else m = flush fma(momentum, m, -lr * g); then
     w = w + m, or with nesterov w = w + fma(momentum, m, -lr * g) */
  void (*sgd)(const cnn__sgd_step *step, size_t count, const float *gradient, float *weights,
              float *velocity);
  /* s = flush fma(1 - rho, g * g, rho * s); average likewise of g, and then s - average^2 in the
     root; i = lr * g / sqrt(s + epsilon); m = flush fma(momentum, m, i); w = w - m (w - i) */
  void (*rmsprop)(const cnn__rmsprop_step *step, size_t count, const float *gradient,
                  float *weights, float *square, float *average, float *velocity);
} cnn__optimizer_kernels;

#endif
