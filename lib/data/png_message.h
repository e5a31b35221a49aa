/* What libpng says: an error's text is kept, and its jump taken; warnings are no failures. */
#ifndef CNN_DATA_PNG_MESSAGE_H
#define CNN_DATA_PNG_MESSAGE_H

#include <png.h>
#include <setjmp.h>
#include <string.h>

/* Zero to start; libpng's error pointer leads to it. */
typedef struct cnn__png_message {
  char text[128];
} cnn__png_message;

static inline void cnn__png_on_error(png_structp png, png_const_charp text) {
  cnn__png_message *message = png_get_error_ptr(png);
  strncpy(message->text, text, sizeof message->text - 1);
  png_longjmp(png, 1);
}

static inline void cnn__png_on_warning(png_structp png, png_const_charp text) {}

#endif
