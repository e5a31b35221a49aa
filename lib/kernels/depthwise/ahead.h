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

typedef struct fetches {
  fetch x, y;
} fetches;

/* Steps: outputs, each for every vector of the channels. */
static inline fetch fetch_of(const cnn__depthwise_ahead *ahead, size_t steps) {
  if (ahead->floats == 0 || steps == 0) return (fetch){0};
  return (fetch){(uintptr_t)ahead->from, ahead->floats * sizeof(float) / steps, 0};
}
static inline fetches fetches_of(const cnn__depthwise_row *row, size_t outputs) {
  const size_t steps = outputs * ((row->channels + VECTOR_WIDTH - 1) / VECTOR_WIDTH);
  return (fetches){fetch_of(&row->x_ahead, steps), fetch_of(&row->y_ahead, steps)};
}

static inline bool fetches_anything(const fetches *from) {
  return from->x.share + from->y.share > 0;
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
  fetch_lines(&from->x, steps);
  fetch_lines(&from->y, steps);
}

#endif
