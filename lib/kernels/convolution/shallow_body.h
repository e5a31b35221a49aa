/* Bodies of kernels/convolution/shallow.h. Forward, a tile is some windows by some vectors of channels:
   the sums of their upper cells stay in registers, then those of the lower ones. */
#include "kernels/convolution/ragged.h"
#include "kernels/convolution/shallow.h"
#include "kernels/fill.h"

enum {
  SHALLOW_PANEL = 16,
  SHALLOW_WINDOWS = VECTOR_WIDTH == 16 ? 6 : 3, /* of a tile, at most */
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

typedef vector shallow_sums[2 * SHALLOW_WINDOWS][SHALLOW_VECTORS];

/* A row of cells side by side. cells and vectors are constants. */
INLINE_CONSTANTS void shallow_cells(const shallow_tile *tile, const float *x, size_t cells,
                                    size_t vectors, shallow_sums sum) {
  const cnn__shallow_row *row = tile->row;
  const size_t panel = row->kernel_rows * row->run * SHALLOW_PANEL;
  const ptrdiff_t right = row->right;
  WRITTEN_OUT
  for (size_t i = 0; i < cells; i++) {
    WRITTEN_OUT
    for (size_t j = 0; j < vectors; j++)
      sum[i][j] = vector_zero();
  }
  const float *w = tile->packed;
  for (size_t r = 0; r < row->kernel_rows; r++, x += row->kernel_step)
    for (size_t e = 0; e < row->run; e++, w += SHALLOW_PANEL) {
      vector weight[SHALLOW_VECTORS];
      WRITTEN_OUT
      for (size_t j = 0; j < vectors; j++)
        weight[j] = vector_load(w + j * VECTOR_WIDTH / SHALLOW_PANEL * panel +
                                j * VECTOR_WIDTH % SHALLOW_PANEL);
      WRITTEN_OUT
      for (size_t i = 0; i < cells; i++) {
        WRITTEN_OUT
        for (size_t j = 0; j < vectors; j++)
          sum[i][j] =
              vector_fma(vector_set(x[(ptrdiff_t)e + (ptrdiff_t)i * right]), weight[j], sum[i][j]);
      }
    }
}

INLINE_CONSTANTS vector shallow_output(const shallow_tile *tile, vector sum, vector bias) {
  sum = vector_add(sum, bias);
  return tile->with_relu ? relu(sum) : sum;
}

/* The ReLU as in window_maximum(). windows and vectors are constants. */
INLINE_CONSTANTS void shallow_windows(const shallow_tile *tile, size_t windows, size_t vectors) {
  const cnn__shallow_row *row = tile->row;
  vector bias[SHALLOW_VECTORS];
  WRITTEN_OUT
  for (size_t j = 0; j < vectors; j++) /* -0 leaves a sum as it is */
    bias[j] = tile->bias && j * VECTOR_WIDTH < tile->left
                  ? get(tile->bias + j * VECTOR_WIDTH, tile->left - j * VECTOR_WIDTH)
                  : vector_set(-0.0f);
  pooled upper[SHALLOW_WINDOWS][SHALLOW_VECTORS];
  shallow_sums sum;
  shallow_cells(tile, tile->x, 2 * windows, vectors, sum);
  WRITTEN_OUT
  for (size_t i = 0; i < windows; i++) {
    WRITTEN_OUT
    for (size_t j = 0; j < vectors; j++) {
      const pooled first = {shallow_output(tile, sum[2 * i][j], bias[j]), vector_int_set(0)};
      upper[i][j] = challenge(first, vector_add(sum[2 * i + 1][j], bias[j]), 1);
    }
  }
  shallow_cells(tile, tile->x + row->down, 2 * windows, vectors, sum);
  WRITTEN_OUT
  for (size_t i = 0; i < windows; i++) {
    WRITTEN_OUT
    for (size_t j = 0; j < vectors; j++) {
      if (j * VECTOR_WIDTH >= tile->left) continue;
      pooled holder = challenge(upper[i][j], vector_add(sum[2 * i][j], bias[j]), 2);
      holder = challenge(holder, vector_add(sum[2 * i + 1][j], bias[j]), 3);
      const size_t left = tile->left - j * VECTOR_WIDTH, at = i * row->pitch + j * VECTOR_WIDTH;
      put(tile->y + at, left, holder.best);
      if (tile->codes) put_codes(tile->codes + at, left, code_of(holder, tile->with_relu));
    }
  }
}

/* The same without codes, of whole vectors: rounding keeps order, so that the greatest sum's output is the
   greatest output, as long as all are finite. Returns whether they were; what it has stored is no result if not.
   windows is a constant. */
INLINE_CONSTANTS bool shallow_plain(const shallow_tile *tile, size_t windows) {
  vector most[SHALLOW_WINDOWS][SHALLOW_VECTORS], all = vector_zero();
  WRITTEN_OUT
  for (ptrdiff_t below = 0; below < 2; below++) {
    shallow_sums sum;
    shallow_cells(tile, tile->x + below * tile->row->down, 2 * windows, SHALLOW_VECTORS, sum);
    WRITTEN_OUT
    for (size_t i = 0; i < windows; i++) {
      WRITTEN_OUT
      for (size_t j = 0; j < SHALLOW_VECTORS; j++) {
        const vector greater = vector_max(sum[2 * i][j], sum[2 * i + 1][j]);
        most[i][j] = below ? vector_max(most[i][j], greater) : greater;
        all = vector_add(all, vector_add(sum[2 * i][j], sum[2 * i + 1][j]));
      }
    }
  }
  WRITTEN_OUT
  for (size_t i = 0; i < windows; i++) {
    WRITTEN_OUT
    for (size_t j = 0; j < SHALLOW_VECTORS; j++)
      vector_store(tile->y + i * tile->row->pitch + j * VECTOR_WIDTH,
                   shallow_output(tile, most[i][j], vector_load(tile->bias + j * VECTOR_WIDTH)));
  }
  return !vector_mask_any(vector_is_nan(vector_sub(all, all)));
}

/* Whether shallow_plain may serve: under biases that are not -0, outputs that are 0 have one sign. Generic C does as
   the contract says. */
static bool is_plain(const shallow_tile *tile) {
  if (VECTOR_WIDTH == 1 || tile->codes || !tile->bias ||
      tile->left < SHALLOW_VECTORS * VECTOR_WIDTH)
    return false;
  for (size_t j = 0; j < SHALLOW_VECTORS; j++) {
    const vector_int bits = vector_bits(vector_load(tile->bias + j * VECTOR_WIDTH));
    if (vector_mask_any(vector_int_equal(bits, vector_int_set(INT32_MIN)))) return false;
  }
  return true;
}

/* As many vectors as the channels that are left need. */
INLINE_CONSTANTS void shallow_channels(const shallow_tile *tile, size_t windows) {
  if (windows > 1 && is_plain(tile) && shallow_plain(tile, windows)) return;
  if (tile->left > SHALLOW_VECTORS / 2 * VECTOR_WIDTH)
    shallow_windows(tile, windows, SHALLOW_VECTORS);
  else
    shallow_windows(tile, windows, SHALLOW_VECTORS > 1 ? SHALLOW_VECTORS / 2 : 1);
}

/* Returns how many windows it has done. */
static inline size_t shallow_some(const shallow_tile *tile, size_t left) {
  if (left >= SHALLOW_WINDOWS) {
    shallow_channels(tile, SHALLOW_WINDOWS);
    return SHALLOW_WINDOWS;
  }
  if (left >= SHALLOW_WINDOWS / 2 && SHALLOW_WINDOWS / 2 > 1) {
    shallow_channels(tile, SHALLOW_WINDOWS / 2);
    return SHALLOW_WINDOWS / 2;
  }
  shallow_channels(tile, 1);
  return 1;
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
      const size_t windows = shallow_some(&tile, row->windows - window);
      tile.x += 2 * (ptrdiff_t)windows * row->right;
      tile.y += windows * row->pitch;
      if (codes) tile.codes += windows * row->pitch;
      window += windows;
    }
  }
}

