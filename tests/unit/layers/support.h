/* What the unit tests of layers share. */
#ifndef CNN_TESTS_UNIT_LAYERS_SUPPORT_H
#define CNN_TESTS_UNIT_LAYERS_SUPPORT_H

#include "../base/support.h"
#include "layers/layer.h"

/* A layer that could not be made is NULL, with this failure. */
static inline void assert_refused(cnn_layer *layer, cnn_status status, const char *words) {
  assert_null(layer);
  assert_error(status, cnn_last_status(), words);
  cnn_clear_error();
}

/* The fewest that the layer takes. */
static inline size_t inputs_of(const cnn_layer *layer) {
  return layer->class->inputs == CNN__INPUTS_MANY ? 2 : layer->class->inputs == CNN__INPUTS_ONE;
}

/* The shape rule for one image or vector; the layer stays. */
static inline cnn_status infer(const cnn_layer *layer, cnn__shape input, cnn__layer_spec *spec) {
  if (layer == NULL) fail_msg("%s", cnn_last_error());
  return cnn__layer_infer(layer, layer->name ? layer->name : layer->class->base_name,
                          inputs_of(layer), &input, spec);
}

static inline cnn__shape image(size_t height, size_t width, size_t channels) {
  return (cnn__shape){3, {height, width, channels}};
}

static inline cnn__shape vector_of(size_t count) {
  return (cnn__shape){1, {count}};
}

/* The layer as JSON, freed by the caller with cnn__text_free. */
static inline cnn__text written(const cnn_layer *layer, const char *name) {
  cnn__text text;
  if (layer == NULL) fail_msg("%s", cnn_last_error());
  cnn__text_start(&text, layer->context);
  cnn__layer_write(&text, layer, name);
  assert_int_equal(text.status, CNN_OK);
  return text;
}

static inline void assert_written(cnn_layer *layer, const char *expected) {
  cnn__text text = written(layer, "name");
  assert_string_equal(text.bytes, expected);
  cnn__text_free(&text);
  cnn_layer_free(layer);
}

#endif
