/* Depthwise convolution, one filter a channel: the direct algorithm's gathers with kernels of their
   own. The weights are [tap][channel], for the input's gradient with the taps backwards. */
#include "base/threads.h"
#include "ops/conv_algorithm.h"
#include <string.h>

enum {
  DEPTHWISE_ROWS,      /* rows of a task, forward */
  DEPTHWISE_BACK_ROWS, /* rows of dx of a task */
  DEPTHWISE_SLICES,    /* slices of images whose weight gradients are summed apart */
  DEPTHWISE_SLOT,      /* bytes of pointers of a slot */
  DEPTHWISE_PARTIAL    /* offset in scratch: the slices' results, kernel then bias */
};

static bool accepts(const cnn__conv_shape *shape, const cnn__conv_mode *mode) {
  (void)mode;
  return shape->groups > 1 && shape->groups == shape->in_channels &&
         shape->groups == shape->out_channels && !cnn__conv_pooled(shape);
}

static size_t partial_size(const cnn__conv_shape *shape) {
  return (cnn__conv_taps(shape) + 1) * shape->out_channels;
}

static bool plan(cnn__conv *conv) {
  enum { WORK = 100000, SLICES = 8 };
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  size_t size, offset, slot = 0;
  if (!cnn__size_mul(cnn__conv_taps(shape) + 1, 2 * shape->out_channels, &size)) return false;
  const double cell = (double)cnn__conv_taps(shape) * (double)shape->out_channels;
  const double rows = WORK / (cell * (double)shape->out_width);
  const double back_rows = WORK / (cell * (double)shape->in_width);
  p[DEPTHWISE_ROWS] = rows < 1 ? 1 : (size_t)rows;
  p[DEPTHWISE_BACK_ROWS] = back_rows < 1 ? 1 : (size_t)back_rows;
  p[DEPTHWISE_SLICES] = cnn__size_min(shape->batch, SLICES);
  conv->prepared_size = 2 * cnn__conv_kernel_size(shape);
  return cnn__conv_place(&slot, 2 * cnn__conv_taps(shape), sizeof(float *), &offset) &&
         cnn__size_round_up(slot, 64, &p[DEPTHWISE_SLOT]) &&
         cnn__size_mul(p[DEPTHWISE_SLOT], conv->mode.slots, &conv->scratch_size) &&
         (!conv->mode.training ||
          cnn__conv_place(&conv->scratch_size, p[DEPTHWISE_SLICES] * partial_size(shape),
                          sizeof(float), &p[DEPTHWISE_PARTIAL]));
}

static void prepare(const cnn__conv *conv, cnn_context *context, const float *kernel,
                    float *prepared) {
  (void)context;
  const size_t taps = cnn__conv_taps(&conv->shape), channels = conv->shape.out_channels;
  memcpy(prepared, kernel, taps * channels * sizeof *kernel);
  for (size_t tap = 0; tap < taps; tap++)
    memcpy(prepared + (taps + tap) * channels, kernel + (taps - 1 - tap) * channels,
           channels * sizeof *kernel);
}

typedef struct depthwise_job {
  const cnn__conv *conv;
  const cnn__conv_buffers *buffers;
  cnn__gather gather;
  size_t images, row_blocks;
} depthwise_job;

static cnn__gather with_channels(cnn__gather gather, const cnn__conv_shape *shape) {
  gather.depth = shape->out_channels;
  gather.whole = false;
  gather.depthwise = true;
  return gather;
}

static const float **pointers_of(const depthwise_job *job, size_t slot) {
  return (const float **)(void *)((char *)job->buffers->scratch +
                                  slot * job->conv->parameters[DEPTHWISE_SLOT]);
}

static void forward_task(void *argument, size_t task, size_t slot) {
  const depthwise_job *job = argument;
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t image = task / job->row_blocks, rows = job->conv->parameters[DEPTHWISE_ROWS];
  const size_t begin = task % job->row_blocks * rows;
  const cnn__gather_part part = {.images = 1,
                                 .input = job->buffers->x + image * cnn__conv_x_size(shape),
                                 .output = job->buffers->y + image * cnn__conv_y_size(shape) +
                                           begin * shape->out_width * shape->out_channels,
                                 .row_begin = begin,
                                 .row_end = cnn__size_min(begin + rows, shape->out_height),
                                 .column_end = shape->out_width,
                                 .packed = job->buffers->prepared,
                                 .n = shape->out_channels,
                                 .bias = shape->bias ? job->buffers->bias : NULL,
                                 .epilogue = shape->relu ? CNN__GEMM_RELU : CNN__GEMM_PLAIN,
                                 .pointers = pointers_of(job, slot)};
  cnn__gather_run(&job->gather, &part);
}

