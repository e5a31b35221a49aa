/** @file
 * What training is made of: losses, metrics, optimizers, learning-rate schedules and callbacks.
 *
 * Each constructor takes named options in C, cnn_adam(.learning_rate = 1e-3); behind it stands a
 * plain function, cnn_adam_create(&options). In options 0 means the default; CNN_ZERO says zero
 * itself. Constructors return NULL on failure: CNN_E_INVALID or CNN_E_NOMEM. What takes a handle
 * (cnn_model_compile(), cnn_model_fit(), an optimizer its schedule) owns it from then on, on failure
 * too. Formulas and defaults are those of Keras 3; docs/numerics.md has the optimizers' with their
 * sources.
 */
#ifndef CNN_TRAIN_H
#define CNN_TRAIN_H

#include <cnn/layer.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is minimised. Immutable. */
typedef struct cnn_loss cnn_loss;
/** What is reported. One thread at a time. */
typedef struct cnn_metric cnn_metric;
/** How weights follow gradients. One thread at a time. */
typedef struct cnn_optimizer cnn_optimizer;
/** A learning rate that changes with the step. Immutable. */
typedef struct cnn_schedule cnn_schedule;
/** Something that is told how training goes. One thread at a time. */
typedef struct cnn_callback cnn_callback;

/** Frees a loss that no model has taken. NULL is fine. */
CNN_API void cnn_loss_free(cnn_loss *loss);
/** Frees a metric that no model has taken. NULL is fine. */
CNN_API void cnn_metric_free(cnn_metric *metric);
/** Frees an optimizer that no model has taken. NULL is fine. */
CNN_API void cnn_optimizer_free(cnn_optimizer *optimizer);
/** Frees a schedule that nothing has taken. NULL is fine. */
CNN_API void cnn_schedule_free(cnn_schedule *schedule);
/** Frees a callback that no fit has taken. NULL is fine. */
CNN_API void cnn_callback_free(cnn_callback *callback);

/** A loss by its Keras name, with its defaults: "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy",
 * "mean_squared_error" or "mse", "mean_absolute_error" or "mae", "huber". NULL: CNN_E_NOT_FOUND (the message lists the names), CNN_E_NOMEM. */
CNN_API cnn_loss *cnn_loss_by_name(const char *name);
/** A metric by its Keras name: "accuracy" or "acc", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy",
 * "top_k_categorical_accuracy". NULL: CNN_E_NOT_FOUND, CNN_E_NOMEM. */
CNN_API cnn_metric *cnn_metric_by_name(const char *name);
/** An optimizer by its Keras name ("adam", "sgd", "rmsprop", "adamw"), with its defaults. NULL: CNN_E_NOT_FOUND, CNN_E_NOMEM. */
CNN_API cnn_optimizer *cnn_optimizer_by_name(const char *name);

/* ------------------------------------------------------------------ losses */

/** Settings of cnn_sparse_categorical_crossentropy(); 0 means the default. */
typedef struct cnn_crossentropy_options {
  size_t struct_size;  /**< sizeof(cnn_crossentropy_options) */
  int64_t from_logits; /**< 1: the model's outputs are logits. Default 0: probabilities. */
  double
      label_smoothing; /**< In [0, 1]: moves so much of the target evenly to all classes. Default 0. */
} cnn_crossentropy_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_crossentropy_options_init(cnn_crossentropy_options *options, size_t size);

/**
 * Cross-entropy of class indices: -log p[label]. Where the model ends in softmax it is computed from the logits.
 * @param options As above; NULL for all defaults.
 * @return The new object; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_loss *
cnn_sparse_categorical_crossentropy_create(const cnn_crossentropy_options *options);

#ifndef __cplusplus
/** cnn_sparse_categorical_crossentropy_create() with named options. */
#define cnn_sparse_categorical_crossentropy(...)                                                   \
  cnn_sparse_categorical_crossentropy_create(&(const cnn_crossentropy_options){                    \
      .struct_size = sizeof(cnn_crossentropy_options), __VA_ARGS__})
#endif

/** Cross-entropy of one-hot or soft labels: -sum t log p. Options as cnn_crossentropy_options. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_loss *cnn_categorical_crossentropy_create(const cnn_crossentropy_options *options);
#ifndef __cplusplus
/** cnn_categorical_crossentropy_create() with named options. */
#define cnn_categorical_crossentropy(...)                                                          \
  cnn_categorical_crossentropy_create(&(const cnn_crossentropy_options){                           \
      .struct_size = sizeof(cnn_crossentropy_options), __VA_ARGS__})
