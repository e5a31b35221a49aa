/* Kernels that stream over floats: activations, softmax, pooling, normalisation, dropout, reductions, optimizers. */
#ifndef CNN_KERNELS_ELEMENTWISE_H
#define CNN_KERNELS_ELEMENTWISE_H

#include <stddef.h>
#include <stdint.h>

typedef struct cnn__elementwise_kernels {
  size_t reserved;
} cnn__elementwise_kernels;

#endif
