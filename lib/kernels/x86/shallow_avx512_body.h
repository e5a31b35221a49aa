/* The first layer's gradient where neighbours are three floats apart, as RGB's are: a window's upper two cells are
   the ends of four floats, as are its lower two. A permutation of two registers picks each channel's winner, with
   nothing to transpose beforehand. Behind kernels/convolution/shallow_body.h. */

static inline vector four_of(const float *x) {
  return _mm512_broadcast_f32x4(_mm_loadu_ps(x));
}

/* Codes 0 to 3 become places in two registers that repeat four floats each. */
static inline vector_int place_of(vector_int code) {
  const vector_int end = _mm512_and_si512(code, _mm512_set1_epi32(1));
  const vector_int lower = _mm512_and_si512(code, _mm512_set1_epi32(2));
  return _mm512_or_si512(_mm512_slli_epi32(lower, 3),
                         _mm512_or_si512(end, _mm512_slli_epi32(end, 1)));
}

/* count taps side by side for some vectors of channels from the given one on: constants both. */
INLINE_CONSTANTS void picked_taps(const cnn__shallow_row *row, const shallow_gradients *of,
                                  size_t first, const float *x, size_t count, size_t vectors,
                                  float *dw, size_t dw_row) {
  const size_t left = of->channels - first * VECTOR_WIDTH;
  float *to = dw + first * VECTOR_WIDTH;
  vector sum[2][GRADIENT_TAPS];
  for (size_t v = 0; v < vectors; v++) {
    WRITTEN_OUT
    for (size_t t = 0; t < count; t++)
      sum[v][t] = get(to + t * dw_row + v * VECTOR_WIDTH, left - v * VECTOR_WIDTH);
  }
  for (size_t window = 0; window < of->windows; window++, x += 2 * row->right) {
    WRITTEN_OUT
    for (size_t t = 0; t < count; t++) {
      const vector upper = four_of(x + t), lower = four_of(x + row->down + t);
      WRITTEN_OUT
      for (size_t v = 0; v < vectors; v++)
        sum[v][t] = vector_fma(_mm512_permutex2var_ps(upper, of->choice[first + v][window], lower),
                               of->gradient[first + v][window], sum[v][t]);
    }
  }
  for (size_t v = 0; v < vectors; v++) {
    WRITTEN_OUT
    for (size_t t = 0; t < count; t++)
      put(to + t * dw_row + v * VECTOR_WIDTH, left - v * VECTOR_WIDTH, sum[v][t]);
  }
}

INLINE_CONSTANTS void picked_channels(const cnn__shallow_row *row, const shallow_gradients *of,
                                      const float *x, size_t count, float *dw, size_t dw_row) {
  const size_t vectors = (of->channels + VECTOR_WIDTH - 1) / VECTOR_WIDTH;
  size_t v = 0;
  for (; v + 2 <= vectors; v += 2)
    picked_taps(row, of, v, x, count, 2, dw, dw_row);
  if (v < vectors) picked_taps(row, of, v, x, count, 1, dw, dw_row);
}

static void all_taps_picked(const cnn__shallow_row *row, shallow_gradients *of, const float *x,
                            float *dw, size_t dw_row) {
  for (size_t v = 0; v * VECTOR_WIDTH < of->channels; v++)
    for (size_t window = 0; window < of->windows; window++)
      of->choice[v][window] = place_of(of->choice[v][window]);
  for (size_t r = 0; r < row->kernel_rows; r++, x += row->kernel_step) {
    size_t e = 0;
    for (; e + 9 <= row->run; e += 9, dw += 9 * dw_row)
      picked_channels(row, of, x + e, 9, dw, dw_row);
    for (; e < row->run; e += 3, dw += 3 * dw_row)
      picked_channels(row, of, x + e, 3, dw, dw_row);
  }
}

static void shallow_gradient_picked(const cnn__shallow_row *row, const float *x, const float *dy,
                                    const uint8_t *codes, float *dw, size_t dw_row, float *sums) {
  const bool apart = row->right == 3 && row->run % 3 == 0;
  gradient_blocks(row, x, dy, codes, dw, dw_row, sums, apart ? all_taps_picked : all_taps);
}
