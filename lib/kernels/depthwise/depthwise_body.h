/* Bodies of kernels/depthwise.h, over the vector abstraction that was included before. The number of
   taps comes apart, so that nine of them, a 3 x 3 kernel's, stay in registers. */
#include "kernels/convolution/ragged.h"
#include "kernels/depthwise.h"

enum {
  NINE = 9,
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

INLINE_CONSTANTS void nine_taps(strand at, const float *const *w, vector bias, bool relu_follows,
                                float *y) {
  vector weight[NINE];
  for (size_t t = 0; t < NINE; t++)
    weight[t] = get(w[t] + at.channel, at.left);
  for (size_t i = at.first; i < at.end; i++) {
    vector sum = vector_zero();
    for (size_t t = 0; t < NINE; t++)
      sum = vector_fma(load_tap(at, t, i), weight[t], sum);
    finish(at, sum, bias, relu_follows, i, y);
  }
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
      if (line->taps == NINE)
        nine_taps(whole, w, offset, relu_follows, y);
      else
        any_taps(whole, w, offset, relu_follows, y);
    }
  }
}

INLINE_CONSTANTS void nine_gradients(strand at, const float *dy, float *const *dw) {
  vector sum[NINE];
  for (size_t t = 0; t < NINE; t++)
    sum[t] = get(dw[t] + at.channel, at.left);
  for (size_t i = at.first; i < at.end; i++) {
    const vector gradient = get(dy + (ptrdiff_t)i * at.line->y_step + at.channel, at.left);
    for (size_t t = 0; t < NINE; t++)
      sum[t] = vector_fma(load_tap(at, t, i), gradient, sum[t]);
  }
  for (size_t t = 0; t < NINE; t++)
    put(dw[t] + at.channel, at.left, sum[t]);
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
  for (size_t first = 0; first < line->outputs; first += SEGMENT) {
    strand at = {line, first, first + SEGMENT, 0, line->channels};
    if (at.end > line->outputs) at.end = line->outputs;
    for (; at.channel < line->channels; at.channel += VECTOR_WIDTH, at.left -= VECTOR_WIDTH) {
      if (at.left < VECTOR_WIDTH) {
        any_gradients(at, dy, dw);
        break;
      }
      const strand whole = {line, first, at.end, at.channel, VECTOR_WIDTH};
      if (line->taps == NINE)
        nine_gradients(whole, dy, dw);
      else
        any_gradients(whole, dy, dw);
    }
  }
}

static void fill_depthwise(cnn__depthwise_kernels *table) {
  *table = (cnn__depthwise_kernels){.forward = depthwise_forward, .weights = depthwise_weights};
}
