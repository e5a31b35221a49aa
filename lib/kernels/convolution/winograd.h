/* Winograd's minimal filtering for 3 x 3 kernels (Lavin and Gray, "Fast algorithms for convolutional
   neural networks", 2016), and its exact adjoint for the gradients.

   A tile of outputs, rows x columns of them (2, 3 or 4 each way), comes from the (rows + 2) x
   (columns + 2) inputs around it. Both, and the kernel, are taken to a spectrum: the values of
   polynomials at the points 0, 1, -1, 2, -2 and infinity along each axis, numbered 0 to 5 in this
   order. A tile of size 4 uses all six; size 3 leaves out -2; size 2 leaves out 2 and -2. In the
   spectrum the convolution is a product of matrices over channels, one for each of the up to 36
   frequencies.

   All sizes share one kernel spectrum. It is scaled for size 4, which so has small integer
   coefficients; the input transforms of sizes 3 and 2 carry the quotient of the scales. So tiles of
   different sizes join the same products: 15 = 4 + 4 + 4 + 3.

   Along one axis, with fma() and everything else rounded once, in this order:

   input, size 4:  v0 = fma(4, x0, fma(-5, x2, x4))      v5 = fma(4, x1, fma(-5, x3, x5))
                   a = fma(-4, x2, x4)  b = fma(-4, x1, x3)  c = x4 - x2  d = x3 - x1
                   v1 = a + b   v2 = a - b   v3 = fma(2, d, c)   v4 = fma(-2, d, c)
          size 3:  d = x3 - x1   v0 = fma(4, x0 - x2, d + d)   v1 = 3 (d - (x1 + x2))
                   v2 = fma(3, x1 - x2, d)   v3 = 4 d   v5 = fma(-2, d, x4 - x2)
          size 2:  v0 = 4 (x0 - x2)   v1 = -3 (x1 + x2)   v2 = 3 (x1 - x2)   v5 = x3 - x1
   output, s1 = m1 + m2, d1 = m1 - m2, s2 = m3 + m4, d2 = m3 - m4:
          size 4:  y0 = (m0 + s1) + s2   y1 = fma(2, d2, d1)   y2 = fma(4, s2, s1)
                   y3 = fma(8, d2, d1) + m5
          size 3:  y0 = (m0 + s1) + m3   y1 = fma(2, m3, d1)   y2 = fma(4, m3, s1) + m5
          size 2:  y0 = m0 + s1   y1 = d1 + m5
   output's adjoint:
          size 4:  m0 = y0   m1, m2 = (y0 + y2) +- (y1 + y3)   m5 = y3
                   m3, m4 = fma(4, y2, y0) +- fma(8, y3, y1 + y1)
          size 3:  m0 = y0   m1, m2 = (y0 + y2) +- y1   m3 = fma(2, y1, fma(4, y2, y0))   m5 = y2
          size 2:  m0 = y0   m1, m2 = y0 +- y1   m5 = y1
   input's adjoint, s1, d1, s2, d2 as above of v:
          size 4:  x0 = 4 v0   x1 = fma(-2, d2, 4 (v5 - d1))   x2 = fma(-5, v0, fma(-4, s1, -s2))
                   x3 = fma(-5, v5, fma(2, d2, d1))   x4 = (v0 + s1) + s2   x5 = v5
          size 3:  x0 = 4 v0   x1 = fma(-6, v1, fma(-4, v3, 2 ((v2 - v0) + v5)))
                   x2 = fma(-4, v0, fma(-3, v1 + v2, -v5))
                   x3 = fma(3, v1, fma(4, v3, fma(2, v0 - v5, v2)))   x4 = v5
          size 2:  x0 = 4 v0   x1 = fma(3, v2 - v1, -v5)   x2 = fma(-4, v0, -3 (v1 + v2))   x3 = v5
   kernel:         u0 = w0 / 4   u1, u2 = ((w0 + w2) +- w1) * (-1/6)   u5 = w2
                   u3, u4 = (fma(4, w2, w0) +- (w1 + w1)) * (1/24)
   its adjoint:    w0 = fma(1/4, u0, fma(1/24, s2, -1/6 * s1))   w1 = fma(1/12, d2, -1/6 * d1)
                   w2 = fma(1/6, s2 - s1, u5), absent frequencies being 0

   Two dimensions: down the columns first, then along the rows. */
