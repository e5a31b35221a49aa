/* Names in the order of strcmp, which is found by their first bytes as one number wherever it can be: for sorting,
   whatever order they come in, and for finding. */
#ifndef CNN_BASE_NAME_ORDER_H
#define CNN_BASE_NAME_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cnn__name {
  uint64_t start; /* the first eight bytes, the first of them on top; NUL from the name's end on */
  const char *name;
  const void *item; /* what is named */
} cnn__name;

cnn__name cnn__name_of(const char *name, const void *item);
bool cnn__name_before(const cnn__name *a, const cnn__name *b);
/* By heapsort: no order of names makes it slow, and it needs no memory. */
void cnn__names_sort(cnn__name *names, size_t count);
/* The item of a name among sorted ones; NULL where there is none. */
const void *cnn__names_find(const cnn__name *names, size_t count, const char *name);

#endif
