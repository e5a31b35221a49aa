/* Pixels of a tensor as an image that cairo draws. */
#ifndef CNN_PLOT_TILE_H
#define CNN_PLOT_TILE_H

#include "plot/canvas.h"

/* One image among others in memory: the value of (row, column, channel) is at
   offset + row * row_step + column * column_step + channel * channel_step. */
typedef struct cnn__tile {
  const void *data;
  cnn_dtype dtype; /* CNN_UINT8 or CNN_FLOAT32 */
  int64_t offset, row_step, column_step, channel_step;
  int64_t height, width, channels; /* channels: 1 or 3 */
  double low, high;                /* the floats that are black and white */
} cnn__tile;

/* The tile at another size, its nearest pixels. Always gives a surface; cairo's may be one that
   says it has failed, which the canvas notes when it is drawn. */
cairo_surface_t *cnn__tile_surface(const cnn__tile *tile, int64_t height, int64_t width);

/* The least and the largest finite float of count, step apart; 0 and 0 where there is none. */
void cnn__tile_range(const cnn__tile *tile, double *low, double *high);

/* Draws it with a thin line around. */
void cnn__tile_draw(cnn__canvas *canvas, const cnn__tile *tile, double x, double y, int64_t height,
                    int64_t width);

/* A grid of cells on a sheet, with a title above all. */
typedef struct cnn__grid {
  int64_t columns, rows;
  double cell_width, cell_height; /* gaps included */
  double gap, title_height;
} cnn__grid;

cnn_status cnn__grid_open(const cnn__grid *grid, cnn__canvas *canvas, const char *function,
                          const char *path, const char *title);
double cnn__grid_x(const cnn__grid *grid, int64_t column);
double cnn__grid_y(const cnn__grid *grid, int64_t row);

#endif
