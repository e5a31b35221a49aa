/* Kernels that convolutions use beside the GEMM: Winograd transforms and their adjoints, the first layer. */
#ifndef CNN_KERNELS_CONVOLUTION_H
#define CNN_KERNELS_CONVOLUTION_H

#include <stddef.h>
#include <stdint.h>

typedef struct cnn__convolution_kernels {
  size_t reserved;
} cnn__convolution_kernels;

#endif
