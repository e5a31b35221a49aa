/* The pieces of JSON in every length and place: strings and their escapes, integers, keys, blocks of nodes. */
#include "base/json.h"
#include "support.h"
#include <stdio.h>

static cnn_context *context;

static int set_up(void **state) {
  context = cnn_context_new(.threads = 1);
  return context ? 0 : 1;
}

static int tear_down(void **state) {
  const bool clean = cnn_context_memory(context) == 0;
  cnn_context_free(context);
  return group_end(clean);
}

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

static void test_a_text_that_is_handed_over_is_the_trees(void **state) {
  static const char *const texts[] = {"{\"a\":[\"b\",2]}", "{\"a\":[\"b\",2}", ""};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    const size_t size = strlen(texts[i]);
    char *text = cnn__alloc(context, size + 1, "a text");
    memcpy(text, texts[i], size);
    cnn__json *root = NULL;
    assert_int_equal(cnn__json_take(context, "test", text, size, &root),
                     i == 0 ? CNN_OK : CNN_E_FORMAT);
    if (i == 0) assert_string_equal(cnn__json_first(root)->key, "a");
    cnn__json_free(context, root);
    assert_int_equal(cnn_context_memory(context), 0);
  }
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
      cmocka_unit_test(test_a_text_that_is_handed_over_is_the_trees),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
