/* The bodies of the weights' gradient of kernels/depthwise.h: up to three by three taps at a time, whose
   sums stay in registers for all rows. */
#ifndef CNN_KERNELS_DEPTHWISE_GRADIENT_BODY_H
#define CNN_KERNELS_DEPTHWISE_GRADIENT_BODY_H

#include "kernels/convolution/ragged.h"
#include "kernels/depthwise/ahead.h"
#include "kernels/fill.h"

/* The rows whose gradients are summed. */
typedef struct gradient_rows {
  const cnn__depthwise_row *row;
  size_t height;
  ptrdiff_t x_below, dy_below;
  const float *x, *dy;
  float *dw;
} gradient_rows;

/* Columns [begin, end) of rows x 3 taps at one output; all three are constants. */
INLINE_CONSTANTS void output_gradients(const float *const x[3], ptrdiff_t x_column, vector dy,
                                       vector sum[3][3], size_t rows, size_t begin, size_t end) {
  WRITTEN_OUT
  for (size_t j = begin; j < end; j++) {
    WRITTEN_OUT
    for (size_t i = 0; i < rows; i++)
      sum[i][j] = vector_fma(vector_load(x[i] + (ptrdiff_t)j * x_column), dy, sum[i][j]);
  }
}

/* One row of outputs of a vector of channels; returns the sum of dy. rows is a constant. */
INLINE_CONSTANTS vector row_gradients(const cnn__depthwise_row *row, const float *first,
                                      const float *dy, bool lacks_first, bool lacks_last,
                                      fetches *ahead, vector sum[3][3], size_t rows) {
  const bool fetching = fetches_anything(ahead);
  const ptrdiff_t x_step = row->x_step, y_step = row->y_step, x_column = row->x_column;
  const float *x[3];
  WRITTEN_OUT
  for (size_t i = 0; i < rows; i++)
    x[i] = first + (ptrdiff_t)i * row->x_row;
  vector row_sum = vector_zero();
  size_t left = row->outputs;
  if (lacks_first && left > 0) {
    const vector gradient = vector_load(dy);
    row_sum = vector_add(row_sum, gradient);
    output_gradients(x, x_column, gradient, sum, rows, 1, 2);
    if (left > 1 || !lacks_last) output_gradients(x, x_column, gradient, sum, rows, 2, 3);
    dy += y_step, left--;
    WRITTEN_OUT
    for (size_t i = 0; i < rows; i++)
      x[i] += x_step;
  }
  while (left > lacks_last) {
    const size_t some = fetching ? 1 : left - lacks_last;
    if (fetching) fetch_lines(&ahead->x, 1), fetch_lines(&ahead->y, 1);
    left -= some;
    for (size_t k = 0; k < some; k++, dy += y_step) {
      const vector gradient = vector_held(vector_load(dy));
      row_sum = vector_add(row_sum, gradient);
      output_gradients(x, x_column, gradient, sum, rows, 0, 3);
      WRITTEN_OUT
      for (size_t i = 0; i < rows; i++)
        x[i] += x_step;
    }
  }
  if (left > 0) {
    const vector gradient = vector_load(dy);
    row_sum = vector_add(row_sum, gradient);
    output_gradients(x, x_column, gradient, sum, rows, 0, 2);
  }
  return row_sum;
}

/* rows x 3 taps from row r and column s on, a vector of channels; rows is a constant. */
INLINE_CONSTANTS void nine_gradients(const gradient_rows *of, size_t r, size_t s, size_t channel,
                                     float *sums, fetches *ahead, size_t rows) {
  const cnn__depthwise_row *row = of->row;
  const bool lacks_first = row->lacks_first && s == 0;
  const bool lacks_last = row->lacks_last && s + 3 == row->tap_columns;
  const float *x = of->x + (ptrdiff_t)r * row->x_row + (ptrdiff_t)s * row->x_column + channel;
  float *dw = of->dw + (ptrdiff_t)r * row->w_row + (ptrdiff_t)s * row->w_column + channel;
  const float *dy = of->dy + channel;
  vector sum[3][3], total = sums ? vector_load(sums + channel) : vector_zero();
  WRITTEN_OUT
  for (size_t i = 0; i < rows; i++) {
    WRITTEN_OUT
    for (size_t j = 0; j < 3; j++)
      sum[i][j] = vector_load(dw + (ptrdiff_t)i * row->w_row + (ptrdiff_t)j * row->w_column);
  }
  for (size_t h = 0; h < of->height; h++, x += of->x_below, dy += of->dy_below)
    total = vector_add(total, row_gradients(row, x, dy, lacks_first, lacks_last, ahead, sum, rows));
  if (sums) vector_store(sums + channel, total);
  WRITTEN_OUT
  for (size_t i = 0; i < rows; i++) {
    WRITTEN_OUT
    for (size_t j = 0; j < 3; j++)
      vector_store(dw + (ptrdiff_t)i * row->w_row + (ptrdiff_t)j * row->w_column, sum[i][j]);
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

static __attribute__((noinline)) void sum_gradients(const gradient_rows *of, size_t channel,
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

/* The taps of a whole vector of channels, as far as they come by threes and in rows; the sums with the first
   of them. */
static void vector_gradients(const gradient_rows *of, size_t channel, float *sums, fetches *ahead) {
  const cnn__depthwise_row *row = of->row;
  for (size_t r = 0; r < row->tap_rows; r += 3) {
    const size_t rows = row->tap_rows - r < 3 ? row->tap_rows - r : 3;
    size_t s = 0;
    for (; VECTOR_WIDTH > 1 && rows > 1 && s + 3 <= row->tap_columns; s += 3, sums = NULL)
      if (rows == 3)
        nine_gradients(of, r, s, channel, sums, ahead, 3);
      else
        nine_gradients(of, r, s, channel, sums, ahead, 2);
    for (; s < row->tap_columns; s++)
      for (size_t i = r; i < r + rows; i++)
        one_gradient(of, i, s, channel, VECTOR_WIDTH);
  }
  if (sums) sum_gradients(of, channel, VECTOR_WIDTH, sums);
}

static void depthwise_weights(const cnn__depthwise_row *row, size_t height, ptrdiff_t x_below,
                              ptrdiff_t dy_below, const float *x, const float *dy, float *dw,
                              float *sums) {
  const gradient_rows of = {row, height, x_below, dy_below, x, dy, dw};
  const size_t edges = (size_t)row->lacks_first + row->lacks_last; /* where nothing is fetched */
  fetches ahead = fetches_of(row, row->outputs > edges ? height * (row->outputs - edges) : 0);
  size_t channel = 0;
  for (; channel + VECTOR_WIDTH <= row->channels; channel += VECTOR_WIDTH)
    vector_gradients(&of, channel, sums, &ahead);
  const size_t left = row->channels - channel;
  if (left == 0) return;
  for (size_t r = 0; r < row->tap_rows; r++)
    for (size_t s = 0; s < row->tap_columns; s++)
      one_gradient(&of, r, s, channel, left);
  if (sums) sum_gradients(&of, channel, left, sums);
}

#endif
