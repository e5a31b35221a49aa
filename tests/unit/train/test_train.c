/* Losses, metrics, schedules, optimizers: options, names, texts in files, failures. Their numbers are held
   against Keras's in tests/golden. */
#include "train/train.h"

#include "../base/one_context.h"
#include <math.h>

static cnn__json *parse(const cnn__text *text) {
  cnn__json *root = NULL;
  assert_int_equal(text->status, CNN_OK);
  assert_int_equal(cnn__json_parse(context, "text", text->bytes, text->size, &root), CNN_OK);
  return root;
}

/* What is written, read and written again is the same text. */
#define ROUND_TRIP(noun, object)                                                                   \
  do {                                                                                             \
    cnn_##noun *first = (object), *second = NULL;                                                  \
    cnn__text one, two;                                                                            \
    assert_non_null(first);                                                                        \
    cnn__text_start(&one, context);                                                                \
    cnn__text_start(&two, context);                                                                \
    cnn__##noun##_write(&one, first);                                                              \
    cnn__json *root = parse(&one);                                                                 \
    assert_int_equal(cnn__##noun##_read(context, "text", root, &second), CNN_OK);                  \
    cnn__##noun##_write(&two, second);                                                             \
    assert_string_equal(one.bytes, two.bytes);                                                     \
    cnn__json_free(context, root);                                                                 \
    cnn__text_free(&one);                                                                          \
    cnn__text_free(&two);                                                                          \
    cnn_##noun##_free(first);                                                                      \
    cnn_##noun##_free(second);                                                                     \
  } while (0)

static void test_what_is_written_is_read_again(void **state) {
  (void)state;
  ROUND_TRIP(loss, cnn_sparse_categorical_crossentropy(.label_smoothing = 0.1));
  ROUND_TRIP(loss, cnn_categorical_crossentropy(.from_logits = 1));
  ROUND_TRIP(loss, cnn_binary_crossentropy());
  ROUND_TRIP(loss, cnn_mean_squared_error());
  ROUND_TRIP(loss, cnn_mean_absolute_error());
  ROUND_TRIP(loss, cnn_huber(.delta = 0.3));
  ROUND_TRIP(metric, cnn_accuracy());
  ROUND_TRIP(metric, cnn_binary_accuracy(.threshold = 0.25, .name = "quarter"));
  ROUND_TRIP(metric, cnn_top_k_accuracy(.k = 3));
  ROUND_TRIP(metric, cnn_categorical_accuracy());
  ROUND_TRIP(metric, cnn_sparse_categorical_accuracy());
  ROUND_TRIP(schedule, cnn_cosine_decay(.steps = 10, .warmup_steps = 3));
  ROUND_TRIP(schedule, cnn_one_cycle(.steps = 100));
  ROUND_TRIP(schedule, cnn_exponential_decay(.steps = 7, .staircase = 1));
  ROUND_TRIP(schedule, cnn_step_decay(.steps = 7));
  ROUND_TRIP(optimizer, cnn_adam(.beta_1 = CNN_ZERO, .schedule = cnn_step_decay(.steps = 2)));
  ROUND_TRIP(optimizer, cnn_adamw(.global_clip_norm = 2));
  ROUND_TRIP(optimizer, cnn_sgd(.momentum = 0.9, .nesterov = 1));
  ROUND_TRIP(optimizer, cnn_rmsprop(.centered = 1, .ema_momentum = 0.99));
}

static void test_names_are_those_of_keras(void **state) {
  (void)state;
  static const char *const losses[] = {"sparse_categorical_crossentropy",
                                       "categorical_crossentropy",
                                       "binary_crossentropy",
                                       "mean_squared_error",
                                       "mean_absolute_error",
                                       "huber"};
  static const char *const optimizers[] = {"adam", "adamw", "sgd", "rmsprop"};
  for (size_t i = 0; i < 6; i++) {
    cnn_loss *loss = cnn_loss_by_name(losses[i]);
    assert_string_equal(cnn__loss_name(loss), losses[i]);
    cnn_loss_free(loss);
  }
  for (size_t i = 0; i < 4; i++) {
    cnn_optimizer *optimizer = cnn_optimizer_by_name(optimizers[i]);
    assert_string_equal(cnn__optimizer_name(optimizer), optimizers[i]);
    cnn_optimizer_free(optimizer);
  }
  cnn_loss *mse = cnn_loss_by_name("mse");
  assert_string_equal(cnn__loss_name(mse), "mean_squared_error");
  cnn_loss_free(mse);
  assert_null(cnn_loss_by_name("hinge"));
  assert_error(CNN_E_NOT_FOUND, cnn_last_status(), "loss \"hinge\" is unknown; there are sparse_");
  assert_null(cnn_optimizer_by_name("lion"));
  assert_error(CNN_E_NOT_FOUND, cnn_last_status(), "adam, adamw, sgd, rmsprop");
  assert_null(cnn_metric_by_name("f1"));
  assert_error(CNN_E_NOT_FOUND, cnn_last_status(), "accuracy");
  cnn_clear_error();
  assert_null(cnn_metric_by_name(NULL));
  assert_error(CNN_E_INVALID, cnn_last_status(), "name");
}

static void test_options_that_cannot_be_are_named(void **state) {
  (void)state;
  assert_null(cnn_adam(.learning_rate = -1));
  assert_error(CNN_E_INVALID, cnn_last_status(), "adam: learning_rate is -1");
  assert_null(cnn_adam(.beta_1 = 1));
  assert_error(CNN_E_INVALID, cnn_last_status(), "adam: beta_1 is 1");
  assert_null(cnn_sgd(.momentum = NAN));
  assert_error(CNN_E_INVALID, cnn_last_status(), "sgd: momentum is nan");
  assert_null(cnn_sgd(.clip_norm = 1e31));
  assert_error(CNN_E_INVALID, cnn_last_status(), "clip_norm is 1e+31; it must be from 0 to 1e+30");
  assert_null(cnn_sgd(.clip_norm = -1));
  assert_error(CNN_E_INVALID, cnn_last_status(), "clip_norm is -1; it must be 0 or more");
  assert_null(cnn_sgd(.clip_norm = 1, .clip_value = 1));
  assert_error(CNN_E_INVALID, cnn_last_status(), "set one of clip_norm");
  assert_null(cnn_cosine_decay(.initial = 0.1));
  assert_error(CNN_E_INVALID, cnn_last_status(), "cosine_decay: steps is required");
  assert_null(cnn_cosine_decay(.steps = 5, .warmup_steps = 6));
  assert_error(CNN_E_INVALID, cnn_last_status(), "warmup_steps is 6, more than steps, 5");
  assert_null(cnn_huber(.delta = -1));
  assert_error(CNN_E_INVALID, cnn_last_status(), "huber: delta is -1");
  assert_null(cnn_categorical_crossentropy(.label_smoothing = 1.5));
  assert_error(CNN_E_INVALID, cnn_last_status(), "label_smoothing is 1.5; it must be from 0 to 1");
  assert_null(cnn_top_k_accuracy(.k = -2));
  assert_error(CNN_E_INVALID, cnn_last_status(), "k is -2");
}

/* An optimizer that cannot be made frees the schedule that it was given: the allocator counts. */
static void test_a_refused_optimizer_frees_its_schedule(void **state) {
  (void)state;
  counting counter = {0};
  cnn_context *counted = counting_context(&counter, 1);
  cnn_context *before = cnn_context_use(counted);
  assert_null(cnn_adam(.learning_rate = -1, .schedule = cnn_step_decay(.steps = 2)));
  assert_int_equal(cnn_context_memory(counted), 0);
  cnn_context_use(before);
  cnn_context_free(counted);
}

static void test_schedules_rise_and_fall_where_they_say(void **state) {
  (void)state;
  cnn_schedule *cycle = cnn_one_cycle(.initial = 1, .steps = 100, .divisor = 10, .final = 100);
  assert_true(fabs(cnn_schedule_rate(cycle, 0) - 0.1) < 1e-12);
  assert_true(fabs(cnn_schedule_rate(cycle, 30) - 1) < 1e-12);
  assert_true(fabs(cnn_schedule_rate(cycle, 100) - 0.01) < 1e-12);
  assert_true(fabs(cnn_schedule_rate(cycle, 1000) - 0.01) < 1e-12);
  for (int64_t step = 1; step <= 100; step++) {
    bool rises = cnn_schedule_rate(cycle, step) > cnn_schedule_rate(cycle, step - 1);
    assert_int_equal(rises, step <= 30);
  }
  cnn_schedule_free(cycle);
  cnn_schedule *drop = cnn_step_decay(.initial = 0.8, .steps = 10, .rate = 0.5);
  assert_true(cnn_schedule_rate(drop, 9) == 0.8);
  assert_true(fabs(cnn_schedule_rate(drop, 10) - 0.4) < 1e-15);
  assert_true(fabs(cnn_schedule_rate(drop, 29) - 0.2) < 1e-15);
  cnn_schedule_free(drop);
  assert_true(isnan(cnn_schedule_rate(NULL, 0)));
}

static void test_a_rate_set_by_hand_replaces_the_schedule(void **state) {
  (void)state;
  cnn_optimizer *adam = cnn_adam(.schedule = cnn_step_decay(.initial = 0.5, .steps = 1));
  assert_true(cnn__optimizer_rate(adam) == 0.5);
  assert_int_equal(cnn__optimizer_set_rate(adam, 0.25), CNN_OK);
  assert_true(cnn__optimizer_rate(adam) == 0.25);
  assert_int_equal(cnn__optimizer_set_rate(adam, -1), CNN_E_INVALID);
  assert_int_equal(cnn__optimizer_set_rate(adam, INFINITY), CNN_E_INVALID);
  cnn_optimizer_free(adam);
}

static void test_states_are_restored_and_checked(void **state) {
  (void)state;
  cnn_optimizer *adam = cnn_adam();
  float weights[3] = {1, 2, 3}, gradient[3] = {1, -1, 0.5f}, m[3] = {0}, v[3] = {0};
  cnn__trained parameter = {3, weights, gradient, {m, v}};
  cnn__optimizer_step(adam, context, &parameter, 1);
  double saved[CNN__OPTIMIZER_STATE], again[CNN__OPTIMIZER_STATE];
  cnn__optimizer_state(adam, saved);
  cnn_optimizer *other = cnn_adam();
  assert_int_equal(cnn__optimizer_restore(other, "file", saved), CNN_OK);
  cnn__optimizer_state(other, again);
  assert_memory_equal(saved, again, sizeof saved);
  assert_true(again[0] == 1);
  const double wrong[][CNN__OPTIMIZER_STATE] = {
      {-1, 1e-3, 0, 1, 1}, {0.5, 1e-3, 0, 1, 1}, {0, NAN, 0, 1, 1},    {0, 1e-3, 2, 1, 1},
      {0, 1e-3, 0, 2, 1},  {0, 1e-3, 0, 1, NAN}, {0, 1e-3, 0, 1, 1, 1}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_error(CNN_E_FORMAT, cnn__optimizer_restore(other, "file", wrong[i]), "file");
  cnn_optimizer_free(adam);
  cnn_optimizer_free(other);
}

static void test_a_norm_that_is_not_finite_shows(void **state) {
  (void)state;
  cnn_optimizer *sgd = cnn_sgd(.global_clip_norm = 1);
  float weights[2] = {1, 2}, gradient[2] = {INFINITY, 1};
  cnn__trained parameter = {2, weights, gradient, {NULL}};
  cnn__optimizer_step(sgd, context, &parameter, 1);
  assert_true(isnan(weights[0]) && isnan(weights[1]));
  cnn_optimizer_free(sgd);
}

static void test_losses_say_which_shapes_do_not_fit(void **state) {
  (void)state;
  const cnn__shape ten = {.rank = 1, .dim = {10}}, one = {.rank = 1, .dim = {1}},
                   image = {.rank = 3, .dim = {2, 2, 3}};
  cnn_loss *sparse = cnn_sparse_categorical_crossentropy(),
           *categorical = cnn_categorical_crossentropy(), *binary = cnn_binary_crossentropy(),
           *squared = cnn_mean_squared_error();
  assert_int_equal(cnn__loss_check(sparse, &ten, true, 0), CNN_OK);
  assert_error(CNN_E_SHAPE, cnn__loss_check(sparse, &one, true, 0), "the output is 1");
  assert_error(CNN_E_SHAPE, cnn__loss_check(sparse, &image, true, 0), "2x2x3");
  assert_error(CNN_E_SHAPE, cnn__loss_check(sparse, &ten, false, 10), "categorical_crossentropy");
  assert_int_equal(cnn__loss_check(categorical, &ten, false, 10), CNN_OK);
  assert_error(CNN_E_SHAPE, cnn__loss_check(categorical, &ten, true, 0), "one_hot");
  assert_error(CNN_E_SHAPE, cnn__loss_check(categorical, &ten, false, 9), "vectors of 9");
  assert_int_equal(cnn__loss_check(binary, &one, true, 0), CNN_OK);
  assert_int_equal(cnn__loss_check(squared, &image, false, 12), CNN_OK);
  assert_error(CNN_E_SHAPE, cnn__loss_check(squared, &image, false, 11), "vectors of 11");
  assert_true(cnn__loss_takes_logits(sparse, CNN_SOFTMAX));
  assert_false(cnn__loss_takes_logits(sparse, CNN_SIGMOID));
  assert_true(cnn__loss_takes_logits(binary, CNN_SIGMOID));
  assert_false(cnn__loss_takes_logits(squared, CNN_SOFTMAX));
  cnn_loss_free(sparse), cnn_loss_free(categorical), cnn_loss_free(binary), cnn_loss_free(squared);
}

static void test_a_label_out_of_range_is_named(void **state) {
  (void)state;
  cnn_loss *loss = cnn_sparse_categorical_crossentropy();
  const float outputs[6] = {0.2f, 0.3f, 0.5f, 0.2f, 0.3f, 0.5f};
  double sum;
  const int32_t bad[][2] = {{0, 3}, {0, -1}, {2, INT32_MAX}};
  for (size_t i = 0; i < 3; i++) {
    cnn__loss_call call = {.rows = 2, .width = 3, .outputs = outputs, .labels = {.index = bad[i]}};
    assert_error(CNN_E_INVALID, cnn__loss_compute(loss, context, &call, &sum),
                 "the label of sample 1 of the batch is");
  }
  cnn_loss_free(loss);
  loss = cnn_binary_crossentropy();
  float scratch[2];
  for (size_t i = 0; i < 3; i++) {
    cnn__loss_call call = {.rows = 2,
                           .width = 1,
                           .outputs = outputs,
                           .labels = {.index = i == 0 ? (const int32_t[]){1, 2} : bad[i]},
                           .scratch = scratch};
    assert_error(CNN_E_INVALID, cnn__loss_compute(loss, context, &call, &sum),
                 "the output has classes 0 to 1");
  }
  cnn_loss_free(loss);
}

static void test_accuracy_is_of_the_kind_that_shapes_ask_for(void **state) {
  (void)state;
  const cnn__shape one = {.rank = 1, .dim = {1}}, three = {.rank = 1, .dim = {3}};
  const float probabilities[4] = {0.9f, 0.2f, 0.6f, 0.4f}, scores[6] = {1, 3, 2, 5, 5, 1};
  const int32_t truth[4] = {1, 0, 0, 1}, classes[2] = {1, 1};
  cnn_metric *metric = cnn_accuracy();
  assert_int_equal(cnn__metric_bind(metric, &one, true, 0), CNN_OK);
  cnn__metric_update(metric, 4, 1, probabilities, false, &(cnn__labels){.index = truth}, NULL);
  assert_true(cnn__metric_value(metric) == 0.5);
  const float logits[2] = {-0.1f, 0.1f};
  const int32_t both[2] = {0, 1};
  cnn__metric_reset(metric);
  assert_true(cnn__metric_value(metric) == 0);
  cnn__metric_update(metric, 2, 1, logits, true, &(cnn__labels){.index = both}, NULL);
  assert_true(cnn__metric_value(metric) == 1);
  cnn__metric_reset(metric);
  assert_int_equal(cnn__metric_bind(metric, &three, true, 0), CNN_OK);
  cnn__metric_update(metric, 2, 3, scores, false, &(cnn__labels){.index = classes}, NULL);
  assert_true(cnn__metric_value(metric) == 0.5); /* the first of equal ones is the answer */
  const float lost[3] = {NAN, 1, 0};
  cnn__metric_reset(metric);
  cnn__metric_update(metric, 1, 3, lost, false, &(cnn__labels){.index = (const int32_t[]){0}},
                     NULL);
  assert_true(cnn__metric_value(metric) == 0); /* NaN is never right */
  cnn_metric_free(metric);
}

static void test_texts_of_files_are_checked(void **state) {
  (void)state;
  static const char *const losses[] = {"[]",
                                       "{}",
                                       "{\"kind\":1}",
                                       "{\"kind\":\"hinge\"}",
                                       "{\"kind\":\"huber\"}",
                                       "{\"kind\":\"huber\",\"delta\":\"1\"}",
                                       "{\"kind\":\"huber\",\"delta\":1,\"more\":0}"};
  for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
    cnn__json *root;
    cnn_loss *loss = NULL;
    assert_int_equal(cnn__json_parse(context, "t", losses[i], strlen(losses[i]), &root), CNN_OK);
    assert_error(CNN_E_FORMAT, cnn__loss_read(context, "model.st", root, &loss), "model.st");
    assert_null(loss);
    cnn__json_free(context, root);
  }
  /* In files 0 is no default: a loss that divides by 0 is refused as in the API. */
  const char *zero = "{\"kind\":\"huber\",\"delta\":0}";
  cnn__json *root;
  cnn_loss *loss = NULL;
  assert_int_equal(cnn__json_parse(context, "t", zero, strlen(zero), &root), CNN_OK);
  assert_int_equal(cnn__loss_read(context, "model.st", root, &loss), CNN_E_INVALID);
  cnn__json_free(context, root);
}

static void test_every_allocation_may_fail(void **state) {
  (void)state;
  for (long at = 1;; at++) {
    counting counter = {.fail_at = at};
    cnn_context *counted = counting_context(&counter, 1);
    if (!counted) continue;
    cnn_context *before = cnn_context_use(counted);
    cnn_optimizer *optimizer = cnn_adam(.schedule = cnn_cosine_decay(.steps = 9));
    cnn_metric *metric = cnn_accuracy(.name = "share");
    cnn_loss *loss = cnn_huber();
    bool all = optimizer && metric && loss && atomic_load(&counter.calls) < at;
    if (!all) assert_int_equal(cnn_last_status(), CNN_E_NOMEM);
    cnn_optimizer_free(optimizer);
    cnn_metric_free(metric);
    cnn_loss_free(loss);
    assert_int_equal(cnn_context_memory(counted), 0);
    cnn_context_use(before);
    cnn_context_free(counted);
    assert_int_equal(atomic_load(&counter.live), 0);
    if (all) break;
    assert_true(at < 100);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_written_is_read_again),
      cmocka_unit_test(test_names_are_those_of_keras),
      cmocka_unit_test(test_options_that_cannot_be_are_named),
      cmocka_unit_test(test_a_refused_optimizer_frees_its_schedule),
      cmocka_unit_test(test_schedules_rise_and_fall_where_they_say),
      cmocka_unit_test(test_a_rate_set_by_hand_replaces_the_schedule),
      cmocka_unit_test(test_states_are_restored_and_checked),
      cmocka_unit_test(test_a_norm_that_is_not_finite_shows),
      cmocka_unit_test(test_losses_say_which_shapes_do_not_fit),
      cmocka_unit_test(test_a_label_out_of_range_is_named),
      cmocka_unit_test(test_accuracy_is_of_the_kind_that_shapes_ask_for),
      cmocka_unit_test(test_texts_of_files_are_checked),
      cmocka_unit_test(test_every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("train", tests, context_begin, context_end);
}
