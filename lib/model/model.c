#include "model/model.h"

#include "model/plan.h"
#include <string.h>

static cnn__model_link *new_link(const cnn_model *model) {
  cnn__model_link *link = cnn__alloc(model->context, sizeof *link, "a model");
  if (link == NULL) return NULL;
  atomic_init(&link->references, 1);
  link->context = cnn__context_retain(model->context);
  link->model = model;
  return link;
}

void cnn__model_link_release(cnn__model_link *link) {
  if (link == NULL) return;
  if (atomic_fetch_sub_explicit(&link->references, 1, memory_order_acq_rel) > 1) return;
  cnn_context *context = link->context;
  cnn__free(context, link);
  cnn_context_free(context);
}

cnn_model *cnn__model_new(cnn_context *context, cnn__network *network) {
  cnn_model *model = cnn__calloc_array(context, 1, sizeof *model, "a model");
  if (model == NULL) return NULL;
  model->context = cnn__context_retain(context);
  model->network = cnn__network_retain(network);
  atomic_init(&model->stop, 0);
  cnn__shape_show(cnn__network_input_shape(network), model->input_dims);
  cnn__shape_show(cnn__network_output_shape(network), model->output_dims);
  model->weights =
      cnn__calloc_array(context, network->block_size, sizeof *model->weights, "a model's weights");
  model->frozen =
      cnn__calloc_array(context, network->node_count, sizeof *model->frozen, "a model's layers");
  model->history = cnn__history_new(context, NULL, 0);
  model->link = new_link(model);
  if (model->weights == NULL || model->frozen == NULL || model->history == NULL ||
      model->link == NULL) {
    cnn_model_free(model);
    return NULL;
  }
  for (size_t i = 0; i < network->node_count; i++)
    model->frozen[i] = cnn__layer_frozen(network->nodes[i].layer);
  return model;
}

static void free_notes(cnn_model *model) {
  for (size_t i = 0; i < model->note_count; i++) {
    cnn__free(model->context, model->notes[i].name);
    cnn__free(model->context, model->notes[i].value);
  }
  cnn__free(model->context, model->notes);
}

void cnn_model_free(cnn_model *model) {
  if (model == NULL) return;
  cnn_context *context = model->context;
  for (size_t i = 0; i < CNN__MODES; i++)
    cnn__plan_free(model->plans[i]);
  cnn__training_free(model->training);
  cnn__history_free(model->history);
  cnn__free(context, model->class_names);
  cnn__free(context, (double *)(uintptr_t)model->preprocessing.mean);
  cnn__free(context, (double *)(uintptr_t)model->preprocessing.deviation);
  free_notes(model);
  if (model->link != NULL) model->link->model = NULL;
  cnn__model_link_release(model->link);
  cnn__free(context, model->weights);
  cnn__free(context, model->frozen);
  cnn__network_release(model->network);
  cnn__free(context, model);
  cnn_context_free(context);
}

static cnn_status copy_state(cnn_model *to, const cnn_model *from) {
  const cnn__network *network = from->network;
  memcpy(to->weights, from->weights, network->block_size * sizeof *to->weights);
  memcpy(to->frozen, from->frozen, network->node_count * sizeof *to->frozen);
  cnn_status status =
      cnn__model_set_class_names(to, (const char *const *)from->class_names, from->class_count);
  if (status == CNN_OK && from->preprocesses)
    status = cnn__model_set_preprocessing(to, &from->preprocessing);
  return status;
}

cnn_model *cnn_model_clone(const cnn_model *model) {
  if (!cnn__given("cnn_model_clone", "model", model)) return NULL;
  cnn_context *context = cnn__context_acquire();
  if (context == NULL) return NULL;
  cnn_model *clone = cnn__model_new(context, model->network);
  cnn_context_free(context);
  if (clone == NULL || copy_state(clone, model) == CNN_OK) return clone;
  cnn_model_free(clone);
  return NULL;
}

/* Whether the plan at hand does for this mode and batch. */
static bool fits(const cnn_model *model, const cnn__plan *plan, size_t batch) {
  return plan != NULL && plan->structure == model->structure && plan->request.batch == batch;
}

static cnn_status make_plan(cnn_model *model, cnn__mode mode, size_t batch, cnn__plan **plan) {
  const cnn__training *training = model->training;
  bool with_loss = mode < CNN__MODE_PREDICT && training != NULL;
  cnn__plan_request request = {.context = model->context,
                               .network = model->network,
                               .frozen = model->frozen,
                               .batch = batch,
                               .training = mode == CNN__MODE_TRAIN,
                               .logits = with_loss && training->logits,
                               .loss = with_loss ? training->loss : NULL};
  cnn_status status = cnn__plan_new(&request, plan);
  if (status != CNN_OK) return status;
  (*plan)->structure = model->structure;
  status = cnn__plan_allocate(*plan);
  if (status != CNN_OK) {
    cnn__plan_free(*plan);
    return status;
  }
  cnn__log_message(model->context, CNN_LOG_DEBUG,
                   "plan for %s, batches of up to %zu images: %zu operations, %zu bytes",
                   request.training ? "training" : "inference", batch, (*plan)->step_count,
                   (*plan)->bytes);
  return CNN_OK;
}

cnn_status cnn__model_plan(cnn_model *model, cnn__mode mode, size_t batch, cnn__plan **out) {
  cnn__plan **plan = &model->plans[mode];
  if (!fits(model, *plan, batch)) {
    /* The old one goes first: two arenas at a time would double the peak. */
    cnn__plan *made = NULL;
    cnn__plan_free(*plan);
    *plan = NULL;
    cnn_status status = make_plan(model, mode, batch, &made);
    if (status != CNN_OK) return status;
    *plan = made;
  }
  if (!(*plan)->prepared || (*plan)->version != model->version) {
    cnn__plan_prepare(*plan, model->weights);
    (*plan)->version = model->version;
  }
  *out = *plan;
  return CNN_OK;
}

void cnn_model_stop(cnn_model *model) {
  if (model != NULL) atomic_store(&model->stop, 1);
}
