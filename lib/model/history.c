#include "model/history.h"

#include <string.h>

void cnn__history_free(cnn_history *history) {
  if (history == NULL) return;
  cnn_context *context = history->context;
  for (size_t i = 0; i < history->series; i++) {
    if (history->names != NULL) cnn__free(context, history->names[i]);
    if (history->values != NULL) cnn__free(context, history->values[i]);
  }
  cnn__free(context, history->names);
  cnn__free(context, history->values);
  cnn__free(context, history->seconds);
  cnn__free(context, history);
  cnn_context_free(context);
}

static cnn_status copy_names(cnn_history *history, const char *const *names) {
  for (size_t i = 0; i < history->series; i++) {
    history->names[i] = cnn__strdup(history->context, names[i]);
    if (history->names[i] == NULL) return CNN_E_NOMEM;
  }
  return CNN_OK;
}

cnn_history *cnn__history_new(cnn_context *context, const char *const *names, size_t series) {
  cnn_history *history = cnn__calloc_array(context, 1, sizeof *history, "a history");
  if (history == NULL) return NULL;
  history->context = cnn__context_retain(context);
  history->series = series;
  history->names = cnn__calloc_array(context, series, sizeof *history->names, "a history");
  history->values = cnn__calloc_array(context, series, sizeof *history->values, "a history");
  if (history->names != NULL && history->values != NULL && copy_names(history, names) == CNN_OK)
    return history;
  cnn__history_free(history);
  return NULL;
}

static bool grow(cnn_history *history, double **series, size_t epochs) {
  double *grown = cnn__realloc_array(history->context, *series, epochs, sizeof *grown, "a history");
  if (grown != NULL) *series = grown;
  return grown != NULL;
}

cnn_status cnn__history_reserve(cnn_history *history, size_t epochs) {
  if (epochs <= history->capacity) return CNN_OK;
  for (size_t i = 0; i < history->series; i++)
    if (!grow(history, &history->values[i], epochs)) return CNN_E_NOMEM;
  if (!grow(history, &history->seconds, epochs)) return CNN_E_NOMEM;
  history->capacity = epochs;
  return CNN_OK;
}

cnn_status cnn__history_append(cnn_history *history, const double *values, double seconds) {
  if (history->epochs == history->capacity) {
    cnn_status status = cnn__history_reserve(history, 2 * history->capacity + 8);
    if (status != CNN_OK) return status;
  }
  for (size_t i = 0; i < history->series; i++)
    history->values[i][history->epochs] = values[i];
  history->seconds[history->epochs++] = seconds;
  return CNN_OK;
}

bool cnn__history_has(const cnn_history *history, const char *const *names, size_t series) {
  if (history->series != series) return false;
  for (size_t i = 0; i < series; i++)
    if (strcmp(history->names[i], names[i]) != 0) return false;
  return true;
}

/* ---- the public face ---- */

int64_t cnn_history_epochs(const cnn_history *history) {
  return cnn__given("cnn_history_epochs", "history", history) ? (int64_t)history->epochs : 0;
}

int64_t cnn_history_count(const cnn_history *history) {
  return cnn__given("cnn_history_count", "history", history) ? (int64_t)history->series : 0;
}

const char *cnn_history_name(const cnn_history *history, int64_t series) {
  if (!cnn__given("cnn_history_name", "history", history)) return NULL;
  return series >= 0 && (uint64_t)series < history->series ? history->names[series] : NULL;
}

const double *cnn_history_series(const cnn_history *history, const char *name) {
  if (!cnn__given("cnn_history_series", "history", history)) return NULL;
  for (size_t i = 0; name != NULL && i < history->series; i++)
    if (strcmp(history->names[i], name) == 0) return history->values[i];
  return NULL;
}

const double *cnn_history_seconds(const cnn_history *history) {
  return cnn__given("cnn_history_seconds", "history", history) ? history->seconds : NULL;
}
