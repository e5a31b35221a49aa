/* The adjoints of kernels/convolution/winograd_forward_body.h, in its manner. */
#include "kernels/convolution/winograd_square.h"

/* ---- input's adjoint ---- */

INLINE_CONSTANTS void input_adjoint_down(size_t size, const cnn__winograd_tile *tile,
                                         const float *v, square *t) {
  for (size_t j = 0; j < CNN__WINOGRAD_POINTS; j++) {
    if (!cnn__winograd_uses(tile->columns, j)) continue;
    vector points[6], cells[6];
    load_points(size, v, tile->spectrum + j, CNN__WINOGRAD_POINTS, points);
    input_adjoint_points(size, points, cells);
    t->at[0][j] = cells[0];
    t->at[1][j] = cells[1];
    t->at[2][j] = cells[2];
    t->at[3][j] = cells[3];
    if (size > 2) t->at[4][j] = cells[4];
    if (size > 3) t->at[5][j] = cells[5];
  }
}

INLINE_CONSTANTS void give_cell(span at, float *cells, size_t i, size_t j, bool plain, bool add,
                                vector x) {
  if (!plain && !is_inside(at.tile, i, j)) return;
  float *cell = cells + cell_offset(at.tile, i, j);
  if (plain)
    vector_store(cell, add ? vector_add(vector_load(cell), x) : x);
  else
    put(cell, at.left, add ? vector_add(get(cell, at.left), x) : x);
}

/* A row of the square, the first sums cells of which are sums already: a constant, if plain. */
INLINE_CONSTANTS void give_row(size_t size, span at, float *dx, size_t i, bool plain, size_t sums,
                               const vector cells[6]) {
  give_cell(at, dx, i, 0, plain, sums > 0, cells[0]);
  give_cell(at, dx, i, 1, plain, sums > 1, cells[1]);
  give_cell(at, dx, i, 2, plain, sums > 2, cells[2]);
  give_cell(at, dx, i, 3, plain, sums > 3, cells[3]);
  if (size > 2) give_cell(at, dx, i, 4, plain, sums > 4, cells[4]);
  if (size > 3) give_cell(at, dx, i, 5, plain, sums > 5, cells[5]);
}

INLINE_CONSTANTS void input_adjoint_along(size_t size, span at, const square *t, bool plain,
                                          float *dx) {
  for (size_t i = 0; i < at.tile->rows + 2; i++) {
    vector cells[6];
    input_adjoint_points(size, t->at[i], cells);
    for (size_t j = 2; plain && j < size + 2; j++)
      fetch_cell(at.tile, dx, i, j + 4, sizeof *dx);
    const size_t sums = at.tile->below && i < 2 ? 6 : at.tile->beside ? 2 : 0;
    if (!plain)
      give_row(size, at, dx, i, false, sums, cells);
    else if (sums == 6)
      give_row(size, at, dx, i, true, 6, cells);
    else if (sums == 2)
      give_row(size, at, dx, i, true, 2, cells);
    else
      give_row(size, at, dx, i, true, 0, cells);
  }
}

static void winograd_input_adjoint(const cnn__winograd_tile *tile, const float *v, float *dx) {
  const bool whole = is_whole(tile, tile->rows + 2, tile->columns + 2);
  for (size_t channel = 0; channel < tile->channels; channel += VECTOR_WIDTH) {
    const span at = {tile, tile->channels - channel};
    square t;
    WITH_SIZE(tile->rows, input_adjoint_down, tile, v + channel, &t);
    if (whole && at.left >= VECTOR_WIDTH)
      WITH_SIZE(tile->columns, input_adjoint_along, at, &t, true, dx + channel);
    else
      WITH_SIZE(tile->columns, input_adjoint_along, at, &t, false, dx + channel);
  }
}

/* ---- output's adjoint ---- */

INLINE_CONSTANTS void output_adjoint_down(size_t size, const cnn__winograd_tile *tile,
                                          const square *cells, square *t) {
  for (size_t j = 0; j < tile->columns; j++) {
    vector column[4], points[6];
    column[0] = cells->at[0][j];
    column[1] = cells->at[1][j];
    if (size > 2) column[2] = cells->at[2][j];
    if (size > 3) column[3] = cells->at[3][j];
    output_adjoint_points(size, column, points);
    set_column(size, t, j, points);
  }
}
INLINE_CONSTANTS void output_adjoint_along(size_t size, const cnn__winograd_tile *tile,
                                           const square *t, float *m) {
  for (size_t i = 0; i < CNN__WINOGRAD_POINTS; i++) {
    if (!cnn__winograd_uses(tile->rows, i)) continue;
    vector points[6];
    output_adjoint_points(size, t->at[i], points);
    store_points(size, m, tile->spectrum + i * CNN__WINOGRAD_POINTS, points);
  }
}
static inline void gradient_spectrum(const cnn__winograd_tile *tile, const square *cells,
                                     float *m) {
  square t;
  WITH_SIZE(tile->rows, output_adjoint_down, tile, cells, &t);
  WITH_SIZE(tile->columns, output_adjoint_along, tile, &t, m);
}

