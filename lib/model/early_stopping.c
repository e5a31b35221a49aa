/* Stops when the monitored value no longer improves (Prechelt, 1998); rules as Keras's. */
#include "base/fields.h"
#include "model/model.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef cnn_early_stopping_options options;

static const char who[] = "cnn_early_stopping";

typedef struct early_stopping {
  cnn_callback base;
  options settings; /* monitor NULL: it is below */
  cnn__monitor monitor;
  int64_t wait; /* epochs since the best */
  bool stopped;
  bool has_best;
  float *best; /* a block of weights, with restore_best_weights */
} early_stopping;

static const cnn__field fields[] = {
    REAL(min_delta, 0, DBL_MAX, 0),
    INTEGER(patience, 0, 0x1p53, 0),
    INTEGER(maximize, -1, 1, 0),
    FLAG(restore_best_weights),
    INTEGER(start_from_epoch, 0, 0x1p53, 0),
};

/* ---- the rule ---- */

static cnn_status reserve(early_stopping *self, const cnn_model *model) {
  if (!self->settings.restore_best_weights || self->best != NULL) return CNN_OK;
  self->best = cnn__calloc_array(self->base.context, model->network->block_size, sizeof *self->best,
                                 "the best weights");
  return self->best == NULL ? CNN_E_NOMEM : CNN_OK;
}

static cnn_status fit_begin(cnn_callback *callback, const cnn__event *event) {
  early_stopping *self = (early_stopping *)callback;
  cnn_status status = cnn__monitor_check(&self->monitor, who, event);
  if (status == CNN_OK) status = reserve(self, event->info->model);
  if (status == CNN_OK && self->stopped)
    cnn__fit_finish(event->fit); /* a resumed fit had stopped */
  return status;
}

static void keep_weights(early_stopping *self, const cnn_model *model) {
  if (self->best == NULL) return;
  memcpy(self->best, model->weights, model->network->block_size * sizeof *self->best);
  self->has_best = true;
}

static cnn_status epoch_end(cnn_callback *callback, const cnn__event *event) {
  early_stopping *self = (early_stopping *)callback;
  const cnn_fit_info *info = event->info;
  double value = cnn__monitor_value(&self->monitor, info);
  if (info->epoch < self->settings.start_from_epoch) return CNN_OK;
  if (!self->has_best) keep_weights(self, info->model); /* some weights, should none improve */
  self->wait++;
  if (cnn__monitor_improves(&self->monitor, value)) {
    keep_weights(self, info->model);
    self->wait = 0;
    return CNN_OK;
  }
  if (self->wait < self->settings.patience || info->epoch == 0) return CNN_OK;
  self->stopped = true;
  cnn__fit_finish(event->fit);
  return CNN_OK;
}

/* A fit that was interrupted keeps its last weights: it may be resumed. */
static cnn_status fit_end(cnn_callback *callback, const cnn__event *event) {
  const early_stopping *self = (const early_stopping *)callback;
  cnn_model *model = event->info->model;
  if (event->outcome != CNN__FINISHED || !self->has_best) return CNN_OK;
  memcpy(model->weights, self->best, model->network->block_size * sizeof *self->best);
  model->version++;
  return CNN_OK;
}

/* ---- the state ---- */

static cnn_status save_weights(const early_stopping *self, const cnn_model *model,
                               cnn__callback_state *state) {
  const cnn__network *network = model->network;
  for (size_t i = 0; i < network->parameter_count && self->has_best; i++) {
    float *values;
    cnn_status status = cnn__callback_state_add(state, network->parameters[i].name,
                                                network->parameters[i].count, &values);
    if (status != CNN_OK) return status;
    memcpy(values, self->best + network->parameters[i].offset,
           network->parameters[i].count * sizeof *values);
  }
  return CNN_OK;
}

static cnn_status save(const cnn_callback *callback, const cnn_model *model,
                       cnn__callback_state *state) {
  const early_stopping *self = (const early_stopping *)callback;
  cnn__text text;
  cnn__text_start(&text, self->base.context);
  cnn__text_format(&text, "{\"wait\":%" PRId64 ",\"stopped\":%s,\"best\":", self->wait,
                   self->stopped ? "true" : "false");
  cnn__json_write_real(&text, self->monitor.best);
  cnn__text_append(&text, "}", 1);
  cnn_status status = cnn__callback_state_set(state, &text);
  return status == CNN_OK ? save_weights(self, model, state) : status;
}

static cnn_status restore_weights(early_stopping *self, const cnn_model *model,
                                  const cnn__callback_state *state) {
  const cnn__network *network = model->network;
  if (!self->settings.restore_best_weights || state->array_count == 0) return CNN_OK;
  cnn_status status = reserve(self, model);
  for (size_t i = 0; i < network->parameter_count && status == CNN_OK; i++) {
    const cnn__parameter *parameter = &network->parameters[i];
    const cnn__state_array *array = cnn__callback_state_find(state, parameter->name);
    if (array == NULL || array->count != parameter->count)
      return cnn__fail(CNN_E_FORMAT, "%s: the state's best weights lack %s", who, parameter->name);
    memcpy(self->best + parameter->offset, array->values, array->count * sizeof *array->values);
  }
  self->has_best = status == CNN_OK;
  return status;
}

static cnn_status restore(cnn_callback *callback, const cnn_model *model,
                          const cnn__callback_state *state) {
  early_stopping *self = (early_stopping *)callback;
  cnn__state_reader reader;
  cnn_status status = cnn__state_read(&reader, who, state);
  if (status != CNN_OK) return status;
  self->wait = cnn__state_integer(&reader, "wait");
  self->stopped = cnn__state_flag(&reader, "stopped");
  self->monitor.best = cnn__state_real(&reader, "best", self->monitor.best);
  status = cnn__state_read_end(&reader);
  return status == CNN_OK ? restore_weights(self, model, state) : status;
}

/* ---- making ---- */

static void release(cnn_callback *callback) {
  early_stopping *self = (early_stopping *)callback;
  cnn__monitor_end(&self->monitor, self->base.context);
  cnn__free(self->base.context, self->best);
}

static const cnn__callback_class class = {
    .name = "early_stopping",
    .size = sizeof(early_stopping),
    .on = {[CNN__FIT_BEGIN] = fit_begin, [CNN__EPOCH_END] = epoch_end, [CNN__FIT_END] = fit_end},
    .save = save,
    .restore = restore,
    .release = release};

void cnn_early_stopping_options_init(cnn_early_stopping_options *given, size_t size) {
  cnn__options_init(given, size);
}

static cnn_status fill(early_stopping *self, const cnn_early_stopping_options *given) {
  options *settings = &self->settings;
  cnn_status status = cnn__options_read(who, settings, sizeof *settings, given);
  if (status == CNN_OK)
    status = cnn__settings_complete(who, fields, sizeof fields / sizeof *fields, settings);
  if (status == CNN_OK)
    status = cnn__monitor_start(&self->monitor, self->base.context, who, settings->monitor,
                                settings->maximize, settings->min_delta);
  settings->monitor = NULL;
  return status;
}

cnn_callback *cnn_early_stopping_create(const cnn_early_stopping_options *given) {
  early_stopping *self = cnn__callback_new(&class);
  if (self == NULL || fill(self, given) == CNN_OK) return (cnn_callback *)self;
  cnn_callback_free(&self->base);
  return NULL;
}
