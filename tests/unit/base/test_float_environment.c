#include "base/float_environment.h"
#include "base/threads.h"
#include "support.h"
#include <fenv.h>
#include <float.h>

#if defined(__SSE__)
#include <xmmintrin.h>
static void flush_denormals(void) {
  _mm_setcsr(_mm_getcsr() | 0x8040);
}
static unsigned long control(void) {
  return _mm_getcsr();
}
#elif defined(__aarch64__)
static unsigned long control(void) {
  unsigned long value;
  __asm__ volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}
static void flush_denormals(void) {
  __asm__ volatile("msr fpcr, %0" : : "r"(control() | 1 << 24));
}
#else
static void flush_denormals(void) {}
static unsigned long control(void) {
  return 0;
}
#endif

static double third(void) {
  volatile double one = 1, three = 3;
  return one / three;
}

static float halved_smallest(void) {
  volatile float smallest = FLT_MIN, half = 0.5f;
  return smallest * half;
}

static void assert_own(void) {
  assert_int_equal(fegetround(), FE_TONEAREST);
  assert_true(third() == 0x1.5555555555555p-2);
  assert_true(halved_smallest() == FLT_MIN / 2);
}

static void test_entering_sets_and_leaving_gives_back(void **state) {
  fenv_t original;
  assert_int_equal(fegetenv(&original), 0);
  assert_int_equal(fesetround(FE_UPWARD), 0);
  flush_denormals();
  unsigned long before = control();
  cnn__float_environment saved;
  cnn__float_environment_enter(&saved);
  assert_own();
  cnn__float_environment_leave(&saved);
  assert_int_equal(control(), before);
  assert_int_equal(fegetround(), FE_UPWARD);
  assert_true(third() > 0x1.5555555555555p-2);
  assert_int_equal(fesetenv(&original), 0);
}

static void check_in_body(void *argument, size_t task, size_t slot) {
  atomic_int *wrong = argument;
  if (third() != 0x1.5555555555555p-2 || halved_smallest() != FLT_MIN / 2)
    atomic_fetch_add(wrong, 1);
}

static void test_bodies_run_in_it_on_every_thread(void **state) {
  cnn_context *context = cnn_context_new(.threads = 4);
  fenv_t original;
  assert_int_equal(fegetenv(&original), 0);
  assert_int_equal(fesetround(FE_DOWNWARD), 0);
  flush_denormals();
  unsigned long before = control();
  atomic_int wrong = 0;
  cnn__parallel_for(context, 1000, check_in_body, &wrong);
  assert_int_equal(control(), before);
  assert_int_equal(fesetenv(&original), 0);
  assert_int_equal(atomic_load(&wrong), 0);
  cnn_context_free(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_entering_sets_and_leaving_gives_back),
      cmocka_unit_test(test_bodies_run_in_it_on_every_thread),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
