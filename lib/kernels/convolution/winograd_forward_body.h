/* Inputs to spectra and spectra to outputs: bodies of kernels/convolution/winograd.h, over the vector
   abstraction that was included before.

   Each works on one vector of channels at a time: down the columns into a square, then along the
   rows. Tiles that lie whole in the image, and whole vectors, take code without a check ("plain"). */
#include "kernels/convolution/winograd_square.h"

/* ---- input ---- */

INLINE_CONSTANTS void input_down(size_t size, span at, const float *x, bool plain, square *t) {
  const size_t columns = at.tile->columns + 2;
  for (size_t j = 0; j < columns; j++) {
    vector cells[6], points[6];
    cells[0] = load_cell(at, x, 0, j, plain);
    cells[1] = load_cell(at, x, 1, j, plain);
    cells[2] = load_cell(at, x, 2, j, plain);
    cells[3] = load_cell(at, x, 3, j, plain);
    if (size > 2) cells[4] = load_cell(at, x, 4, j, plain);
    if (size > 3) cells[5] = load_cell(at, x, 5, j, plain);
    if (plain && j >= 2)
      for (size_t i = 0; i < size + 2; i++)
        fetch_cell(at.tile, x, i, j + 4, sizeof *x);
    input_points(size, cells, points);
    set_column(size, t, j, points);
  }
}

INLINE_CONSTANTS void input_along(size_t size, const cnn__winograd_tile *tile, const square *t,
                                  float *v) {
  for (size_t i = 0; i < CNN__WINOGRAD_POINTS; i++) {
    if (!cnn__winograd_uses(tile->rows, i)) continue;
    vector points[6];
    input_points(size, t->at[i], points);
    store_points(size, v, tile->spectrum + i * CNN__WINOGRAD_POINTS, points);
  }
}

static void winograd_input(const cnn__winograd_tile *tile, const float *x, float *v) {
  const bool whole = is_whole(tile, tile->rows + 2, tile->columns + 2);
  for (size_t channel = 0; channel < tile->channels; channel += VECTOR_WIDTH) {
    const span at = {tile, tile->channels - channel};
    square t;
    if (whole && at.left >= VECTOR_WIDTH)
      WITH_SIZE(tile->rows, input_down, at, x + channel, true, &t);
    else
      WITH_SIZE(tile->rows, input_down, at, x + channel, false, &t);
    WITH_SIZE(tile->columns, input_along, tile, &t, v + channel);
  }
}

/* ---- output ---- */

INLINE_CONSTANTS void output_down(size_t size, const cnn__winograd_tile *tile, const float *m,
                                  square *t) {
  for (size_t j = 0; j < CNN__WINOGRAD_POINTS; j++) {
    if (!cnn__winograd_uses(tile->columns, j)) continue;
    vector points[6], cells[4];
    load_points(size, m, tile->spectrum + j, CNN__WINOGRAD_POINTS, points);
    output_points(size, points, cells);
    t->at[0][j] = cells[0];
    t->at[1][j] = cells[1];
    if (size > 2) t->at[2][j] = cells[2];
    if (size > 3) t->at[3][j] = cells[3];
  }
}

INLINE_CONSTANTS void put_cell(span at, float *cells, size_t i, size_t j, bool plain, vector x) {
  if (plain)
    vector_store(cells + cell_offset(at.tile, i, j), x);
  else if (is_inside(at.tile, i, j))
    put(cells + cell_offset(at.tile, i, j), at.left, x);
}

INLINE_CONSTANTS void output_along(size_t size, span at, const square *t, vector bias,
                                   bool with_relu, bool plain, float *y) {
  for (size_t i = 0; i < at.tile->rows; i++) {
    vector cells[4];
    output_points(size, t->at[i], cells);
    cells[0] = vector_add(cells[0], bias);
    cells[1] = vector_add(cells[1], bias);
    if (size > 2) cells[2] = vector_add(cells[2], bias);
    if (size > 3) cells[3] = vector_add(cells[3], bias);
    if (with_relu) {
      cells[0] = relu(cells[0]);
      cells[1] = relu(cells[1]);
      if (size > 2) cells[2] = relu(cells[2]);
      if (size > 3) cells[3] = relu(cells[3]);
    }
    put_cell(at, y, i, 0, plain, cells[0]);
    put_cell(at, y, i, 1, plain, cells[1]);
    if (size > 2) put_cell(at, y, i, 2, plain, cells[2]);
    if (size > 3) put_cell(at, y, i, 3, plain, cells[3]);
  }
}

INLINE_CONSTANTS vector load_bias(const cnn__winograd_epilogue *epilogue, size_t channel,
                                  size_t left) {
  return epilogue->bias ? get(epilogue->bias + channel, left) : vector_zero();
}

static void winograd_output(const cnn__winograd_tile *tile, const cnn__winograd_epilogue *epilogue,
                            const float *m, float *y) {
  const bool whole = is_whole(tile, tile->rows, tile->columns);
  for (size_t channel = 0; channel < tile->channels; channel += VECTOR_WIDTH) {
    const span at = {tile, tile->channels - channel};
    const vector bias = load_bias(epilogue, channel, at.left);
    square t;
    WITH_SIZE(tile->rows, output_down, tile, m + channel, &t);
    if (whole && at.left >= VECTOR_WIDTH)
      WITH_SIZE(tile->columns, output_along, at, &t, bias, epilogue->relu, true, y + channel);
    else
      WITH_SIZE(tile->columns, output_along, at, &t, bias, epilogue->relu, false, y + channel);
  }
}

/* ---- output, pooled ---- */

INLINE_CONSTANTS void pooled_along(size_t size, span at, const square *t, vector bias,
                                   bool with_relu, float *y, uint8_t *codes) {
  for (size_t i = at.tile->top; i < at.tile->bottom; i++) {
    vector upper[4], lower[4];
    output_points(size, t->at[2 * i], upper);
    output_points(size, t->at[2 * i + 1], lower);
    for (size_t j = 0; j < size / 2; j++) {
      if (j < at.tile->left || j >= at.tile->right) continue;
      const pooled result = window_maximum(
          vector_add(upper[2 * j], bias), vector_add(upper[2 * j + 1], bias),
          vector_add(lower[2 * j], bias), vector_add(lower[2 * j + 1], bias), with_relu);
      const ptrdiff_t cell = cell_offset(at.tile, i, j);
      fetch_cell(at.tile, y, i, j + 2, sizeof *y);
      put(y + cell, at.left, result.best);
      if (codes) put_codes(codes + cell, at.left, code_of(result, with_relu));
    }
  }
}

static void winograd_output_pooled(const cnn__winograd_tile *tile,
                                   const cnn__winograd_epilogue *epilogue, const float *m, float *y,
                                   uint8_t *codes) {
  for (size_t channel = 0; channel < tile->channels; channel += VECTOR_WIDTH) {
    const span at = {tile, tile->channels - channel};
    const vector bias = load_bias(epilogue, channel, at.left);
    square t;
    WITH_SIZE(tile->rows, output_down, tile, m + channel, &t);
    WITH_SIZE(tile->columns, pooled_along, at, &t, bias, epilogue->relu, y + channel,
              codes ? codes + channel : NULL);
  }
}
