/* Running a fit: one transition after another, so that it may pause between any two batches. */
#include "model/fit.h"
#include "base/size.h"
#include "base/threads.h"

static const char who[] = "cnn_model_fit";

/* Somebody else may have read from the loader since. */
static cnn_status place(cnn_loader *loader, int64_t epoch, int64_t batch) {
  if (cnn_loader_epoch(loader) == epoch && cnn_loader_position(loader) == batch) return CNN_OK;
  return cnn_loader_seek(loader, epoch, batch);
}

/* The fit's batches are a stream of the loader's epochs, one behind the other: with .steps an epoch of the
   fit may end in the middle of one of the loader's. */
static cnn_status place_loader(const cnn_fit *fit) {
  const cnn__training_state *state = &fit->model->training->state;
  uint64_t batches = cnn__loader_info_of(fit->batches)->batches;
  uint64_t at = state->epoch * fit->epoch_batches + state->batch;
  int64_t epoch = (int64_t)(at / batches), batch = (int64_t)(at % batches);
  if (cnn_loader_position(fit->batches) == (int64_t)batches) { /* it has still to say so */
    const cnn_tensor *none;
    cnn_status status = cnn_loader_next(fit->batches, &none, NULL);
    if (status != CNN_OK) return status;
  }
  return place(fit->batches, epoch, batch);
}

/* The batch of the epoch that the loader gives next: it passes over those whose samples are all broken. */
static uint64_t next_place(const cnn_fit *fit) {
  uint64_t batches = cnn__loader_info_of(fit->batches)->batches;
  uint64_t at = (uint64_t)cnn_loader_epoch(fit->batches) * batches +
                (uint64_t)cnn_loader_position(fit->batches);
  return cnn__size_min(at - fit->model->training->state.epoch * fit->epoch_batches,
                       fit->epoch_batches);
}

/* Ends the fit where it stands if somebody has asked for it. */
static void check_stop(cnn_fit *fit) {
  if (fit->finish) {
    fit->outcome = CNN__FINISHED;
    fit->phase = CNN__PHASE_DONE;
  } else if (atomic_load(&fit->model->stop)) {
    fit->outcome = CNN__INTERRUPTED;
    fit->phase = CNN__PHASE_DONE;
  }
}

static void update_running_means(cnn_fit *fit) {
  const cnn__training *training = fit->model->training;
  const cnn__training_state *state = &training->state;
  double *values = fit->series.values;
  values[0] = state->samples > 0 ? state->loss_sum / state->samples : 0;
  for (size_t i = 0; i < training->metric_count; i++)
    values[i + 1] = cnn__metric_value(training->metrics[i]);
  fit->info.names_count = (int64_t)fit->series.training;
}

static cnn_status begin_epoch(cnn_fit *fit) {
  cnn__training_state *state = &fit->model->training->state;
  if (state->epoch >= fit->epochs) fit->finish = true;
  check_stop(fit);
  if (fit->phase == CNN__PHASE_DONE) return CNN_OK;
  fit->phase = CNN__PHASE_VALIDATION; /* all batches were done when the fit was stopped */
  if (state->batch < fit->epoch_batches) fit->phase = CNN__PHASE_TRAIN;
  if (state->batch == 0)
    fit->info.names_count = 0;
  else
    update_running_means(fit);
  return cnn__fit_call(fit, CNN__EPOCH_BEGIN);
}

/* The next batch; with .steps the loader's epochs follow each other. images NULL: the epoch is over. */
static cnn_status next_batch(cnn_fit *fit, const cnn_tensor **images, const cnn_tensor **labels) {
  cnn_status status = place_loader(fit);
  if (status == CNN_OK) status = cnn_loader_next(fit->batches, images, labels);
  if (status != CNN_OK || *images != NULL || !fit->by_steps) return status;
  return cnn_loader_next(fit->batches, images, labels);
}

