/* A convolution's kernel as pictures. */
#include "plot/tile.h"

static const char function[] = "cnn_plot_filters";

/* Kernels are (height, width, in, out): a filter's cells lie out apart. */
static cnn__tile first_tile(const cnn_tensor *kernel) {
  const int64_t *shape = cnn_tensor_shape(kernel);
  bool together = shape[2] == 1 || shape[2] == 3;
  return (cnn__tile){.data = cnn_tensor_const_data(kernel),
                     .dtype = CNN_FLOAT32,
                     .row_step = shape[1] * shape[2] * shape[3],
                     .column_step = shape[2] * shape[3],
                     .channel_step = shape[3],
                     .height = shape[0],
                     .width = shape[1],
                     .channels = together ? shape[2] : 1};
}

static cnn_status draw_filters(const cnn_plot_filters_options *options, const cnn_tensor *kernel) {
  const int64_t *shape = cnn_tensor_shape(kernel);
  cnn__tile tile = first_tile(kernel);
  int64_t slices = tile.channels == shape[2] ? 1 : shape[2], filters = shape[3];
  int64_t columns = options->columns > 0 ? options->columns : slices == 1 ? 8 : filters;
  if (columns > filters) columns = filters;
  int64_t bands = (filters - 1) / columns + 1;
  /* A cell is some 60 wide, less where there are many. */
  int64_t wanted = 960 / columns < 60 ? 960 / columns : 60;
  int64_t scale = wanted / tile.width > 1 ? wanted / tile.width : 1;
  int64_t width = tile.width * scale, height = tile.height * scale;
  cnn__grid grid = {.columns = columns,
                    .rows = bands * slices,
                    .gap = width >= 40 ? 8 : 3,
                    .title_height = options->title != NULL ? 34 : 0};
  grid.cell_width = (double)width + grid.gap;
  grid.cell_height = (double)height + grid.gap;
  cnn__canvas canvas;
  cnn_status status = cnn__grid_open(&grid, &canvas, function, options->path, options->title);
  if (status != CNN_OK) return status;
  for (int64_t slice = 0; slice < slices; slice++)
    for (int64_t filter = 0; filter < filters; filter++) {
      tile.offset = slice * tile.channel_step + filter;
      cnn__tile_range(&tile, &tile.low, &tile.high);
      cnn__tile_draw(&canvas, &tile, cnn__grid_x(&grid, filter % columns),
                     cnn__grid_y(&grid, filter / columns * slices + slice), height, width);
    }
  return cnn__canvas_close(&canvas);
}

cnn_status cnn_plot_filters_with(const cnn_plot_filters_options *given) {
  cnn_plot_filters_options options = {0};
  cnn_status status = cnn__plot_options_read(function, &options, sizeof options, given);
  if (status != CNN_OK) return status;
  if (options.model == NULL) return cnn__plot_fail_null(function, "model");
  if (options.parameter == NULL) return cnn__plot_fail_null(function, "parameter");
  if (options.columns < 0)
    return cnn__plot_fail(CNN_E_INVALID, "%s: columns is %lld; none may be negative", function,
                          (long long)options.columns);
  cnn__picture_kind kind;
  if ((status = cnn__plot_kind(function, options.path, &kind)) != CNN_OK) return status;
  cnn_tensor *kernel = cnn_model_parameter(options.model, options.parameter);
  if (kernel == NULL) return cnn_last_status();
  if (cnn_tensor_rank(kernel) != 4 || cnn_tensor_count(kernel) == 0)
    status = cnn__plot_fail(CNN_E_SHAPE,
                            "%s: %s has %lld dimensions; a kernel has four: height, width, in, out",
                            function, options.parameter, (long long)cnn_tensor_rank(kernel));
  else
    status = draw_filters(&options, kernel);
  cnn_tensor_free(kernel);
  return status;
}

void cnn_plot_filters_options_init(cnn_plot_filters_options *options, size_t size) {
  cnn__plot_options_init(options, size);
}
