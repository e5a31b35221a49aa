/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
   1, 2, 3", SC 2011). A stream is keyed by (seed, purpose, a, b) and so independent of the order
   in which streams are used and of the number of threads. */
#ifndef CNN_BASE_RANDOM_H
#define CNN_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* What a stream is for. Values are part of the file format: never renumbered. */
typedef enum cnn__purpose {
  CNN__PURPOSE_INITIAL = 1,   /* a = parameter's index, b = 0 */
  CNN__PURPOSE_SHUFFLE = 2,   /* a = epoch, b = 0 */
  CNN__PURPOSE_AUGMENT = 3,   /* a = epoch, b = sample */
  CNN__PURPOSE_DROPOUT = 4,   /* a = step, b = layer << 40 | block of elements */
  CNN__PURPOSE_SPLIT = 5,     /* a = 0, b = 0 */
  CNN__PURPOSE_SYNTHETIC = 6, /* a = split, b = sample */
  CNN__PURPOSE_MIX = 7        /* a = epoch, b = batch */
} cnn__purpose;

/* The bijection itself: 10 rounds. */
void cnn__philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Seed, purpose, a, b and index have more bits than a counter and a key. So the stream's key is
   drawn from the first three, and its blocks from that key: whoever needs many blocks of a stream
   in any order (dropout) makes the key once. */
uint64_t cnn__random_key(uint64_t seed, uint32_t purpose, uint64_t a);
/* Block number index of a stream, 128 bits. */
void cnn__random_block(uint64_t key, uint64_t b, uint32_t index, uint32_t out[4]);

typedef struct cnn__random {
  uint64_t key, b;
  uint32_t index, used; /* blocks drawn; words used of the last one */
  uint32_t block[4];
} cnn__random;

void cnn__random_start(cnn__random *random, uint64_t seed, cnn__purpose purpose, uint64_t a,
                       uint64_t b);
uint32_t cnn__random_u32(cnn__random *random);
uint64_t cnn__random_below(cnn__random *random, uint64_t bound);        /* unbiased; bound > 0 */
float cnn__random_unit(cnn__random *random);                            /* [0, 1), 24 bits */
double cnn__random_range(cnn__random *random, double low, double high); /* 53 bits */
double cnn__random_normal(cnn__random *random); /* mean 0, deviation 1; own log and cos */

/* Fisher-Yates over order[0..count). */
void cnn__random_shuffle(cnn__random *random, uint32_t *order, size_t count);

#endif
