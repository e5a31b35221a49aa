/* Buffers placed in one block by lifetime: two that live at the same time never overlap. */
#ifndef CNN_MODEL_ARENA_H
#define CNN_MODEL_ARENA_H

#include "base/context.h"

enum { CNN__ARENA_ALIGNMENT = 64 };

typedef struct cnn__arena_item {
  size_t bytes;
  size_t begin, end; /* first and last moment at which it lives */
  size_t offset;     /* result: a multiple of CNN__ARENA_ALIGNMENT */
} cnn__arena_item;

/* Settles the offsets and the block's size; the same items give the same offsets. CNN_E_LIMIT
   (sizes overflow), CNN_E_NOMEM. */
cnn_status cnn__arena_place(cnn_context *context, cnn__arena_item *items, size_t count,
                            size_t *bytes);

#endif
