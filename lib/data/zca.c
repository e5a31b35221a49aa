#include "data/zca.h"
#include "base/size.h"
#include "data/eigen.h"
#include "ops/gemm.h"
#include <math.h>
#include <string.h>

enum { BLOCK = 256 }; /* images summed in float32 before they are added in float64 */

void cnn__zca_free(cnn_context *context, cnn__zca *zca) {
  cnn__free(context, zca->matrix);
  *zca = (cnn__zca){0};
}

/* What fitting works with. */
typedef struct fitting {
  double rescale;
  const double *mean; /* of each channel */
  size_t n;           /* values of an image */
  float *rows;        /* BLOCK images */
  float *products;    /* n x n: of one block */
  double *covariance; /* n x n */
  double *values;     /* n eigenvalues */
  void *scratch;
} fitting;

static void release(cnn_context *context, fitting *f) {
  cnn__free(context, f->rows);
  cnn__free(context, f->products);
  cnn__free(context, f->covariance);
  cnn__free(context, f->values);
  cnn__free(context, f->scratch);
}

static cnn_status reserve(cnn_context *context, size_t n, fitting *f) {
  size_t bytes;
  if (!cnn__matmul_scratch(n, n, cnn__size_max(n, BLOCK), cnn__context_slots(context), &bytes))
    return cnn__fail(CNN_E_LIMIT, "cnn_transform_fit: whitening of %zu values", n);
  f->n = n;
  f->rows = cnn__alloc_array(context, BLOCK * n, sizeof(float), "whitening");
  f->products = cnn__alloc_array(context, n * n, sizeof(float), "whitening");
  f->covariance = cnn__calloc_array(context, n * n, sizeof(double), "whitening");
  f->values = cnn__alloc_array(context, n, sizeof(double), "whitening");
  f->scratch = cnn__alloc(context, bytes, "whitening");
  return f->rows && f->products && f->covariance && f->values && f->scratch ? CNN_OK : CNN_E_NOMEM;
}

static cnn_status read_block(const cnn_dataset *dataset, size_t begin, size_t count,
                             cnn__sample *sample, fitting *f) {
  const size_t channels = dataset->shape.dim[2];
  for (size_t i = 0; i < count; i++) {
    const cnn_status status = cnn__dataset_image(dataset, begin + i, sample);
    if (status != CNN_OK) return status;
    const uint8_t *bytes = sample->pixels;
    const float *floats = sample->pixels;
    for (size_t e = 0, c = 0; e < f->n; e++, c = c + 1 == channels ? 0 : c + 1) {
      const double value = dataset->dtype == CNN_UINT8 ? bytes[e] : (double)floats[e];
      f->rows[i * f->n + e] = (float)(value * f->rescale - f->mean[c]);
    }
  }
  return CNN_OK;
}

/* product = rows' rows, of so many rows */
static void multiply(cnn_context *context, const fitting *f, const float *rows, size_t count,
                     float *product) {
  cnn__matmul_run(&(cnn__matmul){.m = f->n,
                                 .n = f->n,
                                 .k = count,
                                 .a = rows,
                                 .a_row = 1,
                                 .a_depth = (ptrdiff_t)f->n,
                                 .b = rows,
                                 .b_row = (ptrdiff_t)f->n,
                                 .b_column = 1,
                                 .c = product,
                                 .c_row = (ptrdiff_t)f->n},
                  context, f->scratch);
}

/* covariance = X' X / count */
static cnn_status sum_products(cnn_context *context, const cnn_dataset *dataset, fitting *f) {
  const size_t n = f->n;
  cnn__sample sample = {.context = context};
  cnn_status status = CNN_OK;
  for (size_t begin = 0; status == CNN_OK && begin < dataset->count; begin += BLOCK) {
    const size_t count = cnn__size_min(dataset->count - begin, BLOCK);
    status = read_block(dataset, begin, count, &sample, f);
    if (status != CNN_OK) break;
    multiply(context, f, f->rows, count, f->products);
    for (size_t e = 0; e < n * n; e++)
      f->covariance[e] += f->products[e];
  }
  cnn__sample_release(&sample);
  for (size_t e = 0; e < n * n; e++)
    f->covariance[e] /= (double)dataset->count;
  return status;
}

/* Whether value k is one of the count largest of n. */
static bool is_among(size_t count, const double *values, size_t n, size_t k) {
  size_t larger = 0;
  for (size_t i = 0; i < n; i++)
    larger += values[i] > values[k] || (i < k && values[i] >= values[k]);
  return larger < count;
}

/* covariance holds eigenvectors as rows: matrix = sum of vector' vector / (sqrt(value) + epsilon),
   by a product of the vectors, each times the root of its weight. So many images span as many
   directions at most: across the others there is rounding alone, which 1 / epsilon would blow up. */
static void compose(cnn_context *context, size_t images, double epsilon, fitting *f,
                    float *matrix) {
  const size_t n = f->n;
  for (size_t k = 0; k < n; k++) {
    const double value = f->values[k] > 0 ? f->values[k] : 0;
    const double weight = is_among(images, f->values, n, k) ? sqrt(1 / (sqrt(value) + epsilon)) : 0;
    for (size_t e = 0; e < n; e++)
      f->products[k * n + e] = (float)(f->covariance[k * n + e] * weight);
  }
  multiply(context, f, f->products, n, matrix);
}

cnn_status cnn__zca_fit(cnn_context *context, const cnn_dataset *dataset, double rescale,
                        const double *mean, double epsilon, cnn__zca *zca) {
  const size_t n = cnn__shape_product(&dataset->shape);
  if (n == 0 || n > CNN__ZCA_MOST)
    return cnn__fail(n ? CNN_E_LIMIT : CNN_E_SHAPE,
                     "cnn_transform_fit: whitening needs images of one size and at most %d values, "
                     "not %zu",
                     CNN__ZCA_MOST, n);
  fitting f = {.rescale = rescale, .mean = mean};
  zca->matrix = cnn__alloc_array(context, n * n, sizeof(float), "whitening");
  cnn_status status = zca->matrix ? reserve(context, n, &f) : CNN_E_NOMEM;
  if (status == CNN_OK) status = sum_products(context, dataset, &f);
  if (status == CNN_OK) status = cnn__eigen_symmetric(context, n, f.covariance, f.values);
  if (status == CNN_OK) {
    compose(context, dataset->count, epsilon / sqrt((double)dataset->count), &f, zca->matrix);
    zca->features = n;
  }
  release(context, &f);
  return status;
}

cnn_status cnn__zca_apply(const cnn__zca *zca, cnn__picture *picture, float *values) {
  const size_t n = zca->features;
  cnn__workspace *workspace = picture->workspace;
  const cnn_status status = cnn__buffer_reserve(workspace->sample.context, &workspace->tables,
                                                n * sizeof(float), "whitening");
  if (status != CNN_OK) return status;
  float *whitened = workspace->tables.bytes;
  memset(whitened, 0, n * sizeof *whitened);
  for (size_t k = 0; k < n; k++) { /* the matrix is symmetric: its rows are its columns */
    const float value = values[k], *row = zca->matrix + k * n;
    for (size_t e = 0; e < n; e++)
      whitened[e] += value * row[e];
  }
  memcpy(values, whitened, n * sizeof *values);
  return CNN_OK;
}
