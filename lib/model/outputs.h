/* Going through a loader's epoch: the outputs of one batch after the other. */
#ifndef CNN_MODEL_OUTPUTS_H
#define CNN_MODEL_OUTPUTS_H

#include "model/model.h"

typedef struct cnn__outputs {
  cnn_model *model; /* NULL: not started */
  cnn_loader *loader;
  const char *who;
  size_t width, count; /* of one sample's outputs; samples of the batch, 0 at the end */
  float *values;       /* count x width: of the batch, or the mean over the loader's views of it */
  float *view;         /* of one view; NULL where there is but one */
  const cnn_tensor *images, *labels; /* the loader's, of the last view */
} cnn__outputs;
/* The loader stands at a batch's first view. CNN_E_LIMIT, CNN_E_NOMEM: end it then, too. */
cnn_status cnn__outputs_start(cnn__outputs *outputs, cnn_model *model, cnn_loader *loader,
                              const char *who);
/* In the library's floating-point environment. What the loader fails with, CNN_E_NOMEM. */
cnn_status cnn__outputs_next(cnn__outputs *outputs);
void cnn__outputs_end(cnn__outputs *outputs);

/* A loader's batch checked for predicting: its images fit the model, and both are there. CNN_E_SHAPE, CNN_E_INVALID. */
cnn_status cnn__outputs_check(const cnn_model *model, const char *who, const cnn_loader *loader);

/* A loader that was read in part goes to its next epoch. */
cnn_status cnn__loader_rewind(cnn_loader *loader);

#endif
