/* The system's calls for files, with what every one of them needs: interruptions retried, and
   failures told with path and cause. */
#ifndef CNN_BASE_SYSTEM_H
#define CNN_BASE_SYSTEM_H

#include <cnn/status.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* Fails with "<path>: cannot <what>: <errno in words>"; CNN_E_NOT_FOUND where there is no such
   file, CNN_E_NOMEM where memory lacks, else CNN_E_IO. */
cnn_status cnn__system_fail(const char *path, const char *what);

/* All return a descriptor or 0, or -1 with errno. A folder is as in openat. */
int cnn__system_open(int folder, const char *name, int flags, unsigned mode);
int cnn__system_sync(int descriptor);
int cnn__system_lock(int descriptor); /* exclusive; EWOULDBLOCK where another has it */
int cnn__system_set_mode(int descriptor, unsigned mode);
int cnn__system_rename(int folder, const char *from, const char *to);
int cnn__system_stat(int descriptor, struct stat *state);
int cnn__system_stat_name(int folder, const char *name, struct stat *state); /* of a link itself */

/* These keep errno and need not succeed. */
void cnn__system_remove(int folder, const char *name);
void cnn__system_close(int descriptor); /* -1 is fine */

/* A symbolic link's text, NUL-terminated: its length, or -1 with errno (EINVAL: no link). */
int64_t cnn__system_read_link(const char *path, char *text, size_t size);
/* Up to the end of the file or enough of size bytes: the number read, or -1 with errno. */
int64_t cnn__system_read(int descriptor, uint64_t offset, void *bytes, size_t size, size_t enough);
/* All size bytes: 0, or -1 with errno. */
int cnn__system_write(int descriptor, const void *bytes, size_t size);

#endif
