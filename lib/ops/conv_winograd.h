/* Winograd convolution: what its parts share. The mathematics: kernels/convolution/winograd.h. */
#ifndef CNN_OPS_CONV_WINOGRAD_H
#define CNN_OPS_CONV_WINOGRAD_H

#include "kernels/kernels.h"
#include "ops/conv_algorithm.h"

/* The plan's numbers: conv->parameters. */
enum {
  WINOGRAD_SIZE,        /* of the tiles, 4 or 2; what remains at the edge gets smaller ones */
  WINOGRAD_IMAGES,      /* images of a group, or */
  WINOGRAD_ROWS,        /* rows of tiles of a group of one image, in the forward pass */
  WINOGRAD_BACK_IMAGES, /* and in the backward pass */
  WINOGRAD_BACK_ROWS,
  WINOGRAD_BLOCK,           /* output channels that a group's forward pass takes at a time */
  WINOGRAD_PARTS,           /* of the output's channels that are tasks of their own; 1 as a rule */
  WINOGRAD_SLICES,          /* slices of images whose weight gradients are summed apart */
  WINOGRAD_IN_PITCH,        /* floats of a tile's row in the spectrum of the input */
  WINOGRAD_OUT_PITCH,       /* ... of the output */
  WINOGRAD_IN_STRIDE,       /* floats from one frequency to the next, of the input */
  WINOGRAD_OUT_STRIDE,      /* ... of the output */
  WINOGRAD_KERNEL_STRIDE,   /* ... of the prepared kernel */
  WINOGRAD_BACK_STRIDE,     /* ... of the transposed one */
  WINOGRAD_GRADIENT_STRIDE, /* ... of the kernel's gradient */
  WINOGRAD_OUT_SCRATCH,  /* offset in a slot's scratch: the output's spectrum, behind the input's */
  WINOGRAD_PARTIAL,      /* offset in scratch: the slices' kernel gradients */
  WINOGRAD_PARTIAL_BIAS, /* ... and bias gradients */
  WINOGRAD_DEEP_FORWARD, /* 1: the forward pass takes all frequencies of many images at once */
  WINOGRAD_DEEP_BACKWARD,   /* (conv_winograd_deep.c); so does the backward pass */
  WINOGRAD_DEEP_IMAGES,     /* so many of them, */
  WINOGRAD_DEEP_IN_STRIDE,  /* floats from one frequency to the next of its inputs' spectrum, */
  WINOGRAD_DEEP_OUT_STRIDE, /* and of its outputs', */
  WINOGRAD_DEEP_OUT,        /* which is behind it: offset in scratch */
  WINOGRAD_END
};
_Static_assert((int)WINOGRAD_END <= (int)CNN__CONV_PARAMETERS, "parameters has no room");

/* How an axis is cut: tiles of one size, and perhaps a smaller last one. */
typedef struct cnn__winograd_axis {
  size_t tiles; /* that count: none lies wholly in an edge that pooling drops */
  size_t size, last_size;
  size_t outputs, used; /* cells; those that count */
  size_t inputs, pad;
} cnn__winograd_axis;

typedef struct cnn__winograd_geometry {
  cnn__winograd_axis rows, columns;
  size_t frequencies;                          /* how many of the 36 some tile uses */
  size_t frequency[CNN__WINOGRAD_FREQUENCIES]; /* by their numbers */
} cnn__winograd_geometry;

cnn__winograd_geometry cnn__winograd_geometry_of(const cnn__conv_shape *shape, size_t size);
static inline size_t cnn__winograd_tile_size(const cnn__winograd_axis *axis, size_t tile) {
  return tile + 1 == axis->tiles ? axis->last_size : axis->size;
}

/* Which of several ways is the cheapest: the tiles' size, 0 for direct convolution. From the shape
   without its pooling, the batch and the mode. */
size_t cnn__winograd_choose(const cnn__conv_shape *shape, const cnn__conv_mode *mode);

/* A group: some images, a range of rows of tiles of each. Its tiles are sorted into up to four types
   by their sizes; of each frequency those types that use it are stored one after another. */
typedef struct cnn__winograd_group {
  size_t first_image, images, first_row, rows;
} cnn__winograd_group;

enum { WINOGRAD_TYPES = 4 }; /* 2 * (last row of tiles) + (last column of tiles) */

typedef struct cnn__winograd_layout {
  cnn__winograd_group group;
  size_t tiles[CNN__WINOGRAD_FREQUENCIES];               /* of each frequency's number */
  size_t in[WINOGRAD_TYPES][CNN__WINOGRAD_FREQUENCIES];  /* where a type's tiles begin, for the */
  size_t out[WINOGRAD_TYPES][CNN__WINOGRAD_FREQUENCIES]; /* kernels' tile->spectrum */
} cnn__winograd_layout;

/* in_stride: of the input's spectrum; out_pitch and out_stride: of the output's, which depend on the
   pass. */
void cnn__winograd_layout_make(const cnn__conv *conv, const cnn__winograd_geometry *geometry,
                               const cnn__winograd_group *group, size_t in_stride, size_t out_pitch,
                               size_t out_stride, cnn__winograd_layout *layout);

