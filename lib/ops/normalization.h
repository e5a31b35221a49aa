/* Batch normalisation over rows x channels (rows = images * height * width). Ioffe and Szegedy, 2015.
   Statistics are summed in a fixed order, by blocks of rows whose number depends on rows alone. */
#ifndef CNN_OPS_NORMALIZATION_H
#define CNN_OPS_NORMALIZATION_H

#include "base/context.h"
#include <cnn/layer.h>
#include <stdbool.h>

typedef struct cnn__batch_norm {
  size_t rows, channels;
  float epsilon;
  const float *gamma, *beta;      /* NULL: 1, 0 */
  cnn_activation_kind activation; /* behind it: linear, ReLU or ReLU6 */
} cnn__batch_norm;

bool cnn__batch_norm_scratch(size_t rows, size_t channels, size_t *bytes);

/* mean and variance (biased) of each channel; accumulates in float64. */
void cnn__batch_norm_statistics(cnn_context *context, size_t rows, size_t channels, const float *x,
                                float *mean, float *variance, void *scratch);
/* y = activation(gamma * (x - mean) / sqrt(variance + epsilon) + beta) */
void cnn__batch_norm_apply(cnn_context *context, const cnn__batch_norm *of, const float *x,
                           const float *mean, const float *variance, float *y, void *scratch);
/* The same with statistics that stay, for who applies it elsewhere, the activation aside: y = scale x + offset. */
void cnn__batch_norm_affine(const cnn__batch_norm *of, const float *mean, const float *variance,
                            float *scale, float *offset);
/* Training: the statistics depend on x. dgamma, dbeta, dx may each be NULL. */
void cnn__batch_norm_backward(cnn_context *context, const cnn__batch_norm *of, const float *x,
                              const float *mean, const float *variance, const float *dy,
                              float *dgamma, float *dbeta, float *dx, void *scratch);
/* Inference statistics (a frozen layer): mean and variance are constants. dy is behind the activation already. */
void cnn__batch_norm_backward_frozen(cnn_context *context, const cnn__batch_norm *of,
                                     const float *x, const float *mean, const float *variance,
                                     const float *dy, float *dgamma, float *dbeta, float *dx,
                                     void *scratch);

#endif
