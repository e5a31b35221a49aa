/* NumPy's .npy files (NEP 1), little-endian and in C order. */
#include "base/file.h"
#include "base/number.h"
#include "base/size.h"
#include "tensor/tensor.h"
#include <cnn/data.h>
#include <string.h>

/* Numbers are copied as they lie in memory. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "npy files are read as little-endian");

enum { MAGIC = 6, MOST_HEADER = 1 << 16, ALIGNMENT = 64 };
static const char magic[MAGIC] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

static const struct kind {
  const char *text;
  cnn_dtype dtype;
} kinds[] = {{"<f4", CNN_FLOAT32}, {"|u1", CNN_UINT8},   {"<i4", CNN_INT32},
             {"<i8", CNN_INT64},   {"<f8", CNN_FLOAT64}, {"<u8", CNN_UINT64}};

/* ---- the header: a Python dictionary of three members ---- */

typedef struct npy_header {
  const char *path;
  const char *at, *end;
  cnn_dtype dtype;
  cnn__shape shape;
  bool has_dtype, has_order, has_shape;
} npy_header;

static cnn_status malformed(const npy_header *h, const char *what) {
  return cnn__fail(CNN_E_FORMAT, "%s: not a sound .npy header: %s", h->path, what);
}

static void skip_spaces(npy_header *h) {
  while (h->at < h->end && (*h->at == ' ' || *h->at == '\n' || *h->at == '\t'))
    h->at++;
}

/* Takes this character, if it is next. */
static bool take(npy_header *h, char c) {
  skip_spaces(h);
  if (h->at == h->end || *h->at != c) return false;
  h->at++;
  return true;
}

static bool take_word(npy_header *h, const char *word) {
  const size_t length = strlen(word);
  skip_spaces(h);
  if ((size_t)(h->end - h->at) < length || memcmp(h->at, word, length) != 0) return false;
  h->at += length;
  return true;
}

/* A quoted text without escapes. */
static bool take_text(npy_header *h, const char **text, size_t *length) {
  skip_spaces(h);
  if (h->at == h->end || (*h->at != '\'' && *h->at != '"')) return false;
  const char quote = *h->at++;
  *text = h->at;
  while (h->at < h->end && *h->at != quote)
    h->at++;
  if (h->at == h->end) return false;
  *length = (size_t)(h->at++ - *text);
  return true;
}

static cnn_status read_dtype(npy_header *h) {
  const char *text;
  size_t length;
  if (!take_text(h, &text, &length)) return malformed(h, "descr is no text");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (length == 3 && memcmp(text, kinds[i].text, 3) == 0) {
      h->dtype = kinds[i].dtype;
      h->has_dtype = true;
      return CNN_OK;
    }
  return cnn__fail(CNN_E_UNSUPPORTED, "%s: dtype '%.*s' is none of <f4, <f8, |u1, <i4, <i8, <u8",
                   h->path, (int)(length < 40 ? length : 40), text);
}

static cnn_status read_shape(npy_header *h) {
  if (!take(h, '(')) return malformed(h, "shape is no tuple");
  for (bool more = !take(h, ')'); more;) {
    const char *begin = h->at;
    int64_t size;
    while (h->at < h->end && *h->at >= '0' && *h->at <= '9')
      h->at++;
    if (!cnn__number_parse_integer(begin, (size_t)(h->at - begin), &size))
      return malformed(h, "a size in shape is no number");
    if (h->shape.rank == CNN_MAX_RANK)
      return cnn__fail(CNN_E_UNSUPPORTED, "%s: more than %d dimensions", h->path, CNN_MAX_RANK);
    h->shape.dim[h->shape.rank++] = (size_t)size;
    const bool comma = take(h, ',');
    more = !take(h, ')');
    if (more && !comma) return malformed(h, "shape does not end");
  }
  h->has_shape = true;
  return CNN_OK;
}

static cnn_status read_order(npy_header *h) {
  h->has_order = true;
  if (take_word(h, "False")) return CNN_OK;
  if (take_word(h, "True"))
    return cnn__fail(CNN_E_UNSUPPORTED, "%s: the array is in Fortran's order", h->path);
  return malformed(h, "fortran_order is neither False nor True");
}

static cnn_status read_member(npy_header *h) {
  const char *key;
  size_t length;
  if (!take_text(h, &key, &length) || !take(h, ':')) return malformed(h, "a member has no name");
  if (length == 5 && memcmp(key, "descr", 5) == 0 && !h->has_dtype) return read_dtype(h);
  if (length == 13 && memcmp(key, "fortran_order", 13) == 0 && !h->has_order) return read_order(h);
  if (length == 5 && memcmp(key, "shape", 5) == 0 && !h->has_shape) return read_shape(h);
  return malformed(h, "a member is unknown or doubled");
}

static cnn_status read_header(npy_header *h) {
  if (!take(h, '{')) return malformed(h, "no dictionary");
  for (bool more = !take(h, '}'); more;) {
    const cnn_status status = read_member(h);
    if (status != CNN_OK) return status;
    const bool comma = take(h, ',');
    more = !take(h, '}');
    if (more && !comma) return malformed(h, "it does not end");
  }
  skip_spaces(h);
  if (h->at != h->end) return malformed(h, "something follows the dictionary");
  if (!h->has_dtype || !h->has_order || !h->has_shape) return malformed(h, "a member is missing");
  return CNN_OK;
}

/* ---- reading ---- */

