#include "base/file.h"
#include "base/size.h"
#include "base/system.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

struct cnn__reader {
  cnn_context *context;
  char *path;
  int descriptor;
  uint64_t size;
};

static unsigned long long as_long(uint64_t value) {
  return value;
}

/* Opens a regular file and finds its size. Not blocking: opening a FIFO would wait for a writer. */
static cnn_status open_regular(const char *path, uint64_t limit, int *descriptor, uint64_t *size) {
  int opened = cnn__system_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
  if (opened < 0) return cnn__system_fail(path, "open for reading");
  struct stat state;
  cnn_status status = CNN_OK;
  if (cnn__system_stat(opened, &state) != 0) {
    status = cnn__system_fail(path, "examine");
  } else if (!S_ISREG(state.st_mode)) {
    status = cnn__fail(CNN_E_IO, "%s: %s, not a regular file", path,
                       S_ISDIR(state.st_mode) ? "a folder" : "a device or the like");
  } else if ((uint64_t)state.st_size > limit) {
    status = cnn__fail(CNN_E_LIMIT, "%s: %llu bytes exceed the limit of %llu", path,
                       as_long((uint64_t)state.st_size), as_long(limit));
  }
  if (status) {
    cnn__system_close(opened);
    return status;
  }
  *descriptor = opened;
  *size = (uint64_t)state.st_size;
  return CNN_OK;
}

/* ---- whole files ---- */

/* One byte more than there was is asked for, so that a file that grows is noticed; but without another call
   for it: of small files, opening and reading is a good part of what they cost. */
static cnn_status read_all(const char *path, int descriptor, unsigned char *bytes, size_t size) {
  int64_t count = cnn__system_read(descriptor, 0, bytes, size + 1, size > 0 ? size : 1);
  if (count < 0) return cnn__system_fail(path, "read");
  if ((uint64_t)count == size) {
    bytes[size] = 0;
    return CNN_OK;
  }
  if ((uint64_t)count > size)
    return cnn__fail(CNN_E_IO, "%s: grew beyond %zu bytes while it was read", path, size);
  return cnn__fail(CNN_E_IO, "%s: ends at offset %lld of %zu bytes; it shrank while it was read",
                   path, (long long)count, size);
}

/* Reads a file whole into what room gives. */
static cnn_status read_file(const char *path, uint64_t most,
                            unsigned char *(*room)(void *owner, size_t size), void *owner,
                            size_t *size) {
  uint64_t found = 0;
  int descriptor;
  cnn_status status = open_regular(path, most, &descriptor, &found);
  if (status) return status;
  unsigned char *content = NULL;
  if (found >= SIZE_MAX)
    status =
        cnn__fail(CNN_E_NOMEM, "%s: %llu bytes are more than memory holds", path, as_long(found));
  else if (!(content = room(owner, (size_t)found + 1)))
    status = cnn__fail_prefix(CNN_E_NOMEM, "%s", path);
  else
    status = read_all(path, descriptor, content, (size_t)found);
  cnn__system_close(descriptor);
  *size = (size_t)found;
  return status;
}

cnn_status cnn__file_read_into(cnn_context *context, const char *path,
                               unsigned char *(*room)(void *owner, size_t size), void *owner,
                               size_t *size) {
  return read_file(path, cnn__context_max_file_bytes(context), room, owner, size);
}

/* A file's content on its way to the caller. */
typedef struct content {
  cnn_context *context;
  unsigned char *bytes;
} content;

static unsigned char *new_content(void *owner, size_t size) {
  content *made = owner;
  made->bytes = cnn__alloc(made->context, size, "a file's content");
  return made->bytes;
}

cnn_status cnn__file_read(cnn_context *context, const char *path, uint64_t limit,
                          unsigned char **bytes, size_t *size) {
  uint64_t most = cnn__context_max_file_bytes(context);
  content made = {.context = context};
  size_t found;
  if (limit != 0 && limit < most) most = limit;
  cnn_status status = read_file(path, most, new_content, &made, &found);
  if (status) {
    cnn__free(context, made.bytes);
    return status;
  }
  *bytes = made.bytes;
  *size = found;
  return CNN_OK;
}

/* ---- files in pieces ---- */

cnn_status cnn__reader_open(cnn_context *context, const char *path, cnn__reader **reader) {
  cnn__reader *made = cnn__calloc_array(context, 1, sizeof *made, "a file reader");
  if (!made) return CNN_E_NOMEM;
  made->context = context;
  made->descriptor = -1;
  made->path = cnn__strdup(context, path);
  cnn_status status = made->path ? open_regular(path, cnn__context_max_file_bytes(context),
                                                &made->descriptor, &made->size)
                                 : CNN_E_NOMEM;
  if (status) {
    cnn__reader_close(made);
    return status;
  }
  *reader = made;
  return CNN_OK;
}

uint64_t cnn__reader_size(const cnn__reader *reader) {
  return reader->size;
}

cnn_status cnn__reader_read(cnn__reader *reader, uint64_t offset, void *bytes, size_t size) {
  if (offset > reader->size || size > reader->size - offset)
    return cnn__fail(CNN_E_IO, "%s: %zu bytes are expected at offset %llu, but it ends at %llu",
                     reader->path, size, as_long(offset), as_long(reader->size));
  int64_t count = cnn__system_read(reader->descriptor, offset, bytes, size, size);
  if (count < 0) {
    char what[80];
    int cause = errno;
    (void)snprintf(what, sizeof what, "read %zu bytes at offset %llu", size, as_long(offset));
    errno = cause;
    return cnn__system_fail(reader->path, what);
  }
  if ((uint64_t)count < size)
    return cnn__fail(CNN_E_IO,
                     "%s: %zu bytes are expected at offset %llu, but after %lld it ends; it shrank "
                     "from %llu bytes",
                     reader->path, size, as_long(offset), (long long)count, as_long(reader->size));
  return CNN_OK;
}

void cnn__reader_close(cnn__reader *reader) {
  if (!reader) return;
  cnn__system_close(reader->descriptor);
  cnn__free(reader->context, reader->path);
  cnn__free(reader->context, reader);
}
