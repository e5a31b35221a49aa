/* The speed of products: the kernel alone, and what ops/gemm.h makes of it. */
#include "check_gemm.h"

#include "ops/gemm.h"
#include <cnn/context.h>
#include <stdio.h>
#include <stdlib.h>

static float *bench_floats(size_t count) {
  float *floats = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64 + 64);
  if (!floats) exit(1);
  for (size_t i = 0; i < count; i++)
    floats[i] = (float)(i % 17) / 16 - 0.5f;
  return floats;
}

typedef struct kernel_call {
  void (*gemm)(const cnn__gemm *product);
  cnn__gemm product;
} kernel_call;
static void call_kernel(void *argument) {
  const kernel_call *call = argument;
  call->gemm(&call->product);
}

/* The kernel alone, on a block as the caller's blocking would hand it over. */
static void bench_kernel(const check_bench *bench, size_t m, size_t n, size_t k, bool transposed) {
  float *a = bench_floats(m * k), *b = bench_floats(cnn__gemm_packed_size(k, n)),
        *c = bench_floats(m * n);
  const float *as[] = {a}, *bs[] = {b};
  kernel_call call = {bench->tested->gemm.gemm,
                      {.m = m,
                       .n = n,
                       .k = k,
                       .batch = 1,
                       .a = as,
                       .a_row = transposed ? 1 : (ptrdiff_t)k,
                       .a_depth = transposed ? (ptrdiff_t)m : 1,
                       .b = bs,
                       .b_row = CNN__PANEL,
                       .b_panel = CNN__PANEL * (ptrdiff_t)k,
                       .c = c,
                       .c_row = (ptrdiff_t)n}};
  const double seconds = check_seconds(call_kernel, &call);
  call.gemm = bench->generic->gemm.gemm;
  char name[64];
  snprintf(name, sizeof name, "gemm %zux%zux%zu%s", m, n, k, transposed ? " A transposed" : "");
  const double flops = 2.0 * (double)m * (double)n * (double)k;
  check_bench_line(bench, name, flops, seconds,
                   flops < 4e6 ? check_seconds(call_kernel, &call) : 0);
  free(a), free(b), free(c);
}

typedef struct matmul_call {
  cnn__matmul product;
  cnn_context *context;
  void *scratch;
} matmul_call;
static void call_matmul(void *argument) {
  const matmul_call *call = argument;
  cnn__matmul_run(&call->product, call->context, call->scratch);
}

typedef enum layout { AS_IS, TRANSPOSED_A, TRANSPOSED_B } layout;

/* ops/gemm.h on top: packing and blocking included, one thread. */
static void bench_matmul(const check_bench *bench, cnn_context *context, size_t m, size_t n,
                         size_t k, layout form) {
  float *a = bench_floats(m * k), *b = bench_floats(k * n), *c = bench_floats(m * n);
  size_t bytes = 0;
  if (!cnn__matmul_scratch(m, n, k, 1, &bytes)) exit(1);
  matmul_call call = {{.m = m,
                       .n = n,
                       .k = k,
                       .a = a,
                       .a_row = form == TRANSPOSED_A ? 1 : (ptrdiff_t)k,
                       .a_depth = form == TRANSPOSED_A ? (ptrdiff_t)m : 1,
                       .b = b,
                       .b_row = form == TRANSPOSED_B ? 1 : (ptrdiff_t)n,
                       .b_column = form == TRANSPOSED_B ? (ptrdiff_t)k : 1,
                       .c = c,
                       .c_row = (ptrdiff_t)n},
                      context,
                      bench_floats(bytes / sizeof(float))};
  static const char *const forms[] = {"", " A transposed", " B transposed"};
  char name[64];
  snprintf(name, sizeof name, "matmul %zux%zux%zu%s", m, n, k, forms[form]);
  check_bench_line(bench, name, 2.0 * (double)m * (double)n * (double)k,
                   check_seconds(call_matmul, &call), 0);
  free(a), free(b), free(c), free(call.scratch);
}

void gemm_bench(check_bench *bench) {
  static const size_t blocks[][3] = {{120, 256, 256}, {96, 64, 256}, {96, 64, 64},  {36, 64, 64},
                                     {96, 32, 256},   {96, 16, 256}, {96, 10, 256}, {96, 3, 256},
                                     {7, 64, 256},    {4, 64, 256},  {2, 64, 256},  {1, 64, 256}};
  for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
    bench_kernel(bench, blocks[i][0], blocks[i][1], blocks[i][2], false);
  bench_kernel(bench, 120, 256, 256, true);
  if (cnn__kernels_get()->isa != bench->tested->isa) return;

  static const struct {
    size_t m, n, k;
    layout form;
  } shapes[] = {{64, 64, 64, AS_IS},
                {128, 128, 128, AS_IS},
                {256, 256, 256, AS_IS},
                {512, 512, 512, AS_IS},
                {1024, 1024, 1024, AS_IS},
                {2048, 2048, 2048, AS_IS},
                {256, 256, 256, TRANSPOSED_A},
                {256, 256, 256, TRANSPOSED_B},
                {1024, 1024, 1024, TRANSPOSED_A},
                {1024, 1024, 1024, TRANSPOSED_B},
                {255, 257, 253, AS_IS},
                {1, 512, 512, AS_IS},
                {1, 512, 512, TRANSPOSED_B},
                {1, 4096, 4096, AS_IS},
                {1, 4096, 4096, TRANSPOSED_B},
                {8, 1024, 1024, AS_IS},
                {8, 1024, 1024, TRANSPOSED_B},
                {64, 10, 1024, AS_IS},
                {64, 512, 2048, AS_IS},
                {64, 2048, 512, TRANSPOSED_B},
                {512, 1, 512, AS_IS},
                {4096, 1, 4096, AS_IS},
                {50176, 64, 64, AS_IS},
                {576, 64, 12544, TRANSPOSED_A}};
  cnn_context *context = cnn_context_create(
      &(const cnn_context_options){.struct_size = sizeof(cnn_context_options), .threads = 1});
  if (!context) exit(1);
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    bench_matmul(bench, context, shapes[i].m, shapes[i].n, shapes[i].k, shapes[i].form);
  cnn_context_free(context);
}
