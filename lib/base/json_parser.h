/* What the parts of the JSON reader share: where it stands in the text. */
#ifndef CNN_BASE_JSON_PARSER_H
#define CNN_BASE_JSON_PARSER_H

#include "base/json.h"
#include "base/name_table.h"
#include <string.h>

typedef struct cnn__json_block cnn__json_block;

typedef struct cnn__json_parser {
  cnn_context *context;
  const char *what;
  char *text, *at, *end; /* *end is NUL, which no part of a valid text is */
  cnn__json_block *first, *last;
  cnn__json *free;      /* nodes of the last block */
  size_t left;          /* of those */
  size_t values, most;  /* so far, and that there may be */
  cnn__name_table keys; /* of one object at a time */
} cnn__json_parser;

static inline cnn_status cnn__json_fail(const cnn__json_parser *p, const char *at,
                                        const char *problem) {
  return cnn__fail(CNN_E_FORMAT, "%s: JSON: %s at offset %zu", p->what, problem,
                   (size_t)(at - p->text));
}

#define ONES UINT64_C(0x0101010101010101)

/* Bytes that are worked on at a time, the first the lowest: one instruction where they lie so. */
static inline uint64_t cnn__json_eight(const char *text) {
  const unsigned char *c = (const unsigned char *)text;
  return (uint64_t)c[0] | (uint64_t)c[1] << 8 | (uint64_t)c[2] << 16 | (uint64_t)c[3] << 24 |
         (uint64_t)c[4] << 32 | (uint64_t)c[5] << 40 | (uint64_t)c[6] << 48 | (uint64_t)c[7] << 56;
}

static inline bool cnn__json_take_character(cnn__json_parser *p, char c) {
  if (*p->at != c) return false;
  p->at++;
  return true;
}

static inline bool cnn__json_take_word(cnn__json_parser *p, const char *word) {
  size_t length = strlen(word);
  if (strncmp(p->at, word, length) != 0) return false;
  p->at += length;
  return true;
}

static inline bool cnn__json_is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* The string at p->at, quotes and all; its length where it is wanted. */
cnn_status cnn__json_parse_string(cnn__json_parser *p, const char **string, uint32_t *length);
/* No key twice: CNN_E_FORMAT, with where the object begins. CNN_E_LIMIT, CNN_E_NOMEM. */
cnn_status cnn__json_check_keys(cnn__json_parser *p, const cnn__json *object, const char *start);

#endif
