/** @file
 * Datasets: how many samples there are, and the i-th of them: an image (height, width, channels) of
 * uint8 or float32, and its label, a class index or a vector of floats.
 */
#ifndef CNN_DATASET_H
#define CNN_DATASET_H

#include <cnn/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A set of samples. Immutable: any thread may read it. Reference-counted by what stands on it. */
typedef struct cnn_dataset cnn_dataset;

/** Which part of a set that is published in two. */
typedef enum cnn_split {
  CNN_TRAIN = 0, /**< The training part. */
  CNN_TEST = 1   /**< The test part. */
} cnn_split;

/**
 * CIFAR-10 in its binary version: 50,000 training or 10,000 test images of 32x32x3, 10 classes.
 * @param folder The folder with data_batch_1.bin ... test_batch.bin, or its parent (with
 *               cifar-10-batches-bin in it).
 * @param split  CNN_TRAIN or CNN_TEST.
 * @return The dataset, in memory; NULL on failure: CNN_E_INVALID, CNN_E_NOT_FOUND (no such file),
 *         CNN_E_IO, CNN_E_FORMAT (a file too short or too long, a label out of range: the message
 *         names file, offset and expectation), CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_dataset *cnn_cifar10(const char *folder, cnn_split split);

/** CIFAR-100 likewise (train.bin, test.bin; cifar-100-binary): 100 fine classes. */
CNN_API cnn_dataset *cnn_cifar100(const char *folder, cnn_split split);

/** Settings of cnn_synthetic_images(); 0 means the default. */
typedef struct cnn_synthetic_options {
  size_t struct_size; /**< sizeof(cnn_synthetic_options) */
  int64_t count;      /**< How many images. Required. */
  int64_t split;      /**< A cnn_split: the two never share an image. Default CNN_TRAIN. */
  uint64_t seed;      /**< Default: the context's. */
} cnn_synthetic_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_synthetic_options_init(cnn_synthetic_options *options, size_t size);

/**
 * Made-up images in CIFAR-10's format: ten classes of coloured, textured shapes with clutter and
 * noise, 32x32x3, from a seed alone. Hard enough for a linear model to fail, easy enough for the
 * tutorial's network.
 * NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_dataset *cnn_synthetic_images_create(const cnn_synthetic_options *options);

/** Settings of cnn_array_dataset(). */
typedef struct cnn_array_options {
  size_t struct_size; /**< sizeof(cnn_array_options) */
  /** (count, height, width, channels) or (count, ...), uint8 or float32. Required. */
  const cnn_tensor *images;
  /** (count) or (count, 1) int32 class indices (also uint8, int64), or (count, n) float32.
      NULL: none. */
  const cnn_tensor *labels;
  int64_t
      classes; /**< Number of classes; required with class_names. Default: the largest index + 1. */
  const char *const *class_names; /**< classes names, copied; NULL: "0", "1", ... */
  int64_t borrow;                 /**< 1: no copy; the tensors outlive the dataset. Default 0. */
} cnn_array_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_array_options_init(cnn_array_options *options, size_t size);

/** Arrays in memory as a dataset. NULL on failure: CNN_E_INVALID, CNN_E_SHAPE, CNN_E_NOMEM. */
CNN_API cnn_dataset *cnn_array_dataset_create(const cnn_array_options *options);

/** Settings of cnn_image_folder(). */
typedef struct cnn_folder_options {
  size_t struct_size; /**< sizeof(cnn_folder_options) */
  const char *path;   /**< The folder: one sub-folder a class. Required. */
  int64_t channels;   /**< 3: RGB; 1: grey. Default 3. */
  /** The sub-folders to take, in this order, NULL-terminated; NULL: all, sorted by bytes. */
  const char *const *class_names;
  /** 1: files that cannot be decoded are skipped and counted; 0: they fail. */
  int64_t skip_broken;
  int64_t decode_height; /**< Large JPEGs may be decoded at a fraction of their size, not below this
                              height. Default: full size. */
  int64_t decode_width;  /**< See decode_height. */
} cnn_folder_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_folder_options_init(cnn_folder_options *options, size_t size);

/**
 * A folder of photographs, one sub-folder a class: files whose names end in .png, .jpg, .jpeg, .jpe or
 * .jfif in any case, decoded by content when they are fetched. Names that begin with a dot are left out,
 * and folders in a class's folder; a link counts as what it leads to.
 * NULL on failure: CNN_E_INVALID, CNN_E_NOT_FOUND, CNN_E_IO, CNN_E_UNSUPPORTED (built without
 * libpng and libturbojpeg), CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_dataset *cnn_image_folder_create(const cnn_folder_options *options);

/**
 * IDX files (MNIST, Fashion-MNIST), plain or gzip-compressed: images (count, height, width) become
 * (height, width, 1), (count, height, width, channels) stay. labels may be NULL. NULL on failure:
 * CNN_E_INVALID, CNN_E_NOT_FOUND, CNN_E_IO, CNN_E_FORMAT, CNN_E_UNSUPPORTED (not of bytes; gzip
 * without zlib), CNN_E_LIMIT, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_dataset *cnn_idx_dataset(const char *images, const char *labels);

/** Samples of a dataset of the user's own making. */
typedef struct cnn_dataset_callbacks {
  size_t struct_size; /**< sizeof(cnn_dataset_callbacks) */
  void *user;         /**< Handed to every function. */
  int64_t count;      /**< Number of samples. */
  /** Of every image; ends at the first 0. Or {-1, 0, channels}: heights and widths differ. */
  int64_t shape[CNN_MAX_RANK];
  int64_t dtype;                  /**< CNN_UINT8 or CNN_FLOAT32. Default CNN_UINT8. */
  int64_t label_width;            /**< 0: labels are class indices; n: vectors of n floats. */
  int64_t classes;                /**< Number of classes; 0 with label_width. */
  const char *const *class_names; /**< classes names, copied; may be NULL. */
  /**
   * Fetches sample i: gives *image a new tensor, which the caller frees, and the label: *index, or
   * label_width floats at vector. Called from several threads at a time. A failure is passed on.
   */
  cnn_status (*fetch)(void *user, int64_t i, cnn_tensor **image, int32_t *index, float *vector);
  void (*release)(void *user); /**< Called once when the dataset ends; may be NULL. */
  /** The label of sample i alone, as fetch gives it; NULL: fetch is asked, and its image freed. */
  cnn_status (*label)(void *user, int64_t i, int32_t *index, float *vector);
} cnn_dataset_callbacks;

