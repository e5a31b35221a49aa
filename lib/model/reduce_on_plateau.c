/* Lowers the learning rate when the monitored value no longer improves; rules as Keras's. */
#include "base/fields.h"
#include "model/model.h"
#include <float.h>
#include <inttypes.h>

typedef cnn_reduce_on_plateau_options options;

static const char who[] = "cnn_reduce_on_plateau";

typedef struct reduce_on_plateau {
  cnn_callback base;
  options settings; /* monitor NULL: it is below */
  cnn__monitor monitor;
  int64_t wait;     /* epochs since the best */
  int64_t cooldown; /* epochs still to wait */
} reduce_on_plateau;

static const cnn__field fields[] = {
    REAL(factor, 0, 1 - DBL_EPSILON, 0.1), INTEGER(patience, 0, 0x1p53, 10),
    REAL(min_delta, 0, DBL_MAX, 1e-4),     INTEGER(cooldown, 0, 0x1p53, 0),
    REAL(minimum_rate, 0, DBL_MAX, 0),     INTEGER(maximize, -1, 1, 0),
};

static cnn_status fit_begin(cnn_callback *callback, const cnn__event *event) {
  return cnn__monitor_check(&((reduce_on_plateau *)callback)->monitor, who, event);
}

static cnn_status reduce(reduce_on_plateau *self, cnn_model *model) {
  double rate = cnn__optimizer_rate(model->training->optimizer);
  if (rate <= self->settings.minimum_rate) return CNN_OK;
  rate *= self->settings.factor;
  if (rate < self->settings.minimum_rate) rate = self->settings.minimum_rate;
  self->cooldown = self->settings.cooldown;
  self->wait = 0;
  return cnn__optimizer_set_rate(model->training->optimizer, rate);
}

static cnn_status epoch_end(cnn_callback *callback, const cnn__event *event) {
  reduce_on_plateau *self = (reduce_on_plateau *)callback;
  double value = cnn__monitor_value(&self->monitor, event->info);
  if (self->cooldown > 0) {
    self->cooldown--;
    self->wait = 0;
  }
  if (cnn__monitor_improves(&self->monitor, value))
    self->wait = 0;
  else if (self->cooldown == 0 && ++self->wait >= self->settings.patience)
    return reduce(self, event->info->model);
  return CNN_OK;
}

static cnn_status save(const cnn_callback *callback, const cnn_model *model,
                       cnn__callback_state *state) {
  const reduce_on_plateau *self = (const reduce_on_plateau *)callback;
  cnn__text text;
  cnn__text_start(&text, self->base.context);
  cnn__text_format(&text, "{\"wait\":%" PRId64 ",\"cooldown\":%" PRId64 ",\"best\":", self->wait,
                   self->cooldown);
  cnn__json_write_real(&text, self->monitor.best);
  cnn__text_append(&text, "}", 1);
  return cnn__callback_state_set(state, &text);
}

static cnn_status restore(cnn_callback *callback, const cnn_model *model,
                          const cnn__callback_state *state) {
  reduce_on_plateau *self = (reduce_on_plateau *)callback;
  cnn__state_reader reader;
  cnn_status status = cnn__state_read(&reader, who, state);
  if (status != CNN_OK) return status;
  self->wait = cnn__state_integer(&reader, "wait");
  self->cooldown = cnn__state_integer(&reader, "cooldown");
  self->monitor.best = cnn__state_real(&reader, "best", self->monitor.best);
  return cnn__state_read_end(&reader);
}

static void release(cnn_callback *callback) {
  cnn__monitor_end(&((reduce_on_plateau *)callback)->monitor, callback->context);
}

static const cnn__callback_class class = {
    .name = "reduce_on_plateau",
    .size = sizeof(reduce_on_plateau),
    .on = {[CNN__FIT_BEGIN] = fit_begin, [CNN__EPOCH_END] = epoch_end},
    .save = save,
    .restore = restore,
    .release = release};

void cnn_reduce_on_plateau_options_init(cnn_reduce_on_plateau_options *given, size_t size) {
  cnn__options_init(given, size);
}

static cnn_status fill(reduce_on_plateau *self, const cnn_reduce_on_plateau_options *given) {
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

cnn_callback *cnn_reduce_on_plateau_create(const cnn_reduce_on_plateau_options *given) {
  reduce_on_plateau *self = cnn__callback_new(&class);
  if (self == NULL || fill(self, given) == CNN_OK) return (cnn_callback *)self;
  cnn_callback_free(&self->base);
  return NULL;
}
