/* The limits that a host sets hold: memory, file sizes, pixels, threads. */
#include "torture.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- memory ---- */

/* Counts what is asked for, less the 64 bytes that every block of the library has of its own. */
typedef struct meter {
  atomic_llong now, most;
} meter;

static void *meter_allocate(void *user, size_t bytes, size_t alignment) {
  meter *m = user;
  size_t *block = NULL;
  size_t head = alignment < 64 ? 64 : alignment;
  if (posix_memalign((void **)&block, head, bytes + head) != 0) return NULL;
  long long own = (long long)bytes - 64, now = atomic_fetch_add(&m->now, own) + own;
  for (long long most = atomic_load(&m->most); now > most;)
    if (atomic_compare_exchange_weak(&m->most, &most, now)) break;
  char *given = (char *)block + head;
  memcpy(given - 16, &bytes, sizeof bytes);
  memcpy(given - 8, &head, sizeof head);
  return given;
}

static void meter_release(void *user, void *pointer) {
  meter *m = user;
  size_t bytes, head;
  memcpy(&bytes, (char *)pointer - 16, sizeof bytes);
  memcpy(&head, (char *)pointer - 8, sizeof head);
  atomic_fetch_sub(&m->now, (long long)bytes - 64);
  free((char *)pointer - head);
}

static cnn_status train(void) {
  cnn_dataset *data = small_dataset(1);
  cnn_loader *loader = cnn_loader_new(data, .batch_size = 8, .rescale = 1 / 255.);
  cnn_model *model = small_model();
  cnn_status status = cnn_model_compile(model, .optimizer = cnn_adam(),
                                        .loss = cnn_sparse_categorical_crossentropy());
  if (!status) status = cnn_model_fit(model, loader, .epochs = 2);
  if (!status) status = cnn_model_save(model, "model");
  cnn_model_free(model);
  cnn_loader_free(loader);
  cnn_dataset_free(data);
  return status;
}

static cnn_status train_within(uint64_t max_memory, long long *most) {
  meter m = {0};
  const cnn_allocator allocator = {sizeof allocator, &m, meter_allocate, meter_release};
  cnn_context *context =
      cnn_context_new(.allocator = &allocator, .max_memory = max_memory, .threads = 1);
  REQUIRE(context);
  long long own = atomic_load(&m.now); /* the context's itself */
  cnn_context_use(context);
  cnn_clear_error();
  cnn_status status = train();
  REQUIRE(cnn_context_memory(context) == 0);
  cnn_context_use(NULL);
  cnn_context_free(context);
  REQUIRE(atomic_load(&m.now) == 0);
  *most = atomic_load(&m.most) - own;
  return status;
}

static void test_memory(void) {
  long long needed, most;
  REQUIRE(!train_within(0, &needed) && needed > 10000);
  REQUIRE(!train_within((uint64_t)needed, &most));
  for (int i = 1; i < 20; i++) {
    uint64_t limit = (uint64_t)needed * (unsigned)i / 20;
    REQUIRE(train_within(limit, &most) == CNN_E_NOMEM);
    REQUIRE((uint64_t)most <= limit);
  }
  printf("memory: a training that takes %lld bytes, at 19 limits below\n", needed);
}

/* ---- files ---- */

typedef bool (*reader)(void);
static bool read_model(void) {
  cnn_model *model = cnn_model_load("model");
  cnn_model_free(model);
  return model;
}
static bool read_array(void) {
  cnn_tensor *tensor = cnn_npy_read("array");
  cnn_tensor_free(tensor);
  return tensor;
}
static bool read_picture(void) {
  cnn_tensor *tensor = cnn_image_read("picture", 3);
  cnn_tensor_free(tensor);
  return tensor;
}
static bool read_idx(void) {
  cnn_dataset *set = cnn_idx_dataset("idx", NULL);
  cnn_dataset_free(set);
  return set;
}

static void write_files(void) {
  static const unsigned char idx[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4};
  const int64_t shape[] = {10, 12, 3};
  uint8_t pixels[360];
  memset(pixels, 77, sizeof pixels);
  cnn_tensor *image = cnn_tensor_copy_of(CNN_UINT8, 3, shape, pixels);
  cnn_model *model = small_model();
  REQUIRE(!cnn_npy_write("array", image) && !cnn_file_write("idx", idx, sizeof idx));
  REQUIRE(!cnn_model_save(model, "model"));
  cnn_status written = cnn_image_write_png("picture", image);
  REQUIRE(!written || written == CNN_E_UNSUPPORTED);
  cnn_clear_error();
  cnn_model_free(model);
  cnn_tensor_free(image);
}

