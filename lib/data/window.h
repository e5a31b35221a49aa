/* Rectangles of random area and shape inside an image. */
#ifndef CNN_DATA_WINDOW_H
#define CNN_DATA_WINDOW_H

#include "base/random.h"
#include <stdbool.h>

typedef struct cnn__window {
  size_t top, left, height, width;
} cnn__window;

typedef struct cnn__window_range {
  double area_low, area_high;   /* shares of the image's area */
  double ratio_low, ratio_high; /* width / height, uniform in its logarithm */
} cnn__window_range;

/* Draws area, ratio, and, where the rectangle fits, row and column; up to ten times. False where none
   fitted. */
bool cnn__window_draw(cnn__random *random, const cnn__window_range *range, size_t height,
                      size_t width, cnn__window *window);
/* The largest window in the middle whose ratio is in the range. */
cnn__window cnn__window_middle(const cnn__window_range *range, size_t height, size_t width);

#endif
