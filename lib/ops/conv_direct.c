/* Direct convolution of any shape: every line of outputs is a batch-reduce GEMM over the kernel's taps.
   Here the packing and the forward pass. */
#include "ops/conv_direct.h"
#include "base/threads.h"

static bool accepts(const cnn__conv_shape *shape, const cnn__conv_mode *mode) {
  (void)mode;
  return shape->pool_height == 0 ||
         (shape->pool_width > 0 && shape->pool_height <= CNN__POOL_CELLS / shape->pool_width);
}

/* ---- packing ---- */

typedef struct prepare_job {
  const cnn__conv *conv;
  const float *kernel;
  float *prepared;
  size_t forward_panels; /* of one group */
  size_t back_panels;
} prepare_job;

static void pack_forward(const prepare_job *job, size_t group, size_t panel) {
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t depth = cnn__conv_taps(shape) * cnn__conv_group_in(shape);
  const size_t out = cnn__conv_group_out(shape), first = panel * CNN__PANEL;
  float *packed = job->prepared + (group * job->forward_panels + panel) * depth * CNN__PANEL;
  cnn__kernels_get()->gemm.pack(depth, cnn__size_min(CNN__PANEL, out - first),
                                job->kernel + group * out + first, (ptrdiff_t)shape->out_channels,
                                1, packed);
}

/* For dx: the taps backwards, each transposed. */
static void pack_back(const prepare_job *job, size_t group, size_t panel) {
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t taps = cnn__conv_taps(shape), in = cnn__conv_group_in(shape);
  const size_t out = cnn__conv_group_out(shape), first = panel * CNN__PANEL;
  float *packed = job->prepared + job->conv->parameters[DIRECT_PREPARED_BACK] +
                  (group * job->back_panels + panel) * taps * out * CNN__PANEL;
  for (size_t tap = taps; tap-- > 0; packed += out * CNN__PANEL)
    cnn__kernels_get()->gemm.pack(out, cnn__size_min(CNN__PANEL, in - first),
                                  job->kernel + (tap * in + first) * shape->out_channels +
                                      group * out,
                                  1, (ptrdiff_t)shape->out_channels, packed);
}

static void prepare_task(void *argument, size_t task, size_t slot) {
  (void)slot;
  const prepare_job *job = argument;
  const size_t forward = job->conv->shape.groups * job->forward_panels;
  if (task < forward)
    pack_forward(job, task / job->forward_panels, task % job->forward_panels);
  else
    pack_back(job, (task - forward) / job->back_panels, (task - forward) % job->back_panels);
}

static void prepare(const cnn__conv *conv, cnn_context *context, const float *kernel,
                    float *prepared) {
  const cnn__conv_shape *shape = &conv->shape;
  prepare_job job = {.conv = conv, .kernel = kernel, .prepared = prepared};
  job.forward_panels = cnn__size_ceil_div(cnn__conv_group_out(shape), CNN__PANEL);
  if (conv->mode.training && conv->mode.input_gradient)
    job.back_panels = cnn__size_ceil_div(cnn__conv_group_in(shape), CNN__PANEL);
  cnn__parallel_for(context, shape->groups * (job.forward_panels + job.back_panels), prepare_task,
                    &job);
}

/* ---- forward ---- */

typedef struct forward_job {
  const cnn__conv *conv;
  const cnn__conv_buffers *buffers;
  size_t images, blocks; /* blocks of one group */
  size_t row_blocks, image_blocks;
  cnn__gather gather;
} forward_job;

static cnn__gemm_epilogue epilogue_of(const cnn__conv_shape *shape) {
  if (shape->relu6) return CNN__GEMM_RELU6;
  return shape->relu ? CNN__GEMM_RELU : CNN__GEMM_PLAIN;
}

/* Rows [begin, end) of some images' y, pooled: row by row through scratch. */
static void pooled_rows(const forward_job *job, cnn__gather_part *part, size_t slot, size_t y_at,
                        size_t begin, size_t end) {
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t y_row = cnn__conv_y_width(shape) * shape->out_channels;
  const size_t cells = shape->pool_height * part->column_end * part->n; /* of a row of windows */
  const cnn__window_row pool = {.height = shape->pool_height,
                                .width = shape->pool_width,
                                .columns = cnn__conv_y_width(shape),
                                .channels = part->n,
                                .cell = part->n,
                                .pitch = shape->out_channels,
                                .relu = shape->relu};
  cnn__gather gather = job->gather;
  gather.output_column = (ptrdiff_t)part->n;
  gather.output_row = (ptrdiff_t)(part->column_end * part->n);
  part->output_image = (ptrdiff_t)cells;
  part->output = cnn__direct_rows(job->conv, job->buffers, slot);
  for (size_t row = begin; row < end; row++) {
    part->row_begin = row * shape->pool_height;
    part->row_end = part->row_begin + shape->pool_height;
    cnn__gather_run(&gather, part);
    for (size_t image = 0; image < part->images; image++) {
      const size_t at = y_at + image * cnn__conv_y_size(shape) + row * y_row;
      cnn__kernels_get()->convolution.windows.pool(
          &pool, part->output + image * cells, job->buffers->y + at,
          job->buffers->saved ? job->buffers->saved + at : NULL);
    }
  }
}

