/* The entries of a table of fields, for an options struct that the file calls `options`. */
#ifndef CNN_BASE_FIELDS_H
#define CNN_BASE_FIELDS_H

#include "base/settings.h"
#include <stddef.h>

#define FIELD(member, type)                                                                        \
  .name = #member, .kind = CNN__FIELD_##type, .offset = offsetof(options, member)

#define FLAG(member)                                                                               \
  { FIELD(member, FLAG) }
#define CHOICE(member, names)                                                                      \
  { FIELD(member, CHOICE), .choices = (names) }
#define REAL(member, low, high, standard)                                                          \
  { FIELD(member, REAL), .minimum = (low), .maximum = (high), .initial = (standard) }
#define INTEGER(member, low, high, standard)                                                       \
  { FIELD(member, INTEGER), .minimum = (low), .maximum = (high), .initial = (standard) }
#define REQUIRED(member, high)                                                                     \
  { FIELD(member, INTEGER), .required = true, .minimum = 1, .maximum = (high) }
/* Two integers of 1 or more; standard 0: required. */
#define PAIR(member, high, standard)                                                               \
  {                                                                                                \
    FIELD(member, PAIR), .required = (standard) == 0, .minimum = 1, .maximum = (high),             \
                         .initial = (standard)                                                     \
  }

#endif
