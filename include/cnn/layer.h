/** @file
 * Layers: descriptions of one step of a network, a kind and its settings. A layer holds no weights
 * and no buffers; the model that takes it does.
 *
 * In C each constructor takes named options: cnn_conv2d(.filters = 32, .kernel = {3, 3}). Behind it
 * stands a plain function, cnn_conv2d_create(&options), for C++, bindings and computed options. In
 * options 0 means the default. Every constructor returns NULL on failure: CNN_E_INVALID (an option
 * that is missing, negative or too large, an unknown kind) or CNN_E_NOMEM; the message names the
 * option, its value and its range. Options are read during the call only, names are copied. Integers
 * go up to 2^31 - 1. Names are 1 to 200 bytes of UTF-8 without a slash or control characters.
 *
 * Shapes are checked when the model is built, where they are known: a window that does not fit is
 * CNN_E_SHAPE there, a size that no memory can hold CNN_E_LIMIT.
 *
 * Activations are (count, height, width, channels); shapes leave the count out. Terms, defaults and
 * formulas are those of Keras.
 */
#ifndef CNN_LAYER_H
#define CNN_LAYER_H

#include <cnn/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A layer's description. Owned by whoever made it until a model takes it. One thread at a time. */
typedef struct cnn_layer cnn_layer;

/** Frees a layer that no model has taken. NULL is fine. Since 0.1.0. */
CNN_API void cnn_layer_free(cnn_layer *layer);

/** Says "zero itself" in any real option where 0 means the default: .rate, .momentum, .slope,
 * .learning_rate, .beta_1, .threshold, .min_delta, ... */
#define CNN_ZERO (-2.2250738585072014e-308)

/** Element-wise functions. Values are part of the ABI and of the file format. */
typedef enum cnn_activation_kind {
  CNN_LINEAR = 0,     /**< x */
  CNN_RELU = 1,       /**< max(x, 0) */
  CNN_LEAKY_RELU = 2, /**< x where x >= 0, slope * x elsewhere; slope 0.2 unless a layer says so */
  CNN_RELU6 = 3,      /**< min(max(x, 0), 6) */
  CNN_SIGMOID = 4,    /**< 1 / (1 + exp(-x)) */
  CNN_TANH = 5,       /**< tanh(x) */
  CNN_SOFTMAX = 6,    /**< exp(x) / sum exp(x) over the last dimension */
  CNN_ELU = 7,        /**< x where x > 0, slope * (exp(x) - 1) elsewhere; slope 1 */
  CNN_GELU = 8,       /**< x * (1 + erf(x / sqrt 2)) / 2 (Hendrycks and Gimpel, 2016) */
  CNN_SILU = 9,       /**< x * sigmoid(x), also called swish */
  CNN_SOFTPLUS = 10   /**< log(1 + exp(x)) */
} cnn_activation_kind;

/** How a window meets the border. */
typedef enum cnn_padding {
  CNN_VALID = 0, /**< Only whole windows: out = floor((in - window) / stride) + 1. */
  CNN_SAME = 1 /**< out = ceil(in / stride); an odd cell of padding goes to the bottom and right. */
} cnn_padding;

/**
 * How a parameter begins. Fans count the kernel's cells, as Keras does: fan_in = kh * kw * (the
 * kernel's last but one size), fan_out = kh * kw * (its last size). Truncated normals are drawn again
 * beyond two deviations. What is drawn follows from the context's seed and the parameter's place.
 */
