/* Bodies of kernels/depthwise.h, over the vector abstraction that was included before. 3 x 3
   kernels come apart: their weights stay in registers, and neighbouring outputs share what they read. */
#include "kernels/convolution/ragged.h"
#include "kernels/depthwise.h"

enum {
  NINE = 9,
  SIX = 6,
  SEGMENT = 12 /* outputs at a time, so that what all channels of them read stays in the L1 cache */
};

/* One vector of channels of a line, from output first to output end. */
typedef struct strand {
  const cnn__depthwise_line *line;
  size_t first, end;
  size_t channel, left; /* left: channels from there on */
} strand;

INLINE_CONSTANTS vector load_tap(strand at, size_t tap, size_t output) {
  return get(at.line->x[tap] + (ptrdiff_t)output * at.line->x_step + at.channel, at.left);
}

INLINE_CONSTANTS void finish(strand at, vector sum, vector bias, bool relu_follows, size_t output,
                             float *y) {
  sum = vector_add(sum, bias);
  put(y + (ptrdiff_t)output * at.line->y_step + at.channel, at.left,
      relu_follows ? relu(sum) : sum);
}

/* A 3 x 3 kernel, or two rows of one at an image's edge, whose taps lie side by side in each row, step floats apart, as outputs do or twice as
   far: what several outputs read is loaded once. */
typedef struct square_kernel {
  const float *row[3]; /* the first output's first tap of each row */
  ptrdiff_t step;
  size_t rows;
  size_t stride; /* taps from an output to the next: 1, 2, or 0: this is no such kernel */
} square_kernel;

static inline square_kernel square_of(const cnn__depthwise_line *line) {
  square_kernel square = {.rows = line->taps / 3};
  if (line->taps != NINE && line->taps != SIX) return square;
  const float *const *x = line->x;
  square.step = x[1] - x[0];
  for (size_t r = 0; r < square.rows; r++) {
    square.row[r] = x[3 * r];
    if (x[3 * r + 1] - x[3 * r] != square.step || x[3 * r + 2] - x[3 * r + 1] != square.step)
      return square;
  }
  if (line->x_step == square.step) square.stride = 1;
  if (line->x_step == 2 * square.step) square.stride = 2;
  return square;
}

/* Outputs [i, i + count); count, rows and stride are constants. Each sums in the order of its taps. */
INLINE_CONSTANTS void square_outputs(strand at, const square_kernel *square, size_t rows,
                                     size_t stride, size_t count, const vector weight[NINE],
                                     vector bias, bool relu_follows, size_t i, float *y) {
  vector sum[4];
  for (size_t k = 0; k < count; k++)
    sum[k] = vector_zero();
  for (size_t r = 0; r < rows; r++) {
    const float *x = square->row[r] + (ptrdiff_t)i * at.line->x_step + at.channel;
    for (size_t column = 0; column < (count - 1) * stride + 3; column++, x += square->step) {
      const vector cell = vector_load(x);
      for (size_t k = 0; k < count; k++)
        if (column >= k * stride && column < k * stride + 3)
          sum[k] = vector_fma(cell, weight[3 * r + column - k * stride], sum[k]);
    }
  }
  for (size_t k = 0; k < count; k++)
    finish(at, sum[k], bias, relu_follows, i + k, y);
}

INLINE_CONSTANTS void square_taps(strand at, const square_kernel *square, size_t rows,
                                  size_t stride, const float *const *w, vector bias,
                                  bool relu_follows, float *y) {
  vector weight[NINE];
  for (size_t t = 0; t < 3 * rows; t++)
    weight[t] = vector_load(w[t] + at.channel);
  size_t i = at.first;
  for (; i + 4 <= at.end; i += 4)
    square_outputs(at, square, rows, stride, 4, weight, bias, relu_follows, i, y);
  for (; i < at.end; i++)
    square_outputs(at, square, rows, stride, 1, weight, bias, relu_follows, i, y);
}

INLINE_CONSTANTS void any_taps(strand at, const float *const *w, vector bias, bool relu_follows,
                               float *y) {
  for (size_t i = at.first; i < at.end; i++) {
    vector sum = vector_zero();
    for (size_t t = 0; t < at.line->taps; t++)
      sum = vector_fma(load_tap(at, t, i), get(w[t] + at.channel, at.left), sum);
    finish(at, sum, bias, relu_follows, i, y);
  }
}

