/* The kernel's spectrum and its adjoint: bodies of kernels/convolution/winograd.h, over the vector
   abstraction that was included before. */
#include "kernels/convolution/winograd_square.h"

INLINE_CONSTANTS void kernel_down(const float *w, ptrdiff_t w_tap, size_t left, bool plain,
                                  square *t) {
  for (size_t j = 0; j < 3; j++) {
    const float *column = w + (ptrdiff_t)j * w_tap;
    vector taps[3], points[6];
    taps[0] = plain ? vector_load(column) : get(column, left);
    taps[1] = plain ? vector_load(column + 3 * w_tap) : get(column + 3 * w_tap, left);
    taps[2] = plain ? vector_load(column + 6 * w_tap) : get(column + 6 * w_tap, left);
    kernel_points(taps, points);
    set_column(4, t, j, points);
  }
}

INLINE_CONSTANTS void kernel_row(size_t size, const square *t, size_t i, const size_t *spectrum,
                                 float *u) {
  vector points[6];
  kernel_points(t->at[i], points);
  store_points(size, u, spectrum + i * CNN__WINOGRAD_POINTS, points);
}
INLINE_CONSTANTS void kernel_along(size_t size, size_t rows, const square *t,
                                   const size_t *spectrum, float *u) {
  kernel_row(size, t, 0, spectrum, u);
  kernel_row(size, t, 1, spectrum, u);
  kernel_row(size, t, 2, spectrum, u);
  if (rows > 2) kernel_row(size, t, 3, spectrum, u);
  if (rows > 3) kernel_row(size, t, 4, spectrum, u);
  kernel_row(size, t, 5, spectrum, u);
}

static void winograd_kernel(size_t rows, size_t columns, const size_t *spectrum, size_t depths,
                            size_t lanes, const float *w, ptrdiff_t w_tap, ptrdiff_t w_row,
                            float *u) {
  enum { PANEL = 16 };
  for (size_t depth = 0; depth < depths; depth++)
    for (size_t lane = 0; lane < PANEL; lane += VECTOR_WIDTH) {
      const size_t left = lane < lanes ? lanes - lane : 0;
      square t;
      const float *from = w + (ptrdiff_t)depth * w_row + lane;
      if (left >= VECTOR_WIDTH)
        kernel_down(from, w_tap, left, true, &t);
      else if (left > 0)
        kernel_down(from, w_tap, left, false, &t);
      else
        memset(&t, 0, sizeof t);
      WITH_SIZE(columns, kernel_along, rows, &t, spectrum, u + depth * PANEL + lane);
    }
}

/* The sum over slices of one frequency. They lie in hundreds of places, more than a processor
   follows by itself. */
static inline vector sum_slices(const float *du, size_t slices, size_t stride) {
  enum { AHEAD = 32 };
  vector sum = vector_load(du);
  fetch_later(du, AHEAD, sizeof *du);
  for (size_t slice = 1; slice < slices; slice++) {
    sum = vector_add(sum, vector_load(du + slice * stride));
    fetch_later(du + slice * stride, AHEAD, sizeof *du);
  }
  return sum;
}

/* What a pass down the columns of the kernel's spectrum reads. */
typedef struct kernel_spectra {
  const size_t *spectrum;
  size_t rows, slices, stride;
} kernel_spectra;

INLINE_CONSTANTS void kernel_adjoint_down(size_t columns, const kernel_spectra *of, const float *du,
                                          square *t) {
  for (size_t j = 0; j < CNN__WINOGRAD_POINTS; j++) {
    vector points[6], taps[3];
    for (size_t i = 0; i < CNN__WINOGRAD_POINTS; i++) {
      const bool used = cnn__winograd_uses(of->rows, i) && cnn__winograd_uses(columns, j);
      points[i] =
          used ? sum_slices(du + of->spectrum[i * CNN__WINOGRAD_POINTS + j], of->slices, of->stride)
               : vector_zero();
    }
    kernel_adjoint_points(points, taps);
    t->at[0][j] = taps[0];
    t->at[1][j] = taps[1];
    t->at[2][j] = taps[2];
  }
}

static void winograd_kernel_adjoint(size_t rows, size_t columns, const size_t *spectrum,
                                    size_t slices, size_t stride, size_t channels, const float *du,
                                    ptrdiff_t w_tap, float *dw) {
  const kernel_spectra of = {spectrum, rows, slices, stride};
  for (size_t channel = 0; channel < channels; channel += VECTOR_WIDTH) {
    square t;
    WITH_SIZE(columns, kernel_adjoint_down, &of, du + channel, &t);
    for (size_t i = 0; i < 3; i++) {
      float *to = dw + (ptrdiff_t)(3 * i) * w_tap + channel;
      vector taps[3];
      kernel_adjoint_points(t.at[i], taps);
      put(to, channels - channel, taps[0]);
      put(to + w_tap, channels - channel, taps[1]);
      put(to + 2 * w_tap, channels - channel, taps[2]);
    }
  }
}
