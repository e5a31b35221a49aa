/* Winograd convolution of 3 x 3 kernels, stride 1: the plan and the forward pass. A group of tiles, whose
   spectra stay in the cache, goes from input to result in one task; where groups do not pay, whole passes
   stand in conv_winograd_deep.c. */
#include "ops/conv_winograd.h"
#include "base/cpu.h"
#include "base/threads.h"

/* ---- the plan ---- */

static bool accepts(const cnn__conv_shape *shape, const cnn__conv_mode *mode) {
  if (shape->pool_height && (shape->pool_height != 2 || shape->pool_width != 2)) return false;
  return cnn__winograd_choose(shape, mode) != 0;
}

/* Rows of spectra: whole panels; long ones an odd number, lest they all fall into the same few lines
   of the cache. */
static size_t pitch_of(size_t channels) {
  const size_t panels = cnn__size_ceil_div(channels, CNN__PANEL);
  return (panels >= 8 ? panels | 1 : panels) * CNN__PANEL;
}
/* Groups of about wanted tiles: whole images, or rows of tiles of one. */
static void cut_groups(const cnn__conv_shape *shape, const cnn__winograd_geometry *geometry,
                       size_t wanted, size_t *images, size_t *rows) {
  const size_t high = geometry->rows.tiles, wide = geometry->columns.tiles;
  *images = cnn__size_even_part(shape->batch, cnn__size_max(wanted / (high * wide), 1));
  *rows = cnn__size_even_part(high, cnn__size_max(wanted / wide, 1));
}

/* A group has tiles enough to read the kernel's spectrum seldom, and so few that its own spectra stay
   in the second level's cache beside it. The backward pass, which reads and writes the kernel's
   gradient as well, has more; the forward pass has some groups at least, for threads to share. */
static void plan_groups(cnn__conv *conv, const cnn__winograd_geometry *geometry) {
  enum { SPECTRA = 2 << 20, LEAST = 16, MOST = 24, MOST_BACK = 36, TASKS = 4, LEAST_SHARE = 12 };
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  const size_t tile =
      sizeof(float) * geometry->frequencies * (shape->in_channels + shape->out_channels);
  const size_t wanted = cnn__size_max(SPECTRA / tile, LEAST);
  const double all =
      (double)shape->batch * (double)geometry->rows.tiles * (double)geometry->columns.tiles / TASKS;
  size_t forward = cnn__size_min(wanted, MOST);
  if (all < (double)forward) forward = cnn__size_max((size_t)all, LEAST_SHARE);
  cut_groups(shape, geometry, forward, &p[WINOGRAD_IMAGES], &p[WINOGRAD_ROWS]);
  cut_groups(shape, geometry, cnn__size_min(wanted, MOST_BACK), &p[WINOGRAD_BACK_IMAGES],
             &p[WINOGRAD_BACK_ROWS]);
  const size_t slice = cnn__size_ceil_div(shape->batch, p[WINOGRAD_SLICES]);
  p[WINOGRAD_BACK_IMAGES] = cnn__size_even_part(slice, p[WINOGRAD_BACK_IMAGES]);
}

/* A single image's deep pass, for several threads: where a large cache holds the weights each thread takes its own tiles, or
   its own of the output's channels, from inputs to outputs. What one core hands another costs more than reading weights or
   transforming inputs twice. */
static void share_tiles(cnn__conv *conv, const cnn__winograd_geometry *geometry) {
  enum { LEAST_TILES = 3, LEAST_CHANNELS = 32, NEAR = CNN__LARGE_L2 / 4 };
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  const size_t slots = conv->mode.slots, high = geometry->rows.tiles,
               wide = geometry->columns.tiles;
  p[WINOGRAD_PARTS] = 1;
  if (shape->batch > 1 || slots == 1 || !p[WINOGRAD_DEEP_FORWARD] || !cnn__cpu_has_large_l2())
    return;
  const double weights = sizeof(float) * (double)geometry->frequencies *
                         (double)shape->in_channels * (double)shape->out_channels;
  const size_t rows = cnn__size_ceil_div(high, slots), others = rows * (slots - 1);
  if (high > others && (high - others) * wide >= LEAST_TILES && weights <= NEAR) {
    p[WINOGRAD_ROWS] = rows;
  } else if (shape->out_channels >= slots * LEAST_CHANNELS && weights <= NEAR * (double)slots) {
    p[WINOGRAD_ROWS] = high;
    p[WINOGRAD_PARTS] = slots;
  } else {
    return;
  }
  p[WINOGRAD_DEEP_FORWARD] = 0;
}

/* Tiles of the largest group that is worked on as one. */
static size_t tiles_of_groups(const cnn__conv *conv, const cnn__winograd_geometry *geometry) {
  const size_t *p = conv->parameters;
  size_t tiles = 0;
  if (!p[WINOGRAD_DEEP_FORWARD]) tiles = p[WINOGRAD_IMAGES] * p[WINOGRAD_ROWS];
  if (conv->mode.training && !p[WINOGRAD_DEEP_BACKWARD])
    tiles = cnn__size_max(tiles, p[WINOGRAD_BACK_IMAGES] * p[WINOGRAD_BACK_ROWS]);
  return tiles * geometry->columns.tiles;
}

