/* A plan with its arena for serving. It has weights of its own, so that any number of predictors
   run beside each other, and beside their model's training. */
#include "base/float_environment.h"
#include "base/size.h"
#include "model/model.h"
#include "model/plan.h"
#include <inttypes.h>
#include <string.h>

struct cnn_predictor {
  cnn_context *context;
  cnn__network *network;
  cnn__model_link *link; /* to the model, for as long as it is there */
  cnn__plan *plan;
  float *weights;              /* a block */
  cnn__preprocess *preprocess; /* of 8-bit images */
  float *input;                /* batch samples of them as floats */
  size_t sample, width;        /* floats of an image, of an output */
};

void cnn_predictor_options_init(cnn_predictor_options *options, size_t size) {
  cnn__options_init(options, size);
}

void cnn_predictor_free(cnn_predictor *predictor) {
  if (predictor == NULL) return;
  cnn_context *context = predictor->context;
  cnn__plan_free(predictor->plan);
  cnn__preprocess_free(predictor->preprocess);
  cnn__free(context, predictor->weights);
  cnn__free(context, predictor->input);
  cnn__model_link_release(predictor->link);
  cnn__network_release(predictor->network);
  cnn__free(context, predictor);
  cnn_context_free(context);
}

static void take_weights(cnn_predictor *predictor, const cnn_model *model) {
  cnn__float_environment callers;
  memcpy(predictor->weights, model->weights,
         predictor->network->block_size * sizeof *predictor->weights);
  cnn__float_environment_enter(&callers);
  cnn__plan_prepare(predictor->plan, predictor->weights);
  cnn__float_environment_leave(&callers);
}

static cnn_status make_plan(cnn_predictor *predictor, const cnn_model *model, size_t batch) {
  cnn__plan_request request = {.context = predictor->context,
                               .network = predictor->network,
                               .frozen = model->frozen,
                               .batch = batch};
  cnn_status status = cnn__plan_new(&request, &predictor->plan);
  return status == CNN_OK ? cnn__plan_allocate(predictor->plan) : status;
}

static cnn_status make_input(cnn_predictor *predictor, const cnn_model *model, size_t batch) {
  size_t count;
  cnn__preprocessing preprocessing = cnn__model_preprocessing(model);
  if (!cnn__size_mul(predictor->sample, batch, &count))
    return cnn__fail(CNN_E_LIMIT, "cnn_predictor_new: %zu images exceed memory", batch);
  predictor->input = cnn__alloc_array(predictor->context, count, sizeof(float), "images");
  predictor->weights = cnn__alloc_array(predictor->context, predictor->network->block_size,
                                        sizeof(float), "a predictor's weights");
  if (predictor->input == NULL || predictor->weights == NULL) return CNN_E_NOMEM;
  return cnn__preprocess_new(predictor->context, &preprocessing, &predictor->preprocess);
}

static cnn_status fill(cnn_predictor *predictor, const cnn_model *model, size_t batch) {
  predictor->network = cnn__network_retain(model->network);
  predictor->link = model->link;
  atomic_fetch_add(&model->link->references, 1);
  predictor->sample = cnn__shape_product(cnn__network_input_shape(model->network));
  predictor->width = cnn__shape_product(cnn__network_output_shape(model->network));
  cnn_status status = make_plan(predictor, model, batch);
  if (status == CNN_OK) status = make_input(predictor, model, batch);
  if (status == CNN_OK) take_weights(predictor, model);
  return status;
}

cnn_predictor *cnn_predictor_create(const cnn_predictor_options *options) {
  const char *who = "cnn_predictor_new";
  cnn_predictor_options given = {.struct_size = sizeof given};
  cnn_status status = options == NULL ? cnn__fail_null(who, "options")
                                      : cnn__options_read(who, &given, sizeof given, options);
  if (status == CNN_OK && given.model == NULL) status = cnn__fail_null(who, "model");
  if (status == CNN_OK && given.batch_size < 0)
    status = cnn__fail(CNN_E_INVALID, "%s: batch_size is %" PRId64, who, given.batch_size);
  if (status != CNN_OK) return NULL;
  cnn_context *context;
  cnn_predictor *predictor = cnn__object_new(sizeof *predictor, "a predictor", &context);
  if (predictor == NULL) return NULL;
  predictor->context = context;
  size_t batch = given.batch_size == 0 ? 1 : (size_t)given.batch_size;
  if (fill(predictor, given.model, batch) == CNN_OK) return predictor;
  cnn_predictor_free(predictor);
  return NULL;
}

cnn_status cnn_predictor_refresh(cnn_predictor *predictor) {
  const char *who = "cnn_predictor_refresh";
  if (predictor == NULL) return cnn__fail_null(who, "predictor");
  if (predictor->link->model == NULL) return cnn__fail(CNN_E_INVALID, "%s: the model is gone", who);
  take_weights(predictor, predictor->link->model);
  return CNN_OK;
}

static cnn_status check(const char *who, const cnn_predictor *predictor, const void *images,
                        int64_t count, const float *outputs) {
  if (predictor == NULL) return cnn__fail_null(who, "predictor");
  if (images == NULL) return cnn__fail_null(who, "images");
  if (outputs == NULL) return cnn__fail_null(who, "outputs");
  size_t batch = predictor->plan->request.batch;
  if (count >= 1 && (uint64_t)count <= batch) return CNN_OK;
  return cnn__fail(CNN_E_INVALID, "%s: %" PRId64 " images; the predictor was made for 1 to %zu",
                   who, count, batch);
}

static void run(const cnn_predictor *predictor, const float *images, size_t count, float *outputs) {
  cnn__plan_run run = {.images = count, .input = images, .weights = predictor->weights};
  cnn__plan_forward(predictor->plan, &run);
  memcpy(outputs, cnn__plan_output(predictor->plan, &run),
         count * predictor->width * sizeof *outputs);
}

cnn_status cnn_predictor_run(cnn_predictor *predictor, const float *images, int64_t count,
                             float *outputs) {
  cnn_status status = check("cnn_predictor_run", predictor, images, count, outputs);
  if (status != CNN_OK) return status;
  cnn__float_environment callers;
  cnn__float_environment_enter(&callers);
  run(predictor, images, (size_t)count, outputs);
  cnn__float_environment_leave(&callers);
  return CNN_OK;
}

cnn_status cnn_predictor_run_bytes(cnn_predictor *predictor, const uint8_t *images, int64_t count,
                                   float *outputs) {
  cnn_status status = check("cnn_predictor_run_bytes", predictor, images, count, outputs);
  if (status != CNN_OK) return status;
  cnn__float_environment callers;
  cnn__float_environment_enter(&callers);
  cnn__preprocess_run(predictor->preprocess, (size_t)count * predictor->sample, images,
                      predictor->input);
  run(predictor, predictor->input, (size_t)count, outputs);
  cnn__float_environment_leave(&callers);
  return CNN_OK;
}
