#include "base/json.h"
#include "base/number.h"
#include "base/utf8.h"
#include <assert.h>
#include <string.h>

/* A text of that size with that many values needs less than 2^31 bytes. */
enum { MAX_DEPTH = 8, MAX_VALUES = 65536, MAX_NUMBER = 1024 /* characters */, MAX_TEXT = 1 << 30 };

/* The one block: nodes, room for one object's keys while it is checked, then strings. */
typedef struct parser {
  const char *what, *text;
  size_t size, at;
  cnn__json *nodes;
  const char **keys;
  char *strings;
} parser;

static cnn_status fail(const parser *p, size_t at, const char *problem) {
  return cnn__fail(CNN_E_FORMAT, "%s: JSON: %s at offset %zu", p->what, problem, at);
}

/* ---- eight bytes at a time ---- */

#define ONES UINT64_C(0x0101010101010101)
#define UPPER (ONES << 7)

static uint64_t eight(const char *text) {
  uint64_t bytes;
  memcpy(&bytes, text, sizeof bytes);
  return bytes;
}

/* Has the upper bit of a byte set where c is among the eight, and perhaps where it is not. */
static uint64_t marks(uint64_t bytes, char c) {
  return (bytes ^ ONES * (unsigned char)c) - ONES;
}

/* Whether none of them is a quote, a comma or an opening bracket. */
static bool are_inner(const char *text) {
  const uint64_t bytes = eight(text);
  return ((marks(bytes, '"') | marks(bytes, ',') | marks(bytes | ONES * 0x20, '{')) & UPPER) == 0;
}

/* ---- room ---- */

typedef struct bounds {
  size_t nodes, string_bytes;
} bounds;

/* Where a string that begins behind the quote before begin ends: at the next quote behind an even number of
   backslashes, or at size. */
static size_t string_end(const char *text, size_t begin, size_t size) {
  for (size_t from = begin; from < size;) {
    const char *quote = memchr(text + from, '"', size - from);
    if (!quote) return size;
    const size_t at = (size_t)(quote - text);
    size_t backslash = at;
    while (backslash > begin && text[backslash - 1] == '\\')
      backslash--;
    if ((at - backslash) % 2 == 0) return at;
    from = at + 1;
  }
  return size;
}

/* How much a valid text needs at most. Every value but the first follows an opening bracket or a
   comma outside of strings; a string takes no more than its text with the quotes. Where the text is
   not valid, this holds for what comes before the fault. Stops where there are too many values. */
static bounds measure(const char *text, size_t size) {
  bounds result = {.nodes = 1, .string_bytes = 1};
  for (size_t i = 0; i < size && result.nodes <= MAX_VALUES; i++) {
    if (size - i >= 8 && are_inner(text + i)) {
      i += 7;
    } else if (text[i] == '"') {
      const size_t end = string_end(text, i + 1, size);
      result.string_bytes += end - i;
      i = end;
    } else if (text[i] == ',' || text[i] == '[' || text[i] == '{') {
      result.nodes++;
    }
  }
  return result;
}

/* ---- pieces ---- */

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_spaces(parser *p) {
  while (p->size - p->at >= 8 && eight(p->text + p->at) == ONES * ' ')
    p->at += 8;
  while (p->at < p->size && is_space(p->text[p->at]))
    p->at++;
}

/* Mostly there is none. */
static inline void skip_space(parser *p) {
  if (p->at < p->size && is_space(p->text[p->at])) skip_spaces(p);
}

static inline bool take(parser *p, char c) {
  if (p->at == p->size || p->text[p->at] != c) return false;
  p->at++;
  return true;
}

static bool take_word(parser *p, const char *word) {
  size_t length = strlen(word);
  if (p->size - p->at < length || memcmp(p->text + p->at, word, length) != 0) return false;
  p->at += length;
  return true;
}

