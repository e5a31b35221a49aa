/* Direct convolution of any shape: every output row is a batch-reduce GEMM over the kernel's taps.
   Here the plan, the packing and the forward pass. */
#include "ops/conv_direct.h"
#include "base/threads.h"

static bool accepts(const cnn__conv_shape *shape, const cnn__conv_mode *mode) {
  (void)mode;
  return shape->pool_height == 0 ||
         (shape->pool_width > 0 && shape->pool_height <= CNN__POOL_CELLS / shape->pool_width);
}

/* A block of channels whose packed weights (depth values a channel) stay in the cache: a multiple of
   the panel, blocks of nearly equal size. */
static size_t channel_block(size_t channels, size_t depth) {
  enum { CACHED = 48 * 1024 };
  const size_t limit = cnn__size_max(CACHED / depth / CNN__PANEL, 1) * CNN__PANEL;
  const size_t blocks = cnn__size_ceil_div(channels, limit);
  const size_t even = cnn__size_ceil_div(channels, blocks);
  return (even + CNN__PANEL - 1) / CNN__PANEL * CNN__PANEL;
}

/* Rows of a task: some hundred thousand multiply-adds, so that handing them out costs nothing. */
static size_t rows_of_task(size_t rows, double work_of_row) {
  const double wanted = 400e3 / work_of_row;
  if (wanted >= (double)rows) return rows;
  return cnn__size_max((size_t)wanted, 1);
}

static void plan_forward(cnn__conv *conv) {
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  const size_t depth = cnn__conv_taps(shape) * cnn__conv_group_in(shape);
  p[DIRECT_BLOCK] = channel_block(cnn__conv_group_out(shape), depth);
  const double row = (double)cnn__conv_used_width(shape) * (double)depth *
                     (double)cnn__size_min(p[DIRECT_BLOCK], cnn__conv_group_out(shape));
  p[DIRECT_ROWS] = rows_of_task(cnn__conv_y_height(shape),
                                row * (double)(cnn__conv_pooled(shape) ? shape->pool_height : 1));
}

/* The shallow kernels pool by 2 x 2 and know no padding. Beyond some channels the GEMM is as good. */
static bool is_shallow(const cnn__conv_shape *shape) {
  enum { MOST_CHANNELS = 8 };
  const size_t high = (cnn__conv_used_height(shape) - 1) * shape->stride_height +
                      (shape->kernel_height - 1) * shape->dilation_height;
  const size_t wide = (cnn__conv_used_width(shape) - 1) * shape->stride_width + shape->kernel_width;
  return shape->pool_height == 2 && shape->pool_width == 2 && shape->groups == 1 &&
         shape->in_channels <= MOST_CHANNELS && shape->dilation_width == 1 && shape->pad_top == 0 &&
         shape->pad_left == 0 && high < shape->in_height && wide <= shape->in_width;
}

cnn__shallow_row cnn__direct_shallow_row(const cnn__conv_shape *shape, size_t channels) {
  const size_t row = shape->in_width * shape->in_channels;
  return (cnn__shallow_row){.windows = cnn__conv_y_width(shape),
                            .kernel_rows = shape->kernel_height,
                            .run = shape->kernel_width * shape->in_channels,
                            .channels = channels,
                            .kernel_step = (ptrdiff_t)(shape->dilation_height * row),
                            .down = (ptrdiff_t)(shape->stride_height * row),
                            .right = (ptrdiff_t)(shape->stride_width * shape->in_channels),
                            .pitch = shape->out_channels};
}

/* A slice for each eighth of the images, unless the kernel has blocks enough to keep threads busy, or
   is so large that its slices would not stay in the cache. */
