#include "layers/layer.h"

#include "base/utf8.h"
#include <string.h>

enum { LONGEST_NAME = 200 };

/* Names appear in files (UTF-8), in messages and tables (no control characters), and before a
   parameter's own name ("conv2d_1/kernel": no slash). */
static cnn_status check_name(const char *who, const char *name) {
  size_t size = strlen(name);
  if (size == 0 || size > LONGEST_NAME)
    return cnn__fail(CNN_E_INVALID, "%s: a name of %zu bytes; 1 to %d are allowed", who, size,
                     LONGEST_NAME);
  for (size_t i = 0; i < size;) {
    if (name[i] > '/' && name[i] < 0x7f) { /* as nearly all are */
      i++;
      continue;
    }
    size_t length = cnn__utf8_length(name + i, size - i);
    unsigned char first = (unsigned char)name[i];
    if (length == 0)
      return cnn__fail(CNN_E_INVALID, "%s: the name is no UTF-8 at byte %zu", who, i);
    if (first < 0x20 || first == 0x7f || first == '/')
      return cnn__fail(CNN_E_INVALID,
                       "%s: the name has byte %d at %zu; no slash and no control character may be",
                       who, first, i);
    i += length;
  }
  return CNN_OK;
}

static const char **name_member(const cnn__layer_class *class, void *settings) {
  return (const char **)((uintptr_t)settings + class->name_offset);
}

/* Where a name lies that was known before there was the layer: behind its settings. */
static char *name_room(const cnn_layer *layer) {
  return (char *)layer->settings + layer->class->settings_size;
}

/* A layer of zeroed settings, which lie behind it, and of that name or none yet; its context is kept. */
static cnn_layer *new_layer(cnn_context *context, const cnn__layer_class *class, const char *name) {
  const size_t name_size = name != NULL ? strlen(name) + 1 : 0;
  cnn_layer *layer =
      cnn__calloc_array(context, 1, sizeof *layer + class->settings_size + name_size, "a layer");
  if (layer == NULL) return NULL;
  layer->context = cnn__context_retain(context);
  layer->class = class;
  layer->settings = layer + 1;
  if (name != NULL) layer->name = memcpy(name_room(layer), name, name_size);
  return layer;
}

/* Takes the name out of the settings, puts the defaults in, checks. */
static cnn_status complete(cnn_layer *layer) {
  const cnn__layer_class *class = layer->class;
  const char **member = name_member(class, layer->settings), *name = *member;
  *member = NULL;
  cnn_status status = CNN_OK;
  if (name != NULL) status = check_name(class->base_name, name);
  if (status == CNN_OK && name != NULL) {
    layer->name = cnn__strdup(layer->context, name);
    if (layer->name == NULL) status = CNN_E_NOMEM;
  }
  if (status != CNN_OK) return status;
  const char *who = name != NULL ? layer->name : class->base_name;
  if (class->defaults != NULL) class->defaults(layer->settings);
  status = cnn__settings_complete(who, class->fields, class->field_count, layer->settings);
  if (status == CNN_OK && class->check != NULL) status = class->check(who, layer->settings);
  return status;
}

cnn_layer *cnn__layer_create(const cnn__layer_class *class, const char *function,
                             const void *options) {
  cnn_context *context = cnn__context_acquire();
  if (context == NULL) return NULL;
  cnn_layer *layer = new_layer(context, class, NULL);
  cnn_context_free(context);
  if (layer == NULL) return NULL;
  cnn_status status = cnn__options_read(function, layer->settings, class->settings_size, options);
  if (status == CNN_OK) status = complete(layer);
  if (status == CNN_OK) return layer;
  cnn_layer_free(layer);
  return NULL;
}

void cnn_layer_free(cnn_layer *layer) {
  if (layer == NULL) return;
  cnn_context *context = layer->context;
  if (layer->name != name_room(layer)) cnn__free(context, layer->name);
  cnn__free(context, layer);
  cnn_context_free(context);
}

bool cnn__layer_frozen(const cnn_layer *layer) {
  const cnn__layer_class *class = layer->class;
  for (size_t i = 0; i < class->field_count; i++) {
    int64_t value;
    if (strcmp(class->fields[i].name, "frozen") != 0) continue;
    memcpy(&value, (const unsigned char *)layer->settings + class->fields[i].offset, sizeof value);
    return value != 0;
  }
  return false;
}

cnn_activation_kind cnn__layer_activation(const cnn_layer *layer, double *slope) {
  const cnn__layer_class *class = layer->class;
  const unsigned char *settings = layer->settings;
  int64_t kind = CNN_LINEAR;
  if (class->activation_offset != 0)
    memcpy(&kind, settings + class->activation_offset, sizeof kind);
  *slope = cnn__activation_default_slope((cnn_activation_kind)kind);
  if (class->slope_offset != 0) memcpy(slope, settings + class->slope_offset, sizeof *slope);
  return (cnn_activation_kind)kind;
}

void cnn__layer_write(cnn__text *text, const cnn_layer *layer, const char *name) {
  const cnn__layer_class *class = layer->class;
  cnn__text_format(text, "{\"class\":\"%s\",\"name\":", class->class_name);
  cnn__json_write_string(text, name);
  cnn__settings_write(text, class->fields, class->field_count, layer->settings);
  cnn__text_append(text, "}", 1);
}

static cnn_status read_settings(const cnn__json *json, cnn_layer *layer) {
  static const char *const others[] = {"class", "name", NULL};
  const cnn__layer_class *class = layer->class;
  const char *who = layer->name;
  cnn_status status = CNN_OK;
  memcpy(layer->settings, &class->settings_size, sizeof class->settings_size);
  if (json->count != class->field_count + 2)
    status = cnn__fail(CNN_E_FORMAT, "%s: %zu members where %s has %zu", who, (size_t)json->count,
                       class->class_name, class->field_count + 2);
  /* Which member is unknown or missing says more than how many there are. */
  cnn_status fields =
      cnn__settings_read(who, class->fields, class->field_count, json, others, layer->settings);
  if (fields != CNN_OK) return fields;
  if (status == CNN_OK && class->check != NULL) status = class->check(who, layer->settings);
  return status;
}

cnn_status cnn__layer_restore(cnn_context *context, const char *what, const cnn__layer_class *class,
                              const char *name, const cnn__json *json, cnn_layer **out) {
  cnn_status status = check_name(what, name);
  if (status != CNN_OK) return status;
  cnn_layer *layer = new_layer(context, class, name);
  if (layer == NULL) return CNN_E_NOMEM;
  status = read_settings(json, layer);
  if (status != CNN_OK) cnn__fail_prefix(status, "%s", what);
  if (status == CNN_OK)
    *out = layer;
  else
    cnn_layer_free(layer);
  return status;
}
