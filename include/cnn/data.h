/** @file
 * Data: datasets, transforms (augmentation), and the loader that makes batches of them.
 *
 * files -> dataset -> loader (shuffle, decode, transform, batch, prefetch) -> model.
 *
 * A dataset says how many samples there are and fetches the i-th: an image (height, width, channels)
 * of uint8 or float32, and its label, a class index or a vector of floats. A loader turns it into
 * batches: the same seed gives the same batches, for any number of threads.
 */
#ifndef CNN_DATA_H
#define CNN_DATA_H

#include <cnn/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ datasets */

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
  int64_t classes; /**< Number of classes. Default: the largest index + 1, or the names' count. */
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
 * .jfif in any case, decoded by content when they are fetched. Names that begin with a dot are left out.
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
  /** Of every image; ends at the first 0; a first size of -1 says: they differ (height, width
      vary; channels as given in shape[2]). */
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
 * @param fraction   Share of the second part, in (0, 1).
 * @param stratified 1: the same share of each class.
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

/* ------------------------------------------------------------------ transforms */

/**
 * A step between a fetched image and its place in the batch. Immutable once made (and fitted). Owned
 * by whoever made it until a loader takes it.
 */
typedef struct cnn_transform cnn_transform;

/** Frees a transform that no loader has taken. NULL is fine. */
CNN_API void cnn_transform_free(cnn_transform *transform);

/**
 * What stands where the transformed image looks outside the original: "d c b a | a b c d | d c b
 * a".
 */
typedef enum cnn_fill {
  CNN_FILL_NEAREST = 0,  /**< a a a a | a b c d | d d d d */
  CNN_FILL_CONSTANT = 1, /**< k k k k | a b c d | k k k k */
  CNN_FILL_REFLECT = 2,  /**< d c b a | a b c d | d c b a */
  CNN_FILL_WRAP = 3      /**< b c d | a b c d | a b c, with period n - 1 as SciPy's */
} cnn_fill;

/** Settings of cnn_augmentation(), as Keras's ImageDataGenerator; 0 means off. */
typedef struct cnn_augmentation_options {
  size_t struct_size;      /**< sizeof(cnn_augmentation_options) */
  double rotation;         /**< Degrees: drawn from U(-rotation, rotation). */
  double width_shift;      /**< Below 1: a fraction of the width; else pixels: U(-s, s). */
  double height_shift;     /**< The same for the height. */
  double shear;            /**< Degrees: U(-shear, shear). */
  double zoom;             /**< U(1 - zoom, 1 + zoom) for each axis. Or zoom_low and zoom_high. */
  double zoom_low;         /**< With zoom_high: U(zoom_low, zoom_high) in place of zoom. */
  double zoom_high;        /**< See zoom_low. */
  int64_t horizontal_flip; /**< 1: mirrored left to right with probability 1/2. */
  int64_t vertical_flip;   /**< 1: mirrored top to bottom with probability 1/2. */
  int64_t fill;            /**< A cnn_fill. Default CNN_FILL_NEAREST. */
  double fill_value;       /**< For CNN_FILL_CONSTANT, on the 0-255 scale of uint8 images. */
  double channel_shift;    /**< Adds U(-s, s) to each channel, clipped to the image's own range. */
  /** With brightness_high: multiplies by U(low, high) on the 0-255 scale. */
  double brightness_low;
  double brightness_high; /**< See brightness_low. */
  /** Multiplies the result. Default 1. Use this or the loader's rescale, not both. */
  double rescale;
  int64_t samplewise_center;         /**< 1: subtracts each image's own mean. */
  int64_t samplewise_normalization;  /**< 1: also divides by each image's own deviation (+ 1e-6). */
  int64_t featurewise_center;        /**< 1: subtracts the set's mean: see cnn_transform_fit(). */
  int64_t featurewise_normalization; /**< 1: also divides by the set's deviation (+ 1e-6). */
  int64_t
      zca_whitening;  /**< 1: centres by the set's mean, then whitens: see cnn_transform_fit(). */
  double zca_epsilon; /**< Default 1e-6. */
} cnn_augmentation_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_augmentation_options_init(cnn_augmentation_options *options, size_t size);

