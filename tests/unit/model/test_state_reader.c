/* Callbacks' states are read strictly: what is missing, of another type, out of range or unknown is CNN_E_FORMAT. */
#include "model/callback.h"
#include "support.h"

static cnn_context *context;

/* Reads {"count", "done", "best"} out of a state. */
static cnn_status read_state(const char *json) {
  cnn__callback_state state = {.context = context, .json = (char *)(uintptr_t)json};
  cnn__state_reader reader;
  cnn_clear_error();
  cnn_status status = cnn__state_read(&reader, "a callback", &state);
  if (status != CNN_OK) return status;
  const int64_t count = cnn__state_integer(&reader, "count");
  const bool done = cnn__state_flag(&reader, "done");
  const double best = cnn__state_real(&reader, "best", 7);
  status = cnn__state_read_end(&reader);
  if (status == CNN_OK) {
    assert_true(count == 3 && done);
    assert_true(best == (strstr(json, "null") ? 7 : 0.5));
  }
  return status;
}

static void test_a_state_is_what_was_written(void **state) {
  assert_ok(read_state("{\"count\":3,\"done\":true,\"best\":0.5}"));
  assert_ok(read_state("{\"best\":null,\"done\":true,\"count\":3}"));
}

static void test_other_states_are_refused(void **state) {
  static const struct {
    const char *json, *words;
  } cases[] = {
      {NULL, "a callback: its state is missing"},
      {"", "a callback: JSON"},
      {"{", "a callback: JSON"},
      {"[]", "a callback: its state is no object"},
      {"3", "a callback: its state is no object"},
      {"{}", "a callback: its state lacks \"count\""},
      {"{\"count\":3,\"best\":0.5}", "lacks \"done\""},
      {"{\"count\":3,\"done\":true}", "lacks \"best\""},
      {"{\"count\":3.0,\"done\":true,\"best\":0.5}", "\"count\" of its state is of another type"},
      {"{\"count\":-1,\"done\":true,\"best\":0.5}", "\"count\""},
      {"{\"count\":9007199254740993,\"done\":true,\"best\":0.5}", "\"count\""},
      {"{\"count\":3,\"done\":1,\"best\":0.5}", "\"done\""},
      {"{\"count\":3,\"done\":true,\"best\":\"0.5\"}", "\"best\""},
      {"{\"count\":3,\"done\":true,\"best\":0.5,\"more\":1}", "its state has unknown members"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const cnn_status status = read_state(cases[i].json);
    assert_error(CNN_E_FORMAT, status, cases[i].words);
    assert_int_equal(cnn_context_memory(context), 0);
  }
  cnn_clear_error();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_state_is_what_was_written),
      cmocka_unit_test(test_other_states_are_refused),
  };
  context = begin_context(1, 1);
  const int failures = cmocka_run_group_tests_name("callbacks' states", tests, NULL, NULL);
  end_context(context);
  return failures;
}
