/** @file
 * Models: build, look at, compile, train, evaluate, predict, save.
 *
 * A model is a directed acyclic graph of layers with named parameters ("conv2d_1/kernel");
 * cnn_sequential() makes the chain. Shapes and names are settled when it is built. What runs is a
 * plan, made from the model for a mode and a batch size: every buffer of it is placed before
 * anything runs, and running it neither allocates nor fails.
 *
 * A model is used by one thread at a time; only cnn_model_stop() may come from anywhere at any
 * time. To predict on several threads give each a cnn_predictor. A model keeps the context that was
 * current when it was made. Functions that take a NULL model return the pending failure
 * (cnn/status.h), or CNN_E_INVALID where there is none; those that give a number or a pointer leave it
 * pending and give 0 or NULL, unless they say otherwise. All of this is since 0.1.0.
 */
#ifndef CNN_MODEL_H
#define CNN_MODEL_H

#include <cnn/data.h>
#include <cnn/train.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ building */

/**
 * Makes a chain of layers. C programs call cnn_sequential(layer, layer, ...).
 *
 * Layers without a name are numbered by their kind as Keras does: conv2d, conv2d_1, dense; numbers
 * that a named layer has taken are passed over.
 * @param layers count layers, the first a cnn_input(). Owned from here on, on failure too; a NULL
 *               among them is an error, with the failure of the constructor that gave it.
 * @return The model, built, its parameters initialised from the context's seed; released with
 *         cnn_model_free(). NULL on failure: CNN_E_INVALID (no input layer, two layers of one name), CNN_E_SHAPE (the
 *         message names the layer and the numbers), CNN_E_LIMIT, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_model *cnn_sequential_create(cnn_layer *const *layers, size_t count);

/** A graph in the making. One thread at a time. Its functions accept a NULL graph and negative nodes: errors stick. */
typedef struct cnn_graph cnn_graph;

/** A place in a graph: 0 or more; negative after a failure. */
typedef int64_t cnn_node;

/** Begins a graph. NULL: CNN_E_NOMEM. */
CNN_API cnn_graph *cnn_graph_create(void);
/**
 * Adds a layer behind others.
 * @param layer  Owned from here on, on failure too. A layer stands in one place only.
 * @param inputs count nodes that it takes, none for cnn_input(); one for most layers.
 * @return The layer's node; negative on failure: CNN_E_INVALID (an input that is no node, two layers of
 *         one name), CNN_E_SHAPE (the message names the layer), CNN_E_LIMIT, CNN_E_NOMEM. The graph keeps
 *         its first failure: cnn_graph_model() then fails with it.
 */
CNN_API cnn_node cnn_graph_join(cnn_graph *graph, cnn_layer *layer, const cnn_node *inputs,
                                size_t count);
/**
 * Ends a graph: its model, from the one input to output. Frees the graph, on failure too.
 * NULL: CNN_E_INVALID (no or several inputs, nodes that output does not need), CNN_E_LIMIT, CNN_E_NOMEM.
 */
CNN_API cnn_model *cnn_graph_model(cnn_graph *graph, cnn_node output);
/** Frees a graph that became no model. NULL is fine. */
CNN_API void cnn_graph_free(cnn_graph *graph);

/** Frees a model; predictors and clones made from it stay whole. NULL is fine. Not during a fit. */
CNN_API void cnn_model_free(cnn_model *model);

/** A copy in the current context: layers, weights, what is frozen, class names and preprocessing; not compiled, no notes. NULL: CNN_E_INVALID, CNN_E_NOMEM. */
CNN_API cnn_model *cnn_model_clone(const cnn_model *model);

/* ------------------------------------------------------------------ looking */

/** Writes Keras's summary table to stream. CNN_E_INVALID, CNN_E_NOMEM, CNN_E_IO. */
CNN_API cnn_status cnn_model_summary(const cnn_model *model, FILE *stream);
/** The same as text, freed with cnn_text_free(). NULL: CNN_E_INVALID, CNN_E_NOMEM. */
CNN_API char *cnn_model_summary_text(const cnn_model *model);
/**
 * What the plan for a mode does: per operation the algorithm, FLOPs and bytes; the instruction set; the plan's exact peak memory.
 * @param batch_size Images of a batch. @param training 1: with the backward pass.
 * @return Text, freed with cnn_text_free(). NULL: CNN_E_INVALID, CNN_E_NOMEM.
 */
