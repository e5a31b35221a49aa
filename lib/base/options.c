#include "base/context.h"
#include "base/size.h"
#include <string.h>

/* More than any options struct will ever have: a size above it is a struct that was not set up. */
enum { MAX_STRUCT_SIZE = 65536 };

/* What is behind the members that are known must be empty: it would be ignored. */
static cnn_status check_tail(const char *function, const unsigned char *bytes, size_t from,
                             size_t to) {
  for (size_t i = from; i < to; i++)
    if (bytes[i] != 0)
      return cnn__fail(CNN_E_INVALID,
                       "%s: the options have a member at byte %zu that this version (%s) does not "
                       "know",
                       function, i, cnn_version_string());
  return CNN_OK;
}

cnn_status cnn__options_read(const char *function, void *to, size_t size, const void *from) {
  cnn_status status = CNN_OK;
  if (from) {
    size_t from_size;
    memcpy(&from_size, from, sizeof from_size);
    if (from_size == 0 || from_size > MAX_STRUCT_SIZE || from_size % sizeof from_size != 0)
      return cnn__fail(CNN_E_INVALID, "%s: struct_size is %zu; it is to be sizeof the struct",
                       function, from_size);
    status = check_tail(function, from, size, from_size);
    memcpy(to, from, cnn__size_min(size, from_size));
  }
  memcpy(to, &size, sizeof size);
  return status;
}

void cnn__options_init(void *options, size_t size) {
  if (!options || size < sizeof size) return;
  memset(options, 0, size);
  memcpy(options, &size, sizeof size);
}
