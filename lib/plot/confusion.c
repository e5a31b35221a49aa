/* A confusion matrix: counts, and in colour each row's shares. */
#include "plot/canvas.h"
#include <stdio.h>

static const char function[] = "cnn_plot_confusion";

/* Sizes for a number of classes: few are large, many are small and without counts. */
struct layout {
  int64_t classes;
  double cell, left, top, bottom, right; /* of the matrix: where it begins, room behind it */
  bool counts;
  cnn__font name, count;
};

static void rgb_of_share(double share, double rgb[3]) {
  /* From white through a light to a deep blue; its lightness falls evenly. */
  static const double stops[][3] = {
      {1, 1, 1}, {.78, .86, .94}, {.42, .68, .84}, {.13, .44, .71}, {.03, .19, .42}};
  enum { LAST = sizeof stops / sizeof *stops - 1 };
  double place = share * LAST;
  int i = place >= LAST ? LAST - 1 : place > 0 ? (int)place : 0;
  for (int c = 0; c < 3; c++)
    rgb[c] = stops[i][c] + (stops[i + 1][c] - stops[i][c]) * (place - i);
}

static void set_share_color(cnn__canvas *canvas, double share) {
  double rgb[3];
  rgb_of_share(share, rgb);
  cairo_set_source_rgb(canvas->cairo, rgb[0], rgb[1], rgb[2]);
}

static int64_t row_sum(const cnn_confusion *confusion, int64_t row) {
  int64_t sum = 0;
  for (int64_t column = 0; column < cnn_confusion_classes(confusion); column++)
    sum += cnn_confusion_at(confusion, row, column);
  return sum;
}

static double share_of(int64_t count, int64_t sum) {
  return sum > 0 ? (double)count / (double)sum : 0;
}

/* ---- parts ---- */

static void draw_matrix(cnn__canvas *canvas, const cnn_confusion *confusion,
                        const struct layout *layout) {
  char text[24];
  for (int64_t row = 0; row < layout->classes; row++) {
    int64_t sum = row_sum(confusion, row);
    for (int64_t column = 0; column < layout->classes; column++) {
      int64_t count = cnn_confusion_at(confusion, row, column);
      double x = layout->left + layout->cell * (double)column;
      double y = layout->top + layout->cell * (double)row;
      set_share_color(canvas, share_of(count, sum));
      cnn__canvas_rectangle(canvas, x, y, layout->cell, layout->cell);
      if (!layout->counts || count == 0) continue;
      cnn__font font = layout->count;
      font.color = share_of(count, sum) > .5 ? CNN__WHITE : CNN__INK;
      snprintf(text, sizeof text, "%lld", (long long)count);
      cnn__canvas_text_within(canvas, x + layout->cell / 2, y + layout->cell / 2, layout->cell - 2,
                              CNN__CENTER, font, text);
    }
  }
}

static void draw_lines(cnn__canvas *canvas, const struct layout *layout) {
  double side = layout->cell * (double)layout->classes;
  cnn__canvas_color(canvas, CNN__GRID);
  for (int64_t i = 1; layout->counts && i < layout->classes; i++) {
    double offset = layout->cell * (double)i;
    cnn__canvas_line(canvas, layout->left + offset, layout->top, layout->left + offset,
                     layout->top + side);
    cnn__canvas_line(canvas, layout->left, layout->top + offset, layout->left + side,
                     layout->top + offset);
  }
  cairo_rectangle(canvas->cairo, layout->left + .5, layout->top + .5, side, side);
  cnn__canvas_color(canvas, CNN__FRAME);
  cairo_stroke(canvas->cairo);
}

static void draw_names(cnn__canvas *canvas, const cnn_confusion *confusion,
                       const struct layout *layout) {
  const cnn__font axis = {.size = 14, .color = CNN__INK};
  double side = layout->cell * (double)layout->classes;
  for (int64_t i = 0; layout->name.size > 0 && i < layout->classes; i++) {
    const char *name = cnn_confusion_name(confusion, i);
    double middle = layout->cell * ((double)i + .5);
    cnn__canvas_text_within(canvas, layout->left - 8, layout->top + middle, layout->left - 40,
                            CNN__RIGHT, layout->name, name);
    cnn__canvas_text_upward(canvas, layout->left + middle, layout->top + side + 8, CNN__RIGHT,
                            layout->name, name);
  }
  cnn__canvas_text_upward(canvas, 18, layout->top + side / 2, CNN__CENTER, axis, "True class");
  cnn__canvas_text(canvas, layout->left + side / 2, canvas->height - 18, CNN__CENTER, axis,
                   "Predicted class");
}

