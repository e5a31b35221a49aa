/* Compiled once for each instruction set: VECTOR_HEADER is its vector header, VECTOR_PROBE its name. */
#include VECTOR_HEADER

#include "vector_probe.h"

#include "base/threads.h"
#include <math.h>

enum { W = VECTOR_WIDTH };

typedef struct lanes {
  float x[W];
} lanes;
typedef struct int_lanes {
  uint32_t x[W];
} int_lanes;

static void expect(checker *check, const char *what, vector got, const lanes *expected) {
  lanes out;
  vector_store(out.x, got);
  check_same(check, what, out.x, expected->x, W);
}

static void expect_int(checker *check, const char *what, vector_int got,
                       const int_lanes *expected) {
  int_lanes out;
  vector_int_store(out.x, got);
  for (size_t i = 0; i < W; i++) {
    if (out.x[i] == expected->x[i]) continue;
    check_fail(check, "%s lane %zu is %08x, should be %08x", what, i, (unsigned)out.x[i],
               (unsigned)expected->x[i]);
    return;
  }
}

static void expect_mask(checker *check, const char *what, vector_mask got, const bool expected[W]) {
  uint32_t bits = 0;
  for (size_t i = 0; i < W; i++)
    bits |= (uint32_t)expected[i] << i;
  if (vector_mask_bits(got) != bits)
    check_fail(check, "%s is %04x, should be %04x", what, (unsigned)vector_mask_bits(got),
               (unsigned)bits);
  if (vector_mask_any(got) != (bits != 0))
    check_fail(check, "any of %s %04x", what, (unsigned)bits);
  if (vector_mask_all(got) != (bits == (1u << (W - 1) << 1) - 1))
    check_fail(check, "all of %s %04x", what, (unsigned)bits);
}

#define EACH_LANE(expected, expression)                                                            \
  for (size_t i = 0; i < W; i++)                                                                   \
  (expected)[i] = (expression)

static void check_arithmetic(checker *check, const float *a, const float *b, const float *c) {
  const vector x = vector_load(a), y = vector_load(b), z = vector_load(c);
  const bool fused = check->same_bits;
  lanes e;
  EACH_LANE(e.x, a[i] + b[i]);
  expect(check, "add", vector_add(x, y), &e);
  EACH_LANE(e.x, a[i] - b[i]);
  expect(check, "sub", vector_sub(x, y), &e);
  EACH_LANE(e.x, a[i] * b[i]);
  expect(check, "mul", vector_mul(x, y), &e);
  EACH_LANE(e.x, a[i] / b[i]);
  expect(check, "div", vector_div(x, y), &e);
  EACH_LANE(e.x, sqrtf(a[i]));
  expect(check, "sqrt", vector_sqrt(x), &e);
  EACH_LANE(e.x, fused ? fmaf(a[i], b[i], c[i]) : c[i] + a[i] * b[i]);
  expect(check, "fma", vector_fma(x, y, z), &e);
  EACH_LANE(e.x, fused ? fmaf(-a[i], b[i], c[i]) : c[i] - a[i] * b[i]);
  expect(check, "fnma", vector_fnma(x, y, z), &e);
  EACH_LANE(e.x, fused ? fmaf(a[0], b[i], c[i]) : c[i] + a[0] * b[i]);
  expect(check, "fma_scalar", vector_fma_scalar(a[0], y, z), &e);
  EACH_LANE(e.x, a[i] < b[i] ? a[i] : b[i]);
  expect(check, "min", vector_min(x, y), &e);
  EACH_LANE(e.x, a[i] > b[i] ? a[i] : b[i]);
  expect(check, "max", vector_max(x, y), &e);
  EACH_LANE(e.x, fabsf(a[i]));
  expect(check, "abs", vector_abs(x), &e);
  EACH_LANE(e.x, -a[i]);
  expect(check, "negate", vector_negate(x), &e);
  EACH_LANE(e.x, copysignf(a[i], b[i]));
  expect(check, "copy_sign", vector_copy_sign(x, y), &e);
}

