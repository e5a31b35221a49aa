/* Winograd convolution: the kernel to its spectrum, and its gradient back from there, by all threads. */
#include "base/threads.h"
#include "ops/conv_winograd.h"

/* Offsets of the frequencies in a prepared kernel, or in its gradient. */
static void spectrum_of(const cnn__winograd_geometry *geometry, size_t stride,
                        size_t spectrum[CNN__WINOGRAD_FREQUENCIES]) {
  for (size_t number = 0; number < geometry->frequencies; number++)
    spectrum[geometry->frequency[number]] = number * stride;
}

static size_t largest(const cnn__winograd_axis *axis) {
  return axis->tiles > 1 ? axis->size : axis->last_size;
}

/* ---- to the spectrum ---- */

typedef struct prepare_job {
  const cnn__conv *conv;
  const float *kernel;
  float *prepared;
  cnn__winograd_geometry geometry;
  size_t panels, back_panels, back_parts; /* parts of a panel's depths */
} prepare_job;

enum { PART_DEPTHS = 32 };

/* A panel of 16 output channels. */
static void prepare_panel(const prepare_job *job, size_t panel) {
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t first = panel * CNN__PANEL;
  size_t spectrum[CNN__WINOGRAD_FREQUENCIES];
  spectrum_of(&job->geometry, job->conv->parameters[WINOGRAD_KERNEL_STRIDE], spectrum);
  cnn__kernels_get()->convolution.winograd.kernel(
      largest(&job->geometry.rows), largest(&job->geometry.columns), spectrum, shape->in_channels,
      cnn__size_min(CNN__PANEL, shape->out_channels - first), job->kernel + first,
      (ptrdiff_t)(shape->in_channels * shape->out_channels), (ptrdiff_t)shape->out_channels,
      job->prepared + first * shape->in_channels);
}

/* Some output channels of a panel of 16 input channels of the transposed kernel. */
static void prepare_back_part(const prepare_job *job, size_t panel, size_t part) {
  enum { TAPS = 9 };
  const cnn__conv_shape *shape = &job->conv->shape;
  const cnn__kernels *kernels = cnn__kernels_get();
  const size_t first = panel * CNN__PANEL;
  const size_t lanes = cnn__size_min(CNN__PANEL, shape->in_channels - first);
  const size_t *p = job->conv->parameters;
  const size_t depth = part * PART_DEPTHS;
  const size_t depths = cnn__size_min(PART_DEPTHS, shape->out_channels - depth);
  size_t spectrum[CNN__WINOGRAD_FREQUENCIES];
  spectrum_of(&job->geometry, p[WINOGRAD_BACK_STRIDE], spectrum);
  float block[TAPS * PART_DEPTHS * CNN__PANEL];
  for (size_t tap = 0; tap < TAPS; tap++)
    kernels->gemm.pack(depths, lanes,
                       job->kernel + (tap * shape->in_channels + first) * shape->out_channels +
                           depth,
                       1, (ptrdiff_t)shape->out_channels, block + tap * PART_DEPTHS * CNN__PANEL);
  kernels->convolution.winograd.kernel(
      largest(&job->geometry.rows), largest(&job->geometry.columns), spectrum, depths, lanes, block,
      PART_DEPTHS * CNN__PANEL, CNN__PANEL,
      job->prepared + job->geometry.frequencies * p[WINOGRAD_KERNEL_STRIDE] +
          first * shape->out_channels + depth * CNN__PANEL);
}

static void prepare_task(void *argument, size_t task, size_t slot) {
  (void)slot;
  const prepare_job *job = argument;
  if (task < job->panels)
    prepare_panel(job, task);
  else
    prepare_back_part(job, (task - job->panels) / job->back_parts,
                      (task - job->panels) % job->back_parts);
}

void cnn__winograd_prepare(const cnn__conv *conv, cnn_context *context, const float *kernel,
                           float *prepared) {
  const cnn__conv_shape *shape = &conv->shape;
  prepare_job job = {.conv = conv,
                     .kernel = kernel,
                     .prepared = prepared,
                     .geometry = cnn__winograd_geometry_of(shape, conv->parameters[WINOGRAD_SIZE]),
                     .panels = cnn__size_ceil_div(shape->out_channels, CNN__PANEL),
                     .back_parts = cnn__size_ceil_div(shape->out_channels, PART_DEPTHS)};
  if (conv->mode.training && conv->mode.input_gradient)
    job.back_panels = cnn__size_ceil_div(shape->in_channels, CNN__PANEL);
  cnn__parallel_for(context, job.panels + job.back_panels * job.back_parts, prepare_task, &job);
}

/* ---- its gradient ---- */

typedef struct gradient_job {
  const cnn__conv *conv;
  const cnn__conv_buffers *buffers;
  cnn__winograd_geometry geometry;
  size_t slices;
} gradient_job;

/* One input channel's weights: the slices' sum, back from the spectrum. */
static void gradient_task(void *argument, size_t task, size_t slot) {
  (void)slot;
  const gradient_job *job = argument;
  const cnn__conv_shape *shape = &job->conv->shape;
  const size_t *p = job->conv->parameters;
  size_t spectrum[CNN__WINOGRAD_FREQUENCIES];
  spectrum_of(&job->geometry, p[WINOGRAD_GRADIENT_STRIDE], spectrum);
  cnn__kernels_get()->convolution.winograd.kernel_adjoint(
      largest(&job->geometry.rows), largest(&job->geometry.columns), spectrum, job->slices,
      job->geometry.frequencies * p[WINOGRAD_GRADIENT_STRIDE], shape->out_channels,
      (const float *)(void *)((char *)job->buffers->scratch + p[WINOGRAD_PARTIAL]) +
          task * p[WINOGRAD_OUT_PITCH],
      (ptrdiff_t)(shape->in_channels * shape->out_channels),
      job->buffers->dkernel + task * shape->out_channels);
}

void cnn__winograd_kernel_gradient(const cnn__conv *conv, cnn_context *context,
                                   const cnn__winograd_geometry *geometry, size_t slices,
                                   const cnn__conv_buffers *buffers) {
  gradient_job job = {.conv = conv, .buffers = buffers, .geometry = *geometry, .slices = slices};
  cnn__parallel_for(context, conv->shape.in_channels, gradient_task, &job);
}
