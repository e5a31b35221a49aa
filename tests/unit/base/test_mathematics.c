#include "base/mathematics.h"
#include "base/random.h"
#include "support.h"
#include <float.h>
#include <math.h>
#include <stdio.h>

/* The bounds are tighter than what the header promises; libm's long double is the judge. */

/* Units in the last place of what it should be, as a double. */
static double ulps(double value, long double right) {
  if ((long double)value == right) return 0;
  if (fabsl(right) >= 0x1.fffffffffffff8p1023L) return isinf(value) ? 0 : INFINITY;
  int exponent;
  (void)frexpl(right, &exponent);
  if (exponent < DBL_MIN_EXP) exponent = DBL_MIN_EXP;
  return (double)(fabsl((long double)value - right) / ldexpl(1, exponent - DBL_MANT_DIG));
}

static double worst;

static void compare(double value, long double right) {
  double error = ulps(value, right);
  if (!(error <= worst)) worst = error;
}

static void assert_within(const char *name, double bound) {
  double found = worst;
  worst = 0;
  print_message("%s: at most %.3f units in the last place\n", name, found);
  if (!(found <= bound)) fail_msg("%s: over %.3f units", name, bound);
}

enum { POINTS = 300000 };

static cnn__random start(uint64_t a) {
  cnn__random random;
  cnn__random_start(&random, 11, CNN__PURPOSE_SYNTHETIC, a, 0);
  return random;
}

static void test_sine_and_cosine_are_within_one_ulp(void **state) {
  cnn__random random = start(1);
  for (int i = 0; i < POINTS; i++) {
    double x = cnn__random_range(&random, -8, 8);
    if (i % 3 == 0) x *= 0x1p17;
    if (i % 3 == 1) x = ldexp(x, -(i % 60));
    compare(cnn__sin(x), sinl(x));
    compare(cnn__cos(x), cosl(x));
  }
  /* Next to multiples of pi/2, where almost everything cancels. */
  for (int k = 1; k < 600000; k += 7) {
    double x = (double)(k * 1.57079632679489661923132169163975144L);
    compare(cnn__sin(x), sinl(x));
    compare(cnn__cos(x), cosl(x));
  }
  assert_within("sine and cosine", 1);
}

static void test_sine_and_cosine_at_their_ends(void **state) {
  assert_true(cnn__sin(0) == 0 && !signbit(cnn__sin(0)));
  assert_true(signbit(cnn__sin(-0.0)));
  assert_true(cnn__cos(0) == 1);
  assert_true(cnn__sin(5e-324) == 5e-324);
  compare(cnn__sin(0x1p20), sinl(0x1p20L));
  compare(cnn__cos(-0x1p20), cosl(0x1p20L));
  assert_within("at 2^20", 1);
  const double beyond[] = {0x1.0000000000001p20, -0x1p21, INFINITY, -INFINITY, NAN};
  for (int i = 0; i < 5; i++)
    assert_true(isnan(cnn__sin(beyond[i])) && isnan(cnn__cos(beyond[i])));
}

static void test_exponential_is_within_one_ulp(void **state) {
  cnn__random random = start(2);
  for (int i = 0; i < POINTS; i++) {
    double x = cnn__random_range(&random, -745.2, 709.8);
    if (i % 2) x = ldexp(x, -(i % 70));
    compare(cnn__exp(x), expl(x));
  }
  assert_within("exponential", 1);
  assert_true(cnn__exp(0) == 1);
  assert_true(cnn__exp(710) == INFINITY && cnn__exp(INFINITY) == INFINITY);
  assert_true(isfinite(cnn__exp(709.78)) && cnn__exp(709.79) == INFINITY);
  assert_true(cnn__exp(-745) == 5e-324 && cnn__exp(-746.5) == 0 && cnn__exp(-INFINITY) == 0);
  assert_true(isnan(cnn__exp(NAN)));
}

