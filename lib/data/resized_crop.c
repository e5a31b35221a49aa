/* A window of random area, shape and place, at one size. */
#include "data/fields.h"
#include "data/transform.h"
#include "data/window.h"

typedef cnn_random_resized_crop_options options;

static const cnn__field fields[] = {
    REQUIRED(height, CNN__MOST_SIDE),
    INTEGER(width, 0, CNN__MOST_SIDE, 0),
    REAL(scale_low, 0, 1, 0.08),
    REAL(scale_high, 0, 1, 1),
    REAL(ratio_low, 0.001, 1000, 3. / 4),
    REAL(ratio_high, 0.001, 1000, 4. / 3),
    CHOICE(interpolation, cnn__interpolation_names),
};

static cnn_status complete(void *settings) {
  options *o = settings;
  if (o->width == 0) o->width = o->height;
  return cnn__window_check("cnn_random_resized_crop", o->scale_low, o->scale_high, o->ratio_low,
                           o->ratio_high);
}

static cnn_status shape_rule(const cnn_transform *transform, cnn__shape *shape) {
  const options *o = transform->settings;
  shape->dim[0] = (size_t)o->height;
  shape->dim[1] = (size_t)o->width;
  return CNN_OK;
}

static cnn_status apply(const cnn_transform *transform, cnn__random *random,
                        cnn__picture *picture) {
  const options *o = transform->settings;
  const cnn__window_range range = {o->scale_low, o->scale_high, o->ratio_low, o->ratio_high};
  cnn__rectangle w;
  if (!random || !cnn__window_draw(random, &range, picture->height, picture->width, &w))
    w = cnn__window_middle(&range, picture->height, picture->width);
  cnn__picture_crop(picture, w.top, w.left, w.height, w.width);
  return cnn__picture_resize(picture, (size_t)o->height, (size_t)o->width,
                             (cnn__resize_filter)o->interpolation);
}

static const cnn__transform_class class = {
    .name = "cnn_random_resized_crop",
    .settings_size = sizeof(options),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .complete = complete,
    .random = true,
    .shape = shape_rule,
    .apply = apply,
};

void cnn_random_resized_crop_options_init(cnn_random_resized_crop_options *o, size_t size) {
  cnn__options_init(o, size);
}

cnn_transform *cnn_random_resized_crop_create(const cnn_random_resized_crop_options *given) {
  return cnn__transform_create(&class, given);
}
