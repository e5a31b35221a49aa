#include "vectors.h"
#include "base/context.h"
#include "base/number.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *folder(void) {
  const char *path = getenv("CNN_GOLDEN");
  return path ? path : "tests/golden/vectors";
}

vector_file *vectors_open(const char *name) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s.safetensors", folder(), name);
  vector_file *file = calloc(1, sizeof *file);
  assert_non_null(file);
  file->context = cnn__context_acquire();
  assert_non_null(file->context);
  if (cnn__file_read(file->context, path, 1 << 24, &file->bytes, &file->size))
    fail_msg("%s", cnn_last_error());
  assert_true(file->size > 8);
  uint64_t header;
  memcpy(&header, file->bytes, sizeof header);
  assert_true(header <= file->size - 8);
  if (cnn__json_parse(file->context, path, (const char *)file->bytes + 8, (size_t)header,
                      &file->header))
    fail_msg("%s", cnn_last_error());
  file->data = file->bytes + 8 + header;
  return file;
}

void vectors_close(vector_file *file) {
  cnn__json_free(file->context, file->header);
  cnn__free(file->context, file->bytes);
  cnn_context_free(file->context);
  free(file);
}

size_t vectors_each(const char *under, void (*visit)(const char *name)) {
  char path[1024], line[4096];
  snprintf(path, sizeof path, "%s/INDEX", folder());
  FILE *index = fopen(path, "r");
  if (!index) fail_msg("%s cannot be opened: set CNN_GOLDEN to the folder of the vectors", path);
  size_t count = 0, length = strlen(under);
  while (fgets(line, sizeof line, index)) {
    line[strcspn(line, "\t\n")] = 0;
    if (strncmp(line, under, length) != 0 || line[length] != '/') continue;
    visit(line);
    count++;
  }
  fclose(index);
  return count;
}

bool vectors_has(const vector_file *file, const char *tensor) {
  return cnn__json_get(file->header, tensor) != NULL;
}

vector vectors_get(const vector_file *file, const char *tensor) {
  const cnn__json *entry = cnn__json_get(file->header, tensor);
  if (!entry) fail_msg("there is no tensor %s", tensor);
  vector out = {.count = 1};
  const char *dtype = cnn__json_get(entry, "dtype")->value.string;
  for (const cnn__json *size = cnn__json_first(cnn__json_get(entry, "shape")); size;
       size = size->next) {
    out.dim[out.rank++] = (size_t)size->value.integer;
    out.count *= (size_t)size->value.integer;
  }
  out.data = file->data + cnn__json_first(cnn__json_get(entry, "data_offsets"))->value.integer;
  if (strcmp(dtype, "F32") == 0)
    out.f32 = out.data;
  else if (strcmp(dtype, "F64") == 0)
    out.f64 = out.data;
  else if (strcmp(dtype, "I32") == 0)
    out.i32 = out.data;
  else if (strcmp(dtype, "U8") == 0)
    out.u8 = out.data;
  else
    fail_msg("%s: unexpected dtype %s", tensor, dtype);
  return out;
}

const char *vectors_text(const vector_file *file, const char *key) {
  const cnn__json *value = cnn__json_get(cnn__json_get(file->header, "__metadata__"), key);
  return value ? value->value.string : NULL;
}

double vectors_number(const vector_file *file, const char *key) {
  const char *text = vectors_text(file, key);
  double value = 0;
  if (text && strcmp(text, "none") != 0) value = strtod(text, NULL);
  return value;
}

bool vectors_flag(const vector_file *file, const char *key) {
  const char *text = vectors_text(file, key);
  return text && (strcmp(text, "true") == 0 || strcmp(text, "yes") == 0);
}

void vectors_integers(const vector_file *file, const char *key, int64_t *values, size_t count) {
  const char *text = vectors_text(file, key);
  if (!text) fail_msg("there is no metadata %s", key);
  for (size_t i = 0; i < count; i++) {
    char *end;
    values[i] = strtoll(text, &end, 10);
    text = *end == ',' ? end + 1 : end;
  }
}

void vectors_compare(const char *label, const float *actual, const float *expected, size_t count,
                     double tolerance) {
  double error = 0, largest = 0, largest_actual = 0;
  size_t where = 0;
  for (size_t i = 0; i < count; i++) {
    double e = fabs((double)actual[i] - (double)expected[i]);
    if (!(e <= error)) error = e, where = i;
    largest = fmax(largest, fabs((double)expected[i]));
    largest_actual = fmax(largest_actual, fabs((double)actual[i]));
  }
  double relative = largest > 0 ? error / largest : largest_actual;
  if (!(relative <= tolerance))
    fail_msg("%s: error %.3g exceeds %.3g: element %zu of %zu is %.9g, expected %.9g", label,
             relative, tolerance, where, count, (double)actual[where], (double)expected[where]);
}
