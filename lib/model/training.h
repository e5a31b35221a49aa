/* What a compiled model has beside its weights: how it learns, and where its training stands. */
#ifndef CNN_MODEL_TRAINING_H
#define CNN_MODEL_TRAINING_H

#include "model/callback.h"
#include "model/history.h"
#include "train/train.h"

/* What a fit's batches came from: resuming with others would be another run. */
typedef struct cnn__loader_identity {
  uint64_t samples, batch_size, seed;
  uint64_t batches; /* of an epoch of the fit */
  bool shuffle, drop_last, augments;
  uint64_t fingerprint; /* of what is done to images */
} cnn__loader_identity;

/* Where training stands, between two batches. All of it goes into files. */
typedef struct cnn__training_state {
  bool started;         /* a fit has begun; else the rest is 0 */
  uint64_t epoch;       /* epochs finished, their validation and callbacks included */
  uint64_t batch;       /* batches of the present epoch done */
  double loss_sum;      /* of the present epoch: loss times samples */
  double samples;       /* of the present epoch */
  double seconds;       /* of the present epoch, training alone; not in files */
  double learning_rate; /* of the last step */
  cnn__loader_identity loader;
} cnn__training_state;

/* The metrics' running sums are in the metrics: cnn__metric_state(). */
typedef struct cnn__training {
  cnn_context *context;
  cnn_optimizer *optimizer;
  cnn_loss *loss;
  size_t metric_count;
  cnn_metric *metrics[2 * CNN_MAX_METRICS];
  const char *names[2 * CNN_MAX_METRICS + 1]; /* "loss", then the metrics'; borrowed from them */

  bool logits;   /* the loss computes the final activation */
  bool by_index; /* labels as loss and metrics are bound to them */
  size_t label_width;

  uint64_t seed; /* of dropout; the context's, or as a file says */
  uint64_t step; /* steps taken, in all fits */

  size_t slot_count;
  float *slots[CNN__MAX_SLOTS]; /* blocks, laid out as the weights */
  float *gradients;             /* a block: of the last step; NULL before the first */
  bool has_gradients;           /* there was a step */
  cnn__trained *trained;        /* what the optimizer updates: room for all parameters */
  size_t trained_count;
  uint64_t trained_structure; /* the model's structure for which trained was made */
  bool guarded;               /* see cnn__callback_class.guards */

  cnn__training_state state;
  size_t callback_state_count; /* of the last fit; as files hold them */
  cnn__callback_state *callback_states;
} cnn__training;

/* What a model is compiled from. All are owned by the callee from here on, on failure too. */
typedef struct cnn__training_parts {
  cnn_optimizer *optimizer;
  cnn_loss *loss;
  size_t metric_count;
  cnn_metric *metrics[2 * CNN_MAX_METRICS];
} cnn__training_parts;

/* Compiles: for cnn_model_compile_with() and for files. The model's history is left. */
cnn_status cnn__model_compile(cnn_model *model, const char *who, const cnn__training_parts *parts);
void cnn__training_parts_free(cnn__training_parts *parts);
void cnn__training_free(cnn__training *training); /* NULL is fine */

/* Binds loss and metrics to labels of this kind, where they are bound to another. CNN_E_SHAPE. */
cnn_status cnn__training_bind(cnn_model *model, bool by_index, size_t label_width);

/* A metric's sums over the epoch's training so far: while a fit validates, the metric itself holds
   the validation's. As cnn__metric_state(). */
void cnn__training_metric_state(const cnn_model *model, size_t metric, double state[2]);

/* Brings callback_states up to date with the fit that runs, if one does: before the state is
   written. CNN_E_NOMEM, and the states are as they were. */
cnn_status cnn__training_collect(const cnn_model *model);
/* Drops callback_states, or takes others (their memory, too). */
void cnn__training_set_callback_states(cnn__training *training, cnn__callback_state *states,
                                       size_t count);

#endif
