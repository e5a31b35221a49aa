#include "base/size.h"
#include "io/safetensors.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool read_dtype(const cnn__json *json, cnn_dtype *dtype) {
  static const struct {
    const char *name;
    cnn_dtype dtype;
  } known[] = {{"F32", CNN_FLOAT32}, {"U8", CNN_UINT8},    {"I32", CNN_INT32},
               {"I64", CNN_INT64},   {"F64", CNN_FLOAT64}, {"U64", CNN_UINT64}};
  if (!json || json->type != CNN__JSON_STRING) return false;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(known[i].name, json->value.string) != 0) continue;
    *dtype = known[i].dtype;
    return true;
  }
  return false;
}

static bool read_shape(const cnn__json *json, cnn__shape *shape) {
  if (!json || json->type != CNN__JSON_ARRAY || json->count > CNN_MAX_RANK) return false;
  *shape = (cnn__shape){.rank = 0};
  for (const cnn__json *size = cnn__json_first(json); size; size = size->next) {
    if (size->type != CNN__JSON_INTEGER || size->value.integer < 0) return false;
    shape->dim[shape->rank++] = (size_t)size->value.integer;
  }
  return true;
}

static bool read_span(const cnn__json *json, uint64_t *begin, uint64_t *end) {
  if (!json || json->type != CNN__JSON_ARRAY || json->count != 2) return false;
  const cnn__json *first = cnn__json_first(json), *second = first->next;
  if (first->type != CNN__JSON_INTEGER || second->type != CNN__JSON_INTEGER) return false;
  if (first->value.integer < 0 || second->value.integer < first->value.integer) return false;
  *begin = (uint64_t)first->value.integer;
  *end = (uint64_t)second->value.integer;
  return true;
}

/* One tensor's entry: its shape times its element's size is its span, within the data. */
static cnn_status read_entry(const cnn__safetensors *file, const cnn__json *entry, uint64_t data,
                             uint64_t size, cnn__stored *tensor) {
  uint64_t begin, end;
  size_t count, bytes;
  tensor->name = entry->key;
  if (entry->type != CNN__JSON_OBJECT || entry->count != 3 ||
      !read_dtype(cnn__json_get(entry, "dtype"), &tensor->dtype) ||
      !read_shape(cnn__json_get(entry, "shape"), &tensor->shape) ||
      !read_span(cnn__json_get(entry, "data_offsets"), &begin, &end))
    return cnn__fail(
        CNN_E_FORMAT,
        "%s: tensor \"%.64s\": a dtype of F32, F64, U8, I32, I64 or U64, a shape of at most "
        "%d sizes and two data_offsets are expected",
        file->path, entry->key, CNN_MAX_RANK);
  if (end > size)
    return cnn__fail(CNN_E_FORMAT,
                     "%s: tensor \"%.64s\" ends at byte %" PRIu64
                     " of the data, which has %" PRIu64,
                     file->path, entry->key, end, size);
  if (!cnn__shape_count(&tensor->shape, &count) ||
      !cnn__size_mul(count, cnn__dtype_size(tensor->dtype), &bytes) || bytes != end - begin)
    return cnn__fail(CNN_E_FORMAT,
                     "%s: tensor \"%.64s\": its shape does not fill its %" PRIu64 " bytes",
                     file->path, entry->key, end - begin);
  tensor->offset = data + begin;
  tensor->bytes = bytes;
  return CNN_OK;
}

