#include "base/context.h"
#include "base/size.h"
#include <string.h>

/* More than any options struct will ever have: a size above it is a struct that was not set up. */
enum { MAX_STRUCT_SIZE = 65536 };

cnn_status cnn__options_read(const char *function, void *to, size_t size, const void *from,
                             size_t minimum) {
  if (from) {
    size_t from_size;
    memcpy(&from_size, from, sizeof from_size);
    if (from_size < minimum || from_size > MAX_STRUCT_SIZE)
      return cnn__fail(CNN_E_INVALID, "%s: struct_size is %zu; %zu or more (sizeof the struct)",
                       function, from_size, minimum);
    const unsigned char *bytes = from;
    for (size_t i = size; i < from_size; i++)
      if (bytes[i] != 0)
        return cnn__fail(CNN_E_INVALID,
                         "%s: the options have a member at byte %zu that this version (%s) does "
                         "not know",
                         function, i, cnn_version_string());
    memcpy(to, from, cnn__size_min(size, from_size));
  }
  memcpy(to, &size, sizeof size);
  return CNN_OK;
}

void cnn__options_init(void *options, size_t size) {
  if (!options || size < sizeof size) return;
  memset(options, 0, size);
  memcpy(options, &size, sizeof size);
}
