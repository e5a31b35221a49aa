#include "base/decimal.h"
#include "base/number.h"
#include <math.h>

typedef struct input {
  const char *next, *end;
} input;

static bool at_digit(const input *in) {
  return in->next < in->end && *in->next >= '0' && *in->next <= '9';
}

static bool take(input *in, char c) {
  if (in->next == in->end || *in->next != c) return false;
  in->next++;
  return true;
}

/* Digits beyond the limit change nothing but whether there is more than nothing: a last digit 1
   says so. */
static void take_digits(input *in, cnn__decimal *decimal) {
  const char *next = in->next;
  int count = decimal->count;
  for (; next < in->end && *next >= '0' && *next <= '9'; next++)
    if (count < CNN__DECIMAL_DIGITS)
      decimal->digits[count++] = *next;
    else if (*next != '0')
      decimal->digits[CNN__DECIMAL_DIGITS - 1] = '1';
  decimal->count = count;
  in->next = next;
}

/* [digits]. False where there is none. The exponent stays within what matters: more is infinity or
   zero whatever the digits of any text that memory holds. */
static bool take_exponent(input *in, int64_t *exponent) {
  bool negative = take(in, '-');
  if (!negative) (void)take(in, '+');
  if (!at_digit(in)) return false;
  int64_t value = 0;
  for (; at_digit(in); in->next++)
    if (value < INT64_MAX / 100) value = value * 10 + (*in->next - '0');
  *exponent = negative ? -value : value;
  return true;
}

/* digits[.digits][e[sign]digits], all of it. Zeros before the first digit that is none only move the point. */
static bool take_decimal(input *in, cnn__decimal *decimal) {
  enum { FARTHEST = 1000 }; /* beyond every double */
  int64_t point = 0, exponent = 0;
  if (!at_digit(in)) return false;
  if (!take(in, '0')) {
    const char *start = in->next;
    take_digits(in, decimal);
    point = in->next - start;
  } else if (at_digit(in))
    return false;
  if (take(in, '.')) {
    if (!at_digit(in)) return false;
    for (; decimal->count == 0 && take(in, '0'); point--) {
    }
    take_digits(in, decimal);
  }
  if ((take(in, 'e') || take(in, 'E')) && !take_exponent(in, &exponent)) return false;
  point += exponent;
  decimal->exponent = point > FARTHEST ? FARTHEST : point < -FARTHEST ? -FARTHEST : (int)point;
  while (decimal->count > 0 && decimal->digits[decimal->count - 1] == '0')
    decimal->count--;
  return in->next == in->end;
}

bool cnn__number_parse(const char *text, size_t length, double *value, bool *hard) {
  input in = {text, text + length};
  bool negative = take(&in, '-');
  cnn__decimal decimal;
  decimal.count = decimal.exponent = 0;
  if (!take_decimal(&in, &decimal)) return false;
  *hard = !cnn__decimal_is_short(&decimal);
  double magnitude = cnn__decimal_to_double(&decimal, false);
  if (isinf(magnitude)) return false;
  *value = negative ? -magnitude : magnitude;
  return true;
}

bool cnn__number_parse_integer(const char *text, size_t length, int64_t *value) {
  input in = {text, text + length};
  bool negative = take(&in, '-');
  if (!at_digit(&in) || (*in.next == '0' && in.end - in.next > 1)) return false;
  int64_t result = 0; /* negative, for there is one more of those */
  for (; at_digit(&in); in.next++) {
    int64_t digit = *in.next - '0';
    if (__builtin_mul_overflow(result, 10, &result)) return false;
    if (__builtin_sub_overflow(result, digit, &result)) return false;
  }
  if (in.next != in.end || (!negative && result == INT64_MIN)) return false;
  *value = negative ? result : -result;
  return true;
}
