/* A sheet to draw on that becomes a PNG, SVG or PDF file: colours, text, rectangles, pixels. Cairo
   keeps its first failure, so drawing returns nothing and closing the canvas says how it went. */
#ifndef CNN_PLOT_CANVAS_H
#define CNN_PLOT_CANVAS_H

#include "plot/bytes.h"
#include "plot/support.h"
#include <cairo.h>

/* The colours of all pictures. Blue and vermilion are told apart with any eyesight. */
typedef enum cnn__color {
  CNN__WHITE,
  CNN__INK,   /* titles, names of axes */
  CNN__FAINT, /* numbers at axes, remarks */
  CNN__FRAME,
  CNN__GRID,
  CNN__BLUE,      /* training */
  CNN__VERMILION, /* validation */
  CNN__GREEN,     /* right */
  CNN__RED        /* wrong */
} cnn__color;

typedef enum cnn__align { CNN__LEFT, CNN__CENTER, CNN__RIGHT } cnn__align;

typedef struct cnn__canvas {
  const char *function, *path; /* borrowed */
  cnn__picture_kind kind;
  double width, height;
  cairo_surface_t *surface;
  cairo_t *cairo;
  cnn__bytes bytes;
} cnn__canvas;

/* A white sheet, unless path or size cannot be. On failure there is nothing to close. */
cnn_status cnn__canvas_open(cnn__canvas *canvas, const char *function, const char *path,
                            double width, double height);
/* Writes the file, unless something has failed, and frees what the canvas holds. */
cnn_status cnn__canvas_close(cnn__canvas *canvas);

void cnn__canvas_color(cnn__canvas *canvas, cnn__color color);
void cnn__canvas_rectangle(cnn__canvas *canvas, double x, double y, double width, double height);
/* A line one wide, sharp where it is level or upright. */
void cnn__canvas_line(cnn__canvas *canvas, double x0, double y0, double x1, double y1);
/* An image surface, pixel for pixel. */
void cnn__canvas_pixels(cnn__canvas *canvas, double x, double y, cairo_surface_t *pixels);

/* Text's middle line is at y. bold is for titles. */
typedef struct cnn__font {
  double size;
  cnn__color color;
  bool bold;
} cnn__font;
void cnn__canvas_text(cnn__canvas *canvas, double x, double y, cnn__align align, cnn__font font,
                      const char *text);
/* Cut, with an ellipsis, to what fits into width. */
void cnn__canvas_text_within(cnn__canvas *canvas, double x, double y, double width,
                             cnn__align align, cnn__font font, const char *text);
/* Turned a quarter: read from below. */
void cnn__canvas_text_upward(cnn__canvas *canvas, double x, double y, cnn__align align,
                             cnn__font font, const char *text);
double cnn__canvas_text_width(cnn__canvas *canvas, cnn__font font, const char *text);

#endif
