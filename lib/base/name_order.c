#include "base/name_order.h"
#include <string.h>

cnn__name cnn__name_of(const char *name, const void *item) {
  uint64_t start = 0;
  int shift = 56;
  for (const char *c = name; *c && shift >= 0; c++, shift -= 8)
    start |= (uint64_t)(unsigned char)*c << shift;
  return (cnn__name){.start = start, .name = name, .item = item};
}

bool cnn__name_before(const cnn__name *a, const cnn__name *b) {
  if (a->start != b->start) return a->start < b->start;
  return (a->start & 0xff) != 0 && strcmp(a->name + 8, b->name + 8) < 0;
}

/* Puts a name where it belongs from a free root on. */
static void sift(cnn__name *names, size_t root, size_t count, cnn__name name) {
  for (size_t child; (child = 2 * root + 1) < count; root = child) {
    if (child + 1 < count && cnn__name_before(&names[child], &names[child + 1])) child++;
    if (!cnn__name_before(&name, &names[child])) break;
    names[root] = names[child];
  }
  names[root] = name;
}

static bool are_in_order(const cnn__name *names, size_t count) {
  for (size_t i = 1; i < count; i++)
    if (cnn__name_before(&names[i], &names[i - 1])) return false;
  return true;
}

void cnn__names_sort(cnn__name *names, size_t count) {
  if (are_in_order(names, count)) return;
  for (size_t i = count / 2; i-- > 0;)
    sift(names, i, count, names[i]);
  for (size_t end = count; end-- > 1;) {
    const cnn__name last = names[end];
    names[end] = names[0];
    sift(names, 0, end, last);
  }
}

const void *cnn__names_find(const cnn__name *names, size_t count, const char *name) {
  const cnn__name sought = cnn__name_of(name, NULL);
  size_t low = 0;
  for (size_t high = count; low < high;) {
    const size_t middle = low + (high - low) / 2;
    if (cnn__name_before(&names[middle], &sought))
      low = middle + 1;
    else
      high = middle;
  }
  return low < count && !cnn__name_before(&sought, &names[low]) ? names[low].item : NULL;
}
