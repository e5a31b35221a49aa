/* Axes: ticks at round numbers, and the frame, grid and names around a chart. */
#ifndef CNN_PLOT_AXES_H
#define CNN_PLOT_AXES_H

#include "plot/canvas.h"

/* A stretch of numbers with ticks: tick i is at i * mantissa * 10^exponent, first <= i <= last. All
   integers, so that a tick's text is exact. */
typedef struct cnn__axis {
  double low, high;
  int64_t first, last;
  int64_t mantissa; /* 1, 2 or 5 */
  int exponent;
} cnn__axis;

/* Ticks for [low, high], about most of them at most. rounded: the axis reaches from tick to tick;
   else from low to high, with the ticks that lie between. whole: at whole numbers only. */
void cnn__axis_fit(cnn__axis *axis, double low, double high, int most, bool rounded, bool whole);
double cnn__axis_tick(const cnn__axis *axis, int64_t i);
enum { CNN__TICK_TEXT = 48 };
void cnn__axis_text(const cnn__axis *axis, int64_t i, char text[CNN__TICK_TEXT]);

/* Where the numbers lie on the canvas. */
typedef struct cnn__axes {
  cnn__axis x, y;
  double left, top, width, height; /* of the field inside the frame */
} cnn__axes;

double cnn__axes_x(const cnn__axes *axes, double value);
double cnn__axes_y(const cnn__axes *axes, double value);
/* Places the field in a rectangle, with room for ticks' texts and names, and draws all that. */
void cnn__axes_draw(cnn__canvas *canvas, cnn__axes *axes, double left, double top, double width,
                    double height, const char *x_name, const char *y_name);

#endif
