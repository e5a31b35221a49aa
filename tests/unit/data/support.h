/* What the unit tests of data share. */
#ifndef CNN_TESTS_UNIT_DATA_SUPPORT_H
#define CNN_TESTS_UNIT_DATA_SUPPORT_H

#include "../base/support.h"

#include "base/threads.h"
#include "tensor/tensor.h"
#include <cnn/data.h>
#include <stdio.h>
#include <unistd.h>

/* Pixels without a pattern. */
static inline uint8_t pixel_at(size_t i) {
  uint32_t x = (uint32_t)i * 2654435761u;
  x ^= x >> 15;
  x *= 2246822519u;
  return (uint8_t)(x >> 24);
}

/* count images of height x width x channels and the labels i % classes. */
static inline cnn_dataset *made_up_set(int64_t count, int64_t height, int64_t width,
                                       int64_t channels, int64_t classes) {
  cnn_tensor *images = cnn_tensor_create(CNN_UINT8, 4, (int64_t[]){count, height, width, channels});
  cnn_tensor *labels = cnn_tensor_create(CNN_INT32, 1, &count);
  cnn_dataset *set = NULL;
  if (images && labels) {
    uint8_t *pixels = images->data;
    for (size_t i = 0; i < images->bytes; i++)
      pixels[i] = pixel_at(i);
    for (int64_t i = 0; i < count; i++)
      ((int32_t *)labels->data)[i] = (int32_t)(i % classes);
    set = cnn_array_dataset(.images = images, .labels = labels, .classes = classes);
  }
  cnn_tensor_free(images);
  cnn_tensor_free(labels);
  return set;
}

/* A folder of its own for a test's files, with a name that nobody else uses. */
static inline const char *scratch_folder(void) {
  static char folder[64];
  if (!folder[0]) {
    snprintf(folder, sizeof folder, "/tmp/cnn-test-data-XXXXXX");
    if (!mkdtemp(folder)) fail_msg("no scratch folder");
  }
  return folder;
}

static inline char *scratch_path(const char *name) {
  static char path[4][256];
  static int next;
  char *to = path[next++ % 4];
  snprintf(to, sizeof path[0], "%s/%s", scratch_folder(), name);
  return to;
}

static inline void write_file(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
    fail_msg("%s cannot be written", path);
}

static inline void do_nothing(void *argument, size_t task, size_t slot) {}

/* Runs scene with every allocation failing in turn, once and then for ever: each time it says
   CNN_E_NOMEM and leaves nothing behind; when none fails it says CNN_OK. The context and its threads
   are there before: without memory for threads the caller does all the work, which is no failure. */
static inline void every_allocation_fails(cnn_status (*scene)(void)) {
  for (int for_ever = 0; for_ever < 2; for_ever++)
    for (long at = 1;; at++) {
      counting c = {.for_ever = for_ever};
      cnn_context *context = counting_context(&c, 2);
      cnn__parallel_for(context, 8, do_nothing, NULL);
      atomic_store(&c.calls, 0);
      c.fail_at = at;
      cnn_context_use(context);
      cnn_clear_error();
      const cnn_status status = scene();
      cnn_context_use(NULL);
      cnn_context_free(context);
      assert_int_equal(atomic_load(&c.live), 0);
      if (status == CNN_OK) {
        if (atomic_load(&c.calls) >= at) fail_msg("allocation %ld failed unnoticed", at);
        break;
      }
      if (status != CNN_E_NOMEM) fail_msg("allocation %ld: %s", at, cnn_last_error());
    }
}

#endif