/* ---- the kernel's gradient ---- */

enum { GRADIENT_WINDOWS = 32, GRADIENT_VECTORS = 4, GRADIENT_TAPS = 9 };

/* What some taps read for the four cells of some windows. */
typedef float shallow_inputs[GRADIENT_WINDOWS][GRADIENT_TAPS][4];

/* Some vectors of channels of some windows: what their gradients are, and where they go. */
typedef struct shallow_gradients {
  size_t windows, channels;
  vector gradient[GRADIENT_VECTORS][GRADIENT_WINDOWS];
  vector_int choice[GRADIENT_VECTORS][GRADIENT_WINDOWS];
} shallow_gradients;

INLINE_CONSTANTS void load_inputs(const cnn__shallow_row *row, const float *x, size_t windows,
                                  size_t count, shallow_inputs inputs) {
  for (size_t window = 0; window < windows; window++, x += 2 * row->right) {
    const float *cells[4] = {x, x + row->right, x + row->down, x + row->down + row->right};
    size_t t = 0;
    for (; t + 4 <= count; t += 4) {
      vector_interleave(cells, inputs[window][t]);
      for (size_t k = 0; k < 4; k++)
        cells[k] += 4;
    }
    for (size_t i = 0; t < count; i++, t++)
      for (size_t k = 0; k < 4; k++)
        inputs[window][t][k] = cells[k][i];
  }
}

