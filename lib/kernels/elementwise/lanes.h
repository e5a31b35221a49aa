/* What the bodies of this family share, in terms of the vector abstraction that was included
   before: ragged ends, the virtual vector of 16 lanes, sums in float64. */
#ifndef CNN_KERNELS_ELEMENTWISE_LANES_H
#define CNN_KERNELS_ELEMENTWISE_LANES_H

#include "kernels/fill.h"
#include <math.h>

enum { LANES = 16, VECTORS = LANES / VECTOR_WIDTH, HALVES = VECTOR_WIDTH / VECTOR_DOUBLE_WIDTH };

/* The vector that begins at element i of count; what is missing loads as 0 and is not stored. */
INLINE_CONSTANTS vector get(const float *x, size_t i, size_t count) {
  if (count >= VECTOR_WIDTH && i <= count - VECTOR_WIDTH) return vector_load(x + i);
  return i < count ? vector_load_tail(x + i, count - i) : vector_zero();
}
INLINE_CONSTANTS void put(float *y, size_t i, size_t count, vector value) {
  if (count >= VECTOR_WIDTH && i <= count - VECTOR_WIDTH)
    vector_store(y + i, value);
  else if (i < count)
    vector_store_tail(y + i, count - i, value);
}
INLINE_CONSTANTS vector_int get_int(const uint32_t *x, size_t i, size_t count) {
  if (count >= VECTOR_WIDTH && i <= count - VECTOR_WIDTH) return vector_int_load(x + i);
  return i < count ? vector_int_load_tail(x + i, count - i) : vector_int_set(0);
}
INLINE_CONSTANTS void put_int(uint32_t *y, size_t i, size_t count, vector_int value) {
  if (count >= VECTOR_WIDTH && i <= count - VECTOR_WIDTH)
    vector_int_store(y + i, value);
  else if (i < count)
    vector_int_store_tail(y + i, count - i, value);
}
/* The lanes of that vector that are elements. */
INLINE_CONSTANTS vector_mask present(size_t i, size_t count) {
  const size_t left = i < count ? count - i : 0;
  return vector_mask_first(left < VECTOR_WIDTH ? left : VECTOR_WIDTH);
}

/* Lane l += lane l + 8, 4, 2, 1. */
static inline float sum_lanes(const vector lanes[VECTORS]) {
  float lane[LANES];
  for (size_t i = 0; i < VECTORS; i++)
    vector_store(lane + i * VECTOR_WIDTH, lanes[i]);
  for (size_t width = LANES / 2; width; width /= 2)
    for (size_t i = 0; i < width; i++)
      lane[i] += lane[i + width];
  return lane[0];
}
static inline float max_lanes(const vector lanes[VECTORS]) {
  float lane[LANES];
  for (size_t i = 0; i < VECTORS; i++)
    vector_store(lane + i * VECTOR_WIDTH, lanes[i]);
  for (size_t width = LANES / 2; width; width /= 2)
    for (size_t i = 0; i < width; i++)
      lane[i] = lane[i + width] > lane[i] ? lane[i + width] : lane[i];
  return lane[0];
}

/* NaN is passed over: exp(NaN - max) makes it felt. Minus infinity where n is 0. */
static inline float row_max(size_t n, const float *x) {
  const vector lowest = vector_set(-INFINITY);
  vector lanes[VECTORS];
  for (size_t v = 0; v < VECTORS; v++)
    lanes[v] = lowest;
  for (size_t i = 0; i < n; i += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t at = i + v * VECTOR_WIDTH;
      const vector value = vector_select(present(at, n), get(x, at, n), lowest);
      lanes[v] = vector_max(value, lanes[v]);
    }
  return max_lanes(lanes);
}

/* As many doubles as a vector has floats. */
typedef struct doubles {
  vector_double half[HALVES];
} doubles;

static inline doubles doubles_of(vector x) {
  doubles result;
  result.half[0] = vector_double_low(x);
  if (HALVES > 1) result.half[HALVES - 1] = vector_double_high(x);
  return result;
}
static inline doubles doubles_zero(void) {
  return doubles_of(vector_zero());
}
static inline doubles doubles_load(const double *from) {
  doubles result;
  for (size_t h = 0; h < HALVES; h++)
    result.half[h] = vector_double_load(from + h * VECTOR_DOUBLE_WIDTH);
  return result;
}
static inline void doubles_store(double *to, doubles x) {
  for (size_t h = 0; h < HALVES; h++)
    vector_double_store(to + h * VECTOR_DOUBLE_WIDTH, x.half[h]);
}
static inline doubles doubles_add(doubles a, doubles b) {
  for (size_t h = 0; h < HALVES; h++)
    a.half[h] = vector_double_add(a.half[h], b.half[h]);
  return a;
}
/* sum + a * b for products of two floats: they are exact, so that nothing is rounded but the sum,
   with a fused multiply-add or without. */
static inline doubles doubles_add_product(doubles sum, doubles a, doubles b) {
  for (size_t h = 0; h < HALVES; h++)
    sum.half[h] = vector_double_fma(a.half[h], b.half[h], sum.half[h]);
  return sum;
}
static inline double sum_double_lanes(const doubles lanes[VECTORS]) {
  double lane[LANES];
  for (size_t i = 0; i < VECTORS; i++)
    doubles_store(lane + i * VECTOR_WIDTH, lanes[i]);
  for (size_t width = LANES / 2; width; width /= 2)
    for (size_t i = 0; i < width; i++)
      lane[i] += lane[i + width];
  return lane[0];
}

#endif
