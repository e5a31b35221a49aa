/* Checked arithmetic: sizes are checked before they are multiplied. */
#ifndef CNN_BASE_SIZE_H
#define CNN_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False, and *out untouched, where the result does not fit. */
static inline bool cnn__size_mul(size_t a, size_t b, size_t *out) {
  return !__builtin_mul_overflow(a, b, out);
}
static inline bool cnn__size_add(size_t a, size_t b, size_t *out) {
  return !__builtin_add_overflow(a, b, out);
}
/* The next multiple of step (a power of two). */
static inline bool cnn__size_round_up(size_t value, size_t step, size_t *out) {
  size_t sum;
  if (!cnn__size_add(value, step - 1, &sum)) return false;
  *out = sum & ~(step - 1);
  return true;
}
static inline size_t cnn__size_min(size_t a, size_t b) {
  return a < b ? a : b;
}
static inline size_t cnn__size_max(size_t a, size_t b) {
  return a > b ? a : b;
}
static inline size_t cnn__size_ceil_div(size_t a, size_t b) {
  return a / b + (a % b != 0);
}
/* The size of parts of nearly the same size, at most most (> 0) each, that make up all. */
static inline size_t cnn__size_even_part(size_t all, size_t most) {
  return all <= most ? all : cnn__size_ceil_div(all, cnn__size_ceil_div(all, most));
}

#endif
