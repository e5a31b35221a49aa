/* What losses, metrics, schedules and optimizers have in common: a kind with a name, and settings
   that a table of fields describes. */
#ifndef CNN_TRAIN_KIND_H
#define CNN_TRAIN_KIND_H

#include "base/fields.h"

typedef struct cnn__kind {
  const char *name;  /* Keras's; also in files */
  const char *alias; /* a second name that users may give ("mse"), or NULL */
  const cnn__field *fields;
  size_t field_count;
  size_t settings_size; /* of the public options struct */
} cnn__kind;

/* Options as a user gave them (NULL: all defaults) into settings: copied, completed, checked. */
cnn_status cnn__kind_options(const cnn__kind *kind, const char *function, const void *options,
                             void *settings);

/* Appends {"kind":"adam","learning_rate":0.001,...; the caller appends more members and "}". */
void cnn__kind_write(cnn__text *text, const cnn__kind *kind, const void *settings);

/* Which of the kinds (count pointers) has the name or alias that a user gave; NULL after CNN_E_NOT_FOUND: "optimizer \"x\"
   is unknown; there are adam, sgd, ...". */
const cnn__kind *cnn__kind_named(const cnn__kind *const *kinds, size_t count, const char *function,
                                 const char *noun, const char *name);

/* Reads what cnn__kind_write wrote: finds the kind, then its settings. others: members that the caller reads itself
   (NULL-terminated, "kind" among them). settings has room for the largest of the kinds. */
cnn_status cnn__kind_read(const cnn__kind *const *kinds, size_t count, const char *what,
                          const cnn__json *json, const char *const *others, void *settings,
                          const cnn__kind **kind);

#endif
