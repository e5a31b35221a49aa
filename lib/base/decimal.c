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

/* ---- decimal to double ---- */

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
  if (!single && cnn__decimal_is_short(decimal)) return cnn__decimal_short_to_double(decimal);
  fixed f;
  fixed_of_decimal(decimal, &f);

  /* Halve or double until the integer part has as many bits as a mantissa. */
  int exponent = 0;
  for (int excess; (excess = integer_bits(&f) - bits) > 0;
       exponent += cnn__decimal_step(excess, 27))
    fixed_halve(&f, cnn__decimal_step(excess, 27));
  for (int lack; exponent > lowest && (lack = bits - integer_bits(&f)) > 0;) {
    int step = cnn__decimal_step(cnn__decimal_step(lack, 29), exponent - lowest);
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
