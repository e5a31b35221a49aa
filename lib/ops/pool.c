#include "ops/pool.h"
#include "kernels/kernels.h"
#include "ops/blocks.h"
#include <assert.h>
#include <string.h>

/* The real cells of the windows that stand at one place along one dimension. */
typedef struct extent {
  size_t first, count;
} extent;

static extent extent_of(size_t out, size_t stride, size_t pad, size_t window, size_t in) {
  const size_t begin = out * stride, end = begin + window; /* in padded coordinates */
  const size_t first = begin > pad ? begin - pad : 0;
  const size_t last = end > pad ? cnn__size_min(end - pad, in) : 0;
  assert(first < last);
  return (extent){first, last - first};
}

typedef struct pooling {
  const cnn__pool_shape *shape;
  void (*run)(const struct pooling *of, const cnn__pool_run *run, size_t in, size_t out);
  size_t images, rows; /* output rows of a task, within one image */
  bool backward;
  const float *from; /* x or dy */
  float *to;         /* y or dx */
  uint32_t *positions;
  const uint32_t *winners;
} pooling;

static size_t in_size(const cnn__pool_shape *shape) {
  return shape->in_height * shape->in_width * shape->channels;
}

/* Neighbouring whole windows make one run, each cut one a run of its own. in and out are the
   offsets of the first window and the first output cell. */
static void pool_row(const pooling *of, size_t image, size_t out_row) {
  const cnn__pool_shape *s = of->shape;
  const extent rows =
      extent_of(out_row, s->stride_height, s->pad_top, s->pool_height, s->in_height);
  cnn__pool_run run = {
      .channels = s->channels,
      .rows = rows.count,
      .row = s->in_width * s->channels,
      .step = s->stride_width * s->channels,
      .position_row = (uint32_t)s->in_width,
      .position_step = (uint32_t)s->stride_width,
      .accumulate = s->stride_height < s->pool_height || s->stride_width < s->pool_width,
  };
  for (size_t column = 0; column < s->out_width; column += run.cells) {
    const extent columns =
        extent_of(column, s->stride_width, s->pad_left, s->pool_width, s->in_width);
    const size_t position = rows.first * s->in_width + columns.first;
    run.columns = columns.count;
    run.cells = 1;
    if (columns.count == s->pool_width)
      run.cells =
          cnn__size_min(s->out_width - column,
                        (s->in_width - s->pool_width - columns.first) / s->stride_width + 1);
    run.position = (uint32_t)position;
    of->run(of, &run, image * in_size(s) + position * s->channels,
            ((image * s->out_height + out_row) * s->out_width + column) * s->channels);
  }
}

/* Without this every cell of the input is in exactly one window, which sets it. */
static bool needs_zeros(const cnn__pool_shape *s) {
  return s->stride_height != s->pool_height || s->stride_width != s->pool_width || s->pad_top ||
         s->pad_left || s->out_height * s->pool_height != s->in_height ||
         s->out_width * s->pool_width != s->in_width;
}

static void pool_task(void *argument, size_t task, size_t slot) {
  (void)slot;
  const pooling *of = argument;
  const cnn__pool_shape *s = of->shape;
  const size_t groups = cnn__size_ceil_div(s->out_height, of->rows);
  const size_t image = task / groups;
  const cnn__block rows = cnn__block_of(s->out_height, of->rows, task % groups);
  if (of->backward && needs_zeros(s))
    memset(of->to + image * in_size(s), 0, in_size(s) * sizeof *of->to);
  for (size_t row = rows.first; row < rows.first + rows.count; row++)
    pool_row(of, image, row);
}

/* A task is some output rows of an image; backward, where windows may share cells, the image. */
static void pool(cnn_context *context, pooling of) {
  const cnn__pool_shape *s = of.shape;
  if (of.images == 0 || s->out_height == 0) return;
  const size_t row_cost = s->out_width * s->channels * s->stride_height * s->stride_width;
  of.rows = of.backward ? s->out_height : cnn__size_min(s->out_height, cnn__block_rows(row_cost));
  const size_t tasks = of.images * cnn__size_ceil_div(s->out_height, of.rows);
  cnn__for_blocks(context, tasks, 1, pool_task, &of);
}

static const cnn__pooling_kernels *kernels(void) {
  return &cnn__kernels_get()->elementwise.pooling;
}

static void max_run(const pooling *of, const cnn__pool_run *run, size_t in, size_t out) {
  kernels()->max_pool(run, of->from + in, of->to + out, of->positions ? of->positions + out : NULL);
}
static void max_backward_run(const pooling *of, const cnn__pool_run *run, size_t in, size_t out) {
  kernels()->max_pool_backward(run, of->from + out, of->winners + out, of->to + in);
}
static void average_run(const pooling *of, const cnn__pool_run *run, size_t in, size_t out) {
  kernels()->average_pool(run, of->from + in, of->to + out);
}
static void average_backward_run(const pooling *of, const cnn__pool_run *run, size_t in,
                                 size_t out) {
  kernels()->average_pool_backward(run, of->from + out, of->to + in);
}

void cnn__max_pool_forward(const cnn__pool_shape *shape, cnn_context *context, size_t images,
                           const float *x, float *y, uint32_t *positions) {
  pool(context, (pooling){.shape = shape,
                          .run = max_run,
                          .images = images,
                          .from = x,
                          .to = y,
                          .positions = positions});
}

void cnn__max_pool_backward(const cnn__pool_shape *shape, cnn_context *context, size_t images,
                            const float *dy, const uint32_t *positions, float *dx) {
  pool(context, (pooling){.shape = shape,
                          .run = max_backward_run,
                          .images = images,
                          .backward = true,
                          .from = dy,
                          .to = dx,
                          .winners = positions});
}

void cnn__average_pool_forward(const cnn__pool_shape *shape, cnn_context *context, size_t images,
                               const float *x, float *y) {
  pool(context,
       (pooling){.shape = shape, .run = average_run, .images = images, .from = x, .to = y});
}

void cnn__average_pool_backward(const cnn__pool_shape *shape, cnn_context *context, size_t images,
                                const float *dy, float *dx) {
  pool(context, (pooling){.shape = shape,
                          .run = average_backward_run,
                          .images = images,
                          .backward = true,
                          .from = dy,
                          .to = dx});
}
