/* What the bodies of kernels/convolution/winograd.h share, over the vector abstraction that was
   included before: a tile's cells or points in a small square of vectors that stays in the L1 cache,
   and the way to and from memory. */
#ifndef CNN_KERNELS_CONVOLUTION_WINOGRAD_SQUARE_H
#define CNN_KERNELS_CONVOLUTION_WINOGRAD_SQUARE_H

#include "kernels/convolution/ragged.h"
#include "kernels/convolution/winograd_transforms.h"

typedef struct square {
  vector at[6][6];
} square;

/* One vector of a tile's channels. */
typedef struct span {
  const cnn__winograd_tile *tile;
  size_t left; /* channels from here on */
} span;

static inline bool is_inside(const cnn__winograd_tile *tile, size_t i, size_t j) {
  return i >= tile->top && i < tile->bottom && j >= tile->left && j < tile->right;
}
static inline ptrdiff_t cell_offset(const cnn__winograd_tile *tile, size_t i, size_t j) {
  return ((ptrdiff_t)i - (ptrdiff_t)tile->top) * tile->row +
         ((ptrdiff_t)j - (ptrdiff_t)tile->left) * tile->column;
}
static inline bool is_whole(const cnn__winograd_tile *tile, size_t rows, size_t columns) {
  return tile->top == 0 && tile->bottom == rows && tile->left == 0 && tile->right == columns;
}

/* Asks for cell (i, j), of bytes each channel: one of the tile on the right, which comes next as a rule.
   Tiles come from beyond the second level's cache, in steps that no processor foresees. */
INLINE_CONSTANTS void fetch_cell(const cnn__winograd_tile *tile, const void *cells, size_t i,
                                 size_t j, size_t bytes) {
  fetch_later(cells, (size_t)cell_offset(tile, i, j), bytes);
}

INLINE_CONSTANTS vector load_cell(span at, const float *cells, size_t i, size_t j, bool plain) {
  if (plain) return vector_load(cells + cell_offset(at.tile, i, j));
  return is_inside(at.tile, i, j) ? get(cells + cell_offset(at.tile, i, j), at.left)
                                  : vector_zero();
}

/* Calls body(size, ...) with size a constant. */
#define WITH_SIZE(size, body, ...)                                                                 \
  do {                                                                                             \
    if ((size) == 4)                                                                               \
      body(4, __VA_ARGS__);                                                                        \
    else if ((size) == 3)                                                                          \
      body(3, __VA_ARGS__);                                                                        \
    else                                                                                           \
      body(2, __VA_ARGS__);                                                                        \
  } while (0)

/* ---- spectra in memory ---- */

INLINE_CONSTANTS void load_points(size_t size, const float *base, const size_t *spectrum,
                                  size_t step, vector points[6]) {
  points[0] = vector_load(base + spectrum[0]);
  points[1] = vector_load(base + spectrum[1 * step]);
  points[2] = vector_load(base + spectrum[2 * step]);
  if (size > 2) points[3] = vector_load(base + spectrum[3 * step]);
  if (size > 3) points[4] = vector_load(base + spectrum[4 * step]);
  points[5] = vector_load(base + spectrum[5 * step]);
}
INLINE_CONSTANTS void store_points(size_t size, float *base, const size_t *spectrum,
                                   const vector points[6]) {
  vector_store(base + spectrum[0], points[0]);
  vector_store(base + spectrum[1], points[1]);
  vector_store(base + spectrum[2], points[2]);
  if (size > 2) vector_store(base + spectrum[3], points[3]);
  if (size > 3) vector_store(base + spectrum[4], points[4]);
  vector_store(base + spectrum[5], points[5]);
}

/* Points of a column of the square. */
INLINE_CONSTANTS void set_column(size_t size, square *t, size_t j, const vector points[6]) {
  t->at[0][j] = points[0];
  t->at[1][j] = points[1];
  t->at[2][j] = points[2];
  if (size > 2) t->at[3][j] = points[3];
  if (size > 3) t->at[4][j] = points[4];
  t->at[5][j] = points[5];
}

#endif
