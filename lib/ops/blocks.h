/* How the operations over arrays are split: into blocks of a size that depends on the shape alone.
   One block is done where it is; more are spread over the threads. */
#ifndef CNN_OPS_BLOCKS_H
#define CNN_OPS_BLOCKS_H

#include "base/size.h"
#include "base/threads.h"

/* Elements of one task: large beside the cost of handing it out, small beside a cache. */
enum { CNN__BLOCK = 16384 };

typedef struct cnn__block {
  size_t first, count;
} cnn__block;

/* The task-th block of count things, size at a time. */
static inline cnn__block cnn__block_of(size_t count, size_t size, size_t task) {
  const size_t first = task * size;
  return (cnn__block){first, cnn__size_min(size, count - first)};
}

/* The size of blocks of what may be cut anywhere: an even number of them if it is more than one, nearly equal, of whole
   lines of the cache. */
static inline size_t cnn__block_even(size_t count) {
  enum { LINE = 16 };
  if (count <= CNN__BLOCK) return CNN__BLOCK;
  const size_t blocks = (cnn__size_ceil_div(count, CNN__BLOCK) + 1) / 2 * 2;
  return cnn__size_ceil_div(cnn__size_ceil_div(count, blocks), LINE) * LINE;
}

/* How many rows of n values make a block: 1 or more. */
static inline size_t cnn__block_rows(size_t n) {
  return n < CNN__BLOCK ? CNN__BLOCK / cnn__size_max(n, 1) : 1;
}

static inline void cnn__for_blocks(cnn_context *context, size_t count, size_t size,
                                   void (*body)(void *argument, size_t task, size_t slot),
                                   void *argument) {
  const size_t tasks = cnn__size_ceil_div(count, size);
  if (tasks == 1)
    body(argument, 0, 0);
  else if (tasks)
    cnn__parallel_for(context, tasks, body, argument);
}

/* Sums in float64 over blocks: each task leaves its part in results, and the parts are added in
   order, this many blocks at a time, so that any count works without memory of its own. */
enum { CNN__SUM_PARTS = 256 };

typedef struct cnn__sum {
  double (*part)(const void *argument, size_t first, size_t count);
  const void *argument;
  size_t count, size;
} cnn__sum;

double cnn__sum_blocks(cnn_context *context, const cnn__sum *sum);

#endif
