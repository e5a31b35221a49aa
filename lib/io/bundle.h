/* A model file's parts, on their way in and out. */
#ifndef CNN_IO_BUNDLE_H
#define CNN_IO_BUNDLE_H

#include "io/safetensors.h"
#include "tensor/shape.h"

/* A file in the making: tensors and texts, which stay their owners' until it is written. */
typedef struct cnn__bundle {
  cnn_context *context;
  cnn_status status; /* the first failure; later additions do nothing */
  cnn__saved *tensors;
  size_t tensor_count, tensor_capacity;
  char **names; /* those made for this file, freed with it */
  size_t name_count, name_capacity;
  cnn__metadata texts[16];
  size_t text_count;
  size_t values; /* that the header may have beside the texts' */
} cnn__bundle;

void cnn__bundle_start(cnn__bundle *bundle, cnn_context *context);
void cnn__bundle_tensor(cnn__bundle *bundle, const char *name, cnn_dtype dtype,
                        const cnn__shape *shape, const void *data);
/* The same under a name that is made for it. */
void cnn__bundle_named(cnn__bundle *bundle, cnn_dtype dtype, const cnn__shape *shape,
                       const void *data, const char *format, ...) CNN__PRINTF(5, 6);
/* Takes the bytes of text, JSON, over; text is done with, on failure too. CNN_E_LIMIT: it could not be read again. */
void cnn__bundle_text(cnn__bundle *bundle, const char *name, cnn__text *text);
void cnn__bundle_end(cnn__bundle *bundle);

/* Parses the text of that name where it stands, once; *json NULL and CNN_OK where the file has none. Freed by the caller,
   before the file is closed. */
cnn_status cnn__text_parse(cnn__safetensors *file, const char *name, cnn__json **json);

/* Reads a tensor that must be there with this dtype and shape. */
cnn_status cnn__tensor_read(const cnn__safetensors *file, const char *name, cnn_dtype dtype,
                            const cnn__shape *shape, void *data);

#endif
