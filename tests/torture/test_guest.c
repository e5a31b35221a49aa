/* A guest in somebody's program: many threads, forks, signals, and nothing of the host's changed.

   usage: test_guest [TEST] */
#include "../address_sanitizer.h"
#include "recipes.h"
#include <dirent.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PREDICTING = 8, FITTING = 4, ROUNDS = 50 };

static cnn_context *use_context(int64_t threads) {
  cnn_context *context = cnn_context_new(.threads = threads, .seed = 7);
  REQUIRE(context);
  cnn_context_use(context);
  return context;
}

static void drop_context(cnn_context *context) {
  cnn_context_use(NULL);
  cnn_context_free(context);
}

/* A fit by itself: no files, so that several may run in one folder. */
static uint64_t fit_outcome(uint64_t seed) {
  torture_digest digest = digest_start();
  cnn_dataset *data = small_dataset(seed);
  cnn_loader *batches =
      cnn_loader_new(data, .batch_size = 8, .shuffle = 1, .rescale = 1 / 255., .seed = seed,
                     .workers = (int64_t)seed % 2, .augment = cnn_augmentation(.rotation = 20));
  cnn_model *model = small_model();
  REQUIRE(!cnn_model_compile(model, .optimizer = cnn_adam(),
                             .loss = cnn_sparse_categorical_crossentropy(),
                             .metrics = {cnn_accuracy()}));
  REQUIRE(!cnn_model_fit(model, batches, .epochs = 3, .validation_split = 0.25));
  REQUIRE(digest_model(&digest, model));
  cnn_model_free(model);
  cnn_loader_free(batches);
  cnn_dataset_free(data);
  return digest.value;
}

/* ---- many threads predict on one model ---- */

typedef struct predicting {
  pthread_t thread;
  cnn_model *model;
  cnn_context *context;
  const float *pixels, *right;
} predicting;

enum { IMAGES = 5, PIXELS = SMALL_SIDE * SMALL_SIDE * 3 };

static void predict_once(const cnn_model *model, const float *pixels, int64_t batch,
                         float *outputs) {
  cnn_predictor *predictor = cnn_predictor_new(model, .batch_size = batch);
  REQUIRE(predictor && !cnn_predictor_run(predictor, pixels, batch, outputs));
  cnn_predictor_free(predictor);
}

static void *predict_often(void *argument) {
  const predicting *self = argument;
  cnn_context_use(self->context);
  cnn_predictor *predictor = cnn_predictor_new(self->model, .batch_size = IMAGES);
  REQUIRE(predictor);
  float outputs[IMAGES * SMALL_CLASSES];
  for (int round = 0; round < ROUNDS; round++) {
    memset(outputs, 0, sizeof outputs);
    if (round % 10 == 9)
      predict_once(self->model, self->pixels, IMAGES, outputs);
    else
      REQUIRE(!cnn_predictor_run(predictor, self->pixels, IMAGES, outputs));
    REQUIRE(memcmp(outputs, self->right, sizeof outputs) == 0);
  }
  cnn_predictor_free(predictor);
  cnn_context_use(NULL);
  return NULL;
}

static void test_many_threads_predict_on_one_model(void) {
  cnn_context *context = use_context(3);
  cnn_model *model = small_model();
  float pixels[IMAGES * PIXELS], right[IMAGES * SMALL_CLASSES];
  for (size_t i = 0; i < IMAGES * PIXELS; i++)
    pixels[i] = (float)(i % 23) / 23;
  predict_once(model, pixels, IMAGES, right);
  predicting all[PREDICTING];
  for (int i = 0; i < PREDICTING; i++) {
    all[i] = (predicting){.model = model, .context = context, .pixels = pixels, .right = right};
    REQUIRE(pthread_create(&all[i].thread, NULL, predict_often, &all[i]) == 0);
  }
  for (int i = 0; i < PREDICTING; i++)
    REQUIRE(pthread_join(all[i].thread, NULL) == 0);
  cnn_model_free(model);
  drop_context(context);
}

/* ---- fits in parallel ---- */

typedef struct fitting {
  pthread_t thread;
  cnn_context *shared; /* or NULL: one of its own */
  uint64_t seed, outcome;
} fitting;

static void *fit_once(void *argument) {
  fitting *self = argument;
  cnn_context *own = self->shared ? NULL : use_context(2);
  if (self->shared) cnn_context_use(self->shared);
  self->outcome = fit_outcome(self->seed);
  drop_context(own);
  return NULL;
}

