#include "base/json.h"
#include "one_context.h"
#include <math.h>
#include <stdio.h>

static cnn__json *parse(const char *text) {
  cnn__json *root = NULL;
  cnn_status status = cnn__json_parse(context, "test", text, strlen(text), &root);
  if (status) fail_msg("%s: %s", text, cnn_last_error());
  return root;
}

/* ---- reading ---- */

static void test_a_word_may_be_the_whole_text(void **state) {
  static const char *const words[] = {"null", "true", "false"};
  for (size_t i = 0; i < 3; i++) {
    cnn__json *root = parse(words[i]);
    assert_int_equal(root->type, i == 0 ? CNN__JSON_NULL : CNN__JSON_BOOL);
    assert_int_equal(i > 0 && root->value.integer, i == 1);
    cnn__json_free(context, root);
  }
}

static void test_spaces_of_any_number_stand_between_values(void **state) {
  for (int count = 0; count <= 40; count++) {
    char text[256];
    snprintf(text, sizeof text, "%*s[%*s12%*s,%*s34%*s]%*s", count, "", count, "", count, "", count,
             "", count, "", count, "");
    cnn__json *root = parse(text);
    assert_int_equal(root->count, 2);
    assert_int_equal(cnn__json_first(root)->value.integer, 12);
    assert_int_equal(cnn__json_first(root)->next->value.integer, 34);
    cnn__json_free(context, root);
  }
}

static void test_values_of_every_type(void **state) {
  cnn__json *root =
      parse(" { \"n\" : null , \"t\":true,\"f\":false,\"i\":-12,\"r\":1.5e2,\"s\":\"a\","
            "\"a\":[1,[],{}],\"o\":{\"x\":1}}\r\n\t");
  assert_int_equal(root->type, CNN__JSON_OBJECT);
  assert_int_equal(root->count, 8);
  assert_null(root->key);
  assert_int_equal(cnn__json_get(root, "n")->type, CNN__JSON_NULL);
  assert_int_equal(cnn__json_get(root, "t")->type, CNN__JSON_BOOL);
  assert_int_equal(cnn__json_get(root, "t")->value.integer, 1);
  assert_int_equal(cnn__json_get(root, "f")->type, CNN__JSON_BOOL);
  assert_int_equal(cnn__json_get(root, "f")->value.integer, 0);
  assert_int_equal(cnn__json_get(root, "i")->type, CNN__JSON_INTEGER);
  assert_int_equal(cnn__json_get(root, "i")->value.integer, -12);
  assert_int_equal(cnn__json_get(root, "r")->type, CNN__JSON_REAL);
  assert_true(cnn__json_get(root, "r")->value.real == 150);
  const cnn__json *string = cnn__json_get(root, "s");
  assert_string_equal(string->value.string, "a");
  assert_int_equal(string->count, 1);
  assert_string_equal(string->key, "s");
  const cnn__json *array = cnn__json_get(root, "a");
  assert_int_equal(array->count, 3);
  assert_int_equal(cnn__json_first(array)->value.integer, 1);
  assert_null(cnn__json_first(array)->key);
  assert_int_equal(cnn__json_first(array)->next->type, CNN__JSON_ARRAY);
  assert_null(cnn__json_first(cnn__json_first(array)->next));
  assert_int_equal(cnn__json_first(array)->next->next->type, CNN__JSON_OBJECT);
  assert_null(cnn__json_first(array)->next->next->next);
  assert_int_equal(cnn__json_get(cnn__json_get(root, "o"), "x")->value.integer, 1);
  assert_null(cnn__json_get(root, "missing"));
  assert_null(cnn__json_get(array, "x"));
  assert_null(cnn__json_get(NULL, "x"));
  cnn__json_free(context, root);
}

static void test_integers_are_exact_and_the_rest_is_real(void **state) {
  cnn__json *root =
      parse("[9223372036854775807,-9223372036854775808,9223372036854775808,-0,0,1.0]");
  const cnn__json *item = cnn__json_first(root);
  assert_int_equal(item->type, CNN__JSON_INTEGER);
  assert_true(item->value.integer == INT64_MAX);
  item = item->next;
  assert_true(item->type == CNN__JSON_INTEGER && item->value.integer == INT64_MIN);
  item = item->next;
  assert_true(item->type == CNN__JSON_REAL && item->value.real == 0x1p63);
  item = item->next;
  assert_true(item->type == CNN__JSON_REAL && item->value.real == 0 && signbit(item->value.real));
  item = item->next;
  assert_true(item->type == CNN__JSON_INTEGER && item->value.integer == 0);
  item = item->next;
  double number = 0;
  assert_true(item->type == CNN__JSON_REAL && cnn__json_number(item, &number) && number == 1);
  assert_true(cnn__json_number(cnn__json_first(root), &number) && number == 0x1p63);
  assert_false(cnn__json_number(root, &number));
  assert_false(cnn__json_number(NULL, &number));
  cnn__json_free(context, root);
}

