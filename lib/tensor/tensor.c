#include "tensor/tensor.h"

#include "base/size.h"
#include <assert.h>
#include <string.h>

static void set_shape(cnn_tensor *tensor, const cnn__shape *shape) {
  tensor->shape = *shape;
  cnn__shape_show(shape, tensor->dims);
}

static cnn_status count_bytes(const char *who, cnn_dtype dtype, const cnn__shape *shape,
                              size_t *bytes) {
  size_t count, size = cnn__dtype_size(dtype);
  if (size == 0) return cnn__fail(CNN_E_INVALID, "%s: %d is no dtype", who, (int)dtype);
  if (!cnn__shape_count(shape, &count) || !cnn__size_mul(count, size, bytes) ||
      *bytes > PTRDIFF_MAX) {
    char text[CNN__SHAPE_TEXT];
    return cnn__fail(CNN_E_LIMIT, "%s: shape %s of %zu-byte elements exceeds memory", who,
                     cnn__shape_text(shape, text), size);
  }
  return CNN_OK;
}

/* A tensor over data, or, where data is NULL, over zeros of its own. */
static cnn_tensor *make(const char *who, cnn_context *context, cnn_dtype dtype,
                        const cnn__shape *shape, void *data, bool borrow) {
  size_t bytes = 0;
  if (count_bytes(who, dtype, shape, &bytes) != CNN_OK) return NULL;
  cnn_tensor *tensor = cnn__calloc_array(context, 1, sizeof *tensor, "a tensor");
  if (tensor == NULL) return NULL;
  tensor->dtype = dtype;
  tensor->bytes = bytes;
  tensor->owned = !borrow;
  tensor->data = borrow ? data : cnn__calloc_array(context, bytes, 1, "a tensor's elements");
  if (!borrow && tensor->data == NULL) {
    cnn__free(context, tensor);
    return NULL;
  }
  set_shape(tensor, shape);
  tensor->context = cnn__context_retain(context);
  return tensor;
}

/* As make(), from what a caller gave, in the current context. */
static cnn_tensor *make_public(const char *who, cnn_dtype dtype, int64_t rank, const int64_t *dims,
                               void *data, bool borrow) {
  cnn__shape shape;
  if (rank < 0) {
    cnn__fail(CNN_E_SHAPE, "%s: rank %lld is negative", who, (long long)rank);
    return NULL;
  }
  size_t checked_rank = (uint64_t)rank > CNN_MAX_RANK ? CNN_MAX_RANK + 1 : (size_t)rank;
  if (cnn__shape_read(who, checked_rank, dims, true, &shape) != CNN_OK) return NULL;
  cnn_context *context = cnn__context_acquire();
  if (context == NULL) return NULL;
  cnn_tensor *tensor = make(who, context, dtype, &shape, data, borrow);
  cnn_context_free(context);
  return tensor;
}

cnn_tensor *cnn__tensor_new(cnn_context *context, cnn_dtype dtype, const cnn__shape *shape) {
  return make("tensor", context, dtype, shape, NULL, false);
}

void cnn__tensor_point(cnn_tensor *tensor, const cnn__shape *shape, void *data) {
  if (tensor->owned) cnn__free(tensor->context, tensor->data);
  tensor->owned = false;
  tensor->data = data;
  tensor->bytes = cnn__shape_product(shape) * cnn__dtype_size(tensor->dtype);
  set_shape(tensor, shape);
}

cnn_tensor *cnn_tensor_create(cnn_dtype dtype, int64_t rank, const int64_t *shape) {
  return make_public("cnn_tensor_create", dtype, rank, shape, NULL, false);
}

cnn_tensor *cnn_tensor_copy_of(cnn_dtype dtype, int64_t rank, const int64_t *shape,
                               const void *data) {
  if (!cnn__given("cnn_tensor_copy_of", "data", data)) return NULL;
  cnn_tensor *tensor = make_public("cnn_tensor_copy_of", dtype, rank, shape, NULL, false);
  if (tensor != NULL) memcpy(tensor->data, data, tensor->bytes);
  return tensor;
}

cnn_tensor *cnn_tensor_borrow(cnn_dtype dtype, int64_t rank, const int64_t *shape, void *data) {
  if (!cnn__given("cnn_tensor_borrow", "data", data)) return NULL;
  return make_public("cnn_tensor_borrow", dtype, rank, shape, data, true);
}

cnn_tensor *cnn_tensor_clone(const cnn_tensor *tensor) {
  if (!cnn__given("cnn_tensor_clone", "tensor", tensor)) return NULL;
  cnn_tensor *clone = make_public("cnn_tensor_clone", tensor->dtype, (int64_t)tensor->shape.rank,
                                  tensor->dims, NULL, false);
  if (clone != NULL && tensor->bytes > 0) memcpy(clone->data, tensor->data, tensor->bytes);
  return clone;
}

