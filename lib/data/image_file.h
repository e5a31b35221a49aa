/* PNG and JPEG images: decoding from memory, by content. */
#ifndef CNN_DATA_IMAGE_FILE_H
#define CNN_DATA_IMAGE_FILE_H

#include "data/decoding.h"

/* Decodes into sample->decoded, turned as EXIF says: sample->pixels and shape are (height, width,
   channels). Sizes are checked on the header, against the context's max_pixels, before anything is
   allocated for pixels. CNN_E_FORMAT, CNN_E_LIMIT, CNN_E_UNSUPPORTED, CNN_E_NOMEM. */
cnn_status cnn__image_decode(const cnn__decoding *decoding, cnn__sample *sample);

#endif