static void check_masks(checker *check, const float *a, const float *b) {
  const vector x = vector_load(a), y = vector_load(b);
  bool less[W], e[W];
  lanes chosen;
  EACH_LANE(less, a[i] < b[i]);
  expect_mask(check, "less", vector_less(x, y), less);
  EACH_LANE(e, a[i] <= b[i]);
  expect_mask(check, "less_equal", vector_less_equal(x, y), e);
  EACH_LANE(e, a[i] == b[i]);
  expect_mask(check, "equal", vector_equal(x, y), e);
  EACH_LANE(e, a[i] != b[i]);
  expect_mask(check, "not_equal", vector_not_equal(x, y), e);
  EACH_LANE(e, a[i] != a[i]);
  expect_mask(check, "is_nan", vector_is_nan(x), e);
  const size_t count = check_between(check, 0, W);
  bool first[W];
  EACH_LANE(first, i < count);
  expect_mask(check, "mask_first", vector_mask_first(count), first);
  const vector_mask p = vector_less(x, y), q = vector_mask_first(count);
  EACH_LANE(e, less[i] && first[i]);
  expect_mask(check, "mask_and", vector_mask_and(p, q), e);
  EACH_LANE(e, less[i] || first[i]);
  expect_mask(check, "mask_or", vector_mask_or(p, q), e);
  EACH_LANE(e, less[i] && !first[i]);
  expect_mask(check, "mask_and_not", vector_mask_and_not(p, q), e);
  EACH_LANE(chosen.x, less[i] ? a[i] : b[i]);
  expect(check, "select", vector_select(p, x, y), &chosen);
  EACH_LANE(chosen.x, less[i] ? a[i] : 0);
  expect(check, "keep", vector_keep(p, x), &chosen);
}

static void check_tails(checker *check) {
  const size_t count = check_between(check, 0, W);
  const float *from = check_input(check, count, CHECK_PLAIN);
  float *to = check_floats(check, count), *int_to = check_floats(check, count);
  lanes e;
  EACH_LANE(e.x, i < count ? from[i] : 0);
  check_case(check, "tail of %zu", count);
  expect(check, "load_tail", vector_load_tail(from, count), &e);
  vector_store_tail(to, count, vector_load(e.x));
  check_same(check, "store_tail", to, from, count);
  vector_int_store_tail(int_to, count, vector_int_load_tail(from, count));
  check_same(check, "int_store_tail", int_to, from, count);
}

static void check_integers(checker *check) {
  int_lanes a, b, e;
  EACH_LANE(a.x, cnn__random_u32(&check->random));
  EACH_LANE(b.x, check_chance(check, 4) ? a.x[i] : cnn__random_u32(&check->random));
  const vector_int x = vector_int_load(a.x), y = vector_int_load(b.x);
  const int bits = (int)check_between(check, 0, 31);
  EACH_LANE(e.x, 0xfffffff9);
  expect_int(check, "int_set", vector_int_set(-7), &e);
  EACH_LANE(e.x, a.x[i] + b.x[i]);
  expect_int(check, "int_add", vector_int_add(x, y), &e);
  EACH_LANE(e.x, a.x[i] - b.x[i]);
  expect_int(check, "int_sub", vector_int_sub(x, y), &e);
  EACH_LANE(e.x, a.x[i] & b.x[i]);
  expect_int(check, "int_and", vector_int_and(x, y), &e);
  EACH_LANE(e.x, a.x[i] | b.x[i]);
  expect_int(check, "int_or", vector_int_or(x, y), &e);
  EACH_LANE(e.x, a.x[i] ^ b.x[i]);
  expect_int(check, "int_xor", vector_int_xor(x, y), &e);
  EACH_LANE(e.x, a.x[i] << bits);
  expect_int(check, "int_shift_left", vector_int_shift_left(x, bits), &e);
  EACH_LANE(e.x, a.x[i] >> bits);
  expect_int(check, "int_shift_right", vector_int_shift_right(x, bits), &e);
  EACH_LANE(e.x, (uint32_t)((int64_t)(int32_t)a.x[i] >> bits));
  expect_int(check, "int_shift_right_signed", vector_int_shift_right_signed(x, bits), &e);
  EACH_LANE(e.x, a.x[i] * b.x[i]);
  expect_int(check, "int_mul", vector_int_mul(x, y), &e);
  EACH_LANE(e.x, (uint32_t)((uint64_t)a.x[i] * b.x[i] >> 32));
  expect_int(check, "int_mul_high", vector_int_mul_high(x, y), &e);
  EACH_LANE(e.x, (int32_t)a.x[i] < (int32_t)b.x[i] ? a.x[i] : b.x[i]);
  expect_int(check, "int_min", vector_int_min(x, y), &e);
  expect_int(check, "int_select", vector_int_select(vector_int_less(x, y), x, y), &e);
  EACH_LANE(e.x, (int32_t)a.x[i] > (int32_t)b.x[i] ? a.x[i] : b.x[i]);
  expect_int(check, "int_max", vector_int_max(x, y), &e);
  bool equal[W];
  EACH_LANE(equal, a.x[i] == b.x[i]);
  expect_mask(check, "int_equal", vector_int_equal(x, y), equal);
}

