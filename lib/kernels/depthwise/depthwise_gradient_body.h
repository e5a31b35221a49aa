/* The bodies of the weights' gradient of kernels/depthwise.h. Three by three taps at a time, a vector of
   channels after another, whose sums stay in registers for all rows; or a row of taps at a time, a line of
   the cache after another. What comes next is asked for: each vector finds its cells in the first cache. */
#ifndef CNN_KERNELS_DEPTHWISE_GRADIENT_BODY_H
#define CNN_KERNELS_DEPTHWISE_GRADIENT_BODY_H

#include "kernels/convolution/ragged.h"
#include "kernels/depthwise/ahead.h"
#include "kernels/fill.h"

enum {
  /* Where a tap is one instruction, loads count; elsewhere the loop for any taps is as good, and small. */
  BLOCKED = VECTOR_WIDTH >= 8 || (VECTOR_WIDTH == 4 && VECTOR_REGISTERS == 32)
};

/* The rows whose gradients are summed. */
typedef struct gradient_rows {
  const cnn__depthwise_row *row;
  size_t height;
  ptrdiff_t x_below, dy_below;
  const float *x, *dy;
  float *dw;
} gradient_rows;

/* What is asked for while a row is computed: with each output a line at each of some places, step bytes further
   each time. Two sets of places take turns by vectors, since a vector is half a line as a rule. */
typedef struct asked {
  uintptr_t at[2][3];
  uintptr_t step;
  uintptr_t below[3], along[3]; /* to what the row below asks for, and the set's next turn */
} asked;

INLINE_CONSTANTS void ask_for(uintptr_t at[3], uintptr_t step, size_t places) {
  WRITTEN_OUT
  for (size_t i = 0; i < places; i++) {
    __builtin_prefetch((const void *)at[i]);
    at[i] += step;
  }
}

/* What the same outputs read of the next line of channels: the last of its rows, which is new, and dy; where two
   vectors share a line, the one asks for the first two rows, and the other for these. */
static asked ask_near(const gradient_rows *of, const float *x) {
  const uintptr_t size = sizeof(float), row = (uintptr_t)of->row->x_row * size;
  const uintptr_t bytes = VECTOR_WIDTH * size,
                  odd = bytes / LINE_BYTES * LINE_BYTES; /* 0: the same line */
  const uintptr_t here = (uintptr_t)x + LINE_BYTES, dy = (uintptr_t)of->dy + LINE_BYTES;
  const uintptr_t last = here + 2 * row, below = (uintptr_t)of->x_below * size;
  return (asked){.at = {{odd ? last : here, odd ? dy : here + row}, {last + odd, dy + odd}},
                 .step = (uintptr_t)of->row->x_step * size,
                 .below = {below, below},
                 .along = {2 * bytes, 2 * bytes}};
}

/* What the caller wants fetched, in the order of addresses: x, from two places where rows are shared by none,
   and dy. */
static __attribute__((cold)) asked ask_far(const gradient_rows *of, bool shared) {
  const cnn__depthwise_ahead *x = &of->row->x_ahead, *dy = &of->row->y_ahead;
  const size_t turns = of->row->channels / VECTOR_WIDTH * of->height, size = sizeof(float);
  const uintptr_t half = shared ? 0 : x->floats * size / 2;
  const uintptr_t first = (uintptr_t)x->from, last = (uintptr_t)dy->from;
  const uintptr_t x_share = (x->floats * size - half) / turns, dy_share = dy->floats * size / turns;
  const uintptr_t from[3] = {first, shared ? last : first + half, last};
  const uintptr_t share[3] = {x_share, shared ? dy_share : x_share, dy_share};
  asked ask = {.step = LINE_BYTES};
  for (size_t i = 0; i < 3; i++) {
    ask.at[0][i] = from[i];
    ask.at[1][i] = from[i] + share[i] * of->height;
    ask.below[i] = share[i];
    ask.along[i] = 2 * share[i] * of->height;
  }
  return ask;
}

static bool asks_far(const cnn__depthwise_row *row) {
  return row->x_ahead.floats + row->y_ahead.floats > 0;
}

