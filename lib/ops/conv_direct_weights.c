/* Direct convolution's weight gradient: for each tap a product of the inputs that it reads, transposed,
   with dy, summed over images and rows in order within slices of images, and over the slices in order.
   A task copies what it reads, step by step, into the cache: cells side by side, whatever the stride,
   zeros for cells outside the image; where channels are many, transposed, a row a channel. */
#include "base/threads.h"
#include "ops/conv_direct.h"
#include <string.h>

typedef struct weight_job {
  const cnn__conv *conv;
  const cnn__conv_buffers *buffers;
  size_t images;
  size_t in_blocks, out_blocks; /* of one group */
} weight_job;

/* The work of one task: a slice of images, a block of input and one of output channels. */
typedef struct weight_task {
  const weight_job *job;
  size_t group;
  size_t in, in_count; /* channels within the group */
  size_t out, out_count;
  size_t first_image, images, first_row, rows; /* of the step at hand */
  const float *dy;                             /* the block's gradients of the step's first cell */
  size_t dy_image, dy_pitch;                   /* floats to the next image's, to the next cell's */
  float *inputs, *gradients;                   /* scratch for copies of the step's */
  size_t pitch;                                /* floats from one channel's inputs to the next */
  const float *zeros;                          /* a cell outside the image */
  float *dkernel, *dbias;                      /* NULL: not wanted */
  float image_bias[DIRECT_MOST_OUT];           /* sums of the image at hand */
  bool accumulate;
  const float **pointers;
} weight_task;

/* The outputs [begin, end) along an axis for which a tap stays inside. */
static void tap_range(size_t outputs, size_t inputs, size_t stride, size_t offset, size_t pad,
                      size_t *begin, size_t *end) {
  *begin = offset < pad ? cnn__size_ceil_div(pad - offset, stride) : 0;
  *end = inputs + pad > offset ? cnn__size_ceil_div(inputs + pad - offset, stride) : 0;
  *end = cnn__size_min(*end, outputs);
  *begin = cnn__size_min(*begin, *end);
}

/* The step's outputs for which row r of the kernel stays inside. */
static void rows_of_tap(const weight_task *work, size_t r, size_t *begin, size_t *end) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  tap_range(cnn__conv_used_height(shape), shape->in_height, shape->stride_height,
            r * shape->dilation_height, shape->pad_top, begin, end);
  *end = cnn__size_min(*end, work->first_row + work->rows);
  *begin = cnn__size_min(cnn__size_max(*begin, work->first_row), *end);
}

/* The input rows [first, end) that the step reads at all. */
static void rows_of_step(const weight_task *work, size_t *first, size_t *end) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  const size_t top = work->first_row * shape->stride_height;
  const size_t bottom = top + cnn__direct_span(work->rows, shape->stride_height,
                                               shape->kernel_height, shape->dilation_height);
  *end = cnn__size_min(bottom > shape->pad_top ? bottom - shape->pad_top : 0, shape->in_height);
  *first = cnn__size_min(top > shape->pad_top ? top - shape->pad_top : 0, *end);
}

/* A product: m rows of dkernel from that of tap on; a and b are in pointers already. */
static void add_product(const weight_task *work, size_t tap, size_t m, size_t k, size_t batch,
                        size_t a_row, size_t a_depth) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  const cnn__gemm product = {
      .m = m,
      .n = work->out_count,
      .k = k,
      .batch = batch,
      .a = work->pointers,
      .a_row = (ptrdiff_t)a_row,
      .a_depth = (ptrdiff_t)a_depth,
      .b = work->pointers + batch,
      .b_row = (ptrdiff_t)work->dy_pitch,
      .b_panel = CNN__PANEL,
      .c = work->dkernel + (tap * cnn__conv_group_in(shape) + work->in) * shape->out_channels +
           work->group * cnn__conv_group_out(shape) + work->out,
      .c_row = (ptrdiff_t)shape->out_channels,
      .accumulate = work->accumulate};
  cnn__kernels_get()->gemm.gemm(&product);
}

static const float *input_cell(const weight_task *work, size_t image, size_t row) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  return work->job->buffers->x + (work->first_image + image) * cnn__conv_x_size(shape) +
         row * shape->in_width * shape->in_channels + work->group * cnn__conv_group_in(shape) +
         work->in;
}