#endif

/** Mean over the outputs of -t log p - (1 - t) log(1 - p); labels 0 or 1: other class indices are CNN_E_INVALID in training. Where the model ends in sigmoid it is computed from the logits. Options as cnn_crossentropy_options. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_loss *cnn_binary_crossentropy_create(const cnn_crossentropy_options *options);
#ifndef __cplusplus
/** cnn_binary_crossentropy_create() with named options. */
#define cnn_binary_crossentropy(...)                                                               \
  cnn_binary_crossentropy_create(&(const cnn_crossentropy_options){                                \
      .struct_size = sizeof(cnn_crossentropy_options), __VA_ARGS__})
#endif

/** Settings of cnn_mean_squared_error(); 0 means the default. */
typedef struct cnn_error_loss_options {
  size_t struct_size; /**< sizeof(cnn_error_loss_options) */
  double delta;       /**< Of the Huber loss: where it turns linear. Default 1. */
} cnn_error_loss_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_error_loss_options_init(cnn_error_loss_options *options, size_t size);

/**
 * Mean over the outputs of (y - t)^2.
 * @param options As above; NULL for all defaults.
 * @return The new object; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_loss *cnn_mean_squared_error_create(const cnn_error_loss_options *options);

#ifndef __cplusplus
/** cnn_mean_squared_error_create() with named options. */
#define cnn_mean_squared_error(...)                                                                \
  cnn_mean_squared_error_create(                                                                   \
      &(const cnn_error_loss_options){.struct_size = sizeof(cnn_error_loss_options), __VA_ARGS__})
#endif

/** Mean over the outputs of |y - t|. Options as cnn_error_loss_options. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_loss *cnn_mean_absolute_error_create(const cnn_error_loss_options *options);
#ifndef __cplusplus
/** cnn_mean_absolute_error_create() with named options. */
#define cnn_mean_absolute_error(...)                                                               \
  cnn_mean_absolute_error_create(                                                                  \
      &(const cnn_error_loss_options){.struct_size = sizeof(cnn_error_loss_options), __VA_ARGS__})
#endif

/** Mean over the outputs of d^2 / 2 where |d| <= delta, else delta |d| - delta^2 / 2 (Huber, 1964). Options as cnn_error_loss_options. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_loss *cnn_huber_create(const cnn_error_loss_options *options);
#ifndef __cplusplus
/** cnn_huber_create() with named options. */
#define cnn_huber(...)                                                                             \
  cnn_huber_create(                                                                                \
      &(const cnn_error_loss_options){.struct_size = sizeof(cnn_error_loss_options), __VA_ARGS__})
#endif

/* ------------------------------------------------------------------ metrics */

/** Settings of cnn_accuracy(); 0 means the default. */
typedef struct cnn_metric_options {
  size_t struct_size; /**< sizeof(cnn_metric_options) */
  int64_t k;          /**< Of top_k_accuracy. Default 5. */
  double threshold;   /**< Of binary_accuracy. Default 0.5. */
  const char *name;   /**< Copied. Default: as in Keras. */
} cnn_metric_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_metric_options_init(cnn_metric_options *options, size_t size);

/**
 * The share of samples predicted right: binary, categorical or sparse by the loss and the shapes.
 * @param options As above; NULL for all defaults.
 * @return The new object; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_metric *cnn_accuracy_create(const cnn_metric_options *options);

#ifndef __cplusplus
/** cnn_accuracy_create() with named options. */
#define cnn_accuracy(...)                                                                          \
  cnn_accuracy_create(                                                                             \
      &(const cnn_metric_options){.struct_size = sizeof(cnn_metric_options), __VA_ARGS__})
#endif

/** The share of outputs on the right side of the threshold. Options as cnn_metric_options. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_metric *cnn_binary_accuracy_create(const cnn_metric_options *options);
#ifndef __cplusplus
/** cnn_binary_accuracy_create() with named options. */
#define cnn_binary_accuracy(...)                                                                   \
  cnn_binary_accuracy_create(                                                                      \
      &(const cnn_metric_options){.struct_size = sizeof(cnn_metric_options), __VA_ARGS__})
#endif

/** The share of samples whose largest output is where the label is largest. Options as cnn_metric_options. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_metric *cnn_categorical_accuracy_create(const cnn_metric_options *options);
#ifndef __cplusplus
/** cnn_categorical_accuracy_create() with named options. */
#define cnn_categorical_accuracy(...)                                                              \
  cnn_categorical_accuracy_create(                                                                 \
      &(const cnn_metric_options){.struct_size = sizeof(cnn_metric_options), __VA_ARGS__})
