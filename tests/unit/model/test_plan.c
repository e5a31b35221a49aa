/* Plans: what is fused, where buffers lie, and what running them gives. */
#include "model/plan.h"
#include "support.h"

static cnn__plan *make_plan(const cnn_model *model, size_t batch, bool training) {
  cnn__plan_request request = {.context = model->context,
                               .network = model->network,
                               .frozen = model->frozen,
                               .batch = batch,
                               .training = training};
  cnn__plan *plan = NULL;
  if (cnn__plan_new(&request, &plan) != CNN_OK) fail_msg("%s", cnn_last_error());
  return plan;
}

/* ---- the arena ---- */

static void check_no_overlap(const cnn__arena_item *items, size_t count, size_t bytes) {
  size_t end = 0;
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(items[i].offset % CNN__ARENA_ALIGNMENT, 0);
    if (items[i].offset + items[i].bytes > end) end = items[i].offset + items[i].bytes;
    for (size_t k = 0; k < i; k++) {
      bool same_time = items[i].begin <= items[k].end && items[k].begin <= items[i].end;
      bool same_place = items[i].offset < items[k].offset + items[k].bytes &&
                        items[k].offset < items[i].offset + items[i].bytes;
      if (same_time && same_place) fail_msg("buffers %zu and %zu overlap", i, k);
    }
  }
  assert_int_equal(end, bytes);
}

static void test_buffers_that_live_together_never_overlap(void **state) {
  cnn_context *context = begin_context(1, 0);
  for (size_t round = 0; round < 200; round++) {
    cnn__arena_item items[40];
    size_t count = 1 + round % 40, bytes, sum = 0;
    for (size_t i = 0; i < count; i++) {
      size_t begin = (size_t)(20 + 20 * number_at(round * 100 + i));
      size_t length = (size_t)(6 + 6 * number_at(round * 300 + i));
      items[i] = (cnn__arena_item){.bytes = (size_t)(500 + 500 * number_at(round * 500 + i)),
                                   .begin = begin,
                                   .end = begin + length};
    }
    assert_ok(cnn__arena_place(context, items, count, &bytes));
    check_no_overlap(items, count, bytes);
    for (size_t i = 0; i < count; i++)
      sum += items[i].bytes;
    assert_true(bytes <= sum);
  }
  end_context(context);
}

static void test_buffers_that_follow_each_other_share_memory(void **state) {
  cnn_context *context = begin_context(1, 0);
  cnn__arena_item items[] = {{.bytes = 1000, .begin = 0, .end = 1},
                             {.bytes = 640, .begin = 1, .end = 2},
                             {.bytes = 1000, .begin = 2, .end = 3}};
  size_t bytes;
  assert_ok(cnn__arena_place(context, items, 3, &bytes));
  assert_int_equal(bytes, 1024 + 640);
  cnn__arena_item huge[] = {{.bytes = SIZE_MAX - 100, .begin = 0, .end = 1},
                            {.bytes = 1000, .begin = 0, .end = 1}};
  assert_int_equal(cnn__arena_place(context, huge, 2, &bytes), CNN_E_LIMIT);
  cnn_clear_error();
  end_context(context);
}

static void test_every_plans_buffers_are_apart(void **state) {
  cnn_model *models[] = {tutorial_model(), small_model()};
  for (size_t m = 0; m < 2; m++) {
    assert_made(models[m]);
    for (int training = 0; training < 2; training++) {
      cnn__plan *plan = make_plan(models[m], 16, training != 0);
      check_no_overlap(plan->buffers, plan->buffer_count, plan->bytes);
      cnn__plan_free(plan);
    }
    cnn_model_free(models[m]);
  }
}

static void test_each_thread_has_scratch_of_its_own_for_all_operations(void **state) {
  for (int64_t threads = 1; threads <= 3; threads++) {
    cnn_context *context = begin_context(threads, 0);
    cnn_model *model = tutorial_model();
    assert_made(model);
    cnn__plan *plan = make_plan(model, 16, true);
    size_t most = 0;
    for (size_t i = 0; i < plan->step_count; i++)
      if (plan->steps[i].op.slot_bytes > most) most = plan->steps[i].op.slot_bytes;
    assert_true(most > 0 && plan->slot_pitch >= most && plan->slot_pitch % 64 == 0);
    assert_int_equal(plan->buffers[plan->slots].bytes, (size_t)threads * plan->slot_pitch);
    cnn__plan_free(plan);
    cnn_model_free(model);
    end_context(context);
  }
}

/* ---- bytes ---- */

