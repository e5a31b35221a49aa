#define _DEFAULT_SOURCE /* mmap, madvise */
#include "base/allocator.h"
#include "support.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { BLOCK = 16 << 20 };

static void *take(size_t bytes) {
  void *memory = cnn__libc_allocator.allocate(cnn__libc_allocator.user, bytes, 64);
  assert_non_null(memory);
  assert_int_equal((uintptr_t)memory % 64, 0);
  return memory;
}

static void give_back(void *memory) {
  cnn__libc_allocator.release(cnn__libc_allocator.user, memory);
}

static void test_blocks_hold_what_was_asked_for(void **state) {
  const size_t sizes[] = {1, 64, 4096, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, BLOCK};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    unsigned char *memory = take(sizes[i]);
    memset(memory, 7, sizes[i]);
    assert_int_equal(memory[sizes[i] - 1], 7);
    give_back(memory);
  }
}

static void test_errno_is_kept(void **state) {
  errno = ERANGE;
  void *memory = take(BLOCK);
  assert_int_equal(errno, ERANGE);
  give_back(memory);
}

#ifdef MADV_HUGEPAGE
/* Whether the pages around an address are marked as wishing to be large ("hg"); -1: nobody says. */
static int wishes_large_pages(const void *address) {
  FILE *file = fopen("/proc/self/smaps", "r");
  char line[512];
  uintptr_t first, end;
  bool here = false;
  int wishes = -1;
  while (file && fgets(line, sizeof line, file)) {
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &first, &end) == 2)
      here = (uintptr_t)address >= first && (uintptr_t)address < end;
    else if (here && strncmp(line, "VmFlags:", 8) == 0)
      wishes = strstr(line, " hg") != NULL;
  }
  if (file) fclose(file);
  return wishes;
}

static bool system_tells(void) {
  void *memory = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_ptr_not_equal(memory, MAP_FAILED);
  const bool wished = madvise(memory, BLOCK, MADV_HUGEPAGE) == 0;
  const bool tells = wished && wishes_large_pages((char *)memory + BLOCK / 2) == 1;
  munmap(memory, BLOCK);
  return tells;
}

static void test_large_blocks_wish_for_large_pages(void **state) {
  if (!system_tells()) {
    print_message("this system does not tell which pages wish to be large\n");
    skip();
  }
  char *memory = take(BLOCK);
  assert_int_equal(wishes_large_pages(memory + BLOCK / 2), 1);
  give_back(memory);
}
#endif

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_blocks_hold_what_was_asked_for),
      cmocka_unit_test(test_errno_is_kept),
#ifdef MADV_HUGEPAGE
      cmocka_unit_test(test_large_blocks_wish_for_large_pages),
#endif
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
