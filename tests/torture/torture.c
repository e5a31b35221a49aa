#include "torture.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- memory ---- */

static void *allocate(void *user, size_t bytes, size_t alignment) {
  torture_counter *c = user;
  long call = atomic_fetch_add(&c->calls, 1) + 1, fail_at = atomic_load(&c->fail_at);
  if (fail_at && (c->for_ever ? call >= fail_at : call == fail_at)) return NULL;
  void *pointer = NULL;
  if (posix_memalign(&pointer, alignment, bytes) != 0) return NULL;
  atomic_fetch_add(&c->live, 1);
  return pointer;
}

static void release(void *user, void *pointer) {
  torture_counter *c = user;
  atomic_fetch_sub(&c->live, 1);
  free(pointer);
}

cnn_context *counter_try_context(torture_counter *c, int64_t threads) {
  const cnn_allocator allocator = {sizeof allocator, c, allocate, release};
  return cnn_context_new(.allocator = &allocator, .threads = threads, .seed = 7);
}

cnn_context *counter_context(torture_counter *c, int64_t threads) {
  cnn_context *context = counter_try_context(c, threads);
  REQUIRE(context != NULL);
  return context;
}

/* ---- bits ---- */

torture_digest digest_start(void) {
  return (torture_digest){UINT64_C(0xcbf29ce484222325)};
}

void digest_bytes(torture_digest *digest, const void *bytes, size_t size) {
  const unsigned char *byte = bytes;
  for (size_t i = 0; i < size; i++)
    digest->value = (digest->value ^ byte[i]) * UINT64_C(0x100000001b3);
}

void digest_text(torture_digest *digest, const char *text) {
  digest_bytes(digest, text, strlen(text) + 1);
}

static size_t element_size(cnn_dtype dtype) {
  return dtype == CNN_UINT8 ? 1 : dtype == CNN_FLOAT32 || dtype == CNN_INT32 ? 4 : 8;
}

void digest_tensor(torture_digest *digest, const cnn_tensor *tensor) {
  digest_bytes(digest, cnn_tensor_shape(tensor), (size_t)cnn_tensor_rank(tensor) * sizeof(int64_t));
  digest_bytes(digest, cnn_tensor_const_data(tensor),
               (size_t)cnn_tensor_count(tensor) * element_size(cnn_tensor_dtype(tensor)));
}

bool digest_model(torture_digest *digest, const cnn_model *model) {
  for (int64_t i = 0; i < cnn_model_parameter_count(model); i++) {
    const char *name = cnn_model_parameter_name(model, i);
    cnn_tensor *values = cnn_model_parameter(model, name);
    if (!values) return false;
    digest_text(digest, name);
    digest_tensor(digest, values);
    cnn_tensor_free(values);
  }
  return true;
}

bool digest_file(torture_digest *digest, const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  char bytes[4096];
  for (size_t size; (size = fread(bytes, 1, sizeof bytes, file)) > 0;)
    digest_bytes(digest, bytes, size);
  return fclose(file) == 0;
}

/* ---- failing ---- */

_Noreturn void torture_fail(const char *file, int line, const char *message) {
  fprintf(stderr, "%s:%d: %s does not hold; last error: %s\n", file, line, message,
          cnn_last_error());
  exit(1);
}

/* ---- a folder ---- */

static char folder[256];

void folder_enter(void) {
  const char *parent = getenv("TMPDIR");
  if (!parent) parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  (void)snprintf(folder, sizeof folder, "%s/cnn-torture-XXXXXX", parent);
  REQUIRE(mkdtemp(folder) && chdir(folder) == 0);
}

int folder_count(const char *part) {
  DIR *handle = opendir(".");
  int count = 0;
  REQUIRE(handle);
  for (struct dirent *entry; (entry = readdir(handle));)
    count += entry->d_name[0] != 0 && strstr(entry->d_name, part) != NULL;
  (void)closedir(handle);
  return count;
}

/* What a folder holds, folders in it included. */
static void remove_content(const char *path) {
  DIR *handle = opendir(path);
  if (!handle) return;
  for (struct dirent *entry; (entry = readdir(handle));) {
    char inner[1024];
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= (int)sizeof inner) continue;
    if (remove(inner) != 0) remove_content(inner);
    (void)remove(inner);
  }
  (void)closedir(handle);
}

void folder_leave(void) {
  remove_content(".");
  REQUIRE(chdir("/") == 0 && rmdir(folder) == 0);
}

bool file_copy(const char *from, const char *to) {
  FILE *in = fopen(from, "rb"), *out = in ? fopen(to, "wb") : NULL;
  bool good = out != NULL;
  char bytes[4096];
  for (size_t size; good && (size = fread(bytes, 1, sizeof bytes, in)) > 0;)
    good = fwrite(bytes, 1, size, out) == size;
  if (in) (void)fclose(in);
  if (out) good = fclose(out) == 0 && good;
  return good;
}

