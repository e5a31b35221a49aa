#include "data/picture.h"
#include "base/size.h"
#include "ops/image.h"
#include <string.h>

void cnn__workspace_start(cnn__workspace *workspace, cnn_context *context) {
  *workspace = (cnn__workspace){.sample = {.context = context}};
}

void cnn__workspace_release(cnn__workspace *workspace) {
  cnn_context *context = workspace->sample.context;
  cnn__sample_release(&workspace->sample);
  for (size_t i = 0; i < 2; i++)
    cnn__free(context, workspace->pixels[i].bytes);
  cnn__free(context, workspace->tables.bytes);
  cnn__free(context, workspace->waiting.bytes);
  cnn__free(context, workspace->ahead.bytes);
  cnn__workspace_start(workspace, context);
}

cnn_status cnn__picture_check(const char *who, const cnn_tensor *image) {
  char text[CNN__SHAPE_TEXT];
  if (!image) return cnn__fail_null(who, "image");
  if (image->dtype != CNN_UINT8 && image->dtype != CNN_FLOAT32)
    return cnn__fail(CNN_E_INVALID, "%s: the image has dtype %d, not uint8 or float32", who,
                     (int)image->dtype);
  if (image->shape.rank == 3 && cnn__shape_product(&image->shape) > 0) return CNN_OK;
  return cnn__fail(CNN_E_SHAPE, "%s: %s is not (height, width, channels)", who,
                   cnn__shape_text(&image->shape, text));
}

void cnn__picture_start(cnn__picture *picture, cnn__workspace *workspace, cnn_dtype dtype,
                        const cnn__factors *unit, float *target, size_t target_count) {
  const cnn__sample *sample = &workspace->sample;
  const cnn__shape *shape = &sample->shape;
  *picture = (cnn__picture){.workspace = workspace,
                            .dtype = dtype,
                            .pixels = sample->pixels,
                            .slack = sample->slack,
                            .white = dtype == CNN_UINT8 ? 255 : 1,
                            .unit = unit,
                            .target = target,
                            .target_count = target_count};
  picture->channels = shape->rank ? shape->dim[shape->rank - 1] : 1;
  picture->source_height = shape->rank == 3 ? shape->dim[0] : 1;
  picture->source_width =
      shape->rank == 3 ? shape->dim[1] : cnn__shape_product(shape) / picture->channels;
  picture->row = picture->source_width * picture->channels;
  picture->height = picture->source_height;
  picture->width = picture->source_width;
}

/* ---- what costs nothing ---- */

void cnn__picture_crop(cnn__picture *picture, size_t top, size_t left, size_t height,
                       size_t width) {
  if (picture->warped) {
    double *m = picture->matrix;
    m[2] += m[0] * (double)top + m[1] * (double)left;
    m[5] += m[3] * (double)top + m[4] * (double)left;
  } else {
    const size_t skipped = top * picture->row + left * picture->channels;
    picture->pixels = (const uint8_t *)picture->pixels + skipped * cnn__dtype_size(picture->dtype);
    picture->source_height = height;
    picture->source_width = width;
    /* Slack stays: what follows the window is the rest of the image, or the image's own. */
  }
  picture->height = height;
  picture->width = width;
}

/* first(second(place)) */
static void compose(const double first[6], const double second[6], double out[6]) {
  const double product[6] = {first[0] * second[0] + first[1] * second[3],
                             first[0] * second[1] + first[1] * second[4],
                             first[0] * second[2] + first[1] * second[5] + first[2],
                             first[3] * second[0] + first[4] * second[3],
                             first[3] * second[1] + first[4] * second[4],
                             first[3] * second[2] + first[4] * second[5] + first[5]};
  memcpy(out, product, sizeof product);
}

static const double unmoved[6] = {1, 0, 0, 0, 1, 0};

static void put_off(cnn__picture *picture) {
  if (picture->warped) return;
  picture->warped = picture->exact = true;
  memcpy(picture->matrix, unmoved, sizeof unmoved);
  picture->fill = CNN__IMAGE_NEAREST;
}

void cnn__picture_mirror(cnn__picture *picture, bool horizontal, bool vertical) {
  if (!horizontal && !vertical) return;
  put_off(picture);
  const double mirror[6] = {vertical ? -1 : 1,
                            0,
                            vertical ? (double)picture->height - 1 : 0,
                            0,
                            horizontal ? -1 : 1,
                            horizontal ? (double)picture->width - 1 : 0};
  compose(picture->matrix, mirror, picture->matrix);
}