static void test_fits_run_in_parallel(void) {
  uint64_t right[FITTING];
  cnn_context *context = use_context(3);
  for (uint64_t i = 0; i < FITTING; i++)
    right[i] = fit_outcome(i);
  for (int shared = 0; shared < 2; shared++) {
    fitting all[FITTING];
    for (uint64_t i = 0; i < FITTING; i++) {
      all[i] = (fitting){.seed = i, .shared = shared ? context : NULL};
      REQUIRE(pthread_create(&all[i].thread, NULL, fit_once, &all[i]) == 0);
    }
    for (int i = 0; i < FITTING; i++) {
      REQUIRE(pthread_join(all[i].thread, NULL) == 0);
      REQUIRE(all[i].outcome == right[i]);
    }
  }
  drop_context(context);
}

/* ---- fork ---- */

/* "12 (name) S …": the third field of a thread's stat, behind a name that may hold anything. */
static bool thread_sleeps(const char *id) {
  char path[300], line[512] = "";
  (void)snprintf(path, sizeof path, "/proc/self/task/%.200s/stat", id);
  FILE *file = fopen(path, "r");
  if (!file) return true; /* it has ended */
  bool read = fgets(line, sizeof line, file) != NULL;
  fclose(file);
  const char *name_end = strrchr(line, ')');
  return read && name_end && name_end[1] == ' ' && name_end[2] == 'S';
}

static int threads_awake(void) {
  DIR *tasks = opendir("/proc/self/task");
  REQUIRE(tasks);
  int awake = 0;
  for (const struct dirent *task; (task = readdir(tasks));)
    if (task->d_name[0] != '.' && !thread_sleeps(task->d_name)) awake++;
  closedir(tasks);
  return awake;
}

/* Before a fork under AddressSanitizer, until this thread alone is at work, at several looks: one that starts or
   allocates may hold a lock of its allocator, which a child would wait for without end. */
static void settle(void) {
  if (!UNDER_ADDRESS_SANITIZER) return;
  const struct timespec pause = {.tv_nsec = 1000000};
  int calm = 0;
  for (int looks = 0; calm < 5; looks++) {
    REQUIRE(looks < 20000);
    calm = threads_awake() <= 1 ? calm + 1 : 0;
    (void)nanosleep(&pause, NULL);
  }
}

static void test_a_fork_after_the_pool_has_started(void) {
  cnn_context *context = use_context(4);
  uint64_t right = fit_outcome(1);
  cnn_dataset *data = small_dataset(1);
  cnn_loader *loader = cnn_loader_new(data, .batch_size = 8, .workers = 2);
  const cnn_tensor *images;
  REQUIRE(loader && !cnn_loader_next(loader, &images, NULL) && images);
  settle();
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    (void)alarm(60);
    bool good = fit_outcome(1) == right;
    cnn_loader_free(loader); /* its threads are not here */
    cnn_dataset_free(data);
    drop_context(context);
    _exit(good ? 0 : 1);
  }
  REQUIRE(fit_outcome(1) == right);
  int status;
  REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  REQUIRE(!cnn_loader_next(loader, &images, NULL) && images);
  cnn_loader_free(loader);
  cnn_dataset_free(data);
  drop_context(context);
}

/* ---- signals ---- */

static volatile sig_atomic_t alarms;
static void count_alarm(int number) {
  (void)number;
  alarms = alarms + 1;
}

static void test_a_thousand_signals_a_second(void) {
  uint64_t right = training_outcome(&training_recipes[1]);
  struct sigaction action = {.sa_handler = count_alarm},
                   before; /* calls are interrupted: no SA_RESTART */
  const struct itimerval fast = {{0, 1000}, {0, 1000}}, none = {{0, 0}, {0, 0}};
  REQUIRE(sigaction(SIGALRM, &action, &before) == 0 && setitimer(ITIMER_REAL, &fast, NULL) == 0);
  while (alarms < 100)
    for (int64_t threads = 1; threads < 4; threads++) {
      cnn_context *context = use_context(threads);
      REQUIRE(training_outcome(&training_recipes[1]) == right);
      cnn_model *model = cnn_model_load("final.safetensors");
      REQUIRE(model);
      cnn_model_free(model);
      drop_context(context);
    }
  REQUIRE(setitimer(ITIMER_REAL, &none, NULL) == 0 && sigaction(SIGALRM, &before, NULL) == 0);
}

/* ---- what is the host's ---- */

typedef struct host_state {
  struct sigaction handlers[64];
  sigset_t mask;
  char locale[256], folder[1024];
  mode_t umask;
  int rounding;
  unsigned control; /* of floating point, where the processor's is known */
  int descriptors;
} host_state;

