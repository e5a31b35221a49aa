/* Class names, preprocessing and notes in model files. */
#include "io/extras.h"
#include <math.h>
#include <string.h>

static void write_numbers(cnn__text *text, const char *name, const double *values, size_t count) {
  cnn__text_format(text, ",\"%s\":[", name);
  for (size_t i = 0; values && i < count; i++) {
    if (i) cnn__text_append(text, ",", 1);
    cnn__json_write_real(text, values[i]);
  }
  cnn__text_append(text, "]", 1);
}

void cnn__extras_write(cnn__bundle *bundle, const cnn_model *model) {
  cnn__text text;
  if (model->class_count) {
    cnn__text_start(&text, bundle->context);
    for (size_t i = 0; i < model->class_count; i++) {
      cnn__text_append(&text, i ? "," : "[", 1);
      cnn__json_write_string(&text, model->class_names[i]);
    }
    cnn__text_append(&text, "]", 1);
    cnn__bundle_text(bundle, "classes", &text);
  }
  if (model->preprocesses) {
    const cnn__preprocessing *p = &model->preprocessing;
    cnn__text_start(&text, bundle->context);
    cnn__text_format(&text, "{\"scale\":");
    cnn__json_write_real(&text, p->rescale);
    write_numbers(&text, "mean", p->mean, p->channels);
    write_numbers(&text, "deviation", p->deviation, p->channels);
    cnn__text_append(&text, "}", 1);
    cnn__bundle_text(bundle, "preprocessing", &text);
  }
  if (model->note_count) {
    cnn__text_start(&text, bundle->context);
    for (size_t i = 0; i < model->note_count; i++) {
      cnn__text_append(&text, i ? "," : "{", 1);
      cnn__json_write_string(&text, model->notes[i].name);
      cnn__text_append(&text, ":", 1);
      cnn__json_write_string(&text, model->notes[i].value);
    }
    cnn__text_append(&text, "}", 1);
    cnn__bundle_text(bundle, "notes", &text);
  }
}

static cnn_status wrong(const cnn__safetensors *file, const char *what) {
  return cnn__fail(CNN_E_FORMAT, "%s: %s", file->path, what);
}

static cnn_status read_classes(const cnn__safetensors *file, cnn_model *model,
                               const cnn__json *root) {
  size_t count = 0;
  if (root->type != CNN__JSON_ARRAY) return wrong(file, "classes: a list of names is expected");
  const char **names =
      cnn__alloc_array(model->context, root->count, sizeof *names, "the names of classes");
  if (!names) return CNN_E_NOMEM;
  cnn_status status = CNN_OK;
  for (const cnn__json *item = cnn__json_first(root); item; item = item->next) {
    if (item->type != CNN__JSON_STRING)
      status = wrong(file, "classes: names are texts");
    else
      names[count++] = item->value.string;
  }
  if (!status) {
    status = cnn_model_set_class_names(model, names, (int64_t)count);
    if (status) cnn__fail_prefix(status, "%s", file->path);
  }
  cnn__free(model->context, names);
  return status;
}

/* A list of numbers, one a channel, or none. */
static bool read_numbers(const cnn__json *list, double *values, size_t *count) {
  *count = 0;
  if (list->type != CNN__JSON_ARRAY) return false;
  for (const cnn__json *item = cnn__json_first(list); item; item = item->next)
    if (!cnn__json_number(item, &values[(*count)++])) return false;
  return true;
}

static cnn_status read_preprocessing(const cnn__safetensors *file, cnn_model *model,
                                     const cnn__json *root) {
  const cnn__shape *input = cnn__network_input_shape(model->network);
  size_t channels = input->dim[input->rank - 1], means = 0, deviations = 0;
  const cnn__json *scale = cnn__json_get(root, "scale"), *mean = cnn__json_get(root, "mean"),
                  *deviation = cnn__json_get(root, "deviation");
  double factor;
  if (root->type != CNN__JSON_OBJECT || root->count != 3 || !scale ||
      !cnn__json_number(scale, &factor) || !mean || !deviation || mean->count > channels ||
      deviation->count > channels)
    return wrong(file, "preprocessing: scale, mean and deviation are expected");
  double *values =
      cnn__alloc_array(model->context, 2 * channels, sizeof *values, "a model's preprocessing");
  if (!values) return CNN_E_NOMEM;
  cnn_status status = CNN_OK;
  if (!read_numbers(mean, values, &means) ||
      !read_numbers(deviation, values + channels, &deviations) || (means && means != channels) ||
      (deviations && deviations != channels))
    status = wrong(file, "preprocessing: a number for each channel is expected");
  if (!status) {
    status = cnn_model_set_preprocessing(model, factor, means ? values : NULL,
                                         deviations ? values + channels : NULL, (int64_t)channels);
    if (status) cnn__fail_prefix(status, "%s", file->path);
  }
  cnn__free(model->context, values);
  return status;
}

static cnn_status read_notes(const cnn__safetensors *file, cnn_model *model,
                             const cnn__json *root) {
  if (root->type != CNN__JSON_OBJECT) return wrong(file, "notes: names and texts are expected");
  cnn_status status = CNN_OK;
  for (const cnn__json *note = cnn__json_first(root); note && !status; note = note->next)
    status = note->type == CNN__JSON_STRING
                 ? cnn__model_put_note(model, note->key, note->value.string, true)
                 : wrong(file, "notes: names and texts are expected");
  return status;
}

cnn_status cnn__extras_read(cnn__safetensors *file, cnn_model *model) {
  static const struct {
    const char *name;
    cnn_status (*read)(const cnn__safetensors *file, cnn_model *model, const cnn__json *root);
  } parts[] = {
      {"classes", read_classes}, {"preprocessing", read_preprocessing}, {"notes", read_notes}};
  cnn_status status = CNN_OK;
  for (size_t i = 0; i < sizeof parts / sizeof *parts && !status; i++) {
    cnn__json *root = NULL;
    status = cnn__text_parse(file, parts[i].name, &root);
    if (!status && root) status = parts[i].read(file, model, root);
    cnn__json_free(file->context, root);
  }
  return status;
}
