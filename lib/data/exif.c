/* EXIF's orientation (CIPA DC-008, tag 0x0112), read with bounds. */
#include "data/decoding.h"
#include <string.h>

enum { ORIENTATION = 0x0112, SHORT = 3, ENTRY = 12 };

typedef struct tiff {
  const uint8_t *bytes;
  size_t size;
  bool big_endian;
} tiff;

/* Numbers at an offset; 0 beyond the end. */
static uint32_t read_16(const tiff *t, size_t at) {
  if (at > t->size || t->size - at < 2) return 0;
  const uint32_t a = t->bytes[at], b = t->bytes[at + 1];
  return t->big_endian ? a << 8 | b : b << 8 | a;
}

static uint32_t read_32(const tiff *t, size_t at) {
  const uint32_t first = read_16(t, at), second = read_16(t, at + 2);
  return t->big_endian ? first << 16 | second : second << 16 | first;
}

int cnn__exif_orientation(const uint8_t *bytes, size_t size) {
  if (size < 8) return 1;
  const tiff t = {bytes, size, bytes[0] == 'M'};
  if (memcmp(bytes, t.big_endian ? "MM" : "II", 2) != 0 || read_16(&t, 2) != 42) return 1;
  const size_t directory = read_32(&t, 4);
  const size_t entries = read_16(&t, directory);
  for (size_t i = 0; i < entries; i++) {
    const size_t at = directory + 2 + i * ENTRY;
    if (size - at < ENTRY) return 1; /* at is within: the number before it, or an entry, was read */
    if (read_16(&t, at) != ORIENTATION) continue;
    const uint32_t value = read_16(&t, at + 8);
    const bool whole = read_16(&t, at + 2) == SHORT && read_32(&t, at + 4) == 1;
    return whole && value >= 1 && value <= 8 ? (int)value : 1;
  }
  return 1;
}

int cnn__jpeg_orientation(const uint8_t *bytes, size_t size) {
  size_t at = 2; /* after the start of image */
  while (at + 4 <= size && bytes[at] == 0xff) {
    const uint8_t marker = bytes[at + 1];
    if (marker == 0xff) { /* fill */
      at++;
      continue;
    }
    const size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
    if (marker == 0xda || marker == 0xd9 || length < 2 || length > size - at - 2) return 1;
    const uint8_t *body = bytes + at + 4;
    if (marker == 0xe1 && length >= 8 && memcmp(body, "Exif\0\0", 6) == 0)
      return cnn__exif_orientation(body + 6, length - 8);
    at += 2 + length;
  }
  return 1;
}

void cnn__image_turn(int orientation, size_t height, size_t width, size_t channels,
                     const uint8_t *from, uint8_t *to) {
  const bool swapped = orientation >= 5;
  const size_t rows = swapped ? width : height, columns = swapped ? height : width;
  /* Where the upright image's rows and columns run in the stored one. */
  const bool up = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool left = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < columns; j++) {
      const size_t y = swapped ? j : i, x = swapped ? i : j;
      const size_t row = up ? height - 1 - y : y, column = left ? width - 1 - x : x;
      memcpy(to, from + (row * width + column) * channels, channels);
      to += channels;
    }
}
