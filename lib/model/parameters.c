#include "base/float_environment.h"
#include "model/model.h"
#include "ops/vector.h"
#include "tensor/tensor.h"
#include <string.h>

int64_t cnn_model_parameter_count(const cnn_model *model) {
  return cnn__given("cnn_model_parameter_count", "model", model)
             ? (int64_t)model->network->parameter_count
             : 0;
}

const char *cnn_model_parameter_name(const cnn_model *model, int64_t parameter) {
  if (!cnn__given("cnn_model_parameter_name", "model", model)) return NULL;
  if (parameter < 0 || (uint64_t)parameter >= model->network->parameter_count) return NULL;
  return model->network->parameters[parameter].name;
}

static cnn_status find(const cnn_model *model, const char *who, const char *name, size_t *index) {
  if (model == NULL) return cnn__fail_null(who, "model");
  if (name == NULL) return cnn__fail_null(who, "name");
  return cnn__network_find_parameter(model->network, who, name, index);
}

/* An array of a block, as a tensor of its own in the caller's context. */
static cnn_tensor *copy_out(const cnn__parameter *parameter, const float *block) {
  cnn_context *context = cnn__context_acquire();
  if (context == NULL) return NULL;
  cnn_tensor *tensor = cnn__tensor_new(context, CNN_FLOAT32, &parameter->spec->shape);
  cnn_context_free(context);
  if (tensor != NULL)
    memcpy(tensor->data, block + parameter->offset, parameter->count * sizeof *block);
  return tensor;
}

cnn_tensor *cnn_model_parameter(const cnn_model *model, const char *name) {
  size_t index;
  if (find(model, "cnn_model_parameter", name, &index) != CNN_OK) return NULL;
  return copy_out(&model->network->parameters[index], model->weights);
}

cnn_tensor *cnn_model_gradient(const cnn_model *model, const char *name) {
  size_t index;
  if (find(model, "cnn_model_gradient", name, &index) != CNN_OK) return NULL;
  if (model->training != NULL && model->training->has_gradients)
    return copy_out(&model->network->parameters[index], model->training->gradients);
  cnn__fail(CNN_E_STATE, "cnn_model_gradient: the model has made no training step yet");
  return NULL;
}

static cnn_status check_values(const char *who, const cnn_model *model,
                               const cnn__parameter *parameter, const cnn_tensor *values) {
  if (values->dtype != CNN_FLOAT32)
    return cnn__fail(CNN_E_INVALID, "%s: %s takes float32 (%d), not dtype %d", who, parameter->name,
                     CNN_FLOAT32, (int)values->dtype);
  if (!cnn__shape_equal(&values->shape, &parameter->spec->shape)) {
    char given[CNN__SHAPE_TEXT], own[CNN__SHAPE_TEXT];
    return cnn__fail(CNN_E_SHAPE, "%s: %s is %s; values of %s were given", who, parameter->name,
                     cnn__shape_text(&parameter->spec->shape, own),
                     cnn__shape_text(&values->shape, given));
  }
  cnn__float_environment callers;
  cnn__float_environment_enter(&callers);
  bool finite = cnn__vector_finite(model->context, parameter->count, values->data);
  cnn__float_environment_leave(&callers);
  if (finite) return CNN_OK;
  return cnn__fail(CNN_E_NUMERIC, "%s: a value for %s is not finite", who, parameter->name);
}

cnn_status cnn_model_set_parameter(cnn_model *model, const char *name, const cnn_tensor *values) {
  const char *who = "cnn_model_set_parameter";
  size_t index;
  cnn_status status = find(model, who, name, &index);
  if (status != CNN_OK) return status;
  if (values == NULL) return cnn__fail_null(who, "values");
  const cnn__parameter *parameter = &model->network->parameters[index];
  status = check_values(who, model, parameter, values);
  if (status != CNN_OK) return status;
  memcpy(cnn__model_values(model, index), values->data, parameter->count * sizeof(float));
  model->version++;
  return CNN_OK;
}

cnn_status cnn_model_set_frozen(cnn_model *model, const char *name, int64_t frozen) {
  const char *who = "cnn_model_set_frozen";
  if (model == NULL) return cnn__fail_null(who, "model");
  if (frozen != 0 && frozen != 1)
    return cnn__fail(CNN_E_INVALID, "%s: frozen is %lld; it must be 0 or 1", who,
                     (long long)frozen);
  size_t first = 0, end = model->network->node_count;
  if (name != NULL) {
    cnn_status status = cnn__network_find_node(model->network, who, name, &first);
    if (status != CNN_OK) return status;
    end = first + 1;
  }
  for (size_t i = first; i < end; i++)
    model->frozen[i] = frozen != 0;
  model->structure++;
  return CNN_OK;
}

int64_t cnn_model_frozen(const cnn_model *model, const char *name) {
  const char *who = "cnn_model_frozen";
  size_t node;
  if (model == NULL) return cnn__fail_null(who, "model");
  if (name == NULL) return cnn__fail_null(who, "name");
  cnn_status status = cnn__network_find_node(model->network, who, name, &node);
  return status != CNN_OK ? (int64_t)status : model->frozen[node];
}
