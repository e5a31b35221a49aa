/* Eigenvalues and eigenvectors of a dense symmetric matrix, in float64: Householder reflections to a
   tridiagonal matrix, then the implicit QL method (Wilkinson and Reinsch, "Linear algebra", 1971). */
#ifndef CNN_DATA_EIGEN_H
#define CNN_DATA_EIGEN_H

#include "base/context.h"

/* matrix: n x n, overwritten by the eigenvectors, one a row; values: n, in no order. The same bits
   for any number of threads. CNN_E_NOMEM; CNN_E_NUMERIC where it does not converge (NaN). */
cnn_status cnn__eigen_symmetric(cnn_context *context, size_t n, double *matrix, double *values);

#endif