static void plan_weight_gradient(cnn__conv *conv) {
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  enum { IN_BLOCK = 96, OUT_BLOCK = 96, TASKS = 8, DEPTH = 256, MOST_IMAGES = 16 };
  const size_t in = cnn__conv_group_in(shape), out = cnn__conv_group_out(shape);
  p[DIRECT_IN_BLOCK] = cnn__size_ceil_div(in, cnn__size_ceil_div(in, IN_BLOCK));
  const size_t even = cnn__size_ceil_div(out, cnn__size_ceil_div(out, OUT_BLOCK));
  p[DIRECT_OUT_BLOCK] = (even + CNN__PANEL - 1) / CNN__PANEL * CNN__PANEL;
  const size_t blocks = cnn__size_ceil_div(in, p[DIRECT_IN_BLOCK]) *
                        cnn__direct_blocks(shape->groups, out, p[DIRECT_OUT_BLOCK]);
  p[DIRECT_SLICES] = cnn__size_min(shape->batch, cnn__size_ceil_div(TASKS, blocks));
  const size_t cells = cnn__conv_used_height(shape) * cnn__conv_used_width(shape);
  p[DIRECT_IMAGES] =
      cnn__size_min(cnn__size_max(DEPTH / cells, 1), cnn__size_min(MOST_IMAGES, shape->batch));
  p[DIRECT_COPY] = cnn__conv_pooled(shape) || shape->out_channels > 128;
}

static void plan_input_gradient(cnn__conv *conv) {
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  const size_t depth = cnn__conv_taps(shape) * cnn__conv_group_out(shape);
  p[DIRECT_BACK_BLOCK] = channel_block(cnn__conv_group_in(shape), depth);
  const double row = (double)shape->in_width * (double)depth *
                     (double)cnn__size_min(p[DIRECT_BACK_BLOCK], cnn__conv_group_in(shape)) /
                     (double)(shape->stride_height * shape->stride_width);
  /* Pooled gradients are spread out image by image. */
  p[DIRECT_BACK_ROWS] =
      cnn__conv_pooled(shape) ? shape->in_height : rows_of_task(shape->in_height, row + 1);
}

/* Floats that a slot needs for rows before pooling, their gradients, or a copied block of dy. */
static bool rows_scratch(const cnn__conv *conv, size_t *floats) {
  const cnn__conv_shape *shape = &conv->shape;
  const size_t *p = conv->parameters;
  *floats = 0;
  size_t cells, size;
  if (cnn__conv_pooled(shape)) {
    if (!cnn__size_mul(shape->pool_height, cnn__conv_used_width(shape), &cells) ||
        !cnn__size_mul(cells, p[DIRECT_BLOCK], floats))
      return false;
  }
  if (!conv->mode.training || !p[DIRECT_COPY]) return true;
  if (!cnn__size_mul(cnn__conv_used_height(shape), cnn__conv_used_width(shape), &cells) ||
      !cnn__size_mul(cells * p[DIRECT_IMAGES], p[DIRECT_OUT_BLOCK], &size))
    return false;
  *floats = cnn__size_max(*floats, size);
  if (conv->mode.input_gradient && cnn__conv_pooled(shape)) {
    if (!cnn__size_mul(cells, shape->out_channels, &size)) return false;
    *floats = cnn__size_max(*floats, size);
  }
  return true;
}

static bool plan_scratch(cnn__conv *conv) {
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  const bool training = conv->mode.training;
  size_t pointers = 2 * cnn__conv_taps(shape);
  if (training)
    pointers = cnn__size_max(pointers, 2 * p[DIRECT_IMAGES] * cnn__conv_used_height(shape));
  size_t slot = 0, floats;
  if (!rows_scratch(conv, &floats) ||
      !cnn__conv_place(&slot, pointers, sizeof(float *), &p[DIRECT_POINTERS]) ||
      !cnn__conv_place(&slot, floats, sizeof(float), &p[DIRECT_ROWS_SCRATCH]) ||
      !cnn__size_round_up(slot, 64, &p[DIRECT_SLOT]))
    return false;
  if (!cnn__size_mul(p[DIRECT_SLOT], conv->mode.slots, &conv->scratch_size)) return false;
  p[DIRECT_PARTIAL_SIZE] = cnn__conv_kernel_size(shape) + shape->out_channels;
  if (!training || p[DIRECT_SLICES] < 2) return true;
  size_t partial;
  return cnn__size_mul(p[DIRECT_PARTIAL_SIZE], p[DIRECT_SLICES], &partial) &&
         cnn__conv_place(&conv->scratch_size, partial, sizeof(float), &p[DIRECT_PARTIAL]);
}

