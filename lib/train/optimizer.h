/* The optimizer behind the public handle. */
#ifndef CNN_TRAIN_OPTIMIZER_H
#define CNN_TRAIN_OPTIMIZER_H

#include "train/kind.h"
#include "train/train.h"

/* What all optimizers share, copied out of the kind's own options. */
typedef struct cnn__optimizer_common {
  double learning_rate;
  double clip_norm, global_clip_norm, clip_value;
  double weight_decay, ema_momentum;
} cnn__optimizer_common;

/* The fields of all but the rate. */
#define COMMON_FIELDS(decay)                                                                       \
  REAL(clip_norm, 0, 1e30, 0), REAL(global_clip_norm, 0, 1e30, 0), REAL(clip_value, 0, 1e30, 0),   \
      REAL(weight_decay, 0, 1e9, decay), REAL(ema_momentum, 0, 0.9999999999, 0)

typedef struct cnn__optimizer_class {
  cnn__kind kind; /* comes first */
  cnn__optimizer_common (*common)(const cnn_optimizer *optimizer);
  size_t schedule_offset; /* of the schedule in the options */
  size_t (*slots)(const cnn_optimizer *optimizer);
  const char *const *slot_names;
  /* One parameter's step; scale and clip_value come from clipping. */
  void (*update)(cnn_optimizer *optimizer, cnn_context *context, const cnn__trained *parameter,
                 double rate, float scale);
} cnn__optimizer_class;

typedef union cnn__optimizer_settings {
  cnn_adam_options adam;
  cnn_sgd_options sgd;
  cnn_rmsprop_options rmsprop;
} cnn__optimizer_settings;

struct cnn_optimizer {
  cnn_context *context;
  const cnn__optimizer_class *class;
  cnn__optimizer_settings settings; /* schedule members NULL: it is below */
  cnn_schedule *schedule;           /* or NULL */
  cnn__optimizer_common common;
  uint64_t steps;
  double rate;   /* in force where there is no schedule, or once one was set by hand */
  bool rate_set; /* by hand: the schedule no longer counts */
  double beta_1_power, beta_2_power; /* beta^t as running products */
};

extern const cnn__optimizer_class cnn__adam_class, cnn__adamw_class, cnn__sgd_class,
    cnn__rmsprop_class;

#endif
