/* What the decoders of images share. */
#ifndef CNN_DATA_DECODING_H
#define CNN_DATA_DECODING_H

#include "data/dataset.h"

/* What is to be decoded, and how. */
typedef struct cnn__decoding {
  const char *name; /* for messages */
  const uint8_t *bytes;
  size_t size;
  size_t channels; /* 3: RGB; 1: grey */
  size_t least_height,
      least_width; /* JPEGs may come at 1/2, 1/4 or 1/8, not below these; 0: whole */
} cnn__decoding;

/* The decoders: into sample->decoded as they lie in the file. orientation: EXIF's, 1 to 8. The
   name of each format is the messages'. */
cnn_status cnn__png_decode(const cnn__decoding *decoding, cnn__sample *sample, int *orientation);
cnn_status cnn__jpeg_decode(const cnn__decoding *decoding, cnn__sample *sample, int *orientation);

/* Room for a size that they have checked: *pixels, which sample->pixels and shape show. */
cnn_status cnn__image_room(const cnn__decoding *decoding, cnn__sample *sample, size_t height,
                           size_t width, uint8_t **pixels);

/* EXIF's orientation, 1 to 8, from a TIFF block; 1 where it says nothing. Never reads outside. */
int cnn__exif_orientation(const uint8_t *tiff, size_t size);
/* The same, found in a JPEG's markers. */
int cnn__jpeg_orientation(const uint8_t *bytes, size_t size);
/* Turns pixels from (height, width) so that an image of this orientation stands upright. Orientations
   5 to 8 exchange height and width. */
void cnn__image_turn(int orientation, size_t height, size_t width, size_t channels,
                     const uint8_t *from, uint8_t *to);

/* Pillow's grey of a colour: ITU-R BT.601 in 16 bits. */
static inline uint8_t cnn__grey(unsigned red, unsigned green, unsigned blue) {
  return (uint8_t)((red * 19595u + green * 38470u + blue * 7471u + 0x8000u) >> 16);
}

#endif
