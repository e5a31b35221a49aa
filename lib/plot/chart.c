/* The history of a training as curves. */
#include "plot/axes.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MARKED_EPOCHS = 40 }; /* so many get a dot each */

static const cnn__font title_font = {.size = 16, .color = CNN__INK, .bold = true};
static const cnn__font legend_font = {.size = 12, .color = CNN__INK};

/* One curve of a panel. */
struct curve {
  const double *values; /* NULL: there is none */
  const char *label;
  cnn__color color;
};

struct panel {
  char name[64]; /* of the y axis: "Accuracy" */
  int64_t epochs;
  struct curve curves[2]; /* training and validation */
};

/* ---- what to draw ---- */

static void add_series(cnn_plot_history_options *options, const char *name) {
  for (int i = 0; i < CNN_PLOT_MAX_PANELS; i++)
    if (options->series[i] == NULL) {
      options->series[i] = name;
      return;
    }
}

/* Every metric, then the loss. */
static void choose_series(cnn_plot_history_options *options) {
  for (int64_t i = 0; i < cnn_history_count(options->history); i++) {
    const char *name = cnn_history_name(options->history, i);
    bool metric = strcmp(name, "loss") != 0 && strcmp(name, "learning_rate") != 0 &&
                  strncmp(name, "val_", 4) != 0;
    if (metric) add_series(options, name);
  }
  if (cnn_history_series(options->history, "loss") != NULL) add_series(options, "loss");
}

static cnn_status make_panel(const cnn_history *history, const char *series, struct panel *panel) {
  char partner[128];
  snprintf(partner, sizeof partner, "val_%s", series);
  *panel = (struct panel){
      .epochs = cnn_history_epochs(history),
      .curves = {{cnn_history_series(history, series), "training", CNN__BLUE},
                 {cnn_history_series(history, partner), "validation", CNN__VERMILION}}};
  if (panel->curves[0].values == NULL)
    return cnn__plot_fail(CNN_E_NOT_FOUND, "cnn_plot_history: the history has no series '%s'",
                          series);
  snprintf(panel->name, sizeof panel->name, "%s", series);
  for (char *c = panel->name; *c != 0; c++)
    if (*c == '_') *c = ' ';
  if (panel->name[0] >= 'a' && panel->name[0] <= 'z')
    panel->name[0] = (char)(panel->name[0] - 'a' + 'A');
  return CNN_OK;
}

/* The finite values of all curves lie from low to high, with some air about them that does not
   leave 0 and 1 where they do not. 0 and 1 where there is none. */
static void range_of(const struct panel *panel, double *low, double *high) {
  bool found = false;
  *low = 0;
  *high = 1;
  for (int c = 0; c < 2; c++)
    for (int64_t i = 0; panel->curves[c].values != NULL && i < panel->epochs; i++) {
      double value = panel->curves[c].values[i];
      if (!isfinite(value)) continue;
      if (!found || value < *low) *low = value;
      if (!found || value > *high) *high = value;
      found = true;
    }
  bool shares = *low >= 0 && *high <= 1, above = *low >= 0;
  double air = (*high - *low) * .03;
  *low = above && *low < air ? 0 : *low - air;
  *high = shares && *high > 1 - air ? 1 : *high + air;
}

/* ---- drawing ---- */

