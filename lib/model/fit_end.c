/* Ending a fit, wherever it stands: the callbacks are told, and all that it made is freed. */
#include "model/fit.h"

void cnn__fit_free(cnn_fit *fit) {
  cnn_context *context = fit->context;
  for (size_t i = 0; i < fit->callback_count; i++)
    cnn_callback_free(fit->callbacks[i]);
  for (size_t i = 0; fit->series.names != NULL && i < fit->series.count; i++)
    cnn__free(context, fit->series.names[i]);
  cnn__free(context, fit->series.names);
  cnn__free(context, fit->series.values);
  cnn__free(context, fit->class_weights);
  cnn_loader_free(fit->own[0]);
  cnn_loader_free(fit->own[1]);
  cnn__free(context, fit);
  cnn_context_free(context);
}

/* Tells the callbacks; what they kept goes into the training's state first, as it stood between
   two batches. */
static cnn_status tell_end(cnn_fit *fit) {
  if (fit->outcome == CNN__RUNNING) fit->outcome = CNN__INTERRUPTED;
  cnn_status collected = cnn__training_collect(fit->model);
  if (fit->outcome == CNN__FINISHED) cnn__training_settle(fit->model);
  cnn_status told = cnn__fit_call(fit, CNN__FIT_END);
  return collected != CNN_OK ? collected : told;
}

cnn_status cnn_fit_end(cnn_fit *fit) {
  if (fit == NULL) return cnn_last_status();
  cnn_model *model = fit->model;
  cnn__float_environment_enter(&fit->callers);
  if (fit->evaluation.model != NULL) cnn__evaluation_end(&fit->evaluation, NULL);
  cnn_status status = tell_end(fit);
  cnn__float_environment_leave(&fit->callers);
  if (fit->failure.status != CNN_OK) status = cnn__failure_give(&fit->failure);
  model->training->guarded = false;
  model->fit = NULL;
  cnn__fit_free(fit);
  return status;
}
