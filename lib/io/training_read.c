/* How a model learns, and where its training stands, from a model file. What is read is checked as a caller's arguments
   are: a file may hold anything. */
#include "base/size.h"
#include "io/training.h"
#include <math.h>

static cnn_status wrong(const cnn__safetensors *file, const char *what) {
  return cnn__fail(CNN_E_FORMAT, "%s: training: %s", file->path, what);
}

static bool is_list(const cnn__json *json) {
  return json && json->type == CNN__JSON_ARRAY;
}

static cnn_status read_metrics(cnn_context *context, const cnn__safetensors *file,
                               const cnn__json *list, cnn__training_parts *parts) {
  if (!is_list(list) || list->count > 2 * CNN_MAX_METRICS)
    return wrong(file, "a list of metrics is expected");
  cnn_status status = CNN_OK;
  for (const cnn__json *item = cnn__json_first(list); item && !status; item = item->next) {
    status = cnn__metric_read(context, file->path, item, &parts->metrics[parts->metric_count]);
    if (!status) parts->metric_count++;
  }
  return status;
}

/* The tensor of a slot for a parameter. */
static cnn_status find_slot(const cnn__safetensors *file, const cnn_optimizer *optimizer,
                            size_t slot, const cnn__parameter *parameter,
                            const cnn__stored **stored) {
  char shape[CNN__SHAPE_TEXT];
  char *name = cnn__format(file->context, "training/slot/%s/%s",
                           cnn__optimizer_slot_name(optimizer, slot), parameter->name);
  if (!name) return CNN_E_NOMEM;
  *stored = cnn__safetensors_find(file, name);
  cnn_status status = CNN_OK;
  if (!*stored || (*stored)->dtype != CNN_FLOAT32 ||
      !cnn__shape_equal(&(*stored)->shape, &parameter->spec->shape))
    status = cnn__fail(CNN_E_FORMAT, "%s: \"%.100s\" is missing or not F32 of shape %s", file->path,
                       name, cnn__shape_text(&parameter->spec->shape, shape));
  cnn__free(file->context, name);
  return status;
}

/* Every slot is in the file before memory for it is taken. */
static cnn_status check_slots(const cnn__safetensors *file, const cnn__network *network,
                              const cnn_optimizer *optimizer) {
  cnn_status status = CNN_OK;
  for (size_t slot = 0; slot < cnn__optimizer_slots(optimizer); slot++)
    for (size_t i = 0; i < network->parameter_count && !status; i++) {
      const cnn__stored *stored;
      if (!network->parameters[i].spec->statistic)
        status = find_slot(file, optimizer, slot, &network->parameters[i], &stored);
    }
  return status;
}

/* Optimizer, loss and metrics; then the model is compiled. */
static cnn_status read_parts(const cnn__safetensors *file, cnn_model *model,
                             const cnn__json *root) {
  cnn_context *context = model->context;
  const cnn__json *optimizer = cnn__json_get(root, "optimizer"),
                  *loss = cnn__json_get(root, "loss");
  cnn__training_parts parts = {.metric_count = 0};
  cnn_status status =
      optimizer && loss ? CNN_OK : wrong(file, "an optimizer and a loss are expected");
  if (!status) status = cnn__optimizer_read(context, file->path, optimizer, &parts.optimizer);
  if (!status) status = check_slots(file, model->network, parts.optimizer);
  if (!status) status = cnn__loss_read(context, file->path, loss, &parts.loss);
  if (!status) status = read_metrics(context, file, cnn__json_get(root, "metrics"), &parts);
  if (!status) return cnn__model_compile(model, file->path, &parts);
  cnn__training_parts_free(&parts);
  return status;
}

static bool is_flag(uint64_t value) {
  return value <= 1;
}

