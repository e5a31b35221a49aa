#include "ops/vector.h"
#include "kernels/kernels.h"
#include "ops/blocks.h"
#include "ops/columns.h"
#include <string.h>

static const cnn__arithmetic_kernels *arithmetic(void) {
  return &cnn__kernels_get()->elementwise.arithmetic;
}

/* One call over arrays: a task does its block of it. */
typedef struct call {
  void (*work)(const struct call *of, size_t first, size_t count);
  size_t count;
  float a, b;
  const float *p, *q;
  float *y;
} call;

static void do_block(void *argument, size_t task, size_t slot) {
  (void)slot;
  const call *of = argument;
  const cnn__block block = cnn__block_of(of->count, cnn__block_even(of->count), task);
  of->work(of, block.first, block.count);
}
static void run(cnn_context *context, call of) {
  cnn__for_blocks(context, of.count, cnn__block_even(of.count), do_block, &of);
}

static void add(const call *of, size_t first, size_t count) {
  arithmetic()->add(count, of->p + first, of->q + first, of->y + first);
}
static void add_relu(const call *of, size_t first, size_t count) {
  add(of, first, count);
  cnn__kernels_get()->elementwise.activation.relu.forward(count, 0, of->y + first, of->y + first);
}
static void copy(const call *of, size_t first, size_t count) {
  memcpy(of->y + first, of->p + first, count * sizeof *of->y);
}
static void multiply(const call *of, size_t first, size_t count) {
  arithmetic()->multiply(count, of->p + first, of->q + first, of->y + first);
}
static void axpy(const call *of, size_t first, size_t count) {
  arithmetic()->axpy(count, of->a, of->p + first, of->y + first);
}
static void scale(const call *of, size_t first, size_t count) {
  arithmetic()->scale(count, of->a, of->p + first, of->y + first);
}
static void affine(const call *of, size_t first, size_t count) {
  arithmetic()->affine(count, of->a, of->b, of->p + first, of->y + first);
}

void cnn__vector_add(cnn_context *context, size_t count, const float *a, const float *b, float *y) {
  run(context, (call){.work = add, .count = count, .p = a, .q = b, .y = y});
}
void cnn__vector_add_relu(cnn_context *context, size_t count, const float *a, const float *b,
                          float *y) {
  run(context, (call){.work = add_relu, .count = count, .p = a, .q = b, .y = y});
}
void cnn__vector_copy(cnn_context *context, size_t count, const float *x, float *y) {
  run(context, (call){.work = copy, .count = count, .p = x, .y = y});
}
void cnn__vector_accumulate(cnn_context *context, size_t count, const float *x, float *y) {
  cnn__vector_add(context, count, y, x, y);
}
void cnn__vector_multiply(cnn_context *context, size_t count, const float *a, const float *b,
                          float *y) {
  run(context, (call){.work = multiply, .count = count, .p = a, .q = b, .y = y});
}
void cnn__vector_axpy(cnn_context *context, size_t count, float a, const float *x, float *y) {
  run(context, (call){.work = axpy, .count = count, .a = a, .p = x, .y = y});
}
void cnn__vector_scale(cnn_context *context, size_t count, float a, const float *x, float *y) {
  run(context, (call){.work = scale, .count = count, .a = a, .p = x, .y = y});
}
void cnn__vector_affine(cnn_context *context, size_t count, float a, float b, const float *x,
                        float *y) {
  run(context, (call){.work = affine, .count = count, .a = a, .b = b, .p = x, .y = y});
}

static double squares_part(const void *argument, size_t first, size_t count) {
  return arithmetic()->sum_of_squares(count, (const float *)argument + first);
}
/* Counts the blocks with a value that is not finite. */
static double not_finite_part(const void *argument, size_t first, size_t count) {
  return arithmetic()->finite(count, (const float *)argument + first) ? 0 : 1;
}

double cnn__vector_sum_of_squares(cnn_context *context, size_t count, const float *x) {
  return cnn__sum_blocks(context, &(cnn__sum){squares_part, x, count, 4096});
}
bool cnn__vector_finite(cnn_context *context, size_t count, const float *x) {
  return cnn__sum_blocks(context, &(cnn__sum){not_finite_part, x, count, CNN__BLOCK}) == 0;
}

bool cnn__column_sums_scratch(size_t rows, size_t columns, size_t *bytes) {
  return cnn__columns_scratch(rows, columns, 1, bytes);
}
void cnn__column_sums(cnn_context *context, size_t rows, size_t columns, const float *x, float *y,
                      void *scratch) {
  const cnn__columns of = {.kind = CNN__COLUMN_SUMS, .rows = rows, .columns = columns, .x = x};
  const double *sums = cnn__columns_sum(context, &of, scratch);
  for (size_t i = 0; i < columns; i++)
    y[i] = (float)sums[i];
}

typedef struct dropout {
  size_t count;
  cnn__philox_stream stream;
  uint32_t threshold;
  float scale;
  const float *x;
  float *y;
} dropout;

static void dropout_block(void *argument, size_t task, size_t slot) {
  (void)slot;
  const dropout *of = argument;
  const cnn__block block = cnn__block_of(of->count, CNN__BLOCK, task);
  cnn__philox_stream stream = of->stream;
  stream.counter[0] += (uint32_t)(block.first / 4);
  arithmetic()->dropout(block.count, &stream, of->threshold, of->scale, of->x + block.first,
                        of->y + block.first);
}

void cnn__dropout(cnn_context *context, uint64_t seed, uint64_t step, uint64_t layer, float rate,
                  size_t count, const float *x, float *y) {
  /* A word u drops its element where u < rate * 2^32. */
  const double threshold = (double)rate * 0x1p32;
  const uint64_t key = cnn__random_key(seed, CNN__PURPOSE_DROPOUT, step);
  const uint64_t stream = layer << 40;
  dropout of = {
      .count = count,
      .stream = {.counter = {0, 0, (uint32_t)stream, (uint32_t)(stream >> 32)},
                 .key = {(uint32_t)key, (uint32_t)(key >> 32)}},
      .threshold = threshold < 0x1p32 ? (uint32_t)threshold : UINT32_MAX,
      .scale = (float)(1 / (1 - (double)rate)),
      .x = x,
      .y = y,
  };
  cnn__for_blocks(context, count, CNN__BLOCK, dropout_block, &of);
}
