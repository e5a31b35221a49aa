/* How a classifier errs: a count for each pair of a true and a predicted class. */
#include "base/float_environment.h"
#include "base/size.h"
#include "model/outputs.h"
#include "tensor/tensor.h"
#include <inttypes.h>
#include <stdio.h>

struct cnn_confusion {
  cnn_context *context;
  size_t classes;
  uint64_t *counts; /* classes x classes: rows are the true ones */
  char **names;
};

void cnn_confusion_free(cnn_confusion *confusion) {
  if (confusion == NULL) return;
  cnn_context *context = confusion->context;
  for (size_t i = 0; confusion->names != NULL && i < confusion->classes; i++)
    cnn__free(context, confusion->names[i]);
  cnn__free(context, confusion->names);
  cnn__free(context, confusion->counts);
  cnn__free(context, confusion);
  cnn_context_free(context);
}

/* ---- counting ---- */

/* The class that a row of outputs, or a label vector, stands for. One number tells two apart. */
static size_t class_of(const float *row, size_t width) {
  size_t best = 0;
  if (width == 1) return row[0] > 0.5f;
  for (size_t i = 1; i < width; i++)
    if (row[i] > row[best]) best = i;
  return best;
}

static cnn_status true_class(const cnn_tensor *labels, size_t row, size_t width, size_t classes,
                             size_t *class) {
  if (labels->dtype != CNN_INT32) {
    *class = class_of((const float *)labels->data + row * width, width);
    return CNN_OK;
  }
  int32_t label = ((const int32_t *)labels->data)[row];
  if (label < 0 || (size_t)label >= classes)
    return cnn__fail(CNN_E_INVALID,
                     "cnn_model_confusion: the label of sample %zu of a batch is %" PRId32
                     "; the model has classes 0 to %zu",
                     row, label, classes - 1);
  *class = (size_t)label;
  return CNN_OK;
}

static cnn_status count_batch(cnn_confusion *confusion, const cnn_tensor *labels,
                              const float *outputs, size_t images, size_t width) {
  for (size_t row = 0; row < images; row++) {
    size_t truth = 0, predicted = class_of(outputs + row * width, width);
    cnn_status status = true_class(labels, row, width, confusion->classes, &truth);
    if (status != CNN_OK) return status;
    confusion->counts[truth * confusion->classes + predicted]++;
  }
  return CNN_OK;
}

static cnn_status count_all(cnn_confusion *confusion, cnn_model *model, cnn_loader *batches) {
  cnn__outputs batch;
  cnn_status status = cnn__outputs_start(&batch, model, batches, "cnn_model_confusion");
  if (status == CNN_OK) status = cnn__outputs_next(&batch);
  while (status == CNN_OK && batch.count > 0) {
    status = count_batch(confusion, batch.labels, batch.values, batch.count, batch.width);
    if (status == CNN_OK) status = cnn__outputs_next(&batch);
  }
  cnn__outputs_end(&batch);
  return status;
}

/* ---- making ---- */

static cnn_status check_labels(const cnn_model *model, const char *who, const cnn_loader *batches,
                               size_t *width) {
  cnn_status status = cnn__outputs_check(model, who, batches);
  if (status != CNN_OK) return status;
  const cnn__loader_info *info = cnn__loader_info_of(batches);
  *width = cnn__shape_product(cnn__network_output_shape(model->network));
  if (info->labels == CNN__LABELS_INDEX) return CNN_OK;
  if (info->labels == CNN__LABELS_VECTOR && info->label_width == *width) return CNN_OK;
  return cnn__fail(CNN_E_SHAPE, "%s: the loader's labels name none of the model's %zu classes", who,
                   *width);
}

static char *copy_name(const cnn_confusion *confusion, const cnn_model *model,
                       const cnn_dataset *dataset, size_t class) {
  const char *name = class < model->class_count ? model->class_names[class] : NULL;
  if (name == NULL) name = cnn_dataset_class_name(dataset, (int64_t) class);
  return name != NULL ? cnn__strdup(confusion->context, name)
                      : cnn__format(confusion->context, "%zu", class);
}

