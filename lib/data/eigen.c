#include "data/eigen.h"
#include "base/size.h"
#include "base/threads.h"
#include <float.h>
#include <math.h>
#include <string.h>

enum { COLUMNS = 128, ROWS = 64, LANES = 8, MOST_SWEEPS = 60 };

typedef struct work {
  cnn_context *context;
  size_t n;
  double *a;               /* the matrix, then the eigenvectors */
  double *reflections;     /* n x n: row k holds the k-th reflection's vector, from k + 1 on */
  double *beta;            /* n: their factors */
  double *d, *e;           /* diagonal and the one beside it */
  double *v, *p;           /* of the step under way */
  double *cosines, *sines; /* of a sweep */
  size_t k, low, high;     /* the step, or the sweep's rows */
} work;

static void parallel(work *w, size_t count, size_t step,
                     void (*body)(void *argument, size_t task, size_t slot)) {
  if (count > 0) cnn__parallel_for(w->context, cnn__size_ceil_div(count, step), body, w);
}

/* ---- to tridiagonal form ---- */

/* p = A v over the part below and right of step k; A is symmetric, so by columns. */
static void multiply_columns(void *argument, size_t task, size_t slot) {
  const work *w = argument;
  const size_t first = w->k + 1, begin = first + task * COLUMNS;
  const size_t end = cnn__size_min(begin + COLUMNS, w->n);
  memset(w->p + begin, 0, (end - begin) * sizeof *w->p);
  for (size_t i = first; i < w->n; i++) {
    const double *row = w->a + i * w->n, factor = w->v[i];
    for (size_t j = begin; j < end; j++)
      w->p[j] += factor * row[j];
  }
}

/* A -= v p' + p v' */
static void update_rows(void *argument, size_t task, size_t slot) {
  const work *w = argument;
  const size_t first = w->k + 1, begin = first + task * ROWS;
  const size_t end = cnn__size_min(begin + ROWS, w->n);
  for (size_t i = begin; i < end; i++) {
    double *row = w->a + i * w->n;
    const double vi = w->v[i], pi = w->p[i];
    for (size_t j = first; j < w->n; j++)
      row[j] -= vi * w->p[j] + pi * w->v[j];
  }
}

/* The reflection that clears column k below its first entry; false where it is clear already. */
static bool find_reflection(work *w) {
  const size_t k = w->k, n = w->n;
  const double *row = w->a + k * n;
  double largest = 0, squares = 0;
  for (size_t j = k + 1; j < n; j++)
    largest = fabs(row[j]) > largest ? fabs(row[j]) : largest;
  w->d[k] = row[k];
  w->e[k] = row[k + 1];
  w->beta[k] = 0;
  if (!(largest > 0)) return false;
  for (size_t j = k + 1; j < n; j++) {
    w->v[j] = row[j] / largest;
    squares += w->v[j] * w->v[j];
  }
  const double length = sqrt(squares), alpha = w->v[k + 1] > 0 ? -length : length;
  squares += alpha * alpha - 2 * alpha * w->v[k + 1];
  w->v[k + 1] -= alpha;
  w->e[k] = alpha * largest;
  w->beta[k] = 2 / squares;
  return squares > 0;
}

static void make_tridiagonal(work *w) {
  const size_t n = w->n;
  for (w->k = 0; w->k + 2 < n; w->k++) {
    const size_t k = w->k;
    if (!find_reflection(w)) continue;
    memcpy(w->reflections + k * n, w->v, n * sizeof *w->v);
    parallel(w, n - k - 1, COLUMNS, multiply_columns);
    double product = 0;
    for (size_t j = k + 1; j < n; j++) {
      w->p[j] *= w->beta[k];
      product += w->p[j] * w->v[j];
    }
    product *= w->beta[k] / 2;
    for (size_t j = k + 1; j < n; j++)
      w->p[j] -= product * w->v[j];
    parallel(w, n - k - 1, ROWS, update_rows);
  }
  if (n > 1) {
    w->d[n - 2] = w->a[(n - 2) * n + n - 2];
    w->e[n - 2] = w->a[(n - 2) * n + n - 1];
  }
  w->d[n - 1] = w->a[n * n - 1];
  w->e[n - 1] = 0;
}

