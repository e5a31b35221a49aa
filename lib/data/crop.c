/* Crops: of the middle, and of a random place. */
#include "data/fields.h"
#include "data/transform.h"

static cnn_status too_small(const char *who, size_t height, size_t width, size_t crop_height,
                            size_t crop_width) {
  return cnn__fail(CNN_E_SHAPE, "%s: an image of %zux%zu is smaller than the window of %zux%zu",
                   who, height, width, crop_height, crop_width);
}

/* The shape rule of a window from an image that was padded on every side. */
static cnn_status window_rule(const char *who, size_t padding, size_t height, size_t width,
                              cnn__shape *shape) {
  const size_t have[2] = {shape->dim[0], shape->dim[1]};
  if ((have[0] && have[0] + 2 * padding < height) || (have[1] && have[1] + 2 * padding < width))
    return too_small(who, have[0] + 2 * padding, have[1] + 2 * padding, height, width);
  shape->dim[0] = height;
  shape->dim[1] = width;
  return CNN_OK;
}

/* ---- of the middle ---- */

#define options cnn_center_crop_options
static const cnn__field center_fields[] = {REQUIRED(height, CNN__MOST_SIDE),
                                           INTEGER(width, 0, CNN__MOST_SIDE, 0)};
#undef options

static cnn_status center_complete(void *settings) {
  cnn_center_crop_options *o = settings;
  if (o->width == 0) o->width = o->height;
  return CNN_OK;
}

static cnn_status center_shape(const cnn_transform *transform, cnn__shape *shape) {
  const cnn_center_crop_options *o = transform->settings;
  return window_rule(transform->class->name, 0, (size_t)o->height, (size_t)o->width, shape);
}

static cnn_status center_apply(const cnn_transform *transform, cnn__random *random,
                               cnn__picture *picture) {
  const cnn_center_crop_options *o = transform->settings;
  const size_t height = (size_t)o->height, width = (size_t)o->width;
  if (picture->height < height || picture->width < width)
    return too_small(transform->class->name, picture->height, picture->width, height, width);
  cnn__picture_crop(picture, (picture->height - height) / 2, (picture->width - width) / 2, height,
                    width);
  return CNN_OK;
}

static const cnn__transform_class center_class = {
    .name = "cnn_center_crop",
    .settings_size = sizeof(cnn_center_crop_options),
    .fields = center_fields,
    .field_count = sizeof center_fields / sizeof *center_fields,
    .complete = center_complete,
    .shape = center_shape,
    .apply = center_apply,
};

void cnn_center_crop_options_init(cnn_center_crop_options *o, size_t size) {
  cnn__options_init(o, size);
}

cnn_transform *cnn_center_crop_create(const cnn_center_crop_options *given) {
  return cnn__transform_create(&center_class, given);
}

/* ---- of a random place ---- */

#define options cnn_random_crop_options
static const cnn__field random_fields[] = {
    REQUIRED(height, CNN__MOST_SIDE),       INTEGER(width, 0, CNN__MOST_SIDE, 0),
    INTEGER(padding, 0, CNN__MOST_SIDE, 0), CHOICE(fill, cnn__fill_names),
    REAL(fill_value, -1e30, 1e30, 0),
};
#undef options

static cnn_status random_complete(void *settings) {
  cnn_random_crop_options *o = settings;
  if (o->width == 0) o->width = o->height;
  return CNN_OK;
}

static cnn_status random_shape(const cnn_transform *transform, cnn__shape *shape) {
  const cnn_random_crop_options *o = transform->settings;
  return window_rule(transform->class->name, (size_t)o->padding, (size_t)o->height,
                     (size_t)o->width, shape);
}

static cnn_status random_apply(const cnn_transform *transform, cnn__random *random,
                               cnn__picture *picture) {
  const cnn_random_crop_options *o = transform->settings;
  const size_t height = (size_t)o->height, width = (size_t)o->width;
  const size_t padding = (size_t)o->padding;
  const size_t tall = picture->height + 2 * padding, wide = picture->width + 2 * padding;
  if (tall < height || wide < width)
    return too_small(transform->class->name, tall, wide, height, width);
  size_t top = (tall - height) / 2, left = (wide - width) / 2; /* in the padded image */
  if (random) {
    top = (size_t)cnn__random_below(random, tall - height + 1);
    left = (size_t)cnn__random_below(random, wide - width + 1);
  }
  return cnn__picture_window(picture, (ptrdiff_t)top - (ptrdiff_t)padding,
                             (ptrdiff_t)left - (ptrdiff_t)padding, height, width,
                             (cnn__image_fill)o->fill, (float)o->fill_value);
}

static const cnn__transform_class random_class = {
    .name = "cnn_random_crop",
    .settings_size = sizeof(cnn_random_crop_options),
    .fields = random_fields,
    .field_count = sizeof random_fields / sizeof *random_fields,
    .complete = random_complete,
    .random = true,
    .shape = random_shape,
    .apply = random_apply,
};

void cnn_random_crop_options_init(cnn_random_crop_options *o, size_t size) {
  cnn__options_init(o, size);
}

cnn_transform *cnn_random_crop_create(const cnn_random_crop_options *given) {
  return cnn__transform_create(&random_class, given);
}
