/* Compiling: how a model learns. */
#include "model/model.h"
#include "model/training.h"
#include <math.h>
#include <string.h>

void cnn__training_parts_free(cnn__training_parts *parts) {
  cnn_optimizer_free(parts->optimizer);
  cnn_loss_free(parts->loss);
  for (size_t i = 0; i < parts->metric_count; i++)
    cnn_metric_free(parts->metrics[i]);
  *parts = (cnn__training_parts){.metric_count = 0};
}

void cnn__training_free(cnn__training *training) {
  if (training == NULL) return;
  cnn_context *context = training->context;
  cnn_optimizer_free(training->optimizer);
  cnn_loss_free(training->loss);
  for (size_t i = 0; i < training->metric_count; i++)
    cnn_metric_free(training->metrics[i]);
  for (size_t i = 0; i < CNN__MAX_SLOTS; i++)
    cnn__free(context, training->slots[i]);
  cnn__free(context, training->gradients);
  cnn__free(context, training->trained);
  cnn__training_set_callback_states(training, NULL, 0);
  cnn__free(context, training);
  cnn_context_free(context);
}

/* ---- labels ---- */

static cnn_status bind(const cnn_model *model, cnn__training *training, bool by_index,
                       size_t label_width) {
  const cnn__shape *output = cnn__network_output_shape(model->network);
  cnn_status status = cnn__loss_check(training->loss, output, by_index, label_width);
  for (size_t i = 0; i < training->metric_count && status == CNN_OK; i++)
    status = cnn__metric_bind(training->metrics[i], output, by_index, label_width);
  if (status != CNN_OK) return status;
  training->by_index = by_index;
  training->label_width = label_width;
  return CNN_OK;
}

cnn_status cnn__training_bind(cnn_model *model, bool by_index, size_t label_width) {
  cnn__training *training = model->training;
  if (training->by_index == by_index && training->label_width == label_width) return CNN_OK;
  return bind(model, training, by_index, label_width);
}

/* Before any batch is seen: class indices where the loss takes them, else vectors. */
static cnn_status bind_first(const cnn_model *model, cnn__training *training) {
  const cnn__shape *output = cnn__network_output_shape(model->network);
  cnn__failure before;
  cnn__failure_take(&before);
  bool by_index = cnn__loss_check(training->loss, output, true, 1) == CNN_OK;
  cnn__failure_give(&before); /* a no is no failure of the caller's */
  return bind(model, training, by_index, by_index ? 1 : cnn__shape_product(output));
}

/* ---- making ---- */

static cnn_status allocate_arrays(const cnn_model *model, cnn__training *training) {
  cnn_context *context = training->context;
  size_t size = model->network->block_size;
  training->trained = cnn__calloc_array(context, model->network->parameter_count,
                                        sizeof *training->trained, "trained parameters");
  if (training->trained == NULL) return CNN_E_NOMEM;
  training->slot_count = cnn__optimizer_slots(training->optimizer);
  for (size_t i = 0; i < training->slot_count; i++) {
    training->slots[i] = cnn__calloc_array(context, size, sizeof(float), "an optimizer's state");
    if (training->slots[i] == NULL) return CNN_E_NOMEM;
  }
  return CNN_OK;
}

static cnn_status same_names(const char *who, const char *name) {
  return cnn__fail(CNN_E_INVALID, "%s: two results are named \"%.64s\"; give .name", who, name);
}

/* "loss" and the metrics' names, which key the history: all different. */
static cnn_status name_results(const char *who, cnn__training *training) {
  training->names[0] = "loss";
  for (size_t i = 0; i < training->metric_count; i++) {
    const char *name = cnn__metric_name(training->metrics[i]);
    for (size_t k = 0; k <= i; k++)
      if (strcmp(training->names[k], name) == 0) return same_names(who, name);
    training->names[i + 1] = name;
  }
  return CNN_OK;
}

/* Takes the parts over, whatever comes of it. */
static cnn__training *new_training(const cnn_model *model, const cnn__training_parts *parts) {
  cnn__training *training = cnn__calloc_array(model->context, 1, sizeof *training, "training");
  if (training == NULL) {
    cnn__training_parts given = *parts;
    cnn__training_parts_free(&given);
    return NULL;
  }
  training->context = cnn__context_retain(model->context);
  training->optimizer = parts->optimizer;
  training->loss = parts->loss;
  training->metric_count = parts->metric_count;
  memcpy(training->metrics, parts->metrics, sizeof training->metrics);
  training->seed = cnn__context_seed(model->context);
  training->trained_structure = UINT64_MAX;
  return training;
}