/** Random augmentation of images. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_transform *cnn_augmentation_create(const cnn_augmentation_options *options);

/** How an image gets another size. */
typedef enum cnn_interpolation {
  CNN_BILINEAR = 0, /**< Triangle filter, widened when shrinking (anti-aliasing), as Pillow's. */
  CNN_NEAREST = 1,  /**< The nearest pixel. */
  CNN_BICUBIC = 2   /**< Cubic filter (a = -0.5), widened when shrinking, as Pillow's. */
} cnn_interpolation;

/** Settings of cnn_resize(). */
typedef struct cnn_resize_options {
  size_t struct_size; /**< sizeof(cnn_resize_options) */
  int64_t height;     /**< Required, unless short_side is given. */
  int64_t width;      /**< Default: the height. */
  /** In place of both: the shorter side gets this long, the other in proportion. */
  int64_t short_side;
  int64_t interpolation; /**< A cnn_interpolation. Default CNN_BILINEAR. */
} cnn_resize_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_resize_options_init(cnn_resize_options *options, size_t size);

/**
 * Every image at one size (uint8 stays uint8). NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since
 * 0.1.0.
 */
CNN_API cnn_transform *cnn_resize_create(const cnn_resize_options *options);

/** Settings of cnn_center_crop(). */
typedef struct cnn_center_crop_options {
  size_t struct_size; /**< sizeof(cnn_center_crop_options) */
  int64_t height;     /**< Required; no image may be lower. */
  int64_t width;      /**< Default: the height. */
} cnn_center_crop_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_center_crop_options_init(cnn_center_crop_options *options, size_t size);

/** The middle of every image. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0. */
CNN_API cnn_transform *cnn_center_crop_create(const cnn_center_crop_options *options);

/** Settings of cnn_random_crop(). */
typedef struct cnn_random_crop_options {
  size_t struct_size; /**< sizeof(cnn_random_crop_options) */
  int64_t height;     /**< Required. */
  int64_t width;      /**< Default: the height. */
  int64_t padding;    /**< Pixels added on every side first. Default 0. */
  /** A cnn_fill: what the padding shows. CNN_FILL_NEAREST (0) means the nearest pixels;
      CNN_FILL_CONSTANT fill_value. */
  int64_t fill;
  double fill_value; /**< For CNN_FILL_CONSTANT, on the images' own scale. Default 0. */
} cnn_random_crop_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_random_crop_options_init(cnn_random_crop_options *options, size_t size);

/**
 * A window at a random place, rows drawn before columns. In validation: the middle one.
 * NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_transform *cnn_random_crop_create(const cnn_random_crop_options *options);

/** Settings of cnn_random_resized_crop(). */
typedef struct cnn_random_resized_crop_options {
  size_t struct_size;    /**< sizeof(cnn_random_resized_crop_options) */
  int64_t height;        /**< Required. */
  int64_t width;         /**< Default: the height. */
  double scale_low;      /**< Least share of the image's area. Default 0.08. */
  double scale_high;     /**< Largest share. Default 1. */
  double ratio_low;      /**< Least width / height of the window. Default 3/4. */
  double ratio_high;     /**< Largest. Default 4/3. */
  int64_t interpolation; /**< A cnn_interpolation. Default CNN_BILINEAR. */
} cnn_random_resized_crop_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_random_resized_crop_options_init(cnn_random_resized_crop_options *options,
                                                  size_t size);

/**
 * A window of random area, shape (uniform in its logarithm) and place, at one size: up to ten draws
 * of area, shape, row and column until one lies inside, else the middle. In validation: the middle.
 * After Szegedy et al., "Going deeper with convolutions", 2015.
 * NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_transform *
cnn_random_resized_crop_create(const cnn_random_resized_crop_options *options);

/** Settings of cnn_color_jitter(); 0 means off. */
typedef struct cnn_color_jitter_options {
  size_t struct_size; /**< sizeof(cnn_color_jitter_options) */
  double brightness;  /**< Multiplies by U(1 - b, 1 + b), not below 0. */
  double contrast; /**< Draws values towards (or from) the image's mean grey by U(1 - c, 1 + c). */
  double saturation; /**< Draws colours towards (or from) their own grey by U(1 - s, 1 + s). */
  double hue;        /**< Turns the hue by U(-h, h) of the circle; at most 0.5. */
  /** Full brightness: results lie in [0, white]. Default 255 for uint8 images, 1 for float32. */
  double white;
} cnn_color_jitter_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_color_jitter_options_init(cnn_color_jitter_options *options, size_t size);

