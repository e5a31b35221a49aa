/* Sets of the user's own making: a callback fetches. */
#include "data/dataset.h"
#include <string.h>

typedef struct user_set {
  cnn_dataset_callbacks callbacks;
  bool made; /* release is the set's to call */
} user_set;

/* What the callback gave must be what it promised. */
static cnn_status check_image(const cnn_dataset *dataset, size_t i, const cnn_tensor *image) {
  char have[CNN__SHAPE_TEXT], want[CNN__SHAPE_TEXT];
  if (!image) return cnn__fail(CNN_E_INVALID, "dataset: fetch gave no image for sample %zu", i);
  if (image->dtype != dataset->dtype)
    return cnn__fail(CNN_E_INVALID, "dataset: fetch gave dtype %d for sample %zu, not %d",
                     (int)image->dtype, i, (int)dataset->dtype);
  bool fits = image->shape.rank == dataset->shape.rank;
  for (size_t d = 0; fits && d < image->shape.rank; d++)
    fits = dataset->shape.dim[d] ? image->shape.dim[d] == dataset->shape.dim[d]
                                 : image->shape.dim[d] > 0;
  if (!fits)
    return cnn__fail(CNN_E_SHAPE, "dataset: fetch gave %s for sample %zu, not %s (0: any)",
                     cnn__shape_text(&image->shape, have), i,
                     cnn__shape_text(&dataset->shape, want));
  return CNN_OK;
}

static cnn_status check_label(const cnn_dataset *dataset, size_t i, int32_t index) {
  if (dataset->label_width == 0 && (index < 0 || (size_t)index >= dataset->classes))
    return cnn__fail(CNN_E_INVALID, "dataset: fetch gave label %ld for sample %zu of %zu classes",
                     (long)index, i, dataset->classes);
  return CNN_OK;
}

/* Calls fetch, or label where image is NULL. A failure without a message of its own gets one; an
   older one that is pending stays so. */
static cnn_status call(const user_set *set, size_t i, cnn_tensor **image, int32_t *index,
                       float *vector) {
  const cnn_dataset_callbacks *callbacks = &set->callbacks;
  cnn__failure before;
  cnn__failure_take(&before);
  cnn_clear_error();
  if (image) *image = NULL;
  const cnn_status status =
      image ? callbacks->fetch(callbacks->user, (int64_t)i, image, index, vector)
            : callbacks->label(callbacks->user, (int64_t)i, index, vector);
  if (status == CNN_OK) {
    cnn__failure_give(&before);
    return CNN_OK;
  }
  if (image) {
    cnn_tensor_free(*image);
    *image = NULL;
  }
  if (cnn_last_status() == status) return status;
  return cnn__fail(status < 0 ? status : CNN_E_INVALID, "dataset: fetching sample %zu failed: %s",
                   i, cnn_status_string(status));
}

/* Somewhere for the label that fetch gives along with an image: sets with vectors need room. */
static cnn_status user_image(const cnn_dataset *dataset, size_t i, cnn__sample *sample) {
  int32_t index = -1;
  float *vector = NULL;
  if (dataset->label_width) {
    const cnn_status status = cnn__buffer_reserve(sample->context, &sample->file,
                                                  dataset->label_width * sizeof *vector, "a label");
    if (status != CNN_OK) return status;
    vector = sample->file.bytes;
  }
  cnn_status status = call(dataset->state, i, &sample->tensor, &index, vector);
  if (status == CNN_OK) status = check_image(dataset, i, sample->tensor);
  if (status != CNN_OK) return status;
  sample->pixels = sample->tensor->data;
  sample->shape = sample->tensor->shape;
  return CNN_OK;
}

static cnn_status user_label(const cnn_dataset *dataset, size_t i, int32_t *index, float *vector) {
  const user_set *set = dataset->state;
  cnn_status status;
  if (set->callbacks.label) {
    status = call(set, i, NULL, index, vector);
  } else {
    cnn_tensor *image;
    status = call(set, i, &image, index, vector);
    cnn_tensor_free(image);
  }
  return status == CNN_OK ? check_label(dataset, i, *index) : status;
}

