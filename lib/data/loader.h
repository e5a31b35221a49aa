/* What models and training see of a loader beside its public face. */
#ifndef CNN_DATA_LOADER_H
#define CNN_DATA_LOADER_H

#include "data/dataset.h"

typedef enum cnn__label_kind {
  CNN__LABELS_NONE = 0,
  CNN__LABELS_INDEX = 1, /* int32 (count, 1), each in [0, classes) */
  CNN__LABELS_VECTOR = 2 /* float32 (count, label_width) */
} cnn__label_kind;

/* What is done to every value last: (value * rescale - mean[c]) / deviation[c]. */
typedef struct cnn__preprocessing {
  double rescale;
  size_t channels;         /* of mean and deviation; 0 where both are NULL */
  const double *mean;      /* NULL: none */
  const double *deviation; /* NULL: none */
} cnn__preprocessing;

/* Fixed for the loader's life; class names are the dataset's (cnn_dataset_class_name). */
typedef struct cnn__loader_info {
  cnn__shape sample; /* of one image in a batch */
  cnn__label_kind labels;
  size_t label_width;                  /* 1 for indices, 0 for none */
  size_t classes;                      /* 0 where labels are vectors without class names */
  size_t batch_size, samples, batches; /* samples: of an epoch; batches: every view counts */
  size_t views;                        /* batches in a row that show the same samples */
  uint64_t seed;
  uint64_t fingerprint; /* of what is done to images: transforms, their settings, preprocessing */
  bool shuffle, drop_last, augments; /* augments: anything random happens to images */
  cnn__preprocessing preprocessing;
} cnn__loader_info;
const cnn__loader_info *cnn__loader_info_of(const cnn_loader *loader);

/* A loader like this one over samples [begin, begin + count) of its dataset, of its own: the same
   batch size, labels and preprocessing. training: shuffled and augmented as this one is; else in
   order, whole, without the random transforms. NULL: as cnn_loader_create(). */
cnn_loader *cnn__loader_part(const cnn_loader *loader, size_t begin, size_t count, bool training);

/* The same preprocessing for what does not come from a loader: count values (a multiple of the
   channels) of bytes to floats. preprocess is made once and freed. */
typedef struct cnn__preprocess cnn__preprocess;
cnn_status cnn__preprocess_new(cnn_context *context, const cnn__preprocessing *preprocessing,
                               cnn__preprocess **preprocess);
void cnn__preprocess_run(const cnn__preprocess *preprocess, size_t count, const uint8_t *from,
                         float *to);
void cnn__preprocess_free(cnn__preprocess *preprocess);

#endif
