#ifndef CNN_IO_TRAINING_H
#define CNN_IO_TRAINING_H

#include "io/bundle.h"
#include "model/model.h"

/* How the model learns, and where its training stands. state holds what the bundle borrows; it outlives the
   bundle and is freed with cnn__training_image_free. */
typedef struct cnn__training_image {
  cnn_context *context;
  uint64_t counters[16];
  double sums[3];
  double optimizer[CNN__OPTIMIZER_STATE];
  double metrics[2 * CNN_MAX_METRICS][2];
  double *history; /* series x epochs */
} cnn__training_image;
void cnn__training_write(cnn__bundle *bundle, const cnn_model *model, cnn__training_image *image);
void cnn__training_image_free(cnn__training_image *image);
/* Nothing where the file has none. */
cnn_status cnn__training_read(cnn__safetensors *file, cnn_model *model);

#endif