static __attribute__((noinline)) asked ask_of(const gradient_rows *of, const float *x,
                                              bool shared) {
  return asks_far(of->row) ? ask_far(of, shared) : ask_near(of, x);
}

/* Column j, a constant, of 3 x 3 taps at one output. */
INLINE_CONSTANTS void output_gradients(const float *const x[3], ptrdiff_t x_column, vector dy,
                                       vector sum[3][3], size_t j) {
  WRITTEN_OUT
  for (size_t i = 0; i < 3; i++)
    sum[i][j] = vector_fma(vector_load(x[i] + (ptrdiff_t)j * x_column), dy, sum[i][j]);
}

INLINE_CONSTANTS void move_on(const float *x[3], ptrdiff_t step) {
  WRITTEN_OUT
  for (size_t i = 0; i < 3; i++)
    x[i] += step;
}

/* A column of cells, and dy of the outputs that read it through columns [begin, end) of the taps, constants,
   the last output first. The cells move on. */
INLINE_CONSTANTS void column_gradients(const float *x[3], ptrdiff_t x_column, const vector *dy,
                                       vector sum[3][3], size_t begin, size_t end) {
  WRITTEN_OUT
  for (size_t i = 0; i < 3; i++) {
    const vector value = vector_held(vector_load(x[i]));
    WRITTEN_OUT
    for (size_t j = begin; j < end; j++)
      sum[i][j] = vector_fma(value, dy[j], sum[i][j]);
  }
  move_on(x, x_column);
}

/* One row of at least two outputs of a vector of channels, a column apart: what neighbours read is loaded
   once. Returns the sum of dy. */
INLINE_CONSTANTS vector shared_row(const cnn__depthwise_row *row, const float *x[3],
                                   const float *dy, bool lacks_first, bool lacks_last,
                                   uintptr_t at[3], uintptr_t step, vector sum[3][3]) {
  const ptrdiff_t x_column = row->x_column, y_step = row->y_step;
  vector last[3]; /* dy of the last three outputs */
  last[0] = vector_held(vector_load(dy));
  vector total = vector_add(vector_zero(), last[0]);
  if (lacks_first)
    move_on(x, x_column);
  else
    column_gradients(x, x_column, last, sum, 0, 1);
  last[1] = last[0];
  last[0] = vector_held(vector_load(dy + y_step));
  total = vector_add(total, last[0]);
  column_gradients(x, x_column, last, sum, 0, 2);
  ask_for(at, step, 2);
  ask_for(at, step, 2);
  for (size_t left = row->outputs - 2; left > 0; left--, dy += y_step) {
    ask_for(at, step, 2);
    last[2] = last[1];
    last[1] = last[0];
    last[0] = vector_held(vector_load(dy + 2 * y_step));
    total = vector_add(total, last[0]);
    column_gradients(x, x_column, last, sum, 0, 3);
  }
  last[2] = last[1];
  last[1] = last[0];
  column_gradients(x, x_column, last, sum, 1, 3);
  last[2] = last[1];
  if (!lacks_last) column_gradients(x, x_column, last, sum, 2, 3);
  return total;
}

/* What an output two columns and rows from its neighbours reads alone, and dy, of the next line of channels. */
INLINE_CONSTANTS void ask_below(const float *const x[3], ptrdiff_t x_column, const float *dy) {
  enum { LINE = LINE_BYTES / sizeof(float) };
  fetch_later(dy, LINE, sizeof(float));
  WRITTEN_OUT
  for (size_t i = 1; i < 3; i++) {
    fetch_later(x[i], LINE, sizeof(float));
    fetch_later(x[i], LINE + (size_t)x_column, sizeof(float));
  }
}

/* The same, any steps apart and however few; asks for what is far, a constant, or else near. */
INLINE_CONSTANTS vector row_gradients(const cnn__depthwise_row *row, const float *x[3],
                                      const float *dy, bool lacks_first, bool lacks_last,
                                      uintptr_t at[3], uintptr_t step, vector sum[3][3], bool far) {
  const ptrdiff_t x_step = row->x_step, y_step = row->y_step, x_column = row->x_column;
  const size_t outputs = row->outputs;
  const size_t without_first = lacks_first ? 0 : outputs;
  const size_t without_last = lacks_last ? outputs - 1 : outputs;
  vector total = vector_zero();
  for (size_t k = 0; k < outputs; k++, dy += y_step) {
    const vector gradient = vector_held(vector_load(dy));
    total = vector_add(total, gradient);
    if (k != without_first) output_gradients(x, x_column, gradient, sum, 0);
    output_gradients(x, x_column, gradient, sum, 1);
    if (k != without_last) output_gradients(x, x_column, gradient, sum, 2);
    if (far)
      ask_for(at, step, 3);
    else if (VECTOR_WIDTH * sizeof(float) >= LINE_BYTES)
      ask_below(x, x_column, dy);
    move_on(x, x_step);
  }
  return total;
}

