#include "data/inflate.h"

#ifndef CNN__HAVE_ZLIB

static cnn_status unsupported(const cnn__gzip *gzip) {
  return cnn__fail(CNN_E_UNSUPPORTED, "%s: gzip-compressed, and this build has no zlib",
                   gzip->name);
}
cnn_status cnn__gunzip_begin(cnn_context *context, const cnn__gzip *gzip, unsigned char *bytes,
                             size_t size, size_t *got) {
  return unsupported(gzip);
}
cnn_status cnn__gunzip(cnn_context *context, const cnn__gzip *gzip, size_t size,
                       unsigned char **bytes) {
  return unsupported(gzip);
}

#else

#include "base/size.h"
#include <limits.h>
#include <string.h>
#include <zlib.h>

enum { GZIP_ALONE = 16 + MAX_WBITS, MOST_RATIO = 1032 };

static voidpf on_allocate(voidpf context, uInt count, uInt size) {
  return cnn__alloc_array(context, count, size, "zlib");
}
static void on_release(voidpf context, voidpf memory) {
  cnn__free(context, memory);
}

static cnn_status start(cnn_context *context, const cnn__gzip *gzip, z_stream *stream) {
  *stream = (z_stream){.zalloc = on_allocate, .zfree = on_release, .opaque = context};
  stream->next_in = (z_const Bytef *)(uintptr_t)gzip->bytes;
  const int result = inflateInit2(stream, GZIP_ALONE);
  if (result == Z_OK) return CNN_OK;
  if (result == Z_MEM_ERROR) return CNN_E_NOMEM;
  return cnn__fail(CNN_E_UNSUPPORTED, "%s: zlib is of another version", gzip->name);
}

static cnn_status unsound(const cnn__gzip *gzip, const z_stream *stream, int result) {
  if (result == Z_MEM_ERROR) return CNN_E_NOMEM;
  return cnn__fail(CNN_E_FORMAT, "%s: not a sound gzip file: %s (at offset %lu of %zu)", gzip->name,
                   stream->msg ? stream->msg : "it is cut off", stream->total_in, gzip->size);
}

/* Unpacks up to size bytes; *ended where the packed data ends there or before. */
static cnn_status unpack(const cnn__gzip *gzip, z_stream *stream, unsigned char *bytes, size_t size,
                         size_t *got, bool *ended) {
  *got = 0;
  *ended = false;
  for (unsigned char spare = 0;;) {
    /* With all of size there, a byte more shows whether it ends. */
    const size_t room = *got < size ? size - *got : 1;
    const size_t left = gzip->size - (size_t)stream->total_in;
    stream->avail_in = left > UINT_MAX ? UINT_MAX : (uInt)left;
    stream->next_out = *got < size ? bytes + *got : &spare;
    stream->avail_out = room > UINT_MAX ? UINT_MAX : (uInt)room;
    const uInt given = stream->avail_out;
    const int result = inflate(stream, Z_NO_FLUSH);
    const size_t made = given - stream->avail_out;
    if (*got == size && made > 0) return CNN_OK; /* there is more */
    *got += made;
    *ended = result == Z_STREAM_END;
    if (*ended) return CNN_OK;
    if (result != Z_OK) return unsound(gzip, stream, result);
  }
}

cnn_status cnn__gunzip_begin(cnn_context *context, const cnn__gzip *gzip, unsigned char *bytes,
                             size_t size, size_t *got) {
  z_stream stream;
  bool ended;
  cnn_status status = start(context, gzip, &stream);
  if (status != CNN_OK) return status;
  status = unpack(gzip, &stream, bytes, size, got, &ended);
  (void)inflateEnd(&stream);
  return status;
}

cnn_status cnn__gunzip(cnn_context *context, const cnn__gzip *gzip, size_t size,
                       unsigned char **out) {
  z_stream stream;
  if (size / MOST_RATIO > gzip->size)
    return cnn__fail(CNN_E_FORMAT, "%s: %zu bytes cannot come from %zu", gzip->name, size,
                     gzip->size);
  unsigned char *bytes = cnn__alloc(context, size, "a gzip file's content");
  if (!bytes) return CNN_E_NOMEM;
  cnn_status status = start(context, gzip, &stream);
  if (status == CNN_OK) {
    size_t got;
    bool ended;
    status = unpack(gzip, &stream, bytes, size, &got, &ended);
    if (status == CNN_OK && (!ended || got != size))
      status = cnn__fail(CNN_E_FORMAT, "%s: unpacks to %s than the %zu bytes that it declares",
                         gzip->name, ended ? "fewer" : "more", size);
    if (status == CNN_OK && stream.total_in != gzip->size)
      status = cnn__fail(CNN_E_FORMAT, "%s: %zu bytes follow the gzip data", gzip->name,
                         gzip->size - (size_t)stream.total_in);
    (void)inflateEnd(&stream);
  }
  if (status == CNN_OK)
    *out = bytes;
  else
    cnn__free(context, bytes);
  return status;
}

#endif