static void user_destroy(cnn_dataset *dataset) {
  const user_set *set = dataset->state;
  if (set->made && set->callbacks.release) set->callbacks.release(set->callbacks.user);
}

static const cnn__dataset_class user_class = {
    .image = user_image, .label = user_label, .destroy = user_destroy};

static cnn_status read_shape(const cnn_dataset_callbacks *callbacks, cnn__shape *shape) {
  if (callbacks->shape[0] != -1) {
    size_t rank = 0;
    while (rank < CNN_MAX_RANK && callbacks->shape[rank] != 0)
      rank++;
    if (rank == 0) return cnn__fail(CNN_E_INVALID, "cnn_dataset_create: shape is empty");
    return cnn__shape_read("cnn_dataset_create", rank, callbacks->shape, false, shape);
  }
  if (callbacks->shape[2] < 1)
    return cnn__fail(CNN_E_INVALID,
                     "cnn_dataset_create: images of differing sizes need channels "
                     "in shape[2], which is %lld",
                     (long long)callbacks->shape[2]);
  *shape = (cnn__shape){.rank = 3, .dim = {0, 0, (size_t)callbacks->shape[2]}};
  return CNN_OK;
}

static cnn_status check_callbacks(cnn_dataset_callbacks *callbacks) {
  if (!callbacks->fetch) return cnn__fail(CNN_E_INVALID, "cnn_dataset_create: fetch is NULL");
  if (callbacks->count < 0)
    return cnn__fail(CNN_E_INVALID, "cnn_dataset_create: count %lld is negative",
                     (long long)callbacks->count);
  if (callbacks->dtype == 0) callbacks->dtype = CNN_UINT8;
  if (callbacks->dtype != CNN_UINT8 && callbacks->dtype != CNN_FLOAT32)
    return cnn__fail(CNN_E_INVALID, "cnn_dataset_create: dtype %lld is not uint8 or float32",
                     (long long)callbacks->dtype);
  if (callbacks->label_width < 0 || callbacks->label_width > INT32_MAX || callbacks->classes < 0 ||
      callbacks->classes > INT32_MAX)
    return cnn__fail(CNN_E_INVALID,
                     "cnn_dataset_create: label_width %lld or classes %lld is not "
                     "in [0, %d]",
                     (long long)callbacks->label_width, (long long)callbacks->classes, INT32_MAX);
  if (callbacks->label_width == 0 && callbacks->classes == 0)
    return cnn__fail(CNN_E_INVALID, "cnn_dataset_create: neither classes nor label_width is given");
  return CNN_OK;
}

cnn_dataset *cnn_dataset_create(const cnn_dataset_callbacks *given) {
  cnn_dataset_callbacks callbacks = {0};
  cnn__shape shape;
  if (cnn__options_read("cnn_dataset_create", &callbacks, sizeof callbacks, given) != CNN_OK ||
      check_callbacks(&callbacks) != CNN_OK || read_shape(&callbacks, &shape) != CNN_OK)
    return NULL;
  cnn_dataset *dataset = cnn__dataset_new(&user_class, sizeof(user_set));
  if (!dataset) return NULL;
  user_set *set = dataset->state;
  set->callbacks = callbacks;
  dataset->count = (size_t)callbacks.count;
  dataset->dtype = (cnn_dtype)callbacks.dtype;
  dataset->labelled = true;
  dataset->label_width = (size_t)callbacks.label_width;
  cnn__dataset_set_shape(dataset, &shape);
  if (callbacks.classes &&
      cnn__dataset_set_classes(dataset, (size_t)callbacks.classes, callbacks.class_names) != CNN_OK)
    return cnn__dataset_abandon(dataset);
  set->made = true;
  return dataset;
}
