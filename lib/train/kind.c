#include "train/kind.h"
#include <stdio.h>
#include <string.h>

cnn_status cnn__kind_options(const cnn__kind *kind, const char *function, const void *options,
                             void *settings) {
  memset(settings, 0, kind->settings_size);
  cnn_status status = cnn__options_read(function, settings, kind->settings_size, options);
  if (status) return status;
  return cnn__settings_complete(function, kind->fields, kind->field_count, settings);
}

void cnn__kind_write(cnn__text *text, const cnn__kind *kind, const void *settings) {
  cnn__text_format(text, "{\"kind\":\"%s\"", kind->name);
  cnn__settings_write(text, kind->fields, kind->field_count, settings);
}

static const cnn__kind *find(const cnn__kind *const *kinds, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(kinds[i]->name, name) == 0) return kinds[i];
    if (kinds[i]->alias && strcmp(kinds[i]->alias, name) == 0) return kinds[i];
  }
  return NULL;
}

const cnn__kind *cnn__kind_named(const cnn__kind *const *kinds, size_t count, const char *function,
                                 const char *noun, const char *name) {
  if (!cnn__given(function, "name", name)) return NULL;
  const cnn__kind *kind = find(kinds, count, name);
  if (kind) return kind;
  char list[320] = "";
  size_t used = 0;
  for (size_t i = 0; i < count; i++) {
    int written = snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", kinds[i]->name);
    if (written < 0 || (size_t)written >= sizeof list - used) break;
    used += (size_t)written;
  }
  cnn__fail(CNN_E_NOT_FOUND, "%s \"%.64s\" is unknown; there are %s", noun, name, list);
  return NULL;
}

cnn_status cnn__kind_read(const cnn__kind *const *kinds, size_t count, const char *what,
                          const cnn__json *json, const char *const *others, void *settings,
                          const cnn__kind **kind) {
  const cnn__json *name = json->type == CNN__JSON_OBJECT ? cnn__json_get(json, "kind") : NULL;
  if (!name || name->type != CNN__JSON_STRING)
    return cnn__fail(CNN_E_FORMAT, "%s: an object with a \"kind\" is expected", what);
  *kind = find(kinds, count, name->value.string);
  if (!*kind)
    return cnn__fail(CNN_E_FORMAT, "%s: unknown kind \"%.64s\"", what, name->value.string);
  memset(settings, 0, (*kind)->settings_size);
  memcpy(settings, &(*kind)->settings_size, sizeof(size_t)); /* struct_size comes first */
  return cnn__settings_read(what, (*kind)->fields, (*kind)->field_count, json, others, settings);
}
