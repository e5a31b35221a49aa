/* usage: replay seeds FOLDER IMAGES   writes each target's seeds into FOLDER/<target>/
          replay run IMAGES FOLDER...  every target's seeds, their simple mutations, and the inputs that are stored in
                                       FOLDER/<target>/: what was found, and what the long runs kept
          replay file TARGET FILE...   these inputs
   The targets without a fuzzer's runtime: in every build, with any compiler. A failed requirement ends it. */
#include "fuzz.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MUTATIONS = 12 };

static long runs;

static void run(const fuzz_target *target, const uint8_t *bytes, size_t size) {
  uint8_t *copy =
      malloc(size ? size : 1); /* of just its size: a checker of memory sees every byte beyond */
  FUZZ_REQUIRE(copy);
  if (size) memcpy(copy, bytes, size);
  target->run(copy, size);
  free(copy);
  runs++;
}

/* ---- seeds ---- */

enum { MOST_SEEDS = 256 };

typedef struct seeds {
  uint8_t *bytes[MOST_SEEDS];
  size_t size[MOST_SEEDS];
  int count;
} seeds;

static void keep(void *user, const uint8_t *bytes, size_t size) {
  seeds *s = user;
  FUZZ_REQUIRE(s->count < MOST_SEEDS && size > 0);
  uint8_t *copy = malloc(size);
  FUZZ_REQUIRE(copy);
  memcpy(copy, bytes, size);
  s->bytes[s->count] = copy;
  s->size[s->count++] = size;
}

static void write_seed(const fuzz_target *target, const char *folder, int place,
                       const uint8_t *bytes, size_t size) {
  char path[512];
  (void)mkdir(folder, 0755);
  (void)snprintf(path, sizeof path, "%s/%s", folder, target->name);
  (void)mkdir(path, 0755);
  (void)snprintf(path, sizeof path, "%s/%s/seed-%03d", folder, target->name, place);
  FILE *file = fopen(path, "wb");
  FUZZ_REQUIRE(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

static uint64_t draw(uint64_t *random, uint64_t limit) {
  *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (*random >> 33) % limit;
}

/* One byte changed, or the end cut off. */
static void run_mutations(const fuzz_target *target, uint8_t *bytes, size_t size,
                          uint64_t *random) {
  for (int i = 0; i < MUTATIONS; i++) {
    if (i % 4 == 3) {
      run(target, bytes, (size_t)draw(random, size));
      continue;
    }
    uint8_t *byte = &bytes[draw(random, size)], before = *byte;
    *byte = (uint8_t)draw(random, 256);
    run(target, bytes, size);
    *byte = before;
  }
}

/* folder: where they are written; NULL: they run. */
static void use_seeds(const fuzz_target *target, const char *folder, const char *images) {
  seeds all = {.count = 0};
  uint64_t random = 1;
  target->seed(&(fuzz_sink){keep, &all}, images);
  for (int i = 0; i < all.count; i++) {
    if (folder) {
      write_seed(target, folder, i, all.bytes[i], all.size[i]);
    } else {
      run(target, all.bytes[i], all.size[i]);
      run_mutations(target, all.bytes[i], all.size[i], &random);
    }
    free(all.bytes[i]);
  }
}

/* ---- stored inputs ---- */

static void run_file(const fuzz_target *target, const char *path) {
  size_t size;
  uint8_t *bytes = fuzz_read(path, &size);
  FUZZ_REQUIRE(bytes);
  fprintf(stderr, "%s\n", path); /* the last one is the one that ended it */
  run(target, bytes, size);
  free(bytes);
}

static void run_folder(const fuzz_target *target, const char *folder) {
  char path[512];
  struct dirent **names;
  (void)snprintf(path, sizeof path, "%s/%s", folder, target->name);
  const int count = scandir(path, &names, NULL, alphasort);
  for (int i = 0; i < count; i++) {
    char file[1024];
    (void)snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
    if (names[i]->d_name[0] != '.') run_file(target, file);
    free(names[i]);
  }
  if (count >= 0) free(names);
}

int main(int count, char **arguments) {
  const char *mode = count > 3 ? arguments[1] : "";
  if (strcmp(mode, "file") == 0) {
    const fuzz_target *target = fuzz_find(arguments[2]);
    FUZZ_REQUIRE(target);
    for (int i = 3; i < count; i++)
      run_file(target, arguments[i]);
    return 0;
  }
  const bool seeds_only = strcmp(mode, "seeds") == 0;
  if (!seeds_only && strcmp(mode, "run") != 0) {
    fprintf(stderr, "usage: %s seeds FOLDER IMAGES, run IMAGES FOLDER..., or file TARGET FILE...\n",
            arguments[0]);
    return 2;
  }
  for (size_t i = 0; i < fuzz_target_count; i++) {
    const fuzz_target *target = &fuzz_targets[i];
    runs = 0;
    use_seeds(target, seeds_only ? arguments[2] : NULL, arguments[seeds_only ? 3 : 2]);
    for (int k = 3; !seeds_only && k < count; k++)
      run_folder(target, arguments[k]);
    printf("%s: %ld inputs\n", target->name, runs);
  }
  return 0;
}
