/** @file
 * Pictures of training: curves, image grids, confusion matrices, filters.
 *
 * This is libcnn-plot, a library of its own beside libcnn: it draws with cairo and is built where
 * cairo is found. `pkg-config --cflags --libs cnn-plot` builds with it, and defines CNN_HAVE_PLOT.
 *
 * Every function writes one file, whole or not at all; its ending says what: .png, .svg or .pdf
 * (sizes are pixels in the first, points in the others). The same call writes the same bytes: no
 * dates, no paths. Names given are copied or read during the call only; they are UTF-8, and what is
 * not is shown as "?".
 *
 * All can fail with CNN_E_INVALID (a NULL, an option that cannot be, a path with another ending),
 * CNN_E_LIMIT (a picture over 32,767 in width or height, or over 2^26 in area), CNN_E_NOMEM,
 * CNN_E_NOT_FOUND (no such folder), CNN_E_IO (path and cause in the message; an older file is as it
 * was), CNN_E_UNSUPPORTED (cairo could not draw; the message has its reason). What else, each function says. Any thread may draw;
 * what is drawn must not change meanwhile.
 */
#ifndef CNN_PLOT_H
#define CNN_PLOT_H

#include <cnn/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ curves */

/** Most panels of a picture of curves. */
#define CNN_PLOT_MAX_PANELS 9

/** Settings of cnn_plot_history(); 0 means the default. */
typedef struct cnn_plot_history_options {
  size_t struct_size;         /**< sizeof(cnn_plot_history_options) */
  const cnn_history *history; /**< Required. */
  const char *path;           /**< Required. */
  const char *title;          /**< Above the panels. NULL: none. */
  const char *series
      [CNN_PLOT_MAX_PANELS]; /**< A panel each, with its "val_" partner; ends at the first NULL.
                                  Default: every metric, then the loss. */
  int64_t width;  /**< Of the whole picture, 160 or more. Default 560 for each panel of a row. */
  int64_t height; /**< Of the whole picture, 120 or more. Default 400 for each row. */
} cnn_plot_history_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_plot_history_options_init(cnn_plot_history_options *options, size_t size);

/**
 * Draws how training went: accuracy and loss over the epochs, for training and validation. In C:
 * cnn_plot_history(cnn_model_history(model), "history.png"). Values that are not finite leave a gap.
 * @return CNN_OK; also CNN_E_NOT_FOUND (a series that the history does not have), CNN_E_STATE (a
 *         history without a finished epoch). Since 0.1.0.
 */
CNN_API cnn_status cnn_plot_history_with(const cnn_plot_history_options *options);

/* ------------------------------------------------------------------ images */

/** Settings of cnn_plot_images(); 0 means the default. */
typedef struct cnn_plot_images_options {
  size_t struct_size; /**< sizeof(cnn_plot_images_options) */
  const cnn_tensor
      *images;      /**< (count, height, width, 1 or 3) or one image without the count, uint8
                                 or float32: a loader's batch, say. Required. */
  const char *path; /**< Required. */
  const cnn_tensor *labels; /**< The truth: (count) or (count, 1) of class indices (int32, int64,
                                 uint8), or (count, classes) of floats, the largest of which counts; one
                                 alone is class 1 above 0.5, else 0. Shown below each image. NULL:
                                 none. */
  const cnn_tensor *predictions;  /**< What a model says, in the same forms: green where it is the
                                      label, red where not; of floats, as cnn_model_predict() gives
                                      them, with the probability. NULL: none. */
  const char *const *class_names; /**< classes names; NULL: the dataset's, else numbers. */
  int64_t classes;                /**< Number of class_names. */
  const cnn_dataset *dataset;     /**< Gives class names where class_names is NULL. NULL: none. */
  const char *const *titles; /**< A line above each image: as many as images are shown; a NULL among
                                  them is an empty one. NULL: none. */
  const char *title;         /**< Above all. NULL: none. */
  int64_t count;             /**< Shows the first so many. Default: all, at most 100. */
  int64_t columns; /**< Default: as many as images up to 5, then about the root of their number, at
                        most 10. */
  int64_t size; /**< Width of a shown image; pixels are repeated or left out, never mixed. Default:
                        the least multiple of the width that is 96 or more, at most 256. */
  double low;   /**< The float that is black. See high. */
  double high; /**< The float that is white. Default, where both are 0: 0 and 1 where all values lie
                    between them, else 0 and 255 likewise, else the least and the largest value. */
} cnn_plot_images_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_plot_images_options_init(cnn_plot_images_options *options, size_t size);