#endif

/** The share of samples whose largest output is at the label. Options as cnn_metric_options. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_metric *cnn_sparse_categorical_accuracy_create(const cnn_metric_options *options);
#ifndef __cplusplus
/** cnn_sparse_categorical_accuracy_create() with named options. */
#define cnn_sparse_categorical_accuracy(...)                                                       \
  cnn_sparse_categorical_accuracy_create(                                                          \
      &(const cnn_metric_options){.struct_size = sizeof(cnn_metric_options), __VA_ARGS__})
#endif

/** The share of samples whose label is among the k largest outputs. Options as cnn_metric_options. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_metric *cnn_top_k_accuracy_create(const cnn_metric_options *options);
#ifndef __cplusplus
/** cnn_top_k_accuracy_create() with named options. */
#define cnn_top_k_accuracy(...)                                                                    \
  cnn_top_k_accuracy_create(                                                                       \
      &(const cnn_metric_options){.struct_size = sizeof(cnn_metric_options), __VA_ARGS__})
#endif

/* ------------------------------------------------------------------ schedules */

/** Settings of a schedule, such as cnn_exponential_decay(); 0 means the default. A step is a batch: an
 * optimizer takes its schedule's rate anew for each (.schedule); an epoch for cnn_learning_rate_by_epoch(). */
typedef struct cnn_schedule_options {
  size_t struct_size; /**< sizeof(cnn_schedule_options) */
  double initial;     /**< The learning rate at step 0 (for one_cycle: its peak). Default 1e-3. */
  int64_t
      steps; /**< Steps of one decay; of the whole cosine or cycle, warm-up included; from one drop of step_decay to the next. Required. */
  double rate;       /**< Factor of one decay or drop. Default 0.1. */
  int64_t staircase; /**< 1: exponential decay in whole steps. Default 0. */
  double
      final; /**< Cosine: the share of initial that is left at the end. Default 0. One-cycle: initial / final at the end. Default 1e4. */
  int64_t
      warmup_steps; /**< Rises linearly from 0 to initial first (cosine). Default 0. One-cycle: the rising part, default 0.3 of steps. */
  double divisor;   /**< One-cycle: begins at initial / divisor. Default 25. */
} cnn_schedule_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_schedule_options_init(cnn_schedule_options *options, size_t size);

/**
 * initial * rate^(step / steps).
 * @param options As above.
 * @return The new object; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_schedule *cnn_exponential_decay_create(const cnn_schedule_options *options);

#ifndef __cplusplus
/** cnn_exponential_decay_create() with named options. */
#define cnn_exponential_decay(...)                                                                 \
  cnn_exponential_decay_create(                                                                    \
      &(const cnn_schedule_options){.struct_size = sizeof(cnn_schedule_options), __VA_ARGS__})
#endif

/** A half cosine from initial down to final * initial (Loshchilov and Hutter, 2017). Options as cnn_schedule_options. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_schedule *cnn_cosine_decay_create(const cnn_schedule_options *options);
#ifndef __cplusplus
/** cnn_cosine_decay_create() with named options. */
#define cnn_cosine_decay(...)                                                                      \
  cnn_cosine_decay_create(                                                                         \
      &(const cnn_schedule_options){.struct_size = sizeof(cnn_schedule_options), __VA_ARGS__})
#endif

/** initial * rate^floor(step / steps). Options as cnn_schedule_options. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_schedule *cnn_step_decay_create(const cnn_schedule_options *options);
#ifndef __cplusplus
/** cnn_step_decay_create() with named options. */
#define cnn_step_decay(...)                                                                        \
  cnn_step_decay_create(                                                                           \
      &(const cnn_schedule_options){.struct_size = sizeof(cnn_schedule_options), __VA_ARGS__})
#endif

/** Up from initial / divisor to initial, then down to initial / final, both by a half cosine (Smith, 2018). Options as cnn_schedule_options. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_schedule *cnn_one_cycle_create(const cnn_schedule_options *options);
#ifndef __cplusplus
/** cnn_one_cycle_create() with named options. */
#define cnn_one_cycle(...)                                                                         \
  cnn_one_cycle_create(                                                                            \
      &(const cnn_schedule_options){.struct_size = sizeof(cnn_schedule_options), __VA_ARGS__})
#endif

