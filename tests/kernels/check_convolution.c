/* The convolution family: each round runs one kernel on a random tile or row. */
#include "check.h"

#include <stdio.h>
#include <string.h>

enum { MOST_CHANNELS = 70, POINTS = CNN__WINOGRAD_POINTS, FREQUENCIES = CNN__WINOGRAD_FREQUENCIES };

/* Without the same bits, to a share of the largest number. */
static void compare(checker *check, check_values kind, const char *what, const float *got,
                    const float *expected, size_t count) {
  check_close(check, kind, what, got, expected, count, 1e-4);
}

/* ---- Winograd ---- */

/* A tile, the memory around it dense: its cells, which are cells.. x channels, and its spectrum. */
typedef struct scene {
  cnn__winograd_tile tile;
  size_t spectrum[FREQUENCIES];
  size_t pitch; /* floats of a frequency */
  size_t image; /* floats of the cells that exist */
  check_values kind;
} scene;

/* cells: how many rows and columns beyond the outputs the tile's cells have; cell: outputs to one. */
static scene make_scene(checker *check, size_t beyond, size_t cell) {
  scene s = {.kind = check_kind(check)};
  const size_t channels = 1 + check_size(check, MOST_CHANNELS - 1);
  s.tile = (cnn__winograd_tile){.rows = check_between(check, 2, 4),
                                .columns = check_between(check, 2, 4),
                                .channels = channels};
  s.tile.bottom = (s.tile.rows + beyond) / cell;
  s.tile.right = (s.tile.columns + beyond) / cell;
  if (check_chance(check, 2)) { /* at an edge of the image */
    s.tile.top = check_between(check, 0, s.tile.bottom - 1);
    s.tile.bottom = check_between(check, s.tile.top + 1, s.tile.bottom);
    s.tile.left = check_between(check, 0, s.tile.right - 1);
    s.tile.right = check_between(check, s.tile.left + 1, s.tile.right);
  }
  const size_t width = s.tile.right - s.tile.left;
  s.tile.column = (ptrdiff_t)channels;
  s.tile.row = (ptrdiff_t)(width * channels);
  s.image = (s.tile.bottom - s.tile.top) * width * channels;
  s.pitch = (channels + 15) / 16 * 16;
  for (size_t i = 0; i < FREQUENCIES; i++)
    s.spectrum[i] = (FREQUENCIES - 1 - i) * s.pitch;
  check_case(check, "tile %zux%zu, cells [%zu, %zu) x [%zu, %zu), %zu channels", s.tile.rows,
             s.tile.columns, s.tile.top, s.tile.bottom, s.tile.left, s.tile.right, channels);
  return s;
}

static void compare_spectra(checker *check, const scene *s, const float *got,
                            const float *expected) {
  for (size_t i = 0; i < FREQUENCIES; i++)
    if (cnn__winograd_uses(s->tile.rows, i / POINTS) &&
        cnn__winograd_uses(s->tile.columns, i % POINTS))
      compare(check, s->kind, "spectrum", got + s->spectrum[i], expected + s->spectrum[i],
              s->tile.channels);
}

static void check_input_transform(checker *check) {
  scene s = make_scene(check, 2, 1);
  s.tile.spectrum = s.spectrum;
  const float *x = check_input(check, s.image, s.kind);
  float *v[2];
  for (int i = 0; i < 2; i++) {
    v[i] = check_floats(check, FREQUENCIES * s.pitch);
    (i ? check->generic : check->tested)->convolution.winograd.input(&s.tile, x, v[i]);
  }
  compare_spectra(check, &s, v[0], v[1]);
}