static void test_a_plans_bytes_are_what_it_allocates(void **state) {
  cnn_context *context = begin_context(2, 0);
  cnn_model *model = tutorial_model();
  assert_made(model);
  for (int training = 0; training < 2; training++) {
    cnn__plan *plan = make_plan(model, 32, training != 0);
    uint64_t before = cnn_context_memory(context);
    assert_ok(cnn__plan_allocate(plan));
    assert_int_equal(cnn_context_memory(context) - before, plan->bytes);
    assert_int_equal(cnn_model_plan_bytes(model, 32, training), plan->bytes);
    assert_true(plan->flops > 1e7);
    cnn__plan_free(plan);
  }
  assert_int_equal(cnn_model_plan_bytes(model, 0, 0), 0);
  assert_int_equal(cnn_last_status(), CNN_E_INVALID);
  cnn_clear_error();
  cnn_model_free(model);
  end_context(context);
}

static void test_a_batch_beyond_memory_is_a_limit(void **state) {
  cnn_model *model = small_model();
  assert_int_equal(cnn_model_plan_bytes(model, INT64_MAX, 1), 0);
  assert_int_equal(cnn_last_status(), CNN_E_LIMIT);
  cnn_clear_error();
  assert_int_equal(cnn_model_plan_bytes(model, INT64_MAX / 600, 1), 0);
  assert_int_equal(cnn_last_status(), CNN_E_LIMIT);
  cnn_clear_error();
  cnn_model_free(model);
}

static void test_the_description_names_layers_and_memory(void **state) {
  cnn_model *model = tutorial_model();
  char *text = cnn_model_describe_plan(model, 64, 1);
  assert_non_null(text);
  assert_non_null(strstr(text, "conv2d_1"));
  assert_non_null(strstr(text, "Memory: "));
  assert_non_null(strstr(text, cnn_cpu_isa()));
  cnn_text_free(text);
  cnn_text_free(NULL);
  cnn_model_free(model);
}

/* ---- fusing ---- */

static void test_activation_and_pooling_go_into_the_convolution(void **state) {
  cnn_model *model = tutorial_model();
  cnn__plan *plan = make_plan(model, 8, false);
  /* 3 convolutions with their pooling, 2 dense layers, the softmax. */
  assert_int_equal(plan->step_count, 6);
  assert_true(plan->steps[5].activation);
  cnn__plan_free(plan);
  cnn_model_free(model);
}

static void test_an_activation_layer_fuses_as_an_option_does(void **state) {
  cnn_model *model =
      cnn_sequential(cnn_input(.shape = {8, 8, 2}), cnn_conv2d(.filters = 4, .kernel = {3}),
                     cnn_activation(.function = CNN_RELU), cnn_max_pool2d(), cnn_flatten(),
                     cnn_dense(.units = 3), cnn_activation(.function = CNN_TANH));
  cnn__plan *plan = make_plan(model, 8, true);
  assert_int_equal(plan->step_count, 3); /* convolution, dense, tanh */
  cnn__plan_free(plan);
  cnn_model_free(model);
}

/* In training, too: normalisations and sums take the activation behind them. */
static void test_normalisations_and_sums_take_activations_in(void **state) {
  cnn_graph *graph = cnn_graph_create();
  cnn_node image = cnn_graph_add(graph, cnn_input(.shape = {6, 6, 4}));
  cnn_node even = cnn_graph_add(graph, cnn_batch_normalization(), image);
  even = cnn_graph_add(graph, cnn_activation(.function = CNN_RELU6), even);
  cnn_node sum = cnn_graph_add(graph, cnn_add(), even, image);
  sum = cnn_graph_add(graph, cnn_activation(.function = CNN_RELU), sum);
  cnn_model *model = cnn_graph_model(graph, cnn_graph_add(graph, cnn_flatten(), sum));
  assert_made(model);
  for (int training = 0; training < 2; training++) {
    cnn__plan *plan = make_plan(model, 3, training);
    assert_int_equal(plan->step_count, 2);
    cnn__plan_free(plan);
  }
  cnn_model_free(model);
}

/* Not where each of several channels gives one: that is computed in a way of its own. */
static void test_pooling_goes_into_some_depthwise_convolutions(void **state) {
  static const struct {
    int64_t channels, multiplier;
    size_t steps;
  } cases[] = {{1, 1, 2}, {1, 4, 2}, {3, 1, 3}, {3, 2, 2}, {8, 1, 3}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cnn_model *model =
        cnn_sequential(cnn_input(.shape = {9, 8, cases[i].channels}),
                       cnn_depthwise_conv2d(.kernel = {3}, .multiplier = cases[i].multiplier),
                       cnn_max_pool2d(), cnn_flatten(), cnn_dense(.units = 3));
    cnn__plan *plan = make_plan(model, 8, false);
    assert_int_equal(plan->step_count, cases[i].steps);
    cnn__plan_free(plan);
    cnn_model_free(model);
  }
}

