/* Kernels from 8-bit (or float) images to float batches: conversion, affine warp, resizing.

   Images are rows of pixels of interleaved channels. "Element" is one channel of one pixel. All
   arithmetic is float32 with the roundings written here, so AVX2, AVX-512 and NEON give the generic
   bits; SSE2 multiplies and adds with two roundings in place of a fused multiply-add. */
#ifndef CNN_KERNELS_IMAGE_H
#define CNN_KERNELS_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes after the last element of a warp's or a resize's source that must be readable; their values
   do not matter. */
enum { CNN__IMAGE_SLACK = 16 };

/* Copies of the channels' factors that a conversion is given: the virtual vector's lanes. */
enum { CNN__IMAGE_LANES = 16 };

/* Where a coordinate y of n pixels outside [0, n - 1] points. As SciPy's modes of the same names. */
typedef enum cnn__image_fill {
  CNN__IMAGE_NEAREST = 0,  /* the nearest edge */
  CNN__IMAGE_CONSTANT = 1, /* nowhere: the pixel is fill_value, without blending */
  CNN__IMAGE_REFLECT = 2,  /* mirrored at the pixels' outer edges, period 2n */
  CNN__IMAGE_WRAP = 3      /* period n - 1 */
} cnn__image_fill;

/* Output pixel (i, j) is the source, sampled bilinearly at (y, x), then scaled:

     y = fma(float(m1), j, float(m0 * i + m2))     row part in double, rounded once
     x = fma(float(m4), j, float(m3 * i + m5))
     y, x by the fill;  a = min(trunc(y), height - 2), fy = y - a;  b, fx likewise (0, 0 in one pixel)
     v0 = fma(fy, p[a + 1][b] - p[a][b], p[a][b]);  v1 likewise at b + 1
     out = fma(fma(fx, v1 - v0, v0), scale[c], offset[c])            fill_value in place of fma(...)

   Coordinates stay below 2^30 pixels. */
typedef struct cnn__warp {
  const void *source;
  size_t height, width, channels; /* each 1 or more, height and width up to 2^23 */
  size_t row;                     /* elements from a row to the next */
  double matrix[6];
  cnn__image_fill fill;
  float fill_value;
  const float *scale, *offset; /* channels of each */
  size_t out_height, out_width;
  float *out; /* contiguous; not the source */
} cnn__warp;

/* Which source pixels make each output pixel of a resized axis, and by which weights. */
typedef struct cnn__taps {
  size_t count;          /* output pixels */
  size_t stride;         /* weights of each: the most taps any has */
  const uint32_t *first; /* count: the first source pixel */
  const uint32_t *taps;  /* count: how many, 1 to stride */
  const float *weights;  /* count x stride */
} cnn__taps;

typedef struct cnn__image_kernels {
  void (*warp_u8)(const cnn__warp *warp);
  void (*warp_f32)(const cnn__warp *warp);

  /* to[e] = fma(from[e], scale[e % (16 * period)], offset[...]): factors for period channels, each
     repeated to 16 * period values. f32: from may be to. */
  void (*convert_u8)(size_t count, size_t period, const float *scale, const float *offset,
                     const uint8_t *from, float *to);
  void (*convert_f32)(size_t count, size_t period, const float *scale, const float *offset,
                      const float *from, float *to);

  /* to[e] = sum over k < taps of weights[k] * from[k * row + e], fused, from 0, in k's order. */
  void (*blend_rows_u8)(size_t count, size_t taps, const float *weights, const uint8_t *from,
                        size_t row, float *to);
  void (*blend_rows_f32)(size_t count, size_t taps, const float *weights, const float *from,
                         size_t row, float *to);
  /* to[x][c] = sum over k < taps[x] of weights[x][k] * from[first[x] + k][c], likewise. from has
     slack. */
  void (*blend_columns)(const cnn__taps *taps, size_t channels, const float *from, float *to);
  /* to[e] = trunc(min(max(from[e], 0), 255) + 0.5); NaN gives 0. */
  void (*round_u8)(size_t count, const float *from, uint8_t *to);
} cnn__image_kernels;

#endif
