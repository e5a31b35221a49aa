/* UTF-8 (RFC 3629), checked: no overlong forms, no surrogates, nothing over U+10FFFF. */
#ifndef CNN_BASE_UTF8_H
#define CNN_BASE_UTF8_H

#include <stddef.h>

/* The bytes of the character at text, of which size bytes are there; 0 where it is not valid. */
static inline size_t cnn__utf8_length(const char *text, size_t size) {
  const unsigned char *c = (const unsigned char *)text;
  if (size == 0) return 0;
  if (c[0] < 0x80) return 1;
  size_t length = c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf5 ? 4 : 0;
  if (length == 0 || size < length) return 0;
  /* The second byte's range is narrower where overlong forms, surrogates and the end are near. */
  unsigned char low = c[0] == 0xe0 ? 0xa0 : c[0] == 0xf0 ? 0x90 : 0x80;
  unsigned char high = c[0] == 0xed ? 0x9f : c[0] == 0xf4 ? 0x8f : 0xbf;
  if (c[1] < low || c[1] > high) return 0;
  for (size_t i = 2; i < length; i++)
    if ((c[i] & 0xc0) != 0x80) return 0;
  return length;
}

#endif
