#include "data/transform.h"
#include "base/float_environment.h"
#include "data/fields.h"
#include <string.h>

const char *const cnn__interpolation_names[] = {"bilinear", "nearest", "bicubic", NULL};
const char *const cnn__fill_names[] = {"nearest", "constant", "reflect", "wrap", NULL};

cnn_transform *cnn__transform_create(const cnn__transform_class *class, const void *options) {
  cnn_context *context;
  cnn_transform *transform =
      cnn__object_new(sizeof *transform + class->settings_size, "a transform", &context);
  if (!transform) return NULL;
  void *settings = transform + 1;
  transform->class = class;
  transform->random = class->random;
  transform->context = context;
  transform->settings = settings;
  atomic_init(&transform->references, 1);
  if (cnn__options_read(class->name, settings, class->settings_size, options) != CNN_OK ||
      cnn__settings_complete(class->name, class->fields, class->field_count, settings) != CNN_OK ||
      (class->complete && class->complete(settings) != CNN_OK)) {
    cnn_transform_free(transform);
    return NULL;
  }
  return transform;
}

cnn_transform *cnn__transform_retain(cnn_transform *transform) {
  atomic_fetch_add_explicit(&transform->references, 1, memory_order_relaxed);
  return transform;
}

void cnn_transform_free(cnn_transform *transform) {
  if (!transform || atomic_fetch_sub_explicit(&transform->references, 1, memory_order_acq_rel) != 1)
    return;
  cnn_context *context = transform->context;
  if (transform->class->destroy) transform->class->destroy(transform);
  cnn__free(context, transform);
  cnn_context_free(context);
}

cnn_status cnn__transform_sign(const cnn_transform *transform, uint64_t *fingerprint) {
  const cnn__transform_class *class = transform->class;
  cnn__text text;
  cnn__text_start(&text, transform->context);
  cnn__text_append(&text, class->name, strlen(class->name));
  cnn__settings_write(&text, class->fields, class->field_count, transform->settings);
  const cnn_status status = text.status;
  if (status == CNN_OK) cnn__fingerprint_bytes(fingerprint, text.bytes, text.size);
  cnn__text_free(&text);
  if (class->sign) class->sign(transform, fingerprint);
  return status;
}

cnn_status cnn__transforms_check(const char *who, cnn_transform *const *transforms, size_t count,
                                 cnn__shape *shape) {
  char text[CNN__SHAPE_TEXT];
  for (size_t i = 0; i < count; i++) {
    const cnn__transform_class *class = transforms[i]->class;
    if (shape->rank != 3)
      return cnn__fail(CNN_E_SHAPE, "%s: %s needs images of (height, width, channels), not %s", who,
                       class->name, cnn__shape_text(shape, text));
    cnn_status status = class->ready ? class->ready(transforms[i]) : CNN_OK;
    if (status == CNN_OK && class->shape) status = class->shape(transforms[i], shape);
    if (status != CNN_OK) return status;
  }
  return CNN_OK;
}

cnn_status cnn_transform_fit(cnn_transform *transform, const cnn_dataset *dataset) {
  if (!transform) return cnn__fail_null("cnn_transform_fit", "transform");
  if (!dataset) return cnn__fail_null("cnn_transform_fit", "dataset");
  if (dataset->count == 0)
    return cnn__fail(CNN_E_INVALID, "cnn_transform_fit: the dataset is empty");
  if (!transform->class->fit) return CNN_OK;
  cnn__float_environment saved;
  cnn__float_environment_enter(&saved);
  const cnn_status status = transform->class->fit(transform, dataset);
  cnn__float_environment_leave(&saved);
  return status;
}

static cnn_status check_image(const cnn_transform *transform, const cnn_tensor *image) {
  if (!transform) return cnn__fail_null("cnn_augment_image", "transform");
  const cnn_status status = cnn__picture_check("cnn_augment_image", image);
  if (status != CNN_OK) return status;
  if (!transform->class->apply)
    return cnn__fail(CNN_E_UNSUPPORTED, "cnn_augment_image: %s works on whole batches",
                     transform->class->name);
  return CNN_OK;
}

/* Through the transform into out, by a workspace that holds the image. */
static cnn_status augment(const cnn_transform *transform, cnn__workspace *workspace,
                          cnn_dtype dtype, cnn__random *random, cnn_tensor *out) {
  cnn__factors unit = {0};
  const size_t channels = workspace->sample.shape.dim[2];
  cnn_status status = cnn__factors_make(workspace->sample.context, 1, channels, NULL, NULL, &unit);
  if (status != CNN_OK) return status;
  cnn__float_environment saved;
  cnn__float_environment_enter(&saved);
  cnn__picture picture;
  cnn__picture_start(&picture, workspace, dtype, &unit, out->data, out->bytes / sizeof(float));
  status = transform->class->apply(transform, random, &picture);
  if (status == CNN_OK) status = cnn__picture_finish(&picture, &unit);
  cnn__float_environment_leave(&saved);
  cnn__factors_free(workspace->sample.context, &unit);
  return status;
}

cnn_tensor *cnn_augment_image(const cnn_transform *transform, const cnn_tensor *image,
                              uint64_t seed, uint64_t epoch, uint64_t sample) {
  if (check_image(transform, image) != CNN_OK) return NULL;
  cnn_transform *shared = (cnn_transform *)(uintptr_t)transform;
  cnn__shape shape = image->shape;
  if (cnn__transforms_check("cnn_augment_image", &shared, 1, &shape) != CNN_OK) return NULL;
  cnn_tensor *out = cnn__tensor_new(image->context, CNN_FLOAT32, &shape);
  if (!out) return NULL;
  cnn__workspace workspace;
  cnn__workspace_start(&workspace, image->context);
  workspace.sample.pixels = image->data;
  workspace.sample.shape = image->shape;
  cnn__random random;
  cnn__random_start(&random, seed, CNN__PURPOSE_AUGMENT, epoch, sample);
  const cnn_status status = augment(transform, &workspace, image->dtype, &random, out);
  cnn__workspace_release(&workspace);
  if (status == CNN_OK) return out;
  cnn_tensor_free(out);
  return NULL;
}
