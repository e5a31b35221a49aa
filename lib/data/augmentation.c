/* Keras's ImageDataGenerator as one transform: a random affine map, channel shift, flips,
   brightness, standardisation. Rules and order as in keras/src/legacy/preprocessing/image.py, in
   its documented dialect (height shifts move rows).

   Draws, in this order, each only where it is on: rotation, height shift, width shift, shear, zoom
   of rows, zoom of columns, horizontal flip, vertical flip, channel shift, brightness. */
#include "data/augmentation.h"
#include "base/mathematics.h"
#include "data/fields.h"
#include "data/moments.h"
#include "data/transform.h"
#include "data/zca.h"
#include <cnn/layer.h>
#include <math.h>
#include <string.h>

typedef cnn_augmentation_options options;

static const cnn__field fields[] = {
    REAL(rotation, 0, 36000, 0),
    REAL(width_shift, 0, 1e6, 0),
    REAL(height_shift, 0, 1e6, 0),
    REAL(shear, 0, 36000, 0),
    REAL(zoom, 0, 0.999, 0),
    REAL(zoom_low, 0, 1000, 0),
    REAL(zoom_high, 0, 1000, 0),
    FLAG(horizontal_flip),
    FLAG(vertical_flip),
    CHOICE(fill, cnn__fill_names),
    REAL(fill_value, -1e30, 1e30, 0),
    REAL(channel_shift, 0, 1e30, 0),
    REAL(brightness_low, 0, 1e6, 0),
    REAL(brightness_high, 0, 1e6, 0),
    REAL(rescale, 0, 1e30, 1),
    FLAG(samplewise_center),
    FLAG(samplewise_normalization),
    FLAG(featurewise_center),
    FLAG(featurewise_normalization),
    FLAG(zca_whitening),
    REAL(zca_epsilon, 0, 1e6, 1e-6),
};

/* What fit() learned. */
typedef struct learned {
  cnn__moments moments; /* of every channel, after rescaling */
  cnn__zca zca;
} learned;

static bool is_zero(double x) {
  return !(x < 0 || x > 0);
}

static cnn_status check_pair(const char *what, double low, double high) {
  if (low <= high && (high > 0 || is_zero(low))) return CNN_OK;
  return cnn__fail(CNN_E_INVALID, "cnn_augmentation: %s_low is above %s_high", what, what);
}

static cnn_status complete(void *settings) {
  options *o = settings;
  if (o->samplewise_normalization) o->samplewise_center = 1;
  if (o->featurewise_normalization || o->zca_whitening) o->featurewise_center = 1;
  if (o->zca_whitening) o->featurewise_normalization = 0; /* as in Keras: whitening scales */
  cnn_status status = check_pair("zoom", o->zoom_low, o->zoom_high);
  if (status == CNN_OK) status = check_pair("brightness", o->brightness_low, o->brightness_high);
  if (status != CNN_OK) return status;
  if (o->zoom_high > 0) {
    if (o->zoom > 0)
      return cnn__fail(CNN_E_INVALID, "cnn_augmentation: zoom is given beside zoom_high");
    if (is_zero(o->zoom_low))
      return cnn__fail(CNN_E_INVALID, "cnn_augmentation: zoom_high is given without zoom_low");
  } else {
    o->zoom_low = 1 - o->zoom;
    o->zoom_high = 1 + o->zoom;
  }
  return CNN_OK;
}

/* ---- geometry ---- */

static double draw_shift(cnn__random *random, double range, size_t size) {
  const double drawn = cnn__random_range(random, -range, range);
  return range < 1 ? drawn * (double)size : drawn;
}

/* Nothing moves where random is NULL. */
static cnn__geometry draw_geometry(const options *o, cnn__random *random, size_t height,
                                   size_t width) {
  const double radians = 0.017453292519943295;
  cnn__geometry g = {.zoom_rows = 1, .zoom_columns = 1};
  if (!random) return g;
  if (o->rotation > 0) g.theta = cnn__random_range(random, -o->rotation, o->rotation) * radians;
  if (o->height_shift > 0) g.rows_shift = draw_shift(random, o->height_shift, height);
  if (o->width_shift > 0) g.columns_shift = draw_shift(random, o->width_shift, width);
  if (o->shear > 0) g.shear = cnn__random_range(random, -o->shear, o->shear) * radians;
  const bool zooms = o->zoom_low < 1 || o->zoom_high > 1;
  if (zooms) {
    g.zoom_rows = cnn__random_range(random, o->zoom_low, o->zoom_high);
    g.zoom_columns = cnn__random_range(random, o->zoom_low, o->zoom_high);
  }
  g.moved = o->rotation > 0 || o->height_shift > 0 || o->width_shift > 0 || o->shear > 0 || zooms;
  if (o->horizontal_flip) g.flip_horizontal = cnn__random_u32(random) >> 31;
  if (o->vertical_flip) g.flip_vertical = cnn__random_u32(random) >> 31;
  return g;
}