/* ---- tap by tap ---- */

/* Copies what column s of the kernel reads in count input rows, from first on, step apart. */
static void copy_column(const weight_task *work, size_t s, size_t first, size_t step,
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
static void tap_product(const weight_task *work, size_t tap, size_t begin, size_t end,
                        size_t skipped, size_t count) {
  const size_t width = cnn__conv_used_width(&work->job->conv->shape);
  for (size_t image = 0; image < work->images; image++) {
    work->pointers[image] = work->inputs + (image * count + skipped) * width;
    work->pointers[work->images + image] =
        work->dy + image * work->dy_image + (begin - work->first_row) * width * work->dy_pitch;
  }
  add_product(work, tap, work->in_count, (end - begin) * width, work->images, work->pitch, 1);
}

static void step_by_taps(const weight_task *work) {
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

/* ---- few channels: a row of the kernel at once ---- */

static void copy_cells(size_t count, size_t channels, const float *from, size_t from_step,
                       float *to, size_t to_step) {
  cnn__kernels_get()->gemm.pack_a(count, channels, from, (ptrdiff_t)from_step, 1, to, to_step);
}
static void zero_cells(size_t count, size_t channels, float *to) {
  memset(to, 0, count * channels * sizeof *to);
}

/* Rows with their padding: what the step reads. Returns the floats of one. */
static size_t copy_rows(const weight_task *work, size_t first, size_t end) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  const size_t width = cnn__direct_span(cnn__conv_used_width(shape), shape->stride_width,
                                        shape->kernel_width, shape->dilation_width);
  const size_t left = cnn__size_min(shape->pad_left, width);
  const size_t cells = cnn__size_min(width - left, shape->in_width);
  const size_t channels = work->in_count;
  float *to = work->inputs;
  for (size_t image = 0; image < work->images; image++)
    for (size_t row = first; row < end; row++, to += width * channels) {
      zero_cells(left, channels, to);
      if (channels == shape->in_channels)
        memcpy(to + left * channels, input_cell(work, image, row), cells * channels * sizeof *to);
      else
        copy_cells(cells, channels, input_cell(work, image, row), shape->in_channels,
                   to + left * channels, channels);
      zero_cells(width - left - cells, channels, to + (left + cells) * channels);
    }
  return width * channels;
}

static void step_by_rows(const weight_task *work) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  const bool merged = shape->dilation_width == 1 && shape->groups == 1;
  const size_t width = cnn__conv_used_width(shape), channels = work->in_count;
  size_t first, last;
  rows_of_step(work, &first, &last);
  const size_t row_size = copy_rows(work, first, last);
  for (size_t r = 0; r < shape->kernel_height; r++)
    for (size_t s = 0; s < (merged ? 1 : shape->kernel_width); s++) {
      size_t begin, end, i = 0;
      rows_of_tap(work, r, &begin, &end);
      const size_t batch = work->images * (end - begin);
      for (size_t image = 0; image < work->images; image++)
        for (size_t row = begin; row < end; row++, i++) {
          const size_t in_row =
              row * shape->stride_height + r * shape->dilation_height - shape->pad_top;
          work->pointers[i] = work->inputs + (image * (last - first) + in_row - first) * row_size +
                              s * shape->dilation_width * channels;
          work->pointers[batch + i] =
              work->dy + image * work->dy_image + (row - work->first_row) * width * work->dy_pitch;
        }
      add_product(work, r * shape->kernel_width + s, channels * (merged ? shape->kernel_width : 1),
                  width, batch, 1, shape->stride_width * channels);
    }
}

/* ---- a step ---- */

/* to: the sums over a row of cells, as their product with ones. */
static void sum_row(const weight_task *work, const float *dy, size_t columns, float *to) {
  static const float one = 1;
  const float *const ones = &one;
  const cnn__gemm product = {.m = 1,
                             .n = work->out_count,
                             .k = columns,
                             .batch = 1,
                             .a = &ones,
                             .b = &dy,
                             .b_row = (ptrdiff_t)work->dy_pitch,
                             .b_panel = CNN__PANEL,
                             .c = to};
  cnn__kernels_get()->gemm.gemm(&product);
}