static void check_input_adjoint(checker *check) {
  scene s = make_scene(check, 2, 1);
  s.tile.spectrum = s.spectrum;
  s.tile.below = check_chance(check, 2);
  s.tile.beside = check_chance(check, 2);
  const float *v = check_input(check, FREQUENCIES * s.pitch, s.kind);
  const float *start = check_input(check, s.image, s.kind);
  float *dx[2];
  for (int i = 0; i < 2; i++) {
    dx[i] = check_copy(check, start, s.image);
    (i ? check->generic : check->tested)->convolution.winograd.input_adjoint(&s.tile, v, dx[i]);
  }
  compare(check, s.kind, "dx", dx[0], dx[1], s.image);
}

static void check_output(checker *check, bool with_pool) {
  scene s = make_scene(check, 0, with_pool ? 2 : 1);
  s.tile.spectrum = s.spectrum;
  const float *m = check_input(check, FREQUENCIES * s.pitch, s.kind);
  const cnn__winograd_epilogue epilogue = {
      .bias = check_chance(check, 3) ? NULL : check_input(check, s.tile.channels, s.kind),
      .relu = check_chance(check, 2)};
  const bool with_codes = !check_chance(check, 3);
  float *y[2];
  uint8_t *codes[2] = {NULL, NULL};
  for (int i = 0; i < 2; i++) {
    const cnn__winograd_kernels *kernels =
        &(i ? check->generic : check->tested)->convolution.winograd;
    y[i] = check_floats(check, s.image);
    if (with_codes) codes[i] = check_bytes(check, s.image, 1);
    if (with_pool)
      kernels->output_pooled(&s.tile, &epilogue, m, y[i], codes[i]);
    else
      kernels->output(&s.tile, &epilogue, m, y[i]);
  }
  compare(check, s.kind, "y", y[0], y[1], s.image);
  if (with_pool && with_codes && check->same_bits)
    check_same_bytes(check, "code", codes[0], codes[1], s.image);
}

static const uint8_t *random_codes(checker *check, size_t count, size_t cells) {
  uint8_t *codes = check_bytes(check, count, 1);
  for (size_t i = 0; i < count; i++)
    codes[i] =
        (uint8_t)(check_chance(check, 5) ? CNN__POOL_NONE : check_between(check, 0, cells - 1));
  return codes;
}

static void check_output_adjoint(checker *check, bool with_pool) {
  scene s = make_scene(check, 0, with_pool ? 2 : 1);
  s.tile.spectrum = s.spectrum;
  const float *dy = check_input(check, s.image, s.kind);
  const uint8_t *codes = random_codes(check, s.image, 4);
  const float *y = check_chance(check, 2) ? check_input(check, s.image, s.kind) : NULL;
  const float *start = check_input(check, s.tile.channels, s.kind);
  float *m[2], *sums[2];
  for (int i = 0; i < 2; i++) {
    const cnn__winograd_kernels *kernels =
        &(i ? check->generic : check->tested)->convolution.winograd;
    m[i] = check_floats(check, FREQUENCIES * s.pitch);
    sums[i] = check_copy(check, start, s.tile.channels);
    if (with_pool)
      kernels->output_pooled_adjoint(&s.tile, dy, codes, m[i], sums[i]);
    else
      kernels->output_adjoint(&s.tile, dy, y, m[i], sums[i]);
  }
  compare_spectra(check, &s, m[0], m[1]);
  compare(check, s.kind, "sums", sums[0], sums[1], s.tile.channels);
}

static void check_kernel_transform(checker *check) {
  scene s = make_scene(check, 2, 1);
  const size_t depths = check_between(check, 1, 5), lanes = check_between(check, 1, 16);
  s.tile.channels = s.pitch = depths * 16;
  for (size_t i = 0; i < FREQUENCIES; i++)
    s.spectrum[i] = i * s.pitch;
  s.tile.spectrum = s.spectrum;
  check_case(check, "kernel to spectrum, tiles %zux%zu, %zu depths, %zu lanes", s.tile.rows,
             s.tile.columns, depths, lanes);
  const float *w = check_input(check, 9 * depths * lanes, s.kind);
  float *u[2];
  for (int i = 0; i < 2; i++) {
    u[i] = check_floats(check, FREQUENCIES * s.pitch);
    (i ? check->generic : check->tested)
        ->convolution.winograd.kernel(s.tile.rows, s.tile.columns, s.spectrum, depths, lanes, w,
                                      (ptrdiff_t)(depths * lanes), (ptrdiff_t)lanes, u[i]);
  }
  s.tile.channels = lanes; /* the sign of what fills the panel up is free */
  for (size_t depth = 0; depth < depths; depth++)
    compare_spectra(check, &s, u[0] + depth * 16, u[1] + depth * 16);
}

