/* Images in a grid, with labels and predictions. */
#include "plot/tile.h"
#include <stdio.h>

static const char function[] = "cnn_plot_images";
static const cnn__font plain_font = {.size = 11, .color = CNN__INK};
static const cnn__font faint_font = {.size = 11, .color = CNN__FAINT};
static const cnn__font right_font = {.size = 11, .color = CNN__GREEN};
static const cnn__font wrong_font = {.size = 11, .color = CNN__RED};
static const double line_height = 16;

/* ---- what is given ---- */

/* The images' shape as (count, height, width, channels). */
static cnn_status read_shape(const cnn_tensor *images, int64_t shape[4]) {
  int64_t rank = cnn_tensor_rank(images);
  const int64_t *sizes = cnn_tensor_shape(images);
  cnn_dtype dtype = cnn_tensor_dtype(images);
  if (dtype != CNN_UINT8 && dtype != CNN_FLOAT32)
    return cnn__plot_fail(CNN_E_INVALID, "%s: images are of dtype %d; uint8 or float32", function,
                          (int)dtype);
  if (rank != 3 && rank != 4)
    return cnn__plot_fail(CNN_E_SHAPE,
                          "%s: images have %lld dimensions; (count, height, width, channels)",
                          function, (long long)rank);
  for (int i = 0; i < 4; i++)
    shape[i] = rank == 4 ? sizes[i] : i == 0 ? 1 : sizes[i - 1];
  if (shape[0] < 1 || shape[1] < 1 || shape[2] < 1 || (shape[3] != 1 && shape[3] != 3))
    return cnn__plot_fail(
        CNN_E_SHAPE, "%s: images are (%lld, %lld, %lld, %lld); channels are 1 or 3, no size is 0",
        function, (long long)shape[0], (long long)shape[1], (long long)shape[2],
        (long long)shape[3]);
  return CNN_OK;
}

/* Labels or predictions: (count), (count, 1) of integers, or (count, classes) of floats. */
static cnn_status check_classes(const cnn_tensor *classes, const char *what, int64_t count) {
  if (classes == NULL) return CNN_OK;
  int64_t rank = cnn_tensor_rank(classes);
  const int64_t *shape = cnn_tensor_shape(classes);
  cnn_dtype dtype = cnn_tensor_dtype(classes);
  bool floats = dtype == CNN_FLOAT32;
  if (!floats && dtype != CNN_INT32 && dtype != CNN_INT64 && dtype != CNN_UINT8)
    return cnn__plot_fail(CNN_E_INVALID, "%s: %s are of dtype %d; int32, int64, uint8 or float32",
                          function, what, (int)dtype);
  bool fits = (rank == 2 && shape[1] >= 1 && (floats || shape[1] == 1)) || (rank == 1 && !floats);
  if (!fits || shape[0] < count)
    return cnn__plot_fail(CNN_E_SHAPE,
                          "%s: %s are of %lld dimensions and %lld rows; a class index, or a row "
                          "of floats, for each of %lld images",
                          function, what, (long long)rank, (long long)(rank > 0 ? shape[0] : 0),
                          (long long)count);
  return CNN_OK;
}

/* The class that row i says, and of floats its value (else -1). One float tells two classes apart, as in
   cnn_model_confusion(). */
static int64_t class_at(const cnn_tensor *classes, int64_t i, double *value) {
  const void *data = cnn_tensor_const_data(classes);
  *value = -1;
  switch (cnn_tensor_dtype(classes)) {
  case CNN_INT32:
    return ((const int32_t *)data)[i];
  case CNN_INT64:
    return ((const int64_t *)data)[i];
  case CNN_UINT8:
    return ((const uint8_t *)data)[i];
  default:
    break;
  }
  int64_t width = cnn_tensor_shape(classes)[1], best = 0;
  const float *row = (const float *)data + i * width;
  if (width == 1) {
    best = row[0] > .5f;
    *value = best ? (double)row[0] : 1 - (double)row[0];
    return best;
  }
  for (int64_t j = 1; j < width; j++)
    if (row[j] > row[best]) best = j;
  *value = (double)row[best];
  return best;
}

static void class_name(const cnn_plot_images_options *options, int64_t index, char *text,
                       size_t size) {
  const char *name = NULL;
  if (options->class_names != NULL) {
    if (index >= 0 && index < options->classes) name = options->class_names[index];
  } else if (options->dataset != NULL) {
    name = cnn_dataset_class_name(options->dataset, index);
  }
  if (name != NULL)
    snprintf(text, size, "%s", name);
  else
    snprintf(text, size, "%lld", (long long)index);
}

/* ---- sizes ---- */

static cnn_status read_options(const cnn_plot_images_options *given,
                               cnn_plot_images_options *options, int64_t shape[4]) {
  cnn_status status = cnn__plot_options_read(function, options, sizeof *options, given);
  if (status != CNN_OK) return status;
  if (options->images == NULL) return cnn__plot_fail_null(function, "images");
  if (options->count < 0 || options->columns < 0 || options->size < 0 || options->classes < 0)
    return cnn__plot_fail(
        CNN_E_INVALID,
        "%s: count %lld, columns %lld, size %lld, classes %lld: none may be negative", function,
        (long long)options->count, (long long)options->columns, (long long)options->size,
        (long long)options->classes);
  if (!(options->low < options->high) && !(options->low == 0 && options->high == 0))
    return cnn__plot_fail(CNN_E_INVALID, "%s: low is not below high", function);
  if ((status = read_shape(options->images, shape)) != CNN_OK) return status;
  if (options->count == 0) options->count = shape[0] < 100 ? shape[0] : 100;
  if (options->count > shape[0])
    return cnn__plot_fail(CNN_E_SHAPE, "%s: count is %lld of %lld images", function,
                          (long long)options->count, (long long)shape[0]);
  if ((status = check_classes(options->labels, "labels", options->count)) != CNN_OK) return status;
  return check_classes(options->predictions, "predictions", options->count);
}