/** The rate at a step, counted from 0. NaN for NULL. */
CNN_API double cnn_schedule_rate(const cnn_schedule *schedule, int64_t step);

/* ------------------------------------------------------------------ optimizers */

/** Settings of cnn_adam(); 0 means the default. */
typedef struct cnn_adam_options {
  size_t struct_size;   /**< sizeof(cnn_adam_options) */
  double learning_rate; /**< Default 1e-3. */
  double beta_1;        /**< Default 0.9. */
  double beta_2;        /**< Default 0.999. */
  double epsilon;       /**< Default 1e-7. */
  int64_t amsgrad; /**< 1: divides by the largest second moment so far (Reddi, 2018). Default 0. */
  cnn_schedule *
      schedule; /**< In place of learning_rate, by the step. Owned from here on, on failure too. NULL: none. */
  double
      clip_norm; /**< Scales each gradient so that its norm is at most this. At most one of the three. Default: none. */
  double global_clip_norm; /**< Scales all gradients so that their common norm is at most this. */
  double clip_value;       /**< Cuts each value to [-c, c]. */
  double weight_decay;     /**< w -= lr * decay * w before the step. Default 0 (AdamW 0.004). */
  double
      ema_momentum; /**< Keeps a running mean of the weights, w' = m w' + (1 - m) w, and puts it in their place when a fit ends. Default: none. */
} cnn_adam_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_adam_options_init(cnn_adam_options *options, size_t size);

/**
 * Adam (Kingma and Ba, 2015), with epsilon outside the bias correction as in Keras.
 * @param options As above; NULL for all defaults.
 * @return The new object; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_optimizer *cnn_adam_create(const cnn_adam_options *options);

#ifndef __cplusplus
/** cnn_adam_create() with named options. */
#define cnn_adam(...)                                                                              \
  cnn_adam_create(&(const cnn_adam_options){.struct_size = sizeof(cnn_adam_options), __VA_ARGS__})
#endif

/** Adam with decoupled weight decay, 0.004 by default (Loshchilov and Hutter, 2019). Options as cnn_adam_options. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_optimizer *cnn_adamw_create(const cnn_adam_options *options);
#ifndef __cplusplus
/** cnn_adamw_create() with named options. */
#define cnn_adamw(...)                                                                             \
  cnn_adamw_create(&(const cnn_adam_options){.struct_size = sizeof(cnn_adam_options), __VA_ARGS__})
#endif

/** Settings of cnn_sgd(); 0 means the default. */
typedef struct cnn_sgd_options {
  size_t struct_size;   /**< sizeof(cnn_sgd_options) */
  double learning_rate; /**< Default 0.01. */
  double momentum;      /**< Default 0. */
  int64_t nesterov;     /**< 1: Nesterov's momentum. Default 0. */
  cnn_schedule *
      schedule; /**< In place of learning_rate, by the step. Owned from here on, on failure too. NULL: none. */
  double
      clip_norm; /**< Scales each gradient so that its norm is at most this. At most one of the three. Default: none. */
  double global_clip_norm; /**< Scales all gradients so that their common norm is at most this. */
  double clip_value;       /**< Cuts each value to [-c, c]. */
  double weight_decay;     /**< w -= lr * decay * w before the step. Default 0. */
  double
      ema_momentum; /**< Keeps a running mean of the weights, w' = m w' + (1 - m) w, and puts it in their place when a fit ends. Default: none. */
} cnn_sgd_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_sgd_options_init(cnn_sgd_options *options, size_t size);

/**
 * Stochastic gradient descent: v = m v - lr g; w += v, or with Nesterov w += m v - lr g.
 * @param options As above; NULL for all defaults.
 * @return The new object; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_optimizer *cnn_sgd_create(const cnn_sgd_options *options);

#ifndef __cplusplus
/** cnn_sgd_create() with named options. */
#define cnn_sgd(...)                                                                               \
  cnn_sgd_create(&(const cnn_sgd_options){.struct_size = sizeof(cnn_sgd_options), __VA_ARGS__})
#endif

