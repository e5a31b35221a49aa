/* Every allocation of making, writing, reading and planning a layer fails once, and from then on. */
#include "support.h"

static const char dense_text[] =
    "{\"class\":\"Dense\",\"name\":\"d\",\"units\":10,\"activation\":\"relu\",\"no_bias\":false,"
    "\"kernel_initializer\":\"he_normal\",\"bias_initializer\":\"zeros\",\"kernel_scale\":0,"
    "\"bias_scale\":0,\"kernel_l2\":0,\"frozen\":false}";

static bool plan_layer(cnn_context *context, const cnn_layer *layer, size_t inputs,
                       const cnn__shape *input) {
  cnn__layer_spec spec;
  cnn__op op = {0};
  assert_int_equal(cnn__layer_infer(layer, "it", inputs, input, &spec), CNN_OK);
  const cnn__op_request request = {.context = context,
                                   .name = "it",
                                   .batch = 2,
                                   .training = true,
                                   .slots = 1,
                                   .inputs = inputs,
                                   .input = input,
                                   .input_gradient = {true, true},
                                   .output = &spec.output};
  const cnn_status status = cnn__layer_plan(layer, &request, &op);
  if (status == CNN_OK && op.release != NULL) op.release(&op, context);
  assert_true(status == CNN_OK || (status == CNN_E_NOMEM && op.state == NULL));
  return status == CNN_OK;
}

static bool plan_and_free(cnn_context *context, cnn_layer *layer) {
  const cnn__shape input[] = {image(8, 8, 4), image(8, 8, 4)};
  const bool done = layer != NULL && plan_layer(context, layer, inputs_of(layer), input);
  cnn_layer_free(layer);
  return done;
}

static bool plan_all(cnn_context *context) {
  return plan_and_free(context, cnn_conv2d(.filters = 8, .kernel = {3})) &&
         plan_and_free(context, cnn_depthwise_conv2d(.kernel = {3})) &&
         plan_and_free(context, cnn_max_pool2d()) && plan_and_free(context, cnn_average_pool2d()) &&
         plan_and_free(context, cnn_global_average_pool2d()) &&
         plan_and_free(context, cnn_flatten(.name = "flat")) &&
         plan_and_free(context, cnn_dense(.units = 3)) && plan_and_free(context, cnn_dropout()) &&
         plan_and_free(context, cnn_rescaling()) &&
         plan_and_free(context, cnn_batch_normalization()) &&
         plan_and_free(context, cnn_zero_padding2d(.top = 1)) &&
         plan_and_free(context, cnn_add()) && plan_and_free(context, cnn_concatenate());
}

static bool read_and_write(cnn_context *context) {
  cnn__json *json = NULL;
  cnn_layer *layer = NULL;
  cnn__text text;
  cnn__text_start(&text, context);
  bool done = cnn__json_parse(context, "m", dense_text, strlen(dense_text), &json) == CNN_OK &&
              cnn__layer_read(context, "m", json, &layer) == CNN_OK;
  if (done) cnn__layer_write(&text, layer, "d");
  done = done && text.status == CNN_OK && strcmp(text.bytes, dense_text) == 0;
  cnn__text_free(&text);
  cnn_layer_free(layer);
  cnn__json_free(context, json);
  return done;
}

static void fail_each(bool (*use)(cnn_context *context), bool for_ever) {
  counting counts = {.for_ever = for_ever};
  cnn_context *context = counting_context(&counts, 1);
  cnn_context *before = cnn_context_use(context);
  const long first = atomic_load(&counts.calls), held = atomic_load(&counts.live);
  assert_true(use(context));
  const long calls = atomic_load(&counts.calls) - first;
  assert_true(calls >= 5);
  for (long i = 1; i <= calls; i++) {
    cnn_clear_error();
    counts.fail_at = atomic_load(&counts.calls) + i;
    if (use(context)) fail_msg("allocation %ld of %ld failed and nobody noticed", i, calls);
    assert_int_equal(cnn_last_status(), CNN_E_NOMEM);
    assert_int_equal(atomic_load(&counts.live), held);
    counts.fail_at = 0;
  }
  assert_true(use(context));
  cnn_context_use(before);
  cnn_context_free(context);
  assert_int_equal(atomic_load(&counts.live), 0);
}

static void test_making_and_planning(void **state) {
  fail_each(plan_all, false);
  fail_each(plan_all, true);
}

static void test_copying_writing_and_reading(void **state) {
  fail_each(read_and_write, false);
  fail_each(read_and_write, true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_making_and_planning),
      cmocka_unit_test(test_copying_writing_and_reading),
  };
  return cmocka_run_group_tests_name("layers without memory", tests, NULL, NULL);
}
