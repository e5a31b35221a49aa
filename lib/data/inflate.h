/* gzip files in memory. */
#ifndef CNN_DATA_INFLATE_H
#define CNN_DATA_INFLATE_H

#include "base/context.h"

typedef struct cnn__gzip {
  const char *name; /* for messages */
  const unsigned char *bytes;
  size_t size;
} cnn__gzip;

/* All fail with CNN_E_FORMAT, CNN_E_UNSUPPORTED (built without zlib), CNN_E_NOMEM. */

/* The first size bytes of what is packed: *got of them, fewer where there are no more. */
cnn_status cnn__gunzip_begin(cnn_context *context, const cnn__gzip *gzip, unsigned char *bytes,
                             size_t size, size_t *got);
/* All of it, which must be exactly size bytes in one member, into memory of the caller's to free. A
   size that so many packed bytes cannot make is refused before anything is allocated. */
cnn_status cnn__gunzip(cnn_context *context, const cnn__gzip *gzip, size_t size,
                       unsigned char **bytes);

#endif