typedef enum cnn_initializer {
  CNN_INITIALIZER_DEFAULT = 0, /**< Glorot uniform for kernels, zeros for biases. */
  CNN_GLOROT_UNIFORM = 1,      /**< U(-a, a), a = sqrt(6 / (fan_in + fan_out)) (Glorot, 2010). */
  CNN_GLOROT_NORMAL = 2,       /**< Truncated normal of variance 2 / (fan_in + fan_out). */
  CNN_HE_UNIFORM = 3,          /**< U(-a, a), a = sqrt(6 / fan_in) (He, 2015). */
  CNN_HE_NORMAL = 4,           /**< Truncated normal, variance 2 / fan_in. */
  CNN_LECUN_UNIFORM = 5,       /**< U(-a, a), a = sqrt(3 / fan_in). */
  CNN_LECUN_NORMAL = 6,        /**< Truncated normal, variance 1 / fan_in. */
  CNN_ORTHOGONAL = 7,      /**< scale (1 by default) times a random orthogonal matrix of (all sizes
                                    but the last) rows and (the last) columns (Saxe, 2014). */
  CNN_ZEROS = 8,           /**< 0 */
  CNN_ONES = 9,            /**< 1 */
  CNN_RANDOM_UNIFORM = 10, /**< U(-s, s), s the scale option, 0.05 by default. */
  CNN_RANDOM_NORMAL = 11,  /**< Normal, deviation scale, 0.05 by default. */
  CNN_TRUNCATED_NORMAL = 12, /**< The same, cut at two deviations. */
  CNN_CONSTANT = 13          /**< scale itself. */
} cnn_initializer;

/** Settings of cnn_input(); 0 means the default. */
typedef struct cnn_input_options {
  size_t struct_size;          /**< sizeof(cnn_input_options) */
  int64_t shape[CNN_MAX_RANK]; /**< Height, width, channels, or fewer or more sizes, without the
                                    count; ends at the first 0. Required. */
  const char *name;            /**< Copied. Default: as Keras numbers it, "input", "input_1", ... */
} cnn_input_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_input_options_init(cnn_input_options *options, size_t size);

/**
 * The shape of one sample. The first layer of a model.
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *cnn_input_create(const cnn_input_options *options);

#ifndef __cplusplus
/** cnn_input_create() with named options. */
#define cnn_input(...)                                                                             \
  cnn_input_create(                                                                                \
      &(const cnn_input_options){.struct_size = sizeof(cnn_input_options), __VA_ARGS__})
#endif

/** Settings of cnn_conv2d(); 0 means the default. */
typedef struct cnn_conv2d_options {
  size_t struct_size;  /**< sizeof(cnn_conv2d_options) */
  int64_t filters;     /**< Number of output channels. Required. */
  int64_t kernel[2];   /**< Height and width of the window; {3} is {3, 3}. Required. */
  int64_t stride[2];   /**< Rows and columns from one window to the next. Default {1, 1}; {2} is
                           {2, 2}. */
  int64_t padding;     /**< A cnn_padding. Default CNN_VALID. */
  int64_t dilation[2]; /**< Distance between cells of the window. Default {1, 1}. Together with a
                            stride, too, which Keras refuses. */
  int64_t groups; /**< Input and output channels are split into so many independent convolutions;
                            divides both. Default 1. */
  int64_t activation;         /**< A cnn_activation_kind. Default CNN_LINEAR. */
  int64_t no_bias;            /**< 1: no bias. Default 0. */
  int64_t kernel_initializer; /**< A cnn_initializer. Default Glorot uniform. */
  int64_t bias_initializer;   /**< A cnn_initializer. Default zeros. */
  double kernel_scale;        /**< For initializers that take one; else an error. Default theirs. */
  double bias_scale;          /**< Likewise. */
  double kernel_l2; /**< Adds kernel_l2 * sum of squares of the kernel to the loss. Default 0. */
  int64_t frozen;   /**< 1: not trained, as trainable=False in Keras. Default 0. */
  const char *name; /**< Copied. Default: as Keras numbers it, "conv2d", "conv2d_1", ... */
} cnn_conv2d_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_conv2d_options_init(cnn_conv2d_options *options, size_t size);

/**
 * 2-D convolution. In (h, w, in); out (h', w', filters), h' and w' by padding, where a window spans
 * (kernel - 1) * dilation + 1 cells; parameters kernel (kh, kw, in / groups, filters) and bias (filters).
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *cnn_conv2d_create(const cnn_conv2d_options *options);

#ifndef __cplusplus
/** cnn_conv2d_create() with named options. */
#define cnn_conv2d(...)                                                                            \
  cnn_conv2d_create(                                                                               \
      &(const cnn_conv2d_options){.struct_size = sizeof(cnn_conv2d_options), __VA_ARGS__})
