/* Bodies of kernels/convolution/winograd.h, over the vector abstraction that was included before.

   Each works on one vector of channels at a time: down the columns into a small square of vectors
   that stays in the L1 cache, then along the rows. Tiles that lie whole in the image, and whole
   vectors, take code without a check ("plain"). */
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

INLINE_CONSTANTS void add_cell(span at, float *cells, size_t i, size_t j, bool plain, vector x) {
  if (!plain && !is_inside(at.tile, i, j)) return;
  float *cell = cells + cell_offset(at.tile, i, j);
  if (plain)
    vector_store(cell, vector_add(vector_load(cell), x));
  else
    put(cell, at.left, vector_add(get(cell, at.left), x));
}

INLINE_CONSTANTS void input_adjoint_along(size_t size, span at, const square *t, bool plain,
                                          float *dx) {
  for (size_t i = 0; i < at.tile->rows + 2; i++) {
    vector cells[6];
    input_adjoint_points(size, t->at[i], cells);
    add_cell(at, dx, i, 0, plain, cells[0]);
    add_cell(at, dx, i, 1, plain, cells[1]);
    add_cell(at, dx, i, 2, plain, cells[2]);
    add_cell(at, dx, i, 3, plain, cells[3]);
    if (size > 2) add_cell(at, dx, i, 4, plain, cells[4]);
    if (size > 3) add_cell(at, dx, i, 5, plain, cells[5]);
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
  for (size_t i = 0; i < tile->rows; i++)
    for (size_t j = 0; j < tile->columns; j++)
      cells->at[i][j] = vector_zero();
  for (size_t i = tile->top; i < tile->bottom; i++)
    for (size_t j = tile->left; j < tile->right; j++) {
      const ptrdiff_t cell = cell_offset(tile, i, j);
      const vector gradient = get(dy + cell, at.left);
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

/* ---- kernel ---- */

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

/* The sum over slices of one frequency. */
static inline vector sum_slices(const float *du, size_t slices, size_t stride) {
  vector sum = vector_load(du);
  for (size_t slice = 1; slice < slices; slice++)
    sum = vector_add(sum, vector_load(du + slice * stride));
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

static void fill_winograd(cnn__winograd_kernels *table) {
  *table = (cnn__winograd_kernels){
      .input = winograd_input,
      .output = winograd_output,
      .output_pooled = winograd_output_pooled,
      .output_adjoint = winograd_output_adjoint,
      .output_pooled_adjoint = winograd_output_pooled_adjoint,
      .input_adjoint = winograd_input_adjoint,
      .kernel = winograd_kernel,
      .kernel_adjoint = winograd_kernel_adjoint,
  };
}
