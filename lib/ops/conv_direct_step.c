/* How a step of direct convolution's weight gradient multiplies. */
#include "ops/conv_direct_weights.h"
#include <string.h>

/* The outputs [begin, end) along an axis for which a tap stays inside. */
static void tap_range(size_t outputs, size_t inputs, size_t stride, size_t offset, size_t pad,
                      size_t *begin, size_t *end) {
  *begin = offset < pad ? cnn__size_ceil_div(pad - offset, stride) : 0;
  *end = inputs + pad > offset ? cnn__size_ceil_div(inputs + pad - offset, stride) : 0;
  *end = cnn__size_min(*end, outputs);
  *begin = cnn__size_min(*begin, *end);
}

/* The step's outputs for which row r of the kernel stays inside. */
static void rows_of_tap(const cnn__weight_task *work, size_t r, size_t *begin, size_t *end) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  tap_range(cnn__conv_used_height(shape), shape->in_height, shape->stride_height,
            r * shape->dilation_height, shape->pad_top, begin, end);
  *end = cnn__size_min(*end, work->first_row + work->rows);
  *begin = cnn__size_min(cnn__size_max(*begin, work->first_row), *end);
}

/* The input rows [first, end) that the step reads at all. */
static void rows_of_step(const cnn__weight_task *work, size_t *first, size_t *end) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  const size_t top = work->first_row * shape->stride_height;
  const size_t bottom = top + cnn__direct_span(work->rows, shape->stride_height,
                                               shape->kernel_height, shape->dilation_height);
  *end = cnn__size_min(bottom > shape->pad_top ? bottom - shape->pad_top : 0, shape->in_height);
  *first = cnn__size_min(top > shape->pad_top ? top - shape->pad_top : 0, *end);
}

/* A product: m rows of dkernel from that of tap on; a and b are in pointers already. */
static cnn__gemm product_of(const cnn__weight_task *work, size_t tap, size_t m, size_t k,
                            size_t batch, size_t a_row, size_t a_depth) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  return (cnn__gemm){.m = m,
                     .n = work->out_count,
                     .k = k,
                     .batch = batch,
                     .a = work->pointers,
                     .a_row = (ptrdiff_t)a_row,
                     .a_depth = (ptrdiff_t)a_depth,
                     .b = work->pointers + batch,
                     .b_row = (ptrdiff_t)work->dy_pitch,
                     .b_panel = CNN__PANEL,
                     .c = work->dkernel +
                          (tap * cnn__conv_group_in(shape) + work->in) * shape->out_channels +
                          work->group * cnn__conv_group_out(shape) + work->out,
                     .c_row = (ptrdiff_t)shape->out_channels,
                     .accumulate = work->accumulate};
}

static size_t cells_of(const cnn__weight_task *work) {
  return work->rows * cnn__conv_used_width(&work->job->conv->shape);
}

static const float *input_cell(const cnn__weight_task *work, size_t image, size_t row) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  return work->job->buffers->x + (work->first_image + image) * cnn__conv_x_size(shape) +
         row * shape->in_width * shape->in_channels + work->group * cnn__conv_group_in(shape) +
         work->in;
}

/* ---- tap by tap ---- */

/* Copies what column s of the kernel reads in count input rows, from first on, step apart. */
static void copy_column(const cnn__weight_task *work, size_t s, size_t first, size_t step,
                        size_t count) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  const size_t width = cnn__conv_used_width(shape), left = s * shape->dilation_width;
  const float **cell = work->pointers;
  size_t begin, end;
  tap_range(width, shape->in_width, shape->stride_width, left, shape->pad_left, &begin, &end);
  for (size_t image = 0; image < work->images; image++)
    for (size_t row = 0; row < count; row++) {
      const float *from = input_cell(work, image, first + row * step);
      for (size_t column = 0; column < width; column++) {
        const size_t padded = column * shape->stride_width + left;
        const bool inside = column >= begin && column < end;
        *cell++ = inside ? from + (padded - shape->pad_left) * shape->in_channels : work->zeros;
      }
    }
  cnn__kernels_get()->gemm.gather_a(work->in_count, work->images * count * width, work->pointers,
                                    work->inputs, work->pitch);
}

