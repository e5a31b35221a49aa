/* A model's shapes, layers and names, as the public header shows them. */
#include "model/model.h"

int64_t cnn_model_layer_count(const cnn_model *model) {
  return cnn__given("cnn_model_layer_count", "model", model) ? (int64_t)model->network->node_count
                                                             : 0;
}

const char *cnn_model_layer_name(const cnn_model *model, int64_t layer) {
  if (!cnn__given("cnn_model_layer_name", "model", model)) return NULL;
  if (layer < 0 || (uint64_t)layer >= model->network->node_count) return NULL;
  return model->network->nodes[layer].name;
}

int64_t cnn_model_output_rank(const cnn_model *model) {
  return cnn__given("cnn_model_output_rank", "model", model)
             ? (int64_t)cnn__network_output_shape(model->network)->rank
             : 0;
}

const int64_t *cnn_model_output_shape(const cnn_model *model) {
  return cnn__given("cnn_model_output_shape", "model", model) ? model->output_dims : NULL;
}

int64_t cnn_model_input_rank(const cnn_model *model) {
  return cnn__given("cnn_model_input_rank", "model", model)
             ? (int64_t)cnn__network_input_shape(model->network)->rank
             : 0;
}

const int64_t *cnn_model_input_shape(const cnn_model *model) {
  return cnn__given("cnn_model_input_shape", "model", model) ? model->input_dims : NULL;
}
