#include "base/json_parser.h"
#include "base/number.h"
#include "base/size.h"
#include <assert.h>
#include <string.h>

enum { MAX_DEPTH = 8, MAX_NUMBER = 1024 /* characters */, MAX_TEXT = 1 << 30 };

/* ---- nodes ---- */

/* Nodes come in blocks, as they are needed: to count them first would be to read the text twice. The first block begins
   with the root and keeps the text, where it is a copy. */
struct cnn__json_block {
  cnn__json_block *next;
  char *text;
  size_t room;
  cnn__json nodes[];
};

static cnn_status add_block(cnn__json_parser *p) {
  enum { FEWEST = 16, MOST = 1024, BYTES_A_VALUE = 8 /* or so */ };
  const size_t nodes = cnn__size_min(FEWEST + (size_t)(p->end - p->at) / BYTES_A_VALUE, MOST);
  cnn__json_block *made =
      cnn__alloc(p->context, sizeof *made + nodes * sizeof *made->nodes, "a JSON text");
  if (!made) return cnn__fail_prefix(CNN_E_NOMEM, "%s", p->what);
  made->next = NULL;
  made->text = NULL;
  made->room = nodes;
  if (p->last)
    p->last->next = made;
  else
    p->first = made;
  p->last = made;
  p->free = made->nodes;
  p->left = nodes;
  return CNN_OK;
}

/* An empty one. */
static inline cnn_status add_node(cnn__json_parser *p, cnn__json **node) {
  if (p->values >= p->most)
    return cnn__fail(CNN_E_LIMIT, "%s: JSON of more than %zu values", p->what, p->most);
  if (p->left == 0) {
    cnn_status status = add_block(p);
    if (status) return status;
  }
  p->values++;
  p->left--;
  *node = p->free++;
  **node = (cnn__json){.type = CNN__JSON_NULL};
  return CNN_OK;
}

static void free_blocks(cnn_context *context, cnn__json_block *first) {
  for (cnn__json_block *next; first; first = next) {
    next = first->next;
    cnn__free(context, first);
  }
}

/* All nodes are free again; the first block stays. */
static void forget_nodes(cnn__json_parser *p) {
  if (!p->first) return;
  free_blocks(p->context, p->first->next);
  p->first->next = NULL;
  p->last = p->first;
  p->free = p->first->nodes;
  p->left = p->first->room;
}

/* ---- pieces ---- */

static inline bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_spaces(cnn__json_parser *p) {
  while (p->end - p->at >= 8 && cnn__json_eight(p->at) == ONES * ' ')
    p->at += 8;
  while (is_space(*p->at))
    p->at++;
}

/* Mostly there is none. */
static inline void skip_space(cnn__json_parser *p) {
  if (is_space(*p->at)) skip_spaces(p);
}

/* ---- numbers ---- */

