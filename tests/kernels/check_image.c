/* The image family: each round runs every kernel on one shape. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SIDE = 90, MOST_CHANNELS = 6, MOST_VALUES = 3000, MOST_TAPS = 9 };

static double chance(checker *check) {
  return (double)check_between(check, 0, 1 << 20) / (1 << 20);
}

/* Without a fused multiply-add, results agree to a share of the largest value that comes in. */
static void compare(checker *check, const char *what, const float *got, const float *expected,
                    size_t count, double magnitude) {
  check_near(check, what, got, expected, count, 1e-3 * magnitude);
}

static const uint8_t *bytes(checker *check, size_t count) {
  uint8_t *made = check_bytes(check, count, 1);
  for (size_t i = 0; i < count; i++)
    made[i] = (uint8_t)check_between(check, 0, 255);
  return made;
}

/* ---- warps ---- */

static void draw_matrix(checker *check, double m[6]) {
  static const double plain[4] = {1, 0, 0, 1};
  const bool whole = check_chance(check, 4), wild = check_chance(check, 4);
  const double spread = wild ? 3 : 0.4, shift = wild ? 300 : 10;
  for (int k = 0; k < 4; k++)
    m[k + k / 2] = plain[k] + (whole ? 0 : (chance(check) * 2 - 1) * spread);
  for (int k = 2; k < 6; k += 3)
    m[k] = (chance(check) * 2 - 1) * shift;
  if (whole) { /* whole pixels, perhaps mirrored: coordinates that hit edges exactly */
    m[2] = floor(m[2]);
    m[5] = floor(m[5]);
    if (check_chance(check, 2)) m[4] = -1;
    if (check_chance(check, 2)) m[0] = -1;
  }
}

static void check_warp(checker *check, bool of_bytes, check_values kind) {
  const size_t channels = check_chance(check, 2) ? 3 : check_between(check, 1, MOST_CHANNELS);
  const size_t height = check_size(check, MOST_SIDE) + 1, width = check_size(check, MOST_SIDE) + 1;
  const size_t row = width * channels + (check_chance(check, 2) ? check_between(check, 0, 9) : 0);
  cnn__warp warp = {.height = height,
                    .width = width,
                    .channels = channels,
                    .row = row,
                    .fill = (cnn__image_fill)check_between(check, 0, 3),
                    .fill_value = check_value(check, CHECK_PLAIN) * 100,
                    .scale = check_input(check, channels, CHECK_PLAIN),
                    .offset = check_input(check, channels, CHECK_PLAIN),
                    .out_height = check_size(check, MOST_SIDE) + 1,
                    .out_width = check_size(check, MOST_SIDE + 70) + 1};
  const size_t count = (height - 1) * row + width * channels;
  if (of_bytes)
    warp.source = bytes(check, count + CNN__IMAGE_SLACK);
  else
    warp.source = check_input(check, count + CNN__IMAGE_SLACK / sizeof(float), kind);
  draw_matrix(check, warp.matrix);
  const size_t made = warp.out_height * warp.out_width * channels;
  float *expected = check_floats(check, made), *got = check_floats(check, made);
  check_case(check, "warp_%s of %zux%zux%zu (row %zu) to %zux%zu, fill %d", of_bytes ? "u8" : "f32",
             height, width, channels, row, warp.out_height, warp.out_width, (int)warp.fill);
  warp.out = expected;
  (of_bytes ? check->generic->image.warp_u8 : check->generic->image.warp_f32)(&warp);
  warp.out = got;
  (of_bytes ? check->tested->image.warp_u8 : check->tested->image.warp_f32)(&warp);
  /* Some fills jump at an edge, where the last bit of a coordinate decides. */
  const bool jumps = warp.fill == CNN__IMAGE_CONSTANT || warp.fill == CNN__IMAGE_WRAP;
  if (check->same_bits || (!jumps && check_finite(kind)))
    compare(check, "pixel", got, expected, made, of_bytes ? 256 : 2);
}

