/* How parameters begin, by Keras's rules. Every number follows from (seed, index) alone. */
#include "layers/layer.h"

#include "base/random.h"
#include "base/size.h"
#include <math.h>

/* Deviation of a standard normal that is cut off at two deviations. Where a variance is asked for,
   the normal is made wider by it. */
#define TRUNCATED_DEVIATION 0.87962566103423978

static void draw_uniform(cnn__random *random, double limit, size_t count, float *values) {
  for (size_t i = 0; i < count; i++)
    values[i] = (float)cnn__random_range(random, -limit, limit);
}

static void draw_normal(cnn__random *random, double deviation, size_t count, float *values) {
  for (size_t i = 0; i < count; i++)
    values[i] = (float)(cnn__random_normal(random) * deviation);
}

static void draw_truncated(cnn__random *random, double deviation, size_t count, float *values) {
  for (size_t i = 0; i < count; i++) {
    double value;
    do
      value = cnn__random_normal(random);
    while (value < -2 || value > 2);
    values[i] = (float)(value * deviation);
  }
}

static void fill(float value, size_t count, float *values) {
  for (size_t i = 0; i < count; i++)
    values[i] = value;
}

/* Turns the columns of a (rows x columns, rows >= columns) into an orthonormal basis of what they span,
   in order: the Q of a QR decomposition whose R has a positive diagonal. Modified Gram-Schmidt, column
   by column out of all that follow, so that the inner loops run along rows. */
static void orthonormalize(size_t rows, size_t columns, double *a, double *projection) {
  for (size_t j = 0; j < columns; j++) {
    double square = 0;
    for (size_t r = 0; r < rows; r++)
      square += a[r * columns + j] * a[r * columns + j];
    const double norm = sqrt(square);
    for (size_t i = j + 1; i < columns; i++)
      projection[i] = 0;
    for (size_t r = 0; r < rows; r++) {
      double *row = a + r * columns;
      row[j] /= norm;
      for (size_t i = j + 1; i < columns; i++)
        projection[i] += row[j] * row[i];
    }
    for (size_t r = 0; r < rows; r++) {
      double *row = a + r * columns;
      for (size_t i = j + 1; i < columns; i++)
        row[i] -= row[j] * projection[i];
    }
  }
}

/* Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks"
   (2014): the matrix is (all dimensions but the last) x (the last), or its transpose where that is wider. */
static cnn_status draw_orthogonal(cnn_context *context, cnn__random *random,
                                  const cnn__parameter_spec *spec, double gain, float *values) {
  const size_t count = cnn__shape_product(&spec->shape);
  const size_t last = spec->shape.dim[spec->shape.rank - 1], first = count / last;
  const size_t rows = cnn__size_max(first, last), columns = cnn__size_min(first, last);
  double *matrix = cnn__alloc_array(context, count, sizeof *matrix, "an orthogonal matrix");
  double *projection = cnn__alloc_array(context, columns, sizeof *projection, "its projections");
  cnn_status status = matrix != NULL && projection != NULL ? CNN_OK : CNN_E_NOMEM;
  if (status == CNN_OK) {
    for (size_t i = 0; i < count; i++)
      matrix[i] = cnn__random_normal(random);
    orthonormalize(rows, columns, matrix, projection);
    for (size_t r = 0; r < first; r++)
      for (size_t c = 0; c < last; c++)
        values[r * last + c] =
            (float)(gain * (first >= last ? matrix[r * columns + c] : matrix[c * columns + r]));
  }
  cnn__free(context, projection);
  cnn__free(context, matrix);
  return status;
}

cnn_status cnn__initialize(cnn_context *context, const cnn__parameter_spec *spec, uint64_t seed,
                           uint64_t index, float *values) {
  const size_t count = cnn__shape_product(&spec->shape);
  const double fan_in = (double)cnn__size_max(spec->fan_in, 1);
  const double fans = (double)spec->fan_in + (double)spec->fan_out;
  const double scale = spec->scale;
  cnn__random random;
  cnn__random_start(&random, seed, CNN__PURPOSE_INITIAL, index, 0);
  switch (spec->initializer) {
  case CNN_INITIALIZER_DEFAULT:
  case CNN_GLOROT_UNIFORM:
    draw_uniform(&random, sqrt(6 / fans), count, values);
    break;
  case CNN_GLOROT_NORMAL:
    draw_truncated(&random, sqrt(2 / fans) / TRUNCATED_DEVIATION, count, values);
    break;
  case CNN_HE_UNIFORM:
    draw_uniform(&random, sqrt(6 / fan_in), count, values);
    break;
  case CNN_HE_NORMAL:
    draw_truncated(&random, sqrt(2 / fan_in) / TRUNCATED_DEVIATION, count, values);
    break;
  case CNN_LECUN_UNIFORM:
    draw_uniform(&random, sqrt(3 / fan_in), count, values);
    break;
  case CNN_LECUN_NORMAL:
    draw_truncated(&random, sqrt(1 / fan_in) / TRUNCATED_DEVIATION, count, values);
    break;
  case CNN_ORTHOGONAL:
    return draw_orthogonal(context, &random, spec, scale, values);
  case CNN_ZEROS:
    fill(0, count, values);
    break;
  case CNN_ONES:
    fill(1, count, values);
    break;
  case CNN_RANDOM_UNIFORM:
    draw_uniform(&random, scale, count, values);
    break;
  case CNN_RANDOM_NORMAL:
    draw_normal(&random, scale, count, values);
    break;
  case CNN_TRUNCATED_NORMAL:
    draw_truncated(&random, scale, count, values);
    break;
  case CNN_CONSTANT:
    fill((float)scale, count, values);
    break;
  }
  return CNN_OK;
}
