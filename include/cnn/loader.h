/** @file
 * The loader: makes batches of a dataset (shuffle, decode, transform, batch, prefetch). The same seed
 * gives the same batches, for any number of threads.
 */
#ifndef CNN_LOADER_H
#define CNN_LOADER_H

#include <cnn/transform.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Batches from a dataset. One thread at a time. */
typedef struct cnn_loader cnn_loader;

/** Most transforms of a loader. */
#define CNN_MAX_TRANSFORMS 16

/**
 * Settings of cnn_loader_new(); 0 means the default. What is done to an image: it is fetched (or
 * found in the cache), goes through transforms in order, then augment, then becomes
 * (value * rescale - mean) / deviation.
 */
typedef struct cnn_loader_options {
  size_t struct_size;      /**< sizeof(cnn_loader_options) */
  cnn_dataset *dataset;    /**< Stays the caller's; the loader keeps a reference. Required. */
  int64_t batch_size;      /**< Samples of a batch. Default 32. */
  int64_t shuffle;         /**< 1: a new order each epoch. Default 0. */
  int64_t drop_last;       /**< 1: leaves a short last batch out. Default 0: it is given, short. */
  uint64_t seed;           /**< Of order and transforms. Default: the context's. */
  double rescale;          /**< Multiplies every value, after the transforms. Default 1. */
  const double *mean;      /**< Subtracted after rescaling, one a channel; NULL: none. Copied. */
  const double *deviation; /**< Divided by afterwards, one a channel; NULL: none. Copied. */
  int64_t channels;        /**< How many values mean and deviation have. */
  cnn_transform *augment;  /**< Comes last. Owned from here on, on failure too. NULL: none. */
  /** In order; ends at the first NULL. Owned from here on, on failure too. */
  cnn_transform *transforms[CNN_MAX_TRANSFORMS];
  int64_t one_hot; /**< 1: labels as (count, classes) floats. Default 0. */
  /** Background threads that make batches ahead. Default 0: cnn_loader_next() makes the batch itself,
      with the context's threads. Content is the same for any number. */
  int64_t workers;
  int64_t prefetch;        /**< Batches that workers make ahead. Default 2. */
  uint64_t prefetch_bytes; /**< Bound of their memory; one is always made. Default 256 MiB. */
  /** Budget for decoded images kept from epoch to epoch, as they are before the first random
      transform. Default 0: none. Of no use for arrays in memory, unless transforms precede. */
  uint64_t cache_bytes;
  /** 1: samples that cannot be decoded (CNN_E_FORMAT, CNN_E_LIMIT, CNN_E_UNSUPPORTED) are left out of
      their batch, and counted. Default 0: their batch fails. */
  int64_t skip_broken;
  /** Test-time augmentation: each batch comes so many times in a row, first as validation sees it, then
      with its transforms drawn anew each time. Evaluating, validating, predicting and confusion matrices
      then go by the mean of a sample's outputs; training takes each view as a batch of its own. Not with
      cnn_mixup() and cnn_cutmix(). Default 1, at most 1024. */
  int64_t views;
} cnn_loader_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_loader_options_init(cnn_loader_options *options, size_t size);

/**
 * Makes a loader.
 * @return The loader; NULL on failure: CNN_E_INVALID, CNN_E_SHAPE (images of differing sizes and no
 *         cnn_resize() or crop that makes them alike, or transforms that do not fit them), CNN_E_STATE (a transform that is not
 *         fitted), CNN_E_LIMIT, CNN_E_NOMEM, CNN_E_THREAD. Since 0.1.0.
 */
CNN_API cnn_loader *cnn_loader_create(const cnn_loader_options *options);

/** Frees a loader, in the middle of an epoch too. NULL is fine. */
CNN_API void cnn_loader_free(cnn_loader *loader);

/**
 * The next batch.
 * @param images Receives (count, ...) float32, borrowed until the next call on this loader; NULL at
 *               the end of the epoch. The call after that begins the next epoch.
 * @param labels Receives (count, 1) int32 or (count, n) float32, likewise; NULL where the set has
 *               none. NULL if not wanted.
 * @return CNN_OK (also at the end), or what fetching fails with, images being NULL: the next call
 *         goes on with the batch after it. Once every kind of image has been met, no call allocates.
 */
CNN_API cnn_status cnn_loader_next(cnn_loader *loader, const cnn_tensor **images,
                                   const cnn_tensor **labels);

/**
 * Goes to a batch of an epoch, both counted from 0, whatever was read before: for resuming. What
 * follows is what an uninterrupted run gives. CNN_OK, CNN_E_INVALID.
 */
CNN_API cnn_status cnn_loader_seek(cnn_loader *loader, int64_t epoch, int64_t batch);
/** The epoch that the next batch belongs to, from 0. */
CNN_API int64_t cnn_loader_epoch(const cnn_loader *loader);
/** The place of the next batch in its epoch, from 0. */
CNN_API int64_t cnn_loader_position(const cnn_loader *loader);
/** Batches of an epoch, every view of them. */
CNN_API int64_t cnn_loader_batches(const cnn_loader *loader);
/** Samples of an epoch. */
CNN_API int64_t cnn_loader_samples(const cnn_loader *loader);
/** Samples of a batch (but perhaps the last). */
CNN_API int64_t cnn_loader_batch_size(const cnn_loader *loader);
/** The dataset, borrowed. */
CNN_API cnn_dataset *cnn_loader_dataset(const cnn_loader *loader);
/** Samples left out so far because they could not be decoded. */
CNN_API int64_t cnn_loader_skipped(const cnn_loader *loader);

#ifndef __cplusplus
/**
 * cnn_loader_create() with the dataset and named options: cnn_loader_new(train, .batch_size = 64).
 */
#define cnn_loader_new(...)                                                                        \
  cnn_loader_create(&(const cnn_loader_options){.struct_size = sizeof(cnn_loader_options),         \
                                                .dataset = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif

#endif
