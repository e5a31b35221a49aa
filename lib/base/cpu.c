#define _GNU_SOURCE /* sched_getaffinity */
#include "base/cpu.h"
#include <cnn/context.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool supported[5] = {[CNN__ISA_GENERIC] = true};
static cnn__isa chosen;
static char reason[256];

static const char *const names[5] = {"generic", "sse2", "avx2", "avx512", "neon"};

/* What was looked for, and whether processor and system have it. */
typedef struct feature {
  const char *name;
  bool present;
} feature;
enum { MAX_FEATURES = 8 };

#if defined(__x86_64__) || defined(__i386__)

/* The registers that the system saves and restores: without that a program may not use them. */
static unsigned saved_registers(void) {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static size_t detect(feature *found) {
  unsigned a, b, c, d, b7 = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  unsigned c1 = c, d1 = d;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) b7 = b;
  unsigned registers = (c1 >> 27 & 1) ? saved_registers() : 0;
  bool ymm = (registers & 0x06) == 0x06, zmm = (registers & 0xe6) == 0xe6;
  const feature all[] = {{"sse2", d1 >> 26 & 1},
                         {"avx2", ymm && (b7 >> 5 & 1)},
                         {"fma", ymm && (c1 >> 12 & 1)},
                         {"avx512f", zmm && (b7 >> 16 & 1)},
                         {"avx512bw", zmm && (b7 >> 30 & 1)},
                         {"avx512vl", zmm && (b7 >> 31 & 1)},
                         {"avx512dq", zmm && (b7 >> 17 & 1)}};
  memcpy(found, all, sizeof all);
  supported[CNN__ISA_SSE2] = all[0].present;
  supported[CNN__ISA_AVX2] = all[0].present && all[1].present && all[2].present;
  supported[CNN__ISA_AVX512] = supported[CNN__ISA_AVX2] && all[3].present && all[4].present &&
                               all[5].present && all[6].present;
  return sizeof all / sizeof all[0];
}

static const cnn__isa tiers[] = {CNN__ISA_GENERIC, CNN__ISA_SSE2, CNN__ISA_AVX2, CNN__ISA_AVX512};

#elif defined(__aarch64__)

static size_t detect(feature *found) {
#if defined(__linux__)
  bool neon = getauxval(AT_HWCAP) >> 1 & 1; /* HWCAP_ASIMD */
#else
  bool neon = true;
#endif
  found[0] = (feature){"neon", neon};
  supported[CNN__ISA_NEON] = neon;
  return 1;
}

static const cnn__isa tiers[] = {CNN__ISA_GENERIC, CNN__ISA_NEON};

#else

static size_t detect(feature *found) {
  return 0;
}
static const cnn__isa tiers[] = {CNN__ISA_GENERIC};

#endif

/* Appends as much as fits. */
static void say(const char *text) {
  size_t used = strlen(reason);
  (void)snprintf(reason + used, sizeof reason - used, "%s", text);
}

static void say_features(const feature *features, size_t count, bool present, const char *lead) {
  for (size_t i = 0; i < count; i++) {
    if (features[i].present != present) continue;
    say(lead);
    say(features[i].name);
    lead = ", ";
  }
}

static void choose(void) {
  feature features[MAX_FEATURES];
  size_t count = detect(features), best = 0;
  size_t tier_count = sizeof tiers / sizeof tiers[0];
  for (size_t i = 0; i < tier_count; i++)
    if (supported[tiers[i]]) best = i;
  size_t use = best, asked = tier_count;
  const char *wish = getenv("CNN_ISA");
  for (size_t i = 0; wish && i < tier_count; i++)
    if (strcmp(wish, names[tiers[i]]) == 0) asked = i;
  if (asked < best) use = asked;
  chosen = tiers[use];

  say(names[chosen]);
  say(": ");
  if (count == 0) say("no instruction set of this processor is known");
  say_features(features, count, true, "the processor has ");
  say_features(features, count, false, "; no ");
  if (!wish || !*wish) return;
  say("; CNN_ISA asked for ");
  if (asked == tier_count)
    say("one that is not known here");
  else
    say(names[tiers[asked]]);
  if (asked < tier_count && asked > best) say(", which is not to be had");
}

cnn__isa cnn__cpu_isa(void) {
  (void)pthread_once(&once, choose);
  return chosen;
}

bool cnn__cpu_supports(cnn__isa isa) {
  (void)pthread_once(&once, choose);
  return (unsigned)isa < sizeof supported / sizeof supported[0] && supported[isa];
}

const char *cnn__isa_name(cnn__isa isa) {
  return (unsigned)isa < sizeof names / sizeof names[0] ? names[isa] : "unknown";
}

const char *cnn_cpu_isa(void) {
  return names[cnn__cpu_isa()];
}

const char *cnn_cpu_reason(void) {
  (void)pthread_once(&once, choose);
  return reason;
}

size_t cnn__cpu_count(void) {
#if defined(__linux__)
  cpu_set_t set[8]; /* 8,192 processors, more than cpu_set_t's own 1,024 */
  if (sched_getaffinity(0, sizeof set, set) == 0) {
    int count = CPU_COUNT_S(sizeof set, set);
    if (count > 0) return (size_t)count;
  }
#endif
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (size_t)online : 1;
}