/* All rows of a vector of channels; last: from the first row of taps to the third, in rows. Returns total and the
   sum of dy. shared and far are constants. */
INLINE_CONSTANTS vector height_gradients(const gradient_rows *of, const cnn__depthwise_row *row,
                                         ptrdiff_t last, const float *x, const float *dy,
                                         const uintptr_t from[3], const asked *ask, vector total,
                                         vector sum[3][3], bool shared, bool far) {
  const bool lacks_first = row->lacks_first, lacks_last = row->lacks_last;
  uintptr_t start[3] = {from[0], from[1], from[2]};
  for (size_t h = 0; h < of->height; h++, x += of->x_below, dy += of->dy_below) {
    const float *cells[3] = {x, x + row->x_row, x + last * row->x_row};
    uintptr_t at[3] = {start[0], start[1], start[2]};
    const vector row_sum =
        shared ? shared_row(row, cells, dy, lacks_first, lacks_last, at, ask->step, sum)
               : row_gradients(row, cells, dy, lacks_first, lacks_last, at, ask->step, sum, far);
    total = vector_add(total, row_sum);
    WRITTEN_OUT
    for (size_t i = 0; i < 3; i++)
      start[i] += ask->below[i];
  }
  return total;
}

/* Three, or two, rows of 3 taps from row r and column s on, of all whole vectors of channels; the third row of
   two is the second again, and its sums are left. shared: outputs are a column apart, and two or more. */
INLINE_CONSTANTS void nine_gradients(const gradient_rows *of, size_t r, size_t s, float *sums,
                                     size_t rows, bool shared) {
  cnn__depthwise_row kept = *of->row, *row = &kept;
  row->lacks_first = row->lacks_first && s == 0;
  row->lacks_last = row->lacks_last && s + 3 == row->tap_columns;
  const float *first_x = of->x + (ptrdiff_t)r * row->x_row + (ptrdiff_t)s * row->x_column;
  const float *first_dy = of->dy;
  const ptrdiff_t last = (ptrdiff_t)rows - 1, w_row = row->w_row, w_column = row->w_column;
  float *dw = of->dw + (ptrdiff_t)r * w_row + (ptrdiff_t)s * w_column;
  const bool far = asks_far(row);
  asked ask = ask_of(of, first_x, shared);
  for (size_t channel = 0; channel + VECTOR_WIDTH <= row->channels; channel += VECTOR_WIDTH) {
    vector sum[3][3], total = sums ? vector_load(sums + channel) : vector_zero();
    WRITTEN_OUT
    for (size_t i = 0; i < 3; i++) {
      WRITTEN_OUT
      for (size_t j = 0; j < 3; j++)
        sum[i][j] =
            vector_load(dw + (i < 2 ? (ptrdiff_t)i : last) * w_row + (ptrdiff_t)j * w_column);
    }
    uintptr_t *const from = ask.at[channel / VECTOR_WIDTH % 2];
    const float *x = first_x + channel, *dy = first_dy + channel;
    if (shared)
      total = height_gradients(of, row, last, x, dy, from, &ask, total, sum, true, false);
    else if (far)
      total = height_gradients(of, row, last, x, dy, from, &ask, total, sum, false, true);
    else
      total = height_gradients(of, row, last, x, dy, from, &ask, total, sum, false, false);
    if (sums) vector_store(sums + channel, total);
    WRITTEN_OUT
    for (size_t i = 0; i < 3; i++) {
      if (i == 2 && rows == 2) break;
      WRITTEN_OUT
      for (size_t j = 0; j < 3; j++)
        vector_store(dw + (ptrdiff_t)i * w_row + (ptrdiff_t)j * w_column, sum[i][j]);
    }
    dw += VECTOR_WIDTH;
    WRITTEN_OUT
    for (size_t i = 0; i < 3; i++)
      from[i] += ask.along[i];
  }
}