CNN_API char *cnn_model_describe_plan(const cnn_model *model, int64_t batch_size, int64_t training);
/** Bytes that the plan for this mode and batch size takes: exact. 0 on failure. */
CNN_API uint64_t cnn_model_plan_bytes(const cnn_model *model, int64_t batch_size, int64_t training);
/** Frees text that the library returned. NULL is fine. */
CNN_API void cnn_text_free(char *text);

/** Number of layers, the input included. 0 for NULL. */
CNN_API int64_t cnn_model_layer_count(const cnn_model *model);
/** A layer's name, borrowed from the model; NULL if there is none such. */
CNN_API const char *cnn_model_layer_name(const cnn_model *model, int64_t layer);
/** Rank of one sample's output (0 for NULL), and its sizes, borrowed from the model. */
CNN_API int64_t cnn_model_output_rank(const cnn_model *model);
/** See cnn_model_output_rank(). */
CNN_API const int64_t *cnn_model_output_shape(const cnn_model *model);
/** Rank of one sample's input. */
CNN_API int64_t cnn_model_input_rank(const cnn_model *model);
/** Sizes of one sample's input, borrowed from the model. */
CNN_API const int64_t *cnn_model_input_shape(const cnn_model *model);

/* ------------------------------------------------------------------ parameters */

/** Number of parameters (arrays). 0 for NULL. */
CNN_API int64_t cnn_model_parameter_count(const cnn_model *model);
/** Name of a parameter, "conv2d_1/kernel"; borrowed from the model; NULL if there is none such. */
CNN_API const char *cnn_model_parameter_name(const cnn_model *model, int64_t parameter);
/** A parameter's values, as a new tensor, freed by the caller. NULL: CNN_E_INVALID, CNN_E_NOT_FOUND, CNN_E_NOMEM. */
CNN_API cnn_tensor *cnn_model_parameter(const cnn_model *model, const char *name);
/** Sets a parameter from float32 values of its shape, which are copied. CNN_E_INVALID, CNN_E_NOT_FOUND, CNN_E_SHAPE, CNN_E_NUMERIC (a value that is not finite); the model is then as it was. */
CNN_API cnn_status cnn_model_set_parameter(cnn_model *model, const char *name,
                                           const cnn_tensor *values);
/**
 * The gradient of the last training step, regularisers included and before any clipping, as a new
 * tensor freed by the caller; 0 for what is not trained.
 * NULL: CNN_E_STATE (no step yet), CNN_E_NOT_FOUND, CNN_E_NOMEM.
 */
CNN_API cnn_tensor *cnn_model_gradient(const cnn_model *model, const char *name);
/**
 * Freezes (1) or thaws (0) a layer: a frozen one keeps its weights, and batch normalisation then works
 * by its moving statistics in training, too. Takes effect with the next step, in a fit as well.
 * name NULL: all layers. CNN_E_INVALID, CNN_E_NOT_FOUND.
 */
CNN_API cnn_status cnn_model_set_frozen(cnn_model *model, const char *name, int64_t frozen);
/** 1 if the layer is frozen, 0 if not, negative on failure (CNN_E_NOT_FOUND). */
CNN_API int64_t cnn_model_frozen(const cnn_model *model, const char *name);

/* ------------------------------------------------------------------ what predicting needs beside weights */

/**
 * Names the classes; fit takes them from its loader where none are set and their count is right. They are saved with the model.
 * @param names count names in UTF-8, copied. count is the output's last size; 2 where that is 1.
 * @return CNN_OK, CNN_E_INVALID (another count, a NULL or broken name), CNN_E_NOMEM.
 */
CNN_API cnn_status cnn_model_set_class_names(cnn_model *model, const char *const *names,
                                             int64_t count);
/** Name of a class, borrowed from the model; NULL where there is none. */
CNN_API const char *cnn_model_class_name(const cnn_model *model, int64_t index);
/**
 * How 8-bit images become inputs: (x * scale - mean) / deviation. fit takes it from its loader where none is set
 * and the loader's images are of 8 bits.
 * @param scale Finite, not 0.
 * @param mean,deviation channels values each, copied; NULL: none. Deviations are above 0.
 * @return CNN_OK, CNN_E_INVALID, CNN_E_NOMEM.
 */
CNN_API cnn_status cnn_model_set_preprocessing(cnn_model *model, double scale, const double *mean,
                                               const double *deviation, int64_t channels);

