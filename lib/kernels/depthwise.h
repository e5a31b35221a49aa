/* Depthwise convolution. */
#ifndef CNN_KERNELS_DEPTHWISE_H
#define CNN_KERNELS_DEPTHWISE_H

#include <stddef.h>
#include <stdint.h>

typedef struct cnn__depthwise_kernels {
  size_t reserved;
} cnn__depthwise_kernels;

#endif
