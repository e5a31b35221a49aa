#include "tensor/shape.h"

#include "base/size.h"
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

cnn_status cnn__shape_read(const char *who, size_t rank, const int64_t *dims, bool allow_zero,
                           cnn__shape *shape) {
  if (rank > CNN_MAX_RANK)
    return cnn__fail(CNN_E_SHAPE, "%s: rank %zu exceeds %d", who, rank, CNN_MAX_RANK);
  if (rank > 0 && dims == NULL) return cnn__fail_null(who, "shape");
  cnn__shape read = {.rank = rank};
  for (size_t i = 0; i < rank; i++) {
    if (dims[i] < (allow_zero ? 0 : 1))
      return cnn__fail(CNN_E_SHAPE, "%s: dimension %zu is %lld, which must be %s", who, i,
                       (long long)dims[i], allow_zero ? "0 or more" : "1 or more");
    if ((uint64_t)dims[i] > SIZE_MAX)
      return cnn__fail(CNN_E_LIMIT, "%s: dimension %zu is %lld, which exceeds memory", who, i,
                       (long long)dims[i]);
    read.dim[i] = (size_t)dims[i];
  }
  size_t count;
  if (!cnn__shape_count(&read, &count)) {
    char text[CNN__SHAPE_TEXT];
    return cnn__fail(CNN_E_LIMIT, "%s: shape %s has more elements than can be counted", who,
                     cnn__shape_text(&read, text));
  }
  *shape = read;
  return CNN_OK;
}

void cnn__shape_show(const cnn__shape *shape, int64_t dims[CNN_MAX_RANK]) {
  for (size_t i = 0; i < CNN_MAX_RANK; i++)
    dims[i] = i < shape->rank ? (int64_t)shape->dim[i] : 0;
}

/* An empty dimension does not excuse the others: they are multiplied wherever rows are addressed. */
bool cnn__shape_count(const cnn__shape *shape, size_t *count) {
  size_t product = 1;
  bool empty = false;
  for (size_t i = 0; i < shape->rank; i++) {
    if (shape->dim[i] == 0)
      empty = true;
    else if (!cnn__size_mul(product, shape->dim[i], &product) || product > PTRDIFF_MAX)
      return false;
  }
  *count = empty ? 0 : product;
  return true;
}

size_t cnn__shape_product(const cnn__shape *shape) {
  size_t count = 0;
  bool fits = cnn__shape_count(shape, &count);
  assert(fits);
  (void)fits;
  return count;
}

bool cnn__shape_equal(const cnn__shape *a, const cnn__shape *b) {
  return a->rank == b->rank &&
         (a->rank == 0 || memcmp(a->dim, b->dim, a->rank * sizeof a->dim[0]) == 0);
}

char *cnn__shape_text(const cnn__shape *shape, char buffer[CNN__SHAPE_TEXT]) {
  size_t used = (size_t)snprintf(buffer, CNN__SHAPE_TEXT, "%s", shape->rank == 0 ? "scalar" : "");
  for (size_t i = 0; i < shape->rank; i++)
    used += (size_t)snprintf(buffer + used, CNN__SHAPE_TEXT - used, "%s%zu", i == 0 ? "" : "x",
                             shape->dim[i]);
  return buffer;
}

size_t cnn__dtype_size(cnn_dtype dtype) {
  switch (dtype) {
  case CNN_FLOAT32:
    return sizeof(float);
  case CNN_UINT8:
    return sizeof(uint8_t);
  case CNN_INT32:
    return sizeof(int32_t);
  case CNN_INT64:
    return sizeof(int64_t);
  case CNN_FLOAT64:
    return sizeof(double);
  case CNN_UINT64:
    return sizeof(uint64_t);
  }
  return 0;
}