/* ------------------------------------------------------------------ compiling */

/** Most metrics of a model. */
#define CNN_MAX_METRICS 8

/** Settings of cnn_model_compile(). Objects given are owned from here on, on failure too. */
typedef struct cnn_compile_options {
  size_t struct_size;                   /**< sizeof(cnn_compile_options) */
  cnn_model *model;                     /**< Required; stays the caller's. */
  cnn_optimizer *optimizer;             /**< Or optimizer_name. */
  const char *optimizer_name;           /**< "adam", "sgd", "rmsprop", "adamw". */
  cnn_loss *loss;                       /**< Or loss_name. */
  const char *loss_name;                /**< As for cnn_loss_by_name(). */
  cnn_metric *metrics[CNN_MAX_METRICS]; /**< Ends at the first NULL: a metric that could not be made
                                                at its end is left out, and cnn_last_status() tells. */
  const char *metric_names[CNN_MAX_METRICS]; /**< More of them, as for cnn_metric_by_name(). */
} cnn_compile_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_compile_options_init(cnn_compile_options *options, size_t size);

/**
 * Says how the model learns. May be called again, but not during a fit: the optimizer then starts anew.
 * Where the model ends in the softmax or sigmoid that the loss expects, both are computed as one, from the logits.
 * @return CNN_OK; CNN_E_INVALID (no optimizer or no loss, two results of one name), CNN_E_NOT_FOUND (a name), CNN_E_SHAPE (the
 *         loss or a metric does not fit the output), CNN_E_STATE (a fit is running), CNN_E_NOMEM, or the failure of the constructor that gave a NULL.
 */
CNN_API cnn_status cnn_model_compile_with(const cnn_compile_options *options);

/** The learning rate of the next step; NaN before compiling, and for NULL. */
CNN_API double cnn_model_learning_rate(const cnn_model *model);
/** Sets it, in place of the optimizer's schedule if it has one. CNN_E_INVALID (negative, not finite), CNN_E_STATE (not compiled). */
CNN_API cnn_status cnn_model_set_learning_rate(cnn_model *model, double rate);

/* ------------------------------------------------------------------ training */

/** Series of numbers that a fit leaves: loss, accuracy, val_loss, ... Borrowed from its model. */
typedef struct cnn_history cnn_history;

/** Most callbacks of a fit. */
#define CNN_MAX_CALLBACKS 16

/** Settings of cnn_model_fit(); 0 means the default. */
typedef struct cnn_fit_options {
  size_t struct_size;     /**< sizeof(cnn_fit_options) */
  cnn_model *model;       /**< Required; compiled. */
  cnn_loader *batches;    /**< Required; stays the caller's. */
  int64_t epochs;         /**< Up to this epoch, counted from 1. Default 1. */
  cnn_loader *validation; /**< Evaluated after each epoch; stays the caller's. NULL: none. */
  double
      validation_split; /**< In place of validation: this share of the dataset's tail is held back, unshuffled and not augmented. A folder of images lies class by class: split it by cnn_dataset_split(), stratified. Default 0. */
  cnn_callback *
      progress; /**< cnn_progress_bar(stdout), say. Called before the others. Owned from here on, on failure too. */
  cnn_callback *callbacks
      [CNN_MAX_CALLBACKS]; /**< Called in order, those that save (cnn_model_checkpoint()) last; ends at the first NULL. Owned from here on, on failure too. */
  const double *
      class_weights; /**< A factor for each class's loss in training; classes of them; NULL: 1. Copied. */
  int64_t classes; /**< Number of class_weights. */
  int64_t
      steps; /**< Batches of an epoch; the next one goes on behind them, through the loader's epochs. Default: all of the loader's. */
  int64_t
      resume; /**< 1: goes on where the model's training state (of an earlier fit, or loaded) stands, in mid-epoch too, or begins where there is none. Needs a loader, metrics and validation like those of that fit. */
} cnn_fit_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_fit_options_init(cnn_fit_options *options, size_t size);

