/* Exact decimal numbers, the way between text and binary: every double has a finite decimal
   expansion, and every decimal number of up to 800 digits fits here. */
#ifndef CNN_BASE_DECIMAL_H
#define CNN_BASE_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

enum { CNN__DECIMAL_DIGITS = 800 };

/* 0.d1d2d3... times 10^exponent, digits as '0' to '9', neither the first nor the last one '0'.
   count is 0 for zero. */
typedef struct cnn__decimal {
  int count, exponent;
  char digits[CNN__DECIMAL_DIGITS];
} cnn__decimal;

/* The exact value of a finite double, its sign aside. */
void cnn__decimal_of(double value, cnn__decimal *decimal);

/* Rounds to count digits (0 and fewer: to 0, or to 1 in the place before), ties to even. */
void cnn__decimal_round(cnn__decimal *decimal, int count);

/* For both ways to a double, which take what a step may be at most. */
static inline int cnn__decimal_step(int left, int most) {
  return left < most ? left : most;
}

/* Whether its double is found in a few steps: up to 19 digits, the last of them at most 27 places from the point. */
bool cnn__decimal_is_short(const cnn__decimal *decimal);
/* Such a number's, which is not 0. */
double cnn__decimal_short_to_double(const cnn__decimal *decimal);

/* The nearest double, or the nearest float, ties to even; infinity where it is beyond. */
double cnn__decimal_to_double(const cnn__decimal *decimal, bool single);

#endif