#ifndef CNN_KERNELS_CONVOLUTION_WINOGRAD_H
#define CNN_KERNELS_CONVOLUTION_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CNN__WINOGRAD_POINTS = 6, CNN__WINOGRAD_FREQUENCIES = 36 };

/* Whether a tile of a size (2, 3, 4) uses a point. */
static inline bool cnn__winograd_uses(size_t size, size_t point) {
  return point == 3 ? size > 2 : point == 4 ? size > 3 : true;
}

/* A tile, and where its numbers are. Images' channels are any in number; a spectrum's rows of
   channels are padded to 16, and whole vectors of them are read and written (what padding holds is
   free). Pointers may have any alignment. */
typedef struct cnn__winograd_tile {
  size_t rows, columns; /* outputs: 2, 3 or 4 each way */
  size_t channels;
  /* Floats from the tile's row in the spectrum's buffer to frequency (i, j), at [6 i + j]; 36. */
  const size_t *spectrum;
  /* The cells, of rows x columns outputs or (rows + 2) x (columns + 2) inputs, that are in the
     image: rows [top, bottom), columns [left, right). Others count as 0 and are not touched. */
  size_t top, bottom, left, right;
  ptrdiff_t row, column; /* floats to the next cell below, to the right */
} cnn__winograd_tile;

/* Bias, ReLU, and max-pooling by 2 x 2: what happens to outputs on their way out. */
typedef struct cnn__winograd_epilogue {
  const float *bias; /* channels, or NULL */
  bool relu;         /* x < 0 ? 0 : x */
} cnn__winograd_epilogue;

typedef struct cnn__winograd_kernels {
  /* x: the cell (top, left). v: the tile's row in the spectrum's buffer. */
  void (*input)(const cnn__winograd_tile *tile, const float *x, float *v);
  /* y: the cell (top, left). */
  void (*output)(const cnn__winograd_tile *tile, const cnn__winograd_epilogue *epilogue,
                 const float *m, float *y);
  /* Pooled by 2 x 2: top, bottom, left, right, row and column are of pooled cells (tile->rows / 2 of
     them at most). The bias is added first. y and codes (NULL: not wanted): the cell (top, left);
     a code is the winner's index in its window, the first maximum, NaN winning over all, or 255
     where relu and the maximum is <= 0. */
  void (*output_pooled)(const cnn__winograd_tile *tile, const cnn__winograd_epilogue *epilogue,
                        const float *m, float *y, uint8_t *codes);

  /* The adjoints. dy as output's y; where y is not NULL, dy counts as 0 where y <= 0. sums[channel] +=
     the sum of the tile's gradients, row by row (then the rows), NULL: not wanted. */
  void (*output_adjoint)(const cnn__winograd_tile *tile, const float *dy, const float *y, float *m,
                         float *sums);
  /* dy and codes pooled. sums take the windows' gradients in order. */
  void (*output_pooled_adjoint)(const cnn__winograd_tile *tile, const float *dy,
                                const uint8_t *codes, float *m, float *sums);
  /* Adds to dx; dx as input's x. */
  void (*input_adjoint)(const cnn__winograd_tile *tile, const float *v, float *dx);

  /* Kernel to spectrum, a panel of lanes <= 16 channels: w[tap * w_tap + depth * w_row + lane] to
     u[spectrum[frequency] + depth * 16 + lane], for the frequencies that tiles of rows x columns
     use; missing lanes become 0, of either sign. */
  void (*kernel)(size_t rows, size_t columns, const size_t *spectrum, size_t depths, size_t lanes,
                 const float *w, ptrdiff_t w_tap, ptrdiff_t w_row, float *u);
  /* And back: dw[tap * w_tap + channel] from the sum over slices, in order, of
     du[slice * stride + spectrum[frequency] + channel], which is padded to 16 channels. */
  void (*kernel_adjoint)(size_t rows, size_t columns, const size_t *spectrum, size_t slices,
                         size_t stride, size_t channels, const float *du, ptrdiff_t w_tap,
                         float *dw);
} cnn__winograd_kernels;

#endif