static void draw_curve(cnn__canvas *canvas, const cnn__axes *axes, const struct curve *curve,
                       int64_t epochs) {
  cairo_t *cairo = canvas->cairo;
  if (curve->values == NULL) return;
  cnn__canvas_color(canvas, curve->color);
  cairo_set_line_width(cairo, 2);
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
  bool drawing = false;
  for (int64_t i = 0; i < epochs; i++) {
    bool finite = isfinite(curve->values[i]);
    double x = cnn__axes_x(axes, (double)i + 1), y = cnn__axes_y(axes, curve->values[i]);
    if (finite && drawing) cairo_line_to(cairo, x, y);
    if (finite && !drawing) cairo_move_to(cairo, x, y);
    drawing = finite;
  }
  cairo_stroke(cairo);
  for (int64_t i = 0; i < epochs; i++) {
    bool lonely = (i == 0 || !isfinite(curve->values[i - 1])) &&
                  (i + 1 == epochs || !isfinite(curve->values[i + 1]));
    if (!isfinite(curve->values[i]) || (epochs > MARKED_EPOCHS && !lonely)) continue;
    cairo_arc(cairo, cnn__axes_x(axes, (double)i + 1), cnn__axes_y(axes, curve->values[i]), 3, 0,
              6.283185307179586);
    cairo_fill(cairo);
  }
}

struct box {
  double x, y, width, height;
};

/* How many of a curve's places a box covers, those between epochs included. */
static int covered(const cnn__axes *axes, const struct panel *panel, struct box box) {
  enum { BETWEEN = 8 };
  int count = 0;
  for (int c = 0; c < 2; c++)
    for (int64_t i = 0; panel->curves[c].values != NULL && i < panel->epochs; i++)
      for (int part = 0; part < BETWEEN; part++) {
        double share = (double)part / BETWEEN, from = panel->curves[c].values[i];
        double to = i + 1 < panel->epochs ? panel->curves[c].values[i + 1] : from;
        double x = cnn__axes_x(axes, (double)i + 1 + (i + 1 < panel->epochs ? share : 0));
        double y = cnn__axes_y(axes, from + (to - from) * share);
        count += x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
      }
  return count;
}

/* At the lower right; in another corner where it would hide less of the curves. */
static struct box place_legend(const cnn__axes *axes, const struct panel *panel, double width,
                               double height) {
  const double margin = 12;
  double left = axes->left + margin, right = axes->left + axes->width - margin - width;
  double top = axes->top + margin, bottom = axes->top + axes->height - margin - height;
  const struct box corners[] = {{right, bottom, width, height},
                                {right, top, width, height},
                                {left, bottom, width, height},
                                {left, top, width, height}};
  struct box best = corners[0];
  for (size_t i = 1; i < sizeof corners / sizeof *corners; i++)
    if (covered(axes, panel, corners[i]) < covered(axes, panel, best)) best = corners[i];
  return best;
}

static void draw_legend(cnn__canvas *canvas, const cnn__axes *axes, const struct panel *panel) {
  const double line_height = 20, sample = 26, gap = 8, padding = 8;
  double width = 0;
  int lines = 0;
  for (int c = 0; c < 2; c++) {
    if (panel->curves[c].values == NULL) continue;
    double text = cnn__canvas_text_width(canvas, legend_font, panel->curves[c].label);
    if (text > width) width = text;
    lines++;
  }
  struct box box = place_legend(axes, panel, padding + sample + gap + width + padding,
                                lines * line_height + padding);
  cnn__canvas_color(canvas, CNN__GRID);
  cnn__canvas_rectangle(canvas, box.x - 1, box.y - 1, box.width + 2, box.height + 2);
  cnn__canvas_color(canvas, CNN__WHITE);
  cnn__canvas_rectangle(canvas, box.x, box.y, box.width, box.height);
  double y = box.y + padding / 2 + line_height / 2;
  for (int c = 0; c < 2; c++) {
    if (panel->curves[c].values == NULL) continue;
    cnn__canvas_color(canvas, panel->curves[c].color);
    cnn__canvas_rectangle(canvas, box.x + padding, y - 1, sample, 2);
    cairo_arc(canvas->cairo, box.x + padding + sample / 2, y, 3, 0, 6.283185307179586);
    cairo_fill(canvas->cairo);
    cnn__canvas_text(canvas, box.x + padding + sample + gap, y, CNN__LEFT, legend_font,
                     panel->curves[c].label);
    y += line_height;
  }
}

