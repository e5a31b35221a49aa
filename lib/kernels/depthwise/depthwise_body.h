/* Bodies of kernels/depthwise.h, over the vector abstraction that was included before. Kernels three wide
   come apart: a row of their weights stays in registers beside up to eight sums, and neighbouring
   outputs share what they read; an edge of the image is a cell that is skipped. */
#ifndef CNN_KERNELS_DEPTHWISE_BODY_H
#define CNN_KERNELS_DEPTHWISE_BODY_H

#include "kernels/convolution/ragged.h"
#include "kernels/depthwise/ahead.h"
#include "kernels/depthwise/depthwise_gradient_body.h"
#include "kernels/fill.h"
#include <math.h>

enum {
  MOST_OUTPUTS = 8, /* side by side: chains enough to keep two multiply-adds a cycle going */
  FEWEST_OUTPUTS = 7,
  MOST_PAIRS = 4,
  SLICE = 64 /* channels of all rows before those of the next slice: what rows share stays in L1 */
};

/* A row's channels [begin, end). */
typedef struct slice {
  size_t begin, end;
} slice;

/* Some outputs side by side. */
typedef struct outputs_at {
  const float *x;
  float *y;
  bool lacks_first, lacks_last;
} outputs_at;

/* What every output goes through in the end. */
typedef struct finish {
  const float *bias;
  vector least, most; /* of the result; infinities let everything pass */
} finish;

INLINE_CONSTANTS vector finished(vector sum, vector offset, finish last) {
  return vector_min(last.most, vector_max(last.least, vector_add(sum, offset)));
}

/* -0 leaves a sum as it is. */
INLINE_CONSTANTS vector offset_of(const float *bias, size_t channel, size_t left) {
  return bias ? get(bias + channel, left) : vector_set(-0.0f);
}

/* ---- three taps side by side ---- */

/* A vector of channels of count outputs; count and stride, in cells, are constants. */
INLINE_CONSTANTS void three_taps(const cnn__depthwise_row row, outputs_at at, const float *w,
                                 finish last, size_t channel, size_t count, size_t stride) {
  const size_t cells = (count - 1) * stride + 3;
  vector sum[MOST_OUTPUTS];
  WRITTEN_OUT
  for (size_t k = 0; k < count; k++)
    sum[k] = vector_zero();
  const float *first = at.x + channel;
  w += channel;
#pragma GCC unroll 1
  for (size_t r = 0; r < row.tap_rows; r++, first += row.x_row, w += row.w_row) {
    const vector weight[3] = {vector_load(w), vector_load(w + row.w_column),
                              vector_load(w + 2 * row.w_column)};
    const float *x = first;
    WRITTEN_OUT
    for (size_t cell = 0; cell < cells; cell++, x += row.x_column) {
      if (cell == 0 && at.lacks_first) continue;
      if (cell == cells - 1 && at.lacks_last) continue;
      const vector value = vector_held(vector_load(x));
      WRITTEN_OUT
      for (size_t k = 0; k < count; k++)
        if (cell >= k * stride && cell < k * stride + 3)
          sum[k] = vector_fma(value, weight[cell - k * stride], sum[k]);
    }
  }
  const vector offset = offset_of(last.bias, channel, VECTOR_WIDTH);
  float *y = at.y + channel;
  WRITTEN_OUT
  for (size_t k = 0; k < count; k++, y += row.y_step)
    vector_store(y, finished(sum[k], offset, last));
}

/* A slice's vectors; the row's last one begins early enough to be whole, and repeats some channels. */
INLINE_CONSTANTS void three_taps_of(const cnn__depthwise_row *row, outputs_at at, const float *w,
                                    finish last, slice of, fetches *ahead, size_t count,
                                    size_t stride) {
  const cnn__depthwise_row kept = *row;
  const bool fetching = fetches_anything(ahead);
  for (size_t channel = of.begin; channel < of.end; channel += VECTOR_WIDTH) {
    if (fetching) fetch_some(ahead, count);
    if (channel + VECTOR_WIDTH > kept.channels) channel = kept.channels - VECTOR_WIDTH;
    three_taps(kept, at, w, last, channel, count, stride);
  }
}

/* Eight outputs at a time or seven, whichever repeats fewer: the last ones begin early enough to be all of
   them. stride is a constant. */
INLINE_CONSTANTS void three_taps_row(const cnn__depthwise_row *row, const float *x, const float *w,
                                     finish last, slice of, fetches *ahead, float *y,
                                     size_t stride) {
  const size_t outputs = row->outputs;
  const size_t count = (outputs + 6) / 7 * 7 < (outputs + 7) / 8 * 8 ? 7 : 8;
  for (size_t next = 0; next < outputs; next += count) {
    const size_t i = next + count > outputs ? outputs - count : next;
    const outputs_at at = {x + (ptrdiff_t)i * row->x_step, y + (ptrdiff_t)i * row->y_step,
                           row->lacks_first && i == 0, row->lacks_last && i + count == outputs};
    if (count == 7)
      three_taps_of(row, at, w, last, of, ahead, 7, stride);
    else
      three_taps_of(row, at, w, last, of, ahead, 8, stride);
  }
}

