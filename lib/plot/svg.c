/* Cairo struct numbers an SVG file's surfaces and images by a count that runs through the whole process
   ("surface25", "image29"), so that drawing the same twice gives other bytes. Here each of them
   gets the number of its first appearance instead. */
#include "plot/svg.h"
#include <stdlib.h>
#include <string.h>

/* Numbers seen, in order; few enough to look through. */
struct numbers {
  unsigned long *seen;
  size_t count, capacity;
};

static bool is_digit(unsigned char c) {
  return c >= '0' && c <= '9';
}

/* The place of number among those seen, where it is put if it is new. False: no memory. */
static bool place_of(struct numbers *numbers, unsigned long number, size_t *place) {
  for (*place = 0; *place < numbers->count; (*place)++)
    if (numbers->seen[*place] == number) return true;
  if (numbers->count == numbers->capacity) {
    size_t capacity = numbers->capacity * 2 + 64;
    unsigned long *grown = realloc(numbers->seen, capacity * sizeof *grown);
    if (grown == NULL) return false;
    numbers->seen = grown;
    numbers->capacity = capacity;
  }
  numbers->seen[numbers->count++] = number;
  return true;
}

/* Bytes of a name at text that a number follows, behind where it is given or used; else 0. */
static size_t name_length(const unsigned char *text, size_t left) {
  static const char *const names[] = {"id=\"surface", "id=\"image", "\"#surface",
                                      "\"#image",     "(#surface",  "(#image"};
  if (*text != 'i' && *text != '"' && *text != '(') return 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t length = strlen(names[i]);
    if (left > length && memcmp(text, names[i], length) == 0 && is_digit(text[length]))
      return length;
  }
  return 0;
}

/* Appends number in digits. */
static void append_number(cnn__bytes *to, size_t number) {
  unsigned char digits[24], *first = digits + sizeof digits;
  do
    *--first = (unsigned char)('0' + number % 10);
  while ((number /= 10) > 0);
  cnn__bytes_append(to, first, (size_t)(digits + sizeof digits - first));
}

void cnn__svg_renumber(cnn__bytes *svg) {
  struct numbers numbers = {0};
  cnn__bytes to = {.failed = svg->failed};
  size_t done = 0; /* bytes of svg that are in to */
  for (size_t i = 0; i < svg->size && !to.failed; i++) {
    size_t length = name_length(svg->data + i, svg->size - i);
    if (length == 0) continue;
    i += length;
    cnn__bytes_append(&to, svg->data + done, i - done);
    unsigned long number = 0;
    for (; i < svg->size && is_digit(svg->data[i]); i++)
      number = number * 10 + (unsigned long)(svg->data[i] - '0');
    size_t place = 0;
    if (!place_of(&numbers, number, &place)) to.failed = true;
    append_number(&to, place);
    done = i;
  }
  cnn__bytes_append(&to, svg->data + done, svg->size - done);
  free(numbers.seen);
  free(svg->data);
  *svg = to;
}
