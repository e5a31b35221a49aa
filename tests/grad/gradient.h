/* Numerical gradients. The objective is sum(upstream * output) in float64; its derivative by each input and
   parameter is compared with what the backward pass says, for all of them, by
   max|analytic - numerical| / max|numerical|. */
#ifndef CNN_TESTS_GRAD_GRADIENT_H
#define CNN_TESTS_GRAD_GRADIENT_H

#include "trial.h"

/* How the output depends on one number, the others fixed: decides step and tolerance. */
enum smoothness {
  LINEAR,    /* Central differences are exact: step 1/2, tolerance 1e-5, all of it rounding. */
  PIECEWISE, /* Linear but for kinks (ReLU, max-pooling): step 2^-8, tolerance 1e-3 (rounding of 1e-7
                over the step). Data is drawn until second differences vanish, so that no kink
                lies within a step. */
  SMOOTH     /* Fourth-order differences, step 2^-5, tolerance 2e-4. */
};

typedef struct gradient_case {
  const char *name;
  cnn_layer *layer; /* owned by the check; NULL: an activation of its own, or a layer that failed */
  bool is_activation;
  cnn_activation_kind activation;
  double slope;
  enum smoothness smoothness;
  size_t images, inputs; /* 0: 2 and 1 */
  cnn__shape input[4];
  float limit;   /* of inputs, 0: 1 */
  float spacing; /* of inputs: away from each other, and half of it from 0; 0: no matter */
  bool frozen;
  cnn_activation_kind fuse_activation;
  size_t fuse_pool[2]; /* of a fused max-pooling; 0: none */
} gradient_case;

/* Checks one case: numerical gradients; the same bytes with 1 and 3 threads, without an input
   gradient, and in place where the operation offers it. Frees the layer. */
void check_gradient(gradient_case test);

#endif
