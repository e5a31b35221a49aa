/* The callbacks that write files: checkpoints and the log. */
#include "model_files.h"

static cnn_model *compiled_model(void) {
  cnn_model *model = small_model();
  assert_int_equal(cnn_model_compile(model, .optimizer = cnn_sgd(),
                                     .loss = cnn_sparse_categorical_crossentropy()),
                   CNN_OK);
  return model;
}

static cnn_status fit(cnn_model *model, int64_t epochs, int64_t again, cnn_callback *callback) {
  cnn_loader *loader = small_loader(), *checks = small_loader();
  cnn_status status = cnn_model_fit(model, loader, .epochs = epochs, .validation = checks,
                                    .resume = again, .callbacks = {callback});
  cnn_loader_free(loader);
  cnn_loader_free(checks);
  return status;
}

static int lines_of(const char *path) {
  size_t size;
  unsigned char *bytes = file_bytes(path, &size);
  int lines = 0;
  for (size_t i = 0; i < size; i++)
    lines += bytes[i] == '\n';
  free(bytes);
  return lines;
}

static void test_a_checkpoint_of_each_epoch(void **state) {
  cnn_model *model = compiled_model();
  assert_int_equal(fit(model, 3, 0, cnn_model_checkpoint(.path = "at-{epoch}.model")), CNN_OK);
  assert_int_equal(folder_count("at-", false), 3);
  cnn_model *second = cnn_model_load("at-2.model");
  assert_non_null(second);
  assert_int_equal(cnn_model_epochs_done(second), 2);
  cnn_model_free(second);
  cnn_model_free(model);
}

static void test_a_path_may_name_the_epoch_more_than_once(void **state) {
  static const char *const cases[][2] = {
      {"of-{epoch}/{epoch}-{epoch}.model", "of-1/1-1.model"},
      {"{epoch}{epoch}", "11"},
      {"{{epoch}-{epoch", "{1-{epoch"},
      {"{epoch:02d}-{epoch:09d}", "01-000000001"},
      {"{epoch:2d}{epoch:00d}{epoch:0", "{epoch:2d}{epoch:00d}{epoch:0"},
      {"{epoch:03d{epoch:03d}", "{epoch:03d001"}};
  cnn_model *model = compiled_model();
  assert_int_equal(mkdir("of-1", 0700), 0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(fit(model, 1, 0, cnn_model_checkpoint(.path = cases[i][0])), CNN_OK);
    assert_int_equal(remove(cases[i][1]), 0);
  }
  assert_int_equal(remove("of-1"), 0);
  cnn_model_free(model);
}

static void test_weights_only(void **state) {
  cnn_model *model = compiled_model();
  assert_int_equal(fit(model, 1, 0, cnn_model_checkpoint(.path = "w", .weights_only = 1)), CNN_OK);
  cnn_model *loaded = cnn_model_load("w");
  assert_non_null(loaded);
  assert_true(cnn_model_learning_rate(loaded) !=
              cnn_model_learning_rate(loaded)); /* not compiled */
  cnn_model_free(loaded);
  cnn_model_free(model);
}

/* Whether the third epoch is the best is told by the model that went on, and by the one that was saved and
   loaded between. */
static void test_only_the_best_is_kept_after_a_resume_too(void **state) {
  cnn_model *model = compiled_model();
  assert_error(
      CNN_E_NOT_FOUND,
      fit(model, 2, 0,
          cnn_model_checkpoint(.path = "best", .monitor = "learning_rate", .best_only = 1)),
      "learning_rate");
  assert_int_equal(
      fit(model, 2, 0,
          cnn_model_checkpoint(.path = "best-{epoch}", .monitor = "loss", .best_only = 1)),
      CNN_OK);
  int kept = folder_count("best-", false);
  assert_true(kept >= 1);
  assert_int_equal(cnn_model_save(model, "whole"), CNN_OK);
  cnn_model *loaded = cnn_model_load("whole");
  assert_int_equal(
      fit(loaded, 3, 1,
          cnn_model_checkpoint(.path = "best-{epoch}", .monitor = "loss", .best_only = 1)),
      CNN_OK);
  assert_int_equal(
      fit(model, 3, 1,
          cnn_model_checkpoint(.path = "same-{epoch}", .monitor = "loss", .best_only = 1)),
      CNN_OK);
  assert_int_equal(folder_count("best-3", false), folder_count("same-3", false));
  cnn_model_free(loaded);
  cnn_model_free(model);
}

