#include "data/dataset.h"
#include "base/size.h"
#include "ops/image.h"
#include <stdio.h>
#include <string.h>

enum { NUMBER_NAME = 24 }; /* bytes of a class's number as text */

cnn_status cnn__buffer_reserve(cnn_context *context, cnn__buffer *buffer, size_t size,
                               const char *what) {
  if (size <= buffer->capacity) return CNN_OK;
  void *bytes = cnn__alloc(context, size, what);
  if (!bytes) return CNN_E_NOMEM;
  cnn__free(context, buffer->bytes);
  *buffer = (cnn__buffer){.bytes = bytes, .capacity = size};
  return CNN_OK;
}

void cnn__sample_release(cnn__sample *sample) {
  cnn__free(sample->context, sample->decoded.bytes);
  cnn__free(sample->context, sample->file.bytes);
  cnn_tensor_free(sample->tensor);
  if (sample->decoder) sample->release_decoder(sample->decoder);
  *sample = (cnn__sample){.context = sample->context};
}

/* ---- making and ending ---- */

cnn_dataset *cnn__dataset_new(const cnn__dataset_class *class, size_t state_size) {
  cnn_context *context;
  cnn_dataset *dataset = cnn__object_new(sizeof *dataset + state_size, "a dataset", &context);
  if (!dataset) return NULL;
  dataset->class = class;
  dataset->context = context;
  dataset->state = dataset + 1;
  dataset->dtype = CNN_UINT8;
  atomic_init(&dataset->references, 1);
  return dataset;
}

cnn_dataset *cnn__dataset_retain(const cnn_dataset *dataset) {
  cnn_dataset *counted = (cnn_dataset *)(uintptr_t)dataset; /* the count alone changes */
  atomic_fetch_add_explicit(&counted->references, 1, memory_order_relaxed);
  return counted;
}

void cnn_dataset_free(cnn_dataset *dataset) {
  if (!dataset || atomic_fetch_sub_explicit(&dataset->references, 1, memory_order_acq_rel) != 1)
    return;
  cnn_context *context = dataset->context;
  dataset->class->destroy(dataset);
  if (dataset->class_names)
    for (size_t i = 0; i < dataset->classes; i++)
      cnn__free(context, dataset->class_names[i]);
  cnn__free(context, dataset->class_names);
  cnn__free(context, dataset->number_names);
  cnn__free(context, dataset);
  cnn_context_free(context);
}

cnn_dataset *cnn__dataset_abandon(cnn_dataset *dataset) {
  cnn_dataset_free(dataset);
  return NULL;
}

void cnn__dataset_set_shape(cnn_dataset *dataset, const cnn__shape *shape) {
  dataset->shape = *shape;
  cnn__shape_show(shape, dataset->dims);
}

cnn_status cnn__dataset_set_classes(cnn_dataset *dataset, size_t classes,
                                    const char *const *names) {
  if (classes > INT32_MAX)
    return cnn__fail(CNN_E_LIMIT, "dataset: %zu classes exceed %d", classes, INT32_MAX);
  if (names) {
    dataset->class_names =
        cnn__calloc_array(dataset->context, classes, sizeof *dataset->class_names, "class names");
    if (!dataset->class_names) return CNN_E_NOMEM;
    dataset->classes = classes;
    for (size_t i = 0; i < classes; i++) {
      if (!names[i]) return cnn__fail(CNN_E_INVALID, "dataset: class_names[%zu] is NULL", i);
      dataset->class_names[i] = cnn__strdup(dataset->context, names[i]);
      if (!dataset->class_names[i]) return CNN_E_NOMEM;
    }
    return CNN_OK;
  }
  dataset->classes = classes;
  dataset->number_names = cnn__calloc_array(dataset->context, classes, NUMBER_NAME, "class names");
  if (!dataset->number_names) return CNN_E_NOMEM;
  for (size_t i = 0; i < classes; i++)
    snprintf(dataset->number_names + i * NUMBER_NAME, NUMBER_NAME, "%zu", i);
  return CNN_OK;
}

