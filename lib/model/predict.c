#include "model/predict.h"

#include "base/size.h"
#include "tensor/tensor.h"
#include <string.h>

enum { PREDICT_BATCH = 32 }; /* images of a run where there is more than one: as Keras's */

cnn_status cnn__predict(cnn_model *model, cnn__mode mode, size_t planned, size_t images,
                        const float *input, float *outputs) {
  cnn__plan *plan;
  cnn_status status = cnn__model_plan(model, mode, planned, &plan);
  if (status != CNN_OK) return status;
  size_t sample = cnn__shape_product(cnn__network_input_shape(model->network));
  size_t width = plan->values[plan->output].count;
  for (size_t done = 0; done < images;) {
    cnn__plan_run run = {.images = cnn__size_min(images - done, planned),
                         .input = input + done * sample,
                         .weights = model->weights};
    cnn__plan_forward(plan, &run);
    memcpy(outputs + done * width, cnn__plan_output(plan, &run),
           run.images * width * sizeof *outputs);
    done += run.images;
  }
  return CNN_OK;
}

cnn_tensor *cnn__prediction_new(const cnn_model *model, size_t images) {
  const cnn__shape *output = cnn__network_output_shape(model->network);
  cnn__shape shape = {.rank = output->rank + 1, .dim = {images}};
  if (shape.rank > CNN_MAX_RANK) {
    cnn__fail(CNN_E_LIMIT, "predict: outputs of rank %zu; tensors have %d at most", shape.rank,
              CNN_MAX_RANK);
    return NULL;
  }
  memcpy(shape.dim + 1, output->dim, output->rank * sizeof *shape.dim);
  size_t count;
  if (!cnn__shape_count(&shape, &count)) {
    cnn__fail(CNN_E_LIMIT, "predict: the outputs of %zu images exceed memory", images);
    return NULL;
  }
  cnn_context *context = cnn__context_acquire();
  if (context == NULL) return NULL;
  cnn_tensor *outputs = cnn__tensor_new(context, CNN_FLOAT32, &shape);
  cnn_context_free(context);
  return outputs;
}

/* How many images it holds: of the input's shape behind a count, or one without. */
static cnn_status count_images(const cnn_model *model, const char *who, const cnn_tensor *images,
                               size_t *count) {
  const cnn__shape *input = cnn__network_input_shape(model->network), *shape = &images->shape;
  if (images->dtype != CNN_FLOAT32 && images->dtype != CNN_UINT8)
    return cnn__fail(CNN_E_INVALID,
                     "%s: images of dtype %d; float32 (%d) or uint8 (%d) is expected", who,
                     (int)images->dtype, CNN_FLOAT32, CNN_UINT8);
  *count = 1;
  if (cnn__shape_equal(shape, input)) return CNN_OK;
  bool same = shape->rank == input->rank + 1 && shape->dim[0] > 0;
  for (size_t i = 0; i < input->rank && same; i++)
    same = shape->dim[i + 1] == input->dim[i];
  if (same) {
    *count = shape->dim[0];
    return CNN_OK;
  }
  char given[CNN__SHAPE_TEXT], own[CNN__SHAPE_TEXT];
  return cnn__fail(CNN_E_SHAPE, "%s: images are %s; %s is expected, with or without a count", who,
                   cnn__shape_text(shape, given), cnn__shape_text(input, own));
}

/* 8-bit images, a run's worth at a time, through the model's preprocessing. */
static cnn_status predict_bytes(cnn_model *model, size_t planned, size_t images,
                                const uint8_t *input, float *outputs) {
  size_t sample = cnn__shape_product(cnn__network_input_shape(model->network));
  size_t width = cnn__shape_product(cnn__network_output_shape(model->network)), count;
  cnn__preprocessing preprocessing = cnn__model_preprocessing(model);
  cnn__preprocess *preprocess = NULL;
  float *floats = NULL;
  cnn_status status = cnn__preprocess_new(model->context, &preprocessing, &preprocess);
  if (status != CNN_OK) return status;
  if (cnn__size_mul(sample, planned, &count))
    floats = cnn__alloc_array(model->context, count, sizeof *floats, "images");
  else
    cnn__fail(CNN_E_LIMIT, "predict: %zu images exceed memory", planned);
  if (floats == NULL) status = cnn_last_status();
  for (size_t done = 0; done < images && status == CNN_OK;) {
    size_t now = cnn__size_min(images - done, planned);
    cnn__preprocess_run(preprocess, now * sample, input + done * sample, floats);
    status = cnn__predict(model, planned == 1 ? CNN__MODE_PREDICT_ONE : CNN__MODE_PREDICT, planned,
                          now, floats, outputs + done * width);
    done += now;
  }
  cnn__free(model->context, floats);
  cnn__preprocess_free(preprocess);
  return status;
}

cnn_tensor *cnn_model_predict(cnn_model *model, const cnn_tensor *images) {
  const char *who = "cnn_model_predict";
  size_t count = 0;
  cnn_status status = CNN_OK;
  if (model == NULL || images == NULL)
    status = cnn__fail_null(who, model == NULL ? "model" : "images");
  if (status == CNN_OK) status = count_images(model, who, images, &count);
  cnn_tensor *outputs = status == CNN_OK ? cnn__prediction_new(model, count) : NULL;
  if (outputs == NULL) return NULL;
  size_t planned = count == 1 ? 1 : PREDICT_BATCH;
  cnn__float_environment callers;
  cnn__float_environment_enter(&callers);
  if (images->dtype == CNN_UINT8)
    status = predict_bytes(model, planned, count, images->data, outputs->data);
  else
    status = cnn__predict(model, count == 1 ? CNN__MODE_PREDICT_ONE : CNN__MODE_PREDICT, planned,
                          count, images->data, outputs->data);
  cnn__float_environment_leave(&callers);
  if (status == CNN_OK) return outputs;
  cnn_tensor_free(outputs);
  return NULL;
}
