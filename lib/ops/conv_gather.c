#include "ops/conv_gather.h"
#include "base/size.h"

static cnn__gather_span forward_span(const cnn__gather_axis *axis, size_t output, size_t end) {
  const size_t start = output * axis->stride; /* in padded input cells */
  const size_t image_end = axis->inputs + axis->pad;
  const size_t first =
      start < axis->pad ? cnn__size_ceil_div(axis->pad - start, axis->dilation) : 0;
  const size_t after =
      start < image_end ? cnn__size_ceil_div(image_end - start, axis->dilation) : 0;
  const size_t last = cnn__size_min(after, axis->taps);
  cnn__gather_span span = {.first = output,
                           .count = 1,
                           .step = 1,
                           .input_step = axis->stride,
                           .tap = first,
                           .tap_step = 1,
                           .tap_input_step = axis->dilation};
  if (first >= last) return span;
  span.taps = last - first;
  span.input = start + first * axis->dilation - axis->pad;
  if (first == 0 && last == axis->taps) { /* all taps: until the last one leaves the image */
    const size_t reach = image_end - 1 - (axis->taps - 1) * axis->dilation;
    span.count = cnn__size_min(end - 1, reach / axis->stride) - output + 1;
  }
  return span;
}

static size_t common_divisor(size_t a, size_t b) {
  return b ? common_divisor(b, a % b) : a;
}

static cnn__gather_span transposed_span(const cnn__gather_axis *axis, size_t output, size_t end) {
  const size_t place = output + axis->pad;
  const size_t common = common_divisor(axis->stride, axis->dilation);
  const size_t tap_step = axis->stride / common;
  cnn__gather_span span = {.first = output,
                           .count = 1,
                           .step = axis->stride,
                           .input_step = 1,
                           .tap_step = tap_step,
                           .tap_input_step = axis->dilation / common};
  /* The taps t, lowest, lowest + tap_step, ..., for which place - t * dilation is a multiple of
     stride; of these, from .. to are inside. */
  size_t lowest = 0;
  while (lowest < tap_step &&
         (place + axis->stride * axis->dilation - lowest * axis->dilation) % axis->stride)
    lowest++;
  if (lowest >= tap_step || lowest >= axis->taps) { /* nor has any other output of this phase one */
    span.count = (end - 1 - output) / axis->stride + 1;
    return span;
  }
  const size_t highest = lowest + (axis->taps - 1 - lowest) / tap_step * tap_step;
  const size_t beyond = axis->stride * axis->inputs; /* t * dilation > place - beyond */
  size_t from = lowest, to = highest;
  while (to * axis->dilation > place) {
    if (to == lowest) return span;
    to -= tap_step;
  }
  while (place >= beyond + from * axis->dilation) {
    if (from == to) return span;
    from += tap_step;
  }
  span.taps = (to - from) / tap_step + 1;
  span.tap = axis->taps - 1 - to;
  span.input = (place - to * axis->dilation) / axis->stride;
  if (from == lowest && to == highest) {
    const size_t stop = cnn__size_min(end, beyond + lowest * axis->dilation - axis->pad);
    span.count = (stop - 1 - output) / axis->stride + 1;
  }
  return span;
}

cnn__gather_span cnn__gather_span_at(const cnn__gather_axis *axis, size_t output, size_t end) {
  return axis->transposed ? transposed_span(axis, output, end) : forward_span(axis, output, end);
}

/* What repeats with constant steps: of the input, of the output. */
typedef struct dimension {
  size_t count;
  ptrdiff_t a, c;
} dimension;

/* A rectangle in all its images, cut into lines. */
typedef struct lines {
  dimension along, across, apart;
} lines;

/* Where the next dimension goes on seamlessly, the two are one. */
static void join(dimension *inner, dimension *outer) {
  if (outer->a != (ptrdiff_t)inner->count * inner->a ||
      outer->c != (ptrdiff_t)inner->count * inner->c)
    return;
  inner->count *= outer->count;
  outer->count = 1;
}

