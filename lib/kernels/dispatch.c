#include "kernels/fill.h"
#include <pthread.h>

/* Each table starts as the next lower one's copy and is overwritten family by family. */
#define FILL(family, isa) cnn__##family##_kernels_fill_##isa(&table->family);

enum { ISAS = CNN__ISA_NEON + 1 };
static cnn__kernels tables[ISAS];
static const cnn__kernels *present[ISAS]; /* NULL: not in this build, or not on this machine */
static const cnn__kernels *in_use;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A copy of the tier below, to be overwritten; NULL where the machine lacks isa. */
static cnn__kernels *tier(cnn__isa isa, const cnn__kernels *below) {
  if (!cnn__cpu_supports(isa)) return NULL;
  cnn__kernels *table = &tables[isa];
  *table = *below;
  table->isa = isa;
  present[isa] = table;
  return table;
}

/* present[isa], or else the best below it: CNN_ISA may name a tier that this build leaves out. */
static const cnn__kernels *best_up_to(cnn__isa isa) {
  while (!present[isa])
    isa = isa == CNN__ISA_NEON ? CNN__ISA_GENERIC : isa - 1;
  return present[isa];
}

static void fill(void) {
  cnn__kernels *table = &tables[CNN__ISA_GENERIC];
  const cnn__kernels *below = table;
  present[CNN__ISA_GENERIC] = table;
  CNN__KERNELS_GENERIC(FILL)
#ifdef CNN__KERNELS_SSE2
  if ((table = tier(CNN__ISA_SSE2, below))) {
    CNN__KERNELS_SSE2(FILL)
    below = table;
  }
#endif
#ifdef CNN__KERNELS_AVX2
  if ((table = tier(CNN__ISA_AVX2, below))) {
    CNN__KERNELS_AVX2(FILL)
    below = table;
  }
#endif
#ifdef CNN__KERNELS_AVX512
  if ((table = tier(CNN__ISA_AVX512, below))) {
    CNN__KERNELS_AVX512(FILL)
    below = table;
  }
#endif
#ifdef CNN__KERNELS_NEON
  if ((table = tier(CNN__ISA_NEON, below))) {
    CNN__KERNELS_NEON(FILL)
    below = table;
  }
#endif
  (void)below;
  in_use = best_up_to(cnn__cpu_isa());
}

const cnn__kernels *cnn__kernels_get(void) {
  pthread_once(&once, fill);
  return in_use;
}

const cnn__kernels *cnn__kernels_for(cnn__isa isa) {
  pthread_once(&once, fill);
  return (size_t)isa < ISAS ? present[isa] : NULL;
}