void cnn_tensor_free(cnn_tensor *tensor) {
  if (tensor == NULL) return;
  cnn_context *context = tensor->context;
  if (tensor->owned) cnn__free(context, tensor->data);
  cnn__free(context, tensor);
  cnn_context_free(context);
}

cnn_dtype cnn_tensor_dtype(const cnn_tensor *tensor) {
  return cnn__given("cnn_tensor_dtype", "tensor", tensor) ? tensor->dtype : CNN_FLOAT32;
}

int64_t cnn_tensor_rank(const cnn_tensor *tensor) {
  return cnn__given("cnn_tensor_rank", "tensor", tensor) ? (int64_t)tensor->shape.rank : 0;
}

const int64_t *cnn_tensor_shape(const cnn_tensor *tensor) {
  return cnn__given("cnn_tensor_shape", "tensor", tensor) ? tensor->dims : NULL;
}

int64_t cnn_tensor_count(const cnn_tensor *tensor) {
  return cnn__given("cnn_tensor_count", "tensor", tensor)
             ? (int64_t)cnn__shape_product(&tensor->shape)
             : 0;
}

void *cnn_tensor_data(cnn_tensor *tensor) {
  return cnn__given("cnn_tensor_data", "tensor", tensor) ? tensor->data : NULL;
}

const void *cnn_tensor_const_data(const cnn_tensor *tensor) {
  return cnn__given("cnn_tensor_const_data", "tensor", tensor) ? tensor->data : NULL;
}

const float *cnn_tensor_floats(const cnn_tensor *tensor) {
  if (!cnn__given("cnn_tensor_floats", "tensor", tensor)) return NULL;
  if (tensor->dtype == CNN_FLOAT32) return tensor->data;
  cnn__fail(CNN_E_INVALID, "cnn_tensor_floats: the tensor's dtype is %d, not CNN_FLOAT32 (%d)",
            (int)tensor->dtype, CNN_FLOAT32);
  return NULL;
}

cnn_status cnn_tensor_reshape(cnn_tensor *tensor, int64_t rank, const int64_t *shape) {
  const char *who = "cnn_tensor_reshape";
  if (tensor == NULL) return cnn__fail_null(who, "tensor");
  if (rank < 0 || rank > CNN_MAX_RANK)
    return cnn__fail(CNN_E_SHAPE, "%s: rank %lld is not in 0 to %d", who, (long long)rank,
                     CNN_MAX_RANK);
  cnn__shape wanted;
  cnn_status status = cnn__shape_read(who, (size_t)rank, shape, true, &wanted);
  if (status != CNN_OK) return status;
  if (cnn__shape_product(&wanted) != cnn__shape_product(&tensor->shape)) {
    char from[CNN__SHAPE_TEXT], to[CNN__SHAPE_TEXT];
    return cnn__fail(CNN_E_SHAPE, "%s: %s has %zu elements and %s has %zu", who,
                     cnn__shape_text(&tensor->shape, from), cnn__shape_product(&tensor->shape),
                     cnn__shape_text(&wanted, to), cnn__shape_product(&wanted));
  }
  set_shape(tensor, &wanted);
  return CNN_OK;
}

cnn_tensor *cnn_tensor_slice(const cnn_tensor *tensor, int64_t begin, int64_t count) {
  const char *who = "cnn_tensor_slice";
  if (!cnn__given(who, "tensor", tensor)) return NULL;
  if (tensor->shape.rank == 0) {
    cnn__fail(CNN_E_SHAPE, "%s: a scalar has no dimension to slice", who);
    return NULL;
  }
  int64_t size = tensor->dims[0];
  if (begin < 0 || count < 0 || begin > size || count > size - begin) {
    cnn__fail(CNN_E_SHAPE, "%s: %lld elements from %lld on exceed the first dimension, %lld", who,
              (long long)count, (long long)begin, (long long)size);
    return NULL;
  }
  int64_t dims[CNN_MAX_RANK];
  memcpy(dims, tensor->dims, sizeof dims);
  dims[0] = count;
  cnn_tensor *slice =
      make_public(who, tensor->dtype, (int64_t)tensor->shape.rank, dims, NULL, false);
  if (slice != NULL && slice->bytes > 0) {
    size_t row = tensor->bytes / (size_t)size;
    memcpy(slice->data, (const unsigned char *)tensor->data + (size_t)begin * row, slice->bytes);
  }
  return slice;
}
