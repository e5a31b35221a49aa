#include "ops/activation.h"
#include "kernels/kernels.h"
#include "ops/blocks.h"
#include <string.h>

/* A slope of 0 is plain ReLU; linear has no kernel. */
static const cnn__activation_kernel *kernel_of(cnn_activation_kind kind, float slope) {
  const cnn__activation_kernels *kernels = &cnn__kernels_get()->elementwise.activation;
  switch (kind) {
  case CNN_RELU:
    return &kernels->relu;
  case CNN_LEAKY_RELU:
    return slope == 0 ? &kernels->relu : &kernels->leaky_relu;
  case CNN_RELU6:
    return &kernels->relu6;
  case CNN_SIGMOID:
    return &kernels->sigmoid;
  case CNN_TANH:
    return &kernels->tanh;
  case CNN_ELU:
    return &kernels->elu;
  case CNN_GELU:
    return &kernels->gelu;
  case CNN_SILU:
    return &kernels->silu;
  case CNN_SOFTPLUS:
    return &kernels->softplus;
  case CNN_LINEAR:
  case CNN_SOFTMAX:
    break;
  }
  return NULL;
}

bool cnn__activation_needs_input(cnn_activation_kind kind) {
  return kind == CNN_GELU || kind == CNN_SILU;
}

typedef struct map {
  const cnn__activation_kernel *kernel; /* NULL: y = x, dx = dy */
  float slope;
  size_t count;
  const float *x, *y, *dy;
  float *out;
} map;

static void copy(size_t count, const float *from, float *to) {
  if (from != to) memcpy(to, from, count * sizeof *to);
}

static void forward_block(void *argument, size_t task, size_t slot) {
  (void)slot;
  const map *to = argument;
  const cnn__block block = cnn__block_of(to->count, cnn__block_even(to->count), task);
  if (to->kernel)
    to->kernel->forward(block.count, to->slope, to->x + block.first, to->out + block.first);
  else
    copy(block.count, to->x + block.first, to->out + block.first);
}

static void backward_block(void *argument, size_t task, size_t slot) {
  (void)slot;
  const map *to = argument;
  const cnn__block block = cnn__block_of(to->count, cnn__block_even(to->count), task);
  const float *dy = to->dy + block.first;
  float *dx = to->out + block.first;
  if (to->kernel)
    to->kernel->backward(block.count, to->slope, to->x ? to->x + block.first : NULL,
                         to->y ? to->y + block.first : NULL, dy, dx);
  else
    copy(block.count, dy, dx);
}

void cnn__activation_forward(cnn_context *context, cnn_activation_kind kind, float slope,
                             size_t count, const float *x, float *y) {
  map to = {.kernel = kernel_of(kind, slope), .slope = slope, .count = count, .x = x, .out = y};
  cnn__for_blocks(context, count, cnn__block_even(count), forward_block, &to);
}

void cnn__activation_backward(cnn_context *context, cnn_activation_kind kind, float slope,
                              size_t count, const float *x, const float *y, const float *dy,
                              float *dx) {
  map to = {kernel_of(kind, slope), slope, count, x, y, dy, dx};
  cnn__for_blocks(context, count, cnn__block_even(count), backward_block, &to);
}

typedef struct softmax {
  size_t rows, n;
  const float *x, *dy; /* dy: backward, and x is y */
  float *out;
} softmax;

static void softmax_block(void *argument, size_t task, size_t slot) {
  (void)slot;
  const softmax *of = argument;
  const cnn__activation_kernels *kernels = &cnn__kernels_get()->elementwise.activation;
  const cnn__block block = cnn__block_of(of->rows, cnn__block_rows(of->n), task);
  const size_t first = block.first * of->n;
  if (of->dy)
    kernels->softmax_backward(block.count, of->n, of->x + first, of->dy + first, of->out + first);
  else
    kernels->softmax(block.count, of->n, of->x + first, of->out + first);
}

void cnn__softmax_forward(cnn_context *context, size_t rows, size_t n, const float *x, float *y) {
  softmax of = {.rows = rows, .n = n, .x = x, .out = y};
  cnn__for_blocks(context, rows, cnn__block_rows(n), softmax_block, &of);
}

void cnn__softmax_backward(cnn_context *context, size_t rows, size_t n, const float *y,
                           const float *dy, float *dx) {
  softmax of = {rows, n, y, dy, dx};
  cnn__for_blocks(context, rows, cnn__block_rows(n), softmax_block, &of);
}
