/* Writing PNG: whole or not at all, and the same bytes for the same pixels. */
#include "base/file.h"
#include "base/size.h"
#include "tensor/tensor.h"
#include <cnn/data.h>

#ifndef CNN__HAVE_PNG

cnn_status cnn_image_write_png(const char *path, const cnn_tensor *image) {
  if (!image) return cnn__fail_null("cnn_image_write_png", "image");
  return cnn__fail(CNN_E_UNSUPPORTED, "%s: this build writes no PNG images (libpng was not found)",
                   path ? path : "cnn_image_write_png");
}

#else

#include "data/png_message.h"

enum { MOST_SIDE = 1 << 24 };

typedef struct png_sink {
  cnn_context *context;
  const char *path;
  cnn__writer *writer;
  cnn_status status; /* of our own calls inside libpng's */
  cnn__png_message message;
} png_sink;

static void on_write(png_structp png, png_bytep bytes, size_t size) {
  png_sink *sink = png_get_io_ptr(png);
  sink->status = cnn__writer_write(sink->writer, bytes, size);
  if (sink->status != CNN_OK) png_error(png, "writing failed");
}

static void on_flush(png_structp png) {}

static png_voidp on_allocate(png_structp png, png_alloc_size_t size) {
  png_sink *sink = png_get_mem_ptr(png);
  void *memory = cnn__alloc(sink->context, size, "libpng");
  if (!memory) sink->status = CNN_E_NOMEM;
  return memory;
}

static void on_release(png_structp png, png_voidp memory) {
  png_sink *sink = png_get_mem_ptr(png);
  cnn__free(sink->context, memory);
}

/* [0, 1] to [0, 255]; NaN is black. */
static uint8_t to_byte(float x) {
  const float scaled = x * 255 + 0.5f;
  return (uint8_t)(scaled > 0 ? (scaled < 255 ? scaled : 255) : 0);
}

/* All that may jump back. row: room for one row. */
static void write_image(png_structp png, png_infop info, const cnn_tensor *image, uint8_t *row) {
  const size_t height = image->shape.dim[0], width = image->shape.dim[1];
  const size_t count = width * image->shape.dim[2];
  png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8,
               image->shape.dim[2] == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (size_t y = 0; y < height; y++) {
    if (image->dtype == CNN_UINT8)
      memcpy(row, (const uint8_t *)image->data + y * count, count);
    else
      for (size_t e = 0; e < count; e++)
        row[e] = to_byte(((const float *)image->data)[y * count + e]);
    png_write_row(png, row);
  }
  png_write_end(png, NULL);
}

static cnn_status encode(png_sink *sink, const cnn_tensor *image, uint8_t *row) {
  png_structp png =
      png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &sink->message, cnn__png_on_error,
                                cnn__png_on_warning, sink, on_allocate, on_release);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  cnn_status status = CNN_OK;
  if (!info || setjmp(png_jmpbuf(png))) {
    status = sink->status != CNN_OK
                 ? sink->status
                 : cnn__fail(CNN_E_UNSUPPORTED, "%s: libpng: %s", sink->path, sink->message.text);
  } else {
    png_set_write_fn(png, sink, on_write, on_flush);
    write_image(png, info, image, row);
    status = sink->status;
  }
  png_destroy_write_struct(png ? &png : NULL, info ? &info : NULL);
  return status;
}

static cnn_status check_image(const char *path, const cnn_tensor *image) {
  char text[CNN__SHAPE_TEXT];
  if (!image) return cnn__fail_null("cnn_image_write_png", "image");
  if (!path) return cnn__fail(CNN_E_INVALID, "cnn_image_write_png: path is NULL");
  const cnn__shape *shape = &image->shape;
  if (image->dtype != CNN_UINT8 && image->dtype != CNN_FLOAT32)
    return cnn__fail(CNN_E_INVALID, "%s: the image has dtype %d, not uint8 or float32", path,
                     (int)image->dtype);
  if (shape->rank != 3 || cnn__shape_product(shape) == 0 ||
      (shape->dim[2] != 1 && shape->dim[2] != 3))
    return cnn__fail(CNN_E_INVALID, "%s: %s is not (height, width, 1 or 3)", path,
                     cnn__shape_text(shape, text));
  if (shape->dim[0] > MOST_SIDE || shape->dim[1] > MOST_SIDE)
    return cnn__fail(CNN_E_INVALID, "%s: %s exceeds %d pixels a side", path,
                     cnn__shape_text(shape, text), MOST_SIDE);
  return CNN_OK;
}

cnn_status cnn_image_write_png(const char *path, const cnn_tensor *image) {
  cnn_status status = check_image(path, image);
  if (status != CNN_OK) return status;
  png_sink sink = {.context = image->context, .path = path};
  uint8_t *row = cnn__alloc(sink.context, image->shape.dim[1] * image->shape.dim[2], "a PNG row");
  if (!row) return CNN_E_NOMEM;
  status = cnn__writer_open(sink.context, path, &sink.writer);
  if (status == CNN_OK) {
    status = encode(&sink, image, row);
    if (status == CNN_OK)
      status = cnn__writer_commit(sink.writer);
    else
      cnn__writer_abandon(sink.writer);
  }
  cnn__free(sink.context, row);
  return status;
}

#endif
