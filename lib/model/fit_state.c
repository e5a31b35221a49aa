/* Where a fit begins: a training's state taken up, with its callbacks', or begun anew. */
#include "base/size.h"
#include "model/fit.h"
#include <inttypes.h>
#include <string.h>

static const char who[] = "cnn_model_fit";

static cnn__loader_identity identify(const cnn_fit *fit) {
  const cnn__loader_info *info = cnn__loader_info_of(fit->batches);
  return (cnn__loader_identity){.samples = info->samples,
                                .batch_size = info->batch_size,
                                .seed = info->seed,
                                .batches = fit->epoch_batches,
                                .shuffle = info->shuffle,
                                .drop_last = info->drop_last,
                                .augments = info->augments,
                                .fingerprint = info->fingerprint};
}

static cnn_status check_identity(const cnn__loader_identity *was, const cnn__loader_identity *is) {
  const struct {
    const char *name;
    uint64_t was, is;
  } parts[] = {{"samples", was->samples, is->samples},
               {"batch_size", was->batch_size, is->batch_size},
               {"seed", was->seed, is->seed},
               {"batches of an epoch", was->batches, is->batches},
               {"shuffle", was->shuffle, is->shuffle},
               {"drop_last", was->drop_last, is->drop_last},
               {"augmentation", was->augments, is->augments}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (parts[i].was != parts[i].is)
      return cnn__fail(CNN_E_MISMATCH,
                       "%s: resume: the loader's %s is %" PRIu64
                       ", but the training began with %" PRIu64,
                       who, parts[i].name, parts[i].is, parts[i].was);
  if (was->fingerprint != is->fingerprint)
    return cnn__fail(CNN_E_MISMATCH,
                     "%s: resume: the loader's transforms, their settings or its preprocessing are "
                     "not those that the training began with",
                     who);
  return CNN_OK;
}

static cnn_status resume(cnn_fit *fit) {
  const cnn__training_state *state = &fit->model->training->state;
  const cnn_history *history = fit->model->history;
  cnn__loader_identity identity = identify(fit);
  cnn_status status = check_identity(&state->loader, &identity);
  if (status != CNN_OK) return status;
  if (!cnn__history_has(history, (const char *const *)fit->series.names, fit->series.count) ||
      history->epochs != state->epoch)
    return cnn__fail(CNN_E_MISMATCH,
                     "%s: resume: the training had other metrics or another kind of validation",
                     who);
  fit->resumed = true;
  return CNN_OK;
}

static cnn_status start_anew(cnn_fit *fit) {
  cnn__training *training = fit->model->training;
  cnn_history *history =
      cnn__history_new(fit->context, (const char *const *)fit->series.names, fit->series.count);
  if (history == NULL) return CNN_E_NOMEM;
  cnn__history_free(fit->model->history);
  fit->model->history = history;
  cnn__training_set_callback_states(training, NULL, 0);
  training->state =
      (cnn__training_state){.started = true,
                            .loader = identify(fit),
                            .learning_rate = cnn__optimizer_rate(training->optimizer)};
  for (size_t i = 0; i < training->metric_count; i++)
    cnn__metric_reset(training->metrics[i]);
  return CNN_OK;
}

/* Each state goes to the first callback of its kind that has none yet. */
static cnn_status restore_callbacks(cnn_fit *fit) {
  const cnn__training *training = fit->model->training;
  bool taken[CNN_MAX_CALLBACKS + 1] = {false};
  for (size_t s = 0; s < training->callback_state_count; s++) {
    const cnn__callback_state *state = &training->callback_states[s];
    for (size_t i = 0; i < fit->callback_count; i++) {
      cnn_callback *callback = fit->callbacks[i];
      if (taken[i] || callback->class->restore == NULL ||
          strcmp(callback->class->name, state->callback) != 0)
        continue;
      taken[i] = true;
      cnn_status status = callback->class->restore(callback, fit->model, state);
      if (status != CNN_OK) return status;
      break;
    }
  }
  return CNN_OK;
}

cnn_status cnn__fit_take_state(cnn_fit *fit, bool wants_resume) {
  enum { FORESEEN = 1024 }; /* epochs for which the history has room from the start */
  cnn_status status =
      wants_resume && fit->model->training->state.started ? resume(fit) : start_anew(fit);
  if (status != CNN_OK) return status;
  status = cnn__history_reserve(fit->model->history, cnn__size_min(fit->epochs, FORESEEN));
  return status == CNN_OK && fit->resumed ? restore_callbacks(fit) : status;
}