/**
 * Draws images in a grid, with labels and predictions. In C: cnn_plot_images(batch, "batch.png",
 * .labels = labels, .dataset = train). Floats that are not numbers are shown in magenta.
 * @return CNN_OK; also CNN_E_SHAPE (images of another shape, labels or predictions of another count).
 *         Since 0.1.0.
 */
CNN_API cnn_status cnn_plot_images_with(const cnn_plot_images_options *options);

/* ------------------------------------------------------------------ confusion matrix */

/** Settings of cnn_plot_confusion(); 0 means the default. */
typedef struct cnn_plot_confusion_options {
  size_t struct_size;             /**< sizeof(cnn_plot_confusion_options) */
  const cnn_confusion *confusion; /**< Required. */
  const char *path;               /**< Required. */
  const char *title;              /**< Default: accuracy and number of samples. */
} cnn_plot_confusion_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_plot_confusion_options_init(cnn_plot_confusion_options *options, size_t size);

/**
 * Draws a confusion matrix: a row for each true class, a column for each predicted one, the counts,
 * and in colour the share of the row. In C: cnn_plot_confusion(confusion, "confusion.png").
 * Since 0.1.0.
 */
CNN_API cnn_status cnn_plot_confusion_with(const cnn_plot_confusion_options *options);

/* ------------------------------------------------------------------ filters */

/** Settings of cnn_plot_filters(); 0 means the default. */
typedef struct cnn_plot_filters_options {
  size_t struct_size;     /**< sizeof(cnn_plot_filters_options) */
  const cnn_model *model; /**< Required. */
  const char
      *parameter;    /**< Name of a kernel (height, width, in, out): "conv2d/kernel". Required. */
  const char *path;  /**< Required. */
  const char *title; /**< Above all. NULL: none. */
  int64_t columns;   /**< Default 8 where in is 1 or 3, else one for each filter. */
} cnn_plot_filters_options;

/** Fills options of the given size (sizeof *options) with the defaults. NULL is ignored. */
CNN_API void cnn_plot_filters_options_init(cnn_plot_filters_options *options, size_t size);

/**
 * Draws a convolution's filters, each from its own least to its largest value. Those that see 1 or 3
 * channels are one picture, grey or coloured; others a column of grey ones, a row for each channel.
 * In C: cnn_plot_filters(model, "conv2d/kernel", "filters.png").
 * @return CNN_OK; also CNN_E_NOT_FOUND (no such parameter), CNN_E_SHAPE (it has not four dimensions).
 *         Since 0.1.0.
 */
CNN_API cnn_status cnn_plot_filters_with(const cnn_plot_filters_options *options);

/**
 * Whether a path's ending is one that can be drawn: for programs that would rather know before they
 * train. CNN_OK, or CNN_E_INVALID with a message that lists the endings. Since 0.1.0.
 */
CNN_API cnn_status cnn_plot_check_path(const char *path);

#ifndef __cplusplus
/** cnn_plot_history_with() with the history, the path and named options. */
#define cnn_plot_history(...)                                                                      \
  cnn_plot_history_with(&(const cnn_plot_history_options){                                         \
      .struct_size = sizeof(cnn_plot_history_options), .history = __VA_ARGS__})
/** cnn_plot_images_with() with the images, the path and named options. */
#define cnn_plot_images(...)                                                                       \
  cnn_plot_images_with(&(const cnn_plot_images_options){                                           \
      .struct_size = sizeof(cnn_plot_images_options), .images = __VA_ARGS__})
/** cnn_plot_confusion_with() with the confusion, the path and named options. */
#define cnn_plot_confusion(...)                                                                    \
  cnn_plot_confusion_with(&(const cnn_plot_confusion_options){                                     \
      .struct_size = sizeof(cnn_plot_confusion_options), .confusion = __VA_ARGS__})
/** cnn_plot_filters_with() with the model, the parameter, the path and named options. */
#define cnn_plot_filters(...)                                                                      \
  cnn_plot_filters_with(&(const cnn_plot_filters_options){                                         \
      .struct_size = sizeof(cnn_plot_filters_options), .model = __VA_ARGS__})
#endif

#ifdef __cplusplus
}
#endif

#endif