static bool plan_scratch(cnn__conv *conv, const cnn__winograd_geometry *geometry) {
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  const size_t tiles = tiles_of_groups(conv, geometry);
  const size_t pitch = conv->mode.training ? p[WINOGRAD_OUT_PITCH] : pitch_of(p[WINOGRAD_BLOCK]);
  size_t in, out, offset;
  if (!cnn__size_mul(tiles, p[WINOGRAD_IN_PITCH], &in) || !cnn__size_mul(tiles, pitch, &out))
    return false;
  p[WINOGRAD_IN_STRIDE] = cnn__winograd_stride(in);
  p[WINOGRAD_OUT_STRIDE] = cnn__winograd_stride(out);
  if (!cnn__conv_place(&conv->slot_size, p[WINOGRAD_IN_STRIDE] * geometry->frequencies,
                       sizeof(float), &offset) ||
      !cnn__conv_place(&conv->slot_size, p[WINOGRAD_OUT_STRIDE] * geometry->frequencies,
                       sizeof(float), &p[WINOGRAD_OUT_SCRATCH]) ||
      !cnn__winograd_deep_plan(conv, geometry, &conv->scratch_size))
    return false;
  if (tiles == 0) conv->slot_size = 0;
  if (!conv->mode.training) return true;
  p[WINOGRAD_GRADIENT_STRIDE] =
      cnn__winograd_stride(shape->in_channels * pitch_of(shape->out_channels));
  const size_t bias_sums = p[WINOGRAD_DEEP_BACKWARD] ? p[WINOGRAD_DEEP_IMAGES] : p[WINOGRAD_SLICES];
  return cnn__conv_place(&conv->scratch_size, p[WINOGRAD_SLICES] * geometry->frequencies,
                         sizeof(float) * p[WINOGRAD_GRADIENT_STRIDE], &p[WINOGRAD_PARTIAL]) &&
         cnn__conv_place(&conv->scratch_size, bias_sums * shape->out_channels, sizeof(float),
                         &p[WINOGRAD_PARTIAL_BIAS]);
}

/* Slices enough for some threads, but no more than the cache has room for their gradients: each is
   written and read once. A power of two, which is shared evenly. */
static size_t slices_of(const cnn__conv *conv, const cnn__winograd_geometry *geometry) {
  enum { LEAST = 2, MOST = 8, BYTES = 3 << 20 };
  const double slice = (double)sizeof(float) * (double)geometry->frequencies *
                       (double)conv->shape.in_channels * (double)conv->shape.out_channels;
  size_t slices = LEAST;
  while (slices < MOST && 2 * (double)slices * slice <= BYTES)
    slices *= 2;
  return cnn__size_min(conv->shape.batch, slices);
}

static bool plan(cnn__conv *conv) {
  enum { BLOCK = 64 };
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  p[WINOGRAD_SIZE] = cnn__winograd_choose(shape, &conv->mode);
  conv->name = p[WINOGRAD_SIZE] == 4 ? "winograd-4x4" : "winograd-2x2";
  const cnn__winograd_geometry geometry = cnn__winograd_geometry_of(shape, p[WINOGRAD_SIZE]);
  size_t size;
  if (!cnn__size_mul(shape->in_channels + 32, shape->out_channels + 32, &size) ||
      !cnn__size_mul(size, 8 * CNN__WINOGRAD_FREQUENCIES * sizeof(float), &size))
    return false;
  p[WINOGRAD_IN_PITCH] = pitch_of(shape->in_channels);
  p[WINOGRAD_OUT_PITCH] = pitch_of(shape->out_channels);
  p[WINOGRAD_BLOCK] =
      cnn__size_ceil_div(cnn__size_even_part(shape->out_channels, BLOCK), CNN__PANEL) * CNN__PANEL;
  p[WINOGRAD_SLICES] = slices_of(conv, &geometry);
  plan_groups(conv, &geometry);
  cnn__winograd_deep_choose(conv, &geometry);
  share_tiles(conv, &geometry);
  if (p[WINOGRAD_DEEP_BACKWARD]) p[WINOGRAD_SLICES] = 1;
  p[WINOGRAD_KERNEL_STRIDE] =
      cnn__winograd_stride(cnn__gemm_packed_size(shape->in_channels, shape->out_channels));
  p[WINOGRAD_BACK_STRIDE] =
      cnn__winograd_stride(cnn__gemm_packed_size(shape->out_channels, shape->in_channels));
  conv->prepared_size = geometry.frequencies * p[WINOGRAD_KERNEL_STRIDE];
  if (conv->mode.training && conv->mode.input_gradient)
    conv->prepared_size += geometry.frequencies * p[WINOGRAD_BACK_STRIDE];
  if (conv->mode.training && cnn__conv_pooled(shape) &&
      !cnn__size_mul(cnn__conv_y_size(shape), shape->batch, &conv->saved_size))
    return false;
  return plan_scratch(conv, &geometry);
}

