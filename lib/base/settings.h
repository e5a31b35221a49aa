/* Settings described by a table of fields: one validator for options structs and for files. Used by
   layers, losses, metrics, optimizers, schedules and transforms. Every field is eight bytes wide or an array of
   such; see docs/conventions.md, "Options structs". */
#ifndef CNN_BASE_SETTINGS_H
#define CNN_BASE_SETTINGS_H

#include "base/json.h"

enum { CNN__SETTINGS_RANK = 8 }; /* sizes of a CNN__FIELD_SHAPE */

typedef enum cnn__field_kind {
  CNN__FIELD_INTEGER, /* int64_t in [minimum, maximum] */
  CNN__FIELD_FLAG,    /* int64_t, 0 or 1 */
  CNN__FIELD_CHOICE,  /* int64_t, an index into choices */
  CNN__FIELD_PAIR,    /* int64_t[2], each in [minimum, maximum]; {a} means {a, a} */
  CNN__FIELD_REAL,    /* double in [minimum, maximum]; CNN_ZERO means 0 */
  CNN__FIELD_SHAPE    /* int64_t[8], ends at the first 0; at least one size */
} cnn__field_kind;

typedef struct cnn__field {
  const char *name; /* as in the options struct and in files */
  cnn__field_kind kind;
  size_t offset;  /* in the options struct */
  bool required;  /* 0 is no default */
  double initial; /* what 0 stands for */
  double minimum, maximum;
  const char *const *choices; /* names of a choice's values, NULL-terminated; index = value. A
                                 value below minimum is no choice (an enum's "default") */
} cnn__field;

/* Options as a user gave them: puts defaults in place of 0, then checks. CNN_E_INVALID naming who,
   the field, its value and its range. */
cnn_status cnn__settings_complete(const char *who, const cnn__field *fields, size_t count,
                                  void *settings);

/* Settings in which everything is stated: checks alone. */
cnn_status cnn__settings_check(const char *who, const cnn__field *fields, size_t count,
                               const void *settings);

/* Appends ,"name":value for every field (choices by name). */
void cnn__settings_write(cnn__text *text, const cnn__field *fields, size_t count,
                         const void *settings);

/* Reads every field from object's members, then checks. A field that is absent or of the wrong type is
   CNN_E_FORMAT, and so is a member that is neither a field nor in others (names, NULL-terminated). */
cnn_status cnn__settings_read(const char *what, const cnn__field *fields, size_t count,
                              const cnn__json *object, const char *const *others, void *settings);

#endif