INLINE_CONSTANTS void load_gradients(span at, const float *dy, const float *y, bool plain,
                                     square *cells) {
  for (size_t i = 0; i < at.tile->rows; i++)
    for (size_t j = 0; j < at.tile->columns; j++) {
      vector gradient = load_cell(at, dy, i, j, plain);
      if (plain) fetch_cell(at.tile, dy, i, j + 4, sizeof *dy);
      if (plain && y) fetch_cell(at.tile, y, i, j + 4, sizeof *y);
      if (y)
        gradient = vector_select(vector_less_equal(load_cell(at, y, i, j, plain), vector_zero()),
                                 vector_zero(), gradient);
      cells->at[i][j] = gradient;
    }
}

static inline void add_to_sums(span at, const square *cells, float *sums) {
  vector total = vector_zero();
  for (size_t i = 0; i < at.tile->rows; i++) {
    vector sum = vector_zero();
    for (size_t j = 0; j < at.tile->columns; j++)
      sum = vector_add(sum, cells->at[i][j]);
    total = vector_add(total, sum);
  }
  put(sums, at.left, vector_add(get(sums, at.left), total));
}

static void winograd_output_adjoint(const cnn__winograd_tile *tile, const float *dy, const float *y,
                                    float *m, float *sums) {
  const bool whole = is_whole(tile, tile->rows, tile->columns);
  for (size_t channel = 0; channel < tile->channels; channel += VECTOR_WIDTH) {
    const span at = {tile, tile->channels - channel};
    const float *outputs = y ? y + channel : NULL;
    square cells;
    if (whole && at.left >= VECTOR_WIDTH)
      load_gradients(at, dy + channel, outputs, true, &cells);
    else
      load_gradients(at, dy + channel, outputs, false, &cells);
    if (sums) add_to_sums(at, &cells, sums + channel);
    gradient_spectrum(tile, &cells, m + channel);
  }
}

/* ---- output's adjoint, pooled ---- */

/* Spreads the windows out into cells; returns the sum of what passes. */
static inline vector spread_tile(span at, const float *dy, const uint8_t *codes, square *cells) {
  const cnn__winograd_tile *tile = at.tile;
  vector sum = vector_zero();
  const bool all = tile->rows == 4 && tile->columns == 4 && is_whole(tile, 2, 2);
  for (size_t i = 0; !all && i < tile->rows; i++)
    for (size_t j = 0; j < tile->columns; j++)
      cells->at[i][j] = vector_zero();
  for (size_t i = tile->top; i < tile->bottom; i++)
    for (size_t j = tile->left; j < tile->right; j++) {
      const ptrdiff_t cell = cell_offset(tile, i, j);
      const vector gradient = get(dy + cell, at.left);
      fetch_cell(tile, dy, i, j + 2, sizeof *dy);
      fetch_cell(tile, codes, i, j + 2, sizeof *codes);
      const vector_int winner = get_codes(codes + cell, at.left);
      cells->at[2 * i][2 * j] = share(winner, 0, gradient);
      cells->at[2 * i][2 * j + 1] = share(winner, 1, gradient);
      cells->at[2 * i + 1][2 * j] = share(winner, 2, gradient);
      cells->at[2 * i + 1][2 * j + 1] = share(winner, 3, gradient);
      sum = vector_add(sum, vector_keep(vector_int_less(winner, vector_int_set(4)), gradient));
    }
  return sum;
}

static void winograd_output_pooled_adjoint(const cnn__winograd_tile *tile, const float *dy,
                                           const uint8_t *codes, float *m, float *sums) {
  for (size_t channel = 0; channel < tile->channels; channel += VECTOR_WIDTH) {
    const span at = {tile, tile->channels - channel};
    square cells;
    const vector sum = spread_tile(at, dy + channel, codes + channel, &cells);
    if (sums) put(sums + channel, at.left, vector_add(get(sums + channel, at.left), sum));
    gradient_spectrum(tile, &cells, m + channel);
  }
}
