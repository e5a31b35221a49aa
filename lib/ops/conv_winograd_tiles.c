/* Tiles on their way to the spectra and back, a tile at a time: for passes by groups and for deep ones. */
#include "ops/conv_winograd.h"

void cnn__winograd_transform_inputs(const cnn__conv *conv, const cnn__winograd_geometry *geometry,
                                    const cnn__winograd_layout *layout, const float *x, float *v) {
  const cnn__winograd_kernels *kernels = &cnn__kernels_get()->convolution.winograd;
  cnn__winograd_place place = cnn__winograd_first(geometry, &layout->group);
  do {
    size_t at;
    const cnn__winograd_tile tile = cnn__winograd_inputs(conv, geometry, layout, &place, &at);
    kernels->input(&tile, x + at, v + place.index * conv->parameters[WINOGRAD_IN_PITCH]);
  } while (cnn__winograd_next(geometry, &layout->group, &place));
}

void cnn__winograd_transform_output(const cnn__conv *conv, const cnn__winograd_geometry *geometry,
                                    const cnn__winograd_layout *layout,
                                    const cnn__winograd_place *place,
                                    const cnn__conv_buffers *buffers, size_t first, size_t count,
                                    const float *m) {
  const cnn__conv_shape *shape = &conv->shape;
  const cnn__winograd_kernels *kernels = &cnn__kernels_get()->convolution.winograd;
  const cnn__winograd_epilogue epilogue = {.bias = shape->bias ? buffers->bias + first : NULL,
                                           .relu = shape->relu};
  size_t y;
  const cnn__winograd_tile tile = cnn__winograd_outputs(conv, geometry, layout, place, count, &y);
  y += first;
  if (cnn__conv_pooled(shape))
    kernels->output_pooled(&tile, &epilogue, m, buffers->y + y,
                           buffers->saved ? buffers->saved + y : NULL);
  else
    kernels->output(&tile, &epilogue, m, buffers->y + y);
}

void cnn__winograd_transform_gradient(const cnn__conv *conv, const cnn__winograd_geometry *geometry,
                                      const cnn__winograd_layout *layout,
                                      const cnn__winograd_place *place,
                                      const cnn__conv_buffers *buffers, float *m, float *sums) {
  const cnn__conv_shape *shape = &conv->shape;
  const cnn__winograd_kernels *kernels = &cnn__kernels_get()->convolution.winograd;
  size_t y;
  const cnn__winograd_tile tile =
      cnn__winograd_outputs(conv, geometry, layout, place, shape->out_channels, &y);
  if (cnn__conv_pooled(shape))
    kernels->output_pooled_adjoint(&tile, buffers->dy + y, buffers->saved + y, m, sums);
  else
    kernels->output_adjoint(&tile, buffers->dy + y, shape->relu ? buffers->y + y : NULL, m, sums);
}
