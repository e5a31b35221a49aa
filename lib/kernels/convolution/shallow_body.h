/* Bodies of kernels/convolution/shallow.h. A tile of the forward pass is one window, or two where
   registers allow, by some vectors of channels: all its sums stay in registers. */
#include "kernels/convolution/ragged.h"
#include "kernels/convolution/shallow.h"

enum {
  SHALLOW_PANEL = 16,
  SHALLOW_WINDOWS = VECTOR_WIDTH == 16 ? 2 : 1, /* of a tile, at most */
  SHALLOW_VECTORS = VECTOR_WIDTH == 1                             ? 1
                    : VECTOR_REGISTERS == 32 && VECTOR_WIDTH == 4 ? 4
                                                                  : 2
};

typedef struct shallow_tile {
  const cnn__shallow_row *row;
  const float *x;      /* the first window's first cell */
  const float *packed; /* the first channel */
  const float *bias;
  bool with_relu;
  size_t left; /* channels from the first on */
  float *y;
  uint8_t *codes;
} shallow_tile;

INLINE_CONSTANTS void shallow_finish(const shallow_tile *tile, size_t offset, vector a, vector b,
                                     vector c, vector d, size_t window) {
  const size_t left = tile->left - offset, at = window * tile->row->pitch + offset;
  if (tile->bias) {
    const vector bias = get(tile->bias + offset, left);
    a = vector_add(a, bias);
    b = vector_add(b, bias);
    c = vector_add(c, bias);
    d = vector_add(d, bias);
  }
  const pooled result = window_maximum(a, b, c, d, tile->with_relu);
  put(tile->y + at, left, result.best);
  if (tile->codes) put_codes(tile->codes + at, left, code_of(result, tile->with_relu));
}

/* windows and vectors are constants. */
INLINE_CONSTANTS void shallow_sums(const shallow_tile *tile, size_t windows, size_t vectors) {
  const cnn__shallow_row *row = tile->row;
  const size_t panel = row->kernel_rows * row->run * SHALLOW_PANEL;
  vector sum[2 * 2 * SHALLOW_WINDOWS][SHALLOW_VECTORS];
  for (size_t i = 0; i < 4 * windows; i++)
    for (size_t j = 0; j < vectors; j++)
      sum[i][j] = vector_zero();
  const float *w = tile->packed;
  for (size_t r = 0; r < row->kernel_rows; r++) {
    const float *upper = tile->x + (ptrdiff_t)r * row->kernel_step, *lower = upper + row->down;
    for (size_t e = 0; e < row->run; e++, upper++, lower++, w += SHALLOW_PANEL) {
      vector weight[SHALLOW_VECTORS];
      for (size_t j = 0; j < vectors; j++)
        weight[j] = vector_load(w + j * VECTOR_WIDTH / SHALLOW_PANEL * panel +
                                j * VECTOR_WIDTH % SHALLOW_PANEL);
      for (size_t i = 0; i < 2 * windows; i++) {
        const vector above = vector_set(upper[(ptrdiff_t)i * row->right]);
        const vector below = vector_set(lower[(ptrdiff_t)i * row->right]);
        for (size_t j = 0; j < vectors; j++) {
          sum[2 * i][j] = vector_fma(above, weight[j], sum[2 * i][j]);
          sum[2 * i + 1][j] = vector_fma(below, weight[j], sum[2 * i + 1][j]);
        }
      }
    }
  }
  for (size_t window = 0; window < windows; window++)
    for (size_t j = 0; j < vectors; j++) {
      if (j * VECTOR_WIDTH >= tile->left) continue;
      vector(*of)[SHALLOW_VECTORS] = sum + 4 * window;
      shallow_finish(tile, j * VECTOR_WIDTH, of[0][j], of[2][j], of[1][j], of[3][j], window);
    }
}

/* As many vectors as the channels that are left need. */
INLINE_CONSTANTS void shallow_channels(const shallow_tile *tile, size_t windows) {
  if (tile->left > SHALLOW_VECTORS / 2 * VECTOR_WIDTH)
    shallow_sums(tile, windows, SHALLOW_VECTORS);
  else
    shallow_sums(tile, windows, SHALLOW_VECTORS > 1 ? SHALLOW_VECTORS / 2 : 1);
}

