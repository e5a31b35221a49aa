/* Making one batch: what it is made by (the recipe, fixed), and where it lies. */
#ifndef CNN_DATA_BATCH_H
#define CNN_DATA_BATCH_H

#include "base/threads.h"
#include "data/cache.h"
#include "data/loader.h"
#include "data/transform.h"

/* How any sample of a loader is made. Shared by all threads, read only. */
typedef struct cnn__recipe {
  cnn_context *context;
  cnn_dataset *dataset;
  cnn__loader_info info;
  double *mean_and_deviation; /* what info.preprocessing points at */
  cnn_transform *transforms[CNN_MAX_TRANSFORMS + 1];
  size_t transform_count;
  size_t fixed; /* the first so many transforms draw nothing: cached images have passed them */
  cnn__factors unit, factors;
  size_t sample_values; /* floats of an image in the batch */
  bool one_hot, skip_broken;
  bool calm;         /* transforms draw nothing: see cnn__loader_part() */
  size_t chunk;      /* samples of one task */
  cnn__cache *cache; /* or NULL */
} cnn__recipe;

/* recipe has its context, its transforms, which it owns, and calm; the rest is filled in. */
cnn_status cnn__recipe_make(const cnn_loader_options *options, cnn__recipe *recipe);
void cnn__recipe_release(cnn__recipe *recipe);

/* The samples of an epoch in order. */
typedef struct cnn__epoch_order {
  uint32_t *samples; /* NULL: not shuffled */
  uint64_t epoch;
  bool known;
} cnn__epoch_order;
cnn_status cnn__epoch_order_make(const cnn__recipe *recipe, cnn__epoch_order *order);
/* The samples by place, or NULL; drawn where they are another epoch's. */
const uint32_t *cnn__epoch_order_of(const cnn__recipe *recipe, cnn__epoch_order *order,
                                    uint64_t epoch);

/* One batch's memory: made once, filled many times. */
typedef struct cnn__batch {
  cnn_tensor *images, *labels; /* labels: NULL where there are none */
  float *pixels;               /* batch_size x sample_values, with slack */
  void *label_values;          /* int32 or floats */
  float *scratch;              /* for mixing, or NULL */
  uint32_t *partners;          /* likewise: batch_size */
  uint8_t *broken;             /* batch_size: 1 where a sample is left out */
  cnn__mutex *mutex;           /* guards the failure */
  cnn__failure failure;        /* of the first sample (by place) that failed */
  size_t failed_at;            /* its place; SIZE_MAX: none */

  /* What it is to hold */
  const uint32_t *order; /* samples by place, or NULL: as they are in the dataset */
  uint64_t epoch, number;
  size_t view; /* which of the looks at these samples: 0 draws nothing where there are more */
  size_t first, wanted; /* places in the epoch */
  size_t count;         /* samples in it when finished */
} cnn__batch;

cnn_status cnn__batch_make(const cnn__recipe *recipe, cnn__batch *batch);
void cnn__batch_release(const cnn__recipe *recipe, cnn__batch *batch);

/* Prepares for a batch of an epoch. */
void cnn__batch_begin(const cnn__recipe *recipe, cnn__batch *batch, const uint32_t *order,
                      uint64_t epoch, uint64_t number);
/* How many tasks make it, and task t: samples [t * chunk, ...). Any thread, each with its own
   workspace. */
size_t cnn__batch_tasks(const cnn__recipe *recipe, const cnn__batch *batch);
void cnn__batch_task(const cnn__recipe *recipe, cnn__batch *batch, size_t task,
                     cnn__workspace *workspace);
/* After all tasks: leaves out broken samples, mixes, and shows the tensors. *skipped grows. */
cnn_status cnn__batch_end(const cnn__recipe *recipe, cnn__batch *batch, size_t *skipped);

#endif