/* Means over nothing would be taken for the best that there are. */
static cnn_status check_samples(const char *what, double samples) {
  if (samples > 0) return CNN_OK;
  return cnn__fail(CNN_E_INVALID, "%s: %s gave no samples in a whole epoch: all are broken", who,
                   what);
}

/* Reads and learns one batch; *learned false where the loader's epoch was over. */
static cnn_status learn_batch(cnn_fit *fit, bool *learned) {
  cnn__training_state *state = &fit->model->training->state;
  const cnn_tensor *images, *labels;
  cnn__fed_batch batch;
  double loss, begin = cnn__now();
  cnn_status status = next_batch(fit, &images, &labels);
  *learned = status == CNN_OK && images != NULL;
  if (!*learned) return status;
  status = cnn__fed_batch_read(fit->model, who, images, labels, &batch);
  batch.class_weights = fit->class_weights;
  batch.classes = fit->classes;
  if (status == CNN_OK)
    status =
        cnn__train_step(fit->model, &batch, cnn__loader_info_of(fit->batches)->batch_size, &loss);
  if (status != CNN_OK) return status;
  state->loss_sum += loss * (double)batch.images;
  state->samples += (double)batch.images;
  state->batch = next_place(fit);
  state->seconds += cnn__now() - begin;
  return CNN_OK;
}

static cnn_status train(cnn_fit *fit) {
  cnn__training_state *state = &fit->model->training->state;
  bool learned = false;
  cnn_status status = cnn__fit_call(fit, CNN__BATCH_BEGIN);
  if (status == CNN_OK) status = learn_batch(fit, &learned);
  if (status != CNN_OK) return status;
  if (!learned) { /* it left broken samples out */
    status = check_samples("batches", state->samples);
    state->batch = fit->epoch_batches;
  }
  if (status != CNN_OK) return status;
  update_running_means(fit);
  if (learned) status = cnn__fit_call(fit, CNN__BATCH_END);
  if (status != CNN_OK) return status;
  if (state->batch >= fit->epoch_batches) fit->phase = CNN__PHASE_VALIDATION;
  check_stop(fit);
  return CNN_OK;
}

static void begin_validation(cnn_fit *fit) {
  fit->phase = CNN__PHASE_EPOCH_END;
  if (fit->validation == NULL) return;
  fit->phase = CNN__PHASE_VALIDATE;
  fit->validated = 0;
  cnn__evaluation_begin(&fit->evaluation, fit->model, fit->validation);
}

/* Keyed by the fit's epoch, as the training batches are: a resumed fit validates on the same. */
static cnn_status validate(cnn_fit *fit) {
  int64_t batches = cnn_loader_batches(fit->validation);
  bool done;
  cnn_status status =
      place(fit->validation, (int64_t)fit->model->training->state.epoch, fit->validated);
  if (status == CNN_OK) status = cnn__evaluation_step(&fit->evaluation, who, &done);
  if (status == CNN_OK && !done && cnn_loader_position(fit->validation) == batches)
    status = cnn__evaluation_step(&fit->evaluation, who, &done); /* it has still to say so */
  if (status != CNN_OK) return status;
  fit->validated = cnn_loader_position(fit->validation);
  if (done) {
    status = check_samples("validation", fit->evaluation.samples);
    cnn__evaluation_end(&fit->evaluation, fit->series.values + fit->series.training);
    fit->phase = CNN__PHASE_EPOCH_END;
  } else
    check_stop(fit);
  return status;
}

/* The state says that the epoch is over before callbacks are told: they may save it. */
static cnn_status end_epoch(cnn_fit *fit) {
  cnn__training *training = fit->model->training;
  cnn__training_state *state = &training->state;
  double *values = fit->series.values;
  update_running_means(fit);
  values[fit->series.watched] = state->learning_rate;
  cnn_status status = cnn__history_append(fit->model->history, values, state->seconds);
  if (status != CNN_OK) return status;
  fit->info.seconds = state->seconds;
  fit->info.names_count = (int64_t)fit->series.watched;
  state->epoch++;
  state->batch = 0;
  state->loss_sum = state->samples = state->seconds = 0;
  for (size_t i = 0; i < training->metric_count; i++)
    cnn__metric_reset(training->metrics[i]);
  fit->phase = CNN__PHASE_EPOCH;
  status = cnn__fit_call(fit, CNN__EPOCH_END);
  if (status == CNN_OK && state->epoch < fit->epochs) check_stop(fit);
  return status;
}