/**
 * Random brightness, contrast, saturation and hue, in this order of drawing, applied in a random
 * order; as torchvision's on floats. Images of 3 channels, or of 1 (grey: no saturation, no hue).
 * NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_transform *cnn_color_jitter_create(const cnn_color_jitter_options *options);

/** Settings of cnn_random_erasing(); 0 means the default. */
typedef struct cnn_random_erasing_options {
  size_t struct_size; /**< sizeof(cnn_random_erasing_options) */
  double probability; /**< Share of images that lose a rectangle. Default 0.5. */
  double scale_low;   /**< Least share of the image's area. Default 0.02. */
  double scale_high;  /**< Largest share. Default 0.33. */
  double ratio_low;   /**< Least height / width. Default 0.3. */
  double ratio_high;  /**< Largest. Default 3.3. */
  int64_t size; /**< In place of all of these: a square of this side, centred anywhere, so perhaps
                           partly outside (cutout). */
  double value; /**< What stands there instead, on the images' own scale. Default 0. */
  /** 1: uniform noise over [0, white] instead (255 for uint8 images, 1 for float32). */
  int64_t noise;
} cnn_random_erasing_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_random_erasing_options_init(cnn_random_erasing_options *options, size_t size);

/**
 * Random erasing (Zhong et al., 2017), or cutout (DeVries and Taylor, 2017). NULL on failure:
 * CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_transform *cnn_random_erasing_create(const cnn_random_erasing_options *options);

/** Settings of cnn_mixup() and cnn_cutmix(); 0 means the default. */
typedef struct cnn_mix_options {
  size_t struct_size; /**< sizeof(cnn_mix_options) */
  double alpha; /**< Shares are drawn from Beta(alpha, alpha). Default 0.2 (mixup), 1 (cutmix). */
  double probability; /**< Share of batches that are mixed. Default 1. */
} cnn_mix_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_mix_options_init(cnn_mix_options *options, size_t size);

/**
 * MixUp (Zhang et al., 2017): each image and its one-hot label is blended with another of the batch,
 * by one share a batch. Needs a loader with one_hot = 1 or vector labels. NULL on failure:
 * CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_transform *cnn_mixup_create(const cnn_mix_options *options);

/** CutMix (Yun et al., 2019): a rectangle comes from another image of the batch. As cnn_mixup(). */
CNN_API cnn_transform *cnn_cutmix_create(const cnn_mix_options *options);

/** Settings of cnn_normalize(). */
typedef struct cnn_normalize_options {
  size_t struct_size;      /**< sizeof(cnn_normalize_options) */
  int64_t channels;        /**< How many values mean and deviation have. Required. */
  const double *mean;      /**< Subtracted after rescaling; NULL: none. Copied. */
  const double *deviation; /**< Divided by afterwards, each above 0; NULL: none. Copied. */
  double rescale;          /**< Multiplies every value first. Default 1. */
} cnn_normalize_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_normalize_options_init(cnn_normalize_options *options, size_t size);

/**
 * Normalisation amid the transforms. At their end the loader's own rescale, mean and deviation are
 * the better place: they cost nothing there, and models store them. NULL on failure: CNN_E_INVALID,
 * CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_transform *cnn_normalize_create(const cnn_normalize_options *options);

/** Settings of cnn_custom_transform(). */
typedef struct cnn_custom_options {
  size_t struct_size; /**< sizeof(cnn_custom_options) */
  void *user;         /**< Handed to both functions. */
  /**
   * Changes one image in place: height * width * channels values on the images' own scale (0 to 255 for
   * uint8 images). Called from several threads at a time, each with an image of its own. A failure is
   * passed on: of the image (CNN_E_FORMAT) it may be skipped. Required.
   * @param seed  Where random is 1, a number drawn for this sample in this epoch; else 0.
   */
  cnn_status (*apply)(void *user, float *values, int64_t height, int64_t width, int64_t channels,
                      uint64_t seed);
  void (*release)(void *user); /**< Called once when the transform ends; may be NULL. */
  /** 1: what it does is random. It is then left out where nothing is drawn (validation, the first of
      several views), and what it makes is not cached. Default 0. */
  int64_t random;
} cnn_custom_options;

