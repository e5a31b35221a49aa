/* System calls that fail, are interrupted, do half of what they should, or are the process's last: a program is linked with
   wrappers (calls.c) around every one that reading and writing files makes. */
#ifndef CNN_TESTS_FAULTS_CALLS_H
#define CNN_TESTS_FAULTS_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef enum fault_kind { NONE, FAILS, INTERRUPTED, KILLED_BEFORE, KILLED_AFTER } fault_kind;

typedef struct fault_plan {
  fault_kind kind;
  int error;
  int at; /* which call, counted from 1; 0: all of them */
  int calls;
  bool hit;
  const char *name; /* of the call that was hit */
  size_t step;      /* most bytes that one read or write moves; 0: all */
  bool stuck;       /* writes move nothing */
  off_t size_told;  /* of a file, where not 0 */
  /* Somebody else removes this temporary before it is locked, once; then NULL. */
  const char *sweep_once;
} fault_plan;

extern fault_plan plan;

void plan_for(fault_kind kind, int error, int at);

#endif
