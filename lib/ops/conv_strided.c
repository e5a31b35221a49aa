/* Direct convolution by 1x1 with strides: one product, whose cells lie apart in x. A task copies them side by side,
   a piece of their depths at a time, so that tiles are whole and their rows are foreseen; in dx they are spread
   out again, zeros between them. */
#include "ops/conv_direct.h"

bool cnn__strided_accepts(const cnn__conv_shape *shape) {
  enum { MANY = 64, WIDE = 4096 };
  return cnn__conv_taps(shape) == 1 && shape->groups == 1 && !cnn__conv_pooled(shape) &&
         shape->pad_top == 0 && shape->pad_left == 0 && shape->in_channels >= MANY &&
         shape->out_width <= WIDE && (shape->stride_height > 1 || shape->stride_width > 1);
}

bool cnn__strided_copies(const cnn__conv_shape *shape) {
  enum { SHORT = 12, FAR = 1 << 21 };
  return cnn__strided_accepts(shape) &&
         (shape->out_width < SHORT || shape->batch >= FAR / cnn__conv_x_size(shape));
}

/* Some depths of the cells that a task reads: to, pitch floats apart. */
static void copy_cells(const cnn__conv_shape *shape, const cnn__gather_part *part, size_t depth,
                       size_t depths, float *to, size_t pitch) {
  const size_t row_size = shape->in_width * shape->in_channels;
  for (size_t image = 0; image < part->images; image++)
    for (size_t row = part->row_begin; row < part->row_end; row++) {
      const float *from = part->input + (ptrdiff_t)image * part->input_image +
                          (ptrdiff_t)(row * shape->stride_height * row_size + depth);
      cnn__kernels_get()->gemm.pack_a(shape->out_width, depths, from,
                                      (ptrdiff_t)(shape->stride_width * shape->in_channels), 1, to,
                                      pitch);
      to += shape->out_width * pitch;
    }
}

void cnn__strided_forward(const cnn__conv *conv, const cnn__gather_part *part, float *scratch) {
  const cnn__conv_shape *shape = &conv->shape;
  const size_t all = shape->in_channels, step = cnn__size_even_part(all, DIRECT_STRIDED_DEPTHS);
  const float *cells = scratch, *b = part->packed;
  cnn__gemm product = {.m = part->images * (part->row_end - part->row_begin) * shape->out_width,
                       .n = part->n,
                       .batch = 1,
                       .a = &cells,
                       .a_row = DIRECT_STRIDED_PITCH,
                       .a_depth = 1,
                       .b = &b,
                       .b_row = CNN__PANEL,
                       .b_panel = (ptrdiff_t)(all * CNN__PANEL),
                       .c = part->output,
                       .c_row = (ptrdiff_t)shape->out_channels};
  for (size_t depth = 0; depth < all; depth += step) {
    product.k = cnn__size_min(step, all - depth);
    product.accumulate = depth > 0;
    if (depth + product.k == all) product.bias = part->bias, product.epilogue = part->epilogue;
    copy_cells(shape, part, depth, product.k, scratch, DIRECT_STRIDED_PITCH);
    cnn__kernels_get()->gemm.gemm(&product);
    b += product.k * CNN__PANEL;
  }
}

static const float zeros[DIRECT_MOST_STRIDED];

/* A row of dx: gradients, n floats apart or all the same, with zeros between them. */
static void spread_row(const cnn__conv_shape *shape, size_t n, const float *gradients, size_t apart,
                       float *dx) {
  const size_t step = shape->stride_width * shape->in_channels;
  for (size_t phase = 0; phase < shape->stride_width && phase < shape->in_width; phase++) {
    cnn__kernels_get()->gemm.pack_a((shape->in_width - phase - 1) / shape->stride_width + 1, n,
                                    phase ? zeros : gradients, phase ? 0 : (ptrdiff_t)apart, 1,
                                    dx + phase * shape->in_channels, step);
  }
}

void cnn__strided_backward(const cnn__conv *conv, const cnn__gather_part *part, float *scratch) {
  const cnn__conv_shape *shape = &conv->shape;
  const size_t stride = shape->stride_height, row_size = shape->in_width * shape->in_channels;
  const size_t first = cnn__size_ceil_div(part->row_begin, stride);
  const size_t rows = cnn__size_ceil_div(part->row_end, stride) - first;
  cnn__conv_multiply(&(cnn__gemm){.m = part->images * rows * shape->out_width,
                                  .n = part->n,
                                  .k = shape->out_channels,
                                  .a_row = (ptrdiff_t)shape->out_channels,
                                  .c = scratch,
                                  .c_row = (ptrdiff_t)part->n},
                     DIRECT_STRIDED_DEPTHS,
                     part->input + first * shape->out_width * shape->out_channels, part->packed);
  for (size_t image = 0; image < part->images; image++) {
    float *dx = part->output + (ptrdiff_t)image * part->output_image;
    for (size_t row = part->row_begin; row < part->row_end; row++, dx += row_size) {
      const size_t apart = row % stride == 0 ? part->n : 0;
      spread_row(shape, part->n, apart ? scratch : zeros, apart, dx);
      scratch += shape->out_width * apart;
    }
  }
}
