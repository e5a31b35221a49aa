#ifndef CNN_IO_EXTRAS_H
#define CNN_IO_EXTRAS_H

#include "io/bundle.h"
#include "model/model.h"

/* What predicting needs beside weights: classes, preprocessing, notes. */
void cnn__extras_write(cnn__bundle *bundle, const cnn_model *model);
cnn_status cnn__extras_read(cnn__safetensors *file, cnn_model *model);

#endif
