/* Outputs of a loader's samples: of each batch, or the mean over the views that the loader gives of it. */
#include "model/outputs.h"
#include "base/size.h"
#include "model/predict.h"
#include "tensor/tensor.h"
#include <string.h>

cnn_status cnn__outputs_start(cnn__outputs *outputs, cnn_model *model, cnn_loader *loader,
                              const char *who) {
  const cnn__loader_info *info = cnn__loader_info_of(loader);
  *outputs = (cnn__outputs){.model = model,
                            .loader = loader,
                            .who = who,
                            .width = cnn__shape_product(cnn__network_output_shape(model->network))};
  size_t count;
  if (!cnn__size_mul(info->batch_size, outputs->width, &count))
    return cnn__fail(CNN_E_LIMIT, "%s: the outputs of %zu images exceed memory", who,
                     info->batch_size);
  outputs->values = cnn__alloc_array(model->context, count, sizeof(float), "outputs");
  if (outputs->values != NULL && info->views > 1)
    outputs->view = cnn__alloc_array(model->context, count, sizeof(float), "outputs");
  return outputs->values == NULL || (info->views > 1 && outputs->view == NULL) ? CNN_E_NOMEM
                                                                               : CNN_OK;
}

void cnn__outputs_end(cnn__outputs *outputs) {
  if (outputs->model == NULL) return;
  cnn__free(outputs->model->context, outputs->values);
  cnn__free(outputs->model->context, outputs->view);
  *outputs = (cnn__outputs){0};
}

/* The batch that the loader gives next, run into to. */
static cnn_status run_view(cnn__outputs *outputs, float *to) {
  size_t planned = cnn__loader_info_of(outputs->loader)->batch_size;
  cnn_status status = cnn_loader_next(outputs->loader, &outputs->images, &outputs->labels);
  if (status != CNN_OK || outputs->images == NULL) return status;
  return cnn__predict(outputs->model, CNN__MODE_PREDICT, planned, outputs->images->shape.dim[0],
                      outputs->images->data, to);
}

/* A loader goes on to the next batch where all of a view's samples are broken. */
static bool is_view(const cnn__outputs *outputs, size_t view) {
  const size_t views = cnn__loader_info_of(outputs->loader)->views;
  return outputs->images != NULL &&
         ((size_t)cnn_loader_position(outputs->loader) - 1) % views == view;
}

/* A file that could be decoded for one view and not for another. */
static cnn_status unlike(const cnn__outputs *outputs, size_t first, size_t then) {
  return cnn__fail(CNN_E_IO, "%s: the loader gave %zu samples of a batch, then %zu", outputs->who,
                   first, then);
}

/* Adds the other views to the first one's outputs. */
static cnn_status average(cnn__outputs *outputs, size_t views) {
  const size_t samples = outputs->count, count = samples * outputs->width;
  for (size_t view = 1; view < views; view++) {
    cnn_status status = run_view(outputs, outputs->view);
    if (status != CNN_OK) return status;
    const size_t now = is_view(outputs, view) ? outputs->images->shape.dim[0] : 0;
    if (now != samples) return unlike(outputs, samples, now);
    for (size_t i = 0; i < count; i++)
      outputs->values[i] += outputs->view[i];
  }
  for (size_t i = 0; i < count; i++)
    outputs->values[i] /= (float)views;
  return CNN_OK;
}

cnn_status cnn__outputs_next(cnn__outputs *outputs) {
  const size_t views = cnn__loader_info_of(outputs->loader)->views;
  outputs->count = 0;
  cnn_status status = run_view(outputs, outputs->values);
  if (status != CNN_OK || outputs->images == NULL) return status;
  const size_t samples = outputs->images->shape.dim[0];
  if (!is_view(outputs, 0)) return unlike(outputs, 0, samples);
  outputs->count = samples;
  return views > 1 ? average(outputs, views) : CNN_OK;
}

cnn_status cnn__loader_rewind(cnn_loader *loader) {
  if (cnn_loader_position(loader) == 0) return CNN_OK;
  return cnn_loader_seek(loader, cnn_loader_epoch(loader) + 1, 0);
}

cnn_status cnn__outputs_check(const cnn_model *model, const char *who, const cnn_loader *loader) {
  if (model == NULL) return cnn__fail_null(who, "model");
  if (loader == NULL) return cnn__fail_null(who, "batches");
  const cnn__shape *input = cnn__network_input_shape(model->network);
  const cnn__shape *sample = &cnn__loader_info_of(loader)->sample;
  if (cnn__shape_equal(sample, input)) return CNN_OK;
  char given[CNN__SHAPE_TEXT], own[CNN__SHAPE_TEXT];
  return cnn__fail(CNN_E_SHAPE, "%s: the loader has images of %s; the model takes %s", who,
                   cnn__shape_text(sample, given), cnn__shape_text(input, own));
}

/* Fills outputs with as many samples as come, at most so many as it has room for. */
static cnn_status predict_batches(cnn_model *model, cnn_loader *batches, const char *who,
                                  cnn_tensor *outputs, size_t *done) {
  size_t room = outputs->shape.dim[0];
  cnn__outputs batch;
  cnn_status status = cnn__outputs_start(&batch, model, batches, who);
  if (status == CNN_OK) status = cnn__outputs_next(&batch);
  while (status == CNN_OK && batch.count > 0) {
    size_t now = cnn__size_min(batch.count, room - *done);
    memcpy((float *)outputs->data + *done * batch.width, batch.values,
           now * batch.width * sizeof(float));
    *done += now;
    status = cnn__outputs_next(&batch);
  }
  cnn__outputs_end(&batch);
  return status;
}

cnn_tensor *cnn_model_predict_all(cnn_model *model, cnn_loader *batches) {
  const char *who = "cnn_model_predict_all";
  cnn_status status = cnn__outputs_check(model, who, batches);
  if (status == CNN_OK) status = cnn__loader_rewind(batches);
  cnn_tensor *outputs =
      status == CNN_OK ? cnn__prediction_new(model, cnn__loader_info_of(batches)->samples) : NULL;
  if (outputs == NULL) return NULL;
  size_t done = 0;
  cnn__float_environment callers;
  cnn__float_environment_enter(&callers);
  status = predict_batches(model, batches, who, outputs, &done);
  cnn__float_environment_leave(&callers);
  if (status == CNN_OK && done == outputs->shape.dim[0]) return outputs;
  /* Samples that could not be decoded were left out. */
  cnn_tensor *fewer = status == CNN_OK ? cnn_tensor_slice(outputs, 0, (int64_t)done) : NULL;
  cnn_tensor_free(outputs);
  return fewer;
}
