/* Direct convolution's gradients. That of the kernel is a product of transposed input rows with rows
   of dy, summed over images in order within slices, and over the slices in order; that of the input
   is the transposed gather. */
#include "base/threads.h"
#include "ops/conv_direct.h"
#include <string.h>

typedef struct backward_job {
  const cnn__conv *conv;
  const cnn__conv_buffers *buffers;
  size_t images;
  size_t in_blocks, out_blocks; /* of one group */
  size_t row_blocks;
} backward_job;

/* ---- pooled gradients ---- */

/* Spreads rows of pooled gradients out: all columns that count, channels [channel, channel + n). */
static void unpool(const backward_job *job, size_t image, size_t channel, size_t n, float *rows) {
  const cnn__conv_shape *shape = &job->conv->shape;
  const cnn__window_row pool = {.height = shape->pool_height,
                                .width = shape->pool_width,
                                .columns = cnn__conv_y_width(shape),
                                .channels = n,
                                .pitch = shape->out_channels};
  const size_t y_row = pool.columns * pool.pitch;
  size_t at = image * cnn__conv_y_size(shape) + channel;
  for (size_t row = 0; row < cnn__conv_y_height(shape); row++, at += y_row) {
    cnn__kernels_get()->convolution.windows.spread(&pool, job->buffers->dy + at,
                                                   job->buffers->saved + at, rows);
    rows += pool.height * pool.columns * pool.width * n;
  }
}

/* ---- the kernel's gradient ---- */

/* The work of one task: a slice of images, a block of input and one of output channels. */
typedef struct weight_task {
  const backward_job *job;
  size_t first_image, images; /* of the group at hand */
  size_t group;
  size_t in, in_count; /* channels within the group */
  size_t out, out_count;
  const float *dy;           /* the block's gradients of first_image */
  size_t dy_image, dy_pitch; /* floats to the next image's, to the next cell's */
  float *dkernel;
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

/* Taps that lie side by side, of row r and from column s on, that have the same output columns: rows
   are the taps' channels. */
static void tap_gradient(const weight_task *work, size_t r, size_t s, size_t merged) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  size_t row_begin, row_end, column_begin, column_end;
  tap_range(cnn__conv_used_height(shape), shape->in_height, shape->stride_height,
            r * shape->dilation_height, shape->pad_top, &row_begin, &row_end);
  tap_range(cnn__conv_used_width(shape), shape->in_width, shape->stride_width,
            s * shape->dilation_width, shape->pad_left, &column_begin, &column_end);
  if (column_begin == column_end) row_end = row_begin;
  const size_t in_column = column_begin * shape->stride_width + s * shape->dilation_width;
  const size_t batch = work->images * (row_end - row_begin);
  const float **a = work->pointers, **b = a + batch;
  for (size_t image = 0, i = 0; image < work->images; image++)
    for (size_t row = row_begin; row < row_end; row++, i++) {
      const size_t in_row =
          row * shape->stride_height + r * shape->dilation_height - shape->pad_top;
      a[i] = work->job->buffers->x + (work->first_image + image) * cnn__conv_x_size(shape) +
             (in_row * shape->in_width + in_column - shape->pad_left) * shape->in_channels +
             work->group * cnn__conv_group_in(shape) + work->in;
      b[i] = work->dy + image * work->dy_image +
             (row * cnn__conv_used_width(shape) + column_begin) * work->dy_pitch;
    }
  const size_t tap = r * shape->kernel_width + s;
  const cnn__gemm product = {
      .m = work->in_count * merged,
      .n = work->out_count,
      .k = column_end - column_begin,
      .batch = batch,
      .a = a,
      .a_row = 1,
      .a_depth = (ptrdiff_t)(shape->stride_width * shape->in_channels),
      .b = b,
      .b_row = (ptrdiff_t)work->dy_pitch,
      .b_panel = CNN__PANEL,
      .c = work->dkernel + (tap * cnn__conv_group_in(shape) + work->in) * shape->out_channels +
           work->group * cnn__conv_group_out(shape) + work->out,
      .c_row = (ptrdiff_t)shape->out_channels,
      .accumulate = work->accumulate};
  cnn__kernels_get()->gemm.gemm(&product);
}

static void group_of_images(const weight_task *work) {
  const cnn__conv_shape *shape = &work->job->conv->shape;
  const bool inside =
      shape->pad_left == 0 &&
      (cnn__conv_used_width(shape) - 1) * shape->stride_width + shape->kernel_width <=
          shape->in_width;
  const bool merge = inside && shape->dilation_width == 1 &&
                     work->in_count == shape->in_channels; /* one group, one block */
  for (size_t r = 0; r < shape->kernel_height; r++)
    if (merge)
      tap_gradient(work, r, 0, shape->kernel_width);
    else
      for (size_t s = 0; s < shape->kernel_width; s++)
        tap_gradient(work, r, s, 1);
}

