/* Which instruction sets' probes are in this build. */
#include "vector_probe.h"

#include "kernels/fill.h"

#ifdef CNN__KERNELS_SSE2
extern const vector_probe vector_probe_sse2;
#endif
#ifdef CNN__KERNELS_AVX2
extern const vector_probe vector_probe_avx2;
#endif
#ifdef CNN__KERNELS_AVX512
extern const vector_probe vector_probe_avx512;
#endif
#ifdef CNN__KERNELS_NEON
extern const vector_probe vector_probe_neon;
#endif

static const vector_probe *const probes[] = {
#ifdef CNN__KERNELS_SSE2
    [CNN__ISA_SSE2] = &vector_probe_sse2,
#endif
#ifdef CNN__KERNELS_AVX2
    [CNN__ISA_AVX2] = &vector_probe_avx2,
#endif
#ifdef CNN__KERNELS_AVX512
    [CNN__ISA_AVX512] = &vector_probe_avx512,
#endif
#ifdef CNN__KERNELS_NEON
    [CNN__ISA_NEON] = &vector_probe_neon,
#endif
    [CNN__ISA_GENERIC] = NULL,
};

static const vector_probe *probe_of(cnn__isa isa) {
  return (size_t)isa < sizeof probes / sizeof probes[0] ? probes[isa] : NULL;
}

double measure_peak_within(cnn__isa isa, double seconds) {
  const vector_probe *probe = probe_of(isa);
  return probe && cnn__cpu_supports(isa) ? probe->peak(seconds) : 0;
}

double measure_peak(cnn__isa isa) {
  return measure_peak_within(isa, 0.2);
}

#ifdef HAVE_EMULATED_AVX512

extern const vector_probe vector_probe_avx512_emulated;

#define DECLARE(family, isa)                                                                       \
  void cnn__##family##_kernels_fill_avx512_emulated(cnn__##family##_kernels *table);
#define FILL(family, isa) cnn__##family##_kernels_fill_avx512_emulated(&table.family);
CNN__KERNELS_AVX512(DECLARE)

const cnn__kernels *emulated_avx512_kernels(void) {
  static cnn__kernels table;
  const cnn__kernels *below = cnn__kernels_for(CNN__ISA_AVX2);
  if (!below) return NULL;
  table = *below;
  table.isa = CNN__ISA_AVX512;
  CNN__KERNELS_AVX512(FILL)
  return &table;
}

static const vector_probe *emulated_probe(void) {
  return &vector_probe_avx512_emulated;
}

#else

const cnn__kernels *emulated_avx512_kernels(void) {
  return NULL;
}
static const vector_probe *emulated_probe(void) {
  return NULL;
}

#endif

static void vector_round(checker *check) {
  const cnn__isa isa = check->tested->isa;
  const vector_probe *probe = cnn__cpu_supports(isa) ? probe_of(isa) : emulated_probe();
  if (probe) probe->round(check);
}

const check_family check_vector = {.name = "vector", .round = vector_round};
