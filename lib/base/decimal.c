#include "base/decimal.h"
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

/* A fixed-point number in base 10^9. Limbs before POINT are its integer part (10^324 and less),
   those from there on its fraction: 800 digits that begin at 10^-343, or the bits of a number that
   was halved 1,074 times. first and end bound what is not zero. */
enum { BASE = 1000000000, PLACES = 9, POINT = 37, LIMBS = POINT + 250 };
typedef struct fixed {
  int first, end;
  uint32_t limb[LIMBS];
} fixed;

/* The number is not 0: nothing here ever loses its last bit. */
static void fixed_trim(fixed *f) {
  while (f->limb[f->first] == 0)
    f->first++;
  while (f->limb[f->end - 1] == 0)
    f->end--;
}

/* Divides by 2^bits, at most 27: 2^9 divides the base, so at most three limbs are new. */
static void fixed_halve(fixed *f, int bits) {
  const uint64_t mask = (UINT64_C(1) << bits) - 1;
  uint64_t rest = 0;
  for (int i = f->first; i < f->end; i++) {
    uint64_t value = rest * BASE + f->limb[i];
    f->limb[i] = (uint32_t)(value >> bits);
    rest = value & mask;
  }
  for (; rest; rest = rest * BASE & mask) {
    assert(f->end < LIMBS);
    f->limb[f->end++] = (uint32_t)(rest * BASE >> bits);
  }
  fixed_trim(f);
}

/* Multiplies by 2^bits, at most 29. */
static void fixed_double(fixed *f, int bits) {
  uint64_t carry = 0;
  for (int i = f->end - 1; i >= f->first; i--) {
    uint64_t value = ((uint64_t)f->limb[i] << bits) + carry;
    f->limb[i] = (uint32_t)(value % BASE);
    carry = value / BASE;
  }
  if (carry) {
    assert(f->first > 0);
    f->limb[--f->first] = (uint32_t)carry;
  }
  fixed_trim(f);
}

static uint32_t limb_at(const fixed *f, int i) {
  return i >= f->first && i < f->end ? f->limb[i] : 0;
}

/* ---- double to decimal ---- */

static void fixed_of(double value, fixed *f) {
  int exponent;
  uint64_t mantissa = (uint64_t)ldexp(frexp(fabs(value), &exponent), 53);
  exponent -= 53;
  f->first = POINT - 2;
  f->end = POINT;
  f->limb[POINT - 2] = (uint32_t)(mantissa / BASE);
  f->limb[POINT - 1] = (uint32_t)(mantissa % BASE);
  fixed_trim(f);
  for (; exponent > 0; exponent -= exponent < 29 ? exponent : 29)
    fixed_double(f, exponent < 29 ? exponent : 29);
  for (; exponent<0; exponent += exponent> - 27 ? -exponent : 27)
    fixed_halve(f, exponent > -27 ? -exponent : 27);
}

void cnn__decimal_of(double value, cnn__decimal *decimal) {
  decimal->count = decimal->exponent = 0;
  if (value == 0) return;
  fixed f;
  fixed_of(value, &f);
  decimal->exponent = (POINT - f.first) * PLACES;
  for (int i = f.first; i < f.end; i++) {
    uint32_t place = BASE / 10;
    for (int k = 0; k < PLACES; k++, place /= 10) {
      char digit = (char)('0' + f.limb[i] / place % 10);
      if (decimal->count == 0 && digit == '0')
        decimal->exponent--;
      else
        decimal->digits[decimal->count++] = digit;
    }
  }
  while (decimal->digits[decimal->count - 1] == '0')
    decimal->count--;
}

void cnn__decimal_round(cnn__decimal *decimal, int count) {
  if (count >= decimal->count) return;
  bool up = false;
  if (count >= 0) {
    char next = decimal->digits[count];
    bool tie = next == '5' && decimal->count == count + 1;
    bool odd = count > 0 && (decimal->digits[count - 1] - '0') % 2 == 1;
    up = tie ? odd : next >= '5';
  }
  decimal->count = count > 0 ? count : 0;
  if (up) {
    while (decimal->count > 0 && decimal->digits[decimal->count - 1] == '9')
      decimal->count--;
    if (decimal->count > 0) {
      decimal->digits[decimal->count - 1]++;
    } else {
      decimal->digits[decimal->count++] = '1';
      decimal->exponent++;
    }
  }
  while (decimal->count > 0 && decimal->digits[decimal->count - 1] == '0')
    decimal->count--;
}

/* ---- decimal to double: short ones ---- */

static int smaller(int a, int b) {
  return a < b ? a : b;
}

enum { SHORT_DIGITS = 19, SHORT_PLACES = 27, SHORT_LIMBS = 6 };

/* Of the last digit, counted from the point. */
static int last_place(const cnn__decimal *decimal) {
  return decimal->exponent - decimal->count;
}