/**
 * Trains. In C: cnn_model_fit(model, batches, .epochs = 10).
 *
 * Epoch e takes the loader's epoch e, and the validation's, whatever else is read from them before or between
 * two batches; the short last batch takes a full step. The series' values are means over samples, with what the
 * weights were at each batch; the validation's come from after the epoch, in inference mode. Without .resume the
 * history begins anew, and the optimizer goes on. After cnn_model_stop(), or where the last slice was not run, .resume goes on to the
 * same bits as an uninterrupted fit; only a finished fit puts running means (.ema_momentum) and early
 * stopping's best weights in place.
 * @return CNN_OK, also when a callback stopped it early; CNN_E_INVALID (also where no sample of batches or of
 *         validation can be decoded), CNN_E_STATE (not compiled), CNN_E_SHAPE (the
 *         loader's images or labels do not fit), CNN_E_NUMERIC (a loss that is not finite, with cnn_stop_on_nan()), CNN_E_NOMEM, CNN_E_MISMATCH (resume, but another loader, or other series), or
 *         what the loader or a callback failed with. The history holds the epochs that were finished.
 */
CNN_API cnn_status cnn_model_fit_with(const cnn_fit_options *options);

/** A fit that its owner runs in slices. One thread at a time; its callbacks neither run nor end it. */
typedef struct cnn_fit cnn_fit;

/** Begins a fit. NULL: as cnn_model_fit_with() fails. */
CNN_API cnn_fit *cnn_fit_begin_with(const cnn_fit_options *options);
/**
 * Runs a slice of it: batches of training and of validation count alike.
 * @param batches Most batches, 0: no bound. @param seconds Most time, 0: no bound; at least one batch runs.
 * @param done Receives 1 when the fit has ended, else 0; may be NULL.
 * @return As cnn_model_fit_with().
 */
CNN_API cnn_status cnn_fit_run(cnn_fit *fit, int64_t batches, double seconds, int64_t *done);
/** Ends it, finished or not, and frees it. @return What the fit came to; for NULL the pending failure, or CNN_OK. */
CNN_API cnn_status cnn_fit_end(cnn_fit *fit);

/** Asks the fit that is running to end after the current batch, and to return CNN_OK. From a callback, another thread or a signal handler. NULL is ignored. */
CNN_API void cnn_model_stop(cnn_model *model);

/** The history; there after a failed or stopped fit, too. NULL for NULL. Borrowed until the next fit or the model's end. */
CNN_API const cnn_history *cnn_model_history(const cnn_model *model);
/** Finished epochs. */
CNN_API int64_t cnn_history_epochs(const cnn_history *history);
/** Number of series. */
CNN_API int64_t cnn_history_count(const cnn_history *history);
/** A series' name ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"); NULL if there is none such. */
CNN_API const char *cnn_history_name(const cnn_history *history, int64_t series);
/** A series' values, one an epoch, borrowed; NULL if there is none of that name. */
CNN_API const double *cnn_history_series(const cnn_history *history, const char *name);
/** Seconds of training of each epoch, validation aside; NaN for epochs that were loaded from a file. */
CNN_API const double *cnn_history_seconds(const cnn_history *history);

/** Epochs that the model's training state has behind it. 0 where there is none. */
CNN_API int64_t cnn_model_epochs_done(const cnn_model *model);

/**
 * One training step on one's own batch. Not during a fit.
 * @param images (count, ...) float32. @param labels (count), (count, 1) int32 or (count, n) float32.
 * @param results Receives the loss, then the metrics in compile order, of this batch; count of them at most; may be NULL.
 * @return CNN_OK, CNN_E_INVALID (also a label out of range), CNN_E_STATE, CNN_E_SHAPE, CNN_E_NOMEM.
 */
CNN_API cnn_status cnn_model_train_on_batch(cnn_model *model, const cnn_tensor *images,
                                            const cnn_tensor *labels, double *results,
                                            int64_t count);
/** The same without learning, in inference mode; the model's weights are as before. */
CNN_API cnn_status cnn_model_test_on_batch(cnn_model *model, const cnn_tensor *images,
                                           const cnn_tensor *labels, double *results,
                                           int64_t count);

/* ------------------------------------------------------------------ evaluating, predicting */

/** Number of results: the loss and the metrics. 0 before compiling. */
CNN_API int64_t cnn_model_results_count(const cnn_model *model);
/** Name of a result: "loss", "accuracy", ... */
CNN_API const char *cnn_model_results_name(const cnn_model *model, int64_t result);
/**
 * Loss and metrics over a loader's next epoch, in inference mode. An epoch that was begun is left.
 * @param results Receives the loss, then the metrics in compile order; count of them at most; may be NULL.
 * @return CNN_OK, CNN_E_INVALID, CNN_E_STATE (not compiled), CNN_E_SHAPE, CNN_E_NOMEM, or what the loader fails with.
 */
