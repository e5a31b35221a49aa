#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "check.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Random numbers */

size_t check_between(checker *check, size_t low, size_t high) {
  return low + (size_t)cnn__random_below(&check->random, high - low + 1);
}

bool check_chance(checker *check, size_t of) {
  return cnn__random_below(&check->random, of) == 0;
}

size_t check_size(checker *check, size_t most) {
  static const size_t widths[] = {4, 8, 16, 32, 64};
  size_t size = check_between(check, 0, most);
  switch (check_between(check, 0, 5)) {
  case 0:
    size = check_between(check, 0, 3);
    break;
  case 1: {
    const size_t width = widths[check_between(check, 0, 4)];
    size = size / width * width + check_between(check, 0, 2);
    size -= size > 0;
    break;
  }
  case 2:
    size = check_between(check, 0, most < 24 ? most : 24);
    break;
  default:
    break;
  }
  return size < most ? size : most;
}

/* Inputs */

check_values check_kind(checker *check) {
  return check_chance(check, 2) ? CHECK_PLAIN
                                : (check_values)check_between(check, 0, CHECK_KINDS - 1);
}

bool check_finite(check_values kind) {
  return kind != CHECK_HUGE && kind != CHECK_SPECIAL;
}

float check_value(checker *check, check_values kind) {
  static const float specials[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f};
  const float plain = 2 * cnn__random_unit(&check->random) - 1;
  switch (kind) {
  case CHECK_ZEROS:
    return check_chance(check, 2) ? plain : check_chance(check, 2) ? 0.0f : -0.0f;
  case CHECK_TINY:
    return plain * (check_chance(check, 2) ? 0x1p-75f : 0x1p-140f);
  case CHECK_HUGE:
    return plain * (check_chance(check, 2) ? 0x1p64f : 0x1p127f);
  case CHECK_SPECIAL:
    return check_chance(check, 20) ? specials[check_between(check, 0, 4)] : plain;
  default:
    return plain;
  }
}

/* Guarded memory: each slot is an unreadable page, room, and an unreadable page. */

enum { CANARY = 256 };
static const unsigned char canary_byte = 0xa5;
static const uint32_t poison_bits = 0x7fa5a5a5;

typedef struct guarded {
  unsigned char *room; /* CHECK_BUFFER_BYTES of it */
  unsigned char *start;
  size_t bytes;
} guarded;
static guarded slots[CHECK_BUFFERS];
static size_t slots_used;

static void open_slot(guarded *slot) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  unsigned char *all =
      mmap(NULL, CHECK_BUFFER_BYTES + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED || mprotect(all + page, CHECK_BUFFER_BYTES, PROT_READ | PROT_WRITE)) {
    perror("kernels: guarded memory");
    exit(1);
  }
  slot->room = all + page;
}

/* The bytes within the room that surround the buffer, up to CANARY on each side. */
static size_t canaries_before(const guarded *slot) {
  const size_t room = (size_t)(slot->start - slot->room);
  return room < CANARY ? room : CANARY;
}
static size_t canaries_after(const guarded *slot) {
  const size_t room = (size_t)(slot->room + CHECK_BUFFER_BYTES - (slot->start + slot->bytes));
  return room < CANARY ? room : CANARY;
}

void *check_bytes(checker *check, size_t bytes, size_t element) {
  if (slots_used == CHECK_BUFFERS || bytes > CHECK_BUFFER_BYTES - 64) {
    fprintf(stderr, "kernels: a round asks for more guarded memory than there is\n");
    exit(1);
  }
  guarded *slot = &slots[slots_used++];
  if (!slot->room) open_slot(slot);
  slot->bytes = bytes;
  slot->start =
      slot->room + (check_chance(check, 4) ? check_between(check, 0, 16) % (64 / element) * element
                                           : CHECK_BUFFER_BYTES - bytes);
  memset(slot->start - canaries_before(slot), canary_byte, canaries_before(slot));
  memset(slot->start + bytes, canary_byte, canaries_after(slot));
  return slot->start;
}

void check_poison(float *floats, size_t count) {
  for (size_t i = 0; i < count; i++)
    memcpy(floats + i, &poison_bits, sizeof poison_bits);
}

float *check_floats(checker *check, size_t count) {
  float *floats = check_bytes(check, count * sizeof(float), sizeof(float));
  check_poison(floats, count);
  return floats;
}

const float *check_seal(float *floats) {
  for (size_t i = 0; i < slots_used; i++)
    if (slots[i].start == (unsigned char *)floats)
      (void)mprotect(slots[i].room, CHECK_BUFFER_BYTES, PROT_READ);
  return floats;
}

const float *check_input(checker *check, size_t count, check_values kind) {
  float *floats = check_floats(check, count);
  for (size_t i = 0; i < count; i++)
    floats[i] = check_value(check, kind);
  return check_seal(floats);
}

float *check_copy(checker *check, const float *from, size_t count) {
  float *floats = check_floats(check, count);
  memcpy(floats, from, count * sizeof *from);
  return floats;
}

static void look_at_canaries(checker *check) {
  for (size_t i = 0; i < slots_used; i++) {
    const guarded *slot = &slots[i];
    for (size_t j = 1; j <= canaries_before(slot); j++) {
      if (slot->start[-(ptrdiff_t)j] == canary_byte) continue;
      check_fail(check, "wrote %zu bytes before buffer %zu of %zu bytes", j, i, slot->bytes);
      break;
    }
    for (size_t j = 0; j < canaries_after(slot); j++) {
      if (slot->start[slot->bytes + j] == canary_byte) continue;
      check_fail(check, "wrote %zu bytes past the end of buffer %zu of %zu bytes", j, i,
                 slot->bytes);
      break;
    }
  }
}

