#include "plot/support.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

cnn_status cnn__plot_fail(cnn_status status, const char *format, ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  return cnn_fail(status, message);
}

cnn_status cnn__plot_fail_null(const char *function, const char *what) {
  if (cnn_last_status() != CNN_OK) return cnn_last_status();
  return cnn__plot_fail(CNN_E_INVALID, "%s: %s is NULL", function, what);
}

cnn_status cnn__plot_options_read(const char *function, void *to, size_t size, const void *from) {
  enum { MAX_STRUCT_SIZE = 65536 }; /* above it, the struct was not set up */
  if (from == NULL) return cnn__plot_fail_null(function, "options");
  size_t given;
  memcpy(&given, from, sizeof given);
  if (given == 0 || given > MAX_STRUCT_SIZE || given % sizeof given != 0)
    return cnn__plot_fail(CNN_E_INVALID, "%s: struct_size is %zu; it is to be sizeof the struct",
                          function, given);
  for (size_t i = size; i < given; i++)
    if (((const unsigned char *)from)[i] != 0)
      return cnn__plot_fail(CNN_E_INVALID, "%s: an option that this version does not know is set",
                            function);
  memcpy(to, from, given < size ? given : size);
  memcpy(to, &size, sizeof size);
  return CNN_OK;
}

void cnn__plot_options_init(void *options, size_t size) {
  if (options == NULL || size < sizeof size) return;
  memset(options, 0, size);
  memcpy(options, &size, sizeof size);
}

/* Compares without regard to case, in ASCII whatever the locale. */
static bool same_ending(const char *ending, const char *wanted) {
  for (; *ending != 0 && *wanted != 0; ending++, wanted++) {
    char c = *ending;
    if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
    if (c != *wanted) return false;
  }
  return *ending == *wanted;
}

cnn_status cnn__plot_kind(const char *function, const char *path, cnn__picture_kind *kind) {
  static const char *const endings[] = {
      [CNN__PNG] = ".png", [CNN__SVG] = ".svg", [CNN__PDF] = ".pdf"};
  if (path == NULL) return cnn__plot_fail_null(function, "path");
  const char *slash = strrchr(path, '/');
  const char *name = slash != NULL ? slash + 1 : path;
  const char *ending = strrchr(name, '.');
  for (int i = CNN__PNG; ending != NULL && i <= CNN__PDF; i++)
    if (same_ending(ending, endings[i])) {
      *kind = (cnn__picture_kind)i;
      return CNN_OK;
    }
  return cnn__plot_fail(CNN_E_INVALID, "%s: '%s' ends in none of .png, .svg and .pdf", function,
                        path);
}

cnn_status cnn_plot_check_path(const char *path) {
  cnn__picture_kind kind;
  return cnn__plot_kind("cnn_plot_check_path", path, &kind);
}