/* ---- the forward pass ---- */

typedef struct forward_job {
  const cnn__conv *conv;
  const cnn__conv_buffers *buffers;
  cnn__winograd_geometry geometry;
  size_t images, strips; /* strips of an image */
} forward_job;

/* Channels [first, first + count) of all frequencies: spectra of the output from the input's. */
static void multiply(const forward_job *job, const cnn__winograd_layout *layout, size_t first,
                     size_t count, size_t pitch, const float *v, float *m) {
  const size_t *p = job->conv->parameters;
  const size_t channels = job->conv->shape.in_channels;
  for (size_t number = 0; number < job->geometry.frequencies; number++)
    cnn__conv_multiply(&(cnn__gemm){.m = layout->tiles[number],
                                    .n = count,
                                    .k = channels,
                                    .a_row = (ptrdiff_t)p[WINOGRAD_IN_PITCH],
                                    .c = m + number * p[WINOGRAD_OUT_STRIDE],
                                    .c_row = (ptrdiff_t)pitch,
                                    .near = layout->tiles[number] * pitch <= CNN__NEAR},
                       CNN__WINOGRAD_DEPTHS, v + number * p[WINOGRAD_IN_STRIDE],
                       job->buffers->prepared + number * p[WINOGRAD_KERNEL_STRIDE] +
                           first * channels);
}

static void transform_outputs(const forward_job *job, const cnn__winograd_layout *layout,
                              size_t first, size_t count, size_t pitch, const float *m) {
  cnn__winograd_place place = cnn__winograd_first(&job->geometry, &layout->group);
  do
    cnn__winograd_transform_output(job->conv, &job->geometry, layout, &place, job->buffers, first,
                                   count, m + place.index * pitch);
  while (cnn__winograd_next(&job->geometry, &layout->group, &place));
}

static void forward_task(void *argument, size_t task, size_t slot) {
  const forward_job *job = argument;
  const cnn__conv *conv = job->conv;
  const size_t *p = conv->parameters;
  const size_t part = task % p[WINOGRAD_PARTS], number = task / p[WINOGRAD_PARTS];
  const cnn__winograd_group group =
      cnn__winograd_group_at(&job->geometry, p[WINOGRAD_IMAGES], p[WINOGRAD_ROWS],
                             number / job->strips * p[WINOGRAD_IMAGES], job->images,
                             number % job->strips * p[WINOGRAD_ROWS]);
  const size_t pitch = pitch_of(p[WINOGRAD_BLOCK]);
  cnn__winograd_layout layout;
  cnn__winograd_layout_make(conv, &job->geometry, &group, p[WINOGRAD_IN_STRIDE], pitch,
                            p[WINOGRAD_OUT_STRIDE], &layout);
  float *v = cnn__winograd_in_spectrum(job->buffers, slot);
  float *m = cnn__winograd_out_spectrum(conv, job->buffers, slot);
  cnn__winograd_transform_inputs(conv, &job->geometry, &layout, job->buffers->x, v);
  const size_t panels = cnn__size_ceil_div(conv->shape.out_channels, CNN__PANEL);
  const size_t share = cnn__size_ceil_div(panels, p[WINOGRAD_PARTS]) * CNN__PANEL;
  const size_t end = cnn__size_min((part + 1) * share, conv->shape.out_channels);
  for (size_t first = part * share; first < end; first += p[WINOGRAD_BLOCK]) {
    const size_t count = cnn__size_min(p[WINOGRAD_BLOCK], end - first);
    multiply(job, &layout, first, count, pitch, v, m);
    transform_outputs(job, &layout, first, count, pitch, m);
  }
}

static void forward(const cnn__conv *conv, cnn_context *context, size_t images,
                    const cnn__conv_buffers *buffers) {
  const size_t *p = conv->parameters;
  if (p[WINOGRAD_DEEP_FORWARD]) {
    cnn__winograd_deep_forward(conv, context, images, buffers);
    return;
  }
  forward_job job = {.conv = conv,
                     .buffers = buffers,
                     .geometry = cnn__winograd_geometry_of(&conv->shape, p[WINOGRAD_SIZE]),
                     .images = images};
  job.strips = cnn__size_ceil_div(job.geometry.rows.tiles, p[WINOGRAD_ROWS]);
  const size_t groups = cnn__size_ceil_div(images, p[WINOGRAD_IMAGES]) * job.strips;
  cnn__parallel_for(context, groups * p[WINOGRAD_PARTS], forward_task, &job);
}

const cnn__conv_algorithm cnn__conv_winograd = {.accepts = accepts,
                                                .plan = plan,
                                                .prepare = cnn__winograd_prepare,
                                                .forward = forward,
                                                .backward = cnn__winograd_backward};
