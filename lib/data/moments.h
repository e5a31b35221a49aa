/* Mean and deviation of every channel over a whole set. */
#ifndef CNN_DATA_MOMENTS_H
#define CNN_DATA_MOMENTS_H

#include "data/dataset.h"

typedef struct cnn__moments {
  size_t channels;
  double *mean, *deviation; /* of value * rescale; biased */
} cnn__moments;

/* Sums in float64, image by image in order. CNN_E_SHAPE where images are not (height, width,
   channels); what fetching fails with. */
cnn_status cnn__moments_of_set(cnn_context *context, const cnn_dataset *dataset, double rescale,
                               cnn__moments *moments);
void cnn__moments_free(cnn_context *context, cnn__moments *moments);

#endif