/* dbias += the sums over cells: a row's, an image's, then all. */
static void bias_gradient(weight_task *work) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  const size_t columns = cnn__conv_used_width(shape);
  for (size_t image = 0; image < work->images; image++) {
    if (work->first_row == 0) memset(work->image_bias, 0, sizeof work->image_bias);
    for (size_t row = 0; row < work->rows; row++) {
      float sums[DIRECT_MOST_OUT];
      sum_row(work, work->dy + image * work->dy_image + row * columns * work->dy_pitch, columns,
              sums);
      for (size_t i = 0; i < work->out_count; i++)
        work->image_bias[i] += sums[i];
    }
    if (work->first_row + work->rows < cnn__conv_used_height(shape)) continue;
    for (size_t i = 0; i < work->out_count; i++)
      work->dbias[i] += work->image_bias[i];
  }
}

/* Points work at the gradients of its step and block: dy itself, or a copy. */
static void find_gradients(weight_task *work) {
  const weight_job *job = work->job;
  const cnn__conv *conv = job->conv;
  const cnn__conv_shape *shape = &conv->shape;
  const size_t channel = work->group * cnn__conv_group_out(shape) + work->out;
  const size_t width = cnn__conv_used_width(shape), cells = work->rows * width;
  const size_t image_cells = cnn__conv_used_height(shape) * width;
  const float *dy =
      job->buffers->dy +
      (work->first_image * image_cells + work->first_row * width) * shape->out_channels + channel;
  if (!conv->parameters[DIRECT_COPY]) {
    work->dy = dy;
    work->dy_pitch = shape->out_channels;
    work->dy_image = image_cells * work->dy_pitch;
    return;
  }
  work->dy = work->gradients;
  work->dy_pitch = cnn__direct_pitch(work->out_count);
  work->dy_image = cells * work->dy_pitch;
  for (size_t image = 0; image < work->images; image++) {
    float *to = work->gradients + image * work->dy_image;
    if (cnn__conv_pooled(shape))
      cnn__direct_unpool(conv, job->buffers, work->first_image + image,
                         work->first_row / shape->pool_height, work->rows / shape->pool_height,
                         channel, work->out_count, work->dy_pitch, to);
    else
      copy_cells(cells, work->out_count, dy + image * image_cells * shape->out_channels,
                 shape->out_channels, to, work->dy_pitch);
  }
}

/* Both gradients of a shallow convolution, straight from the pooled ones. */
static void shallow_gradients_of(const weight_task *work) {
  const weight_job *job = work->job;
  const cnn__conv_shape *shape = &job->conv->shape;
  const cnn__shallow_row windows = cnn__direct_shallow_row(shape, work->out_count);
  const size_t y_row = cnn__conv_y_width(shape) * shape->out_channels;
  const size_t taps = cnn__conv_taps(shape) * shape->in_channels;
  if (!work->accumulate)
    for (size_t tap = 0; tap < taps; tap++)
      memset(work->dkernel + tap * shape->out_channels + work->out, 0,
             work->out_count * sizeof(float));
  for (size_t i = 0; i < work->images; i++) {
    const size_t image = work->first_image + i;
    for (size_t row = 0; row < cnn__conv_y_height(shape); row++) {
      const size_t at = image * cnn__conv_y_size(shape) + row * y_row + work->out;
      cnn__kernels_get()->convolution.shallow.gradient(
          &windows,
          job->buffers->x + image * cnn__conv_x_size(shape) + 2 * row * (size_t)windows.down,
          job->buffers->dy + at, job->buffers->saved + at, work->dkernel + work->out,
          shape->out_channels, work->dbias);
    }
  }
}

static void run_step(weight_task *work) {
  const cnn__conv *conv = work->job->conv;
  if (conv->parameters[DIRECT_SHALLOW] && work->dkernel) {
    shallow_gradients_of(work);
  } else {
    find_gradients(work);
    if (work->dkernel && cnn__direct_few(&conv->shape))
      step_by_rows(work);
    else if (work->dkernel)
      step_by_taps(work);
    if (work->dbias) bias_gradient(work);
  }
  work->accumulate = true;
}

/* ---- tasks ---- */

static float *partial_of(const weight_job *job, size_t slice) {
  const size_t *p = job->conv->parameters;
  return (float *)(void *)((char *)job->buffers->scratch + p[DIRECT_PARTIAL]) +
         slice * p[DIRECT_PARTIAL_SIZE];
}

