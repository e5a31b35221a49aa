/* A temporary folder to work in: the tests of files change to it, so their paths are short. */
#ifndef CNN_TESTS_UNIT_BASE_FOLDER_H
#define CNN_TESTS_UNIT_BASE_FOLDER_H

#include "base/file.h"
#include "support.h"
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder_path[256];

static int folder_enter(void **state) {
  const char *parent = getenv("TMPDIR");
  (void)snprintf(folder_path, sizeof folder_path, "%s/cnn-XXXXXX", parent ? parent : "/tmp");
  return mkdtemp(folder_path) && chdir(folder_path) == 0 ? 0 : 1;
}

/* How many files the folder holds whose names have a part; removes them where asked to. */
static int folder_count(const char *part, bool remove_them) {
  DIR *folder = opendir(".");
  assert_non_null(folder);
  int count = 0;
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (!strstr(entry->d_name, part)) continue;
    count++;
    if (remove_them) (void)remove(entry->d_name);
  }
  (void)closedir(folder);
  return count;
}

static inline int folder_temporaries(void) {
  return folder_count(".cnn-tmp", false);
}

static int folder_leave(void **state) {
  (void)folder_count("", true);
  return chdir("/") == 0 && rmdir(folder_path) == 0 ? 0 : 1;
}

static inline void put_file(const char *path, const char *content) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(content, 1, strlen(content), file), strlen(content));
  assert_int_equal(fclose(file), 0);
}

/* Whether the file holds just that; NULL: whether there is none. */
static inline bool file_holds(const char *path, const char *content) {
  char text[4096];
  FILE *file = fopen(path, "rb");
  if (!file || !content) {
    if (file) (void)fclose(file);
    return !file && !content;
  }
  size_t size = fread(text, 1, sizeof text, file);
  (void)fclose(file);
  return size == strlen(content) && memcmp(text, content, size) == 0;
}

static inline void assert_holds(const char *path, const char *content) {
  if (!file_holds(path, content)) fail_msg("%s does not hold \"%.40s\"", path, content);
}

/* Writes content in three pieces. */
static inline cnn_status save(cnn_context *context, const char *path, const char *content) {
  cnn__writer *writer = NULL;
  cnn_status status = cnn__writer_open(context, path, &writer);
  if (status) return status;
  size_t size = strlen(content), third = size / 3;
  status = cnn__writer_write(writer, content, third);
  if (!status) status = cnn__writer_write(writer, content + third, third);
  if (!status) status = cnn__writer_write(writer, content + 2 * third, size - 2 * third);
  cnn_status end = cnn__writer_commit(writer);
  assert_int_equal(status ? status : end, end);
  return end;
}

#endif
