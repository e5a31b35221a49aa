/* What the depthwise bodies fetch ahead: a few lines of the cache with each step, in the order of their
   addresses, so that memory is as fast as it is for a copy. */
#ifndef CNN_KERNELS_DEPTHWISE_AHEAD_H
#define CNN_KERNELS_DEPTHWISE_AHEAD_H

#include "kernels/convolution/ragged.h"
#include "kernels/depthwise.h"

enum { LINE_BYTES = 64 };

/* Bytes that follow each other: how many a step asks for, and how many are owed. */
typedef struct fetch {
  uintptr_t at;
  size_t share, owed;
} fetch;

enum { MOST_FETCHES = 3 };
typedef struct fetches {
  fetch of[MOST_FETCHES];
} fetches;

static inline fetch fetch_of(uintptr_t at, size_t floats, size_t steps) {
  return (fetch){at, steps > 0 ? floats * sizeof(float) / steps : 0, 0};
}

/* Few lines at a time: many at once would stand in the way of what is wanted now. */
INLINE_CONSTANTS void fetch_lines(fetch *from, size_t steps) {
  size_t owed = from->owed + from->share * steps;
  uintptr_t at = from->at;
  for (; owed >= LINE_BYTES; owed -= LINE_BYTES, at += LINE_BYTES)
    __builtin_prefetch((const void *)at);
  from->owed = owed;
  from->at = at;
}
/* Not inline: called between sums, in many places. */
static __attribute__((noinline)) void fetch_some(fetches *from, size_t steps) {
  for (size_t i = 0; i < MOST_FETCHES; i++)
    fetch_lines(&from->of[i], steps);
}

#endif
