#include "layers/classes.h"

#include <string.h>

const cnn__layer_class *const cnn__layer_classes[] = {&cnn__input_class,
                                                      &cnn__conv2d_class,
                                                      &cnn__depthwise_conv2d_class,
                                                      &cnn__max_pool2d_class,
                                                      &cnn__average_pool2d_class,
                                                      &cnn__global_average_pool2d_class,
                                                      &cnn__flatten_class,
                                                      &cnn__dense_class,
                                                      &cnn__activation_class,
                                                      &cnn__dropout_class,
                                                      &cnn__rescaling_class,
                                                      &cnn__batch_normalization_class,
                                                      &cnn__zero_padding2d_class,
                                                      &cnn__add_class,
                                                      &cnn__concatenate_class,
                                                      NULL};

const cnn__layer_class *cnn__layer_class_find(const char *class_name) {
  for (const cnn__layer_class *const *class = cnn__layer_classes; *class != NULL; class ++)
    if (*(*class)->class_name == *class_name && strcmp((*class)->class_name, class_name) == 0)
      return *class;
  return NULL;
}

/* A string member, or NULL after CNN_E_FORMAT. */
static const char *read_string(const char *what, const cnn__json *object, const char *key) {
  const cnn__json *member = cnn__json_get(object, key);
  if (member != NULL && member->type == CNN__JSON_STRING) return member->value.string;
  cnn__fail(CNN_E_FORMAT, "%s: \"%s\" is %s", what, key, member == NULL ? "missing" : "no string");
  return NULL;
}

cnn_status cnn__layer_read(cnn_context *context, const char *what, const cnn__json *json,
                           cnn_layer **layer) {
  if (json->type != CNN__JSON_OBJECT)
    return cnn__fail(CNN_E_FORMAT, "%s: a layer must be an object", what);
  const char *class_name = read_string(what, json, "class");
  const char *name = class_name == NULL ? NULL : read_string(what, json, "name");
  if (name == NULL) return CNN_E_FORMAT;
  const cnn__layer_class *class = cnn__layer_class_find(class_name);
  if (class == NULL)
    return cnn__fail(CNN_E_FORMAT, "%s: unknown layer class \"%.64s\"", what, class_name);
  return cnn__layer_restore(context, what, class, name, json, layer);
}
