/* IDX files (LeCun's MNIST database): a type, sizes in big-endian, bytes; plain or gzip-compressed. */
#include "base/file.h"
#include "base/size.h"
#include "data/dataset.h"
#include "data/inflate.h"
#include <string.h>

enum { UNSIGNED_BYTES = 8, MOST_RANK = 4 };

/* A whole file, unpacked. */
typedef struct idx_file {
  const char *path;
  unsigned char *bytes;
  size_t size; /* of bytes */
  size_t rank, dim[MOST_RANK];
  size_t data;  /* where it begins */
  size_t whole; /* how large the header says the file is */
} idx_file;

static size_t read_32(const unsigned char *p) {
  return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* From the first size bytes. */
static cnn_status read_header(const unsigned char *b, size_t size, idx_file *file) {
  if (size < 4 || b[0] != 0 || b[1] != 0)
    return cnn__fail(CNN_E_FORMAT, "%s: does not begin as an IDX file (%zu bytes)", file->path,
                     size);
  if (b[2] != UNSIGNED_BYTES)
    return cnn__fail(CNN_E_UNSUPPORTED, "%s: IDX type 0x%02x is not 0x08, unsigned bytes",
                     file->path, b[2]);
  file->rank = b[3];
  file->data = 4 + 4 * file->rank;
  if (file->rank < 1 || file->rank > MOST_RANK || size < file->data)
    return cnn__fail(CNN_E_FORMAT, "%s: %zu bytes for an IDX header of %zu dimensions", file->path,
                     size, file->rank);
  size_t count = 1;
  for (size_t i = 0; i < file->rank; i++) {
    file->dim[i] = read_32(b + 4 + 4 * i);
    if (file->dim[i] == 0 || !cnn__size_mul(count, file->dim[i], &count))
      return cnn__fail(CNN_E_FORMAT, "%s: dimension %zu is %zu", file->path, i, file->dim[i]);
  }
  if (!cnn__size_add(count, file->data, &file->whole))
    return cnn__fail(CNN_E_FORMAT, "%s: its sizes exceed the address space", file->path);
  return CNN_OK;
}

/* Puts what the packed bytes hold in their place. */
static cnn_status unpack(cnn_context *context, idx_file *file) {
  unsigned char begin[4 + 4 * MOST_RANK], *unpacked = NULL;
  size_t got;
  const cnn__gzip gzip = {file->path, file->bytes, file->size};
  cnn_status status = cnn__gunzip_begin(context, &gzip, begin, sizeof begin, &got);
  if (status == CNN_OK) status = read_header(begin, got, file);
  if (status == CNN_OK && file->whole > cnn__context_max_file_bytes(context))
    status = cnn__fail(CNN_E_LIMIT, "%s: unpacks to %zu bytes, over the limit of %llu", file->path,
                       file->whole, (unsigned long long)cnn__context_max_file_bytes(context));
  if (status == CNN_OK) status = cnn__gunzip(context, &gzip, file->whole, &unpacked);
  if (status != CNN_OK) return status;
  cnn__free(context, file->bytes);
  file->bytes = unpacked;
  file->size = file->whole;
  return CNN_OK;
}

static cnn_status read_idx(cnn_context *context, const char *path, idx_file *file) {
  *file = (idx_file){.path = path};
  const cnn_status status = cnn__file_read(context, path, 0, &file->bytes, &file->size);
  if (status != CNN_OK) return status;
  if (file->size >= 2 && file->bytes[0] == 0x1f && file->bytes[1] == 0x8b)
    return unpack(context, file);
  const cnn_status header = read_header(file->bytes, file->size, file);
  if (header != CNN_OK || file->size == file->whole) return header;
  return cnn__fail(CNN_E_FORMAT, "%s: %zu bytes, where the header's sizes make %zu", path,
                   file->size, file->whole);
}

static cnn_status check_labels(const idx_file *images, const idx_file *labels) {
  if (labels->rank != 1)
    return cnn__fail(CNN_E_FORMAT, "%s: labels of %zu dimensions, not 1", labels->path,
                     labels->rank);
  if (labels->dim[0] != images->dim[0])
    return cnn__fail(CNN_E_FORMAT, "%s: %zu labels for %zu images in %s", labels->path,
                     labels->dim[0], images->dim[0], images->path);
  return CNN_OK;
}

/* Images (count, height, width) or (count, height, width, channels). */
static cnn_dataset *make_set(const idx_file *images, const idx_file *labels) {
  if (images->rank < 3) {
    cnn__fail(CNN_E_FORMAT, "%s: images of %zu dimensions, not 3 or 4", images->path, images->rank);
    return NULL;
  }
  const cnn__shape shape = {
      .rank = 3, .dim = {images->dim[1], images->dim[2], images->rank == 4 ? images->dim[3] : 1}};
  cnn_dataset *dataset =
      cnn__memory_set_new(images->dim[0], CNN_UINT8, &shape, labels->bytes != NULL, 0);
  if (!dataset) return NULL;
  cnn__memory_set *set = cnn__memory_set_state(dataset);
  memcpy(set->pixels, images->bytes + images->data, images->size - images->data);
  size_t classes = 0;
  for (size_t i = 0; labels->bytes && i < dataset->count; i++) {
    set->indices[i] = labels->bytes[labels->data + i];
    classes = cnn__size_max(classes, (size_t)set->indices[i] + 1);
  }
  if (labels->bytes && cnn__dataset_set_classes(dataset, classes, NULL) != CNN_OK)
    return cnn__dataset_abandon(dataset);
  return dataset;
}

cnn_dataset *cnn_idx_dataset(const char *images_path, const char *labels_path) {
  if (!images_path) {
    cnn__fail(CNN_E_INVALID, "cnn_idx_dataset: images is NULL");
    return NULL;
  }
  cnn_context *context = cnn__context_acquire();
  if (!context) return NULL;
  idx_file images = {0}, labels = {0};
  cnn_status status = read_idx(context, images_path, &images);
  if (status == CNN_OK && labels_path) {
    status = read_idx(context, labels_path, &labels);
    if (status == CNN_OK) status = check_labels(&images, &labels);
  }
  cnn_dataset *dataset = status == CNN_OK ? make_set(&images, &labels) : NULL;
  cnn__free(context, images.bytes);
  cnn__free(context, labels.bytes);
  cnn_context_free(context);
  return dataset;
}
