/* Bodies of kernels/elementwise/pooling.h, over the vector abstraction included before. */
#include "kernels/elementwise/lanes.h"
#include "kernels/elementwise/pooling.h"

/* rows and columns come apart from the run, so that the common window, 2 x 2, is unrolled. */
INLINE_CONSTANTS void max_pool_windows(const cnn__pool_run *run, size_t rows, size_t columns,
                                       const float *x, float *y, uint32_t *positions) {
  const size_t channels = run->channels;
  for (size_t cell = 0; cell < run->cells; cell++) {
    const float *window = x + cell * run->step;
    const uint32_t first = run->position + (uint32_t)cell * run->position_step;
    for (size_t i = 0; i < channels; i += VECTOR_WIDTH) {
      vector best = get(window, i, channels);
      vector_int winner = vector_int_set((int32_t)first);
      for (size_t r = 0; r < rows; r++)
        for (size_t c = r == 0; c < columns; c++) {
          const vector value = get(window + r * run->row + c * channels, i, channels);
          /* Neither less nor equal, so that NaN counts, unless NaN has already won. */
          const vector_mask stays =
              vector_mask_or(vector_less_equal(value, best), vector_is_nan(best));
          const uint32_t position = first + (uint32_t)r * run->position_row + (uint32_t)c;
          best = vector_select(stays, best, value);
          winner = vector_int_select(stays, winner, vector_int_set((int32_t)position));
        }
      put(y + cell * channels, i, channels, best);
      if (positions) put_int(positions + cell * channels, i, channels, winner);
    }
  }
}

static void max_pool(const cnn__pool_run *run, const float *x, float *y, uint32_t *positions) {
  if (run->rows == 2 && run->columns == 2)
    max_pool_windows(run, 2, 2, x, y, positions);
  else
    max_pool_windows(run, run->rows, run->columns, x, y, positions);
}

INLINE_CONSTANTS void max_pool_backward_windows(const cnn__pool_run *run, size_t rows,
                                                size_t columns, const float *dy,
                                                const uint32_t *positions, float *dx) {
  const size_t channels = run->channels;
  for (size_t cell = 0; cell < run->cells; cell++) {
    float *window = dx + cell * run->step;
    const uint32_t first = run->position + (uint32_t)cell * run->position_step;
    for (size_t i = 0; i < channels; i += VECTOR_WIDTH) {
      const vector gradient = get(dy + cell * channels, i, channels);
      const vector_int winner = get_int(positions + cell * channels, i, channels);
      for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
          const uint32_t position = first + (uint32_t)r * run->position_row + (uint32_t)c;
          const vector_mask won = vector_int_equal(winner, vector_int_set((int32_t)position));
          float *to = window + r * run->row + c * channels;
          const vector share = vector_keep(won, gradient);
          put(to, i, channels, run->accumulate ? vector_add(get(to, i, channels), share) : share);
        }
    }
  }
}

static void max_pool_backward(const cnn__pool_run *run, const float *dy, const uint32_t *positions,
                              float *dx) {
  if (run->rows == 2 && run->columns == 2)
    max_pool_backward_windows(run, 2, 2, dy, positions, dx);
  else
    max_pool_backward_windows(run, run->rows, run->columns, dy, positions, dx);
}

static void average_pool(const cnn__pool_run *run, const float *x, float *y) {
  const size_t channels = run->channels;
  const vector cells = vector_set((float)(run->rows * run->columns));
  for (size_t cell = 0; cell < run->cells; cell++)
    for (size_t i = 0; i < channels; i += VECTOR_WIDTH) {
      vector sum = vector_zero();
      for (size_t r = 0; r < run->rows; r++) {
        const float *row = x + cell * run->step + r * run->row;
        vector part = get(row, i, channels);
        for (size_t c = 1; c < run->columns; c++)
          part = vector_add(part, get(row + c * channels, i, channels));
        sum = r == 0 ? part : vector_add(sum, part);
      }
      put(y + cell * channels, i, channels, vector_div(sum, cells));
    }
}

static void average_pool_backward(const cnn__pool_run *run, const float *dy, float *dx) {
  const size_t channels = run->channels;
  const vector cells = vector_set((float)(run->rows * run->columns));
  for (size_t cell = 0; cell < run->cells; cell++)
    for (size_t i = 0; i < channels; i += VECTOR_WIDTH) {
      const vector share = vector_div(get(dy + cell * channels, i, channels), cells);
      for (size_t r = 0; r < run->rows; r++)
        for (size_t c = 0; c < run->columns; c++) {
          float *to = dx + cell * run->step + r * run->row + c * channels;
          put(to, i, channels, run->accumulate ? vector_add(get(to, i, channels), share) : share);
        }
    }
}

static void fill_pooling(cnn__pooling_kernels *table) {
  *table = (cnn__pooling_kernels){
      .max_pool = max_pool,
      .max_pool_backward = max_pool_backward,
      .average_pool = average_pool,
      .average_pool_backward = average_pool_backward,
  };
}