/* One row of outputs, two columns apart, and one row of 3 taps, two vectors of channels; total: of dy. */
INLINE_CONSTANTS void pair_gradients(const cnn__depthwise_row *row, const float *x, const float *dy,
                                     uintptr_t ask, vector sum[2][3], vector total[2]) {
  const ptrdiff_t x_column = row->x_column, y_step = row->y_step;
  uintptr_t at[3] = {ask, ask + (uintptr_t)x_column * sizeof(float)};
  vector last[2];
  WRITTEN_OUT
  for (size_t v = 0; v < 2; v++) {
    last[v] = vector_held(vector_load(dy + v * VECTOR_WIDTH));
    total[v] = vector_add(vector_zero(), last[v]);
    if (!row->lacks_first)
      sum[v][0] = vector_fma(vector_load(x + v * VECTOR_WIDTH), last[v], sum[v][0]);
    sum[v][1] = vector_fma(vector_load(x + x_column + v * VECTOR_WIDTH), last[v], sum[v][1]);
  }
  ask_for(at, (uintptr_t)row->x_step * sizeof(float), 2);
  x += 2 * x_column;
  for (size_t left = row->outputs - 1; left > 0; left--, x += 2 * x_column) {
    dy += y_step;
    ask_for(at, (uintptr_t)row->x_step * sizeof(float), 2);
    WRITTEN_OUT
    for (size_t v = 0; v < 2; v++) {
      const vector gradient = vector_held(vector_load(dy + v * VECTOR_WIDTH));
      const vector value = vector_held(vector_load(x + v * VECTOR_WIDTH));
      total[v] = vector_add(total[v], gradient);
      sum[v][2] = vector_fma(value, last[v], sum[v][2]);
      sum[v][0] = vector_fma(value, gradient, sum[v][0]);
      sum[v][1] = vector_fma(vector_load(x + x_column + v * VECTOR_WIDTH), gradient, sum[v][1]);
      last[v] = gradient;
    }
  }
  if (row->lacks_last) return;
  WRITTEN_OUT
  for (size_t v = 0; v < 2; v++)
    sum[v][2] = vector_fma(vector_load(x + v * VECTOR_WIDTH), last[v], sum[v][2]);
}

/* A row of outputs two columns apart, by whole lines of the cache, since such rows are longer than its first
   level; the next line is asked for. */
static void row_pairs(const gradient_rows *of, size_t h, float *sums) {
  const cnn__depthwise_row *row = of->row;
  const float *first = of->x + (ptrdiff_t)h * of->x_below;
  const float *dy = of->dy + (ptrdiff_t)h * of->dy_below;
  for (size_t channel = 0; channel < row->channels; channel += 2 * VECTOR_WIDTH) {
    const float *x = first + channel;
    float *dw = of->dw + channel;
    for (size_t r = 0; r < row->tap_rows; r++, x += row->x_row, dw += row->w_row) {
      vector sum[2][3], total[2];
      WRITTEN_OUT
      for (size_t k = 0; k < 6; k++)
        sum[k / 3][k % 3] =
            vector_load(dw + (ptrdiff_t)(k % 3) * row->w_column + k / 3 * VECTOR_WIDTH);
      const uintptr_t next = (uintptr_t)(x + 2 * VECTOR_WIDTH);
      pair_gradients(row, x, dy + channel, next, sum, total);
      WRITTEN_OUT
      for (size_t k = 0; k < 6; k++)
        vector_store(dw + (ptrdiff_t)(k % 3) * row->w_column + k / 3 * VECTOR_WIDTH,
                     sum[k / 3][k % 3]);
      if (r > 0 || !sums) continue;
      WRITTEN_OUT
      for (size_t v = 0; v < 2; v++) {
        float *to = sums + channel + v * VECTOR_WIDTH;
        vector_store(to, vector_add(vector_load(to), total[v]));
      }
    }
  }
}

