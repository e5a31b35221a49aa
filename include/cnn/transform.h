/** @file
 * Transforms: what happens to an image between a dataset and a batch. Resizing, cropping, and
 * augmentation drawn anew for every sample of every epoch.
 */
#ifndef CNN_TRANSFORM_H
#define CNN_TRANSFORM_H

#include <cnn/dataset.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A step between a fetched image and its place in the batch. Immutable once made (and fitted). Owned
 * by whoever made it until a loader takes it.
 */
typedef struct cnn_transform cnn_transform;

/** Frees a transform that no loader has taken. NULL is fine. */
CNN_API void cnn_transform_free(cnn_transform *transform);

/**
 * What stands where the transformed image looks outside the original: on both sides of a row a b c d.
 */
typedef enum cnn_fill {
  CNN_FILL_NEAREST = 0,  /**< a a a a | a b c d | d d d d */
  CNN_FILL_CONSTANT = 1, /**< k k k k | a b c d | k k k k */
  CNN_FILL_REFLECT = 2,  /**< d c b a | a b c d | d c b a */
  /** d b c | a b c d | b c a, with period n - 1 as SciPy's; around a crop b c d | a b c d | a b c */
  CNN_FILL_WRAP = 3
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
  double fill_value;       /**< For CNN_FILL_CONSTANT, on the images' own scale. Default 0. */
  double channel_shift;    /**< Adds U(-s, s) to each channel, clipped to the image's own range. */
  /** With brightness_high: multiplies by U(low, high), not below 0 and, for uint8 images, not above
      255. */
  double brightness_low;
  double brightness_high; /**< See brightness_low. */
  /** Multiplies the result. Default 1. Use this or the loader's rescale, not both. */
  double rescale;
  int64_t samplewise_center;         /**< 1: subtracts each image's own mean. */
  int64_t samplewise_normalization;  /**< 1: also divides by each image's own deviation (+ 1e-6). */
  int64_t featurewise_center;        /**< 1: subtracts the set's mean: see cnn_transform_fit(). */
  int64_t featurewise_normalization; /**< 1: also divides by the set's deviation (+ 1e-6). */
  /** 1: centres by the set's mean, then whitens, in place of featurewise_normalization: see
      cnn_transform_fit(). */
  int64_t zca_whitening;
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
 * Every image at one size, or with short_side at one length of the shorter side: a crop then makes them
 * equal (uint8 stays uint8). NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
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
 * work grows with the cube of their number (3072: a minute or so). Files that the set leaves out
 * (skip_broken) are left out here, too.
 * @return CNN_OK, CNN_E_INVALID, CNN_E_SHAPE, CNN_E_LIMIT, CNN_E_NUMERIC (NaN or infinity), CNN_E_NOMEM,
 *         or what fetching fails with.
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

#ifndef __cplusplus
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
#endif

#ifdef __cplusplus
}
#endif

#endif
