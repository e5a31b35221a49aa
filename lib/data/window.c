#include "data/window.h"
#include "base/mathematics.h"
#include <math.h>

enum { TRIES = 10 };

cnn_status cnn__window_check(const char *who, double scale_low, double scale_high, double ratio_low,
                             double ratio_high) {
  if (scale_low <= scale_high && ratio_low <= ratio_high) return CNN_OK;
  const char *what = scale_low > scale_high ? "scale" : "ratio";
  return cnn__fail(CNN_E_INVALID, "%s: %s_low is above %s_high", who, what, what);
}

static size_t rounded(double x) {
  return x > 0 ? (size_t)(x + 0.5) : 0;
}

bool cnn__window_draw(cnn__random *random, const cnn__window_range *range, size_t height,
                      size_t width, cnn__rectangle *window) {
  const double area = (double)height * (double)width;
  const double low = cnn__log(range->ratio_low), high = cnn__log(range->ratio_high);
  for (int tries = 0; tries < TRIES; tries++) {
    const double wanted = area * cnn__random_range(random, range->area_low, range->area_high);
    const double ratio = cnn__exp(cnn__random_range(random, low, high));
    const size_t h = rounded(sqrt(wanted / ratio)), w = rounded(sqrt(wanted * ratio));
    if (h == 0 || w == 0 || h > height || w > width) continue;
    const size_t top = (size_t)cnn__random_below(random, height - h + 1);
    const size_t left = (size_t)cnn__random_below(random, width - w + 1);
    *window = (cnn__rectangle){top, left, h, w};
    return true;
  }
  return false;
}

cnn__rectangle cnn__window_middle(const cnn__window_range *range, size_t height, size_t width) {
  cnn__rectangle w = {.height = height, .width = width};
  const double ratio = (double)width / (double)height;
  if (ratio < range->ratio_low) w.height = rounded((double)width / range->ratio_low);
  if (ratio > range->ratio_high) w.width = rounded((double)height * range->ratio_high);
  w.height = w.height < 1 ? 1 : w.height > height ? height : w.height;
  w.width = w.width < 1 ? 1 : w.width > width ? width : w.width;
  w.top = (height - w.height) / 2;
  w.left = (width - w.width) / 2;
  return w;
}