CNN_API cnn_status cnn_model_evaluate(cnn_model *model, cnn_loader *batches, double *results,
                                      int64_t count);
/**
 * Outputs for a batch, or for one image (its shape then without the count). 32 images run at a time, one
 * image by itself: the result depends on the call alone.
 * @param images float32: taken as they are; uint8: through the model's preprocessing
 *               (cnn_model_set_preprocessing(); as they are where it has none).
 * @return (count, outputs...) float32, freed by the caller; NULL: CNN_E_INVALID, CNN_E_SHAPE, CNN_E_NOMEM.
 */
CNN_API cnn_tensor *cnn_model_predict(cnn_model *model, const cnn_tensor *images);
/** Outputs for every sample of a loader's next epoch, in the loader's order, but for those that it skips as broken;
    freed by the caller. NULL: as cnn_model_predict(), or what the loader fails with. */
CNN_API cnn_tensor *cnn_model_predict_all(cnn_model *model, cnn_loader *batches);

/** The k largest of count values, largest first (the first of equal ones first, NaNs last): their places at indices, k of them. CNN_E_INVALID. */
CNN_API cnn_status cnn_top_k(const float *values, int64_t count, int64_t k, int64_t *indices);

/** How a classifier errs: counts of (true class, predicted class). Immutable. One output above 1/2 counts as class 1 of two. */
typedef struct cnn_confusion cnn_confusion;
/** Over a loader's next epoch. A label vector stands for the class where it is largest, a single float as an output
    does. NULL: as evaluate, but the model need not be compiled; CNN_E_SHAPE where labels are neither class indices
    nor vectors as wide as the output. Freed by the caller. */
CNN_API cnn_confusion *cnn_model_confusion(cnn_model *model, cnn_loader *batches);
/** Frees it. NULL is fine. */
CNN_API void cnn_confusion_free(cnn_confusion *confusion);
/** Number of classes. */
CNN_API int64_t cnn_confusion_classes(const cnn_confusion *confusion);
/** Samples of class truth that were taken for predicted; -1 for classes that are none, and for NULL. */
CNN_API int64_t cnn_confusion_at(const cnn_confusion *confusion, int64_t truth, int64_t predicted);
/** Name of a class, borrowed; never NULL for a class that is one. */
CNN_API const char *cnn_confusion_name(const cnn_confusion *confusion, int64_t index);
/** The share of samples on the diagonal. */
CNN_API double cnn_confusion_accuracy(const cnn_confusion *confusion);
/** Right among those predicted as the class; 0 where none was. */
CNN_API double cnn_confusion_precision(const cnn_confusion *confusion, int64_t index);
/** Right among those of the class; 0 where there is none. */
CNN_API double cnn_confusion_recall(const cnn_confusion *confusion, int64_t index);
/** Harmonic mean of the two; 0 where both are 0. */
CNN_API double cnn_confusion_f1(const cnn_confusion *confusion, int64_t index);

/** A plan with its arena for serving. One thread at a time; any number of them share one model. */
typedef struct cnn_predictor cnn_predictor;

/** Settings of cnn_predictor_new(). */
typedef struct cnn_predictor_options {
  size_t struct_size;     /**< sizeof(cnn_predictor_options) */
  const cnn_model *model; /**< Required. The predictor keeps what it needs of it. */
  int64_t batch_size;     /**< The most images of a run. Default 1. */
} cnn_predictor_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_predictor_options_init(cnn_predictor_options *options, size_t size);
/** Makes a predictor, with the weights as they are now. NULL: CNN_E_INVALID, CNN_E_LIMIT, CNN_E_NOMEM. */
CNN_API cnn_predictor *cnn_predictor_create(const cnn_predictor_options *options);
/** Frees it. NULL is fine. */
CNN_API void cnn_predictor_free(cnn_predictor *predictor);
/** Takes the model's weights as they are now. Not while the model trains. CNN_E_INVALID (also where the model was freed). */
CNN_API cnn_status cnn_predictor_refresh(cnn_predictor *predictor);
/**
 * Runs count images (float32, preprocessed) and writes count outputs. Allocates nothing.
 * CNN_E_INVALID (NULL, or more images than planned): the only failures.
 */
CNN_API cnn_status cnn_predictor_run(cnn_predictor *predictor, const float *images, int64_t count,
                                     float *outputs);