/* The tap whose inputs lie in the copy, count rows an image, from its row skipped on. */
static void tap_product(const cnn__weight_task *work, size_t tap, size_t begin, size_t end,
                        size_t skipped, size_t count) {
  const size_t width = cnn__conv_used_width(&work->job->conv->shape);
  for (size_t image = 0; image < work->images; image++) {
    work->pointers[image] = work->inputs + (image * count + skipped) * width;
    work->pointers[work->images + image] =
        work->dy + image * work->dy_image + (begin - work->first_row) * width * work->dy_pitch;
  }
  const cnn__gemm product =
      product_of(work, tap, work->in_count, (end - begin) * width, work->images, work->pitch, 1);
  cnn__kernels_get()->gemm.gemm(&product);
}

void cnn__weights_by_taps(const cnn__weight_task *work) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  const bool shared = shape->stride_height == 1; /* all taps of a column read neighbouring rows */
  size_t first, last;
  rows_of_step(work, &first, &last);
  for (size_t s = 0; s < shape->kernel_width; s++) {
    if (shared) copy_column(work, s, first, 1, last - first);
    for (size_t r = 0; r < shape->kernel_height; r++) {
      size_t begin, end;
      rows_of_tap(work, r, &begin, &end);
      const size_t row =
          begin < end ? begin * shape->stride_height + r * shape->dilation_height - shape->pad_top
                      : first;
      if (!shared) copy_column(work, s, row, shape->stride_height, end - begin);
      tap_product(work, r * shape->kernel_width + s, begin, end, shared ? row - first : 0,
                  shared ? last - first : end - begin);
    }
  }
}

/* The only tap of a 1x1; a step's cells are one run. */
void cnn__weights_packing(const cnn__weight_task *work) {
  const size_t cells = work->images * cells_of(work);
  copy_column(work, 0, work->first_row, 1, work->rows);
  work->pointers[0] = work->inputs;
  work->pointers[1] = work->dy;
  const cnn__gemm product = product_of(work, 0, work->in_count, cells, 1, work->pitch, 1);
  cnn__kernels_get()->gemm.gemm_packing(&product, work->dy + (ptrdiff_t)cells * product.b_row,
                                        work->gradients);
}

/* ---- few channels: a row of the kernel at once ---- */

static void copy_cells(size_t count, size_t channels, const float *from, size_t from_step,
                       float *to, size_t to_step) {
  cnn__kernels_get()->gemm.pack_a(count, channels, from, (ptrdiff_t)from_step, 1, to, to_step);
}
static void zero_cells(size_t count, size_t channels, float *to) {
  memset(to, 0, count * channels * sizeof *to);
}

/* What a step reads: floats from one row to the next, and to the next image's. */
typedef struct read_rows {
  const float *first;
  size_t row, image;
} read_rows;

/* Rows with their padding: copies, or, where nothing is outside, as they lie. */
static read_rows rows_with_padding(const cnn__weight_task *work, size_t first, size_t end) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  const size_t width = cnn__direct_span(cnn__conv_used_width(shape), shape->stride_width,
                                        shape->kernel_width, shape->dilation_width);
  const size_t left = cnn__size_min(shape->pad_left, width);
  const size_t cells = cnn__size_min(width - left, shape->in_width);
  const size_t channels = work->in_count;
  const bool whole = channels == shape->in_channels; /* a row is one run */
  if (whole && left == 0 && cells == width)
    return (read_rows){input_cell(work, 0, first), shape->in_width * channels,
                       cnn__conv_x_size(shape)};
  float *to = work->inputs;
  for (size_t image = 0; image < work->images; image++)
    for (size_t row = first; row < end; row++, to += width * channels) {
      zero_cells(left, channels, to);
      copy_cells(whole ? 1 : cells, whole ? cells * channels : channels,
                 input_cell(work, image, row), shape->in_channels, to + left * channels, channels);
      zero_cells(width - left - cells, channels, to + (left + cells) * channels);
    }
  return (read_rows){work->inputs, width * channels, (end - first) * width * channels};
}

