#include "base/random.h"
#include "base/mathematics.h"
#include <math.h>

void cnn__philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
  uint32_t k[2] = {key[0], key[1]};
  for (int round = 0; round < 10; round++) {
    uint64_t p = UINT64_C(0xd2511f53) * c[0], q = UINT64_C(0xcd9e8d57) * c[2];
    uint32_t c1 = c[1], c3 = c[3];
    c[0] = (uint32_t)(q >> 32) ^ c1 ^ k[0];
    c[1] = (uint32_t)q;
    c[2] = (uint32_t)(p >> 32) ^ c3 ^ k[1];
    c[3] = (uint32_t)p;
    k[0] += 0x9e3779b9;
    k[1] += 0xbb67ae85;
  }
  for (int i = 0; i < 4; i++)
    out[i] = c[i];
}

static uint32_t low(uint64_t value) {
  return (uint32_t)value;
}
static uint32_t high(uint64_t value) {
  return (uint32_t)(value >> 32);
}

uint64_t cnn__random_key(uint64_t seed, uint32_t purpose, uint64_t a) {
  uint32_t out[4];
  cnn__philox4x32((const uint32_t[4]){low(a), high(a), purpose, 0},
                  (const uint32_t[2]){low(seed), high(seed)}, out);
  return (uint64_t)out[1] << 32 | out[0];
}

void cnn__random_block(uint64_t key, uint64_t b, uint32_t index, uint32_t out[4]) {
  cnn__philox4x32((const uint32_t[4]){index, 0, low(b), high(b)},
                  (const uint32_t[2]){low(key), high(key)}, out);
}

void cnn__random_start(cnn__random *random, uint64_t seed, cnn__purpose purpose, uint64_t a,
                       uint64_t b) {
  *random = (cnn__random){.key = cnn__random_key(seed, (uint32_t)purpose, a), .b = b, .used = 4};
}

uint32_t cnn__random_u32(cnn__random *random) {
  if (random->used == 4) {
    cnn__random_block(random->key, random->b, random->index++, random->block);
    random->used = 0;
  }
  return random->block[random->used++];
}

static uint64_t random_u64(cnn__random *random) {
  uint64_t upper = cnn__random_u32(random);
  return upper << 32 | cnn__random_u32(random);
}

uint64_t cnn__random_below(cnn__random *random, uint64_t bound) {
  if (bound <= UINT32_MAX) {
    /* The upper half of a product; the few lower halves that would favour some are drawn again. */
    uint32_t narrow = (uint32_t)bound, reject = (0 - narrow) % narrow;
    uint64_t product;
    do
      product = (uint64_t)cnn__random_u32(random) * narrow;
    while ((uint32_t)product < reject);
    return product >> 32;
  }
  uint64_t mask = bound - 1, value;
  for (int shift = 1; shift < 64; shift *= 2)
    mask |= mask >> shift;
  do
    value = random_u64(random) & mask;
  while (value >= bound);
  return value;
}

float cnn__random_unit(cnn__random *random) {
  return (float)(cnn__random_u32(random) >> 8) * 0x1p-24f;
}

/* [0, 1) in steps of 2^-53. */
static double unit(cnn__random *random) {
  return (double)(random_u64(random) >> 11) * 0x1p-53;
}

double cnn__random_range(cnn__random *random, double low_end, double high_end) {
  return low_end + (high_end - low_end) * unit(random);
}

/* G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates", 1958. */
double cnn__random_normal(cnn__random *random) {
  static const double two_pi = 0x1.921fb54442d18p+2;
  double radius = sqrt(-2 * cnn__log(1 - unit(random)));
  return radius * cnn__cos(two_pi * unit(random));
}

void cnn__random_shuffle(cnn__random *random, uint32_t *order, size_t count) {
  for (size_t i = count; i > 1; i--) {
    size_t j = (size_t)cnn__random_below(random, i);
    uint32_t swap = order[i - 1];
    order[i - 1] = order[j];
    order[j] = swap;
  }
}
