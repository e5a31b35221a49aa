/* The library computes in one floating-point environment whatever the caller's: round to nearest,
   denormals kept, exceptions masked. Entered by every public call that computes with floats and by every worker. */
#ifndef CNN_BASE_FLOAT_ENVIRONMENT_H
#define CNN_BASE_FLOAT_ENVIRONMENT_H

#include <stdint.h>

typedef struct cnn__float_environment {
  uint64_t control; /* MXCSR or FPCR as the caller had it */
  uint64_t fenv;    /* x87 control word on x86; unused elsewhere */
} cnn__float_environment;

void cnn__float_environment_enter(cnn__float_environment *saved);
void cnn__float_environment_leave(const cnn__float_environment *saved);

#endif
