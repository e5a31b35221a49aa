#include "io/bundle.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cnn__bundle_start(cnn__bundle *bundle, cnn_context *context) {
  memset(bundle, 0, sizeof *bundle);
  bundle->context = context;
  bundle->values = CNN__SAFETENSORS_VALUES;
}

/* Room for one more element of a list. */
static void *grown(cnn__bundle *bundle, void *list, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity) return list;
  size_t wanted = *capacity ? 2 * *capacity : 32;
  void *larger = cnn__realloc_array(bundle->context, list, wanted, size, "the parts of a file");
  if (larger)
    *capacity = wanted;
  else
    bundle->status = CNN_E_NOMEM;
  return larger;
}

void cnn__bundle_tensor(cnn__bundle *bundle, const char *name, cnn_dtype dtype,
                        const cnn__shape *shape, const void *data) {
  if (bundle->status) return;
  cnn__saved *tensors = grown(bundle, bundle->tensors, bundle->tensor_count,
                              &bundle->tensor_capacity, sizeof *tensors);
  if (!tensors) return;
  bundle->tensors = tensors;
  tensors[bundle->tensor_count++] = (cnn__saved){name, dtype, *shape, data};
}

/* Keeps a string that the file owns until it is written. */
static const char *keep(cnn__bundle *bundle, char *string) {
  char **names = string ? grown(bundle, bundle->names, bundle->name_count, &bundle->name_capacity,
                                sizeof *names)
                        : NULL;
  if (!names) {
    bundle->status = CNN_E_NOMEM;
    cnn__free(bundle->context, string);
    return NULL;
  }
  bundle->names = names;
  names[bundle->name_count++] = string;
  return string;
}

void cnn__bundle_named(cnn__bundle *bundle, cnn_dtype dtype, const cnn__shape *shape,
                       const void *data, const char *format, ...) {
  if (bundle->status) return;
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  size_t size = length < 0 ? 1 : (size_t)length + 1;
  char *name = cnn__alloc(bundle->context, size, "a tensor's name");
  if (name) {
    va_start(arguments, format);
    vsnprintf(name, size, format, arguments);
    va_end(arguments);
  }
  const char *kept = keep(bundle, name);
  if (kept) cnn__bundle_tensor(bundle, kept, dtype, shape, data);
}

void cnn__bundle_text(cnn__bundle *bundle, const char *name, cnn__text *text) {
  if (!bundle->status && text->status) bundle->status = text->status;
  if (!bundle->status)
    bundle->status = cnn__safetensors_try(bundle->context, name, text->bytes ? text->bytes : "",
                                          text->size, false, &bundle->values);
  if (!bundle->status) {
    const char *value = keep(bundle, cnn__strdup(bundle->context, text->bytes ? text->bytes : ""));
    if (value) bundle->texts[bundle->text_count++] = (cnn__metadata){name, value};
  }
  cnn__text_free(text);
}

void cnn__bundle_end(cnn__bundle *bundle) {
  for (size_t i = 0; i < bundle->name_count; i++)
    cnn__free(bundle->context, bundle->names[i]);
  cnn__free(bundle->context, bundle->names);
  cnn__free(bundle->context, bundle->tensors);
}

cnn_status cnn__text_parse(cnn__safetensors *file, const char *name, cnn__json **json) {
  const cnn__note_text *text = cnn__safetensors_note_text(file, name);
  *json = NULL;
  if (!text) return CNN_OK;
  const cnn__json_source source = {.context = file->context,
                                   .what = file->path,
                                   .text = text->value,
                                   .size = text->size,
                                   .values = &file->values};
  cnn_status status = cnn__json_parse_in_place(&source, json);
  return status ? cnn__fail_prefix(status, "%s", name) : CNN_OK;
}

cnn_status cnn__tensor_read(const cnn__safetensors *file, const char *name, cnn_dtype dtype,
                            const cnn__shape *shape, void *data) {
  const cnn__stored *stored = cnn__safetensors_find(file, name);
  char text[CNN__SHAPE_TEXT];
  if (!stored) return cnn__fail(CNN_E_FORMAT, "%s: tensor \"%.100s\" is missing", file->path, name);
  if (stored->dtype != dtype || !cnn__shape_equal(&stored->shape, shape))
    return cnn__fail(CNN_E_FORMAT, "%s: tensor \"%.100s\" has another type or shape than %s",
                     file->path, name, cnn__shape_text(shape, text));
  return cnn__safetensors_read(file, stored, data);
}
