#include "plot/tile.h"
#include <math.h>

enum { MAGENTA = 0xe000e0 }; /* not a number */

static double value_at(const cnn__tile *tile, int64_t row, int64_t column, int64_t channel) {
  int64_t i = tile->offset + row * tile->row_step + column * tile->column_step +
              channel * tile->channel_step;
  if (tile->dtype == CNN_UINT8) return ((const uint8_t *)tile->data)[i];
  return (double)((const float *)tile->data)[i];
}

static uint32_t pixel_at(const cnn__tile *tile, int64_t row, int64_t column) {
  uint32_t pixel = 0;
  for (int64_t c = 0; c < 3; c++) {
    double value = value_at(tile, row, column, tile->channels == 3 ? c : 0);
    if (tile->dtype != CNN_UINT8) {
      if (isnan(value)) return MAGENTA;
      double range = tile->high - tile->low;
      value = range > 0 ? (value - tile->low) / range * 255 : 127;
    }
    uint32_t level = value <= 0 ? 0 : value >= 255 ? 255 : (uint32_t)(value + .5);
    pixel = pixel << 8 | level;
  }
  return pixel;
}

cairo_surface_t *cnn__tile_surface(const cnn__tile *tile, int64_t height, int64_t width) {
  cairo_surface_t *surface =
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
  unsigned char *rows = cairo_image_surface_get_data(surface);
  if (rows == NULL) return surface;
  cairo_surface_flush(surface);
  int stride = cairo_image_surface_get_stride(surface);
  for (int64_t y = 0; y < height; y++) {
    uint32_t *row = (uint32_t *)(void *)(rows + y * stride);
    for (int64_t x = 0; x < width; x++)
      row[x] = pixel_at(tile, y * tile->height / height, x * tile->width / width);
  }
  cairo_surface_mark_dirty(surface);
  return surface;
}

void cnn__tile_range(const cnn__tile *tile, double *low, double *high) {
  bool found = false;
  *low = *high = 0;
  for (int64_t y = 0; y < tile->height; y++)
    for (int64_t x = 0; x < tile->width; x++)
      for (int64_t c = 0; c < tile->channels; c++) {
        double value = value_at(tile, y, x, c);
        if (!isfinite(value)) continue;
        if (!found || value < *low) *low = value;
        if (!found || value > *high) *high = value;
        found = true;
      }
}

void cnn__tile_draw(cnn__canvas *canvas, const cnn__tile *tile, double x, double y, int64_t height,
                    int64_t width) {
  cairo_surface_t *surface = cnn__tile_surface(tile, height, width);
  cnn__canvas_color(canvas, CNN__FRAME);
  cnn__canvas_rectangle(canvas, (double)(int64_t)x - 1, (double)(int64_t)y - 1, (double)width + 2,
                        (double)height + 2);
  cnn__canvas_pixels(canvas, x, y, surface);
  cairo_surface_destroy(surface);
}

/* ---- grids ---- */

static const cnn__font title_font = {.size = 16, .color = CNN__INK, .bold = true};
static const double margin = 16;

cnn_status cnn__grid_open(const cnn__grid *grid, cnn__canvas *canvas, const char *function,
                          const char *path, const char *title) {
  double width = 2 * margin + grid->cell_width * (double)grid->columns - grid->gap;
  double height =
      2 * margin + grid->title_height + grid->cell_height * (double)grid->rows - grid->gap;
  cnn_status status = cnn__canvas_open(canvas, function, path, width, height);
  if (status != CNN_OK || title == NULL) return status;
  cnn__canvas_text_within(canvas, width / 2, margin + 8, width - 2 * margin, CNN__CENTER,
                          title_font, title);
  return CNN_OK;
}

double cnn__grid_x(const cnn__grid *grid, int64_t column) {
  return margin + grid->cell_width * (double)column;
}

double cnn__grid_y(const cnn__grid *grid, int64_t row) {
  return margin + grid->title_height + grid->cell_height * (double)row;
}