static void check_kernel_adjoint(checker *check) {
  const scene s = make_scene(check, 2, 1);
  const size_t slices = check_between(check, 1, 3), stride = FREQUENCIES * s.pitch;
  const float *du = check_input(check, slices * stride, s.kind);
  float *dw[2];
  for (int i = 0; i < 2; i++) {
    dw[i] = check_floats(check, 9 * s.tile.channels);
    (i ? check->generic : check->tested)
        ->convolution.winograd.kernel_adjoint(s.tile.rows, s.tile.columns, s.spectrum, slices,
                                              stride, s.tile.channels, du,
                                              (ptrdiff_t)s.tile.channels, dw[i]);
  }
  compare(check, s.kind, "dw", dw[0], dw[1], 9 * s.tile.channels);
}

/* ---- pooling ---- */

static void check_windows(checker *check) {
  const check_values kind = check_kind(check);
  cnn__window_row row = {.height = check_between(check, 1, 3),
                         .width = check_between(check, 1, 3),
                         .columns = check_between(check, 1, 4),
                         .channels = 1 + check_size(check, MOST_CHANNELS - 1),
                         .relu = check_chance(check, 2)};
  if (check_chance(check, 2)) row.height = row.width = 2;
  row.pitch = row.channels + check_between(check, 0, 3);
  row.cell = row.channels + check_between(check, 0, 3);
  const size_t count = (row.height * row.width * row.columns - 1) * row.cell + row.channels;
  const size_t cells = (row.columns - 1) * row.pitch + row.channels;
  check_case(check, "%zu windows %zux%zu, %zu channels", row.columns, row.height, row.width,
             row.channels);
  const float *rows = check_input(check, count, kind), *dy = check_input(check, cells, kind);
  const uint8_t *winners = random_codes(check, cells, row.height * row.width);
  float *y[2], *spread[2];
  uint8_t *codes[2];
  for (int i = 0; i < 2; i++) {
    const cnn__window_kernels *kernels = &(i ? check->generic : check->tested)->convolution.windows;
    y[i] = check_floats(check, cells);
    codes[i] = check_bytes(check, cells, 1);
    memset(codes[i], 77, cells);
    spread[i] = check_floats(check, count);
    kernels->pool(&row, rows, y[i], codes[i]);
    kernels->spread(&row, dy, winners, spread[i]);
  }
  check_same(check, "y", y[0], y[1], cells);
  check_same_bytes(check, "code", codes[0], codes[1], cells);
  check_same(check, "spread", spread[0], spread[1], count);
}

/* ---- the first layer ---- */

