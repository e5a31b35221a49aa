/* What the vector headers of x86 share: four floats of each of four rows. */
#ifndef CNN_KERNELS_X86_INTERLEAVE_H
#define CNN_KERNELS_X86_INTERLEAVE_H

#include <immintrin.h>

/* to[4 i + k] = from[k][i] for i, k < 4. */
static inline void vector_interleave(const float *const from[4], float to[16]) {
  __m128 a = _mm_loadu_ps(from[0]), b = _mm_loadu_ps(from[1]);
  __m128 c = _mm_loadu_ps(from[2]), d = _mm_loadu_ps(from[3]);
  _MM_TRANSPOSE4_PS(a, b, c, d);
  _mm_storeu_ps(to, a);
  _mm_storeu_ps(to + 4, b);
  _mm_storeu_ps(to + 8, c);
  _mm_storeu_ps(to + 12, d);
}

#endif