static void draw_panel(cnn__canvas *canvas, const struct panel *panel, struct box box) {
  cnn__axes axes;
  double low, high, last = (double)panel->epochs;
  double margin = panel->epochs > 1 ? (last - 1) * .03 : .5;
  range_of(panel, &low, &high);
  cnn__axis_fit(&axes.y, low, high, 6, true, false);
  cnn__axis_fit(&axes.x, 1 - margin, last + margin, 10, false, true);
  if (axes.x.first < 1) axes.x.first = 1;
  cnn__axes_draw(canvas, &axes, box.x, box.y, box.width, box.height, "Epoch", panel->name);
  for (int c = 0; c < 2; c++)
    draw_curve(canvas, &axes, &panel->curves[c], panel->epochs);
  draw_legend(canvas, &axes, panel);
}

/* ---- the call ---- */

static cnn_status check_sizes(const cnn_plot_history_options *options) {
  if (options->width < 0 || (options->width > 0 && options->width < 160))
    return cnn__plot_fail(CNN_E_INVALID, "cnn_plot_history: width is %lld; 160 or more, or 0",
                          (long long)options->width);
  if (options->height < 0 || (options->height > 0 && options->height < 120))
    return cnn__plot_fail(CNN_E_INVALID, "cnn_plot_history: height is %lld; 120 or more, or 0",
                          (long long)options->height);
  return CNN_OK;
}

static cnn_status draw_history(const cnn_plot_history_options *options, const struct panel *panels,
                               int count) {
  const double margin = 20, title_height = options->title != NULL ? 36 : 0;
  int columns = count <= 3 ? count : count == 4 ? 2 : 3, rows = (count + columns - 1) / columns;
  double width = options->width > 0 ? (double)options->width : 560. * columns;
  double height = options->height > 0 ? (double)options->height : 400. * rows + title_height;
  cnn__canvas canvas;
  cnn_status status = cnn__canvas_open(&canvas, "cnn_plot_history", options->path, width, height);
  if (status != CNN_OK) return status;
  if (options->title != NULL)
    cnn__canvas_text_within(&canvas, width / 2, margin + 8, width - 2 * margin, CNN__CENTER,
                            title_font, options->title);
  struct box cell = {.width = (width - margin) / columns,
                     .height = (height - title_height - margin) / rows};
  for (int i = 0; i < count; i++)
    draw_panel(&canvas, &panels[i],
               (struct box){.x = margin / 2 + cell.width * (i % columns),
                            .y = title_height + margin + cell.height * (i / columns),
                            .width = cell.width - margin,
                            .height = cell.height - margin / 2});
  return cnn__canvas_close(&canvas);
}

cnn_status cnn_plot_history_with(const cnn_plot_history_options *given) {
  cnn_plot_history_options options = {0};
  cnn_status status = cnn__plot_options_read("cnn_plot_history", &options, sizeof options, given);
  if (status != CNN_OK) return status;
  if (options.history == NULL) return cnn__plot_fail_null("cnn_plot_history", "history");
  if ((status = check_sizes(&options)) != CNN_OK) return status;
  cnn__picture_kind kind;
  if ((status = cnn__plot_kind("cnn_plot_history", options.path, &kind)) != CNN_OK) return status;
  if (cnn_history_epochs(options.history) < 1)
    return cnn__plot_fail(CNN_E_STATE, "cnn_plot_history: no epoch has been finished");
  if (options.series[0] == NULL) choose_series(&options);
  struct panel panels[CNN_PLOT_MAX_PANELS];
  int count = 0;
  for (; count < CNN_PLOT_MAX_PANELS && options.series[count] != NULL; count++)
    if ((status = make_panel(options.history, options.series[count], &panels[count])) != CNN_OK)
      return status;
  if (count == 0)
    return cnn__plot_fail(CNN_E_NOT_FOUND, "cnn_plot_history: the history has no series to draw");
  return draw_history(&options, panels, count);
}

void cnn_plot_history_options_init(cnn_plot_history_options *options, size_t size) {
  cnn__plot_options_init(options, size);
}
