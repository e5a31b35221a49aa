/* What predicting needs beside the weights: class names, preprocessing; and notes. */
#include "base/size.h"
#include "base/utf8.h"
#include "model/model.h"
#include <math.h>
#include <string.h>

enum { LONGEST_TEXT = 1 << 20, MAX_NOTES = 1024 };

/* ---- class names ---- */

/* One block for all: first where each is. */
cnn_status cnn__model_set_class_names(cnn_model *model, const char *const *names, size_t count) {
  char **copies = NULL;
  if (count > 0) {
    size_t bytes = count * sizeof *copies; /* as much as the caller has of them */
    for (size_t i = 0; i < count; i++)
      if (!cnn__size_add(bytes, strlen(names[i]) + 1, &bytes)) bytes = SIZE_MAX;
    copies = cnn__alloc(model->context, bytes, "class names");
    if (copies == NULL) return CNN_E_NOMEM;
    char *to = (char *)(copies + count);
    for (size_t i = 0; i < count; i++) {
      const size_t size = strlen(names[i]) + 1;
      copies[i] = memcpy(to, names[i], size);
      to += size;
    }
  }
  cnn__free(model->context, model->class_names);
  model->class_names = copies;
  model->class_count = count;
  return CNN_OK;
}

/* Texts go into files: UTF-8, of bounded length. */
static cnn_status check_text(const char *who, const char *what, const char *text) {
  size_t size = strlen(text);
  if (size > LONGEST_TEXT)
    return cnn__fail(CNN_E_INVALID, "%s: a %s of %zu bytes; at most %d are allowed", who, what,
                     size, LONGEST_TEXT);
  for (size_t i = 0; i < size;) {
    size_t length = cnn__utf8_length(text + i, size - i);
    if (length == 0)
      return cnn__fail(CNN_E_INVALID, "%s: the %s is no UTF-8 at byte %zu", who, what, i);
    i += length;
  }
  return CNN_OK;
}

size_t cnn__model_classes(const cnn_model *model) {
  const cnn__shape *output = cnn__network_output_shape(model->network);
  return output->rank == 0 ? 1 : output->dim[output->rank - 1];
}

cnn_status cnn_model_set_class_names(cnn_model *model, const char *const *names, int64_t count) {
  const char *who = "cnn_model_set_class_names";
  if (model == NULL) return cnn__fail_null(who, "model");
  if (names == NULL) return cnn__fail_null(who, "names");
  size_t classes = cnn__model_classes(model);
  /* One output tells two classes apart. */
  if (count < 1 || ((uint64_t)count != classes && !(classes == 1 && count == 2)))
    return cnn__fail(CNN_E_INVALID, "%s: %lld names, but the model's output has %zu classes", who,
                     (long long)count, classes);
  for (int64_t i = 0; i < count; i++) {
    if (names[i] == NULL) return cnn__fail_null(who, "a name");
    cnn_status status = check_text(who, "name", names[i]);
    if (status != CNN_OK) return status;
  }
  return cnn__model_set_class_names(model, names, (size_t)count);
}

const char *cnn_model_class_name(const cnn_model *model, int64_t index) {
  if (!cnn__given("cnn_model_class_name", "model", model)) return NULL;
  return index >= 0 && (uint64_t)index < model->class_count ? model->class_names[index] : NULL;
}

/* ---- preprocessing ---- */

/* A copy; NULL stays NULL. */
static bool copy_reals(cnn_context *context, const double *from, size_t count, double **to) {
  *to = NULL;
  if (from == NULL || count == 0) return true;
  *to = cnn__alloc_array(context, count, sizeof **to, "preprocessing");
  if (*to == NULL) return false;
  memcpy(*to, from, count * sizeof **to);
  return true;
}

static void free_reals(cnn_context *context, const double *reals) {
  cnn__free(context, (double *)(uintptr_t)reals);
}

cnn_status cnn__model_set_preprocessing(cnn_model *model, const cnn__preprocessing *wanted) {
  double *mean, *deviation;
  bool whole = copy_reals(model->context, wanted->mean, wanted->channels, &mean);
  whole = copy_reals(model->context, wanted->deviation, wanted->channels, &deviation) && whole;
  if (!whole) {
    cnn__free(model->context, mean);
    cnn__free(model->context, deviation);
    return CNN_E_NOMEM;
  }
  free_reals(model->context, model->preprocessing.mean);
  free_reals(model->context, model->preprocessing.deviation);
  model->preprocesses = true;
  model->preprocessing =
      (cnn__preprocessing){.rescale = wanted->rescale,
                           .channels = mean == NULL && deviation == NULL ? 0 : wanted->channels,
                           .mean = mean,
                           .deviation = deviation};
  return CNN_OK;
}

cnn__preprocessing cnn__model_preprocessing(const cnn_model *model) {
  return model->preprocesses ? model->preprocessing : (cnn__preprocessing){.rescale = 1};
}