bool cnn__decimal_is_short(const cnn__decimal *decimal) {
  const int place = last_place(decimal);
  return decimal->count == 0 ||
         (decimal->count <= SHORT_DIGITS && place >= -SHORT_PLACES && place <= SHORT_PLACES);
}

/* Limbs in base 2^32, the highest first, times 5^power, at most 13. */
static void multiply_by_five(uint32_t *limb, int power) {
  uint64_t factor = 1, carry = 0;
  while (power-- > 0)
    factor *= 5;
  for (int i = SHORT_LIMBS; i-- > 0; carry >>= 32) {
    carry += limb[i] * factor;
    limb[i] = (uint32_t)carry;
  }
}

/* The same divided; whether something is left. */
static bool divide_by_five(uint32_t *limb, int power) {
  uint64_t divisor = 1, rest = 0;
  while (power-- > 0)
    divisor *= 5;
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

/* digits * 10^place, where 5^27 and the digits fit into two limbs each: a quotient of six is exact to more than 64 bits. */
static double short_to_double(const cnn__decimal *decimal) {
  enum { STEP = 13 };
  uint32_t limb[SHORT_LIMBS + 2] = {0};
  uint64_t digits = 0;
  int place = last_place(decimal), exponent = place;
  bool more = false;
  for (int i = 0; i < decimal->count; i++)
    digits = digits * 10 + (uint64_t)(decimal->digits[i] - '0');
  const int last = place < 0 ? 1 : SHORT_LIMBS - 1;
  limb[last - 1] = (uint32_t)(digits >> 32);
  limb[last] = (uint32_t)digits;
  exponent -= 32 * (SHORT_LIMBS - 1 - last);
  for (; place > 0; place -= smaller(place, STEP))
    multiply_by_five(limb, smaller(place, STEP));
  for (; place < 0; place += smaller(-place, STEP))
    more = divide_by_five(limb, smaller(-place, STEP)) || more;
  return rounded(limb, exponent, more);
}

/* ---- decimal to double: all others ---- */

static void fixed_of_decimal(const cnn__decimal *decimal, fixed *f) {
  static const uint32_t power[PLACES] = {100000000, 10000000, 1000000, 100000, 10000,
                                         1000,      100,      10,      1};
  int start = POINT * PLACES - decimal->exponent; /* of the first digit, counted from limb 0 */
  f->first = start / PLACES;
  f->end = (start + decimal->count - 1) / PLACES + 1;
  memset(f->limb + f->first, 0, (size_t)(f->end - f->first) * sizeof f->limb[0]);
  for (int i = 0; i < decimal->count; i++)
    f->limb[(start + i) / PLACES] +=
        (uint32_t)(decimal->digits[i] - '0') * power[(start + i) % PLACES];
}

static int bit_length(uint64_t value) {
  return value ? 64 - __builtin_clzll(value) : 0;
}

static uint64_t integer_part(const fixed *f) {
  return (uint64_t)limb_at(f, POINT - 2) * BASE + limb_at(f, POINT - 1);
}

/* How many bits the integer part has, at least: 10^18 has 60, 10^27 has 90. */
static int integer_bits(const fixed *f) {
  if (f->first >= POINT - 2) return bit_length(integer_part(f));
  return f->first < POINT - 3 ? 90 : 60;
}

double cnn__decimal_to_double(const cnn__decimal *decimal, bool single) {
  const int bits = single ? FLT_MANT_DIG : DBL_MANT_DIG;
  const int lowest = single ? FLT_MIN_EXP - FLT_MANT_DIG : DBL_MIN_EXP - DBL_MANT_DIG;
  if (decimal->count == 0 || decimal->exponent < -342) return 0;
  if (decimal->exponent > 310) return INFINITY;
  if (!single && cnn__decimal_is_short(decimal)) return short_to_double(decimal);
  fixed f;
  fixed_of_decimal(decimal, &f);

  /* Halve or double until the integer part has as many bits as a mantissa. */
  int exponent = 0;
  for (int excess; (excess = integer_bits(&f) - bits) > 0; exponent += smaller(excess, 27))
    fixed_halve(&f, smaller(excess, 27));
  for (int lack; exponent > lowest && (lack = bits - integer_bits(&f)) > 0;) {
    int step = smaller(smaller(lack, 29), exponent - lowest);
    fixed_double(&f, step);
    exponent -= step;
  }
  uint64_t mantissa = integer_part(&f);
  uint32_t next = limb_at(&f, POINT);
  bool rest = f.end > POINT + 1;
  if (next > BASE / 2 || (next == BASE / 2 && (rest || (mantissa & 1)))) mantissa++;
  double value = ldexp((double)mantissa, exponent);
  return single && value > (double)FLT_MAX ? INFINITY : value;
}
