/* Depthwise convolution, one filter a channel: the direct algorithm's gathers, row by row, through kernels
   of their own. The weights are [tap][channel], for the input's gradient with the taps backwards. */
#include "base/cpu.h"
#include "base/threads.h"
#include "ops/conv_algorithm.h"
#include <math.h>
#include <string.h>

enum {
  DEPTHWISE_ROWS,      /* rows of a task, forward */
  DEPTHWISE_BACK_ROWS, /* rows of dx of a task */
  DEPTHWISE_SLICES,    /* slices of images whose weight gradients are summed apart */
  DEPTHWISE_STEP_ROWS, /* rows that one call of the weights' gradient takes */
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

/* Of y, or of dx: a task that is worth handing out, but of a single image a shorter one, lest threads wait. */
static size_t rows_of_task(const cnn__conv *conv, size_t width, size_t height) {
  enum { WORK = 300000, WORK_OF_ONE = 75000 };
  const cnn__conv_shape *shape = &conv->shape;
  const bool shared = shape->batch == 1 && conv->mode.slots > 1;
  const double row = (double)cnn__conv_taps(shape) * (double)shape->out_channels * (double)width;
  const double work = (shared ? WORK_OF_ONE : WORK) / row;
  const size_t rows = work < 1 ? 1 : (size_t)work;
  return shared ? cnn__conv_even_rows(height, rows) : cnn__size_even_part(height, rows);
}

/* Of x and dy, that a call of the weights' gradient takes. Where a vector is half a line, the next one reads the other
   halves of what a vector read: so few that these stay in the first cache. Else so many that loading and storing
   the sums between them costs little; but with a large second level fewer, if cells an even number of lines apart reach few
   sets of the first cache: presumably what was asked for is gone else before it is read. Of one or two sets it is in any case. */
static size_t step_cells(size_t channels) {
  enum { FEW = 84, SOME = 80, MORE = 120, MANY = 500, ALL = 1000, LINE = 16, HALF_OF_SETS = 32 };
  if (cnn__kernels_get()->depthwise.width < LINE) return FEW;
  if (!cnn__cpu_has_large_l2()) return ALL;
  const size_t lines = channels / LINE;
  if (lines % 2 > 0) return MANY;
  return lines % HALF_OF_SETS > 0 ? SOME : MORE;
}

static size_t step_rows(const cnn__conv_shape *shape) {
  enum { SHORT_ROW = 1400, LINE = 16, CELLS = 64 }; /* in floats; in cells */
  const size_t cells = step_cells(shape->in_channels);
  if (shape->in_width * shape->in_channels <= SHORT_ROW || shape->in_channels % LINE != 0)
    return cnn__size_ceil_div(CELLS, shape->out_width);
  const size_t shared = 2 * shape->in_width;
  const size_t stride = cnn__size_min(shape->stride_height, cells);
  const size_t more = stride * shape->in_width + shape->out_width;
  return shared + 2 * more > cells ? 1 : (cells - shared) / more;
}

static bool plan(cnn__conv *conv) {
  enum { SLICES = 8 };
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  size_t size;
  if (!cnn__size_mul(cnn__conv_taps(shape) + 1, 2 * shape->out_channels, &size)) return false;
  p[DEPTHWISE_ROWS] = rows_of_task(conv, shape->out_width, shape->out_height);
  p[DEPTHWISE_BACK_ROWS] = rows_of_task(conv, shape->in_width, shape->in_height);
  p[DEPTHWISE_SLICES] = cnn__size_min(shape->batch, SLICES);
  p[DEPTHWISE_STEP_ROWS] = step_rows(shape);
  conv->prepared_size = 2 * cnn__conv_kernel_size(shape);
  conv->clips = true;
  return !conv->mode.training ||
         cnn__conv_place(&conv->scratch_size, p[DEPTHWISE_SLICES] * partial_size(shape),
                         sizeof(float), &p[DEPTHWISE_PARTIAL]);
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

/* Where a pass stands. */
typedef struct row_place {
  const float *x;        /* the image */
  const float *w, *bias; /* of a pass to y */
  float *y;              /* the row */
  float least, most;
} row_place;

/* One pass over images: x to y, forward or back; or for the weights' gradient both read. */
typedef struct depthwise_job {
  const cnn__conv *conv;
  const cnn__conv_buffers *buffers;
  cnn__gather gather;
  size_t images;
  row_place first;            /* of the first image */
  size_t x_size, y_size;      /* of an image */
  const float *x_end, *y_end; /* behind the last image; NULL where nothing is fetched ahead */
  bool past_caches;           /* y is written so */
  bool down;                  /* lines of channels through all rows */
  size_t width, height, rows; /* of y; rows of a task */
} depthwise_job;

/* Whether lines of channels, of several vectors, go through all rows of a task: images of some width that the second level
   of the cache does not hold, and whose cells, so many lines apart, presumably reach sets enough of the first one. */
static bool is_down(const depthwise_job *job, const cnn__conv_shape *shape) {
  enum { WIDE = 28, LINE = 16, FEW_SETS = 128, FEW_CHANNELS = 64 }; /* in cells; in floats */
  const size_t channels = job->gather.depth;
  return cnn__kernels_get()->depthwise.width < LINE && job->width >= WIDE && channels % LINE == 0 &&
         channels % FEW_SETS != 0 && (shape->stride_width > 1 || channels >= FEW_CHANNELS);
}

/* What a job has of the convolution. A pass of many bytes finds little in the cache: it fetches ahead; and leaves little
   there: it stores past it. */
static depthwise_job completed(depthwise_job job, const cnn__conv *conv, size_t images,
                               const cnn__conv_buffers *buffers) {
  enum { SECOND_LEVEL = 1 << 20, CACHED = 20 << 20, THIRD_LEVEL = 32 << 20 }; /* in bytes, */
  enum { MORE_CACHED = 40 << 20, LINE = 16 };                                 /* in floats */
  const bool large = cnn__cpu_has_large_l2();
  const size_t cached = large ? MORE_CACHED : CACHED, held = large ? MORE_CACHED : THIRD_LEVEL;
  const cnn__conv_shape *shape = &conv->shape;
  const double floats = (double)images * (double)(job.x_size + job.y_size);
  job.conv = conv;
  job.buffers = buffers;
  job.images = images;
  job.gather.depth = shape->out_channels;
  if (!job.first.y) return job;
  if (floats <= (double)cached / sizeof(float)) {
    job.down = floats > (double)SECOND_LEVEL / sizeof(float) && is_down(&job, shape);
    return job;
  }
  job.x_end = job.first.x + images * job.x_size;
  job.y_end = job.first.y + images * job.y_size;
  job.past_caches = floats > (double)held / sizeof(float) && job.gather.depth % LINE == 0 &&
                    (uintptr_t)job.first.y % (LINE * sizeof(float)) == 0;
  return job;
}

/* ---- rows ---- */

/* Some outputs of a row that have the same taps, but for the first and the last one's. */
typedef struct piece {
  cnn__gather_span span;
  bool lacks_first, lacks_last;
} piece;

static bool lacks_first_tap(const cnn__gather_axis *axis, const cnn__gather_span *span) {
  return span->count == 1 && span->tap == 1 && span->taps + 1 == axis->taps;
}
static bool lacks_last_tap(const cnn__gather_axis *axis, const cnn__gather_span *span) {
  return span->count == 1 && span->tap == 0 && span->taps + 1 == axis->taps;
}

/* From column on, before end: with its neighbours, where these lack one tap. */
static piece piece_at(const cnn__gather_axis *axis, size_t column, size_t end) {
  piece here = {.span = cnn__gather_span_at(axis, column, end)};
  if (here.span.step > 1) return here;
  if (lacks_first_tap(axis, &here.span) && column + 1 < end) {
    const cnn__gather_span next = cnn__gather_span_at(axis, column + 1, end);
    if (next.taps == axis->taps) {
      here = (piece){.span = next, .lacks_first = true};
      here.span.first = column;
      here.span.count++;
      here.span.input -= next.input_step; /* outside; never read */
    }
  }
  const size_t after = column + here.span.count;
  if (here.span.taps < axis->taps || after >= end) return here;
  const cnn__gather_span next = cnn__gather_span_at(axis, after, end);
  if (lacks_last_tap(axis, &next)) {
    here.span.count++;
    here.lacks_last = true;
  }
  return here;
}

/* What a kernel is called with: a row's part. */
typedef struct row_part {
  cnn__depthwise_row row;
  ptrdiff_t x, y, w; /* floats from the image's, the row's, the kernel's beginning */
  ptrdiff_t x_below; /* from what a row reads to what the next one does */
} row_part;

static row_part part_of(const cnn__gather *gather, const cnn__gather_span *rows,
                        const cnn__gather_span *columns) {
  const ptrdiff_t channels = (ptrdiff_t)gather->depth;
  const ptrdiff_t x_row = (ptrdiff_t)gather->columns.inputs * channels;
  const ptrdiff_t w_row = (ptrdiff_t)gather->columns.taps * channels;
  return (row_part){.row = {.outputs = columns->count,
                            .channels = gather->depth,
                            .tap_rows = rows->taps,
                            .tap_columns = columns->taps,
                            .x_step = (ptrdiff_t)columns->input_step * channels,
                            .y_step = (ptrdiff_t)columns->step * channels,
                            .x_row = (ptrdiff_t)rows->tap_input_step * x_row,
                            .x_column = (ptrdiff_t)columns->tap_input_step * channels,
                            .w_row = (ptrdiff_t)rows->tap_step * w_row,
                            .w_column = (ptrdiff_t)columns->tap_step * channels},
                    .x = (ptrdiff_t)rows->input * x_row + (ptrdiff_t)columns->input * channels,
                    .y = (ptrdiff_t)columns->first * channels,
                    .w = (ptrdiff_t)rows->tap * w_row + (ptrdiff_t)columns->tap * channels,
                    .x_below = (ptrdiff_t)rows->input_step * x_row};
}

/* floats from there on, as far as there are so many before end. */
static cnn__depthwise_ahead ahead_of(const float *from, size_t floats, const float *end) {
  if (!end || from >= end) return (cnn__depthwise_ahead){0};
  return (cnn__depthwise_ahead){from, cnn__size_min(floats, (size_t)(end - from))};
}

/* The rows of x behind those that the rows of this span read first, for as many more. */
static cnn__depthwise_ahead x_ahead(const depthwise_job *job, const cnn__gather_span *rows,
                                    const float *x, size_t count) {
  if (!job->x_end || rows->taps == 0) return (cnn__depthwise_ahead){0};
  const size_t x_row = job->gather.columns.inputs * job->gather.depth;
  const size_t read =
      rows->input + (rows->taps - 1) * rows->tap_input_step + (count - 1) * rows->input_step + 1;
  return ahead_of(x + read * x_row, count * rows->input_step * x_row, job->x_end);
}

/* ---- forward, and the input's gradient ---- */

static void compute_piece(const depthwise_job *job, const cnn__gather_span *rows,
                          const piece *columns, const row_place *at) {
  const cnn__gather *gather = &job->gather;
  row_part part = part_of(gather, rows, &columns->span);
  part.row.lacks_first = columns->lacks_first;
  part.row.lacks_last = columns->lacks_last;
  if (job->x_end) part.row.new_rows = cnn__size_min(rows->input_step, rows->taps);
  part.row.down = job->down;
  part.row.past_caches = job->past_caches;
  cnn__kernels_get()->depthwise.forward(&part.row, rows->count, part.x_below, gather->output_row,
                                        at->x + part.x, at->w + part.w, at->bias, at->least,
                                        at->most, at->y + part.y);
}

/* Columns [begin, end) phase by phase. */
static void compute_columns(const depthwise_job *job, const cnn__gather_span *rows, size_t begin,
                            size_t end, const row_place *at) {
  const cnn__gather *gather = &job->gather;
  const size_t phases = gather->columns.transposed ? gather->columns.stride : 1;
  for (size_t phase = 0; phase < phases; phase++)
    for (size_t column = begin + phase; column < end;) {
      const piece columns = piece_at(&gather->columns, column, end);
      compute_piece(job, rows, &columns, at);
      column += columns.span.count * columns.span.step;
    }
}

/* The pairs of columns that the kernel for stride two computes: all but one or two at the edges. */
static size_t pairs_of(const cnn__gather_axis *axis, size_t width, size_t *first) {
  if (!axis->transposed || axis->stride != 2 || axis->taps != 3 || axis->dilation != 1) return 0;
  *first = (axis->pad + 1) / 2;
  const size_t end = cnn__size_min(axis->inputs, (width + axis->pad) / 2);
  return end > *first ? end - *first : 0;
}

static void compute_pairs(const depthwise_job *job, const cnn__gather_span *rows, size_t first,
                          size_t count, const row_place *at) {
  const cnn__gather *gather = &job->gather;
  const size_t y_row = (size_t)gather->output_row;
  const cnn__gather_span columns = {.first = 2 * first - gather->columns.pad,
                                    .count = count,
                                    .step = 1,
                                    .input = first,
                                    .input_step = 1,
                                    .taps = 3,
                                    .tap_step = 1};
  row_part part = part_of(gather, rows, &columns);
  part.row.lacks_first = first == 0;
  part.row.x_ahead = x_ahead(job, rows, at->x, 1);
  if (!job->past_caches) part.row.y_ahead = ahead_of(at->y + y_row, y_row, job->y_end);
  part.row.past_caches = job->past_caches;
  cnn__kernels_get()->depthwise.spread(&part.row, at->x + part.x - part.row.x_step, at->w + part.w,
                                       at->y + part.y);
}

/* Rows from there on, before end; returns how many: those that have the same taps, but one by one where each
   fetches ahead, or where neighbours have others, or pairs. */
static size_t compute_rows(const depthwise_job *job, size_t row, size_t end, const row_place *at) {
  const cnn__gather *gather = &job->gather;
  const size_t width = job->width;
  size_t first = 0;
  const size_t pairs = pairs_of(&gather->columns, width, &first);
  const bool apart = gather->rows.transposed && gather->rows.stride > 1;
  const cnn__gather_span rows =
      cnn__gather_span_at(&gather->rows, row, job->x_end || apart || pairs > 0 ? row + 1 : end);
  const size_t begin = pairs > 0 ? 2 * first - gather->columns.pad : width;
  compute_columns(job, &rows, 0, begin, at);
  if (pairs > 0) {
    compute_pairs(job, &rows, first, pairs, at);
    compute_columns(job, &rows, begin + 2 * pairs, width, at);
  }
  return rows.count;
}

static void rows_task(void *argument, size_t task, size_t slot) {
  (void)slot;
  const depthwise_job *job = argument;
  const size_t blocks = cnn__size_ceil_div(job->height, job->rows), image = task / blocks;
  const size_t begin = task % blocks * job->rows, pitch = (size_t)job->gather.output_row;
  row_place at = job->first;
  at.x += image * job->x_size;
  at.y += image * job->y_size + begin * pitch;
  const size_t end = cnn__size_min(begin + job->rows, job->height);
  for (size_t row = begin, done; row < end; row += done, at.y += done * pitch)
    done = compute_rows(job, row, end, &at);
}

static size_t row_tasks(const depthwise_job *job) {
  return job->images * cnn__size_ceil_div(job->height, job->rows);
}

/* y: outputs, or their gradients. */
static depthwise_job forward_job(const cnn__conv *conv, size_t images,
                                 const cnn__conv_buffers *buffers, float *y) {
  const cnn__conv_shape *shape = &conv->shape;
  const depthwise_job job = {.gather = cnn__conv_forward_gather(shape),
                             .first = {.x = buffers->x,
                                       .w = buffers->prepared,
                                       .bias = shape->bias ? buffers->bias : NULL,
                                       .y = y,
                                       .least = shape->relu ? 0 : -HUGE_VALF,
                                       .most = shape->relu6 ? 6 : HUGE_VALF},
                             .x_size = cnn__conv_x_size(shape),
                             .y_size = cnn__conv_y_size(shape),
                             .width = shape->out_width,
                             .height = shape->out_height,
                             .rows = conv->parameters[DEPTHWISE_ROWS]};
  return completed(job, conv, images, buffers);
}

static void forward(const cnn__conv *conv, cnn_context *context, size_t images,
                    const cnn__conv_buffers *buffers) {
  depthwise_job job = forward_job(conv, images, buffers, buffers->y);
  cnn__parallel_for(context, row_tasks(&job), rows_task, &job);
}

/* ---- the weights' gradient ---- */

static float *partial_of(const depthwise_job *job, size_t slice) {
  return (float *)(void *)((char *)job->buffers->scratch +
                           job->conv->parameters[DEPTHWISE_PARTIAL]) +
         slice * partial_size(&job->conv->shape);
}

/* Some rows that have the same taps: dy is the first. */
static void add_rows(const depthwise_job *job, const cnn__gather_span *rows, const float *x,
                     const float *dy, float *partial) {
  const cnn__conv_shape *shape = &job->conv->shape;
  const cnn__gather *gather = &job->gather;
  const size_t y_row = (size_t)gather->output_row, width = shape->out_width;
  for (size_t column = 0; column < width;) {
    const piece columns = piece_at(&gather->columns, column, width);
    row_part part = part_of(gather, rows, &columns.span);
    part.row.lacks_first = columns.lacks_first;
    part.row.lacks_last = columns.lacks_last;
    if (2 * columns.span.count > width) {
      part.row.x_ahead = x_ahead(job, rows, x, rows->count);
      part.row.y_ahead = ahead_of(dy + rows->count * y_row, rows->count * y_row, job->y_end);
    }
    cnn__kernels_get()->depthwise.weights(
        &part.row, rows->count, part.x_below, (ptrdiff_t)y_row, x + part.x, dy + part.y,
        partial + part.w, shape->bias ? partial + cnn__conv_kernel_size(shape) : NULL);
    column += columns.span.count;
  }
}

static void weights_task(void *argument, size_t slice, size_t slot) {
  (void)slot;
  const depthwise_job *job = argument;
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t slices = job->conv->parameters[DEPTHWISE_SLICES];
  const size_t most = job->conv->parameters[DEPTHWISE_STEP_ROWS];
  float *partial = partial_of(job, slice);
  memset(partial, 0, partial_size(shape) * sizeof *partial);
  for (size_t image = slice * job->images / slices; image < (slice + 1) * job->images / slices;
       image++) {
    const float *x = job->first.x + image * job->x_size, *dy = job->first.y + image * job->y_size;
    for (size_t row = 0; row < shape->out_height;) {
      const size_t end = cnn__size_min(row + most, shape->out_height);
      const cnn__gather_span rows = cnn__gather_span_at(&job->gather.rows, row, end);
      add_rows(job, &rows, x, dy + row * (size_t)job->gather.output_row, partial);
      row += rows.count;
    }
  }
}

static depthwise_job backward_job(const cnn__conv *conv, size_t images,
                                  const cnn__conv_buffers *buffers) {
  const cnn__conv_shape *shape = &conv->shape;
  const depthwise_job job = {.gather = cnn__conv_backward_gather(shape),
                             .first = {.x = buffers->dy,
                                       .w = buffers->prepared + cnn__conv_kernel_size(shape),
                                       .y = buffers->dx,
                                       .least = -HUGE_VALF,
                                       .most = HUGE_VALF},
                             .x_size = cnn__conv_y_size(shape),
                             .y_size = cnn__conv_x_size(shape),
                             .width = shape->in_width,
                             .height = shape->in_height,
                             .rows = conv->parameters[DEPTHWISE_BACK_ROWS]};
  return completed(job, conv, images, buffers);
}

static void backward(const cnn__conv *conv, cnn_context *context, size_t images,
                     const cnn__conv_buffers *buffers) {
  const cnn__conv_shape *shape = &conv->shape;
  const size_t slices = conv->parameters[DEPTHWISE_SLICES], size = partial_size(shape);
  const size_t kernel = cnn__conv_kernel_size(shape);
  if (shape->relu) cnn__conv_mask_relu(conv, context, images, buffers);
  depthwise_job weights = forward_job(conv, images, buffers, buffers->dy);
  depthwise_job inputs = backward_job(conv, images, buffers);
  const bool of_weights = buffers->dkernel || buffers->dbias;
  cnn__conv_run_both(context, (cnn__conv_tasks){of_weights ? slices : 0, weights_task, &weights},
                     (cnn__conv_tasks){buffers->dx ? row_tasks(&inputs) : 0, rows_task, &inputs});
  const float *partial = partial_of(&weights, 0);
  if (buffers->dkernel)
    cnn__conv_sum_slices(context, slices, kernel, partial, size, buffers->dkernel);
  if (buffers->dbias)
    cnn__conv_sum_slices(context, slices, shape->out_channels, partial + kernel, size,
                         buffers->dbias);
}

const cnn__conv_algorithm cnn__conv_depthwise = {
    .accepts = accepts, .plan = plan, .prepare = prepare, .forward = forward, .backward = backward};
