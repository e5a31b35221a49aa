/* Files that are written whole or not at all.

   The bytes go to a temporary file in the target's own folder, ".<name>.cnn-tmp", which a rename
   puts in the target's place once it is safely on the disk. Writers of one path at the same time
   each have their own: the next free of ".<name>.cnn-tmp0", ".<name>.cnn-tmp1" and so on. A writer
   holds a lock (flock) on its temporary, which the system drops when the process ends in whatever
   way. So a temporary that nobody has locked was left behind by a kill, and goes. */
#include "base/file.h"
#include "base/fingerprint.h"
#include "base/system.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum {
  MAX_WRITERS = 16, /* of one path at the same time */
  MAX_LINKS = 40,   /* symbolic links that lead to one another: Linux's own limit */
  MAX_NAME = 255,   /* of a file, on the systems that matter */
  NAME_EXTRA = 20   /* of that, for what a temporary's name has more */
};

struct cnn__writer {
  cnn_context *context;
  char *path;       /* as it was given, for messages */
  char *target;     /* where its links lead to */
  const char *name; /* the last part of target */
  int folder, descriptor;
  bool replaces; /* a file, whose mode is kept */
  unsigned mode;
  char temporary[MAX_NAME + 1]; /* in folder; "" where there is none */
  cnn__failure failure;         /* the first of a write */
};

/* ---- where to ---- */

/* The path that a link's text leads to: relative ones start at the link's folder. */
static char *follow(cnn_context *context, const char *link, const char *text) {
  const char *slash = text[0] == '/' ? NULL : strrchr(link, '/');
  int folder = slash ? (int)(slash - link) + 1 : 0;
  return cnn__format(context, "%.*s%s", folder, link, text);
}

/* Follows symbolic links, so that a link stays one and what it leads to is replaced; also where
   that does not exist yet. */
static cnn_status find_target(cnn__writer *writer) {
  writer->target = cnn__strdup(writer->context, writer->path);
  if (!writer->target) return CNN_E_NOMEM;
  for (int links = 0;; links++) {
    char text[4096];
    int64_t length = cnn__system_read_link(writer->target, text, sizeof text);
    if (length < 0 && (errno == EINVAL || errno == ENOENT)) return CNN_OK; /* no link */
    if (length >= 0 && links == MAX_LINKS) errno = ELOOP;
    if (length < 0 || links == MAX_LINKS) return cnn__system_fail(writer->path, "follow its links");
    char *next = follow(writer->context, writer->target, text);
    if (!next) return CNN_E_NOMEM;
    cnn__free(writer->context, writer->target);
    writer->target = next;
  }
}

static cnn_status open_folder(cnn__writer *writer) {
  char *slash = strrchr(writer->target, '/');
  writer->name = slash ? slash + 1 : writer->target;
  if (writer->name[0] == 0 || strcmp(writer->name, ".") == 0 || strcmp(writer->name, "..") == 0)
    return cnn__fail(CNN_E_IO, "%s: a file's name is expected, not a folder's", writer->path);
  if (strlen(writer->name) > MAX_NAME) {
    errno = ENAMETOOLONG;
    return cnn__system_fail(writer->path, "write it");
  }
  const char *folder = slash == writer->target ? "/" : slash ? writer->target : ".";
  if (slash) *slash = 0;
  writer->folder = cnn__system_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
  if (writer->folder >= 0) return CNN_OK;
  return cnn__system_fail(writer->path, "open its folder");
}

static cnn_status examine_old(cnn__writer *writer) {
  struct stat state;
  writer->mode = 0666; /* less the umask */
  if (cnn__system_stat_name(writer->folder, writer->name, &state) != 0)
    return errno == ENOENT ? CNN_OK : cnn__system_fail(writer->path, "examine");
  if (!S_ISREG(state.st_mode))
    return cnn__fail(CNN_E_IO, "%s: %s, not a regular file", writer->path,
                     S_ISDIR(state.st_mode) ? "a folder" : "a device or the like");
  writer->replaces = true;
  writer->mode = state.st_mode & 0777;
  return CNN_OK;
}

/* ---- the temporary ---- */

/* Number -1 is the first. A name too long to grow keeps its beginning; the fingerprint of the
   whole keeps two such names apart. */
static void name_temporary(const cnn__writer *writer, int number, char name[MAX_NAME + 1]) {
  size_t length = strlen(writer->name), most = MAX_NAME - NAME_EXTRA;
  char tail[20] = "", digits[12] = "";
  if (length > most) {
    uint64_t hash = CNN__FINGERPRINT_START;
    cnn__fingerprint_bytes(&hash, writer->name, length);
    (void)snprintf(tail, sizeof tail, "-%016llx", (unsigned long long)hash);
    length = most - 17;
  }
  if (number >= 0) (void)snprintf(digits, sizeof digits, "%d", number);
  (void)snprintf(name, MAX_NAME + 1, ".%.*s%s.cnn-tmp%s", (int)length, writer->name, tail, digits);
}

