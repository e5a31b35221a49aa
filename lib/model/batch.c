/* A batch of images and labels, checked against the model that takes it. */
#include "model/fit.h"

#include "tensor/tensor.h"
#include <inttypes.h>

static cnn_status check_images(const cnn_model *model, const char *who, const cnn_tensor *images) {
  const cnn__shape *input = cnn__network_input_shape(model->network);
  if (images == NULL) return cnn__fail_null(who, "images");
  if (images->dtype != CNN_FLOAT32)
    return cnn__fail(CNN_E_INVALID, "%s: images are of dtype %d; float32 (%d) is expected", who,
                     (int)images->dtype, CNN_FLOAT32);
  bool same = images->shape.rank == input->rank + 1 && images->shape.dim[0] > 0;
  for (size_t i = 0; i < input->rank && same; i++)
    same = images->shape.dim[i + 1] == input->dim[i];
  if (same) return CNN_OK;
  char given[CNN__SHAPE_TEXT], own[CNN__SHAPE_TEXT];
  return cnn__fail(CNN_E_SHAPE, "%s: images are %s; a count, then %s is expected", who,
                   cnn__shape_text(&images->shape, given), cnn__shape_text(input, own));
}

/* Indices of classes lie in [0, outputs); with one output they are numbers. */
static cnn_status check_indices(const char *who, const cnn__fed_batch *batch, size_t outputs) {
  for (size_t i = 0; i < batch->images && outputs > 1; i++)
    if (batch->labels.index[i] < 0 || (size_t)batch->labels.index[i] >= outputs)
      return cnn__fail(CNN_E_INVALID,
                       "%s: the label of sample %zu of the batch is %" PRId32
                       "; the output has classes 0 to %zu",
                       who, i, batch->labels.index[i], outputs - 1);
  return CNN_OK;
}

static cnn_status read_labels(cnn_model *model, const char *who, const cnn_tensor *labels,
                              cnn__fed_batch *batch) {
  if (labels == NULL) return cnn__fail_null(who, "labels");
  const cnn__shape *shape = &labels->shape;
  if (shape->rank == 0 || shape->dim[0] != batch->images) {
    char given[CNN__SHAPE_TEXT];
    return cnn__fail(CNN_E_SHAPE, "%s: labels are %s for %zu images", who,
                     cnn__shape_text(shape, given), batch->images);
  }
  size_t width = cnn__shape_product(shape) / batch->images;
  if (labels->dtype == CNN_INT32 && width == 1)
    batch->labels = (cnn__labels){.index = labels->data};
  else if (labels->dtype == CNN_FLOAT32)
    batch->labels = (cnn__labels){.vector = labels->data};
  else
    return cnn__fail(CNN_E_SHAPE,
                     "%s: labels of dtype %d, %zu a sample; one int32 (%d) or float32s (%d) are "
                     "expected",
                     who, (int)labels->dtype, width, CNN_INT32, CNN_FLOAT32);
  size_t outputs = cnn__shape_product(cnn__network_output_shape(model->network));
  cnn_status status = CNN_OK;
  if (batch->labels.index != NULL) status = check_indices(who, batch, outputs);
  if (status == CNN_OK && model->training != NULL)
    status = cnn__training_bind(model, batch->labels.index != NULL, width);
  return status;
}

cnn_status cnn__fed_batch_read(cnn_model *model, const char *who, const cnn_tensor *images,
                               const cnn_tensor *labels, cnn__fed_batch *batch) {
  *batch = (cnn__fed_batch){.images = 0};
  if (model->training == NULL) return cnn__fail(CNN_E_STATE, "%s: the model is not compiled", who);
  cnn_status status = check_images(model, who, images);
  if (status != CNN_OK) return status;
  batch->images = images->shape.dim[0];
  batch->input = images->data;
  return read_labels(model, who, labels, batch);
}
