/* Three taps of a line of channels through all rows, before the next line's: for images that the third level of the
   cache holds. Each cell is asked for by itself, and blocks of outputs have few instructions: presumably more of them
   are then on their way at once, which hides what is left of the way. */
#ifndef CNN_KERNELS_DEPTHWISE_LINE_BODY_H
#define CNN_KERNELS_DEPTHWISE_LINE_BODY_H

#include "kernels/depthwise/three_taps.h"

/* Of a line of channels, what every sum goes through in the end: in memory, for registers are wanted for sums. */
typedef struct line_finish {
  float offset[16], least[VECTOR_WIDTH], most[VECTOR_WIDTH];
} line_finish;

static inline line_finish line_finish_of(finish last, size_t channel) {
  line_finish line;
  for (size_t v = 0; v < LINE_VECTORS; v++)
    vector_store(line.offset + v * VECTOR_WIDTH,
                 offset_of(last.bias, channel + v * VECTOR_WIDTH, VECTOR_WIDTH));
  vector_store(line.least, last.least);
  vector_store(line.most, last.most);
  return line;
}

/* Some cells of a line of channels; count is a constant. */
INLINE_CONSTANTS void fetch_cells(uintptr_t cell, uintptr_t step, size_t count) {
  WRITTEN_OUT
  for (size_t i = 0; i < count; i++) {
    __builtin_prefetch((const void *)cell);
    cell += step;
    __asm__("" : "+r"(cell)); /* no register for every multiple of step */
  }
}

/* LINE_OUTPUTS outputs of a line of channels, while the new rows' cells of some outputs further on are asked for. */
INLINE_CONSTANTS void line_outputs(const cnn__depthwise_row row, outputs_at at, const float *w,
                                   const line_finish *line, size_t stride) {
  enum { DISTANCE = 8 }; /* in cells */
  const uintptr_t x_row = (uintptr_t)row.x_row * sizeof(float);
  const uintptr_t x_column = (uintptr_t)row.x_column * sizeof(float);
  const uintptr_t far = (uintptr_t)at.x + (row.tap_rows - stride) * x_row + DISTANCE * x_column;
  WRITTEN_OUT
  for (size_t r = 0; r < stride; r++)
    fetch_cells(far + r * x_row, x_column, LINE_OUTPUTS * stride);
  vector sum[MOST_SUMS];
  sum_three_taps(row, at, w, LINE_OUTPUTS, stride, LINE_VECTORS, sum);
  __asm__ volatile("" : "+r"(line)); /* read again for each */
  const finish last = {NULL, vector_load(line->least), vector_load(line->most)};
  vector offset[LINE_VECTORS];
  WRITTEN_OUT
  for (size_t v = 0; v < LINE_VECTORS; v++)
    offset[v] = vector_load(line->offset + v * VECTOR_WIDTH);
  WRITTEN_OUT
  for (size_t i = 0; i < MOST_SUMS; i++) {
    const size_t v = i % LINE_VECTORS;
    vector_store(at.y + v * VECTOR_WIDTH, finished(sum[i], offset[v], last));
    if (v + 1 == LINE_VECTORS) at.y += row.y_step;
  }
}

/* The outputs of a row from done on that have all taps, LINE_OUTPUTS at a time; returns how many are done then. stride is
   a constant. */
INLINE_CONSTANTS size_t line_middle(const cnn__depthwise_row *row, const float *x, const float *w,
                                    const line_finish *line, float *y, size_t done, size_t stride) {
  const cnn__depthwise_row kept = *row;
  const size_t end = kept.outputs - kept.lacks_last;
  for (; done + LINE_OUTPUTS <= end; done += LINE_OUTPUTS) {
    const ptrdiff_t i = (ptrdiff_t)done;
    const outputs_at at = {x + i * kept.x_step, y + i * kept.y_step, false, false};
    line_outputs(kept, at, w, line, stride);
  }
  return done;
}

/* Not inline: registers are wanted for these alone. */
static __attribute__((noinline)) size_t line_middle_one(const cnn__depthwise_row *row,
                                                        const float *x, const float *w,
                                                        const line_finish *line, float *y,
                                                        size_t done) {
  return line_middle(row, x, w, line, y, done, 1);
}
static __attribute__((noinline)) size_t line_middle_two(const cnn__depthwise_row *row,
                                                        const float *x, const float *w,
                                                        const line_finish *line, float *y,
                                                        size_t done) {
  return line_middle(row, x, w, line, y, done, 2);
}

/* The LINE_OUTPUTS outputs from i on, some of which may lack taps. */
static __attribute__((noinline)) void line_edge(const cnn__depthwise_row *row, const float *x,
                                                const float *w, const line_finish *line, float *y,
                                                size_t i) {
  const outputs_at at = outputs_from(row, x, y, i, LINE_OUTPUTS);
  if (row->x_step == row->x_column)
    line_outputs(*row, at, w, line, 1);
  else
    line_outputs(*row, at, w, line, 2);
}

/* The last line begins early enough to be whole. stride is a constant. */
INLINE_CONSTANTS void three_taps_down(const cnn__depthwise_row *row, size_t height,
                                      ptrdiff_t x_below, ptrdiff_t y_below, const float *x,
                                      const float *w, finish last, float *y, size_t stride) {
  for (size_t next = 0; next < row->channels; next += 16) {
    const size_t channel = next + 16 > row->channels ? row->channels - 16 : next;
    const line_finish line = line_finish_of(last, channel);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)height; i++) {
      const float *from = x + i * x_below + channel, *weights = w + channel;
      float *to = y + i * y_below + channel;
      size_t done = 0;
      if (row->lacks_first) {
        line_edge(row, from, weights, &line, to, 0);
        done = LINE_OUTPUTS;
      }
      done = stride == 1 ? line_middle_one(row, from, weights, &line, to, done)
                         : line_middle_two(row, from, weights, &line, to, done);
      if (done < row->outputs)
        line_edge(row, from, weights, &line, to, row->outputs - LINE_OUTPUTS);
    }
  }
}

#endif
