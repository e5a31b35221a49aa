/* Trainings that are cut at any batch and go on from their file, by other numbers of threads, in other slices: each time
   the bits of the uninterrupted one.

   usage: test_resume [RECIPE] */
#include "recipes.h"
#include <stdlib.h>
#include <string.h>

static const char state_file[] = "state.safetensors";

static void expect(const training_recipe *recipe, const char *what, int64_t at, uint64_t found,
                   uint64_t right) {
  if (found == right) return;
  fprintf(stderr, "%s: %s %lld: other bits than the uninterrupted training's\n", recipe->name, what,
          (long long)at);
  exit(1);
}

/* Cut after so many batches of training and validation; the file is all that is left. False where the fit was over before. */
static bool cut_and_go_on(const training_recipe *recipe, int64_t batches, int64_t threads,
                          uint64_t *outcome) {
  training_run run;
  training_sweep();
  (void)remove(state_file);
  REQUIRE(training_begin(&run, recipe, state_file));
  bool over = training_advance(&run, batches);
  REQUIRE(!cnn_model_save(run.model, state_file));
  training_free(&run);
  cnn_context *context = cnn_context_new(.threads = threads, .seed = 7);
  cnn_context *outer = cnn_context_use(context);
  REQUIRE(training_begin(&run, recipe, state_file));
  REQUIRE(training_advance(&run, 0) && training_finish(&run));
  torture_digest digest = digest_start();
  digest_training(&digest, run.model);
  training_free(&run);
  cnn_context_use(outer);
  cnn_context_free(context);
  *outcome = digest.value;
  return !over;
}

/* A slice at a time: stopped, saved, loaded and resumed after every three batches. (A validation that was cut begins again,
   so a slice must be longer than one.) */
static uint64_t crumbs(const training_recipe *recipe) {
  training_run run;
  training_sweep();
  (void)remove(state_file);
  for (bool over = false; !over;) {
    REQUIRE(training_begin(&run, recipe, state_file));
    over = training_advance(&run, 3);
    if (over) break;
    REQUIRE(!cnn_fit_end(run.fit) && !cnn_model_save(run.model, state_file));
    run.fit = NULL;
    training_free(&run);
  }
  REQUIRE(training_finish(&run));
  torture_digest digest = digest_start();
  digest_training(&digest, run.model);
  training_free(&run);
  return digest.value;
}

static uint64_t by_threads(const training_recipe *recipe, int64_t threads) {
  cnn_context *context = cnn_context_new(.threads = threads, .seed = 7);
  cnn_context *outer = cnn_context_use(context);
  uint64_t outcome = training_outcome(recipe);
  cnn_context_use(outer);
  cnn_context_free(context);
  return outcome;
}

static int check_recipe(const training_recipe *recipe) {
  static const int64_t threads[] = {2, 3, 4, 8};
  uint64_t right = by_threads(recipe, 1), found;
  for (int i = 0; i < 4; i++)
    expect(recipe, "threads", threads[i], by_threads(recipe, threads[i]), right);
  int64_t at = 1;
  while (cut_and_go_on(recipe, at, 1 + at % 3, &found)) {
    expect(recipe, "resumed after batch", at, found, right);
    at++;
  }
  expect(recipe, "resumed after every three batches, of", at, crumbs(recipe), right);
  printf("%-10s %2lld cuts, threads 1, 2, 3, 4, 8: %016llx\n", recipe->name, (long long)at,
         (unsigned long long)right);
  return (int)at;
}

int main(int count, char **arguments) {
  int cuts = 0;
  folder_enter();
  cnn_context *context = cnn_context_new(.threads = 1, .seed = 7);
  cnn_context_use(context);
  for (const training_recipe *recipe = training_recipes; recipe->name; recipe++)
    if (count < 2 || strcmp(arguments[1], recipe->name) == 0) cuts += check_recipe(recipe);
  cnn_context_use(NULL);
  cnn_context_free(context);
  folder_leave();
  REQUIRE(cuts > 0);
  printf("%d cuts\n", cuts);
  return 0;
}