void cnn__geometry_matrix(const cnn__geometry *g, size_t height, size_t width, double m[6]) {
  const double c = cnn__cos(g->theta), s = cnn__sin(g->theta);
  const double slant = cnn__sin(g->shear), upright = cnn__cos(g->shear);
  const double row = (double)(height - 1) / 2, column = (double)(width - 1) / 2;
  m[0] = c * g->zoom_rows;
  m[1] = (-c * slant - s * upright) * g->zoom_columns;
  m[3] = s * g->zoom_rows;
  m[4] = (-s * slant + c * upright) * g->zoom_columns;
  m[2] = row + c * g->rows_shift - s * g->columns_shift - m[0] * row - m[1] * column;
  m[5] = column + s * g->rows_shift + c * g->columns_shift - m[3] * row - m[4] * column;
}

cnn_status cnn__geometry_apply(const cnn__geometry *g, cnn__image_fill fill, float fill_value,
                               cnn__picture *picture) {
  if (g->moved) {
    double matrix[6];
    cnn__geometry_matrix(g, picture->height, picture->width, matrix);
    const cnn_status status =
        cnn__picture_warp(picture, matrix, picture->height, picture->width, fill, fill_value);
    if (status != CNN_OK) return status;
  }
  cnn__picture_mirror(picture, g->flip_horizontal, g->flip_vertical);
  return CNN_OK;
}

/* ---- values ---- */

void cnn__augment_shift(size_t count, float *values, float shift) {
  float low, high;
  cnn__image_range(count, values, &low, &high);
  for (size_t e = 0; e < count; e++) {
    const float shifted = values[e] + shift;
    values[e] = shifted < low ? low : shifted > high ? high : shifted;
  }
}

void cnn__augment_brighten(size_t count, float *values, float factor, float most) {
  for (size_t e = 0; e < count; e++) {
    const float bright = values[e] * factor;
    values[e] = bright < 0 ? 0 : bright > most ? most : bright;
  }
}

static void standardise(const cnn_transform *transform, size_t count, size_t channels,
                        float *values) {
  const options *o = transform->settings;
  const learned *known = transform->state;
  double mean, deviation;
  if (o->rescale < 1 || o->rescale > 1)
    for (size_t e = 0; e < count; e++)
      values[e] *= (float)o->rescale;
  if (o->samplewise_center) { /* which complete() sets wherever the deviation counts */
    cnn__image_moments(count, values, &mean, &deviation);
    const float centre = (float)mean;
    const float divisor = o->samplewise_normalization ? (float)(deviation + 1e-6) : 1;
    for (size_t e = 0; e < count; e++)
      values[e] = (values[e] - centre) / divisor;
  }
  if (o->featurewise_center)
    for (size_t e = 0, c = 0; e < count; e++, c = c + 1 == channels ? 0 : c + 1) {
      const float centre = (float)known->moments.mean[c];
      const float divisor =
          o->featurewise_normalization ? (float)(known->moments.deviation[c] + 1e-6) : 1;
      values[e] = (values[e] - centre) / divisor;
    }
}

static bool standardises(const options *o) {
  return o->rescale < 1 || o->rescale > 1 || o->samplewise_center || o->featurewise_center;
}

