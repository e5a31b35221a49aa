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

/* One rectangle of outputs that have the same taps. */
static void rectangle(const cnn__gather *gather, const cnn__gather_part *part,
                      const cnn__gather_span *rows, const cnn__gather_span *columns) {
  const size_t pitch = gather->input_pitch, row_pitch = gather->columns.inputs * pitch;
  const bool merge = gather->whole && columns->tap_step == 1 && columns->tap_input_step == 1;
  const size_t column_runs = merge ? columns->taps > 0 : columns->taps;
  const size_t batch = rows->taps * column_runs;
  const float **a = part->pointers, **b = a + gather->rows.taps * gather->columns.taps;
  const float *input = part->input + rows->input * row_pitch + columns->input * pitch;
  for (size_t r = 0, i = 0; r < rows->taps; r++)
    for (size_t s = 0; s < column_runs; s++, i++) {
      const size_t tap = (rows->tap + r * rows->tap_step) * gather->columns.taps + columns->tap +
                         s * columns->tap_step;
      a[i] = input + r * rows->tap_input_step * row_pitch + s * columns->tap_input_step * pitch;
      b[i] = part->packed + tap * gather->depth * CNN__PANEL;
    }

  const ptrdiff_t down_a = (ptrdiff_t)(rows->input_step * row_pitch);
  const ptrdiff_t right_a = (ptrdiff_t)(columns->input_step * pitch);
  const ptrdiff_t down_c = (ptrdiff_t)rows->step * gather->output_row;
  const ptrdiff_t right_c = (ptrdiff_t)columns->step * gather->output_column;
  cnn__gemm product = {
      .m = columns->count,
      .n = part->n,
      .k = gather->depth * (merge ? columns->taps : 1),
      .batch = batch,
      .a = a,
      .a_row = right_a,
      .a_depth = 1,
      .b = b,
      .b_row = CNN__PANEL,
      .b_panel = (ptrdiff_t)(gather->rows.taps * gather->columns.taps * gather->depth * CNN__PANEL),
      .c = part->output +
           ((ptrdiff_t)rows->first - (ptrdiff_t)part->row_begin) * gather->output_row +
           (ptrdiff_t)columns->first * gather->output_column,
      .c_row = right_c,
      .bias = part->bias,
      .epilogue = part->epilogue};
  size_t repeats = rows->count;
  ptrdiff_t step_a = down_a, step_c = down_c;
  const ptrdiff_t count = (ptrdiff_t)columns->count;
  if (down_a == count * right_a && down_c == count * right_c) { /* rows join seamlessly */
    product.m *= repeats;
    repeats = 1;
  } else if (columns->count < 4 && rows->count > columns->count) { /* narrow: work downwards */
    product.m = rows->count;
    product.a_row = down_a;
    product.c_row = down_c;
    repeats = columns->count;
    step_a = right_a;
    step_c = right_c;
  }
  const cnn__gemm_kernels *kernels = &cnn__kernels_get()->gemm;
  for (size_t repeat = 0;; repeat++) {
    kernels->gemm(&product);
    if (repeat + 1 == repeats) break;
    for (size_t i = 0; i < batch; i++)
      a[i] += step_a;
    product.c += step_c;
  }
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
