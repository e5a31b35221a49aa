/* Sets whose images lie in memory: arrays, and what file formats are read into. */
#include "base/size.h"
#include "data/dataset.h"
#include "ops/image.h"
#include <string.h>

static cnn_status memory_image(const cnn_dataset *dataset, size_t i, cnn__sample *sample) {
  const cnn__memory_set *set = dataset->state;
  sample->pixels = set->pixels + i * set->image_bytes;
  sample->shape = dataset->shape;
  /* What follows an image is the next one, or the slack; a borrowed array has none. */
  const size_t after = (dataset->count - 1 - i) * set->image_bytes;
  sample->slack = !set->pixels_borrowed || after >= CNN__IMAGE_SLACK;
  return CNN_OK;
}

static cnn_status memory_label(const cnn_dataset *dataset, size_t i, int32_t *index,
                               float *vector) {
  const cnn__memory_set *set = dataset->state;
  if (set->indices)
    *index = set->indices[i];
  else
    memcpy(vector, set->vectors + i * dataset->label_width, dataset->label_width * sizeof *vector);
  return CNN_OK;
}

static void memory_destroy(cnn_dataset *dataset) {
  cnn__memory_set *set = dataset->state;
  if (!set->pixels_borrowed) cnn__free(dataset->context, set->pixels);
  if (!set->labels_borrowed) {
    cnn__free(dataset->context, set->indices);
    cnn__free(dataset->context, set->vectors);
  }
}

static const cnn__dataset_class memory_class = {
    .image = memory_image, .label = memory_label, .destroy = memory_destroy};

cnn__memory_set *cnn__memory_set_state(const cnn_dataset *dataset) {
  return dataset->state;
}

/* A set without memory for its samples. */
static cnn_dataset *memory_set_describe(size_t count, cnn_dtype dtype, const cnn__shape *shape) {
  cnn_dataset *dataset = cnn__dataset_new(&memory_class, sizeof(cnn__memory_set));
  if (!dataset) return NULL;
  dataset->count = count;
  dataset->dtype = dtype;
  dataset->memory = true;
  cnn__dataset_set_shape(dataset, shape);
  cnn__memory_set_state(dataset)->image_bytes = cnn__shape_product(shape) * cnn__dtype_size(dtype);
  return dataset;
}

static cnn_status reserve_pixels(cnn_dataset *dataset) {
  cnn__memory_set *set = dataset->state;
  size_t bytes;
  if (!cnn__size_mul(dataset->count, set->image_bytes, &bytes) ||
      !cnn__size_add(bytes, CNN__IMAGE_SLACK, &bytes))
    return cnn__fail(CNN_E_LIMIT, "dataset: %zu images of %zu bytes exceed the address space",
                     dataset->count, set->image_bytes);
  set->pixels = cnn__alloc(dataset->context, bytes, "a dataset's images");
  if (!set->pixels) return CNN_E_NOMEM;
  memset(set->pixels + bytes - CNN__IMAGE_SLACK, 0, CNN__IMAGE_SLACK);
  return CNN_OK;
}

static cnn_status reserve_labels(cnn_dataset *dataset, size_t label_width) {
  cnn__memory_set *set = dataset->state;
  dataset->labelled = true;
  dataset->label_width = label_width;
  if (label_width == 0) {
    set->indices = cnn__alloc_array(dataset->context, dataset->count, sizeof *set->indices,
                                    "a dataset's labels");
    return set->indices ? CNN_OK : CNN_E_NOMEM;
  }
  size_t count;
  if (!cnn__size_mul(dataset->count, label_width, &count))
    return cnn__fail(CNN_E_LIMIT, "dataset: %zu labels of %zu values exceed the address space",
                     dataset->count, label_width);
  set->vectors =
      cnn__alloc_array(dataset->context, count, sizeof *set->vectors, "a dataset's labels");
  return set->vectors ? CNN_OK : CNN_E_NOMEM;
}

cnn_dataset *cnn__memory_set_new(size_t count, cnn_dtype dtype, const cnn__shape *shape,
                                 bool labelled, size_t label_width) {
  cnn_dataset *dataset = memory_set_describe(count, dtype, shape);
  if (!dataset) return NULL;
  if (reserve_pixels(dataset) != CNN_OK ||
      (labelled && reserve_labels(dataset, label_width) != CNN_OK))
    return cnn__dataset_abandon(dataset);
  return dataset;
}

/* ---- arrays ---- */

/* Label i of an integer tensor. */
static int64_t integer_at(const cnn_tensor *tensor, size_t i) {
  switch (tensor->dtype) {
  case CNN_UINT8:
    return ((const uint8_t *)tensor->data)[i];
  case CNN_INT32:
    return ((const int32_t *)tensor->data)[i];
  default:
    return ((const int64_t *)tensor->data)[i];
  }
}

/* Checks class indices and finds how many classes they need at least. */
static cnn_status check_indices(const cnn_tensor *labels, size_t count, size_t classes,
                                size_t *needed) {
  int64_t largest = -1;
  for (size_t i = 0; i < count; i++) {
    const int64_t label = integer_at(labels, i);
    if (label < 0 || label >= INT32_MAX || (classes && (uint64_t)label >= classes))
      return cnn__fail(CNN_E_INVALID,
                       "cnn_array_dataset: label %lld of sample %zu is not in [0, %zu)",
                       (long long)label, i, classes ? classes : (size_t)INT32_MAX);
    if (label > largest) largest = label;
  }
  *needed = classes ? classes : (size_t)(largest + 1);
  return CNN_OK;
}

