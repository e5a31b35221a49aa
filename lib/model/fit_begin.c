/* Beginning a fit: options checked, loaders and series settled. */
#include "base/size.h"
#include "model/fit.h"
#include <float.h>
#include <inttypes.h>
#include <string.h>

static const char who[] = "cnn_model_fit";

void cnn_fit_options_init(cnn_fit_options *options, size_t size) {
  cnn__options_init(options, size);
}

/* ---- callbacks ---- */

/* Those given, each once: progress first, so that its line is whole when others print; then those
   of the list; then those that save what the others have settled. */
static size_t list_callbacks(const cnn_fit_options *options,
                             cnn_callback *list[CNN_MAX_CALLBACKS + 1]) {
  cnn_callback *given[CNN_MAX_CALLBACKS + 1] = {options->progress};
  size_t count = 0;
  memcpy(given + 1, options->callbacks, sizeof options->callbacks);
  for (int last = 0; last < 2; last++)
    for (size_t i = 0; i < CNN_MAX_CALLBACKS + 1; i++) {
      bool listed = given[i] == NULL || given[i]->class->last != (last != 0);
      for (size_t k = 0; k < count && !listed; k++)
        listed = list[k] == given[i];
      if (!listed) list[count++] = given[i];
    }
  return count;
}

/* The list ends at its first NULL: a callback behind one means that a constructor failed. */
static cnn_status check_callbacks(const cnn_fit_options *options) {
  for (size_t i = 1; i < CNN_MAX_CALLBACKS; i++)
    if (options->callbacks[i - 1] == NULL && options->callbacks[i] != NULL)
      return cnn__fail_null(who, "a callback before another");
  return CNN_OK;
}

/* ---- options ---- */

static cnn_status check_model(const cnn_model *model) {
  if (model == NULL) return cnn__fail_null(who, "model");
  if (model->training == NULL) return cnn__fail(CNN_E_STATE, "%s: the model is not compiled", who);
  if (model->fit != NULL)
    return cnn__fail(CNN_E_STATE, "%s: another fit of the model is running", who);
  return CNN_OK;
}

static cnn_status check_numbers(const cnn_fit_options *options) {
  if (options->epochs < 0)
    return cnn__fail(CNN_E_INVALID, "%s: epochs is %" PRId64, who, options->epochs);
  if (options->steps < 0)
    return cnn__fail(CNN_E_INVALID, "%s: steps is %" PRId64, who, options->steps);
  if (!(options->validation_split >= 0 && options->validation_split < 1))
    return cnn__fail(CNN_E_INVALID, "%s: validation_split is not in [0, 1)", who);
  if (options->validation_split > 0 && options->validation != NULL)
    return cnn__fail(CNN_E_INVALID, "%s: give validation or validation_split, not both", who);
  if (options->resume != 0 && options->resume != 1)
    return cnn__fail(CNN_E_INVALID, "%s: resume is %" PRId64 "; it must be 0 or 1", who,
                     options->resume);
  return CNN_OK;
}

static cnn_status check_class_weights(const cnn_fit_options *options) {
  const double *weights = options->class_weights;
  size_t outputs = cnn__shape_product(cnn__network_output_shape(options->model->network));
  size_t classes = outputs == 1 ? 2 : outputs;
  if (weights == NULL && options->classes == 0) return CNN_OK;
  if (weights == NULL) return cnn__fail_null(who, "class_weights");
  if (options->classes < 0 || (uint64_t)options->classes != classes)
    return cnn__fail(CNN_E_INVALID, "%s: %" PRId64 " class weights; the model has %zu classes", who,
                     options->classes, classes);
  for (size_t i = 0; i < classes; i++)
    if (!(weights[i] >= 0 && weights[i] <= (double)FLT_MAX)) /* the loss weighs in float */
      return cnn__fail(CNN_E_INVALID, "%s: class weight %zu is negative or not finite", who, i);
  return CNN_OK;
}

static cnn_status check_options(const cnn_fit_options *options) {
  cnn_status status = check_model(options->model);
  if (status == CNN_OK && options->batches == NULL) status = cnn__fail_null(who, "batches");
  if (status == CNN_OK) status = check_numbers(options);
  if (status == CNN_OK) status = check_class_weights(options);
  if (status == CNN_OK) status = check_callbacks(options);
  return status;
}

