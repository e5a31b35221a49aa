#ifndef CNN_IO_ARCHITECTURE_H
#define CNN_IO_ARCHITECTURE_H

#include "io/safetensors.h"
#include "model/model.h"

/* The architecture. Reading checks every parameter against the file's tensors before anything of their size
   is allocated. */
void cnn__architecture_write(cnn__text *text, const cnn_model *model);
cnn_status cnn__architecture_read(cnn_context *context, cnn__safetensors *file, cnn_model **model);

#endif