/* A loss that falls is the best once where larger is better, and anew each time where smaller is. */
static void test_what_is_not_better_is_not_saved(void **state) {
  for (int64_t larger = -1; larger <= 1; larger += 2) {
    cnn_model *model = compiled_model();
    assert_int_equal(
        fit(model, 3, 0,
            cnn_model_checkpoint(.path = larger > 0 ? "more-{epoch}" : "less-{epoch}",
                                 .monitor = "loss", .maximize = larger, .best_only = 1)),
        CNN_OK);
    const double *loss = cnn_history_series(cnn_model_history(model), "loss");
    assert_true(loss[1] < loss[0] && loss[2] < loss[1]);
    cnn_model_free(model);
  }
  assert_int_equal(folder_count("more-", false), 1);
  assert_int_equal(folder_count("more-1", false), 1);
  assert_int_equal(folder_count("less-", false), 3);
}

static void test_a_folder_that_is_not_there_ends_the_fit(void **state) {
  cnn_model *model = compiled_model();
  assert_error(CNN_E_NOT_FOUND, fit(model, 1, 0, cnn_model_checkpoint(.path = "nowhere/model")),
               "nowhere/model");
  cnn_model_free(model);
}

static void test_the_log_goes_on_where_a_resumed_fit_does(void **state) {
  cnn_model *model = compiled_model();
  assert_int_equal(fit(model, 1, 0, NULL), CNN_OK);
  cnn_fail(CNN_E_NUMERIC, "from before");
  assert_int_equal(fit(model, 2, 1, cnn_csv_log("log.csv")), CNN_OK); /* there is none yet */
  assert_error(CNN_E_NUMERIC, cnn_last_status(), "from before");
  cnn_clear_error();
  assert_int_equal(fit(model, 2, 0, cnn_csv_log("log.csv")), CNN_OK);
  assert_int_equal(cnn_model_save(model, "two"), CNN_OK);
  assert_int_equal(lines_of("log.csv"), 3);
  assert_int_equal(fit(model, 4, 1, cnn_csv_log("log.csv")), CNN_OK);
  assert_int_equal(lines_of("log.csv"), 5);
  cnn_model_free(model);
  model = cnn_model_load("two"); /* epochs 3 and 4 are to come again */
  assert_int_equal(fit(model, 3, 1, cnn_csv_log("log.csv")), CNN_OK);
  assert_int_equal(lines_of("log.csv"), 4);
  cnn_model_free(model);
}

static void test_what_saves_needs_a_path(void **state) {
  static const char *const none[] = {NULL, ""};
  cnn_clear_error();
  for (size_t i = 0; i < 2; i++) {
    assert_null(cnn_model_checkpoint(.path = none[i]));
    assert_error(CNN_E_INVALID, cnn_last_status(), "model_checkpoint: path is required");
    cnn_clear_error();
    assert_null(cnn_csv_log(none[i]));
    assert_error(CNN_E_INVALID, cnn_last_status(), "csv_log: path is required");
    cnn_clear_error();
  }
  assert_null(cnn_model_checkpoint(.path = "x", .best_only = 2));
  assert_error(CNN_E_INVALID, cnn_last_status(), "best_only is 2");
  cnn_clear_error();
  assert_null(cnn_model_checkpoint(.path = "x", .maximize = -2));
  assert_error(CNN_E_INVALID, cnn_last_status(), "maximize is -2");
  cnn_clear_error();
}

