/* Direct convolution's gradients: that of the input is the transposed gather; that of the kernel stands
   in conv_direct_weights.c. */
#include "base/threads.h"
#include "ops/conv_direct_weights.h"

typedef struct backward_job {
  const cnn__conv *conv;
  const cnn__conv_buffers *buffers;
  size_t images;
  size_t blocks, row_blocks, image_blocks;
} backward_job;

/* Rows [begin, end) of some images' dx, channels of one block; gradients: the images', not pooled. */
static void input_rows(const backward_job *job, size_t image, size_t block, size_t begin,
                       size_t end, const float *gradients, size_t slot) {
  const cnn__conv *conv = job->conv;
  const cnn__conv_shape *shape = &conv->shape;
  const size_t *p = conv->parameters;
  const size_t in = cnn__conv_group_in(shape), out = cnn__conv_group_out(shape);
  const size_t blocks = cnn__size_ceil_div(in, p[DIRECT_BACK_BLOCK]);
  const size_t group = block / blocks;
  const size_t first = block % blocks * p[DIRECT_BACK_BLOCK];
  const size_t panels = cnn__size_ceil_div(in, CNN__PANEL);
  const cnn__gather gather = cnn__conv_backward_gather(shape);
  const cnn__gather_part part = {
      .images = cnn__size_min(p[DIRECT_BACK_IMAGES], job->images - image),
      .input_image = (ptrdiff_t)(cnn__conv_used_height(shape) * cnn__conv_used_width(shape) *
                                 shape->out_channels),
      .output_image = (ptrdiff_t)cnn__conv_x_size(shape),
      .input = gradients + group * out,
      .output = job->buffers->dx + image * cnn__conv_x_size(shape) +
                begin * shape->in_width * shape->in_channels + group * in + first,
      .row_begin = begin,
      .row_end = end,
      .column_end = shape->in_width,
      .packed = job->buffers->prepared + p[DIRECT_PREPARED_BACK] +
                (group * panels + first / CNN__PANEL) * cnn__conv_taps(shape) * out * CNN__PANEL,
      .n = cnn__size_min(p[DIRECT_BACK_BLOCK], in - first),
      .pointers = cnn__direct_pointers(conv, job->buffers, slot)};
  if (p[DIRECT_BACK_STRIDED])
    cnn__strided_backward(conv, &part, cnn__direct_rows(conv, job->buffers, slot));
  else
    cnn__gather_run(&gather, &part);
}

/* Some images with their gradients spread out, all blocks of channels. */
static void pooled_input_task(const backward_job *job, size_t image, size_t slot) {
  const cnn__conv *conv = job->conv;
  const cnn__conv_shape *shape = &conv->shape;
  const size_t size =
      cnn__conv_used_height(shape) * cnn__conv_used_width(shape) * shape->out_channels;
  const size_t end = cnn__size_min(image + conv->parameters[DIRECT_BACK_IMAGES], job->images);
  float *gradients = cnn__direct_rows(conv, job->buffers, slot);
  for (size_t i = image; i < end; i++)
    cnn__conv_unpool(conv, job->buffers, i, 0, cnn__conv_y_height(shape), 0, shape->out_channels,
                     shape->out_channels, gradients + (i - image) * size);
  for (size_t block = 0; block < job->blocks; block++)
    input_rows(job, image, block, 0, shape->in_height, gradients, slot);
}

static void input_task(void *argument, size_t task, size_t slot) {
  const backward_job *job = argument;
  const cnn__conv *conv = job->conv;
  const cnn__conv_shape *shape = &conv->shape;
  const size_t *p = conv->parameters;
  if (cnn__conv_pooled(shape)) {
    pooled_input_task(job, task * p[DIRECT_BACK_IMAGES], slot);
    return;
  }
  const size_t image = task / job->row_blocks % job->image_blocks * p[DIRECT_BACK_IMAGES];
  const size_t begin = task % job->row_blocks * p[DIRECT_BACK_ROWS];
  input_rows(job, image, task / job->row_blocks / job->image_blocks, begin,
             cnn__size_min(begin + p[DIRECT_BACK_ROWS], shape->in_height),
             job->buffers->dy + image * cnn__conv_y_size(shape), slot);
}

/* How many tasks dx makes. */
static size_t cut_inputs(backward_job *job) {
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t *p = job->conv->parameters;
  if (!job->buffers->dx) return 0;
  job->blocks = cnn__direct_blocks(shape->groups, cnn__conv_group_in(shape), p[DIRECT_BACK_BLOCK]);
  job->row_blocks = cnn__size_ceil_div(shape->in_height, p[DIRECT_BACK_ROWS]);
  job->image_blocks = cnn__size_ceil_div(job->images, p[DIRECT_BACK_IMAGES]);
  return cnn__conv_pooled(shape) ? job->image_blocks
                                 : job->blocks * job->image_blocks * job->row_blocks;
}

void cnn__direct_backward(const cnn__conv *conv, cnn_context *context, size_t images,
                          const cnn__conv_buffers *buffers) {
  const cnn__conv_shape *shape = &conv->shape;
  if (shape->relu && !cnn__conv_pooled(shape)) cnn__conv_mask_relu(conv, context, images, buffers);
  backward_job job = {.conv = conv, .buffers = buffers, .images = images};
  cnn__weight_job weights = cnn__direct_weight_job(conv, images, buffers);
  cnn__conv_run_both(context, (cnn__conv_tasks){weights.tasks, cnn__direct_weight_task, &weights},
                     (cnn__conv_tasks){cut_inputs(&job), input_task, &job});
  if (weights.tasks > 0) cnn__direct_sum_weights(&weights, context);
}