/* count taps side by side, a constant, for all channels. */
INLINE_CONSTANTS void gradient_taps(const cnn__shallow_row *row, const shallow_gradients *of,
                                    const float *x, size_t count, float *dw, size_t dw_row) {
  shallow_inputs inputs;
  load_inputs(row, x, of->windows, count, inputs);
  for (size_t v = 0; v * VECTOR_WIDTH < of->channels; v++) {
    const size_t left = of->channels - v * VECTOR_WIDTH;
    float *to = dw + v * VECTOR_WIDTH;
    vector sum[GRADIENT_TAPS];
    WRITTEN_OUT
    for (size_t t = 0; t < count; t++)
      sum[t] = get(to + t * dw_row, left);
    for (size_t window = 0; window < of->windows; window++) {
      const vector gradient = of->gradient[v][window];
      const vector_int choice = of->choice[v][window];
      WRITTEN_OUT
      for (size_t t = 0; t < count; t++)
        sum[t] = vector_fma(vector_choose(inputs[window][t], choice), gradient, sum[t]);
    }
    WRITTEN_OUT
    for (size_t t = 0; t < count; t++)
      put(to + t * dw_row, left, sum[t]);
  }
}

static inline void load_gradients_of(const float *dy, const uint8_t *codes, size_t pitch,
                                     shallow_gradients *of, float *sums) {
  for (size_t v = 0; v * VECTOR_WIDTH < of->channels; v++) {
    const size_t channel = v * VECTOR_WIDTH, left = of->channels - channel;
    vector sum = vector_zero();
    for (size_t window = 0; window < of->windows; window++) {
      const size_t later =
          (of->windows + window) * pitch + channel; /* of the next row, as a rule */
      fetch_later(dy, later, sizeof *dy);
      fetch_later(codes, later, sizeof *codes);
      const vector_int code = get_codes(codes + window * pitch + channel, left);
      const vector passing = vector_keep(vector_int_less(code, vector_int_set(4)),
                                         get(dy + window * pitch + channel, left));
      of->gradient[v][window] = passing;
      of->choice[v][window] = vector_choice(code);
      sum = vector_add(sum, passing);
    }
    if (sums) put(sums + channel, left, vector_add(get(sums + channel, left), sum));
  }
}

/* For all taps of the kernel; of may be changed. */
typedef void gradient_function(const cnn__shallow_row *row, shallow_gradients *of, const float *x,
                               float *dw, size_t dw_row);

static void all_taps(const cnn__shallow_row *row, shallow_gradients *of, const float *x, float *dw,
                     size_t dw_row) {
  for (size_t r = 0; r < row->kernel_rows; r++, x += row->kernel_step) {
    size_t e = 0;
    for (; e + 9 <= row->run; e += 9, dw += 9 * dw_row)
      gradient_taps(row, of, x + e, 9, dw, dw_row);
    for (; e + 3 <= row->run; e += 3, dw += 3 * dw_row)
      gradient_taps(row, of, x + e, 3, dw, dw_row);
    for (; e < row->run; e++, dw += dw_row)
      gradient_taps(row, of, x + e, 1, dw, dw_row);
  }
}

static inline void gradient_blocks(const cnn__shallow_row *row, const float *x, const float *dy,
                                   const uint8_t *codes, float *dw, size_t dw_row, float *sums,
                                   gradient_function *taps) {
  enum { CHANNELS = GRADIENT_VECTORS * VECTOR_WIDTH };
  for (size_t window = 0; window < row->windows; window += GRADIENT_WINDOWS)
    for (size_t channel = 0; channel < row->channels; channel += CHANNELS) {
      const size_t windows = row->windows - window, channels = row->channels - channel;
      const size_t at = window * row->pitch + channel;
      shallow_gradients of;
      of.windows = windows < GRADIENT_WINDOWS ? windows : GRADIENT_WINDOWS;
      of.channels = channels < CHANNELS ? channels : CHANNELS;
      load_gradients_of(dy + at, codes + at, row->pitch, &of, sums ? sums + channel : NULL);
      taps(row, &of, x + 2 * (ptrdiff_t)window * row->right, dw + channel, dw_row);
    }
}

static void shallow_gradient(const cnn__shallow_row *row, const float *x, const float *dy,
                             const uint8_t *codes, float *dw, size_t dw_row, float *sums) {
  gradient_blocks(row, x, dy, codes, dw, dw_row, sums, all_taps);
}

static void fill_shallow(cnn__shallow_kernels *table) {
  *table = (cnn__shallow_kernels){.pooled = shallow_pooled, .gradient = shallow_gradient};
}
