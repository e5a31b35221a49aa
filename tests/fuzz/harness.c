#define _GNU_SOURCE
#include "fuzz.h"
#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_fail(const char *file, int line, const char *condition) {
  fprintf(stderr, "%s:%d: %s; the last error: %d: %s\n", file, line, condition,
          (int)cnn_last_status(), cnn_last_error());
  abort();
}

const fuzz_target *fuzz_find(const char *name) {
  for (size_t i = 0; i < fuzz_target_count; i++)
    if (strcmp(fuzz_targets[i].name, name) == 0) return &fuzz_targets[i];
  return NULL;
}

/* ---- memory ---- */

static cnn_context *context;
static atomic_llong held, peak;

/* The size stands in front, within the alignment: the library's is 64 bytes. */
static void *allocate(void *user, size_t bytes, size_t alignment) {
  (void)user;
  char *block = NULL;
  if (posix_memalign((void **)&block, alignment, bytes + alignment) != 0) return NULL;
  memcpy(block, &bytes, sizeof bytes);
  long long now = atomic_fetch_add(&held, (long long)bytes) + (long long)bytes;
  if (now > atomic_load(&peak)) atomic_store(&peak, now);
  return block + alignment;
}

static void release(void *user, void *pointer) {
  (void)user;
  size_t bytes;
  char *block = (char *)pointer - 64;
  memcpy(&bytes, block, sizeof bytes);
  atomic_fetch_sub(&held, (long long)bytes);
  free(block);
}

void fuzz_begin(uint64_t max_memory) {
  const cnn_allocator allocator = {sizeof allocator, NULL, allocate, release};
  context = cnn_context_new(.allocator = &allocator, .threads = 1, .max_memory = max_memory,
                            .max_pixels = max_memory ? 1 << 20 : 0);
  FUZZ_REQUIRE(context);
  (void)cnn_context_use(context);
  cnn_clear_error();
  atomic_store(&peak, atomic_load(&held));
}

uint64_t fuzz_peak(void) {
  return (uint64_t)atomic_load(&peak);
}

void fuzz_end(void) {
  FUZZ_REQUIRE(cnn_context_memory(context) == 0);
  (void)cnn_context_use(NULL);
  cnn_context_free(context);
  FUZZ_REQUIRE(atomic_load(&held) == 0);
}

void fuzz_refused(size_t file_size) {
  const cnn_status status = cnn_last_status();
  FUZZ_REQUIRE(status == CNN_E_FORMAT || status == CNN_E_LIMIT || status == CNN_E_UNSUPPORTED ||
               status == CNN_E_INVALID || status == CNN_E_SHAPE || status == CNN_E_NOT_FOUND);
  FUZZ_REQUIRE(cnn_last_error()[0]);
  FUZZ_REQUIRE(fuzz_peak() <= file_size + (8 << 20));
}

/* ---- files ---- */

const char *fuzz_file(const uint8_t *bytes, size_t size) {
  static int descriptor = -1;
  static char path[64];
  if (descriptor < 0) descriptor = memfd_create("input", 0);
  FUZZ_REQUIRE(descriptor >= 0 && ftruncate(descriptor, 0) == 0);
  for (size_t done = 0; done < size;) {
    const ssize_t count = pwrite(descriptor, bytes + done, size - done, (off_t)done);
    FUZZ_REQUIRE(count > 0);
    done += (size_t)count;
  }
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  return path;
}

static char folder[64];

static void remove_folder(void) {
  DIR *open = opendir(folder);
  for (struct dirent *entry; open && (entry = readdir(open));) {
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    (void)unlink(path);
  }
  if (open) (void)closedir(open);
  (void)rmdir(folder);
}

const char *fuzz_scratch(const char *name) {
  static char path[128];
  if (!folder[0]) {
    (void)snprintf(folder, sizeof folder, "%s/cnn-fuzz-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    FUZZ_REQUIRE(mkdtemp(folder));
    (void)atexit(remove_folder);
  }
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

uint8_t *fuzz_read(const char *path, size_t *size) {
  enum { MOST = 1 << 22 };
  uint8_t *bytes = malloc(MOST);
  FILE *file = fopen(path, "rb");
  *size = file && bytes ? fread(bytes, 1, MOST, file) : 0;
  if (file) (void)fclose(file);
  return bytes;
}

static int by_text(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

void fuzz_seed_files(const fuzz_sink *sink, const char *path, const char *ending, size_t limit) {
  struct dirent **names;
  const int count = scandir(path, &names, NULL, by_text);
  for (int i = 0; i < count; i++) {
    const size_t length = strlen(names[i]->d_name), tail = strlen(ending);
    if (length > tail && strcmp(names[i]->d_name + length - tail, ending) == 0) {
      char whole[512];
      size_t size;
      (void)snprintf(whole, sizeof whole, "%s/%s", path, names[i]->d_name);
      uint8_t *bytes = fuzz_read(whole, &size);
      if (size > 0 && size <= limit) sink->put(sink->user, bytes, size);
      free(bytes);
    }
    free(names[i]);
  }
  if (count >= 0) free(names);
}

/* ---- choices ---- */

uint8_t fuzz_byte(fuzz_choices *choices) {
  if (choices->left == 0) return 0;
  choices->left--;
  return *choices->at++;
}

int64_t fuzz_size(fuzz_choices *choices) {
  static const int64_t others[] = {-1,
                                   7,
                                   16,
                                   33,
                                   100,
                                   1000,
                                   INT32_MAX - INT64_C(1),
                                   INT32_MAX,
                                   INT32_MAX + INT64_C(1),
                                   INT64_MAX / 2 - 1,
                                   INT64_MAX / 2,
                                   INT64_MAX / 2 + 1,
                                   (int64_t)(SIZE_MAX / 4) - 1,
                                   (int64_t)(SIZE_MAX / 4),
                                   (int64_t)(SIZE_MAX / 4) + 1,
                                   INT64_MAX,
                                   INT64_MIN};
  const uint8_t byte = fuzz_byte(choices);
  if (byte < 224) return byte % 7;
  return others[(byte - 224) % (sizeof others / sizeof *others)];
}
