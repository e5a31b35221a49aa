/* Everything that saves, under every fault of every system call that it makes: a model, its weights, a fit's checkpoints and
   its CSV log, pictures, arrays, plain files. Up to the rename the old file stands, byte for byte; after it the new one is
   whole; a kill leaves one or the other, and at most one temporary, which the next save removes.

   usage: test_saving [SCENE] */
#include "calls.h"
#include "torture.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static cnn_model *model;
static cnn_loader *batches;
static cnn_tensor *picture;

typedef struct saving {
  const char *name, *file;
  cnn_status (*save)(void);
} saving;

static cnn_status save_model(void) {
  return cnn_model_save(model, "model");
}
static cnn_status save_weights(void) {
  return cnn_model_save_weights(model, "weights");
}
static cnn_status save_picture(void) {
  return cnn_image_write_png("picture.png", picture);
}
static cnn_status save_array(void) {
  return cnn_npy_write("array.npy", picture);
}
static cnn_status save_text(void) {
  return cnn_file_write("text", "some words", 10);
}

/* A fit of its own each time, from the same start. */
static cnn_status fit_with(cnn_callback *callback) {
  cnn_model *copy = cnn_model_clone(model);
  REQUIRE(copy && !cnn_model_compile(copy, .optimizer = cnn_sgd(),
                                     .loss = cnn_sparse_categorical_crossentropy()));
  cnn_status status = cnn_model_fit(copy, batches, .callbacks = {callback});
  cnn_model_free(copy);
  REQUIRE(!cnn_loader_seek(batches, 0, 0));
  return status;
}
static cnn_status save_checkpoint(void) {
  return fit_with(cnn_model_checkpoint(.path = "checkpoint"));
}
/* Its line has a time in it: the file is compared by its length alone. */
static cnn_status save_log(void) {
  return fit_with(cnn_csv_log("log.csv"));
}

static const saving savings[] = {
    {"model", "model", save_model},
    {"weights", "weights", save_weights},
    {"checkpoint", "checkpoint", save_checkpoint},
    {"log", "log.csv", save_log},
    {"picture", "picture.png", save_picture},
    {"array", "array.npy", save_array},
    {"text", "text", save_text},
};

/* ---- what a file holds ---- */

static const char old_content[] = "what was saved before";

static void put_old(const char *path) {
  FILE *file = fopen(path, "wb");
  REQUIRE(file && fwrite(old_content, 1, sizeof old_content, file) == sizeof old_content);
  REQUIRE(fclose(file) == 0);
}

static bool is_log(const saving *scene) {
  return strcmp(scene->name, "log") == 0;
}

/* The seconds of a log's line are of one length as long as an epoch takes less than ten. */
static uint64_t content_of(const saving *scene) {
  torture_digest digest = digest_start();
  FILE *file = fopen(scene->file, "rb");
  REQUIRE(file);
  int commas = 0;
  for (int c; (c = getc(file)) != EOF;) {
    char byte = (char)c;
    if (byte == '\n') commas = 0;
    commas += byte == ',';
    if (!is_log(scene) || commas != 1) digest_bytes(&digest, &byte, 1);
  }
  (void)fclose(file);
  return digest.value;
}

static int open_files(void) {
  int count = 0;
  for (int i = 0; i < 256; i++)
    count += fcntl(i, F_GETFD) >= 0;
  return count;
}

/* ---- one fault ---- */

static uint64_t old_digest, new_digest;

static void complain(const saving *scene, const char *what) {
  fprintf(stderr, "%s: %s (call %d, %s; \"%s\")\n", scene->name, what, plan.at,
          plan.name ? plan.name : "none", cnn_last_error());
  _exit(1);
}

static void check_next_save(const saving *scene) {
  plan_for(NONE, 0, 0);
  cnn_clear_error();
  if (scene->save() || content_of(scene) != new_digest)
    complain(scene, "the next save is not whole");
  if (folder_count(".cnn-tmp")) complain(scene, "the next save leaves a temporary");
}

