#include "data/cache.h"
#include "ops/image.h"
#include <string.h>

typedef struct entry {
  cnn__cached image;
  _Alignas(64) unsigned char pixels[]; /* with slack */
} entry;

struct cnn__cache {
  cnn_context *context;
  size_t samples;
  atomic_ullong left; /* bytes of the budget */
  _Atomic(entry *) *entries;
};

cnn_status cnn__cache_new(cnn_context *context, size_t samples, uint64_t budget, cnn__cache **out) {
  cnn__cache *cache = cnn__calloc_array(context, 1, sizeof *cache, "a cache");
  if (!cache) return CNN_E_NOMEM;
  cache->entries = cnn__alloc_array(context, samples, sizeof *cache->entries, "a cache");
  if (!cache->entries) {
    cnn__free(context, cache);
    return CNN_E_NOMEM;
  }
  cache->context = context;
  cache->samples = samples;
  atomic_init(&cache->left, budget);
  for (size_t i = 0; i < samples; i++)
    atomic_init(&cache->entries[i], NULL);
  *out = cache;
  return CNN_OK;
}

void cnn__cache_free(cnn__cache *cache) {
  if (!cache) return;
  for (size_t i = 0; i < cache->samples; i++)
    cnn__free(cache->context, atomic_load(&cache->entries[i]));
  cnn__free(cache->context, cache->entries);
  cnn__free(cache->context, cache);
}

bool cnn__cache_find(const cnn__cache *cache, size_t i, cnn__cached *image) {
  entry *kept = atomic_load_explicit(&cache->entries[i], memory_order_acquire);
  if (!kept) return false;
  *image = kept->image;
  return true;
}

/* Takes bytes out of the budget, if they are in it. */
static bool spend(cnn__cache *cache, uint64_t bytes) {
  unsigned long long left = atomic_load(&cache->left);
  do {
    if (left < bytes) return false;
  } while (!atomic_compare_exchange_weak(&cache->left, &left, left - bytes));
  return true;
}

cnn_status cnn__cache_keep(cnn__cache *cache, size_t i, const cnn__cached *image, size_t row) {
  const size_t rows = image->shape.dim[0];
  const size_t size = image->shape.dim[1] * image->shape.dim[2] * cnn__dtype_size(image->dtype);
  const size_t bytes = sizeof(entry) + rows * size + CNN__IMAGE_SLACK;
  if (!spend(cache, bytes)) return CNN_OK;
  entry *fresh = cnn__alloc(cache->context, bytes, "a cached image");
  if (!fresh) return CNN_E_NOMEM;
  fresh->image = *image;
  fresh->image.pixels = fresh->pixels;
  for (size_t y = 0; y < rows; y++)
    memcpy(fresh->pixels + y * size, (const uint8_t *)image->pixels + y * row, size);
  memset(fresh->pixels + rows * size, 0, CNN__IMAGE_SLACK);
  entry *none = NULL;
  if (!atomic_compare_exchange_strong_explicit(&cache->entries[i], &none, fresh,
                                               memory_order_release, memory_order_relaxed)) {
    cnn__free(cache->context, fresh); /* another thread kept the same image first */
    atomic_fetch_add(&cache->left, bytes);
  }
  return CNN_OK;
}
