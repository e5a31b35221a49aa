/* Colours of one image of interleaved floats in [0, white]: brightness, contrast, saturation, hue,
   as torchvision's on float tensors (transforms/v2, _blend and adjust_hue). In place; results are
   clipped to [0, white], NaN gives 0. channels: 3 (red, green, blue), or 1 (grey). */
#ifndef CNN_OPS_COLOR_H
#define CNN_OPS_COLOR_H

#include <stddef.h>

/* value * factor */
void cnn__color_brightness(size_t count, float *values, float factor, float white);
/* Blends with the mean of the image's grey: factor 0 is flat, 1 leaves it. */
void cnn__color_contrast(size_t pixels, size_t channels, float *values, float factor, float white);
/* Blends each pixel with its own grey. Three channels. */
void cnn__color_saturation(size_t pixels, float *values, float factor, float white);
/* Turns hues by a share of the circle, in [-0.5, 0.5]. Three channels. */
void cnn__color_hue(size_t pixels, float *values, float turn, float white);

#endif
