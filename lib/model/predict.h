/* Outputs for batches: what predict, predict_all, evaluate and the confusion matrix share. */
#ifndef CNN_MODEL_PREDICT_H
#define CNN_MODEL_PREDICT_H

#include "model/fit.h"

/* Runs the whole network over images (float32 samples), so many at a time as the mode's plan takes,
   and writes their outputs. In the library's floating-point environment. CNN_E_LIMIT, CNN_E_NOMEM. */
cnn_status cnn__predict(cnn_model *model, cnn__mode mode, size_t planned, size_t images,
                        const float *input, float *outputs);

/* A loader's batch checked for predicting: its images fit the model. CNN_E_SHAPE. */
cnn_status cnn__predict_check(const cnn_model *model, const char *who, const cnn_loader *loader);

#endif
