#include "base/decimal.h"
#include "base/number.h"
#include "base/random.h"
#include "support.h"
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>

static bool hard; /* whether the last number took long */

/* The C library in the C locale, which these programs start in, is correctly rounded: the judge. */

static double random_double(cnn__random *random) {
  for (;;) {
    uint64_t bits = (uint64_t)cnn__random_u32(random) << 32;
    bits |= cnn__random_u32(random);
    double value;
    memcpy(&value, &bits, sizeof value);
    if (isfinite(value)) return value;
  }
}

static cnn__random start(uint64_t a) {
  cnn__random random;
  cnn__random_start(&random, 5, CNN__PURPOSE_SYNTHETIC, a, 0);
  return random;
}

static void compare_format(char style, int digits, double value) {
  char right[512], text[512];
  int length = style == 'f'   ? snprintf(right, sizeof right, "%.*f", digits, value)
               : style == 'e' ? snprintf(right, sizeof right, "%.*e", digits, value)
                              : snprintf(right, sizeof right, "%.*g", digits, value);
  assert_true(length < 512);
  assert_string_equal(cnn__number_format(text, sizeof text, style, digits, value), right);
}

static void test_formats_equal_printf(void **state) {
  cnn__random random = start(1);
  for (int i = 0; i < 60000; i++) {
    double value = random_double(&random);
    int digits = (int)cnn__random_below(&random, 25);
    compare_format('e', digits, value);
    compare_format('g', digits, value);
    value = ldexp(value, -ilogb(value) + (int)cnn__random_below(&random, 100) - 60);
    if (fabs(value) < 1e15) compare_format('f', digits, value);
    compare_format('g', digits, value);
  }
}

static void test_formats_equal_printf_at_ties_and_ends(void **state) {
  const double values[] = {
      0,    -0.0, 0.5,    1.5,      2.5,   0.25,    0.125,   0.375,
      9.5,  99.5, 0.05,   0.95,     0.995, 9.995,   1e15,    999999.5,
      1e-4, 1e-5, 0.0001, 12345678, 1e22,  DBL_MAX, DBL_MIN, 5e-324,
      -2.5, 1,    10,     100,      0.1,   1. / 3,  1e-300,  999999999999999.9};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
    for (int digits = 0; digits < 20; digits++) {
      compare_format('e', digits, values[i]);
      compare_format('g', digits, values[i]);
      if (fabs(values[i]) < 1e15) compare_format('f', digits, values[i]);
    }
}

static void test_what_is_not_finite_and_what_does_not_fit(void **state) {
  char text[64];
  assert_string_equal(cnn__number_format(text, sizeof text, 'f', 2, NAN), "nan");
  assert_string_equal(cnn__number_format(text, sizeof text, 'f', 2, -NAN), "nan");
  assert_string_equal(cnn__number_format(text, sizeof text, 'g', 2, INFINITY), "inf");
  assert_string_equal(cnn__number_format(text, sizeof text, 'e', 2, -INFINITY), "-inf");
  assert_string_equal(cnn__number_shortest(text, sizeof text, -INFINITY, false), "-inf");
  assert_string_equal(cnn__number_format(text, sizeof text, 'f', 2, 1e15), "1.00e+15");
  assert_string_equal(cnn__number_format(text, 5, 'f', 6, 3.14159), "3.14");
  assert_string_equal(cnn__number_format(text, 1, 'f', 6, 3.14159), "");
  text[0] = 'x';
  cnn__number_format(text, 0, 'f', 6, 3.14159);
  assert_int_equal(text[0], 'x');
}

/* Without the zeros that only place the point. */
static int significant_digits(const char *text) {
  int digits = 0, zeros = 0;
  for (; *text && *text != 'e'; text++) {
    if (*text < '0' || *text > '9' || (*text == '0' && digits == 0)) continue;
    zeros = *text == '0' ? zeros + 1 : 0;
    digits++;
  }
  return digits - zeros;
}

static void test_shortest_reads_back_and_is_shortest(void **state) {
  cnn__random random = start(2);
  for (int i = 0; i < 20000; i++) {
    double value = random_double(&random), read;
    char text[32], fewer[32];
    cnn__number_shortest(text, sizeof text, value, false);
    assert_true(strtod(text, NULL) == value);
    assert_true(cnn__number_parse(text, strlen(text), &read, &hard) && read == value);
    int digits = significant_digits(text);
    if (digits > 1) {
      (void)snprintf(fewer, sizeof fewer, "%.*e", digits - 2, value);
      assert_true(strtod(fewer, NULL) != value);
    }
    float narrow = (float)ldexp(value, -ilogb(value) + (int)cnn__random_below(&random, 270) - 148);
    cnn__number_shortest(text, sizeof text, (double)narrow, true);
    assert_true(strtof(text, NULL) == narrow);
    assert_true((float)strtod(text, NULL) == narrow);
    assert_true(significant_digits(text) <= 9);
  }
}

