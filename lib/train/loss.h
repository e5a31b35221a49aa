/* The loss behind the public handle. */
#ifndef CNN_TRAIN_LOSS_H
#define CNN_TRAIN_LOSS_H

#include "ops/loss.h"
#include "train/kind.h"
#include "train/train.h"

typedef enum cnn__loss_family {
  CNN__LOSS_SOFTMAX,
  CNN__LOSS_SIGMOID,
  CNN__LOSS_ERROR
} cnn__loss_family;

typedef struct cnn__loss_class {
  cnn__kind kind; /* comes first */
  cnn__loss_family family;
  bool by_index;                                                     /* labels are class indices */
  double (*error)(cnn_context *context, const cnn__loss_rows *rows); /* of the error family */
} cnn__loss_class;

typedef union cnn__loss_settings {
  cnn_crossentropy_options crossentropy;
  cnn_error_loss_options error;
} cnn__loss_settings;

struct cnn_loss {
  cnn_context *context;
  const cnn__loss_class *class;
  cnn__loss_settings settings;
};

/* The cross-entropies of probabilities, as TensorFlow computes them: clipped to [1e-7, 1 - 1e-7].
   sum and gradient (scaled by 1 / rows) as cnn__loss_compute says. */
double cnn__probability_loss(const cnn_loss *loss, const cnn__loss_call *call);

#endif
