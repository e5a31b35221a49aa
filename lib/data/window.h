/* Rectangles of random area and shape inside an image. */
#ifndef CNN_DATA_WINDOW_H
#define CNN_DATA_WINDOW_H

#include "base/random.h"
#include "base/status.h"

typedef struct cnn__rectangle {
  size_t top, left, height, width;
} cnn__rectangle;

typedef struct cnn__window_range {
  double area_low, area_high;   /* shares of the image's area */
  double ratio_low, ratio_high; /* width / height, uniform in its logarithm */
} cnn__window_range;

/* That no low end is above its high one; CNN_E_INVALID. */
cnn_status cnn__window_check(const char *who, double scale_low, double scale_high, double ratio_low,
                             double ratio_high);
/* Draws area, ratio, and, where the rectangle fits, row and column; up to ten times. False where none
   fitted. */
bool cnn__window_draw(cnn__random *random, const cnn__window_range *range, size_t height,
                      size_t width, cnn__rectangle *window);
/* The largest window in the middle whose ratio is in the range. */
cnn__rectangle cnn__window_middle(const cnn__window_range *range, size_t height, size_t width);

#endif