static void expect(bool good, reader read, cnn_status status) {
  cnn_clear_error();
  REQUIRE(read() == good && cnn_last_status() == (good ? CNN_OK : status));
}

static void test_file_sizes(void) {
  static const struct {
    const char *name;
    reader read;
  } kinds[] = {
      {"model", read_model}, {"array", read_array}, {"picture", read_picture}, {"idx", read_idx}};
  for (size_t i = 0; i < 4; i++) {
    struct stat file;
    if (stat(kinds[i].name, &file) != 0) continue;
    for (int less = 0; less < 2; less++) {
      cnn_context *context =
          cnn_context_new(.max_file_bytes = (uint64_t)file.st_size - (unsigned)less, .threads = 1);
      cnn_context_use(context);
      expect(!less, kinds[i].read, CNN_E_LIMIT);
      cnn_context_use(NULL);
      cnn_context_free(context);
    }
    printf("file sizes: %s of %lld bytes\n", kinds[i].name, (long long)file.st_size);
  }
}

static void test_pixels(void) {
  struct stat file;
  if (stat("picture", &file) != 0) return;
  for (unsigned less = 0; less < 2; less++) {
    cnn_context *context = cnn_context_new(.max_pixels = 120 - less, .threads = 1);
    cnn_context_use(context);
    expect(!less, read_picture, CNN_E_LIMIT);
    cnn_context_use(NULL);
    cnn_context_free(context);
  }
  printf("pixels: a picture of 120\n");
}

/* ---- threads ---- */

static int most_threads, threads_after; /* of a fit */
static cnn_status note_threads(void *user, const cnn_fit_info *info) {
  (void)user, (void)info;
  const int now = process_entries("task");
  if (now > most_threads) most_threads = now;
  return CNN_OK;
}

static void one_after_the_other(void *user, size_t tasks, void (*task)(void *argument, size_t i),
                                void *argument) {
  *(long *)user += (long)tasks;
  for (size_t i = tasks; i-- > 0;)
    task(argument, i);
}

static uint64_t fit_with(int64_t threads, int64_t workers, const cnn_executor *executor) {
  torture_digest digest = digest_start();
  cnn_context *context = cnn_context_new(.threads = threads, .executor = executor, .seed = 7);
  cnn_context_use(context);
  const cnn_callback_functions functions = {.struct_size = sizeof functions,
                                            .batch_end = note_threads};
  cnn_dataset *data = small_dataset(1);
  cnn_loader *loader =
      cnn_loader_new(data, .batch_size = 8, .rescale = 1 / 255., .workers = workers);
  cnn_model *model = small_model();
  most_threads = 0;
  REQUIRE(!cnn_model_compile(model, .optimizer = cnn_adam(),
                             .loss = cnn_sparse_categorical_crossentropy()));
  REQUIRE(!cnn_model_fit(model, loader, .callbacks = {cnn_callback_create(&functions)}));
  REQUIRE(digest_model(&digest, model));
  cnn_model_free(model);
  cnn_loader_free(loader);
  cnn_dataset_free(data);
  cnn_context_use(NULL);
  cnn_context_free(context);
  threads_after = process_threads();
  return digest.value;
}

static void test_threads(void) {
  uint64_t right = fit_with(2, 0, NULL); /* a checker, too, starts a thread with the first one */
  const int own = threads_after;
  if (own < 0) return;
  REQUIRE(fit_with(1, 0, NULL) == right);
  REQUIRE(most_threads == own);
  REQUIRE(fit_with(3, 0, NULL) == right && most_threads <= own + 2);
  REQUIRE(fit_with(3, 2, NULL) == right && most_threads <= own + 4);
  long lent = 0;
  const cnn_executor executor = {sizeof executor, &lent, 2, one_after_the_other};
  REQUIRE(fit_with(8, 0, &executor) == right && most_threads == own && lent > 0);
  REQUIRE(threads_after == own);
  printf("threads: 1; 3; 3 and 2 of a loader; the host's own\n");
}

int main(void) {
  folder_enter();
  write_files();
  test_memory();
  test_file_sizes();
  test_pixels();
  test_threads();
  folder_leave();
  return 0;
}
