/* Sums over rows and maps by column, for batch normalisation and bias gradients. Rows of `columns`
   floats lie one behind the other. The contract common to all: kernels/elementwise.h. */
#ifndef CNN_KERNELS_ELEMENTWISE_NORMALIZATION_H
#define CNN_KERNELS_ELEMENTWISE_NORMALIZATION_H

#include <stddef.h>

/* The gradient passes an activation behind the normalisation where the result y is none of its limits: 0 is there
   in place of dy where y <= least or y >= most (NaN: there is no such limit). y is computed once more, so
   that it need not be read. */
typedef struct cnn__normalization_gate {
  const float *scale, *offset;
  float least, most;
} cnn__normalization_gate;

typedef struct cnn__normalization_kernels {
  /* Each column in float64, rows in order; the sums go on from what they hold. Products of two
     floats are exact there. */
  void (*column_sums)(size_t rows, size_t columns, const float *x, double *sums);
  /* sums += x, squares += x^2 */
  void (*column_moments)(size_t rows, size_t columns, const float *x, double *sums,
                         double *squares);
  /* sums += dy, products += dy * (x - mean), the difference in float32. gate: of dy; NULL: all of it. */
  void (*column_products)(size_t rows, size_t columns, const float *x, const float *mean,
                          const float *dy, const cnn__normalization_gate *gate, double *sums,
                          double *products);

  /* y = fma(x - mean, scale, offset), kept within [least, most] (infinities: as it is; NaN stays) */
  void (*normalize)(size_t rows, size_t columns, const float *x, const float *mean,
                    const float *scale, const float *offset, float least, float most, float *y);
  /* dx = fma(dy, a, fma(x - mean, b, c)); gate as above */
  void (*normalize_backward)(size_t rows, size_t columns, const float *x, const float *mean,
                             const float *dy, const cnn__normalization_gate *gate, const float *a,
                             const float *b, const float *c, float *dx);
} cnn__normalization_kernels;

#endif
