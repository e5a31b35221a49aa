/* A picture: one image on its way from the dataset through the transforms into its place in the
   batch. Cropping and mirroring cost nothing and sampling is put off, so that pixels are touched
   once: uint8 in, normalised floats out. */
#ifndef CNN_DATA_PICTURE_H
#define CNN_DATA_PICTURE_H

#include "data/dataset.h"
#include "ops/image.h"

enum { CNN__MOST_CHUNK = 8 }; /* images that a thread makes at a time */

/* One thread's memory for such work. Zero everything but the contexts to start. */
typedef struct cnn__workspace {
  cnn__sample sample;
  cnn__buffer pixels[2];            /* images between transforms */
  cnn__buffer tables;               /* a resize's */
  cnn__file files[CNN__MOST_CHUNK]; /* read ahead, into: */
  cnn__buffer ahead;
  cnn__buffer waiting; /* images as bytes, to be converted together */
} cnn__workspace;
void cnn__workspace_start(cnn__workspace *workspace, cnn_context *context);
void cnn__workspace_release(cnn__workspace *workspace);

typedef struct cnn__picture {
  cnn__workspace *workspace;
  cnn_dtype dtype; /* CNN_UINT8 or CNN_FLOAT32: of pixels */
  const void *pixels;
  size_t row; /* elements from a row to the next */
  size_t source_height, source_width, channels;
  bool slack;    /* see cnn__sample */
  bool writable; /* they lie in the workspace or the target */
  double white;  /* what full brightness is: 255, or 1 in sets of floats */

  size_t height, width; /* as the next transform sees it */
  bool warped;          /* matrix has still to be applied */
  bool exact;           /* ... and only moves whole pixels inside the source: any fill does */
  double matrix[6];
  cnn__image_fill fill;
  float fill_value;

  const cnn__factors *unit; /* leaves values as they are */
  float *target;            /* where the finished image goes: target_count floats */
  size_t target_count;
} cnn__picture;

/* Whether a caller's image can be one; CNN_E_INVALID, CNN_E_SHAPE. */
cnn_status cnn__picture_check(const char *who, const cnn_tensor *image);

/* The sample that the workspace holds, of this dtype. Rank 3 is (height, width, channels); of another rank the last
   size counts as channels and the rest as one row. */
void cnn__picture_start(cnn__picture *picture, cnn__workspace *workspace, cnn_dtype dtype,
                        const cnn__factors *unit, float *target, size_t target_count);

/* The window of height x width at (top, left); it lies inside. */
void cnn__picture_crop(cnn__picture *picture, size_t top, size_t left, size_t height, size_t width);
/* Samples at matrix * (row, column, 1), a picture of the given size. */
cnn_status cnn__picture_warp(cnn__picture *picture, const double matrix[6], size_t height,
                             size_t width, cnn__image_fill fill, float fill_value);
void cnn__picture_mirror(cnn__picture *picture, bool horizontal, bool vertical);
cnn_status cnn__picture_resize(cnn__picture *picture, size_t height, size_t width,
                               cnn__resize_filter filter);
/* A window that may reach outside: there it shows what the fill says (a constant is of the pixels' own
   scale). */
cnn_status cnn__picture_window(cnn__picture *picture, ptrdiff_t top, ptrdiff_t left, size_t height,
                               size_t width, cnn__image_fill fill, float fill_value);
/* Applies what is put off; from then on picture->pixels are what the next transform sees. */
cnn_status cnn__picture_settle(cnn__picture *picture);
/* Its values as contiguous floats, to be changed in place: height * width * channels. */
cnn_status cnn__picture_floats(cnn__picture *picture, float **values);
/* Where nothing is left to be done but the factors, and pixels are bytes that fill the target: sees to it that they
   lie at room, to be converted later. False: the picture is to be finished now. */
bool cnn__picture_keep(const cnn__picture *picture, uint8_t *room);
/* Puts it into target. CNN_E_SHAPE where it does not fit. */
cnn_status cnn__picture_finish(cnn__picture *picture, const cnn__factors *factors);

/* ---- for those that make new pixels ---- */

/* Room for an image beside the one that pixels shows: the target, for floats of its size. CNN_E_LIMIT, CNN_E_NOMEM. */
cnn_status cnn__picture_room(cnn__picture *picture, size_t height, size_t width, cnn_dtype dtype,
                             void **room);
/* The picture is now what lies in that room, whole. */
void cnn__picture_show(cnn__picture *picture, const void *room, size_t height, size_t width,
                       cnn_dtype dtype);

#endif