void cnn__weights_by_rows(const cnn__weight_task *work) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  const bool merged = shape->dilation_width == 1 && shape->groups == 1;
  const size_t width = cnn__conv_used_width(shape), channels = work->in_count;
  size_t first, last;
  rows_of_step(work, &first, &last);
  const read_rows inputs = rows_with_padding(work, first, last);
  for (size_t r = 0; r < shape->kernel_height; r++)
    for (size_t s = 0; s < (merged ? 1 : shape->kernel_width); s++) {
      size_t begin, end, i = 0;
      rows_of_tap(work, r, &begin, &end);
      const size_t batch = work->images * (end - begin);
      for (size_t image = 0; image < work->images; image++)
        for (size_t row = begin; row < end; row++, i++) {
          const size_t in_row =
              row * shape->stride_height + r * shape->dilation_height - shape->pad_top;
          work->pointers[i] = inputs.first + image * inputs.image + (in_row - first) * inputs.row +
                              s * shape->dilation_width * channels;
          work->pointers[batch + i] =
              work->dy + image * work->dy_image + (row - work->first_row) * width * work->dy_pitch;
        }
      const cnn__gemm product = product_of(work, r * shape->kernel_width + s,
                                           channels * (merged ? shape->kernel_width : 1), width,
                                           batch, 1, shape->stride_width * channels);
      cnn__kernels_get()->gemm.gemm(&product);
    }
}

/* ---- 1x1: inputs and gradients as they lie ---- */

/* A product: the transpose of dkernel's block, in inputs, from batch runs of k cells. */
static cnn__gemm product_across(const cnn__weight_task *work, size_t k, size_t batch) {
  const size_t in_channels = work->job->conv->shape.in_channels;
  for (size_t image = 0; image < batch; image++) {
    work->pointers[image] = work->dy + image * work->dy_image;
    work->pointers[batch + image] = input_cell(work, image, work->first_row);
  }
  return (cnn__gemm){.m = work->out_count,
                     .n = work->in_count,
                     .k = k,
                     .batch = batch,
                     .a = work->pointers,
                     .a_row = 1,
                     .a_depth = (ptrdiff_t)work->dy_pitch,
                     .b = work->pointers + batch,
                     .b_row = (ptrdiff_t)in_channels,
                     .b_panel = CNN__PANEL,
                     .c = work->inputs,
                     .c_row = (ptrdiff_t)work->in_count,
                     .accumulate = work->accumulate};
}

/* Of few output channels: inputs by whole lines; gradients stay near meanwhile. */
void cnn__weights_across(const cnn__weight_task *work) {
  const cnn__gemm product = product_across(work, cells_of(work), work->images);
  cnn__kernels_get()->gemm.gemm(&product);
}

/* Some rows of a product at a time, whose A stays near; the first ones leave B packed. */
static void multiply_by_rows(cnn__gemm product, float *packed) {
  enum { ROWS = 48 };
  const cnn__gemm_kernels *kernels = &cnn__kernels_get()->gemm;
  const float *a = product.a[0];
  const float *next = product.b[0] + (ptrdiff_t)product.k * product.b_row, *const b = packed;
  size_t left = product.m;
  product.a = &a;
  product.m = cnn__size_min(left, ROWS);
  kernels->gemm_packing(&product, next, packed);
  product.b = &b;
  product.b_row = CNN__PANEL;
  product.b_panel = CNN__PANEL * (ptrdiff_t)product.k;
  while ((left -= product.m) > 0) {
    a += (ptrdiff_t)product.m * product.a_row;
    product.c += (ptrdiff_t)product.m * product.c_row;
    product.m = cnn__size_min(left, ROWS);
    kernels->gemm(&product);
  }
}

/* The side of more channels by columns, the other one packed on the way; a step's cells are one run. */
void cnn__weights_by_columns(const cnn__weight_task *work) {
  const cnn__conv *conv = work->job->conv;
  const size_t cells = work->images * cells_of(work);
  if (cnn__direct_turned(conv)) {
    const size_t turned = conv->parameters[DIRECT_IN_BLOCK] * conv->parameters[DIRECT_OUT_BLOCK];
    multiply_by_rows(product_across(work, cells, 1), work->inputs + turned);
    return;
  }
  work->pointers[0] = input_cell(work, 0, work->first_row);
  work->pointers[1] = work->dy;
  multiply_by_rows(product_of(work, 0, work->in_count, cells, 1, 1, conv->shape.in_channels),
                   work->inputs);
}

/* dkernel's block from its transpose. */
void cnn__weights_turn(const cnn__weight_task *work) {
  const size_t out = work->job->conv->shape.out_channels;
  cnn__kernels_get()->gemm.pack_a(work->in_count, work->out_count, work->inputs, 1,
                                  (ptrdiff_t)work->in_count,
                                  work->dkernel + work->in * out + work->out, out);
}