static cnn_status take_numbers(cnn_fit *fit, const cnn_fit_options *options) {
  fit->epochs = options->epochs == 0 ? 1 : (size_t)options->epochs;
  if (options->class_weights == NULL) return CNN_OK;
  fit->classes = (size_t)options->classes;
  fit->class_weights =
      cnn__alloc_array(fit->context, fit->classes, sizeof *fit->class_weights, "class weights");
  if (fit->class_weights == NULL) return CNN_E_NOMEM;
  memcpy(fit->class_weights, options->class_weights, fit->classes * sizeof *fit->class_weights);
  return CNN_OK;
}

/* ---- loaders ---- */

static cnn_status check_loader(const cnn_fit *fit, const char *what, const cnn_loader *loader) {
  const cnn__loader_info *info = cnn__loader_info_of(loader);
  const cnn__shape *input = cnn__network_input_shape(fit->model->network);
  char given[CNN__SHAPE_TEXT], own[CNN__SHAPE_TEXT];
  if (!cnn__shape_equal(&info->sample, input))
    return cnn__fail(CNN_E_SHAPE, "%s: %s has images of %s; the model takes %s", who, what,
                     cnn__shape_text(&info->sample, given), cnn__shape_text(input, own));
  if (info->labels == CNN__LABELS_NONE)
    return cnn__fail(CNN_E_SHAPE, "%s: %s has no labels", who, what);
  if (info->batches == 0)
    return cnn__fail(CNN_E_INVALID, "%s: %s has no batches (%zu samples in batches of %zu)", who,
                     what, info->samples, info->batch_size);
  return cnn__training_bind(fit->model, info->labels == CNN__LABELS_INDEX, info->label_width);
}

/* Holds back the tail of the dataset, as Keras does: the head has floor(n * (1 - share)). */
static cnn_status split_loader(cnn_fit *fit, double share) {
  int64_t count = cnn_dataset_count(cnn_loader_dataset(fit->batches));
  size_t all = (size_t)count, head = (size_t)((double)count * (1 - share));
  if (head == 0 || head >= all)
    return cnn__fail(CNN_E_INVALID, "%s: validation_split leaves %zu of %zu samples to train on",
                     who, head, all);
  fit->own[0] = cnn__loader_part(fit->batches, 0, head, true);
  if (fit->own[0] == NULL) return cnn_last_status();
  fit->own[1] = cnn__loader_part(fit->batches, head, all - head, false);
  if (fit->own[1] == NULL) return cnn_last_status();
  fit->batches = fit->own[0];
  fit->validation = fit->own[1];
  return CNN_OK;
}

static cnn_status take_loaders(cnn_fit *fit, const cnn_fit_options *options) {
  cnn_status status = CNN_OK;
  fit->batches = options->batches;
  fit->validation = options->validation;
  if (options->validation_split > 0) status = split_loader(fit, options->validation_split);
  if (status == CNN_OK && fit->validation != NULL)
    status = check_loader(fit, "validation", fit->validation);
  if (status == CNN_OK) status = check_loader(fit, "batches", fit->batches);
  if (status != CNN_OK) return status;
  fit->by_steps = options->steps > 0;
  fit->epoch_batches =
      fit->by_steps ? (size_t)options->steps : cnn__loader_info_of(fit->batches)->batches;
  return CNN_OK;
}

/* What predicting will need, where nobody has said otherwise. */
static cnn_status adopt(cnn_fit *fit) {
  cnn_model *model = fit->model;
  const cnn__loader_info *info = cnn__loader_info_of(fit->batches);
  const cnn_dataset *dataset = cnn_loader_dataset(fit->batches);
  cnn_status status = CNN_OK;
  if (!model->preprocesses && cnn_dataset_dtype(dataset) == CNN_UINT8)
    status = cnn__model_set_preprocessing(model, &info->preprocessing);
  size_t outputs = cnn__model_classes(model);
  bool named = info->classes > 1 && info->classes == (outputs == 1 ? 2 : outputs);
  if (status != CNN_OK || !named || model->class_count > 0) return status;
  const char **names = cnn__alloc_array(fit->context, info->classes, sizeof *names, "class names");
  if (names == NULL) return CNN_E_NOMEM;
  for (size_t i = 0; i < info->classes; i++) {
    names[i] = cnn_dataset_class_name(dataset, (int64_t)i);
    named = named && names[i] != NULL;
  }
  if (named) status = cnn__model_set_class_names(model, names, info->classes);
  cnn__free(fit->context, names);
  return status;
}

/* ---- series ---- */