cnn_status cnn__model_compile(cnn_model *model, const char *who, const cnn__training_parts *parts) {
  cnn__training *training = new_training(model, parts);
  if (training == NULL) return CNN_E_NOMEM;
  cnn_status status = CNN_OK;
  if (model->fit != NULL)
    status = cnn__fail(CNN_E_STATE, "%s: a fit of the model is running", who);
  else if (training->optimizer == NULL)
    status = cnn__fail_null(who, "optimizer");
  else if (training->loss == NULL)
    status = cnn__fail_null(who, "loss");
  if (status == CNN_OK) status = bind_first(model, training);
  if (status == CNN_OK) status = name_results(who, training);
  if (status == CNN_OK) status = allocate_arrays(model, training);
  if (status != CNN_OK) {
    cnn__training_free(training);
    return status;
  }
  training->logits =
      cnn__loss_takes_logits(training->loss, cnn__network_last_activation(model->network));
  cnn__training_free(model->training);
  model->training = training;
  model->structure++;
  return CNN_OK;
}

/* ---- the public face ---- */

void cnn_compile_options_init(cnn_compile_options *options, size_t size) {
  cnn__options_init(options, size);
}

static size_t count_metrics(const cnn_compile_options *options) {
  size_t count = 0;
  while (count < CNN_MAX_METRICS && options->metrics[count] != NULL)
    count++;
  return count;
}

static bool is_taken(const cnn__training_parts *parts, const cnn_metric *metric) {
  size_t i = 0;
  while (i < parts->metric_count && parts->metrics[i] != metric)
    i++;
  return i < parts->metric_count;
}

/* Objects that lie behind the NULL that ends the list were given, too. One that is given twice is not to be
   freed twice. */
static cnn_status take_metrics(const char *who, const cnn_compile_options *options,
                               cnn__training_parts *parts) {
  cnn_status status = CNN_OK;
  size_t listed = count_metrics(options);
  for (size_t i = 0; i < CNN_MAX_METRICS; i++) {
    cnn_metric *metric = options->metrics[i];
    if (metric == NULL) continue;
    if (is_taken(parts, metric))
      status = same_names(who, cnn__metric_name(metric));
    else
      parts->metrics[parts->metric_count++] = metric;
  }
  if (parts->metric_count > listed) status = cnn__fail_null(who, "a metric before another");
  for (size_t i = 0; i < CNN_MAX_METRICS && options->metric_names[i] != NULL; i++) {
    cnn_metric *metric = status == CNN_OK ? cnn_metric_by_name(options->metric_names[i]) : NULL;
    if (metric == NULL) return status == CNN_OK ? cnn_last_status() : status;
    parts->metrics[parts->metric_count++] = metric;
  }
  return status;
}

static cnn_status take_by_name(const cnn_compile_options *options, cnn__training_parts *parts) {
  if (parts->optimizer == NULL && options->optimizer_name != NULL) {
    parts->optimizer = cnn_optimizer_by_name(options->optimizer_name);
    if (parts->optimizer == NULL) return cnn_last_status();
  }
  if (parts->loss == NULL && options->loss_name != NULL) {
    parts->loss = cnn_loss_by_name(options->loss_name);
    if (parts->loss == NULL) return cnn_last_status();
  }
  return CNN_OK;
}

cnn_status cnn_model_compile_with(const cnn_compile_options *options) {
  const char *who = "cnn_model_compile";
  cnn_compile_options given = {.struct_size = sizeof given};
  if (options == NULL) return cnn__fail_null(who, "options");
  cnn_status status = cnn__options_read(who, &given, sizeof given, options);
  cnn__training_parts parts = {.optimizer = given.optimizer, .loss = given.loss};
  if (status == CNN_OK && given.model == NULL) status = cnn__fail_null(who, "model");
  cnn_status taken = take_metrics(who, &given, &parts);
  if (status == CNN_OK) status = taken;
  if (status == CNN_OK) status = take_by_name(&given, &parts);
  if (status == CNN_OK) return cnn__model_compile(given.model, who, &parts);
  cnn__training_parts_free(&parts);
  return status;
}

double cnn_model_learning_rate(const cnn_model *model) {
  if (!cnn__given("cnn_model_learning_rate", "model", model)) return (double)NAN;
  return model->training == NULL ? (double)NAN : cnn__optimizer_rate(model->training->optimizer);
}

cnn_status cnn_model_set_learning_rate(cnn_model *model, double rate) {
  const char *who = "cnn_model_set_learning_rate";
  if (model == NULL) return cnn__fail_null(who, "model");
  if (!isfinite(rate) || rate < 0)
    return cnn__fail(CNN_E_INVALID, "%s: the rate is negative or not finite", who);
  if (model->training == NULL) return cnn__fail(CNN_E_STATE, "%s: the model is not compiled", who);
  return cnn__optimizer_set_rate(model->training->optimizer, rate);
}

int64_t cnn_model_results_count(const cnn_model *model) {
  const bool trains =
      cnn__given("cnn_model_results_count", "model", model) && model->training != NULL;
  return trains ? (int64_t)model->training->metric_count + 1 : 0;
}

const char *cnn_model_results_name(const cnn_model *model, int64_t result) {
  if (result < 0 || result >= cnn_model_results_count(model)) return NULL;
  return model->training->names[result];
}
