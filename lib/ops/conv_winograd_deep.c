/* Winograd convolution of deep layers: their kernel's spectrum is larger than a group's, and reading it,
   or its gradient, for each group would take longer than what follows. Many images go in one pass:
   all inputs to their spectrum, one product for each frequency, all outputs back. Threads share the
   transforms by tiles and the products by frequencies, of a single image, too. */
#include "base/cpu.h"
#include "base/threads.h"
#include "ops/conv_winograd.h"
#include <string.h>

/* A group reads the kernel's spectrum; a pass over all images writes those of inputs and outputs, which
   do not fit the near caches, and reads them again. Which of them moves less depends on the channels and
   on the group's tiles. Backward, a group also reads and writes the kernel's gradient. The factors are
   measured. */
static bool moves_less(const cnn__conv_shape *shape, size_t tiles, double factor) {
  const double in = (double)shape->in_channels, out = (double)shape->out_channels;
  return in * out > factor * (double)tiles * (in + out);
}

void cnn__winograd_deep_choose(cnn__conv *conv, const cnn__winograd_geometry *geometry) {
  enum { WORTH_SHARING = 1 << 18 /* multiply-adds */, NEAR = 4 << 20 /* bytes */ };
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  const size_t wide = geometry->columns.tiles;
  const size_t tiles = p[WINOGRAD_IMAGES] * p[WINOGRAD_ROWS] * wide;
  const size_t back_tiles = p[WINOGRAD_BACK_IMAGES] * p[WINOGRAD_BACK_ROWS] * wide;
  const double all_points = (double)shape->batch * (double)geometry->rows.tiles * (double)wide *
                            (double)geometry->frequencies;
  const double in = (double)shape->in_channels, out = (double)shape->out_channels;
  /* A single group would be one thread's, where frequencies can be shared. */
  const bool shared =
      tiles == shape->batch * geometry->rows.tiles * wide && all_points * in * out >= WORTH_SHARING;
  const bool near = all_points * (in + out) * sizeof(float) <= NEAR;
  /* In training a kernel's spectrum is new in each step, and comes from afar to each thread. */
  const bool anew = conv->mode.training && near && cnn__cpu_has_large_l2();
  p[WINOGRAD_DEEP_FORWARD] = shared || moves_less(shape, tiles, anew ? 2.5 : 3);
  p[WINOGRAD_DEEP_BACKWARD] = conv->mode.training && moves_less(shape, back_tiles, near ? 1.25 : 2);
}

bool cnn__winograd_deep_plan(cnn__conv *conv, const cnn__winograd_geometry *geometry,
                             size_t *scratch) {
  enum { SPECTRA = 16 << 20 }; /* bytes of a pass: more would only take more memory */
  const cnn__conv_shape *shape = &conv->shape;
  size_t *p = conv->parameters;
  *scratch = 0;
  if (!p[WINOGRAD_DEEP_FORWARD] && !p[WINOGRAD_DEEP_BACKWARD]) return true;
  const size_t tiles = geometry->rows.tiles * geometry->columns.tiles;
  const double image = (double)tiles * sizeof(float) * (double)geometry->frequencies *
                       (double)(p[WINOGRAD_IN_PITCH] + p[WINOGRAD_OUT_PITCH]);
  const double fitting = SPECTRA / image;
  const size_t most = fitting < 1 ? 1 : cnn__size_min((size_t)fitting, shape->batch);
  p[WINOGRAD_DEEP_IMAGES] = cnn__size_even_part(shape->batch, most);
  size_t rows, in, out, offset;
  if (!cnn__size_mul(p[WINOGRAD_DEEP_IMAGES], tiles, &rows) ||
      !cnn__size_mul(rows, p[WINOGRAD_IN_PITCH], &in) ||
      !cnn__size_mul(rows, p[WINOGRAD_OUT_PITCH], &out))
    return false;
  p[WINOGRAD_DEEP_IN_STRIDE] = cnn__winograd_stride(in);
  p[WINOGRAD_DEEP_OUT_STRIDE] = cnn__winograd_stride(out);
  return cnn__conv_place(scratch, p[WINOGRAD_DEEP_IN_STRIDE] * geometry->frequencies, sizeof(float),
                         &offset) &&
         cnn__conv_place(scratch, p[WINOGRAD_DEEP_OUT_STRIDE] * geometry->frequencies,
                         sizeof(float), &p[WINOGRAD_DEEP_OUT]);
}

/* One pass. */
typedef struct deep_job {
  const cnn__conv *conv;
  const cnn__conv_buffers *buffers;
  cnn__winograd_geometry geometry;
  cnn__winograd_layout layout;
  float *v, *m;   /* spectra: of inputs, then of their gradients; of outputs, or their gradients */
  float *dkernel; /* the gradient of the kernel, in the spectrum */
  float *dbias;   /* one of each image of the pass; NULL: not wanted */
  bool accumulate;
  size_t blocks; /* of the output's channels, tasks of a frequency's forward product */
} deep_job;

