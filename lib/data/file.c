/* Writing files, for programs and for libraries that stand on this one. */
#include "base/file.h"
#include <cnn/data.h>

cnn_status cnn_file_write(const char *path, const void *bytes, size_t size) {
  if (path == NULL) return cnn__fail_null("cnn_file_write", "path");
  if (bytes == NULL && size > 0) return cnn__fail_null("cnn_file_write", "bytes");
  cnn_context *context = cnn__context_acquire();
  if (context == NULL) return cnn_last_status();
  cnn__writer *writer = NULL;
  cnn_status status = cnn__writer_open(context, path, &writer);
  if (status == CNN_OK) {
    (void)cnn__writer_write(writer, bytes, size);
    status = cnn__writer_commit(writer);
  }
  cnn_context_free(context);
  return status;
}
