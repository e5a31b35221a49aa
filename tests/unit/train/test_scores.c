/* Metrics, losses and schedules at the edge of what they are defined for: labels that name no class, outputs that are no
   numbers or exactly 0 and 1, thresholds beyond both, names and settings that do not exist. */
#include "../base/support.h"
#include "train/train.h"
#include <math.h>

static cnn_context *context;

static double score(cnn_metric *metric, size_t width, const float *outputs, bool logits,
                    cnn__labels labels) {
  cnn__metric_reset(metric);
  cnn__metric_update(metric, 1, width, outputs, logits, &labels, NULL);
  return cnn__metric_value(metric);
}

static void test_a_label_that_names_no_class_is_never_hit(void **state) {
  static const int32_t labels[] = {-1, 3, INT32_MAX};
  static const float outputs[] = {1, 0, 0}, lost[] = {NAN, 1, 0}, endless[] = {INFINITY, 1, 0};
  const cnn__shape three = {.rank = 1, .dim = {3}};
  cnn_metric *hits = cnn_sparse_categorical_accuracy(), *top = cnn_top_k_accuracy(.k = 2);
  assert_int_equal(cnn__metric_bind(hits, &three, true, 0), CNN_OK);
  assert_int_equal(cnn__metric_bind(top, &three, true, 0), CNN_OK);
  for (size_t i = 0; i < 3; i++) {
    assert_true(score(hits, 3, outputs, false, (cnn__labels){.index = &labels[i]}) == 0);
    assert_true(score(top, 3, outputs, false, (cnn__labels){.index = &labels[i]}) == 0);
  }
  const int32_t first = 0, second = 1, third = 2;
  assert_true(score(top, 3, outputs, false, (cnn__labels){.index = &third}) == 1); /* a tie */
  assert_true(score(top, 3, lost, false, (cnn__labels){.index = &first}) == 0);
  assert_true(score(top, 3, lost, false, (cnn__labels){.index = &second}) == 1);
  assert_true(score(top, 3, lost, false, (cnn__labels){.index = &third}) == 0);
  assert_true(score(top, 3, endless, false, (cnn__labels){.index = &first}) == 0);
  const float late[] = {0, NAN, 2}, truth[] = {0, 0, 1};
  assert_true(score(hits, 3, late, false, (cnn__labels){.vector = truth}) == 0);
  cnn_metric_free(hits);
  cnn_metric_free(top);
}

static void test_thresholds_of_logits(void **state) {
  static const struct {
    double threshold;
    float output;
    double right; /* for a truth of 1 */
  } cases[] = {{0.5, 0.1f, 1}, {0.5, -0.1f, 0},  {0.9, 2.1f, 0},       {0.9, 2.3f, 1},
               {1, 100.f, 0},  {1, INFINITY, 0}, {CNN_ZERO, -100.f, 1}};
  const cnn__shape one = {.rank = 1, .dim = {1}};
  const int32_t truth = 1;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cnn_metric *metric = cnn_binary_accuracy(.threshold = cases[i].threshold);
    assert_int_equal(cnn__metric_bind(metric, &one, true, 0), CNN_OK);
    const double right = score(metric, 1, &cases[i].output, true, (cnn__labels){.index = &truth});
    if (right != cases[i].right) fail_msg("case %zu: %g", i, right);
    cnn_metric_free(metric);
  }
}

static void test_metrics_say_which_labels_do_not_fit(void **state) {
  const cnn__shape three = {.rank = 1, .dim = {3}};
  cnn_metric *binary = cnn_binary_accuracy(), *plain = cnn_accuracy();
  assert_error(CNN_E_SHAPE, cnn__metric_bind(plain, &three, false, 2),
               "labels are vectors of 2, the output is 3");
  assert_error(CNN_E_SHAPE, cnn__metric_bind(binary, &three, true, 0),
               "labels are class indices, the output is 3; one output is expected");
  assert_int_equal(cnn__metric_bind(binary, &three, false, 3), CNN_OK);
  const float outputs[] = {0.9f, 0.1f, 0.6f}, truth[] = {1, 0, 0};
  assert_true(score(binary, 3, outputs, false, (cnn__labels){.vector = truth}) == 2 / 3.);
  cnn_metric_free(binary);
  cnn_metric_free(plain);
}

/* Outputs that are 0 or 1 count as 1e-7 away from them, and have no slope there; with and without a gradient the loss
   is the same. */
