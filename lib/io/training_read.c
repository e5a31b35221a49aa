/* How a model learns, and where its training stands, from a model file. What is read is checked as a caller's arguments
   are: a file may hold anything. */
#include "base/size.h"
#include "io/training.h"
#include <math.h>
#include <string.h>

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

/* The tensor whose name is what begins text, prefix bytes of it, and end. NULL where there is none; text may have failed. */
static const cnn__stored *find_behind(const cnn__safetensors *file, cnn__text *text, size_t prefix,
                                      const char *end) {
  text->size = prefix;
  cnn__text_append(text, end, strlen(end));
  return text->status ? NULL : cnn__safetensors_find(file, text->bytes);
}

/* What a slot holds for a parameter: that it is in the file; and into values, where they are given. */
static cnn_status read_slot(const cnn__safetensors *file, cnn__text *name, size_t prefix,
                            const cnn__parameter *parameter, float *values) {
  char shape[CNN__SHAPE_TEXT];
  const cnn__stored *stored = find_behind(file, name, prefix, parameter->name);
  if (name->status) return name->status;
  if (!stored || stored->dtype != CNN_FLOAT32 ||
      !cnn__shape_equal(&stored->shape, &parameter->spec->shape))
    return cnn__fail(CNN_E_FORMAT, "%s: \"%.100s\" is missing or not F32 of shape %s", file->path,
                     name->bytes, cnn__shape_text(&parameter->spec->shape, shape));
  return values ? cnn__safetensors_read(file, stored, values + parameter->offset) : CNN_OK;
}

/* All slots; slots NULL: only that they are in the file, before memory for them is taken. */
static cnn_status read_slots(const cnn__safetensors *file, const cnn__network *network,
                             const cnn_optimizer *optimizer, float *const *slots) {
  cnn_status status = CNN_OK;
  cnn__text name;
  cnn__text_start(&name, file->context);
  for (size_t slot = 0; slot < cnn__optimizer_slots(optimizer) && !status; slot++) {
    name.size = 0;
    cnn__text_format(&name, "training/slot/%s/", cnn__optimizer_slot_name(optimizer, slot));
    const size_t prefix = name.size;
    status = name.status;
    for (size_t i = 0; i < network->parameter_count && !status; i++)
      if (!network->parameters[i].spec->statistic)
        status =
            read_slot(file, &name, prefix, &network->parameters[i], slots ? slots[slot] : NULL);
  }
  cnn__text_free(&name);
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
  if (!status) status = read_slots(file, model->network, parts.optimizer, NULL);
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

/* Series by series into the history's own arrays. How long epochs took is not in files. */
static cnn_status fill_history(const cnn__safetensors *file, const cnn__stored *stored,
                               cnn_history *history) {
  size_t epochs = history->series ? stored->shape.dim[1] : 0, row = epochs * sizeof(double);
  cnn_status status = cnn__history_reserve(history, epochs);
  for (size_t i = 0; i < history->series && epochs && !status; i++)
    status = cnn__safetensors_read_at(file, stored->offset + i * row, row, history->values[i]);
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
static cnn_status read_array(const cnn__safetensors *file, cnn__callback_state *state,
                             cnn__text *tensor, size_t prefix, const cnn__json *name, bool *taken) {
  if (name->type != CNN__JSON_STRING) return wrong(file, "a callback's arrays have names");
  const cnn__stored *stored = find_behind(file, tensor, prefix, name->value.string);
  if (tensor->status) return tensor->status;
  if (!stored || stored->dtype != CNN_FLOAT32 || stored->shape.rank != 1)
    return wrong(file, "a callback's array is missing");
  if (taken[stored - file->tensors]) return wrong(file, "a callback's array is named twice");
  taken[stored - file->tensors] = true;
  float *values;
  cnn_status status =
      cnn__callback_state_add(state, name->value.string, stored->shape.dim[0], &values);
  return status ? status : cnn__safetensors_read(file, stored, values);
}

static cnn_status read_arrays(const cnn__safetensors *file, const cnn__json *arrays, size_t place,
                              cnn__callback_state *state, bool *taken) {
  cnn__text name;
  cnn__text_start(&name, file->context);
  cnn__text_format(&name, "training/callback/%zu/", place);
  const size_t prefix = name.size;
  cnn_status status = name.status;
  for (const cnn__json *array = cnn__json_first(arrays); array && !status; array = array->next)
    status = read_array(file, state, &name, prefix, array, taken);
  cnn__text_free(&name);
  return status;
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
  if (!status) status = read_arrays(file, arrays, place, state, taken);
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

cnn_status cnn__training_read(cnn__safetensors *file, cnn_model *model) {
  cnn__json *root = NULL;
  cnn_status status = cnn__text_parse(file, "training", &root);
  if (status || !root) return status;
  if (root->type != CNN__JSON_OBJECT || root->count != 5)
    status = wrong(file, "optimizer, loss, metrics, history and callbacks are expected");
  if (!status) status = read_parts(file, model, root);
  if (!status) status = read_counters(file, model);
  if (!status) status = read_states(file, model->training);
  if (!status)
    status = read_slots(file, model->network, model->training->optimizer, model->training->slots);
  if (!status) status = read_history(file, model, cnn__json_get(root, "history"));
  if (!status) status = read_callbacks(file, model, cnn__json_get(root, "callbacks"));
  cnn__json_free(file->context, root);
  return status;
}
