/* A fit between its slices, and the step that it repeats. */
#ifndef CNN_MODEL_FIT_H
#define CNN_MODEL_FIT_H

#include "base/float_environment.h"
#include "model/model.h"
#include "model/plan.h"

/* A batch as a step takes it. */
typedef struct cnn__batch {
  size_t images;
  const float *input;
  cnn__labels labels;
  const double *class_weights; /* of each class; NULL: 1 */
  size_t classes;
} cnn__batch;

/* Checks images and labels as a loader or a caller hands them, and binds loss and metrics to the
   labels' kind. who begins messages. CNN_E_SHAPE, CNN_E_INVALID (a label out of range), CNN_E_STATE (not compiled). */
cnn_status cnn__batch_read(cnn_model *model, const char *who, const cnn_tensor *images,
                           const cnn_tensor *labels, cnn__batch *batch);

/* One training step, or one look in inference mode. Metrics are updated; *loss is the batch's own,
   regularisation included. Allocates only where the model's plan does not fit yet. In the library's
   floating-point environment. */
cnn_status cnn__train_step(cnn_model *model, const cnn__batch *batch, size_t planned, double *loss);
cnn_status cnn__test_step(cnn_model *model, const cnn__batch *batch, size_t planned, double *loss);

/* Loss and metrics over a loader, with a plan for its batches: running sums of their own, the
   training's kept. */
typedef struct cnn__evaluation {
  cnn_model *model;
  cnn_loader *loader;
  double loss_sum, samples;
  double kept[2 * CNN_MAX_METRICS][2]; /* the metrics' sums, put back at the end */
} cnn__evaluation;
void cnn__evaluation_begin(cnn__evaluation *evaluation, cnn_model *model, cnn_loader *loader);
cnn_status cnn__evaluation_step(cnn__evaluation *evaluation, bool *done); /* one batch */
/* The results: loss, then metrics; results may be NULL. Puts the metrics' sums back. */
void cnn__evaluation_end(cnn__evaluation *evaluation, double *results);

typedef enum cnn__phase {
  CNN__PHASE_EPOCH,      /* an epoch is to begin */
  CNN__PHASE_TRAIN,      /* a batch is to be trained on */
  CNN__PHASE_VALIDATION, /* the epoch's batches are done; validation is to begin */
  CNN__PHASE_VALIDATE,   /* a batch is to be validated on */
  CNN__PHASE_EPOCH_END,
  CNN__PHASE_DONE
} cnn__phase;

struct cnn_fit {
  cnn_context *context;
  cnn_model *model;
  cnn__float_environment callers; /* the caller's environment, for callbacks of the user's own */
  cnn_loader *batches, *validation;
  bool owns_loaders; /* they were made for validation_split */
  size_t epochs, epoch_batches, planned;
  double *class_weights;
  size_t classes;

  size_t callback_count;
  cnn_callback *callbacks[CNN_MAX_CALLBACKS + 1]; /* in the order of calling */
  size_t begun;                                   /* callbacks whose fit_begin was called */

  cnn__phase phase;
  cnn__outcome outcome;
  cnn_status status;    /* what it came to */
  cnn__failure failure; /* its message, once it has failed */
  cnn__evaluation evaluation;

  size_t training_names, series; /* "loss" and metrics; all that an epoch's end has */
  char **names;                  /* series of them */
  double *values;
  cnn_fit_info info;
};

#endif