static cnn_status take_indices(cnn_dataset *dataset, const cnn_array_options *options,
                               size_t classes) {
  const cnn_tensor *labels = options->labels;
  cnn__memory_set *set = dataset->state;
  size_t needed = 0;
  cnn_status status = check_indices(labels, dataset->count, classes, &needed);
  if (status != CNN_OK) return status;
  if (options->borrow && labels->dtype == CNN_INT32) {
    dataset->labelled = true;
    set->indices = labels->data;
    set->labels_borrowed = true;
  } else {
    status = reserve_labels(dataset, 0);
    if (status != CNN_OK) return status;
    for (size_t i = 0; i < dataset->count; i++)
      set->indices[i] = (int32_t)integer_at(labels, i);
  }
  return cnn__dataset_set_classes(dataset, needed, options->class_names);
}

static cnn_status take_vectors(cnn_dataset *dataset, const cnn_array_options *options,
                               size_t classes, size_t width) {
  const cnn_tensor *labels = options->labels;
  cnn__memory_set *set = dataset->state;
  if (options->borrow) {
    dataset->labelled = true;
    dataset->label_width = width;
    set->vectors = labels->data;
    set->labels_borrowed = true;
  } else {
    const cnn_status status = reserve_labels(dataset, width);
    if (status != CNN_OK) return status;
    memcpy(set->vectors, labels->data, labels->bytes);
  }
  /* Names of the vector's columns, where they are given: one-hot labels have classes, too. */
  return classes ? cnn__dataset_set_classes(dataset, classes, options->class_names) : CNN_OK;
}

static cnn_status take_labels(cnn_dataset *dataset, const cnn_array_options *options) {
  const cnn_tensor *labels = options->labels;
  const size_t classes = (size_t)options->classes;
  const size_t rank = labels->shape.rank;
  char text[CNN__SHAPE_TEXT];
  if (rank < 1 || labels->shape.dim[0] != dataset->count)
    return cnn__fail(CNN_E_SHAPE, "cnn_array_dataset: labels %s do not fit %zu images",
                     cnn__shape_text(&labels->shape, text), dataset->count);
  if (rank > 2)
    return cnn__fail(CNN_E_SHAPE, "cnn_array_dataset: labels %s are neither (count) nor (count, n)",
                     cnn__shape_text(&labels->shape, text));
  const size_t width = rank == 2 ? labels->shape.dim[1] : 1;
  switch (labels->dtype) {
  case CNN_FLOAT32:
    if (width == 0 || (classes && classes != width))
      return cnn__fail(CNN_E_SHAPE, "cnn_array_dataset: labels %s do not fit %zu classes",
                       cnn__shape_text(&labels->shape, text), classes);
    return take_vectors(dataset, options, classes, width);
  case CNN_UINT8:
  case CNN_INT32:
  case CNN_INT64:
    if (width != 1)
      return cnn__fail(CNN_E_SHAPE,
                       "cnn_array_dataset: integer labels %s are neither (count) nor (count, 1)",
                       cnn__shape_text(&labels->shape, text));
    return take_indices(dataset, options, classes);
  default:
    return cnn__fail(CNN_E_INVALID,
                     "cnn_array_dataset: labels have dtype %d, not float32, uint8, "
                     "int32 or int64",
                     (int)labels->dtype);
  }
}

static cnn_status check_array_options(cnn_array_options *options) {
  if (!options->images) return cnn__fail_null("cnn_array_dataset", "images");
  const cnn_tensor *images = options->images;
  char text[CNN__SHAPE_TEXT];
  if (images->dtype != CNN_UINT8 && images->dtype != CNN_FLOAT32)
    return cnn__fail(CNN_E_INVALID, "cnn_array_dataset: images have dtype %d, not uint8 or float32",
                     (int)images->dtype);
  if (images->shape.rank < 2 || cnn__shape_product(&images->shape) == 0)
    return cnn__fail(CNN_E_SHAPE,
                     "cnn_array_dataset: images %s are not (count, ...), each 1 or more",
                     cnn__shape_text(&images->shape, text));
  if (options->classes < 0 || options->classes > INT32_MAX)
    return cnn__fail(CNN_E_INVALID, "cnn_array_dataset: classes %lld is not in [0, %d]",
                     (long long)options->classes, INT32_MAX);
  if (options->class_names && options->classes == 0)
    return cnn__fail(CNN_E_INVALID, "cnn_array_dataset: class_names are given without classes");
  return CNN_OK;
}

void cnn_array_options_init(cnn_array_options *options, size_t size) {
  cnn__options_init(options, size);
}

cnn_dataset *cnn_array_dataset_create(const cnn_array_options *given) {
  cnn_array_options options = {0};
  if (cnn__options_read("cnn_array_dataset", &options, sizeof options, given) != CNN_OK ||
      check_array_options(&options) != CNN_OK)
    return NULL;
  const cnn_tensor *images = options.images;
  cnn__shape shape = {.rank = images->shape.rank - 1};
  memcpy(shape.dim, images->shape.dim + 1, shape.rank * sizeof shape.dim[0]);
  cnn_dataset *dataset = memory_set_describe(images->shape.dim[0], images->dtype, &shape);
  if (!dataset) return NULL;
  cnn__memory_set *set = dataset->state;
  if (options.borrow) {
    set->pixels = images->data;
    set->pixels_borrowed = true;
  } else {
    if (reserve_pixels(dataset) != CNN_OK) return cnn__dataset_abandon(dataset);
    memcpy(set->pixels, images->data, images->bytes);
  }
  if (options.labels && take_labels(dataset, &options) != CNN_OK)
    return cnn__dataset_abandon(dataset);
  return dataset;
}
