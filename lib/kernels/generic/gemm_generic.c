#include "kernels/fill.h"
#include <math.h>

static float ended(cnn__gemm_epilogue epilogue, float sum) {
  if (epilogue == CNN__GEMM_PLAIN) return sum;
  if (epilogue == CNN__GEMM_RELU6 && sum > 6) return 6;
  return sum < 0 ? 0 : sum;
}

/* One row's part in one panel: columns [column, column + width), width <= 16. */
static void row_of_panel(const cnn__gemm *product, size_t row, size_t column, size_t width) {
  float *c = product->c + (ptrdiff_t)row * product->c_row + (ptrdiff_t)column;
  float sum[CNN__PANEL];
  for (size_t j = 0; j < width; j++)
    sum[j] = product->accumulate ? c[j] : 0;
  for (size_t i = 0; i < product->batch; i++) {
    const float *a = product->a[i] + (ptrdiff_t)row * product->a_row;
    const float *b = product->b[i] + (ptrdiff_t)(column / CNN__PANEL) * product->b_panel;
    for (size_t depth = 0; depth < product->k; depth++) {
      const float left = a[(ptrdiff_t)depth * product->a_depth];
      const float *right = b + (ptrdiff_t)depth * product->b_row;
      for (size_t j = 0; j < width; j++)
        sum[j] = fmaf(left, right[j], sum[j]);
    }
  }
  for (size_t j = 0; j < width; j++) {
    if (product->bias) sum[j] += product->bias[column + j];
    c[j] = ended(product->epilogue, sum[j]);
  }
}

static void gemm(const cnn__gemm *product) {
  for (size_t column = 0; column < product->n; column += CNN__PANEL) {
    const size_t left = product->n - column;
    for (size_t row = 0; row < product->m; row++)
      row_of_panel(product, row, column, left < CNN__PANEL ? left : CNN__PANEL);
  }
}

static void rows(const cnn__gemm_rows *product) {
  const float *a = product->a;
  float *c = product->c;
  for (size_t row = 0; row < product->m; row++, a += product->a_row, c += product->c_row)
    for (size_t j = 0; j < product->n; j++) {
      const float *b = product->b + j;
      float sum = product->accumulate ? c[j] : 0;
      for (ptrdiff_t depth = 0; depth < (ptrdiff_t)product->k; depth++)
        sum = fmaf(a[depth * product->a_depth], b[depth * product->b_stride], sum);
      if (product->bias) sum += product->bias[j];
      c[j] = ended(product->epilogue, sum);
    }
}

static float dot(size_t k, const float *a, ptrdiff_t a_depth, const float *b) {
  float lane[CNN__PANEL] = {0};
  for (size_t depth = 0; depth < k; depth += CNN__PANEL)
    for (size_t l = 0; l < CNN__PANEL; l++) {
      const bool missing = k - depth <= l;
      const float left = missing ? 0 : a[(ptrdiff_t)(depth + l) * a_depth];
      lane[l] = fmaf(left, missing ? 0 : b[depth + l], lane[l]);
    }
  for (size_t width = CNN__PANEL / 2; width; width /= 2)
    for (size_t l = 0; l < width; l++)
      lane[l] += lane[l + width];
  return lane[0];
}

static void dots(const cnn__gemm_rows *row) {
  for (size_t j = 0; j < row->n; j++) {
    float sum = dot(row->k, row->a, row->a_depth, row->b + (ptrdiff_t)j * row->b_stride);
    if (row->accumulate) sum += row->c[j];
    if (row->bias) sum += row->bias[j];
    row->c[j] = ended(row->epilogue, sum);
  }
}

static void pack(size_t k, size_t n, const float *b, ptrdiff_t b_row, ptrdiff_t b_column,
                 float *packed) {
  for (size_t column = 0; column < n; column += CNN__PANEL)
    for (size_t depth = 0; depth < k; depth++)
      for (size_t j = column; j < column + CNN__PANEL; j++)
        *packed++ = j < n ? b[(ptrdiff_t)depth * b_row + (ptrdiff_t)j * b_column] : 0;
}

static void gemm_packing(const cnn__gemm *product, const float *next, float *packed) {
  (void)next;
  pack(product->k, product->n, product->b[0], product->b_row, 1, packed);
  gemm(product);
}

static void pack_a(size_t m, size_t k, const float *a, ptrdiff_t a_row, ptrdiff_t a_depth,
                   float *to, size_t to_row) {
  for (size_t row = 0; row < m; row++)
    for (size_t depth = 0; depth < k; depth++)
      to[row * to_row + depth] = a[(ptrdiff_t)row * a_row + (ptrdiff_t)depth * a_depth];
}

static void gather_a(size_t m, size_t k, const float *const *a, float *to, size_t to_row) {
  for (size_t row = 0; row < m; row++)
    for (size_t depth = 0; depth < k; depth++)
      to[row * to_row + depth] = a[depth][row];
}

void cnn__gemm_kernels_fill_generic(cnn__gemm_kernels *table) {
  table->gemm = gemm;
  table->gemm_packing = gemm_packing;
  table->columns = CNN__PANEL;
  table->rows = rows;
  table->dots = dots;
  table->pack = pack;
  table->pack_a = pack_a;
  table->gather_a = gather_a;
}
