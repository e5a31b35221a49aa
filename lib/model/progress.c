/* The tutorial's progress bar. On a terminal it is redrawn in place; elsewhere each epoch is a line. */
#include "base/number.h"
#include "base/threads.h"
#include "model/callback.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR = 30, LINE = 2048 };
static const double redraw_interval = 0.05;

typedef struct progress {
  cnn_callback base;
  FILE *stream;
  bool terminal;
  bool open;        /* a line is drawn that has no end yet */
  double begin;     /* of the epoch */
  double first_end; /* of the first batch since then; negative before it */
  double drawn;     /* the last time */
  int64_t first;    /* batches that were done when it began: more than 0 in a resumed epoch */
  size_t width;     /* of the line that is drawn */
} progress;

/* A line in the making: what does not fit is left out. */
typedef struct text_line {
  size_t size;
  char text[LINE];
} text_line;

CNN__PRINTF(2, 3) static void append(text_line *line, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length =
      vsnprintf(line->text + line->size, sizeof line->text - line->size, format, arguments);
  va_end(arguments);
  if (length > 0) line->size += (size_t)length;
  if (line->size >= sizeof line->text) line->size = sizeof line->text - 1;
}

static void append_real(text_line *line, char style, int digits, double value, const char *unit) {
  char text[64];
  append(line, "%s%s", cnn__number_format(text, sizeof text, style, digits, value), unit);
}

/* " 64/782 [=>....]" */
static void append_bar(text_line *line, int64_t done, int64_t all) {
  char number[32];
  int digits = snprintf(number, sizeof number, "%lld", (long long)all);
  int filled = (int)(BAR * (double)done / (double)all);
  append(line, "%*lld/%s [", digits, (long long)done, number);
  for (int i = 0; i < BAR; i++)
    append(line, "%c",
           i + 1 < filled || (i + 1 == filled && done >= all) ? '='
           : i + 1 == filled                                  ? '>'
                                                              : '.');
  append(line, "]");
}

/* The first batch is left out where there are others: it is slower than they are. */
static double seconds_per_step(const progress *self, int64_t done, double now) {
  int64_t steps = done - self->first;
  if (steps < 1) return 0;
  if (steps > 1 && self->first_end >= 0) return (now - self->first_end) / (double)(steps - 1);
  return (now - self->begin) / (double)steps;
}

static void append_eta(text_line *line, double seconds) {
  long long whole = (long long)seconds;
  if (seconds > 3600)
    append(line, " - ETA: %lld:%02lld:%02lld", whole / 3600, whole % 3600 / 60, whole % 60);
  else if (seconds > 60)
    append(line, " - ETA: %lld:%02lld", whole / 60, whole % 60);
  else
    append(line, " - ETA: %llds", whole);
}

/* " - 10s 12ms/step" */
static void append_duration(text_line *line, double seconds, double per_step) {
  append(line, " - ");
  append_real(line, 'f', 0, seconds, "s ");
  if (per_step >= 1 || per_step == 0)
    append_real(line, 'f', 0, per_step, "s/step");
  else if (per_step >= 1e-3)
    append_real(line, 'f', 0, per_step * 1e3, "ms/step");
  else
    append_real(line, 'f', 0, per_step * 1e6, "us/step");
}

static void append_values(text_line *line, const cnn_fit_info *info) {
  for (int64_t i = 0; i < info->names_count; i++) {
    append(line, " - %.64s: ", info->names[i]);
    append_real(line, fabs(info->values[i]) > 1e-3 ? 'f' : 'e', 4, info->values[i], "");
  }
}

static void compose(const progress *self, const cnn_fit_info *info, bool whole, double now,
                    text_line *line) {
  double per_step = seconds_per_step(self, info->batch, now);
  append_bar(line, info->batch, info->batches);
  if (whole)
    append_duration(line, now - self->begin, per_step);
  else
    append_eta(line, per_step * (double)(info->batches - info->batch));
  append_values(line, info);
}

/* Over the line before, whose rest is blanked. A stream that fails is no reason to end a training. */
static void redraw(progress *self, text_line *line, bool whole) {
  size_t width = line->size;
  while (line->size < self->width && line->size + 1 < sizeof line->text)
    append(line, " ");
  fprintf(self->stream, "\r%s%s", line->text, whole ? "\n" : "");
  fflush(self->stream);
  self->open = !whole;
  self->width = whole ? 0 : width;
}

static cnn_status epoch_begin(cnn_callback *callback, const cnn__event *event) {
  progress *self = (progress *)callback;
  const cnn_fit_info *info = event->info;
  self->begin = cnn__now();
  self->first_end = self->drawn = -1;
  self->first = info->batch;
  if (!self->terminal) return CNN_OK;
  fprintf(self->stream, "Epoch %lld/%lld\n", (long long)info->epoch + 1, (long long)info->epochs);
  fflush(self->stream);
  return CNN_OK;
}

static cnn_status batch_end(cnn_callback *callback, const cnn__event *event) {
  progress *self = (progress *)callback;
  double now = cnn__now();
  if (self->terminal && (self->drawn < 0 || now - self->drawn >= redraw_interval)) {
    text_line line = {.size = 0};
    compose(self, event->info, false, now, &line);
    redraw(self, &line, false);
    self->drawn = now;
  }
  if (self->first_end < 0) self->first_end = now;
  return CNN_OK;
}

static cnn_status epoch_end(cnn_callback *callback, const cnn__event *event) {
  progress *self = (progress *)callback;
  const cnn_fit_info *info = event->info;
  text_line line = {.size = 0};
  if (!self->terminal)
    append(&line, "Epoch %lld/%lld - ", (long long)info->epoch + 1, (long long)info->epochs);
  compose(self, info, true, cnn__now(), &line);
  if (self->terminal)
    redraw(self, &line, true);
  else {
    fprintf(self->stream, "%s\n", line.text);
    fflush(self->stream);
  }
  return CNN_OK;
}

static cnn_status fit_end(cnn_callback *callback, const cnn__event *event) {
  progress *self = (progress *)callback;
  if (!self->open) return CNN_OK;
  fputc('\n', self->stream);
  fflush(self->stream);
  self->open = false;
  return CNN_OK;
}

static const cnn__callback_class class = {.name = "progress_bar",
                                          .size = sizeof(progress),
                                          .on = {[CNN__EPOCH_BEGIN] = epoch_begin,
                                                 [CNN__BATCH_END] = batch_end,
                                                 [CNN__EPOCH_END] = epoch_end,
                                                 [CNN__FIT_END] = fit_end}};

cnn_callback *cnn_progress_bar(FILE *stream) {
  if (!cnn__given("cnn_progress_bar", "stream", stream)) return NULL;
  progress *self = cnn__callback_new(&class);
  if (self == NULL) return NULL;
  int descriptor = fileno(stream);
  self->stream = stream;
  self->terminal = descriptor >= 0 && isatty(descriptor) == 1;
  return &self->base;
}
