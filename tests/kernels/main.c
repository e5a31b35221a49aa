/* kernels [--isa NAME] [--family NAME] [--rounds N] [--seed N] [--round N] [--planted N --of COUNT] [--bench]

   Checks every kernel of every instruction set of this machine against generic C; exit status 0, 1
   on a failure, 2 on bad usage, 77 where the machine lacks the one asked for. --planted N checks a
   table with a bug in it instead, the family's N-th of COUNT, and fails unless the bug is found, or where the family
   has another number of them. --bench measures (pin the process: taskset -c 1). */
#include "check.h"
#include "vector_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const check_family check_convolution, check_depthwise, check_elementwise, check_gemm,
    check_image;

static const check_family *const families[] = {&check_gemm,      &check_convolution,
                                               &check_depthwise, &check_elementwise,
                                               &check_image,     &check_vector};

enum {
  FAMILIES = sizeof families / sizeof families[0],
  OK = 0,
  FAILED = 1,
  USAGE = 2,
  SKIPPED = 77
};

typedef struct settings {
  const char *isa, *family;
  unsigned long long rounds, seed, round, planted, of;
  bool one_round, bench;
} settings;

typedef struct tier {
  cnn__isa isa;
  const char *name;
  const cnn__kernels *table; /* NULL: not here */
} tier;

/* The one of this machine, or where it has none the emulation, if there is one in this build. */
static tier find_target(cnn__isa isa) {
  tier found = {isa, cnn__isa_name(isa), cnn__kernels_for(isa)};
  if (!found.table && isa == CNN__ISA_AVX512) {
    found.table = emulated_avx512_kernels();
    if (found.table) found.name = "avx512 (emulated)";
  }
  return found;
}

static bool chosen(const char *wish, const char *name) {
  return !wish || strcmp(wish, name) == 0;
}

static size_t run_family(const check_family *family, checker *check, const settings *options) {
  const unsigned long long first = options->one_round ? options->round : 0;
  const unsigned long long last = options->one_round ? first + 1 : options->rounds;
  const size_t earlier = check->failures;
  for (unsigned long long round = first; round < last; round++) {
    check_begin_round(check, family->name, options->seed, round);
    check_run_round(check, family->round);
    check_end_round(check);
  }
  return check->failures - earlier;
}

static int check_target(const tier *target, const settings *options) {
  size_t failures = 0;
  char option[64];
  snprintf(option, sizeof option, "--isa %s", cnn__isa_name(target->isa));
  for (size_t i = 0; i < FAMILIES; i++) {
    if (!chosen(options->family, families[i]->name)) continue;
    checker check = {.isa = target->name,
                     .option = option,
                     .tested = target->table,
                     .generic = cnn__kernels_for(CNN__ISA_GENERIC),
                     .same_bits = target->isa != CNN__ISA_SSE2};
    const size_t found = run_family(families[i], &check, options);
    printf("%s %s: %llu rounds, seed %llu: %s\n", target->name, families[i]->name,
           options->one_round ? 1 : options->rounds, options->seed, found ? "FAILED" : "ok");
    failures += found;
  }
  return failures ? FAILED : OK;
}

static int check_planted_bug(const check_family *family, const settings *options) {
  if (options->of != family->planted_count || options->planted > options->of) {
    fprintf(stderr, "%s has %zu planted bugs\n", family->name, family->planted_count);
    return FAILED;
  }
  const check_planted *bug = &family->planted[options->planted - 1];
  cnn__kernels table = *cnn__kernels_for(CNN__ISA_GENERIC);
  char option[64];
  snprintf(option, sizeof option, "--planted %llu --of %llu", options->planted, options->of);
  bug->plant(&table);
  checker check = {.isa = "planted",
                   .option = option,
                   .tested = &table,
                   .generic = cnn__kernels_for(CNN__ISA_GENERIC),
                   .same_bits = true};
  const size_t found = run_family(family, &check, options);
  printf("planted bug %llu of %s (%s): %s\n", options->planted, family->name, bug->what,
         found ? "found" : "NOT FOUND");
  return found ? OK : FAILED;
}

static void bench_target(const tier *target, const settings *options) {
  check_bench bench = {.isa = target->name,
                       .tested = target->table,
                       .generic = cnn__kernels_for(CNN__ISA_GENERIC),
                       .peak = measure_peak(target->isa)};
  printf("%s: peak %.1f GFLOP/s\n", target->name, bench.peak);
  for (size_t i = 0; i < FAMILIES; i++)
    if (families[i]->bench && chosen(options->family, families[i]->name))
      families[i]->bench(&bench);
}

static int usage(void) {
  fprintf(stderr, "usage: kernels [--isa NAME] [--family NAME] [--rounds N] [--seed N] [--round N] "
                  "[--planted N --of COUNT] [--bench]\n");
  return USAGE;
}

static bool read_options(int count, char **words, settings *options) {
  for (int i = 1; i < count; i++) {
    const char *word = words[i];
    if (strcmp(word, "--bench") == 0) {
      options->bench = true;
      continue;
    }
    if (++i == count) return false;
    char *end = words[i];
    const unsigned long long number = strtoull(words[i], &end, 0);
    if (strcmp(word, "--isa") == 0) {
      options->isa = words[i];
      continue;
    }
    if (strcmp(word, "--family") == 0) {
      options->family = words[i];
      continue;
    }
    if (*end || end == words[i]) return false;
    if (strcmp(word, "--rounds") == 0)
      options->rounds = number;
    else if (strcmp(word, "--seed") == 0)
      options->seed = number;
    else if (strcmp(word, "--planted") == 0)
      options->planted = number;
    else if (strcmp(word, "--of") == 0)
      options->of = number;
    else if (strcmp(word, "--round") == 0) {
      options->round = number;
      options->one_round = true;
    } else
      return false;
  }
  return true;
}

int main(int count, char **words) {
  settings options = {.rounds = 1000, .seed = 1};
  if (!read_options(count, words, &options)) return usage();
  setvbuf(stdout, NULL, _IOLBF, 0);
  size_t family = 0, ran = 0;
  while (family < FAMILIES && !chosen(options.family, families[family]->name))
    family++;
  if (family == FAMILIES) return usage();
  if (options.planted) return check_planted_bug(families[family], &options);
  int status = OK;
  for (cnn__isa isa = CNN__ISA_GENERIC; isa <= CNN__ISA_NEON; isa++) {
    if (!chosen(options.isa, cnn__isa_name(isa))) continue;
    const tier target = find_target(isa);
    const bool emulated = target.table && !cnn__kernels_for(isa);
    if (!target.table) {
      printf("%s: skipped, not in this build or not on this machine\n", target.name);
      continue;
    }
    if (options.bench && (emulated || isa == CNN__ISA_GENERIC)) continue;
    ran++;
    if (options.bench)
      bench_target(&target, &options);
    else if (check_target(&target, &options) != OK)
      status = FAILED;
  }
  return ran ? status : SKIPPED;
}
