/* Loss and metrics over batches. */
#include "base/size.h"
#include "model/fit.h"
#include "tensor/tensor.h"
#include <string.h>

static void keep_metrics(const cnn__training *training, double (*kept)[2]) {
  for (size_t i = 0; i < training->metric_count; i++) {
    cnn__metric_state(training->metrics[i], kept[i]);
    cnn__metric_reset(training->metrics[i]);
  }
}

static void put_metrics_back(const cnn__training *training, double (*kept)[2]) {
  for (size_t i = 0; i < training->metric_count; i++)
    cnn__metric_restore(training->metrics[i], kept[i]);
}

void cnn__evaluation_begin(cnn__evaluation *evaluation, cnn_model *model, cnn_loader *loader) {
  *evaluation = (cnn__evaluation){.model = model, .loader = loader};
  keep_metrics(model->training, evaluation->kept);
}

/* The loader's next batch. */
static cnn_status look_once(cnn__evaluation *evaluation, const char *who, cnn__fed_batch *batch,
                            double *loss) {
  const cnn_tensor *images, *labels;
  size_t planned = cnn__loader_info_of(evaluation->loader)->batch_size;
  cnn_status status = cnn_loader_next(evaluation->loader, &images, &labels);
  batch->images = 0;
  if (status != CNN_OK || images == NULL) return status;
  status = cnn__fed_batch_read(evaluation->model, who, images, labels, batch);
  return status == CNN_OK ? cnn__test_step(evaluation->model, batch, planned, loss) : status;
}

/* The next batch in all its views: loss and metrics of the mean outputs. */
static cnn_status look_often(cnn__evaluation *evaluation, const char *who, cnn__fed_batch *batch,
                             double *loss) {
  cnn_model *model = evaluation->model;
  cnn__outputs *outputs = &evaluation->outputs;
  cnn_status status = CNN_OK;
  batch->images = 0;
  if (outputs->model == NULL) {
    status = cnn__outputs_check(model, who, evaluation->loader);
    if (status == CNN_OK) status = cnn__outputs_start(outputs, model, evaluation->loader, who);
  }
  if (status == CNN_OK) status = cnn__outputs_next(outputs);
  if (status != CNN_OK || outputs->count == 0) return status;
  status = cnn__fed_batch_read(model, who, outputs->images, outputs->labels, batch);
  size_t planned = cnn__loader_info_of(evaluation->loader)->batch_size;
  return status == CNN_OK ? cnn__test_outputs(model, batch, planned, outputs->values, loss)
                          : status;
}

cnn_status cnn__evaluation_step(cnn__evaluation *evaluation, const char *who, bool *done) {
  cnn__fed_batch batch;
  double loss;
  cnn_status status = cnn__loader_info_of(evaluation->loader)->views > 1
                          ? look_often(evaluation, who, &batch, &loss)
                          : look_once(evaluation, who, &batch, &loss);
  *done = status == CNN_OK && batch.images == 0;
  if (status != CNN_OK || *done) return status;
  evaluation->loss_sum += loss * (double)batch.images;
  evaluation->samples += (double)batch.images;
  return CNN_OK;
}

void cnn__evaluation_end(cnn__evaluation *evaluation, double *results) {
  cnn__training *training = evaluation->model->training;
  if (results != NULL) {
    results[0] = evaluation->samples > 0 ? evaluation->loss_sum / evaluation->samples : 0;
    for (size_t i = 0; i < training->metric_count; i++)
      results[i + 1] = cnn__metric_value(training->metrics[i]);
  }
  put_metrics_back(training, evaluation->kept);
  cnn__outputs_end(&evaluation->outputs);
  evaluation->model = NULL;
}

void cnn__training_metric_state(const cnn_model *model, size_t metric, double state[2]) {
  const cnn__evaluation *evaluation = model->fit == NULL ? NULL : &model->fit->evaluation;
  if (evaluation != NULL && evaluation->model != NULL)
    memcpy(state, evaluation->kept[metric], sizeof evaluation->kept[metric]);
  else
    cnn__metric_state(model->training->metrics[metric], state);
}

/* ---- the public face ---- */

