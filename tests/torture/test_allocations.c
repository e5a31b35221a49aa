/* Every allocation fails once, and from then on: each time CNN_E_NOMEM, no leak, no crash, and what is tried again
   comes to the bits of a run in which nothing failed.

   usage: test_allocations [--scene NAME [--point N [--for-ever]]] [--list] */
#include "scenes.h"
#include <stdlib.h>
#include <string.h>

typedef struct torture_wish {
  const char *scene;
  long point; /* 0: all */
  bool for_ever;
} torture_wish;

static void end_world(torture_world *world) {
  cnn_loader_free(world->batches);
  cnn_loader_free(world->validation);
  cnn_dataset_free(world->data);
  cnn_dataset_free(world->checks);
  cnn_model_free(world->model);
  cnn_tensor_free(world->images);
}

static torture_digest begin_world(const torture_scene *scene, torture_world *world) {
  torture_digest before = digest_start();
  memset(world, 0, sizeof *world);
  scene->set_up(world);
  world->seen = digest_start();
  if (scene->keeps) (void)digest_file(&before, scene->keeps);
  return before;
}

static uint64_t outcome(const torture_scene *scene, torture_world *world) {
  torture_digest all = world->seen;
  if (scene->result) scene->result(world, &all);
  return all.value;
}

typedef struct torture_trial {
  const torture_scene *scene;
  torture_counter *counter;
  long live;      /* blocks that the context itself holds */
  uint64_t right; /* the outcome of a run in which nothing failed */
} torture_trial;

static void complain(const torture_trial *trial, long point, const char *what) {
  fprintf(stderr,
          "%s: allocation %ld%s: %s (status %d: %s)\n  again: test_allocations --scene %s --point "
          "%ld%s\n",
          trial->scene->name, point, trial->counter->for_ever ? " and all after it" : "", what,
          (int)cnn_last_status(), cnn_last_error(), trial->scene->name, point,
          trial->counter->for_ever ? " --for-ever" : "");
  exit(1);
}

/* How many allocations a run makes. */
static long run_clean(torture_trial *trial) {
  torture_world world;
  (void)begin_world(trial->scene, &world);
  long first = atomic_load(&trial->counter->calls);
  if (!trial->scene->run(&world)) complain(trial, 0, "fails although nothing fails");
  long calls = atomic_load(&trial->counter->calls) - first;
  uint64_t found = outcome(trial->scene, &world);
  end_world(&world);
  if (atomic_load(&trial->counter->live) != trial->live)
    complain(trial, 0, "leaks although nothing fails");
  if (trial->right && found != trial->right) complain(trial, 0, "gives other bits on every run");
  trial->right = found;
  return calls;
}

static void run_point(torture_trial *trial, long point) {
  const torture_scene *scene = trial->scene;
  torture_counter *counter = trial->counter;
  torture_world world;
  torture_digest before = begin_world(scene, &world), after = digest_start();
  cnn_clear_error();
  atomic_store(&counter->fail_at, atomic_load(&counter->calls) + point);
  /* A constructor that failed in an option where NULL means none leaves its failure pending. */
  bool good = scene->run(&world) && cnn_last_status() == CNN_OK;
  bool reached = atomic_load(&counter->calls) >= atomic_load(&counter->fail_at);
  atomic_store(&counter->fail_at, 0);
  if (good && reached && !scene->background) complain(trial, point, "nobody noticed");
  if (!good && cnn_last_status() != CNN_E_NOMEM) complain(trial, point, "another status");
  if (folder_count(".cnn-tmp")) complain(trial, point, "a temporary file is left");
  if (!good && scene->keeps) {
    (void)digest_file(&after, scene->keeps);
    if (after.value != before.value) complain(trial, point, "the older file is another");
  }
  if (!good) {
    world.seen = digest_start();
    cnn_clear_error();
    if (!scene->run(&world)) complain(trial, point, "tried again, it fails");
  }
  uint64_t found = outcome(scene, &world);
  end_world(&world);
  if (found != trial->right) complain(trial, point, "tried again, it comes to other bits");
  if (atomic_load(&counter->live) != trial->live) complain(trial, point, "a leak");
}

