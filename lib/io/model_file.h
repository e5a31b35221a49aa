/* Model files: safetensors with the model's description in the texts of the header (docs/files.md).

   texts                                          tensors
   format        "libcnn"                         <layer>/<parameter>                F32, in their shapes
   version       "1"                              training/counters                  U64
   architecture  JSON: layers, inputs, frozen     training/sums                      F64
   classes       JSON: names                      training/optimizer                 F64
   preprocessing JSON: scale, mean, deviation     training/metrics                   F64 (metrics, 2)
   notes         JSON: the caller's texts         training/history                   F64 (series, epochs)
   training      JSON: optimizer, loss, metrics,  training/slot/<slot>/<parameter>   F32, as the parameter
                 history's names, callbacks       training/callback/<n>/<array>      F32

   A layer's name holds no '/', so parameters never meet the names under training/. */
#ifndef CNN_IO_MODEL_FILE_H
#define CNN_IO_MODEL_FILE_H

#include "io/safetensors.h"
#include "model/model.h"

#define CNN__FILE_FORMAT "libcnn"
#define CNN__FILE_VERSION "1"

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
} cnn__bundle;

void cnn__bundle_start(cnn__bundle *bundle, cnn_context *context);
void cnn__bundle_tensor(cnn__bundle *bundle, const char *name, cnn_dtype dtype,
                        const cnn__shape *shape, const void *data);
/* The same under a name that is made for it. */
void cnn__bundle_named(cnn__bundle *bundle, cnn_dtype dtype, const cnn__shape *shape,
                       const void *data, const char *format, ...) CNN__PRINTF(5, 6);
/* Takes text's bytes over; text is done with, on failure too. */
void cnn__bundle_text(cnn__bundle *bundle, const char *name, cnn__text *text);
void cnn__bundle_end(cnn__bundle *bundle);

/* The architecture. Reading checks every parameter against the file's tensors before anything of their size
   is allocated. */
void cnn__architecture_write(cnn__text *text, const cnn_model *model);
cnn_status cnn__architecture_read(cnn_context *context, const cnn__safetensors *file,
                                  cnn_model **model);

/* What predicting needs beside weights: classes, preprocessing, notes. */
void cnn__extras_write(cnn__bundle *bundle, const cnn_model *model);
cnn_status cnn__extras_read(const cnn__safetensors *file, cnn_model *model);

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
cnn_status cnn__training_read(const cnn__safetensors *file, cnn_model *model);

/* Parses the text of that name; *json NULL and CNN_OK where the file has none. Freed by the caller. */
cnn_status cnn__text_parse(const cnn__safetensors *file, const char *name, cnn__json **json);

/* Reads a tensor that must be there with this dtype and shape. */
cnn_status cnn__tensor_read(const cnn__safetensors *file, const char *name, cnn_dtype dtype,
                            const cnn__shape *shape, void *data);

#endif
