/* Winograd convolution's gradients: the exact adjoint of the forward pass, tile by tile. A task is a
   slice of images; it sums the kernel's gradient, in the spectrum, over its groups in order. */
#include "base/threads.h"
#include "ops/conv_winograd.h"
#include <string.h>

typedef struct backward_job {
  const cnn__conv *conv;
  const cnn__conv_buffers *buffers;
  cnn__winograd_geometry geometry;
  size_t images, slices;
} backward_job;

/* What a task holds on to. */
typedef struct slice_work {
  const backward_job *job;
  float *v, *m;   /* spectra: of inputs, then of their gradients; of outputs' gradients */
  float *dkernel; /* the slice's gradient of the kernel, in the spectrum */
  float *dbias;   /* NULL: not wanted */
  bool accumulate;
} slice_work;

static void transform_gradients(const slice_work *work, const cnn__winograd_layout *layout) {
  const backward_job *job = work->job;
  cnn__winograd_place place = cnn__winograd_first(&job->geometry, &layout->group);
  do
    cnn__winograd_transform_gradient(
        job->conv, &job->geometry, layout, &place, job->buffers,
        work->m + place.index * job->conv->parameters[WINOGRAD_OUT_PITCH], work->dbias);
  while (cnn__winograd_next(&job->geometry, &layout->group, &place));
}

/* dU (+)= transposed V * dM */
static void kernel_product(const slice_work *work, const cnn__winograd_layout *layout,
                           size_t number) {
  const size_t *p = work->job->conv->parameters;
  const cnn__conv_shape *shape = &work->job->conv->shape;
  const float *a = work->v + number * p[WINOGRAD_IN_STRIDE];
  const float *b = work->m + number * p[WINOGRAD_OUT_STRIDE];
  const cnn__gemm product = {.m = shape->in_channels,
                             .n = shape->out_channels,
                             .k = layout->tiles[number],
                             .batch = 1,
                             .a = &a,
                             .a_row = 1,
                             .a_depth = (ptrdiff_t)p[WINOGRAD_IN_PITCH],
                             .b = &b,
                             .b_row = (ptrdiff_t)p[WINOGRAD_OUT_PITCH],
                             .b_panel = CNN__PANEL,
                             .c = work->dkernel + number * p[WINOGRAD_GRADIENT_STRIDE],
                             .c_row = (ptrdiff_t)p[WINOGRAD_OUT_PITCH],
                             .near = shape->in_channels * p[WINOGRAD_OUT_PITCH] <= CNN__NEAR,
                             .accumulate = work->accumulate};
  cnn__kernels_get()->gemm.gemm(&product);
}

/* dV = dM * transposed U, in V's place */
static void input_product(const slice_work *work, const cnn__winograd_layout *layout,
                          size_t number) {
  const backward_job *job = work->job;
  const size_t *p = job->conv->parameters;
  const cnn__conv_shape *shape = &job->conv->shape;
  cnn__conv_multiply(
      &(cnn__gemm){.m = layout->tiles[number],
                   .n = shape->in_channels,
                   .k = shape->out_channels,
                   .a_row = (ptrdiff_t)p[WINOGRAD_OUT_PITCH],
                   .c = work->v + number * p[WINOGRAD_IN_STRIDE],
                   .c_row = (ptrdiff_t)p[WINOGRAD_IN_PITCH],
                   .near = layout->tiles[number] * p[WINOGRAD_IN_PITCH] <= CNN__NEAR},
      CNN__WINOGRAD_DEPTHS, work->m + number * p[WINOGRAD_OUT_STRIDE],
      job->buffers->prepared + job->geometry.frequencies * p[WINOGRAD_KERNEL_STRIDE] +
          number * p[WINOGRAD_BACK_STRIDE]);
}

