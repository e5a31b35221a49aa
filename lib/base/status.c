#include "base/status.h"
#include "base/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Of this thread alone, of fixed size: recording a failure must work when nothing else does. */
static _Thread_local cnn__failure pending;

/* Messages are UTF-8 on one line whatever was put into them (paths, keys from a hostile file). */
static void make_printable(char *text) {
  size_t left = strlen(text);
  while (left > 0) {
    size_t length = cnn__utf8_length(text, left);
    if (length == 0 || (unsigned char)*text < 0x20 || *text == 0x7f) {
      *text = '?';
      length = 1;
    }
    text += length;
    left -= length;
  }
}

/* Formats into text and, where it does not fit, cuts between two characters. */
CNN__PRINTF(3, 0)
static void format_message(char *text, size_t size, const char *format, va_list arguments) {
  int length = vsnprintf(text, size, format, arguments);
  if (length < 0) text[0] = 0;
  if (length >= (int)size) {
    size_t end = size - 1, start = end;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
      start--;
    if (start > 0 && (unsigned char)text[start - 1] >= 0xc0) start--;
    if (start < end && cnn__utf8_length(text + start, end - start) == 0) text[start] = 0;
  }
  make_printable(text);
}

cnn_status cnn__fail(cnn_status status, const char *format, ...) {
  cnn__failure next = {.status = status}; /* apart, for the arguments may hold the old message */
  va_list arguments;
  va_start(arguments, format);
  format_message(next.message, sizeof next.message, format, arguments);
  va_end(arguments);
  pending = next;
  return status;
}

cnn_status cnn__fail_null(const char *function, const char *what) {
  if (pending.status != CNN_OK) return pending.status;
  return cnn__fail(CNN_E_INVALID, "%s: %s is NULL", function, what);
}

bool cnn__given(const char *function, const char *what, const void *handle) {
  if (!handle) cnn__fail_null(function, what);
  return handle != NULL;
}

cnn_status cnn__fail_prefix(cnn_status status, const char *format, ...) {
  char prefix[sizeof pending.message];
  va_list arguments;
  va_start(arguments, format);
  format_message(prefix, sizeof prefix, format, arguments);
  va_end(arguments);
  return cnn__fail(status, "%s: %s", prefix, pending.message);
}

void cnn__failure_take(cnn__failure *out) {
  *out = pending;
}

cnn_status cnn__failure_give(const cnn__failure *from) {
  pending = *from;
  return from->status;
}

const char *cnn_last_error(void) {
  return pending.message;
}

cnn_status cnn_last_status(void) {
  return pending.status;
}

cnn_status cnn_fail(cnn_status status, const char *message) {
  if (status >= CNN_OK || status < CNN_E_INTERNAL) status = CNN_E_INVALID;
  return cnn__fail(status, "%s", message != NULL ? message : cnn_status_string(status));
}

void cnn_clear_error(void) {
  pending.status = CNN_OK;
  pending.message[0] = 0;
}

const char *cnn_status_string(cnn_status status) {
  switch (status) {
  case CNN_OK:
    return "success";
  case CNN_E_INVALID:
    return "invalid argument";
  case CNN_E_NOMEM:
    return "out of memory";
  case CNN_E_SHAPE:
    return "shapes do not fit";
  case CNN_E_IO:
    return "input or output failed";
  case CNN_E_FORMAT:
    return "damaged or wrong file";
  case CNN_E_UNSUPPORTED:
    return "not supported";
  case CNN_E_STATE:
    return "called too early or too late";
  case CNN_E_NUMERIC:
    return "not a finite number";
  case CNN_E_LIMIT:
    return "over a limit";
  case CNN_E_THREAD:
    return "a thread or lock could not be made";
  case CNN_E_NOT_FOUND:
    return "not found";
  case CNN_E_STOPPED:
    return "stopped by a callback";
  case CNN_E_MISMATCH:
    return "belongs to another model or run";
  case CNN_E_INTERNAL:
    return "internal defect";
  }
  return "unknown status";
}