cnn_status cnn__dataset_describe_like(cnn_dataset *dataset, const cnn_dataset *base) {
  dataset->dtype = base->dtype;
  dataset->labelled = base->labelled;
  dataset->label_width = base->label_width;
  dataset->memory = base->memory;
  dataset->skips_broken = base->skips_broken;
  cnn__dataset_set_shape(dataset, &base->shape);
  if (base->classes == 0) return CNN_OK;
  return cnn__dataset_set_classes(dataset, base->classes, (const char *const *)base->class_names);
}

/* ---- asking ---- */

int64_t cnn_dataset_count(const cnn_dataset *dataset) {
  return dataset ? (int64_t)dataset->count : 0;
}
int64_t cnn_dataset_rank(const cnn_dataset *dataset) {
  return dataset ? (int64_t)dataset->shape.rank : 0;
}
const int64_t *cnn_dataset_shape(const cnn_dataset *dataset) {
  return dataset ? dataset->dims : NULL;
}
cnn_dtype cnn_dataset_dtype(const cnn_dataset *dataset) {
  return dataset ? dataset->dtype : CNN_UINT8;
}
int64_t cnn_dataset_classes(const cnn_dataset *dataset) {
  return dataset ? (int64_t)dataset->classes : 0;
}
int64_t cnn_dataset_label_width(const cnn_dataset *dataset) {
  return dataset ? (int64_t)dataset->label_width : 0;
}
int64_t cnn_dataset_skipped(const cnn_dataset *dataset) {
  return dataset && dataset->class->skipped ? dataset->class->skipped(dataset) : 0;
}

const char *cnn_dataset_class_name(const cnn_dataset *dataset, int64_t index) {
  if (!dataset || index < 0 || (uint64_t)index >= dataset->classes) return NULL;
  return dataset->class_names ? dataset->class_names[index]
                              : dataset->number_names + index * NUMBER_NAME;
}

/* ---- fetching ---- */

bool cnn__dataset_broken(cnn_status status) {
  return status == CNN_E_FORMAT || status == CNN_E_LIMIT || status == CNN_E_UNSUPPORTED;
}

void cnn__dataset_read(const cnn_dataset *dataset, size_t i, cnn__file *file) {
  file->there = false;
  if (dataset->class->read) dataset->class->read(dataset, i, file);
}

cnn_status cnn__dataset_image(const cnn_dataset *dataset, size_t i, cnn__sample *sample) {
  cnn_tensor_free(sample->tensor);
  sample->tensor = NULL;
  sample->pixels = NULL;
  sample->slack = false;
  return dataset->class->image(dataset, i, sample);
}

cnn_status cnn__dataset_label(const cnn_dataset *dataset, size_t i, int32_t *index, float *vector) {
  int32_t unused = -1;
  if (!index) index = &unused;
  *index = -1;
  if (!dataset->labelled || (dataset->label_width && !vector)) return CNN_OK;
  return dataset->class->label(dataset, i, index, vector);
}

cnn_status cnn_dataset_fetch(const cnn_dataset *dataset, int64_t i, cnn_tensor **image,
                             int32_t *index, float *vector) {
  if (!dataset) return cnn__fail_null("cnn_dataset_fetch", "dataset");
  if (i < 0 || (uint64_t)i >= dataset->count)
    return cnn__fail(CNN_E_INVALID, "cnn_dataset_fetch: sample %lld is not in [0, %zu)",
                     (long long)i, dataset->count);
  cnn_tensor *made = NULL;
  if (image) {
    cnn__sample sample = {.context = dataset->context};
    cnn_status status = cnn__dataset_image(dataset, (size_t)i, &sample);
    if (status == CNN_OK) {
      made = cnn__tensor_new(dataset->context, dataset->dtype, &sample.shape);
      if (made)
        memcpy(made->data, sample.pixels, made->bytes);
      else
        status = CNN_E_NOMEM;
    }
    cnn__sample_release(&sample);
    if (status != CNN_OK) return status;
  }
  const cnn_status status = cnn__dataset_label(dataset, (size_t)i, index, vector);
  if (status != CNN_OK) {
    cnn_tensor_free(made);
    return status;
  }
  if (image) *image = made;
  return CNN_OK;
}