/** Settings of cnn_rmsprop(); 0 means the default. */
typedef struct cnn_rmsprop_options {
  size_t struct_size;   /**< sizeof(cnn_rmsprop_options) */
  double learning_rate; /**< Default 1e-3. */
  double rho;           /**< Default 0.9. */
  double momentum;      /**< Default 0. */
  double epsilon;       /**< Default 1e-7. */
  int64_t centered;     /**< 1: by the variance in place of the mean square. Default 0. */
  cnn_schedule *
      schedule; /**< In place of learning_rate, by the step. Owned from here on, on failure too. NULL: none. */
  double
      clip_norm; /**< Scales each gradient so that its norm is at most this. At most one of the three. Default: none. */
  double global_clip_norm; /**< Scales all gradients so that their common norm is at most this. */
  double clip_value;       /**< Cuts each value to [-c, c]. */
  double weight_decay;     /**< w -= lr * decay * w before the step. Default 0. */
  double
      ema_momentum; /**< Keeps a running mean of the weights, w' = m w' + (1 - m) w, and puts it in their place when a fit ends. Default: none. */
} cnn_rmsprop_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_rmsprop_options_init(cnn_rmsprop_options *options, size_t size);

/**
 * RMSprop (Hinton, 2012): divides by the root of a running mean of squares; epsilon inside the root.
 * @param options As above; NULL for all defaults.
 * @return The new object; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_optimizer *cnn_rmsprop_create(const cnn_rmsprop_options *options);

#ifndef __cplusplus
/** cnn_rmsprop_create() with named options. */
#define cnn_rmsprop(...)                                                                           \
  cnn_rmsprop_create(                                                                              \
      &(const cnn_rmsprop_options){.struct_size = sizeof(cnn_rmsprop_options), __VA_ARGS__})
#endif

/* ------------------------------------------------------------------ callbacks */

/** A model: see cnn/model.h. */
typedef struct cnn_model cnn_model;

/** Where a fit stands, as callbacks see it. Borrowed for the call. */
typedef struct cnn_fit_info {
  size_t struct_size; /**< sizeof(cnn_fit_info) of the library that calls. */
  cnn_model *model;   /**< The model in training. */
  int64_t epoch;      /**< From 0; at the fit's end how many are done. */
  int64_t epochs;     /**< The last epoch + 1. */
  int64_t
      batch; /**< How many of the epoch are done: 0 before the first, 1 at its end, at the epoch's end all. */
  int64_t batches;          /**< Of one epoch. */
  double learning_rate;     /**< Of the last step; before the first, of that. */
  double seconds;           /**< Since the epoch began, training alone. */
  int64_t names_count;      /**< Number of names and values. */
  const char *const *names; /**< "loss", "accuracy", ..., at epoch ends also "val_loss", ... */
  const double *values;     /**< Running means so far. */
} cnn_fit_info;

/** A callback of the user's own. Any function may be NULL. One that returns anything but CNN_OK ends the fit with that
 * status (CNN_E_STOPPED for what is none). To end it without a failure, call cnn_model_stop(info->model) and return CNN_OK. */
typedef struct cnn_callback_functions {
  size_t struct_size; /**< sizeof(cnn_callback_functions) */
  void *user;         /**< Handed to every function. */
  cnn_status (*fit_begin)(void *user, const cnn_fit_info *info);   /**< Before the first epoch. */
  cnn_status (*epoch_begin)(void *user, const cnn_fit_info *info); /**< Before each epoch. */
  cnn_status (*batch_begin)(void *user, const cnn_fit_info *info); /**< Before each batch. */
  cnn_status (*batch_end)(void *user, const cnn_fit_info *info);   /**< After each batch. */
  cnn_status (*epoch_end)(void *user,
                          const cnn_fit_info *info); /**< After each epoch and its validation. */
  cnn_status (*fit_end)(
      void *user, const cnn_fit_info *info); /**< At the end, also of a stopped or failed fit. */
  void (*release)(void *user);               /**< When the callback is freed. */
} cnn_callback_functions;

/** Makes a callback of the user's functions. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM (release is then not called). */
CNN_API cnn_callback *cnn_callback_create(const cnn_callback_functions *functions);

/**
 * The tutorial's progress bar: redrawn in place on a terminal, one line an epoch elsewhere.
 * @param stream Stays the caller's, and open, until the fit has ended. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM.
 */
CNN_API cnn_callback *cnn_progress_bar(FILE *stream);

/** Settings of cnn_early_stopping(); 0 means the default. */
typedef struct cnn_early_stopping_options {
  size_t struct_size; /**< sizeof(cnn_early_stopping_options) */
  const char
      *monitor; /**< Copied. Default "val_loss", which needs a validation: without a series of this
                            name the fit fails with CNN_E_NOT_FOUND. */
  double min_delta; /**< Least change that counts. Default 0. */
  int64_t patience; /**< Epochs without improvement. Default 0. */
  int64_t
      maximize; /**< 1: larger is better; -1: smaller is; 0: by the name: larger where "acc", "auc",
                         "precision" or "recall" is in it. */
  int64_t restore_best_weights; /**< 1: ends with the best epoch's weights. Default 0. */
  int64_t start_from_epoch;     /**< Epochs to wait first. Default 0. */
} cnn_early_stopping_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_early_stopping_options_init(cnn_early_stopping_options *options, size_t size);