#endif

/** Settings of cnn_depthwise_conv2d(); 0 means the default. */
typedef struct cnn_depthwise_conv2d_options {
  size_t struct_size;         /**< sizeof(cnn_depthwise_conv2d_options) */
  int64_t multiplier;         /**< Output channels for each input channel. Default 1. */
  int64_t kernel[2];          /**< Height and width of the window; {3} is {3, 3}. Required. */
  int64_t stride[2];          /**< Default {1, 1}; {2} is {2, 2}. */
  int64_t padding;            /**< A cnn_padding. Default CNN_VALID. */
  int64_t dilation[2];        /**< Distance between cells of the window. Default {1, 1}. */
  int64_t activation;         /**< A cnn_activation_kind. Default CNN_LINEAR. */
  int64_t no_bias;            /**< 1: no bias. Default 0. */
  int64_t kernel_initializer; /**< A cnn_initializer. Default Glorot uniform. */
  int64_t bias_initializer;   /**< A cnn_initializer. Default zeros. */
  double kernel_scale;        /**< For initializers that take one; else an error. Default theirs. */
  double bias_scale;          /**< Likewise. */
  double kernel_l2; /**< Adds kernel_l2 * sum of squares of the kernel to the loss. Default 0. */
  int64_t frozen;   /**< 1: not trained, as trainable=False in Keras. Default 0. */
  /** Copied. Default: as Keras numbers it, "depthwise_conv2d", "depthwise_conv2d_1", ... */
  const char *name;
} cnn_depthwise_conv2d_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_depthwise_conv2d_options_init(cnn_depthwise_conv2d_options *options, size_t size);

/**
 * Depthwise 2-D convolution: each channel by itself. In (h, w, in); out (h', w', in * multiplier), where
 * channel c's outputs are c * multiplier and on; parameters kernel (kh, kw, in, multiplier) and bias
 * (in * multiplier).
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *cnn_depthwise_conv2d_create(const cnn_depthwise_conv2d_options *options);

#ifndef __cplusplus
/** cnn_depthwise_conv2d_create() with named options. */
#define cnn_depthwise_conv2d(...)                                                                  \
  cnn_depthwise_conv2d_create(&(const cnn_depthwise_conv2d_options){                               \
      .struct_size = sizeof(cnn_depthwise_conv2d_options), __VA_ARGS__})
#endif

/** Settings of cnn_max_pool2d(); 0 means the default. */
typedef struct cnn_max_pool2d_options {
  size_t struct_size; /**< sizeof(cnn_max_pool2d_options) */
  int64_t pool[2];    /**< Height and width of the window; {3} is {3, 3}. Default {2, 2}. */
  int64_t stride[2];  /**< Default: the window's size. */
  int64_t padding;    /**< A cnn_padding. Default CNN_VALID. */
  /** Copied. Default: as Keras numbers it, "max_pooling2d", "max_pooling2d_1", ... */
  const char *name;
} cnn_max_pool2d_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_max_pool2d_options_init(cnn_max_pool2d_options *options, size_t size);

/**
 * The largest value of each window. In (h, w, c); out (h', w', c). The first in row-major order wins a
 * tie, and takes the gradient; NaN wins over all.
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *cnn_max_pool2d_create(const cnn_max_pool2d_options *options);

#ifndef __cplusplus
/** cnn_max_pool2d_create() with named options. */
#define cnn_max_pool2d(...)                                                                        \
  cnn_max_pool2d_create(                                                                           \
      &(const cnn_max_pool2d_options){.struct_size = sizeof(cnn_max_pool2d_options), __VA_ARGS__})
#endif

