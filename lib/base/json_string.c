/* Strings of JSON: they stay where they stand in the text, without their escapes. */
#include "base/json_parser.h"
#include "base/utf8.h"

#define UPPER (ONES << 7)

/* Has the upper bit of a byte set where c is among the eight, and perhaps where it is not. */
static uint64_t marks(uint64_t bytes, char c) {
  return (bytes ^ ONES * (unsigned char)c) - ONES;
}

/* What stands in a string for itself: ASCII but for quotes, backslashes and control characters. A bit for each. */
static bool is_plain(char c) {
  enum { QUOTE = '"' - 32, BACKSLASH = '\\' - 64 };
  static const uint64_t plain[4] = {~(UINT64_C(1) << QUOTE << 32) & UINT64_MAX << 32,
                                    ~(UINT64_C(1) << BACKSLASH) & UINT64_MAX >> 1};
  return plain[(unsigned char)c >> 6] >> ((unsigned char)c & 63) & 1;
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
  const char *at = p->at;
  uint32_t sum = 0;
  for (int i = 0; i < 4; i++, at++) {
    const char letter = (char)(*at | 0x20);
    if (cnn__json_is_digit(*at))
      sum = sum * 16 + (uint32_t)(*at - '0');
    else if (letter >= 'a' && letter <= 'f')
      sum = sum * 16 + (uint32_t)(letter - 'a' + 10);
    else
      return false;
  }
  p->at += 4;
  *value = sum;
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
    return c == '"' || c == '\\' || c == '/' ? c : 0;
  }
}

/* An escape of a number; no other is left. */
static cnn_status parse_number_escape(cnn__json_parser *p, char **to) {
  const char *start = p->at++;
  if (!cnn__json_take_character(p, 'u')) return cnn__json_fail(p, start, "an unknown escape");
  return parse_unicode(p, start, to);
}

/* Moves what comes before the first character of eight that is not plain: to where it belongs, which is there, or before it
   by what escapes have left. How many those are. */
static size_t move_plain(const char *from, char *to) {
  const size_t count = count_plain(from);
  if (from - to >= 8)
    memcpy(to, from, 8);
  else if (from != to)
    memmove(to, from, count);
  return count;
}

/* The plain characters at p->at, behind which there is another one. */
static char *take_plain(cnn__json_parser *p, char *to) {
  const char *const end = p->end;
  char *c = p->at;
  while (end - c >= 8) {
    const size_t count = move_plain(c, to);
    c += count;
    to += count;
    if (count < 8) {
      p->at = c;
      return to;
    }
  }
  for (; is_plain(*c); c++)
    *to++ = *c;
  p->at = c;
  return to;
}

/* A character of several bytes, moved to where it belongs. */
static cnn_status take_bytes(const cnn__json_parser *p, char **from, char **to) {
  const size_t left = (size_t)(p->end - *from);
  size_t bytes = cnn__utf8_length(*from, left);
  if (bytes == 0) return cnn__json_fail(p, *from, "bytes that are not UTF-8");
  for (; bytes > 0; bytes--)
    *(*to)++ = *(*from)++;
  return CNN_OK;
}

/* What is not plain, and up to two plain characters in between: where there is one escape there are more. */
static cnn_status take_others(cnn__json_parser *p, const char *start, char **to) {
  char *from = p->at, *end = *to;
  cnn_status status = CNN_OK;
  while (!status && *from != '"') {
    const unsigned char c = (unsigned char)*from;
    const char meant = c == '\\' ? unescaped(from[1]) : 0;
    if (c >= 0xc2 && c < 0xe0 && ((unsigned char)from[1] & 0xc0) == 0x80) {
      *end++ = *from++; /* of two bytes, as most are of what is no ASCII */
      *end++ = *from++;
    } else if (c >= 0x7f) {
      status = take_bytes(p, &from, &end);
    } else if (meant) {
      *end++ = meant;
      from += 2;
    } else if (c == '\\') {
      p->at = from;
      status = parse_number_escape(p, &end);
      from = p->at;
    } else if (c >= 0x20) {
      if (is_plain(from[1]) && is_plain(from[2])) break;
      *end++ = *from++;
    } else
      return from == p->end ? cnn__json_fail(p, start, "a string that does not end")
                            : cnn__json_fail(p, from, "a control character in a string");
  }
  p->at = from;
  *to = end;
  return status;
}

cnn_status cnn__json_parse_string(cnn__json_parser *p, const char **string, uint32_t *length) {
  char *const start = p->at, *to = start + 1;
  if (!cnn__json_take_character(p, '"')) return cnn__json_fail(p, start, "a string is expected");
  for (;;) {
    to = take_plain(p, to);
    if (*p->at == '"') break;
    const cnn_status status = take_others(p, start, &to);
    if (status) return status;
  }
  p->at++;
  *to = 0;
  *string = start + 1;
  if (length) *length = (uint32_t)(to - start - 1);
  return CNN_OK;
}