static cnn_status read_counters(const cnn__safetensors *file, cnn_model *model) {
  const cnn__shape many = {.rank = 1, .dim = {16}}, three = {.rank = 1, .dim = {3}};
  const uint64_t most = (uint64_t)1 << 53;
  cnn__training *training = model->training;
  cnn__training_state *state = &training->state;
  uint64_t c[16];
  double sums[3];
  cnn_status status = cnn__tensor_read(file, "training/counters", CNN_UINT64, &many, c);
  if (!status) status = cnn__tensor_read(file, "training/sums", CNN_FLOAT64, &three, sums);
  if (status) return status;
  bool right = is_flag(c[2]) && is_flag(c[9]) && is_flag(c[10]) && is_flag(c[11]) &&
               is_flag(c[12]) && c[1] <= most && c[3] <= most && c[8] <= most && c[4] <= c[8] &&
               c[5] <= most && c[6] <= most && c[13] <= SIZE_MAX && (c[12] == 0 || c[13] == 1) &&
               sums[1] >= 0 && c[15] == 0;
  if (!right) return wrong(file, "counters that cannot be");
  training->seed = c[0];
  training->step = c[1];
  state->started = c[2] == 1;
  state->epoch = c[3];
  state->batch = c[4];
  state->loader = (cnn__loader_identity){.samples = c[5],
                                         .batch_size = c[6],
                                         .seed = c[7],
                                         .batches = c[8],
                                         .shuffle = c[9] == 1,
                                         .drop_last = c[10] == 1,
                                         .augments = c[11] == 1,
                                         .fingerprint = c[14]};
  state->loss_sum = sums[0];
  state->samples = sums[1];
  state->learning_rate = sums[2];
  if (!state->started) return CNN_OK;
  return cnn__training_bind(model, c[12] == 1, (size_t)c[13]);
}

static cnn_status read_states(const cnn__safetensors *file, cnn__training *training) {
  const cnn__shape eight = {.rank = 1, .dim = {CNN__OPTIMIZER_STATE}},
                   pairs = {.rank = 2, .dim = {training->metric_count, 2}};
  double optimizer[CNN__OPTIMIZER_STATE], metrics[2 * CNN_MAX_METRICS][2];
  cnn_status status = cnn__tensor_read(file, "training/optimizer", CNN_FLOAT64, &eight, optimizer);
  if (!status) status = cnn__optimizer_restore(training->optimizer, file->path, optimizer);
  if (!status) status = cnn__tensor_read(file, "training/metrics", CNN_FLOAT64, &pairs, metrics);
  for (size_t i = 0; !status && i < training->metric_count; i++)
    cnn__metric_restore(training->metrics[i], metrics[i]);
  return status;
}

static cnn_status read_slots(const cnn__safetensors *file, cnn_model *model) {
  const cnn__training *training = model->training;
  const cnn__network *network = model->network;
  cnn_status status = CNN_OK;
  for (size_t slot = 0; slot < training->slot_count && !status; slot++)
    for (size_t i = 0; i < network->parameter_count && !status; i++) {
      const cnn__parameter *parameter = &network->parameters[i];
      const cnn__stored *stored;
      if (parameter->spec->statistic) continue;
      status = find_slot(file, training->optimizer, slot, parameter, &stored);
      if (!status)
        status = cnn__safetensors_read(file, stored, training->slots[slot] + parameter->offset);
    }
  return status;
}

/* Series by series into the history's own arrays. How long epochs took is not in files. */
static cnn_status fill_history(const cnn__safetensors *file, const cnn__stored *stored,
                               cnn_history *history) {
  size_t epochs = history->series ? stored->shape.dim[1] : 0, row = epochs * sizeof(double);
  cnn_status status = cnn__history_reserve(history, epochs);
  for (size_t i = 0; i < history->series && epochs && !status; i++)
    status = cnn__reader_read(file->reader, stored->offset + i * row, history->values[i], row);
  for (size_t epoch = 0; epoch < epochs && !status; epoch++)
    history->seconds[epoch] = NAN;
  if (!status) history->epochs = epochs;
  return status;
}

static cnn_status read_history(const cnn__safetensors *file, cnn_model *model,
                               const cnn__json *names) {
  const cnn__stored *stored = cnn__safetensors_find(file, "training/history");
  if (!is_list(names) || names->count > 4 * CNN_MAX_METRICS + 8 || !stored ||
      stored->dtype != CNN_FLOAT64 || stored->shape.rank != 2 ||
      stored->shape.dim[0] != names->count)
    return wrong(file, "a history of as many series as names is expected");
  const char *list[4 * CNN_MAX_METRICS + 8];
  size_t count = 0;
  for (const cnn__json *name = cnn__json_first(names); name; name = name->next) {
    if (name->type != CNN__JSON_STRING) return wrong(file, "the history's names are texts");
    list[count++] = name->value.string;
  }
  cnn_history *history = cnn__history_new(model->context, list, count);
  if (!history) return CNN_E_NOMEM;
  cnn_status status = fill_history(file, stored, history);
  if (status) {
    cnn__history_free(history);
    return status;
  }
  cnn__history_free(model->history);
  model->history = history;
  return CNN_OK;
}

