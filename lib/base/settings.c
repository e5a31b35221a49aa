#include "base/settings.h"
#include "base/number.h"
#include <cnn/layer.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static int64_t *integers(const cnn__field *field, const void *settings) {
  return (int64_t *)((uintptr_t)settings + field->offset);
}

static double *real(const cnn__field *field, const void *settings) {
  return (double *)((uintptr_t)settings + field->offset);
}

static size_t width(const cnn__field *field) {
  if (field->kind == CNN__FIELD_PAIR) return 2;
  return field->kind == CNN__FIELD_SHAPE ? CNN__SETTINGS_RANK : 1;
}

/* What 0 stands for goes where 0 is. */
static void put_default(const cnn__field *field, void *settings) {
  if (field->kind == CNN__FIELD_REAL) {
    double *value = real(field, settings);
    if (*value == CNN_ZERO)
      *value = 0;
    else if (*value == 0)
      *value = field->initial;
    return;
  }
  int64_t *value = integers(field, settings);
  if (field->kind == CNN__FIELD_SHAPE) return;
  if (value[0] == 0 && !field->required) value[0] = (int64_t)field->initial;
  if (field->kind == CNN__FIELD_PAIR && value[1] == 0) value[1] = value[0];
}

static cnn_status out_of_range(const char *who, const cnn__field *field, double value) {
  char text[3][64];
  cnn__number_format(text[0], sizeof text[0], 'g', 10, value);
  cnn__number_format(text[1], sizeof text[1], 'g', 10, field->minimum);
  cnn__number_format(text[2], sizeof text[2], 'g', 10, field->maximum);
  if (field->maximum >= (double)INT64_MAX && !(value > field->maximum))
    return cnn__fail(CNN_E_INVALID, "%s: %s is %s; it must be %s or more", who, field->name,
                     text[0], text[1]);
  return cnn__fail(CNN_E_INVALID, "%s: %s is %s; it must be from %s to %s", who, field->name,
                   text[0], text[1], text[2]);
}

static cnn_status check_choice(const char *who, const cnn__field *field, int64_t value) {
  int64_t known = 0;
  while (field->choices[known])
    known++;
  if (value >= 0 && value < known && (double)value >= field->minimum) return CNN_OK;
  return cnn__fail(CNN_E_INVALID, "%s: %s is %" PRId64 ", which is none of its %" PRId64 " values",
                   who, field->name, value, known);
}

static cnn_status check_shape(const char *who, const cnn__field *field, const int64_t *size) {
  size_t rank = CNN__SETTINGS_RANK;
  while (rank > 0 && size[rank - 1] == 0)
    rank--;
  if (rank == 0)
    return cnn__fail(CNN_E_INVALID, "%s: %s is required: name at least one size", who, field->name);
  for (size_t i = 0; i < rank; i++)
    if (size[i] < 1)
      return cnn__fail(CNN_E_INVALID, "%s: %s[%zu] is %" PRId64 "; sizes are 1 or more", who,
                       field->name, i, size[i]);
  return CNN_OK;
}

static cnn_status check(const char *who, const cnn__field *field, const void *settings) {
  const int64_t *value = integers(field, settings);
  switch (field->kind) {
  case CNN__FIELD_REAL: {
    double number = *real(field, settings);
    if (!(number >= field->minimum && number <= field->maximum) || isinf(number))
      return out_of_range(who, field, number);
    return CNN_OK;
  }
  case CNN__FIELD_CHOICE:
    return check_choice(who, field, value[0]);
  case CNN__FIELD_SHAPE:
    return check_shape(who, field, value);
  case CNN__FIELD_FLAG:
    if (value[0] == 0 || value[0] == 1) return CNN_OK;
    return cnn__fail(CNN_E_INVALID, "%s: %s is %" PRId64 "; it must be 0 or 1", who, field->name,
                     value[0]);
  case CNN__FIELD_INTEGER:
  case CNN__FIELD_PAIR:
    break;
  }
  for (size_t i = 0; i < width(field); i++) {
    if (value[i] == 0 && field->required)
      return cnn__fail(CNN_E_INVALID, "%s: %s is required", who, field->name);
    if ((double)value[i] < field->minimum || (double)value[i] > field->maximum)
      return out_of_range(who, field, (double)value[i]);
  }
  return CNN_OK;
}

cnn_status cnn__settings_check(const char *who, const cnn__field *fields, size_t count,
                               const void *settings) {
  for (size_t i = 0; i < count; i++) {
    cnn_status status = check(who, &fields[i], settings);
    if (status) return status;
  }
  return CNN_OK;
}

cnn_status cnn__settings_complete(const char *who, const cnn__field *fields, size_t count,
                                  void *settings) {
  for (size_t i = 0; i < count; i++)
    put_default(&fields[i], settings);
  return cnn__settings_check(who, fields, count, settings);
}

