/* Where the tiles lie, in the images and in the spectra. */
#include "ops/conv_winograd.h"
#include <string.h>

static cnn__winograd_axis cut(size_t outputs, size_t used, size_t inputs, size_t pad, size_t size) {
  cnn__winograd_axis axis = {.tiles = cnn__size_ceil_div(used, size),
                             .size = size,
                             .last_size = size,
                             .outputs = outputs,
                             .used = used,
                             .inputs = inputs,
                             .pad = pad};
  /* Cut by all outputs, those that pooling drops included, so that fusing it changes no bit. */
  const size_t left = outputs - (axis.tiles - 1) * size;
  if (left < size) axis.last_size = left == 1 ? 2 : left;
  return axis;
}

/* Which points tiles of this size, or of one of two sizes, use. */
static void mark_points(size_t size, bool uses[CNN__WINOGRAD_POINTS]) {
  for (size_t point = 0; point < CNN__WINOGRAD_POINTS; point++)
    uses[point] |= cnn__winograd_uses(size, point);
}

static void points_of(const cnn__winograd_axis *axis, bool uses[CNN__WINOGRAD_POINTS]) {
  if (axis->tiles > 1) mark_points(axis->size, uses);
  mark_points(axis->last_size, uses);
}

cnn__winograd_geometry cnn__winograd_geometry_of(const cnn__conv_shape *shape, size_t size) {
  cnn__winograd_geometry geometry = {.rows = cut(shape->out_height, cnn__conv_used_height(shape),
                                                 shape->in_height, shape->pad_top, size),
                                     .columns = cut(shape->out_width, cnn__conv_used_width(shape),
                                                    shape->in_width, shape->pad_left, size)};
  bool of_rows[CNN__WINOGRAD_POINTS] = {0}, of_columns[CNN__WINOGRAD_POINTS] = {0};
  points_of(&geometry.rows, of_rows);
  points_of(&geometry.columns, of_columns);
  for (size_t i = 0; i < CNN__WINOGRAD_FREQUENCIES; i++) {
    if (!of_rows[i / CNN__WINOGRAD_POINTS] || !of_columns[i % CNN__WINOGRAD_POINTS]) continue;
    geometry.frequency[geometry.frequencies++] = i;
  }
  return geometry;
}

/* How many of count tiles from first on are the axis's last, smaller or not. */
static size_t last_tiles(const cnn__winograd_axis *axis, size_t first, size_t count) {
  return first + count == axis->tiles;
}

void cnn__winograd_layout_make(const cnn__conv *conv, const cnn__winograd_geometry *geometry,
                               const cnn__winograd_group *group, size_t in_stride, size_t out_pitch,
                               size_t out_stride, cnn__winograd_layout *layout) {
  const size_t in_pitch = conv->parameters[WINOGRAD_IN_PITCH];
  const cnn__winograd_axis *rows = &geometry->rows, *columns = &geometry->columns;
  const size_t last_rows = last_tiles(rows, group->first_row, group->rows);
  const size_t row_counts[2] = {group->rows - last_rows, last_rows};
  const size_t column_counts[2] = {columns->tiles - 1, 1};
  layout->group = *group;
  memset(layout->tiles, 0, sizeof layout->tiles);
  for (size_t type = 0; type < WINOGRAD_TYPES; type++) {
    bool of_rows[CNN__WINOGRAD_POINTS] = {0}, of_columns[CNN__WINOGRAD_POINTS] = {0};
    mark_points(type / 2 ? rows->last_size : rows->size, of_rows);
    mark_points(type % 2 ? columns->last_size : columns->size, of_columns);
    const size_t tiles = group->images * row_counts[type / 2] * column_counts[type % 2];
    if (tiles == 0) continue;
    for (size_t number = 0; number < geometry->frequencies; number++) {
      const size_t frequency = geometry->frequency[number], before = layout->tiles[number];
      layout->in[type][frequency] = number * in_stride + before * in_pitch;
      layout->out[type][frequency] = number * out_stride + before * out_pitch;
      if (of_rows[frequency / CNN__WINOGRAD_POINTS] && of_columns[frequency % CNN__WINOGRAD_POINTS])
        layout->tiles[number] = before + tiles;
    }
  }
}

static void classify(const cnn__winograd_geometry *geometry, const cnn__winograd_group *group,
                     cnn__winograd_place *place) {
  const cnn__winograd_axis *rows = &geometry->rows, *columns = &geometry->columns;
  const bool last_row = place->row + 1 == rows->tiles;
  const bool last_column = place->column + 1 == columns->tiles;
  const size_t image = place->image - group->first_image;
  const size_t group_last = last_tiles(rows, group->first_row, group->rows);
  const size_t row =
      last_row ? image : image * (group->rows - group_last) + place->row - group->first_row;
  place->type = 2 * (size_t)last_row + (size_t)last_column;
  place->index = last_column ? row : row * (columns->tiles - 1) + place->column;
}

