/* Decoded images kept from epoch to epoch, first come until the budget is spent. What a batch holds
   does not depend on what is kept. Any thread at any time. */
#ifndef CNN_DATA_CACHE_H
#define CNN_DATA_CACHE_H

#include "data/dataset.h"

typedef struct cnn__cache cnn__cache;

cnn_status cnn__cache_new(cnn_context *context, size_t samples, uint64_t budget,
                          cnn__cache **cache);
void cnn__cache_free(cnn__cache *cache); /* NULL is fine */

typedef struct cnn__cached {
  const void *pixels; /* contiguous, with slack, valid for the cache's life */
  cnn_dtype dtype;
  cnn__shape shape; /* (height, width, channels) */
} cnn__cached;

/* False where it is not kept. */
bool cnn__cache_find(const cnn__cache *cache, size_t i, cnn__cached *image);
/* Keeps a copy if the budget allows. row: bytes from a row of image to the next. CNN_E_NOMEM. */
cnn_status cnn__cache_keep(cnn__cache *cache, size_t i, const cnn__cached *image, size_t row);

#endif
