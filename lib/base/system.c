#define _DEFAULT_SOURCE /* flock */
#include "base/system.h"
#include "base/status.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { MAX_ATTEMPTS = 10000 };
/* At most so much at once: some systems refuse more than 2^31 - 1. */
static const size_t largest_step = (size_t)1 << 30;

/* Whether a call that has just failed was only interrupted and is to be made again; attempts counts
   from 0. Not for ever: a file system that answers nothing else is a failure, too. */
static bool again(int *attempts) {
  return errno == EINTR && ++*attempts < MAX_ATTEMPTS;
}

cnn_status cnn__system_fail(const char *path, const char *what) {
  int cause = errno;
  char words[128];
  if (strerror_r(cause, words, sizeof words) != 0) words[0] = 0;
  cnn_status status = cause == ENOENT ? CNN_E_NOT_FOUND : cause == ENOMEM ? CNN_E_NOMEM : CNN_E_IO;
  return cnn__fail(status, "%s: cannot %s: %s (error %d)", path, what, words, cause);
}

int cnn__system_open(int folder, const char *name, int flags, unsigned mode) {
  int descriptor, attempts = 0;
  do
    descriptor = openat(folder, name, flags | O_CLOEXEC | O_NOCTTY, (mode_t)mode);
  while (descriptor < 0 && again(&attempts));
  return descriptor;
}

int cnn__system_sync(int descriptor) {
  int result, attempts = 0;
  do
    result = fsync(descriptor);
  while (result != 0 && again(&attempts));
  return result;
}

int cnn__system_lock(int descriptor) {
  int result, attempts = 0;
  do
    result = flock(descriptor, LOCK_EX | LOCK_NB);
  while (result != 0 && again(&attempts));
  return result;
}

int cnn__system_set_mode(int descriptor, unsigned mode) {
  int result, attempts = 0;
  do
    result = fchmod(descriptor, (mode_t)mode);
  while (result != 0 && again(&attempts));
  return result;
}

int cnn__system_rename(int folder, const char *from, const char *to) {
  int result, attempts = 0;
  do
    result = renameat(folder, from, folder, to);
  while (result != 0 && again(&attempts));
  return result;
}

int cnn__system_stat(int descriptor, struct stat *state) {
  int result, attempts = 0;
  do
    result = fstat(descriptor, state);
  while (result != 0 && again(&attempts));
  return result;
}

int cnn__system_stat_name(int folder, const char *name, struct stat *state) {
  int result, attempts = 0;
  do
    result = fstatat(folder, name, state, AT_SYMLINK_NOFOLLOW);
  while (result != 0 && again(&attempts));
  return result;
}

void cnn__system_remove(int folder, const char *name) {
  int cause = errno, result, attempts = 0;
  do
    result = unlinkat(folder, name, 0);
  while (result != 0 && again(&attempts));
  errno = cause;
}

void cnn__system_close(int descriptor) {
  int cause = errno;
  /* After an interrupted close the descriptor is gone, on Linux at least: never closed twice. */
  if (descriptor >= 0) (void)close(descriptor);
  errno = cause;
}

int64_t cnn__system_read_link(const char *path, char *text, size_t size) {
  ssize_t length;
  int attempts = 0;
  do
    length = readlink(path, text, size);
  while (length < 0 && again(&attempts));
  if (length >= 0 && (size_t)length < size) {
    text[length] = 0;
    return (int64_t)length;
  }
  if (length >= 0) errno = ENAMETOOLONG;
  return -1;
}

static size_t step(size_t left) {
  return left < largest_step ? left : largest_step;
}

int64_t cnn__system_read(int descriptor, uint64_t offset, void *bytes, size_t size, size_t enough) {
  size_t done = 0;
  for (int attempts = 0; done < enough;) {
    ssize_t now =
        pread(descriptor, (char *)bytes + done, step(size - done), (off_t)(offset + done));
    if (now < 0 && again(&attempts)) continue;
    if (now < 0) return -1;
    if (now == 0) break;
    done += (size_t)now;
    attempts = 0;
  }
  return (int64_t)done;
}

int cnn__system_write(int descriptor, const void *bytes, size_t size) {
  size_t done = 0;
  for (int attempts = 0; done < size;) {
    ssize_t now = write(descriptor, (const char *)bytes + done, step(size - done));
    if (now < 0 && again(&attempts)) continue;
    if (now < 0) return -1;
    if (now == 0) { /* no progress and no cause: never for ever */
      errno = EIO;
      if (++attempts >= MAX_ATTEMPTS) return -1;
      continue;
    }
    done += (size_t)now;
    attempts = 0;
  }
  return 0;
}
