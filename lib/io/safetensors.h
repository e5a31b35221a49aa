/* safetensors files: named tensors and a map of texts, read by any tool that knows the format.
   Layout: the header's size (8 bytes, little-endian), the header (JSON), then the data without gaps. A file
   that is not exactly so is refused before anything of its claimed size is allocated. */
#ifndef CNN_IO_SAFETENSORS_H
#define CNN_IO_SAFETENSORS_H

#include "base/file.h"
#include "base/json.h"
#include "base/name_table.h"
#include "tensor/shape.h"

/* The largest header, in bytes, and how many JSON values it and the texts in it may have together: as many as two texts. */
enum { CNN__SAFETENSORS_HEADER = 1 << 20, CNN__SAFETENSORS_VALUES = 2 * CNN__JSON_VALUES };

/* ---- writing ---- */

typedef struct cnn__saved {
  const char *name;
  cnn_dtype dtype;
  cnn__shape shape;
  const void *data;
} cnn__saved;

typedef struct cnn__metadata {
  const char *name, *value;
} cnn__metadata;

/* Reads a copy of a text as it will be read one day, a header by its members: for the status, and what it leaves of *values.
   What could not be read again is not to be saved. */
cnn_status cnn__safetensors_try(cnn_context *context, const char *what, const char *text,
                                size_t size, bool header, size_t *values);

/* Writes all of it, whole or not at all. Tensors keep their order but that those with larger elements come
   first, which keeps all of them aligned. Equal arguments give equal bytes. CNN_E_LIMIT: a header of too many bytes, or of
   more than so many values. */
cnn_status cnn__safetensors_write(cnn_context *context, const char *path, const cnn__saved *tensors,
                                  size_t tensor_count, const cnn__metadata *notes,
                                  size_t note_count, size_t values);

/* ---- reading ---- */

typedef struct cnn__stored {
  const char *name; /* the file's */
  cnn_dtype dtype;
  cnn__shape shape;
  uint64_t offset; /* in the file */
  size_t bytes;
} cnn__stored;

typedef struct cnn__note_text {
  const char *name;
  char *value;
  size_t size;
} cnn__note_text;

/* Bytes of a file that were read ahead, since small tensors lie side by side. */
typedef struct cnn__ahead {
  uint64_t begin;
  size_t size;
  unsigned char bytes[16384];
} cnn__ahead;

typedef struct cnn__safetensors {
  cnn_context *context;
  cnn__reader *reader;
  char *path, *header; /* names and texts lie in the header */
  size_t values;       /* that the texts may still have */
  size_t note_count;
  cnn__note_text *notes;
  size_t count;
  cnn__stored *tensors; /* by rising offset */
  cnn__name_table by_name;
  cnn__ahead *ahead;
} cnn__safetensors;

/* Opens a file and checks all of its header. CNN_E_NOT_FOUND, CNN_E_IO, CNN_E_FORMAT, CNN_E_LIMIT, CNN_E_NOMEM. */
cnn_status cnn__safetensors_open(cnn_context *context, const char *path, cnn__safetensors **file);
void cnn__safetensors_close(cnn__safetensors *file); /* NULL is fine */

/* A text, or its value; NULL: none. */
const cnn__note_text *cnn__safetensors_note_text(const cnn__safetensors *file, const char *name);
static inline const char *cnn__safetensors_note(const cnn__safetensors *file, const char *name) {
  const cnn__note_text *note = cnn__safetensors_note_text(file, name);
  return note ? note->value : NULL;
}
const cnn__stored *cnn__safetensors_find(const cnn__safetensors *file, const char *name);
/* Reads bytes of a file, as a tensor's are. */
cnn_status cnn__safetensors_read_at(const cnn__safetensors *file, uint64_t offset, size_t bytes,
                                    void *data);
static inline cnn_status cnn__safetensors_read(const cnn__safetensors *file,
                                               const cnn__stored *tensor, void *data) {
  return cnn__safetensors_read_at(file, tensor->offset, tensor->bytes, data);
}

#endif
