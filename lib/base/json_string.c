/* Strings of JSON: they stay where they stand in the text, without their escapes. */
#include "base/json_parser.h"
#include "base/utf8.h"

#define UPPER (ONES << 7)

/* Has the upper bit of a byte set where c is among the eight, and perhaps where it is not. */
static uint64_t marks(uint64_t bytes, char c) {
  return (bytes ^ ONES * (unsigned char)c) - ONES;
}

/* What stands in a string for itself: ASCII but for quotes, backslashes and control characters. */
static bool is_plain(char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* How many of the eight characters before the first that is not plain: the first of them is the lowest byte. */
static size_t count_plain(const char *text) {
  const uint64_t bytes = cnn__json_eight(text);
  const uint64_t others =
      (bytes | (bytes - ONES * 0x20) | (bytes + ONES) | marks(bytes, '"') | marks(bytes, '\\')) &
      UPPER;
  return others ? (size_t)__builtin_ctzll(others) / 8 : 8;
}

static bool take_hex(cnn__json_parser *p, uint32_t *value) {
  *value = 0;
  for (int i = 0; i < 4; i++) {
    const char c = *p->at, letter = (char)(c | 0x20);
    if (cnn__json_is_digit(c))
      *value = *value * 16 + (uint32_t)(c - '0');
    else if (letter >= 'a' && letter <= 'f')
      *value = *value * 16 + (uint32_t)(letter - 'a' + 10);
    else
      return false;
    p->at++;
  }
  return true;
}

static char *put(char *to, uint32_t byte) {
  *to = (char)(unsigned char)byte;
  return to + 1;
}

static char *put_character(char *to, uint32_t code) {
  if (code < 0x80) return put(to, code);
  if (code < 0x800) {
    to = put(to, 0xc0 | code >> 6);
  } else if (code < 0x10000) {
    to = put(to, 0xe0 | code >> 12);
    to = put(to, 0x80 | (code >> 6 & 0x3f));
  } else {
    to = put(to, 0xf0 | code >> 18);
    to = put(to, 0x80 | (code >> 12 & 0x3f));
    to = put(to, 0x80 | (code >> 6 & 0x3f));
  }
  return put(to, 0x80 | (code & 0x3f));
}

/* What follows \u: one unit of UTF-16, or a pair. */
static cnn_status parse_unicode(cnn__json_parser *p, const char *start, char **to) {
  uint32_t code, second;
  if (!take_hex(p, &code)) return cnn__json_fail(p, start, "\\u without four hexadecimal digits");
  if (code == 0) return cnn__json_fail(p, start, "a NUL in a string");
  if (code >= 0xdc00 && code < 0xe000) return cnn__json_fail(p, start, "half a surrogate pair");
  if (code >= 0xd800 && code < 0xdc00) {
    if (!cnn__json_take_word(p, "\\u") || !take_hex(p, &second) || second < 0xdc00 ||
        second >= 0xe000)
      return cnn__json_fail(p, start, "half a surrogate pair");
    code = 0x10000 + ((code & 0x3ff) << 10 | (second & 0x3ff));
  }
  *to = put_character(*to, code);
  return CNN_OK;
}

/* What a letter behind a backslash stands for; 0 where it is none. */
static char unescaped(char c) {
  switch (c) {
  case 'b':
    return '\b';
  case 'f':
    return '\f';
  case 'n':
    return '\n';
  case 'r':
    return '\r';
  case 't':
    return '\t';
  default:
    return c == '/' ? c : 0;
  }
}

static cnn_status parse_escape(cnn__json_parser *p, char **to) {
  const char *start = p->at++;
  const char c = *p->at;
  if (c == 'u') {
    p->at++;
    return parse_unicode(p, start, to);
  }
  const char meant = c == '"' || c == '\\' ? c : unescaped(c);
  if (!meant) return cnn__json_fail(p, start, "an unknown escape");
  p->at++;
  *(*to)++ = meant;
  return CNN_OK;
}

/* The plain characters at p->at, to where they belong: there, or before it by what escapes have left. */
static char *take_plain(cnn__json_parser *p, char *to) {
  char *c = p->at;
  size_t count = 8;
  while (count == 8 && p->end - c >= 8) {
    count = count_plain(c);
    if (c - to >= 8)
      memcpy(to, c, 8);
    else if (c != to)
      memmove(to, c, count);
    c += count;
    to += count;
  }
  for (; is_plain(*c); c++)
    *to++ = *c;
  p->at = c;
  return to;
}

cnn_status cnn__json_parse_string(cnn__json_parser *p, const char **string, uint32_t *length) {
  char *start = p->at, *to = start + 1;
  if (!cnn__json_take_character(p, '"')) return cnn__json_fail(p, start, "a string is expected");
  for (;;) {
    to = take_plain(p, to);
    const char c = *p->at;
    if (c == '"') break;
    if (c == '\\') { /* and often one behind the other */
      cnn_status status;
      do
        status = parse_escape(p, &to);
      while (!status && *p->at == '\\');
      if (status) return status;
      continue;
    }
    const size_t left = (size_t)(p->end - p->at);
    if (left == 0) return cnn__json_fail(p, start, "a string that does not end");
    if ((unsigned char)c < 0x20) return cnn__json_fail(p, p->at, "a control character in a string");
    size_t bytes = cnn__utf8_length(p->at, left);
    if (bytes == 0) return cnn__json_fail(p, p->at, "bytes that are not UTF-8");
    while (bytes-- > 0)
      *to++ = *p->at++;
  }
  p->at++;
  *to = 0;
  *string = start + 1;
  if (length) *length = (uint32_t)(to - start - 1);
  return CNN_OK;
}
