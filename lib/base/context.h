/* The context: reference counting, memory, the current one. See include/cnn/context.h. */
#ifndef CNN_BASE_CONTEXT_H
#define CNN_BASE_CONTEXT_H

#include "base/status.h"
#include <cnn/context.h>
#include <stdbool.h>

/* The calling thread's current context, or the default one (made at the first use), with a new
   reference that the caller gives back with cnn_context_free(). NULL after CNN_E_NOMEM. */
cnn_context *cnn__context_acquire(void);
cnn_context *cnn__context_retain(cnn_context *context); /* one more reference; returns context */

/* All memory of the library comes from here: aligned to 64 bytes, counted, limited. bytes may be
   0. On failure NULL, with CNN_E_NOMEM pending ("out of memory: 123 bytes for <what>"). */
void *cnn__alloc(cnn_context *context, size_t bytes, const char *what);
void *cnn__alloc_array(cnn_context *context, size_t count, size_t size, const char *what);
void *cnn__calloc_array(cnn_context *context, size_t count, size_t size, const char *what);
/* Grows or shrinks; the old block stays whole on failure. old may be NULL. */
void *cnn__realloc_array(cnn_context *context, void *old, size_t count, size_t size,
                         const char *what);
void cnn__free(cnn_context *context, void *pointer); /* NULL is fine */
/* Zeroed memory for an object of the calling thread's context: *context, a reference to which the object has. NULL after
   CNN_E_NOMEM, with none. */
void *cnn__object_new(size_t size, const char *what, cnn_context **context);
char *cnn__strdup(cnn_context *context, const char *text);
/* printf into new memory; no reals (locale). NULL on failure. */
char *cnn__format(cnn_context *context, const char *format, ...) CNN__PRINTF(2, 3);

uint64_t cnn__context_seed(const cnn_context *context);
bool cnn__context_exact(const cnn_context *context);
size_t cnn__context_slots(const cnn_context *context); /* how many tasks run at a time */
uint64_t cnn__context_max_file_bytes(const cnn_context *context);
uint64_t cnn__context_max_pixels(const cnn_context *context);

void cnn__log_message(cnn_context *context, cnn_log_level level, const char *format, ...)
    CNN__PRINTF(3, 4);

/* Options structs begin with a size_t struct_size, and grow at their end only. Copies what from and
   the size-byte struct to (which holds the defaults) have in common, so that programs of any release
   run on any other; to's struct_size becomes size. from may be NULL (all defaults). CNN_E_INVALID,
   naming function, where struct_size was not set (nothing is copied then: what from names stays its
   owner's), and where a member that this release does not know is not 0 (the others are copied). */
cnn_status cnn__options_read(const char *function, void *to, size_t size, const void *from);
/* The other way: fills a caller's struct of from_size bytes with zeros and sets struct_size. */
void cnn__options_init(void *options, size_t size);

#endif