/** The same for 8-bit images, through the model's preprocessing. */
CNN_API cnn_status cnn_predictor_run_bytes(cnn_predictor *predictor, const uint8_t *images,
                                           int64_t count, float *outputs);

/* ------------------------------------------------------------------ files */

/**
 * Saves everything: architecture, weights, class names, preprocessing, and where the model is
 * compiled the optimizer's and the training's state. One safetensors file, written whole or not at all; equal runs write equal bytes.
 * @return CNN_OK, CNN_E_INVALID, CNN_E_NOT_FOUND (no such folder), CNN_E_IO (path and cause in the message), CNN_E_LIMIT (so many layers that the file
 * could not be loaded: docs/files.md has the limits), CNN_E_NOMEM. An old file is as it was on every failure.
 */
CNN_API cnn_status cnn_model_save(const cnn_model *model, const char *path);
/** The same without optimizer and training state: for those who predict. */
CNN_API cnn_status cnn_model_save_weights(const cnn_model *model, const char *path);
/**
 * Reads what cnn_model_save() or cnn_model_save_weights() wrote; compiled again where it was.
 * NULL: CNN_E_NOT_FOUND, CNN_E_IO, CNN_E_FORMAT (what is wrong and where), CNN_E_LIMIT, CNN_E_UNSUPPORTED (a later format),
 * CNN_E_NOMEM; and for layers, losses and optimizers that cannot be what their constructors fail with: CNN_E_INVALID, CNN_E_SHAPE.
 */
CNN_API cnn_model *cnn_model_load(const char *path);
/** Takes weights by name from a file into a model of the same architecture. CNN_E_MISMATCH names the first that differs; else as cnn_model_load() fails. The model is then as it was. */
CNN_API cnn_status cnn_model_load_weights(cnn_model *model, const char *path);
/** A line of text kept with the model under a name, in its file, too. value NULL removes it. CNN_E_INVALID, CNN_E_NOMEM. */
CNN_API cnn_status cnn_model_set_note(cnn_model *model, const char *name, const char *value);
/** That text, borrowed until it is set anew; NULL if there is none. */
CNN_API const char *cnn_model_note(const cnn_model *model, const char *name);

#ifndef __cplusplus
/** cnn_sequential_create() of the layers given. Their number is counted, so that a layer that failed is seen. */
#define cnn_sequential(...)                                                                        \
  cnn_sequential_create((cnn_layer *const[]){__VA_ARGS__},                                         \
                        sizeof((cnn_layer *const[]){__VA_ARGS__}) / sizeof(cnn_layer *))
/** cnn_graph_join() of the nodes given: cnn_graph_add(graph, cnn_add(), a, b); of none:
 * cnn_graph_add(graph, cnn_input(.shape = {32, 32, 3})). */
#define cnn_graph_add(graph, ...) CNN__GRAPH_ADD(graph, __VA_ARGS__, )
/** Of cnn_graph_add(): one node more stands at the end and is not counted, for C knows no empty arrays. */
#define CNN__GRAPH_ADD(graph, layer, ...)                                                          \
  cnn_graph_join(graph, layer, (const cnn_node[]){__VA_ARGS__ - 1},                                \
                 sizeof((const cnn_node[]){__VA_ARGS__ - 1}) / sizeof(cnn_node) - 1)
/** cnn_model_compile_with() with the model and named options. */
#define cnn_model_compile(...)                                                                     \
  cnn_model_compile_with(&(const cnn_compile_options){.struct_size = sizeof(cnn_compile_options),  \
                                                      .model = __VA_ARGS__})
/** cnn_model_fit_with() with the model, the batches and named options. */
#define cnn_model_fit(...)                                                                         \
  cnn_model_fit_with(                                                                              \
      &(const cnn_fit_options){.struct_size = sizeof(cnn_fit_options), .model = __VA_ARGS__})
/** cnn_fit_begin_with() likewise. */
#define cnn_fit_begin(...)                                                                         \
  cnn_fit_begin_with(                                                                              \
      &(const cnn_fit_options){.struct_size = sizeof(cnn_fit_options), .model = __VA_ARGS__})
/** cnn_predictor_create() with the model and named options. */
#define cnn_predictor_new(...)                                                                     \
  cnn_predictor_create(&(const cnn_predictor_options){                                             \
      .struct_size = sizeof(cnn_predictor_options), .model = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif

#endif