static void test_shortest_looks_as_expected(void **state) {
  static const struct {
    double value;
    bool single;
    const char *text;
  } cases[] = {{0, false, "0"},
               {-0.0, false, "-0"},
               {1, false, "1"},
               {-0.1, false, "-0.1"},

               {(double)0.1f, true, "0.1"},
               {100, false, "100"},
               {1e16, false, "1e+16"},
               {1234567890123456, false, "1234567890123456"},
               {0.0001, false, "0.0001"},
               {0.00001, false, "1e-05"},
               {5e-324, false, "5e-324"},
               {DBL_MAX, false, "1.7976931348623157e+308"},
               {1. / 3, false, "0.3333333333333333"},
               {(double)FLT_MAX, true, "3.4028235e+38"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[32];
    assert_string_equal(cnn__number_shortest(text, sizeof text, cases[i].value, cases[i].single),
                        cases[i].text);
  }
}

static void compare_parse(const char *text) {
  double right = strtod(text, NULL), value = 0;
  bool fine = cnn__number_parse(text, strlen(text), &value, &hard);
  assert_int_equal(fine, isfinite(right));
  if (fine && memcmp(&value, &right, sizeof value) != 0)
    fail_msg("%s read as %a, not as %a", text, value, right);
}

static void test_parsing_equals_strtod(void **state) {
  cnn__random random = start(3);
  for (int i = 0; i < 60000; i++) {
    double value = random_double(&random);
    char text[1200];
    (void)snprintf(text, sizeof text, "%.*e", (int)cnn__random_below(&random, 30), value);
    compare_parse(text);
    (void)snprintf(text, sizeof text, "%.*f", (int)cnn__random_below(&random, 12),
                   ldexp(value, -ilogb(value) + (int)cnn__random_below(&random, 200) - 100));
    compare_parse(text);
  }
}

/* The numbers that lie just between two doubles, exactly, a little below, and a little above. */
static void test_parsing_halves_equals_strtod(void **state) {
  cnn__random random = start(4);
  for (int i = 0; i < 3000; i++) {
    double low = fabs(random_double(&random));
    if (i % 4 == 0) low = ldexp(low, -ilogb(low) - 1050 - (int)cnn__random_below(&random, 24));
    if (i % 4 == 1) low = floor(ldexp(low, -ilogb(low) + 53));
    double high = nextafter(low, INFINITY);
    if (!isfinite(high) || LDBL_MANT_DIG <= DBL_MANT_DIG) continue;
    long double half = ((long double)low + (long double)high) / 2;
    char text[1300];
    int length = snprintf(text, 1200, "%.1150Lf", half);
    if (length >= 1200) length = snprintf(text, 1200, "%.800Le", half);
    compare_parse(text);
    char *point = strchr(text, 'e');
    if (point) continue;
    text[length] = '1'; /* a little more, far behind what is kept */
    text[length + 1] = 0;
    compare_parse(text);
    (void)snprintf(text, sizeof text, "%.1150Lf", nextafterl(half, 0));
    compare_parse(text);
  }
}

static void test_parsing_extremes(void **state) {
  static const char *const texts[] = {"0",
                                      "-0",
                                      "0.0",
                                      "-0e99999999999999999999",
                                      "1e400",
                                      "-1e309",
                                      "1e-400",
                                      "5e-324",
                                      "2.4e-324",
                                      "2.5e-324",
                                      "1e308",
                                      "1.7976931348623158e308",
                                      "1.7976931348623159e308",
                                      "4.9406564584124654e-324",
                                      "2.2250738585072011e-308",
                                      "0.000000000000000000000000000000000000000000001e45",
                                      "123456789012345678901234567890",
                                      "9007199254740993",
                                      "9007199254740992.9999999999999999999",
                                      "1e22",
                                      "1e23",
                                      "8.5e-5",
                                      "1E5",
                                      "1E+5",
                                      "1e99999999999999999999",
                                      "1e-99999999999999999999"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    compare_parse(texts[i]);
  /* Many digits, and an exponent that takes them back. */
  char text[5000];
  memset(text, '0', sizeof text);
  text[0] = '1';
  memcpy(text + 4000, "e-4000", 7);
  compare_parse(text);
  memset(text, '0', sizeof text);
  text[1] = '.';
  text[4000] = '7';
  memcpy(text + 4001, "e4000", 6);
  compare_parse(text);
}

/* 7.038531e-26 lies so near the middle of two floats that by way of a double it becomes the other one: neither is
   written like that. */
static void test_a_float_reads_back_at_once_and_by_way_of_a_double(void **state) {
  const float near = (float)7.038531e-26,
              floats[] = {nextafterf(near, 0), near, nextafterf(near, 1)};
  for (size_t i = 0; i < 3; i++) {
    char text[64];
    double read;
    cnn__number_shortest(text, sizeof text, (double)floats[i], true);
    assert_string_not_equal(text, "7.038531e-26");
    assert_true(cnn__number_parse(text, strlen(text), &read, &hard));
    assert_true((float)read == floats[i]);
    assert_true(strtof(text, NULL) == floats[i]);
  }
}

static void test_what_no_float_holds_is_infinite_as_one(void **state) {
  const cnn__decimal large = {.count = 1, .exponent = 39, .digits = "4"};
  assert_true(isinf(cnn__decimal_to_double(&large, true)));
  assert_true(cnn__decimal_to_double(&large, false) == 4e38);
}

static void test_what_is_no_number_is_refused(void **state) {
  static const char *const texts[] = {
      "",    "-",   "+1", ".5", "1.",  "01",   "-01",  "1e",    "1e+",      "1.e5", "0x10", "nan",
      "inf", "1,5", " 1", "1 ", "--1", "1..2", "1e5.", "1e1e1", "Infinity", "00",   "1_0"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    double value = 7;
    int64_t integer = 7;
    assert_false(cnn__number_parse(texts[i], strlen(texts[i]), &value, &hard));
    assert_false(cnn__number_parse_integer(texts[i], strlen(texts[i]), &integer));
    assert_true(value == 7 && integer == 7);
  }
  double value;
  assert_true(cnn__number_parse("12345", 3, &value, &hard) && value == 123);
}

static void test_integers_are_exact_to_the_last(void **state) {
  int64_t value;
  assert_true(cnn__number_parse_integer("9223372036854775807", 19, &value) && value == INT64_MAX);
  assert_true(cnn__number_parse_integer("-9223372036854775808", 20, &value) && value == INT64_MIN);
  assert_true(cnn__number_parse_integer("0", 1, &value) && value == 0);
  assert_true(cnn__number_parse_integer("-15", 3, &value) && value == -15);
  assert_false(cnn__number_parse_integer("9223372036854775808", 19, &value));
  assert_false(cnn__number_parse_integer("-9223372036854775809", 20, &value));
  assert_false(cnn__number_parse_integer("99999999999999999999", 20, &value));
  assert_false(cnn__number_parse_integer("1.0", 3, &value));
  assert_false(cnn__number_parse_integer("1e3", 3, &value));
}

static void test_a_comma_locale_changes_nothing(void **state) {
  static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
  bool found = false;
  for (int i = 0; i < 4 && !found; i++)
    found = setlocale(LC_ALL, locales[i]) != NULL;
  if (!found) {
    print_message("skipped: no locale with a decimal comma is installed\n");
    skip();
  }
  char text[32];
  double value;
  assert_string_equal(cnn__number_format(text, sizeof text, 'f', 2, 0.5), "0.50");
  assert_true(cnn__number_parse("0.5", 3, &value, &hard) && value == 0.5);
  assert_non_null(setlocale(LC_ALL, "C"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_formats_equal_printf),
      cmocka_unit_test(test_formats_equal_printf_at_ties_and_ends),
      cmocka_unit_test(test_what_is_not_finite_and_what_does_not_fit),
      cmocka_unit_test(test_shortest_reads_back_and_is_shortest),
      cmocka_unit_test(test_shortest_looks_as_expected),
      cmocka_unit_test(test_parsing_equals_strtod),
      cmocka_unit_test(test_parsing_halves_equals_strtod),
      cmocka_unit_test(test_parsing_extremes),
      cmocka_unit_test(test_a_float_reads_back_at_once_and_by_way_of_a_double),
      cmocka_unit_test(test_what_no_float_holds_is_infinite_as_one),
      cmocka_unit_test(test_what_is_no_number_is_refused),
      cmocka_unit_test(test_integers_are_exact_to_the_last),
      cmocka_unit_test(test_a_comma_locale_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
