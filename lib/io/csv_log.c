/* The callback that writes a line an epoch to a CSV file, which is whole after each. */
#include "base/number.h"
#include "model/model.h"
#include <inttypes.h>
#include <string.h>

enum { LARGEST_FILE = 64 << 20 };

typedef struct csv_log {
  cnn_callback base;
  char *path;
  cnn__text rows; /* the file so far */
} csv_log;

static bool is_rate(const char *name) {
  return strcmp(name, "learning_rate") == 0;
}

static void write_head(cnn__text *text, const cnn__event *event) {
  cnn__text_format(text, "epoch,seconds");
  for (size_t i = 0; i < event->series; i++)
    if (!is_rate(event->series_names[i])) cnn__text_format(text, ",%s", event->series_names[i]);
  cnn__text_format(text, ",learning_rate\n");
}

/* The rows of epochs before first, from the file of the run that is resumed, where its columns are
   the same. */
static cnn_status keep_rows(csv_log *self, int64_t first) {
  unsigned char *bytes = NULL;
  size_t size = 0, head = self->rows.size;
  cnn__failure before;
  cnn__failure_take(&before);
  cnn_status status = cnn__file_read(self->base.context, self->path, LARGEST_FILE, &bytes, &size);
  if (status == CNN_E_NOT_FOUND) {
    cnn__failure_give(&before);
    return CNN_OK;
  }
  if (status) return status;
  const char *text = (const char *)bytes, *end = text + size;
  if (size < head || memcmp(text, self->rows.bytes, head) != 0)
    status = cnn__fail(CNN_E_MISMATCH, "%s: its columns are not those of this fit; move it away",
                       self->path);
  for (const char *line = status ? end : text + head; line < end;) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    const char *comma = stop ? memchr(line, ',', (size_t)(stop - line)) : NULL;
    int64_t epoch;
    if (!comma || !cnn__number_parse_integer(line, (size_t)(comma - line), &epoch) || epoch > first)
      break;
    cnn__text_append(&self->rows, line, (size_t)(stop - line) + 1);
    line = stop + 1;
  }
  cnn__free(self->base.context, bytes);
  return status ? status : self->rows.status;
}

static cnn_status fit_begin(cnn_callback *callback, const cnn__event *event) {
  csv_log *self = (csv_log *)(void *)callback;
  cnn__text_free(&self->rows);
  cnn__text_start(&self->rows, callback->context);
  write_head(&self->rows, event);
  if (self->rows.status) return self->rows.status;
  return event->resumed ? keep_rows(self, event->info->epoch) : CNN_OK;
}

static cnn_status write_file(const csv_log *self) {
  cnn__writer *writer = NULL;
  cnn_status status = cnn__writer_open(self->base.context, self->path, &writer);
  if (status) return status;
  (void)cnn__writer_write(writer, self->rows.bytes, self->rows.size);
  return cnn__writer_commit(writer);
}

static cnn_status epoch_end(cnn_callback *callback, const cnn__event *event) {
  csv_log *self = (csv_log *)(void *)callback;
  const cnn_fit_info *info = event->info;
  cnn__text *rows = &self->rows;
  char number[64];
  cnn__text_format(rows, "%" PRId64 ",%s", info->epoch + 1,
                   cnn__number_format(number, sizeof number, 'f', 3, info->seconds));
  for (int64_t i = 0; i < info->names_count; i++)
    if (!is_rate(info->names[i]))
      cnn__text_format(rows, ",%s",
                       cnn__number_shortest(number, sizeof number, info->values[i], false));
  cnn__text_format(rows, ",%s\n",
                   cnn__number_shortest(number, sizeof number, info->learning_rate, false));
  return rows->status ? rows->status : write_file(self);
}

static void release(cnn_callback *callback) {
  csv_log *self = (csv_log *)(void *)callback;
  cnn__text_free(&self->rows);
  cnn__free(callback->context, self->path);
}

static const cnn__callback_class class = {
    .name = "csv_log",
    .size = sizeof(csv_log),
    .on = {[CNN__FIT_BEGIN] = fit_begin, [CNN__EPOCH_END] = epoch_end},
    .release = release};

cnn_callback *cnn_csv_log(const char *path) {
  if (!path || !*path) {
    cnn__fail(CNN_E_INVALID, "csv_log: path is required");
    return NULL;
  }
  csv_log *self = cnn__callback_new(&class);
  if (!self) return NULL;
  cnn__text_start(&self->rows, self->base.context);
  self->path = cnn__strdup(self->base.context, path);
  if (self->path) return &self->base;
  cnn_callback_free(&self->base);
  return NULL;
}