static void test_losses_of_probabilities_at_their_ends(void **state) {
  static const float certain[] = {1, 0, 0, 0, 1, 0, 0.25f, 0.25f, 0.5f};
  static const float vectors[] = {1, 0, 0, 1, 0, 0, 0, 0, 1};
  static const int32_t indices[] = {0, 0, 2};
  cnn_loss *losses[] = {cnn_categorical_crossentropy(), cnn_sparse_categorical_crossentropy(),
                        cnn_binary_crossentropy()};
  for (size_t i = 0; i < 3; i++) {
    float gradient[9] = {0};
    double sum, alone;
    cnn__loss_call call = {.rows = 3, .width = 3, .outputs = certain, .gradient = gradient};
    if (i == 1)
      call.labels.index = indices;
    else
      call.labels.vector = vectors;
    assert_int_equal(cnn__loss_compute(losses[i], context, &call, &sum), CNN_OK);
    call.gradient = NULL;
    assert_int_equal(cnn__loss_compute(losses[i], context, &call, &alone), CNN_OK);
    assert_true(sum == alone && isfinite(sum) && sum > 1);
    for (size_t k = 0; k < 6; k++)
      assert_true(isfinite(gradient[k]));
    assert_true(gradient[8] < 0); /* the third sample's class is to grow */
    cnn_loss_free(losses[i]);
  }
}

/* An index is a number where the output is one. */
static void test_a_regression_takes_indices_as_numbers(void **state) {
  static const float outputs[] = {1.5f, 7};
  static const int32_t indices[] = {1, 4};
  float scratch[2], gradient[2];
  double sum;
  cnn_loss *loss = cnn_mean_squared_error();
  const cnn__loss_call call = {.rows = 2,
                               .width = 1,
                               .outputs = outputs,
                               .labels = {.index = indices},
                               .gradient = gradient,
                               .scratch = scratch};
  assert_int_equal(cnn__loss_compute(loss, context, &call, &sum), CNN_OK);
  assert_true(sum == 0.25 + 9);
  assert_true(gradient[0] == 0.5f && gradient[1] == 3); /* of the mean over two rows */
  cnn_loss_free(loss);
}

static void test_names_that_are_none(void **state) {
  cnn_clear_error();
  assert_null(cnn_loss_by_name(NULL));
  assert_error(CNN_E_INVALID, cnn_last_status(), "cnn_loss_by_name: name is NULL");
  cnn_clear_error();
  assert_null(cnn_optimizer_by_name(NULL));
  assert_error(CNN_E_INVALID, cnn_last_status(), "cnn_optimizer_by_name: name is NULL");
  cnn_clear_error();
}

static void test_schedules_that_cannot_be(void **state) {
  cnn_clear_error();
  assert_null(cnn_one_cycle(.steps = 10, .final = 0.5));
  assert_error(CNN_E_INVALID, cnn_last_status(), "final is below 1");
  cnn_clear_error();
  assert_null(cnn_one_cycle(.steps = 10, .warmup_steps = 11));
  assert_error(CNN_E_INVALID, cnn_last_status(), "warmup_steps is 11, more than steps, 10");
  cnn_clear_error();
  cnn_schedule *rising = cnn_one_cycle(.steps = 10, .warmup_steps = 4);
  assert_non_null(rising);
  cnn_schedule_free(rising);
}

/* The same checks for what a file says. */
static void test_schedules_of_files_that_cannot_be(void **state) {
  static const struct {
    const char *from, *to;
  } changes[] = {{"\"kind\"", "\"kinds\""}, {"\"warmup_steps\":4", "\"warmup_steps\":11"}};
  cnn_schedule *good = cnn_cosine_decay(.steps = 10, .warmup_steps = 4);
  cnn__text text;
  cnn__text_start(&text, context);
  cnn__schedule_write(&text, good);
  for (size_t i = 0; i < 2; i++) {
    char changed[512];
    const char *at = strstr(text.bytes, changes[i].from);
    assert_non_null(at);
    (void)snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text.bytes), text.bytes,
                   changes[i].to, at + strlen(changes[i].from));
    cnn__json *root;
    cnn_schedule *read = NULL;
    assert_int_equal(cnn__json_parse(context, "file", changed, strlen(changed), &root), CNN_OK);
    cnn_clear_error();
    assert_true(cnn__schedule_read(context, "file", root, &read) != CNN_OK);
    assert_non_null(strstr(cnn_last_error(), "file"));
    assert_null(read);
    cnn__json_free(context, root);
  }
  cnn__text_free(&text);
  cnn_schedule_free(good);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_label_that_names_no_class_is_never_hit),
      cmocka_unit_test(test_thresholds_of_logits),
      cmocka_unit_test(test_metrics_say_which_labels_do_not_fit),
      cmocka_unit_test(test_losses_of_probabilities_at_their_ends),
      cmocka_unit_test(test_a_regression_takes_indices_as_numbers),
      cmocka_unit_test(test_names_that_are_none),
      cmocka_unit_test(test_schedules_that_cannot_be),
      cmocka_unit_test(test_schedules_of_files_that_cannot_be),
  };
  context = cnn_context_new(.threads = 1);
  (void)cnn_context_use(context);
  const int failures = cmocka_run_group_tests_name("scores", tests, NULL, NULL);
  (void)cnn_context_use(NULL);
  (void)group_end(failures || cnn_context_memory(context) == 0);
  cnn_context_free(context);
  return failures;
}
