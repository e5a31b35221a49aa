/* Normalisation by channel, amid the transforms. */
#include "data/fields.h"
#include "data/transform.h"
#include <math.h>

typedef cnn_normalize_options options;

static const cnn__field fields[] = {REQUIRED(channels, 1 << 20), REAL(rescale, 0, 1e30, 1)};

static cnn_status shape_rule(const cnn_transform *transform, cnn__shape *shape) {
  const options *o = transform->settings;
  if ((size_t)o->channels == shape->dim[2]) return CNN_OK;
  return cnn__fail(CNN_E_SHAPE, "cnn_normalize: made for %lld channels, the images have %zu",
                   (long long)o->channels, shape->dim[2]);
}

static cnn_status apply(const cnn_transform *transform, cnn__random *random,
                        cnn__picture *picture) {
  const cnn__factors *factors = transform->state;
  float *values;
  const cnn_status status = cnn__picture_floats(picture, &values);
  if (status != CNN_OK) return status;
  const size_t row = picture->width * picture->channels;
  cnn__image_convert_f32(factors, picture->height, row, row, values, values);
  return CNN_OK;
}

static void destroy(cnn_transform *transform) {
  if (transform->state) cnn__factors_free(transform->context, transform->state);
  cnn__free(transform->context, transform->state);
}

static void sign(const cnn_transform *transform, uint64_t *fingerprint) {
  const options *o = transform->settings;
  const cnn__factors *factors = transform->state;
  for (int64_t c = 0; c < o->channels; c++) {
    const double both[] = {(double)factors->scale[c], (double)factors->offset[c]};
    cnn__fingerprint_reals(fingerprint, both, 2);
  }
}

static const cnn__transform_class class = {
    .name = "cnn_normalize",
    .settings_size = sizeof(options),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .shape = shape_rule,
    .apply = apply,
    .sign = sign,
    .destroy = destroy,
};

static cnn_status check_factors(const options *o) {
  for (int64_t c = 0; c < o->channels; c++) {
    const bool finite = !o->mean || isfinite(o->mean[c]);
    const bool positive = !o->deviation || (isfinite(o->deviation[c]) && o->deviation[c] > 0);
    if (!finite || !positive)
      return cnn__fail(CNN_E_INVALID, "cnn_normalize: %s[%lld] is not a finite%s number",
                       finite ? "deviation" : "mean", (long long)c, finite ? " positive" : "");
  }
  return CNN_OK;
}

void cnn_normalize_options_init(cnn_normalize_options *o, size_t size) {
  cnn__options_init(o, size);
}

cnn_transform *cnn_normalize_create(const cnn_normalize_options *given) {
  cnn_transform *transform = cnn__transform_create(&class, given);
  if (!transform) return NULL;
  options *o = transform->settings;
  cnn_status status = check_factors(o);
  if (status == CNN_OK) {
    transform->state =
        cnn__calloc_array(transform->context, 1, sizeof(cnn__factors), "a transform");
    status = transform->state
                 ? cnn__factors_make(transform->context, o->rescale, (size_t)o->channels, o->mean,
                                     o->deviation, transform->state)
                 : CNN_E_NOMEM;
  }
  o->mean = o->deviation = NULL; /* the caller's */
  if (status == CNN_OK) return transform;
  cnn_transform_free(transform);
  return NULL;
}