/* The first of count results, where the caller wants them. */
static void hand_out(const double *from, size_t have, double *results, int64_t count) {
  for (size_t i = 0; results != NULL && i < have && (int64_t)i < count; i++)
    results[i] = from[i];
}

static cnn_status check(const char *who, const cnn_model *model, int64_t count) {
  if (model == NULL) return cnn__fail_null(who, "model");
  if (count < 0) return cnn__fail(CNN_E_INVALID, "%s: %lld results", who, (long long)count);
  if (model->training == NULL) return cnn__fail(CNN_E_STATE, "%s: the model is not compiled", who);
  return CNN_OK;
}

cnn_status cnn_model_evaluate(cnn_model *model, cnn_loader *batches, double *results,
                              int64_t count) {
  const char *who = "cnn_model_evaluate";
  cnn_status status = check(who, model, count);
  if (status == CNN_OK && batches == NULL) status = cnn__fail_null(who, "batches");
  if (status == CNN_OK && cnn__loader_info_of(batches)->labels == CNN__LABELS_NONE)
    status = cnn__fail(CNN_E_SHAPE, "%s: batches has no labels", who);
  if (status == CNN_OK) status = cnn__loader_rewind(batches);
  if (status != CNN_OK) return status;
  double all[2 * CNN_MAX_METRICS + 1];
  cnn__evaluation evaluation;
  cnn__float_environment callers;
  cnn__float_environment_enter(&callers);
  cnn__evaluation_begin(&evaluation, model, batches);
  for (bool done = false; status == CNN_OK && !done;)
    status = cnn__evaluation_step(&evaluation, who, &done);
  double samples = evaluation.samples;
  cnn__evaluation_end(&evaluation, all);
  cnn__float_environment_leave(&callers);
  if (status == CNN_OK && samples == 0)
    status = cnn__fail(CNN_E_INVALID, "%s: the loader gave no samples", who);
  if (status == CNN_OK) hand_out(all, model->training->metric_count + 1, results, count);
  return status;
}

/* So many images as the plan at hand is for, or more: the caller's batches may vary. */
static size_t planned_for(const cnn_model *model, cnn__mode mode, size_t images) {
  const cnn__plan *plan = model->plans[mode];
  return plan == NULL ? images : cnn__size_max(images, plan->request.batch);
}

static cnn_status run_on_batch(const char *who, cnn_model *model, cnn__mode mode,
                               const cnn_tensor *images, const cnn_tensor *labels, double *results,
                               int64_t count) {
  cnn_status status = check(who, model, count);
  if (status != CNN_OK) return status;
  if (model->fit != NULL && mode == CNN__MODE_TRAIN)
    return cnn__fail(CNN_E_STATE, "%s: a fit of the model is running", who);
  cnn__fed_batch batch;
  status = cnn__fed_batch_read(model, who, images, labels, &batch);
  if (status != CNN_OK) return status;
  double kept[2 * CNN_MAX_METRICS][2], all[2 * CNN_MAX_METRICS + 1];
  size_t planned = planned_for(model, mode, batch.images);
  cnn__float_environment callers;
  cnn__float_environment_enter(&callers);
  keep_metrics(model->training, kept);
  status = mode == CNN__MODE_TRAIN ? cnn__train_step(model, &batch, planned, &all[0])
                                   : cnn__test_step(model, &batch, planned, &all[0]);
  for (size_t i = 0; i < model->training->metric_count; i++)
    all[i + 1] = cnn__metric_value(model->training->metrics[i]);
  put_metrics_back(model->training, kept);
  cnn__float_environment_leave(&callers);
  if (status == CNN_OK) hand_out(all, model->training->metric_count + 1, results, count);
  return status;
}

cnn_status cnn_model_train_on_batch(cnn_model *model, const cnn_tensor *images,
                                    const cnn_tensor *labels, double *results, int64_t count) {
  return run_on_batch("cnn_model_train_on_batch", model, CNN__MODE_TRAIN, images, labels, results,
                      count);
}

cnn_status cnn_model_test_on_batch(cnn_model *model, const cnn_tensor *images,
                                   const cnn_tensor *labels, double *results, int64_t count) {
  return run_on_batch("cnn_model_test_on_batch", model, CNN__MODE_TEST, images, labels, results,
                      count);
}