static cnn_status apply_values(const cnn_transform *transform, cnn__random *random,
                               cnn__picture *picture) {
  const options *o = transform->settings;
  const bool shifts = o->channel_shift > 0 && random, brightens = o->brightness_high > 0 && random;
  if (!shifts && !brightens && !standardises(o) && !o->zca_whitening) return CNN_OK;
  float *values;
  cnn_status status = cnn__picture_floats(picture, &values);
  if (status != CNN_OK) return status;
  const size_t count = picture->height * picture->width * picture->channels;
  if (shifts)
    cnn__augment_shift(count, values,
                       (float)cnn__random_range(random, -o->channel_shift, o->channel_shift));
  if (brightens) /* uint8 images stay within [0, 255]; floats have no upper end of their own. */
    cnn__augment_brighten(count, values,
                          (float)cnn__random_range(random, o->brightness_low, o->brightness_high),
                          picture->white > 1 ? 255 : INFINITY);
  if (standardises(o)) standardise(transform, count, picture->channels, values);
  if (o->zca_whitening)
    status = cnn__zca_apply(&((const learned *)transform->state)->zca, picture, values);
  return status;
}

static cnn_status apply(const cnn_transform *transform, cnn__random *random,
                        cnn__picture *picture) {
  const options *o = transform->settings;
  const cnn__geometry g = draw_geometry(o, random, picture->height, picture->width);
  const cnn_status status =
      cnn__geometry_apply(&g, (cnn__image_fill)o->fill, (float)o->fill_value, picture);
  if (status != CNN_OK) return status;
  return apply_values(transform, random, picture);
}

/* ---- what is learned from a set ---- */

/* complete() sets the centre wherever anything else is learned. */
static bool needs_fit(const options *o) {
  return o->featurewise_center;
}

static cnn_status ready(const cnn_transform *transform) {
  if (!needs_fit(transform->settings) || transform->state) return CNN_OK;
  return cnn__fail(CNN_E_STATE, "cnn_augmentation: featurewise standardisation and ZCA whitening "
                                "need cnn_transform_fit() first");
}

static cnn_status shape_rule(const cnn_transform *transform, cnn__shape *shape) {
  const learned *known = transform->state;
  char text[CNN__SHAPE_TEXT];
  if (known && shape->dim[2] != known->moments.channels)
    return cnn__fail(CNN_E_SHAPE, "cnn_augmentation: fitted on %zu channels, not on images %s",
                     known->moments.channels, cnn__shape_text(shape, text));
  if (known && known->zca.features && cnn__shape_product(shape) != known->zca.features)
    return cnn__fail(CNN_E_SHAPE,
                     "cnn_augmentation: whitening was fitted on %zu values, not on "
                     "images %s",
                     known->zca.features, cnn__shape_text(shape, text));
  return CNN_OK;
}

static void release(cnn_context *context, learned *known) {
  if (!known) return;
  cnn__moments_free(context, &known->moments);
  cnn__zca_free(context, &known->zca);
  cnn__free(context, known);
}

static void destroy(cnn_transform *transform) {
  release(transform->context, transform->state);
}

static cnn_status fit(cnn_transform *transform, const cnn_dataset *dataset) {
  const options *o = transform->settings;
  cnn_context *context = transform->context;
  if (!needs_fit(o)) return CNN_OK;
  learned *fresh = cnn__calloc_array(context, 1, sizeof *fresh, "a transform");
  if (!fresh) return CNN_E_NOMEM;
  cnn_status status = cnn__moments_of_set(context, dataset, o->rescale, &fresh->moments);
  if (status == CNN_OK && o->zca_whitening)
    status = cnn__zca_fit(context, dataset, o->rescale, fresh->moments.mean, o->zca_epsilon,
                          &fresh->zca);
  release(context, status == CNN_OK ? transform->state : fresh);
  if (status == CNN_OK) transform->state = fresh;
  return status;
}

/* What it learned tells the set, whitening's matrix included. */
static void sign(const cnn_transform *transform, uint64_t *fingerprint) {
  const learned *known = transform->state;
  if (!known) return;
  cnn__fingerprint_reals(fingerprint, known->moments.mean, known->moments.channels);
  cnn__fingerprint_reals(fingerprint, known->moments.deviation, known->moments.channels);
}

static const cnn__transform_class class = {
    .name = "cnn_augmentation",
    .settings_size = sizeof(options),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .complete = complete,
    .random = true,
    .shape = shape_rule,
    .apply = apply,
    .fit = fit,
    .ready = ready,
    .sign = sign,
    .destroy = destroy,
};

void cnn_augmentation_options_init(cnn_augmentation_options *o, size_t size) {
  cnn__options_init(o, size);
}

cnn_transform *cnn_augmentation_create(const cnn_augmentation_options *given) {
  return cnn__transform_create(&class, given);
}
