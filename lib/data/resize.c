/* Resizing: as a transform, and of one image. */
#include "base/float_environment.h"
#include "data/fields.h"
#include "data/transform.h"
#include <string.h>

typedef cnn_resize_options options;

static const cnn__field fields[] = {
    INTEGER(height, 0, CNN__MOST_SIDE, 0),
    INTEGER(width, 0, CNN__MOST_SIDE, 0),
    INTEGER(short_side, 0, CNN__MOST_SIDE, 0),
    CHOICE(interpolation, cnn__interpolation_names),
};

static cnn_status complete(void *settings) {
  options *o = settings;
  if ((o->height == 0) == (o->short_side == 0) || (o->short_side && o->width))
    return cnn__fail(CNN_E_INVALID,
                     "cnn_resize: height %lld, width %lld, short_side %lld; it "
                     "takes height (and width), or short_side",
                     (long long)o->height, (long long)o->width, (long long)o->short_side);
  if (o->width == 0) o->width = o->height;
  return CNN_OK;
}

/* The size that an image of height x width gets. */
static cnn_status new_size(const options *o, size_t *height, size_t *width) {
  if (o->height) {
    *height = (size_t)o->height;
    *width = (size_t)o->width;
    return CNN_OK;
  }
  const size_t side = (size_t)o->short_side;
  const size_t least = *height < *width ? *height : *width;
  const size_t most = *height < *width ? *width : *height;
  const size_t longer = most * side / least;
  const bool tall = *height > *width;
  if (longer > CNN__MOST_SIDE)
    return cnn__fail(CNN_E_LIMIT, "cnn_resize: %zux%zu to %zux%zu exceeds %d pixels a side",
                     *height, *width, tall ? longer : side, tall ? side : longer, CNN__MOST_SIDE);
  *height = tall ? longer : side;
  *width = tall ? side : longer;
  return CNN_OK;
}

static cnn_status shape_rule(const cnn_transform *transform, cnn__shape *shape) {
  const options *o = transform->settings;
  if (o->height == 0 && (shape->dim[0] == 0 || shape->dim[1] == 0)) return CNN_OK;
  return new_size(o, &shape->dim[0], &shape->dim[1]);
}

static cnn_status apply(const cnn_transform *transform, cnn__random *random,
                        cnn__picture *picture) {
  const options *o = transform->settings;
  size_t height = picture->height, width = picture->width;
  const cnn_status status = new_size(o, &height, &width);
  if (status != CNN_OK) return status;
  return cnn__picture_resize(picture, height, width, (cnn__resize_filter)o->interpolation);
}

static const cnn__transform_class class = {
    .name = "cnn_resize",
    .settings_size = sizeof(options),
    .fields = fields,
    .field_count = sizeof fields / sizeof *fields,
    .complete = complete,
    .shape = shape_rule,
    .apply = apply,
};

void cnn_resize_options_init(cnn_resize_options *o, size_t size) {
  cnn__options_init(o, size);
}

cnn_transform *cnn_resize_create(const cnn_resize_options *given) {
  return cnn__transform_create(&class, given);
}

/* ---- one image ---- */

static cnn_status check_resize(const cnn_tensor *image, int64_t height, int64_t width,
                               cnn_interpolation interpolation) {
  const cnn_status status = cnn__picture_check("cnn_image_resize", image);
  if (status != CNN_OK) return status;
  if (height < 1 || width < 1)
    return cnn__fail(CNN_E_INVALID, "cnn_image_resize: %lldx%lld is no size", (long long)height,
                     (long long)width);
  if (height > CNN__MOST_SIDE || width > CNN__MOST_SIDE)
    return cnn__fail(CNN_E_LIMIT, "cnn_image_resize: %lldx%lld exceeds %d pixels a side",
                     (long long)height, (long long)width, CNN__MOST_SIDE);
  if (interpolation < CNN_BILINEAR || interpolation > CNN_BICUBIC)
    return cnn__fail(CNN_E_INVALID, "cnn_image_resize: %d is no interpolation", (int)interpolation);
  return CNN_OK;
}

cnn_tensor *cnn_image_resize(const cnn_tensor *image, int64_t height, int64_t width,
                             cnn_interpolation interpolation) {
  if (check_resize(image, height, width, interpolation) != CNN_OK) return NULL;
  const cnn__shape shape = {.rank = 3, .dim = {(size_t)height, (size_t)width, image->shape.dim[2]}};
  cnn_tensor *out = cnn__tensor_new(image->context, image->dtype, &shape);
  if (!out) return NULL;
  cnn__workspace workspace;
  cnn__workspace_start(&workspace, image->context);
  workspace.sample.pixels = image->data;
  workspace.sample.shape = image->shape;
  cnn__picture picture;
  cnn__picture_start(&picture, &workspace, image->dtype, NULL, NULL, 0);
  cnn__float_environment saved;
  cnn__float_environment_enter(&saved);
  const cnn_status status =
      cnn__picture_resize(&picture, shape.dim[0], shape.dim[1], (cnn__resize_filter)interpolation);
  cnn__float_environment_leave(&saved);
  if (status == CNN_OK) memcpy(out->data, picture.pixels, out->bytes);
  cnn__workspace_release(&workspace);
  if (status == CNN_OK) return out;
  cnn_tensor_free(out);
  return NULL;
}