/* One tap of left channels. */
static __attribute__((noinline)) void one_gradient(const gradient_rows *of, size_t r, size_t s,
                                                   size_t channel, size_t left) {
  const cnn__depthwise_row *row = of->row;
  const size_t begin = row->lacks_first && s == 0;
  const size_t end = row->outputs - (row->lacks_last && s + 1 == row->tap_columns);
  const float *x = of->x + (ptrdiff_t)r * row->x_row + (ptrdiff_t)s * row->x_column + channel;
  float *dw = of->dw + (ptrdiff_t)r * row->w_row + (ptrdiff_t)s * row->w_column + channel;
  vector sum = get(dw, left);
  for (size_t h = 0; h < of->height; h++)
    for (size_t i = begin; i < end; i++) {
      const float *cell = x + (ptrdiff_t)h * of->x_below + (ptrdiff_t)i * row->x_step;
      const float *dy = of->dy + (ptrdiff_t)h * of->dy_below + (ptrdiff_t)i * row->y_step + channel;
      sum = vector_fma(get(cell, left), get(dy, left), sum);
    }
  put(dw, left, sum);
}

static __attribute__((noinline, cold)) void sum_gradients(const gradient_rows *of, size_t channel,
                                                          size_t left, float *sums) {
  vector total = get(sums + channel, left);
  for (size_t h = 0; h < of->height; h++) {
    const float *dy = of->dy + (ptrdiff_t)h * of->dy_below + channel;
    vector row_sum = vector_zero();
    for (size_t i = 0; i < of->row->outputs; i++, dy += of->row->y_step)
      row_sum = vector_add(row_sum, get(dy, left));
    total = vector_add(total, row_sum);
  }
  put(sums + channel, left, total);
}

/* The taps of the whole vectors of channels, end of these, as far as they come by threes and in rows; the sums with
   the first of them. */
static void vector_gradients(const gradient_rows *of, size_t end, float *sums) {
  const cnn__depthwise_row *row = of->row;
  const bool shared = BLOCKED && row->outputs > 1 && row->x_step == row->x_column;
  for (size_t r = 0; r < row->tap_rows; r += 3) {
    const size_t rows = row->tap_rows - r < 3 ? row->tap_rows - r : 3;
    size_t s = 0;
    for (; VECTOR_WIDTH > 1 && rows > 1 && s + 3 <= row->tap_columns; s += 3, sums = NULL)
      nine_gradients(of, r, s, sums, rows, shared);
    for (; s < row->tap_columns; s++)
      for (size_t i = r; i < r + rows; i++)
        for (size_t channel = 0; channel < end; channel += VECTOR_WIDTH)
          one_gradient(of, i, s, channel, VECTOR_WIDTH);
  }
  for (size_t channel = 0; sums && channel < end; channel += VECTOR_WIDTH)
    sum_gradients(of, channel, VECTOR_WIDTH, sums);
}

/* Whether row_pairs serves: pixels are whole lines, and near; what is far is fetched more evenly by vectors. */
static bool pairs_serve(const cnn__depthwise_row *row) {
  return 2 * VECTOR_WIDTH * sizeof(float) == LINE_BYTES && row->outputs > 0 &&
         row->channels % (2 * VECTOR_WIDTH) == 0 && row->tap_rows > 0 && row->tap_columns == 3 &&
         row->x_step == 2 * row->x_column && !asks_far(row);
}

static void depthwise_weights(const cnn__depthwise_row *row, size_t height, ptrdiff_t x_below,
                              ptrdiff_t dy_below, const float *x, const float *dy, float *dw,
                              float *sums) {
  const gradient_rows of = {row, height, x_below, dy_below, x, dy, dw};
  const size_t left = row->channels % VECTOR_WIDTH, end = row->channels - left;
  if (pairs_serve(row)) {
    for (size_t h = 0; h < height; h++)
      row_pairs(&of, h, sums);
    return;
  }
  if (end > 0) vector_gradients(&of, end, sums);
  if (left == 0) return;
  for (size_t r = 0; r < row->tap_rows; r++)
    for (size_t s = 0; s < row->tap_columns; s++)
      one_gradient(&of, r, s, end, left);
  if (sums) sum_gradients(&of, end, left, sums);
}

#endif
