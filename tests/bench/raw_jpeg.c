#define _XOPEN_SOURCE 700
#include "raw_jpeg.h"

#ifndef CNN__HAVE_JPEG

bool raw_jpeg_find(const char *folder, raw_files *files) {
  (void)folder, (void)files;
  return false;
}
void raw_jpeg_free(raw_files *files) {
  (void)files;
}
bool raw_jpeg_decode(const raw_files *files, size_t threads) {
  (void)files, (void)threads;
  return false;
}
bool raw_jpeg_write(const char *folder, const char *path, int width, int height) {
  (void)folder, (void)path, (void)width, (void)height;
  return false;
}

#else

#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <turbojpeg.h>
#include <unistd.h>

enum { MOST_THREADS = 64, MOST_FILE = 1 << 24 };

/* ---- finding ---- */

static raw_files *found; /* nftw() hands nothing on */

static int note_file(const char *path, const struct stat *state, int kind, struct FTW *place) {
  const size_t length = strlen(path);
  (void)state;
  if (kind != FTW_F || place->level != 2 || length < 4 || strcmp(path + length - 4, ".jpg") != 0)
    return 0;
  if ((found->count & (found->count + 1)) == 0) { /* 0, 1, 3, 7, ...: room doubles */
    char **more = realloc(found->paths, (2 * found->count + 2) * sizeof *more);
    if (!more) return 1;
    found->paths = more;
  }
  found->paths[found->count] = strdup(path);
  return found->paths[found->count++] == NULL;
}

/* Files are read in no order, as a loader that shuffles reads them: caches are of less use then. */
static void shuffle(raw_files *files) {
  uint32_t random = 1;
  for (size_t i = files->count; i > 1; i--) {
    random = random * 1664525u + 1013904223u;
    const size_t k = (size_t)(((uint64_t)random * i) >> 32);
    char *path = files->paths[k];
    files->paths[k] = files->paths[i - 1];
    files->paths[i - 1] = path;
  }
}

bool raw_jpeg_find(const char *folder, raw_files *files) {
  found = files;
  if (nftw(folder, note_file, 16, 0) != 0 || files->count == 0) return false;
  shuffle(files);
  return true;
}

void raw_jpeg_free(raw_files *files) {
  for (size_t i = 0; i < files->count; i++)
    free(files->paths[i]);
  free(files->paths);
}

/* ---- decoding ---- */

typedef struct share {
  const raw_files *files;
  atomic_size_t next;
  atomic_bool failed;
} share;

/* A thread's memory; it grows as files ask for it. */
typedef struct room {
  unsigned char *bytes;
  size_t size;
} room;

static bool reserve(room *r, size_t size) {
  if (size <= r->size) return true;
  unsigned char *more = realloc(r->bytes, size);
  if (!more) return false;
  r->bytes = more;
  r->size = size;
  return true;
}

/* libturbojpeg writes rows that begin at multiples of 32 past the caches and waits for the memory. Whether
   malloc() gives such an address is chance, and the buffer is for a whole run: so it is kept from it. */
static unsigned char *beside_32(const room *r) {
  return r->bytes + 16 + (32 - (uintptr_t)r->bytes % 32) % 32;
}

static bool decode(tjhandle decoder, const char *path, room *file, room *pixels) {
  struct stat state;
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  bool good = fstat(descriptor, &state) == 0 && state.st_size < MOST_FILE &&
              reserve(file, (size_t)state.st_size) &&
              read(descriptor, file->bytes, (size_t)state.st_size) == state.st_size;
  close(descriptor);
  int width, height, sampling, colours;
  const unsigned long size = (unsigned long)state.st_size;
  return good &&
         tjDecompressHeader3(decoder, file->bytes, size, &width, &height, &sampling, &colours) ==
             0 &&
         reserve(pixels, 3 * (size_t)width * (size_t)height + 48) &&
         tjDecompress2(decoder, file->bytes, size, beside_32(pixels), width, 0, height, TJPF_RGB,
                       0) == 0;
}

static void *work(void *argument) {
  share *s = argument;
  room file = {0}, pixels = {0};
  tjhandle decoder = tjInitDecompress();
  for (;;) {
    const size_t i = atomic_fetch_add(&s->next, 1);
    if (i >= s->files->count || !decoder) break;
    if (!decode(decoder, s->files->paths[i], &file, &pixels)) atomic_store(&s->failed, true);
  }
  if (decoder) tjDestroy(decoder);
  free(file.bytes);
  free(pixels.bytes);
  return NULL;
}

bool raw_jpeg_decode(const raw_files *files, size_t threads) {
  pthread_t thread[MOST_THREADS];
  share s = {.files = files};
  size_t started = 0;
  while (started < threads && started < MOST_THREADS &&
         pthread_create(&thread[started], NULL, work, &s) == 0)
    started++;
  for (size_t i = 0; i < started; i++)
    pthread_join(thread[i], NULL);
  return started > 0 && !atomic_load(&s.failed);
}

/* ---- a photograph ---- */

/* Slopes, edges and grain, so that it takes what a photograph takes. */
static void paint(unsigned char *pixels, int width, int height) {
  uint32_t grain = 1;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      for (int c = 0; c < 3; c++) {
        grain = grain * 1664525u + 1013904223u;
        const double wave = sin(x * .011 + c) * cos(y * .017) + sin((x + y) * .003);
        const double edge = ((x / 97) ^ (y / 61)) & 1 ? 20 : -20;
        const double value = 128 + 50 * wave + edge + (double)(grain >> 28) - 8;
        *pixels++ = (unsigned char)(value < 0 ? 0 : value > 255 ? 255 : value);
      }
}

bool raw_jpeg_write(const char *folder, const char *path, int width, int height) {
  unsigned char *pixels = malloc(3 * (size_t)width * (size_t)height), *packed = NULL;
  unsigned long size = 0;
  tjhandle encoder = tjInitCompress();
  bool good = pixels && encoder && mkdir(folder, 0700) == 0;
  if (good) {
    paint(pixels, width, height);
    good = tjCompress2(encoder, pixels, width, 0, height, TJPF_RGB, &packed, &size, TJSAMP_420, 90,
                       0) == 0;
  }
  FILE *file = good ? fopen(path, "wb") : NULL;
  good = file && fwrite(packed, 1, size, file) == size;
  if (file && fclose(file) != 0) good = false;
  if (encoder) tjDestroy(encoder);
  tjFree(packed);
  free(pixels);
  return good;
}

#endif
