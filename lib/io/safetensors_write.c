#include "base/size.h"
#include "io/safetensors.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *dtype_name(cnn_dtype dtype) {
  switch (dtype) {
  case CNN_FLOAT32:
    return "F32";
  case CNN_UINT8:
    return "U8";
  case CNN_INT32:
    return "I32";
  case CNN_INT64:
    return "I64";
  case CNN_FLOAT64:
    return "F64";
  case CNN_UINT64:
    return "U64";
  }
  return NULL;
}

static void write_notes(cnn__text *header, const cnn__metadata *notes, size_t count) {
  cnn__text_format(header, "\"__metadata__\":{");
  for (size_t i = 0; i < count; i++) {
    if (i) cnn__text_append(header, ",", 1);
    cnn__json_write_string(header, notes[i].name);
    cnn__text_append(header, ":", 1);
    cnn__json_write_string(header, notes[i].value);
  }
  cnn__text_append(header, "}", 1);
}

static size_t bytes_of(const cnn__saved *tensor) {
  return cnn__shape_product(&tensor->shape) * cnn__dtype_size(tensor->dtype);
}

static void write_entry(cnn__text *header, const cnn__saved *tensor, uint64_t begin) {
  cnn__text_append(header, ",", 1);
  cnn__json_write_string(header, tensor->name);
  cnn__text_format(header, ":{\"dtype\":\"%s\",\"shape\":[", dtype_name(tensor->dtype));
  for (size_t i = 0; i < tensor->shape.rank; i++)
    cnn__text_format(header, "%s%zu", i ? "," : "", tensor->shape.dim[i]);
  cnn__text_format(header, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", begin,
                   begin + bytes_of(tensor));
}

/* The sizes of elements, in the order in which their tensors are laid down. */
static const size_t element_sizes[] = {8, 4, 1};
enum { SIZES = sizeof element_sizes / sizeof *element_sizes };

static void write_header(cnn__text *header, const cnn__saved *tensors, size_t count,
                         const cnn__metadata *notes, size_t note_count) {
  uint64_t offset = 0;
  cnn__text_append(header, "{", 1);
  write_notes(header, notes, note_count);
  for (size_t pass = 0; pass < SIZES; pass++)
    for (size_t i = 0; i < count; i++) {
      if (cnn__dtype_size(tensors[i].dtype) != element_sizes[pass]) continue;
      write_entry(header, &tensors[i], offset);
      offset += bytes_of(&tensors[i]);
    }
  cnn__text_append(header, "}", 1);
  while (!header->status && header->size % 8 != 0)
    cnn__text_append(header, " ", 1);
}

static cnn_status pass_over(void *user, const cnn__json *member) {
  return CNN_OK;
}

cnn_status cnn__safetensors_try(cnn_context *context, const char *what, const char *text,
                                size_t size, bool header, size_t *values) {
  cnn__json *root = NULL;
  char *copy = cnn__alloc(context, size + 1, "a text that is to be saved");
  if (!copy) return CNN_E_NOMEM;
  memcpy(copy, text, size);
  const cnn__json_source source = {context, what, copy, size, values};
  const cnn_status status =
      header ? cnn__json_visit(&source, pass_over, NULL) : cnn__json_parse_in_place(&source, &root);
  cnn__json_free(context, root);
  cnn__free(context, copy);
  return status;
}

static void write_all(cnn__writer *writer, const cnn__text *header, const cnn__saved *tensors,
                      size_t count) {
  unsigned char size[8];
  for (size_t i = 0; i < sizeof size; i++)
    size[i] = (unsigned char)((uint64_t)header->size >> (8 * i));
  (void)cnn__writer_write(writer, size, sizeof size);
  (void)cnn__writer_write(writer, header->bytes, header->size);
  for (size_t pass = 0; pass < SIZES; pass++)
    for (size_t i = 0; i < count; i++)
      if (cnn__dtype_size(tensors[i].dtype) == element_sizes[pass])
        (void)cnn__writer_write(writer, tensors[i].data, bytes_of(&tensors[i]));
}

cnn_status cnn__safetensors_write(cnn_context *context, const char *path, const cnn__saved *tensors,
                                  size_t tensor_count, const cnn__metadata *notes,
                                  size_t note_count, size_t values) {
  cnn__text header;
  cnn__writer *writer = NULL;
  cnn__text_start(&header, context);
  write_header(&header, tensors, tensor_count, notes, note_count);
  cnn_status status = header.status;
  if (!status && header.size > CNN__SAFETENSORS_HEADER)
    status = cnn__fail(CNN_E_LIMIT, "%s: the header would take %zu bytes; at most %d are allowed",
                       path, header.size, CNN__SAFETENSORS_HEADER);
  if (!status)
    status = cnn__safetensors_try(context, path, header.bytes, header.size, true, &values);
  if (!status) status = cnn__writer_open(context, path, &writer);
  if (!status) {
    write_all(writer, &header, tensors, tensor_count);
    status = cnn__writer_commit(writer);
  }
  cnn__text_free(&header);
  return status;
}