static void swap(dimension *a, dimension *b) {
  const dimension kept = *a;
  *a = *b;
  *b = kept;
}

static lines lines_of(const cnn__gather *gather, const cnn__gather_part *part,
                      const cnn__gather_span *rows, const cnn__gather_span *columns) {
  enum { LONG = 6 }; /* enough for a tile of the GEMM */
  const size_t pitch = gather->input_pitch;
  lines all = {.along = {columns->count, (ptrdiff_t)(columns->input_step * pitch),
                         (ptrdiff_t)columns->step * gather->output_column},
               .across = {rows->count,
                          (ptrdiff_t)(rows->input_step * gather->columns.inputs * pitch),
                          (ptrdiff_t)rows->step * gather->output_row},
               .apart = {part->images, part->input_image, part->output_image}};
  join(&all.along, &all.across);
  if (all.across.count == 1) join(&all.along, &all.apart);
  if (all.along.count >= LONG) return all;
  if (all.across.count > all.along.count) swap(&all.along, &all.across);
  if (all.apart.count > all.along.count) swap(&all.along, &all.apart);
  return all;
}

/* What the rectangle's first output reads through its taps, and their weights. Returns how many
   pairs there are; k: the length of each. */
static size_t find_taps(const cnn__gather *gather, const cnn__gather_part *part,
                        const cnn__gather_span *rows, const cnn__gather_span *columns, size_t *k) {
  const size_t pitch = gather->input_pitch, row_pitch = gather->columns.inputs * pitch;
  const bool merge = gather->whole && columns->tap_step == 1 && columns->tap_input_step == 1;
  const size_t column_runs = merge ? columns->taps > 0 : columns->taps;
  const size_t weights = gather->depth * CNN__PANEL;
  const float **a = part->pointers, **b = a + gather->rows.taps * gather->columns.taps;
  const float *input = part->input + rows->input * row_pitch + columns->input * pitch;
  for (size_t r = 0, i = 0; r < rows->taps; r++)
    for (size_t s = 0; s < column_runs; s++, i++) {
      const size_t tap = (rows->tap + r * rows->tap_step) * gather->columns.taps + columns->tap +
                         s * columns->tap_step;
      a[i] = input + r * rows->tap_input_step * row_pitch + s * columns->tap_input_step * pitch;
      b[i] = part->packed + tap * weights;
    }
  *k = gather->depth * (merge ? columns->taps : 1);
  return rows->taps * column_runs;
}

static void shift(const float **pointers, size_t count, ptrdiff_t by) {
  for (size_t i = 0; i < count; i++)
    pointers[i] += by;
}

/* The product of every line; a, its batch of pointers, is left as it was. */
static void multiply_lines(cnn__gemm product, const float **a, const lines *all) {
  const dimension *across = &all->across, *apart = &all->apart;
  float *const c = product.c;
  product.a = a;
  for (size_t j = 0; j < apart->count; j++) {
    for (size_t i = 0; i < across->count; i++) {
      product.c = c + (ptrdiff_t)j * apart->c + (ptrdiff_t)i * across->c;
      cnn__kernels_get()->gemm.gemm(&product);
      if (i + 1 < across->count) shift(a, product.batch, across->a);
    }
    shift(a, product.batch, -(ptrdiff_t)(across->count - 1) * across->a);
    if (j + 1 < apart->count) shift(a, product.batch, apart->a);
  }
  shift(a, product.batch, -(ptrdiff_t)(apart->count - 1) * apart->a);
}

enum { PIECE = 256 }; /* depths of a panel of weights that stay in the L1 cache */

