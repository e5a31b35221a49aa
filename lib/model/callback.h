/* Callbacks inside: a class of functions that see a fit, and may keep a state that outlives it in
   files (early stopping's wait and best weights), so that a resumed fit goes on to the same bits.

   A class's own struct begins with a cnn_callback. */
#ifndef CNN_MODEL_CALLBACK_H
#define CNN_MODEL_CALLBACK_H

#include "base/file.h"
#include "base/json.h"
#include <cnn/model.h>

/* How a fit ended, or that it has not. */
typedef enum cnn__outcome {
  CNN__RUNNING,
  CNN__FINISHED,    /* all epochs are done, or a callback called cnn__fit_finish() */
  CNN__INTERRUPTED, /* cnn_model_stop(), or the last slice was not run: may be resumed */
  CNN__FAILED
} cnn__outcome;

typedef enum cnn__moment {
  CNN__FIT_BEGIN,
  CNN__EPOCH_BEGIN,
  CNN__BATCH_BEGIN,
  CNN__BATCH_END,
  CNN__EPOCH_END,
  CNN__FIT_END,
  CNN__MOMENTS
} cnn__moment;

/* What a callback is told. Borrowed for the call. */
typedef struct cnn__event {
  cnn__moment moment;
  const cnn_fit_info *info;
  cnn_fit *fit;
  cnn__outcome outcome; /* fit_end: how; else CNN__RUNNING */
  bool resumed;         /* fit_begin: the fit goes on where another one stopped */
  size_t series;        /* what epoch_end's info will name */
  const char *const *series_names;
} cnn__event;

/* ---- state ---- */

/* A named array of floats that belongs to a callback's state. */
typedef struct cnn__state_array {
  char *name; /* behind the values */
  size_t count;
  float *values;
} cnn__state_array;

/* A callback's state, apart from the callback: what a file holds of it. */
typedef struct cnn__callback_state {
  cnn_context *context;
  char *callback; /* its class's name */
  char *json;     /* an object, small; NULL until it is set */
  size_t array_count;
  cnn__state_array *arrays;
} cnn__callback_state;

cnn_status cnn__callback_state_start(cnn__callback_state *state, cnn_context *context,
                                     const char *callback);
/* Takes text's bytes over (and frees text on failure, too). Fails with what text failed with. */
cnn_status cnn__callback_state_set(cnn__callback_state *state, cnn__text *text);
/* Room for one more array, its values to be filled in. */
cnn_status cnn__callback_state_add(cnn__callback_state *state, const char *name, size_t count,
                                   float **values);
const cnn__state_array *cnn__callback_state_find(const cnn__callback_state *state,
                                                 const char *name); /* NULL if there is none */
void cnn__callback_state_end(cnn__callback_state *state);

/* Reads a state's JSON object: every member once, of its type. Begins with cnn__state_read; a
   failure is kept, and told by cnn__state_read_end, which must follow a success of the former. */
typedef struct cnn__state_reader {
  cnn_context *context;
  const char *who;
  cnn__json *root;
  size_t members; /* asked for so far: there may be no others */
  cnn_status status;
} cnn__state_reader;
cnn_status cnn__state_read(cnn__state_reader *reader, const char *who,
                           const cnn__callback_state *state);
int64_t cnn__state_integer(cnn__state_reader *reader, const char *name); /* 0 or more */
bool cnn__state_flag(cnn__state_reader *reader, const char *name);
/* none stands for null, as which infinities are written. */
double cnn__state_real(cnn__state_reader *reader, const char *name, double none);
cnn_status cnn__state_read_end(cnn__state_reader *reader);

/* ---- classes ---- */

typedef struct cnn__callback_class {
  const char *name; /* "early_stopping"; in files and messages */
  size_t size;      /* of its struct */
  bool foreign;     /* the user's own code: runs in the user's floating-point environment */
  bool last;        /* is called behind all others: it saves what they have settled */
  bool guards;      /* a loss, gradient or new weight that is not finite fails the step */
  /* For each moment; may be NULL. What is not CNN_OK ends the fit with it. */
  cnn_status (*on[CNN__MOMENTS])(cnn_callback *callback, const cnn__event *event);
  /* The state as it stands between two events; NULL: there is none. */
  cnn_status (*save)(const cnn_callback *callback, const cnn_model *model,
                     cnn__callback_state *state);
  /* Takes a state that save wrote, before fit_begin. Checks what it reads: CNN_E_FORMAT. */
  cnn_status (*restore)(cnn_callback *callback, const cnn_model *model,
                        const cnn__callback_state *state);
  void (*release)(cnn_callback *callback); /* what it owns beside its struct; NULL: nothing */
} cnn__callback_class;

struct cnn_callback {
  const cnn__callback_class *class;
  cnn_context *context;
};

/* Zeroed, of class->size bytes, in the current context; freed with cnn_callback_free(). NULL: CNN_E_NOMEM. */
void *cnn__callback_new(const cnn__callback_class *class);

/* ---- what classes share ---- */

/* From a callback: the fit has reached its end after this event, and is complete. */
void cnn__fit_finish(cnn_fit *fit);

/* A value that is watched for improvement. */
typedef struct cnn__monitor {
  char *name;
  bool maximize;
  double min_delta;
  double best; /* so far; infinite before the first */
} cnn__monitor;
/* name NULL: "val_loss". direction: 1 larger is better, -1 smaller, 0 by the name. CNN_E_INVALID, CNN_E_NOMEM. */
cnn_status cnn__monitor_start(cnn__monitor *monitor, cnn_context *context, const char *who,
                              const char *name, int64_t direction, double min_delta);
void cnn__monitor_end(cnn__monitor *monitor, cnn_context *context);
void cnn__monitor_reset(cnn__monitor *monitor); /* nothing was seen yet */
/* The fit will have this value; CNN_E_NOT_FOUND with the names that it has. For fit_begin. */
cnn_status cnn__monitor_check(const cnn__monitor *monitor, const char *who,
                              const cnn__event *event);
/* The value now; NaN if it is none. */
double cnn__monitor_value(const cnn__monitor *monitor, const cnn_fit_info *info);
/* Whether value beats the best by min_delta, and if so makes it the best. NaN never does. */
bool cnn__monitor_improves(cnn__monitor *monitor, double value);

#endif
