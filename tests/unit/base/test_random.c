#include "base/random.h"
#include "support.h"
#include <math.h>

/* The vectors that come with Random123 (Salmon et al.) for philox4x32-10. */
static void test_philox_gives_the_published_vectors(void **state) {
  static const uint32_t known[3][10] = {
      {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
      {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
       0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
       0x94fdcceb, 0x5001e420, 0x24126ea1}};
  for (int i = 0; i < 3; i++) {
    uint32_t out[4];
    cnn__philox4x32(known[i], known[i] + 4, out);
    assert_memory_equal(out, known[i] + 6, sizeof out);
  }
}

/* Files depend on these: they never change. */
static void test_streams_are_frozen(void **state) {
  cnn__random random;
  cnn__random_start(&random, 7, CNN__PURPOSE_AUGMENT, 3, UINT64_C(1) << 40);
  const uint32_t first[5] = {0x931d314c, 0xacd3dad5, 0x0c6ae9a8, 0xea0987b0, 0x4082fb21};
  for (int i = 0; i < 5; i++)
    assert_int_equal(cnn__random_u32(&random), first[i]);
}

static void test_a_stream_is_its_blocks_in_order(void **state) {
  cnn__random random;
  cnn__random_start(&random, 9, CNN__PURPOSE_DROPOUT, 5, 6);
  for (uint32_t index = 0; index < 4; index++) {
    uint32_t block[4];
    cnn__random_block(cnn__random_key(9, CNN__PURPOSE_DROPOUT, 5), 6, index, block);
    for (int i = 0; i < 4; i++)
      assert_int_equal(cnn__random_u32(&random), block[i]);
  }
}

static void test_every_part_of_the_key_matters(void **state) {
  uint32_t base[4], other[4];
  cnn__random_block(cnn__random_key(1, 2, 3), 4, 5, base);
  const uint64_t changed[8][5] = {{2, 2, 3, 4, 5},
                                  {1 + (UINT64_C(1) << 32), 2, 3, 4, 5},
                                  {1, 3, 3, 4, 5},
                                  {1, 2, 4, 4, 5},
                                  {1, 2, 3 + (UINT64_C(1) << 32), 4, 5},
                                  {1, 2, 3, 5, 5},
                                  {1, 2, 3, 4 + (UINT64_C(1) << 32), 5},
                                  {1, 2, 3, 4, 6}};
  for (int i = 0; i < 8; i++) {
    const uint64_t *c = changed[i];
    cnn__random_block(cnn__random_key(c[0], (uint32_t)c[1], c[2]), c[3], (uint32_t)c[4], other);
    assert_memory_not_equal(base, other, sizeof base);
  }
}

static void test_below_is_within_and_even(void **state) {
  cnn__random random;
  cnn__random_start(&random, 1, CNN__PURPOSE_SPLIT, 0, 0);
  enum { BINS = 7, DRAWS = 70000 };
  int count[BINS] = {0};
  for (int i = 0; i < DRAWS; i++)
    count[cnn__random_below(&random, BINS)]++;
  double chi = 0;
  for (int i = 0; i < BINS; i++)
    chi += (count[i] - 10000.) * (count[i] - 10000.) / 10000;
  assert_true(chi < 22.5); /* 6 degrees of freedom, one in a thousand */
  assert_int_equal(cnn__random_below(&random, 1), 0);
  const uint64_t bounds[] = {2,
                             UINT32_MAX,
                             UINT64_C(1) << 32,
                             UINT64_MAX,
                             3 * (UINT64_C(1) << 31),
                             (UINT64_C(1) << 63) + 1};
  for (size_t k = 0; k < sizeof bounds / sizeof bounds[0]; k++) {
    int upper = 0;
    for (int i = 0; i < 2000; i++) {
      uint64_t value = cnn__random_below(&random, bounds[k]);
      assert_true(value < bounds[k]);
      upper += value >= bounds[k] / 2;
    }
    assert_in_range(upper, 850, 1150);
  }
}

/* With 3 * 2^30 values of 2^32 a generator without rejection would favour a third of them twofold. */
static void test_below_is_unbiased_where_rejection_is_frequent(void **state) {
  cnn__random random;
  cnn__random_start(&random, 2, CNN__PURPOSE_SPLIT, 0, 0);
  int third[3] = {0};
  for (int i = 0; i < 30000; i++)
    third[cnn__random_below(&random, UINT64_C(3) << 30) % 3]++;
  for (int i = 0; i < 3; i++)
    assert_in_range(third[i], 9650, 10350);
}

static void test_reals_have_their_ranges_and_moments(void **state) {
  cnn__random random;
  cnn__random_start(&random, 3, CNN__PURPOSE_INITIAL, 0, 0);
  enum { DRAWS = 200000 };
  double sum = 0, normal = 0, square = 0, fourth = 0;
  for (int i = 0; i < DRAWS; i++) {
    float unit = cnn__random_unit(&random);
    assert_true(unit >= 0 && unit < 1);
    double range = cnn__random_range(&random, -2, 6);
    assert_true(range >= -2 && range < 6);
    sum += (double)unit + range;
    double n = cnn__random_normal(&random);
    assert_true(isfinite(n));
    normal += n;
    square += n * n;
    fourth += n * n * n * n;
  }
  assert_true(fabs(sum / DRAWS - 2.5) < 0.02);
  assert_true(fabs(normal / DRAWS) < 0.01);
  assert_true(fabs(square / DRAWS - 1) < 0.015);
  assert_true(fabs(fourth / DRAWS - 3) < 0.12);
}

static void test_shuffling_permutes_evenly(void **state) {
  cnn__random random;
  cnn__random_start(&random, 4, CNN__PURPOSE_SHUFFLE, 0, 0);
  int seen[24] = {0};
  for (int i = 0; i < 24000; i++) {
    uint32_t order[4] = {0, 1, 2, 3};
    cnn__random_shuffle(&random, order, 4);
    uint32_t mask = 0, number = 0;
    for (uint32_t k = 0; k < 4; k++) {
      uint32_t rank = 0;
      for (uint32_t j = k + 1; j < 4; j++)
        rank += order[j] < order[k];
      number = number * (4 - k) + rank;
      mask |= 1u << order[k];
    }
    assert_int_equal(mask, 15);
    seen[number]++;
  }
  for (int i = 0; i < 24; i++)
    assert_in_range(seen[i], 850, 1150);
  cnn__random_shuffle(&random, NULL, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_philox_gives_the_published_vectors),
      cmocka_unit_test(test_streams_are_frozen),
      cmocka_unit_test(test_a_stream_is_its_blocks_in_order),
      cmocka_unit_test(test_every_part_of_the_key_matters),
      cmocka_unit_test(test_below_is_within_and_even),
      cmocka_unit_test(test_below_is_unbiased_where_rejection_is_frequent),
      cmocka_unit_test(test_reals_have_their_ranges_and_moments),
      cmocka_unit_test(test_shuffling_permutes_evenly),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
