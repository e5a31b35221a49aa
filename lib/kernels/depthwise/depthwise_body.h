/* Bodies of kernels/depthwise.h, over the vector abstraction that was included before. Kernels three wide come apart
   from those of any taps. */
#ifndef CNN_KERNELS_DEPTHWISE_BODY_H
#define CNN_KERNELS_DEPTHWISE_BODY_H

#include "kernels/depthwise/ahead.h"
#include "kernels/depthwise/depthwise_gradient_body.h"
#include "kernels/depthwise/line_body.h"
#include "kernels/fill.h"
#include <math.h>

enum {
  MOST_OUTPUTS = MOST_SUMS,
  FEWEST_OUTPUTS = 7,
  MOST_PAIRS = MOST_OUTPUTS / 2,
  LINE_PAIRS = LINE_OUTPUTS / 2,
  SLICE = 64 /* channels of all rows before those of the next slice: what rows share stays in L1 */
};

/* A row's channels [begin, end). */
typedef struct slice {
  size_t begin, end;
} slice;

/* Vectors of channels of some outputs, these one after another; count and vectors are constants. */
INLINE_CONSTANTS void store_outputs(const cnn__depthwise_row *row, float *y, const vector *values,
                                    size_t count, size_t vectors) {
  if (vectors == LINE_VECTORS && row->past_caches) {
    WRITTEN_OUT
    for (size_t i = 0; i < count * vectors; i++) {
      vector_stream(y + i % vectors * VECTOR_WIDTH, values[i]);
      if (i % vectors + 1 == vectors) y += row->y_step;
    }
    return;
  }
  WRITTEN_OUT
  for (size_t i = 0; i < count * vectors; i++) {
    vector_store(y + i % vectors * VECTOR_WIDTH, values[i]);
    if (i % vectors + 1 == vectors) y += row->y_step;
  }
}

/* ---- three taps side by side ---- */

/* Some vectors of channels of count outputs; count, vectors and stride, in cells, are constants. */
INLINE_CONSTANTS void three_taps(const cnn__depthwise_row row, outputs_at at, const float *w,
                                 finish last, size_t channel, size_t count, size_t stride,
                                 size_t vectors) {
  vector sum[MOST_SUMS];
  at.x += channel, at.y += channel;
  sum_three_taps(row, at, w + channel, count, stride, vectors, sum);
  WRITTEN_OUT
  for (size_t v = 0; v < vectors; v++) {
    const vector offset = offset_of(last.bias, channel + v * VECTOR_WIDTH, VECTOR_WIDTH);
    WRITTEN_OUT
    for (size_t k = 0; k < count; k++)
      sum[k * vectors + v] = finished(sum[k * vectors + v], offset, last);
  }
  store_outputs(&row, at.y, sum, count, vectors);
}

/* A slice's vectors, one at a time or a line of them; the row's last ones begin early enough to be whole, and
   repeat some channels. near: NULL if nothing is fetched. */
INLINE_CONSTANTS void three_taps_of(const cnn__depthwise_row *row, outputs_at at, const float *w,
                                    finish last, slice of, fetches *near, size_t count,
                                    size_t stride, size_t vectors) {
  const cnn__depthwise_row kept = *row;
  const size_t step = vectors * VECTOR_WIDTH;
  for (size_t channel = of.begin; channel < of.end; channel += step) {
    if (near) fetch_some(near, count);
    if (channel + step > kept.channels) channel = kept.channels - step;
    three_taps(kept, at, w, last, channel, count, stride, vectors);
  }
}

/* How many outputs ahead: least, but more of few channels, whose computing takes less time than memory does. */
static size_t distance_of(const cnn__depthwise_row *row, size_t least) {
  enum { FLOATS = 768 };
  const size_t outputs = FLOATS / (size_t)row->x_step;
  return outputs > least ? outputs : least;
}

/* What the outputs so many further on read of the new rows, in the order of addresses, and where they are
   written; each output's share for so many channels at a time. */
