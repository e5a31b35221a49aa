/* The series of numbers that a fit leaves. */
#ifndef CNN_MODEL_HISTORY_H
#define CNN_MODEL_HISTORY_H

#include "base/context.h"
#include <cnn/model.h>

struct cnn_history {
  cnn_context *context;
  size_t epochs, capacity; /* finished; room for */
  size_t series;
  char **names;    /* "loss", "accuracy", "val_loss", ..., "learning_rate" */
  double **values; /* of each series, epochs of them */
  double *seconds; /* of each epoch, training alone; NaN where a file is the source */
};

/* An empty history of these series. NULL: CNN_E_NOMEM. */
cnn_history *cnn__history_new(cnn_context *context, const char *const *names, size_t series);
void cnn__history_free(cnn_history *history); /* NULL is fine */
cnn_status cnn__history_reserve(cnn_history *history, size_t epochs);
/* One more epoch. CNN_E_NOMEM only where nothing was reserved for it. */
cnn_status cnn__history_append(cnn_history *history, const double *values, double seconds);
bool cnn__history_has(const cnn_history *history, const char *const *names, size_t series);

#endif
