/** @file
 * Tensors: numbers with a shape, row-major and contiguous. Images are (height, width, channels), a
 * batch of them (count, height, width, channels).
 */
#ifndef CNN_TENSOR_H
#define CNN_TENSOR_H

#include <cnn/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The most dimensions a tensor has. */
#define CNN_MAX_RANK 8

/** What a tensor's elements are. Values are part of the ABI. */
typedef enum cnn_dtype {
  CNN_FLOAT32 = 1, /**< float */
  CNN_UINT8 = 2,   /**< uint8_t: pixels, 0 to 255 */
  CNN_INT32 = 3,   /**< int32_t: labels */
  CNN_INT64 = 4,   /**< int64_t */
  CNN_FLOAT64 = 5, /**< double */
  CNN_UINT64 = 6   /**< uint64_t: states of generators and counters */
} cnn_dtype;

/** A tensor. One thread at a time may change it; any number may read it meanwhile if none does. */
typedef struct cnn_tensor cnn_tensor;

/**
 * Makes a tensor of zeros.
 * @param dtype What its elements are.
 * @param rank  Number of dimensions, 0 (one element) to CNN_MAX_RANK.
 * @param shape rank sizes, outermost first, each 0 or more; NULL only where rank is 0.
 * @return The tensor, released with cnn_tensor_free(); NULL on failure: CNN_E_INVALID, CNN_E_SHAPE,
 *         CNN_E_LIMIT (its bytes overflow), CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_tensor *cnn_tensor_create(cnn_dtype dtype, int64_t rank, const int64_t *shape);

/**
 * As cnn_tensor_create(), with a copy of data.
 * @param data As many elements as shape has; never NULL, which is CNN_E_INVALID. Since 0.1.0.
 */
CNN_API cnn_tensor *cnn_tensor_copy_of(cnn_dtype dtype, int64_t rank, const int64_t *shape,
                                       const void *data);

/**
 * As cnn_tensor_create(), but shows the caller's data.
 * @param data As many elements as shape has, aligned for dtype; borrowed: the caller keeps it until the
 *             tensor is freed. Never NULL, which is CNN_E_INVALID. Since 0.1.0.
 */
CNN_API cnn_tensor *cnn_tensor_borrow(cnn_dtype dtype, int64_t rank, const int64_t *shape,
                                      void *data);

/** A copy with memory of its own, in the calling thread's context. NULL on failure: CNN_E_INVALID,
 * CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_tensor *cnn_tensor_clone(const cnn_tensor *tensor);

/** Frees the tensor, and its elements unless they are borrowed. NULL is fine. Since 0.1.0. */
CNN_API void cnn_tensor_free(cnn_tensor *tensor);

/* What follows reads a tensor. NULL gives the answer stated, and leaves CNN_E_INVALID pending unless
   another failure is. Since 0.1.0. */

/** What its elements are; CNN_FLOAT32 for NULL. */
CNN_API cnn_dtype cnn_tensor_dtype(const cnn_tensor *tensor);
/** Number of dimensions; 0 for NULL. */
CNN_API int64_t cnn_tensor_rank(const cnn_tensor *tensor);
/** Its sizes, rank of them, borrowed from the tensor; NULL for NULL. */
CNN_API const int64_t *cnn_tensor_shape(const cnn_tensor *tensor);
/** Number of elements; 0 for NULL. */
CNN_API int64_t cnn_tensor_count(const cnn_tensor *tensor);
/** Its elements, borrowed from the tensor, to read or to change; NULL for NULL. */
CNN_API void *cnn_tensor_data(cnn_tensor *tensor);
/** Its elements to read; NULL for NULL. */
CNN_API const void *cnn_tensor_const_data(const cnn_tensor *tensor);
/** Its elements where they are floats; NULL for NULL or another dtype (CNN_E_INVALID is pending). */
CNN_API const float *cnn_tensor_floats(const cnn_tensor *tensor);

/** Gives the tensor another shape of as many elements, which stay as they are. CNN_E_SHAPE where their
 * numbers differ, and nothing changes; CNN_E_INVALID for NULL. Since 0.1.0. */
CNN_API cnn_status cnn_tensor_reshape(cnn_tensor *tensor, int64_t rank, const int64_t *shape);

/**
 * Copies elements [begin, begin + count) of the first dimension into a new tensor.
 * NULL on failure: CNN_E_INVALID, CNN_E_SHAPE (out of range, or rank 0), CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_tensor *cnn_tensor_slice(const cnn_tensor *tensor, int64_t begin, int64_t count);

#ifdef __cplusplus
}
#endif

#endif
