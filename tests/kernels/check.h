/* Every kernel of every instruction set against generic C.

   A family is one file check_<family>.c with a check_family, listed in main.c. Its check function
   makes one round: random shapes and inputs from the round's own random numbers, so that a seed and a
   round's number reproduce it. Buffers are guarded: what lies around them is watched for writes,
   inputs are read-only, and one element past the end of each is a page that cannot be read. */
#ifndef CHECK_H
#define CHECK_H

#include "base/random.h"
#include "kernels/kernels.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct checker {
  const char *isa;    /* its name, with "(emulated)" where it is */
  const char *option; /* that chooses it on the command line, and its value */
  const cnn__kernels *tested, *generic;
  bool same_bits; /* the tested table promises generic's bits; else a bound */
  cnn__random random;
  const char *family;
  unsigned long long seed, round;
  size_t failures;
  char text[512]; /* what is being checked, for failures */
} checker;

/* A bug that the check must find: plant puts a wrong kernel into the table, a copy of generic's. */
typedef struct check_planted {
  const char *what;
  void (*plant)(cnn__kernels *table);
} check_planted;

typedef struct check_bench check_bench;

typedef struct check_family {
  const char *name;
  void (*round)(checker *check);
  void (*bench)(check_bench *bench);
  const check_planted *planted;
  size_t planted_count;
} check_family;

/* Random numbers */
size_t check_between(checker *check, size_t low, size_t high); /* low <= it <= high */
bool check_chance(checker *check, size_t of);                  /* one in of */
/* 0 to most: often 0, 1, primes, and one off a multiple of a vector's width. */
size_t check_size(checker *check, size_t most);

/* Inputs: what kind a round works on. */
typedef enum check_values {
  CHECK_PLAIN,   /* [-1, 1] */
  CHECK_ZEROS,   /* half of them 0 or -0 */
  CHECK_TINY,    /* products and sums are denormal, or lost */
  CHECK_HUGE,    /* products and sums overflow */
  CHECK_SPECIAL, /* NaN and infinities among plain ones */
  CHECK_KINDS
} check_values;
check_values check_kind(checker *check); /* plain ones most often */
float check_value(checker *check, check_values kind);
bool check_finite(check_values kind); /* neither huge nor special: a bound makes sense */

/* Guarded memory, valid to the round's end (then taken back; at most CHECK_BUFFERS a round, of at
   most CHECK_BUFFER_BYTES). Ends, or rarely begins, at a page that cannot be touched; any alignment
   that the element's size allows. */
enum { CHECK_BUFFERS = 32, CHECK_BUFFER_BYTES = 1 << 20 };
void *check_bytes(checker *check, size_t bytes, size_t element);
float *check_floats(checker *check, size_t count); /* poisoned: a NaN that no kernel makes */
const float *check_input(checker *check, size_t count, check_values kind); /* filled, sealed */
float *check_copy(checker *check, const float *from, size_t count);        /* may be written */
const float *check_seal(float *floats); /* read-only from here on; returns it */
void check_poison(float *floats, size_t count);

/* Names the case at hand for failures; called before the kernel. */
void check_case(checker *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
void check_fail(checker *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Equal bits; NaN equals NaN, but poison only poison. One failure at most. */
void check_same(checker *check, const char *what, const float *got, const float *expected,
                size_t count);
bool check_same_number(float got, float expected);
void check_same_bytes(checker *check, const char *what, const uint8_t *got, const uint8_t *expected,
                      size_t count);
/* The same bits where they are promised, else numbers no further apart than bound. */
void check_near(checker *check, const char *what, const float *got, const float *expected,
                size_t count, double bound);
/* The same, bound being a share of the largest number; other than finite ones differ as they like. */
void check_close(checker *check, check_values kind, const char *what, const float *got,
                 const float *expected, size_t count, double share);

/* Timing */
struct check_bench {
  const char *isa;
  const cnn__kernels *tested, *generic;
  double peak; /* multiply-add GFLOP/s of one thread, measured; 0: not known */
};
/* Seconds of one call on this thread: the best of many within a few dozen milliseconds. */
double check_seconds(void (*work)(void *argument), void *argument);
/* One line: GFLOP/s, fraction of the peak, and ratio to generic (seconds 0: not measured). */
void check_bench_line(const check_bench *bench, const char *name, double flops, double seconds,
                      double generic_seconds);

/* For main.c */
void check_begin_round(checker *check, const char *family, unsigned long long seed,
                       unsigned long long round);
void check_end_round(checker *check); /* looks at the canaries, takes the buffers back */
void check_run_round(checker *check, void (*round)(checker *)); /* survives a fault, as a failure */

#endif