static fetches fetches_near(const cnn__depthwise_row *row, const float *x, const float *y,
                            size_t distance, size_t width) {
  const size_t steps = (row->channels + width - 1) / width, size = sizeof(float);
  const uintptr_t x_at = (uintptr_t)x + distance * (size_t)row->x_step * size;
  const uintptr_t y_at = (uintptr_t)y + distance * (size_t)row->y_step * size;
  fetches near = {0};
  for (size_t i = 0; i < 2 && i < row->new_rows; i++) {
    const size_t down = row->tap_rows - 1 - i;
    near.of[i] = fetch_of(x_at + down * (size_t)row->x_row * size, (size_t)row->x_step, steps);
  }
  if (!row->past_caches) near.of[2] = fetch_of(y_at, (size_t)row->y_step, steps);
  return near;
}

/* Eight outputs at a time or seven, whichever repeats fewer: the last ones begin early enough to be all of
   them. stride is a constant. */
INLINE_CONSTANTS void three_taps_row(const cnn__depthwise_row *row, const float *x, const float *w,
                                     finish last, slice of, float *y, size_t stride) {
  const size_t outputs = row->outputs;
  const size_t count = (outputs + 6) / 7 * 7 < (outputs + 7) / 8 * 8 ? 7 : 8;
  const bool fetching = row->new_rows > 0;
  fetches near;
  if (fetching) near = fetches_near(row, x, y, distance_of(row, count), VECTOR_WIDTH);
  for (size_t next = 0; next < outputs; next += count) {
    const size_t i = next + count > outputs ? outputs - count : next;
    const outputs_at at = outputs_from(row, x, y, i, count);
    if (count == 7)
      three_taps_of(row, at, w, last, of, fetching ? &near : NULL, 7, stride, 1);
    else
      three_taps_of(row, at, w, last, of, fetching ? &near : NULL, 8, stride, 1);
  }
}

/* By whole lines of channels, where what is read or written comes from afar; fewer outputs of stride two, each of
   which reads more, or else requests wait for each other. */
INLINE_CONSTANTS void three_taps_lines(const cnn__depthwise_row *row, const float *x,
                                       const float *w, finish last, float *y, size_t stride) {
  const size_t outputs = row->outputs, count = stride == 1 ? LINE_OUTPUTS : LINE_PAIRS;
  const slice all = {0, row->channels};
  const size_t distance = distance_of(row, 2 * count);
  fetches near = fetches_near(row, x, y, distance, 16);
  bool below = false;
  for (size_t next = 0; next < outputs; next += count) {
    const size_t i = next + count > outputs ? outputs - count : next;
    if (stride == 2 && !below && next + distance >= outputs) { /* on to the next row's new ones */
      near.of[0].at += (size_t)row->x_row * sizeof(float);
      near.of[1].at += (size_t)row->x_row * sizeof(float);
      below = true;
    }
    three_taps_of(row, outputs_from(row, x, y, i, count), w, last, all, &near, count, stride,
                  LINE_VECTORS);
  }
}

/* Several rows, if they are of some length slice by slice. */
INLINE_CONSTANTS void three_taps_rows(const cnn__depthwise_row *row, size_t height,
                                      ptrdiff_t x_below, ptrdiff_t y_below, const float *x,
                                      const float *w, finish last, float *y, size_t stride) {
  if (VECTOR_WIDTH == 8 && row->down && row->tap_rows >= stride && row->channels >= 16) {
    three_taps_down(row, height, x_below, y_below, x, w, last, y, stride);
    return;
  }
  const bool far = stride == 2 ? row->outputs > MOST_OUTPUTS : LINE_VECTORS > 1 && row->past_caches;
  const bool lines = far && row->new_rows > 0 && row->channels >= 16;
  const bool slices = height > 1 && row->outputs > MOST_OUTPUTS && row->new_rows == 0;
  const size_t step = slices ? SLICE : row->channels;
  slice of = {0, 0};
  for (; of.begin < row->channels; of.begin = of.end) {
    of.end = row->channels - of.begin > step ? of.begin + step : row->channels;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)height; i++)
      if (lines)
        three_taps_lines(row, x + i * x_below, w, last, y + i * y_below, stride);
      else
        three_taps_row(row, x + i * x_below, w, last, of, y + i * y_below, stride);
  }
}

/* ---- any taps ---- */