static void forward(const cnn__conv *conv, cnn_context *context, size_t images,
                    const cnn__conv_buffers *buffers) {
  const cnn__conv_shape *shape = &conv->shape;
  depthwise_job job = {.conv = conv,
                       .buffers = buffers,
                       .gather = with_channels(cnn__conv_forward_gather(shape), shape),
                       .images = images,
                       .row_blocks =
                           cnn__size_ceil_div(shape->out_height, conv->parameters[DEPTHWISE_ROWS])};
  cnn__parallel_for(context, images * job.row_blocks, forward_task, &job);
}

static float *partial_of(const depthwise_job *job, size_t slice) {
  return (float *)(void *)((char *)job->buffers->scratch +
                           job->conv->parameters[DEPTHWISE_PARTIAL]) +
         slice * partial_size(&job->conv->shape);
}

/* sums += the rows' sums, row by row. */
static void add_rows(const cnn__conv_shape *shape, const float *dy, float *sums) {
  enum { LANES = 32 };
  const size_t channels = shape->out_channels;
  for (size_t first = 0; first < channels; first += LANES) {
    const size_t lanes = cnn__size_min(LANES, channels - first);
    for (size_t row = 0; row < shape->out_height; row++) {
      float sum[LANES] = {0};
      const float *cell = dy + row * shape->out_width * channels + first;
      for (size_t column = 0; column < shape->out_width; column++, cell += channels)
        for (size_t lane = 0; lane < lanes; lane++)
          sum[lane] += cell[lane];
      for (size_t lane = 0; lane < lanes; lane++)
        sums[first + lane] += sum[lane];
    }
  }
}

static void weights_task(void *argument, size_t slice, size_t slot) {
  const depthwise_job *job = argument;
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t slices = job->conv->parameters[DEPTHWISE_SLICES];
  float *partial = partial_of(job, slice);
  memset(partial, 0, partial_size(shape) * sizeof *partial);
  for (size_t image = slice * job->images / slices; image < (slice + 1) * job->images / slices;
       image++) {
    float *dy = job->buffers->dy + image * cnn__conv_y_size(shape);
    const cnn__gather_part part = {.images = 1,
                                   .input = job->buffers->x + image * cnn__conv_x_size(shape),
                                   .output = dy,
                                   .row_end = shape->out_height,
                                   .column_end = shape->out_width,
                                   .n = shape->out_channels,
                                   .pointers = pointers_of(job, slot),
                                   .gradient = partial};
    if (job->buffers->dkernel) cnn__gather_run(&job->gather, &part);
    if (job->buffers->dbias) add_rows(shape, dy, partial + cnn__conv_kernel_size(shape));
  }
}

static void input_task(void *argument, size_t task, size_t slot) {
  const depthwise_job *job = argument;
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t image = task / job->row_blocks, rows = job->conv->parameters[DEPTHWISE_BACK_ROWS];
  const size_t begin = task % job->row_blocks * rows;
  const cnn__gather_part part = {.images = 1,
                                 .input = job->buffers->dy + image * cnn__conv_y_size(shape),
                                 .output = job->buffers->dx + image * cnn__conv_x_size(shape) +
                                           begin * shape->in_width * shape->in_channels,
                                 .row_begin = begin,
                                 .row_end = cnn__size_min(begin + rows, shape->in_height),
                                 .column_end = shape->in_width,
                                 .packed = job->buffers->prepared + cnn__conv_kernel_size(shape),
                                 .n = shape->in_channels,
                                 .pointers = pointers_of(job, slot)};
  cnn__gather_run(&job->gather, &part);
}

static void backward(const cnn__conv *conv, cnn_context *context, size_t images,
                     const cnn__conv_buffers *buffers) {
  const cnn__conv_shape *shape = &conv->shape;
  const size_t slices = conv->parameters[DEPTHWISE_SLICES], size = partial_size(shape);
  depthwise_job job = {.conv = conv,
                       .buffers = buffers,
                       .gather = with_channels(cnn__conv_forward_gather(shape), shape),
                       .images = images};
  if (shape->relu) cnn__conv_mask_relu(conv, context, images, buffers);
  if (buffers->dkernel || buffers->dbias) cnn__parallel_for(context, slices, weights_task, &job);
  const float *partial = conv->mode.training ? partial_of(&job, 0) : NULL;
  const size_t kernel = cnn__conv_kernel_size(shape);
  if (buffers->dkernel)
    cnn__conv_sum_slices(context, slices, kernel, partial, size, buffers->dkernel);
  if (buffers->dbias)
    cnn__conv_sum_slices(context, slices, shape->out_channels, partial + kernel, size,
                         buffers->dbias);
  if (!buffers->dx) return;
  job.gather = with_channels(cnn__conv_backward_gather(shape), shape);
  job.row_blocks = cnn__size_ceil_div(shape->in_height, conv->parameters[DEPTHWISE_BACK_ROWS]);
  cnn__parallel_for(context, images * job.row_blocks, input_task, &job);
}

const cnn__conv_algorithm cnn__conv_depthwise = {
    .accepts = accepts, .plan = plan, .prepare = prepare, .forward = forward, .backward = backward};
