/* The kernels: one table of function pointers per instruction set, each family with its written
   contract. Kernels see pointers, sizes and strides: never tensors, never allocation, never
   threads. The generic ones, in portable C, define the right answer; AVX2, AVX-512 and NEON give
   the same bits (where NaNs stand must agree, their sign and payload are free); SSE2, without
   fused multiply-add, is held to a bound. */
#ifndef CNN_KERNELS_KERNELS_H
#define CNN_KERNELS_KERNELS_H

#include "base/cpu.h"
#include "kernels/convolution.h"
#include "kernels/depthwise.h"
#include "kernels/elementwise.h"
#include "kernels/gemm.h"
#include "kernels/image.h"

typedef struct cnn__kernels {
  cnn__isa isa;
  cnn__gemm_kernels gemm;
  cnn__convolution_kernels convolution; /* Winograd transforms, fused pooling, first layer */
  cnn__depthwise_kernels depthwise;
  cnn__elementwise_kernels elementwise; /* activations, softmax, pooling, optimizers, ... */
  cnn__image_kernels image;             /* 8-bit images to float batches, affine warp, resize */
} cnn__kernels;

/* The table in use (cnn__cpu_isa()). Never fails; safe from any thread at any time. */
const cnn__kernels *cnn__kernels_get(void);

/* The table of one instruction set, for tests; NULL where the machine lacks it or the build has
   none. A family that an instruction set does not speed up holds the next lower one's functions. */
const cnn__kernels *cnn__kernels_for(cnn__isa isa);

#endif
