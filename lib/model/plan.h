/* A plan: a network made ready to run in one mode, for batches up to a size. Operations fused,
   an algorithm chosen for each, every buffer placed in one arena by lifetime. A plan for n images
   runs any 1 to n of them. Making it may fail; running it neither allocates nor fails.

   Time, for lifetimes, counts operations: operation i of n runs forward at i, the loss at n, and
   operation i backward at 2 n - i. */
#ifndef CNN_MODEL_PLAN_H
#define CNN_MODEL_PLAN_H

#include "model/arena.h"
#include "model/network.h"
#include "train/train.h"

#define CNN__NOTHING SIZE_MAX /* no value, no buffer */

/* What a plan is made from. */
typedef struct cnn__plan_request {
  cnn_context *context;
  cnn__network *network; /* retained */
  const bool *frozen;    /* of each node */
  size_t batch;          /* 1 or more */
  bool training;
  bool logits;          /* leave out the activation that ends the network */
  const cnn_loss *loss; /* its scratch is placed, too; NULL: none */
} cnn__plan_request;

/* One operation in its place. */
typedef struct cnn__step {
  cnn__op op;
  size_t node;     /* whose operation this is; the first of those fused */
  bool activation; /* it is the node's activation, apart from the node's own operation */
  size_t input_count;
  size_t input[CNN__MAX_INPUTS];           /* values */
  size_t output;                           /* a value */
  size_t first_parameter, parameter_count; /* in the network; none for activations */
  size_t taken_parameter, taken_count;     /* behind them, of a normalisation that is taken in */
  bool trains;                             /* its parameters get gradients */
  bool backward;                           /* it runs backward at all */
  size_t prepared, saved, forward_scratch, backward_scratch; /* buffers */
  /* Where the gradient of each input goes: a buffer, and whether it is then added to the value's
     own (a further consumer of the same value). CNN__NOTHING: not wanted. */
  size_t input_gradient[CNN__MAX_INPUTS];
  bool accumulate[CNN__MAX_INPUTS];
} cnn__step;

/* What flows from one operation to others. Flattening makes no new value. */
typedef struct cnn__value {
  size_t count;    /* floats of one sample */
  size_t producer; /* step; CNN__NOTHING: the model's input */
  bool needs_gradient;
  size_t buffer, gradient; /* CNN__NOTHING: the caller's input; no gradient */
} cnn__value;

typedef struct cnn__plan {
  cnn__plan_request request; /* loss aside, as it was made; frozen is a copy */
  uint64_t structure;        /* the model's, for which it was made */
  uint64_t version;          /* of the weights that are prepared */
  bool prepared;
  size_t step_count;
  cnn__step *steps;
  size_t value_count;
  cnn__value *values;
  size_t output; /* value */
  size_t buffer_count, buffer_capacity;
  cnn__arena_item *buffers;
  /* What operations have for each slot begins at the same place for all of them: memory that a core has written lately
     stays that core's. A buffer (CNN__NOTHING: none), bytes from one slot to the next. */
  size_t slots, slot_pitch;
  size_t loss_scratch, row_weights; /* buffers; CNN__NOTHING: none */
  size_t bytes;                     /* of the arena: exact */
  double flops;                     /* of one image's forward pass */
  unsigned char *arena;             /* NULL until it is allocated */
} cnn__plan;

/* Lays out; allocates no arena. CNN_E_LIMIT, CNN_E_NOMEM, or what an operation's own plan fails with. */
cnn_status cnn__plan_new(const cnn__plan_request *request, cnn__plan **plan);
cnn_status cnn__plan_allocate(cnn__plan *plan); /* the arena; CNN_E_NOMEM */
void cnn__plan_free(cnn__plan *plan);           /* NULL is fine */

/* Packs or transforms the weights (a block): after each change of them. */
void cnn__plan_prepare(cnn__plan *plan, float *weights);

typedef struct cnn__plan_run {
  size_t images;      /* 1 to batch */
  const float *input; /* images samples */
  float *weights;     /* a block; training writes statistics */
  float *gradients;   /* a block; written where a parameter trains; NULL in inference */
  uint64_t seed, step;
} cnn__plan_run;

void cnn__plan_forward(const cnn__plan *plan, const cnn__plan_run *run);
/* From the gradient at cnn__plan_output_gradient(). After it outputs are gone. */
void cnn__plan_backward(const cnn__plan *plan, const cnn__plan_run *run);
/* Runs forward and looks at what each operation yields: the first step with a value that is not
   finite; CNN__NOTHING if all are. */
size_t cnn__plan_find_not_finite(const cnn__plan *plan, const cnn__plan_run *run);

const float *cnn__plan_output(const cnn__plan *plan, const cnn__plan_run *run);
float *cnn__plan_output_gradient(const cnn__plan *plan); /* NULL: nothing is trained */
void *cnn__plan_loss_scratch(const cnn__plan *plan);
float *cnn__plan_row_weights(const cnn__plan *plan); /* batch floats */

/* Where a buffer lies. */
static inline void *cnn__plan_at(const cnn__plan *plan, size_t buffer) {
  return buffer == CNN__NOTHING ? NULL : plan->arena + plan->buffers[buffer].offset;
}

#endif
