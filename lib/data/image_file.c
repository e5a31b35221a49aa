#include "data/image_file.h"
#include "base/file.h"
#include <string.h>

/* Turns what was decoded into memory of its own. */
static cnn_status turn_upright(const cnn__decoding *decoding, cnn__sample *sample,
                               int orientation) {
  const size_t height = sample->shape.dim[0], width = sample->shape.dim[1];
  const uint8_t *from = sample->pixels;
  cnn__buffer stored = {0};
  uint8_t *to;
  if (from == sample->room) {
    sample->room = NULL;
  } else {
    stored = sample->decoded;
    sample->decoded = (cnn__buffer){0};
  }
  const cnn_status status = orientation >= 5
                                ? cnn__image_room(decoding, sample, width, height, &to)
                                : cnn__image_room(decoding, sample, height, width, &to);
  if (status == CNN_OK) cnn__image_turn(orientation, height, width, decoding->channels, from, to);
  cnn__free(sample->context, stored.bytes);
  return status;
}

cnn_status cnn__image_decode(const cnn__decoding *decoding, cnn__sample *sample) {
  static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  static const uint8_t jpeg[] = {0xff, 0xd8, 0xff};
  int orientation = 1;
  cnn_status status;
  if (decoding->size >= sizeof png && memcmp(decoding->bytes, png, sizeof png) == 0)
    status = cnn__png_decode(decoding, sample, &orientation);
  else if (decoding->size >= sizeof jpeg && memcmp(decoding->bytes, jpeg, sizeof jpeg) == 0)
    status = cnn__jpeg_decode(decoding, sample, &orientation);
  else
    status = cnn__fail(CNN_E_FORMAT, "%s: neither a PNG nor a JPEG image (%zu bytes)",
                       decoding->name, decoding->size);
  if (status != CNN_OK || orientation == 1) return status;
  return turn_upright(decoding, sample, orientation);
}

/* ---- one image ---- */

static cnn_tensor *decode_tensor(cnn_context *context, const cnn__decoding *decoding) {
  cnn__sample sample = {.context = context};
  cnn_tensor *image = NULL;
  if (cnn__image_decode(decoding, &sample) == CNN_OK)
    image = cnn__tensor_new(context, CNN_UINT8, &sample.shape);
  if (image) memcpy(image->data, sample.pixels, image->bytes);
  cnn__sample_release(&sample);
  return image;
}

static cnn_status check_channels(const char *function, int64_t channels) {
  if (channels == 1 || channels == 3) return CNN_OK;
  return cnn__fail(CNN_E_INVALID, "%s: channels %lld is neither 3 nor 1", function,
                   (long long)channels);
}

cnn_tensor *cnn_image_decode(const char *name, const void *bytes, size_t size, int64_t channels) {
  if (!name) name = "image";
  if (check_channels("cnn_image_decode", channels) != CNN_OK) return NULL;
  if (!bytes) {
    cnn__fail(CNN_E_INVALID, "cnn_image_decode: bytes is NULL");
    return NULL;
  }
  cnn_context *context = cnn__context_acquire();
  if (!context) return NULL;
  cnn_tensor *image = decode_tensor(
      context,
      &(cnn__decoding){.name = name, .bytes = bytes, .size = size, .channels = (size_t)channels});
  cnn_context_free(context);
  return image;
}

cnn_tensor *cnn_image_read(const char *path, int64_t channels) {
  if (check_channels("cnn_image_read", channels) != CNN_OK) return NULL;
  if (!path) {
    cnn__fail(CNN_E_INVALID, "cnn_image_read: path is NULL");
    return NULL;
  }
  cnn_context *context = cnn__context_acquire();
  if (!context) return NULL;
  unsigned char *bytes = NULL;
  size_t size;
  cnn_tensor *image = NULL;
  if (cnn__file_read(context, path, 0, &bytes, &size) == CNN_OK)
    image = decode_tensor(
        context,
        &(cnn__decoding){.name = path, .bytes = bytes, .size = size, .channels = (size_t)channels});
  cnn__free(context, bytes);
  cnn_context_free(context);
  return image;
}
