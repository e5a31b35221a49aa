/* Bodies of kernels/elementwise/arithmetic.h, over the vector abstraction included before. */
#include "kernels/elementwise/arithmetic.h"
#include "kernels/elementwise/mathematics_body.h"

static void add(size_t count, const float *a, const float *b, float *y) {
  for (size_t i = 0; i < count; i += VECTOR_WIDTH)
    put(y, i, count, vector_add(get(a, i, count), get(b, i, count)));
}
static void multiply(size_t count, const float *a, const float *b, float *y) {
  for (size_t i = 0; i < count; i += VECTOR_WIDTH)
    put(y, i, count, vector_mul(get(a, i, count), get(b, i, count)));
}
static void scale(size_t count, float a, const float *x, float *y) {
  for (size_t i = 0; i < count; i += VECTOR_WIDTH)
    put(y, i, count, vector_mul(vector_set(a), get(x, i, count)));
}
static void axpy(size_t count, float a, const float *x, float *y) {
  for (size_t i = 0; i < count; i += VECTOR_WIDTH)
    put(y, i, count, vector_fma(vector_set(a), get(x, i, count), get(y, i, count)));
}
static void affine(size_t count, float a, float b, const float *x, float *y) {
  for (size_t i = 0; i < count; i += VECTOR_WIDTH)
    put(y, i, count, vector_fma(vector_set(a), get(x, i, count), vector_set(b)));
}
static void exponentials(size_t count, const float *x, float *y) {
  for (size_t i = 0; i < count; i += VECTOR_WIDTH)
    put(y, i, count, vector_exp(get(x, i, count)));
}
static void logarithms(size_t count, const float *x, float *y) {
  for (size_t i = 0; i < count; i += VECTOR_WIDTH)
    put(y, i, count, vector_log(get(x, i, count)));
}

static double sum_of_squares(size_t count, const float *x) {
  doubles lanes[VECTORS];
  for (size_t v = 0; v < VECTORS; v++)
    lanes[v] = doubles_zero();
  for (size_t i = 0; i < count; i += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      const doubles value = doubles_of(get(x, i + v * VECTOR_WIDTH, count));
      lanes[v] = doubles_add_product(lanes[v], value, value);
    }
  return sum_double_lanes(lanes);
}

/* Only of finite numbers is the absolute value at most the largest float. */
static bool finite_all(size_t count, const float *x) {
  const vector largest = vector_set(0x1.fffffep127f);
  vector_mask all = vector_equal(largest, largest);
  for (size_t i = 0; i < count; i += VECTOR_WIDTH)
    all = vector_mask_and(all, vector_less_equal(vector_abs(get(x, i, count)), largest));
  return vector_mask_all(all);
}

/* The blocks of counter[0] + first + (0 ... LANES - 1), one behind the other. With W lanes W / 4
   sets of four words (a counter each lane) fill the W rows that one transposition puts in order. */
enum {
  PHILOX_SETS = VECTOR_WIDTH < 4 ? 1 : VECTOR_WIDTH / 4,
  PHILOX_WORDS = 4 * PHILOX_SETS * VECTOR_WIDTH
};

static inline void philox_blocks(const cnn__philox_stream *stream, uint32_t first,
                                 uint32_t words[PHILOX_WORDS]) {
  static const int32_t lane_numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const vector_int lane = vector_int_load(lane_numbers);
  const vector_int multiplier0 = vector_int_set((int32_t)0xd2511f53u);
  const vector_int multiplier1 = vector_int_set((int32_t)0xcd9e8d57u);
  vector rows[4 * PHILOX_SETS];
  for (int32_t set = 0; set < PHILOX_SETS; set++) {
    const vector_int step = vector_int_mul(lane, vector_int_set(PHILOX_SETS));
    vector_int c0 = vector_int_add(vector_int_set((int32_t)(stream->counter[0] + first)),
                                   vector_int_add(step, vector_int_set(set)));
    vector_int c1 = vector_int_set((int32_t)stream->counter[1]);
    vector_int c2 = vector_int_set((int32_t)stream->counter[2]);
    vector_int c3 = vector_int_set((int32_t)stream->counter[3]);
    uint32_t key0 = stream->key[0], key1 = stream->key[1];
    for (int round = 0; round < 10; round++) {
      const vector_int high0 = vector_int_mul_high(c0, multiplier0);
      const vector_int low0 = vector_int_mul(c0, multiplier0);
      const vector_int high1 = vector_int_mul_high(c2, multiplier1);
      const vector_int low1 = vector_int_mul(c2, multiplier1);
      c0 = vector_int_xor(vector_int_xor(high1, c1), vector_int_set((int32_t)key0));
      c2 = vector_int_xor(vector_int_xor(high0, c3), vector_int_set((int32_t)key1));
      c1 = low1;
      c3 = low0;
      key0 += 0x9e3779b9u;
      key1 += 0xbb67ae85u;
    }
    rows[4 * set] = vector_from_bits(c0);
    rows[4 * set + 1] = vector_from_bits(c1);
    rows[4 * set + 2] = vector_from_bits(c2);
    rows[4 * set + 3] = vector_from_bits(c3);
  }
  vector_transpose(rows);
  for (size_t row = 0; row < 4 * PHILOX_SETS; row++)
    vector_int_store(words + row * VECTOR_WIDTH, vector_bits(rows[row]));
}

static void dropout(size_t count, const cnn__philox_stream *stream, uint32_t threshold, float scale,
                    const float *x, float *y) {
  /* Comparisons are signed: both sides are moved by 2^31. */
  const vector_int offset = vector_int_set(INT32_MIN);
  const vector_int limit = vector_int_xor(vector_int_set((int32_t)threshold), offset);
  uint32_t words[PHILOX_WORDS];
  for (size_t i = 0; i < count; i += PHILOX_WORDS) {
    philox_blocks(stream, (uint32_t)(i / 4), words);
    for (size_t j = 0; j < PHILOX_WORDS; j += VECTOR_WIDTH) {
      const vector_int word = vector_int_xor(vector_int_load(words + j), offset);
      const vector scaled = vector_mul(get(x, i + j, count), vector_set(scale));
      put(y, i + j, count, vector_select(vector_int_less(word, limit), vector_zero(), scaled));
    }
  }
}

static void fill_arithmetic(cnn__arithmetic_kernels *table) {
  *table = (cnn__arithmetic_kernels){
      .add = add,
      .multiply = multiply,
      .scale = scale,
      .axpy = axpy,
      .affine = affine,
      .exp = exponentials,
      .log = logarithms,
      .sum_of_squares = sum_of_squares,
      .finite = finite_all,
      .dropout = dropout,
  };
}
