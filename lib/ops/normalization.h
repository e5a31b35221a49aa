/* Batch normalisation over rows x channels (rows = images * height * width). Ioffe and Szegedy, 2015.
   Statistics are summed in a fixed order, by blocks of rows whose number depends on rows alone. */
#ifndef CNN_OPS_NORMALIZATION_H
#define CNN_OPS_NORMALIZATION_H

#include "base/context.h"
#include <stdbool.h>

bool cnn__batch_norm_scratch(size_t rows, size_t channels, size_t *bytes);

/* mean and variance (biased) of each channel; accumulates in float64. */
void cnn__batch_norm_statistics(cnn_context *context, size_t rows, size_t channels, const float *x,
                                float *mean, float *variance, void *scratch);
/* y = gamma * (x - mean) / sqrt(variance + epsilon) + beta; gamma, beta may be NULL (1, 0). */
void cnn__batch_norm_apply(cnn_context *context, size_t rows, size_t channels, const float *x,
                           const float *mean, const float *variance, float epsilon,
                           const float *gamma, const float *beta, float *y, void *scratch);
/* Training: the statistics depend on x. dgamma, dbeta, dx may each be NULL. */
void cnn__batch_norm_backward(cnn_context *context, size_t rows, size_t channels, const float *x,
                              const float *mean, const float *variance, float epsilon,
                              const float *gamma, const float *dy, float *dgamma, float *dbeta,
                              float *dx, void *scratch);
/* Inference statistics (a frozen layer): mean and variance are constants. */
void cnn__batch_norm_backward_frozen(cnn_context *context, size_t rows, size_t channels,
                                     const float *x, const float *mean, const float *variance,
                                     float epsilon, const float *gamma, const float *dy,
                                     float *dgamma, float *dbeta, float *dx, void *scratch);

#endif