static bool take_hex(parser *p, uint32_t *value) {
  if (p->size - p->at < 4) return false;
  *value = 0;
  for (int i = 0; i < 4; i++) {
    char c = p->text[p->at++];
    *value *= 16;
    if (c >= '0' && c <= '9')
      *value += (uint32_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
      *value += (uint32_t)(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F')
      *value += (uint32_t)(c - 'A' + 10);
    else
      return false;
  }
  return true;
}

static void put(parser *p, uint32_t byte) {
  *p->strings++ = (char)(unsigned char)byte;
}

static void put_character(parser *p, uint32_t code) {
  if (code < 0x80) {
    put(p, code);
  } else if (code < 0x800) {
    put(p, 0xc0 | code >> 6);
    put(p, 0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(p, 0xe0 | code >> 12);
    put(p, 0x80 | (code >> 6 & 0x3f));
    put(p, 0x80 | (code & 0x3f));
  } else {
    put(p, 0xf0 | code >> 18);
    put(p, 0x80 | (code >> 12 & 0x3f));
    put(p, 0x80 | (code >> 6 & 0x3f));
    put(p, 0x80 | (code & 0x3f));
  }
}

/* What follows \u: one unit of UTF-16, or a pair. */
static cnn_status parse_unicode(parser *p, size_t start) {
  uint32_t code, second;
  if (!take_hex(p, &code)) return fail(p, start, "\\u without four hexadecimal digits");
  if (code == 0) return fail(p, start, "a NUL in a string");
  if (code >= 0xdc00 && code < 0xe000) return fail(p, start, "half a surrogate pair");
  if (code >= 0xd800 && code < 0xdc00) {
    if (!take_word(p, "\\u") || !take_hex(p, &second) || second < 0xdc00 || second >= 0xe000)
      return fail(p, start, "half a surrogate pair");
    code = 0x10000 + ((code & 0x3ff) << 10 | (second & 0x3ff));
  }
  put_character(p, code);
  return CNN_OK;
}

static cnn_status parse_escape(parser *p) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  size_t start = p->at++;
  if (take(p, 'u')) return parse_unicode(p, start);
  const char *name = p->at < p->size && p->text[p->at] ? strchr(names, p->text[p->at]) : NULL;
  if (!name) return fail(p, start, "an unknown escape");
  p->at++;
  put(p, (unsigned char)values[name - names]);
  return CNN_OK;
}

/* What stands in a string for itself: ASCII but for quotes, backslashes and control characters. */
static bool is_plain(char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static bool are_plain(const char *text) {
  const uint64_t bytes = eight(text);
  return ((bytes | (bytes - ONES * 0x20) | (bytes + ONES) | marks(bytes, '"') |
           marks(bytes, '\\')) &
          UPPER) == 0;
}

static void put_plain(parser *p) {
  const char *first = p->text + p->at, *c = first, *end = p->text + p->size;
  while (end - c >= 8 && are_plain(c))
    c += 8;
  while (c < end && is_plain(*c))
    c++;
  memcpy(p->strings, first, (size_t)(c - first));
  p->strings += c - first;
  p->at += (size_t)(c - first);
}

static cnn_status parse_string(parser *p, const char **string, uint32_t *length) {
  size_t start = p->at;
  char *first = p->strings;
  if (!take(p, '"')) return fail(p, start, "a string is expected");
  for (;;) {
    put_plain(p);
    size_t left = p->size - p->at;
    if (left == 0) return fail(p, start, "a string that does not end");
    char c = p->text[p->at];
    if (take(p, '"')) break;
    if (c == '\\') {
      cnn_status status = parse_escape(p);
      if (status) return status;
      continue;
    }
    if ((unsigned char)c < 0x20) return fail(p, p->at, "a control character in a string");
    size_t bytes = cnn__utf8_length(p->text + p->at, left);
    if (bytes == 0) return fail(p, p->at, "bytes that are not UTF-8");
    while (bytes-- > 0)
      put(p, (unsigned char)p->text[p->at++]);
  }
  *string = first;
  if (length) *length = (uint32_t)(p->strings - first);
  put(p, 0);
  return CNN_OK;
}

static cnn_status parse_number(parser *p, cnn__json *node) {
  size_t start = p->at;
  const char *text = p->text + start;
  while (p->at < p->size && p->text[p->at] && strchr("+-.0123456789Ee", p->text[p->at]))
    if (p->at++ - start == MAX_NUMBER) return fail(p, start, "a number of over 1024 characters");
  size_t length = p->at - start;
  bool negative_zero = length == 2 && memcmp(text, "-0", 2) == 0;
  node->type = CNN__JSON_INTEGER;
  if (!negative_zero && cnn__number_parse_integer(text, length, &node->value.integer))
    return CNN_OK;
  node->type = CNN__JSON_REAL;
  if (cnn__number_parse(text, length, &node->value.real)) return CNN_OK;
  return fail(p, start, length ? "a number that is malformed or too large" : "a value is expected");
}

/* ---- duplicate keys ---- */

static void sift(const char **keys, size_t root, size_t count) {
  for (size_t child; (child = 2 * root + 1) < count; root = child) {
    if (child + 1 < count && strcmp(keys[child], keys[child + 1]) < 0) child++;
    if (strcmp(keys[root], keys[child]) >= 0) return;
    const char *swap = keys[root];
    keys[root] = keys[child];
    keys[child] = swap;
  }
}

/* By heapsort: no order of keys makes it slow, and it needs no memory. */
static const char *find_duplicate(const char **keys, size_t count) {
  for (size_t i = count / 2; i-- > 0;)
    sift(keys, i, count);
  for (size_t end = count; end-- > 1;) {
    const char *swap = keys[0];
    keys[0] = keys[end];
    keys[end] = swap;
    sift(keys, 0, end);
  }
  for (size_t i = 1; i < count; i++)
    if (strcmp(keys[i - 1], keys[i]) == 0) return keys[i];
  return NULL;
}

static cnn_status check_keys(const parser *p, const cnn__json *object, size_t start) {
  size_t count = 0;
  for (const cnn__json *member = object->first; member; member = member->next)
    p->keys[count++] = member->key;
  const char *key = find_duplicate(p->keys, count);
  if (!key) return CNN_OK;
  return cnn__fail(CNN_E_FORMAT,
                   "%s: JSON: the key \"%.64s\" occurs twice in the object at offset %zu", p->what,
                   key, start);
}

/* ---- values ---- */

static cnn_status parse_value(parser *p, cnn__json *node, int depth);

static cnn_status parse_member(parser *p, cnn__json *node, bool keyed, int depth) {
  skip_space(p);
  if (keyed) {
    cnn_status status = parse_string(p, &node->key, NULL);
    if (status) return status;
    skip_space(p);
    if (!take(p, ':')) return fail(p, p->at, "':' is expected");
  }
  return parse_value(p, node, depth);
}

/* An array or an object: what differs is the brackets and the keys. */
static cnn_status parse_container(parser *p, cnn__json *node, char close, int depth) {
  size_t start = p->at++;
  bool keyed = close == '}';
  node->type = keyed ? CNN__JSON_OBJECT : CNN__JSON_ARRAY;
  if (depth == MAX_DEPTH) return fail(p, start, "nesting deeper than 8");
  skip_space(p);
  if (take(p, close)) return CNN_OK;
  const cnn__json **link = &node->first;
  do {
    cnn__json *member = p->nodes++;
    memset(member, 0, sizeof *member);
    *link = member;
    link = &member->next;
    node->count++;
    cnn_status status = parse_member(p, member, keyed, depth + 1);
    if (status) return status;
    skip_space(p);
  } while (take(p, ','));
  if (!take(p, close))
    return fail(p, p->at, keyed ? "',' or '}' is expected" : "',' or ']' is expected");
  return keyed ? check_keys(p, node, start) : CNN_OK;
}

static cnn_status parse_value(parser *p, cnn__json *node, int depth) {
  skip_space(p);
  char c = p->at < p->size ? p->text[p->at] : 0;
  if (c == '{') return parse_container(p, node, '}', depth);
  if (c == '[') return parse_container(p, node, ']', depth);
  if (c == '"') {
    node->type = CNN__JSON_STRING;
    return parse_string(p, &node->value.string, &node->count);
  }
  node->type = CNN__JSON_NULL;
  if (c == 'n' && take_word(p, "null")) return CNN_OK;
  node->type = CNN__JSON_BOOL;
  if (c == 'f' && take_word(p, "false")) return CNN_OK;
  node->value.integer = 1;
  if (c == 't' && take_word(p, "true")) return CNN_OK;
  return parse_number(p, node);
}

static cnn_status parse_text(parser *p, cnn__json *root) {
  memset(root, 0, sizeof *root);
  cnn_status status = parse_value(p, root, 0);
  if (status) return status;
  skip_space(p);
  return p->at == p->size ? CNN_OK : fail(p, p->at, "more after the end");
}

cnn_status cnn__json_parse(cnn_context *context, const char *what, const char *text, size_t size,
                           cnn__json **root) {
  if (size > MAX_TEXT)
    return cnn__fail(CNN_E_LIMIT, "%s: JSON of %zu bytes; at most %d are read", what, size,
                     MAX_TEXT);
  bounds room = measure(text, size);
  const size_t each = sizeof(cnn__json) + sizeof(char *);
  if (room.nodes > MAX_VALUES)
    return cnn__fail(CNN_E_LIMIT, "%s: JSON of more than %d values", what, MAX_VALUES);
  cnn__json *block = cnn__alloc(context, room.nodes * each + room.string_bytes, "a JSON text");
  if (!block) return cnn__fail_prefix(CNN_E_NOMEM, "%s", what);
  const char **keys = (const char **)(void *)(block + room.nodes);
  char *strings = (char *)(keys + room.nodes);
  parser p = {.what = what,
              .text = text,
              .size = size,
              .nodes = block + 1,
              .keys = keys,
              .strings = strings};
  cnn_status status = parse_text(&p, block);
  assert(p.nodes <= block + room.nodes);
  assert(p.strings <= strings + room.string_bytes);
  if (status)
    cnn__free(context, block);
  else
    *root = block;
  return status;
}

void cnn__json_free(cnn_context *context, cnn__json *root) {
  cnn__free(context, root);
}

/* ---- questions ---- */

const cnn__json *cnn__json_get(const cnn__json *object, const char *key) {
  if (!object || object->type != CNN__JSON_OBJECT) return NULL;
  for (const cnn__json *member = object->first; member; member = member->next)
    if (strcmp(member->key, key) == 0) return member;
  return NULL;
}

bool cnn__json_number(const cnn__json *json, double *value) {
  if (!json) return false;
  if (json->type == CNN__JSON_INTEGER)
    *value = (double)json->value.integer;
  else if (json->type == CNN__JSON_REAL)
    *value = json->value.real;
  else
    return false;
  return true;
}
