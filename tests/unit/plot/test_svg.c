/* The names in an SVG file are numbered by their first appearance. */
#include "plot/svg.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_renumbered(const char *from, const char *expected) {
  cnn__bytes bytes = {0};
  cnn__bytes_append(&bytes, (const unsigned char *)from, strlen(from));
  cnn__svg_renumber(&bytes);
  assert_false(bytes.failed);
  assert_int_equal(bytes.size, strlen(expected));
  if (bytes.size > 0) assert_memory_equal(bytes.data, expected, bytes.size);
  free(bytes.data);
}

static void test_names_are_numbered_by_first_appearance(void **state) {
  (void)state;
  assert_renumbered("<image id=\"image29\"/><g id=\"surface7\"><use xlink:href=\"#image29\"/></g>",
                    "<image id=\"image0\"/><g id=\"surface1\"><use xlink:href=\"#image0\"/></g>");
  assert_renumbered("id=\"image5\" id=\"image1\" (#surface5",
                    "id=\"image0\" id=\"image1\" (#surface0");
}

static void test_numbers_may_grow(void **state) {
  (void)state;
  assert_renumbered(
      "id=\"image20\" id=\"image21\" id=\"image22\" id=\"image23\" id=\"image24\" "
      "id=\"image25\" id=\"image26\" id=\"image27\" id=\"image28\" id=\"image29\" id=\"image1\"",
      "id=\"image0\" id=\"image1\" id=\"image2\" id=\"image3\" id=\"image4\" "
      "id=\"image5\" id=\"image6\" id=\"image7\" id=\"image8\" id=\"image9\" id=\"image10\"");
}

static void test_all_else_stays(void **state) {
  (void)state;
  assert_renumbered("", "");
  assert_renumbered("id=\"image", "id=\"image");
  assert_renumbered("id=\"imagex\" id=\"glyph0-5\" image7 surface7 \"#glyph12\"",
                    "id=\"imagex\" id=\"glyph0-5\" image7 surface7 \"#glyph12\"");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names_are_numbered_by_first_appearance),
      cmocka_unit_test(test_numbers_may_grow),
      cmocka_unit_test(test_all_else_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