/* Failures */

void check_case(checker *check, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(check->text, sizeof check->text, format, arguments);
  va_end(arguments);
}

void check_fail(checker *check, const char *format, ...) {
  enum { SHOWN = 10 };
  if (check->failures++ >= SHOWN) return;
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  printf("FAIL %s %s: %s\n     %s\n     again: %s --family %s --seed %llu --round %llu\n",
         check->isa, check->family, text, check->text, check->option, check->family, check->seed,
         check->round);
}

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

bool check_same_number(float got, float expected) {
  const uint32_t g = bits_of(got), e = bits_of(expected);
  if (g == e) return true;
  return isnan(got) && isnan(expected) && g != poison_bits && e != poison_bits;
}

void check_same(checker *check, const char *what, const float *got, const float *expected,
                size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (check_same_number(got[i], expected[i])) continue;
    check_fail(check, "%s[%zu] of %zu is %.9g (%08x), generic has %.9g (%08x)", what, i, count,
               (double)got[i], (unsigned)bits_of(got[i]), (double)expected[i],
               (unsigned)bits_of(expected[i]));
    return;
  }
}

void check_same_bytes(checker *check, const char *what, const uint8_t *got, const uint8_t *expected,
                      size_t count) {
  for (size_t i = 0; i < count; i++)
    if (got[i] != expected[i]) {
      check_fail(check, "%s[%zu] of %zu is %d, generic has %d", what, i, count, got[i],
                 expected[i]);
      return;
    }
}

void check_near(checker *check, const char *what, const float *got, const float *expected,
                size_t count, double bound) {
  if (check->same_bits) {
    check_same(check, what, got, expected, count);
    return;
  }
  for (size_t i = 0; i < count; i++)
    if (!(fabs((double)got[i] - (double)expected[i]) <= bound)) {
      check_fail(check, "%s[%zu] of %zu is %.9g, generic has %.9g", what, i, count, (double)got[i],
                 (double)expected[i]);
      return;
    }
}

void check_close(checker *check, check_values kind, const char *what, const float *got,
                 const float *expected, size_t count, double share) {
  if (!check->same_bits && !check_finite(kind)) return;
  double most = kind == CHECK_TINY ? 0 : 1; /* sums may cancel: what they are made of counts */
  for (size_t i = 0; i < count; i++)
    most = fmax(most, fabs((double)expected[i]));
  check_near(check, what, got, expected, count, share * most + 1e-30);
}

/* Rounds */

static sigjmp_buf fault_exit;
static void *volatile fault_address;
static volatile sig_atomic_t in_round;

static void on_fault(int signal_number, siginfo_t *info, void *context) {
  (void)context;
  if (!in_round) {
    (void)signal(signal_number, SIG_DFL);
    return;
  }
  fault_address = info->si_addr;
  siglongjmp(fault_exit, 1);
}

static void describe_fault(checker *check) {
  const unsigned char *address = fault_address;
  for (size_t i = 0; i < slots_used; i++) {
    const guarded *slot = &slots[i];
    const ptrdiff_t offset = address - slot->start;
    if (offset < -4096 || offset > (ptrdiff_t)slot->bytes + 4096) continue;
    check_fail(check, "touched byte %td of buffer %zu, which has %zu (or wrote to an input)",
               offset, i, slot->bytes);
    return;
  }
  check_fail(check, "touched memory that is not its own, at %p", (const void *)address);
}

void check_begin_round(checker *check, const char *family, unsigned long long seed,
                       unsigned long long round) {
  check->family = family;
  check->seed = seed;
  check->round = round;
  check->text[0] = 0;
  slots_used = 0;
  cnn__random_start(&check->random, seed, CNN__PURPOSE_SYNTHETIC, round, 0);
}

void check_end_round(checker *check) {
  look_at_canaries(check);
  for (size_t i = 0; i < slots_used; i++)
    (void)mprotect(slots[i].room, CHECK_BUFFER_BYTES, PROT_READ | PROT_WRITE);
  slots_used = 0;
}

void check_run_round(checker *check, void (*round)(checker *)) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  sigemptyset(&action.sa_mask);
  (void)sigaction(SIGSEGV, &action, NULL);
  (void)sigaction(SIGBUS, &action, NULL);
  in_round = 1;
  if (sigsetjmp(fault_exit, 1) == 0)
    round(check);
  else
    describe_fault(check);
  in_round = 0;
}

/* Timing */

/* Of this thread alone, so that a busy neighbour does not count. */
static double thread_seconds(void) {
  struct timespec time;
  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

double check_seconds(void (*work)(void *argument), void *argument) {
  enum { LEAST_TIMES = 6 };
  work(argument); /* memory touched, caches warm */
  const double start = thread_seconds();
  work(argument);
  double best = thread_seconds() - start;
  const size_t calls = best < 20e-6 ? (size_t)(20e-6 / (best + 1e-9)) + 1 : 1;
  for (size_t times = 0; times < LEAST_TIMES || thread_seconds() - start < 0.05; times++) {
    const double before = thread_seconds();
    for (size_t i = 0; i < calls; i++)
      work(argument);
    const double seconds = (thread_seconds() - before) / (double)calls;
    if (seconds < best) best = seconds;
  }
  return best;
}

void check_bench_line(const check_bench *bench, const char *name, double flops, double seconds,
                      double generic_seconds) {
  const double speed = flops / seconds / 1e9;
  printf("%-8s %-44s %8.2f GFLOP/s", bench->isa, name, speed);
  if (bench->peak > 0) printf(" %6.1f %% of peak", 100 * speed / bench->peak);
  if (generic_seconds > 0) printf(" %7.1f x generic", generic_seconds / seconds);
  printf("\n");
}
