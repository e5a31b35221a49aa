#include "plot/axes.h"
#include <stdio.h>
#include <string.h>

static const cnn__font tick_font = {.size = 12, .color = CNN__FAINT};
static const cnn__font name_font = {.size = 13, .color = CNN__INK};

/* ---- ticks ---- */

/* 10^exponent, 0 or more: exact to 10^22. Our own loop, for pow() differs between machines. */
static double power_of_ten(int exponent) {
  double power = 1;
  for (int i = 0; i < exponent; i++)
    power *= 10;
  return power;
}

double cnn__axis_tick(const cnn__axis *axis, int64_t i) {
  double value = (double)(i * axis->mantissa);
  return axis->exponent < 0 ? value / power_of_ten(-axis->exponent)
                            : value * power_of_ten(axis->exponent);
}

static int64_t round_down(double value) {
  int64_t whole = (int64_t)value;
  return (double)whole > value ? whole - 1 : whole;
}

static double step_of(const cnn__axis *axis) {
  return cnn__axis_tick(axis, 1);
}

static void next_step(cnn__axis *axis) {
  axis->mantissa = axis->mantissa == 1 ? 2 : axis->mantissa == 2 ? 5 : 1;
  if (axis->mantissa == 1) axis->exponent++;
}

/* Limits that differ, by enough for ticks between them to be numbers of their own. */
static void spread(double *low, double *high) {
  const double bound = 1e200;
  if (*low < -bound) *low = -bound;
  if (*high > bound) *high = bound;
  double size = *low < 0 ? -*low : *low;
  if ((*high < 0 ? -*high : *high) > size) size = *high < 0 ? -*high : *high;
  double least = size * 1e-9 > 1e-200 ? size * 1e-9 : 1e-200;
  if (*high - *low >= least) return;
  double middle = *low + (*high - *low) / 2, half = size > 0 ? size / 10 : .5;
  *low = middle - half;
  *high = middle + half;
}

void cnn__axis_fit(cnn__axis *axis, double low, double high, int most, bool rounded, bool whole) {
  spread(&low, &high);
  *axis = (cnn__axis){.low = low, .high = high, .mantissa = 1};
  if (!whole)
    while ((high - low) / step_of(axis) < most * 10.)
      axis->exponent--;
  while ((high - low) / step_of(axis) > most)
    next_step(axis);
  /* A limit that misses a tick by rounding alone is on it. */
  const double slack = 1e-9;
  if (rounded) {
    axis->first = round_down(low / step_of(axis) + slack);
    axis->last = -round_down(-high / step_of(axis) + slack);
    axis->low = cnn__axis_tick(axis, axis->first);
    axis->high = cnn__axis_tick(axis, axis->last);
  } else {
    axis->first = -round_down(-low / step_of(axis) + slack);
    axis->last = round_down(high / step_of(axis) + slack);
  }
}

/* Decimal digits of a number, the least significant first; their count. */
static int digits_of(uint64_t number, char digits[24]) {
  int count = 0;
  do
    digits[count++] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  return count;
}

void cnn__axis_text(const cnn__axis *axis, int64_t i, char text[CNN__TICK_TEXT]) {
  int64_t number = i * axis->mantissa;
  uint64_t size = (uint64_t)(number < 0 ? -number : number);
  const char *sign = number < 0 ? "\xe2\x88\x92" : "";
  int exponent = number == 0 && axis->exponent > 0 ? 0 : axis->exponent;
  if (exponent > 5 || exponent < -8) {
    if (number == 0)
      snprintf(text, CNN__TICK_TEXT, "0");
    else
      snprintf(text, CNN__TICK_TEXT, "%s%llue%d", sign, (unsigned long long)size, exponent);
    return;
  }
  for (; exponent > 0; exponent--)
    size *= 10;
  char digits[24];
  int count = digits_of(size, digits);
  while (count <= -exponent)
    digits[count++] = '0';
  size_t length = strlen(sign);
  memcpy(text, sign, length);
  while (count > 0) {
    text[length++] = digits[--count];
    if (count > 0 && count == -exponent) text[length++] = '.';
  }
  text[length] = 0;
}

/* ---- axes ---- */

double cnn__axes_x(const cnn__axes *axes, double value) {
  return axes->left + (value - axes->x.low) / (axes->x.high - axes->x.low) * axes->width;
}

double cnn__axes_y(const cnn__axes *axes, double value) {
  return axes->top + (axes->y.high - value) / (axes->y.high - axes->y.low) * axes->height;
}

static double widest_text(cnn__canvas *canvas, const cnn__axis *axis) {
  double widest = 0;
  char text[CNN__TICK_TEXT];
  for (int64_t i = axis->first; i <= axis->last; i++) {
    cnn__axis_text(axis, i, text);
    double width = cnn__canvas_text_width(canvas, tick_font, text);
    if (width > widest) widest = width;
  }
  return widest;
}

static void draw_ticks(cnn__canvas *canvas, const cnn__axes *axes) {
  char text[CNN__TICK_TEXT];
  double right = axes->left + axes->width, bottom = axes->top + axes->height;
  for (int64_t i = axes->y.first; i <= axes->y.last; i++) {
    double y = cnn__axes_y(axes, cnn__axis_tick(&axes->y, i));
    cnn__axis_text(&axes->y, i, text);
    cnn__canvas_color(canvas, CNN__GRID);
    cnn__canvas_line(canvas, axes->left, y, right, y);
    cnn__canvas_text(canvas, axes->left - 8, y, CNN__RIGHT, tick_font, text);
  }
  for (int64_t i = axes->x.first; i <= axes->x.last; i++) {
    double x = cnn__axes_x(axes, cnn__axis_tick(&axes->x, i));
    cnn__axis_text(&axes->x, i, text);
    cnn__canvas_color(canvas, CNN__GRID);
    cnn__canvas_line(canvas, x, axes->top, x, bottom);
    cnn__canvas_text(canvas, x, bottom + 15, CNN__CENTER, tick_font, text);
  }
}

void cnn__axes_draw(cnn__canvas *canvas, cnn__axes *axes, double left, double top, double width,
                    double height, const char *x_name, const char *y_name) {
  const double name_height = 26, tick_height = 26, gap = 8;
  double side = name_height + widest_text(canvas, &axes->y) + gap;
  axes->left = (double)(int64_t)(left + side);
  axes->width = (double)(int64_t)(left + width - axes->left);
  axes->top = (double)(int64_t)top;
  axes->height = (double)(int64_t)(top + height - axes->top - name_height - tick_height);
  if (axes->width < 1) axes->width = 1;
  if (axes->height < 1) axes->height = 1;
  draw_ticks(canvas, axes);
  double right = axes->left + axes->width, bottom = axes->top + axes->height;
  cnn__canvas_color(canvas, CNN__FRAME);
  cnn__canvas_line(canvas, axes->left, axes->top, axes->left, bottom);
  cnn__canvas_line(canvas, axes->left, bottom, right, bottom);
  cnn__canvas_text(canvas, axes->left + axes->width / 2, bottom + tick_height + name_height / 2,
                   CNN__CENTER, name_font, x_name);
  cnn__canvas_text_upward(canvas, left + name_height / 2, axes->top + axes->height / 2, CNN__CENTER,
                          name_font, y_name);
}
