/* The functions that put one family's kernels of one instruction set into a table. Each source
   <family>_<isa>.c defines one; the list of them is kernels/meson.build's. A fill function
   overwrites what its instruction set does better and leaves the rest as the lower one filled it. */
#ifndef CNN_KERNELS_FILL_H
#define CNN_KERNELS_FILL_H

#include "kernels/kernel_list.h"
#include "kernels/kernels.h"

#define CNN__DECLARE_FILL(family, isa)                                                             \
  void cnn__##family##_kernels_fill_##isa(cnn__##family##_kernels *table);

CNN__KERNELS_GENERIC(CNN__DECLARE_FILL)
#ifdef CNN__KERNELS_SSE2
CNN__KERNELS_SSE2(CNN__DECLARE_FILL)
#endif
#ifdef CNN__KERNELS_AVX2
CNN__KERNELS_AVX2(CNN__DECLARE_FILL)
#endif
#ifdef CNN__KERNELS_AVX512
CNN__KERNELS_AVX512(CNN__DECLARE_FILL)
#endif
#ifdef CNN__KERNELS_NEON
CNN__KERNELS_NEON(CNN__DECLARE_FILL)
#endif

#undef CNN__DECLARE_FILL

/* WRITTEN_OUT: before short loops of constant length, so that what they index lies in registers.
   INLINE_CONSTANTS: a function that takes constants or functions, and must become part of its caller to be
   worth anything. Kernels that are there for comparison only are short instead. */
#ifdef CNN__COMPARISON_ONLY
#define WRITTEN_OUT
#define INLINE_CONSTANTS static inline
#else
#define WRITTEN_OUT _Pragma("GCC unroll 32")
#define INLINE_CONSTANTS static inline __attribute__((always_inline))
#endif

#endif