static void check_conversions(checker *check) {
  int_lanes a, e;
  lanes f, g;
  EACH_LANE(a.x, cnn__random_u32(&check->random) >> check_between(check, 0, 24));
  EACH_LANE(f.x, (float)(int32_t)a.x[i]);
  expect(check, "from_int", vector_from_int(vector_int_load(a.x)), &f);
  EACH_LANE(g.x, ldexpf(check_value(check, CHECK_PLAIN), (int)check_between(check, 0, 30)));
  if (check_chance(check, 2)) EACH_LANE(g.x, rintf(g.x[i]) / 2); /* halves: ties to even */
  EACH_LANE(e.x, (uint32_t)(int32_t)rintf(g.x[i]));
  expect_int(check, "to_int_nearest", vector_to_int_nearest(vector_load(g.x)), &e);
  EACH_LANE(e.x, (uint32_t)(int32_t)g.x[i]);
  expect_int(check, "to_int_truncated", vector_to_int_truncated(vector_load(g.x)), &e);
  for (size_t i = 0; i < W; i++)
    memcpy(&e.x[i], &g.x[i], sizeof e.x[i]);
  expect_int(check, "bits", vector_bits(vector_load(g.x)), &e);
  expect(check, "from_bits", vector_from_bits(vector_int_load(e.x)), &g);

  uint8_t *bytes = check_bytes(check, W, 1), *out = check_bytes(check, W, 1);
  for (size_t i = 0; i < W; i++)
    bytes[i] = (uint8_t)check_between(check, 0, 255);
  EACH_LANE(e.x, bytes[i]);
  expect_int(check, "int_load_bytes", vector_int_load_bytes(bytes), &e);
  vector_int_store_bytes(out, vector_int_load(e.x));
  if (memcmp(out, bytes, W) != 0) check_fail(check, "int_store_bytes");

  const size_t count = check_between(check, 1, 100);
  const float *base = check_input(check, count, CHECK_PLAIN);
  EACH_LANE(e.x, (uint32_t)check_between(check, 0, count - 1));
  EACH_LANE(f.x, base[e.x[i]]);
  expect(check, "gather", vector_gather(base, vector_int_load(e.x)), &f);
}

static void check_doubles(checker *check, const float *a) {
  const bool fused = check->same_bits;
  const vector_double low = vector_double_low(vector_load(a));
  const vector_double high = vector_double_high(vector_load(a));
  lanes e;
  EACH_LANE(e.x, a[i]);
  expect(check, "from_doubles", vector_from_doubles(low, high), &e);
  double half[VECTOR_DOUBLE_WIDTH];
  const vector_double third = vector_double_set(1 / 3.0);
  vector_double_store(half, vector_double_fma(high, third, low));
  const vector_double again = vector_double_load(half);
  for (size_t i = 0; i < VECTOR_DOUBLE_WIDTH; i++) {
    const double x = (double)a[i], y = (double)a[i + W / 2];
    const double expected = fused ? fma(y, 1 / 3.0, x) : x + y * (1 / 3.0);
    if (half[i] != expected && expected == expected) check_fail(check, "double_fma lane %zu", i);
  }
  vector_double_store(
      half, vector_double_sub(vector_double_add(vector_double_mul(low, high), again), third));
  for (size_t i = 0; i < VECTOR_DOUBLE_WIDTH; i++) {
    const double x = (double)a[i], y = (double)a[i + W / 2];
    const double first = fused ? fma(y, 1 / 3.0, x) : x + y * (1 / 3.0);
    const double expected = (x * y + first) - 1 / 3.0;
    if (half[i] != expected && expected == expected) check_fail(check, "doubles, lane %zu", i);
  }
}

