/* Winograd's minimal filtering for 3 x 3 kernels (Lavin and Gray, "Fast algorithms for convolutional
   neural networks", 2016), and its exact adjoint for the gradients.

   A tile of outputs, rows x columns of them (2, 3 or 4 each way), comes from the (rows + 2) x
   (columns + 2) inputs around it. Both, and the kernel, are taken to a spectrum: the values of
   polynomials at the points 0, p, -p, q, -q and infinity along each axis, numbered 0 to 5 in this
   order; p = 3/4 and q = 3/2. A tile of size 4 uses all six; size 3 leaves out -q; size 2 leaves out
   q and -q. In the spectrum the convolution is a product of matrices over channels, one for each of
   the up to 36 frequencies.

   Why 3/4 and 3/2: the usual 1 and 2 have simpler coefficients but two to four times the error
   (docs/numerics.md); these cost as many instructions, since pairs of opposite points still share
   their sums, and all their powers that are needed are exact.

   All sizes share one kernel spectrum. It is scaled for size 4; the input transforms of sizes 3 and
   2 carry the quotient of the scales. So tiles of different sizes join the same products: 15 = 4 + 4
   + 4 + 3.

   Along one axis, with fma() and everything else rounded once, in this order; products of p and q
   are constants:

   input, size 4:  v0 = fma(p2q2, x0, fma(-(p2 + q2), x2, x4))   v5: the same of x1, x3, x5
                   v1, v2 = fma(+-p, fma(-q2, x1, x3), fma(-q2, x2, x4))
                   v3, v4 = fma(+-q, fma(-p2, x1, x3), fma(-p2, x2, x4))
          size 3:  d = fma(-p2, x1, x3)   v0 = fma(q, d, fma(-q2, x2, p2q2 x0))   v3 = 2q d
                   v1 = (p + q) fma(-(q - p), x2, fma(-pq, x1, x3))
                   v2 = (q - p) fma(-(p + q), x2, fma(pq, x1, x3))
                   v5 = fma(-q, d, fma(-p2, x2, x4))
          size 2:  v0 = fma(-q2, x2, p2q2 x0)   v1, v2 = (p2 - q2) fma(+-p, x1, x2)
                   v5 = fma(-p2, x1, x3)
   output, s1 = m1 + m2, d1 = m1 - m2, s2 = m3 + m4, d2 = m3 - m4:
          size 4:  y0 = (m0 + s1) + s2   y1 = fma(q, d2, p d1)   y2 = fma(q2, s2, p2 s1)
                   y3 = fma(q3, d2, fma(p3, d1, m5))
          size 3:  y0 = (m0 + s1) + m3   y1 = fma(q, m3, p d1)   y2 = fma(q2, m3, fma(p2, s1, m5))
          size 2:  y0 = m0 + s1   y1 = fma(p, d1, m5)
   output's adjoint:
          size 4:  m0 = y0   m1, m2 = fma(+-p, fma(p2, y3, y1), fma(p2, y2, y0))   m5 = y3
                   m3, m4 = fma(+-q, fma(q2, y3, y1), fma(q2, y2, y0))
          size 3:  m0 = y0   m1, m2 = fma(+-p, y1, fma(p2, y2, y0))   m5 = y2
                   m3 = fma(q, y1, fma(q2, y2, y0))
          size 2:  m0 = y0   m1, m2 = fma(+-p, y1, y0)   m5 = y1
   input's adjoint, s1, d1, s2, d2 as above of v:
          size 4:  x0 = p2q2 v0   x1 = fma(-pq2, d1, fma(-p2q, d2, p2q2 v5))
                   x2 = fma(-(p2 + q2), v0, fma(-q2, s1, -p2 s2))
                   x3 = fma(-(p2 + q2), v5, fma(q, d2, p d1))   x4 = (v0 + s1) + s2   x5 = v5
          size 3:  x0 = p2q2 v0   x2 = fma(-q2, v0, fma(p2 - q2, s1, -p2 v5))
                   x1 = fma(-(p + q)pq, v1, fma(-2p2q, v3, p2q ((v2 - v0) + v5)))
                   x3 = fma(p + q, v1, fma(2q, v3, fma(q, v0 - v5, (q - p) v2)))   x4 = v5
          size 2:  x0 = p2q2 v0   x1 = fma(p (q2 - p2), v2 - v1, -p2 v5)
                   x2 = fma(-q2, v0, (p2 - q2) s1)   x3 = v5
   kernel, n0 = 64/81, np = -128/243, nq = 32/243, rounded:
                   u0 = n0 w0   u1, u2 = np fma(+-p, w1, fma(p2, w2, w0))   u5 = w2
                   u3, u4 = nq fma(+-q, w1, fma(q2, w2, w0))
   its adjoint, s1 = np (u1 + u2), d1 = np (u1 - u2), s2 = nq (u3 + u4), d2 = nq (u3 - u4), absent
   frequencies being 0:
                   w0 = fma(n0, u0, s1 + s2)   w1 = fma(q, d2, p d1)   w2 = fma(q2, s2, fma(p2, s1, u5))

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
  /* The input's adjoint only: tiles above, on the left have been there, so that the first two rows,
     columns of the square are sums to add to. Other cells are set. */
  bool below, beside;
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
  /* dx as input's x. */
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