static void check_shallow(checker *check) {
  const check_values kind = check_kind(check);
  const size_t channels_in = check_between(check, 1, 4), kernel = check_between(check, 1, 5);
  const size_t stride = check_between(check, 1, 3), windows = check_between(check, 1, 40);
  const size_t width = (2 * windows - 1) * stride + kernel, line = width * channels_in;
  cnn__shallow_row row = {.windows = windows,
                          .kernel_rows = check_between(check, 1, 3),
                          .run = kernel * channels_in,
                          .channels = 1 + check_size(check, MOST_CHANNELS - 1),
                          .kernel_step = (ptrdiff_t)line,
                          .down = (ptrdiff_t)(stride * line),
                          .right = (ptrdiff_t)(stride * channels_in)};
  row.pitch = row.channels + check_between(check, 0, 3);
  const size_t taps = row.kernel_rows * row.run, panels = (row.channels + 15) / 16;
  const size_t cells = (windows - 1) * row.pitch + row.channels;
  check_case(check, "%zu windows, kernel %zux%zux%zu, stride %zu, %zu channels", windows,
             row.kernel_rows, kernel, channels_in, stride, row.channels);
  const float *x = check_input(check, (row.kernel_rows + stride) * line, kind);
  const float *packed = check_input(check, panels * taps * 16, kind);
  const float *bias = check_chance(check, 3) ? NULL : check_input(check, row.channels, kind);
  const bool relu = check_chance(check, 2);
  const float *dy = check_input(check, cells, kind);
  const uint8_t *winners = random_codes(check, cells, 4);
  const float *start = check_input(check, taps * row.channels, kind);
  float *y[2], *dw[2], *sums[2];
  uint8_t *codes[2];
  for (int i = 0; i < 2; i++) {
    const cnn__shallow_kernels *kernels =
        &(i ? check->generic : check->tested)->convolution.shallow;
    y[i] = check_floats(check, cells);
    codes[i] = check_bytes(check, cells, 1);
    memset(codes[i], 77, cells);
    dw[i] = check_copy(check, start, taps * row.channels);
    sums[i] = check_copy(check, start, row.channels);
    kernels->pooled(&row, x, packed, bias, relu, y[i], codes[i]);
    kernels->gradient(&row, x, dy, winners, dw[i], row.channels, sums[i]);
  }
  float *const alone = check_floats(check, cells);
  check->tested->convolution.shallow.pooled(&row, x, packed, bias, relu, alone, NULL);
  for (size_t window = 0; window < windows; window++) {
    const size_t at = window * row.pitch;
    compare(check, kind, "y", y[0] + at, y[1] + at, row.channels);
    compare(check, kind, "y without codes", alone + at, y[1] + at, row.channels);
  }
  if (check->same_bits) check_same_bytes(check, "code", codes[0], codes[1], cells);
  compare(check, kind, "dw", dw[0], dw[1], taps * row.channels);
  compare(check, kind, "sums", sums[0], sums[1], row.channels);
}

static void convolution_round(checker *check) {
  switch (check_between(check, 0, 9)) {
  case 0:
    check_input_transform(check);
    break;
  case 1:
    check_input_adjoint(check);
    break;
  case 2:
    check_output(check, false);
    break;
  case 3:
    check_output(check, true);
    break;
  case 4:
    check_output_adjoint(check, false);
    break;
  case 5:
    check_output_adjoint(check, true);
    break;
  case 6:
    check_kernel_transform(check);
    break;
  case 7:
    check_kernel_adjoint(check);
    break;
  case 8:
    check_windows(check);
    break;
  default:
    check_shallow(check);
    break;
  }
}

/* ---- speed ---- */

typedef struct bench_call {
  const cnn__kernels *kernels;
  cnn__winograd_tile tile;
  size_t spectrum[FREQUENCIES];
  cnn__shallow_row row;
  float x[36 * 64], v[FREQUENCIES * 64], packed[32 * 27], y[32 * 16];
  uint8_t codes[32 * 16];
} bench_call;

static void call_input(void *argument) {
  bench_call *call = argument;
  call->kernels->convolution.winograd.input(&call->tile, call->x, call->v);
}
static void call_output(void *argument) {
  bench_call *call = argument;
  const cnn__winograd_epilogue epilogue = {NULL, true};
  call->kernels->convolution.winograd.output_pooled(&call->tile, &epilogue, call->v, call->y,
                                                    call->codes);
}
static void call_shallow(void *argument) {
  bench_call *call = argument;
  call->kernels->convolution.shallow.pooled(&call->row, call->x, call->packed, NULL, true, call->y,
                                            call->codes);
}