cnn__winograd_place cnn__winograd_place_at(const cnn__winograd_geometry *geometry,
                                           const cnn__winograd_group *group, size_t image,
                                           size_t row, size_t column) {
  cnn__winograd_place place = {.image = image, .row = row, .column = column};
  classify(geometry, group, &place);
  return place;
}

cnn__winograd_place cnn__winograd_first(const cnn__winograd_geometry *geometry,
                                        const cnn__winograd_group *group) {
  return cnn__winograd_place_at(geometry, group, group->first_image, group->first_row, 0);
}

bool cnn__winograd_next(const cnn__winograd_geometry *geometry, const cnn__winograd_group *group,
                        cnn__winograd_place *place) {
  if (++place->column == geometry->columns.tiles) {
    place->column = 0;
    if (++place->row == group->first_row + group->rows) {
      place->row = group->first_row;
      if (++place->image == group->first_image + group->images) return false;
    }
  }
  classify(geometry, group, place);
  return true;
}

/* Cells [*begin, *end) of count from start on that are inside of limit cells after pad of padding. */
static void clip(size_t start, size_t count, size_t pad, size_t limit, size_t *begin, size_t *end) {
  *begin = start < pad ? cnn__size_min(pad - start, count) : 0;
  *end = limit + pad > start ? cnn__size_min(limit + pad - start, count) : 0;
  if (*end < *begin) *end = *begin;
}

cnn__winograd_tile cnn__winograd_inputs(const cnn__conv *conv,
                                        const cnn__winograd_geometry *geometry,
                                        const cnn__winograd_layout *layout,
                                        const cnn__winograd_place *place, size_t *x) {
  const cnn__conv_shape *shape = &conv->shape;
  const cnn__winograd_axis *rows = &geometry->rows, *columns = &geometry->columns;
  cnn__winograd_tile tile = {.rows = cnn__winograd_tile_size(rows, place->row),
                             .columns = cnn__winograd_tile_size(columns, place->column),
                             .channels = shape->in_channels,
                             .spectrum = layout->in[place->type],
                             .row = (ptrdiff_t)(shape->in_width * shape->in_channels),
                             .column = (ptrdiff_t)shape->in_channels,
                             .below = place->row > 0,
                             .beside = place->column > 0};
  const size_t row = place->row * rows->size, column = place->column * columns->size;
  clip(row, tile.rows + 2, rows->pad, rows->inputs, &tile.top, &tile.bottom);
  clip(column, tile.columns + 2, columns->pad, columns->inputs, &tile.left, &tile.right);
  *x = 0;
  if (tile.top < tile.bottom && tile.left < tile.right)
    *x = place->image * cnn__conv_x_size(shape) +
         ((row + tile.top - rows->pad) * shape->in_width + column + tile.left - columns->pad) *
             shape->in_channels;
  else
    tile.bottom = tile.top; /* nothing inside */
  return tile;
}

/* Cells of an axis's inputs that its tiles cover. */
static size_t covered(const cnn__winograd_axis *axis) {
  const size_t end = (axis->tiles - 1) * axis->size + axis->last_size + 2;
  return end > axis->pad ? cnn__size_min(end - axis->pad, axis->inputs) : 0;
}

void cnn__winograd_zero_rest(const cnn__conv *conv, const cnn__winograd_geometry *geometry,
                             float *dx) {
  const cnn__conv_shape *shape = &conv->shape;
  const size_t channels = shape->in_channels, row = shape->in_width * channels;
  const size_t rows = covered(&geometry->rows), columns = covered(&geometry->columns) * channels;
  for (size_t i = 0; i < rows && columns < row; i++)
    memset(dx + i * row + columns, 0, (row - columns) * sizeof *dx);
  memset(dx + rows * row, 0, (shape->in_height - rows) * row * sizeof *dx);
}

cnn__winograd_tile cnn__winograd_outputs(const cnn__conv *conv,
                                         const cnn__winograd_geometry *geometry,
                                         const cnn__winograd_layout *layout,
                                         const cnn__winograd_place *place, size_t channels,
                                         size_t *y) {
  const cnn__conv_shape *shape = &conv->shape;
  const size_t halved =
      cnn__conv_pooled(shape); /* shifts: division takes longer than all the rest */
  const size_t height = geometry->rows.used >> halved, width = geometry->columns.used >> halved;
  cnn__winograd_tile tile = {.rows = cnn__winograd_tile_size(&geometry->rows, place->row),
                             .columns = cnn__winograd_tile_size(&geometry->columns, place->column),
                             .channels = channels,
                             .spectrum = layout->out[place->type],
                             .row = (ptrdiff_t)(width * shape->out_channels),
                             .column = (ptrdiff_t)shape->out_channels};
  const size_t row = place->row * geometry->rows.size;
  const size_t column = place->column * geometry->columns.size;
  tile.bottom = cnn__size_min(tile.rows, geometry->rows.used - row) >> halved;
  tile.right = cnn__size_min(tile.columns, geometry->columns.used - column) >> halved;
  *y = ((place->image * height + (row >> halved)) * width + (column >> halved)) *
       shape->out_channels;
  return tile;
}
