#include "ops/conv_pool.h"

void cnn__conv_pool_forward(const cnn__conv_pool *pool, const float *rows, float *y,
                            unsigned char *codes) {
  const size_t row_pitch = pool->columns * pool->width * pool->channels;
  for (size_t column = 0; column < pool->columns; column++)
    for (size_t channel = 0; channel < pool->channels; channel++) {
      const float *window = rows + column * pool->width * pool->channels + channel;
      float best = window[0];
      size_t code = 0;
      for (size_t i = 1; i < pool->height * pool->width; i++) {
        const float x = window[i / pool->width * row_pitch + i % pool->width * pool->channels];
        const bool wins = best == best && !(x <= best); /* or x is NaN */
        best = wins ? x : best;
        code = wins ? i : code;
      }
      const size_t at = column * pool->pitch + channel;
      y[at] = best;
      if (codes) codes[at] = (unsigned char)(pool->relu && !(best > 0) ? CNN__POOL_NONE : code);
    }
}

void cnn__conv_pool_backward(const cnn__conv_pool *pool, const float *dy,
                             const unsigned char *codes, float *rows) {
  const size_t row_pitch = pool->columns * pool->width * pool->channels;
  for (size_t i = 0; i < pool->height * pool->width; i++)
    for (size_t column = 0; column < pool->columns; column++) {
      float *cell = rows + i / pool->width * row_pitch +
                    (column * pool->width + i % pool->width) * pool->channels;
      for (size_t channel = 0; channel < pool->channels; channel++) {
        const size_t at = column * pool->pitch + channel;
        cell[channel] = codes[at] == i ? dy[at] : 0;
      }
    }
}
