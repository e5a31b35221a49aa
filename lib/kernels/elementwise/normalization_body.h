/* Bodies of kernels/elementwise/normalization.h, over the vector abstraction included before. */
#include "kernels/elementwise/lanes.h"
#include "kernels/elementwise/normalization.h"

/* The sums live in memory, in float64: going down several rows before storing them again keeps
   that traffic small without changing the order. */
enum { ROWS_AT_ONCE = 8, AHEAD = 16 /* rows that are asked for so much earlier */ };

/* A vector of sums, of which fewer than a vector may be there. */
static inline doubles get_sums(const double *sums, size_t i, size_t count) {
  if (count >= VECTOR_WIDTH && i <= count - VECTOR_WIDTH) return doubles_load(sums + i);
  double part[VECTOR_WIDTH] = {0};
  memcpy(part, sums + i, (count - i) * sizeof *part);
  return doubles_load(part);
}
static inline void put_sums(double *sums, size_t i, size_t count, doubles value) {
  if (count >= VECTOR_WIDTH && i <= count - VECTOR_WIDTH) {
    doubles_store(sums + i, value);
    return;
  }
  double part[VECTOR_WIDTH];
  doubles_store(part, value);
  memcpy(sums + i, part, (count - i) * sizeof *part);
}

/* Asks for lines of later rows: so many rows side by side the processor does not foresee. Harmless past the end. */
INLINE_CONSTANTS void fetch_ahead(const float *x, size_t columns, size_t i) {
  if (i % LANES != 0) return;
  for (size_t r = 0; r < ROWS_AT_ONCE; r++)
    __builtin_prefetch((const void *)((uintptr_t)(x + i) + (AHEAD + r) * columns * sizeof *x));
}

static inline size_t rows_in_group(size_t rows, size_t first) {
  return rows - first < ROWS_AT_ONCE ? rows - first : ROWS_AT_ONCE;
}

static void column_sums(size_t rows, size_t columns, const float *x, double *sums) {
  for (size_t first = 0; first < rows; first += ROWS_AT_ONCE, x += ROWS_AT_ONCE * columns) {
    const size_t group = rows_in_group(rows, first);
    for (size_t i = 0; i < columns; i += VECTOR_WIDTH) {
      fetch_ahead(x, columns, i);
      doubles sum = get_sums(sums, i, columns);
      for (size_t r = 0; r < group; r++)
        sum = doubles_add(sum, doubles_of(get(x + r * columns, i, columns)));
      put_sums(sums, i, columns, sum);
    }
  }
}

static void column_moments(size_t rows, size_t columns, const float *x, double *sums,
                           double *squares) {
  for (size_t first = 0; first < rows; first += ROWS_AT_ONCE, x += ROWS_AT_ONCE * columns) {
    const size_t group = rows_in_group(rows, first);
    for (size_t i = 0; i < columns; i += VECTOR_WIDTH) {
      fetch_ahead(x, columns, i);
      doubles sum = get_sums(sums, i, columns), square = get_sums(squares, i, columns);
      for (size_t r = 0; r < group; r++) {
        const doubles value = doubles_of(get(x + r * columns, i, columns));
        sum = doubles_add(sum, value);
        square = doubles_add_product(square, value, value);
      }
      put_sums(sums, i, columns, sum);
      put_sums(squares, i, columns, square);
    }
  }
}

/* A vector of columns of a gate. */
typedef struct gate_columns {
  vector scale, offset, least, most;
} gate_columns;

static inline gate_columns columns_of(const cnn__normalization_gate *gate, size_t i,
                                      size_t columns) {
  return (gate_columns){get(gate->scale, i, columns), get(gate->offset, i, columns),
                        vector_set(gate->least), vector_set(gate->most)};
}

/* What passes of a vector of dy. */
static inline vector passing(gate_columns gate, vector deviation, vector gradient) {
  const vector y = vector_fma(deviation, gate.scale, gate.offset);
  const vector_mask shut =
      vector_mask_or(vector_less_equal(y, gate.least), vector_less_equal(gate.most, y));
  return vector_select(shut, vector_zero(), gradient);
}

/* A gate without limits, whatever its numbers, so that one loop serves both. */
static inline cnn__normalization_gate gate_or_open(const cnn__normalization_gate *gate,
                                                   const float *any) {
  return gate ? *gate : (cnn__normalization_gate){any, any, NAN, NAN};
}

static void column_products(size_t rows, size_t columns, const float *x, const float *mean,
                            const float *dy, const cnn__normalization_gate *gate, double *sums,
                            double *products) {
  const cnn__normalization_gate limits = gate_or_open(gate, mean);
  for (size_t first = 0; first < rows; first += ROWS_AT_ONCE) {
    const size_t group = rows_in_group(rows, first);
    for (size_t i = 0; i < columns; i += VECTOR_WIDTH) {
      const vector centre = get(mean, i, columns);
      const gate_columns of = columns_of(&limits, i, columns);
      fetch_ahead(x, columns, i);
      fetch_ahead(dy, columns, i);
      doubles sum = get_sums(sums, i, columns), product = get_sums(products, i, columns);
      for (size_t r = 0; r < group; r++) {
        const vector deviation = vector_sub(get(x + r * columns, i, columns), centre);
        const doubles gradient =
            doubles_of(passing(of, deviation, get(dy + r * columns, i, columns)));
        sum = doubles_add(sum, gradient);
        product = doubles_add_product(product, gradient, doubles_of(deviation));
      }
      put_sums(sums, i, columns, sum);
      put_sums(products, i, columns, product);
    }
    x += ROWS_AT_ONCE * columns;
    dy += ROWS_AT_ONCE * columns;
  }
}

static void normalize(size_t rows, size_t columns, const float *x, const float *mean,
                      const float *scale, const float *offset, float least, float most, float *y) {
  for (size_t row = 0; row < rows; row++, x += columns, y += columns)
    for (size_t i = 0; i < columns; i += VECTOR_WIDTH) {
      const vector deviation = vector_sub(get(x, i, columns), get(mean, i, columns));
      const vector value = vector_fma(deviation, get(scale, i, columns), get(offset, i, columns));
      put(y, i, columns, vector_min(vector_set(most), vector_max(vector_set(least), value)));
    }
}

static void normalize_backward(size_t rows, size_t columns, const float *x, const float *mean,
                               const float *dy, const cnn__normalization_gate *gate, const float *a,
                               const float *b, const float *c, float *dx) {
  const cnn__normalization_gate limits = gate_or_open(gate, mean);
  for (size_t row = 0; row < rows; row++, x += columns, dy += columns, dx += columns)
    for (size_t i = 0; i < columns; i += VECTOR_WIDTH) {
      const vector deviation = vector_sub(get(x, i, columns), get(mean, i, columns));
      const vector rest = vector_fma(deviation, get(b, i, columns), get(c, i, columns));
      const vector gradient =
          passing(columns_of(&limits, i, columns), deviation, get(dy, i, columns));
      put(dx, i, columns, vector_fma(gradient, get(a, i, columns), rest));
    }
}

static void fill_normalization(cnn__normalization_kernels *table) {
  *table = (cnn__normalization_kernels){
      .column_sums = column_sums,
      .column_moments = column_moments,
      .column_products = column_products,
      .normalize = normalize,
      .normalize_backward = normalize_backward,
  };
}