static long run_scene(const torture_scene *scene, const torture_wish *wish) {
  torture_counter counter = {.for_ever = false};
  cnn_context *context = counter_context(&counter, 1), *outer = cnn_context_use(context);
  torture_trial trial = {.scene = scene, .counter = &counter, .live = atomic_load(&counter.live)};
  long calls = run_clean(&trial), points = 0;
  long again = run_clean(&trial);
  if (!scene->background && again != calls)
    complain(&trial, 0, "allocates another number of times on every run");
  for (int mode = 0; mode < 2; mode++) {
    counter.for_ever = mode;
    if (wish->point && wish->for_ever != counter.for_ever) continue;
    for (long point = 1; point <= calls; point++) {
      if (wish->point && point != wish->point) continue;
      run_point(&trial, point);
      points++;
    }
  }
  cnn_context_use(outer);
  cnn_context_free(context);
  if (atomic_load(&counter.live)) complain(&trial, 0, "the context leaks");
  fflush(stdout);
  printf("%-16s %5ld allocations, %5ld points\n", scene->name, calls, points);
  return points;
}

/* The context itself, by whose allocator everything else is made. */
static long run_context(void) {
  static const int64_t threads[] = {1, 3};
  long points = 0;
  for (int k = 0; k < 2; k++) {
    torture_counter counter = {.for_ever = false};
    cnn_context *context = counter_context(&counter, threads[k]);
    long calls = atomic_load(&counter.calls);
    cnn_context_free(context);
    REQUIRE(atomic_load(&counter.live) == 0);
    for (long point = 1; point <= calls; point++, points++) {
      atomic_store(&counter.fail_at, atomic_load(&counter.calls) + point);
      cnn_clear_error();
      context = counter_try_context(&counter, threads[k]);
      REQUIRE(!context && cnn_last_status() == CNN_E_NOMEM && atomic_load(&counter.live) == 0);
    }
  }
  printf("%-16s %5s              %5ld points\n", "context", "", points);
  return points;
}

static long run_all(const torture_scene *scenes, const torture_wish *wish, bool list, bool *found) {
  long points = 0;
  for (const torture_scene *scene = scenes; scene->name; scene++) {
    if (wish->scene && strcmp(wish->scene, scene->name) != 0) continue;
    *found = true;
    if (list)
      printf("%s\n", scene->name);
    else
      points += run_scene(scene, wish);
  }
  return points;
}

int main(int count, char **arguments) {
  torture_wish wish = {.point = 0};
  bool list = false, found = false;
  for (int i = 1; i < count; i++) {
    if (strcmp(arguments[i], "--scene") == 0 && i + 1 < count)
      wish.scene = arguments[++i];
    else if (strcmp(arguments[i], "--point") == 0 && i + 1 < count)
      wish.point = strtol(arguments[++i], NULL, 10);
    else if (strcmp(arguments[i], "--for-ever") == 0)
      wish.for_ever = true;
    else if (strcmp(arguments[i], "--list") == 0)
      list = true;
    else
      torture_fail(__FILE__, __LINE__,
                   "usage: test_allocations [--scene NAME [--point N [--for-ever]]] [--list]");
  }
  folder_enter();
  long points = wish.scene || list ? 0 : run_context();
  points += run_all(model_scenes, &wish, list, &found);
  points += run_all(training_scenes, &wish, list, &found);
  points += run_all(data_scenes, &wish, list, &found);
  points += run_all(file_scenes, &wish, list, &found);
  folder_leave();
  REQUIRE(found);
  if (!list)
    printf("%ld points; one of them again: test_allocations --scene NAME --point N [--for-ever]\n",
           points);
  return 0;
}
