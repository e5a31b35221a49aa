/* Reading files and libturbojpeg, with nothing around them: what a loader of JPEG folders is held against. */
#ifndef CNN_TESTS_BENCH_RAW_JPEG_H
#define CNN_TESTS_BENCH_RAW_JPEG_H

#include <stdbool.h>
#include <stddef.h>

typedef struct raw_files {
  char **paths;
  size_t count;
} raw_files;

/* The .jpg files of a folder's sub-folders. False where there are none, or no libturbojpeg was built in. */
bool raw_jpeg_find(const char *folder, raw_files *files);
void raw_jpeg_free(raw_files *files);

/* Reads and decodes all of them to RGB, by so many threads. False where one cannot be. */
bool raw_jpeg_decode(const raw_files *files, size_t threads);

/* Makes a folder, and in it the file of a photograph-like picture of width x height. */
bool raw_jpeg_write(const char *folder, const char *path, int width, int height);

#endif
