/* Names and what they name, found by their hashes. A hash depends on where the table lies, which a file cannot know; should
   its names fall on each other all the same, adding them ends before it becomes slow. */
#ifndef CNN_BASE_NAME_TABLE_H
#define CNN_BASE_NAME_TABLE_H

#include "base/context.h"

typedef struct cnn__name_place {
  const char *name;   /* NULL: nothing is here */
  uint32_t tag, item; /* bits of the name's hash; what it names */
} cnn__name_place;

typedef struct cnn__name_table {
  cnn__name_place *places; /* a power of two */
  size_t count, room;      /* of places: in use, and allocated */
  size_t steps;            /* past other names that adding may still take */
} cnn__name_table;

typedef enum cnn__name_added {
  CNN__NAME_ADDED,
  CNN__NAME_THERE,  /* it was there */
  CNN__NAME_CROWDED /* too many names have fallen on each other */
} cnn__name_added;

/* Makes it an empty table for so many names, {0} to begin with or one that is used again. CNN_E_NOMEM leaves it as it was. */
cnn_status cnn__name_table_start(cnn_context *context, cnn__name_table *table, size_t names,
                                 const char *what);
static inline void cnn__name_table_end(cnn_context *context, cnn__name_table *table) {
  cnn__free(context, table->places);
}

/* name stays where it is. */
cnn__name_added cnn__name_table_add(cnn__name_table *table, const char *name, uint32_t item);
/* False where it is not there; and in a table of {0}. */
bool cnn__name_table_find(const cnn__name_table *table, const char *name, uint32_t *item);

/* The upper half chooses a place, the lower one is the tag. */
uint64_t cnn__name_hash(const char *name, uint64_t seed);

#endif
