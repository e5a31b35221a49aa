/* A picture at another size. */
#include "base/size.h"
#include "data/picture.h"
#include <string.h>

/* Nearest pixels, the dtype as it is. */
static void pick_pixels(const cnn__picture *picture, const cnn__taps *rows,
                        const cnn__taps *columns, void *to) {
  const size_t pixel = picture->channels * cnn__dtype_size(picture->dtype);
  const size_t row = picture->row * cnn__dtype_size(picture->dtype);
  const uint8_t *from = picture->pixels;
  uint8_t *out = to;
  for (size_t i = 0; i < rows->count; i++)
    for (size_t j = 0; j < columns->count; j++, out += pixel)
      memcpy(out, from + rows->first[i] * row + columns->first[j] * pixel, pixel);
}

/* How large the tables of both axes are, and what they and the scratch need together. */
static cnn_status size_tables(const cnn__picture *picture, size_t height, size_t width,
                              cnn__resize *resize, size_t *for_rows, size_t *for_columns,
                              size_t *total) {
  const cnn__taps columns = {.count = width};
  size_t for_scratch;
  resize->columns = &columns;
  const bool fits = cnn__resize_taps_size(picture->height, height, resize->filter, for_rows) &&
                    cnn__resize_taps_size(picture->width, width, resize->filter, for_columns) &&
                    cnn__resize_scratch(resize, &for_scratch) &&
                    cnn__size_add(*for_rows, *for_columns, total) &&
                    cnn__size_add(*total, for_scratch, total);
  resize->columns = NULL;
  if (fits) return CNN_OK;
  return cnn__fail(CNN_E_LIMIT, "resize: %zux%zu to %zux%zu exceeds the address space",
                   picture->height, picture->width, height, width);
}

/* Tables and scratch in the workspace's memory. */
static cnn_status make_tables(cnn__picture *picture, size_t height, size_t width, cnn__taps *rows,
                              cnn__taps *columns, cnn__resize *resize) {
  size_t for_rows = 0, for_columns = 0, total = 0;
  cnn_status status = size_tables(picture, height, width, resize, &for_rows, &for_columns, &total);
  cnn__workspace *workspace = picture->workspace;
  if (status == CNN_OK)
    status = cnn__buffer_reserve(workspace->sample.context, &workspace->tables, total,
                                 "a resize's tables");
  if (status != CNN_OK) return status;
  uint8_t *memory = workspace->tables.bytes;
  cnn__resize_taps_make(picture->height, height, resize->filter, memory, rows);
  cnn__resize_taps_make(picture->width, width, resize->filter, memory + for_rows, columns);
  resize->rows = rows;
  resize->columns = columns;
  resize->scratch = memory + for_rows + for_columns;
  return CNN_OK;
}

cnn_status cnn__picture_resize(cnn__picture *picture, size_t height, size_t width,
                               cnn__resize_filter filter) {
  if (height == picture->height && width == picture->width) return CNN_OK;
  cnn_status status = cnn__picture_settle(picture);
  if (status != CNN_OK) return status;
  cnn__taps rows, columns;
  cnn__resize resize = {.in_height = picture->height,
                        .in_width = picture->width,
                        .channels = picture->channels,
                        .row = picture->row,
                        .filter = filter};
  void *room;
  status = make_tables(picture, height, width, &rows, &columns, &resize);
  if (status == CNN_OK) status = cnn__picture_room(picture, height, width, picture->dtype, &room);
  if (status != CNN_OK) return status;
  if (filter == CNN__RESIZE_NEAREST)
    pick_pixels(picture, &rows, &columns, room);
  else if (picture->dtype == CNN_UINT8)
    cnn__image_resize_u8(&resize, picture->pixels, room);
  else
    cnn__image_resize_f32(&resize, picture->pixels, room);
  cnn__picture_show(picture, room, height, width, picture->dtype);
  return CNN_OK;
}
