/* The allocator of a context to which the host lends none: the C library's. */
#ifndef CNN_BASE_ALLOCATOR_H
#define CNN_BASE_ALLOCATOR_H

#include <cnn/context.h>

extern const cnn_allocator cnn__libc_allocator;

#endif