/* ---- the process ---- */

int process_entries(const char *list) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/%s", list);
  DIR *handle = opendir(path);
  int count = 0;
  if (!handle) return -1;
  for (struct dirent *entry; (entry = readdir(handle));)
    count += entry->d_name[0] != '.';
  (void)closedir(handle);
  return count;
}

int process_threads(void) {
  enum { LOOKS = 20 };
  const struct timespec pause = {.tv_nsec = 1000000};
  int least = process_entries("task");
  for (int i = 0; i < LOOKS; i++) {
    (void)nanosleep(&pause, NULL);
    const int now = process_entries("task");
    if (now < least) least = now;
  }
  return least;
}

/* ---- a small model and small data ---- */

static uint32_t next_random(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(*state >> 33);
}

cnn_dataset *small_dataset(uint64_t seed) {
  static const int64_t shape[] = {SMALL_IMAGES, SMALL_SIDE, SMALL_SIDE, 3};
  static const char *const names[] = {"red", "green", "blue"};
  uint8_t pixels[SMALL_IMAGES * SMALL_SIDE * SMALL_SIDE * 3];
  int32_t labels[SMALL_IMAGES];
  for (int i = 0; i < SMALL_IMAGES; i++) {
    labels[i] = i % SMALL_CLASSES;
    for (int k = 0; k < SMALL_SIDE * SMALL_SIDE * 3; k++)
      pixels[i * SMALL_SIDE * SMALL_SIDE * 3 + k] =
          (uint8_t)(next_random(&seed) % 160 + (k % 3 == labels[i] ? 90 : 0));
  }
  cnn_tensor *images = cnn_tensor_copy_of(CNN_UINT8, 4, shape, pixels);
  cnn_tensor *classes = images ? cnn_tensor_copy_of(CNN_INT32, 1, shape, labels) : NULL;
  cnn_dataset *dataset = classes ? cnn_array_dataset(.images = images, .labels = classes,
                                                     .classes = SMALL_CLASSES, .class_names = names)
                                 : NULL;
  cnn_tensor_free(images);
  cnn_tensor_free(classes);
  return dataset;
}

cnn_model *small_model(void) {
  cnn_graph *g = cnn_graph_create();
  cnn_node input = cnn_graph_join(g, cnn_input(.shape = {SMALL_SIDE, SMALL_SIDE, 3}), NULL, 0);
  cnn_node a = cnn_graph_add(g, cnn_rescaling(.scale = 2, .offset = -1), input);
  a = cnn_graph_add(g, cnn_conv2d(.filters = 4, .kernel = {3}, .padding = CNN_SAME, .no_bias = 1),
                    a);
  a = cnn_graph_add(g, cnn_batch_normalization(.momentum = 0.9), a);
  a = cnn_graph_add(g, cnn_activation(.function = CNN_RELU), a);
  cnn_node b = cnn_graph_add(g, cnn_depthwise_conv2d(.kernel = {3}, .padding = CNN_SAME), a);
  a = cnn_graph_add(g, cnn_add(), a, b);
  b = cnn_graph_add(g, cnn_average_pool2d(), a);
  a = cnn_graph_add(g, cnn_max_pool2d(), a);
  a = cnn_graph_add(g, cnn_concatenate(), a, b);
  a = cnn_graph_add(g, cnn_zero_padding2d(.top = 1, .bottom = 1, .left = 1, .right = 1), a);
  a = cnn_graph_add(g, cnn_conv2d(.filters = 4, .kernel = {3}, .activation = CNN_RELU), a);
  b = cnn_graph_add(g, cnn_global_average_pool2d(), a);
  a = cnn_graph_add(g, cnn_flatten(), a);
  a = cnn_graph_add(g, cnn_dropout(.rate = 0.25), a);
  a = cnn_graph_add(g, cnn_concatenate(), a, b);
  a = cnn_graph_add(g, cnn_dense(.units = 6, .activation = CNN_TANH, .kernel_l2 = 1e-3), a);
  return cnn_graph_model(
      g, cnn_graph_add(g, cnn_dense(.units = SMALL_CLASSES, .activation = CNN_SOFTMAX), a));
}

cnn_model *small_chain(void) {
  return cnn_sequential(cnn_input(.shape = {SMALL_SIDE, SMALL_SIDE, 3}),
                        cnn_conv2d(.filters = 3, .kernel = {3}, .activation = CNN_RELU),
                        cnn_batch_normalization(), cnn_max_pool2d(), cnn_flatten(),
                        cnn_dropout(.rate = 0.25),
                        cnn_dense(.units = SMALL_CLASSES, .activation = CNN_SOFTMAX));
}