/* taken: which of the file's tensors are in use. One that serves twice would make more of a file than it
   holds. */
static cnn_status read_array(const cnn__safetensors *file, cnn__callback_state *state, size_t place,
                             const cnn__json *name, bool *taken) {
  if (name->type != CNN__JSON_STRING) return wrong(file, "a callback's arrays have names");
  char *tensor = cnn__format(file->context, "training/callback/%zu/%s", place, name->value.string);
  if (!tensor) return CNN_E_NOMEM;
  const cnn__stored *stored = cnn__safetensors_find(file, tensor);
  cnn__free(file->context, tensor);
  if (!stored || stored->dtype != CNN_FLOAT32 || stored->shape.rank != 1)
    return wrong(file, "a callback's array is missing");
  if (taken[stored - file->tensors]) return wrong(file, "a callback's array is named twice");
  taken[stored - file->tensors] = true;
  float *values;
  cnn_status status =
      cnn__callback_state_add(state, name->value.string, stored->shape.dim[0], &values);
  return status ? status : cnn__safetensors_read(file, stored, values);
}

static cnn_status read_callback(const cnn__safetensors *file, const cnn__json *json, size_t place,
                                cnn_context *context, cnn__callback_state *state, bool *taken) {
  const cnn__json *name = cnn__json_get(json, "callback"), *text = cnn__json_get(json, "state"),
                  *arrays = cnn__json_get(json, "arrays");
  if (json->count != 3 || !name || name->type != CNN__JSON_STRING || !text ||
      text->type != CNN__JSON_STRING || !is_list(arrays))
    return wrong(file, "a callback's name, state and arrays are expected");
  cnn_status status = cnn__callback_state_start(state, context, name->value.string);
  if (status) return status;
  cnn__text copy;
  cnn__text_start(&copy, context);
  cnn__text_append(&copy, text->value.string, text->count);
  status = cnn__callback_state_set(state, &copy);
  for (const cnn__json *array = cnn__json_first(arrays); array && !status; array = array->next)
    status = read_array(file, state, place, array, taken);
  if (status) cnn__callback_state_end(state);
  return status;
}

static cnn_status read_callbacks(const cnn__safetensors *file, cnn_model *model,
                                 const cnn__json *list) {
  if (!is_list(list) || list->count > CNN_MAX_CALLBACKS + 1)
    return wrong(file, "a list of callbacks is expected");
  if (list->count == 0) return CNN_OK;
  cnn__callback_state *states =
      cnn__calloc_array(model->context, list->count, sizeof *states, "the states of callbacks");
  bool *taken = states ? cnn__calloc_array(model->context, file->count, sizeof *taken,
                                           "the callbacks' tensors")
                       : NULL;
  size_t count = 0;
  cnn_status status = taken ? CNN_OK : CNN_E_NOMEM;
  for (const cnn__json *json = cnn__json_first(list); json && !status; json = json->next) {
    status = json->type == CNN__JSON_OBJECT
                 ? read_callback(file, json, count, model->context, &states[count], taken)
                 : wrong(file, "a callback is an object");
    if (!status) count++;
  }
  cnn__free(model->context, taken);
  if (!status) {
    cnn__training_set_callback_states(model->training, states, count);
    return CNN_OK;
  }
  for (size_t i = 0; i < count; i++)
    cnn__callback_state_end(&states[i]);
  cnn__free(model->context, states);
  return status;
}

cnn_status cnn__training_read(const cnn__safetensors *file, cnn_model *model) {
  cnn__json *root = NULL;
  cnn_status status = cnn__text_parse(file, "training", &root);
  if (status || !root) return status;
  if (root->type != CNN__JSON_OBJECT || root->count != 5)
    status = wrong(file, "optimizer, loss, metrics, history and callbacks are expected");
  if (!status) status = read_parts(file, model, root);
  if (!status) status = read_counters(file, model);
  if (!status) status = read_states(file, model->training);
  if (!status) status = read_slots(file, model);
  if (!status) status = read_history(file, model, cnn__json_get(root, "history"));
  if (!status) status = read_callbacks(file, model, cnn__json_get(root, "callbacks"));
  cnn__json_free(file->context, root);
  return status;
}