static cnn_status advance(cnn_fit *fit) {
  switch (fit->phase) {
  case CNN__PHASE_EPOCH:
    return begin_epoch(fit);
  case CNN__PHASE_TRAIN:
    return train(fit);
  case CNN__PHASE_VALIDATION:
    begin_validation(fit);
    return CNN_OK;
  case CNN__PHASE_VALIDATE:
    return validate(fit);
  case CNN__PHASE_EPOCH_END:
    return end_epoch(fit);
  case CNN__PHASE_DONE:
    break;
  }
  return CNN_OK;
}

/* ---- the public face ---- */

static bool is_batch(cnn__phase phase) {
  return phase == CNN__PHASE_TRAIN || phase == CNN__PHASE_VALIDATE;
}

/* Up to so many batches or so much time; what follows the last batch of an epoch belongs to it. */
static cnn_status run_slice(cnn_fit *fit, int64_t batches, double seconds) {
  double end = cnn__now() + seconds;
  int64_t done = 0;
  while (fit->phase != CNN__PHASE_DONE) {
    bool spent =
        done > 0 && ((batches > 0 && done >= batches) || (seconds > 0 && cnn__now() >= end));
    bool trailing =
        fit->phase == CNN__PHASE_EPOCH_END ||
        (fit->phase == CNN__PHASE_VALIDATION && fit->validation == NULL) ||
        (fit->phase == CNN__PHASE_EPOCH && fit->model->training->state.epoch >= fit->epochs);
    if (spent && !trailing) return CNN_OK;
    done += is_batch(fit->phase);
    cnn_status status = advance(fit);
    if (status != CNN_OK) return status;
  }
  return CNN_OK;
}

static cnn_status fail(cnn_fit *fit, cnn_status status) {
  cnn__failure_take(&fit->failure);
  fit->failure.status = status;
  fit->outcome = CNN__FAILED;
  fit->phase = CNN__PHASE_DONE;
  return status;
}

cnn_status cnn_fit_run(cnn_fit *fit, int64_t batches, double seconds, int64_t *done) {
  if (done != NULL) *done = fit == NULL || fit->phase == CNN__PHASE_DONE;
  if (fit == NULL) return cnn__fail_null("cnn_fit_run", "fit");
  if (batches < 0 || !(seconds >= 0))
    return cnn__fail(CNN_E_INVALID, "cnn_fit_run: batches or seconds is negative");
  if (fit->failure.status != CNN_OK) return cnn__failure_give(&fit->failure);
  cnn__float_environment_enter(&fit->callers);
  cnn_status status = run_slice(fit, batches, seconds);
  cnn__float_environment_leave(&fit->callers);
  if (status != CNN_OK) status = fail(fit, status);
  if (done != NULL) *done = fit->phase == CNN__PHASE_DONE;
  return status;
}

cnn_status cnn_model_fit_with(const cnn_fit_options *options) {
  cnn_fit *fit = cnn_fit_begin_with(options);
  if (fit == NULL) return cnn_last_status();
  (void)cnn_fit_run(fit, 0, 0, NULL); /* its failure is what the fit comes to */
  return cnn_fit_end(fit);
}

const cnn_history *cnn_model_history(const cnn_model *model) {
  return cnn__given("cnn_model_history", "model", model) ? model->history : NULL;
}

int64_t cnn_model_epochs_done(const cnn_model *model) {
  const bool trains =
      cnn__given("cnn_model_epochs_done", "model", model) && model->training != NULL;
  return trains ? (int64_t)model->training->state.epoch : 0;
}
