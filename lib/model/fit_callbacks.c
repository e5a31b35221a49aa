/* What a fit tells its callbacks, moment by moment. */
#include "model/fit.h"

/* The user's own code runs in the user's own floating-point environment. */
static cnn_status call_one(cnn_fit *fit, cnn_callback *callback, const cnn__event *event) {
  const cnn__callback_class *class = callback->class;
  if (class->on[event->moment] == NULL) return CNN_OK;
  if (!class->foreign) return class->on[event->moment](callback, event);
  cnn__float_environment_leave(&fit->callers);
  cnn_status status = class->on[event->moment](callback, event);
  cnn__float_environment_enter(&fit->callers);
  return status;
}

cnn_status cnn__fit_call(cnn_fit *fit, cnn__moment moment) {
  const cnn__training_state *state = &fit->model->training->state;
  cnn__event event = {.moment = moment,
                      .info = &fit->info,
                      .fit = fit,
                      .outcome = moment == CNN__FIT_END ? fit->outcome : CNN__RUNNING,
                      .resumed = fit->resumed,
                      .series = fit->series.watched,
                      .series_names = (const char *const *)fit->series.names};
  bool epoch_is_over = moment == CNN__EPOCH_END;
  fit->info.epoch = (int64_t)state->epoch - epoch_is_over;
  fit->info.batch = (int64_t)(epoch_is_over ? fit->epoch_batches : state->batch);
  fit->info.learning_rate = state->learning_rate;
  if (!epoch_is_over) fit->info.seconds = state->seconds;
  cnn_status first = CNN_OK;
  size_t count = moment == CNN__FIT_END ? fit->begun : fit->callback_count;
  for (size_t i = 0; i < count; i++) {
    cnn_status status = call_one(fit, fit->callbacks[i], &event);
    if (moment == CNN__FIT_BEGIN) fit->begun = i + 1;
    if (first == CNN_OK) first = status;
    if (first != CNN_OK && moment != CNN__FIT_END) break;
  }
  return first;
}

void cnn__fit_finish(cnn_fit *fit) {
  fit->finish = true;
}