static int by_offset(const void *a, const void *b) {
  const cnn__stored *x = a, *y = b;
  if (x->offset != y->offset) return (x->offset > y->offset) - (x->offset < y->offset);
  return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* Most files have their tensors in order; sorting takes memory and a tenth of the time to refuse a file of nothing but
   names. */
static void sort_by_offset(cnn__stored *tensors, size_t count) {
  for (size_t i = 1; i < count; i++)
    if (by_offset(&tensors[i - 1], &tensors[i]) > 0) {
      qsort(tensors, count, sizeof *tensors, by_offset);
      return;
    }
}

/* The spans fill the data: no gap, no overlap, nothing behind. */
static cnn_status check_spans(const cnn__safetensors *file, uint64_t data, uint64_t size) {
  uint64_t next = data;
  for (size_t i = 0; i < file->count; i++) {
    if (file->tensors[i].offset != next)
      return cnn__fail(CNN_E_FORMAT,
                       "%s: tensor \"%.64s\" begins at byte %" PRIu64 ", expected %" PRIu64,
                       file->path, file->tensors[i].name, file->tensors[i].offset, next);
    next += file->tensors[i].bytes;
  }
  if (next == data + size) return CNN_OK;
  return cnn__fail(CNN_E_FORMAT, "%s: %" PRIu64 " bytes behind the last tensor belong to none",
                   file->path, data + size - next);
}

static cnn_status read_notes(cnn__safetensors *file, const cnn__json *notes) {
  bool right = notes->type == CNN__JSON_OBJECT && !file->notes;
  if (right) {
    file->notes =
        cnn__alloc_array(file->context, notes->count, sizeof *file->notes, "the parts of a file");
    if (!file->notes) return CNN_E_NOMEM;
  }
  const cnn__json *note = right ? cnn__json_first(notes) : NULL;
  for (; note && right; note = note->next) {
    right = note->type == CNN__JSON_STRING;
    if (right)
      file->notes[file->note_count++] =
          (cnn__note_text){note->key, (char *)(uintptr_t)note->value.string, note->count};
  }
  if (right) return CNN_OK;
  return cnn__fail(CNN_E_FORMAT, "%s: __metadata__ must map names to texts, once", file->path);
}

/* A header on its way in. */
typedef struct header {
  cnn__safetensors *file;
  uint64_t data, size; /* where the data begin, and their bytes */
  size_t room;         /* of file->tensors */
  size_t likely;       /* tensors, by the text's size */
} header;

static cnn_status read_member(void *user, const cnn__json *member) {
  header *h = user;
  cnn__safetensors *file = h->file;
  if (strcmp(member->key, "__metadata__") == 0) return read_notes(file, member);
  if (file->count == h->room) {
    const size_t room = h->room ? 2 * h->room : h->likely;
    cnn__stored *tensors = cnn__realloc_array(file->context, file->tensors, room, sizeof *tensors,
                                              "the list of a file's tensors");
    if (!tensors) return CNN_E_NOMEM;
    file->tensors = tensors;
    h->room = room;
  }
  return read_entry(file, member, h->data, h->size, &file->tensors[file->count++]);
}

static cnn_status list_names(cnn__safetensors *file) {
  cnn_status status =
      cnn__name_table_start(file->context, &file->by_name, file->count, "a file's tensors' names");
  for (size_t i = 0; i < file->count && !status; i++) {
    const char *name = file->tensors[i].name;
    const cnn__name_added added = cnn__name_table_add(&file->by_name, name, (uint32_t)i);
    if (added == CNN__NAME_THERE)
      status = cnn__fail(CNN_E_FORMAT, "%s: tensor \"%.64s\" occurs twice", file->path, name);
    if (added == CNN__NAME_CROWDED)
      status = cnn__fail(CNN_E_LIMIT, "%s: names that take too long to tell apart", file->path);
  }
  return status;
}

static cnn_status read_entries(cnn__safetensors *file, size_t text, uint64_t data, uint64_t size) {
  header h = {.file = file, .data = data, .size = size, .likely = text / 128 + 16};
  const cnn__json_source source = {.context = file->context,
                                   .what = file->path,
                                   .text = file->header,
                                   .size = text,
                                   .values = &file->values};
  cnn_status status = cnn__json_visit(&source, read_member, &h);
  if (status) return status;
  sort_by_offset(file->tensors, file->count);
  status = list_names(file);
  return status ? status : check_spans(file, data, size);
}

static cnn_status read_header(cnn__safetensors *file) {
  uint64_t total = cnn__reader_size(file->reader), size = 0;
  unsigned char prefix[8];
  if (total < sizeof prefix + 2)
    return cnn__fail(CNN_E_FORMAT, "%s: %" PRIu64 " bytes are too few for a safetensors file",
                     file->path, total);
  cnn_status status = cnn__reader_read(file->reader, 0, prefix, sizeof prefix);
  if (status) return status;
  for (size_t i = sizeof prefix; i-- > 0;)
    size = size << 8 | prefix[i];
  if (size > total - sizeof prefix)
    return cnn__fail(CNN_E_FORMAT,
                     "%s: the header claims %" PRIu64 " bytes; the file has %" PRIu64
                     " behind its first 8",
                     file->path, size, total - (uint64_t)sizeof prefix);
  if (size > CNN__SAFETENSORS_HEADER)
    return cnn__fail(CNN_E_LIMIT, "%s: the header claims %" PRIu64 " bytes; at most %d are allowed",
                     file->path, size, CNN__SAFETENSORS_HEADER);
  file->header = cnn__alloc(file->context, (size_t)size + 1, "a file's header");
  file->ahead = cnn__alloc(file->context, sizeof *file->ahead, "a file's content");
  if (!file->header || !file->ahead) return CNN_E_NOMEM;
  file->ahead->begin = 0;
  file->ahead->size = 0;
  status = cnn__reader_read(file->reader, sizeof prefix, file->header, (size_t)size);
  if (status) return status;
  return read_entries(file, (size_t)size, sizeof prefix + size, total - sizeof prefix - size);
}

cnn_status cnn__safetensors_open(cnn_context *context, const char *path, cnn__safetensors **out) {
  cnn__safetensors *file = cnn__calloc_array(context, 1, sizeof *file, "an open model file");
  if (!file) return CNN_E_NOMEM;
  file->context = context;
  file->values = CNN__SAFETENSORS_VALUES;
  file->path = cnn__strdup(context, path);
  cnn_status status = file->path ? cnn__reader_open(context, path, &file->reader) : CNN_E_NOMEM;
  if (!status) status = read_header(file);
  if (status)
    cnn__safetensors_close(file);
  else
    *out = file;
  return status;
}

void cnn__safetensors_close(cnn__safetensors *file) {
  if (!file) return;
  cnn__reader_close(file->reader);
  cnn__free(file->context, file->header);
  cnn__free(file->context, file->notes);
  cnn__name_table_end(file->context, &file->by_name);
  cnn__free(file->context, file->ahead);
  cnn__free(file->context, file->tensors);
  cnn__free(file->context, file->path);
  cnn__free(file->context, file);
}

const cnn__note_text *cnn__safetensors_note_text(const cnn__safetensors *file, const char *name) {
  for (size_t i = 0; i < file->note_count; i++)
    if (strcmp(file->notes[i].name, name) == 0) return &file->notes[i];
  return NULL;
}

const cnn__stored *cnn__safetensors_find(const cnn__safetensors *file, const char *name) {
  uint32_t item;
  return cnn__name_table_find(&file->by_name, name, &item) ? &file->tensors[item] : NULL;
}

cnn_status cnn__safetensors_read_at(const cnn__safetensors *file, uint64_t offset, size_t bytes,
                                    void *data) {
  enum { SMALL = 2048 };
  cnn__ahead *ahead = file->ahead;
  if (bytes > SMALL) return cnn__reader_read(file->reader, offset, data, bytes);
  if (offset < ahead->begin || offset + bytes > ahead->begin + ahead->size) {
    const uint64_t left = cnn__reader_size(file->reader) - offset; /* as the spans were checked */
    const size_t size = left < sizeof ahead->bytes ? (size_t)left : sizeof ahead->bytes;
    ahead->size = 0;
    cnn_status status = cnn__reader_read(file->reader, offset, ahead->bytes, size);
    if (status) return status;
    ahead->begin = offset;
    ahead->size = size;
  }
  if (bytes > 0) memcpy(data, ahead->bytes + (offset - ahead->begin), bytes);
  return CNN_OK;
}
