/* Fields of an options struct that the file calls `options`. */
#ifndef CNN_DATA_FIELDS_H
#define CNN_DATA_FIELDS_H

#include "base/settings.h"
#include <stddef.h>

#define REAL(member, low, high, standard)                                                          \
  {                                                                                                \
    .name = #member, .kind = CNN__FIELD_REAL, .offset = offsetof(options, member),                 \
    .initial = (standard), .minimum = (low), .maximum = (high)                                     \
  }
#define INTEGER(member, low, high)                                                                 \
  {                                                                                                \
    .name = #member, .kind = CNN__FIELD_INTEGER, .offset = offsetof(options, member),              \
    .minimum = (low), .maximum = (high)                                                            \
  }
#define REQUIRED(member, high)                                                                     \
  {                                                                                                \
    .name = #member, .kind = CNN__FIELD_INTEGER, .offset = offsetof(options, member),              \
    .required = true, .minimum = 1, .maximum = (high)                                              \
  }
#define FLAG(member)                                                                               \
  { .name = #member, .kind = CNN__FIELD_FLAG, .offset = offsetof(options, member) }
#define CHOICE(member, names)                                                                      \
  {                                                                                                \
    .name = #member, .kind = CNN__FIELD_CHOICE, .offset = offsetof(options, member),               \
    .choices = (names)                                                                             \
  }

extern const char *const cnn__interpolation_names[]; /* of cnn_interpolation's values */
extern const char *const cnn__fill_names[];          /* of cnn_fill's */

enum { CNN__MOST_SIDE = 1 << 16 }; /* of an image that a transform makes */

#endif
