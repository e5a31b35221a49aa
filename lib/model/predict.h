/* Outputs of images in memory. */
#ifndef CNN_MODEL_PREDICT_H
#define CNN_MODEL_PREDICT_H

#include "base/float_environment.h"
#include "model/model.h"
#include "model/plan.h"

/* Runs the whole network over images (float32 samples), so many at a time as the mode's plan takes,
   and writes their outputs. In the library's floating-point environment. CNN_E_LIMIT, CNN_E_NOMEM. */
cnn_status cnn__predict(cnn_model *model, cnn__mode mode, size_t planned, size_t images,
                        const float *input, float *outputs);

/* Room for the outputs of so many images, of the caller's context. NULL: CNN_E_LIMIT, CNN_E_NOMEM. */
cnn_tensor *cnn__prediction_new(const cnn_model *model, size_t images);

#endif
