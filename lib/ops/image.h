/* Operations on single images over raw buffers: none allocates, none splits its work (a loader
   splits by image). Resizing follows Pillow's rule (Clark et al.; filters as in Turkowski, "Filters
   for common resampling tasks", 1990). */
#ifndef CNN_OPS_IMAGE_H
#define CNN_OPS_IMAGE_H

#include "base/context.h"
#include "kernels/image.h"

/* What is done to every value last: (value * rescale - mean[c]) / deviation[c], as one multiply-add
   with factors worked out in double. */
typedef struct cnn__factors {
  size_t period; /* channels, or 1 where all have the same */
  float *scale;  /* 16 * period values and channels at least; see kernels/image.h */
  float *offset;
} cnn__factors;

/* mean and deviation: channels each, or NULL. CNN_E_NOMEM. */
cnn_status cnn__factors_make(cnn_context *context, double rescale, size_t channels,
                             const double *mean, const double *deviation, cnn__factors *factors);
void cnn__factors_free(cnn_context *context, cnn__factors *factors);
/* rows of count elements each, row apart, to contiguous floats; count a multiple of the period. */
void cnn__image_convert_u8(const cnn__factors *factors, size_t rows, size_t count, size_t row,
                           const uint8_t *from, float *to);
void cnn__image_convert_f32(const cnn__factors *factors, size_t rows, size_t count, size_t row,
                            const float *from, float *to);

/* Over count values, in double, 16 lanes in a fixed order. */
void cnn__image_moments(size_t count, const float *values, double *mean, double *deviation);
void cnn__image_range(size_t count, const float *values, float *low, float *high);

/* An affine map of the whole image, with the factors, as kernels/image.h says. */
void cnn__image_warp_u8(const cnn__warp *warp);
void cnn__image_warp_f32(const cnn__warp *warp);

/* ---- resizing ---- */

typedef enum cnn__resize_filter {
  CNN__RESIZE_BILINEAR = 0, /* triangle, widened when shrinking */
  CNN__RESIZE_NEAREST = 1,
  CNN__RESIZE_BICUBIC = 2 /* a = -0.5, widened when shrinking */
} cnn__resize_filter;

/* How one axis of in pixels becomes out: bytes of memory that the tables take (false on overflow),
   and the tables made in such memory (64-byte aligned). in and out from 1 to 2^23. */
bool cnn__resize_taps_size(size_t in, size_t out, cnn__resize_filter filter, size_t *bytes);
void cnn__resize_taps_make(size_t in, size_t out, cnn__resize_filter filter, void *memory,
                           cnn__taps *taps);

/* An image of rows row elements apart, through both axes' tables. scratch: cnn__resize_scratch()
   bytes, 64-byte aligned. */
typedef struct cnn__resize {
  const cnn__taps *rows, *columns;
  size_t in_height, in_width, channels;
  size_t row;
  cnn__resize_filter filter; /* not nearest */
  void *scratch;
} cnn__resize;
bool cnn__resize_scratch(const cnn__resize *resize, size_t *bytes);
/* Results are rounded and clipped. The cubic filter, which shoots beyond its input, rounds and clips
   after the columns, too, as Pillow does. from has slack. */
void cnn__image_resize_u8(const cnn__resize *resize, const uint8_t *from, uint8_t *to);
void cnn__image_resize_f32(const cnn__resize *resize, const float *from, float *to);

#endif