/* Whether name still is the file that is open, and not another one of that name, or none. */
static bool is_same_file(int folder, const char *name, int descriptor) {
  struct stat there, here;
  return cnn__system_stat_name(folder, name, &there) == 0 &&
         cnn__system_stat(descriptor, &here) == 0 && there.st_dev == here.st_dev &&
         there.st_ino == here.st_ino;
}

/* Removes a temporary that nobody is writing. Whatever stands in the way leaves it there. */
static void sweep(int folder, const char *name) {
  int descriptor = cnn__system_open(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0);
  if (descriptor < 0) return;
  if (cnn__system_lock(descriptor) == 0 && is_same_file(folder, name, descriptor))
    cnn__system_remove(folder, name);
  cnn__system_close(descriptor);
}

/* Makes the temporary of that name and locks it. False with errno 0 where the name is another
   writer's; between making and locking it may be swept away, which is the same. */
static bool make_temporary(cnn__writer *writer, const char *name) {
  int descriptor = cnn__system_open(writer->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                                    writer->mode);
  if (descriptor < 0) {
    if (errno == EEXIST) errno = 0;
    return false;
  }
  /* Where the file system has no locks nobody can sweep either. */
  bool locked = cnn__system_lock(descriptor) == 0 || errno != EWOULDBLOCK;
  struct stat state;
  bool swept = cnn__system_stat(descriptor, &state) == 0 && state.st_nlink == 0;
  if (locked && !swept) {
    writer->descriptor = descriptor;
    memcpy(writer->temporary, name, strlen(name) + 1);
    return true;
  }
  cnn__system_close(descriptor);
  errno = 0;
  return false;
}

static cnn_status open_temporary(cnn__writer *writer) {
  char name[MAX_NAME + 1];
  for (int number = -1; number < MAX_WRITERS - 1; number++) {
    name_temporary(writer, number, name);
    sweep(writer->folder, name);
    if (writer->descriptor >= 0) continue; /* the later ones are swept only */
    if (!make_temporary(writer, name) && errno != 0)
      return cnn__system_fail(writer->path, "make a temporary file beside it");
  }
  if (writer->descriptor < 0) {
    name_temporary(writer, -1, name);
    return cnn__fail(CNN_E_IO, "%s: %d others are writing it (%s and more beside it)", writer->path,
                     MAX_WRITERS, name);
  }
  if (writer->replaces && cnn__system_set_mode(writer->descriptor, writer->mode) != 0)
    return cnn__system_fail(writer->path, "set its mode");
  return CNN_OK;
}

/* ---- the writer ---- */

static void writer_free(cnn__writer *writer) {
  if (writer->temporary[0]) cnn__system_remove(writer->folder, writer->temporary);
  cnn__system_close(writer->descriptor);
  cnn__system_close(writer->folder);
  cnn__free(writer->context, writer->target);
  cnn__free(writer->context, writer->path);
  cnn__free(writer->context, writer);
}

cnn_status cnn__writer_open(cnn_context *context, const char *path, cnn__writer **writer) {
  cnn__writer *made = cnn__calloc_array(context, 1, sizeof *made, "a file writer");
  if (!made) return CNN_E_NOMEM;
  made->context = context;
  made->folder = made->descriptor = -1;
  made->path = cnn__strdup(context, path);
  cnn_status status = made->path ? find_target(made) : CNN_E_NOMEM;
  if (!status) status = open_folder(made);
  if (!status) status = examine_old(made);
  if (!status) status = open_temporary(made);
  if (status)
    writer_free(made);
  else
    *writer = made;
  return status;
}

cnn_status cnn__writer_write(cnn__writer *writer, const void *bytes, size_t size) {
  if (writer->failure.status) return cnn__failure_give(&writer->failure);
  if (cnn__system_write(writer->descriptor, bytes, size) == 0) return CNN_OK;
  cnn_status status = cnn__system_fail(writer->path, "write");
  cnn__failure_take(&writer->failure);
  return status;
}

/* A few file systems cannot sync a folder at all, and say so; that is no fault. */
static cnn_status sync_folder(const cnn__writer *writer) {
  if (cnn__system_sync(writer->folder) == 0 || errno == EINVAL || errno == ENOTSUP) return CNN_OK;
  return cnn__system_fail(writer->path,
                          "sync its folder (the new file is in place, and would be lost if the "
                          "power failed now)");
}

cnn_status cnn__writer_commit(cnn__writer *writer) {
  cnn_status status = CNN_OK;
  if (writer->failure.status) {
    status = cnn__failure_give(&writer->failure);
  } else if (cnn__system_sync(writer->descriptor) != 0) {
    status = cnn__system_fail(writer->path, "sync (the old file stands)");
  } else if (cnn__system_rename(writer->folder, writer->temporary, writer->name) != 0) {
    status = cnn__system_fail(writer->path, "put the new file in its place (the old one stands)");
  } else {
    writer->temporary[0] = 0;
    status = sync_folder(writer);
  }
  writer_free(writer);
  return status;
}

void cnn__writer_abandon(cnn__writer *writer) {
  if (writer) writer_free(writer);
}