/* One tile of a group, by its place in the image. */
typedef struct cnn__winograd_place {
  size_t image, row, column; /* of the batch, of tiles */
  size_t type, index;        /* index among the group's tiles of that type */
} cnn__winograd_place;

/* All tiles of a group in turn; next is false at the end. */
cnn__winograd_place cnn__winograd_first(const cnn__winograd_geometry *geometry,
                                        const cnn__winograd_group *group);
bool cnn__winograd_next(const cnn__winograd_geometry *geometry, const cnn__winograd_group *group,
                        cnn__winograd_place *place);

/* The kernels' view of a tile's inputs, and where its first cell that exists lies in x. */
cnn__winograd_tile cnn__winograd_inputs(const cnn__conv *conv,
                                        const cnn__winograd_geometry *geometry,
                                        const cnn__winograd_layout *layout,
                                        const cnn__winograd_place *place, size_t *x);
/* The same of its outputs (pooled, where pooling is fused) in y. channels: of the block at hand. */
cnn__winograd_tile cnn__winograd_outputs(const cnn__conv *conv,
                                         const cnn__winograd_geometry *geometry,
                                         const cnn__winograd_layout *layout,
                                         const cnn__winograd_place *place, size_t channels,
                                         size_t *y);

/* The tile of a group at a place of an image. */
cnn__winograd_place cnn__winograd_place_at(const cnn__winograd_geometry *geometry,
                                           const cnn__winograd_group *group, size_t image,
                                           size_t row, size_t column);

/* A tile's outputs, channels [first, first + count), from m, its row in their spectrum. */
void cnn__winograd_transform_output(const cnn__conv *conv, const cnn__winograd_geometry *geometry,
                                    const cnn__winograd_layout *layout,
                                    const cnn__winograd_place *place,
                                    const cnn__conv_buffers *buffers, size_t first, size_t count,
                                    const float *m);
/* The gradients of a tile's outputs to m; their sums to sums (NULL: not wanted). */
void cnn__winograd_transform_gradient(const cnn__conv *conv, const cnn__winograd_geometry *geometry,
                                      const cnn__winograd_layout *layout,
                                      const cnn__winograd_place *place,
                                      const cnn__conv_buffers *buffers, float *m, float *sums);
/* dkernel from the sum of slices of its spectrum. */
void cnn__winograd_kernel_gradient(const cnn__conv *conv, cnn_context *context,
                                   const cnn__winograd_geometry *geometry, size_t slices,
                                   const cnn__conv_buffers *buffers);

/* Takes a group's inputs to their spectrum. */
void cnn__winograd_transform_inputs(const cnn__conv *conv, const cnn__winograd_geometry *geometry,
                                    const cnn__winograd_layout *layout, const float *x, float *v);

/* Zeros where no tile reaches an image's dx: in edges that pooling drops. */
void cnn__winograd_zero_rest(const cnn__conv *conv, const cnn__winograd_geometry *geometry,
                             float *dx);

/* The group that begins with an image, of those before end, and a row of tiles. */
static inline cnn__winograd_group cnn__winograd_group_at(const cnn__winograd_geometry *geometry,
                                                         size_t images, size_t rows, size_t image,
                                                         size_t end, size_t row) {
  return (cnn__winograd_group){image, cnn__size_min(images, end - image), row,
                               cnn__size_min(rows, geometry->rows.tiles - row)};
}

static inline float *cnn__winograd_in_spectrum(const cnn__conv_buffers *buffers, size_t slot) {
  return cnn__conv_slot(buffers, slot, 0);
}
static inline float *cnn__winograd_out_spectrum(const cnn__conv *conv,
                                                const cnn__conv_buffers *buffers, size_t slot) {
  return cnn__conv_slot(buffers, slot, conv->parameters[WINOGRAD_OUT_SCRATCH]);
}

/* Of a product at a time: a panel of B then stays in the L1 cache. */
enum { CNN__WINOGRAD_DEPTHS = 256 };

/* Layers whose kernel's spectrum is too large to be read again for each group of tiles: whether each
   pass of this one is such, from the plan's groups; and the bytes of scratch, from its beginning, that
   such a pass needs. False on overflow. */
void cnn__winograd_deep_choose(cnn__conv *conv, const cnn__winograd_geometry *geometry);
bool cnn__winograd_deep_plan(cnn__conv *conv, const cnn__winograd_geometry *geometry,
                             size_t *scratch);
void cnn__winograd_deep_forward(const cnn__conv *conv, cnn_context *context, size_t images,
                                const cnn__conv_buffers *buffers);
void cnn__winograd_deep_backward(const cnn__conv *conv, cnn_context *context, size_t images,
                                 const cnn__conv_buffers *buffers);

/* Floats from one frequency to the next where its rows have so many: an odd number of lines of the
   cache, lest the frequencies share a few of its sets. */
static inline size_t cnn__winograd_stride(size_t floats) {
  return (cnn__size_ceil_div(floats, CNN__PANEL) | 1) * CNN__PANEL;
}

void cnn__winograd_prepare(const cnn__conv *conv, cnn_context *context, const float *kernel,
                           float *prepared);
void cnn__winograd_backward(const cnn__conv *conv, cnn_context *context, size_t images,
                            const cnn__conv_buffers *buffers);

#endif