/* dbias += the sums over cells: a row's, an image's, then all. */
static void bias_gradient(const weight_task *work, float *dbias) {
  enum { LANES = 32 };
  const cnn__conv_shape *shape = &work->job->conv->shape;
  const size_t rows = cnn__conv_used_height(shape), columns = cnn__conv_used_width(shape);
  for (size_t first = 0; first < work->out_count; first += LANES) {
    const size_t lanes = cnn__size_min(LANES, work->out_count - first);
    for (size_t image = 0; image < work->images; image++) {
      float image_sum[LANES] = {0};
      for (size_t row = 0; row < rows; row++) {
        float sum[LANES] = {0};
        const float *dy =
            work->dy + image * work->dy_image + row * columns * work->dy_pitch + first;
        for (size_t column = 0; column < columns; column++, dy += work->dy_pitch)
          for (size_t lane = 0; lane < lanes; lane++)
            sum[lane] += dy[lane];
        for (size_t lane = 0; lane < lanes; lane++)
          image_sum[lane] += sum[lane];
      }
      for (size_t lane = 0; lane < lanes; lane++)
        dbias[first + lane] += image_sum[lane];
    }
  }
}

/* Points work at the gradients of its images and block: dy itself, or a copy in scratch. */
static void find_gradients(weight_task *work, float *copy) {
  const backward_job *job = work->job;
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t channel = work->group * cnn__conv_group_out(shape) + work->out;
  const size_t cells = cnn__conv_used_height(shape) * cnn__conv_used_width(shape);
  if (!job->conv->parameters[DIRECT_COPY]) {
    work->dy = job->buffers->dy + work->first_image * cells * shape->out_channels + channel;
    work->dy_pitch = shape->out_channels;
  } else {
    work->dy = copy;
    work->dy_pitch = work->out_count;
    for (size_t image = 0; image < work->images; image++) {
      float *to = copy + image * cells * work->out_count;
      const size_t index = work->first_image + image;
      if (cnn__conv_pooled(shape)) {
        unpool(job, index, channel, work->out_count, to);
        continue;
      }
      const float *from = job->buffers->dy + index * cells * shape->out_channels + channel;
      for (size_t cell = 0; cell < cells; cell++)
        memcpy(to + cell * work->out_count, from + cell * shape->out_channels,
               work->out_count * sizeof *to);
    }
  }
  work->dy_image = cells * work->dy_pitch;
}

/* Both gradients of a shallow convolution, straight from the pooled ones. */
static void shallow_gradients_of(const weight_task *work, float *dbias) {
  const backward_job *job = work->job;
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
          shape->out_channels, dbias);
    }
  }
}

static void weights_task(void *argument, size_t task, size_t slot) {
  const backward_job *job = argument;
  const cnn__conv *conv = job->conv;
  const cnn__conv_shape *shape = &conv->shape;
  const size_t *p = conv->parameters;
  const size_t in_block = task % job->in_blocks;
  const size_t out_block = task / job->in_blocks % (shape->groups * job->out_blocks);
  const size_t slice = task / job->in_blocks / (shape->groups * job->out_blocks);
  const size_t slices = p[DIRECT_SLICES];
  weight_task work = {.job = job,
                      .group = out_block / job->out_blocks,
                      .in = in_block * p[DIRECT_IN_BLOCK],
                      .out = out_block % job->out_blocks * p[DIRECT_OUT_BLOCK],
                      .pointers = cnn__direct_pointers(conv, job->buffers->scratch, slot)};
  work.in_count = cnn__size_min(p[DIRECT_IN_BLOCK], cnn__conv_group_in(shape) - work.in);
  work.out_count = cnn__size_min(p[DIRECT_OUT_BLOCK], cnn__conv_group_out(shape) - work.out);
  float *dbias = job->buffers->dbias;
  work.dkernel = job->buffers->dkernel;
  if (slices > 1) {
    float *partial = (float *)(void *)((char *)job->buffers->scratch + p[DIRECT_PARTIAL]) +
                     slice * p[DIRECT_PARTIAL_SIZE];
    if (work.dkernel) work.dkernel = partial;
    if (dbias) dbias = partial + cnn__conv_kernel_size(shape);
  }
  if (dbias) {
    dbias += work.group * cnn__conv_group_out(shape) + work.out;
    if (in_block == 0) memset(dbias, 0, work.out_count * sizeof *dbias);
  }

  const size_t end = (slice + 1) * job->images / slices;
  work.first_image = slice * job->images / slices;
  do { /* once at least: a slice of no images gives zeros */
    work.images = cnn__size_min(p[DIRECT_IMAGES], end - work.first_image);
    if (p[DIRECT_SHALLOW] && work.dkernel) {
      shallow_gradients_of(&work, dbias);
    } else {
      find_gradients(&work, cnn__direct_rows(conv, job->buffers->scratch, slot));
      if (work.dkernel) group_of_images(&work);
      if (dbias && in_block == 0) bias_gradient(&work, dbias);
    }
    work.first_image += work.images;
    work.accumulate = true;
  } while (work.first_image < end);
}