/** Settings of cnn_average_pool2d(); 0 means the default. */
typedef struct cnn_average_pool2d_options {
  size_t struct_size; /**< sizeof(cnn_average_pool2d_options) */
  int64_t pool[2];    /**< Height and width of the window; {3} is {3, 3}. Default {2, 2}. */
  int64_t stride[2];  /**< Default: the window's size. */
  int64_t padding;    /**< A cnn_padding. Default CNN_VALID. */
  /** Copied. Default: as Keras numbers it, "average_pooling2d", "average_pooling2d_1", ... */
  const char *name;
} cnn_average_pool2d_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_average_pool2d_options_init(cnn_average_pool2d_options *options, size_t size);

/**
 * The mean of each window's real cells.
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *cnn_average_pool2d_create(const cnn_average_pool2d_options *options);

#ifndef __cplusplus
/** cnn_average_pool2d_create() with named options. */
#define cnn_average_pool2d(...)                                                                    \
  cnn_average_pool2d_create(&(const cnn_average_pool2d_options){                                   \
      .struct_size = sizeof(cnn_average_pool2d_options), __VA_ARGS__})
#endif

/** Settings of cnn_global_average_pool2d(); 0 means the default. */
typedef struct cnn_global_average_pool2d_options {
  size_t struct_size; /**< sizeof(cnn_global_average_pool2d_options) */
  /** Copied. Default: as Keras numbers it, "global_average_pooling2d", "global_average_pooling2d_1", ... */
  const char *name;
} cnn_global_average_pool2d_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_global_average_pool2d_options_init(cnn_global_average_pool2d_options *options,
                                                    size_t size);

/**
 * The mean over height and width. In (h, w, c); out (c).
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *
cnn_global_average_pool2d_create(const cnn_global_average_pool2d_options *options);

#ifndef __cplusplus
/** cnn_global_average_pool2d_create() with named options. */
#define cnn_global_average_pool2d(...)                                                             \
  cnn_global_average_pool2d_create(&(const cnn_global_average_pool2d_options){                     \
      .struct_size = sizeof(cnn_global_average_pool2d_options), __VA_ARGS__})
#endif

/** Settings of cnn_flatten(); 0 means the default. */
typedef struct cnn_flatten_options {
  size_t struct_size; /**< sizeof(cnn_flatten_options) */
  const char *name;   /**< Copied. Default: as Keras numbers it, "flatten", "flatten_1", ... */
} cnn_flatten_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_flatten_options_init(cnn_flatten_options *options, size_t size);

/**
 * All dimensions in one, row-major: (h, w, c) becomes (h * w * c).
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *cnn_flatten_create(const cnn_flatten_options *options);

#ifndef __cplusplus
/** cnn_flatten_create() with named options. */
#define cnn_flatten(...)                                                                           \
  cnn_flatten_create(                                                                              \
      &(const cnn_flatten_options){.struct_size = sizeof(cnn_flatten_options), __VA_ARGS__})
#endif

/** Settings of cnn_dense(); 0 means the default. */
typedef struct cnn_dense_options {
  size_t struct_size;         /**< sizeof(cnn_dense_options) */
  int64_t units;              /**< Number of outputs. Required. */
  int64_t activation;         /**< A cnn_activation_kind. Default CNN_LINEAR. */
  int64_t no_bias;            /**< 1: no bias. Default 0. */
  int64_t kernel_initializer; /**< A cnn_initializer. Default Glorot uniform. */
  int64_t bias_initializer;   /**< A cnn_initializer. Default zeros. */
  double kernel_scale;        /**< For initializers that take one; else an error. Default theirs. */
  double bias_scale;          /**< Likewise. */
  double kernel_l2; /**< Adds kernel_l2 * sum of squares of the kernel to the loss. Default 0. */
  int64_t frozen;   /**< 1: not trained, as trainable=False in Keras. Default 0. */
  const char *name; /**< Copied. Default: as Keras numbers it, "dense", "dense_1", ... */
} cnn_dense_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_dense_options_init(cnn_dense_options *options, size_t size);

