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

/* Lines of a rectangle: its rows or, where it is narrow, its columns. */
typedef struct lines {
  size_t length, count;
  ptrdiff_t a_along, c_along;   /* from cell to cell of a line: of the input, of the output */
  ptrdiff_t a_across, c_across; /* from line to line */
} lines;

static lines lines_of(const cnn__gather *gather, const cnn__gather_span *rows,
                      const cnn__gather_span *columns) {
  const size_t pitch = gather->input_pitch;
  const ptrdiff_t count = (ptrdiff_t)columns->count;
  lines all = {.length = columns->count,
               .count = rows->count,
               .a_along = (ptrdiff_t)(columns->input_step * pitch),
               .c_along = (ptrdiff_t)columns->step * gather->output_column,
               .a_across = (ptrdiff_t)(rows->input_step * gather->columns.inputs * pitch),
               .c_across = (ptrdiff_t)rows->step * gather->output_row};
  if (all.a_across == count * all.a_along && all.c_across == count * all.c_along) {
    all.length *= all.count; /* rows that join seamlessly */
    all.count = 1;
  } else if (columns->count < 4 && rows->count > columns->count) {
    all = (lines){all.count, all.length, all.a_across, all.c_across, all.a_along, all.c_along};
  }
  return all;
}

/* What the rectangle's first output reads through its taps, and their weights. Returns how many
   pairs there are; k: the length of each. */
static size_t find_taps(const cnn__gather *gather, const cnn__gather_part *part,
                        const cnn__gather_span *rows, const cnn__gather_span *columns, size_t *k) {
  const size_t pitch = gather->input_pitch, row_pitch = gather->columns.inputs * pitch;
  const bool merge = gather->whole && columns->tap_step == 1 && columns->tap_input_step == 1;
  const size_t column_runs = merge ? columns->taps > 0 : columns->taps;
  const size_t weights = gather->depth * (gather->depthwise ? 1 : CNN__PANEL);
  const float **a = part->pointers, **b = a + gather->rows.taps * gather->columns.taps;
  const float *input = part->input + rows->input * row_pitch + columns->input * pitch;
  const float *kernel = part->gradient ? part->gradient : part->packed;
  for (size_t r = 0, i = 0; r < rows->taps; r++)
    for (size_t s = 0; s < column_runs; s++, i++) {
      const size_t tap = (rows->tap + r * rows->tap_step) * gather->columns.taps + columns->tap +
                         s * columns->tap_step;
      a[i] = input + r * rows->tap_input_step * row_pitch + s * columns->tap_input_step * pitch;
      b[i] = kernel + tap * weights;
    }
  *k = gather->depth * (merge ? columns->taps : 1);
  return rows->taps * column_runs;
}

static void multiply(const cnn__gather *gather, const cnn__gather_part *part, const lines *all,
                     size_t batch, size_t k, float *c) {
  const size_t taps = gather->rows.taps * gather->columns.taps;
  const float **a = part->pointers;
  cnn__gemm product = {.m = all->length,
                       .n = part->n,
                       .k = k,
                       .batch = batch,
                       .a = a,
                       .a_row = all->a_along,
                       .a_depth = 1,
                       .b = a + taps,
                       .b_row = CNN__PANEL,
                       .b_panel = (ptrdiff_t)(taps * gather->depth * CNN__PANEL),
                       .c = c,
                       .c_row = all->c_along,
                       .bias = part->bias,
                       .epilogue = part->epilogue};
  for (size_t line = 0; line < all->count; line++) {
    cnn__kernels_get()->gemm.gemm(&product);
    for (size_t i = 0; i < batch && line + 1 < all->count; i++)
      a[i] += all->a_across;
    product.c += all->c_across;
  }
}

static void depthwise(const cnn__gather *gather, const cnn__gather_part *part, const lines *all,
                      size_t taps, float *c) {
  const cnn__depthwise_kernels *kernels = &cnn__kernels_get()->depthwise;
  const float **a = part->pointers, **b = a + gather->rows.taps * gather->columns.taps;
  const cnn__depthwise_line line = {.outputs = all->length,
                                    .channels = part->n,
                                    .taps = taps,
                                    .x = a,
                                    .x_step = all->a_along,
                                    .y_step = all->c_along};
  for (size_t i = 0; i < all->count; i++) {
    if (part->gradient)
      kernels->weights(&line, c, (float *const *)(void *)b);
    else
      kernels->forward(&line, b, part->bias, part->epilogue == CNN__GEMM_RELU, c);
    for (size_t t = 0; t < taps && i + 1 < all->count; t++)
      a[t] += all->a_across;
    c += all->c_across;
  }
}

/* One rectangle of outputs that have the same taps. */
static void rectangle(const cnn__gather *gather, const cnn__gather_part *part,
                      const cnn__gather_span *rows, const cnn__gather_span *columns) {
  const lines all = lines_of(gather, rows, columns);
  float *c = part->output +
             ((ptrdiff_t)rows->first - (ptrdiff_t)part->row_begin) * gather->output_row +
             (ptrdiff_t)columns->first * gather->output_column;
  size_t k;
  const size_t batch = find_taps(gather, part, rows, columns, &k);
  if (gather->depthwise)
    depthwise(gather, part, &all, batch, c);
  else
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