/* ---- conversion ---- */

static void check_convert(checker *check, bool of_bytes, check_values kind) {
  const size_t count = check_size(check, MOST_VALUES);
  const size_t period = check_between(check, 1, MOST_CHANNELS);
  const size_t factors = period * CNN__IMAGE_LANES;
  float *scale = check_floats(check, factors), *offset = check_floats(check, factors);
  for (size_t i = 0; i < factors; i++) {
    scale[i] = i < period ? check_value(check, CHECK_PLAIN) : scale[i % period];
    offset[i] = i < period ? check_value(check, CHECK_PLAIN) : offset[i % period];
  }
  check_seal(scale);
  check_seal(offset);
  float *expected = check_floats(check, count), *got = check_floats(check, count);
  check_case(check, "convert_%s of %zu values, period %zu", of_bytes ? "u8" : "f32", count, period);
  if (of_bytes) {
    const uint8_t *from = bytes(check, count);
    check->generic->image.convert_u8(count, period, scale, offset, from, expected);
    check->tested->image.convert_u8(count, period, scale, offset, from, got);
  } else {
    const float *from = check_input(check, count, kind);
    check->generic->image.convert_f32(count, period, scale, offset, from, expected);
    if (check_chance(check, 2)) { /* in place */
      if (count) memcpy(got, from, count * sizeof *got);
      from = got;
    }
    check->tested->image.convert_f32(count, period, scale, offset, from, got);
  }
  if (check->same_bits || check_finite(kind))
    compare(check, "value", got, expected, count, of_bytes ? 256 : 2);
}

/* ---- resizing ---- */

static void check_rows(checker *check, bool of_bytes, check_values kind) {
  const size_t count = check_size(check, 700), taps = check_between(check, 1, MOST_TAPS);
  const size_t row = count + check_between(check, 0, 5);
  const size_t size = (taps - 1) * row + count;
  const float *weights = check_input(check, taps, CHECK_PLAIN);
  float *expected = check_floats(check, count), *got = check_floats(check, count);
  check_case(check, "blend_rows_%s of %zu values, %zu rows", of_bytes ? "u8" : "f32", count, taps);
  if (of_bytes) {
    const uint8_t *from = bytes(check, size);
    check->generic->image.blend_rows_u8(count, taps, weights, from, row, expected);
    check->tested->image.blend_rows_u8(count, taps, weights, from, row, got);
  } else {
    const float *from = check_input(check, size, kind);
    check->generic->image.blend_rows_f32(count, taps, weights, from, row, expected);
    check->tested->image.blend_rows_f32(count, taps, weights, from, row, got);
  }
  if (check->same_bits || check_finite(kind))
    compare(check, "value", got, expected, count, of_bytes ? 256 : 2);
}

static void check_columns(checker *check, check_values kind) {
  const size_t channels = check_chance(check, 2) ? 3 : check_between(check, 1, MOST_CHANNELS);
  const size_t in = check_between(check, 1, MOST_SIDE), out = check_between(check, 1, MOST_SIDE);
  const size_t stride = in < MOST_TAPS ? in : MOST_TAPS;
  uint32_t *first = check_bytes(check, out * sizeof *first, sizeof *first);
  uint32_t *taps = check_bytes(check, out * sizeof *taps, sizeof *taps);
  for (size_t x = 0; x < out; x++) {
    taps[x] = (uint32_t)check_between(check, 1, stride);
    first[x] = (uint32_t)check_between(check, 0, in - taps[x]);
  }
  const cnn__taps table = {.count = out,
                           .stride = stride,
                           .first = first,
                           .taps = taps,
                           .weights = check_input(check, out * stride, CHECK_PLAIN)};
  const float *from = check_input(check, in * channels + CNN__IMAGE_SLACK / sizeof(float), kind);
  float *expected = check_floats(check, out * channels), *got = check_floats(check, out * channels);
  check_case(check, "blend_columns of %zux%zu to %zu", in, channels, out);
  check->generic->image.blend_columns(&table, channels, from, expected);
  check->tested->image.blend_columns(&table, channels, from, got);
  if (check->same_bits || check_finite(kind))
    compare(check, "value", got, expected, out * channels, 2);
}

