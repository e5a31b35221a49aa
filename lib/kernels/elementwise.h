/* Kernels that stream over floats: arithmetic, activations, softmax and losses, pooling,
   normalisation, optimizers. One contract for all of them:

   - Element-wise results do not depend on the width of the vectors, on alignment or on where a
     call begins: a count may be cut anywhere. Any count, 0 included; any alignment. In place
     (output equal to an input) is fine unless said otherwise; a partial overlap never is.
   - Reductions run over a virtual vector of 16 lanes: lane l takes the elements l, l + 16, l + 32,
     ... in order, then lane l += lane l + 8, l + 4, l + 2, l + 1. What is missing in the last
     vector counts as 0 (as minus infinity in a maximum).
   - "a * b + c" here is one fused multiply-add where the contract writes fma(), two roundings
     where it does not. SSE2 has none and rounds twice: it is held to a bound for each kernel (1e-5 of
     the values at most: tests/kernels/elementwise_runners.c), the others to the generic kernels' bits.
   - NaN and infinity propagate. max(a, b) is a > b ? a : b. */
#ifndef CNN_KERNELS_ELEMENTWISE_H
#define CNN_KERNELS_ELEMENTWISE_H

#include "kernels/elementwise/activation.h"
#include "kernels/elementwise/arithmetic.h"
#include "kernels/elementwise/loss.h"
#include "kernels/elementwise/normalization.h"
#include "kernels/elementwise/optimizer.h"
#include "kernels/elementwise/pooling.h"

typedef struct cnn__elementwise_kernels {
  cnn__arithmetic_kernels arithmetic;
  cnn__activation_kernels activation;
  cnn__loss_kernels loss;
  cnn__pooling_kernels pooling;
  cnn__normalization_kernels normalization;
  cnn__optimizer_kernels optimizer;
} cnn__elementwise_kernels;

#endif
