/* The pieces of JSON in every length and place: strings and their escapes, integers, keys, blocks of nodes. */
#include "base/json.h"
#include "one_context.h"
#include <stdio.h>

static cnn__json *parse(const char *text) {
  cnn__json *root = NULL;
  if (cnn__json_parse(context, "test", text, strlen(text), &root))
    fail_msg("%s: %s", text, cnn_last_error());
  return root;
}

static void refuse(const char *text, const char *words) {
  cnn__json *root = NULL;
  cnn_clear_error();
  assert_error(CNN_E_FORMAT, cnn__json_parse(context, "test", text, strlen(text), &root), words);
  assert_null(root);
  assert_int_equal(cnn_context_memory(context), 0);
}

/* before plain letters, escapes of one kind, plain letters again: they move to the left by up to 2 x 20 bytes. */
static void check_string(const char *escape, const char *meant, size_t before, size_t escapes,
                         size_t behind) {
  char text[256] = "[\"", expected[256] = "", *end = text + 2, *to = expected;
  for (size_t i = 0; i < before; i++)
    *end++ = *to++ = (char)('a' + i % 26);
  for (size_t i = 0; i < escapes; i++) {
    end += sprintf(end, "%s", escape);
    to += sprintf(to, "%s", meant);
  }
  for (size_t i = 0; i < behind; i++)
    *end++ = *to++ = (char)('A' + i % 26);
  *to = 0;
  strcpy(end, "\",7]");
  cnn__json *root = parse(text);
  const cnn__json *string = cnn__json_first(root);
  assert_string_equal(string->value.string, expected);
  assert_int_equal(string->count, strlen(expected));
  assert_int_equal(string->next->value.integer, 7);
  cnn__json_free(context, root);
}

static void test_strings_with_escapes_anywhere(void **state) {
  static const char *const escapes[][2] = {{"", ""},
                                           {"\\\"", "\""},
                                           {"\\\\", "\\"},
                                           {"\\u00e9", "\xc3\xa9"},
                                           {"\xe2\x82\xac", "\xe2\x82\xac"},
                                           {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
                                           {"x\\n", "x\n"}};
  for (size_t kind = 0; kind < sizeof escapes / sizeof *escapes; kind++)
    for (size_t before = 0; before < 20; before++)
      for (size_t count = 0; count < 12; count += 1 + count / 4)
        for (size_t behind = 0; behind < 20; behind++)
          check_string(escapes[kind][0], escapes[kind][1], before, count, behind);
}

/* At every place among sixteen, before and behind eight that are plain. */
static void test_what_no_string_may_hold_is_found_anywhere(void **state) {
  for (size_t place = 0; place < 16; place++)
    for (int c = 1; c < 0x20; c++) {
      char text[32] = "\"abcdefghijklmnop\"", words[80];
      text[1 + place] = (char)c;
      (void)snprintf(words, sizeof words, "a control character in a string at offset %zu",
                     place + 1);
      refuse(text, words);
      text[1 + place] = '\xff';
      (void)snprintf(words, sizeof words, "bytes that are not UTF-8 at offset %zu", place + 1);
      refuse(text, words);
    }
}

static void test_integers_of_every_length(void **state) {
  static const char digits[] = "9876543210987654321098765";
  for (int negative = 0; negative < 2; negative++)
    for (size_t length = 1; length <= 25; length++) {
      char text[64];
      (void)snprintf(text, sizeof text, "[%s%.*s]", negative ? "-" : "", (int)length, digits);
      cnn__json *root = parse(text);
      const cnn__json *number = cnn__json_first(root);
      double value = 0;
      assert_true(cnn__json_number(number, &value));
      assert_true(value == strtod(text + 1, NULL));
      assert_int_equal(number->type, length < 19 ? CNN__JSON_INTEGER : CNN__JSON_REAL);
      if (length < 19) assert_true(number->value.integer == strtoll(text + 1, NULL, 10));
      cnn__json_free(context, root);
      (void)snprintf(text, sizeof text, "%s0%.*s", negative ? "-" : "", (int)length, digits);
      refuse(text, "malformed or too large at offset 0");
    }
}

static void test_the_first_member_is_a_containers_alone(void **state) {
  cnn__json *root = parse("[1,\"x\",true,null,1.5,[],{}]");
  for (const cnn__json *item = cnn__json_first(root); item; item = item->next)
    assert_null(cnn__json_first(item));
  cnn__json_free(context, root);
}

/* Few keys and many, in one text: room for the larger object serves the smaller. */
static void test_keys_of_objects_of_any_size(void **state) {
  static const int counts[] = {12, 3, 40, 9, 8, 100, 1, 30};
  for (int doubled = -1; doubled < 8; doubled++) {
    char text[4096] = "[", *end = text + 1;
    for (int i = 0; i < 8; i++) {
      end += sprintf(end, "%s{", i ? "," : "");
      for (int k = 0; k < counts[i]; k++)
        end += sprintf(end, "%s\"a longer key %d\":0", k ? "," : "", k);
      if (doubled == i) end += sprintf(end, ",\"a longer key %d\":1", counts[i] / 2);
      *end++ = '}';
    }
    strcpy(end, "]");
    if (doubled < 0)
      cnn__json_free(context, parse(text));
    else
      refuse(text, "occurs twice");
  }
}

/* Strings lie in the text, which stays the caller's; values are counted on. */
static void test_a_text_that_is_read_in_place_has_the_strings(void **state) {
  static const char *const texts[] = {"{\"a\":[\"b\",2]}", "{\"a\":[\"b\",2}", ""};
  static const size_t values[] = {4, 4, 1};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    char text[32] = "";
    size_t left = 100;
    strcpy(text, texts[i]);
    text[strlen(text) + 1] = 'x';
    const cnn__json_source source = {context, "test", text, strlen(text), &left};
    cnn__json *root = NULL;
    assert_int_equal(cnn__json_parse_in_place(&source, &root), i == 0 ? CNN_OK : CNN_E_FORMAT);
    assert_int_equal(left, 100 - values[i]);
    if (i == 0) assert_ptr_equal(cnn__json_first(root)->key, text + 2);
    cnn__json_free(context, root);
    assert_int_equal(cnn_context_memory(context), 0);
  }
}

