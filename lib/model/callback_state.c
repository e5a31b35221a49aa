/* Callbacks' states apart from the callbacks: made at a fit's end and for files, given back to the
   next fit. */
#include "base/size.h"
#include "model/fit.h"
#include <string.h>

cnn_status cnn__callback_state_start(cnn__callback_state *state, cnn_context *context,
                                     const char *callback) {
  *state = (cnn__callback_state){.context = context};
  state->callback = cnn__strdup(context, callback);
  return state->callback == NULL ? CNN_E_NOMEM : CNN_OK;
}

void cnn__callback_state_end(cnn__callback_state *state) {
  for (size_t i = 0; i < state->array_count; i++) {
    cnn__free(state->context, state->arrays[i].values); /* and its name, behind them */
  }
  cnn__free(state->context, state->arrays);
  cnn__free(state->context, state->callback);
  cnn__free(state->context, state->json);
  *state = (cnn__callback_state){.array_count = 0};
}

cnn_status cnn__callback_state_set(cnn__callback_state *state, cnn__text *text) {
  cnn_status status = text->status;
  char *json = NULL;
  if (status == CNN_OK) {
    json = cnn__strdup(state->context, text->bytes == NULL ? "" : text->bytes);
    if (json == NULL) status = CNN_E_NOMEM;
  }
  cnn__text_free(text);
  if (status != CNN_OK) return status;
  cnn__free(state->context, state->json);
  state->json = json;
  return CNN_OK;
}

cnn_status cnn__callback_state_add(cnn__callback_state *state, const char *name, size_t count,
                                   float **values) {
  const char *what = "a callback's state";
  const size_t have = state->array_count, size = strlen(name) + 1;
  size_t bytes;
  if ((have & (have - 1)) == 0) { /* room for the next power of two */
    cnn__state_array *arrays = cnn__realloc_array(state->context, state->arrays,
                                                  cnn__size_max(1, 2 * have), sizeof *arrays, what);
    if (arrays == NULL) return CNN_E_NOMEM;
    state->arrays = arrays;
  }
  if (!cnn__size_mul(count, sizeof(float), &bytes) || !cnn__size_add(bytes, size, &bytes))
    bytes = SIZE_MAX; /* which there is not */
  float *made = cnn__calloc_array(state->context, 1, bytes, what);
  if (made == NULL) return CNN_E_NOMEM;
  cnn__state_array array = {.name = (char *)(made + count), .count = count, .values = made};
  memcpy(array.name, name, size);
  state->arrays[state->array_count++] = array;
  *values = made;
  return CNN_OK;
}

const cnn__state_array *cnn__callback_state_find(const cnn__callback_state *state,
                                                 const char *name) {
  for (size_t i = 0; i < state->array_count; i++)
    if (strcmp(state->arrays[i].name, name) == 0) return &state->arrays[i];
  return NULL;
}

/* ---- all of a training's ---- */

static void free_states(cnn_context *context, cnn__callback_state *states, size_t count) {
  for (size_t i = 0; i < count; i++)
    cnn__callback_state_end(&states[i]);
  cnn__free(context, states);
}

void cnn__training_set_callback_states(cnn__training *training, cnn__callback_state *states,
                                       size_t count) {
  free_states(training->context, training->callback_states, training->callback_state_count);
  training->callback_states = states;
  training->callback_state_count = count;
}

static cnn_status collect_one(const cnn_model *model, const cnn_callback *callback,
                              cnn__callback_state *state) {
  cnn_status status =
      cnn__callback_state_start(state, model->training->context, callback->class->name);
  return status == CNN_OK ? callback->class->save(callback, model, state) : status;
}

cnn_status cnn__training_collect(const cnn_model *model) {
  cnn__training *training = model->training;
  if (training == NULL || model->fit == NULL) return CNN_OK;
  const cnn_fit *fit = model->fit;
  cnn__callback_state *states = cnn__calloc_array(training->context, CNN_MAX_CALLBACKS + 1,
                                                  sizeof *states, "callbacks' states");
  if (states == NULL) return CNN_E_NOMEM;
  size_t count = 0;
  for (size_t i = 0; i < fit->callback_count; i++) {
    if (fit->callbacks[i]->class->save == NULL) continue;
    cnn_status status = collect_one(model, fit->callbacks[i], &states[count++]);
    if (status == CNN_OK) continue;
    free_states(training->context, states, count);
    return status;
  }
  cnn__training_set_callback_states(training, states, count);
  return CNN_OK;
}
