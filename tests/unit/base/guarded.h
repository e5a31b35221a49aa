/* Bytes whose end is the end of a page that may be read: a byte read beyond it ends the program, with or without a checker of
   memory. */
#ifndef CNN_TESTS_UNIT_BASE_GUARDED_H
#define CNN_TESTS_UNIT_BASE_GUARDED_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct guarded {
  unsigned char *pages;
  size_t page, room; /* bytes that may be used */
} guarded;

static inline guarded guarded_open(size_t room) {
  guarded g = {.page = (size_t)sysconf(_SC_PAGESIZE)};
  g.room = (room + g.page) / g.page * g.page;
  void *pages = NULL;
  if (posix_memalign(&pages, g.page, g.room + g.page) != 0) abort();
  g.pages = pages;
  if (mprotect(g.pages + g.room, g.page, PROT_NONE) != 0) abort();
  return g;
}

/* A copy that ends at the guard; good until the next one. */
static inline const void *guarded_copy(const guarded *g, const void *bytes, size_t size) {
  unsigned char *at = g->pages + g->room - size;
  if (size > 0) memcpy(at, bytes, size);
  return at;
}

static inline void guarded_close(guarded *g) {
  (void)mprotect(g->pages + g->room, g->page, PROT_READ | PROT_WRITE);
  free(g->pages);
}

#endif
