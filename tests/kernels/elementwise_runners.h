/* Each kernel of the elementwise family as a function from one sample to its outputs, so that two
   instruction sets can be run on the same sample and compared. */
#ifndef TESTS_KERNELS_ELEMENTWISE_RUNNERS_H
#define TESTS_KERNELS_ELEMENTWISE_RUNNERS_H

#include "kernels/elementwise.h"

enum { RUNNER_INPUTS = 4, RUNNER_OUTPUTS = 4, RUNNER_SUMS = 2 };

/* rows x columns floats. Outputs begin as copies of given values, which some kernels go on from. */
typedef struct sample {
  size_t rows, columns;
  const float *in[RUNNER_INPUTS];
  float *out[RUNNER_OUTPUTS];
  double *sums[RUNNER_SUMS]; /* columns doubles each */
} sample;

typedef struct elementwise_runner {
  const char *name;
  void (*run)(const cnn__elementwise_kernels *kernels, const sample *sample);
  double bound; /* SSE2: relative, and absolute against 1; negative: the same bits there, too */
} elementwise_runner;

extern const elementwise_runner elementwise_runners[];
extern const size_t elementwise_runner_count;

#endif
