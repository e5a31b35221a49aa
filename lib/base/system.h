/* The system's calls for files, with what every one of them needs: interruptions retried, and
   failures told with path and cause. */
#ifndef CNN_BASE_SYSTEM_H
#define CNN_BASE_SYSTEM_H

#include <cnn/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether a call that has just failed was only interrupted and is to be made again; attempts counts
   from 0. Not for ever: a file system that answers nothing else is a failure, too. */
bool cnn__system_again(int *attempts);

/* Fails with "<path>: cannot <what>: <errno in words>"; CNN_E_NOT_FOUND where there is no such
   file, CNN_E_NOMEM where memory lacks, else CNN_E_IO. */
cnn_status cnn__system_fail(const char *path, const char *what);

/* All return a descriptor or 0, or -1 with errno. folder as in openat. */
int cnn__system_open(int folder, const char *name, int flags, unsigned mode);
int cnn__system_sync(int descriptor);
void cnn__system_close(int descriptor); /* keeps errno; -1 is fine */

/* Up to the end of the file or all size bytes: the number read, or -1 with errno. */
int64_t cnn__system_read(int descriptor, uint64_t offset, void *bytes, size_t size);
/* All size bytes: 0, or -1 with errno. */
int cnn__system_write(int descriptor, const void *bytes, size_t size);

#endif
