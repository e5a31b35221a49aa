/* What the torture programs share: an allocator that counts and fails, a digest of bits, a folder of their own, and
   a small model with small data. Public headers only. */
#ifndef CNN_TESTS_TORTURE_H
#define CNN_TESTS_TORTURE_H

#include <cnn/cnn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* ---- memory ---- */

/* Counts calls and blocks; the call fail_at (counted from 1; 0: none) fails, and with for_ever all after it. */
typedef struct torture_counter {
  atomic_long calls, live;
  atomic_long fail_at;
  bool for_ever;
} torture_counter;

/* A context whose memory comes from the counter; NULL where it cannot be made. */
cnn_context *counter_try_context(torture_counter *counter, int64_t threads);
/* The same; it ends the program where it cannot be made. */
cnn_context *counter_context(torture_counter *counter, int64_t threads);

/* ---- bits ---- */

/* FNV-1a, 64 bits. */
typedef struct torture_digest {
  uint64_t value;
} torture_digest;

torture_digest digest_start(void);
void digest_bytes(torture_digest *digest, const void *bytes, size_t size);
void digest_text(torture_digest *digest, const char *text);
void digest_tensor(torture_digest *digest, const cnn_tensor *tensor);
/* All parameters. False where one cannot be read. */
bool digest_model(torture_digest *digest, const cnn_model *model);
/* A file's bytes. False where it cannot be read. */
bool digest_file(torture_digest *digest, const char *path);

/* ---- failing ---- */

/* Prints the place, the message and the library's last error to stderr, and ends the program with 1. */
_Noreturn void torture_fail(const char *file, int line, const char *message);
#define REQUIRE(condition)                                                                         \
  do {                                                                                             \
    if (!(condition)) torture_fail(__FILE__, __LINE__, #condition);                                \
  } while (0)

/* ---- a folder ---- */

/* Makes a folder under TMPDIR, /dev/shm (where flushing costs nothing) or /tmp, and enters it. */
void folder_enter(void);
/* Removes what it holds and itself. */
void folder_leave(void);
/* Files whose names have a part. */
int folder_count(const char *part);
bool file_copy(const char *from, const char *to);

/* ---- the process ---- */

/* Entries of a list in /proc/self; -1 where there is none. */
int process_entries(const char *list);
/* Its threads. One that was joined is listed for a moment longer: the least of several looks. */
int process_threads(void);

/* ---- a small model and small data ---- */

enum { SMALL_IMAGES = 24, SMALL_SIDE = 8, SMALL_CLASSES = 3 };

/* Images (8, 8, 3) of uint8 in three classes, the same on every machine. NULL on failure. */
cnn_dataset *small_dataset(uint64_t seed);
/* Every kind of layer that has parameters or a state, as a graph with branches. NULL on failure. */
cnn_model *small_model(void);
/* Convolution, batch normalisation, dropout and a dense layer, as a chain. NULL on failure. */
cnn_model *small_chain(void);

#endif