static size_t written_width(const cnn__field *field, const int64_t *value) {
  if (field->kind != CNN__FIELD_SHAPE) return width(field);
  size_t rank = 0;
  while (rank < CNN__SETTINGS_RANK && value[rank] != 0)
    rank++;
  return rank;
}

void cnn__settings_write(cnn__text *text, const cnn__field *fields, size_t count,
                         const void *settings) {
  for (size_t i = 0; i < count; i++) {
    const cnn__field *field = &fields[i];
    const int64_t *value = integers(field, settings);
    cnn__text_format(text, ",\"%s\":", field->name);
    switch (field->kind) {
    case CNN__FIELD_REAL:
      cnn__json_write_real(text, *real(field, settings));
      break;
    case CNN__FIELD_CHOICE:
      cnn__json_write_string(text, field->choices[value[0]]);
      break;
    case CNN__FIELD_FLAG:
      cnn__text_format(text, "%s", value[0] ? "true" : "false");
      break;
    case CNN__FIELD_INTEGER:
      cnn__text_format(text, "%" PRId64, value[0]);
      break;
    case CNN__FIELD_PAIR:
    case CNN__FIELD_SHAPE:
      for (size_t k = 0; k < written_width(field, value); k++)
        cnn__text_format(text, "%s%" PRId64, k ? "," : "[", value[k]);
      cnn__text_append(text, "]", 1);
      break;
    }
  }
}

static bool read_list(const cnn__field *field, const cnn__json *json, int64_t *value) {
  size_t limit = width(field);
  if (json->type != CNN__JSON_ARRAY || json->count > limit) return false;
  if (field->kind == CNN__FIELD_PAIR && json->count != 2) return false;
  memset(value, 0, limit * sizeof *value);
  size_t k = 0;
  for (const cnn__json *item = cnn__json_first(json); item; item = item->next) {
    if (item->type != CNN__JSON_INTEGER) return false;
    value[k++] = item->value.integer;
  }
  return true;
}

static bool read_choice(const cnn__field *field, const cnn__json *json, int64_t *value) {
  if (json->type != CNN__JSON_STRING) return false;
  for (int64_t k = 0; field->choices[k]; k++) {
    if (strcmp(field->choices[k], json->value.string) != 0) continue;
    *value = k;
    return true;
  }
  return false;
}

static bool read_field(const cnn__field *field, const cnn__json *json, void *settings) {
  int64_t *value = integers(field, settings);
  switch (field->kind) {
  case CNN__FIELD_REAL:
    return cnn__json_number(json, real(field, settings));
  case CNN__FIELD_CHOICE:
    return read_choice(field, json, value);
  case CNN__FIELD_FLAG:
    *value = json->type == CNN__JSON_BOOL ? json->value.integer : 0;
    return json->type == CNN__JSON_BOOL;
  case CNN__FIELD_INTEGER:
    *value = json->type == CNN__JSON_INTEGER ? json->value.integer : 0;
    return json->type == CNN__JSON_INTEGER;
  case CNN__FIELD_PAIR:
  case CNN__FIELD_SHAPE:
    return read_list(field, json, value);
  }
  return false;
}

static bool same(const char *a, const char *b) {
  return *a == *b && strcmp(a, b) == 0;
}

/* next: the field that comes next where they are in order, as they mostly are. */
static bool is_known(const char *key, const cnn__field *fields, size_t count,
                     const char *const *others, size_t *next) {
  for (size_t i = 0; i < count; i++) {
    const char *name = fields[*next].name;
    *next = (*next + 1) % count;
    if (same(name, key)) return true;
  }
  for (; others && *others; others++)
    if (same(*others, key)) return true;
  return false;
}

cnn_status cnn__settings_read(const char *what, const cnn__field *fields, size_t count,
                              const cnn__json *object, const char *const *others, void *settings) {
  if (object->type != CNN__JSON_OBJECT)
    return cnn__fail(CNN_E_FORMAT, "%s: an object is expected", what);
  size_t next = 0;
  for (const cnn__json *member = cnn__json_first(object); member; member = member->next)
    if (!is_known(member->key, fields, count, others, &next))
      return cnn__fail(CNN_E_FORMAT, "%s: unknown member \"%.64s\"", what, member->key);
  const cnn__json *member = NULL;
  for (size_t i = 0; i < count; i++) {
    member = member ? member->next : NULL; /* mostly it is the one that follows */
    if (!member || strcmp(member->key, fields[i].name) != 0)
      member = cnn__json_get(object, fields[i].name);
    if (!member) return cnn__fail(CNN_E_FORMAT, "%s: \"%s\" is missing", what, fields[i].name);
    if (!read_field(&fields[i], member, settings))
      return cnn__fail(CNN_E_FORMAT, "%s: \"%s\" has the wrong type or value", what,
                       fields[i].name);
  }
  return cnn__settings_check(what, fields, count, settings);
}