static cnn_status check_preprocessing(const char *who, const cnn_model *model,
                                      const cnn__preprocessing *wanted) {
  if (!isfinite(wanted->rescale) || wanted->rescale == 0)
    return cnn__fail(CNN_E_INVALID, "%s: scale is 0 or not finite", who);
  if (wanted->mean == NULL && wanted->deviation == NULL) return CNN_OK;
  const cnn__shape *input = cnn__network_input_shape(model->network);
  size_t depth = input->rank == 0 ? 1 : input->dim[input->rank - 1];
  if (wanted->channels != depth)
    return cnn__fail(CNN_E_INVALID, "%s: %zu channels, but the model's input has %zu", who,
                     wanted->channels, depth);
  for (size_t i = 0; i < depth; i++) {
    if (wanted->mean != NULL && !isfinite(wanted->mean[i]))
      return cnn__fail(CNN_E_INVALID, "%s: mean %zu is not finite", who, i);
    if (wanted->deviation != NULL && !(wanted->deviation[i] > 0 && isfinite(wanted->deviation[i])))
      return cnn__fail(CNN_E_INVALID, "%s: deviation %zu is not a number above 0", who, i);
  }
  return CNN_OK;
}

cnn_status cnn_model_set_preprocessing(cnn_model *model, double scale, const double *mean,
                                       const double *deviation, int64_t channels) {
  const char *who = "cnn_model_set_preprocessing";
  if (model == NULL) return cnn__fail_null(who, "model");
  if (channels < 0) return cnn__fail(CNN_E_INVALID, "%s: %lld channels", who, (long long)channels);
  cnn__preprocessing wanted = {
      .rescale = scale, .channels = (size_t)channels, .mean = mean, .deviation = deviation};
  cnn_status status = check_preprocessing(who, model, &wanted);
  return status != CNN_OK ? status : cnn__model_set_preprocessing(model, &wanted);
}

/* ---- notes ---- */

static cnn__note *find_note(const cnn_model *model, const char *name) {
  for (size_t i = 0; i < model->note_count; i++)
    if (*model->notes[i].name == *name && strcmp(model->notes[i].name, name) == 0)
      return &model->notes[i];
  return NULL;
}

static void remove_note(cnn_model *model, cnn__note *note) {
  cnn__free(model->context, note->name);
  cnn__free(model->context, note->value);
  size_t behind = model->note_count - (size_t)(note - model->notes) - 1;
  memmove(note, note + 1, behind * sizeof *note);
  model->note_count--;
}

static cnn_status add_note(cnn_model *model, const char *name, char *value) {
  if (model->note_count == MAX_NOTES)
    return cnn__fail(CNN_E_INVALID, "cnn_model_set_note: more than %d notes", MAX_NOTES);
  if ((model->note_count & (model->note_count - 1)) == 0) { /* room for the next power of two */
    cnn__note *notes =
        cnn__realloc_array(model->context, model->notes, cnn__size_max(1, 2 * model->note_count),
                           sizeof *notes, "notes");
    if (notes == NULL) return CNN_E_NOMEM;
    model->notes = notes;
  }
  char *copy = cnn__strdup(model->context, name);
  if (copy == NULL) return CNN_E_NOMEM;
  model->notes[model->note_count++] = (cnn__note){.name = copy, .value = value};
  return CNN_OK;
}

cnn_status cnn__model_put_note(cnn_model *model, const char *name, const char *value, bool is_new) {
  const char *who = "cnn_model_set_note";
  if (name[0] == 0) return cnn__fail(CNN_E_INVALID, "%s: the name is empty", who);
  cnn_status status = check_text(who, "name", name);
  if (status == CNN_OK && value != NULL) status = check_text(who, "value", value);
  if (status != CNN_OK) return status;
  cnn__note *note = is_new ? NULL : find_note(model, name);
  if (value == NULL) {
    if (note != NULL) remove_note(model, note);
    return CNN_OK;
  }
  char *copy = cnn__strdup(model->context, value);
  if (copy == NULL) return CNN_E_NOMEM;
  if (note != NULL) {
    cnn__free(model->context, note->value);
    note->value = copy;
    return CNN_OK;
  }
  status = add_note(model, name, copy);
  if (status != CNN_OK) cnn__free(model->context, copy);
  return status;
}

cnn_status cnn_model_set_note(cnn_model *model, const char *name, const char *value) {
  const char *who = "cnn_model_set_note";
  if (model == NULL) return cnn__fail_null(who, "model");
  if (name == NULL) return cnn__fail_null(who, "name");
  return cnn__model_put_note(model, name, value, false);
}

const char *cnn_model_note(const cnn_model *model, const char *name) {
  if (model == NULL || name == NULL) {
    cnn__fail_null("cnn_model_note", model == NULL ? "model" : "name");
    return NULL;
  }
  const cnn__note *note = find_note(model, name);
  return note == NULL ? NULL : note->value;
}
