/* The augmentation's parts, on given parameters. */
#ifndef CNN_DATA_AUGMENTATION_H
#define CNN_DATA_AUGMENTATION_H

#include "data/picture.h"

typedef struct cnn__geometry {
  double theta, shear;              /* radians */
  double rows_shift, columns_shift; /* pixels */
  double zoom_rows, zoom_columns;
  bool moved; /* any of these is on */
  bool flip_horizontal, flip_vertical;
} cnn__geometry;

/* Rotation * shift * shear * zoom about the centre: from output to input coordinates. */
void cnn__geometry_matrix(const cnn__geometry *geometry, size_t height, size_t width,
                          double matrix[6]);
cnn_status cnn__geometry_apply(const cnn__geometry *geometry, cnn__image_fill fill,
                               float fill_value, cnn__picture *picture);

/* Adds shift, clipped to the values' own least and largest. */
void cnn__augment_shift(size_t count, float *values, float shift);
/* Multiplies, clipped to [0, most]. */
void cnn__augment_brighten(size_t count, float *values, float factor, float most);

#endif