/* By the columns of a tile, piece by piece of their depths: whole pairs, or parts of one. */
static void multiply_pieces(const cnn__gemm *whole, const float **a, const float **b,
                            const lines *all) {
  const size_t k = whole->k, batch = whole->batch;
  const size_t depths = cnn__size_even_part(k, PIECE);
  const size_t pairs = depths < k ? 1 : cnn__size_max(PIECE / k, 1);
  const size_t columns = cnn__kernels_get()->gemm.columns;
  for (size_t column = 0; column < whole->n; column += columns) {
    cnn__gemm product = *whole;
    product.n = cnn__size_min(columns, whole->n - column);
    product.c += column;
    for (size_t i = 0; i < batch; i += pairs)
      for (size_t depth = 0; depth < k; depth += depths) {
        const bool last = i + pairs >= batch && depth + depths >= k;
        const float *part_a = a[i] + depth, *part_b = b[i] + depth * CNN__PANEL;
        product.k = cnn__size_min(depths, k - depth);
        product.batch = cnn__size_min(pairs, batch - i);
        product.b = depths < k ? &part_b : b + i;
        product.bias = last && whole->bias ? whole->bias + column : NULL;
        product.epilogue = last ? whole->epilogue : CNN__GEMM_PLAIN;
        multiply_lines(product, depths < k ? &part_a : a + i, all);
        product.accumulate = true;
      }
    if (column + columns < whole->n)
      shift(b, batch, (ptrdiff_t)(columns / CNN__PANEL) * whole->b_panel);
  }
}

static void multiply(const cnn__gather *gather, const cnn__gather_part *part, const lines *all,
                     size_t batch, size_t k, float *c) {
  const size_t taps = gather->rows.taps * gather->columns.taps;
  const float **a = part->pointers, **b = a + taps;
  const cnn__gemm product = {.m = all->along.count,
                             .n = part->n,
                             .k = k,
                             .batch = batch,
                             .a_row = all->along.a,
                             .a_depth = 1,
                             .dense = true,
                             .b = b,
                             .b_row = CNN__PANEL,
                             .b_panel = (ptrdiff_t)(taps * gather->depth * CNN__PANEL),
                             .c = c,
                             .c_row = all->along.c,
                             .bias = part->bias,
                             .epilogue = part->epilogue};
  if (batch * k > 2 * PIECE && all->across.count * all->apart.count > 1)
    multiply_pieces(&product, a, b, all);
  else
    multiply_lines(product, a, all);
}

/* One rectangle of outputs that have the same taps. */
static void rectangle(const cnn__gather *gather, const cnn__gather_part *part,
                      const cnn__gather_span *rows, const cnn__gather_span *columns) {
  const lines all = lines_of(gather, part, rows, columns);
  float *c = part->output +
             ((ptrdiff_t)rows->first - (ptrdiff_t)part->row_begin) * gather->output_row +
             (ptrdiff_t)columns->first * gather->output_column;
  size_t k;
  const size_t batch = find_taps(gather, part, rows, columns, &k);
  multiply(gather, part, &all, batch, k, c);
}

static void row_spans(const cnn__gather *gather, const cnn__gather_part *part,
                      const cnn__gather_span *columns) {
  const size_t phases = gather->rows.transposed ? gather->rows.stride : 1;
  for (size_t phase = 0; phase < phases; phase++)
    for (size_t row = part->row_begin + phase; row < part->row_end;) {
      const cnn__gather_span rows = cnn__gather_span_at(&gather->rows, row, part->row_end);
      rectangle(gather, part, &rows, columns);
      row += rows.count * rows.step;
    }
}

void cnn__gather_run(const cnn__gather *gather, const cnn__gather_part *part) {
  const size_t phases = gather->columns.transposed ? gather->columns.stride : 1;
  for (size_t phase = 0; phase < phases; phase++)
    for (size_t column = phase; column < part->column_end;) {
      const cnn__gather_span columns =
          cnn__gather_span_at(&gather->columns, column, part->column_end);
      row_spans(gather, part, &columns);
      column += columns.count * columns.step;
    }
}