static void shallow_pooled(const cnn__shallow_row *row, const float *x, const float *packed,
                           const float *bias, bool with_relu, float *y, uint8_t *codes) {
  const size_t panel = row->kernel_rows * row->run * SHALLOW_PANEL;
  for (size_t first = 0; first < row->channels; first += SHALLOW_VECTORS * VECTOR_WIDTH) {
    shallow_tile tile = {row,
                         x,
                         packed + first / SHALLOW_PANEL * panel + first % SHALLOW_PANEL,
                         bias ? bias + first : NULL,
                         with_relu,
                         row->channels - first,
                         y + first,
                         codes ? codes + first : NULL};
    for (size_t window = 0; window < row->windows;) {
      const bool many = row->windows - window >= SHALLOW_WINDOWS;
      const size_t windows = many ? SHALLOW_WINDOWS : 1;
      if (many)
        shallow_channels(&tile, SHALLOW_WINDOWS);
      else
        shallow_channels(&tile, 1);
      tile.x += 2 * (ptrdiff_t)windows * row->right;
      tile.y += windows * row->pitch;
      if (codes) tile.codes += windows * row->pitch;
      window += windows;
    }
  }
}

/* ---- the kernel's gradient ---- */

enum { GRADIENT_WINDOWS = 32 };

/* One vector of channels of some windows: their gradients by cell. */
typedef struct shallow_gradients {
  size_t windows;
  vector cell[GRADIENT_WINDOWS][4];
} shallow_gradients;

/* count taps side by side, a constant; x: what the first reads for the first window's first cell. */
INLINE_CONSTANTS void gradient_taps(const cnn__shallow_row *row, const shallow_gradients *of,
                                    const float *x, size_t count, size_t left, float *dw,
                                    size_t dw_row) {
  enum { MOST = 9 };
  const ptrdiff_t right = row->right, down = row->down;
  vector sum[MOST];
  for (size_t t = 0; t < count; t++)
    sum[t] = get(dw + t * dw_row, left);
  for (size_t window = 0; window < of->windows; window++, x += 2 * right) {
    const vector *cell = of->cell[window];
    const float *below = x + down;
    for (size_t t = 0; t < count; t++)
      sum[t] = vector_fma(vector_set(x[t]), cell[0], sum[t]);
    for (size_t t = 0; t < count; t++)
      sum[t] = vector_fma(vector_set((x + right)[t]), cell[1], sum[t]);
    for (size_t t = 0; t < count; t++)
      sum[t] = vector_fma(vector_set(below[t]), cell[2], sum[t]);
    for (size_t t = 0; t < count; t++)
      sum[t] = vector_fma(vector_set((below + right)[t]), cell[3], sum[t]);
  }
  for (size_t t = 0; t < count; t++)
    put(dw + t * dw_row, left, sum[t]);
}

/* Sorts the gradients by cell; returns their sum. */
static inline vector sort_gradients(const float *dy, const uint8_t *codes, size_t pitch,
                                    size_t left, shallow_gradients *of) {
  vector sum = vector_zero();
  for (size_t window = 0; window < of->windows; window++) {
    const vector gradient = get(dy + window * pitch, left);
    const vector_int winner = get_codes(codes + window * pitch, left);
    for (size_t i = 0; i < 4; i++)
      of->cell[window][i] = share(winner, i, gradient);
    const vector_mask passes = vector_int_less(winner, vector_int_set(4));
    sum = vector_add(sum, vector_keep(passes, gradient));
  }
  return sum;
}

static void shallow_gradient(const cnn__shallow_row *row, const float *x, const float *dy,
                             const uint8_t *codes, float *dw, size_t dw_row, float *sums) {
  for (size_t window = 0; window < row->windows; window += GRADIENT_WINDOWS) {
    const size_t rest = row->windows - window;
    const float *cells = x + 2 * (ptrdiff_t)window * row->right;
    for (size_t channel = 0; channel < row->channels; channel += VECTOR_WIDTH) {
      const size_t left = row->channels - channel, at = window * row->pitch + channel;
      shallow_gradients of;
      of.windows = rest < GRADIENT_WINDOWS ? rest : GRADIENT_WINDOWS;
      const vector sum = sort_gradients(dy + at, codes + at, row->pitch, left, &of);
      if (sums) put(sums + channel, left, vector_add(get(sums + channel, left), sum));
      float *to = dw + channel;
      for (size_t r = 0; r < row->kernel_rows; r++) {
        const float *from = cells + (ptrdiff_t)r * row->kernel_step;
        size_t e = 0;
        for (; e + 9 <= row->run; e += 9, to += 9 * dw_row)
          gradient_taps(row, &of, from + e, 9, left, to, dw_row);
        for (; e + 3 <= row->run; e += 3, to += 3 * dw_row)
          gradient_taps(row, &of, from + e, 3, left, to, dw_row);
        for (; e < row->run; e++, to += dw_row)
          gradient_taps(row, &of, from + e, 1, left, to, dw_row);
      }
    }
  }
}

static void fill_shallow(cnn__shallow_kernels *table) {
  *table = (cnn__shallow_kernels){.pooled = shallow_pooled, .gradient = shallow_gradient};
}