/** Fills options of the given size with the defaults. NULL is ignored. */
CNN_API void cnn_custom_options_init(cnn_custom_options *options, size_t size);

/**
 * A transform of one's own: Keras's preprocessing_function. NULL on failure: CNN_E_INVALID, CNN_E_NOMEM
 * (release is then not called). Since 0.1.0.
 */
CNN_API cnn_transform *cnn_custom_transform_create(const cnn_custom_options *options);

/**
 * Computes what featurewise standardisation and ZCA whitening need, over a set, before a loader takes
 * the transform; other transforms need nothing. Whitening takes images of at most 4096 values; its
 * work grows with the cube of their number (3072: a minute or so).
 * @return CNN_OK, CNN_E_INVALID, CNN_E_SHAPE, CNN_E_LIMIT, CNN_E_NUMERIC (NaN), CNN_E_NOMEM, or what
 *         fetching fails with.
 */
CNN_API cnn_status cnn_transform_fit(cnn_transform *transform, const cnn_dataset *dataset);

/**
 * Applies a transform to one image.
 * @param image  (height, width, channels), uint8 or float32.
 * @param seed,epoch,sample  Key the random draws: the same three give the same image, which is also
 *               what a loader with that seed makes of sample in epoch by this transform alone.
 * @return A new float32 tensor, freed by the caller; NULL on failure: CNN_E_INVALID, CNN_E_SHAPE,
 *         CNN_E_STATE (not fitted), CNN_E_UNSUPPORTED (one that mixes a batch), CNN_E_NOMEM.
 */
CNN_API cnn_tensor *cnn_augment_image(const cnn_transform *transform, const cnn_tensor *image,
                                      uint64_t seed, uint64_t epoch, uint64_t sample);