/**
 * Makes a dataset of the caller's functions. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM (release
 * is then not called).
 */
CNN_API cnn_dataset *cnn_dataset_create(const cnn_dataset_callbacks *callbacks);

/**
 * Samples [begin, begin + count) of another set, which it keeps alive. NULL: CNN_E_INVALID,
 * CNN_E_NOMEM.
 */
CNN_API cnn_dataset *cnn_dataset_slice(cnn_dataset *dataset, int64_t begin, int64_t count);
/**
 * The samples that indices names, count of them. NULL: CNN_E_INVALID (out of range), CNN_E_NOMEM.
 */
CNN_API cnn_dataset *cnn_dataset_subset(cnn_dataset *dataset, const int64_t *indices,
                                        int64_t count);
/**
 * All samples of each set in turn; shapes and classes must agree. NULL: CNN_E_SHAPE,
 * CNN_E_INVALID, CNN_E_NOMEM.
 */
CNN_API cnn_dataset *cnn_dataset_concatenate(cnn_dataset *const *datasets, int64_t count);
/**
 * Splits a set in two at random, from a seed.
 * @param fraction   Share of the second part, in (0, 1), rounded to whole samples: a part may be empty.
 * @param stratified 1: the same share of each class, rounded in each: a fifth of two samples is none.
 * @param first,second Receive the parts; untouched on failure.
 * @return CNN_OK, CNN_E_INVALID, CNN_E_NOMEM.
 */
CNN_API cnn_status cnn_dataset_split(cnn_dataset *dataset, double fraction, int64_t stratified,
                                     uint64_t seed, cnn_dataset **first, cnn_dataset **second);

/** Gives up the caller's reference; loaders and subsets keep what they stand on. NULL is fine. */
CNN_API void cnn_dataset_free(cnn_dataset *dataset);

/** Number of samples; 0 for NULL. */
CNN_API int64_t cnn_dataset_count(const cnn_dataset *dataset);
/** Rank of one image, 0 for NULL. */
CNN_API int64_t cnn_dataset_rank(const cnn_dataset *dataset);
/** Shape of one image, borrowed; 0 for sizes that vary; NULL for NULL. */
CNN_API const int64_t *cnn_dataset_shape(const cnn_dataset *dataset);
/** CNN_UINT8 or CNN_FLOAT32: what images are made of. */
CNN_API cnn_dtype cnn_dataset_dtype(const cnn_dataset *dataset);
/** Number of classes; 0 where labels are vectors without class names. */
CNN_API int64_t cnn_dataset_classes(const cnn_dataset *dataset);
/** Width of a label vector; 0 where labels are class indices. */
CNN_API int64_t cnn_dataset_label_width(const cnn_dataset *dataset);
/** Name of a class, borrowed from the dataset; NULL where there is none such. */
CNN_API const char *cnn_dataset_class_name(const cnn_dataset *dataset, int64_t index);
/** Files that could not be decoded so far, each counted once, where the set skips them. */
CNN_API int64_t cnn_dataset_skipped(const cnn_dataset *dataset);
/**
 * Fetches sample i.
 * @param image Receives a new tensor, freed by the caller; NULL if not wanted.
 * @param index Receives the class index (-1 where labels are vectors); NULL if not wanted.
 * @param vector Receives label_width floats; NULL if not wanted.
 * @return CNN_OK, CNN_E_INVALID, what decoding can fail with, CNN_E_NOMEM.
 */
CNN_API cnn_status cnn_dataset_fetch(const cnn_dataset *dataset, int64_t i, cnn_tensor **image,
                                     int32_t *index, float *vector);

#ifndef __cplusplus
/** cnn_synthetic_images_create() with named options. */
#define cnn_synthetic_images(...)                                                                  \
  cnn_synthetic_images_create(                                                                     \
      &(const cnn_synthetic_options){.struct_size = sizeof(cnn_synthetic_options), __VA_ARGS__})
/** cnn_array_dataset_create() with named options. */
#define cnn_array_dataset(...)                                                                     \
  cnn_array_dataset_create(                                                                        \
      &(const cnn_array_options){.struct_size = sizeof(cnn_array_options), __VA_ARGS__})
/**
 * cnn_image_folder_create() with the path and named options: cnn_image_folder("photos", .channels
 * = 1).
 */
#define cnn_image_folder(...)                                                                      \
  cnn_image_folder_create(                                                                         \
      &(const cnn_folder_options){.struct_size = sizeof(cnn_folder_options), .path = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif

#endif
