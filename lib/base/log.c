#include "base/context_struct.h"
#include <stdarg.h>
#include <stdio.h>

void cnn__log_message(cnn_context *context, cnn_log_level level, const char *format, ...) {
  if (!context->log.message) return;
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  context->log.message(context->log.user, level, text);
}
