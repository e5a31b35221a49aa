#include "ops/color.h"
#include "kernels/image.h"
#include <math.h>

enum { LANES = CNN__IMAGE_LANES };

static float clip(float x, float white) {
  const float low = x > 0 ? x : 0;
  return low < white ? low : white;
}

/* ITU-R BT.601's luma. */
static float grey(const float *pixel) {
  return 0.2989f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
}

void cnn__color_brightness(size_t count, float *values, float factor, float white) {
  for (size_t e = 0; e < count; e++)
    values[e] = clip(values[e] * factor, white);
}

/* In double, by lanes in a fixed order. */
static double mean_grey(size_t pixels, size_t channels, const float *values) {
  double lanes[LANES] = {0}, sum = 0;
  for (size_t i = 0; i < pixels; i++)
    lanes[i % LANES] += channels == 3 ? grey(values + 3 * i) : values[i];
  for (size_t k = 0; k < LANES; k++)
    sum += lanes[k];
  return sum / (double)pixels;
}

void cnn__color_contrast(size_t pixels, size_t channels, float *values, float factor, float white) {
  const float rest = (float)mean_grey(pixels, channels, values) * (1 - factor);
  for (size_t e = 0; e < pixels * channels; e++)
    values[e] = clip(values[e] * factor + rest, white);
}

void cnn__color_saturation(size_t pixels, float *values, float factor, float white) {
  for (size_t i = 0; i < pixels; i++, values += 3) {
    const float rest = grey(values) * (1 - factor);
    for (int c = 0; c < 3; c++)
      values[c] = clip(values[c] * factor + rest, white);
  }
}

/* Where on the circle [0, 1) a pixel's hue is; 0 for greys. most - least is above 0. */
static float hue_of(const float *p, float most, float spread) {
  const float red = (most - p[0]) / spread, green = (most - p[1]) / spread;
  const float blue = (most - p[2]) / spread;
  const float sixth = p[0] >= most ? blue - green : p[1] >= most ? 2 + red - blue : 4 + green - red;
  const float hue = sixth / 6;
  return hue < 0 ? hue + 1 : hue;
}

void cnn__color_hue(size_t pixels, float *values, float turn, float white) {
  for (size_t i = 0; i < pixels; i++, values += 3) {
    const float r = values[0], g = values[1], b = values[2];
    const float most = r > g ? (r > b ? r : b) : (g > b ? g : b);
    const float least = r < g ? (r < b ? r : b) : (g < b ? g : b);
    const float spread = most - least;
    if (!(spread > 0) || !isfinite(spread)) continue; /* a grey stays grey */
    float hue = hue_of(values, most, spread) + turn;
    hue -= floorf(hue);
    /* The sector of the circle, and how far in it: from most down or from least up. */
    const float sixths = hue * 6;
    const int sector = (int)sixths;
    const float in = sixths - (float)sector;
    const float falling = clip(most - spread * in, white);
    const float rising = clip(most - spread * (1 - in), white);
    const float top = clip(most, white), bottom = clip(least, white);
    const float wheel[6][3] = {{top, rising, bottom}, {falling, top, bottom},
                               {bottom, top, rising}, {bottom, falling, top},
                               {rising, bottom, top}, {top, bottom, falling}};
    const float *turned = wheel[sector < 6 ? sector : 0];
    values[0] = turned[0];
    values[1] = turned[1];
    values[2] = turned[2];
  }
}
