/* Sums over rows and maps by column, for batch normalisation and bias gradients. Rows of `columns`
   floats lie one behind the other. The contract common to all: kernels/elementwise.h. */
#ifndef CNN_KERNELS_ELEMENTWISE_NORMALIZATION_H
#define CNN_KERNELS_ELEMENTWISE_NORMALIZATION_H

#include <stddef.h>

typedef struct cnn__normalization_kernels {
  /* Each column in float64, rows in order; the sums go on from what they hold. Products of two
     floats are exact there. */
  void (*column_sums)(size_t rows, size_t columns, const float *x, double *sums);
  /* sums += x, squares += x^2 */
  void (*column_moments)(size_t rows, size_t columns, const float *x, double *sums,
                         double *squares);
  /* sums += dy, products += dy * (x - mean), the difference in float32 */
  void (*column_products)(size_t rows, size_t columns, const float *x, const float *mean,
                          const float *dy, double *sums, double *products);

  /* y = fma(x - mean, scale, offset) */
  void (*normalize)(size_t rows, size_t columns, const float *x, const float *mean,
                    const float *scale, const float *offset, float *y);
  /* dx = fma(dy, a, fma(x - mean, b, c)) */
  void (*normalize_backward)(size_t rows, size_t columns, const float *x, const float *mean,
                             const float *dy, const float *a, const float *b, const float *c,
                             float *dx);
} cnn__normalization_kernels;

#endif
