/* Which instruction set to use, and for which caches. Found once; CNN_ISA lowers it. */
#ifndef CNN_BASE_CPU_H
#define CNN_BASE_CPU_H

#include <stdbool.h>
#include <stddef.h>

typedef enum cnn__isa {
  CNN__ISA_GENERIC = 0,
  CNN__ISA_SSE2 = 1,
  CNN__ISA_AVX2 = 2,   /* AVX2 and FMA */
  CNN__ISA_AVX512 = 3, /* F, BW, VL and DQ */
  CNN__ISA_NEON = 4
} cnn__isa;

cnn__isa cnn__cpu_isa(void);             /* the one in use */
bool cnn__cpu_supports(cnn__isa isa);    /* processor and system have it, CNN_ISA aside */
const char *cnn__isa_name(cnn__isa isa); /* "avx2" */
size_t cnn__cpu_count(void);             /* processors this process may use, 1 or more */
/* Bytes of the second-level cache; 512 KB where the system does not say. Speed may follow from it, bits never. */
size_t cnn__cpu_l2(void);
/* So large a one stands, as a rule, beside a third level that is hardly nearer than memory. */
enum { CNN__LARGE_L2 = 2 << 20 };
static inline bool cnn__cpu_has_large_l2(void) {
  return cnn__cpu_l2() >= CNN__LARGE_L2;
}

#endif
