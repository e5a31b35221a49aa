/* What the fuzzers share: each target is a function of bytes that a stranger chose. The same functions run under
   libFuzzer (fuzzer.c) and, without it, over the stored inputs (replay.c). */
#ifndef CNN_TESTS_FUZZ_H
#define CNN_TESTS_FUZZ_H

#include <cnn/cnn.h>
#include <stdbool.h>
#include <stdint.h>

/* Where a target's seeds go. */
typedef struct fuzz_sink {
  void (*put)(void *user, const uint8_t *bytes, size_t size);
  void *user;
} fuzz_sink;

typedef struct fuzz_target {
  const char *name;
  void (*run)(const uint8_t *bytes, size_t size);
  /* Small inputs that reach far; images: the folder of tests/golden. */
  void (*seed)(const fuzz_sink *sink, const char *images);
  bool safetensors; /* mutations keep the header's size right, most of the time */
} fuzz_target;

extern const fuzz_target fuzz_targets[];
extern const size_t fuzz_target_count;
const fuzz_target *fuzz_find(const char *name); /* NULL: there is none such */

/* ---- one run ---- */

/* Prints the place, the condition and the library's last error, and ends the program. */
_Noreturn void fuzz_fail(const char *file, int line, const char *condition);
#define FUZZ_REQUIRE(condition)                                                                    \
  do {                                                                                             \
    if (!(condition)) fuzz_fail(__FILE__, __LINE__, #condition);                                   \
  } while (0)

/* A context of its own for the calling thread, which may hold so many bytes and decode a megapixel; 0: the library's own
   limits. */
void fuzz_begin(uint64_t max_memory);
/* The most that the context has held since fuzz_begin(). */
uint64_t fuzz_peak(void);
/* Ends it: all of its memory must have come back. */
void fuzz_end(void);

/* The last status is one that a file's reader may give, with a message; nothing of the claimed size was allocated: the
   peak stays within the file's size and 8 MiB. */
void fuzz_refused(size_t file_size);

/* A file in memory with these bytes; the path stays valid until the next call. */
const char *fuzz_file(const uint8_t *bytes, size_t size);
/* A path at which a file may be written; the folder goes when the program ends. */
const char *fuzz_scratch(const char *name);

/* ---- bytes as choices; 0 where they are used up ---- */

typedef struct fuzz_choices {
  const uint8_t *at;
  size_t left;
} fuzz_choices;

uint8_t fuzz_byte(fuzz_choices *choices);
/* A small number, usually; else one of those at which sizes overflow. */
int64_t fuzz_size(fuzz_choices *choices);

/* A whole file; *size is 0 where it cannot be read. Freed by the caller. */
uint8_t *fuzz_read(const char *path, size_t *size);
/* Seeds: every file of a folder whose name ends so, at most limit bytes each. */
void fuzz_seed_files(const fuzz_sink *sink, const char *folder, const char *ending, size_t limit);

#endif