static deep_job job_of(const cnn__conv *conv, const cnn__conv_buffers *buffers) {
  enum { NARROW = 128 };
  const size_t *p = conv->parameters;
  char *scratch = buffers->scratch;
  return (deep_job){.conv = conv,
                    .buffers = buffers,
                    .geometry = cnn__winograd_geometry_of(&conv->shape, p[WINOGRAD_SIZE]),
                    .blocks = conv->shape.out_channels <= NARROW ? 1 : 2,
                    .v = (float *)(void *)scratch,
                    .m = (float *)(void *)(scratch + p[WINOGRAD_DEEP_OUT])};
}

static void start_pass(deep_job *job, size_t first_image, size_t images) {
  const size_t *p = job->conv->parameters;
  const cnn__winograd_group group = {first_image, images, 0, job->geometry.rows.tiles};
  cnn__winograd_layout_make(job->conv, &job->geometry, &group, p[WINOGRAD_DEEP_IN_STRIDE],
                            p[WINOGRAD_OUT_PITCH], p[WINOGRAD_DEEP_OUT_STRIDE], &job->layout);
}

static size_t tiles_of_image(const deep_job *job) {
  return job->geometry.rows.tiles * job->geometry.columns.tiles;
}

/* One of the pass's tiles, by its number. */
static cnn__winograd_place place_of(const deep_job *job, size_t tile) {
  const size_t rows = job->geometry.rows.tiles, columns = job->geometry.columns.tiles;
  const size_t row = tile / columns;
  return cnn__winograd_place_at(&job->geometry, &job->layout.group,
                                job->layout.group.first_image + row / rows, row % rows,
                                tile % columns);
}

static void input_tile(const deep_job *job, const cnn__winograd_place *place) {
  size_t x;
  const cnn__winograd_tile tile =
      cnn__winograd_inputs(job->conv, &job->geometry, &job->layout, place, &x);
  cnn__kernels_get()->convolution.winograd.input(
      &tile, job->buffers->x + x, job->v + place->index * job->conv->parameters[WINOGRAD_IN_PITCH]);
}

static void inputs_task(void *argument, size_t task, size_t slot) {
  (void)slot;
  const deep_job *job = argument;
  const cnn__winograd_place place = place_of(job, task);
  input_tile(job, &place);
}

/* ---- forward ---- */

static void forward_product(void *argument, size_t task, size_t slot) {
  (void)slot;
  const deep_job *job = argument;
  const size_t *p = job->conv->parameters;
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t number = task / job->blocks;
  const size_t panels = cnn__size_ceil_div(shape->out_channels, CNN__PANEL);
  const size_t block = cnn__size_ceil_div(panels, job->blocks) * CNN__PANEL;
  const size_t first = task % job->blocks * block;
  if (first >= shape->out_channels) return;
  cnn__conv_multiply(&(cnn__gemm){.m = job->layout.tiles[number],
                                  .n = cnn__size_min(block, shape->out_channels - first),
                                  .k = shape->in_channels,
                                  .a_row = (ptrdiff_t)p[WINOGRAD_IN_PITCH],
                                  .c = job->m + number * p[WINOGRAD_DEEP_OUT_STRIDE] + first,
                                  .c_row = (ptrdiff_t)p[WINOGRAD_OUT_PITCH]},
                     CNN__WINOGRAD_DEPTHS, job->v + number * p[WINOGRAD_DEEP_IN_STRIDE],
                     job->buffers->prepared + number * p[WINOGRAD_KERNEL_STRIDE] +
                         first * shape->in_channels);
}

static void outputs_task(void *argument, size_t task, size_t slot) {
  (void)slot;
  const deep_job *job = argument;
  const cnn__winograd_place place = place_of(job, task);
  cnn__winograd_transform_output(job->conv, &job->geometry, &job->layout, &place, job->buffers, 0,
                                 job->conv->shape.out_channels,
                                 job->m + place.index * job->conv->parameters[WINOGRAD_OUT_PITCH]);
}

void cnn__winograd_deep_forward(const cnn__conv *conv, cnn_context *context, size_t images,
                                const cnn__conv_buffers *buffers) {
  deep_job job = job_of(conv, buffers);
  const size_t tiles = tiles_of_image(&job);
  const size_t most = conv->parameters[WINOGRAD_DEEP_IMAGES];
  for (size_t image = 0; image < images; image += most) {
    const size_t count = cnn__size_min(most, images - image);
    start_pass(&job, image, count);
    cnn__parallel_for(context, count * tiles, inputs_task, &job);
    cnn__parallel_for(context, job.geometry.frequencies * job.blocks, forward_product, &job);
    cnn__parallel_for(context, count * tiles, outputs_task, &job);
  }
}

/* ---- backward ---- */

/* An image: its gradients, and where the kernel's is wanted its inputs, to their spectra. */
static void gradients_task(void *argument, size_t task, size_t slot) {
  (void)slot;
  const deep_job *job = argument;
  const size_t *p = job->conv->parameters;
  const size_t channels = job->conv->shape.out_channels, tiles = tiles_of_image(job);
  float *sums = job->dbias ? job->dbias + task * channels : NULL;
  if (sums) memset(sums, 0, channels * sizeof *sums);
  for (size_t tile = task * tiles; tile < (task + 1) * tiles; tile++) {
    const cnn__winograd_place place = place_of(job, tile);
    if (job->buffers->dkernel) input_tile(job, &place);
    cnn__winograd_transform_gradient(job->conv, &job->geometry, &job->layout, &place, job->buffers,
                                     job->m + place.index * p[WINOGRAD_OUT_PITCH], sums);
  }
}