/* Where the header's text lies, by the file's version. */
static cnn_status find_header(cnn__reader *reader, const char *path, uint64_t *begin,
                              size_t *length) {
  uint8_t start[12];
  const uint64_t size = cnn__reader_size(reader);
  if (size < 10)
    return cnn__fail(CNN_E_FORMAT, "%s: %llu bytes are no .npy file", path,
                     (unsigned long long)size);
  cnn_status status = cnn__reader_read(reader, 0, start, size < 12 ? 10 : 12);
  if (status != CNN_OK) return status;
  if (memcmp(start, magic, MAGIC) != 0)
    return cnn__fail(CNN_E_FORMAT, "%s: does not begin as a .npy file", path);
  const int version = start[6];
  if (version < 1 || version > 3 || start[7] != 0 || (version > 1 && size < 12))
    return cnn__fail(CNN_E_FORMAT, "%s: .npy version %d.%d is unknown", path, version, start[7]);
  *begin = version == 1 ? 10 : 12;
  *length = (size_t)start[8] | (size_t)start[9] << 8;
  if (version > 1) *length |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
  if (*length > MOST_HEADER || *length > size - *begin)
    return cnn__fail(CNN_E_FORMAT, "%s: a header of %zu bytes in a file of %llu", path, *length,
                     (unsigned long long)size);
  return CNN_OK;
}

/* The tensor that the header describes, if the rest of the file is exactly its bytes. */
static cnn_status read_array(cnn_context *context, cnn__reader *reader, const npy_header *h,
                             uint64_t begin, cnn_tensor **array) {
  const uint64_t rest = cnn__reader_size(reader) - begin;
  size_t count, bytes;
  if (!cnn__shape_count(&h->shape, &count) ||
      !cnn__size_mul(count, cnn__dtype_size(h->dtype), &bytes) || bytes != rest) {
    char text[CNN__SHAPE_TEXT];
    return cnn__fail(CNN_E_FORMAT, "%s: %llu bytes of data do not make shape %s of %zu bytes each",
                     h->path, (unsigned long long)rest, cnn__shape_text(&h->shape, text),
                     cnn__dtype_size(h->dtype));
  }
  *array = cnn__tensor_new(context, h->dtype, &h->shape);
  if (!*array) return CNN_E_NOMEM;
  return bytes ? cnn__reader_read(reader, begin, (*array)->data, bytes) : CNN_OK;
}

static cnn_status read_npy(cnn_context *context, const char *path, cnn_tensor **array) {
  cnn__reader *reader;
  cnn_status status = cnn__reader_open(context, path, &reader);
  if (status != CNN_OK) return status;
  uint64_t begin = 0;
  size_t length = 0;
  char *text = NULL;
  status = find_header(reader, path, &begin, &length);
  if (status == CNN_OK) {
    text = cnn__alloc(context, length + 1, "a .npy header");
    status = text ? cnn__reader_read(reader, begin, text, length) : CNN_E_NOMEM;
  }
  if (status == CNN_OK) {
    npy_header h = {.path = path, .at = text, .end = text + length};
    status = read_header(&h);
    if (status == CNN_OK) status = read_array(context, reader, &h, begin + length, array);
  }
  cnn__free(context, text);
  cnn__reader_close(reader);
  return status;
}

cnn_tensor *cnn_npy_read(const char *path) {
  if (!path) {
    cnn__fail(CNN_E_INVALID, "cnn_npy_read: path is NULL");
    return NULL;
  }
  cnn_context *context = cnn__context_acquire();
  if (!context) return NULL;
  cnn_tensor *array = NULL;
  if (read_npy(context, path, &array) != CNN_OK) {
    cnn_tensor_free(array);
    array = NULL;
  }
  cnn_context_free(context);
  return array;
}

/* ---- writing ---- */

static const char *dtype_text(cnn_dtype dtype) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (kinds[i].dtype == dtype) return kinds[i].text;
  return NULL;
}

/* Version 1.0; the header is padded so that the data begins at a multiple of 64. */
static void write_header(cnn__text *text, const cnn_tensor *tensor) {
  cnn__text_append(text, magic, MAGIC);
  cnn__text_append(text, "\1\0\0\0", 4);
  cnn__text_format(text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                   dtype_text(tensor->dtype));
  const cnn__shape *shape = &tensor->shape;
  for (size_t i = 0; i < shape->rank; i++)
    cnn__text_format(text, "%s%zu%s", i ? " " : "", shape->dim[i],
                     i + 1 < shape->rank || shape->rank == 1 ? "," : "");
  cnn__text_append(text, "), }", 4);
  while (text->status == CNN_OK && (text->size + 1) % ALIGNMENT != 0)
    cnn__text_append(text, " ", 1);
  cnn__text_append(text, "\n", 1);
  if (text->status != CNN_OK) return;
  const size_t length = text->size - 10;
  text->bytes[8] = (char)(length & 255);
  text->bytes[9] = (char)(length >> 8);
}

cnn_status cnn_npy_write(const char *path, const cnn_tensor *tensor) {
  if (!tensor) return cnn__fail_null("cnn_npy_write", "tensor");
  if (!path) return cnn__fail(CNN_E_INVALID, "cnn_npy_write: path is NULL");
  cnn__text header;
  cnn__writer *writer = NULL;
  cnn__text_start(&header, tensor->context);
  write_header(&header, tensor);
  cnn_status status = header.status;
  if (status == CNN_OK) status = cnn__writer_open(tensor->context, path, &writer);
  if (status == CNN_OK) {
    (void)cnn__writer_write(writer, header.bytes, header.size);
    if (tensor->bytes) (void)cnn__writer_write(writer, tensor->data, tensor->bytes);
    status = cnn__writer_commit(writer);
  }
  cnn__text_free(&header);
  return status;
}
