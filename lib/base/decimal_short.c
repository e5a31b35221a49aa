/* Short decimal numbers, as nearly all are, to the nearest double: in whole numbers, for the host may round otherwise. */
#include "base/decimal.h"
#include <math.h>

enum { SHORT_DIGITS = 19, SHORT_PLACES = 27, SHORT_LIMBS = 4 };

/* Of the last digit, counted from the point. */
static int last_place(const cnn__decimal *decimal) {
  return decimal->exponent - decimal->count;
}

bool cnn__decimal_is_short(const cnn__decimal *decimal) {
  const int place = last_place(decimal);
  return decimal->count == 0 ||
         (decimal->count <= SHORT_DIGITS && place >= -SHORT_PLACES && place <= SHORT_PLACES);
}

enum { FIVES = 13 };
static const uint32_t five_to[FIVES + 1] = {1,       5,        25,        125,       625,
                                            3125,    15625,    78125,     390625,    1953125,
                                            9765625, 48828125, 244140625, 1220703125};

/* Limbs in base 2^32, the highest first, times 5^power, at most 13. */
static void multiply_by_five(uint32_t *limb, int power) {
  uint64_t carry = 0;
  for (int i = SHORT_LIMBS; i-- > 0; carry >>= 32) {
    carry += (uint64_t)limb[i] * five_to[power];
    limb[i] = (uint32_t)carry;
  }
}

/* The same divided; whether something is left. */
static bool divide_by_five(uint32_t *limb, int power) {
  const uint64_t divisor = five_to[power];
  uint64_t rest = 0;
  for (int i = 0; i < SHORT_LIMBS; i++) {
    rest = rest << 32 | limb[i];
    limb[i] = (uint32_t)(rest / divisor);
    rest %= divisor;
  }
  return rest != 0;
}

/* The nearest double to a number that is not 0, times 2^exponent; more: it is a little larger. */
static double rounded(const uint32_t *limb, int exponent, bool more) {
  int i = 0;
  while (limb[i] == 0)
    i++;
  const int shift = __builtin_clz(limb[i]);
  const uint64_t three =
      ((uint64_t)limb[i] << 32 | limb[i + 1]) << shift | (uint64_t)limb[i + 2] << shift >> 32;
  more = more || (uint32_t)(limb[i + 2] << shift) != 0;
  for (int k = i + 3; k < SHORT_LIMBS; k++)
    more = more || limb[k] != 0;
  const unsigned behind = three & 0x7ff;
  uint64_t mantissa = three >> 11;
  if (behind > 0x400 || (behind == 0x400 && (more || (mantissa & 1)))) mantissa++;
  return ldexp((double)mantissa, exponent + 32 * (SHORT_LIMBS - 2 - i) - shift + 11);
}

/* digits * 10^place. The digits and 5^27 fit into two limbs each, so a product fits, and a quotient of four limbs, the upper
   ones as large as they can be, has more than 64 bits. */
double cnn__decimal_short_to_double(const cnn__decimal *decimal) {
  uint32_t limb[SHORT_LIMBS + 2] = {0};
  uint64_t digits = 0;
  int place = last_place(decimal), exponent = place;
  bool more = false;
  for (int i = 0; i < decimal->count; i++)
    digits = digits * 10 + (uint64_t)(decimal->digits[i] - '0');
  const int shift = __builtin_clzll(digits), first = place < 0 ? 0 : SHORT_LIMBS - 2;
  if (place < 0) {
    digits <<= shift;
    exponent -= shift + 32 * (SHORT_LIMBS - 2);
  }
  limb[first] = (uint32_t)(digits >> 32);
  limb[first + 1] = (uint32_t)digits;
  for (; place > 0; place -= cnn__decimal_step(place, FIVES))
    multiply_by_five(limb, cnn__decimal_step(place, FIVES));
  for (; place < 0; place += cnn__decimal_step(-place, FIVES))
    more = divide_by_five(limb, cnn__decimal_step(-place, FIVES)) || more;
  return rounded(limb, exponent, more);
}
