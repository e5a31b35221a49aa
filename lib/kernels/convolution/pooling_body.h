/* Bodies of kernels/convolution/pooling.h. height and width come apart from the rest, so that the
   common window, 2 x 2, is unrolled. */
#include "kernels/convolution/ragged.h"

INLINE_CONSTANTS void pool_windows(const cnn__window_row *windows, size_t height, size_t width,
                                   const float *rows, float *y, uint8_t *codes) {
  const size_t row = windows->columns * width * windows->cell;
  for (size_t column = 0; column < windows->columns; column++) {
    const float *window = rows + column * width * windows->cell;
    const size_t cell = column * windows->pitch;
    for (size_t channel = 0; channel < windows->channels; channel += VECTOR_WIDTH) {
      const size_t left = windows->channels - channel;
      pooled holder = {get(window + channel, left), vector_int_set(0)};
      for (size_t i = 0; i < height; i++)
        for (size_t j = i == 0; j < width; j++)
          holder = challenge(holder, get(window + i * row + j * windows->cell + channel, left),
                             i * width + j);
      put(y + cell + channel, left, holder.best);
      if (codes) put_codes(codes + cell + channel, left, code_of(holder, windows->relu));
    }
  }
}

static void pool(const cnn__window_row *windows, const float *rows, float *y, uint8_t *codes) {
  if (windows->height == 2 && windows->width == 2)
    pool_windows(windows, 2, 2, rows, y, codes);
  else
    pool_windows(windows, windows->height, windows->width, rows, y, codes);
}

INLINE_CONSTANTS void spread_windows(const cnn__window_row *windows, size_t height, size_t width,
                                     const float *dy, const uint8_t *codes, float *rows) {
  const size_t row = windows->columns * width * windows->cell;
  for (size_t column = 0; column < windows->columns; column++) {
    float *window = rows + column * width * windows->cell;
    const size_t cell = column * windows->pitch;
    for (size_t channel = 0; channel < windows->channels; channel += VECTOR_WIDTH) {
      const size_t left = windows->channels - channel;
      const vector gradient = get(dy + cell + channel, left);
      const vector_int winner = get_codes(codes + cell + channel, left);
      for (size_t i = 0; i < height; i++)
        for (size_t j = 0; j < width; j++)
          put(window + i * row + j * windows->cell + channel, left,
              share(winner, i * width + j, gradient));
    }
  }
}

static void spread(const cnn__window_row *windows, const float *dy, const uint8_t *codes,
                   float *rows) {
  if (windows->height == 2 && windows->width == 2)
    spread_windows(windows, 2, 2, dy, codes, rows);
  else
    spread_windows(windows, windows->height, windows->width, dy, codes, rows);
}

static void fill_windows(cnn__window_kernels *table) {
  *table = (cnn__window_kernels){.pool = pool, .spread = spread};
}
