/* Reading files with limits, and writing them whole or not at all. */
#ifndef CNN_BASE_FILE_H
#define CNN_BASE_FILE_H

#include "base/context.h"

/* A whole file in memory. Regular files only (a folder, FIFO or device is CNN_E_IO); over limit
   (or the context's max_file_bytes) is CNN_E_LIMIT before anything is allocated; EINTR is retried;
   a file that shrinks or grows meanwhile is CNN_E_IO. A limit of 0 leaves the context's alone. The
   bytes are the caller's to free; a NUL follows them. Messages name path and cause. */
cnn_status cnn__file_read(cnn_context *context, const char *path, uint64_t limit,
                          unsigned char **bytes, size_t *size);

/* The same, without a NUL, into memory that room gives for size bytes (and a little more); NULL from it, with
   a failure pending, is that failure. For those who read many files into one buffer. */
cnn_status cnn__file_read_into(cnn_context *context, const char *path,
                               unsigned char *(*room)(void *owner, size_t size), void *owner,
                               size_t *size);

/* An open file for reading in pieces at offsets. */
typedef struct cnn__reader cnn__reader;
cnn_status cnn__reader_open(cnn_context *context, const char *path, cnn__reader **reader);
uint64_t cnn__reader_size(const cnn__reader *reader);
/* Exactly size bytes, or CNN_E_IO naming path, offset and what was expected. */
cnn_status cnn__reader_read(cnn__reader *reader, uint64_t offset, void *bytes, size_t size);
void cnn__reader_close(cnn__reader *reader); /* NULL is fine */

/* Writing: a temporary file in the same folder (mode by umask), write, fsync, rename, fsync of the
   folder. Until commit the file at path is as it was. A temporary that a kill left behind is removed by the
   next writer of the same path. */
typedef struct cnn__writer cnn__writer;
cnn_status cnn__writer_open(cnn_context *context, const char *path, cnn__writer **writer);
/* The first failure is kept: later writes do nothing, and commit fails with it, so that looking at each is not needed. */
cnn_status cnn__writer_write(cnn__writer *writer, const void *bytes, size_t size);
/* Both free the writer. After a failed commit the old file stands (or, where only the folder's
   fsync failed, the new one does; the message says which). */
cnn_status cnn__writer_commit(cnn__writer *writer);
void cnn__writer_abandon(cnn__writer *writer); /* NULL is fine */

/* Text that grows, for building files and tables in memory. Check failed once, at the end. */
typedef struct cnn__text {
  cnn_context *context;
  char *bytes; /* NUL-terminated when not NULL */
  size_t size, capacity;
  cnn_status status; /* CNN_E_NOMEM once an append failed; later appends do nothing */
} cnn__text;
void cnn__text_start(cnn__text *text, cnn_context *context);
void cnn__text_append(cnn__text *text, const char *bytes, size_t size);
void cnn__text_format(cnn__text *text, const char *format, ...) CNN__PRINTF(2, 3);
void cnn__text_free(cnn__text *text);

#endif