/* A file's word on the best value so far. */
static void test_a_best_value_that_is_no_number_is_refused(void **state) {
  static const struct {
    const char *from, *to;
    cnn_status status;
  } cases[] = {{"{\\\"best\\\":", "{\\\"best\\\":[],\\\"x\\\":", CNN_E_FORMAT},
               {"{\\\"best\\\":", "\\\"best\\\"", CNN_E_FORMAT},
               {"{\\\"best\\\":", "{\\\"worst\\\":", CNN_OK}};
  cnn_model *model = compiled_model();
  assert_int_equal(
      fit(model, 1, 0, cnn_model_checkpoint(.path = "b", .monitor = "loss", .best_only = 1)),
      CNN_OK);
  assert_int_equal(cnn_model_save(model, "best"), CNN_OK);
  cnn_model_free(model);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_different("best", "changed",
                    &(difference){.text = "training", .from = cases[i].from, .to = cases[i].to});
    model = cnn_model_load("changed");
    assert_non_null(model);
    cnn_clear_error();
    assert_int_equal(
        fit(model, 2, 1, cnn_model_checkpoint(.path = "b", .monitor = "loss", .best_only = 1)),
        cases[i].status);
    cnn_clear_error();
    cnn_model_free(model);
  }
}

static void test_logs_that_are_damaged(void **state) {
  static const char head[] = "epoch,seconds,loss,val_loss,learning_rate\n";
  static const struct {
    const char *rows;
    int lines;
  } cases[] = {{"", 2},      {"1,0.0,1,1,1\n", 3}, {"1,0.0,1,1,1", 2}, {"x", 2},
               {"x,1\n", 2}, {"99,1,1,1,1\n", 2},  {"\n\n", 2}};
  cnn_model *model = compiled_model();
  assert_int_equal(fit(model, 1, 0, NULL), CNN_OK);
  assert_int_equal(cnn_model_save(model, "one"), CNN_OK);
  cnn_model_free(model);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[256];
    (void)snprintf(text, sizeof text, "%s%s", head, cases[i].rows);
    put_file("log.csv", text);
    model = cnn_model_load("one");
    assert_int_equal(fit(model, 2, 1, cnn_csv_log("log.csv")), CNN_OK);
    if (lines_of("log.csv") != cases[i].lines)
      fail_msg("\"%s\": %d lines", cases[i].rows, lines_of("log.csv"));
    cnn_model_free(model);
  }
  put_file("log.csv", "epoch");
  model = cnn_model_load("one");
  assert_error(CNN_E_MISMATCH, fit(model, 2, 1, cnn_csv_log("log.csv")), "log.csv");
  cnn_model_free(model);
  put_file("log.csv", "other,columns\n1,2\n");
  model = cnn_model_load("one");
  assert_error(CNN_E_MISMATCH, fit(model, 2, 1, cnn_csv_log("log.csv")), "log.csv");
  assert_holds("log.csv", "other,columns\n1,2\n");
  cnn_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_checkpoint_of_each_epoch),
      cmocka_unit_test(test_a_path_may_name_the_epoch_more_than_once),
      cmocka_unit_test(test_weights_only),
      cmocka_unit_test(test_only_the_best_is_kept_after_a_resume_too),
      cmocka_unit_test(test_what_is_not_better_is_not_saved),
      cmocka_unit_test(test_a_folder_that_is_not_there_ends_the_fit),
      cmocka_unit_test(test_the_log_goes_on_where_a_resumed_fit_does),
      cmocka_unit_test(test_what_saves_needs_a_path),
      cmocka_unit_test(test_a_best_value_that_is_no_number_is_refused),
      cmocka_unit_test(test_logs_that_are_damaged),
  };
  return cmocka_run_group_tests_name("callbacks that write", tests, model_files_enter,
                                     model_files_leave);
}