static int64_t default_columns(int64_t count) {
  if (count <= 5) return count;
  int64_t columns = 4;
  while (columns < 10 && columns * columns < count)
    columns++;
  return columns;
}

/* What a shown image's width is, and its height. */
static void choose_size(const cnn_plot_images_options *options, const int64_t shape[4],
                        int64_t *height, int64_t *width) {
  int64_t wide = shape[2];
  *width = options->size;
  if (*width == 0) *width = wide > 256 ? 256 : (96 + wide - 1) / wide * wide;
  double tall = (double)shape[1] / (double)wide * (double)*width;
  *height = tall < 1 ? 1 : tall > 1e6 ? 1000000 : (int64_t)(tall + .5);
}

/* The range of floats that all images are shown in. */
static void choose_range(const cnn_plot_images_options *options, const int64_t shape[4],
                         cnn__tile *tile) {
  tile->low = options->low;
  tile->high = options->high;
  if (tile->dtype != CNN_FLOAT32 || tile->low != 0 || tile->high != 0) return;
  cnn__tile all = *tile;
  all.height = options->count * shape[1]; /* one above the other */
  cnn__tile_range(&all, &tile->low, &tile->high);
  if (tile->low >= 0 && tile->high <= 255) {
    tile->high = tile->high <= 1 ? 1 : 255;
    tile->low = 0;
  }
}

/* ---- drawing ---- */

/* Lines below an image: what was predicted, coloured, and what it is where that differs. */
static void draw_caption(cnn__canvas *canvas, const cnn_plot_images_options *options, int64_t i,
                         double x, double y, double width) {
  char name[200], text[240];
  double value;
  int64_t truth = options->labels != NULL ? class_at(options->labels, i, &value) : -1;
  double middle = x + width / 2;
  if (options->predictions != NULL) {
    int64_t predicted = class_at(options->predictions, i, &value);
    class_name(options, predicted, name, sizeof name);
    int percent = value >= 0 && value <= 1 ? (int)(value * 100 + .5) : -1;
    if (percent >= 0)
      snprintf(text, sizeof text, "%s %d %%", name, percent);
    else
      snprintf(text, sizeof text, "%s", name);
    cnn__font font = options->labels == NULL ? plain_font
                     : predicted == truth    ? right_font
                                             : wrong_font;
    cnn__canvas_text_within(canvas, middle, y, width, CNN__CENTER, font, text);
    if (predicted == truth) return;
    y += line_height;
  }
  if (options->labels == NULL) return;
  class_name(options, truth, name, sizeof name);
  snprintf(text, sizeof text, "%s%s", options->predictions != NULL ? "is " : "", name);
  cnn__canvas_text_within(canvas, middle, y, width, CNN__CENTER,
                          options->predictions != NULL ? faint_font : plain_font, text);
}

cnn_status cnn_plot_images_with(const cnn_plot_images_options *given) {
  cnn_plot_images_options options = {0};
  int64_t shape[4], height, width;
  cnn_status status = read_options(given, &options, shape);
  if (status != CNN_OK) return status;
  choose_size(&options, shape, &height, &width);
  int lines = (options.labels != NULL) + (options.predictions != NULL);
  double above = options.titles != NULL ? line_height + 2 : 0;
  double below = lines > 0 ? lines * line_height + 2 : 0;
  int64_t columns = options.columns > 0 ? options.columns : default_columns(options.count);
  cnn__grid grid = {.columns = columns < options.count ? columns : options.count,
                    .gap = 14,
                    .title_height = options.title != NULL ? 34 : 0};
  grid.rows = (options.count - 1) / grid.columns + 1;
  grid.cell_width = (double)width + grid.gap;
  grid.cell_height = above + (double)height + below + grid.gap;
  cnn__canvas canvas;
  status = cnn__grid_open(&grid, &canvas, function, options.path, options.title);
  if (status != CNN_OK) return status;

  cnn__tile tile = {.data = cnn_tensor_const_data(options.images),
                    .dtype = cnn_tensor_dtype(options.images),
                    .row_step = shape[2] * shape[3],
                    .column_step = shape[3],
                    .channel_step = 1,
                    .height = shape[1],
                    .width = shape[2],
                    .channels = shape[3]};
  choose_range(&options, shape, &tile);
  for (int64_t i = 0; i < options.count; i++) {
    double x = cnn__grid_x(&grid, i % grid.columns), y = cnn__grid_y(&grid, i / grid.columns);
    if (options.titles != NULL && options.titles[i] != NULL)
      cnn__canvas_text_within(&canvas, x + (double)width / 2, y + line_height / 2, (double)width,
                              CNN__CENTER, plain_font, options.titles[i]);
    tile.offset = i * shape[1] * tile.row_step;
    cnn__tile_draw(&canvas, &tile, x, y + above, height, width);
    draw_caption(&canvas, &options, i, x - grid.gap / 2 + 1,
                 y + above + (double)height + 2 + line_height / 2, grid.cell_width - 2);
  }
  return cnn__canvas_close(&canvas);
}

void cnn_plot_images_options_init(cnn_plot_images_options *options, size_t size) {
  cnn__plot_options_init(options, size);
}