/* What several layers read is not fused away. */
static void test_a_value_with_two_readers_stays(void **state) {
  cnn_graph *graph = cnn_graph_create();
  cnn_node in = cnn_graph_join(graph, cnn_input(.shape = {8, 8, 2}), NULL, 0);
  cnn_node conv = cnn_graph_add(graph, cnn_conv2d(.filters = 2, .kernel = {3}), in);
  cnn_node relu = cnn_graph_add(graph, cnn_activation(.function = CNN_RELU), conv);
  cnn_node sum = cnn_graph_add(graph, cnn_add(), conv, relu);
  cnn_model *model = cnn_graph_model(graph, sum);
  assert_made(model);
  cnn__plan *plan = make_plan(model, 4, true);
  assert_int_equal(plan->step_count, 3);
  check_no_overlap(plan->buffers, plan->buffer_count, plan->bytes);
  cnn__plan_free(plan);
  cnn_model_free(model);
}

/* ---- running ---- */

static void test_fewer_images_than_planned_give_the_same_bits(void **state) {
  cnn_model *model = tutorial_model();
  cnn_tensor *images = numbers(4, (int64_t[]){8, 32, 32, 3}, 3);
  cnn__plan *plan = make_plan(model, 8, false);
  assert_ok(cnn__plan_allocate(plan));
  cnn__plan_prepare(plan, model->weights);
  float whole[8][10];
  cnn__plan_run run = {.images = 8, .input = images->data, .weights = model->weights};
  cnn__plan_forward(plan, &run);
  memcpy(whole, cnn__plan_output(plan, &run), sizeof whole);
  for (size_t n = 1; n < 8; n++) {
    run.images = n;
    cnn__plan_forward(plan, &run);
    assert_memory_equal(cnn__plan_output(plan, &run), whole, n * sizeof whole[0]);
  }
  cnn__plan_free(plan);
  cnn_tensor_free(images);
  cnn_model_free(model);
}

static void test_a_models_input_is_never_written_to(void **state) {
  cnn_model *model =
      cnn_sequential(cnn_input(.shape = {4, 4, 2}), cnn_activation(.function = CNN_RELU),
                     cnn_rescaling(.scale = 2), cnn_dropout());
  assert_made(model);
  cnn_tensor *images = numbers(4, (int64_t[]){2, 4, 4, 2}, 5), *copy = cnn_tensor_clone(images);
  cnn_tensor *outputs = cnn_model_predict(model, images);
  assert_made(outputs);
  assert_memory_equal(images->data, copy->data, images->bytes);
  for (size_t i = 0; i < 64; i++)
    assert_true(cnn_tensor_floats(outputs)[i] ==
                (number_at(5 * 7919 + i) > 0 ? 2 * number_at(5 * 7919 + i) : 0));
  cnn_tensor_free(outputs);
  cnn_tensor_free(images);
  cnn_tensor_free(copy);
  cnn_model_free(model);
}

static void test_a_model_of_aliases_gives_its_input(void **state) {
  cnn_model *model = cnn_sequential(cnn_input(.shape = {2, 3}), cnn_flatten());
  cnn_tensor *images = numbers(3, (int64_t[]){5, 2, 3}, 1);
  cnn_tensor *outputs = cnn_model_predict(model, images);
  assert_made(outputs);
  assert_int_equal(cnn_tensor_rank(outputs), 2);
  assert_memory_equal(cnn_tensor_floats(outputs), images->data, images->bytes);
  cnn_tensor_free(outputs);
  cnn_tensor_free(images);
  cnn_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_buffers_that_live_together_never_overlap),
      cmocka_unit_test(test_buffers_that_follow_each_other_share_memory),
      cmocka_unit_test(test_every_plans_buffers_are_apart),
      cmocka_unit_test(test_each_thread_has_scratch_of_its_own_for_all_operations),
      cmocka_unit_test(test_a_plans_bytes_are_what_it_allocates),
      cmocka_unit_test(test_a_batch_beyond_memory_is_a_limit),
      cmocka_unit_test(test_the_description_names_layers_and_memory),
      cmocka_unit_test(test_activation_and_pooling_go_into_the_convolution),
      cmocka_unit_test(test_an_activation_layer_fuses_as_an_option_does),
      cmocka_unit_test(test_normalisations_and_sums_take_activations_in),
      cmocka_unit_test(test_pooling_goes_into_some_depthwise_convolutions),
      cmocka_unit_test(test_a_value_with_two_readers_stays),
      cmocka_unit_test(test_fewer_images_than_planned_give_the_same_bits),
      cmocka_unit_test(test_a_models_input_is_never_written_to),
      cmocka_unit_test(test_a_model_of_aliases_gives_its_input),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