static bool plan(cnn__conv *conv) {
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  size_t size;
  if (!cnn__size_mul(cnn__conv_taps(shape), cnn__conv_group_in(shape) + CNN__PANEL, &size) ||
      !cnn__size_mul(size, shape->out_channels + CNN__PANEL * shape->groups, &size))
    return false;
  p[DIRECT_SHALLOW] = is_shallow(shape);
  plan_forward(conv);
  conv->prepared_size =
      shape->groups * cnn__gemm_packed_size(cnn__conv_taps(shape) * cnn__conv_group_in(shape),
                                            cnn__conv_group_out(shape));
  if (conv->mode.training) {
    plan_weight_gradient(conv);
    if (conv->mode.input_gradient) {
      plan_input_gradient(conv);
      p[DIRECT_PREPARED_BACK] = conv->prepared_size;
      conv->prepared_size +=
          shape->groups * cnn__gemm_packed_size(cnn__conv_taps(shape) * cnn__conv_group_out(shape),
                                                cnn__conv_group_in(shape));
    }
    if (cnn__conv_pooled(shape) &&
        !cnn__size_mul(cnn__conv_y_size(shape), shape->batch, &conv->saved_size))
      return false;
  }
  return plan_scratch(conv);
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
  size_t row_blocks;
  cnn__gather gather;
} forward_job;

/* Rows [begin, end) of y, pooled: row by row through scratch. */
static void pooled_rows(const forward_job *job, cnn__gather_part *part, size_t slot, size_t y_at,
                        size_t begin, size_t end) {
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t y_row = cnn__conv_y_width(shape) * shape->out_channels;
  const cnn__window_row pool = {.height = shape->pool_height,
                                .width = shape->pool_width,
                                .columns = cnn__conv_y_width(shape),
                                .channels = part->n,
                                .pitch = shape->out_channels,
                                .relu = shape->relu};
  cnn__gather gather = job->gather;
  gather.output_column = (ptrdiff_t)part->n;
  gather.output_row = (ptrdiff_t)(part->column_end * part->n);
  part->output = cnn__direct_rows(job->conv, job->buffers->scratch, slot);
  for (size_t row = begin; row < end; row++) {
    part->row_begin = row * shape->pool_height;
    part->row_end = part->row_begin + shape->pool_height;
    cnn__gather_run(&gather, part);
    const size_t at = y_at + row * y_row;
    cnn__kernels_get()->convolution.windows.pool(&pool, part->output, job->buffers->y + at,
                                                 job->buffers->saved ? job->buffers->saved + at
                                                                     : NULL);
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

/* A task: a block of channels, of an image, of rows; the channels slowest, for their weights. */
static void forward_task(void *argument, size_t task, size_t slot) {
  const forward_job *job = argument;
  const cnn__conv *conv = job->conv;
  const cnn__conv_shape *shape = &conv->shape;
  const size_t in = cnn__conv_group_in(shape), out = cnn__conv_group_out(shape);
  const size_t block = task / (job->images * job->row_blocks);
  const size_t image = task / job->row_blocks % job->images;
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
      .input = job->buffers->x + image * cnn__conv_x_size(shape) + group * in,
      .output = job->buffers->y + y_at + begin * shape->out_width * shape->out_channels,
      .row_begin = begin,
      .row_end = end,
      .column_end = cnn__conv_used_width(shape),
      .packed = job->buffers->prepared + (group * panels + first / CNN__PANEL) * depth * CNN__PANEL,
      .n = cnn__size_min(conv->parameters[DIRECT_BLOCK], out - first),
      .bias = shape->bias ? job->buffers->bias + channel : NULL,
      .epilogue = shape->relu ? CNN__GEMM_RELU : CNN__GEMM_PLAIN,
      .pointers = cnn__direct_pointers(conv, job->buffers->scratch, slot)};
  if (conv->parameters[DIRECT_SHALLOW])
    shallow_rows(job, &part, y_at, begin, end);
  else if (cnn__conv_pooled(shape))
    pooled_rows(job, &part, slot, y_at, begin, end);
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
      .gather = cnn__conv_forward_gather(shape)};
  cnn__parallel_for(context, shape->groups * job.blocks * images * job.row_blocks, forward_task,
                    &job);
}

const cnn__conv_algorithm cnn__conv_direct = {.accepts = accepts,
                                              .plan = plan,
                                              .prepare = prepare,
                                              .forward = forward,
                                              .backward = cnn__direct_backward};
