/* Ticks stand at round numbers, a few of them, and their text is exact. */
#include "plot/axes.h"
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_ticks(double low, double high, bool whole, const char *expected) {
  cnn__axis axis;
  char all[512] = "", text[CNN__TICK_TEXT];
  cnn__axis_fit(&axis, low, high, 6, true, whole);
  for (int64_t i = axis.first; i <= axis.last; i++) {
    cnn__axis_text(&axis, i, text);
    strcat(strcat(all, *all ? " " : ""), text);
  }
  assert_string_equal(all, expected);
}

static void test_ticks_are_round_and_cover_the_range(void **state) {
  (void)state;
  assert_ticks(0, 1, false, "0.0 0.2 0.4 0.6 0.8 1.0");
  assert_ticks(.42, .78, false, "0.4 0.5 0.6 0.7 0.8");
  assert_ticks(.431, .438, false, "0.430 0.432 0.434 0.436 0.438");
  assert_ticks(-3, 4, false,
               "\xe2\x88\x92"
               "4 \xe2\x88\x92"
               "2 0 2 4");
  assert_ticks(0, 12345, false, "0 5000 10000 15000");
  assert_ticks(2e8, 9e8, false, "2e8 4e8 6e8 8e8 10e8");
  assert_ticks(1, 3, true, "1 2 3");
  assert_ticks(1, 200, true, "0 50 100 150 200");
}

static void test_a_limit_on_a_tick_stays_there(void **state) {
  (void)state;
  assert_ticks(.1, .3, false, "0.10 0.15 0.20 0.25 0.30");
  assert_ticks(.1 + .2, .7, false, "0.3 0.4 0.5 0.6 0.7");
}

static void test_equal_limits_get_room_about_them(void **state) {
  (void)state;
  assert_ticks(.5, .5, false, "0.44 0.46 0.48 0.50 0.52 0.54 0.56");
  assert_ticks(0, 0, false,
               "\xe2\x88\x92"
               "0.6 \xe2\x88\x92"
               "0.4 \xe2\x88\x92"
               "0.2 0.0 0.2 0.4 0.6");
}

static void test_any_finite_range_has_a_few_ticks(void **state) {
  (void)state;
  static const double limits[] = {0,      DBL_MIN,   -DBL_MIN, 1e-300,   1e-9,
                                  1,      1 + 1e-15, 1e15,     -1e-15,   1e100,
                                  -1e100, 1e300,     DBL_MAX,  -DBL_MAX, 123456789};
  const size_t count = sizeof limits / sizeof *limits;
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < count; j++) {
      cnn__axis axis;
      double low = fmin(limits[i], limits[j]), high = fmax(limits[i], limits[j]);
      char text[CNN__TICK_TEXT];
      cnn__axis_fit(&axis, low, high, 6, true, false);
      assert_true(axis.low < axis.high);
      assert_in_range(axis.last - axis.first, 1, 8);
      assert_true(isfinite(cnn__axis_tick(&axis, axis.first)));
      assert_true(isfinite(cnn__axis_tick(&axis, axis.last)));
      for (int64_t tick = axis.first; tick <= axis.last; tick++) {
        cnn__axis_text(&axis, tick, text);
        assert_true(strlen(text) < CNN__TICK_TEXT);
      }
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ticks_are_round_and_cover_the_range),
      cmocka_unit_test(test_a_limit_on_a_tick_stays_there),
      cmocka_unit_test(test_equal_limits_get_room_about_them),
      cmocka_unit_test(test_any_finite_range_has_a_few_ticks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