/* ------------------------------------------------------------------ loader */

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
 *         cnn_resize(), or transforms that do not fit them), CNN_E_STATE (a transform that is not
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

/* ------------------------------------------------------------------ images and arrays in files */

/**
 * Reads a PNG or JPEG image (by content) as (height, width, channels) uint8, turned as EXIF says.
 * Palettes are looked up, alpha is dropped, of 16 bits the upper 8 are taken, CMYK becomes RGB.
 * @param channels 3: RGB; 1: grey.
 * @return The image; NULL on failure: CNN_E_INVALID, CNN_E_NOT_FOUND, CNN_E_IO, CNN_E_FORMAT,
 *         CNN_E_LIMIT (over the context's max_pixels or max_file_bytes), CNN_E_UNSUPPORTED (a form, or
 *         a format that was left out of this build), CNN_E_NOMEM. Any thread. Since 0.1.0.
 */
CNN_API cnn_tensor *cnn_image_read(const char *path, int64_t channels);
/** The same from memory; name stands in messages (NULL: "image"). */
CNN_API cnn_tensor *cnn_image_decode(const char *name, const void *bytes, size_t size,
                                     int64_t channels);
/**
 * Writes (height, width, 1 or 3) uint8, or float32 in [0, 1], as PNG, whole or not at all; the same
 * pixels make the same file. CNN_OK, CNN_E_INVALID, CNN_E_NOT_FOUND (no such folder), CNN_E_IO,
 * CNN_E_UNSUPPORTED (built without libpng), CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_status cnn_image_write_png(const char *path, const cnn_tensor *image);

/**
 * Writes a file whole or not at all, as the library writes its own: a temporary file in the same
 * folder, flushed to the disk and renamed. Until then an older file stays as it was.
 * @param bytes size of them; NULL only where size is 0.
 * @return CNN_OK, CNN_E_INVALID, CNN_E_IO (path and cause in the message), CNN_E_NOMEM. Any thread.
 *         Since 0.1.0.
 */
CNN_API cnn_status cnn_file_write(const char *path, const void *bytes, size_t size);

/**
 * An image at another size, same dtype, as Pillow resizes (uint8: within one level).
 * @return A new tensor; NULL on failure: CNN_E_INVALID, CNN_E_SHAPE, CNN_E_LIMIT, CNN_E_NOMEM.
 */
CNN_API cnn_tensor *cnn_image_resize(const cnn_tensor *image, int64_t height, int64_t width,
                                     cnn_interpolation interpolation);

/**
 * Reads a NumPy .npy array (little-endian, C order; float32, float64, uint8, int32, int64, uint64).
 * NULL on failure: CNN_E_INVALID, CNN_E_NOT_FOUND, CNN_E_IO, CNN_E_FORMAT, CNN_E_UNSUPPORTED (another
 * dtype or order), CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_tensor *cnn_npy_read(const char *path);
/** Writes a tensor as .npy, whole or not at all. CNN_OK, CNN_E_INVALID, CNN_E_NOT_FOUND, CNN_E_IO,
 * CNN_E_NOMEM. */
CNN_API cnn_status cnn_npy_write(const char *path, const cnn_tensor *tensor);

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
/** cnn_augmentation_create() with named options. */
#define cnn_augmentation(...)                                                                      \
  cnn_augmentation_create(&(const cnn_augmentation_options){                                       \
      .struct_size = sizeof(cnn_augmentation_options), __VA_ARGS__})
/** cnn_resize_create() with named options. */
#define cnn_resize(...)                                                                            \
  cnn_resize_create(                                                                               \
      &(const cnn_resize_options){.struct_size = sizeof(cnn_resize_options), __VA_ARGS__})
/** cnn_center_crop_create() with named options. */
#define cnn_center_crop(...)                                                                       \
  cnn_center_crop_create(&(const cnn_center_crop_options){                                         \
      .struct_size = sizeof(cnn_center_crop_options), __VA_ARGS__})
/** cnn_random_crop_create() with named options. */
#define cnn_random_crop(...)                                                                       \
  cnn_random_crop_create(&(const cnn_random_crop_options){                                         \
      .struct_size = sizeof(cnn_random_crop_options), __VA_ARGS__})
/** cnn_random_resized_crop_create() with named options. */
#define cnn_random_resized_crop(...)                                                               \
  cnn_random_resized_crop_create(&(const cnn_random_resized_crop_options){                         \
      .struct_size = sizeof(cnn_random_resized_crop_options), __VA_ARGS__})
/** cnn_color_jitter_create() with named options. */
#define cnn_color_jitter(...)                                                                      \
  cnn_color_jitter_create(&(const cnn_color_jitter_options){                                       \
      .struct_size = sizeof(cnn_color_jitter_options), __VA_ARGS__})
/** cnn_random_erasing_create() with named options. */
#define cnn_random_erasing(...)                                                                    \
  cnn_random_erasing_create(&(const cnn_random_erasing_options){                                   \
      .struct_size = sizeof(cnn_random_erasing_options), __VA_ARGS__})
/** cnn_mixup_create() with named options. */
#define cnn_mixup(...)                                                                             \
  cnn_mixup_create(&(const cnn_mix_options){.struct_size = sizeof(cnn_mix_options), __VA_ARGS__})
/** cnn_cutmix_create() with named options. */
#define cnn_cutmix(...)                                                                            \
  cnn_cutmix_create(&(const cnn_mix_options){.struct_size = sizeof(cnn_mix_options), __VA_ARGS__})
/** cnn_normalize_create() with named options. */
#define cnn_normalize(...)                                                                         \
  cnn_normalize_create(                                                                            \
      &(const cnn_normalize_options){.struct_size = sizeof(cnn_normalize_options), __VA_ARGS__})
/** cnn_custom_transform_create() with named options. */
#define cnn_custom_transform(...)                                                                  \
  cnn_custom_transform_create(                                                                     \
      &(const cnn_custom_options){.struct_size = sizeof(cnn_custom_options), __VA_ARGS__})
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