static void check_transpose(checker *check) {
  float square[W][W];
  vector rows[W];
  for (size_t i = 0; i < W; i++) {
    for (size_t j = 0; j < W; j++)
      square[i][j] = (float)(i * W + j);
    rows[i] = vector_load(square[i]);
  }
  vector_transpose(rows);
  for (size_t j = 0; j < W; j++) {
    lanes e;
    EACH_LANE(e.x, square[i][j]);
    expect(check, "transpose", rows[j], &e);
  }
}

static void check_interleave(checker *check) {
  float rows[4][5], mixed[17];
  for (size_t i = 0; i < 20; i++)
    rows[i / 5][i % 5] = (float)i;
  const float *const from[4] = {rows[0], rows[1] + 1, rows[2], rows[3] + 1};
  mixed[16] = -1;
  vector_interleave(from, mixed);
  for (size_t i = 0; i < 16; i++)
    if (!(mixed[i] == from[i % 4][i / 4])) check_fail(check, "interleave %zu", i);
  if (!(mixed[16] == -1)) check_fail(check, "interleave writes beyond its end");
}

static void probe_round(checker *check) {
  const check_values kind = check_kind(check);
  const float *a = check_input(check, W, kind), *b = check_input(check, W, kind);
  const float *c = check_input(check, W, kind);
  check_case(check, "kind %d", (int)kind);
  check_arithmetic(check, a, b, c);
  check_masks(check, a, b);
  check_doubles(check, a);
  check_tails(check);
  check_integers(check);
  check_conversions(check);
  check_transpose(check);
  check_interleave(check);
}

/* Twelve sums that wait for none of the others: enough for two units of four cycles' latency, and
   they fit in sixteen registers. They begin differently, or the compiler would keep only one. */
static double probe_peak(double seconds) {
  enum { SUMS = 12, LOOPS = 4000 };
  static volatile float starts[SUMS] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const vector x = vector_set(starts[0] / 2);
  double best = 1e9;
  const double start = cnn__now();
  for (double now = start; now - start < seconds;) {
    vector s0 = vector_set(starts[0]), s1 = vector_set(starts[1]), s2 = vector_set(starts[2]);
    vector s3 = vector_set(starts[3]), s4 = vector_set(starts[4]), s5 = vector_set(starts[5]);
    vector s6 = vector_set(starts[6]), s7 = vector_set(starts[7]), s8 = vector_set(starts[8]);
    vector s9 = vector_set(starts[9]), s10 = vector_set(starts[10]), s11 = vector_set(starts[11]);
    const double before = cnn__now();
    for (size_t i = 0; i < LOOPS; i++) {
      s0 = vector_fma(x, s0, x), s1 = vector_fma(x, s1, x), s2 = vector_fma(x, s2, x);
      s3 = vector_fma(x, s3, x), s4 = vector_fma(x, s4, x), s5 = vector_fma(x, s5, x);
      s6 = vector_fma(x, s6, x), s7 = vector_fma(x, s7, x), s8 = vector_fma(x, s8, x);
      s9 = vector_fma(x, s9, x), s10 = vector_fma(x, s10, x), s11 = vector_fma(x, s11, x);
    }
    s0 = vector_add(vector_add(vector_add(s0, s1), vector_add(s2, s3)), vector_add(s4, s5));
    s6 = vector_add(vector_add(vector_add(s6, s7), vector_add(s8, s9)), vector_add(s10, s11));
    lanes out;
    vector_store(out.x, vector_add(s0, s6));
    now = cnn__now();
    if (now - before < best) best = now - before;
    starts[0] = starts[0] + 0 * out.x[0]; /* the sums are wanted */
  }
  return 2.0 * W * SUMS * LOOPS / best / 1e9;
}

extern const vector_probe VECTOR_PROBE;
const vector_probe VECTOR_PROBE = {probe_peak, probe_round};