/* Columns [begin, end) of the taps; count is a constant. */
INLINE_CONSTANTS void any_taps(const cnn__depthwise_row *row, const float *x, const float *w,
                               finish last, float *y, size_t begin, size_t end, size_t channel,
                               size_t left, size_t count) {
  vector sum[4];
  WRITTEN_OUT
  for (size_t k = 0; k < count; k++)
    sum[k] = vector_zero();
  for (size_t r = 0; r < row->tap_rows; r++)
    for (size_t s = begin; s < end; s++) {
      const ptrdiff_t down = (ptrdiff_t)r, right = (ptrdiff_t)s;
      const float *cell = x + down * row->x_row + right * row->x_column + channel;
      const vector weight = get(w + down * row->w_row + right * row->w_column + channel, left);
      WRITTEN_OUT
      for (size_t k = 0; k < count; k++)
        sum[k] = vector_fma(get(cell + (ptrdiff_t)k * row->x_step, left), weight, sum[k]);
    }
  const vector offset = offset_of(last.bias, channel, left);
  WRITTEN_OUT
  for (size_t k = 0; k < count; k++)
    put(y + (ptrdiff_t)k * row->y_step + channel, left, finished(sum[k], offset, last));
}

/* count outputs, 4 or 1. */
static void any_taps_of(const cnn__depthwise_row *row, const float *x, const float *w, finish last,
                        float *y, size_t begin, size_t end, size_t count) {
  size_t channel = 0;
  for (; channel + VECTOR_WIDTH <= row->channels; channel += VECTOR_WIDTH)
    if (count == 4)
      any_taps(row, x, w, last, y, begin, end, channel, VECTOR_WIDTH, 4);
    else
      any_taps(row, x, w, last, y, begin, end, channel, VECTOR_WIDTH, 1);
  for (size_t k = 0; k < count && channel < row->channels; k++)
    any_taps(row, x + (ptrdiff_t)k * row->x_step, w, last, y + (ptrdiff_t)k * row->y_step, begin,
             end, channel, row->channels - channel, 1);
}

static void any_taps_row(const cnn__depthwise_row *row, const float *x, const float *w, finish last,
                         float *y) {
  const size_t whole_end = row->outputs - row->lacks_last;
  for (size_t i = 0, done; i < row->outputs; i += done) {
    const size_t begin = row->lacks_first && i == 0;
    const size_t end = row->tap_columns - (i >= whole_end);
    const float *from = x + (ptrdiff_t)i * row->x_step;
    float *to = y + (ptrdiff_t)i * row->y_step;
    done = begin == 0 && i + 4 <= whole_end ? 4 : 1;
    any_taps_of(row, from, w, last, to, begin, end, done);
  }
}

static void depthwise_forward(const cnn__depthwise_row *row, size_t height, ptrdiff_t x_below,
                              ptrdiff_t y_below, const float *x, const float *w, const float *bias,
                              float least, float most, float *y) {
  const finish last = {bias, vector_set(least), vector_set(most)};
  const bool three = BLOCKED && row->tap_columns == 3 && row->outputs >= FEWEST_OUTPUTS &&
                     row->channels >= VECTOR_WIDTH;
  if (three && row->x_step == row->x_column)
    three_taps_rows(row, height, x_below, y_below, x, w, last, y, 1);
  else if (three && row->x_step == 2 * row->x_column)
    three_taps_rows(row, height, x_below, y_below, x, w, last, y, 2);
  else
    for (; height > 0; height--, x += x_below, y += y_below)
      any_taps_row(row, x, w, last, y);
  if (row->past_caches) vector_stream_end();
}

/* ---- pairs ---- */

