/* JSON (RFC 8259), read strictly: UTF-8 checked, duplicate keys, depth over 8 and trailing bytes
   rejected; integers kept exact. Written compactly, keys in the order in which they are put. */
#ifndef CNN_BASE_JSON_H
#define CNN_BASE_JSON_H

#include "base/file.h"

typedef enum cnn__json_type {
  CNN__JSON_NULL,
  CNN__JSON_BOOL,
  CNN__JSON_INTEGER, /* no fraction, no exponent, fits int64_t */
  CNN__JSON_REAL,
  CNN__JSON_STRING,
  CNN__JSON_ARRAY,
  CNN__JSON_OBJECT
} cnn__json_type;

typedef struct cnn__json {
  cnn__json_type type;
  uint32_t count; /* members; or a string's bytes */
  union {
    int64_t integer; /* also 0 or 1 for BOOL */
    double real;
    const char *string;            /* NUL-terminated; may hold no NUL itself */
    const struct cnn__json *first; /* of an array's or object's members: cnn__json_first */
  } value;
  const char *key;              /* in an object, else NULL */
  const struct cnn__json *next; /* sibling */
} cnn__json;

/* What a text may hold: values, and keys of one object. A number of over 19 digits, or farther than 27 places from the point,
   takes long to read and counts as 64 values, and one for each character. */
enum { CNN__JSON_VALUES = 32768, CNN__JSON_KEYS = 4096 };

/* Parses size bytes. what names the text in messages ("model.safetensors: header"); they give the
   offset. The tree, freed with cnn__json_free, takes size + 2 MiB at most, and no more than 64 times
   size + 4 KiB. CNN_E_FORMAT, CNN_E_LIMIT (more than a text may hold, over 1 GiB), CNN_E_NOMEM. */
cnn_status cnn__json_parse(cnn_context *context, const char *what, const char *text, size_t size,
                           cnn__json **root);

/* A text in memory that outlives what is made of it: strings stay where they stand, without their escapes, so that it is
   read once. text[size] is there and becomes NUL; size is 1 GiB at most. Texts may share what they may hold: no more than
   *values are read, and those that were are subtracted. */
typedef struct cnn__json_source {
  cnn_context *context;
  const char *what;
  char *text;
  size_t size;
  size_t *values;
} cnn__json_source;

/* One of the two below: visit, or root. */
cnn_status cnn__json_read(const cnn__json_source *source,
                          cnn_status (*visit)(void *user, const cnn__json *member), void *user,
                          cnn__json **root);
static inline cnn_status cnn__json_parse_in_place(const cnn__json_source *source,
                                                  cnn__json **root) {
  return cnn__json_read(source, NULL, NULL, root);
}
/* The members of an object one by one, in constant memory: each is gone when visit returns, but for its strings. That keys
   differ, and how many there are, is for visit to see to. What visit fails with ends it. */
static inline cnn_status cnn__json_visit(const cnn__json_source *source,
                                         cnn_status (*visit)(void *user, const cnn__json *member),
                                         void *user) {
  return cnn__json_read(source, visit, user, NULL);
}

void cnn__json_free(cnn_context *context, cnn__json *root);
/* The first member of an array or object; NULL where there is none, and of all else. */
static inline const cnn__json *cnn__json_first(const cnn__json *json) {
  return json->type >= CNN__JSON_ARRAY ? json->value.first : NULL;
}
const cnn__json *cnn__json_get(const cnn__json *object, const char *key); /* NULL if absent */
bool cnn__json_number(const cnn__json *json, double *value);              /* INTEGER or REAL */

/* Appends a quoted, escaped string. */
void cnn__json_write_string(cnn__text *text, const char *string);
/* Appends the shortest number that reads back the same; NaN and infinities as null. */
void cnn__json_write_real(cnn__text *text, double value);

#endif
