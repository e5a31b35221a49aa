/* One operation on its own: planned through its layer's class, with buffers that this file owns and
   guards. Every buffer that an operation must not read before it writes (output, scratch, saved,
   gradients) holds NaN; every buffer has a guarded edge on both sides; a value that the operation does
   not claim to need in its backward pass is NaN by then. */
#ifndef CNN_TESTS_GRAD_TRIAL_H
#define CNN_TESTS_GRAD_TRIAL_H

#include "layers/layer.h"

typedef struct trial_setup {
  const cnn_layer *layer;         /* or NULL: activation alone */
  cnn_activation_kind activation; /* of an operation of its own, with slope */
  double slope;
  size_t images; /* of the run; the plan is made for one more */
  size_t inputs; /* 0: 1 */
  cnn__shape input[4];
  bool training, exact, frozen;
  cnn_activation_kind fuse_activation;
  const cnn__pool_shape *fuse_pool; /* or NULL */
  bool no_input_gradient;
  bool in_place;   /* output and its gradient in input 0's buffers */
  bool evaluating; /* a training plan that runs with training false */
} trial_setup;

enum { TRIAL_BUFFERS = 40 };

typedef struct trial_buffer {
  unsigned char *base, *bytes;
  size_t size;
} trial_buffer;

typedef struct op_trial {
  trial_setup setup;
  cnn__layer_spec spec;
  cnn__shape output; /* of the operation: pooled where pooling is fused */
  cnn__op op;
  cnn__op_run run;
  float *input[4]; /* given values, filled by the test; the operation gets copies */
  float *parameter[CNN__MAX_PARAMETERS];
  float *upstream; /* the output's gradient */
  float *prepared;
  size_t input_count[4], output_count; /* floats of all images */
  size_t parameter_count[CNN__MAX_PARAMETERS];
  trial_buffer buffers[TRIAL_BUFFERS];
  size_t buffer_count;
} op_trial;

/* Plans and allocates; everything is 0. Fails the test where the layer refuses. */
void trial_start(op_trial *trial, cnn_context *context, const trial_setup *setup);
void trial_forward(op_trial *trial);  /* prepare and forward, from input and parameter */
void trial_backward(op_trial *trial); /* after forward, from upstream */
void trial_end(op_trial *trial);

/* Numbers in [-limit, limit), the same for the same seed. */
void trial_fill(float *values, size_t count, uint64_t seed, float limit);
/* The same numbers, at least spacing apart from each other and spacing / 2 from 0, shuffled. */
void trial_fill_apart(float *values, size_t count, uint64_t seed, float spacing);

#endif