/* A frequency: dU (+)= transposed V * dM, then dV = dM * transposed U in V's place. */
static void backward_products(void *argument, size_t number, size_t slot) {
  (void)slot;
  const deep_job *job = argument;
  const size_t *p = job->conv->parameters;
  const cnn__conv_shape *shape = &job->conv->shape;
  float *v = job->v + number * p[WINOGRAD_DEEP_IN_STRIDE];
  const float *a = v, *m = job->m + number * p[WINOGRAD_DEEP_OUT_STRIDE];
  const cnn__gemm kernel = {.m = shape->in_channels,
                            .n = shape->out_channels,
                            .k = job->layout.tiles[number],
                            .batch = 1,
                            .a = &a,
                            .a_row = 1,
                            .a_depth = (ptrdiff_t)p[WINOGRAD_IN_PITCH],
                            .b = &m,
                            .b_row = (ptrdiff_t)p[WINOGRAD_OUT_PITCH],
                            .b_panel = CNN__PANEL,
                            .c = job->dkernel + number * p[WINOGRAD_GRADIENT_STRIDE],
                            .c_row = (ptrdiff_t)p[WINOGRAD_OUT_PITCH],
                            .accumulate = job->accumulate};
  if (job->buffers->dkernel) cnn__kernels_get()->gemm.gemm(&kernel);
  if (!job->buffers->dx) return;
  cnn__conv_multiply(&(cnn__gemm){.m = job->layout.tiles[number],
                                  .n = shape->in_channels,
                                  .k = shape->out_channels,
                                  .a_row = (ptrdiff_t)p[WINOGRAD_OUT_PITCH],
                                  .c = v,
                                  .c_row = (ptrdiff_t)p[WINOGRAD_IN_PITCH]},
                     CNN__WINOGRAD_DEPTHS, m,
                     job->buffers->prepared +
                         job->geometry.frequencies * p[WINOGRAD_KERNEL_STRIDE] +
                         number * p[WINOGRAD_BACK_STRIDE]);
}

/* An image: overlapping tiles add up in dx, in the tiles' order. */
static void inputs_back_task(void *argument, size_t task, size_t slot) {
  (void)slot;
  const deep_job *job = argument;
  const size_t size = cnn__conv_x_size(&job->conv->shape), tiles = tiles_of_image(job);
  const size_t image = job->layout.group.first_image + task;
  cnn__winograd_zero_rest(job->conv, &job->geometry, job->buffers->dx + image * size);
  for (size_t tile = task * tiles; tile < (task + 1) * tiles; tile++) {
    const cnn__winograd_place place = place_of(job, tile);
    size_t x;
    const cnn__winograd_tile inputs =
        cnn__winograd_inputs(job->conv, &job->geometry, &job->layout, &place, &x);
    cnn__kernels_get()->convolution.winograd.input_adjoint(
        &inputs, job->v + place.index * job->conv->parameters[WINOGRAD_IN_PITCH],
        job->buffers->dx + x);
  }
}

/* dbias (+)= the images' sums, in their order. */
static void add_bias(const deep_job *job, size_t images) {
  const size_t channels = job->conv->shape.out_channels;
  float *dbias = job->buffers->dbias;
  if (!job->accumulate) memset(dbias, 0, channels * sizeof *dbias);
  for (size_t image = 0; image < images; image++)
    for (size_t i = 0; i < channels; i++)
      dbias[i] += job->dbias[image * channels + i];
}

void cnn__winograd_deep_backward(const cnn__conv *conv, cnn_context *context, size_t images,
                                 const cnn__conv_buffers *buffers) {
  const size_t *p = conv->parameters;
  char *scratch = buffers->scratch;
  deep_job job = job_of(conv, buffers);
  job.dkernel = (float *)(void *)(scratch + p[WINOGRAD_PARTIAL]);
  if (buffers->dbias) job.dbias = (float *)(void *)(scratch + p[WINOGRAD_PARTIAL_BIAS]);
  for (size_t image = 0; image < images; image += p[WINOGRAD_DEEP_IMAGES]) {
    const size_t count = cnn__size_min(p[WINOGRAD_DEEP_IMAGES], images - image);
    start_pass(&job, image, count);
    cnn__parallel_for(context, count, gradients_task, &job);
    if (buffers->dkernel || buffers->dx)
      cnn__parallel_for(context, job.geometry.frequencies, backward_products, &job);
    if (buffers->dx) cnn__parallel_for(context, count, inputs_back_task, &job);
    if (buffers->dbias) add_bias(&job, count);
    job.accumulate = true;
  }
  if (buffers->dkernel) cnn__winograd_kernel_gradient(conv, context, &job.geometry, 1, buffers);
}