static void test_logarithm_is_within_one_ulp(void **state) {
  cnn__random random = start(3);
  for (int i = 0; i < POINTS; i++) {
    double x = cnn__random_range(&random, 0.25, 4);
    if (i % 3 == 0) x = ldexp(x, (int)cnn__random_below(&random, 2090) - 1072);
    if (i % 3 == 1) x = 1 + ldexp(x - 2, -(i % 50));
    if (x > 0) compare(cnn__log(x), logl(x));
  }
  compare(cnn__log(5e-324), logl(5e-324));
  compare(cnn__log(DBL_MAX), logl(DBL_MAX));
  assert_within("logarithm", 1);
  assert_true(cnn__log(1) == 0);
  assert_true(cnn__log(0) == -INFINITY && cnn__log(INFINITY) == INFINITY);
  assert_true(isnan(cnn__log(-1)) && isnan(cnn__log(NAN)) && isnan(cnn__log(-INFINITY)));
}

static void test_power_is_within_one_ulp(void **state) {
  cnn__random random = start(4);
  for (int i = 0; i < POINTS; i++) {
    double x = cnn__random_range(&random, 0, 4), y = cnn__random_range(&random, -30, 30);
    if (i % 3 == 0) { /* near overflow and underflow, where errors grow most */
      x = cnn__random_range(&random, 1e-3, 1e3);
      y = cnn__random_range(&random, -1070, 1020) / log2(x);
    }
    if (i % 3 == 1) y = floor(y);
    if (x > 0) compare(cnn__pow(x, y), powl(x, y));
  }
  assert_within("power", 1);
}

static void test_power_at_its_ends(void **state) {
  const double values[] = {0, 0.5, 1, 2, INFINITY, 5e-324, DBL_MAX};
  const double exponents[] = {0, -0.0, 1, -1, 0.5, INFINITY, -INFINITY, 1e300, -1e300, 1e-300};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
    for (size_t k = 0; k < sizeof exponents / sizeof exponents[0]; k++)
      compare(cnn__pow(values[i], exponents[k]), powl(values[i], exponents[k]));
  assert_within("power at its ends", 1);
  assert_true(cnn__pow(NAN, 0) == 1 && cnn__pow(1, NAN) == 1);
  assert_true(isnan(cnn__pow(NAN, 1)) && isnan(cnn__pow(2, NAN)) && isnan(cnn__pow(-1, 2)));
}

static void mix(uint64_t *hash, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  for (int i = 0; i < 64; i += 8)
    *hash = (*hash ^ (bits >> i & 255)) * UINT64_C(0x100000001b3);
}

/* Stored numbers depend on these bits: no machine, compiler or release may change them. */
static void test_the_bits_are_frozen(void **state) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  cnn__random random;
  cnn__random_start(&random, 12, CNN__PURPOSE_SYNTHETIC, 0, 0);
  for (int i = 0; i < 20000; i++) {
    double x = cnn__random_range(&random, -700, 700);
    mix(&hash, cnn__sin(x));
    mix(&hash, cnn__cos(x));
    mix(&hash, cnn__exp(x));
    mix(&hash, cnn__log(fabs(x)));
    mix(&hash, cnn__pow(fabs(x), cnn__random_range(&random, -9, 9)));
    mix(&hash, cnn__random_normal(&random));
  }
  assert_int_equal(hash, UINT64_C(0xcc7cf79b5ae9a0fc));
}

int main(void) {
  if (LDBL_MANT_DIG <= DBL_MANT_DIG) {
    print_message("skipped: long double is no wider than double here\n");
    return 77;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sine_and_cosine_are_within_one_ulp),
      cmocka_unit_test(test_sine_and_cosine_at_their_ends),
      cmocka_unit_test(test_exponential_is_within_one_ulp),
      cmocka_unit_test(test_logarithm_is_within_one_ulp),
      cmocka_unit_test(test_power_is_within_one_ulp),
      cmocka_unit_test(test_power_at_its_ends),
      cmocka_unit_test(test_the_bits_are_frozen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
