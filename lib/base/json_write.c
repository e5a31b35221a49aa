#include "base/json.h"
#include "base/number.h"
#include "base/utf8.h"
#include <math.h>
#include <string.h>

static const char *escape_of(char c) {
  switch (c) {
  case '"':
    return "\\\"";
  case '\\':
    return "\\\\";
  case '\b':
    return "\\b";
  case '\f':
    return "\\f";
  case '\n':
    return "\\n";
  case '\r':
    return "\\r";
  case '\t':
    return "\\t";
  }
  return NULL;
}

/* What is not UTF-8 becomes U+FFFD, so that the result always is JSON. */
void cnn__json_write_string(cnn__text *text, const char *string) {
  size_t left = strlen(string), plain = 0; /* bytes that go as they are */
  cnn__text_append(text, "\"", 1);
  while (left > 0) {
    size_t length = cnn__utf8_length(string + plain, left);
    unsigned char c = (unsigned char)string[plain];
    if (length > 0 && c >= 0x20 && c != '"' && c != '\\') {
      plain += length;
      left -= length;
      continue;
    }
    cnn__text_append(text, string, plain);
    const char *escape = escape_of((char)c);
    if (escape)
      cnn__text_append(text, escape, 2);
    else
      cnn__text_format(text, "\\u%04x", length > 0 ? (unsigned)c : 0xfffdu);
    string += plain + 1;
    plain = 0;
    left--;
  }
  cnn__text_append(text, string, plain);
  cnn__text_append(text, "\"", 1);
}

void cnn__json_write_real(cnn__text *text, double value) {
  char number[32];
  if (isfinite(value))
    cnn__number_shortest(number, sizeof number, value, false);
  else
    memcpy(number, "null", 5);
  cnn__text_append(text, number, strlen(number));
}
