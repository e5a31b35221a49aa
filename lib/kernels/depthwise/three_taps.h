/* Sums of three taps side by side: a row of their weights stays in registers beside up to eight sums, and neighbouring
   outputs share what they read; an edge of the image is a cell that is skipped. */
#ifndef CNN_KERNELS_DEPTHWISE_THREE_TAPS_H
#define CNN_KERNELS_DEPTHWISE_THREE_TAPS_H

#include "kernels/convolution/ragged.h"
#include "kernels/depthwise.h"

enum {
  LINE_VECTORS = BLOCKED && VECTOR_WIDTH < 16 ? 16 / VECTOR_WIDTH : 1, /* a line of the cache */
  MOST_SUMS = 8, /* chains enough to keep two multiply-adds a cycle going */
  LINE_OUTPUTS = MOST_SUMS / LINE_VECTORS /* of whole lines of channels */
};

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

static outputs_at outputs_from(const cnn__depthwise_row *row, const float *x, float *y, size_t i,
                               size_t count) {
  return (outputs_at){x + (ptrdiff_t)i * row->x_step, y + (ptrdiff_t)i * row->y_step,
                      row->lacks_first && i == 0, row->lacks_last && i + count == row->outputs};
}

/* Sums of some vectors of channels of count outputs; count, vectors and stride, in cells, are constants. */
INLINE_CONSTANTS void sum_three_taps(const cnn__depthwise_row row, outputs_at at, const float *w,
                                     size_t count, size_t stride, size_t vectors, vector *sum) {
  const size_t cells = (count - 1) * stride + 3;
  WRITTEN_OUT
  for (size_t i = 0; i < count * vectors; i++)
    sum[i] = vector_zero();
#pragma GCC unroll 1
  for (size_t r = 0; r < row.tap_rows; r++, at.x += row.x_row, w += row.w_row) {
    WRITTEN_OUT
    for (size_t v = 0; v < vectors; v++) {
      const float *x = at.x + v * VECTOR_WIDTH, *from = w + v * VECTOR_WIDTH;
      const vector weight[3] = {vector_load(from), vector_load(from + row.w_column),
                                vector_load(from + 2 * row.w_column)};
      WRITTEN_OUT
      for (size_t cell = 0; cell < cells; cell++, x += row.x_column) {
        if (cell == 0 && at.lacks_first) continue;
        if (cell == cells - 1 && at.lacks_last) continue;
        const vector value = vector_held(vector_load(x));
        WRITTEN_OUT
        for (size_t k = 0; k < count; k++)
          if (cell >= k * stride && cell < k * stride + 3)
            sum[k * vectors + v] =
                vector_fma(value, weight[cell - k * stride], sum[k * vectors + v]);
      }
    }
  }
}

#endif
