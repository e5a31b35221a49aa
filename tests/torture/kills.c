/* Trainings killed (SIGKILL) at random moments, also while they save, and resumed by a new process each time: the bits of
   the uninterrupted training, never a torn file, at most one temporary.

   usage: kills [--kills N] [--seed S] [--recipe NAME] */
#include "recipes.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char state_file[] = "state.safetensors", outcome_file[] = "outcome";

static double now(void) {
  struct timespec time;
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* ---- the one that is killed ---- */

/* Goes on where the file stands, saves after every slice of one to three batches, and states what it came to. */
static void train(const training_recipe *recipe) {
  cnn_context *context = cnn_context_new(.threads = 2, .seed = 7);
  cnn_context_use(context);
  training_run run;
  REQUIRE(training_begin(&run, recipe, state_file));
  for (int64_t slice = 0; !training_advance(&run, 1 + slice % 3); slice++)
    REQUIRE(!cnn_model_save(run.model, state_file));
  REQUIRE(training_finish(&run));
  torture_digest digest = digest_start();
  digest_training(&digest, run.model);
  REQUIRE(!cnn_file_write(outcome_file, &digest.value, sizeof digest.value));
  training_free(&run);
  cnn_context_use(NULL);
  cnn_context_free(context);
}

/* ---- the one that kills, and has no threads ---- */

/* Whether the child came to its end; it is killed after so many seconds (negative: never). */
static bool run_child(const training_recipe *recipe, double seconds) {
  fflush(NULL);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    train(recipe);
    exit(0);
  }
  if (seconds >= 0) {
    const struct timespec delay = {(time_t)seconds,
                                   (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&delay, NULL);
    (void)kill(child, SIGKILL);
  }
  int status;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return false;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "%s: the training ended by signal or status %d\n", recipe->name, status);
    exit(1);
  }
  return true;
}

static uint64_t read_outcome(void) {
  uint64_t value = 0;
  FILE *file = fopen(outcome_file, "rb");
  REQUIRE(file && fread(&value, sizeof value, 1, file) == 1);
  (void)fclose(file);
  return value;
}

static void sweep(void) {
  training_sweep();
  (void)remove(state_file);
  (void)remove(outcome_file);
}

static uint64_t random_state;
static double random_unit(void) {
  random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (double)(random_state >> 40) * 0x1p-24;
}

/* One training, killed until it comes to its end all the same. Returns the kills. */
static long survive(const training_recipe *recipe, uint64_t right, double whole, long most) {
  long kills = 0;
  sweep();
  while (!run_child(recipe, kills < most ? whole * random_unit() : -1)) {
    kills++;
    REQUIRE(folder_count(".cnn-tmp") <= 2); /* one of each file that is being saved */
    REQUIRE(folder_count(".state.safetensors.cnn-tmp") <= 1);
  }
  if (read_outcome() != right) {
    fprintf(stderr, "%s: after %ld kills other bits than the uninterrupted training's\n",
            recipe->name, kills);
    exit(1);
  }
  REQUIRE(folder_count("state.safetensors.cnn-tmp") == 0 || kills > 0);
  return kills;
}

static long run_recipe(const training_recipe *recipe, long wanted) {
  sweep();
  double begin = now();
  REQUIRE(run_child(recipe, -1));
  double whole = now() - begin;
  uint64_t right = read_outcome();
  long kills = 0, trainings = 0;
  for (; kills < wanted; trainings++)
    kills += survive(recipe, right, whole, wanted - kills);
  printf("%-10s %3ld kills in %3ld trainings of %3.0f ms: %016llx\n", recipe->name, kills,
         trainings, whole * 1e3, (unsigned long long)right);
  return kills;
}

int main(int count, char **arguments) {
  long wanted = 8, kills = 0;
  const char *name = NULL;
  random_state = 1;
  for (int i = 1; i + 1 < count; i += 2) {
    if (strcmp(arguments[i], "--kills") == 0)
      wanted = strtol(arguments[i + 1], NULL, 10);
    else if (strcmp(arguments[i], "--seed") == 0)
      random_state = strtoull(arguments[i + 1], NULL, 10);
    else if (strcmp(arguments[i], "--recipe") == 0)
      name = arguments[i + 1];
    else
      torture_fail(__FILE__, __LINE__, "usage: kills [--kills N] [--seed S] [--recipe NAME]");
  }
  long recipes = 0;
  for (const training_recipe *recipe = training_recipes; recipe->name; recipe++)
    recipes += !name || strcmp(name, recipe->name) == 0;
  REQUIRE(recipes > 0 && wanted > 0);
  folder_enter();
  for (const training_recipe *recipe = training_recipes; recipe->name; recipe++)
    if (!name || strcmp(name, recipe->name) == 0)
      kills += run_recipe(recipe, (wanted + recipes - 1) / recipes);
  folder_leave();
  printf("%ld kills, each resumed to the same bits\n", kills);
  return 0;
}