/**
 * Fully connected: y = x W + b over the last dimension. In (..., in); out (..., units); parameters
 * kernel (in, units) and bias (units).
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *cnn_dense_create(const cnn_dense_options *options);

#ifndef __cplusplus
/** cnn_dense_create() with named options. */
#define cnn_dense(...)                                                                             \
  cnn_dense_create(                                                                                \
      &(const cnn_dense_options){.struct_size = sizeof(cnn_dense_options), __VA_ARGS__})
#endif

/** Settings of cnn_activation(); 0 means the default. */
typedef struct cnn_activation_options {
  size_t struct_size; /**< sizeof(cnn_activation_options) */
  int64_t function;   /**< A cnn_activation_kind. Default CNN_LINEAR. */
  double slope;     /**< Of leaky ReLU (default 0.2) or ELU (default 1); others take none. CNN_ZERO
                           for 0. */
  const char *name; /**< Copied. Default: as Keras numbers it, "activation", "activation_1", ... */
} cnn_activation_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_activation_options_init(cnn_activation_options *options, size_t size);

/**
 * An element-wise function, or softmax over the last dimension, as a layer.
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *cnn_activation_create(const cnn_activation_options *options);

#ifndef __cplusplus
/** cnn_activation_create() with named options. */
#define cnn_activation(...)                                                                        \
  cnn_activation_create(                                                                           \
      &(const cnn_activation_options){.struct_size = sizeof(cnn_activation_options), __VA_ARGS__})
#endif

/** Settings of cnn_dropout(); 0 means the default. */
typedef struct cnn_dropout_options {
  size_t struct_size; /**< sizeof(cnn_dropout_options) */
  double rate;        /**< The share that is dropped, below 1. Default 0.5; CNN_ZERO for none. */
  const char *name;   /**< Copied. Default: as Keras numbers it, "dropout", "dropout_1", ... */
} cnn_dropout_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_dropout_options_init(cnn_dropout_options *options, size_t size);

/**
 * In training sets a share of the values to 0 and scales the others by 1 / (1 - rate) (Srivastava,
 * 2014); else does nothing. Which ones follows from the seed, the training step and the layer's name.
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *cnn_dropout_create(const cnn_dropout_options *options);

#ifndef __cplusplus
/** cnn_dropout_create() with named options. */
#define cnn_dropout(...)                                                                           \
  cnn_dropout_create(                                                                              \
      &(const cnn_dropout_options){.struct_size = sizeof(cnn_dropout_options), __VA_ARGS__})
#endif

/** Settings of cnn_rescaling(); 0 means the default. */
typedef struct cnn_rescaling_options {
  size_t struct_size; /**< sizeof(cnn_rescaling_options) */
  double scale;       /**< Default 1; CNN_ZERO for 0. May be negative. */
  double offset;      /**< Default 0. May be negative. */
  const char *name;   /**< Copied. Default: as Keras numbers it, "rescaling", "rescaling_1", ... */
} cnn_rescaling_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_rescaling_options_init(cnn_rescaling_options *options, size_t size);

/**
 * y = scale * x + offset.
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *cnn_rescaling_create(const cnn_rescaling_options *options);

#ifndef __cplusplus
/** cnn_rescaling_create() with named options. */
#define cnn_rescaling(...)                                                                         \
  cnn_rescaling_create(                                                                            \
      &(const cnn_rescaling_options){.struct_size = sizeof(cnn_rescaling_options), __VA_ARGS__})
#endif

/** Settings of cnn_batch_normalization(); 0 means the default. */
typedef struct cnn_batch_normalization_options {
  size_t struct_size; /**< sizeof(cnn_batch_normalization_options) */
  double momentum;    /**< Of the moving statistics. Default 0.99; CNN_ZERO for 0. */
  double epsilon;     /**< Added to the variance. Default 1e-3. */
  int64_t no_center;  /**< 1: no beta. Default 0. */
  int64_t no_scale;   /**< 1: no gamma. Default 0. */
  int64_t frozen;     /**< 1: not trained, and normalises by the moving statistics. Default 0. */
  /** Copied. Default: as Keras numbers it, "batch_normalization", "batch_normalization_1", ... */
  const char *name;
} cnn_batch_normalization_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_batch_normalization_options_init(cnn_batch_normalization_options *options,
                                                  size_t size);