static cnn_status fill(cnn_confusion *confusion, cnn_model *model, cnn_loader *batches) {
  size_t cells, classes = confusion->classes;
  if (!cnn__size_mul(classes, classes, &cells))
    return cnn__fail(CNN_E_LIMIT, "cnn_model_confusion: %zu classes exceed memory", classes);
  confusion->counts =
      cnn__calloc_array(confusion->context, cells, sizeof *confusion->counts, "a confusion matrix");
  confusion->names = cnn__calloc_array(confusion->context, classes, sizeof *confusion->names,
                                       "a confusion matrix");
  if (confusion->counts == NULL || confusion->names == NULL) return CNN_E_NOMEM;
  for (size_t i = 0; i < classes; i++) {
    confusion->names[i] = copy_name(confusion, model, cnn_loader_dataset(batches), i);
    if (confusion->names[i] == NULL) return CNN_E_NOMEM;
  }
  cnn__float_environment callers;
  cnn__float_environment_enter(&callers);
  cnn_status status = count_all(confusion, model, batches);
  cnn__float_environment_leave(&callers);
  return status;
}

cnn_confusion *cnn_model_confusion(cnn_model *model, cnn_loader *batches) {
  const char *who = "cnn_model_confusion";
  size_t width = 0;
  cnn_status status = check_labels(model, who, batches, &width);
  if (status == CNN_OK) status = cnn__loader_rewind(batches);
  if (status != CNN_OK) return NULL;
  cnn_context *context;
  cnn_confusion *confusion = cnn__object_new(sizeof *confusion, "a confusion matrix", &context);
  if (confusion == NULL) return NULL;
  confusion->context = context;
  confusion->classes = width == 1 ? 2 : width;
  if (fill(confusion, model, batches) == CNN_OK) return confusion;
  cnn_confusion_free(confusion);
  return NULL;
}

/* ---- asking ---- */

static bool has_class(const char *who, const cnn_confusion *confusion, int64_t index) {
  return cnn__given(who, "confusion", confusion) && index >= 0 &&
         (uint64_t)index < confusion->classes;
}

static uint64_t count_at(const cnn_confusion *confusion, size_t truth, size_t predicted) {
  return confusion->counts[truth * confusion->classes + predicted];
}

int64_t cnn_confusion_classes(const cnn_confusion *confusion) {
  return cnn__given("cnn_confusion_classes", "confusion", confusion) ? (int64_t)confusion->classes
                                                                     : 0;
}

int64_t cnn_confusion_at(const cnn_confusion *confusion, int64_t truth, int64_t predicted) {
  const char *who = "cnn_confusion_at";
  if (!has_class(who, confusion, truth) || !has_class(who, confusion, predicted)) return -1;
  return (int64_t)count_at(confusion, (size_t)truth, (size_t)predicted);
}

const char *cnn_confusion_name(const cnn_confusion *confusion, int64_t index) {
  return has_class("cnn_confusion_name", confusion, index) ? confusion->names[index] : NULL;
}

static double ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : (double)part / (double)whole;
}

double cnn_confusion_accuracy(const cnn_confusion *confusion) {
  uint64_t right = 0, all = 0;
  for (size_t i = 0; has_class("cnn_confusion_accuracy", confusion, (int64_t)i); i++) {
    right += count_at(confusion, i, i);
    for (size_t k = 0; k < confusion->classes; k++)
      all += count_at(confusion, i, k);
  }
  return ratio(right, all);
}

double cnn_confusion_precision(const cnn_confusion *confusion, int64_t index) {
  uint64_t all = 0;
  if (!has_class("cnn_confusion_precision", confusion, index)) return 0;
  for (size_t i = 0; i < confusion->classes; i++)
    all += count_at(confusion, i, (size_t)index);
  return ratio(count_at(confusion, (size_t)index, (size_t)index), all);
}

double cnn_confusion_recall(const cnn_confusion *confusion, int64_t index) {
  uint64_t all = 0;
  if (!has_class("cnn_confusion_recall", confusion, index)) return 0;
  for (size_t i = 0; i < confusion->classes; i++)
    all += count_at(confusion, (size_t)index, i);
  return ratio(count_at(confusion, (size_t)index, (size_t)index), all);
}

double cnn_confusion_f1(const cnn_confusion *confusion, int64_t index) {
  double precision = cnn_confusion_precision(confusion, index);
  double recall = cnn_confusion_recall(confusion, index);
  return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0;
}
