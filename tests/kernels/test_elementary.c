/* The elementary functions of every instruction set against double precision: the largest errors,
   which kernels/elementwise/activation.h and arithmetic.h state. */
#include "kernels/kernels.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t random_state;
static uint32_t random_number(void) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(random_state >> 32);
}

/* Errors are in units of the last place of the true value. */
typedef struct elementary {
  const char *name;
  double low, high;
  double (*exact)(double x);
  void (*run)(const cnn__elementwise_kernels *kernels, size_t count, const float *x, float *y);
  double ulp, sse2_ulp; /* stated bounds */
} elementary;

static double exact_sigmoid(double x) {
  return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}
static double exact_softplus(double x) {
  return fmax(x, 0) + log1p(exp(-fabs(x)));
}
static double exact_gelu(double x) {
  return x * erfc(-x / sqrt(2.0)) / 2;
}

static void try_exp(const cnn__elementwise_kernels *k, size_t n, const float *x, float *y) {
  k->arithmetic.exp(n, x, y);
}
static void try_log(const cnn__elementwise_kernels *k, size_t n, const float *x, float *y) {
  k->arithmetic.log(n, x, y);
}
static void try_tanh(const cnn__elementwise_kernels *k, size_t n, const float *x, float *y) {
  k->activation.tanh.forward(n, 0, x, y);
}
static void try_sigmoid(const cnn__elementwise_kernels *k, size_t n, const float *x, float *y) {
  k->activation.sigmoid.forward(n, 0, x, y);
}
static void try_softplus(const cnn__elementwise_kernels *k, size_t n, const float *x, float *y) {
  k->activation.softplus.forward(n, 0, x, y);
}
static void try_elu(const cnn__elementwise_kernels *k, size_t n, const float *x, float *y) {
  k->activation.elu.forward(n, 1, x, y);
}
static void try_gelu(const cnn__elementwise_kernels *k, size_t n, const float *x, float *y) {
  k->activation.gelu.forward(n, 0, x, y);
}

static const elementary functions[] = {
    {"exp", -104, 89, exp, try_exp, 1.0, 1.5},
    {"log", 0, 3.4e38, log, try_log, 1.0, 1.0},
    {"tanh", -12, 12, tanh, try_tanh, 3.0, 3.0},
    {"sigmoid", -104, 104, exact_sigmoid, try_sigmoid, 2.5, 2.5},
    {"softplus", -104, 104, exact_softplus, try_softplus, 2.0, 2.0},
    {"expm1 (elu)", -104, 0, expm1, try_elu, 1.0, 1.0},
    {"gelu, x > 0", 0, 10, exact_gelu, try_gelu, 1.5, 2.0},
};

static double ulp_of(double x) {
  int exponent;
  frexp(x, &exponent);
  return ldexp(1, exponent < -125 ? -149 : exponent - 24);
}

/* Every size of number is met: half of the tries spread evenly, half by exponent. */
static float try_value(const elementary *f, size_t i) {
  if (i % 2) return (float)(f->low + (f->high - f->low) * (random_number() / 0x1p32));
  const double magnitude = ldexp(1 + random_number() / 0x1p32, (int)(random_number() % 278) - 150);
  const double x = f->low < 0 && (f->high <= 0 || random_number() % 2) ? -magnitude : magnitude;
  return (float)fmin(fmax(x, f->low), f->high);
}

static double largest_error(const elementary *f, const cnn__kernels *kernels) {
  static float x[4096], y[4096];
  double largest = 0;
  random_state = 7;
  for (size_t round = 0; round < 64; round++) {
    for (size_t i = 0; i < 4096; i++)
      x[i] = try_value(f, i);
    f->run(&kernels->elementwise, 4096, x, y);
    for (size_t i = 0; i < 4096; i++) {
      const double exact = f->exact(x[i]);
      if (isinf(y[i]) && (double)(float)exact == (double)y[i]) continue;
      largest = fmax(largest, fabs(y[i] - exact) / ulp_of(exact));
    }
  }
  return largest;
}

static void test_elementary_functions_keep_their_error_bounds(void **state) {
  static const cnn__isa isas[] = {CNN__ISA_GENERIC, CNN__ISA_SSE2, CNN__ISA_AVX2, CNN__ISA_AVX512,
                                  CNN__ISA_NEON};
  size_t missed = 0;
  for (size_t i = 0; i < sizeof isas / sizeof *isas; i++)
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
      const cnn__kernels *kernels = cnn__kernels_for(isas[i]);
      if (!kernels) continue;
      const double error = largest_error(&functions[f], kernels);
      const double bound = isas[i] == CNN__ISA_SSE2 ? functions[f].sse2_ulp : functions[f].ulp;
      print_message("%s, %s: %.3f ulp\n", cnn__isa_name(isas[i]), functions[f].name, error);
      if (error > bound) missed++;
    }
  assert_int_equal(missed, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_elementary_functions_keep_their_error_bounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
