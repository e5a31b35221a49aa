/* Direct convolution's weight gradient: for each tap a product of the inputs that it reads, transposed,
   with dy, summed over images and rows in order within slices of images, and over the slices in order.
   A task copies what it reads, step by step, into the cache: cells side by side, whatever the stride,
   zeros for cells outside the image; where channels are many, transposed, a row a channel. */
#include "ops/conv_direct_weights.h"
#include "base/threads.h"
#include <string.h>

/* ---- a step ---- */

/* to: the sums over a row of cells, as their product with ones. */
static void sum_row(const cnn__weight_task *work, const float *dy, size_t columns, float *to) {
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
static void bias_gradient(cnn__weight_task *work) {
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
static void find_gradients(cnn__weight_task *work) {
  const cnn__weight_job *job = work->job;
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
      cnn__conv_unpool(conv, job->buffers, work->first_image + image,
                       work->first_row / shape->pool_height, work->rows / shape->pool_height,
                       channel, work->out_count, work->dy_pitch, to);
    else
      cnn__kernels_get()->gemm.pack_a(cells, work->out_count,
                                      dy + image * image_cells * shape->out_channels,
                                      (ptrdiff_t)shape->out_channels, 1, to, work->dy_pitch);
  }
}

/* Both gradients of a shallow convolution, straight from the pooled ones. */
static void shallow_gradients_of(const cnn__weight_task *work) {
  const cnn__weight_job *job = work->job;
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

static void run_step(cnn__weight_task *work) {
  const cnn__conv *conv = work->job->conv;
  if (conv->parameters[DIRECT_SHALLOW] && work->dkernel) {
    shallow_gradients_of(work);
  } else {
    find_gradients(work);
    if (work->dkernel && conv->parameters[DIRECT_COLUMNS])
      cnn__weights_by_columns(work);
    else if (work->dkernel && cnn__direct_narrow(&conv->shape))
      cnn__weights_across(work);
    else if (work->dkernel && cnn__direct_few(&conv->shape))
      cnn__weights_by_rows(work);
    else if (work->dkernel && conv->parameters[DIRECT_PACK])
      cnn__weights_packing(work);
    else if (work->dkernel)
      cnn__weights_by_taps(work);
    if (work->dbias) bias_gradient(work);
  }
  work->accumulate = true;
}

/* ---- tasks ---- */

static float *partial_of(const cnn__weight_job *job, size_t slice) {
  const size_t *p = job->conv->parameters;
  return (float *)(void *)((char *)job->buffers->scratch + p[DIRECT_PARTIAL]) +
         slice * p[DIRECT_PARTIAL_SIZE];
}

static cnn__weight_task task_of(const cnn__weight_job *job, size_t task, size_t slot) {
  const cnn__conv *conv = job->conv;
  const cnn__conv_shape *shape = &conv->shape;
  const size_t *p = conv->parameters;
  const size_t in_block = task % job->in_blocks;
  const size_t out_block = task / job->in_blocks % (shape->groups * job->out_blocks);
  const size_t slice = task / job->in_blocks / (shape->groups * job->out_blocks);
  cnn__weight_task work = {.job = job,
                           .group = out_block / job->out_blocks,
                           .in = in_block * p[DIRECT_IN_BLOCK],
                           .out = out_block % job->out_blocks * p[DIRECT_OUT_BLOCK],
                           .inputs = cnn__direct_inputs(conv, job->buffers, slot),
                           .pitch = p[DIRECT_PITCH],
                           .gradients = cnn__direct_rows(conv, job->buffers, slot),
                           .dkernel = job->buffers->dkernel,
                           .dbias = in_block == 0 ? job->buffers->dbias : NULL,
                           .pointers = cnn__direct_pointers(conv, job->buffers, slot)};
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

cnn__weight_job cnn__direct_weight_job(const cnn__conv *conv, size_t images,
                                       const cnn__conv_buffers *buffers) {
  const cnn__conv_shape *shape = &conv->shape;
  const size_t *p = conv->parameters;
  cnn__weight_job job = {
      .conv = conv,
      .buffers = buffers,
      .images = images,
      .in_blocks = cnn__size_ceil_div(cnn__conv_group_in(shape), p[DIRECT_IN_BLOCK]),
      .out_blocks = cnn__size_ceil_div(cnn__conv_group_out(shape), p[DIRECT_OUT_BLOCK])};
  if (buffers->dkernel || buffers->dbias)
    job.tasks = p[DIRECT_SLICES] * shape->groups * job.in_blocks * job.out_blocks;
  return job;
}

void cnn__direct_weight_task(void *argument, size_t task, size_t slot) {
  const cnn__weight_job *job = argument;
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t *p = job->conv->parameters;
  const size_t slice = task / (job->in_blocks * shape->groups * job->out_blocks);
  const size_t end = (slice + 1) * job->images / p[DIRECT_SLICES];
  const size_t rows = cnn__conv_used_height(shape);
  cnn__weight_task work = task_of(job, task, slot);
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
  if (work.dkernel && cnn__direct_turned(work.job->conv)) cnn__weights_turn(&work);
}

void cnn__direct_sum_weights(const cnn__weight_job *job, cnn_context *context) {
  const cnn__conv *conv = job->conv;
  const size_t slices = conv->parameters[DIRECT_SLICES];
  const size_t size = conv->parameters[DIRECT_PARTIAL_SIZE];
  const size_t kernel = cnn__conv_kernel_size(&conv->shape);
  const float *partial = partial_of(job, 0);
  if (slices == 1) return;
  if (job->buffers->dkernel)
    cnn__conv_sum_slices(context, slices, kernel, partial, size, job->buffers->dkernel);
  if (job->buffers->dbias)
    cnn__conv_sum_slices(context, slices, conv->shape.out_channels, partial + kernel, size,
                         job->buffers->dbias);
}
