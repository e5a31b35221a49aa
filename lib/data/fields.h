/* What the fields of several transforms name. */
#ifndef CNN_DATA_FIELDS_H
#define CNN_DATA_FIELDS_H

#include "base/fields.h"

extern const char *const cnn__interpolation_names[]; /* of cnn_interpolation's values */
extern const char *const cnn__fill_names[];          /* of cnn_fill's */

enum { CNN__MOST_SIDE = 1 << 16 }; /* of an image that a transform makes */

#endif
