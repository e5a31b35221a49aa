/* Sums over the rows of each column, in float64. Rows are taken in order within blocks, whose
   number depends on the rows alone; each block has sums of its own; then blocks in order. */
#ifndef CNN_OPS_COLUMNS_H
#define CNN_OPS_COLUMNS_H

#include "base/context.h"
#include "kernels/elementwise/normalization.h"
#include <stdbool.h>

typedef enum cnn__column_kind {
  CNN__COLUMN_SUMS,    /* of x */
  CNN__COLUMN_MOMENTS, /* of x and x^2 */
  CNN__COLUMN_PRODUCTS /* of dy and dy * (x - mean) */
} cnn__column_kind;

typedef struct cnn__columns {
  cnn__column_kind kind;
  size_t rows, columns;
  const float *x, *mean, *dy;          /* rows x columns; mean: columns */
  const cnn__normalization_gate *gate; /* of dy, or NULL */
} cnn__columns;

/* sums: how many each column has, 1 or 2. False where the bytes overflow. */
bool cnn__columns_scratch(size_t rows, size_t columns, size_t sums, size_t *bytes);

/* The sums of all columns, one after the other, then those of the second kind: within scratch,
   which is aligned to 64 bytes. */
const double *cnn__columns_sum(cnn_context *context, const cnn__columns *of, void *scratch);

#endif
