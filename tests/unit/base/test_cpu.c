#include "base/cpu.h"
#include "support.h"

static void test_the_isa_in_use_is_one_that_there_is(void **state) {
  assert_true(cnn__cpu_supports(cnn__cpu_isa()));
  assert_true(cnn__cpu_supports(CNN__ISA_GENERIC));
  assert_false(cnn__cpu_supports((cnn__isa)17));
  assert_string_equal(cnn_cpu_isa(), cnn__isa_name(cnn__cpu_isa()));
  assert_int_equal(strncmp(cnn_cpu_reason(), cnn_cpu_isa(), strlen(cnn_cpu_isa())), 0);
  assert_true(cnn__cpu_count() >= 1);
  assert_true(cnn__cpu_l2() > 0);
}

/* CNN_ISA is read once, at the first question: so each wish is a run of its own (meson.build). */
static void test_a_wish_lowers_and_never_raises(void **state) {
  const char *wish = getenv("CNN_ISA");
  if (!wish) skip();
  bool generic = strcmp(wish, "generic") == 0;
  if (generic) assert_int_equal(cnn__cpu_isa(), CNN__ISA_GENERIC);
  if (!generic)
    assert_true(cnn__cpu_isa() != CNN__ISA_GENERIC || !cnn__cpu_supports(CNN__ISA_SSE2));
  assert_non_null(strstr(cnn_cpu_reason(), "CNN_ISA asked for"));
  if (strcmp(wish, "sse9") == 0) assert_non_null(strstr(cnn_cpu_reason(), "not known"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_isa_in_use_is_one_that_there_is),
      cmocka_unit_test(test_a_wish_lowers_and_never_raises),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
