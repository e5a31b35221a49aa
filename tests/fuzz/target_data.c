/* Files of samples: CIFAR, IDX, npy, and the two image formats. */
#include "targets.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MEMORY = 64 << 20 };

/* Reads every sample, so that what was accepted is used as well. */
static void use_dataset(cnn_dataset *dataset, size_t size) {
  if (!dataset) {
    fuzz_refused(size);
    return;
  }
  const int64_t count = cnn_dataset_count(dataset);
  for (int64_t i = 0; i < count && i < 4; i++) {
    cnn_tensor *image;
    int32_t label;
    FUZZ_REQUIRE(cnn_dataset_fetch(dataset, i, &image, &label, NULL) == CNN_OK);
    FUZZ_REQUIRE(label >= -1 && label < cnn_dataset_classes(dataset) + 1);
    cnn_tensor_free(image);
  }
  cnn_dataset_free(dataset);
}

/* ---- CIFAR ---- */

enum { RECORDS = 10000, RECORD = 1 + 3072 };

/* The published sizes are part of the format: the file is that large but for a difference of two bytes' worth, and
   five bytes at a time say which byte of it is another. */
void fuzz_cifar(const uint8_t *bytes, size_t size) {
  static int file = -1;
  char folder[128];
  fuzz_choices choices = {bytes, size};
  (void)strncpy(folder, fuzz_scratch(""), sizeof folder - 1);
  folder[sizeof folder - 1] = 0;
  if (file < 0) file = open(fuzz_scratch("test_batch.bin"), O_RDWR | O_CREAT, 0600);
  const int change = fuzz_byte(&choices) << 8 | fuzz_byte(&choices);
  FUZZ_REQUIRE(file >= 0 && ftruncate(file, 0) == 0);
  FUZZ_REQUIRE(ftruncate(file, (off_t)RECORDS * RECORD +
                                   (change < 0x8000 ? change : change - 0x10000)) == 0);
  while (choices.left >= 5) {
    uint32_t at = 0;
    for (int i = 0; i < 4; i++)
      at = at << 8 | fuzz_byte(&choices);
    const uint8_t value = fuzz_byte(&choices);
    FUZZ_REQUIRE(pwrite(file, &value, 1, (off_t)(at % ((uint32_t)RECORDS * RECORD))) == 1);
  }
  fuzz_begin(128 << 20);
  use_dataset(cnn_cifar10(folder, CNN_TEST), 2 * (size_t)RECORDS * RECORD);
  fuzz_end();
}

void fuzz_cifar_seed(const fuzz_sink *sink, const char *images) {
  (void)images;
  static const uint8_t seeds[][7] = {{0, 0, 0, 0, 0, 0, 9},
                                     {0, 1, 0, 0, 0, 0, 1},
                                     {0, 0, 0, 0, 0, 0, 10},
                                     {0xff, 0xff, 0, 0, 0, 1, 77}};
  for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
    sink->put(sink->user, seeds[i], sizeof seeds[i]);
}

/* ---- IDX ---- */

/* The file as images without labels and with; and as labels. */
void fuzz_idx(const uint8_t *bytes, size_t size) {
  fuzz_begin(MEMORY);
  const char *path = fuzz_file(bytes, size);
  use_dataset(cnn_idx_dataset(path, NULL), 2 * size);
  cnn_clear_error();
  cnn_dataset *both = cnn_idx_dataset(path, path);
  FUZZ_REQUIRE(!both); /* nothing is images and labels at once */
  fuzz_end();
}

void fuzz_idx_seed(const fuzz_sink *sink, const char *images) {
  static const uint8_t plain[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
  static const uint8_t colour[] = {0, 0, 8, 4, 0, 0, 0, 1, 0, 0, 0, 1, 0,
                                   0, 0, 2, 0, 0, 0, 3, 9, 8, 7, 6, 5, 4};
  static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2};
  static const uint8_t packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
                                   0x63, 0x60, 0xe0, 0x60, 0x66, 0x60, 0x60, 0x60, 0x04, 0x62,
                                   0x26, 0x20, 0x66, 0x66, 0x64, 0x62, 0x66, 0x61, 0x65, 0x03,
                                   0x00, 0xb5, 0xf5, 0x91, 0x72, 0x16, 0x00, 0x00, 0x00};
  (void)images;
  sink->put(sink->user, plain, sizeof plain);
  sink->put(sink->user, colour, sizeof colour);
  sink->put(sink->user, labels, sizeof labels);
  sink->put(sink->user, packed, sizeof packed);
}

/* ---- npy ---- */

void fuzz_npy(const uint8_t *bytes, size_t size) {
  fuzz_begin(MEMORY);
  cnn_tensor *array = cnn_npy_read(fuzz_file(bytes, size));
  if (!array) fuzz_refused(size);
  if (array) { /* what was read is written and read again */
    char path[128];
    (void)strncpy(path, fuzz_scratch("array.npy"), sizeof path - 1);
    path[sizeof path - 1] = 0;
    FUZZ_REQUIRE(cnn_npy_write(path, array) == CNN_OK);
    cnn_tensor *again = cnn_npy_read(path);
    FUZZ_REQUIRE(again && cnn_tensor_count(again) == cnn_tensor_count(array) &&
                 cnn_tensor_dtype(again) == cnn_tensor_dtype(array) &&
                 cnn_tensor_rank(again) == cnn_tensor_rank(array));
    cnn_tensor_free(again);
  }
  cnn_tensor_free(array);
  fuzz_end();
}

void fuzz_npy_seed(const fuzz_sink *sink, const char *images) {
  fuzz_seed_files(sink, images, ".npy", 400);
}

/* ---- images ---- */

static void decode(const uint8_t *bytes, size_t size) {
  for (int64_t channels = 1; channels <= 3; channels += 2) {
    fuzz_begin(MEMORY);
    cnn_tensor *image = cnn_image_decode("image", bytes, size, channels);
    if (image) {
      const int64_t *shape = cnn_tensor_shape(image);
      FUZZ_REQUIRE(cnn_tensor_rank(image) == 3 && shape[0] > 0 && shape[1] > 0 &&
                   shape[2] == channels);
    } else if (cnn_last_status() != CNN_E_NOMEM) /* large images may be true ones */
      FUZZ_REQUIRE(cnn_last_status() == CNN_E_FORMAT || cnn_last_status() == CNN_E_LIMIT ||
                   cnn_last_status() == CNN_E_UNSUPPORTED);
    cnn_tensor_free(image);
    fuzz_end();
  }
}

void fuzz_png(const uint8_t *bytes, size_t size) {
  decode(bytes, size);
}

void fuzz_png_seed(const fuzz_sink *sink, const char *images) {
  fuzz_seed_files(sink, images, ".png", 4000);
}

void fuzz_jpeg(const uint8_t *bytes, size_t size) {
  decode(bytes, size);
}

void fuzz_jpeg_seed(const fuzz_sink *sink, const char *images) {
  fuzz_seed_files(sink, images, ".jpg", 4000);
}
