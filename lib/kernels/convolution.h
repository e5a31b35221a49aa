/* Kernels that convolutions use beside the GEMM: Winograd transforms and their adjoints, fused pooling,
   the first layer. Their element-wise results do not depend on the width of the vectors; SSE2, without
   fused multiply-add, is held to a bound. */
#ifndef CNN_KERNELS_CONVOLUTION_H
#define CNN_KERNELS_CONVOLUTION_H

#include "kernels/convolution/pooling.h"
#include "kernels/convolution/shallow.h"
#include "kernels/convolution/winograd.h"

typedef struct cnn__convolution_kernels {
  cnn__window_kernels windows;
  cnn__shallow_kernels shallow;
  cnn__winograd_kernels winograd;
} cnn__convolution_kernels;

#endif
