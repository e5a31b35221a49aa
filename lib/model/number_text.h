/* Whole numbers as tables show them. */
#ifndef CNN_MODEL_NUMBER_TEXT_H
#define CNN_MODEL_NUMBER_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { CNN__GROUPED_TEXT = 32 };

/* "160,202". Returns buffer. */
static inline char *cnn__grouped(char buffer[CNN__GROUPED_TEXT], uint64_t value) {
  char reversed[CNN__GROUPED_TEXT];
  size_t used = 0, digits = 0;
  do {
    if (digits > 0 && digits % 3 == 0) reversed[used++] = ',';
    reversed[used++] = (char)('0' + value % 10);
    digits++;
    value /= 10;
  } while (value > 0);
  for (size_t i = 0; i < used; i++)
    buffer[i] = reversed[used - 1 - i];
  buffer[used] = 0;
  return buffer;
}

#endif