static void check_round_u8(checker *check) {
  const size_t count = check_size(check, MOST_VALUES);
  float *from = check_floats(check, count);
  for (size_t i = 0; i < count; i++)
    from[i] = check_chance(check, 20) ? check_value(check, CHECK_SPECIAL)
                                      : (float)(chance(check) * 300 - 20);
  for (size_t i = 0; i < count; i += 5)
    from[i] = (float)(i % 257) - 0.5f;
  check_seal(from);
  uint8_t *expected = check_bytes(check, count, 1), *got = check_bytes(check, count, 1);
  check_case(check, "round_u8 of %zu values", count);
  check->generic->image.round_u8(count, from, expected);
  check->tested->image.round_u8(count, from, got);
  for (size_t i = 0; i < count; i++)
    if (got[i] != expected[i]) {
      check_fail(check, "value %zu, %.9g, is %d, generic has %d", i, (double)from[i], got[i],
                 expected[i]);
      return;
    }
}

static void image_round(checker *check) {
  const check_values kind = check_kind(check);
  switch (check_between(check, 0, 4)) {
  case 0:
    check_warp(check, true, kind);
    break;
  case 1:
    check_warp(check, false, kind);
    break;
  case 2:
    check_convert(check, true, kind);
    check_convert(check, false, kind);
    break;
  case 3:
    check_rows(check, true, kind);
    check_rows(check, false, kind);
    break;
  default:
    check_columns(check, kind);
    check_round_u8(check);
    break;
  }
}

/* ---- bugs to be found ---- */

static const cnn__kernels *right(void) {
  return cnn__kernels_for(CNN__ISA_GENERIC);
}

static void warp_a_row_short(const cnn__warp *warp) {
  cnn__warp less = *warp;
  less.out_height--;
  right()->image.warp_u8(&less);
}
static void warp_past_the_end(const cnn__warp *warp) {
  right()->image.warp_u8(warp);
  warp->out[warp->out_height * warp->out_width * warp->channels] = 0;
}
static void warp_with_another_fill(const cnn__warp *warp) {
  cnn__warp other = *warp;
  if (other.fill == CNN__IMAGE_REFLECT) other.fill = CNN__IMAGE_NEAREST;
  right()->image.warp_f32(&other);
}
static void warp_moved_a_little(const cnn__warp *warp) {
  cnn__warp moved = *warp;
  moved.matrix[5] += 1e-4;
  right()->image.warp_u8(&moved);
}
static void convert_with_one_factor(size_t count, size_t period, const float *scale,
                                    const float *offset, const uint8_t *from, float *to) {
  (void)period;
  right()->image.convert_u8(count, 1, scale, offset, from, to);
}
static void blend_rounded_twice(size_t count, size_t taps, const float *weights,
                                const uint8_t *from, size_t row, float *to) {
  for (size_t e = 0; e < count; e++) {
    float sum = 0;
    for (size_t k = 0; k < taps; k++)
      sum += weights[k] * from[k * row + e];
    to[e] = sum;
  }
}
static void columns_backwards(const cnn__taps *taps, size_t channels, const float *from,
                              float *to) {
  for (size_t x = 0; x < taps->count; x++)
    for (size_t c = 0; c < channels; c++) {
      float sum = 0;
      for (size_t k = taps->taps[x]; k-- > 0;)
        sum = fmaf(taps->weights[x * taps->stride + k], from[(taps->first[x] + k) * channels + c],
                   sum);
      *to++ = sum;
    }
}
static void round_to_even(size_t count, const float *from, uint8_t *to) {
  for (size_t e = 0; e < count; e++)
    to[e] = (uint8_t)nearbyintf(from[e] > 0 ? (from[e] < 255 ? from[e] : 255) : 0);
}

