#include "plot/canvas.h"
#include "plot/svg.h"
#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <stdlib.h>

enum { MAX_SIDE = 32767, MAX_AREA = 1 << 26 };

/* ---- the file ---- */

static cairo_status_t append(void *closure, const unsigned char *data, unsigned size) {
  cnn__bytes *bytes = closure;
  cnn__bytes_append(bytes, data, size);
  return bytes->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

static cnn_status cairo_failure(const cnn__canvas *canvas, cairo_status_t status) {
  /* libpng writes into memory here: nothing else can fail in it. */
  if (status == CAIRO_STATUS_NO_MEMORY || status == CAIRO_STATUS_PNG_ERROR || canvas->bytes.failed)
    return cnn__plot_fail(CNN_E_NOMEM, "%s: out of memory while drawing %s", canvas->function,
                          canvas->path);
  return cnn__plot_fail(CNN_E_UNSUPPORTED, "%s: cairo cannot draw %s: %s", canvas->function,
                        canvas->path, cairo_status_to_string(status));
}

static cairo_surface_t *make_surface(cnn__canvas *canvas) {
  switch (canvas->kind) {
  case CNN__SVG:
    return cairo_svg_surface_create_for_stream(append, &canvas->bytes, canvas->width,
                                               canvas->height);
  case CNN__PDF: {
    cairo_surface_t *pdf =
        cairo_pdf_surface_create_for_stream(append, &canvas->bytes, canvas->width, canvas->height);
    /* Without one cairo states the present time, and no two files are equal. */
    cairo_pdf_surface_set_metadata(pdf, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z");
    return pdf;
  }
  case CNN__PNG:
    break;
  }
  return cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)canvas->width, (int)canvas->height);
}

/* Glyphs as their outlines are, whatever the system's settings: widths then are the same in all
   kinds of file. */
static void set_font_options(cairo_t *cairo) {
  cairo_font_options_t *options = cairo_font_options_create();
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  cairo_set_font_options(cairo, options);
  cairo_font_options_destroy(options);
}

cnn_status cnn__canvas_open(cnn__canvas *canvas, const char *function, const char *path,
                            double width, double height) {
  *canvas = (cnn__canvas){.function = function, .path = path, .width = width, .height = height};
  cnn_status status = cnn__plot_kind(function, path, &canvas->kind);
  if (status != CNN_OK) return status;
  if (!(width >= 1 && height >= 1 && width <= MAX_SIDE && height <= MAX_SIDE &&
        width * height <= MAX_AREA)) {
    bool known = width < 1e15 && height < 1e15;
    return cnn__plot_fail(
        CNN_E_LIMIT, "%s: a picture of %lldx%lld; at most %d a side and %d in all", function,
        known ? (long long)width : -1, known ? (long long)height : -1, MAX_SIDE, MAX_AREA);
  }
  canvas->surface = make_surface(canvas);
  canvas->cairo = cairo_create(canvas->surface);
  set_font_options(canvas->cairo);
  cairo_set_line_width(canvas->cairo, 1);
  cnn__canvas_color(canvas, CNN__WHITE);
  cnn__canvas_rectangle(canvas, 0, 0, width, height);
  return CNN_OK;
}

cnn_status cnn__canvas_close(cnn__canvas *canvas) {
  cairo_status_t drawn = cairo_status(canvas->cairo);
  cairo_destroy(canvas->cairo);
  if (drawn == CAIRO_STATUS_SUCCESS && canvas->kind == CNN__PNG)
    drawn = cairo_surface_write_to_png_stream(canvas->surface, append, &canvas->bytes);
  cairo_surface_finish(canvas->surface);
  if (drawn == CAIRO_STATUS_SUCCESS) drawn = cairo_surface_status(canvas->surface);
  cairo_surface_destroy(canvas->surface);
  if (canvas->kind == CNN__SVG) cnn__svg_renumber(&canvas->bytes);
  cnn_status status = drawn != CAIRO_STATUS_SUCCESS || canvas->bytes.failed
                          ? cairo_failure(canvas, drawn)
                          : cnn_file_write(canvas->path, canvas->bytes.data, canvas->bytes.size);
  free(canvas->bytes.data);
  return status;
}

/* ---- shapes ---- */

void cnn__canvas_color(cnn__canvas *canvas, cnn__color color) {
  static const unsigned values[] = {
      [CNN__WHITE] = 0xffffff,     [CNN__INK] = 0x24292f,   [CNN__FAINT] = 0x5f6b76,
      [CNN__FRAME] = 0xafb8c1,     [CNN__GRID] = 0xe6eaee,  [CNN__BLUE] = 0x0969b3,
      [CNN__VERMILION] = 0xd9540b, [CNN__GREEN] = 0x1a7f37, [CNN__RED] = 0xc9222e};
  unsigned value = values[color];
  cairo_set_source_rgb(canvas->cairo, (value >> 16) / 255., (value >> 8 & 255) / 255.,
                       (value & 255) / 255.);
}

void cnn__canvas_rectangle(cnn__canvas *canvas, double x, double y, double width, double height) {
  cairo_rectangle(canvas->cairo, x, y, width, height);
  cairo_fill(canvas->cairo);
}

/* The middle of the pixel that holds position. */
static double pixel_middle(double position) {
  return (double)(int64_t)position + .5;
}

void cnn__canvas_line(cnn__canvas *canvas, double x0, double y0, double x1, double y1) {
  if (x0 == x1) x0 = x1 = pixel_middle(x0);
  if (y0 == y1) y0 = y1 = pixel_middle(y0);
  cairo_move_to(canvas->cairo, x0, y0);
  cairo_line_to(canvas->cairo, x1, y1);
  cairo_set_line_width(canvas->cairo, 1);
  cairo_stroke(canvas->cairo);
}

void cnn__canvas_pixels(cnn__canvas *canvas, double x, double y, cairo_surface_t *pixels) {
  cairo_set_source_surface(canvas->cairo, pixels, (double)(int64_t)x, (double)(int64_t)y);
  cairo_pattern_set_filter(cairo_get_source(canvas->cairo), CAIRO_FILTER_NEAREST);
  cairo_paint(canvas->cairo);
}