/* Some vectors of channels of count pairs; both are constants. */
INLINE_CONSTANTS void pairs(const cnn__depthwise_row row, const float *x, const float *w, float *y,
                            bool lacks_first, size_t channel, size_t count, size_t vectors) {
  vector sum[MOST_SUMS];
  WRITTEN_OUT
  for (size_t i = 0; i < 2 * count * vectors; i++)
    sum[i] = vector_zero();
  x += channel, w += channel;
#pragma GCC unroll 1
  for (size_t r = 0; r < row.tap_rows; r++, x += row.x_row, w += row.w_row) {
    WRITTEN_OUT
    for (size_t v = 0; v < vectors; v++) {
      const float *cell = x + v * VECTOR_WIDTH, *from = w + v * VECTOR_WIDTH;
      const vector before = vector_load(from), same = vector_load(from + row.w_column);
      const vector after = vector_load(from + 2 * row.w_column);
      if (!lacks_first) sum[v] = vector_fma(vector_load(cell), before, sum[v]);
      WRITTEN_OUT
      for (size_t k = 0; k < count; k++) {
        const size_t even = 2 * k * vectors + v, odd = even + vectors, next = odd + vectors;
        cell += row.x_step;
        const vector value = vector_held(vector_load(cell));
        sum[even] = vector_fma(value, after, sum[even]);
        sum[odd] = vector_fma(value, same, sum[odd]);
        if (k + 1 < count) sum[next] = vector_fma(value, before, sum[next]);
      }
    }
  }
  store_outputs(&row, y + channel, sum, 2 * count, vectors);
}

INLINE_CONSTANTS void pairs_of(const cnn__depthwise_row *row, const float *x, const float *w,
                               float *y, bool lacks_first, fetches *ahead, size_t count,
                               size_t vectors) {
  const cnn__depthwise_row kept = *row;
  const size_t step = vectors * VECTOR_WIDTH;
  const bool fetching = kept.x_ahead.floats + kept.y_ahead.floats > 0;
  for (size_t channel = 0; channel < kept.channels; channel += step) {
    if (fetching) fetch_some(ahead, count);
    if (channel + step > kept.channels) channel = kept.channels - step;
    pairs(kept, x, w, y, lacks_first, channel, count, vectors);
  }
}

/* The first of all pairs, and then the second. */
static void pairs_apart(const cnn__depthwise_row *row, const float *x, const float *w, float *y) {
  const finish nothing = {NULL, vector_set(-HUGE_VALF), vector_set(HUGE_VALF)};
  cnn__depthwise_row half = *row;
  half.y_step = 2 * row->y_step;
  half.x_column = row->x_step;
  half.w_column = 2 * row->w_column;
  half.tap_columns = 2;
  any_taps_row(&half, x, w, nothing, y);
  half.tap_columns = 1;
  half.lacks_first = false;
  any_taps_row(&half, x + row->x_step, w + row->w_column, nothing, y + row->y_step);
}

static void depthwise_spread(const cnn__depthwise_row *row, const float *x, const float *w,
                             float *y) {
  if (!BLOCKED || row->channels < VECTOR_WIDTH) {
    pairs_apart(row, x, w, y);
    return;
  }
  const size_t outputs = row->outputs;
  const bool lines = LINE_VECTORS > 1 && row->past_caches && outputs >= LINE_PAIRS;
  const size_t width = lines ? 16 : VECTOR_WIDTH;
  const size_t steps = outputs * ((row->channels + width - 1) / width);
  fetches ahead = {{fetch_of((uintptr_t)row->x_ahead.from, row->x_ahead.floats, steps),
                    fetch_of((uintptr_t)row->y_ahead.from, row->y_ahead.floats, steps)}};
  const size_t count = lines ? LINE_PAIRS : outputs < MOST_PAIRS ? 1 : MOST_PAIRS;
  for (size_t next = 0; next < outputs; next += count) {
    const size_t i = next + count > outputs ? outputs - count : next;
    const float *from = x + (ptrdiff_t)i * row->x_step;
    float *to = y + 2 * (ptrdiff_t)i * row->y_step;
    const bool lacks_first = row->lacks_first && i == 0;
    if (lines)
      pairs_of(row, from, w, to, lacks_first, &ahead, LINE_PAIRS, LINE_VECTORS);
    else if (count == 1)
      pairs_of(row, from, w, to, lacks_first, &ahead, 1, 1);
    else
      pairs_of(row, from, w, to, lacks_first, &ahead, MOST_PAIRS, 1);
  }
  if (row->past_caches) vector_stream_end();
}

static void fill_depthwise(cnn__depthwise_kernels *table) {
  *table = (cnn__depthwise_kernels){.width = VECTOR_WIDTH,
                                    .forward = depthwise_forward,
                                    .spread = depthwise_spread,
                                    .weights = depthwise_weights};
}

#endif