/* Several rows slice by slice, if they are of some length. */
INLINE_CONSTANTS void three_taps_rows(const cnn__depthwise_row *row, size_t height,
                                      ptrdiff_t x_below, ptrdiff_t y_below, const float *x,
                                      const float *w, finish last, float *y, size_t stride) {
  const size_t step = height > 1 && row->outputs > MOST_OUTPUTS ? SLICE : row->channels;
  fetches ahead = fetches_of(row, height * row->outputs);
  slice of = {0, 0};
  for (; of.begin < row->channels; of.begin = of.end) {
    of.end = row->channels - of.begin > step ? of.begin + step : row->channels;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)height; i++)
      three_taps_row(row, x + i * x_below, w, last, of, &ahead, y + i * y_below, stride);
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

/* count outputs, 4 or 1: the latter with what is left of the channels, too. */
static void any_taps_of(const cnn__depthwise_row *row, const float *x, const float *w, finish last,
                        float *y, size_t begin, size_t end, size_t count) {
  for (size_t channel = 0; channel < row->channels; channel += VECTOR_WIDTH) {
    const size_t left = row->channels - channel;
    if (count == 4 && left >= VECTOR_WIDTH)
      any_taps(row, x, w, last, y, begin, end, channel, VECTOR_WIDTH, 4);
    else
      for (size_t k = 0; k < count; k++)
        any_taps(row, x + (ptrdiff_t)k * row->x_step, w, last, y + (ptrdiff_t)k * row->y_step,
                 begin, end, channel, left, 1);
  }
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
}

/* ---- pairs ---- */

/* A vector of channels of count pairs, a constant. */
INLINE_CONSTANTS void pairs(const cnn__depthwise_row row, const float *x, const float *w, float *y,
                            bool lacks_first, size_t channel, size_t count) {
  vector even[MOST_PAIRS], odd[MOST_PAIRS];
  WRITTEN_OUT
  for (size_t k = 0; k < count; k++)
    even[k] = odd[k] = vector_zero();
  x += channel, w += channel, y += channel;
#pragma GCC unroll 1
  for (size_t r = 0; r < row.tap_rows; r++, x += row.x_row, w += row.w_row) {
    const vector before = vector_load(w), same = vector_load(w + row.w_column);
    const vector after = vector_load(w + 2 * row.w_column);
    if (!lacks_first) even[0] = vector_fma(vector_load(x), before, even[0]);
    const float *behind = x + row.x_step;
    WRITTEN_OUT
    for (size_t k = 0; k < count; k++, behind += row.x_step) {
      const vector value = vector_held(vector_load(behind));
      even[k] = vector_fma(value, after, even[k]);
      odd[k] = vector_fma(value, same, odd[k]);
      if (k + 1 < count) even[k + 1] = vector_fma(value, before, even[k + 1]);
    }
  }
  WRITTEN_OUT
  for (size_t k = 0; k < count; k++, y += 2 * row.y_step) {
    vector_store(y, even[k]);
    vector_store(y + row.y_step, odd[k]);
  }
}

INLINE_CONSTANTS void pairs_of(const cnn__depthwise_row *row, const float *x, const float *w,
                               float *y, bool lacks_first, fetches *ahead, size_t count) {
  const cnn__depthwise_row kept = *row;
  const bool fetching = fetches_anything(ahead);
  for (size_t channel = 0; channel < kept.channels; channel += VECTOR_WIDTH) {
    if (fetching) fetch_some(ahead, count);
    if (channel + VECTOR_WIDTH > kept.channels) channel = kept.channels - VECTOR_WIDTH;
    pairs(kept, x, w, y, lacks_first, channel, count);
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
  fetches ahead = fetches_of(row, row->outputs);
  const size_t outputs = row->outputs, count = outputs < MOST_PAIRS ? 1 : MOST_PAIRS;
  for (size_t next = 0; next < outputs; next += count) {
    const size_t i = next + count > outputs ? outputs - count : next;
    const float *from = x + (ptrdiff_t)i * row->x_step;
    float *to = y + 2 * (ptrdiff_t)i * row->y_step;
    const bool lacks_first = row->lacks_first && i == 0;
    if (count == 1)
      pairs_of(row, from, w, to, lacks_first, &ahead, 1);
    else
      pairs_of(row, from, w, to, lacks_first, &ahead, MOST_PAIRS);
  }
}

static void fill_depthwise(cnn__depthwise_kernels *table) {
  *table = (cnn__depthwise_kernels){
      .forward = depthwise_forward, .spread = depthwise_spread, .weights = depthwise_weights};
}

#endif
