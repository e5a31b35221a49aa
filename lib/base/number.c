#include "base/number.h"
#include "base/decimal.h"
#include <math.h>
#include <string.h>

/* Text that is cut where the buffer ends, and always terminated. */
typedef struct output {
  char *next, *last;
} output;

static void put(output *out, char c) {
  if (out->next < out->last) *out->next++ = c;
}

static void put_text(output *out, const char *text) {
  for (; *text; text++)
    put(out, *text);
}

static char digit_at(const cnn__decimal *decimal, int i) {
  return i >= 0 && i < decimal->count ? decimal->digits[i] : '0';
}

static void put_positional(output *out, const cnn__decimal *decimal, int fraction) {
  if (decimal->count == 0 || decimal->exponent <= 0) put(out, '0');
  for (int i = 0; decimal->count > 0 && i < decimal->exponent; i++)
    put(out, digit_at(decimal, i));
  if (fraction > 0) put(out, '.');
  for (int i = 0; i < fraction; i++)
    put(out, digit_at(decimal, decimal->exponent + i));
}

static void put_scientific(output *out, const cnn__decimal *decimal, int fraction) {
  put(out, digit_at(decimal, 0));
  if (fraction > 0) put(out, '.');
  for (int i = 1; i <= fraction; i++)
    put(out, digit_at(decimal, i));
  int exponent = decimal->count > 0 ? decimal->exponent - 1 : 0;
  put(out, 'e');
  put(out, exponent < 0 ? '-' : '+');
  if (exponent < 0) exponent = -exponent;
  if (exponent >= 100) put(out, (char)('0' + exponent / 100));
  put(out, (char)('0' + exponent / 10 % 10));
  put(out, (char)('0' + exponent % 10));
}

/* All digits that there are, positional up to so many before the point. */
static void put_general(output *out, const cnn__decimal *decimal, int most) {
  int point = decimal->count > 0 ? decimal->exponent : 1;
  if (point > most || point < -3)
    put_scientific(out, decimal, decimal->count - 1);
  else
    put_positional(out, decimal, decimal->count > point ? decimal->count - point : 0);
}

/* Sign, and all there is to say of what is not finite: then true. */
static bool put_special(output *out, double value) {
  if (!isnan(value) && signbit(value)) put(out, '-');
  if (isfinite(value)) return false;
  put_text(out, isnan(value) ? "nan" : "inf");
  return true;
}

static output output_start(char *buffer, size_t size) {
  if (size > 0) memset(buffer, 0, size);
  return (output){buffer, size > 0 ? buffer + size - 1 : buffer};
}

char *cnn__number_format(char *buffer, size_t size, char style, int digits, double value) {
  output out = output_start(buffer, size);
  if (put_special(&out, value)) return buffer;
  cnn__decimal decimal;
  cnn__decimal_of(value, &decimal);
  if (style == 'f' && !(fabs(value) < 1e15)) style = 'e';
  if (style == 'f') {
    cnn__decimal_round(&decimal, decimal.exponent + digits);
    put_positional(&out, &decimal, digits);
  } else if (style == 'e') {
    cnn__decimal_round(&decimal, digits + 1);
    put_scientific(&out, &decimal, digits);
  } else {
    if (digits == 0) digits = 1;
    cnn__decimal_round(&decimal, digits);
    put_general(&out, &decimal, digits);
  }
  return buffer;
}

/* Whether both ways of reading a float give it back: at once, and by way of a double. */
static bool reads_back(const cnn__decimal *decimal, double value, bool single) {
  double read = cnn__decimal_to_double(decimal, false);
  if (!single) return read == value;
  return (double)(float)read == value && cnn__decimal_to_double(decimal, true) == value;
}

char *cnn__number_shortest(char *buffer, size_t size, double value, bool single) {
  output out = output_start(buffer, size);
  if (put_special(&out, value)) return buffer;
  cnn__decimal exact, decimal;
  cnn__decimal_of(value, &exact);
  int digits = 0;
  do { /* 17 always do */
    decimal = exact;
    cnn__decimal_round(&decimal, ++digits);
  } while (digits < 17 && !reads_back(&decimal, fabs(value), single));
  put_general(&out, &decimal, 16);
  return buffer;
}