static bool is_of_number(char c) {
  return cnn__json_is_digit(c) || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

/* Up to 18 digits, as nearly all are; false, with nothing taken, for whatever else there is. */
static bool take_short_integer(cnn__json_parser *p, int64_t *value) {
  char *c = p->at;
  const bool negative = *c == '-';
  if (negative) c++;
  const char *first = c;
  int64_t sum = 0;
  for (; cnn__json_is_digit(*c) && c - first < 18; c++)
    sum = sum * 10 + (*c - '0');
  if (c == first || is_of_number(*c) || (*first == '0' && (negative || c - first > 1)))
    return false;
  *value = negative ? -sum : sum;
  p->at = c;
  return true;
}

static cnn_status parse_number(cnn__json_parser *p, cnn__json *node) {
  enum { HARD = 64 /* values */ };
  const char *start = p->at;
  node->type = CNN__JSON_INTEGER;
  if (take_short_integer(p, &node->value.integer)) return CNN_OK;
  char *end = p->at;
  while (is_of_number(*end))
    end++;
  const size_t length = (size_t)(end - start);
  p->at = end;
  if (length > MAX_NUMBER) return cnn__json_fail(p, start, "a number of over 1024 characters");
  bool negative_zero = length == 2 && memcmp(start, "-0", 2) == 0;
  if (!negative_zero && cnn__number_parse_integer(start, length, &node->value.integer))
    return CNN_OK;
  node->type = CNN__JSON_REAL;
  bool hard = false;
  const bool right = cnn__number_parse(start, length, &node->value.real, &hard);
  if (hard) p->values += HARD + length;
  if (right) return CNN_OK;
  return cnn__json_fail(p, start,
                        length ? "a number that is malformed or too large" : "a value is expected");
}

/* ---- values ---- */

static cnn_status parse_value(cnn__json_parser *p, cnn__json *node, int depth);

static cnn_status parse_member(cnn__json_parser *p, cnn__json *node, bool keyed, int depth) {
  skip_space(p);
  if (keyed) {
    cnn_status status = cnn__json_parse_string(p, &node->key, NULL);
    if (status) return status;
    skip_space(p);
    if (!cnn__json_take_character(p, ':')) return cnn__json_fail(p, p->at, "':' is expected");
  }
  return parse_value(p, node, depth);
}

/* An array or an object: what differs is the brackets and the keys. */
static cnn_status parse_container(cnn__json_parser *p, cnn__json *node, char close, int depth) {
  const char *start = p->at++;
  bool keyed = close == '}';
  node->type = keyed ? CNN__JSON_OBJECT : CNN__JSON_ARRAY;
  node->value.first = NULL;
  if (depth == MAX_DEPTH) return cnn__json_fail(p, start, "nesting deeper than 8");
  skip_space(p);
  if (cnn__json_take_character(p, close)) return CNN_OK;
  const cnn__json **link = &node->value.first;
  do {
    cnn__json *member = NULL;
    cnn_status status = add_node(p, &member);
    if (status) return status;
    *link = member;
    link = &member->next;
    if (keyed && node->count == CNN__JSON_KEYS)
      return cnn__fail(CNN_E_LIMIT, "%s: JSON: an object of more than %d keys", p->what,
                       CNN__JSON_KEYS);
    node->count++;
    status = parse_member(p, member, keyed, depth + 1);
    if (status) return status;
    skip_space(p);
  } while (cnn__json_take_character(p, ','));
  if (!cnn__json_take_character(p, close))
    return cnn__json_fail(p, p->at, keyed ? "',' or '}' is expected" : "',' or ']' is expected");
  return keyed ? cnn__json_check_keys(p, node, start) : CNN_OK;
}

static cnn_status parse_value(cnn__json_parser *p, cnn__json *node, int depth) {
  skip_space(p);
  const char c = *p->at;
  if (c == '{') return parse_container(p, node, '}', depth);
  if (c == '[') return parse_container(p, node, ']', depth);
  if (c == '"') {
    node->type = CNN__JSON_STRING;
    return cnn__json_parse_string(p, &node->value.string, &node->count);
  }
  node->type = CNN__JSON_NULL;
  if (c == 'n' && cnn__json_take_word(p, "null")) return CNN_OK;
  node->type = CNN__JSON_BOOL;
  node->value.integer = 0;
  if (c == 'f' && cnn__json_take_word(p, "false")) return CNN_OK;
  node->value.integer = 1;
  if (c == 't' && cnn__json_take_word(p, "true")) return CNN_OK;
  return parse_number(p, node);
}

static cnn_status check_end(cnn__json_parser *p) {
  skip_space(p);
  return p->at == p->end ? CNN_OK : cnn__json_fail(p, p->at, "more after the end");
}

static cnn_status parse_text(cnn__json_parser *p, cnn__json **root) {
  cnn_status status = add_node(p, root);
  if (!status) status = parse_value(p, *root, 0);
  return status ? status : check_end(p);
}

static cnn_status visit_members(cnn__json_parser *p,
                                cnn_status (*visit)(void *user, const cnn__json *member),
                                void *user) {
  skip_space(p);
  if (!cnn__json_take_character(p, '{')) return cnn__json_fail(p, p->at, "an object is expected");
  skip_space(p);
  if (cnn__json_take_character(p, '}')) return check_end(p);
  do {
    cnn__json *member = NULL;
    forget_nodes(p);
    cnn_status status = add_node(p, &member);
    if (!status) status = parse_member(p, member, true, 1);
    if (!status) status = visit(user, member);
    if (status) return status;
    skip_space(p);
  } while (cnn__json_take_character(p, ','));
  if (cnn__json_take_character(p, '}')) return check_end(p);
  return cnn__json_fail(p, p->at, "',' or '}' is expected");
}

cnn_status cnn__json_read(const cnn__json_source *source,
                          cnn_status (*visit)(void *user, const cnn__json *member), void *user,
                          cnn__json **root) {
  cnn__json *made = NULL;
  cnn__json_parser p = {.context = source->context,
                        .what = source->what,
                        .text = source->text,
                        .at = source->text,
                        .end = source->text + source->size,
                        .most = cnn__size_min(*source->values, CNN__JSON_VALUES)};
  assert(source->size <= MAX_TEXT);
  source->text[source->size] = 0;
  cnn_status status = visit ? visit_members(&p, visit, user) : parse_text(&p, &made);
  cnn__name_table_end(p.context, &p.keys);
  *source->values -= cnn__size_min(*source->values, p.values);
  if (status || visit)
    free_blocks(p.context, p.first);
  else
    *root = made;
  return status;
}

/* The first one: it begins with the root. */
static cnn__json_block *block_of(cnn__json *root) {
  return (cnn__json_block *)(void *)((char *)root - offsetof(cnn__json_block, nodes));
}

cnn_status cnn__json_parse(cnn_context *context, const char *what, const char *text, size_t size,
                           cnn__json **root) {
  if (size > MAX_TEXT)
    return cnn__fail(CNN_E_LIMIT, "%s: JSON of %zu bytes; at most %d are read", what, size,
                     MAX_TEXT);
  char *copy = cnn__alloc(context, size + 1, "a JSON text");
  if (!copy) return cnn__fail_prefix(CNN_E_NOMEM, "%s", what);
  memcpy(copy, text, size);
  size_t values = CNN__JSON_VALUES;
  const cnn__json_source source = {context, what, copy, size, &values};
  cnn_status status = cnn__json_parse_in_place(&source, root);
  if (status)
    cnn__free(context, copy);
  else
    block_of(*root)->text = copy;
  return status;
}

void cnn__json_free(cnn_context *context, cnn__json *root) {
  if (!root) return;
  cnn__json_block *first = block_of(root);
  cnn__free(context, first->text);
  free_blocks(context, first);
}

/* ---- questions ---- */

const cnn__json *cnn__json_get(const cnn__json *object, const char *key) {
  if (!object || object->type != CNN__JSON_OBJECT) return NULL;
  for (const cnn__json *member = object->value.first; member; member = member->next)
    if (*member->key == *key && strcmp(member->key, key) == 0) return member;
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