cnn_status cnn__picture_warp(cnn__picture *picture, const double matrix[6], size_t height,
                             size_t width, cnn__image_fill fill, float fill_value) {
  const bool alike = picture->fill == fill &&
                     (fill != CNN__IMAGE_CONSTANT ||
                      !(picture->fill_value < fill_value || picture->fill_value > fill_value));
  /* Of a window into what is put off, pixels go on around it, where the fill is to be. */
  const bool window =
      picture->height != picture->source_height || picture->width != picture->source_width;
  if (picture->warped && (window || !(picture->exact || alike))) {
    const cnn_status status = cnn__picture_settle(picture);
    if (status != CNN_OK) return status;
  }
  put_off(picture);
  compose(picture->matrix, matrix, picture->matrix);
  picture->exact = false;
  picture->fill = fill;
  picture->fill_value = fill_value;
  picture->height = height;
  picture->width = width;
  return CNN_OK;
}

/* ---- what moves pixels ---- */

static bool lies_in(const cnn__picture *picture, const void *memory, size_t bytes) {
  const uintptr_t now = (uintptr_t)picture->pixels, begin = (uintptr_t)memory;
  return now >= begin && now - begin < bytes;
}

/* Room of the workspace's for so many bytes, and slack, beside the image that pixels shows. */
static cnn_status reserve(cnn__picture *picture, size_t bytes, void **room) {
  cnn__workspace *workspace = picture->workspace;
  const cnn__buffer *first = &workspace->pixels[0];
  cnn__buffer *buffer = &workspace->pixels[lies_in(picture, first->bytes, first->capacity)];
  const cnn_status status = cnn__buffer_reserve(
      workspace->sample.context, buffer, bytes + CNN__IMAGE_SLACK, "an image between transforms");
  if (status != CNN_OK) return status;
  memset((uint8_t *)buffer->bytes + bytes, 0, CNN__IMAGE_SLACK);
  *room = buffer->bytes;
  return CNN_OK;
}

cnn_status cnn__picture_room(cnn__picture *picture, size_t height, size_t width, cnn_dtype dtype,
                             void **room) {
  const size_t channels = picture->channels;
  size_t count, bytes, most;
  if (!cnn__size_mul(height, width, &count) || !cnn__size_mul(count, channels, &count) ||
      !cnn__size_mul(count, cnn__dtype_size(dtype), &bytes) ||
      !cnn__size_add(bytes, CNN__IMAGE_SLACK, &most))
    return cnn__fail(CNN_E_LIMIT, "transform: an image of %zux%zux%zu exceeds the address space",
                     height, width, channels);
  if (dtype != CNN_FLOAT32 || count != picture->target_count ||
      lies_in(picture, picture->target, most))
    return reserve(picture, bytes, room);
  *room = picture->target;
  return CNN_OK;
}

void cnn__picture_show(cnn__picture *picture, const void *room, size_t height, size_t width,
                       cnn_dtype dtype) {
  picture->pixels = room;
  picture->dtype = dtype;
  picture->slack = room != picture->target;
  picture->writable = true;
  picture->height = picture->source_height = height;
  picture->width = picture->source_width = width;
  picture->row = width * picture->channels;
  picture->warped = false;
}

static void copy_rows(const cnn__picture *picture, void *to) {
  const size_t size = cnn__dtype_size(picture->dtype);
  const size_t bytes = picture->source_width * picture->channels * size;
  for (size_t i = 0; i < picture->source_height; i++)
    memcpy((uint8_t *)to + i * bytes, (const uint8_t *)picture->pixels + i * picture->row * size,
           bytes);
}

/* The same pixels where reading a little past the last is fine. A put-off warp stays put off. */
static cnn_status ensure_slack(cnn__picture *picture) {
  if (picture->slack) return CNN_OK;
  void *room;
  const size_t row = picture->source_width * picture->channels;
  const cnn_status status =
      reserve(picture, picture->source_height * row * cnn__dtype_size(picture->dtype), &room);
  if (status != CNN_OK) return status;
  copy_rows(picture, room);
  picture->pixels = room;
  picture->row = row;
  picture->slack = picture->writable = true;
  return CNN_OK;
}

/* Applies the put-off warp, with the channels' factors, into out. */
static cnn_status run_warp(cnn__picture *picture, const float *scale, const float *offset,
                           float *out) {
  const cnn_status status = ensure_slack(picture);
  if (status != CNN_OK) return status;
  cnn__warp warp = {.source = picture->pixels,
                    .height = picture->source_height,
                    .width = picture->source_width,
                    .channels = picture->channels,
                    .row = picture->row,
                    .fill = picture->fill,
                    .fill_value = picture->fill_value,
                    .scale = scale,
                    .offset = offset,
                    .out_height = picture->height,
                    .out_width = picture->width,
                    .out = out};
  memcpy(warp.matrix, picture->matrix, sizeof warp.matrix);
  if (picture->dtype == CNN_UINT8)
    cnn__image_warp_u8(&warp);
  else
    cnn__image_warp_f32(&warp);
  return CNN_OK;
}

