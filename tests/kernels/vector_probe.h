/* What is compiled once for each instruction set, with its flags and its vector header. */
#ifndef VECTOR_PROBE_H
#define VECTOR_PROBE_H

#include "check.h"

/* One instruction set's: defined by vector_probe.c as vector_probe_<isa>. */
typedef struct vector_probe {
  double (*peak)(double seconds); /* GFLOP/s of independent multiply-adds */
  void (*round)(checker *check);  /* the vector header's functions against their meaning in C */
} vector_probe;

extern const check_family check_vector;
/* Of this thread, in GFLOP/s; 0: not known. */
double measure_peak(cnn__isa isa);
double measure_peak_within(cnn__isa isa, double seconds);

/* The AVX-512 kernels compiled against an emulation of AVX-512, over this machine's AVX2 table; NULL
   where the build has none or the machine lacks AVX2. */
const cnn__kernels *emulated_avx512_kernels(void);

#endif