/* Whether the save failed; *fired: whether there was a call to hit. */
static bool save_with_fault(const saving *scene, bool *fired) {
  put_old(scene->file);
  int files = open_files();
  cnn_clear_error();
  cnn_status status = scene->save();
  fault_plan done = plan;
  plan.kind = NONE;
  *fired = done.hit;
  bool in_place = strstr(cnn_last_error(), "in place") != NULL;
  bool removes = done.hit && done.name && strstr(done.name, "unlink");
  uint64_t found = content_of(scene);
  if (open_files() != files) complain(scene, "a descriptor is left open");
  if (status && !strstr(cnn_last_error(), scene->file))
    complain(scene, "the message lacks the path");
  if (status && status != CNN_E_IO && status != CNN_E_NOT_FOUND) complain(scene, "another status");
  if (found != (status == CNN_OK || in_place ? new_digest : old_digest))
    complain(scene, status ? "the old file is another" : "the new file is not whole");
  if (folder_count(".cnn-tmp") > removes) complain(scene, "a temporary is left");
  check_next_save(scene);
  return status != CNN_OK;
}

static int each_call(const saving *scene, fault_kind kind, int error, int *failures) {
  int at = 1;
  *failures = 0;
  for (bool fired = true; fired; at++) {
    plan_for(kind, error, at);
    *failures += save_with_fault(scene, &fired);
  }
  return at - 2;
}

static int each_kill(const saving *scene) {
  int kills = 0;
  for (int kind = KILLED_BEFORE; kind <= KILLED_AFTER; kind++)
    for (int at = 1;; at++, kills++) {
      put_old(scene->file);
      pid_t child = fork();
      REQUIRE(child >= 0);
      if (child == 0) {
        plan_for((fault_kind)kind, 0, at);
        _exit(scene->save() != CNN_OK);
      }
      int status;
      REQUIRE(waitpid(child, &status, 0) == child);
      uint64_t found = content_of(scene);
      if (found != old_digest && found != new_digest) complain(scene, "a torn file after a kill");
      if (folder_count(".cnn-tmp") > 1) complain(scene, "more than one temporary after a kill");
      check_next_save(scene);
      if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) continue;
      REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
      break;
    }
  return kills;
}

static void check_scene(const saving *scene) {
  static const int errors[] = {ENOSPC, EIO, EDQUOT, EROFS};
  int failures = 0, calls = 0, none;
  put_old(scene->file);
  old_digest = content_of(scene);
  plan_for(NONE, 0, 0);
  cnn_status status = scene->save();
  if (status == CNN_E_UNSUPPORTED) return;
  REQUIRE(!status);
  new_digest = content_of(scene);
  for (size_t e = 0; e < sizeof errors / sizeof *errors; e++) {
    calls = each_call(scene, FAILS, errors[e], &failures);
    REQUIRE(failures >=
            9); /* links, folder, old file, temporary, mode, write, sync, rename, folder's sync */
  }
  each_call(scene, INTERRUPTED, 0, &none);
  REQUIRE(none == 0);
  for (size_t step = 1; step < 100; step = step * 7 + 1) {
    bool fired;
    plan_for(NONE, 0, 0);
    plan.step = step;
    REQUIRE(!save_with_fault(scene, &fired));
  }
  int kills = each_kill(scene);
  printf("%-10s %2d calls, %2d of which fail the save; %3d kills\n", scene->name, calls, failures,
         kills);
}

int main(int count, char **arguments) {
  static const int64_t shape[] = {9, 11, 3};
  uint8_t pixels[9 * 11 * 3];
  for (size_t i = 0; i < sizeof pixels; i++)
    pixels[i] = (uint8_t)(i * 7);
  folder_enter();
  cnn_context *context = cnn_context_new(.threads = 1, .seed = 7);
  cnn_context_use(context);
  cnn_dataset *data = small_dataset(1);
  batches = cnn_loader_new(data, .batch_size = 12);
  picture = cnn_tensor_copy_of(CNN_UINT8, 3, shape, pixels);
  model = small_chain();
  REQUIRE(batches && picture && model);
  for (size_t i = 0; i < sizeof savings / sizeof *savings; i++)
    if (count < 2 || strcmp(arguments[1], savings[i].name) == 0) check_scene(&savings[i]);
  plan_for(NONE, 0, 0);
  cnn_model_free(model);
  cnn_tensor_free(picture);
  cnn_loader_free(batches);
  cnn_dataset_free(data);
  cnn_context_use(NULL);
  cnn_context_free(context);
  folder_leave();
  return 0;
}