/* A row of pixels from the last to the first. */
static inline void mirror_row(size_t width, size_t pixel, const uint8_t *from, uint8_t *to) {
  for (size_t j = 0; j < width; j++)
    for (size_t b = 0; b < pixel; b++)
      to[j * pixel + b] = from[(width - 1 - j) * pixel + b];
}

/* Mirrors whole pixels, the dtype as it is. */
static void copy_mirrored(const cnn__picture *picture, void *to) {
  const double *m = picture->matrix;
  const size_t width = picture->width, pixel = picture->channels * cnn__dtype_size(picture->dtype);
  const size_t row = picture->row * cnn__dtype_size(picture->dtype);
  const uint8_t *from = picture->pixels;
  uint8_t *out = to;
  for (size_t i = 0; i < picture->height; i++, out += width * pixel) {
    const size_t y = (size_t)(m[0] * (double)i + m[2]);
    const bool backwards = m[4] < 0;
    const size_t x = (size_t)m[5] - (backwards ? width - 1 : 0); /* of the leftmost pixel */
    const uint8_t *line = from + y * row + x * pixel;
    if (!backwards)
      memcpy(out, line, width * pixel);
    else if (pixel == 3) /* a constant, so that the loop over a pixel unrolls */
      mirror_row(width, 3, line, out);
    else
      mirror_row(width, pixel, line, out);
  }
}

cnn_status cnn__picture_settle(cnn__picture *picture) {
  if (!picture->warped) return CNN_OK;
  const cnn_dtype dtype = picture->exact ? picture->dtype : CNN_FLOAT32;
  cnn_status status = picture->exact ? CNN_OK : ensure_slack(picture);
  void *room;
  if (status == CNN_OK)
    status = cnn__picture_room(picture, picture->height, picture->width, dtype, &room);
  if (status != CNN_OK) return status;
  if (picture->exact)
    copy_mirrored(picture, room);
  else
    status = run_warp(picture, picture->unit->scale, picture->unit->offset, room);
  cnn__picture_show(picture, room, picture->height, picture->width, dtype);
  return status;
}

/* ---- out of the pipeline ---- */

cnn_status cnn__picture_floats(cnn__picture *picture, float **values) {
  cnn_status status = cnn__picture_settle(picture);
  if (status != CNN_OK) return status;
  const size_t row = picture->width * picture->channels;
  if (picture->dtype == CNN_FLOAT32 && picture->row == row && picture->writable) {
    *values = (float *)(uintptr_t)picture->pixels;
    return CNN_OK;
  }
  void *room;
  status = cnn__picture_room(picture, picture->height, picture->width, CNN_FLOAT32, &room);
  if (status != CNN_OK) return status;
  if (picture->dtype == CNN_UINT8)
    cnn__image_convert_u8(picture->unit, picture->height, row, picture->row, picture->pixels, room);
  else
    copy_rows(picture, room);
  cnn__picture_show(picture, room, picture->height, picture->width, CNN_FLOAT32);
  *values = room;
  return CNN_OK;
}

bool cnn__picture_keep(const cnn__picture *picture, uint8_t *room) {
  if (picture->dtype != CNN_UINT8 || (picture->warped && !picture->exact) ||
      picture->height * picture->width * picture->channels != picture->target_count)
    return false;
  if (lies_in(picture, room, picture->target_count)) return !picture->warped; /* decoded there */
  if (picture->warped)
    copy_mirrored(picture, room);
  else
    copy_rows(picture, room);
  return true;
}

cnn_status cnn__picture_finish(cnn__picture *picture, const cnn__factors *factors) {
  const size_t row = picture->width * picture->channels;
  if (picture->height * row != picture->target_count)
    return cnn__fail(CNN_E_SHAPE, "loader: an image of %zux%zux%zu does not fit %zu values",
                     picture->height, picture->width, picture->channels, picture->target_count);
  if (picture->exact && picture->warped) {
    const cnn_status status = cnn__picture_settle(picture);
    if (status != CNN_OK) return status;
  }
  if (picture->warped) {
    if (picture->pixels == (const void *)picture->target) {
      const cnn_status status = ensure_slack(picture); /* out of the target's way */
      if (status != CNN_OK) return status;
    }
    return run_warp(picture, factors->scale, factors->offset, picture->target);
  }
  if (picture->dtype == CNN_UINT8)
    cnn__image_convert_u8(factors, picture->height, row, picture->row, picture->pixels,
                          picture->target);
  else
    cnn__image_convert_f32(factors, picture->height, row, picture->row, picture->pixels,
                           picture->target);
  return CNN_OK;
}
