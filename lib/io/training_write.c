/* How a model learns, and where its training stands, into a model file. */
#include "base/size.h"
#include "io/training.h"
#include <string.h>

static void write_callbacks(cnn__bundle *bundle, cnn__text *text, const cnn__training *training) {
  cnn__text_format(text, ",\"callbacks\":[");
  for (size_t i = 0; i < training->callback_state_count; i++) {
    const cnn__callback_state *state = &training->callback_states[i];
    cnn__text_format(text, "%s{\"callback\":", i ? "," : "");
    cnn__json_write_string(text, state->callback);
    cnn__text_format(text, ",\"state\":");
    cnn__json_write_string(text, state->json ? state->json : "{}");
    cnn__text_format(text, ",\"arrays\":[");
    for (size_t k = 0; k < state->array_count; k++) {
      const cnn__state_array *array = &state->arrays[k];
      const cnn__shape shape = {.rank = 1, .dim = {array->count}};
      if (k) cnn__text_append(text, ",", 1);
      cnn__json_write_string(text, array->name);
      cnn__bundle_named(bundle, CNN_FLOAT32, &shape, array->values, "training/callback/%zu/%s", i,
                        array->name);
    }
    cnn__text_format(text, "]}");
  }
  cnn__text_append(text, "]", 1);
}

static void write_description(cnn__bundle *bundle, const cnn_model *model) {
  const cnn__training *training = model->training;
  cnn__text text;
  cnn__text_start(&text, bundle->context);
  cnn__text_format(&text, "{\"optimizer\":");
  cnn__optimizer_write(&text, training->optimizer);
  cnn__text_format(&text, ",\"loss\":");
  cnn__loss_write(&text, training->loss);
  cnn__text_format(&text, ",\"metrics\":[");
  for (size_t i = 0; i < training->metric_count; i++) {
    if (i) cnn__text_append(&text, ",", 1);
    cnn__metric_write(&text, training->metrics[i]);
  }
  cnn__text_format(&text, "],\"history\":[");
  for (size_t i = 0; i < model->history->series; i++) {
    if (i) cnn__text_append(&text, ",", 1);
    cnn__json_write_string(&text, model->history->names[i]);
  }
  cnn__text_append(&text, "]", 1);
  write_callbacks(bundle, &text, training);
  cnn__text_append(&text, "}", 1);
  cnn__bundle_text(bundle, "training", &text);
}

static void write_history(cnn__bundle *bundle, const cnn_history *history,
                          cnn__training_image *image) {
  const cnn__shape shape = {.rank = 2, .dim = {history->series, history->epochs}};
  size_t count;
  if (bundle->status) return;
  if (!cnn__size_mul(history->series, history->epochs, &count)) {
    bundle->status = cnn__fail(CNN_E_LIMIT, "the history is too large to be saved");
    return;
  }
  image->history =
      cnn__alloc_array(bundle->context, count, sizeof *image->history, "the history to be saved");
  if (!image->history) {
    bundle->status = CNN_E_NOMEM;
    return;
  }
  for (size_t i = 0; i < history->series && history->epochs; i++)
    memcpy(image->history + i * history->epochs, history->values[i],
           history->epochs * sizeof *image->history);
  cnn__bundle_tensor(bundle, "training/history", CNN_FLOAT64, &shape, image->history);
}

static void write_slots(cnn__bundle *bundle, const cnn_model *model) {
  const cnn__training *training = model->training;
  const cnn__network *network = model->network;
  for (size_t slot = 0; slot < training->slot_count; slot++)
    for (size_t i = 0; i < network->parameter_count; i++) {
      const cnn__parameter *parameter = &network->parameters[i];
      if (parameter->spec->statistic) continue;
      cnn__bundle_named(bundle, CNN_FLOAT32, &parameter->spec->shape,
                        training->slots[slot] + parameter->offset, "training/slot/%s/%s",
                        cnn__optimizer_slot_name(training->optimizer, slot), parameter->name);
    }
}

static void write_counters(cnn__bundle *bundle, const cnn_model *model,
                           cnn__training_image *image) {
  const cnn__training *training = model->training;
  const cnn__training_state *state = &training->state;
  const uint64_t counters[16] = {training->seed,
                                 training->step,
                                 state->started,
                                 state->epoch,
                                 state->batch,
                                 state->loader.samples,
                                 state->loader.batch_size,
                                 state->loader.seed,
                                 state->loader.batches,
                                 state->loader.shuffle,
                                 state->loader.drop_last,
                                 state->loader.augments,
                                 training->by_index,
                                 training->label_width,
                                 state->loader.fingerprint};
  const cnn__shape many = {.rank = 1, .dim = {16}}, three = {.rank = 1, .dim = {3}},
                   eight = {.rank = 1, .dim = {CNN__OPTIMIZER_STATE}},
                   pairs = {.rank = 2, .dim = {training->metric_count, 2}};
  memcpy(image->counters, counters, sizeof counters);
  image->sums[0] = state->loss_sum;
  image->sums[1] = state->samples;
  image->sums[2] = state->learning_rate;
  cnn__optimizer_state(training->optimizer, image->optimizer);
  for (size_t i = 0; i < training->metric_count; i++)
    cnn__training_metric_state(model, i, image->metrics[i]);
  cnn__bundle_tensor(bundle, "training/counters", CNN_UINT64, &many, image->counters);
  cnn__bundle_tensor(bundle, "training/sums", CNN_FLOAT64, &three, image->sums);
  cnn__bundle_tensor(bundle, "training/optimizer", CNN_FLOAT64, &eight, image->optimizer);
  cnn__bundle_tensor(bundle, "training/metrics", CNN_FLOAT64, &pairs, image->metrics);
}

void cnn__training_write(cnn__bundle *bundle, const cnn_model *model, cnn__training_image *image) {
  memset(image, 0, sizeof *image);
  image->context = bundle->context;
  if (!model->training || bundle->status) return;
  cnn_status status = cnn__training_collect(model);
  if (status) {
    bundle->status = status;
    return;
  }
  write_description(bundle, model);
  write_counters(bundle, model, image);
  write_history(bundle, model->history, image);
  write_slots(bundle, model);
}

void cnn__training_image_free(cnn__training_image *image) {
  cnn__free(image->context, image->history);
}