static cnn_status name_series(cnn_fit *fit) {
  const cnn__training *training = fit->model->training;
  cnn__fit_series *series = &fit->series;
  series->training = training->metric_count + 1;
  series->watched = fit->validation == NULL ? series->training : 2 * series->training;
  size_t count = series->watched + 1;
  series->names = cnn__calloc_array(fit->context, count, sizeof *series->names, "a fit's series");
  series->values = cnn__calloc_array(fit->context, count, sizeof *series->values, "a fit's series");
  if (series->names == NULL || series->values == NULL) return CNN_E_NOMEM;
  for (; series->count < count; series->count++) {
    size_t i = series->count;
    char **name = &series->names[i];
    if (i < series->training)
      *name = cnn__strdup(fit->context, training->names[i]);
    else if (i < series->watched)
      *name = cnn__format(fit->context, "val_%s", training->names[i - series->training]);
    else
      *name = cnn__strdup(fit->context, "learning_rate");
    if (*name == NULL) return CNN_E_NOMEM;
  }
  return CNN_OK;
}

/* ---- making ---- */

/* All that can be made before the first batch, so that no batch needs memory. */
static cnn_status make_plans(cnn_fit *fit) {
  cnn__plan *plan;
  cnn_status status = cnn__model_plan(fit->model, CNN__MODE_TRAIN,
                                      cnn__loader_info_of(fit->batches)->batch_size, &plan);
  if (fit->validation == NULL) return status;
  const cnn__loader_info *info = cnn__loader_info_of(fit->validation);
  if (status == CNN_OK)
    status = cnn__model_plan(fit->model, CNN__MODE_TEST, info->batch_size, &plan);
  if (status == CNN_OK && info->views > 1)
    status = cnn__model_plan(fit->model, CNN__MODE_PREDICT, info->batch_size, &plan);
  return status;
}

static cnn_status make(cnn_fit *fit, const cnn_fit_options *options) {
  cnn_status status = take_numbers(fit, options);
  if (status == CNN_OK) status = take_loaders(fit, options);
  if (status == CNN_OK) status = name_series(fit);
  if (status == CNN_OK) status = make_plans(fit);
  if (status == CNN_OK) status = adopt(fit);
  if (status == CNN_OK) status = cnn__fit_take_state(fit, options->resume != 0);
  return status;
}

static void start_info(cnn_fit *fit) {
  fit->info = (cnn_fit_info){.struct_size = sizeof fit->info,
                             .model = fit->model,
                             .epochs = (int64_t)fit->epochs,
                             .batches = (int64_t)fit->epoch_batches,
                             .names = (const char *const *)fit->series.names,
                             .values = fit->series.values};
}

/* From here on the model has a fit. */
static cnn_status begin(cnn_fit *fit) {
  fit->model->fit = fit;
  atomic_store(&fit->model->stop, 0);
  for (size_t i = 0; i < fit->callback_count; i++)
    if (fit->callbacks[i]->class->guards) fit->model->training->guarded = true;
  start_info(fit);
  return cnn__fit_call(fit, CNN__FIT_BEGIN);
}

cnn_fit *cnn_fit_begin_with(const cnn_fit_options *options) {
  cnn_fit_options given = {.struct_size = sizeof given};
  cnn_status status = options == NULL ? cnn__fail_null(who, "options")
                                      : cnn__options_read(who, &given, sizeof given, options);
  if (status == CNN_OK) status = check_options(&given);
  cnn_fit *fit = NULL;
  if (status == CNN_OK) fit = cnn__calloc_array(given.model->context, 1, sizeof *fit, "a fit");
  if (fit == NULL) {
    cnn_callback *callbacks[CNN_MAX_CALLBACKS + 1] = {NULL};
    size_t count = list_callbacks(&given, callbacks);
    for (size_t i = 0; i < count; i++)
      cnn_callback_free(callbacks[i]);
    return NULL;
  }
  fit->context = cnn__context_retain(given.model->context);
  fit->model = given.model;
  fit->callback_count = list_callbacks(&given, fit->callbacks);
  cnn__float_environment_enter(&fit->callers);
  status = make(fit, &given);
  if (status == CNN_OK) status = begin(fit);
  cnn__float_environment_leave(&fit->callers);
  if (status == CNN_OK) return fit;
  if (fit->model->fit == fit) {
    cnn__failure_take(&fit->failure);
    fit->outcome = CNN__FAILED;
    cnn_fit_end(fit); /* the callbacks that have begun are told */
  } else
    cnn__fit_free(fit);
  return NULL;
}