/* The same straight from the sums. */
static void shallow_rows(const forward_job *job, const cnn__gather_part *part, size_t y_at,
                         size_t begin, size_t end) {
  const cnn__conv_shape *shape = &job->conv->shape;
  const cnn__shallow_row windows = cnn__direct_shallow_row(shape, part->n);
  const size_t y_row = cnn__conv_y_width(shape) * shape->out_channels;
  for (size_t row = begin; row < end; row++) {
    const size_t at = y_at + row * y_row;
    cnn__kernels_get()->convolution.shallow.pooled(
        &windows, part->input + 2 * (ptrdiff_t)row * windows.down, part->packed, part->bias,
        shape->relu, job->buffers->y + at, job->buffers->saved ? job->buffers->saved + at : NULL);
  }
}

/* A task: a block of channels, of images, of rows; the channels slowest, for their weights. */
static void forward_task(void *argument, size_t task, size_t slot) {
  const forward_job *job = argument;
  const cnn__conv *conv = job->conv;
  const cnn__conv_shape *shape = &conv->shape;
  const size_t in = cnn__conv_group_in(shape), out = cnn__conv_group_out(shape);
  const size_t block = task / (job->image_blocks * job->row_blocks);
  const size_t image = task / job->row_blocks % job->image_blocks * conv->parameters[DIRECT_IMAGES];
  const size_t begin = task % job->row_blocks * conv->parameters[DIRECT_ROWS];
  const size_t end =
      cnn__size_min(begin + conv->parameters[DIRECT_ROWS], cnn__conv_y_height(shape));
  const size_t group = block / job->blocks;
  const size_t first = block % job->blocks * conv->parameters[DIRECT_BLOCK];
  const size_t channel = group * out + first;
  const size_t depth = cnn__conv_taps(shape) * in;
  const size_t panels = cnn__size_ceil_div(out, CNN__PANEL);
  const size_t y_at = image * cnn__conv_y_size(shape) + channel;
  cnn__gather_part part = {
      .images = cnn__size_min(conv->parameters[DIRECT_IMAGES], job->images - image),
      .input_image = (ptrdiff_t)cnn__conv_x_size(shape),
      .output_image = (ptrdiff_t)cnn__conv_y_size(shape),
      .input = job->buffers->x + image * cnn__conv_x_size(shape) + group * in,
      .output = job->buffers->y + y_at + begin * shape->out_width * shape->out_channels,
      .row_begin = begin,
      .row_end = end,
      .column_end = cnn__conv_used_width(shape),
      .packed = job->buffers->prepared + (group * panels + first / CNN__PANEL) * depth * CNN__PANEL,
      .n = cnn__size_min(conv->parameters[DIRECT_BLOCK], out - first),
      .bias = shape->bias ? job->buffers->bias + channel : NULL,
      .epilogue = epilogue_of(shape),
      .pointers = cnn__direct_pointers(conv, job->buffers, slot)};
  if (conv->parameters[DIRECT_SHALLOW])
    shallow_rows(job, &part, y_at, begin, end);
  else if (cnn__conv_pooled(shape))
    pooled_rows(job, &part, slot, y_at, begin, end);
  else if (conv->parameters[DIRECT_STRIDED])
    cnn__strided_forward(conv, &part, cnn__direct_inputs(conv, job->buffers, slot));
  else
    cnn__gather_run(&job->gather, &part);
}

static void forward(const cnn__conv *conv, cnn_context *context, size_t images,
                    const cnn__conv_buffers *buffers) {
  const cnn__conv_shape *shape = &conv->shape;
  forward_job job = {
      .conv = conv,
      .buffers = buffers,
      .images = images,
      .blocks = cnn__size_ceil_div(cnn__conv_group_out(shape), conv->parameters[DIRECT_BLOCK]),
      .row_blocks = cnn__size_ceil_div(cnn__conv_y_height(shape), conv->parameters[DIRECT_ROWS]),
      .image_blocks = cnn__size_ceil_div(images, conv->parameters[DIRECT_IMAGES]),
      .gather = cnn__conv_forward_gather(shape)};
  cnn__parallel_for(context, shape->groups * job.blocks * job.image_blocks * job.row_blocks,
                    forward_task, &job);
}

const cnn__conv_algorithm cnn__conv_direct = {.accepts = accepts,
                                              .plan = cnn__direct_plan,
                                              .prepare = prepare,
                                              .forward = forward,
                                              .backward = cnn__direct_backward};
