#include "data/decoding.h"
#include "base/size.h"
#include "ops/image.h"
#include <string.h>

cnn_status cnn__image_room(const cnn__decoding *decoding, cnn__sample *sample, size_t height,
                           size_t width, uint8_t **pixels) {
  size_t bytes;
  if (!cnn__size_mul(height * width, decoding->channels, &bytes) ||
      !cnn__size_add(bytes, CNN__DECODED_AT + CNN__IMAGE_SLACK, &bytes))
    return cnn__fail(CNN_E_LIMIT, "%s: an image of %zux%zu pixels exceeds the address space",
                     decoding->name, height, width);
  const size_t size = bytes - CNN__DECODED_AT - CNN__IMAGE_SLACK;
  if (sample->room && size == sample->room_size) {
    *pixels = sample->room;
  } else {
    const cnn_status status =
        cnn__buffer_reserve(sample->context, &sample->decoded, bytes, "a decoded image");
    if (status != CNN_OK) return status;
    *pixels = (uint8_t *)sample->decoded.bytes + CNN__DECODED_AT;
  }
  memset(*pixels + size, 0, CNN__IMAGE_SLACK);
  sample->pixels = *pixels;
  sample->slack = true;
  sample->shape = (cnn__shape){.rank = 3, .dim = {height, width, decoding->channels}};
  return CNN_OK;
}
