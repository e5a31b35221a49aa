/* Random brightness, contrast, saturation and hue. Draws: one factor for each that is on, in this
   order; then the order in which they are applied. */
#include "data/fields.h"
#include "data/transform.h"
#include "ops/color.h"

typedef cnn_color_jitter_options options;

static const cnn__field fields[] = {
    REAL(brightness, 0, 1000, 0), REAL(contrast, 0, 1000, 0), REAL(saturation, 0, 1000, 0),
    REAL(hue, 0, 0.5, 0),         REAL(white, 0, 1e30, 0),
};

static cnn_status shape_rule(const cnn_transform *transform, cnn__shape *shape) {
  if (shape->dim[2] == 3 || shape->dim[2] == 1) return CNN_OK;
  return cnn__fail(CNN_E_SHAPE, "cnn_color_jitter: images have %zu channels, not 3 or 1",
                   shape->dim[2]);
}

enum { BRIGHTNESS, CONTRAST, SATURATION, HUE };

/* What is done, and by how much. */
typedef struct adjustment {
  int kind;
  float amount;
} adjustment;

static size_t draw_adjustments(const options *o, cnn__random *random, adjustment drawn[4]) {
  const double ranges[] = {o->brightness, o->contrast, o->saturation, o->hue};
  size_t count = 0;
  for (int kind = BRIGHTNESS; kind <= HUE; kind++) {
    const double range = ranges[kind];
    if (!(range > 0)) continue;
    const double low = kind == HUE ? -range : range < 1 ? 1 - range : 0;
    const double high = kind == HUE ? range : 1 + range;
    drawn[count].kind = kind;
    drawn[count++].amount = (float)cnn__random_range(random, low, high);
  }
  return count;
}

static void adjust(const adjustment *a, size_t pixels, size_t channels, float *values,
                   float white) {
  switch (a->kind) {
  case BRIGHTNESS:
    cnn__color_brightness(pixels * channels, values, a->amount, white);
    break;
  case CONTRAST:
    cnn__color_contrast(pixels, channels, values, a->amount, white);
    break;
  case SATURATION:
    if (channels == 3) cnn__color_saturation(pixels, values, a->amount, white);
    break;
  case HUE:
    if (channels == 3) cnn__color_hue(pixels, values, a->amount, white);
    break;
  }
}

static cnn_status apply(const cnn_transform *transform, cnn__random *random,
                        cnn__picture *picture) {
  const options *o = transform->settings;
  adjustment drawn[4];
  uint32_t order[4] = {0, 1, 2, 3};
  if (!random) return CNN_OK;
  const size_t count = draw_adjustments(o, random, drawn);
  cnn__random_shuffle(random, order, count);
  float *values;
  const cnn_status status = count ? cnn__picture_floats(picture, &values) : CNN_OK;
  if (status != CNN_OK) return status;
  const float white = (float)(o->white > 0 ? o->white : picture->white);
  for (size_t k = 0; k < count; k++)
    adjust(&drawn[order[k]], picture->height * picture->width, picture->channels, values, white);
  return CNN_OK;
}

static const cnn__transform_class class = {
    .name = "cnn_color_jitter",
    .settings_size = sizeof(options),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .random = true,
    .shape = shape_rule,
    .apply = apply,
};

void cnn_color_jitter_options_init(cnn_color_jitter_options *o, size_t size) {
  cnn__options_init(o, size);
}

cnn_transform *cnn_color_jitter_create(const cnn_color_jitter_options *given) {
  return cnn__transform_create(&class, given);
}
