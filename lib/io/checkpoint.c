/* The callback that saves the model after epochs. */
#include "base/fields.h"
#include "base/file.h"
#include "base/number.h"
#include "model/model.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef cnn_checkpoint_options options;

static const cnn__field fields[] = {
    FLAG(best_only),
    FLAG(weights_only),
    INTEGER(maximize, -1, 1, 0),
};
enum { FIELDS = sizeof fields / sizeof *fields };

typedef struct checkpoint {
  cnn_callback base;
  char *path;
  bool best_only, weights_only;
  cnn__monitor monitor;
} checkpoint;

/* The path's next "{epoch}" or "{epoch:0Nd}", N a digit; end: behind it; digits: at least so many. NULL: there is none. */
static const char *next_place(const char *path, const char **end, int *digits) {
  static const char name[] = "{epoch";
  for (const char *at = path; (at = strstr(at, name)); at++) {
    const char *after = at + sizeof name - 1;
    *digits = 1;
    if (strncmp(after, ":0", 2) == 0 && after[2] >= '1' && after[2] <= '9' && after[3] == 'd') {
      *digits = after[2] - '0';
      after += 4;
    }
    *end = after + 1;
    if (*after == '}') return at;
  }
  return NULL;
}

/* Writes the path with the epoch's number, from 1, in each such place. */
static cnn_status write_path(const checkpoint *self, int64_t epoch, cnn__text *path) {
  const char *rest = self->path, *end;
  int digits;
  cnn__text_start(path, self->base.context);
  for (const char *at; (at = next_place(rest, &end, &digits)); rest = end) {
    cnn__text_append(path, rest, (size_t)(at - rest));
    cnn__text_format(path, "%0*" PRId64, digits, epoch);
  }
  cnn__text_append(path, rest, strlen(rest));
  return path->status;
}

static cnn_status fit_begin(cnn_callback *callback, const cnn__event *event) {
  checkpoint *self = (checkpoint *)(void *)callback;
  if (!self->best_only) return CNN_OK;
  if (!event->resumed) cnn__monitor_reset(&self->monitor);
  return cnn__monitor_check(&self->monitor, "model_checkpoint", event);
}

static cnn_status epoch_end(cnn_callback *callback, const cnn__event *event) {
  checkpoint *self = (checkpoint *)(void *)callback;
  const cnn_fit_info *info = event->info;
  if (self->best_only &&
      !cnn__monitor_improves(&self->monitor, cnn__monitor_value(&self->monitor, info)))
    return CNN_OK;
  cnn__text path;
  cnn_status status = write_path(self, info->epoch + 1, &path);
  if (status == CNN_OK)
    status = self->weights_only ? cnn_model_save_weights(info->model, path.bytes)
                                : cnn_model_save(info->model, path.bytes);
  cnn__text_free(&path);
  return status;
}

/* Only the best value so far outlives a fit. It is a text, since JSON has no infinity. */
static cnn_status save(const cnn_callback *callback, const cnn_model *model,
                       cnn__callback_state *state) {
  const checkpoint *self = (const checkpoint *)(const void *)callback;
  cnn__text text;
  char best[64];
  cnn__text_start(&text, callback->context);
  cnn__number_shortest(best, sizeof best, self->monitor.best, false);
  if (isinf(self->monitor.best))
    cnn__text_format(&text, "{}");
  else
    cnn__text_format(&text, "{\"best\":%s}", best);
  return cnn__callback_state_set(state, &text);
}

static cnn_status restore(cnn_callback *callback, const cnn_model *model,
                          const cnn__callback_state *state) {
  checkpoint *self = (checkpoint *)(void *)callback;
  cnn__json *root = NULL;
  const char *text = state->json ? state->json : "{}";
  cnn_status status =
      cnn__json_parse(callback->context, "model_checkpoint's state", text, strlen(text), &root);
  if (status) return status;
  cnn__monitor_reset(&self->monitor);
  const cnn__json *best = root->type == CNN__JSON_OBJECT ? cnn__json_get(root, "best") : NULL;
  if (best && !cnn__json_number(best, &self->monitor.best))
    status = cnn__fail(CNN_E_FORMAT, "model_checkpoint's state: best is no number");
  cnn__json_free(callback->context, root);
  return status;
}

static void release(cnn_callback *callback) {
  checkpoint *self = (checkpoint *)(void *)callback;
  cnn__monitor_end(&self->monitor, callback->context);
  cnn__free(callback->context, self->path);
}

static const cnn__callback_class class = {
    .name = "model_checkpoint",
    .size = sizeof(checkpoint),
    .last = true,
    .on = {[CNN__FIT_BEGIN] = fit_begin, [CNN__EPOCH_END] = epoch_end},
    .save = save,
    .restore = restore,
    .release = release};

void cnn_checkpoint_options_init(cnn_checkpoint_options *given, size_t size) {
  cnn__options_init(given, size);
}

cnn_callback *cnn_model_checkpoint_create(const cnn_checkpoint_options *given) {
  options settings = {.struct_size = sizeof settings};
  if (cnn__options_read("model_checkpoint", &settings, sizeof settings, given) ||
      cnn__settings_complete("model_checkpoint", fields, FIELDS, &settings))
    return NULL;
  if (!settings.path || !*settings.path) {
    cnn__fail(CNN_E_INVALID, "model_checkpoint: path is required");
    return NULL;
  }
  checkpoint *self = cnn__callback_new(&class);
  if (!self) return NULL;
  self->path = cnn__strdup(self->base.context, settings.path);
  self->best_only = settings.best_only;
  self->weights_only = settings.weights_only;
  if (self->path && !cnn__monitor_start(&self->monitor, self->base.context, "model_checkpoint",
                                        settings.monitor, settings.maximize, 0))
    return &self->base;
  cnn_callback_free(&self->base);
  return NULL;
}
