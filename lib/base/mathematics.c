#include "base/mathematics.h"
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* What libm is used for here (fma, sqrt, floor, frexp, ldexp) is exact or correctly rounded by
   definition. Everything else is polynomials: Taylor's, long enough that what they leave out is
   below half a unit in the last place of the reduced argument's range. */

/* An unevaluated sum, low being below half a unit in the last place of high (T. J. Dekker, "A
   floating-point technique for extending the available precision", 1971). */
typedef struct pair {
  double high, low;
} pair;

/* a + b exactly, |a| >= |b|. */
static pair sum_ordered(double a, double b) {
  double sum = a + b;
  return (pair){sum, b - (sum - a)};
}

/* a + b exactly (D. E. Knuth). */
static pair sum_exact(double a, double b) {
  double sum = a + b, part = sum - a;
  return (pair){sum, (a - (sum - part)) + (b - part)};
}

static pair pair_add(pair a, pair b) {
  pair sum = sum_exact(a.high, b.high);
  return sum_ordered(sum.high, sum.low + (a.low + b.low));
}

static pair pair_multiply(pair a, pair b) {
  double product = a.high * b.high;
  double error = fma(a.high, b.high, -product) + (a.high * b.low + a.low * b.high);
  return sum_ordered(product, error);
}

/* coefficients[0] + x * coefficients[1] + ..., Horner's scheme. */
static double polynomial(double x, const double *coefficients, int count) {
  double sum = coefficients[count - 1];
  for (int i = count - 2; i >= 0; i--)
    sum = fma(sum, x, coefficients[i]);
  return sum;
}

static double nearest_integer(double x) {
  return floor(x + 0.5);
}

/* ---- sine and cosine ---- */

/* pi/2 in pieces of 33 bits and a last one of 53: their products with integers below 2^20 are
   exact. */
static const double half_pi[4] = {0x1.921fb54400000p+0, 0x1.0b4611a600000p-34,
                                  0x1.3198a2e000000p-69, 0x1.b839a252049c1p-104};
static const double two_over_pi = 0x1.45f306dc9c883p-1;

/* x less the nearest multiple of pi/2, and that multiple's number modulo 4. */
static pair reduce(double x, unsigned *quadrant) {
  double n = nearest_integer(x * two_over_pi);
  pair rest = {x, 0};
  for (int i = 0; i < 4; i++)
    rest = pair_add(rest, (pair){-n * half_pi[i], 0});
  *quadrant = (unsigned)(int64_t)n & 3;
  return rest;
}

/* |r| <= pi/4 and a little. */
static double sine(pair r) {
  static const double c[8] = {
      -1. / 6,        1. / 120,        -1. / 5040,          1. / 362880,
      -1. / 39916800, 1. / 6227020800, -1. / 1307674368000, 1. / 355687428096000};
  double square = r.high * r.high;
  /* sin(high + low) = sin(high) + low cos(high) */
  double rest = r.high * square * polynomial(square, c, 8) + r.low * (1 - 0.5 * square);
  return r.high + rest;
}

static double cosine(pair r) {
  static const double c[7] = {1. / 24,        -1. / 720,         1. / 40320,         -1. / 3628800,
                              1. / 479001600, -1. / 87178291200, 1. / 20922789888000};
  double square = r.high * r.high, half = 0.5 * square, high = 1 - half;
  double low = (1 - high) - half; /* what the subtraction lost */
  return high + (low + (square * square * polynomial(square, c, 7) - r.high * r.low));
}

static double in_quadrant(unsigned quadrant, pair r) {
  double value = (quadrant & 1) ? cosine(r) : sine(r);
  return (quadrant & 2) ? -value : value;
}

static const double largest_angle = 0x1p20;

double cnn__sin(double x) {
  if (!(fabs(x) <= largest_angle)) return NAN;
  if (x == 0) return x;
  unsigned quadrant;
  pair r = reduce(x, &quadrant);
  return in_quadrant(quadrant, r);
}

double cnn__cos(double x) {
  if (!(fabs(x) <= largest_angle)) return NAN;
  unsigned quadrant;
  pair r = reduce(x, &quadrant);
  return in_quadrant(quadrant + 1, r);
}

/* ---- exponential and logarithm ---- */

/* ln 2 in two pieces of 40 bits and one of 53: products with exponents are exact. */
static const double ln2[3] = {0x1.62e42fefa2000p-1, 0x1.9ef35793c6000p-41, 0x1.673007e5ed5e8p-81};
static const double one_over_ln2 = 0x1.71547652b82fep+0;

/* e to the power of x.high + x.low. */
static double exponential(pair x) {
  static const double c[12] = {1. / 2,       1. / 6,        1. / 24,        1. / 120,
                               1. / 720,     1. / 5040,     1. / 40320,     1. / 362880,
                               1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800};
  if (x.high > 710) return INFINITY;
  if (x.high < -746) return 0;
  double n = nearest_integer(x.high * one_over_ln2);
  pair r = pair_add((pair){-n * ln2[0], 0}, x);
  r = pair_add(r, (pair){-n * ln2[1], 0});
  double rest = r.high * r.high * polynomial(r.high, c, 12);
  double value = 1 + (r.high + (rest + r.low * (1 + r.high)));
  return ldexp(value, (int)n);
}

/* ln x of a positive finite x: x = 2^n m with m near 1, and ln m = 2 artanh((m - 1) / (m + 1)). */
static pair logarithm(double x) {
  static const double c[10] = {2. / 5,  2. / 7,  2. / 9,  2. / 11, 2. / 13,
                               2. / 15, 2. / 17, 2. / 19, 2. / 21, 2. / 23};
  static const pair two_thirds = {0x1.5555555555555p-1, 0x1.5555555555555p-55};
  int n;
  double m = frexp(x, &n);
  if (m < 0x1.6a09e667f3bcdp-1) { /* the root of 1/2 */
    m *= 2;
    n--;
  }
  pair above = {m - 1, 0}, below = sum_ordered(2, m - 1);
  pair s;
  s.high = above.high / below.high;
  s.low = (fma(-s.high, below.high, above.high) - s.high * below.low) / below.high;
  pair square = pair_multiply(s, s), cube = pair_multiply(square, s);
  pair sum = pair_multiply(cube, two_thirds);
  sum.low += cube.high * square.high * polynomial(square.high, c, 10);
  sum = pair_add((pair){2 * s.high, 2 * s.low}, sum);
  sum = pair_add((pair){n * ln2[1], n * ln2[2]}, sum);
  return pair_add((pair){n * ln2[0], 0}, sum);
}

double cnn__exp(double x) {
  if (isnan(x)) return x;
  return exponential((pair){x, 0});
}

double cnn__log(double x) {
  if (isnan(x) || x < 0) return NAN;
  if (x == 0) return -INFINITY;
  if (isinf(x)) return x;
  pair result = logarithm(x);
  return result.high + result.low;
}

/* Where x is 0 or infinite, or y is infinite: to one end or the other. */
static double power_at_limits(double x, double y) {
  bool grows = (x > 1) == (y > 0);
  return grows ? INFINITY : 0;
}

double cnn__pow(double x, double y) {
  if (y == 0 || x == 1) return 1;
  if (isnan(x) || isnan(y) || x < 0) return NAN;
  if (x == 0 || isinf(x) || isinf(y)) return power_at_limits(x, y);
  pair log = logarithm(x);
  double product = y * log.high;
  if (fabs(product) > 800) return product > 0 ? INFINITY : 0;
  return exponential(sum_ordered(product, fma(y, log.high, -product) + y * log.low));
}