/**
 * Stops when the monitored value has not improved for patience epochs.
 * @param options As above; NULL for all defaults.
 * @return The new object; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_callback *cnn_early_stopping_create(const cnn_early_stopping_options *options);

#ifndef __cplusplus
/** cnn_early_stopping_create() with named options. */
#define cnn_early_stopping(...)                                                                    \
  cnn_early_stopping_create(&(const cnn_early_stopping_options){                                   \
      .struct_size = sizeof(cnn_early_stopping_options), __VA_ARGS__})
#endif

/** Settings of cnn_reduce_on_plateau(); 0 means the default. */
typedef struct cnn_reduce_on_plateau_options {
  size_t struct_size;  /**< sizeof(cnn_reduce_on_plateau_options) */
  const char *monitor; /**< As early stopping's. */
  double factor;       /**< Default 0.1. */
  int64_t patience;    /**< Default 10. */
  double min_delta;    /**< Default 1e-4. */
  int64_t cooldown;    /**< Epochs to wait after a change. Default 0. */
  double minimum_rate; /**< Default 0. */
  int64_t maximize;    /**< As early stopping's. */
} cnn_reduce_on_plateau_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_reduce_on_plateau_options_init(cnn_reduce_on_plateau_options *options,
                                                size_t size);

/**
 * Multiplies the learning rate when the monitored value has not improved for patience epochs. From then on
 * the optimizer's schedule, if it has one, counts no more.
 * @param options As above; NULL for all defaults.
 * @return The new object; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_callback *cnn_reduce_on_plateau_create(const cnn_reduce_on_plateau_options *options);

#ifndef __cplusplus
/** cnn_reduce_on_plateau_create() with named options. */
#define cnn_reduce_on_plateau(...)                                                                 \
  cnn_reduce_on_plateau_create(&(const cnn_reduce_on_plateau_options){                             \
      .struct_size = sizeof(cnn_reduce_on_plateau_options), __VA_ARGS__})
#endif

/** Settings of cnn_model_checkpoint(); 0 means the default. */
typedef struct cnn_checkpoint_options {
  size_t struct_size; /**< sizeof(cnn_checkpoint_options) */
  /** Copied. Each "{epoch}" in it becomes the epoch, from 1; "{epoch:03d}" the same with three digits. Other braces stay.
   * Its folders are there already. Required. */
  const char *path;
  const char *monitor;  /**< For best_only; as early stopping's. */
  int64_t best_only;    /**< 1: only when the monitored value is the best so far. Default 0. */
  int64_t maximize;     /**< As early stopping's. */
  int64_t weights_only; /**< 1: no optimizer and training state. Default 0. */
} cnn_checkpoint_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_checkpoint_options_init(cnn_checkpoint_options *options, size_t size);

/**
 * Saves the model after each epoch, or each that is the best so far; whole or not at all.
 * @param options As above.
 * @return The new object; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_callback *cnn_model_checkpoint_create(const cnn_checkpoint_options *options);

#ifndef __cplusplus
/** cnn_model_checkpoint_create() with named options. */
#define cnn_model_checkpoint(...)                                                                  \
  cnn_model_checkpoint_create(                                                                     \
      &(const cnn_checkpoint_options){.struct_size = sizeof(cnn_checkpoint_options), __VA_ARGS__})
#endif

/** Sets the learning rate at the start of each epoch, from a schedule that counts epochs, in place of the optimizer's own. Owns schedule. NULL: CNN_E_INVALID, CNN_E_NOMEM. */
CNN_API cnn_callback *cnn_learning_rate_by_epoch(cnn_schedule *schedule);

/** Writes a line an epoch to a CSV file, whole after each: epoch, seconds, then every metric, then learning_rate. A resumed fit goes on behind the epochs that the file has. NULL: CNN_E_INVALID, CNN_E_NOMEM. */
CNN_API cnn_callback *cnn_csv_log(const char *path);

/** Ends the fit with CNN_E_NUMERIC as soon as the loss is not finite; the message names the first layer with a value that is not. */
CNN_API cnn_callback *cnn_stop_on_nan(void);

#ifdef __cplusplus
}
#endif

#endif
