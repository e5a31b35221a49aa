/* A transform of the user's own making. */
#include "data/fields.h"
#include "data/transform.h"

typedef cnn_custom_options options;

static const cnn__field fields[] = {FLAG(random)};

/* A failure without a message of its own gets one. */
static cnn_status apply(const cnn_transform *transform, cnn__random *random,
                        cnn__picture *picture) {
  const options *o = transform->settings;
  uint64_t seed = 0;
  float *values;
  if (o->random) {
    if (!random) return CNN_OK; /* as validation sees images: not at all */
    seed = (uint64_t)cnn__random_u32(random) << 32;
    seed |= cnn__random_u32(random);
  }
  cnn_status status = cnn__picture_floats(picture, &values);
  if (status != CNN_OK) return status;
  cnn__failure before;
  cnn__failure_take(&before);
  cnn_clear_error();
  status = o->apply(o->user, values, (int64_t)picture->height, (int64_t)picture->width,
                    (int64_t)picture->channels, seed);
  if (status == CNN_OK)
    cnn__failure_give(&before);
  else if (cnn_last_status() != status)
    status = cnn__fail(status < 0 ? status : CNN_E_INVALID, "%s: the function failed: %s",
                       transform->class->name, cnn_status_string(status));
  return status;
}

static void destroy(cnn_transform *transform) {
  const options *o = transform->settings;
  if (transform->state && o->release) o->release(o->user);
}

static const cnn__transform_class class = {
    .name = "cnn_custom_transform",
    .settings_size = sizeof(options),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .apply = apply,
    .destroy = destroy,
};

void cnn_custom_options_init(cnn_custom_options *o, size_t size) {
  cnn__options_init(o, size);
}

cnn_transform *cnn_custom_transform_create(const cnn_custom_options *given) {
  static char made; /* state that says: release is this transform's to call */
  cnn_transform *transform = cnn__transform_create(&class, given);
  if (!transform) return NULL;
  const options *o = transform->settings;
  if (!o->apply) {
    cnn__fail(CNN_E_INVALID, "cnn_custom_transform: apply is NULL");
    cnn_transform_free(transform);
    return NULL;
  }
  transform->random = o->random != 0;
  transform->state = &made;
  return transform;
}
