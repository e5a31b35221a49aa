/* ZCA whitening (Bell and Sejnowski, "The independent components of natural scenes are edge
   filters", 1997): W = U diag(1 / (sqrt(eigenvalue) + epsilon)) U' of the set's covariance,
   over as many of the largest eigenvalues as the set has images, as Keras's. */
#ifndef CNN_DATA_ZCA_H
#define CNN_DATA_ZCA_H

#include "data/picture.h"

enum { CNN__ZCA_MOST = 4096 }; /* values of an image: the matrix has their square */

typedef struct cnn__zca {
  size_t features; /* 0: not fitted */
  float *matrix;   /* features x features, symmetric */
} cnn__zca;

/* Of value * rescale - mean[c]. CNN_E_LIMIT over CNN__ZCA_MOST values an image. */
cnn_status cnn__zca_fit(cnn_context *context, const cnn_dataset *dataset, double rescale,
                        const double *mean, double epsilon, cnn__zca *zca);
void cnn__zca_free(cnn_context *context, cnn__zca *zca);
/* values = matrix * values, by the picture's own memory. */
cnn_status cnn__zca_apply(const cnn__zca *zca, cnn__picture *picture, float *values);

#endif
