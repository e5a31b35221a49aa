/* A fit between its slices, and the step that it repeats. */
#ifndef CNN_MODEL_FIT_H
#define CNN_MODEL_FIT_H

#include "base/float_environment.h"
#include "model/model.h"
#include "model/outputs.h"
#include "model/plan.h"

/* A batch as a step takes it. */
typedef struct cnn__fed_batch {
  size_t images;
  const float *input;
  cnn__labels labels;
  const double *class_weights; /* of each class; NULL: 1 */
  size_t classes;
} cnn__fed_batch;

/* Checks images and labels as a loader or a caller hands them, and binds loss and metrics to the
   labels' kind. who begins messages. CNN_E_SHAPE, CNN_E_INVALID (a label out of range), CNN_E_STATE (not compiled). */
cnn_status cnn__fed_batch_read(cnn_model *model, const char *who, const cnn_tensor *images,
                               const cnn_tensor *labels, cnn__fed_batch *batch);

/* One training step, or one look in inference mode. Metrics are updated; *loss is the batch's own,
   regularisation included. Allocates only where the model's plan does not fit yet. In the library's
   floating-point environment. */
cnn_status cnn__train_step(cnn_model *model, const cnn__fed_batch *batch, size_t planned,
                           double *loss);
cnn_status cnn__test_step(cnn_model *model, const cnn__fed_batch *batch, size_t planned,
                          double *loss);
/* The same of outputs that are there already, as predicting gives them; batch->input is not looked at. */
cnn_status cnn__test_outputs(cnn_model *model, const cnn__fed_batch *batch, size_t planned,
                             const float *outputs, double *loss);

/* The fit is complete: the optimizer's last word on the weights (running means). */
void cnn__training_settle(cnn_model *model);

/* Loss and metrics over a loader, with a plan for its batches: running sums of their own, the
   training's kept. */
typedef struct cnn__evaluation {
  cnn_model *model; /* NULL: none is under way */
  cnn_loader *loader;
  double loss_sum, samples;
  double kept[2 * CNN_MAX_METRICS][2]; /* the metrics' sums, put back at the end */
  cnn__outputs outputs;                /* where the loader gives several views of a batch */
} cnn__evaluation;
void cnn__evaluation_begin(cnn__evaluation *evaluation, cnn_model *model, cnn_loader *loader);
/* One batch; done: there was none left. */
cnn_status cnn__evaluation_step(cnn__evaluation *evaluation, const char *who, bool *done);
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

typedef struct cnn__fit_series {
  size_t training; /* "loss" and the metrics: what batches have */
  size_t watched;  /* those, and with validation "val_loss" ...: what epoch ends have */
  size_t count;    /* those, and "learning_rate": what the history has */
  char **names;    /* count of them */
  double *values;  /* likewise; watched ones are kept up to date */
} cnn__fit_series;

struct cnn_fit {
  cnn_context *context;
  cnn_model *model;
  cnn__float_environment callers; /* the caller's environment, for callbacks of the user's own */
  cnn_loader *batches, *validation;
  cnn_loader *own[2]; /* both, where they were made for validation_split */
  size_t epochs;
  size_t epoch_batches; /* of an epoch of the fit */
  bool by_steps;        /* epochs are so many batches of an endless stream */
  double *class_weights;
  size_t classes;

  bool resumed;
  size_t callback_count;
  cnn_callback *callbacks[CNN_MAX_CALLBACKS + 1]; /* in the order of calling */
  size_t begun;                                   /* callbacks whose fit_begin was called */

  cnn__phase phase;
  cnn__outcome outcome;
  bool finish;          /* a callback has called cnn__fit_finish() */
  cnn__failure failure; /* what it came to */
  cnn__evaluation evaluation;
  int64_t validated; /* where the epoch's validation stands in its loader */

  cnn__fit_series series;
  cnn_fit_info info;
};

/* The training's state, where the fit resumes it, and its callbacks'; else a state and a history that begin. CNN_E_MISMATCH,
   CNN_E_NOMEM, what a callback's restoring fails with. */
cnn_status cnn__fit_take_state(cnn_fit *fit, bool wants_resume);

/* Calls every callback's function for a moment, in order, and stops at the first that fails; but at the fit's end all that
   have begun, whatever fails. */
cnn_status cnn__fit_call(cnn_fit *fit, cnn__moment moment);

/* Frees what cnn_fit_begin_with() has made so far. */
void cnn__fit_free(cnn_fit *fit);

#endif