static weight_task task_of(const weight_job *job, size_t task, size_t slot) {
  const cnn__conv *conv = job->conv;
  const cnn__conv_shape *shape = &conv->shape;
  const size_t *p = conv->parameters;
  const size_t in_block = task % job->in_blocks;
  const size_t out_block = task / job->in_blocks % (shape->groups * job->out_blocks);
  const size_t slice = task / job->in_blocks / (shape->groups * job->out_blocks);
  weight_task work = {.job = job,
                      .group = out_block / job->out_blocks,
                      .in = in_block * p[DIRECT_IN_BLOCK],
                      .out = out_block % job->out_blocks * p[DIRECT_OUT_BLOCK],
                      .inputs = cnn__direct_inputs(conv, job->buffers->scratch, slot),
                      .pitch = p[DIRECT_PITCH],
                      .gradients = cnn__direct_rows(conv, job->buffers->scratch, slot),
                      .dkernel = job->buffers->dkernel,
                      .dbias = in_block == 0 ? job->buffers->dbias : NULL,
                      .pointers = cnn__direct_pointers(conv, job->buffers->scratch, slot)};
  work.in_count = cnn__size_min(p[DIRECT_IN_BLOCK], cnn__conv_group_in(shape) - work.in);
  work.out_count = cnn__size_min(p[DIRECT_OUT_BLOCK], cnn__conv_group_out(shape) - work.out);
  if (work.pitch > 0) {
    float *zeros = work.inputs + p[DIRECT_IN_BLOCK] * work.pitch;
    memset(zeros, 0, work.in_count * sizeof *zeros);
    work.zeros = zeros;
  }
  if (p[DIRECT_SLICES] > 1) {
    float *partial = partial_of(job, slice);
    if (work.dkernel) work.dkernel = partial;
    if (work.dbias) work.dbias = partial + cnn__conv_kernel_size(shape);
  }
  if (work.dbias) work.dbias += work.group * cnn__conv_group_out(shape) + work.out;
  return work;
}

static void weights_task(void *argument, size_t task, size_t slot) {
  const weight_job *job = argument;
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t *p = job->conv->parameters;
  const size_t slice = task / (job->in_blocks * shape->groups * job->out_blocks);
  const size_t end = (slice + 1) * job->images / p[DIRECT_SLICES];
  const size_t rows = cnn__conv_used_height(shape);
  weight_task work = task_of(job, task, slot);
  if (work.dbias) memset(work.dbias, 0, work.out_count * sizeof(float));
  work.first_image = slice * job->images / p[DIRECT_SLICES];
  do { /* once at least: a slice of no images gives zeros */
    work.images = cnn__size_min(p[DIRECT_STEP_IMAGES], end - work.first_image);
    for (work.first_row = 0; work.first_row < rows; work.first_row += p[DIRECT_STEP_ROWS]) {
      work.rows = cnn__size_min(p[DIRECT_STEP_ROWS], rows - work.first_row);
      run_step(&work);
    }
    work.first_image += work.images;
  } while (work.first_image < end);
}

void cnn__direct_weights(const cnn__conv *conv, cnn_context *context, size_t images,
                         const cnn__conv_buffers *buffers) {
  const cnn__conv_shape *shape = &conv->shape;
  const size_t *p = conv->parameters;
  const size_t slices = p[DIRECT_SLICES], size = p[DIRECT_PARTIAL_SIZE];
  weight_job job = {.conv = conv,
                    .buffers = buffers,
                    .images = images,
                    .in_blocks = cnn__size_ceil_div(cnn__conv_group_in(shape), p[DIRECT_IN_BLOCK]),
                    .out_blocks =
                        cnn__size_ceil_div(cnn__conv_group_out(shape), p[DIRECT_OUT_BLOCK])};
  cnn__parallel_for(context, slices * shape->groups * job.in_blocks * job.out_blocks, weights_task,
                    &job);
  if (slices == 1) return;
  if (buffers->dkernel)
    cnn__conv_sum_slices(context, slices, cnn__conv_kernel_size(shape), partial_of(&job, 0), size,
                         buffers->dkernel);
  if (buffers->dbias)
    cnn__conv_sum_slices(context, slices, shape->out_channels,
                         partial_of(&job, 0) + cnn__conv_kernel_size(shape), size, buffers->dbias);
}