static void plant_short(cnn__kernels *table) {
  table->image.warp_u8 = warp_a_row_short;
}
static void plant_past(cnn__kernels *table) {
  table->image.warp_u8 = warp_past_the_end;
}
static void plant_fill(cnn__kernels *table) {
  table->image.warp_f32 = warp_with_another_fill;
}
static void plant_moved(cnn__kernels *table) {
  table->image.warp_u8 = warp_moved_a_little;
}
static void plant_factor(cnn__kernels *table) {
  table->image.convert_u8 = convert_with_one_factor;
}
static void plant_blend(cnn__kernels *table) {
  table->image.blend_rows_u8 = blend_rounded_twice;
}
static void plant_order(cnn__kernels *table) {
  table->image.blend_columns = columns_backwards;
}
static void plant_even(cnn__kernels *table) {
  table->image.round_u8 = round_to_even;
}

static const check_planted planted[] = {
    {"a warp without its last row", plant_short},
    {"a warp that writes past the end", plant_past},
    {"a warp that reflects as nearest", plant_fill},
    {"a warp moved by a ten-thousandth of a pixel", plant_moved},
    {"a conversion by the first channel's factor", plant_factor},
    {"blended rows without a fused multiply-add", plant_blend},
    {"columns blended in another order", plant_order},
    {"halves rounded to even", plant_even},
};

/* ---- speeds ---- */

typedef struct timing {
  const cnn__image_kernels *kernels;
  cnn__warp warp;
  const float *factors;
} timing;

static void run_warp(void *argument) {
  const timing *of = argument;
  of->kernels->warp_u8(&of->warp);
}
static void run_convert(void *argument) {
  const timing *of = argument;
  of->kernels->convert_u8(of->warp.height * of->warp.row, 1, of->factors, of->factors + 16,
                          of->warp.source, of->warp.out);
}

/* GFLOP/s counts a multiply-add for each of the three blends and the scaling. */
static void bench_square(check_bench *bench, size_t side, size_t channels) {
  const size_t count = side * side * channels;
  uint8_t *source = calloc(count + CNN__IMAGE_SLACK, 1);
  float *out = calloc(count, sizeof *out);
  float factors[32] = {0};
  for (size_t i = 0; source && i < count; i++)
    source[i] = (uint8_t)(i * 7919 >> 3);
  for (size_t i = 0; i < 16; i++)
    factors[i] = 1 / 255.f;
  if (source && out) {
    const double half = (double)(side - 1) / 2, c = 0.96, s = 0.28;
    timing of = {.factors = factors,
                 .warp = {.source = source,
                          .height = side,
                          .width = side,
                          .channels = channels,
                          .row = side * channels,
                          .matrix = {c, -s, half * (1 - c + s), s, c, half * (1 - c - s)},
                          .scale = factors,
                          .offset = factors + 16,
                          .out_height = side,
                          .out_width = side,
                          .out = out}};
    char name[64];
    void (*const runs[])(void *) = {run_warp, run_convert};
    static const char *const names[] = {"warp_u8", "convert_u8"};
    for (int k = 0; k < 2; k++) {
      of.kernels = &bench->tested->image;
      const double seconds = check_seconds(runs[k], &of);
      of.kernels = &bench->generic->image;
      const double generic = check_seconds(runs[k], &of);
      snprintf(name, sizeof name, "%s %zux%zux%zu, %.2f us", names[k], side, side, channels,
               seconds * 1e6);
      check_bench_line(bench, name, (double)count * (k == 0 ? 8 : 2), seconds, generic);
    }
  }
  free(source);
  free(out);
}

static void image_bench(check_bench *bench) {
  bench_square(bench, 32, 3);
  bench_square(bench, 28, 1);
  bench_square(bench, 224, 3);
}

const check_family check_image = {.name = "image",
                                  .round = image_round,
                                  .bench = image_bench,
                                  .planted = planted,
                                  .planted_count = sizeof planted / sizeof planted[0]};