/**
 * Normalises each channel, the last dimension, over the batch and all other dimensions, then scales
 * and shifts it (Ioffe and Szegedy, 2015): y = gamma * (x - mean) / sqrt(variance + epsilon) + beta.
 * Training takes the batch's mean and (biased) variance and moves the statistics: moving = moving *
 * momentum + batch * (1 - momentum). Else, and where frozen, the moving statistics are taken.
 * Parameters gamma, beta, moving_mean, moving_variance (channels).
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *cnn_batch_normalization_create(const cnn_batch_normalization_options *options);

#ifndef __cplusplus
/** cnn_batch_normalization_create() with named options. */
#define cnn_batch_normalization(...)                                                               \
  cnn_batch_normalization_create(&(const cnn_batch_normalization_options){                         \
      .struct_size = sizeof(cnn_batch_normalization_options), __VA_ARGS__})
#endif

/** Settings of cnn_zero_padding2d(); 0 means the default. */
typedef struct cnn_zero_padding2d_options {
  size_t struct_size; /**< sizeof(cnn_zero_padding2d_options) */
  int64_t top;        /**< Rows above. Default 0. */
  int64_t bottom;     /**< Rows below. Default 0. */
  int64_t left;       /**< Columns before. Default 0. */
  int64_t right;      /**< Columns behind. Default 0. */
  /** Copied. Default: as Keras numbers it, "zero_padding2d", "zero_padding2d_1", ... */
  const char *name;
} cnn_zero_padding2d_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_zero_padding2d_options_init(cnn_zero_padding2d_options *options, size_t size);

/**
 * Adds rows and columns of zeros around the image. In (h, w, c); out (top + h + bottom, left + w +
 * right, c).
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *cnn_zero_padding2d_create(const cnn_zero_padding2d_options *options);

#ifndef __cplusplus
/** cnn_zero_padding2d_create() with named options. */
#define cnn_zero_padding2d(...)                                                                    \
  cnn_zero_padding2d_create(&(const cnn_zero_padding2d_options){                                   \
      .struct_size = sizeof(cnn_zero_padding2d_options), __VA_ARGS__})
#endif

/** Settings of cnn_add(); 0 means the default. */
typedef struct cnn_add_options {
  size_t struct_size; /**< sizeof(cnn_add_options) */
  const char *name;   /**< Copied. Default: as Keras numbers it, "add", "add_1", ... */
} cnn_add_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_add_options_init(cnn_add_options *options, size_t size);

/**
 * The sum of two to sixteen inputs of one shape: for graphs.
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *cnn_add_create(const cnn_add_options *options);

#ifndef __cplusplus
/** cnn_add_create() with named options. */
#define cnn_add(...)                                                                               \
  cnn_add_create(&(const cnn_add_options){.struct_size = sizeof(cnn_add_options), __VA_ARGS__})
#endif

/** Settings of cnn_concatenate(); 0 means the default. */
typedef struct cnn_concatenate_options {
  size_t struct_size; /**< sizeof(cnn_concatenate_options) */
  /** Copied. Default: as Keras numbers it, "concatenate", "concatenate_1", ... */
  const char *name;
} cnn_concatenate_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_concatenate_options_init(cnn_concatenate_options *options, size_t size);

/**
 * Two to sixteen inputs one behind the other along the last dimension, all others equal: for graphs.
 * @param options As above; NULL for all defaults, where none is required.
 * @return The layer; NULL on failure: CNN_E_INVALID, CNN_E_NOMEM. Since 0.1.0.
 */
CNN_API cnn_layer *cnn_concatenate_create(const cnn_concatenate_options *options);

#ifndef __cplusplus
/** cnn_concatenate_create() with named options. */
#define cnn_concatenate(...)                                                                       \
  cnn_concatenate_create(&(const cnn_concatenate_options){                                         \
      .struct_size = sizeof(cnn_concatenate_options), __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif

#endif