static void look(host_state *state) {
  memset(state, 0, sizeof *state);
  for (int i = 1; i < 64; i++)
    (void)sigaction(i, NULL, &state->handlers[i]);
  REQUIRE(pthread_sigmask(SIG_SETMASK, NULL, &state->mask) == 0);
  (void)snprintf(state->locale, sizeof state->locale, "%s", setlocale(LC_ALL, NULL));
  REQUIRE(getcwd(state->folder, sizeof state->folder));
  state->umask = umask(0);
  (void)umask(state->umask);
  state->rounding = fegetround();
  for (int i = 0; i < 256; i++)
    state->descriptors += fcntl(i, F_GETFD) >= 0;
#if defined(__x86_64__)
  state->control = __builtin_ia32_stmxcsr() & ~0x3fu; /* less the flags that arithmetic raises */
#endif
}

static void expect_same(const host_state *a, const host_state *b) {
  for (int i = 1; i < 64; i++)
    REQUIRE(a->handlers[i].sa_handler == b->handlers[i].sa_handler &&
            a->handlers[i].sa_flags == b->handlers[i].sa_flags);
  for (int i = 1; i < 64; i++)
    REQUIRE(sigismember(&a->mask, i) == sigismember(&b->mask, i));
  REQUIRE(strcmp(a->locale, b->locale) == 0 && strcmp(a->folder, b->folder) == 0);
  REQUIRE(a->umask == b->umask && a->rounding == b->rounding && a->control == b->control);
  REQUIRE(a->descriptors == b->descriptors);
}

/* Reads and writes numbers where a comma divides them, by a rounding that is not the usual one. */
static void set_odd_state(sigset_t *mask_before) {
  static const char *const commas[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C.UTF-8"};
  for (int i = 0; i < 4 && !setlocale(LC_ALL, commas[i]); i++) {
  }
  sigset_t some;
  (void)sigemptyset(&some);
  (void)sigaddset(&some, SIGUSR2);
  REQUIRE(pthread_sigmask(SIG_BLOCK, &some, mask_before) == 0);
  REQUIRE(fesetround(FE_UPWARD) == 0);
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040); /* flush to zero, denormals are zero */
#endif
}

static void misuse(void) {
  REQUIRE(!cnn_model_load("no such file") && !cnn_image_read("no such file", 3));
  REQUIRE(!cnn_sequential(cnn_dense(.units = -1)));
  REQUIRE(cnn_model_save(NULL, NULL));
  REQUIRE(cnn_file_write("no such folder/x", "", 0));
  cnn_clear_error();
}

static void test_what_is_the_hosts_stays_as_it_was(void) {
  uint64_t right = training_outcome(&training_recipes[1]);
  int outputs[2] = {dup(1), dup(2)};
  FILE *sink = tmpfile();
  REQUIRE(sink && outputs[0] >= 0 && outputs[1] >= 0);
  fflush(NULL);
  host_state before, after;
  sigset_t mask;
  REQUIRE(dup2(fileno(sink), 1) == 1 && dup2(fileno(sink), 2) == 2);
  fenv_t usual;
  REQUIRE(fegetenv(&usual) == 0);
  set_odd_state(&mask);
  look(&before);
  cnn_context *context = use_context(3);
  uint64_t found = training_outcome(&training_recipes[1]);
  misuse();
  drop_context(context);
  cnn_shutdown();
  look(&after);
  REQUIRE(fesetenv(&usual) == 0 && pthread_sigmask(SIG_SETMASK, &mask, NULL) == 0);
  fflush(NULL);
  REQUIRE(dup2(outputs[0], 1) == 1 && dup2(outputs[1], 2) == 2);
  struct stat written;
  REQUIRE(fstat(fileno(sink), &written) == 0 && written.st_size == 0);
  (void)fclose(sink);
  (void)close(outputs[0]);
  (void)close(outputs[1]);
  (void)setlocale(LC_ALL, "C");
  expect_same(&before, &after);
  REQUIRE(found == right);
}

/* ---- all ---- */

int main(int count, char **arguments) {
  static const struct {
    const char *name;
    void (*run)(void);
  } tests[] = {{"predicting", test_many_threads_predict_on_one_model},
               {"fitting", test_fits_run_in_parallel},
               {"fork", test_a_fork_after_the_pool_has_started},
               {"signals", test_a_thousand_signals_a_second},
               {"host", test_what_is_the_hosts_stays_as_it_was}};
  int run = 0;
  folder_enter();
  cnn_context *context = use_context(1);
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
    if (count > 1 && strcmp(arguments[1], tests[i].name) != 0) continue;
    cnn_context_use(context);
    tests[i].run();
    cnn_context_use(NULL);
    printf("%s: as promised\n", tests[i].name);
    fflush(stdout);
    run++;
  }
  cnn_context_free(context);
  folder_leave();
  REQUIRE(run > 0);
  return 0;
}
