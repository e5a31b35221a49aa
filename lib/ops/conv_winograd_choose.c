/* When Winograd pays. Counted in multiply-adds of a processor at its peak, from the shape alone:
   rough weights for what is no multiply-add, the same on every machine. */
#include "ops/conv_winograd.h"

enum {
  TRANSFORM = 8,    /* of a channel, for each number of its tile's spectrum, in and out */
  READ_NEAR = 4,    /* of a weight, once a pass over all images */
  READ_FAR = 12,    /* ... where all of them are more than NEAR_BYTES, and come from far */
  MAKE_WEIGHT = 16, /* of preparing one and bringing its gradient back, once a step */
  NEAR_BYTES = 2 << 20
};

static double reading(double weights) {
  return weights * (weights * sizeof(float) > NEAR_BYTES ? READ_FAR : READ_NEAR);
}

static double spectrum_points(const cnn__winograd_axis *axis) {
  return (double)((axis->tiles - 1) * (axis->size + 2) + axis->last_size + 2);
}

static double winograd_cost(const cnn__conv_shape *shape, const cnn__conv_mode *mode, size_t size) {
  const cnn__winograd_geometry geometry = cnn__winograd_geometry_of(shape, size);
  const double channels = (double)shape->in_channels + (double)shape->out_channels;
  const double weights = (double)shape->in_channels * (double)shape->out_channels;
  const double numbers =
      (double)shape->batch * spectrum_points(&geometry.rows) * spectrum_points(&geometry.columns);
  const double prepared = weights * (double)geometry.frequencies;
  return weights * numbers + numbers * TRANSFORM * channels + reading(prepared) +
         (mode->training ? MAKE_WEIGHT * prepared : 0);
}

size_t cnn__winograd_choose(const cnn__conv_shape *shape, const cnn__conv_mode *mode) {
  enum { LEAST_CHANNELS = 8 };
  if (mode->exact || shape->kernel_height != 3 || shape->kernel_width != 3 ||
      shape->stride_height != 1 || shape->stride_width != 1 || shape->dilation_height != 1 ||
      shape->dilation_width != 1 || shape->groups != 1 || shape->in_channels < LEAST_CHANNELS ||
      shape->out_channels < LEAST_CHANNELS)
    return 0;
  cnn__conv_shape plain = *shape;
  plain.pool_height = plain.pool_width = 0;
  const double weights = (double)shape->in_channels * (double)shape->out_channels;
  const double cells = (double)shape->batch * (double)shape->out_height * (double)shape->out_width;
  const double direct = 9 * weights * cells + reading(9 * weights);
  const double four = winograd_cost(&plain, mode, 4), two = winograd_cost(&plain, mode, 2);
  if (four < direct && four <= two) return 4;
  return two < direct ? 2 : 0;
}