static void weight_gradient(const backward_job *job, cnn_context *context) {
  const cnn__conv *conv = job->conv;
  const cnn__conv_shape *shape = &conv->shape;
  const size_t *p = conv->parameters;
  const size_t slices = p[DIRECT_SLICES], size = p[DIRECT_PARTIAL_SIZE];
  cnn__parallel_for(context, slices * shape->groups * job->in_blocks * job->out_blocks,
                    weights_task, (void *)job);
  if (slices == 1) return;
  const float *partial = (const float *)(void *)((char *)job->buffers->scratch + p[DIRECT_PARTIAL]);
  if (job->buffers->dkernel)
    cnn__conv_sum_slices(context, slices, cnn__conv_kernel_size(shape), partial, size,
                         job->buffers->dkernel);
  if (job->buffers->dbias)
    cnn__conv_sum_slices(context, slices, shape->out_channels,
                         partial + cnn__conv_kernel_size(shape), size, job->buffers->dbias);
}

/* ---- the input's gradient ---- */

/* Rows [begin, end) of an image's dx, channels of one block; gradients: the image's, not pooled. */
static void input_rows(const backward_job *job, size_t image, size_t block, size_t begin,
                       size_t end, const float *gradients, const float **pointers) {
  const cnn__conv *conv = job->conv;
  const cnn__conv_shape *shape = &conv->shape;
  const size_t in = cnn__conv_group_in(shape), out = cnn__conv_group_out(shape);
  const size_t blocks = cnn__size_ceil_div(in, conv->parameters[DIRECT_BACK_BLOCK]);
  const size_t group = block / blocks;
  const size_t first = block % blocks * conv->parameters[DIRECT_BACK_BLOCK];
  const size_t panels = cnn__size_ceil_div(in, CNN__PANEL);
  const cnn__gather gather = cnn__conv_backward_gather(shape);
  const cnn__gather_part part = {
      .input = gradients + group * out,
      .output = job->buffers->dx + image * cnn__conv_x_size(shape) +
                begin * shape->in_width * shape->in_channels + group * in + first,
      .row_begin = begin,
      .row_end = end,
      .column_end = shape->in_width,
      .packed = job->buffers->prepared + conv->parameters[DIRECT_PREPARED_BACK] +
                (group * panels + first / CNN__PANEL) * cnn__conv_taps(shape) * out * CNN__PANEL,
      .n = cnn__size_min(conv->parameters[DIRECT_BACK_BLOCK], in - first),
      .pointers = pointers};
  cnn__gather_run(&gather, &part);
}

static void input_task(void *argument, size_t task, size_t slot) {
  const backward_job *job = argument;
  const cnn__conv *conv = job->conv;
  const cnn__conv_shape *shape = &conv->shape;
  const size_t blocks = cnn__direct_blocks(shape->groups, cnn__conv_group_in(shape),
                                           conv->parameters[DIRECT_BACK_BLOCK]);
  const float **pointers = cnn__direct_pointers(conv, job->buffers->scratch, slot);
  if (cnn__conv_pooled(shape)) {
    float *gradients = cnn__direct_rows(conv, job->buffers->scratch, slot);
    unpool(job, task, 0, shape->out_channels, gradients);
    for (size_t block = 0; block < blocks; block++)
      input_rows(job, task, block, 0, shape->in_height, gradients, pointers);
    return;
  }
  const size_t image = task / job->row_blocks % job->images;
  const size_t begin = task % job->row_blocks * conv->parameters[DIRECT_BACK_ROWS];
  input_rows(job, image, task / job->row_blocks / job->images, begin,
             cnn__size_min(begin + conv->parameters[DIRECT_BACK_ROWS], shape->in_height),
             job->buffers->dy + image * cnn__conv_y_size(shape), pointers);
}

void cnn__direct_backward(const cnn__conv *conv, cnn_context *context, size_t images,
                          const cnn__conv_buffers *buffers) {
  const cnn__conv_shape *shape = &conv->shape;
  const size_t *p = conv->parameters;
  backward_job job = {
      .conv = conv,
      .buffers = buffers,
      .images = images,
      .in_blocks = cnn__size_ceil_div(cnn__conv_group_in(shape), p[DIRECT_IN_BLOCK]),
      .out_blocks = cnn__size_ceil_div(cnn__conv_group_out(shape), p[DIRECT_OUT_BLOCK])};
  if (shape->relu && !cnn__conv_pooled(shape)) cnn__conv_mask_relu(conv, context, images, buffers);
  if (buffers->dkernel || buffers->dbias) weight_gradient(&job, context);
  if (!buffers->dx) return;
  job.row_blocks = cnn__size_ceil_div(shape->in_height, p[DIRECT_BACK_ROWS]);
  const size_t blocks =
      cnn__direct_blocks(shape->groups, cnn__conv_group_in(shape), p[DIRECT_BACK_BLOCK]);
  cnn__parallel_for(context, cnn__conv_pooled(shape) ? images : blocks * images * job.row_blocks,
                    input_task, &job);
}
