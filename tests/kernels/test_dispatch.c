/* Which table is in use, and what is in it. */
#include "kernels/kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_the_table_in_use_is_that_of_the_chosen_instruction_set(void **state) {
  assert_int_equal(cnn__kernels_get()->isa, cnn__cpu_isa());
  assert_ptr_equal(cnn__kernels_get(), cnn__kernels_for(cnn__cpu_isa()));
}

static void test_the_environment_lowers_the_choice(void **state) {
  const char *wish = getenv("CNN_ISA");
  if (!wish) skip();
  for (cnn__isa isa = CNN__ISA_GENERIC; isa <= CNN__ISA_NEON; isa++)
    if (strcmp(wish, cnn__isa_name(isa)) == 0 && cnn__cpu_supports(isa))
      assert_int_equal(cnn__kernels_get()->isa, isa);
}

static void test_there_is_a_table_for_just_what_the_machine_supports(void **state) {
  for (cnn__isa isa = CNN__ISA_GENERIC; isa <= CNN__ISA_NEON; isa++) {
    const cnn__kernels *table = cnn__kernels_for(isa);
    if (!cnn__cpu_supports(isa)) assert_null(table);
    if (!table) continue;
    assert_int_equal(table->isa, isa);
    assert_non_null(table->gemm.gemm);
    assert_non_null(table->gemm.gemm_packing);
    assert_non_null(table->gemm.pack);
  }
  assert_non_null(cnn__kernels_for(CNN__ISA_GENERIC));
  assert_null(cnn__kernels_for((cnn__isa)77));
}

static void test_every_instruction_set_has_a_matrix_product_of_its_own(void **state) {
  const cnn__kernels *below = cnn__kernels_for(CNN__ISA_GENERIC);
  for (cnn__isa isa = CNN__ISA_SSE2; isa <= CNN__ISA_NEON; isa++) {
    const cnn__kernels *table = cnn__kernels_for(isa);
    if (!table) continue;
    assert_true(table->gemm.gemm != below->gemm.gemm);
    below = table;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_table_in_use_is_that_of_the_chosen_instruction_set),
      cmocka_unit_test(test_the_environment_lowers_the_choice),
      cmocka_unit_test(test_there_is_a_table_for_just_what_the_machine_supports),
      cmocka_unit_test(test_every_instruction_set_has_a_matrix_product_of_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