/* Overlapping tiles add up in dx, in the tiles' order. */
static void transform_inputs_back(const slice_work *work, const cnn__winograd_layout *layout) {
  const backward_job *job = work->job;
  const cnn__winograd_kernels *kernels = &cnn__kernels_get()->convolution.winograd;
  const cnn__winograd_group *group = &layout->group;
  if (group->first_row == 0)
    for (size_t i = 0; i < group->images; i++)
      cnn__winograd_zero_rest(job->conv, &job->geometry,
                              job->buffers->dx +
                                  (group->first_image + i) * cnn__conv_x_size(&job->conv->shape));
  cnn__winograd_place place = cnn__winograd_first(&job->geometry, group);
  do {
    size_t x;
    const cnn__winograd_tile tile =
        cnn__winograd_inputs(job->conv, &job->geometry, layout, &place, &x);
    kernels->input_adjoint(&tile, work->v + place.index * job->conv->parameters[WINOGRAD_IN_PITCH],
                           job->buffers->dx + x);
  } while (cnn__winograd_next(&job->geometry, group, &place));
}

static void group_backward(slice_work *work, const cnn__winograd_group *group) {
  const backward_job *job = work->job;
  const size_t *p = job->conv->parameters;
  cnn__winograd_layout layout;
  cnn__winograd_layout_make(job->conv, &job->geometry, group, p[WINOGRAD_IN_STRIDE],
                            p[WINOGRAD_OUT_PITCH], p[WINOGRAD_OUT_STRIDE], &layout);
  if (group->images > 0) {
    if (job->buffers->dkernel)
      cnn__winograd_transform_inputs(job->conv, &job->geometry, &layout, job->buffers->x, work->v);
    transform_gradients(work, &layout);
  }
  for (size_t number = 0; number < job->geometry.frequencies; number++) {
    if (job->buffers->dkernel) kernel_product(work, &layout, number);
    if (job->buffers->dx) input_product(work, &layout, number);
  }
  if (group->images > 0 && job->buffers->dx) transform_inputs_back(work, &layout);
  work->accumulate = true;
}

static void slice_task(void *argument, size_t slice, size_t slot) {
  const backward_job *job = argument;
  const cnn__conv *conv = job->conv;
  const size_t *p = conv->parameters;
  char *scratch = job->buffers->scratch;
  slice_work work = {.job = job,
                     .v = cnn__winograd_in_spectrum(job->buffers, slot),
                     .m = cnn__winograd_out_spectrum(conv, job->buffers, slot),
                     .dkernel = (float *)(void *)(scratch + p[WINOGRAD_PARTIAL]) +
                                slice * job->geometry.frequencies * p[WINOGRAD_GRADIENT_STRIDE]};
  if (job->buffers->dbias) {
    work.dbias =
        (float *)(void *)(scratch + p[WINOGRAD_PARTIAL_BIAS]) + slice * conv->shape.out_channels;
    memset(work.dbias, 0, conv->shape.out_channels * sizeof(float));
  }
  size_t image = slice * job->images / job->slices;
  const size_t end = (slice + 1) * job->images / job->slices;
  do { /* once at least: a slice of no images gives zeros */
    for (size_t row = 0; row < job->geometry.rows.tiles; row += p[WINOGRAD_BACK_ROWS]) {
      const cnn__winograd_group group = cnn__winograd_group_at(
          &job->geometry, p[WINOGRAD_BACK_IMAGES], p[WINOGRAD_BACK_ROWS], image, end, row);
      group_backward(&work, &group);
    }
    image += p[WINOGRAD_BACK_IMAGES];
  } while (image < end);
}

void cnn__winograd_backward(const cnn__conv *conv, cnn_context *context, size_t images,
                            const cnn__conv_buffers *buffers) {
  const cnn__conv_shape *shape = &conv->shape;
  const size_t *p = conv->parameters;
  backward_job job = {.conv = conv,
                      .buffers = buffers,
                      .geometry = cnn__winograd_geometry_of(shape, p[WINOGRAD_SIZE]),
                      .images = images,
                      .slices = p[WINOGRAD_SLICES]};
  if (p[WINOGRAD_DEEP_BACKWARD]) {
    cnn__winograd_deep_backward(conv, context, images, buffers);
    return;
  }
  cnn__parallel_for(context, job.slices, slice_task, &job);
  if (buffers->dkernel)
    cnn__winograd_kernel_gradient(conv, context, &job.geometry, job.slices, buffers);
  if (buffers->dbias)
    cnn__conv_sum_slices(
        context, job.slices, shape->out_channels,
        (const float *)(void *)((char *)buffers->scratch + p[WINOGRAD_PARTIAL_BIAS]),
        shape->out_channels, buffers->dbias);
}