static void test_escapes_become_utf8(void **state) {
  cnn__json *root =
      parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\uDE00 \xc3\xa9\"");
  assert_string_equal(root->value.string,
                      "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 \xc3\xa9");
  assert_int_equal(root->count, strlen(root->value.string));
  cnn__json_free(context, root);
}

/* UTF-8 of a code, by the ranges of its table. */
static void put_utf8(char *to, unsigned code) {
  static const unsigned lasts[] = {0x7f, 0x7ff, 0xffff, 0x10ffff}, marks[] = {0, 0xc0, 0xe0, 0xf0};
  int more = 0;
  while (code > lasts[more])
    more++;
  for (int i = more; i > 0; i--, code /= 64)
    to[i] = (char)(unsigned char)(0x80 + code % 64);
  to[0] = (char)(unsigned char)(marks[more] + code);
  to[more + 1] = 0;
}

static void test_codes_of_every_plane_become_utf8(void **state) {
  for (unsigned code = 1; code <= 0x10ffff; code += code < 0x900 ? 1 : 233) {
    if (code >= 0xd800 && code < 0xe000) continue;
    char escape[32], expected[8];
    if (code < 0x10000)
      snprintf(escape, sizeof escape, "\"\\u%04x\"", code);
    else
      snprintf(escape, sizeof escape, "\"\\u%04x\\u%04X\"", 0xd800 + (code - 0x10000) / 1024,
               0xdc00 + (code - 0x10000) % 1024);
    put_utf8(expected, code);
    cnn__json *root = parse(escape);
    assert_string_equal(root->value.string, expected);
    cnn__json_free(context, root);
  }
}

static void test_nesting_goes_to_8(void **state) {
  cnn__json *root = parse("[[[[[[[[1]]]]]]]]");
  cnn__json_free(context, root);
  root = parse("{\"a\":[{\"a\":[{\"a\":[{\"a\":[7,8]}]}]}]}");
  cnn__json_free(context, root);
}

static void refuse(const char *text, size_t size, const char *words) {
  cnn__json *root = (cnn__json *)&root;
  cnn_clear_error();
  cnn_status status = cnn__json_parse(context, "test", text, size, &root);
  if (status != CNN_E_FORMAT) fail_msg("%s: status %d", text, status);
  assert_error(CNN_E_FORMAT, status, "test: JSON: ");
  assert_error(CNN_E_FORMAT, status, words);
  assert_ptr_equal(root, &root);
  assert_int_equal(cnn_context_memory(context), 0);
}

/* The text itself is not looked at: there is less of it. */
static void test_a_text_over_a_gibibyte_is_refused(void **state) {
  cnn__json *root = NULL;
  assert_error(CNN_E_LIMIT, cnn__json_parse(context, "test", "[]", ((size_t)1 << 30) + 1, &root),
               "test: JSON of 1073741825 bytes; at most 1073741824 are read");
  assert_null(root);
  cnn_clear_error();
}

