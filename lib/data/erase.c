/* Random erasing and cutout. Draws: whether (erasing alone), then the rectangle, then the noise. */
#include "data/fields.h"
#include "data/transform.h"
#include "data/window.h"

typedef cnn_random_erasing_options options;

static const cnn__field fields[] = {
    REAL(probability, 0, 1, 0.5),       REAL(scale_low, 0, 1, 0.02),
    REAL(scale_high, 0, 1, 0.33),       REAL(ratio_low, 0.001, 1000, 0.3),
    REAL(ratio_high, 0.001, 1000, 3.3), INTEGER(size, 0, CNN__MOST_SIDE, 0),
    REAL(value, -1e30, 1e30, 0),        FLAG(noise),
};

static cnn_status complete(void *settings) {
  const options *o = settings;
  return cnn__window_check("cnn_random_erasing", o->scale_low, o->scale_high, o->ratio_low,
                           o->ratio_high);
}

/* The part of [centre - size / 2, + size) that lies in [0, n). */
static void clip_square(size_t centre, size_t size, size_t n, size_t *begin, size_t *length) {
  const size_t before = size / 2, end = centre + size - before;
  *begin = centre > before ? centre - before : 0;
  *length = (end < n ? end : n) - *begin;
}

/* The rectangle to erase; false: none. */
static bool draw_window(const options *o, cnn__random *random, size_t height, size_t width,
                        cnn__rectangle *w) {
  if (o->size) {
    const size_t row = (size_t)cnn__random_below(random, height);
    const size_t column = (size_t)cnn__random_below(random, width);
    clip_square(row, (size_t)o->size, height, &w->top, &w->height);
    clip_square(column, (size_t)o->size, width, &w->left, &w->width);
    return true;
  }
  if (!(cnn__random_range(random, 0, 1) < o->probability)) return false;
  /* The ratio here is height / width, the window's the other way round. */
  const cnn__window_range range = {o->scale_low, o->scale_high, 1 / o->ratio_high,
                                   1 / o->ratio_low};
  return cnn__window_draw(random, &range, height, width, w);
}

static cnn_status apply(const cnn_transform *transform, cnn__random *random,
                        cnn__picture *picture) {
  const options *o = transform->settings;
  cnn__rectangle w;
  if (!random || !draw_window(o, random, picture->height, picture->width, &w)) return CNN_OK;
  float *values;
  const cnn_status status = cnn__picture_floats(picture, &values);
  if (status != CNN_OK) return status;
  const size_t row = picture->width * picture->channels;
  for (size_t i = w.top; i < w.top + w.height; i++) {
    float *line = values + i * row + w.left * picture->channels;
    for (size_t e = 0; e < w.width * picture->channels; e++)
      line[e] = o->noise ? cnn__random_unit(random) * (float)picture->white : (float)o->value;
  }
  return CNN_OK;
}

static const cnn__transform_class class = {
    .name = "cnn_random_erasing",
    .settings_size = sizeof(options),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .complete = complete,
    .random = true,
    .apply = apply,
};

void cnn_random_erasing_options_init(cnn_random_erasing_options *o, size_t size) {
  cnn__options_init(o, size);
}

cnn_transform *cnn_random_erasing_create(const cnn_random_erasing_options *given) {
  return cnn__transform_create(&class, given);
}
