#include "data/decoding.h"
#include "base/size.h"
#include "ops/image.h"
#include <string.h>

cnn_status cnn__image_room(const cnn__decoding *decoding, cnn__sample *sample, size_t height,
                           size_t width) {
  size_t bytes;
  if (!cnn__size_mul(height * width, decoding->channels, &bytes) ||
      !cnn__size_add(bytes, CNN__IMAGE_SLACK, &bytes))
    return cnn__fail(CNN_E_LIMIT, "%s: an image of %zux%zu pixels exceeds the address space",
                     decoding->name, height, width);
  const cnn_status status =
      cnn__buffer_reserve(sample->context, &sample->decoded, bytes, "a decoded image");
  if (status != CNN_OK) return status;
  memset((uint8_t *)sample->decoded.bytes + bytes - CNN__IMAGE_SLACK, 0, CNN__IMAGE_SLACK);
  sample->pixels = sample->decoded.bytes;
  sample->slack = true;
  sample->shape = (cnn__shape){.rank = 3, .dim = {height, width, decoding->channels}};
  return CNN_OK;
}
