/* Text that outlives its context's handle: it remembers whose memory it is. */
#include "model/model.h"
#include <string.h>

/* Stands before the text. */
typedef struct text_header {
  cnn_context *context;
  char text[];
} text_header;

char *cnn__text_hand_over(cnn__text *text) {
  text_header *header = NULL;
  if (text->status == CNN_OK)
    header = cnn__alloc(text->context, sizeof *header + text->size + 1, "a text");
  if (header != NULL) {
    header->context = cnn__context_retain(text->context);
    if (text->size > 0) memcpy(header->text, text->bytes, text->size);
    header->text[text->size] = 0;
  }
  cnn__text_free(text);
  return header == NULL ? NULL : header->text;
}

void cnn_text_free(char *text) {
  if (text == NULL) return;
  text_header *header = (text_header *)(void *)(text - offsetof(text_header, text));
  cnn_context *context = header->context;
  cnn__free(context, header);
  cnn_context_free(context);
}