/* The bar at the right that says which colour is which share. */
static void draw_scale(cnn__canvas *canvas, const struct layout *layout) {
  enum { STEPS = 100 };
  const cnn__font font = {.size = 12, .color = CNN__FAINT};
  double side = layout->cell * (double)layout->classes, x = layout->left + side + 24;
  const double width = 14;
  for (int i = 0; i < STEPS; i++) {
    double from = (double)(int64_t)(side * i / STEPS),
           to = (double)(int64_t)(side * (i + 1) / STEPS);
    set_share_color(canvas, 1 - (i + .5) / STEPS);
    cnn__canvas_rectangle(canvas, x, layout->top + from, width, to - from);
  }
  cairo_rectangle(canvas->cairo, x + .5, layout->top + .5, width, side);
  cnn__canvas_color(canvas, CNN__FRAME);
  cairo_stroke(canvas->cairo);
  for (int i = 0; i <= 4; i++) {
    char text[8];
    double y = layout->top + side * (4 - i) / 4;
    snprintf(text, sizeof text, "%d %%", i * 25);
    cnn__canvas_line(canvas, x + width, y, x + width + 4, y);
    cnn__canvas_text(canvas, x + width + 8, y, CNN__LEFT, font, text);
    cnn__canvas_color(canvas, CNN__FRAME);
  }
  cnn__canvas_text_upward(canvas, x + width + 56, layout->top + side / 2, CNN__CENTER, font,
                          "Share of the true class");
}

/* ---- the whole ---- */

static struct layout choose_layout(const cnn_confusion *confusion) {
  struct layout layout = {.classes = cnn_confusion_classes(confusion), .top = 60, .right = 110};
  int64_t classes = layout.classes;
  layout.cell = classes <= 4     ? 72
                : classes <= 12  ? 54
                : classes <= 30  ? 38
                : classes <= 120 ? 12
                                 : 4;
  layout.counts = classes <= 30;
  layout.count = (cnn__font){.size = classes <= 12 ? 13 : 10};
  layout.name = (cnn__font){.size = classes <= 12    ? 13
                                    : classes <= 30  ? 12
                                    : classes <= 120 ? 10
                                                     : 0,
                            .color = CNN__INK};
  return layout;
}

/* Room for the longest name, on an own sheet that is never written. */
static double widest_name(const cnn_confusion *confusion, cnn__font font) {
  double widest = 0;
  cnn__canvas sheet = {.surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1)};
  sheet.cairo = cairo_create(sheet.surface);
  for (int64_t i = 0; font.size > 0 && i < cnn_confusion_classes(confusion); i++) {
    double width = cnn__canvas_text_width(&sheet, font, cnn_confusion_name(confusion, i));
    if (width > widest) widest = width;
  }
  cairo_destroy(sheet.cairo);
  cairo_surface_destroy(sheet.surface);
  return widest < 240 ? widest : 240;
}

static void write_title(const cnn_confusion *confusion, char *text, size_t size) {
  int64_t right = 0, all = 0;
  for (int64_t i = 0; i < cnn_confusion_classes(confusion); i++) {
    right += cnn_confusion_at(confusion, i, i);
    all += row_sum(confusion, i);
  }
  int64_t hundredths = (int64_t)(share_of(right, all) * 10000 + .5);
  snprintf(text, size, "%lld of %lld right: %lld.%02lld %%", (long long)right, (long long)all,
           (long long)(hundredths / 100), (long long)(hundredths % 100));
}

cnn_status cnn_plot_confusion_with(const cnn_plot_confusion_options *given) {
  cnn_plot_confusion_options options = {0};
  cnn_status status = cnn__plot_options_read(function, &options, sizeof options, given);
  if (status != CNN_OK) return status;
  if (options.confusion == NULL) return cnn__plot_fail_null(function, "confusion");
  struct layout layout = choose_layout(options.confusion);
  double names = widest_name(options.confusion, layout.name);
  layout.left = (double)(int64_t)(names + 48);
  layout.bottom = (double)(int64_t)(names + 48);
  double side = layout.cell * (double)layout.classes;
  cnn__canvas canvas;
  status = cnn__canvas_open(&canvas, function, options.path, layout.left + side + layout.right,
                            layout.top + side + layout.bottom);
  if (status != CNN_OK) return status;
  char text[120];
  write_title(options.confusion, text, sizeof text);
  const cnn__font title = {.size = 16, .color = CNN__INK, .bold = true};
  cnn__canvas_text_within(&canvas, canvas.width / 2, 30, canvas.width - 40, CNN__CENTER, title,
                          options.title != NULL ? options.title : text);
  draw_matrix(&canvas, options.confusion, &layout);
  draw_lines(&canvas, &layout);
  draw_names(&canvas, options.confusion, &layout);
  draw_scale(&canvas, &layout);
  return cnn__canvas_close(&canvas);
}

void cnn_plot_confusion_options_init(cnn_plot_confusion_options *options, size_t size) {
  cnn__plot_options_init(options, size);
}