/* rows -= beta (rows . v) v' */
static void reflect_rows(void *argument, size_t task, size_t slot) {
  const work *w = argument;
  const size_t first = w->k + 1, begin = first + task * ROWS;
  const size_t end = cnn__size_min(begin + ROWS, w->n);
  const double *v = w->reflections + w->k * w->n;
  for (size_t i = begin; i < end; i++) {
    double *row = w->a + i * w->n, lanes[LANES] = {0}, sum = 0;
    size_t j = first;
    for (; j + LANES <= w->n; j += LANES)
      for (size_t lane = 0; lane < LANES; lane++)
        lanes[lane] += row[j + lane] * v[j + lane];
    for (; j < w->n; j++)
      sum += row[j] * v[j];
    for (size_t lane = 0; lane < LANES; lane++)
      sum += lanes[lane];
    sum *= w->beta[w->k];
    for (j = first; j < w->n; j++)
      row[j] -= sum * v[j];
  }
}

/* The product of all reflections, transposed, in place of the matrix. */
static void gather_reflections(work *w) {
  const size_t n = w->n;
  memset(w->a, 0, n * n * sizeof *w->a);
  for (size_t i = 0; i < n; i++)
    w->a[i * n + i] = 1;
  for (size_t k = n < 2 ? 0 : n - 2; k-- > 0;) {
    w->k = k;
    if (w->beta[k] > 0) parallel(w, n - k - 1, ROWS, reflect_rows);
  }
}

/* ---- QL ---- */

/* The sweep's rotations of neighbouring rows, from high - 1 down to low. */
static void rotate_columns(void *argument, size_t task, size_t slot) {
  const work *w = argument;
  const size_t begin = task * COLUMNS, end = cnn__size_min(begin + COLUMNS, w->n);
  for (size_t i = w->high; i-- > w->low;) {
    double *first = w->a + i * w->n, *second = first + w->n;
    const double c = w->cosines[i], s = w->sines[i];
    for (size_t j = begin; j < end; j++) {
      const double x = first[j], y = second[j];
      second[j] = s * x + c * y;
      first[j] = c * x - s * y;
    }
  }
}

/* One implicit shift from row high up to row low. */
static void sweep(work *w) {
  double *d = w->d, *e = w->e;
  const size_t low = w->low, high = w->high;
  double g = (d[low + 1] - d[low]) / (2 * e[low]);
  const double r = sqrt(g * g + 1);
  g = d[high] - d[low] + e[low] / (g + (g < 0 ? -r : r));
  double s = 1, c = 1, p = 0;
  for (size_t i = high; i-- > low;) {
    const double f = s * e[i], b = c * e[i];
    const double length = sqrt(f * f + g * g);
    e[i + 1] = length;
    if (!(length > 0)) { /* the matrix fell apart: the rest of the rotations does nothing */
      d[i + 1] -= p;
      e[high] = 0;
      w->low = i + 1;
      parallel(w, w->n, COLUMNS, rotate_columns);
      w->low = low;
      return;
    }
    s = f / length;
    c = g / length;
    g = d[i + 1] - p;
    const double t = (d[i] - g) * s + 2 * c * b;
    p = s * t;
    d[i + 1] = g + p;
    g = c * t - b;
    w->cosines[i] = c;
    w->sines[i] = s;
  }
  d[low] -= p;
  e[low] = g;
  e[high] = 0;
  parallel(w, w->n, COLUMNS, rotate_columns);
}

/* The end of the block that begins at low: where the entry beside the diagonal vanishes. */
static size_t block_end(const work *w, size_t low) {
  size_t high = low;
  while (high + 1 < w->n &&
         fabs(w->e[high]) > DBL_EPSILON * (fabs(w->d[high]) + fabs(w->d[high + 1])))
    high++;
  return high;
}

static cnn_status make_diagonal(work *w) {
  for (size_t k = 0; k < w->n; k++)
    for (int sweeps = 0;; sweeps++) {
      w->low = k;
      w->high = block_end(w, k);
      if (w->high == k) break;
      if (sweeps == MOST_SWEEPS)
        return cnn__fail(CNN_E_NUMERIC, "eigenvalues: value %zu of %zu does not converge", k, w->n);
      sweep(w);
    }
  return CNN_OK;
}

cnn_status cnn__eigen_symmetric(cnn_context *context, size_t n, double *matrix, double *values) {
  work w = {.context = context, .n = n, .a = matrix, .d = values};
  double *memory = cnn__calloc_array(context, n, 6 * sizeof *memory, "eigenvalues");
  w.reflections = cnn__alloc_array(context, n * n, sizeof *memory, "eigenvalues");
  cnn_status status = CNN_E_NOMEM;
  if (memory && w.reflections && n > 0) {
    w.beta = memory;
    w.e = memory + n;
    w.v = memory + 2 * n;
    w.p = memory + 3 * n;
    w.cosines = memory + 4 * n;
    w.sines = memory + 5 * n;
    make_tridiagonal(&w);
    gather_reflections(&w);
    status = make_diagonal(&w);
  }
  cnn__free(context, memory);
  cnn__free(context, w.reflections);
  return status;
}