static void bench_one(check_bench *bench, const char *name, double flops, bench_call *call,
                      void (*work)(void *)) {
  call->kernels = bench->tested;
  const double seconds = check_seconds(work, call);
  call->kernels = bench->generic;
  check_bench_line(bench, name, flops, seconds, check_seconds(work, call));
}

static void convolution_bench(check_bench *bench) {
  static bench_call call;
  for (size_t i = 0; i < sizeof call.x / sizeof *call.x; i++)
    call.x[i] = (float)(i % 37) - 18;
  for (size_t i = 0; i < FREQUENCIES; i++)
    call.spectrum[i] = i * 64;
  call.tile = (cnn__winograd_tile){.rows = 4,
                                   .columns = 4,
                                   .channels = 64,
                                   .spectrum = call.spectrum,
                                   .bottom = 6,
                                   .right = 6,
                                   .row = 6 * 64,
                                   .column = 64};
  /* Counted: the operations of the one-dimensional transforms, 14 and 12 of a line. */
  bench_one(bench, "winograd input 4x4, 64 channels", 64.0 * 12 * 14, &call, call_input);
  call.tile.bottom = call.tile.right = 2;
  call.tile.row = 2 * 64;
  bench_one(bench, "winograd output 4x4, pooled", 64.0 * 10 * 12, &call, call_output);
  call.row = (cnn__shallow_row){15, 3, 9, 32, 96, 96, 3, 32};
  bench_one(bench, "first layer 15 windows, 3x3x3-32", 2.0 * 15 * 4 * 27 * 32, &call, call_shallow);
}

/* ---- planted bugs ---- */

static cnn__kernels right; /* what a planted kernel calls on */

static void input_of_neighbour(const cnn__winograd_tile *tile, const float *x, float *v) {
  right.convolution.winograd.input(tile, x, v);
  if (tile->channels > 1) v[tile->spectrum[7]] = v[tile->spectrum[7] + 1];
}
static void plant_input(cnn__kernels *table) {
  right = *table;
  table->convolution.winograd.input = input_of_neighbour;
}
static void output_without_relu(const cnn__winograd_tile *tile,
                                const cnn__winograd_epilogue *epilogue, const float *m, float *y) {
  const cnn__winograd_epilogue other = {epilogue->bias, false};
  right.convolution.winograd.output(tile, &other, m, y);
}
static void plant_output(cnn__kernels *table) {
  right = *table;
  table->convolution.winograd.output = output_without_relu;
}
static void pool_last_winner(const cnn__window_row *windows, const float *rows, float *y,
                             uint8_t *codes) {
  right.convolution.windows.pool(windows, rows, y, codes);
  if (codes && codes[0] == 0 && windows->height * windows->width > 1) codes[0] = 1;
}
static void plant_pool(cnn__kernels *table) {
  right = *table;
  table->convolution.windows.pool = pool_last_winner;
}
static void gradient_beyond(const cnn__shallow_row *row, const float *x, const float *dy,
                            const uint8_t *codes, float *dw, size_t dw_row, float *sums) {
  right.convolution.shallow.gradient(row, x, dy, codes, dw, dw_row, sums);
  sums[row->channels] = 0;
}
static void plant_gradient(cnn__kernels *table) {
  right = *table;
  table->convolution.shallow.gradient = gradient_beyond;
}

static const check_planted planted[] = {
    {"the input's transform takes a neighbour's channel", plant_input},
    {"the output's transform forgets the ReLU", plant_output},
    {"pooling names a wrong winner", plant_pool},
    {"the first layer's gradient writes one float beyond its sums", plant_gradient},
};

const check_family check_convolution = {.name = "convolution",
                                        .round = convolution_round,
                                        .bench = convolution_bench,
                                        .planted = planted,
                                        .planted_count = sizeof planted / sizeof planted[0]};
