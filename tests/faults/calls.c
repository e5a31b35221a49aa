#include "calls.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

fault_plan plan;

void plan_for(fault_kind kind, int error, int at) {
  memset(&plan, 0, sizeof plan);
  plan.kind = kind;
  plan.error = error;
  plan.at = at;
}

/* True where the call is to fail, with errno. */
static bool fails(const char *name) {
  plan.calls++;
  if (plan.kind == NONE || (plan.at && plan.calls != plan.at)) return false;
  plan.hit = true;
  plan.name = name;
  if (plan.kind == KILLED_BEFORE) (void)raise(SIGKILL);
  if (plan.kind == KILLED_AFTER) return false;
  errno = plan.kind == INTERRUPTED ? EINTR : plan.error;
  return true;
}

static void killed_after(void) {
  if (plan.kind == KILLED_AFTER && plan.calls == plan.at) (void)raise(SIGKILL);
}

static size_t at_most(size_t size) {
  return plan.step && size > plan.step ? plan.step : size;
}

#if defined(__GLIBC__)
#define NAME(call) call##64
#else
#define NAME(call) call
#endif
#define PASTE(a, b) a##b
#define WRAP_(call) PASTE(__wrap_, call)
#define REAL_(call) PASTE(__real_, call)
#define WRAP(call) WRAP_(call)
#define REAL(call) REAL_(call)

#define WRAPPER(type, call, parameters, arguments)                                                 \
  type REAL(call) parameters;                                                                      \
  type WRAP(call) parameters;                                                                      \
  type WRAP(call) parameters {                                                                     \
    if (fails(#call)) return -1;                                                                   \
    type result = REAL(call) arguments;                                                            \
    killed_after();                                                                                \
    return result;                                                                                 \
  }

WRAPPER(int, NAME(openat), (int folder, const char *name, int flags, mode_t mode),
        (folder, name, flags, mode))
WRAPPER(int, NAME(fstatat), (int folder, const char *name, struct stat *state, int flags),
        (folder, name, state, flags))
WRAPPER(ssize_t, NAME(pread), (int descriptor, void *bytes, size_t size, off_t offset),
        (descriptor, bytes, at_most(size), offset))
WRAPPER(ssize_t, write, (int descriptor, const void *bytes, size_t size),
        (descriptor, bytes, plan.stuck ? 0 : at_most(size)))
WRAPPER(int, fsync, (int descriptor), (descriptor))
WRAPPER(int, fchmod, (int descriptor, mode_t mode), (descriptor, mode))
WRAPPER(int, renameat, (int from_folder, const char *from, int to_folder, const char *to),
        (from_folder, from, to_folder, to))
WRAPPER(int, unlinkat, (int folder, const char *name, int flags), (folder, name, flags))
WRAPPER(ssize_t, readlink, (const char *path, char *text, size_t size), (path, text, size))

int REAL(NAME(fstat))(int descriptor, struct stat *state);
int WRAP(NAME(fstat))(int descriptor, struct stat *state);
int WRAP(NAME(fstat))(int descriptor, struct stat *state) {
  if (fails("fstat")) return -1;
  int result = REAL(NAME(fstat))(descriptor, state);
  if (plan.size_told) state->st_size = plan.size_told;
  killed_after();
  return result;
}

int __real_flock(int descriptor, int operation);
int __wrap_flock(int descriptor, int operation);
int __wrap_flock(int descriptor, int operation) {
  if (fails("flock")) return -1;
  if (plan.sweep_once) {
    (void)remove(plan.sweep_once);
    plan.sweep_once = NULL;
  }
  int result = __real_flock(descriptor, operation);
  killed_after();
  return result;
}

/* A close that fails has closed. */
int __real_close(int descriptor);
int __wrap_close(int descriptor);
int __wrap_close(int descriptor) {
  bool failing = fails("close");
  int cause = errno, result = __real_close(descriptor);
  if (failing) errno = cause;
  killed_after();
  return failing ? -1 : result;
}