static void depthwise_forward(const cnn__depthwise_line *line, const float *const *w,
                              const float *bias, bool relu_follows, float *y) {
  const square_kernel square = square_of(line);
  for (size_t first = 0; first < line->outputs; first += SEGMENT) {
    strand at = {line, first, first + SEGMENT, 0, line->channels};
    if (at.end > line->outputs) at.end = line->outputs;
    for (; at.channel < line->channels; at.channel += VECTOR_WIDTH, at.left -= VECTOR_WIDTH) {
      /* -0 leaves a sum as it is. */
      const vector offset = bias ? get(bias + at.channel, at.left) : vector_set(-0.0f);
      if (at.left < VECTOR_WIDTH) {
        any_taps(at, w, offset, relu_follows, y);
        break;
      }
      const strand whole = {line, first, at.end, at.channel, VECTOR_WIDTH};
      if (square.stride == 1 && square.rows == 3)
        square_taps(whole, &square, 3, 1, w, offset, relu_follows, y);
      else if (square.stride == 1)
        square_taps(whole, &square, 2, 1, w, offset, relu_follows, y);
      else if (square.stride == 2 && square.rows == 3)
        square_taps(whole, &square, 3, 2, w, offset, relu_follows, y);
      else if (square.stride == 2)
        square_taps(whole, &square, 2, 2, w, offset, relu_follows, y);
      else
        any_taps(whole, w, offset, relu_follows, y);
    }
  }
}

/* Outputs [i, i + count); count, rows and stride are constants. */
INLINE_CONSTANTS void square_gradients_of(strand at, const square_kernel *square, size_t rows,
                                          size_t stride, size_t count, const float *dy, size_t i,
                                          vector sum[NINE]) {
  vector gradient[4];
  for (size_t k = 0; k < count; k++)
    gradient[k] = vector_load(dy + (ptrdiff_t)(i + k) * at.line->y_step + at.channel);
  for (size_t r = 0; r < rows; r++) {
    const float *x = square->row[r] + (ptrdiff_t)i * at.line->x_step + at.channel;
    for (size_t column = 0; column < (count - 1) * stride + 3; column++, x += square->step) {
      const vector cell = vector_load(x);
      for (size_t k = 0; k < count; k++)
        if (column >= k * stride && column < k * stride + 3) {
          const size_t tap = 3 * r + column - k * stride;
          sum[tap] = vector_fma(cell, gradient[k], sum[tap]);
        }
    }
  }
}

INLINE_CONSTANTS void square_gradients(strand at, const square_kernel *square, size_t rows,
                                       size_t stride, const float *dy, float *const *dw) {
  vector sum[NINE];
  for (size_t t = 0; t < 3 * rows; t++)
    sum[t] = vector_load(dw[t] + at.channel);
  size_t i = at.first;
  for (; i + 4 <= at.end; i += 4)
    square_gradients_of(at, square, rows, stride, 4, dy, i, sum);
  for (; i < at.end; i++)
    square_gradients_of(at, square, rows, stride, 1, dy, i, sum);
  for (size_t t = 0; t < 3 * rows; t++)
    vector_store(dw[t] + at.channel, sum[t]);
}

INLINE_CONSTANTS void any_gradients(strand at, const float *dy, float *const *dw) {
  for (size_t t = 0; t < at.line->taps; t++) {
    vector sum = get(dw[t] + at.channel, at.left);
    for (size_t i = at.first; i < at.end; i++)
      sum = vector_fma(load_tap(at, t, i),
                       get(dy + (ptrdiff_t)i * at.line->y_step + at.channel, at.left), sum);
    put(dw[t] + at.channel, at.left, sum);
  }
}

static void depthwise_weights(const cnn__depthwise_line *line, const float *dy, float *const *dw) {
  const square_kernel square = square_of(line);
  for (size_t first = 0; first < line->outputs; first += SEGMENT) {
    strand at = {line, first, first + SEGMENT, 0, line->channels};
    if (at.end > line->outputs) at.end = line->outputs;
    for (; at.channel < line->channels; at.channel += VECTOR_WIDTH, at.left -= VECTOR_WIDTH) {
      if (at.left < VECTOR_WIDTH) {
        any_gradients(at, dy, dw);
        break;
      }
      const strand whole = {line, first, at.end, at.channel, VECTOR_WIDTH};
      if (square.stride == 1 && square.rows == 3)
        square_gradients(whole, &square, 3, 1, dy, dw);
      else if (square.stride == 1)
        square_gradients(whole, &square, 2, 1, dy, dw);
      else if (square.stride == 2 && square.rows == 3)
        square_gradients(whole, &square, 3, 2, dy, dw);
      else if (square.stride == 2)
        square_gradients(whole, &square, 2, 2, dy, dw);
      else
        any_gradients(whole, dy, dw);
    }
  }
}

static void fill_depthwise(cnn__depthwise_kernels *table) {
  *table = (cnn__depthwise_kernels){.forward = depthwise_forward, .weights = depthwise_weights};
}
