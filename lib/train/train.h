/* Losses, metrics, optimizers, schedules inside: what the model room calls. One file each behind it. */
#ifndef CNN_TRAIN_TRAIN_H
#define CNN_TRAIN_TRAIN_H

#include "base/context.h"
#include "base/json.h"
#include "tensor/shape.h"
#include <cnn/train.h>

/* Labels of a batch as they come from a loader: one of the two. */
typedef struct cnn__labels {
  const int32_t *index; /* rows class indices, or NULL */
  const float *vector;  /* rows x width, or NULL */
} cnn__labels;

/* ---- losses ---- */

/* Whether the loss and the labels fit outputs of this shape (of one sample); by_index: labels are
   class indices; label_width: of vectors. CNN_E_SHAPE with both shapes. */
cnn_status cnn__loss_check(const cnn_loss *loss, const cnn__shape *output, bool by_index,
                           size_t label_width);

/* Whether a final activation of this kind is computed within the loss (softmax with the
   cross-entropies, sigmoid with the binary one): the plan then leaves it out and hands logits. */
bool cnn__loss_takes_logits(const cnn_loss *loss, cnn_activation_kind last);

typedef struct cnn__loss_call {
  size_t rows, width;   /* outputs: rows x width */
  const float *outputs; /* what the model yields, or logits */
  bool logits;
  cnn__labels labels;
  const float *weights; /* of each row, or NULL */
  float *gradient;      /* rows x width, of the mean over rows; NULL: not wanted */
  void *scratch;        /* cnn__loss_scratch bytes */
} cnn__loss_call;
bool cnn__loss_scratch(size_t rows, size_t width, size_t *bytes);
/* The sum over rows of each row's (weighted) loss. CNN_E_INVALID for a label out of range, with its row and value. */
cnn_status cnn__loss_compute(const cnn_loss *loss, cnn_context *context, const cnn__loss_call *call,
                             double *sum);
const char *cnn__loss_name(const cnn_loss *loss);
void cnn__loss_write(cnn__text *text, const cnn_loss *loss); /* JSON, every member stated */
cnn_status cnn__loss_read(cnn_context *context, const char *what, const cnn__json *json,
                          cnn_loss **loss);

/* ---- metrics: running sums ---- */

/* Settles what "accuracy" means for this output. */
cnn_status cnn__metric_bind(cnn_metric *metric, const cnn__shape *output, bool by_index,
                            size_t label_width);
const char *cnn__metric_name(const cnn_metric *metric);
void cnn__metric_reset(cnn_metric *metric);
/* outputs may be logits where only their order counts (logits true: thresholds compare with the logit's). */
void cnn__metric_update(cnn_metric *metric, size_t rows, size_t width, const float *outputs,
                        bool logits, const cnn__labels *labels, const float *weights);
double cnn__metric_value(const cnn_metric *metric);
void cnn__metric_state(const cnn_metric *metric, double state[2]); /* for saving in mid-epoch */
void cnn__metric_restore(cnn_metric *metric, const double state[2]);
void cnn__metric_write(cnn__text *text, const cnn_metric *metric);
cnn_status cnn__metric_read(cnn_context *context, const char *what, const cnn__json *json,
                            cnn_metric **metric);

/* ---- schedules ---- */
void cnn__schedule_write(cnn__text *text, const cnn_schedule *schedule);
cnn_status cnn__schedule_read(cnn_context *context, const char *what, const cnn__json *json,
                              cnn_schedule **schedule);

/* ---- optimizers ---- */

enum { CNN__MAX_SLOTS = 4 }; /* arrays kept for each parameter */

/* One parameter in training. Slots belong to the model; the optimizer says how many and their names. */
typedef struct cnn__trained {
  size_t count;
  float *weights;
  const float *gradient;
  float *slot[CNN__MAX_SLOTS];
} cnn__trained;

size_t cnn__optimizer_slots(const cnn_optimizer *optimizer);
const char *cnn__optimizer_slot_name(const cnn_optimizer *optimizer,
                                     size_t slot); /* "m", "v", ... */
/* With ema_momentum: the last slot is the running mean of the weights. */
bool cnn__optimizer_keeps_mean(const cnn_optimizer *optimizer);
const char *cnn__optimizer_name(const cnn_optimizer *optimizer);
/* One step for all parameters: clip, decay, update, running mean. Never allocates, never fails. */
void cnn__optimizer_step(cnn_optimizer *optimizer, cnn_context *context, cnn__trained *parameters,
                         size_t count);
/* With ema_momentum: the weights become their running means. Else nothing. */
void cnn__optimizer_finish(cnn_optimizer *optimizer, cnn_context *context, cnn__trained *parameters,
                           size_t count);
double cnn__optimizer_rate(const cnn_optimizer *optimizer); /* of the next step */
cnn_status cnn__optimizer_set_rate(cnn_optimizer *optimizer,
                                   double rate); /* replaces a schedule's; finite, >= 0 */
/* Settings, then the state beside the slots: steps and running products, exact. */
void cnn__optimizer_write(cnn__text *text, const cnn_optimizer *optimizer);
cnn_status cnn__optimizer_read(cnn_context *context, const char *what, const cnn__json *json,
                               cnn_optimizer **optimizer);
enum { CNN__OPTIMIZER_STATE = 8 };
void cnn__optimizer_state(const cnn_optimizer *optimizer, double state[CNN__OPTIMIZER_STATE]);
cnn_status cnn__optimizer_restore(cnn_optimizer *optimizer, const char *what,
                                  const double state[CNN__OPTIMIZER_STATE]);

#endif