static void test_texts_share_what_they_may_hold(void **state) {
  char text[] = "[1,[2],{}]";
  size_t left = 11;
  const cnn__json_source source = {context, "test", text, strlen(text), &left};
  for (int i = 0; i < 2; i++) {
    cnn__json *root = NULL;
    assert_int_equal(cnn__json_parse_in_place(&source, &root), CNN_OK);
    cnn__json_free(context, root);
    assert_int_equal(left, 6 - 5 * i);
  }
  cnn__json *root = NULL;
  assert_error(CNN_E_LIMIT, cnn__json_parse_in_place(&source, &root),
               "test: JSON of more than 1 values");
  assert_int_equal(left, 0);
  assert_error(CNN_E_LIMIT, cnn__json_parse_in_place(&source, &root), "more than 0 values");
}

/* One that is hard to read counts as 64 values and its characters, whatever is right or wrong with it. */
static void test_numbers_that_take_long_count_as_many_values(void **state) {
  static const struct {
    const char *text;
    size_t values;
    cnn_status status;
  } cases[] = {
      {"[0.1234567890123456789]", 2, CNN_OK},
      {"[0.12345678901234567891]", 2 + 64 + 22, CNN_OK},
      {"[1e27,1e-27,12e27]", 4, CNN_OK},
      {"[1e28,1.5e-27]", 3 + 64 + 4 + 64 + 7, CNN_OK},
      {"[1.0000000000000000000000000]", 2, CNN_OK},
      {"[0e999]", 2, CNN_OK},
      {"[1e999]", 2 + 64 + 5, CNN_E_FORMAT},
      {"[1e9x]", 2, CNN_E_FORMAT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[64];
    size_t left = 1000;
    strcpy(text, cases[i].text);
    const cnn__json_source source = {context, "test", text, strlen(text), &left};
    cnn__json *root = NULL;
    assert_int_equal(cnn__json_parse_in_place(&source, &root), cases[i].status);
    cnn__json_free(context, root);
    if (left != 1000 - cases[i].values) fail_msg("%s: %zu left", cases[i].text, left);
  }
  char text[] = "[1e30,1e30,1e30]";
  size_t left = 130;
  const cnn__json_source source = {context, "test", text, strlen(text), &left};
  cnn__json *root = NULL;
  assert_error(CNN_E_LIMIT, cnn__json_parse_in_place(&source, &root), "more than 130 values");
  assert_int_equal(left, 0);
}

/* What was visited: keys, and the members' types. */
typedef struct visited {
  char keys[64];
  size_t count, fails_at;
} visited;

static cnn_status visit(void *user, const cnn__json *member) {
  visited *v = user;
  if (++v->count == v->fails_at) return cnn__fail(CNN_E_STATE, "enough");
  (void)snprintf(v->keys + strlen(v->keys), sizeof v->keys - strlen(v->keys), "%s%d", member->key,
                 (int)member->type);
  size_t members = 0;
  for (const cnn__json *item = cnn__json_first(member); item; item = item->next)
    members++;
  if (member->type >= CNN__JSON_ARRAY) assert_int_equal(members, member->count);
  return CNN_OK;
}

static void test_members_are_visited_one_by_one(void **state) {
  static const struct {
    const char *text;
    cnn_status status;
    const char *keys, *words;
  } cases[] = {
      {" { \"a\" : [1,{\"x\":[2,3]}] , \"b\":{}, \"a\":null } ", CNN_OK, "a5b6a0", ""},
      {"{}", CNN_OK, "", ""},
      {"[]", CNN_E_FORMAT, "", "an object is expected at offset 0"},
      {"", CNN_E_FORMAT, "", "an object is expected at offset 0"},
      {"{\"a\":1", CNN_E_FORMAT, "a2", "',' or '}' is expected at offset 6"},
      {"{\"a\":1,}", CNN_E_FORMAT, "a2", "a string is expected at offset 7"},
      {"{\"a\":1}x", CNN_E_FORMAT, "a2", "more after the end at offset 7"},
      {"{\"a\":[[[[[[[[]]]]]]]]}", CNN_E_FORMAT, "", "nesting deeper than 8"},
      {"{\"a\":[[[[[[[]]]]]]]}", CNN_OK, "a5", ""},
      {"{\"a\":1,\"b\":2,\"c\":[1,2,3,4,5]}", CNN_E_LIMIT, "a2b2", "more than 7 values"},
      {"{\"a\":1,\"b\":2,\"c\":[1,2,3,4]}", CNN_OK, "a2b2c5", ""},
      {"{\"a\":1,\"b\":2,\"stop\":3,\"c\":]", CNN_OK, "", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const bool stops = strstr(cases[i].text, "stop") != NULL;
    char text[64];
    size_t left = i == 9 || i == 10 ? 7 : 100;
    visited v = {.fails_at = stops ? 3 : 0};
    strcpy(text, cases[i].text);
    const cnn__json_source source = {context, "test", text, strlen(text), &left};
    cnn_clear_error();
    const cnn_status status = cnn__json_visit(&source, visit, &v);
    assert_int_equal(status, stops ? CNN_E_STATE : cases[i].status);
    if (!stops) assert_string_equal(v.keys, cases[i].keys);
    if (!stops && status) assert_error(status, status, cases[i].words);
    assert_int_equal(cnn_context_memory(context), 0);
  }
}

/* A thousand members take no more memory than the largest of them. */
static void test_visiting_takes_constant_memory(void **state) {
  enum { MEMBERS = 2000, MANY = 3000 };
  char *text = malloc((MEMBERS + MANY) * 16), *end = text;
  for (int i = 0; i < MEMBERS; i++) {
    end += sprintf(end, "%c\"%d\":[1,2]", i ? ',' : '{', i);
    if (i != 1000) continue;
    end += sprintf(end, ",\"many\":[0");
    for (int k = 1; k < MANY; k++)
      end += sprintf(end, ",%d", k);
    *end++ = ']';
  }
  strcpy(end, "}");
  cnn_context *limited = cnn_context_new(.threads = 1, .max_memory = 4 * 1025 * sizeof(cnn__json));
  size_t left = 20000;
  visited v = {.count = 0};
  const cnn__json_source source = {limited, "test", text, strlen(text), &left};
  assert_int_equal(cnn__json_visit(&source, visit, &v), CNN_OK);
  assert_int_equal(v.count, MEMBERS + 1);
  assert_int_equal(left, 20000 - 3 * MEMBERS - 1 - MANY);
  assert_int_equal(cnn_context_memory(limited), 0);
  cnn_context_free(limited);
  free(text);
}

/* Each block of nodes, the room for keys, the copy. */
static void test_every_allocation_may_fail(void **state) {
  enum { KEYS = 3000 };
  char *text = malloc(KEYS * 16), *end = text;
  for (int i = 0; i < KEYS; i++)
    end += sprintf(end, "%c\"%d\":0", i ? ',' : '{', i);
  strcpy(end, "}");
  counting c = {.for_ever = false};
  cnn_context *failing = counting_context(&c, 1);
  const long held = atomic_load(&c.live);
  cnn__json *root = NULL;
  long failed = 0;
  for (; !root; failed++) {
    cnn_clear_error();
    c.fail_at = atomic_load(&c.calls) + 1 + failed;
    const cnn_status status = cnn__json_parse(failing, "test", text, strlen(text), &root);
    if (!root) {
      assert_error(CNN_E_NOMEM, status, "test: out of memory");
      assert_int_equal(atomic_load(&c.live), held);
    }
  }
  assert_true(failed > 4);
  cnn__json_free(failing, root);
  cnn_context_free(failing);
  assert_int_equal(atomic_load(&c.live), 0);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_strings_with_escapes_anywhere),
      cmocka_unit_test(test_what_no_string_may_hold_is_found_anywhere),
      cmocka_unit_test(test_integers_of_every_length),
      cmocka_unit_test(test_the_first_member_is_a_containers_alone),
      cmocka_unit_test(test_keys_of_objects_of_any_size),
      cmocka_unit_test(test_a_text_that_is_read_in_place_has_the_strings),
      cmocka_unit_test(test_texts_share_what_they_may_hold),
      cmocka_unit_test(test_numbers_that_take_long_count_as_many_values),
      cmocka_unit_test(test_members_are_visited_one_by_one),
      cmocka_unit_test(test_visiting_takes_constant_memory),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, context_begin, context_end);
}
