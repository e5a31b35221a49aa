/* Shapes: dimensions outermost first, checked. */
#ifndef CNN_TENSOR_SHAPE_H
#define CNN_TENSOR_SHAPE_H

#include "base/status.h"
#include <cnn/tensor.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct cnn__shape {
  size_t rank; /* 0 to CNN_MAX_RANK */
  size_t dim[CNN_MAX_RANK];
} cnn__shape;

/* From a public, zero-terminated or counted list. CNN_E_SHAPE where rank exceeds CNN_MAX_RANK or a
   dimension is negative (or 0 and not allowed), CNN_E_LIMIT where the product overflows. who is the message's subject. */
cnn_status cnn__shape_read(const char *who, size_t rank, const int64_t *dims, bool allow_zero,
                           cnn__shape *shape);
/* The dimensions as the public face shows them, zeros behind them. */
void cnn__shape_show(const cnn__shape *shape, int64_t dims[CNN_MAX_RANK]);
bool cnn__shape_count(const cnn__shape *shape, size_t *count); /* product; false on overflow */
size_t cnn__shape_product(const cnn__shape *shape);            /* of one already checked */
bool cnn__shape_equal(const cnn__shape *a, const cnn__shape *b);
/* "32x32x3"; "scalar" for rank 0. Returns buffer. */
enum { CNN__SHAPE_TEXT = 8 * 21 + 1 };
char *cnn__shape_text(const cnn__shape *shape, char buffer[CNN__SHAPE_TEXT]);
size_t cnn__dtype_size(cnn_dtype dtype); /* 0 for values that are no dtype */

#endif
