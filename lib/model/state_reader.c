/* A callback's state read from its JSON, strictly. */
#include "model/callback.h"
#include <string.h>

cnn_status cnn__state_read(cnn__state_reader *reader, const char *who,
                           const cnn__callback_state *state) {
  *reader = (cnn__state_reader){.context = state->context, .who = who};
  if (state->json == NULL) return cnn__fail(CNN_E_FORMAT, "%s: its state is missing", who);
  cnn_status status =
      cnn__json_parse(state->context, who, state->json, strlen(state->json), &reader->root);
  if (status != CNN_OK) return status;
  if (reader->root->type != CNN__JSON_OBJECT)
    reader->status = cnn__fail(CNN_E_FORMAT, "%s: its state is no object", who);
  return CNN_OK;
}

/* A member of a type; NULL after CNN_E_FORMAT. */
static const cnn__json *member(cnn__state_reader *reader, const char *name) {
  const cnn__json *found = reader->status == CNN_OK ? cnn__json_get(reader->root, name) : NULL;
  if (found != NULL) {
    reader->members++;
    return found;
  }
  if (reader->status == CNN_OK)
    reader->status = cnn__fail(CNN_E_FORMAT, "%s: its state lacks \"%s\"", reader->who, name);
  return NULL;
}

/* Counters go on from what a file says: there is room above. */
static const int64_t MOST = INT64_C(1) << 53;

static void refuse(cnn__state_reader *reader, const char *name) {
  reader->status = cnn__fail(CNN_E_FORMAT,
                             "%s: \"%s\" of its state is of another type or out of "
                             "range",
                             reader->who, name);
}

int64_t cnn__state_integer(cnn__state_reader *reader, const char *name) {
  const cnn__json *found = member(reader, name);
  if (found == NULL) return 0;
  if (found->type == CNN__JSON_INTEGER && found->value.integer >= 0 && found->value.integer <= MOST)
    return found->value.integer;
  refuse(reader, name);
  return 0;
}

bool cnn__state_flag(cnn__state_reader *reader, const char *name) {
  const cnn__json *found = member(reader, name);
  if (found == NULL) return false;
  if (found->type == CNN__JSON_BOOL) return found->value.integer != 0;
  refuse(reader, name);
  return false;
}

double cnn__state_real(cnn__state_reader *reader, const char *name, double none) {
  const cnn__json *found = member(reader, name);
  double value = none;
  if (found == NULL || found->type == CNN__JSON_NULL) return none;
  if (!cnn__json_number(found, &value)) refuse(reader, name);
  return value;
}

cnn_status cnn__state_read_end(cnn__state_reader *reader) {
  if (reader->status == CNN_OK && reader->members != reader->root->count)
    reader->status = cnn__fail(CNN_E_FORMAT, "%s: its state has unknown members", reader->who);
  cnn__json_free(reader->context, reader->root);
  reader->root = NULL;
  return reader->status;
}
