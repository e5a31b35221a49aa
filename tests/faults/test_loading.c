/* Everything that reads files, under every fault of every system call that it makes: models, weights, a training that is
   resumed, arrays, published sets, pictures. A fault gives a status and a message with the path, and leaves neither memory
   nor a descriptor; interruptions and reads that bring little at a time change nothing; a file that is shorter than it was
   said to be is refused.

   usage: test_loading [SCENE] */
#include "calls.h"
#include "torture.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cnn_model *model;
static cnn_tensor *picture;
static torture_digest seen;

/* load digests what it reads; false where something failed. */
typedef struct loading {
  const char *name, *file;
  bool (*load)(void);
  size_t step; /* so much at a time in the slowest of slow reads */
} loading;

static bool see_tensor(cnn_tensor *tensor) {
  if (!tensor) return false;
  digest_tensor(&seen, tensor);
  cnn_tensor_free(tensor);
  return true;
}

static bool see_dataset(cnn_dataset *data) {
  bool good = data != NULL;
  for (int64_t i = 0; good && i < 3 && i < cnn_dataset_count(data); i++) {
    cnn_tensor *image = NULL;
    good = !cnn_dataset_fetch(data, i, &image, NULL, NULL) && see_tensor(image);
  }
  cnn_dataset_free(data);
  return good;
}

static bool load_model(void) {
  cnn_model *loaded = cnn_model_load("model");
  bool good = loaded && digest_model(&seen, loaded);
  cnn_model_free(loaded);
  return good;
}
static bool load_weights(void) {
  cnn_model *copy = cnn_model_clone(model);
  REQUIRE(copy);
  bool good = !cnn_model_load_weights(copy, "model") && digest_model(&seen, copy);
  cnn_model_free(copy);
  return good;
}
static bool load_array(void) {
  return see_tensor(cnn_npy_read("array.npy"));
}
static bool load_idx(void) {
  return see_dataset(cnn_idx_dataset("images.idx", NULL));
}
static bool load_labels(void) {
  return see_dataset(cnn_idx_dataset("images.idx", "labels.idx"));
}
static bool load_cifar(void) {
  return see_dataset(cnn_cifar10(".", CNN_TEST));
}
static bool load_picture(void) {
  return see_tensor(cnn_image_read("picture.png", 3));
}

static const loading loadings[] = {
    {"model", "model", load_model, 1},           {"weights", "model", load_weights, 1},
    {"array", "array.npy", load_array, 1},       {"idx", "images.idx", load_idx, 1},
    {"labels", ".idx", load_labels, 1},          {"cifar", "test_batch.bin", load_cifar, 1 << 16},
    {"picture", "picture.png", load_picture, 1},
};

/* ---- files ---- */

static void put(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  REQUIRE(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

static bool write_files(void) {
  static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0,
                                         0, 1, 0, 0, 0, 2, 1, 2, 3, 4};
  static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 1, 0};
  put("images.idx", images, sizeof images);
  put("labels.idx", labels, sizeof labels);
  put("test_batch.bin", "", 1); /* then zeros, which take no room */
  REQUIRE(truncate("test_batch.bin", (off_t)10000 * 3073) == 0);
  REQUIRE(!cnn_model_save(model, "model") && !cnn_npy_write("array.npy", picture));
  return !cnn_image_write_png("picture.png", picture);
}

static int open_files(void) {
  int count = 0;
  for (int i = 0; i < 256; i++)
    count += fcntl(i, F_GETFD) >= 0;
  return count;
}

/* ---- one fault ---- */

static uint64_t right;
static torture_counter counter;
static long live;
static int files;

static void complain(const loading *scene, const char *what) {
  fprintf(stderr, "%s: %s (call %d, %s, error %d; status %d: \"%s\")\n", scene->name, what, plan.at,
          plan.name ? plan.name : "none", plan.error, (int)cnn_last_status(), cnn_last_error());
  exit(1);
}

/* Loads under the plan that stands; a success has the right bits. */
static bool load(const loading *scene) {
  seen = digest_start();
  cnn_clear_error();
  bool good = scene->load();
  if (good && right && seen.value != right) complain(scene, "reads other bytes");
  if (open_files() != files) complain(scene, "a descriptor is left open");
  if (atomic_load(&counter.live) != live) complain(scene, "memory is left");
  if (!good && !strstr(cnn_last_error(), scene->file))
    complain(scene, "the message lacks the path");
  return good;
}

static void every_call_fails(const loading *scene, int calls) {
  static const int errors[] = {EIO, EACCES, ESTALE};
  int failed = 0;
  for (int at = 1; at <= calls; at++)
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
      plan_for(FAILS, errors[i], at);
      bool good = load(scene);
      if (!plan.hit) complain(scene, "the call was not made");
      if (good && strcmp(plan.name, "close") != 0) complain(scene, "nobody noticed");
      if (!good && cnn_last_status() != CNN_E_IO) complain(scene, "another status");
      failed += !good;
      plan_for(NONE, 0, 0);
      if (!load(scene)) complain(scene, "the next one fails");
    }
  printf("%-8s %3d calls, of which %d fail the reading\n", scene->name, calls, failed / 3);
}

static void calls_are_slow(const loading *scene, int calls) {
  for (int at = 1; at <= calls; at++) {
    plan_for(INTERRUPTED, 0, at);
    if (!load(scene)) complain(scene, "an interruption fails it");
  }
  plan_for(NONE, 0, 0);
  plan.step = scene->step;
  if (!load(scene)) complain(scene, "slow reads fail it");
}

/* The file has shrunk, or grown, since its size was asked for. */
static void the_size_is_another(const loading *scene) {
  FILE *file = fopen(strcmp(scene->name, "labels") == 0 ? "labels.idx" : scene->file, "rb");
  REQUIRE(file && fseek(file, 0, SEEK_END) == 0);
  const long size = ftell(file);
  (void)fclose(file);
  for (int more = -1; more <= 1; more += 2) {
    plan_for(NONE, 0, 0);
    plan.size_told = (off_t)size + more;
    if (load(scene)) complain(scene, "another size is taken");
    if (cnn_last_status() != CNN_E_FORMAT && cnn_last_status() != CNN_E_IO)
      complain(scene, "another status");
  }
}

static void run_scene(const loading *scene) {
  right = 0;
  live = atomic_load(&counter.live);
  files = open_files();
  plan_for(NONE, 0, 0);
  if (!load(scene)) complain(scene, "fails although nothing fails");
  right = seen.value;
  const int calls = plan.calls;
  every_call_fails(scene, calls);
  calls_are_slow(scene, calls);
  the_size_is_another(scene);
}

int main(int count, char **arguments) {
  static const int64_t shape[] = {5, 4, 3};
  uint8_t pixels[60];
  for (int i = 0; i < 60; i++)
    pixels[i] = (uint8_t)(i * 7);
  folder_enter();
  cnn_context *context = counter_context(&counter, 1);
  cnn_context_use(context);
  model = small_model();
  picture = cnn_tensor_copy_of(CNN_UINT8, 3, shape, pixels);
  REQUIRE(model && picture);
  const bool has_png = write_files();
  for (size_t i = 0; i < sizeof loadings / sizeof *loadings; i++) {
    const loading *scene = &loadings[i];
    if (count > 1 && strcmp(arguments[1], scene->name) != 0) continue;
    if (has_png || strcmp(scene->name, "picture") != 0) run_scene(scene);
  }
  cnn_tensor_free(picture);
  cnn_model_free(model);
  cnn_context_use(NULL);
  cnn_context_free(context);
  folder_leave();
  return 0;
}