static void test_what_is_no_json_is_refused_with_its_place(void **state) {
  static const char *const cases[][2] = {
      {"", "a value is expected at offset 0"},
      {"  ", "a value is expected at offset 2"},
      {"nul", "a value is expected at offset 0"},
      {"True", "a value is expected"},
      {"[1,]", "a value is expected at offset 3"},
      {"[,1]", "a value is expected at offset 1"},
      {"[1 2]", "',' or ']' is expected at offset 3"},
      {"[1", "',' or ']' is expected at offset 2"},
      {"[1}", "',' or ']'"},
      {"{\"a\":1", "',' or '}' is expected at offset 6"},
      {"{\"a\":1]", "',' or '}'"},
      {"{\"a\" 1}", "':' is expected at offset 5"},
      {"{\"a\"}", "':' is expected"},
      {"{a:1}", "a string is expected at offset 1"},
      {"{1:1}", "a string is expected"},
      {"{\"a\":1,}", "a string is expected at offset 7"},
      {"{,}", "a string is expected"},
      {"{\"a\":}", "a value is expected"},
      {"1 2", "more after the end at offset 2"},
      {"[]]", "more after the end"},
      {"nullx", "more after the end"},
      {"\"abc", "a string that does not end at offset 0"},
      {"\"abc\\\"", "a string that does not end"},
      {"\"a\\", "an unknown escape"},
      {"\"\\x\"", "an unknown escape at offset 1"},
      {"\"\\U0041\"", "an unknown escape"},
      {"\"\\u12\"", "four hexadecimal digits"},
      {"\"\\u12g4\"", "four hexadecimal digits"},
      {"\"\\u", "four hexadecimal digits"},
      {"\"\\u0041", "a string that does not end at offset 0"},
      {"\"\\u0000\"", "a NUL in a string"},
      {"\"\\ud800\"", "half a surrogate pair at offset 1"},
      {"\"\\ud800\\n\"", "half a surrogate pair"},
      {"\"\\ud800\\u0041\"", "half a surrogate pair"},
      {"\"\\ud800\\ue000\"", "half a surrogate pair"},
      {"\"\\ud800\\u00\"", "half a surrogate pair"},
      {"\"\\udc00\"", "half a surrogate pair"},
      {"\"a\nb\"", "a control character in a string at offset 2"},
      {"\"\x1f\"", "a control character"},
      {"\"\xff\"", "bytes that are not UTF-8 at offset 1"},
      {"\"\xc0\x80\"", "not UTF-8"},
      {"\"\xed\xa0\x80\"", "not UTF-8"},
      {"\"\xf4\x90\x80\x80\"", "not UTF-8"},
      {"\"\xe2\x82", "not UTF-8"},
      {"01", "malformed or too large at offset 0"},
      {"-", "malformed"},
      {"1.", "malformed"},
      {"+1", "malformed"},
      {".5", "malformed"},
      {"1e", "malformed"},
      {"--1", "malformed"},
      {"1e999", "too large"},
      {"NaN", "a value is expected"},
      {"Infinity", "a value is expected"},
      {"\xef\xbb\xbf{}", "a value is expected at offset 0"},
      {"'a'", "a value is expected"},
      {"// x\n1", "a value is expected"},
      {"[[[[[[[[[1]]]]]]]]]", "nesting deeper than 8 at offset 8"},
      {"[[[[[[[[{", "nesting deeper than 8"},
      {"{\"a\":1,\"b\":2,\"a\":3}", "the key \"a\" occurs twice in the object at offset 0"},
      {"[{\"k\":0,\"\\u006b\":1}]", "the key \"k\" occurs twice in the object at offset 1"},
      {"{\"\":0,\"\":1}", "occurs twice"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    refuse(cases[i][0], strlen(cases[i][0]), cases[i][1]);
  refuse("[1\0]", 4, "is expected at offset 2");
  refuse("\"\0\"", 3, "a control character");
  refuse("\"\\\0\"", 4, "an unknown escape");
  refuse("\0", 1, "a value is expected");
}

static void test_the_same_key_in_different_objects_is_fine(void **state) {
  cnn__json *root = parse("{\"a\":{\"a\":1,\"b\":{\"a\":2}},\"b\":[{\"a\":3},{\"a\":4}]}");
  cnn__json_free(context, root);
}

/* Whatever the number of keys, and wherever the two stand. */
static void test_a_key_that_is_there_twice_is_found_anywhere(void **state) {
  for (int count = 1; count <= 20; count++)
    for (int first = 0; first < count; first++)
      for (int second = first; second < count; second++) {
        char text[20 * 10 + 2], *end = text;
        for (int i = 0; i < count; i++)
          end += sprintf(end, "%c\"k%d\":0", i ? ',' : '{', (i == second ? first : i) * 7 % 23);
        memcpy(end, "}", 2);
        if (first < second)
          refuse(text, strlen(text), "occurs twice");
        else
          cnn__json_free(context, parse(text));
      }
}

/* Every prefix and every changed byte of a real text: an answer, never a step outside (sanitizers). */
static void test_damaged_texts_are_answered(void **state) {
  static const char text[] =
      "{\"__metadata__\":{\"x\":\"\\ud83d\\ude00\\n\xc3\xa9\"},\"w\":{\"dtype\":"
      "\"F32\",\"shape\":[3,-1.5e-7],\"data_offsets\":[0,12]},\"z\":[[],{},null]}";
  const size_t size = sizeof text - 1;
  for (size_t length = 0; length < size; length++) {
    char *exact = malloc(length ? length : 1); /* so that one byte beyond is noticed */
    memcpy(exact, text, length);
    cnn__json *root;
    assert_int_equal(cnn__json_parse(context, "test", exact, length, &root), CNN_E_FORMAT);
    free(exact);
  }
  char *changed = malloc(size);
  for (size_t i = 0; i < size; i++)
    for (int byte = 0; byte < 256; byte++) {
      memcpy(changed, text, size);
      changed[i] = (char)(unsigned char)byte;
      cnn__json *root = NULL;
      if (cnn__json_parse(context, "test", changed, size, &root) == CNN_OK)
        cnn__json_free(context, root);
    }
  free(changed);
}

static void test_as_many_keys_as_there_may_be_in_any_order(void **state) {
  enum { KEYS = CNN__JSON_KEYS };
  for (int order = 0; order < 3; order++) {
    cnn__text text;
    cnn__text_start(&text, context);
    for (int i = 0; i < KEYS; i++)
      cnn__text_format(&text, "%c\"%d\":0", i ? ',' : '{',
                       order == 0   ? i
                       : order == 1 ? KEYS - i
                                    : i * 7919 % KEYS);
    cnn__text_append(&text, "}", 1);
    cnn__json *root = parse(text.bytes);
    assert_int_equal(root->count, KEYS);
    cnn__json_free(context, root);
    text.size--;
    cnn__text_append(&text, ",\"one more\":0}", 14);
    assert_error(CNN_E_LIMIT, cnn__json_parse(context, "test", text.bytes, text.size, &root),
                 "test: JSON: an object of more than 4096 keys");
    cnn__text_free(&text);
  }
}

static void test_memory_stays_within_64_times_the_text(void **state) {
  static const char *const units[] = {"[],", "1,", "{},", "\"\",", ",",
                                      "[",   "{",  "\"",  ":",     "\"\\"};
  for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
    enum { SIZE = 30000 };
    char *text = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
      text[i] = i ? units[u][(i - 1) % strlen(units[u])] : '[';
    cnn_context *limited = cnn_context_new(.threads = 1, .max_memory = 64 * SIZE + 4096);
    cnn__json *root;
    assert_int_equal(cnn__json_parse(limited, "test", text, SIZE, &root), CNN_E_FORMAT);
    assert_int_equal(cnn_context_memory(limited), 0);
    cnn_context_free(limited);
    free(text);
  }
}

/* Each value takes much more memory than its text: their number is limited. */
static void test_more_values_than_32768_are_over_the_limit(void **state) {
  enum { MOST = 32768 };
  char *text = malloc(2 * MOST + 2);
  text[0] = '[';
  for (size_t i = 0; i < MOST; i++)
    memcpy(text + 1 + 2 * i, "1,", 2);
  cnn_context *limited = cnn_context_new(.threads = 1, .max_memory = (2 << 20) + 2 * MOST);
  cnn__json *root;
  text[2 * MOST - 2] = ']'; /* the list and MOST - 1 values */
  assert_int_equal(cnn__json_parse(limited, "test", text, 2 * MOST - 1, &root), CNN_OK);
  assert_int_equal(root->count, MOST - 1);
  cnn__json_free(limited, root);
  text[2 * MOST - 2] = ',';
  text[2 * MOST] = ']';
  assert_error(CNN_E_LIMIT, cnn__json_parse(limited, "test", text, 2 * MOST + 1, &root), "32768");
  assert_int_equal(cnn_context_memory(limited), 0);
  cnn_context_free(limited);
  free(text);
}

static void test_without_memory_it_says_so(void **state) {
  cnn_context *limited = cnn_context_new(.threads = 1, .max_memory = 50);
  cnn__json *root;
  assert_error(CNN_E_NOMEM, cnn__json_parse(limited, "w.safetensors", "[1,2]", 5, &root),
               "w.safetensors: out of memory");
  cnn_context_free(limited);
}

/* ---- writing ---- */

static void assert_written(const char *string, const char *expected) {
  cnn__text text;
  cnn__text_start(&text, context);
  cnn__json_write_string(&text, string);
  assert_int_equal(text.status, CNN_OK);
  assert_string_equal(text.bytes, expected);
  cnn__text_free(&text);
}

static void test_strings_are_quoted_and_escaped(void **state) {
  assert_written("", "\"\"");
  assert_written("plain \xc3\xa9", "\"plain \xc3\xa9\"");
  assert_written("\"\\/\b\f\n\r\t\x01\x1f\x7f", "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
  assert_written("a\xff"
                 "b\xc3",
                 "\"a\\ufffdb\\ufffd\"");
}

static void test_what_is_written_reads_back(void **state) {
  char every[512] = "";
  size_t length = 0;
  for (int c = 1; c < 128; c++)
    every[length++] = (char)c;
  memcpy(every + length, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10);
  cnn__text text;
  cnn__text_start(&text, context);
  cnn__json_write_string(&text, every);
  cnn__json *root = parse(text.bytes);
  assert_string_equal(root->value.string, every);
  cnn__json_free(context, root);
  cnn__text_free(&text);
}

static void test_reals_are_short_and_null_where_json_has_none(void **state) {
  cnn__text text;
  cnn__text_start(&text, context);
  const double values[] = {0.1, -0.0, 1e300, 3, NAN, INFINITY, -INFINITY, -2.2250738585072014e-308};
  for (int i = 0; i < 8; i++) {
    cnn__json_write_real(&text, values[i]);
    cnn__text_append(&text, " ", 1);
  }
  assert_string_equal(text.bytes, "0.1 -0 1e+300 3 null null null -2.2250738585072014e-308 ");
  cnn__text_free(&text);
}

/* ---- text that grows ---- */

static void test_text_grows_and_fails_once_for_all(void **state) {
  counting c = {0};
  cnn_context *counted = counting_context(&c, 1);
  cnn__text text;
  cnn__text_start(&text, counted);
  cnn__text_append(&text, "", 0);
  assert_string_equal(text.bytes, "");
  for (int i = 0; i < 1000; i++)
    cnn__text_format(&text, "%04d,%s", i, i % 100 == 99 ? "\n" : "");
  cnn__text_append(&text, "end", 3);
  assert_int_equal(text.status, CNN_OK);
  assert_int_equal(text.size, 5013);
  assert_int_equal(strlen(text.bytes), 5013);
  assert_memory_equal(text.bytes, "0000,0001,", 10);
  assert_string_equal(text.bytes + 5005, "999,\nend");
  c.fail_at = atomic_load(&c.calls) + 1;
  for (int i = 0; i < 1000; i++)
    cnn__text_format(&text, "%0100d", 0);
  assert_int_equal(text.status, CNN_E_NOMEM);
  size_t size = text.size;
  cnn__text_append(&text, "x", 1);
  assert_int_equal(text.size, size);
  assert_int_equal(strlen(text.bytes), size);
  cnn__text_free(&text);
  cnn_context_free(counted);
  assert_int_equal(atomic_load(&c.live), 0);
}

static void test_a_text_that_memory_cannot_hold(void **state) {
  cnn__text text;
  cnn__text_start(&text, context);
  cnn__text_append(&text, "x", SIZE_MAX);
  assert_int_equal(text.status, CNN_E_NOMEM);
  assert_null(text.bytes);
  cnn__text_format(&text, "x");
  assert_null(text.bytes);
  cnn__text_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values_of_every_type),
      cmocka_unit_test(test_a_word_may_be_the_whole_text),
      cmocka_unit_test(test_spaces_of_any_number_stand_between_values),
      cmocka_unit_test(test_integers_are_exact_and_the_rest_is_real),
      cmocka_unit_test(test_escapes_become_utf8),
      cmocka_unit_test(test_codes_of_every_plane_become_utf8),
      cmocka_unit_test(test_nesting_goes_to_8),
      cmocka_unit_test(test_a_text_over_a_gibibyte_is_refused),
      cmocka_unit_test(test_what_is_no_json_is_refused_with_its_place),
      cmocka_unit_test(test_the_same_key_in_different_objects_is_fine),
      cmocka_unit_test(test_a_key_that_is_there_twice_is_found_anywhere),
      cmocka_unit_test(test_damaged_texts_are_answered),
      cmocka_unit_test(test_as_many_keys_as_there_may_be_in_any_order),
      cmocka_unit_test(test_memory_stays_within_64_times_the_text),
      cmocka_unit_test(test_more_values_than_32768_are_over_the_limit),
      cmocka_unit_test(test_without_memory_it_says_so),
      cmocka_unit_test(test_strings_are_quoted_and_escaped),
      cmocka_unit_test(test_what_is_written_reads_back),
      cmocka_unit_test(test_reals_are_short_and_null_where_json_has_none),
      cmocka_unit_test(test_text_grows_and_fails_once_for_all),
      cmocka_unit_test(test_a_text_that_memory_cannot_hold),
  };
  return cmocka_run_group_tests(tests, context_begin, context_end);
}
