/* What is not ended by a zero is read to its last byte and no further: JSON and numbers, cut off everywhere, give what they give
   whatever follows them in memory. */
#include "base/json.h"
#include "base/number.h"
#include "guarded.h"
#include "one_context.h"
#include <stdio.h>

static bool hard; /* whether the last number took long */

static cnn_status parse(const char *text, size_t size, char *message) {
  cnn__json *root = NULL;
  cnn_clear_error();
  const cnn_status status = cnn__json_parse(context, "it", text, size, &root);
  strcpy(message, status == CNN_OK ? "" : cnn_last_error());
  cnn__json_free(context, root);
  return status;
}

static void test_json_ends_where_its_size_says(void **state) {
  static const char *const texts[] = {
      "{\"a\":[1,-2.5e3,true,false,null],\"b\":{\"c\":\"d\\u00e9\\n\",\"e\":{}}}   ",
      "[{},[],\"\\ud83d\\ude00\",\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\",10000000000000000000]",
      "\"text\\\\\\\"\\/\"",
      "[0,-0]",
      "-12.25e-3",
      "truefalsenull",
      "[[[[[[[[[[1]]]]]]]]]]",
      "{\"key\":1,\"key\":2}"};
  static const char *const tails[] = {"", "1", "{}", "]", "\"", ",", "e1", "   "};
  guarded g = guarded_open(256);
  char wanted[1024], got[1024], text[512];
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    for (size_t size = 0; size <= strlen(texts[i]); size++) {
      const cnn_status status = parse(guarded_copy(&g, texts[i], size), size, wanted);
      for (size_t k = 0; k < sizeof tails / sizeof *tails; k++) {
        memcpy(text, texts[i], size);
        strcpy(text + size, tails[k]);
        assert_int_equal(parse(text, size, got), status);
        assert_string_equal(got, wanted);
      }
    }
  guarded_close(&g);
}

static void test_numbers_end_where_their_length_says(void **state) {
  static const char *const texts[] = {"-9223372036854775808",
                                      "9223372036854775807",
                                      "123.456e-78",
                                      "0.000000000000000000000000000000001",
                                      "1e308",
                                      "-0.0E+0",
                                      "2.2250738585072011e-308",
                                      "17976931348623157e292"};
  guarded g = guarded_open(64);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    for (size_t length = 0; length <= strlen(texts[i]); length++) {
      const char *copy = guarded_copy(&g, texts[i], length);
      double value = 7, again = 7;
      int64_t integer = 7, integer_again = 7;
      const bool real = cnn__number_parse(copy, length, &value, &hard);
      const bool whole = cnn__number_parse_integer(copy, length, &integer);
      char text[64];
      memcpy(text, texts[i], length);
      strcpy(text + length, "5");
      assert_int_equal(cnn__number_parse(text, length, &again, &hard), real);
      assert_int_equal(cnn__number_parse_integer(text, length, &integer_again), whole);
      assert_memory_equal(&value, &again, sizeof value);
      assert_int_equal(integer, integer_again);
      if (real) { /* against the C library's, of the same characters alone */
        text[length] = 0;
        assert_true(value == strtod(text, NULL));
      }
    }
  guarded_close(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_json_ends_where_its_size_says),
      cmocka_unit_test(test_numbers_end_where_their_length_says),
  };
  return cmocka_run_group_tests_name("base_edges", tests, context_begin, context_end);
}
